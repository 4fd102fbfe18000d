//! Playlist text, or an MPD's tree → one model: tracks, segments, times, ranges, digests.
//!
//! Invariant: a playlist that cannot be mapped gives an error, never a wrong segment. Knows nothing of
//! peers or sources.
//!
//! `hls` and `master` read text; `known_text` remembers what was read, so that a refresh reads only what is
//! new; `refresh` merges it into the `model`; `renditions` names tracks; `address` resolves
//! URLs; `index` finds a segment by its URL; `pointer` finds the sidecar. `dash` reads MPDs, which
//! shells hand over as a tree (`element`).

mod address;
mod dash;
mod element;
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

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use address::{is_http, path as url_path, resolve as resolve_url};
pub use dash::{MpdUpdate, SIDECAR_SCHEME};
pub use element::{DEPTH_MAX, ELEMENTS_MAX, Element, TEXT_MAX, TreeBuilder};
pub use model::{Indexed, ManifestError, Segment, Timeline, Track, Update};
pub use pointer::path_of;
