//! WebTorrent tracker messages: JSON text, ids as "binary strings" (one character a byte).
//!
//! Used by both sides: the engine writes [`ToTracker`] and reads [`FromTracker`], the tracker the other
//! way round. Extensions of ours are optional members that stock clients and trackers ignore.

use crate::base::{InfoHash, PeerId};

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
        /// Bytes left; `None` when unknown (a stream has no end). 0 is a seeder.
        left: Option<u64>,
        /// Offers, at most one a wanted peer.
        offers: Vec<Offer>,
        /// Peers wanted; stock trackers take it from the offers.
        numwant: u32,
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
        /// The SDP.
        sdp: String,
    },
    /// Counts of swarms.
    Scrape {
        /// Which ones; empty for all the tracker wants to tell.
        info_hashes: Vec<InfoHash>,
    },
}

/// What a tracker tells a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromTracker {
    /// The answer to an announce.
    Announced {
        /// The swarm.
        info_hash: InfoHash,
        /// Seconds to the next periodic announce.
        interval_s: u32,
        /// Peers that hold everything.
        complete: u32,
        /// The others.
        incomplete: u32,
    },
    /// Somebody's offer for us.
    Offered {
        /// The swarm.
        info_hash: InfoHash,
        /// Whose.
        peer: PeerId,
        /// Its id, to be sent back with the answer.
        offer_id: String,
        /// The SDP.
        sdp: String,
    },
    /// Somebody's answer to our offer.
    Answered {
        /// The swarm.
        info_hash: InfoHash,
        /// Whose.
        peer: PeerId,
        /// Which offer of ours.
        offer_id: String,
        /// The SDP.
        sdp: String,
    },
    /// Counts of swarms: (info hash, complete, incomplete, downloaded).
    Scraped {
        /// One row a swarm.
        swarms: Vec<(InfoHash, u32, u32, u32)>,
    },
    /// The tracker refused something.
    Failure {
        /// Its words.
        reason: String,
    },
}

/// One offer within an announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// 20 random bytes as a binary string.
    pub offer_id: String,
    /// The SDP.
    pub sdp: String,
}

/// Why text is no tracker message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceError(pub String);
