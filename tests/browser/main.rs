//! The pages in a real browser: what lights, what follows a save, what is asked of whom, at which widths, in both themes.
//!
//! Chromium is spoken to over two pipes, with the messages of its protocol for developers. Where it is not installed, the
//! tests are skipped and say so; with `CI=true` they fail.

#![expect(clippy::unwrap_used, reason = "clippy exempts test functions only, not their helpers")]
#![expect(clippy::disallowed_methods, reason = "CI is asked for in the environment")]

mod chromium;
mod program;
mod preview;
mod report;
