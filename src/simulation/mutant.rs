//! Bugs that are planted around the protocol, one at a time: each must be caught, or the simulation proves nothing.
//!
//! They live in the simulated edge, so no program that is shipped can be made to have them.

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// An acknowledgement is believed in before the reply came.
    AckBeforeReply,
    /// A redirect is taken for a success.
    RedirectIsSuccess,
    /// An answer that only promises is taken for a success.
    PromiseIsSuccess,
    /// The header of an epoch is not made durable.
    HeaderNotSynced,
    /// Nothing is ever made durable.
    NothingSynced,
    /// A run that resumes does not make the name of the file durable.
    ResumedNameNotSynced,
    /// Lines are believed in without their checksums.
    NoChecksum,
    /// A torn end is not cut off.
    TruncatedLastRecordKept,
    /// A disk that failed is taken for one that did not.
    ErrorIgnored,
    /// An acknowledgement is counted and not written.
    AckNotWritten,
    /// What was acknowledged in any epoch counts for documents of the same content.
    AcksByContent,
    /// Idempotency keys do not differ between epochs.
    KeyWithoutNonce,
    /// Idempotency keys stay the same when the API has settled on a failure.
    KeyNeverTurns,
    /// Earlier requests are not waited for.
    NoGrace,
    /// Earlier requests are not waited for long enough.
    ShortGrace,
    /// That there is something to wait for is forgotten with the process.
    GraceNotPersisted,
    /// An unknown outcome is not noted.
    DoubtNotWritten,
    /// A run that resumes does not note that the one before may have died in flight.
    ResumeNotMarked,
    /// A list of results is taken for a success.
    ListIsSuccess,
    /// Results are taken in the order in which they stand, though they have numbers.
    NumbersIgnored,
    /// A document that a list leaves open is taken for one that failed.
    OpenItemIsFailure,
    /// A request that is being worked on is taken for one that is refused.
    ProgressIsRejection,
    /// Of a batch that is refused every document is taken for a bad one.
    BatchIsRejected,
    /// A rejection is counted and not written.
    RejectNotWritten,
    /// A rejection is written with the status of the answer that made it certain.
    RejectWithLastStatus,
    /// What was rejected in an earlier run is sent again.
    RejectForgotten,
    /// Documents that are rejected for the same problem, as all are, are rejected for good.
    SameProblemIsRejected,
}

impl Mutant {
    /// All of them.
    pub(crate) const ALL: &[Mutant] = &[
        Mutant::AckBeforeReply,
        Mutant::RedirectIsSuccess,
        Mutant::PromiseIsSuccess,
        Mutant::HeaderNotSynced,
        Mutant::NothingSynced,
        Mutant::ResumedNameNotSynced,
        Mutant::NoChecksum,
        Mutant::TruncatedLastRecordKept,
        Mutant::ErrorIgnored,
        Mutant::AckNotWritten,
        Mutant::AcksByContent,
        Mutant::KeyWithoutNonce,
        Mutant::KeyNeverTurns,
        Mutant::NoGrace,
        Mutant::ShortGrace,
        Mutant::GraceNotPersisted,
        Mutant::DoubtNotWritten,
        Mutant::ResumeNotMarked,
        Mutant::ListIsSuccess,
        Mutant::NumbersIgnored,
        Mutant::OpenItemIsFailure,
        Mutant::ProgressIsRejection,
        Mutant::BatchIsRejected,
        Mutant::RejectNotWritten,
        Mutant::RejectWithLastStatus,
        Mutant::RejectForgotten,
        Mutant::SameProblemIsRejected,
    ];
}
