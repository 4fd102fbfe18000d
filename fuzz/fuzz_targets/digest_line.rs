//! Feeds arbitrary bytes to [`swarmline_fuzz::digest_line`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::digest_line(bytes));
