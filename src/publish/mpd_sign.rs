//! From an MPD's text to its signed text: its digests stand in a sidecar beside it, track by track. Writes nothing.

use super::PublishError;
use super::files::{folder_of, resolve, uri_of};
use super::hash::{Hashed, SegmentHasher, Wanted};
use super::mpd::point_mpd;
use super::plan::Planned;
use super::progress::Progress;
use super::scan::{Entry, MpdTrack, Playlist};
use super::signer::{SIDECAR_EXTENSION, SidecarUse, SignedText, Signer, sidecar_segments};
use crate::integrity::{Sidecar, SidecarTrack};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

impl Signer {
    /// An MPD's digests stand beside it, track by track.
    pub(super) fn sign_mpd(
        &mut self,
        planned: &Planned,
        text: &str,
        playlist: &Playlist,
        tracks: &[MpdTrack],
        mut files: Files<'_>,
    ) -> Result<SignedText, PublishError> {
        if self.options.sidecar == SidecarUse::Never {
            return Err(files.error("an MPD has no place for digests: they need a sidecar"));
        }
        let wanted = Wanted {
            sha256: self.options.sha256,
            leaves: self.options.leaves,
        };
        let mut rest = playlist.segments.as_slice();
        let mut places = BTreeSet::new();
        let mut all = Vec::with_capacity(tracks.len());
        for track in tracks {
            let (mine, behind) = rest.split_at(track.segments.min(rest.len()));
            rest = behind;
            let there = |entry: &&Entry| !entry.may_be_missing || files.is_there(entry);
            let entries: Vec<&Entry> = mine.iter().filter(there).collect();
            let mut hashed = Vec::with_capacity(entries.len());
            for entry in &entries {
                // Who looks one up by its address finds the first, and that is another track's, or number's.
                if !places.insert((&entry.uri, entry.range)) && self.seals() {
                    let what = format!(
                        "{} stands in it twice, and cannot be sealed as both",
                        entry.uri
                    );
                    return Err(files.error(&what));
                }
                hashed.push(files.hash(entry, wanted)?);
            }
            all.push((track, entries, hashed));
        }
        let (mut stream, mut segments, mut written) = (None, 0, Vec::new());
        for (track, entries, hashed) in all.into_iter().filter(|(_, found, _)| !found.is_empty()) {
            let name = track_of(&planned.track, track);
            let (tags, sealed_in) = self.seal(&name, &entries, &hashed)?;
            stream = stream.or(sealed_in);
            segments += tags.len();
            written.push(SidecarTrack {
                track: name,
                segments: sidecar_segments(&entries, &tags, hashed),
            });
        }
        if segments == 0 {
            let why = playlist.not_listed.first();
            let why = why.map_or("it lists no segments", String::as_str);
            return Err(files.error(&format!("nothing to sign: {why}")));
        }
        let mut path = planned.target.clone().into_os_string();
        path.push(".");
        path.push(SIDECAR_EXTENSION);
        let path = PathBuf::from(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = point_mpd(text, &uri_of(&name)).map_err(|error| files.error(&error.0))?;
        let json = Sidecar::new(stream, written).to_json();
        Ok(SignedText {
            text,
            sidecar: Some((path, json)),
            segments,
            is_master: false,
            is_ended: playlist.is_ended,
        })
    }
}

/// The files beside a playlist.
pub(super) struct Files<'a> {
    pub(super) source: &'a Path,
    pub(super) hasher: &'a mut SegmentHasher,
    pub(super) progress: &'a mut Progress,
}

impl Files<'_> {
    fn hash(&mut self, entry: &Entry, wanted: Wanted) -> Result<Hashed, PublishError> {
        let hashed = resolve(folder_of(self.source), &entry.uri)
            .and_then(|file| self.hasher.hash(&file, entry.range, wanted));
        let hashed = hashed.map_err(|what| match entry.line {
            0 => self.error(&what),
            line => self.error(&format!("line {line}: {what}")),
        })?;
        self.progress
            .step(self.source.display(), hashed.digest.size);
        Ok(hashed)
    }

    fn is_there(&self, entry: &Entry) -> bool {
        resolve(folder_of(self.source), &entry.uri).is_ok_and(|file| file.exists())
    }

    fn error(&self, what: &str) -> PublishError {
        PublishError::new(self.source, what)
    }
}

/// What a track of an MPD is called under a signature.
pub(super) fn track_of(mpd: &str, track: &MpdTrack) -> String {
    format!("{mpd}#{}", track.name)
}
