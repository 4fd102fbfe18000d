//! The truth about every byte, kept beside the engines and always asked: what the publisher put out,
//! what players were handed, what honest engines sent on, who was dropped.
//!
//! Invariant: in a strict world (every world, unless a test says otherwise) no wrong byte reaches a
//! player or leaves an honest engine, a sender of wrong bytes is out before a second hash comes back,
//! and nobody honest is dropped for a fault. A world that is not strict counts what a strict one forbids.

use super::{Outcome, Viewer, World};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use swarmline::base::{ByteRange, Duration, Instant, PayloadId, PeerId, RequestId};
use swarmline::engine::{CloseReason, Event, Input, ManifestBody, Part};
use swarmline::manifest::Timeline;
use swarmline::wire::{BlockHeader, PeerMessage, SegmentKey};

/// How long the world's hashing takes: a verdict is out after this.
pub const HASHING: Duration = Duration::from_millis(2);

type Content = Rc<Vec<u8>>;

/// What is true, and what became of it.
pub struct Oracle {
    /// Wrong bytes are a failed assertion; else they are counted.
    pub strict: bool,
    timelines: BTreeMap<Viewer, Timeline>,
    /// What a key names. Without digests unsynchronised origins give one key two contents.
    by_key: BTreeMap<SegmentKey, Vec<Content>>,
    /// What the CDN serves or served under a URL, faults included.
    by_url: BTreeMap<String, Vec<Content>>,
    wishes: BTreeMap<(Viewer, RequestId), (String, Option<ByteRange>)>,
    origins: BTreeMap<(Viewer, PayloadId), (Viewer, Option<BlockHeader>)>,
    peers: BTreeMap<PeerId, Viewer>,
    /// First wrong bytes that a viewer took from another.
    caught: BTreeMap<(Viewer, Viewer), Instant>,
    /// Segments handed over.
    pub handed: u64,
    /// Segments handed over with a wrong byte.
    pub handed_wrong: u64,
    /// Players that were handed one.
    pub deceived: BTreeSet<Viewer>,
    /// Messages of honest engines with a wrong byte.
    pub relayed_wrong: u64,
    /// Honest viewers that were dropped for a fault, and by whom.
    pub dropped_honest: Vec<(Viewer, Viewer)>,
}

impl Oracle {
    pub(super) fn new() -> Self {
        Self {
            strict: true,
            timelines: BTreeMap::new(),
            by_key: BTreeMap::new(),
            by_url: BTreeMap::new(),
            wishes: BTreeMap::new(),
            origins: BTreeMap::new(),
            peers: BTreeMap::new(),
            caught: BTreeMap::new(),
            handed: 0,
            handed_wrong: 0,
            deceived: BTreeSet::new(),
            relayed_wrong: 0,
            dropped_honest: Vec::new(),
        }
    }

    pub(super) fn note_origin(
        &mut self,
        viewer: Viewer,
        payload: PayloadId,
        from: Viewer,
        header: &[u8],
    ) {
        let header = BlockHeader::decode(header).ok();
        self.origins.insert((viewer, payload), (from, header));
    }

    /// The CDN answers with `bytes`, whatever the publisher meant.
    pub(super) fn note_served(&mut self, url: &str, bytes: &[u8]) {
        add(self.by_url.entry(url.to_owned()).or_default(), bytes);
    }

    /// The publisher's bytes of a run of a segment, for each content that its key names. A version that no
    /// playlist told comes from a sidecar: then it is one of the contents of its number.
    fn is_true(&self, key: &SegmentKey, start: u64, bytes: &[u8]) -> bool {
        let run = start as usize..start as usize + bytes.len();
        let told = self.by_key.contains_key(key);
        let named = |known: &SegmentKey| {
            known == key || (!told && (known.track, known.number) == (key.track, key.number))
        };
        let contents = self.by_key.iter().filter(|(known, _)| named(known));
        contents
            .flat_map(|(_, contents)| contents)
            .filter_map(|content| content.get(run.clone()))
            .any(|truth| truth == bytes)
    }

    /// What segments are called that any playlist named, in their order.
    pub fn keys(&self) -> Vec<SegmentKey> {
        self.by_key.keys().copied().collect()
    }

    /// Who is behind a peer id.
    pub fn viewer_of(&self, peer: PeerId) -> Option<Viewer> {
        self.peers.get(&peer).copied()
    }

    /// What a viewer is called, once it has greeted anybody.
    pub fn peer_of(&self, viewer: Viewer) -> Option<PeerId> {
        let known = self.peers.iter().find(|(_, who)| **who == viewer);
        known.map(|(peer, _)| *peer)
    }

    /// Who took wrong bytes from whom, and when first.
    pub fn caught(&self) -> impl Iterator<Item = (Viewer, Viewer)> + '_ {
        self.caught.keys().copied()
    }
}

fn add(contents: &mut Vec<Content>, bytes: &[u8]) {
    if !contents.iter().any(|content| ***content == *bytes) {
        contents.push(Rc::new(bytes.to_vec()));
    }
}

impl World {
    /// Looks at what a viewer is told, before its engine is.
    pub(super) fn witness_input(&mut self, viewer: Viewer, input: &Input) {
        match input {
            Input::Manifest { url, body } => self.learn(viewer, url, body),
            Input::Load {
                request,
                url,
                range,
                ..
            } => {
                let wish = (url.clone(), *range);
                self.oracle.wishes.insert((viewer, *request), wish);
            }
            _ => {}
        }
    }

    /// A playlist and the CDN's files, as they are now, are the publisher's word.
    fn learn(&mut self, viewer: Viewer, url: &str, body: &ManifestBody) {
        let timeline = self.oracle.timelines.entry(viewer).or_default();
        match body {
            ManifestBody::Hls(text) => {
                if timeline.update_hls(url, text).is_ok() {
                    self.learn_listed(viewer);
                }
            }
            #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
            ManifestBody::Mpd { root, now_ms } => {
                let root = root.as_ref().expect("a tree");
                let read = timeline.update_mpd(url, root, *now_ms);
                read.expect("an MPD that can be read");
                self.learn_listed(viewer);
                // What comes by the clock is true ahead of it.
                for minute in 1..10 {
                    let timeline = self.oracle.timelines.entry(viewer).or_default();
                    if timeline.advance(now_ms + minute * 60_000).is_some() {
                        self.learn_listed(viewer);
                    }
                }
            }
            #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
            ManifestBody::Index { first, bytes } => {
                if timeline.update_index(url, *first, bytes).is_some() {
                    self.learn_listed(viewer);
                }
            }
        }
    }

    fn learn_listed(&mut self, viewer: Viewer) {
        let Self { oracle, cdn, .. } = self;
        let timeline = oracle.timelines.entry(viewer).or_default();
        for track in timeline.tracks() {
            for segment in &track.segments {
                let Some(file) = cdn.files.get(&segment.url) else {
                    continue;
                };
                let all = ByteRange {
                    start: 0,
                    end: file.len() as u64,
                };
                let run = segment.range.unwrap_or(all);
                let key = SegmentKey {
                    track: track.id,
                    number: segment.number,
                    version: segment.version,
                };
                if let Some(bytes) = file.get(run.start as usize..run.end as usize) {
                    add(oracle.by_key.entry(key).or_default(), bytes);
                }
                add(oracle.by_url.entry(segment.url.clone()).or_default(), file);
            }
        }
    }

    /// A player is handed a segment.
    pub(super) fn witness_outcome(
        &mut self,
        viewer: Viewer,
        request: RequestId,
        outcome: &Outcome,
    ) {
        let Outcome::Ready { bytes, .. } = outcome else {
            return;
        };
        if self.is_hostile(viewer) {
            return;
        }
        let oracle = &mut self.oracle;
        oracle.handed += 1;
        let Some((url, range)) = oracle.wishes.get(&(viewer, request)) else {
            return;
        };
        let contents = oracle.by_url.get(url).into_iter().flatten();
        let right = contents
            .filter_map(|content| match range {
                Some(run) => content.get(run.start as usize..run.end as usize),
                None => Some(content.as_slice()),
            })
            .any(|truth| truth == bytes);
        if !right {
            assert!(
                !oracle.strict,
                "viewer {viewer} was handed wrong bytes of {url}"
            );
            oracle.handed_wrong += 1;
            oracle.deceived.insert(viewer);
        }
    }

    /// An engine sends bytes of a segment.
    pub(super) fn witness_block(&mut self, viewer: Viewer, message: &[u8]) {
        let (header, bytes) = message.split_at(swarmline::wire::BLOCK_HEADER_LEN);
        let header = BlockHeader::decode(header).expect("engines send what they read");
        let start = u64::from(header.first) * swarmline::integrity::BLOCK_LEN;
        if self.is_hostile(viewer) || self.oracle.is_true(&header.key, start, bytes) {
            return;
        }
        let strict = self.oracle.strict;
        assert!(
            !strict,
            "viewer {viewer} sent wrong bytes of {:?}",
            header.key
        );
        self.oracle.relayed_wrong += 1;
    }

    /// A payload is taken into a segment.
    pub(super) fn witness_place(&mut self, viewer: Viewer, payload: PayloadId, parts: &[Part]) {
        let Some((from, header)) = self.oracle.origins.remove(&(viewer, payload)) else {
            return;
        };
        let header = header.expect("a placed block has a header");
        let bytes = &self.viewers[viewer].payloads[&payload];
        let right = parts.iter().all(|part| {
            let run = part.from as usize..(part.from + part.len) as usize;
            self.oracle.is_true(&header.key, part.at, &bytes[run])
        });
        if right || self.is_hostile(viewer) {
            return;
        }
        let now = self.now;
        let first = *self.oracle.caught.entry((viewer, from)).or_insert(now);
        assert!(
            !self.oracle.strict || now.since(first) <= HASHING,
            "viewer {viewer} still takes from {from} after a wrong block"
        );
    }

    /// A payload is dropped.
    pub(super) fn witness_drop(&mut self, viewer: Viewer, payload: PayloadId) {
        self.oracle.origins.remove(&(viewer, payload));
    }

    /// An engine sends a control message: its first one says who it is.
    pub(super) fn witness_message(&mut self, viewer: Viewer, bytes: &[u8]) {
        if bytes.first() == Some(&swarmline::wire::number::HELLO)
            && let Ok(PeerMessage::Hello(hello)) = PeerMessage::decode(bytes)
        {
            self.oracle.peers.insert(hello.peer, viewer);
        }
    }

    /// Somebody was dropped.
    pub(super) fn witness_event(&mut self, viewer: Viewer, event: &Event) {
        let Event::PeerClosed { peer, reason } = event else {
            return;
        };
        let fault = match reason {
            CloseReason::Protocol | CloseReason::WrongBlock | CloseReason::Unreliable => true,
            CloseReason::Gone
            | CloseReason::ConnectTimeout
            | CloseReason::SameNetwork
            | CloseReason::Duplicate
            | CloseReason::NotNeeded => false,
        };
        let Some(dropped) = self.oracle.viewer_of(*peer) else {
            return;
        };
        if !fault || self.is_hostile(viewer) || self.is_hostile(dropped) {
            return;
        }
        assert!(
            !self.oracle.strict,
            "honest viewer {dropped} was dropped by {viewer}: {reason:?}"
        );
        self.oracle.dropped_honest.push((dropped, viewer));
    }
}
