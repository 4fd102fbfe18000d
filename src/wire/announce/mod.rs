//! WebTorrent tracker messages: JSON text, ids as "binary strings" (one character a byte, U+0000 to
//! U+00FF, twenty of them).
//!
//! Used by both sides: the engine writes [`ToTracker`] and reads [`FromTracker`], the tracker the other
//! way round. There is no specification; what the stock software sends and takes decides (the npm
//! packages `bittorrent-tracker` and `@peertube/bittorrent-tracker-server`, and `aquatic_ws`).
//! Unknown members are skipped without being kept, so extensions of ours are optional members that
//! stock clients and trackers ignore, and theirs do not disturb us.
//!
//! Invariant: total and bounded. No text panics; nothing is kept beyond the limits below.

mod decode;
mod encode;
mod receipt;
mod reported;
mod shape;
#[cfg(test)]
mod tests;

pub use receipt::{Receipt, SUBJECT_BYTES_MAX, SessionId, secret_of, session_key, tag_of};

pub use reported::{Reported, WAITS, wait_bound};

use crate::base::json::{Malformed, Quoted};
use crate::base::{InfoHash, PeerId, unhex};
use crate::integrity::sha256;
use core::fmt;

/// Longest text read, in bytes: twenty offers of the longest SDP would not fit, a scrape of 255 does.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Offers read from one announce; the rest is ignored (stock clients send 5, older ones 10).
pub const OFFERS_MAX: usize = 20;

/// Longest SDP read, in bytes of JSON (a data channel's offer of Chromium is about 2 KiB).
pub const SDP_BYTES_MAX: usize = 16 * 1024;

/// Info hashes read from one scrape; the rest is ignored (the limit of `aquatic_ws`).
pub const SCRAPE_MAX: usize = 255;

/// What a tracker that takes votes says of them in its answer to an announce.
const VOTES_VERSION: u64 = 1;

/// What a peer that obeys a tracker's policy says of it in its announces.
const POLICY_VERSION: u64 = 1;

/// What peers and trackers that take late candidates say of them.
const TRICKLE_VERSION: u64 = 1;

/// Longest candidate read, in bytes of JSON (Chromium's are about 200).
const CANDIDATE_BYTES_MAX: usize = 2 * 1024;

/// Whether all of this is spoken. A page's engine writes no scrapes and hints and does not read what became of its receipts, for
/// its next one says it all again; it does not download what they would take.
const SPEAKS_ALL: bool = cfg!(any(test, not(target_arch = "wasm32")));

/// What a peer that would write receipts says of it in its announces.
const RECEIPTS_VERSION: u64 = 1;

/// What a peer that takes a TURN server says of it.
const TURN_VERSION: u64 = 1;

/// Longest offer id, in characters. Stock ones have 20; a tracker hands them back unread.
pub const OFFER_ID_CHARS_MAX: usize = 64;

/// The info hash of a swarm's name: first 20 bytes of SHA-256 of a versioned string.
#[must_use]
pub fn info_hash_of(name: &str) -> InfoHash {
    let digest = sha256(format!("swarmline swarm v1\n{name}").as_bytes());
    let mut hash = [0; 20];
    hash.copy_from_slice(&digest.0[..20]);
    InfoHash(hash)
}

/// Which swarm a person means: an info hash in hex, else the name that pages give it.
#[must_use]
pub fn room_of(name: &str) -> InfoHash {
    unhex(name).map_or_else(|| info_hash_of(name), InfoHash)
}

/// What a peer tells a tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToTracker {
    /// Presence, with offers to be handed to other peers.
    Announce {
        /// The swarm.
        info_hash: InfoHash,
        /// The speaker.
        peer: PeerId,
        /// `started`, `stopped`, `completed`, or `None` for a periodic one.
        event: Option<String>,
        /// Bytes sent so far.
        uploaded: u64,
        /// Bytes received so far.
        downloaded: u64,
        /// Bytes left; `None` when unknown (a stream has no end). 0 is a seeder. Written as an absent
        /// member: `bittorrent-tracker` would take `null` for 0.
        left: Option<u64>,
        /// Offers, at most one a wanted peer.
        offers: Vec<Offer>,
        /// Peers wanted; stock trackers take it from the offers.
        numwant: u32,
        /// It obeys [`FromTracker::Announced`]'s caps, also in one that it did not ask for; a stock client
        /// would not know what to do with them. Written as a member that stock trackers skip.
        takes_policy: bool,
        /// What else only our trackers read.
        extensions: Extensions,
    },
    /// An answer for the peer whose offer it was.
    Answer {
        /// The swarm.
        info_hash: InfoHash,
        /// The speaker.
        peer: PeerId,
        /// Whose offer it answers.
        to_peer: PeerId,
        /// Which offer.
        offer_id: String,
        /// The SDP; a tracker passes it on unread.
        sdp: Quoted,
    },
    /// A candidate that was found after the description was sent, for a peer that was offered to us or we to it. Only
    /// for trackers that say they take them. Nothing comes back.
    Candidate {
        /// The swarm.
        info_hash: InfoHash,
        /// The speaker.
        peer: PeerId,
        /// For whom.
        to_peer: PeerId,
        /// An `RTCIceCandidateInit` in JSON; a tracker passes it on unread.
        candidate: Quoted,
    },
    /// A vote against a peer that sent wrong bytes or lied about what it holds. An extension of ours: only
    /// for trackers that say they take votes, others would answer with a failure. Nothing comes back.
    Vote {
        /// The swarm.
        info_hash: InfoHash,
        /// The speaker.
        peer: PeerId,
        /// Whom it is about.
        against: PeerId,
    },
    /// What it has received from another. An extension of ours: only for trackers that gave a key.
    Receipt(Receipt),
    /// Counts of swarms.
    Scrape {
        /// Which ones; empty for all the tracker wants to tell.
        info_hashes: Vec<InfoHash>,
    },
}

/// Members of an announce that stock trackers skip; none of them is passed on to a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// A join token, as the page was given it.
    pub token: Option<String>,
    /// It would write [`ToTracker::Receipt`]s, and asks for a key.
    pub asks_receipts: bool,
    /// It knows what to do with [`Grants::turn`].
    pub takes_turn: bool,
    /// It takes [`FromTracker::Candidate`].
    pub takes_candidates: bool,
    /// The last [`Grants::ticket`]; empty for who has none and takes one, and [`Grants::proof`] as well.
    pub ticket: Option<String>,
    /// What it says of itself: an object in JSON ([`Hints`](crate::wire::Hints)).
    pub hints: Option<String>,
    /// What it reports of itself, to a tracker that keeps account.
    pub reported: Option<Reported>,
}

/// Members of the answer to an announce that stock clients skip, for who says that it takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// A TURN server and how to get in for a while, as a page's `RTCIceServer`: an object in JSON.
    pub turn: Option<String>,
    /// It takes [`ToTracker::Candidate`].
    pub takes_candidates: bool,
    /// What its next announces show, above all on another connection; opaque to peers, and not for others to see.
    pub ticket: Option<String>,
    /// What it shows to neighbours and reads theirs by ([`Claim::prove`](crate::integrity::Claim::prove)), where that is
    /// new.
    pub proof: Option<String>,
    /// What it signs receipts with ([`session_key`]).
    pub receipt_key: Option<String>,
}

/// What a tracker tells a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromTracker {
    /// The answer to an announce.
    Announced {
        /// The swarm.
        info_hash: InfoHash,
        /// Seconds to the next periodic announce; 0 when the tracker did not say.
        interval_s: u32,
        /// Peers that hold everything.
        complete: u32,
        /// The others.
        incomplete: u32,
        /// Words for a person that change nothing.
        warning: Option<String>,
        /// It takes [`ToTracker::Vote`]; written as a member that stock clients skip.
        takes_votes: bool,
        /// Links the peer may have at most; 0 is the CDN alone. `None`: as many as it likes. Told only to
        /// who takes a policy, like the next one.
        max_peers: Option<u32>,
        /// Bytes a second it may send to all peers together; 0 is no upload.
        upload_limit: Option<u64>,
        /// What else only our peers read.
        grants: Grants,
    },
    /// Somebody's offer for us.
    Offered {
        /// The swarm.
        info_hash: InfoHash,
        /// Whose.
        peer: PeerId,
        /// Its id, to be sent back with the answer.
        offer_id: String,
        /// The SDP; a tracker passes it on unread.
        sdp: Quoted,
    },
    /// Somebody's answer to our offer.
    Answered {
        /// The swarm.
        info_hash: InfoHash,
        /// Whose.
        peer: PeerId,
        /// Which offer of ours.
        offer_id: String,
        /// The SDP; a tracker passes it on unread.
        sdp: Quoted,
    },
    /// Somebody's late candidate.
    Candidate {
        /// The swarm.
        info_hash: InfoHash,
        /// Whose.
        peer: PeerId,
        /// An `RTCIceCandidateInit` in JSON.
        candidate: Quoted,
    },
    /// A receipt is kept, whatever happens now, and nothing up to it need be said again; or it does not count. No
    /// failure: stock clients, and our pages, would take one for trouble of the swarm.
    Receipted {
        /// The swarm; zeros in a page, as the others.
        info_hash: InfoHash,
        /// Who sent.
        from: PeerId,
        /// The receipt's bytes; 0 if it does not count.
        bytes: u64,
        /// Why it does not count.
        refused: Option<String>,
    },
    /// The tracker refused something.
    Failure {
        /// The swarm it is about, if the tracker said. With one, stock clients warn; without one
        /// they take the whole socket for broken and reconnect.
        info_hash: Option<InfoHash>,
        /// Its words.
        reason: String,
    },
}

/// The answer to a scrape. Apart from [`FromTracker`], because no viewer asks for one: its page carries no reader of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scraped {
    /// Counts, one row a swarm: (info hash, complete, incomplete, downloaded).
    pub swarms: Vec<(InfoHash, u32, u32, u32)>,
}

/// One offer within an announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// 20 random bytes as a binary string; opaque to a tracker.
    pub offer_id: String,
    /// The SDP; a tracker passes it on unread.
    pub sdp: Quoted,
}

/// Why text is no tracker message, in words fit for a `failure reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceError(pub String);

impl fmt::Display for AnnounceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl core::error::Error for AnnounceError {}

impl From<Malformed> for AnnounceError {
    fn from(error: Malformed) -> Self {
        Self(format!("not a tracker message: {error}"))
    }
}
