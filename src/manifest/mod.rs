//! Playlist text → one model: tracks, segments, times, ranges, digests.
//!
//! Invariant: a playlist that cannot be mapped gives an error, never a wrong segment. Knows nothing of
//! peers or sources; DASH comes beside `hls` and fills the same model.
//!
//! `hls` and `master` read text; `known_text` remembers what was read, so that a refresh reads only what is
//! new; `refresh` merges it into the `model`; `renditions` names tracks; `address` resolves
//! URLs; `index` finds a segment by its URL; `pointer` finds the sidecar.

mod address;
mod hls;
mod index;
mod known_text;
mod master;
mod model;
mod pointer;
mod refresh;
mod renditions;
#[cfg(test)]
mod tests;

pub use model::{ManifestError, Segment, Timeline, Track, Update};
pub use pointer::path_of;
