//! Flags in, exit code out.

fn main() {}
