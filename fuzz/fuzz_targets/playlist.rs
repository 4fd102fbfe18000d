//! Feeds arbitrary bytes to [`swarmline_fuzz::playlist`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::playlist(bytes));
