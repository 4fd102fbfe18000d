//! Where the proof of a segment's bytes comes from, and what follows: its own line in the playlist, a
//! sidecar, PeerTube's file. With a pinned `publicKey` only what is sealed counts.
//!
//! Invariant: a segment is judged when it is first used, never a whole playlist at once (a signature
//! takes 130 µs). What was judged `Waiting` or `Refused` comes from the CDN alone and goes to nobody.
//! How texts are fetched is `texts.rs`; what a whole-segment digest asks for is `whole.rs`.

use super::config::authority::COUNTERS_MAX;
use super::segment::Segment;
use super::texts::Texts;
use super::{Engine, IntegrityMode, WarningCode};
use crate::base::{Instant, SegmentId, TrackId, Version};
use crate::integrity::tag::SegmentDigest;
use crate::integrity::{Digest, Seal, SharedVerifier};
use crate::manifest;
use core::cmp::Ordering;

/// How a segment stands with its publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A digest that counts is known.
    Proven,
    /// Nobody says anything: the mode decides.
    Silent,
    /// A sidecar that may say something is on its way.
    Waiting,
    /// What is said does not count.
    Refused,
}

/// What proves a segment's bytes. Where there is a ROOT it alone decides.
#[derive(Clone, Debug)]
pub(super) enum Proof {
    /// SIZE and ROOT, and the leaves under it where a sidecar has them.
    Tree(SegmentDigest, Vec<Digest>),
    /// SHA-256 of the whole.
    Whole(Digest),
}

impl Proof {
    /// The version of the content it proves.
    pub(super) fn version(&self) -> Version {
        let (Self::Tree(SegmentDigest { root: digest, .. }, _) | Self::Whole(digest)) = self;
        let mut version = [0; 8];
        version.copy_from_slice(&digest.0[..8]);
        Version(version)
    }
}

/// Why what is said does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Unsigned,
    Signature,
    Stream,
    Track,
    Counter,
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Self::Unsigned => "its digest is not signed, and publicKey is set",
            Self::Signature => "its signature is not of publicKey",
            Self::Stream => "it is signed for another broadcast",
            Self::Track => "it is signed for another rendition",
            Self::Counter => "its signature was made for an earlier segment",
        }
    }
}

/// The pinned key, and what was pinned with the first lines that it signed.
#[derive(Debug, Default)]
pub(super) struct Authority {
    key: Option<SharedVerifier>,
    /// STREAM of the first line that was trusted.
    stream: Option<String>,
    tracks: Vec<Pinned>,
    /// Reasons that were told already.
    told: Vec<Why>,
}

/// What is pinned of one playlist. Lists, not maps: a few entries, and the page pays for code.
#[derive(Debug)]
struct Pinned {
    track: TrackId,
    /// TRACK of its first line that was trusted.
    name: String,
    /// (number, SEQ) of those that were, oldest trust first.
    counters: Vec<(u64, u64)>,
}

impl Authority {
    pub(super) fn new(key: Option<SharedVerifier>) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// Whether the digest of a segment counts. `holds` says of a number trusted before whether its SEQ
    /// still stands.
    fn check(
        &mut self,
        (track, number): (TrackId, u64),
        digest: &SegmentDigest,
        seal: Option<&Seal>,
        holds: impl Fn(u64, u64) -> bool,
    ) -> Result<(), Why> {
        let Some(key) = &self.key else { return Ok(()) };
        let seal = seal.ok_or(Why::Unsigned)?;
        if self.stream.as_ref().is_some_and(|id| *id != seal.stream) {
            return Err(Why::Stream);
        }
        let pinned = self.tracks.iter().position(|pinned| pinned.track == track);
        let known = pinned.and_then(|index| self.tracks.get(index));
        if known.is_some_and(|known| known.name != seal.track) {
            return Err(Why::Track);
        }
        if !seal.is_by(&**key, digest) {
            return Err(Why::Signature);
        }
        let index = pinned.unwrap_or_else(|| {
            self.tracks.push(Pinned {
                track,
                name: seal.track.clone(),
                counters: Vec::new(),
            });
            self.tracks.len() - 1
        });
        let Some(Pinned { counters, .. }) = self.tracks.get_mut(index) else {
            return Err(Why::Track);
        };
        let agrees = |(at, seq): (u64, u64)| match at.cmp(&number) {
            Ordering::Less => seq < seal.seq,
            Ordering::Equal => seq <= seal.seq,
            Ordering::Greater => seq > seal.seq,
        };
        if counters
            .iter()
            .any(|known| !agrees(*known) && holds(known.0, known.1))
        {
            return Err(Why::Counter);
        }
        counters.retain(|known| known.0 != number && agrees(*known));
        if counters.len() == COUNTERS_MAX {
            counters.remove(0);
        }
        counters.push((number, seal.seq));
        if self.stream.is_none() {
            self.stream = Some(seal.stream.clone());
        }
        Ok(())
    }
}

impl Engine {
    /// How a segment of the timeline stands, and what proves it.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        track: usize,
        number: u64,
    ) -> (Standing, Option<Proof>) {
        let (Some(track), Some(entry)) = (
            self.timeline.tracks().get(track),
            self.timeline.segment(track, number),
        ) else {
            return (Standing::Silent, None);
        };
        if self.config.integrity == IntegrityMode::Off {
            return (Standing::Silent, None);
        }
        let (texts, authority) = (&self.texts, &mut self.authority);
        let place = (track.id, number);
        // Whoever numbers anew lists other counters beside the old numbers; what the window has left
        // behind keeps its own.
        let holds = |at: u64, seq: u64| match track.segment(at) {
            Some(entry) => counter(texts, track.id, entry) == Some(seq),
            None => at < track.first_number,
        };
        let found = texts.find(track.id, entry);
        let mut refused = None;
        if let Some(digest) = entry.digest {
            match authority.check(place, &digest, entry.seal.as_deref(), holds) {
                Ok(()) => {
                    let leaves = found.first().map(|found| found.leaves(&digest));
                    let proof = Proof::Tree(digest, leaves.unwrap_or_default());
                    return (Standing::Proven, Some(proof));
                }
                Err(why) => refused = Some(why),
            }
        }
        for found in found {
            let proof = match (found.segment.digest(), found.segment.sha256) {
                (Some(digest), _) => authority
                    .check(place, &digest, found.seal().as_ref(), holds)
                    .map(|()| Proof::Tree(digest, found.leaves(&digest))),
                (None, Some(whole)) if authority.key.is_none() => Ok(Proof::Whole(whole)),
                (None, _) => Err(Why::Unsigned),
            };
            match proof {
                Ok(proof) => return (Standing::Proven, Some(proof)),
                Err(why) => refused = Some(why),
            }
        }
        if self.texts.are_awaited(now, track, entry) {
            return (Standing::Waiting, None);
        }
        let Some(why) = refused else {
            return (Standing::Silent, None);
        };
        if !authority.told.contains(&why) {
            authority.told.push(why);
            let message = format!("{} is not shared with peers: {}", entry.url, why.words());
            self.warn(WarningCode::Signature, message);
        }
        (Standing::Refused, None)
    }

    /// Judges those again that waited for a text. Whether it speaks of any of them.
    pub(super) fn judge_waiting(&mut self, now: Instant) -> bool {
        let waiting: Vec<(SegmentId, TrackId, u64)> = self
            .segments
            .iter()
            .filter(|(_, segment)| segment.standing == Standing::Waiting)
            .map(|(id, segment)| (*id, segment.key.track, segment.key.number))
            .collect();
        let mut any = false;
        for (id, track, number) in waiting {
            let Some(track) = self.timeline.track_index(track) else {
                continue;
            };
            if self.timeline.segment(track, number).is_none() {
                continue; // it left the playlist: nobody will ask for it
            }
            match self.judge(now, track, number) {
                (Standing::Waiting, _) => {}
                (standing, proof) => {
                    any |= standing != Standing::Silent;
                    self.settle_standing(now, id, standing, proof);
                }
            }
        }
        any
    }

    /// A segment that waited is judged: what is held of it is compared before anybody hears of it.
    fn settle_standing(
        &mut self,
        now: Instant,
        id: SegmentId,
        standing: Standing,
        proof: Option<Proof>,
    ) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        if segment.private {
            return;
        }
        segment.standing = standing;
        // Others learn of it now as well: their turns are counted from here.
        if let Some(download) = &mut segment.download {
            download.round_at = now;
        }
        if let Some(proof) = proof
            && !segment.take_proof(proof)
        {
            return self.contradicted(now, id, None);
        }
        if segment.leaves.is_some() {
            self.compare_hashed(now, id);
        }
        let fetching = |segment: &Segment| {
            segment
                .download
                .as_ref()
                .is_some_and(|download| download.leg.is_some())
        };
        if self.segments.get(&id).is_some_and(fetching) {
            self.promise(now, id);
        }
        self.settle(now, id);
    }
}

/// The SEQ that stands beside a segment today.
fn counter(texts: &Texts, track: TrackId, entry: &manifest::Segment) -> Option<u64> {
    let line = entry.seal.as_ref().map(|seal| seal.seq);
    line.or_else(|| {
        let found = texts.find(track, entry);
        let signed = found.iter().find_map(|found| found.segment.signed);
        signed.map(|(seq, _)| seq)
    })
}
