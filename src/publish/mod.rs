//! Native: signs and checks playlists. `playlist` inserts digest lines into text, `scan` finds where;
//! `files` maps URIs to files and hashes them; `sign` and `verify` walk playlists and folders; `watch`
//! follows a live packager.
//!
//! Invariant: a playlist is never re-serialised. Lines are inserted, no other byte changes.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a shell: it reads and writes files"
)]

mod playlist;
mod scan;

pub use playlist::{SignError, sign_playlist, strip_playlist};
pub use scan::{Entry, Playlist, ScanError};
