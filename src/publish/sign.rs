//! Signs what there is, once: hashes everything first, then writes, so that an error leaves all as
//! it was.

use super::PublishError;
use super::files::{SegmentHasher, folder_of, read_playlist, resolve};
use super::plan::{Plan, Planned};
use super::playlist::sign_playlist;
use super::progress::Progress;
use super::scan::Playlist;
use super::write::{Mirror, write_whole};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A playlist that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// Where the signed text is.
    pub path: PathBuf,
    /// Digest lines in it; 0 for a master playlist.
    pub segments: usize,
    /// The file was written; false if it was the same already.
    pub changed: bool,
}

/// A playlist's signed text, not yet written.
pub(super) struct SignedText {
    pub(super) text: String,
    pub(super) segments: usize,
    pub(super) is_master: bool,
    pub(super) is_ended: bool,
}

/// Signs files and folders: to folder `out`, or in place.
///
/// A playlist file brings the playlists it names; a folder brings all playlists below it and, with
/// `out`, its other files as hard links or copies.
///
/// # Errors
/// When anything cannot be read, hashed or written, or a playlist that still grows would be signed
/// in place. Nothing was written then, unless writing is what failed.
pub fn sign(
    sources: &[PathBuf],
    out: Option<&Path>,
    progress: &mut Progress,
) -> Result<Vec<Signed>, PublishError> {
    let plan = Plan::new(sources, out)?;
    let mut hasher = SegmentHasher::default();
    let mut texts = Vec::new();
    for (source, Planned { target, .. }) in &plan.playlists {
        let text = read_playlist(source)?;
        if source == target {
            check_ended(source, &text)?;
        }
        texts.push((
            source,
            target,
            sign_text(source, &text, &mut hasher, progress)?,
        ));
    }
    for (from, to) in plan.folders {
        Mirror::new(from, to).update()?;
    }
    // Who reads a master playlist finds the playlists it names.
    texts.sort_by_key(|(_, _, signed)| signed.is_master);
    let mut report = Vec::new();
    for (source, target, signed) in texts {
        report.push(Signed {
            changed: write_whole(target, &signed.text, source)?,
            path: target.clone(),
            segments: signed.segments,
        });
    }
    Ok(report)
}

fn check_ended(path: &Path, text: &str) -> Result<(), PublishError> {
    let playlist = Playlist::scan(text).map_err(|error| PublishError::new(path, error))?;
    if playlist.is_master || playlist.is_ended {
        return Ok(());
    }
    Err(PublishError::new(
        path,
        "still growing (no #EXT-X-ENDLIST), so players would see unsigned versions; give --out DST \
         --watch to publish signed versions elsewhere",
    ))
}

/// Signs one playlist's text with the files beside it.
pub(super) fn sign_text(
    path: &Path,
    text: &str,
    hasher: &mut SegmentHasher,
    progress: &mut Progress,
) -> Result<SignedText, PublishError> {
    let fail = |error: &dyn std::fmt::Display| PublishError::new(path, error);
    let playlist = Playlist::scan(text).map_err(|error| fail(&error))?;
    let total = playlist.segments.len();
    let mut segments = 0;
    let text = sign_playlist(text, |uri, range| {
        let file = resolve(folder_of(path), uri)?;
        let digest = hasher.digest(&file, range)?;
        segments += 1;
        progress.step(path, segments, total, digest.size);
        Ok::<_, String>(digest)
    })
    .map_err(|error| fail(&error))?;
    Ok(SignedText {
        text,
        segments,
        is_master: playlist.is_master,
        is_ended: playlist.is_ended,
    })
}
