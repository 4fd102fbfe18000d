//! What can happen in the world. Decides nothing.

use super::link::BlockMessage;
use super::viewer::{Loader, Wish};
use crate::base::{HashId, LinkId, RequestId};
use crate::integrity::Digest;
use crate::tracker::ConnectionId;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Event {
    Comes(usize),
    Leaves(usize),
    /// An alarm of the engine; it counts if it is still set for this moment.
    Wake(usize),
    /// An alarm of the player.
    Look(usize),
    /// The player tries again what failed.
    Again(usize),
    Seek(usize),
    /// The player has the segment of this wish in its buffer.
    Appended(usize, RequestId, Wish),
    Playlist {
        viewer: usize,
        level: usize,
        listed: Option<(u64, u64)>,
    },
    /// The CDN begins to answer.
    Answer(usize, Loader),
    Chunk {
        viewer: usize,
        loader: Loader,
        len: u64,
    },
    /// A control message is there.
    Control {
        to: usize,
        link: LinkId,
        bytes: Vec<u8>,
    },
    /// The last bit of a block message stands before the downlink, or (`passed`) is through it.
    Block {
        to: usize,
        link: LinkId,
        message: Box<BlockMessage>,
        passed: bool,
    },
    UplinkFree(usize),
    Opened(usize, LinkId),
    Closed(usize, LinkId),
    Hashed {
        viewer: usize,
        hash: HashId,
        digests: Vec<Digest>,
    },
    ToTracker(ConnectionId, String),
    FromTracker(usize, ConnectionId, String),
    /// A socket opened, or closed or never opened.
    Socket(usize, ConnectionId, bool),
    Offer(usize, LinkId, bool),
    TrackerWakes,
    Weather,
}

impl Event {
    /// A number for its kind, its viewer, and something of what it carries.
    pub(super) fn summary(&self) -> (u8, usize, u64) {
        match self {
            Self::Comes(viewer) => (0, *viewer, 0),
            Self::Leaves(viewer) => (1, *viewer, 0),
            Self::Wake(viewer) => (2, *viewer, 0),
            Self::Look(viewer) => (3, *viewer, 0),
            Self::Again(viewer) => (4, *viewer, 0),
            Self::Seek(viewer) => (5, *viewer, 0),
            Self::Appended(viewer, _, wish) => (6, *viewer, wish.number),
            Self::Playlist { viewer, listed, .. } => (7, *viewer, listed.map_or(0, |l| l.1)),
            Self::Answer(viewer, _) => (8, *viewer, 0),
            Self::Chunk { viewer, len, .. } => (9, *viewer, *len),
            Self::Control { to, bytes, .. } => (10, *to, bytes.len() as u64),
            Self::Block { to, message, .. } => (11, *to, message.len),
            Self::UplinkFree(viewer) => (12, *viewer, 0),
            Self::Opened(viewer, link) => (13, *viewer, u64::from(link.0)),
            Self::Closed(viewer, link) => (14, *viewer, u64::from(link.0)),
            Self::Hashed {
                viewer, digests, ..
            } => (15, *viewer, digests.len() as u64),
            Self::ToTracker(connection, text) => (16, 0, connection.0 << 32 | text.len() as u64),
            Self::FromTracker(viewer, _, text) => (17, *viewer, text.len() as u64),
            Self::Socket(viewer, _, open) => (18, *viewer, u64::from(*open)),
            Self::Offer(viewer, link, _) => (19, *viewer, u64::from(link.0)),
            Self::TrackerWakes => (20, 0, 0),
            Self::Weather => (21, 0, 0),
        }
    }
}
