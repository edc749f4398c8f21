//! One JSON object of the output as bytes that may be sent.
//!
//! Only `transform` makes a payload, and only after every check of the plan passed; `deliver` accepts nothing else.
//! So JSON that was not checked cannot be sent, and nobody needs to remember it (`tests/tidy.rs` does).

use crate::text::buffer::OutputBuffer;

/// A conforming document.
#[derive(Debug)]
pub struct Payload {
    /// Its number among all documents of the run that may be sent, from 0, in the order of `each`.
    pub index: u64,
    // A document is handed on many million times: one word of it.
    text: Box<OutputBuffer>,
}

impl Payload {
    /// Bytes that passed every check of the plan.
    pub(crate) fn conforming(index: u64, text: impl Into<Box<OutputBuffer>>) -> Payload {
        Payload { index, text: text.into() }
    }

    /// What it was written with, to be used again.
    #[expect(clippy::unnecessary_box_returns, reason = "it is handed on as it is")]
    pub(crate) fn into_buffer(self) -> Box<OutputBuffer> {
        self.text
    }

    /// The JSON text, UTF-8, without white space around it.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }
}
