//! Messages between peers on data channels: what they are. How they stand in bytes is `codec`'s.
//!
//! Control messages travel on the ordered channel, one message a frame; blocks travel on the
//! unordered channel behind a fixed header.

use crate::base::{InfoHash, PeerId, TrackId, Version};
use crate::integrity::{Claim, Digest, Fingerprint};

/// Version of this protocol; another one closes the link.
pub const WIRE_VERSION: u8 = 1;

/// Bytes before the payload of a message on the block channel.
pub const BLOCK_HEADER_LEN: usize = 32;

/// What a segment is called between peers: which rendition, which number, which content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey {
    /// The rendition.
    pub track: TrackId,
    /// Media sequence number (HLS).
    pub number: u64,
    /// Which content the number names.
    pub version: Version,
}

/// One message of the control channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerMessage {
    /// The first message each way.
    Hello(Hello),
    /// All whole segments of one track: bit `i` of `bits` (lowest bit of the first byte first) is
    /// number `first + i`. Replaces what was known of the track, in the playlist's versions.
    HaveAll {
        /// The rendition.
        track: TrackId,
        /// Number of the first bit.
        first: u64,
        /// The bitfield.
        bits: Vec<u8>,
    },
    /// Changes since the last message about haves.
    Have(Vec<HaveEntry>),
    /// A digest of what `HaveAll` would say; who knows otherwise asks with `HaveQuery`.
    HaveDigest {
        /// The rendition.
        track: TrackId,
        /// First 8 bytes of SHA-256 over the sorted numbers (u64, little-endian) held whole.
        digest: [u8; 8],
    },
    /// Asks for a `HaveAll` of a track.
    HaveQuery {
        /// The rendition.
        track: TrackId,
    },
    /// Asks for `count` blocks from `first`.
    Request {
        /// Which segment.
        key: SegmentKey,
        /// First block.
        first: u32,
        /// Number of blocks, at least 1.
        count: u16,
    },
    /// Takes a request back; blocks under way may still come.
    Cancel {
        /// Which segment.
        key: SegmentKey,
        /// First block.
        first: u32,
        /// Number of blocks, at least 1.
        count: u16,
    },
    /// A request, or one for leaves (`count` 0), will not be served (BEP 6).
    Reject {
        /// Which segment.
        key: SegmentKey,
        /// First block.
        first: u32,
        /// Number of blocks; 0 answers `LeavesRequest`.
        count: u16,
        /// Why.
        reason: RejectReason,
    },
    /// No requests will be served until `Unchoke`; open ones are void.
    Choke,
    /// Requests are welcome again.
    Unchoke,
    /// Asks for a segment's leaf list.
    LeavesRequest {
        /// Which segment.
        key: SegmentKey,
    },
    /// A segment's size and leaf list, whole.
    Leaves {
        /// Which segment.
        key: SegmentKey,
        /// Bytes of the segment.
        size: u64,
        /// SHA-256 of each block, `ceil(size / 16 KiB)` of them.
        leaves: Vec<Digest>,
    },
    /// Peers that the sender is linked to; with none it asks for those of the receiver.
    Neighbours(Vec<PeerId>),
    /// A description that travels through a neighbour in common.
    Signal(Signal),
    /// A message number this version does not know, or one reserved for later; ignored.
    Unknown(u8),
}

/// Who speaks and what it can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The sender; must equal the tracker's word.
    pub peer: PeerId,
    /// Bit set of optional features; unknown bits are ignored.
    pub features: u64,
    /// Longest message it takes, header included, in bytes.
    pub max_message: u32,
    /// Requests it will keep queued for us, in blocks.
    pub max_requests: u16,
    /// Join ticket (reserved, at most 1 KiB).
    pub ticket: Vec<u8>,
    /// Session key (reserved, at most 64 bytes).
    pub session_key: Vec<u8>,
}

/// An offer or an answer on one of its two legs: to the neighbour that is to carry it, or from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// An answer; else an offer.
    pub is_answer: bool,
    /// It is on its second leg; else the receiver is to carry it.
    pub is_carried: bool,
    /// On the first leg whom it is for, on the second whom it is from, by the carrier's word.
    pub peer: PeerId,
    /// The offerer's number for the offer; the answer repeats it.
    pub offer: u32,
    /// Proof of who described itself ([`Claim`]), by its tracker: empty where that signs none, at most 1 KiB; carried
    /// along unread.
    pub ticket: Vec<u8>,
    /// The session description, at most as long as a tracker takes it.
    pub sdp: Vec<u8>,
}

impl Signal {
    /// Whether its ticket proves in a room that the description is of who it is said to be from, to who was given
    /// `words` by a tracker.
    #[must_use]
    pub fn is_proven(&self, words: &str, room: InfoHash) -> bool {
        let sdp = core::str::from_utf8(&self.sdp).ok();
        sdp.and_then(Fingerprint::of).is_some_and(|fingerprint| {
            let peer = self.peer;
            let claim = Claim {
                room,
                peer,
                fingerprint,
            };
            claim.is_proven(words, &self.ticket)
        })
    }
}

/// One change of what a peer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaveEntry {
    /// Which segment.
    pub key: SegmentKey,
    /// What is held of it.
    pub holding: Holding,
}

/// What a peer holds of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Nothing any more: evicted, or a promise taken back.
    Gone,
    /// All of it, verified.
    Whole,
    /// Some blocks, verified: a bitfield, lowest bit of the first byte first.
    Partial(Vec<u8>),
    /// Nothing yet, all of it in so many milliseconds.
    Promised {
        /// Milliseconds from now.
        in_ms: u32,
        /// Neighbours it relies on in a row: 0 fetches it itself, 1 relies on one that does.
        hops: u8,
    },
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// The block is not here (any more).
    NotHeld,
    /// The number is here with another content; no blame.
    Version,
    /// No slot or no budget for it.
    Busy,
}

/// The fixed header of a message on the block channel: `count` neighbouring blocks from `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockHeader {
    /// Which segment.
    pub key: SegmentKey,
    /// First block.
    pub first: u32,
    /// Number of blocks.
    pub count: u16,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The message ended in the middle of a field.
    Truncated,
    /// Bytes are left behind the last field.
    Trailing,
    /// A field has a value it may not have.
    Value(&'static str),
    /// Another version of the protocol.
    Version(u8),
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated => write!(out, "message ends in the middle of a field"),
            Self::Trailing => write!(out, "bytes left behind the last field"),
            Self::Value(what) => write!(out, "{what}"),
            Self::Version(version) => {
                write!(out, "protocol version {version}, not {WIRE_VERSION}")
            }
        }
    }
}

impl core::error::Error for DecodeError {}
