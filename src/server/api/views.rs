//! How the API writes what the tracker and its store know: names of members, units, ids in hexadecimal. Decides nothing.

use crate::base::{InfoHash, PeerId};
use crate::server::store::{Contribution, Standing, Stay};
use crate::tracker::Audience;
use crate::wire::SessionId;
use serde::Serialize;

/// What those who are there report of themselves, in sums.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct ReportedView {
    bytes_from_peers: u64,
    bytes_from_cdn: u64,
    #[serde(rename = "p2pRatio")]
    p2p_ratio: Option<f64>,
    #[serde(rename = "latencyP50Ms")]
    latency_p50_ms: Option<u64>,
    #[serde(rename = "latencyP95Ms")]
    latency_p95_ms: Option<u64>,
    links_opened: u64,
    links_failed: u64,
}

impl ReportedView {
    pub(in crate::server) fn of(reported: &Audience) -> Self {
        Self {
            bytes_from_peers: reported.from_peers,
            bytes_from_cdn: reported.from_cdn,
            p2p_ratio: reported.p2p_ratio(),
            latency_p50_ms: reported.wait_ms(500),
            latency_p95_ms: reported.wait_ms(950),
            links_opened: reported.links_opened,
            links_failed: reported.links_failed,
        }
    }
}

/// A stay in a room.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView {
    id: String,
    peer_id: String,
    video_cid: String,
    room_id: String,
    joined_at: u64,
    left_at: Option<u64>,
    bytes_uploaded: u64,
    bytes_downloaded: u64,
    peers_connected: u64,
    status: String,
}

impl SessionView {
    pub(super) fn of(row: Stay, video_cid: &str) -> Self {
        Self {
            id: SessionId(row.session).to_hex(),
            peer_id: PeerId(row.peer).to_hex(),
            video_cid: video_cid.to_owned(),
            room_id: InfoHash(row.room).to_hex(),
            joined_at: row.joined_ms,
            left_at: row.left_ms,
            bytes_uploaded: row.uploaded,
            bytes_downloaded: row.downloaded,
            peers_connected: row.peers,
            status: row.status,
        }
    }
}

/// What one stay has earned.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContributionView {
    id: String,
    peer_id: String,
    subject: Option<String>,
    video_cid: String,
    bytes_shared: u64,
    segments_shared: u64,
    session_duration: u64,
    timestamp: u64,
}

impl ContributionView {
    pub(super) fn of(row: Contribution) -> Self {
        Self {
            id: SessionId(row.session).to_hex(),
            peer_id: PeerId(row.peer).to_hex(),
            subject: row.subject,
            video_cid: InfoHash(row.room).to_hex(),
            bytes_shared: row.bytes,
            segments_shared: row.segments,
            session_duration: row.span_ms / 1_000,
            timestamp: row.at_ms,
        }
    }
}

/// What an account has earned, ever.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::server) struct StandingView {
    rank: u64,
    subject: String,
    bytes_shared: u64,
    segments_shared: u64,
    sessions: u64,
    timestamp: u64,
}

impl StandingView {
    pub(in crate::server) fn of(standing: Standing) -> Self {
        Self {
            rank: standing.rank,
            subject: standing.subject,
            bytes_shared: standing.bytes,
            segments_shared: standing.segments,
            sessions: standing.sessions,
            timestamp: standing.at_ms,
        }
    }
}
