//! The counters a user may read at any moment. One plain object with a versioned schema.
//!
//! Invariant: `offload` is bytes from peers divided by bytes delivered; CDN bytes are what was taken
//! off the network, wasted ones too.

use serde::Serialize;

/// A snapshot of the engine's counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Version of this shape.
    pub schema: u32,
    /// Bytes of media taken from the CDN.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrackerStats {
    /// Its URL.
    pub url: String,
    /// `"connecting" | "open" | "closed"`.
    pub state: &'static str,
    /// Announces sent.
    pub announces: u32,
}
