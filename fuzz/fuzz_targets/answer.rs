//! See `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| xwalk::fuzzing::answer::fuzz(bytes));
