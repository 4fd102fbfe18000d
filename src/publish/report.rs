//! What checking found, for people and for scripts.

use serde::Serialize;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this shape.
    pub schema: u32,
    /// Every segment is what its digest says, and signed as it should be.
    pub ok: bool,
    /// A public key was given, and every signature checked against it.
    pub signatures_checked: bool,
    /// One row a media playlist.
    pub playlists: Vec<PlaylistReport>,
}

/// One media playlist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaylistReport {
    /// The playlist: a path or a URL.
    pub playlist: String,
    /// Where its digests are, if they stand beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<String>,
    /// One row a segment.
    pub segments: Vec<SegmentReport>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentReport {
    /// As the playlist names it.
    pub uri: String,
    /// First byte and the one past the last, if it is a part of a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The verdict.
    pub status: Status,
    /// What to know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The verdict on a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The bytes are those of its digest.
    Ok,
    /// Marked `EXT-X-GAP`: no bytes to check.
    Gap,
    /// Nothing is said of its bytes.
    NoDigest,
    /// What is said cannot be read, or there are several lines.
    BadLine,
    /// The bytes are not those of its digest.
    Mismatch,
    /// The bytes cannot be had.
    Unreadable,
    /// The signature is not the key's, or there is none.
    BadSignature,
    /// Signed for another STREAM or TRACK than the playlist's first line.
    OtherTrack,
    /// Signed with a SEQ that is not above the one before it.
    SeqNotRising,
}

impl Status {
    /// Whether a publisher may be content.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Ok | Self::Gap)
    }

    /// Words for a person.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gap => "gap",
            Self::NoDigest => "no digest",
            Self::BadLine => "bad line",
            Self::Mismatch => "MISMATCH",
            Self::Unreadable => "unreadable",
            Self::BadSignature => "BAD SIGNATURE",
            Self::OtherTrack => "OTHER TRACK",
            Self::SeqNotRising => "SEQ NOT RISING",
        }
    }
}
