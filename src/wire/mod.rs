//! Bytes and text on the wire, and nothing else: `peer` for data channels, `codec` for how its
//! messages stand in bytes, `announce` for WebTorrent trackers, `hints` and `token` for what they carry,
//! `nodes` for trackers among themselves, `reader` for bounded reading.
//!
//! Invariant: stateless and total. No input panics, none allocates more than its own length allows.

mod announce;
mod codec;
mod hints;
mod nodes;
mod peer;
mod reader;
mod token;

pub use announce::{
    AnnounceError, Extensions, FromTracker, Grants, OFFER_ID_CHARS_MAX, OFFERS_MAX, Offer, Receipt,
    Reported, SCRAPE_MAX, SDP_BYTES_MAX, SUBJECT_BYTES_MAX, Scraped, SessionId, TEXT_BYTES_MAX,
    ToTracker, WAITS, info_hash_of, room_of, secret_of, session_key, tag_of, wait_bound,
};
pub use codec::{limit, number};
pub use hints::Hints;
pub use nodes::{
    Between, Claim, CreditWord, FromNode, NODE_ROOMS_MAX, NODE_TEXT_BYTES_MAX, NodeId, NodeSaid,
    Part, Sealed, Seat,
};
pub use peer::{
    BLOCK_HEADER_LEN, BlockHeader, DecodeError, HaveEntry, Hello, Holding, PeerMessage,
    RejectReason, SegmentKey, Signal, WIRE_VERSION,
};
pub use token::{JoinToken, SignedToken, TOKEN_BYTES_MAX, TokenError};
