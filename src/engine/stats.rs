//! The counters a user may read at any moment. One plain object with a versioned schema.
//!
//! Invariant: `offload` is bytes from peers divided by bytes delivered; CDN bytes are what was taken
//! off the network, wasted ones too.

use super::{Engine, Source};
use crate::wire::Reported;

/// A snapshot of the engine's counters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Version of this shape.
    pub schema: u32,
    /// Bytes of media and of sidecars taken from the CDN.
    pub cdn_bytes: u64,
    /// Verified bytes of media taken from peers.
    pub peer_bytes: u64,
    /// Bytes of media sent to peers.
    pub uploaded_bytes: u64,
    /// Bytes received and not used: late, duplicate or wrong.
    pub discarded_bytes: u64,
    /// `peer_bytes / (peer_bytes + cdn_bytes)`; 0 before the first byte.
    pub offload: f64,
    /// Segments the player got, by source.
    pub segments: SegmentCounts,
    /// Open links.
    pub peers: Vec<PeerStats>,
    /// Trackers.
    pub trackers: Vec<TrackerStats>,
    /// Peers in the swarm as the tracker tells, ourselves included; 0 while unknown.
    pub swarm_size: u32,
    /// Milliseconds from the engine's start to the first open link.
    pub first_peer_ms: Option<u64>,
    /// Bytes of segments held in memory.
    pub cache_bytes: u64,
    /// Segments held whole.
    pub cache_segments: u32,
    /// Our own peer id, hexadecimal.
    pub peer_id: String,
    /// The swarm's info hash, hexadecimal; empty while unknown.
    pub info_hash: String,
}

/// Segments by source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentCounts {
    /// Here already when the player asked.
    pub cache: u32,
    /// All from peers.
    pub peers: u32,
    /// All from the CDN.
    pub cdn: u32,
    /// Part from peers, the rest from the CDN.
    pub mixed: u32,
}

/// One open link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeerStats {
    /// The peer's id, hexadecimal.
    pub id: String,
    /// Verified bytes from it.
    pub received_bytes: u64,
    /// Bytes sent to it.
    pub sent_bytes: u64,
    /// Measured rate from it, bytes a second; 0 while unknown.
    pub rate_bytes_per_s: f64,
    /// Segments it holds whole, as it says.
    pub segments: u32,
    /// It chokes us.
    pub choked: bool,
}

/// One tracker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrackerStats {
    /// Its URL.
    pub url: String,
    /// `"connecting" | "open" | "closed"`.
    pub state: &'static str,
    /// Announces sent.
    pub announces: u32,
}

/// What is counted as it happens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) cdn: u64,
    pub(super) peers: u64,
    pub(super) uploaded: u64,
    pub(super) discarded: u64,
    pub(super) counts: SegmentCounts,
    pub(super) first_peer_ms: Option<u64>,
    /// How long players waited for segments, for a tracker that keeps account.
    pub(super) reported: Reported,
}

impl Totals {
    /// Bytes of media taken from anywhere, used or not.
    pub(super) fn received(&self) -> u64 {
        self.cdn + self.peers
    }
}

impl SegmentCounts {
    pub(super) fn add(&mut self, source: Source) {
        match source {
            Source::Cache => self.cache += 1,
            Source::Peers => self.peers += 1,
            Source::Cdn => self.cdn += 1,
            Source::Mixed => self.mixed += 1,
        }
    }
}

impl Engine {
    pub(super) fn collect_stats(&self) -> Stats {
        let totals = &self.totals;
        let received = totals.cdn + totals.peers;
        let peers = self
            .greeted()
            .map(|link| PeerStats {
                id: link.peer.map(|peer| peer.to_hex()).unwrap_or_default(),
                received_bytes: link.received_bytes,
                sent_bytes: link.sent_bytes,
                rate_bytes_per_s: link.rate.bytes_per_s().unwrap_or(0.0),
                segments: u32::try_from(link.haves.whole_count()).unwrap_or(u32::MAX),
                choked: link.choked,
            })
            .collect();
        let whole = self
            .segments
            .values()
            .filter(|segment| segment.is_whole())
            .count();
        Stats {
            schema: 1,
            cdn_bytes: totals.cdn,
            peer_bytes: totals.peers,
            uploaded_bytes: totals.uploaded,
            discarded_bytes: totals.discarded,
            offload: if received > 0 {
                totals.peers as f64 / received as f64
            } else {
                0.0
            },
            segments: totals.counts,
            peers,
            trackers: self.signaling.tracker_stats(),
            swarm_size: self.signaling.swarm_size,
            first_peer_ms: totals.first_peer_ms,
            cache_bytes: self.cache_bytes(),
            cache_segments: u32::try_from(whole).unwrap_or(u32::MAX),
            peer_id: self.peer_id.to_hex(),
            info_hash: self
                .signaling
                .info_hash
                .map(|hash| hash.to_hex())
                .unwrap_or_default(),
        }
    }
}
