//! How a conversion ended.

use crate::{
    error::Exit,
    recording::{receipt::Volume, summary::Outcome},
};

/// How a conversion ended: in words, in bytes, as an exit code.
pub(crate) struct Conclusion {
    pub(crate) outcome: Outcome,
    pub(crate) volume: Option<Volume>,
    pub(crate) exit: Exit,
}
