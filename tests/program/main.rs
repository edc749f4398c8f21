//! The program from outside: its files, flags and exit codes, in one binary so that it is linked once.
//!
//! `golden` runs the folders of `cases`; the other modules show what no folder can.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]

mod cli;
mod golden;
mod cases;
mod init;
mod explain;
mod formats;
mod inflight;
mod mistakes;
mod limits;
mod places;
mod proof;
mod properties;
mod quotes;
mod reports;
mod schemas;
mod truncation;
mod yaml;
