//! Native: signs and checks playlists and MPDs. `playlist` inserts lines into text, `scan` finds where; `mpd` and
//! `mpd_scan` are the same for MPDs, `mpd_sign` signs and `xml` reads them; `plan`
//! tells which playlists are meant, `files` maps URIs to files, `hash` hashes them, `seals` numbers what
//! is signed with a `key`, `signer` puts all that together, `write` puts results in place. `place` and
//! `fetch` read streams where they are, `report` is what is found there. `sign`, `verify` and `watch`
//! are the three acts.
//!
//! Invariant: nothing is re-serialised. Lines or one element are inserted, no other byte changes.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a shell: it reads and writes files, watches the clock and sleeps"
)]

#[cfg_attr(not(feature = "http"), path = "no_fetch.rs")]
mod fetch;
mod files;
mod hash;
mod key;
mod mpd;
mod mpd_scan;
mod mpd_sign;
mod place;
mod plan;
mod playlist;
mod progress;
mod report;
mod scan;
mod seals;
mod sign;
mod signer;
mod verify;
mod watch;
mod write;
mod xml;

pub use key::{read_key, write_new_key};
pub use mpd::{point_mpd, strip_mpd};
pub use place::Place;
pub use playlist::{SignError, point_playlist, sign_playlist, strip_playlist};
pub use progress::Progress;
pub use report::{PlaylistReport, Report, SegmentReport, Status};
pub use scan::{Entry, MpdTrack, Playlist, ScanError};
pub use sign::{Signed, sign};
pub use signer::{SidecarUse, SignOptions};
pub use verify::{Believed, verify};
pub use watch::{Watched, watch};
pub use xml::read_xml;

use std::fmt;
use std::path::{Path, PathBuf};

/// Why work on files ended early: one line, with the path and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishError {
    /// The file, folder or URL.
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
