//! Feeds arbitrary bytes to [`swarmline_fuzz::block_header`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::block_header(bytes));
