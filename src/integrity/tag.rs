//! `#EXT-X-SWARMLINE-DIGEST`: how a segment's digest stands in an HLS playlist, read and written.
//!
//! `#EXT-X-SWARMLINE-DIGEST:SIZE=650112,ROOT="<base64>"`, one line before the segment's URI, with
//! options `SHA256`, `STREAM`, `TRACK`, `SEQ`, `SIG`. Each line stands alone.

use super::Digest;

/// The tag's name with its colon.
pub const TAG: &str = "#EXT-X-SWARMLINE-DIGEST:";

/// What a playlist says about a segment's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentDigest {
    /// Bytes of the segment.
    pub size: u64,
    /// Root of its block tree.
    pub root: Digest,
}
