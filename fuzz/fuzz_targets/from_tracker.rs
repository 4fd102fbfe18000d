//! Feeds arbitrary bytes to [`swarmline_fuzz::from_tracker`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::from_tracker(bytes));
