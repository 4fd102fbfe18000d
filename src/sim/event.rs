//! What can happen to a viewer. Decides nothing.

use super::link::BlockMessage;
use super::viewer::{Loader, Wish};
use crate::base::{HashId, LinkId, RequestId};
use crate::integrity::Digest;
use crate::tracker::ConnectionId;

/// Something that happens to a viewer.
#[derive(Debug)]
pub(super) enum Event {
    Comes,
    Leaves,
    /// An alarm of the engine; it counts if it is still set for this moment.
    Wake,
    /// An alarm of the player.
    Look,
    /// The player tries again what failed.
    Again,
    Seek,
    /// The player has the segment of this wish in its buffer.
    Appended(RequestId, Wish),
    /// First and last number listed.
    Playlist {
        level: usize,
        listed: Option<(u64, u64)>,
    },
    /// The CDN begins to answer.
    Answer(Loader),
    Chunk {
        loader: Loader,
        len: u64,
    },
    /// A control message is there.
    Control {
        link: LinkId,
        bytes: Vec<u8>,
        passed: bool,
    },
    /// The last bit of a block message stands before the downlink, or (`passed`) is through it.
    Block {
        link: LinkId,
        message: Box<BlockMessage>,
        passed: bool,
    },
    UplinkFree,
    /// Somebody who has our description looks for us: whether `link` is still there, or it never opens.
    Knock {
        link: LinkId,
        from: (usize, LinkId),
    },
    Opened(LinkId),
    Closed(LinkId),
    Hashed(HashId, Vec<Digest>),
    FromTracker(ConnectionId, String),
    /// A socket opened, or closed or never opened.
    Socket(ConnectionId, bool),
    Offer(LinkId, bool),
}

impl Event {
    /// A number for its kind, and something of what it carries.
    pub(super) fn summary(&self) -> (u8, u64) {
        match self {
            Self::Comes => (0, 0),
            Self::Leaves => (1, 0),
            Self::Wake => (2, 0),
            Self::Look => (3, 0),
            Self::Again => (4, 0),
            Self::Seek => (5, 0),
            Self::Appended(_, wish) => (6, wish.number),
            Self::Playlist { listed, .. } => (7, listed.map_or(0, |l| l.1)),
            Self::Answer(_) => (8, 0),
            Self::Chunk { len, .. } => (9, *len),
            Self::Control { bytes, .. } => (10, bytes.len() as u64),
            Self::Block { message, .. } => (11, message.len),
            Self::UplinkFree => (12, 0),
            Self::Knock { link, .. } => (13, u64::from(link.0)),
            Self::Opened(link) => (14, u64::from(link.0)),
            Self::Closed(link) => (15, u64::from(link.0)),
            Self::Hashed(_, digests) => (16, digests.len() as u64),
            Self::FromTracker(_, text) => (17, text.len() as u64),
            Self::Socket(_, open) => (18, u64::from(*open)),
            Self::Offer(link, _) => (19, u64::from(link.0)),
        }
    }
}
