//! Flat CSV files in, the nested JSON an API expects out: mapped, checked against the API's contract, delivered.
//!
//! ```text
//! mapping ──┐
//! contract ─┼─ load ──> Plan                           what can be proven is proven here, once
//! profile ──┘             │
//!                         v
//! *.csv ──> read ──> partition ──> join ──> transform + check ──> deliver ──> report
//!           Block    Partition     Match    Payload (bytes)       Receipt     Summary
//!             │                    groups         │                  │
//!             └────────────┴─────────┴────────────┴─ Ledger: what became of every row, rejects, diagnostics
//!                                                                    └─ Journal: what is acknowledged, on disk
//! ```
//!
//! The folders are listed from the ground up, and **a folder imports only what stands above it in this list**.
//! Stages (`read`, `join`, `transform`, `check`, `deliver`, `report`, `sandbox`, `preview`) never import each other: only `commands`
//! connects them, and each command is a length of the same pipe, which `commands/convert` shows on one screen.
//! `tests/tidy` reads this list and holds every import against it. `simulation` and `fuzzing` are tests, and may connect all.

pub mod text;
pub mod diagnostic;
pub mod explanation;
pub mod io_cause;
pub mod error;
pub mod digest;
pub mod json_pointer;
pub mod units;
pub mod options;
pub mod index_ranges;
pub mod list_dir;
pub mod regular_file;
pub mod file_numbers;
pub mod html;

pub mod table;
pub mod config;
pub mod plan;
pub mod recording;
pub mod partition;

pub mod read;
pub mod join;
pub mod transform;
pub mod check;
pub mod journal;
pub mod deliver;
#[cfg(test)]
mod simulation;
pub mod sandbox;
pub mod preview;
pub mod output;
pub mod report;

pub mod cli;
pub mod commands;

#[cfg(any(test, fuzzing))]
pub mod fuzzing;
