//! From a playlist's text to its signed text: what the lines hold, and whether they stand in the
//! playlist or in a sidecar beside it. Writes nothing.

use super::PublishError;
use super::files::{folder_of, reason, resolve, uri_of};
use super::hash::{Hashed, SegmentHasher, Wanted};
use super::mpd_sign::{Files, track_of};
use super::plan::Planned;
use super::playlist::{point_playlist, sign_playlist, strip_playlist};
use super::progress::Progress;
use super::scan::{Entry, Playlist};
use super::seals::Seals;
use crate::integrity::tag::DigestTag;
use crate::integrity::{SecretKey, Sidecar, SidecarSegment, SidecarTrack};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest finished playlist whose digests stand in it unless told otherwise: every viewer loads them
/// with it.
const LINES_MAX: usize = 200;

/// What a sidecar's name ends with.
pub(super) const SIDECAR_EXTENSION: &str = "swarmline.json";

/// What signing adds to a playlist.
#[derive(Clone, Debug, Default)]
pub struct SignOptions {
    /// Seal lines with this key.
    pub key: Option<SecretKey>,
    /// Add the SHA-256 of whole segments, for readers without block trees.
    pub sha256: bool,
    /// Digests beside the playlist.
    pub sidecar: SidecarUse,
    /// Leaf lists in sidecars, so that the first viewer too can share a segment it has not got whole.
    pub leaves: bool,
}

/// When digests stand in a sidecar beside the playlist, instead of in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SidecarUse {
    /// For finished playlists of more than 200 segments, if none stands in it twice: segments are found
    /// in a sidecar by their address.
    #[default]
    Long,
    /// For all finished playlists of which that holds. One that grows has lines in any case: each stands alone, and no
    /// second file could be replaced in the same moment.
    Always,
    /// Never.
    Never,
}

/// Whether a file is a sidecar as we name them.
pub(super) fn is_sidecar(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| {
        let name = name.strip_suffix(SIDECAR_EXTENSION);
        name.is_some_and(|name| name.ends_with('.'))
    })
}

/// A playlist's signed text, not yet written.
pub(super) struct SignedText {
    pub(super) text: String,
    /// To be there before the playlist that points to it.
    pub(super) sidecar: Option<(PathBuf, String)>,
    pub(super) segments: usize,
    pub(super) is_master: bool,
    pub(super) is_ended: bool,
}

/// Signs the playlists of one run.
pub(super) struct Signer {
    pub(super) options: SignOptions,
    seals: Option<Seals>,
    /// Playlists are signed as they grow.
    follows: bool,
}

impl Signer {
    pub(super) fn new(options: &SignOptions) -> Self {
        Self {
            seals: options.key.clone().map(Seals::new),
            options: options.clone(),
            follows: false,
        }
    }

    /// One of playlists that grow: those of HLS have lines to their end. Who watches holds segments
    /// under their digests, and would drop them if these went elsewhere.
    pub(super) fn following(options: &SignOptions) -> Self {
        Self {
            follows: true,
            ..Self::new(options)
        }
    }

    /// Whether lines are sealed.
    pub(super) fn seals(&self) -> bool {
        self.seals.is_some()
    }

    /// Takes over what a playlist's last signed version said, so that signing goes on from there.
    ///
    /// # Errors
    /// When it cannot be read, or was sealed and no key is here to seal it again.
    pub(super) fn adopt(&mut self, planned: &Planned) -> Result<(), PublishError> {
        let Planned { target, track, .. } = planned;
        let Some(text) = read_if_there(target)? else {
            return Ok(());
        };
        let Ok(playlist) = Playlist::scan(&text) else {
            return Ok(()); // damaged: nothing of it counts
        };
        let sidecar = match playlist.sidecar.as_deref() {
            Some(uri) => read_sidecar(target, uri)?,
            None => None,
        };
        let Some(seals) = &mut self.seals else {
            let is_sealed = sidecar
                .as_ref()
                .is_some_and(|sidecar| sidecar.stream.is_some());
            return check_unsealed(target, &playlist, is_sealed);
        };
        seals.adopt(track, &playlist);
        if let Some(sidecar) = sidecar {
            seals.adopt_sidecar(track, &sidecar);
            for mpd_track in playlist.tracks.iter().flatten() {
                seals.adopt_sidecar(&track_of(track, mpd_track), &sidecar);
            }
        }
        Ok(())
    }

    /// Signs one playlist's text with the files beside it.
    pub(super) fn sign_text(
        &mut self,
        source: &Path,
        planned: &Planned,
        text: &str,
        hasher: &mut SegmentHasher,
        progress: &mut Progress,
    ) -> Result<SignedText, PublishError> {
        let fail = |error: &dyn std::fmt::Display| PublishError::new(source, error);
        let playlist = Playlist::scan(text).map_err(|error| fail(&error))?;
        if playlist.is_master {
            return Ok(SignedText {
                text: strip_playlist(text),
                sidecar: None,
                segments: 0,
                is_master: true,
                is_ended: playlist.is_ended,
            });
        }
        if let Some(tracks) = &playlist.tracks {
            let files = Files {
                source,
                hasher,
                progress,
            };
            return self.sign_mpd(planned, text, &playlist, tracks, files);
        }
        let entries: Vec<&Entry> = playlist
            .segments
            .iter()
            .filter(|each| !each.is_gap)
            .collect();
        let at_line = |entry: &Entry, what| fail(&format_args!("line {}: {what}", entry.line));
        let mut files = Vec::with_capacity(entries.len());
        for entry in &entries {
            let file = resolve(folder_of(source), &entry.uri);
            files.push(file.map_err(|what| at_line(entry, what))?);
        }
        let to_sidecar = self.wants_sidecar(&playlist) && !has_repeats(&files, &entries);
        let wanted = Wanted {
            sha256: self.options.sha256,
            leaves: to_sidecar && self.options.leaves,
        };
        let mut hashed = Vec::with_capacity(entries.len());
        for (entry, file) in entries.iter().zip(&files) {
            let each = hasher.hash(file, entry.range, wanted);
            let each = each.map_err(|what| at_line(entry, what))?;
            progress.step(source.display(), each.digest.size);
            hashed.push(each);
        }
        let (tags, stream) = self.seal(&planned.track, &entries, &hashed)?;
        let (text, sidecar) = if to_sidecar {
            let (path, uri) = sidecar_place(&planned.target);
            let tracks = vec![SidecarTrack {
                track: planned.track.clone(),
                segments: sidecar_segments(&entries, &tags, hashed),
            }];
            let json = Sidecar::new(stream, tracks).to_json();
            (point_playlist(text, &uri), Some((path, json)))
        } else {
            let mut rest = tags.iter();
            let next = |_: &str, _| rest.next().cloned().ok_or("a segment more than before");
            let text = sign_playlist(text, next).map_err(|error| fail(&error))?;
            (text, None)
        };
        Ok(SignedText {
            text,
            sidecar,
            segments: tags.len(),
            is_master: false,
            is_ended: playlist.is_ended,
        })
    }

    fn wants_sidecar(&self, playlist: &Playlist) -> bool {
        playlist.is_ended
            && !self.follows
            && match self.options.sidecar {
                SidecarUse::Long => playlist.segments.len() > LINES_MAX,
                SidecarUse::Always => true,
                SidecarUse::Never => false,
            }
    }

    /// The lines of a playlist's segments, and the STREAM they are sealed in.
    pub(super) fn seal(
        &mut self,
        track: &str,
        entries: &[&Entry],
        hashed: &[Hashed],
    ) -> Result<(Vec<DigestTag>, Option<String>), PublishError> {
        let mut round = match &mut self.seals {
            Some(seals) => Some(seals.begin(track)?),
            None => None,
        };
        let mut tags = Vec::with_capacity(entries.len());
        for (entry, hashed) in entries.iter().zip(hashed) {
            let mut tag = DigestTag::from(hashed.digest);
            tag.sha256 = hashed.sha256.filter(|_| self.options.sha256);
            if let Some(round) = &mut round {
                let seal = round.seal((entry.uri.clone(), entry.range), hashed.digest);
                let used_up = || PublishError::new(Path::new(track), "SEQ is beyond 64 bits");
                tag.seal = Some(seal.ok_or_else(used_up)?);
            }
            tags.push(tag);
        }
        let stream = round.as_ref().map(|round| round.stream.clone());
        if let Some(round) = round {
            round.end();
        }
        Ok((tags, stream))
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, PublishError> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PublishError::new(path, reason(&error))),
    }
}

/// The sidecar that `playlist` points to, its URLs as they stand; `None` if there is none that can be
/// read.
pub(super) fn read_sidecar(playlist: &Path, uri: &str) -> Result<Option<Sidecar>, PublishError> {
    let Ok(path) = resolve(folder_of(playlist), uri) else {
        return Ok(None);
    };
    let text = read_if_there(&path)?;
    Ok(text.and_then(|text| Sidecar::read(&text, &|url| Some(url.to_owned())).ok()))
}

/// A page that pins the key would not use unsealed lines: whoever forgot the key should know.
fn check_unsealed(
    target: &Path,
    playlist: &Playlist,
    sidecar_is_sealed: bool,
) -> Result<(), PublishError> {
    let mut tags = playlist.segments.iter().flat_map(|entry| &entry.tags);
    if sidecar_is_sealed || tags.any(|tag| tag.as_ref().is_ok_and(|tag| tag.seal.is_some())) {
        return Err(PublishError::new(
            target,
            "its lines are signed with a key, and would not be any more: give --key FILE, or delete \
             its #EXT-X-SWARMLINE lines first",
        ));
    }
    Ok(())
}

/// Where the sidecar of a playlist goes, and how the playlist names it.
fn sidecar_place(playlist: &Path) -> (PathBuf, String) {
    let path = playlist.with_extension(SIDECAR_EXTENSION);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let uri = uri_of(&name);
    (path, uri)
}

/// Whether the same bytes of a file stand twice, as those of an advertisement may. A sidecar, where
/// segments are found by address, cannot give the two a SEQ each; lines can.
fn has_repeats(files: &[PathBuf], entries: &[&Entry]) -> bool {
    let mut seen = BTreeSet::new();
    let mut places = files.iter().zip(entries);
    !places.all(|(file, entry)| seen.insert((file, entry.range)))
}

/// What a sidecar says of the segments.
pub(super) fn sidecar_segments(
    entries: &[&Entry],
    tags: &[DigestTag],
    hashed: Vec<Hashed>,
) -> Vec<SidecarSegment> {
    let all = entries.iter().zip(tags).zip(hashed);
    all.map(|((entry, tag), hashed)| SidecarSegment {
        url: entry.uri.clone(),
        range: entry.range,
        size: Some(tag.digest.size),
        root: Some(tag.digest.root),
        sha256: tag.sha256,
        signed: tag.seal.as_ref().map(|seal| (seal.seq, seal.signature)),
        leaves: hashed.leaves,
    })
    .collect()
}
