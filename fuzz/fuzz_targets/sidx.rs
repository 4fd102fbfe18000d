//! Feeds arbitrary bytes to [`swarmline_fuzz::sidx`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::sidx(bytes));
