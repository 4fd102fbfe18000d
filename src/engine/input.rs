//! Everything the world may tell the engine. Decides nothing.
//!
//! Invariant: calling in another order is slower, never wrong. Text from trackers and bytes from
//! peers come in raw and are decoded inside.

use super::config::ConfigUpdate;
#[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
use crate::base::SegmentId;
use crate::base::{
    ByteRange, FetchId, HashId, LinkId, Network, PayloadId, RequestId, TextId, TrackerId,
};
use crate::integrity::Digest;
#[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
use crate::manifest::{Element, ManifestError};

/// One thing the world tells the engine, by who speaks.
#[derive(Clone, Debug)]
pub enum Input {
    // --- the player, through its adapter ---
    /// The player wants a segment. Answered by exactly one of `Ready`, `Failed`, `Pass`, or by
    /// nothing after `Abort`.
    Load {
        /// The adapter's number for this wish.
        request: RequestId,
        /// Absolute URL, as the player asks for it.
        url: String,
        /// Byte range as the player asks for it; `None` for the whole resource.
        range: Option<ByteRange>,
        /// What the player says it is.
        kind: LoadKind,
    },
    /// The player no longer wants it. The engine stays silent about it from here on.
    Abort {
        /// Which wish.
        request: RequestId,
    },
    /// Bytes that the player's own loader fetched (before wasm was ready). The payload is a copy
    /// that waits in the shell like any other.
    Adopt {
        /// Absolute URL.
        url: String,
        /// Byte range asked for.
        range: Option<ByteRange>,
        /// Where the bytes wait.
        payload: PayloadId,
        /// Their number.
        len: u64,
    },
    /// How far ahead of the playhead the player has buffered.
    Playback {
        /// Milliseconds of media buffered ahead of the playhead.
        ahead_ms: f64,
        /// Playback rate (1 is normal).
        rate: f64,
        /// Whether the playhead advances.
        moving: bool,
    },
    /// A playlist as the player received it.
    Manifest {
        /// Its response URL, after redirects; of an index, the URL that was asked for.
        url: String,
        /// Its body.
        body: ManifestBody,
    },
    /// Changed settings.
    Config(ConfigUpdate),
    /// Leave the swarm, close everything, answer nothing more.
    Shutdown,

    // --- HTTP ---
    /// Status and headers of a fetch.
    FetchHead {
        /// Which fetch.
        fetch: FetchId,
        /// HTTP status.
        status: u16,
        /// Bytes this response will carry, when known.
        length: Option<u64>,
        /// The response carries exactly the range that was asked for (a 206), not the whole.
        partial: bool,
    },
    /// Bytes of a fetch.
    FetchBody {
        /// Which fetch.
        fetch: FetchId,
        /// Where the bytes wait.
        payload: PayloadId,
        /// Their offset from the start of the segment, whatever was asked for and answered: the
        /// shell cuts what a 200 brings before it, the engine what comes behind it.
        offset: u64,
        /// Their number.
        len: u64,
    },
    /// The response is complete.
    FetchDone {
        /// Which fetch.
        fetch: FetchId,
    },
    /// The response will not be complete.
    FetchFailed {
        /// Which fetch.
        fetch: FetchId,
        /// HTTP status; 0 when there was none.
        status: u16,
        /// The player's load policy ran out of time.
        timed_out: bool,
    },

    /// The text that `FetchText` asked for.
    TextReady {
        /// Which text.
        text: TextId,
        /// Its response URL, after redirects.
        url: String,
        /// All of it, undecoded but for its characters.
        body: String,
    },
    /// The text will not come: HTTP failed, it is too long, or took too long.
    TextFailed {
        /// Which text.
        text: TextId,
        /// HTTP status; 0 when there was none.
        status: u16,
    },

    // --- the disk ---
    /// There is a disk for segments, and these contents are on it beside what was told before. It is told so once at
    /// least, or nothing is given to it.
    #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
    Kept {
        /// Their ROOTs.
        roots: Vec<Digest>,
    },
    /// The one answer to `ReadKept`.
    #[cfg(any(feature = "disk", not(target_arch = "wasm32")))]
    KeptRead {
        /// Which segment.
        segment: SegmentId,
        /// Where its bytes wait, and their number; `None` if they are not there (any more).
        read: Option<(PayloadId, u64)>,
    },

    // --- trackers ---
    /// The socket is open.
    TrackerOpened {
        /// Which tracker.
        tracker: TrackerId,
    },
    /// A text message arrived.
    TrackerMessage {
        /// Which tracker.
        tracker: TrackerId,
        /// Its text, undecoded.
        text: String,
    },
    /// The socket closed or never opened.
    TrackerClosed {
        /// Which tracker.
        tracker: TrackerId,
    },

    // --- WebRTC ---
    /// The complete offer that `CreateOffer` asked for (gathering done or cut).
    OfferReady {
        /// Which link.
        link: LinkId,
        /// The offer.
        sdp: String,
    },
    /// The complete answer that `AcceptOffer` asked for.
    AnswerReady {
        /// Which link.
        link: LinkId,
        /// The answer.
        sdp: String,
    },
    /// A late candidate of ours, for trackers that relay them.
    Candidate {
        /// Which link.
        link: LinkId,
        /// The candidate as JSON (RTCIceCandidateInit).
        candidate: String,
    },
    /// Both channels are open.
    LinkOpened {
        /// Which link.
        link: LinkId,
        /// Longest message the other side's SCTP accepts, in bytes.
        max_message: u32,
    },
    /// Where the other side is, once after `LinkOpened` if the platform tells at all.
    LinkNetwork {
        /// Which link.
        link: LinkId,
        /// The network of the address that its packets come from; `None` when the platform hides it
        /// (a name of mDNS, a candidate that was never signalled).
        network: Option<Network>,
    },
    /// A message on the control channel.
    LinkMessage {
        /// Which link.
        link: LinkId,
        /// The message, undecoded.
        bytes: Vec<u8>,
    },
    /// What `Prove` was about is proven.
    Proven {
        /// The neighbour.
        link: LinkId,
        /// The description, as it was handed over.
        message: Vec<u8>,
    },
    /// A message on the block channel: `header` is its first [`crate::wire::BLOCK_HEADER_LEN`]
    /// bytes, the rest waits as `payload`.
    LinkBlock {
        /// Which link.
        link: LinkId,
        /// Where the bytes after the header wait.
        payload: PayloadId,
        /// The header, undecoded (shorter if the message was).
        header: Vec<u8>,
        /// Bytes after the header.
        len: u64,
    },
    /// Less waits in the block channel: told each time it has halved, until it is empty.
    LinkWritable {
        /// Which link.
        link: LinkId,
        /// Bytes that have not left yet, headers included.
        queued: u64,
    },
    /// The link is gone, or could not be made.
    LinkClosed {
        /// Which link.
        link: LinkId,
    },

    // --- the rest of the shell ---
    /// Digests of the blocks that `Hash` named, in its order.
    Hashed {
        /// Which batch.
        hash: HashId,
        /// One SHA-256 a run.
        digests: Vec<Digest>,
    },
    /// The moment that `next_timeout` named has come.
    Timeout,
}

/// What a player says a request is for. Only media goes through the swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// A media segment.
    Media,
    /// Initialisation, key, subtitle, part, anything else.
    Other,
}

/// A playlist's body.
#[derive(Clone, Debug)]
pub enum ManifestBody {
    /// HLS text, master or media.
    Hls(String),
    /// An MPD, and when it is handed over. The module for hls.js goes without: the reader's kilobytes are for
    /// those who use it.
    #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
    Mpd {
        /// Its tree, or why there is none.
        root: Result<Element, ManifestError>,
        /// Milliseconds since 1970, best by the clock the player plays by (`UTCTiming`).
        now_ms: u64,
    },
    /// Bytes that may be the index of an MPD's track (`sidx`): not text, and not media either.
    #[cfg(any(feature = "dash", not(target_arch = "wasm32")))]
    Index {
        /// Where in the resource they begin.
        first: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}
