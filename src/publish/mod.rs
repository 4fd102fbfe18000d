//! Native: signs and checks playlists. `playlist` inserts digest lines into text, `scan` finds
//! where; `plan` tells which playlists are meant, `files` maps URIs to files and hashes them,
//! `write` puts results in place; `sign`, `verify` and `watch` are the three acts.
//!
//! Invariant: a playlist is never re-serialised. Lines are inserted, no other byte changes.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a shell: it reads and writes files, watches the clock and sleeps"
)]

mod files;
mod mpd;
mod plan;
mod playlist;
mod progress;
mod scan;
mod sign;
mod verify;
mod watch;
mod write;
mod xml;

pub use mpd::{point_mpd, strip_mpd};
pub use playlist::{SignError, sign_playlist, strip_playlist};
pub use progress::Progress;
pub use scan::{Entry, Playlist, ScanError};
pub use sign::{Signed, sign};
pub use verify::{PlaylistReport, Report, SegmentReport, Status, verify};
pub use watch::{Watched, watch};
pub use xml::read_xml;

use std::fmt;
use std::path::{Path, PathBuf};

/// Why work on files ended early: one line, with the path and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl PublishError {
    fn new(path: &Path, what: impl fmt::Display) -> Self {
        Self {
            path: path.to_path_buf(),
            what: what.to_string(),
        }
    }

    fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::new(path, files::reason(error))
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for PublishError {}
