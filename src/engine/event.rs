//! What observers may see. The engine counts nothing for them beyond `stats`; it tells.
//!
//! Invariant: an event never changes what the engine does.

use super::Why;
use super::output::Source;
use crate::base::{PeerId, TrackId};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A link opened and both sides greeted each other.
    PeerOpened {
        /// Who.
        peer: PeerId,
        /// Milliseconds from the engine's start.
        at_ms: u64,
    },
    /// A link closed.
    PeerClosed {
        /// Who.
        peer: PeerId,
        /// Why, in a word a person can look up.
        reason: CloseReason,
    },
    /// The player got a segment.
    Segment {
        /// Which rendition.
        track: TrackId,
        /// Its number in the playlist.
        number: u64,
        /// Its URL.
        url: String,
        /// Where it came from.
        source: Source,
        /// Its bytes.
        bytes: u64,
        /// Of them, from peers.
        peer_bytes: u64,
        /// Milliseconds from the player's wish to the last byte.
        elapsed_ms: u64,
        /// Why the CDN was asked last, if it was.
        why: Option<Why>,
        /// A digest that counts proves it.
        proven: bool,
        /// Who sent how much.
        senders: Vec<(PeerId, u64)>,
    },
    /// Bytes went to a peer.
    Uploaded {
        /// To whom.
        peer: PeerId,
        /// Which rendition.
        track: TrackId,
        /// Which segment.
        number: u64,
        /// How many.
        bytes: u64,
    },
    /// Something is not as it should be; playback goes on.
    Warning {
        /// A stable word.
        code: WarningCode,
        /// What happened, where, and what to do.
        message: String,
    },
}

/// Why a link closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The other side or the network closed it.
    Gone,
    /// It never opened in time.
    ConnectTimeout,
    /// A message could not be read, or broke the protocol.
    Protocol,
    /// It sent a block that is not the publisher's.
    WrongBlock,
    /// It said or sent what no honest peer would, or never sent anything it said it holds.
    Unreliable,
    /// Too many links into its network, while other peers are to be had.
    SameNetwork,
    /// A second link to the same peer; the other one stays.
    Duplicate,
    /// More links than `maxPeers`, or we are leaving.
    NotNeeded,
}

/// Stable words for warnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WarningCode {
    /// The playlist cannot be read: no P2P for it.
    ManifestUnreadable,
    /// The CDN's bytes contradict the playlist: not shared.
    CdnMismatch,
    /// A peer sent a block that is not the publisher's.
    WrongBlock,
    /// Bytes held in memory changed since they were verified: forgotten.
    CacheDamaged,
    /// Two peers vouch for different contents of a segment without a digest.
    Contradiction,
    /// A tracker cannot be reached or talks nonsense.
    Tracker,
    /// The origin answers no byte ranges.
    NoRanges,
    /// A digest does not count under the pinned `publicKey`: CDN only.
    Signature,
    /// A sidecar cannot be fetched or read: CDN only for what it might prove.
    SidecarUnreadable,
    /// Two digests for one segment name.
    DigestChanged,
    /// What the disk kept is not what it was given; it was not used.
    #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
    DiskChanged,
    /// This browser has no WebRTC: CDN only.
    NoWebRtc,
}
