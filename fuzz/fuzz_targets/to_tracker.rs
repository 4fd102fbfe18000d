//! Feeds arbitrary bytes to [`swarmline_fuzz::to_tracker`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::to_tracker(bytes));
