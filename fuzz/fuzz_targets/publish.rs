//! Feeds arbitrary bytes to [`swarmline_fuzz::publish`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::publish(bytes));
