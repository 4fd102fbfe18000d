//! Signing and checking streams on disk, through the library and through the binary.
//!
//! Holds: what was signed verifies, one changed byte does not; only lines are inserted; seals rise and
//! are gone on with; a live packager's playlists come out signed, soon, whole, with no segment hashed
//! twice; a stream is checked over HTTP as on disk.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a test, on files of its own"
)]

mod binary;
mod corpus;
mod folder;
mod mpds;
mod once;
mod sealed;
mod sidecars;
mod text;
#[cfg(feature = "http")]
mod tls;
mod watching;
#[cfg(feature = "http")]
mod web;
