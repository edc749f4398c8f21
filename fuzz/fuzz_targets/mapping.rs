//! See `src/fuzzing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| xwalk::fuzzing::configuration::fuzz_mapping(bytes));
