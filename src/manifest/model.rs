//! The one model every player's manifest becomes.

use crate::base::{ByteRange, TrackId, Version};
use crate::integrity::tag::SegmentDigest;
use std::collections::VecDeque;

/// A stream as its manifests describe it so far.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    tracks: Vec<Track>,
}

/// One rendition or language: its segments in order, numbers without gaps.
#[derive(Clone, Debug)]
pub struct Track {
    /// The same for every player and viewer.
    pub id: TrackId,
    /// URL of its playlist without query, as first seen.
    pub url: String,
    /// More segments will come.
    pub live: bool,
    /// `EXT-X-TARGETDURATION`, milliseconds.
    pub target_duration_ms: u32,
    /// Segments in the playlist now; the front one has number `first_number`.
    pub segments: VecDeque<Segment>,
    /// Number of the front segment.
    pub first_number: u64,
}

/// One segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Media sequence number.
    pub number: u64,
    /// Absolute URL, query included.
    pub url: String,
    /// Byte range of the resource, if it is not the whole.
    pub range: Option<ByteRange>,
    /// Milliseconds of media.
    pub duration_ms: u32,
    /// What the playlist says about its bytes.
    pub digest: Option<SegmentDigest>,
    /// Which content the number names.
    pub version: Version,
}

/// What a manifest changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// Index of the track in `Timeline::tracks`; `None` for a master playlist.
    pub track: Option<usize>,
    /// Segments that are new: numbers `first..first + count` of that track.
    pub added_first: u64,
    /// How many.
    pub added: u32,
    /// Segments that left the playlist (oldest first).
    pub removed: Vec<Segment>,
    /// Numbers whose digest or address changed: (number, version before).
    pub changed: Vec<(u64, Version)>,
}

/// Why a playlist cannot be mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError(pub String);

impl Timeline {
    /// Takes a playlist's text, master or media, as received from `url` (after redirects).
    ///
    /// # Errors
    /// When it cannot be read or mapped; the timeline is then as before.
    pub fn update_hls(&mut self, _url: &str, _text: &str) -> Result<Update, ManifestError> {
        Err(ManifestError("written by the manifest room".into()))
    }

    /// The tracks known so far.
    #[must_use]
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Which segment a player's request names: URL and range as the player asks (an AES-128 reset of the
    /// range's start is the adapter's to undo). Query strings count.
    #[must_use]
    pub fn find(&self, _url: &str, _range: Option<ByteRange>) -> Option<(usize, u64)> {
        None
    }

    /// The segment `number` of track `track`.
    #[must_use]
    pub fn segment(&self, track: usize, number: u64) -> Option<&Segment> {
        let track = self.tracks.get(track)?;
        let index = number.checked_sub(track.first_number)?;
        track.segments.get(usize::try_from(index).ok()?)
    }

    /// The index of a track by its id.
    #[must_use]
    pub fn track_index(&self, id: TrackId) -> Option<usize> {
        self.tracks.iter().position(|track| track.id == id)
    }
}
