//! Bugs that are planted around the protocol, one at a time: the simulation must catch each, or it proves nothing.
//!
//! They are planted in the simulated disk, network and server, so a release build cannot contain them.

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// An acknowledgement counts before the reply has arrived.
    AckBeforeReply,
    /// A redirect counts as a success.
    RedirectIsSuccess,
    /// An answer that only promises to act counts as a success.
    PromiseIsSuccess,
    /// The header of an epoch is not made durable.
    HeaderNotSynced,
    /// Nothing is made durable.
    NothingSynced,
    /// A run that resumes does not make the name of the file durable.
    ResumedNameNotSynced,
    /// Lines are read without a check of their checksums.
    NoChecksum,
    /// A truncated last line is not cut off.
    TruncatedLastRecordKept,
    /// A failure of the disk is ignored.
    ErrorIgnored,
    /// An acknowledgement is counted and not written.
    AckNotWritten,
    /// An acknowledgement counts in every epoch for documents with the same content.
    AcksByContent,
    /// Idempotency keys do not differ between epochs.
    KeyWithoutNonce,
    /// Idempotency keys stay the same when the API has stored a failure for them.
    KeyNeverTurns,
    /// A run does not wait for earlier requests.
    NoGrace,
    /// A run does not wait for earlier requests long enough.
    ShortGrace,
    /// That a run has to wait for earlier requests is not stored on disk.
    GraceNotPersisted,
    /// An unknown outcome is not written.
    DoubtNotWritten,
    /// A run that resumes does not write that the one before may have died with a request in flight.
    ResumeNotMarked,
    /// A list of results counts as a success.
    ListIsSuccess,
    /// Results are read in the order of the list, though they have numbers.
    NumbersIgnored,
    /// A document with an open result counts as failed.
    OpenItemIsFailure,
    /// A request that the API still works on counts as rejected.
    ProgressIsRejection,
    /// Every document of a rejected batch counts as rejected.
    BatchIsRejected,
    /// A rejection is counted and not written.
    RejectNotWritten,
    /// A rejection is written with the status of the answer that made it certain.
    RejectWithLastStatus,
    /// What was rejected in an earlier run is sent again.
    RejectForgotten,
    /// Documents that are rejected for the same problem, as all are, are rejected for good.
    SameProblemIsRejected,
    /// A document that is called too large is believed to be, whatever else was accepted.
    OversizeIsBelieved,
    /// An answer that came before the request was written counts.
    EarlyIsSuccess,
    /// A success whose body tells of failure counts.
    FailureIsSuccess,
    /// A document on which the server fails counts as rejected.
    CrashIsRejection,
    /// A document that is rejected ends the run, and with it what others would get.
    RejectionIsRefusal,
    /// A document on which the server fails holds up the others.
    FailureHoldsUpOthers,
    /// The first documents that are rejected alike end the run before others were tried.
    FirstOnesDecide,
    /// A document on which the server fails is rejected in the run that meets it.
    OneRunIsEnough,
    /// The parts of a batch that is divided count as sent again.
    DividingIsCharged,
    /// A run that may send no more bytes again ends as one that the API refused.
    CapIsRefusal,
    /// A request on the way is waited for only by deliveries for the same contract.
    DoubtByContract,
    /// A request on the way is waited for only by deliveries to the same name of the machine.
    DoubtByName,
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
        Mutant::OversizeIsBelieved,
        Mutant::EarlyIsSuccess,
        Mutant::FailureIsSuccess,
        Mutant::CrashIsRejection,
        Mutant::RejectionIsRefusal,
        Mutant::FailureHoldsUpOthers,
        Mutant::FirstOnesDecide,
        Mutant::OneRunIsEnough,
        Mutant::DividingIsCharged,
        Mutant::CapIsRefusal,
        Mutant::DoubtByContract,
        Mutant::DoubtByName,
    ];
}
