//! Playlist text → one model: tracks, segments, times, ranges, digests.
//!
//! Invariant: a playlist that cannot be mapped gives an error, never a wrong segment. Knows nothing of
//! peers or sources; DASH comes beside `hls` and fills the same model.
//!
//! `hls` and `master` read text with m3u8-rs; `known_text` remembers what was read, so that a refresh reads only
//! what is new; `refresh` merges it into the `model`; `renditions` names tracks; `address` resolves
//! URLs; `index` finds a segment by its URL.

mod address;
mod hls;
mod index;
mod known_text;
mod master;
mod model;
mod refresh;
mod renditions;
#[cfg(test)]
mod tests;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use address::{is_http, path as url_path, resolve as resolve_url};
pub use model::{ManifestError, Segment, Timeline, Track, Update};
