//! The words every room shares: ids, time, chance and rates; and JSON.
//!
//! Invariant: nothing here knows what a segment, a peer or a playlist is for. No I/O, no globals.

mod id;
pub mod json;
mod map;
mod network;
mod range;
mod rate;
mod rng;
mod text;
mod time;

pub use id::{
    FetchId, HashId, InfoHash, LinkId, PayloadId, PeerId, RequestId, SegmentId, TextId, TrackId,
    TrackerId, Version, hex, unhex,
};
pub use map::{SortedMap, SortedSet};
pub use network::Network;
pub use range::ByteRange;
pub use rate::RateMeter;
pub use rng::Rng;
pub use text::{cut, find_last, is_secret, refused};
pub use time::{Duration, Instant, seconds};
