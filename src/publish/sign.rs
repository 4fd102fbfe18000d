//! Signs what there is, once: hashes everything first, then writes, so that an error leaves all as
//! it was.

use super::PublishError;
use super::files::read_playlist;
use super::hash::SegmentHasher;
use super::plan::Plan;
use super::progress::Progress;
use super::scan::Playlist;
use super::signer::{SignOptions, Signer};
use super::write::{Mirror, write_signed};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// A playlist that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// Where the signed text is.
    pub path: PathBuf,
    /// Where its digests are, if they stand beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<PathBuf>,
    /// Segments with a digest; 0 for a master playlist.
    pub segments: usize,
    /// A file was written; false if all was the same already.
    pub changed: bool,
}

impl fmt::Display for Signed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.changed { "signed" } else { "unchanged" };
        write!(
            out,
            "{word} {}: {} segments",
            self.path.display(),
            self.segments
        )?;
        match &self.sidecar {
            Some(sidecar) => write!(out, ", digests in {}", sidecar.display()),
            None => Ok(()),
        }
    }
}

/// Signs files and folders: to folder `out`, or in place.
///
/// A playlist file brings the playlists it names; a folder brings all playlists below it and, with
/// `out`, its other files as hard links or copies. With a key, all playlists of a call are one
/// broadcast (STREAM), and one signed before is gone on with.
///
/// # Errors
/// When anything cannot be read, hashed or written, or a playlist that still grows would be signed
/// in place. Nothing was written then, unless writing is what failed.
pub fn sign(
    sources: &[PathBuf],
    out: Option<&Path>,
    options: &SignOptions,
    progress: &mut Progress,
) -> Result<Vec<Signed>, PublishError> {
    let plan = Plan::new(sources, out)?;
    let mut signer = Signer::new(options);
    if signer.seals() {
        plan.check_tracks()?;
    }
    let mut texts = Vec::new();
    for (source, planned) in &plan.playlists {
        let text = read_playlist(source)?;
        let playlist = Playlist::scan(&text).map_err(|error| PublishError::new(source, error))?;
        if *source == planned.target && !playlist.is_master && !playlist.is_ended {
            let what = match playlist.tracks {
                None => STILL_GROWING.to_owned(),
                Some(_) => STILL_GROWING.replace("no #EXT-X-ENDLIST", "a dynamic MPD"),
            };
            return Err(PublishError::new(source, what));
        }
        signer.adopt(planned)?;
        progress.expect(playlist.segments.iter().filter(|each| !each.is_gap).count());
        texts.push((source, planned, text));
    }
    let mut hasher = SegmentHasher::default();
    let mut all = Vec::new();
    for (source, planned, text) in texts {
        let signed = signer.sign_text(source, planned, &text, &mut hasher, progress)?;
        all.push((source, planned, signed));
    }
    for (from, to) in plan.folders.iter().cloned() {
        Mirror::new(from, to).update()?;
    }
    // Who reads a master playlist finds the playlists it names.
    all.sort_by_key(|(_, _, signed)| signed.is_master);
    all.into_iter()
        .map(|(source, planned, signed)| write_signed(planned, signed, source))
        .collect()
}

const STILL_GROWING: &str = "still growing (no #EXT-X-ENDLIST), so players would see unsigned \
    versions; give --out DST --watch to publish signed versions elsewhere";
