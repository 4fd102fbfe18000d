//! Which STREAM, TRACK and SEQ a segment is sealed with.
//!
//! Invariant: within a stream's track SEQ rises along every playlist that is published, never goes
//! back from one version of it to the next, and a segment that stays keeps its seal. So signing again
//! changes nothing, and an older line can be told from a newer one. A segment that comes in between
//! others makes those behind it new, too: there is no number left between two neighbours.

use super::PublishError;
use super::scan::Playlist;
use crate::base::ByteRange;
use crate::integrity::tag::{DigestTag, SegmentDigest};
use crate::integrity::{Seal, SecretKey, Sidecar};
use std::collections::BTreeMap;
use std::path::Path;

/// A segment's place: its URI as the playlist has it, and its bytes there.
type Place = (String, Option<ByteRange>);

/// The seals of one run: one broadcast.
#[derive(Debug)]
pub(super) struct Seals {
    key: SecretKey,
    /// Taken over from lines of ours, else drawn when the first seal is made.
    stream: Option<String>,
    tracks: BTreeMap<String, Track>,
}

/// What is known of a rendition.
#[derive(Debug, Default)]
struct Track {
    /// SEQ of each rises; an address that stands twice has two.
    placed: BTreeMap<Place, Vec<(SegmentDigest, Seal)>>,
    highest: Option<u64>,
}

impl Track {
    fn put(&mut self, place: Place, digest: SegmentDigest, seal: Seal) {
        self.highest = self.highest.max(Some(seal.seq));
        self.placed.entry(place).or_default().push((digest, seal));
    }
}

impl Seals {
    /// Nothing sealed yet.
    pub(super) fn new(key: SecretKey) -> Self {
        Self {
            key,
            stream: None,
            tracks: BTreeMap::new(),
        }
    }

    /// Takes over the lines of a playlist that was signed before. Those of another key, track or
    /// broadcast are nobody's.
    pub(super) fn adopt(&mut self, track: &str, playlist: &Playlist) {
        for entry in &playlist.segments {
            if let [Ok(DigestTag { digest, seal, .. })] = entry.tags.as_slice()
                && let Some(seal) = seal
            {
                let place = (entry.uri.clone(), entry.range);
                self.adopt_one(track, place, *digest, seal.clone());
            }
        }
    }

    /// The same from a sidecar.
    pub(super) fn adopt_sidecar(&mut self, track: &str, sidecar: &Sidecar) {
        let Some(stream) = &sidecar.stream else {
            return;
        };
        let of_track = sidecar.tracks.iter().filter(|known| known.track == track);
        for segment in of_track.flat_map(|known| &known.segments) {
            if let (Some(digest), Some((seq, signature))) = (segment.digest(), segment.signed) {
                let seal = Seal {
                    stream: stream.clone(),
                    track: track.to_owned(),
                    seq,
                    signature,
                };
                let place = (segment.url.clone(), segment.range);
                self.adopt_one(track, place, digest, seal);
            }
        }
    }

    fn adopt_one(&mut self, track: &str, place: Place, digest: SegmentDigest, seal: Seal) {
        let is_this_broadcast = self
            .stream
            .as_ref()
            .is_none_or(|known| *known == seal.stream);
        if is_this_broadcast && seal.track == track && seal.is_by(&self.key.public_key(), &digest) {
            self.stream = Some(seal.stream.clone());
            let track = self.tracks.entry(track.to_owned()).or_default();
            track.put(place, digest, seal);
        }
    }

    /// The broadcast's id: 96 bits of chance, in hexadecimal.
    fn stream(&mut self) -> Result<String, PublishError> {
        if let Some(stream) = &self.stream {
            return Ok(stream.clone());
        }
        let mut bytes = [0; 12];
        getrandom::fill(&mut bytes).map_err(|error| {
            let what = format!("no random id for this broadcast: {error}");
            PublishError::new(Path::new("system"), what)
        })?;
        let stream: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.stream = Some(stream.clone());
        Ok(stream)
    }

    /// Begins to seal a version of a rendition's playlist, from its first segment on.
    pub(super) fn begin(&mut self, track: &str) -> Result<Round<'_>, PublishError> {
        let stream = self.stream()?;
        let known = self.tracks.entry(track.to_owned()).or_default();
        let sealed = Track {
            highest: known.highest,
            ..Track::default()
        };
        Ok(Round {
            key: &self.key,
            stream,
            track: track.to_owned(),
            known,
            sealed,
            last: None,
        })
    }
}

/// One version of a playlist on its way. Dropped before [`Round::end`], it leaves no trace.
#[derive(Debug)]
pub(super) struct Round<'a> {
    key: &'a SecretKey,
    pub(super) stream: String,
    track: String,
    known: &'a mut Track,
    sealed: Track,
    last: Option<u64>,
}

impl Round<'_> {
    /// The seal of the next segment; `None` when 64 bits are used up.
    pub(super) fn seal(&mut self, place: Place, digest: SegmentDigest) -> Option<Seal> {
        let mut known = self.known.placed.get(&place).into_iter().flatten();
        let kept = known.find(|(known, seal)| *known == digest && Some(seal.seq) > self.last);
        let seal = match kept {
            Some((_, seal)) => seal.clone(),
            None => {
                let seq = self
                    .sealed
                    .highest
                    .map_or(Some(0), |seq| seq.checked_add(1))?;
                self.key.seal(&digest, &self.stream, &self.track, seq)
            }
        };
        self.last = Some(seal.seq);
        self.sealed.put(place, digest, seal.clone());
        Some(seal)
    }

    /// Remembers what was sealed; what left the playlist is forgotten, its numbers are not.
    pub(super) fn end(self) {
        *self.known = self.sealed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::sha256;

    fn seals() -> Seals {
        Seals::new(SecretKey::from_bytes(&[7; 32]))
    }

    /// Seals a playlist whose segments are words, `name` or `name=content`, and gives their SEQs.
    fn seal(seals: &mut Seals, names: &str) -> Vec<u64> {
        let mut round = seals.begin("t").unwrap();
        let seal = |name: &str| {
            let digest = SegmentDigest {
                size: 1,
                root: sha256(name.as_bytes()),
            };
            let uri = name.split('=').next().unwrap_or_default();
            round.seal((uri.to_owned(), None), digest).unwrap().seq
        };
        let seqs = names.split_whitespace().map(seal).collect();
        round.end();
        seqs
    }

    #[test]
    fn what_stays_keeps_its_number_and_what_comes_gets_the_next() {
        let mut seals = seals();
        assert_eq!(seal(&mut seals, "a b c"), [0, 1, 2]);
        assert_eq!(seal(&mut seals, "a b c"), [0, 1, 2]);
        assert_eq!(seal(&mut seals, "b c d e"), [1, 2, 3, 4]);
        assert_eq!(seal(&mut seals, ""), [0; 0]);
        assert_eq!(seal(&mut seals, "f"), [5], "numbers outlive the window");
        assert_eq!(seal(&mut seals, "a"), [6], "what came back is new");
    }

    #[test]
    fn one_address_may_stand_twice_and_a_name_may_be_used_again() {
        let mut seals = seals();
        assert_eq!(seal(&mut seals, "ad a ad b"), [0, 1, 2, 3]);
        assert_eq!(seal(&mut seals, "a ad b ad"), [1, 2, 3, 4]);
        assert_eq!(seal(&mut seals, "b ad a=2"), [3, 4, 5]);
    }

    #[test]
    fn numbers_rise_whatever_changes_in_between() {
        let mut seals = seals();
        assert_eq!(seal(&mut seals, "a b c"), [0, 1, 2]);
        assert_eq!(seal(&mut seals, "a b=2 c"), [0, 3, 4]);
        assert_eq!(seal(&mut seals, "a x b=2 c"), [0, 5, 6, 7]);
        assert_eq!(seal(&mut seals, "c a"), [7, 8]);
    }

    #[test]
    fn a_version_that_is_not_published_leaves_no_trace() {
        let mut seals = seals();
        assert_eq!(seal(&mut seals, "a"), [0]);
        let digest = SegmentDigest {
            size: 1,
            root: sha256(b"b"),
        };
        let mut round = seals.begin("t").unwrap();
        assert_eq!(round.seal(("b".to_owned(), None), digest).unwrap().seq, 1);
        drop(round);
        assert_eq!(seal(&mut seals, "a c"), [0, 1]);
    }

    #[test]
    fn lines_of_ours_are_taken_over_and_no_others() {
        let mut first = seals();
        let mut round = first.begin("t").unwrap();
        let digest = SegmentDigest {
            size: 1,
            root: sha256(b"a"),
        };
        let seal_of_a = round.seal(("a".to_owned(), None), digest).unwrap();
        let line = DigestTag {
            digest,
            sha256: None,
            seal: Some(Seal {
                seq: 41,
                ..first.key.seal(&digest, &seal_of_a.stream, "t", 41)
            }),
        };
        let text = format!("#EXTM3U\n#EXTINF:4,\n{line}\na\n");
        let adopt = |track: &str, key: [u8; 32], text: &str| {
            let mut seals = Seals::new(SecretKey::from_bytes(&key));
            seals.adopt(track, &Playlist::scan(text).unwrap());
            seals
        };
        let mut ours = adopt("t", [7; 32], &text);
        assert_eq!(ours.stream.as_deref(), Some(seal_of_a.stream.as_str()));
        assert_eq!(seal(&mut ours, "a b"), [41, 42]);
        for mut others in [
            adopt("t", [8; 32], &text),
            adopt("u", [7; 32], &text),
            adopt("t", [7; 32], &text.replace("SEQ=41", "SEQ=42")),
        ] {
            assert_eq!(others.stream, None);
            assert_eq!(seal(&mut others, "a"), [0]);
        }
    }
}
