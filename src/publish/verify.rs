//! Checks segments against what their playlists and sidecars say of them, and the signatures under
//! that. Changes nothing.

use super::PublishError;
use super::hash::Wanted;
use super::mpd_sign::track_of;
use super::place::{Place, Reader};
use super::progress::Progress;
use super::report::{PlaylistReport, Report, SegmentReport, Status};
use super::scan::{Entry, MpdTrack, Playlist};
use crate::base::ByteRange;
use crate::integrity::tag::{DigestTag, SegmentDigest};
use crate::integrity::{Digest, PublicKey, Seal, Sidecar, root_of};
use std::path::Path;

/// Whom to believe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Believed<'a> {
    /// Every segment must be sealed by this key; without one, signatures are not checked.
    pub key: Option<&'a PublicKey>,
    /// A PEM file of the authorities whose certificates count over HTTPS, in the place of the public ones.
    pub authorities: Option<&'a Path>,
}

/// Checks playlists (a master playlist brings those it names) by file or URL, and all playlists below
/// folders.
///
/// # Errors
/// When a path or playlist cannot be read; what a segment lacks is in the report.
pub fn verify(
    places: &[Place],
    believed: Believed<'_>,
    progress: &mut Progress,
) -> Result<Report, PublishError> {
    let Believed { key, authorities } = believed;
    let mut reader = Reader::new(authorities)?;
    let found = reader.media_playlists(places)?;
    for (_, playlist) in &found {
        progress.expect(playlist.segments.len());
    }
    let mut playlists = Vec::with_capacity(found.len());
    for (place, playlist) in found {
        let sidecar = Beside::read(&place, &playlist, &reader);
        let mut check = Check {
            place: &place,
            sidecar: sidecar.as_ref(),
            key,
            reader: &mut reader,
            order: Order::default(),
        };
        let mut segments = Vec::with_capacity(playlist.segments.len());
        let mut orders = Order::of_tracks(playlist.tracks.as_deref());
        for (index, entry) in playlist.segments.into_iter().enumerate() {
            if let Some((_, order)) = orders.next_if(|(first, _)| *first <= index) {
                check.order = order;
            }
            let (status, detail, bytes) = match check.judge(&entry) {
                Ok(bytes) => (Status::Ok, None, bytes),
                Err((status, detail)) => (status, detail, 0),
            };
            progress.step(&place, bytes);
            segments.push(SegmentReport {
                uri: entry.uri,
                range: entry.range.map(|ByteRange { start, end }| (start, end)),
                status,
                detail,
            });
        }
        segments.extend(playlist.not_listed.into_iter().map(|what| SegmentReport {
            uri: String::new(),
            range: None,
            status: Status::NoDigest,
            detail: Some(what),
        }));
        playlists.push(PlaylistReport {
            playlist: place.to_string(),
            sidecar: sidecar.map(|beside| beside.place.to_string()),
            segments,
        });
    }
    let mut all = playlists.iter().flat_map(|playlist| &playlist.segments);
    Ok(Report {
        schema: 1,
        ok: all.all(|segment| segment.status.is_good()),
        signatures_checked: key.is_some(),
        playlists,
    })
}

/// A playlist's sidecar.
struct Beside {
    place: Place,
    read: Result<Sidecar, String>,
}

impl Beside {
    fn read(playlist_place: &Place, playlist: &Playlist, reader: &Reader) -> Option<Self> {
        let uri = playlist.sidecar.as_deref()?;
        let joined = match playlist_place.join(uri) {
            Ok(place) => place,
            Err(what) => {
                let place = playlist_place.clone();
                let read = Err(what);
                return Some(Self { place, read });
            }
        };
        let read = reader.text(&joined).and_then(|(place, text)| {
            let path_of = |url: &str| place.join(url).ok().map(|place| place.path());
            Sidecar::read(&text, &path_of).map_err(|error| error.0)
        });
        Some(Self {
            place: joined,
            read,
        })
    }
}

/// What is said of a segment.
#[derive(Default)]
struct Claim {
    digest: Option<SegmentDigest>,
    size: Option<u64>,
    sha256: Option<Digest>,
    seal: Option<Seal>,
}

impl From<&DigestTag> for Claim {
    fn from(tag: &DigestTag) -> Self {
        Self {
            digest: Some(tag.digest),
            size: Some(tag.digest.size),
            sha256: tag.sha256,
            seal: tag.seal.clone(),
        }
    }
}

type Fault = (Status, Option<String>);

/// The checking of one playlist.
struct Check<'a> {
    place: &'a Place,
    sidecar: Option<&'a Beside>,
    key: Option<&'a PublicKey>,
    reader: &'a mut Reader,
    order: Order,
}

impl Check<'_> {
    /// Bytes of a segment that is as it should be.
    fn judge(&mut self, entry: &Entry) -> Result<u64, Fault> {
        if entry.is_gap {
            return Err((Status::Gap, None));
        }
        let claim = self.claim(entry)?;
        let wanted = Wanted {
            sha256: claim.sha256.is_some(),
            leaves: false,
        };
        let found = self
            .place
            .join(&entry.uri)
            .and_then(|place| self.reader.hash(&place, entry.range, claim.size, wanted))
            .map_err(|what| (Status::Unreadable, Some(what)))?;
        let mismatch = |what: String| Err((Status::Mismatch, Some(what)));
        let size = found.digest.size;
        if let Some(expected) = claim.size.filter(|expected| *expected != size) {
            let more = if size > expected { " or more" } else { "" };
            return mismatch(format!("{size} bytes{more}, {expected} expected"));
        }
        if claim.digest.is_some_and(|digest| digest != found.digest) {
            return mismatch("as long as it should be, but other bytes".to_owned());
        }
        if claim.sha256.is_some() && claim.sha256 != found.sha256 {
            return mismatch("other bytes than its SHA256 says".to_owned());
        }
        self.check_seal(&claim)?;
        Ok(size)
    }

    /// What the line says, else the sidecar.
    fn claim(&self, entry: &Entry) -> Result<Claim, Fault> {
        let bad_line = |what: String| Err((Status::BadLine, Some(what)));
        match (entry.tags.as_slice(), self.sidecar) {
            ([], None) => Err((Status::NoDigest, None)),
            ([], Some(Beside { place, read })) => match read {
                Ok(sidecar) => self.claim_beside(entry, sidecar),
                Err(what) => bad_line(format!("the sidecar {place} cannot be used: {what}")),
            },
            ([Ok(tag)], _) => Ok(Claim::from(tag)),
            ([Err(error)], _) => bad_line(error.to_string()),
            (several, _) => bad_line(format!("{} digest lines for one segment", several.len())),
        }
    }

    fn claim_beside(&self, entry: &Entry, sidecar: &Sidecar) -> Result<Claim, Fault> {
        let place = self.place.join(&entry.uri);
        let place = place.map_err(|what| (Status::Unreadable, Some(what)))?;
        let Some((track, said)) = sidecar.find(&place.path(), entry.range) else {
            if entry.may_be_missing {
                return Err((Status::Gap, Some("the stream ends before it".to_owned())));
            }
            return Err((Status::NoDigest, Some("not in its sidecar".to_owned())));
        };
        if !said.leaves.is_empty() && said.root != Some(root_of(&said.leaves)) {
            let what = "the sidecar's leaf list is not that of its root";
            return Err((Status::BadLine, Some(what.to_owned())));
        }
        let seal = said.signed.zip(sidecar.stream.as_ref());
        Ok(Claim {
            digest: said.digest(),
            size: said.size,
            sha256: said.sha256,
            seal: seal.map(|((seq, signature), stream)| Seal {
                stream: stream.clone(),
                track: track.track.clone(),
                seq,
                signature,
            }),
        })
    }

    fn check_seal(&mut self, claim: &Claim) -> Result<(), Fault> {
        let bad = |what: &str| Err((Status::BadSignature, Some(what.to_owned())));
        let (digest, seal) = match (&claim.digest, &claim.seal, self.key) {
            (Some(digest), Some(seal), _) => (digest, seal),
            (_, _, None) => return Ok(()),
            (_, _, Some(_)) => return bad("not signed"),
        };
        if self.key.is_some_and(|key| !seal.is_by(key, digest)) {
            return bad("not this key's signature of these bytes at this place");
        }
        self.order.check(seal)
    }
}

/// Whether seals follow each other as they must.
#[derive(Default)]
struct Order {
    /// STREAM and TRACK of the first line.
    names: Option<(String, String)>,
    last: Option<u64>,
    /// What TRACK must end with: the track of an MPD.
    ending: String,
}

impl Order {
    /// An order for each track of an MPD that has segments, and the index of its first.
    fn of_tracks(
        tracks: Option<&[MpdTrack]>,
    ) -> std::iter::Peekable<std::vec::IntoIter<(usize, Self)>> {
        let mut first = 0;
        let mut orders = Vec::new();
        for track in tracks
            .into_iter()
            .flatten()
            .filter(|track| track.segments > 0)
        {
            let ending = track_of("", track);
            orders.push((
                first,
                Self {
                    ending,
                    ..Self::default()
                },
            ));
            first += track.segments;
        }
        orders.into_iter().peekable()
    }

    fn check(&mut self, seal: &Seal) -> Result<(), Fault> {
        let names = (seal.stream.clone(), seal.track.clone());
        let (stream, track) = self.names.get_or_insert_with(|| names.clone());
        if (&*stream, &*track) != (&names.0, &names.1) || !names.1.ends_with(&self.ending) {
            let what = format!("STREAM {:?}, TRACK {:?}", names.0, names.1);
            return Err((Status::OtherTrack, Some(what)));
        }
        match self.last {
            Some(last) if seal.seq <= last => {
                let what = format!("SEQ {} behind SEQ {last}", seal.seq);
                Err((Status::SeqNotRising, Some(what)))
            }
            Some(_) | None => {
                self.last = Some(seal.seq);
                Ok(())
            }
        }
    }
}
