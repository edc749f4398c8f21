//! A payload: one JSON object of the output, as bytes that conform to the contract and may be sent.
//!
//! Only `transform` makes a payload, and only after every check of the plan passed; `deliver` accepts nothing else. So JSON
//! that was not checked cannot be sent; `tests/tidy` fails if another module makes one.

use crate::text::buffer::OutputBuffer;

/// A conforming document.
#[derive(Debug)]
pub struct Payload {
    /// Its number among all documents of the run that may be sent, from 0, in the order of `each`.
    pub index: u64,
    // Boxed, because payloads are moved many million times.
    text: Box<OutputBuffer>,
}

impl Payload {
    /// A payload of bytes that passed every check of the plan.
    pub(crate) fn conforming(index: u64, text: impl Into<Box<OutputBuffer>>) -> Payload {
        Payload { index, text: text.into() }
    }

    /// The buffer it was written into, to be reused.
    #[expect(clippy::unnecessary_box_returns, reason = "it stays in its box until it is reused")]
    pub(crate) fn into_buffer(self) -> Box<OutputBuffer> {
        self.text
    }

    /// The JSON text, UTF-8, without white space around it.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }
}
