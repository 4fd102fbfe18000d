//! Checks files against the digest lines of their playlists. Changes nothing.

use super::PublishError;
use super::files::{SegmentHasher, folder_of, read_playlist, resolve};
use super::plan::Plan;
use super::progress::Progress;
use super::scan::{Entry, Playlist};
use crate::base::ByteRange;
use crate::integrity::tag::DigestTag;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this shape.
    pub schema: u32,
    /// Every segment is signed and is what its line says.
    pub ok: bool,
    /// One row a media playlist.
    pub playlists: Vec<PlaylistReport>,
}

/// One media playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaylistReport {
    /// The playlist.
    pub path: PathBuf,
    /// One row a segment.
    pub segments: Vec<SegmentReport>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentReport {
    /// As the playlist names it.
    pub uri: String,
    /// First byte and the one past the last, if it is a part of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The verdict.
    pub status: Status,
    /// What to know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The verdict on a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The bytes are those of its line.
    Ok,
    /// Marked `EXT-X-GAP`: no bytes to check.
    Gap,
    /// It has no digest line.
    Unsigned,
    /// Its digest line cannot be read, or there are several.
    BadLine,
    /// The bytes are not those of its line.
    Mismatch,
    /// The bytes cannot be had.
    Unreadable,
}

impl Status {
    /// Whether a publisher may be content.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::Gap)
    }

    /// A word for a person.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gap => "gap",
            Self::Unsigned => "unsigned",
            Self::BadLine => "bad line",
            Self::Mismatch => "MISMATCH",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Checks playlist files (a master playlist brings those it names) and all playlists below folders.
///
/// # Errors
/// When a path or playlist cannot be read; what a segment lacks is in the report.
pub fn verify(paths: &[PathBuf], progress: &mut Progress) -> Result<Report, PublishError> {
    let mut hasher = SegmentHasher::default();
    let mut playlists = Vec::new();
    for path in Plan::new(paths, None)?.playlists.into_keys() {
        let text = read_playlist(&path)?;
        let playlist = Playlist::scan(&text).map_err(|error| PublishError::new(&path, error))?;
        if playlist.is_master {
            continue;
        }
        let total = playlist.segments.len();
        let mut segments = Vec::with_capacity(total);
        for entry in playlist.segments {
            let (status, detail) = judge(&path, &entry, &mut hasher);
            let size = entry.tags.first().and_then(|tag| tag.as_ref().ok());
            let size = size.map_or(0, |tag| tag.digest.size);
            progress.step(&path, segments.len() + 1, total, size);
            segments.push(SegmentReport {
                uri: entry.uri,
                range: entry.range.map(|ByteRange { start, end }| (start, end)),
                status,
                detail,
            });
        }
        playlists.push(PlaylistReport { path, segments });
    }
    let mut all = playlists.iter().flat_map(|playlist| &playlist.segments);
    Ok(Report {
        schema: 1,
        ok: all.all(|segment| segment.status.is_good()),
        playlists,
    })
}

fn judge(path: &Path, entry: &Entry, hasher: &mut SegmentHasher) -> (Status, Option<String>) {
    if entry.is_gap {
        return (Status::Gap, None);
    }
    let expected = match entry.tags.as_slice() {
        [] => return (Status::Unsigned, None),
        [Ok(DigestTag { digest, .. })] => *digest,
        [Err(error)] => return (Status::BadLine, Some(error.to_string())),
        several => {
            let what = format!("{} digest lines for one segment", several.len());
            return (Status::BadLine, Some(what));
        }
    };
    let found =
        resolve(folder_of(path), &entry.uri).and_then(|file| hasher.digest(&file, entry.range));
    match found {
        Err(what) => (Status::Unreadable, Some(what)),
        Ok(found) if found.size != expected.size => {
            let what = format!("{} bytes, {} in its line", found.size, expected.size);
            (Status::Mismatch, Some(what))
        }
        Ok(found) if found.root != expected.root => (
            Status::Mismatch,
            Some("as long as its line says, but other bytes".to_owned()),
        ),
        Ok(_) => (Status::Ok, None),
    }
}
