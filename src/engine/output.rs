//! Everything the engine may ask of the world. Decides nothing.
//!
//! Invariant: a shell carries each one out, in order, and decides nothing about peers, segments or
//! sources. It keeps maps from id to handle and nothing else.

use super::event::Event;
use crate::base::{
    ByteRange, FetchId, HashId, InfoHash, LinkId, PayloadId, RequestId, SegmentId, TextId,
    TrackerId,
};
#[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
use crate::integrity::Digest;

/// One thing the engine asks for, by who must act.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    // --- the player, through its adapter ---
    /// Bytes here so far, from anywhere, verified or from the CDN.
    Progress {
        /// Which wish.
        request: RequestId,
        /// Bytes here.
        loaded: u64,
        /// Bytes in all; 0 while unknown.
        total: u64,
    },
    /// Hand the player a fresh copy of the segment's first `len` bytes.
    Ready {
        /// Which wish.
        request: RequestId,
        /// Where the bytes are.
        segment: SegmentId,
        /// Their number.
        len: u64,
        /// What the player's ABR should believe about the load.
        timing: Timing,
        /// Where most of it came from.
        source: Source,
    },
    /// Neither peers nor the CDN could supply it: tell the player what HTTP said.
    Failed {
        /// Which wish.
        request: RequestId,
        /// HTTP status; 0 when there was none.
        status: u16,
        /// The player's load policy ran out of time.
        timed_out: bool,
    },
    /// Not ours: use the player's own loader for it.
    Pass {
        /// Which wish.
        request: RequestId,
    },

    // --- HTTP ---
    /// Fetch bytes with the headers and the policy of the player's request.
    StartFetch {
        /// The new fetch.
        fetch: FetchId,
        /// Whose headers, credentials and load policy to use.
        request: RequestId,
        /// Absolute URL.
        url: String,
        /// Bytes of the resource to ask for; `None` for the whole of it.
        range: Option<ByteRange>,
        /// Where the first byte asked for stands in the segment.
        offset: u64,
    },
    /// Stop a fetch; nothing more is heard of it.
    StopFetch {
        /// Which fetch.
        fetch: FetchId,
    },

    /// Fetch a text beside the playlist, as the page would, and answer `TextReady` or `TextFailed`. No
    /// longer than [`crate::integrity::SIDECAR_BYTES_MAX`], and not for ever.
    FetchText {
        /// The new text.
        text: TextId,
        /// Absolute URL.
        url: String,
    },

    // --- trackers ---
    /// Open a socket.
    OpenTracker {
        /// Which tracker.
        tracker: TrackerId,
        /// Its URL.
        url: String,
    },
    /// Send a text message.
    SendTracker {
        /// Which tracker.
        tracker: TrackerId,
        /// The message.
        text: String,
    },
    /// Close the socket; nothing more is heard of it until it is opened again.
    CloseTracker {
        /// Which tracker.
        tracker: TrackerId,
    },

    // --- WebRTC ---
    /// Make a connection with both channels and answer `OfferReady`.
    CreateOffer {
        /// The new link.
        link: LinkId,
    },
    /// Make a connection for somebody's offer and answer `AnswerReady`.
    AcceptOffer {
        /// The new link.
        link: LinkId,
        /// The offer.
        sdp: String,
    },
    /// Complete our offer with somebody's answer.
    AcceptAnswer {
        /// Which link.
        link: LinkId,
        /// The answer.
        sdp: String,
    },
    /// A late candidate of theirs.
    AddCandidate {
        /// Which link.
        link: LinkId,
        /// The candidate as JSON (RTCIceCandidateInit).
        candidate: String,
    },
    /// Offer connections that are made from now on this TURN server too, in place of the last one that was told.
    UseRelay {
        /// An `RTCIceServer` in JSON.
        server: String,
    },
    /// Hold a description that a neighbour carried against its proof (`Signal::is_proven`), and answer `Proven` if that
    /// counts; else nothing.
    Prove {
        /// The neighbour.
        link: LinkId,
        /// What our tracker gave us to read proofs by.
        proof: String,
        /// The swarm.
        room: InfoHash,
        /// The description, as it came.
        message: Vec<u8>,
    },
    /// Send a message on the control channel.
    Send {
        /// Which link.
        link: LinkId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Send `header` and then bytes of a segment as one message on the block channel. Verified
    /// places only; carried out at once, so that a later eviction cannot change it.
    SendBlock {
        /// Which link.
        link: LinkId,
        /// Encoded header.
        header: Vec<u8>,
        /// Whose bytes.
        segment: SegmentId,
        /// First byte.
        offset: u64,
        /// Number of bytes.
        len: u64,
    },
    /// Close the connection; nothing more is heard of it.
    CloseLink {
        /// Which link.
        link: LinkId,
    },

    // --- the store ---
    /// Make the segment's buffer at least `len` bytes long, keeping what is in it.
    Reserve {
        /// Which segment.
        segment: SegmentId,
        /// Bytes.
        len: u64,
    },
    /// Copy parts of a waiting payload into a segment's buffer, then forget the payload.
    Place {
        /// Which payload.
        payload: PayloadId,
        /// Into which segment.
        segment: SegmentId,
        /// Which bytes go where.
        parts: Vec<Part>,
    },
    /// Forget a waiting payload.
    Drop {
        /// Which payload.
        payload: PayloadId,
    },
    /// Hash runs of a segment's bytes (SHA-256 each) and answer `Hashed`.
    Hash {
        /// The new batch.
        hash: HashId,
        /// Whose bytes.
        segment: SegmentId,
        /// Byte runs: blocks, or the whole.
        blocks: Vec<ByteRange>,
    },
    /// Forget the segment's bytes and any hash of them under way.
    Evict {
        /// Which segment.
        segment: SegmentId,
    },

    // --- the disk, where there is one ---
    /// Write the segment's bytes to the disk, now or a little later, or not at all: they are all here, and nobody
    /// writes into them any more.
    #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
    Keep {
        /// Which segment.
        segment: SegmentId,
        /// Its ROOT, and its name there.
        root: Digest,
        /// Its bytes.
        len: u64,
    },
    /// Read what was kept under `root` and answer `KeptRead`.
    #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
    ReadKept {
        /// For which segment.
        segment: SegmentId,
        /// Its ROOT.
        root: Digest,
        /// Nobody waits for it: when there is time.
        at_leisure: bool,
    },

    // --- observers ---
    /// Something worth counting, showing or logging.
    Event(Event),
}

/// Bytes `from..from + len` of a payload go to `at` in the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// First byte within the payload.
    pub from: u64,
    /// Number of bytes.
    pub len: u64,
    /// Where they go in the segment.
    pub at: u64,
}

/// What the player's bandwidth estimate should believe: the rate it would really get. Waiting for an
/// election or a promise is left out; a segment that was already here is given the time its transfer
/// had taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// Milliseconds from asking a source to its first byte.
    pub first_byte_ms: f64,
    /// Milliseconds from the first byte to the last.
    pub transfer_ms: f64,
}

/// Where a segment came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was here already.
    Cache,
    /// All of it from peers.
    Peers,
    /// All of it from the CDN.
    Cdn,
    /// Part from peers, the tail from the CDN.
    Mixed,
}
