//! From a playlist's text to its signed text: what the lines hold, and whether they stand in the
//! playlist or in a sidecar beside it. Writes nothing.

use super::PublishError;
use super::files::{folder_of, reason, resolve, uri_of};
use super::hash::{Hashed, SegmentHasher, Wanted};
use super::mpd::point_mpd;
use super::plan::Planned;
use super::playlist::{point_playlist, sign_playlist, strip_playlist};
use super::progress::Progress;
use super::scan::{Entry, MpdTrack, Playlist};
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
const SIDECAR_EXTENSION: &str = "swarmline.json";

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
    /// For finished playlists of more than 200 segments.
    #[default]
    Long,
    /// For all finished playlists. One that grows has lines in any case: each stands alone, and no
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
    options: SignOptions,
    seals: Option<Seals>,
}

impl Signer {
    pub(super) fn new(options: &SignOptions) -> Self {
        Self {
            seals: options.key.clone().map(Seals::new),
            options: options.clone(),
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
        let to_sidecar = playlist.is_ended
            && match self.options.sidecar {
                SidecarUse::Long => playlist.segments.len() > LINES_MAX,
                SidecarUse::Always => true,
                SidecarUse::Never => false,
            };
        let wanted = Wanted {
            sha256: self.options.sha256,
            leaves: to_sidecar && self.options.leaves,
        };
        let entries: Vec<&Entry> = playlist
            .segments
            .iter()
            .filter(|each| !each.is_gap)
            .collect();
        let mut files = Files {
            source,
            hasher,
            progress,
        };
        let mut hashed = Vec::with_capacity(entries.len());
        for entry in &entries {
            hashed.push(files.hash(entry, wanted)?);
        }
        let (tags, stream) = self.seal(&planned.track, &entries, &hashed)?;
        let (text, sidecar) = if to_sidecar {
            let path = planned.target.with_extension(SIDECAR_EXTENSION);
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let segments = sidecar_segments(&entries, &tags, hashed);
            let tracks = vec![SidecarTrack {
                track: planned.track.clone(),
                segments,
            }];
            let json = Sidecar::new(stream, tracks).to_json();
            (point_playlist(text, &uri_of(&name)), Some((path, json)))
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

    /// An MPD's digests stand beside it, track by track.
    fn sign_mpd(
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
        let mut all = Vec::with_capacity(tracks.len());
        for track in tracks {
            let (mine, behind) = rest.split_at(track.segments.min(rest.len()));
            rest = behind;
            let there = |entry: &&Entry| !entry.may_be_missing || files.is_there(entry);
            let entries: Vec<&Entry> = mine.iter().filter(there).collect();
            let mut hashed = Vec::with_capacity(entries.len());
            for entry in &entries {
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

    /// The lines of a playlist's segments, and the STREAM they are sealed in.
    fn seal(
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

/// The files beside a playlist.
struct Files<'a> {
    source: &'a Path,
    hasher: &'a mut SegmentHasher,
    progress: &'a mut Progress,
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

/// What a sidecar says of the segments. Who looks one up by its address finds the first of it, so the
/// same bytes at the same address stand there once.
fn sidecar_segments(
    entries: &[&Entry],
    tags: &[DigestTag],
    hashed: Vec<Hashed>,
) -> Vec<SidecarSegment> {
    let mut seen = BTreeSet::new();
    let mut segments = Vec::with_capacity(tags.len());
    for ((entry, tag), hashed) in entries.iter().zip(tags).zip(hashed) {
        if seen.insert((entry.uri.as_str(), entry.range)) {
            segments.push(SidecarSegment {
                url: entry.uri.clone(),
                range: entry.range,
                size: Some(tag.digest.size),
                root: Some(tag.digest.root),
                sha256: tag.sha256,
                signed: tag.seal.as_ref().map(|seal| (seal.seq, seal.signature)),
                leaves: hashed.leaves,
            });
        }
    }
    segments
}
