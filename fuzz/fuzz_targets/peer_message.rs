//! Feeds arbitrary bytes to [`swarmline_fuzz::peer_message`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarmline_fuzz::peer_message(bytes));
