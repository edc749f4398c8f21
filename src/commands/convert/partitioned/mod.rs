//! The partitions of each recording: made while its files are read, and loaded when it is their turn.
//!
//! A small recording is one partition, and so is one whose mapping needs all of it at once.

pub mod loading;
pub mod oversized;
pub mod recording;
pub mod router;
pub mod divide;
pub mod partitioner;
