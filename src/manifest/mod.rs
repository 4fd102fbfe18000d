//! Playlist text → one model: tracks, segments, times, ranges, digests.
//!
//! Invariant: a playlist that cannot be mapped gives an error, never a wrong segment. Knows nothing of
//! peers or sources; DASH comes beside `hls` and fills the same model.

mod hls;
mod model;

pub use model::{ManifestError, Segment, Timeline, Track, Update};
