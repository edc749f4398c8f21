//! One JSON object of the output as bytes that may be sent.
//!
//! Only `transform` makes a payload, and only after every check of the plan passed; `deliver` accepts nothing else.
//! So JSON that was not checked cannot be sent, and nobody needs to remember it (`tests/tidy.rs` does).

/// A conforming document.
#[derive(Debug)]
pub struct Payload {
    /// Its number among all documents of the run that may be sent, from 0, in the order of `each`.
    pub index: u64,
    bytes: Vec<u8>,
}

impl Payload {
    /// Bytes that passed every check of the plan.
    pub(crate) fn conforming(index: u64, bytes: Vec<u8>) -> Payload {
        Payload { index, bytes }
    }

    /// Its buffer, to be used again.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    /// The JSON text, UTF-8, without white space around it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
