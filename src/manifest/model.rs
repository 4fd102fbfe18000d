//! The one model every player's manifest becomes.
//!
//! Invariant: the numbers of a track's segments rise strictly (in HLS without gaps), and every segment that
//! `find` names stands in its track. This file holds the shapes and the questions; `refresh` and `dash`
//! change them.

use super::address;
use super::dash;
use super::hls::{self, Kind};
use super::index::AddressIndex;
use super::known_text::KnownText;
use super::pointer;
use super::renditions::Renditions;
use crate::base::{ByteRange, TrackId, Version, cut};
use crate::integrity::{Seal, tag::SegmentDigest};
use core::fmt;

/// A stream as its manifests describe it so far.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    pub(super) tracks: Vec<Track>,
    /// Of each track, in the same order.
    pub(super) texts: Vec<KnownText>,
    pub(super) renditions: Renditions,
    pub(super) index: AddressIndex,
    pub(super) dash: dash::Known,
}

/// One rendition or language (in DASH: of one period): its segments in order, numbers rising.
#[derive(Clone, Debug)]
pub struct Track {
    /// The same for every player and viewer.
    pub id: TrackId,
    /// URL of its playlist or MPD without query, as first seen.
    pub url: String,
    /// More segments will come.
    pub live: bool,
    /// `EXT-X-TARGETDURATION`, or the longest segment of an MPD; milliseconds.
    pub target_duration_ms: u32,
    /// Segments in the playlist now; the front one has number `first_number`.
    pub segments: Vec<Segment>,
    /// Number of the front segment; where there is none, of the next.
    pub first_number: u64,
    /// Where its segments are listed, if not in the MPD (`SegmentBase`). There are none here then.
    pub indexed: Option<Indexed>,
}

/// A resource that has all segments of a track, and an index of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Absolute URL, query included.
    pub url: String,
    /// Where in it the index (`sidx`) is, if the MPD says so.
    pub index_range: Option<ByteRange>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Media sequence number, or in DASH start time in the timescale of its track.
    pub number: u64,
    /// Absolute URL, query included.
    pub url: String,
    /// Byte range of the resource, if it is not the whole.
    pub range: Option<ByteRange>,
    /// Milliseconds of media.
    pub duration_ms: u32,
    /// What the playlist says about its bytes.
    pub digest: Option<SegmentDigest>,
    /// The signature of that, unchecked. In a box, because long playlists have none.
    pub seal: Option<Box<Seal>>,
    /// Which content the number names.
    pub version: Version,
    /// False for what has no media (`EXT-X-GAP`), a digest line that cannot be read, or no HTTP
    /// address. It keeps its number and is never found.
    pub shareable: bool,
}

/// What a manifest changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// Index of the track in `Timeline::tracks`; `None` for a master or an I-frame playlist.
    pub track: Option<usize>,
    /// Number of the first segment that is new; in HLS the others follow it without gaps.
    pub added_first: u64,
    /// How many.
    pub added: u32,
    /// Segments that left the playlist (oldest first). All of the track's old ones when its numbers
    /// went back (another encoder) or jumped ahead (the viewer was away).
    pub removed: Vec<Segment>,
    /// Numbers whose digest, version or address changed: (number, version before). A new address alone
    /// leaves the version as it was.
    pub changed: Vec<(u64, Version)>,
    /// URL of the sidecar that the manifest names. A delta update may leave the line out: `None`
    /// takes nothing back.
    pub sidecar: Option<String>,
}

/// Why a playlist cannot be mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError(pub String);

impl fmt::Display for ManifestError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl core::error::Error for ManifestError {}

impl Timeline {
    /// Takes a playlist's text, master or media, as received from `url` (after redirects).
    ///
    /// # Errors
    /// When it cannot be read or mapped; the timeline is then as before.
    pub fn update_hls(&mut self, url: &str, text: &str) -> Result<Update, ManifestError> {
        self.update_counted(url, text).map(|(update, _)| update)
    }

    /// As `update_hls`; also says how many segments had to be read.
    pub(super) fn update_counted(
        &mut self,
        url: &str,
        text: &str,
    ) -> Result<(Update, usize), ManifestError> {
        let playlist = hls::open(text)?;
        match playlist.kind {
            Kind::Media => {
                let (mut update, read) = self.update_media(url, &playlist)?;
                update.sidecar = pointer::sidecar(url, playlist.head);
                Ok((update, read))
            }
            Kind::Master => {
                self.renditions.read_master(url, text);
                Ok((Update::default(), 0))
            }
        }
    }

    /// The tracks whose media playlists were seen, in the order in which they were.
    #[must_use]
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Which segment a player's request names: URL and range as the player asks (an AES-128 reset of the
    /// range's start is the adapter's to undo). Query strings count, fragments do not. Players and pages put
    /// parameters of their own behind a listed address (tokens, CMCD): those are looked past where a path, not a
    /// query, tells a segment from its neighbours.
    #[must_use]
    pub fn find(&self, url: &str, range: Option<ByteRange>) -> Option<(usize, u64)> {
        const PARAMETERS_MAX: usize = 16;
        let url = address::normalize(url);
        let mut asked = url.as_str();
        for _ in 0..PARAMETERS_MAX {
            let mut found = self.find_listed(asked, range);
            if cfg!(feature = "dash") && found.is_none() {
                found = self.find_further(asked, range);
            }
            if found.is_some() {
                return found.filter(|place| asked == url || self.is_named_by_path(*place));
            }
            let query = asked.find('?')?;
            let last = crate::base::find_last(asked, b'&').filter(|last| *last > query);
            asked = cut(asked, last.unwrap_or(query)).0;
        }
        None
    }

    pub(super) fn find_listed(&self, url: &str, range: Option<ByteRange>) -> Option<(usize, u64)> {
        let (track, number) = self.index.get(url, range)?;
        let segment = self.segment(track, number)?;
        (segment.shareable && segment.range == range && address::is_same(&segment.url, url))
            .then_some((track, number))
    }

    /// Whether a segment's neighbours have other paths than it, or other ranges.
    fn is_named_by_path(&self, (track, number): (usize, u64)) -> bool {
        let track = self.tracks.get(track);
        let neighbours = track.and_then(|track| {
            let at = track.position(number)?;
            let around = track
                .segments
                .get(at.saturating_sub(1)..track.segments.len().min(at + 2))?
                .iter();
            let own = track.segments.get(at)?;
            let path = address::without_query(&own.url);
            let is_alike = |other: &&Segment| {
                other.range == own.range && address::without_query(&other.url) == path
            };
            Some(around.filter(is_alike).count())
        });
        neighbours == Some(1)
    }

    /// The segment `number` of track `track`.
    #[must_use]
    pub fn segment(&self, track: usize, number: u64) -> Option<&Segment> {
        self.tracks.get(track)?.segment(number)
    }

    /// The index of a track by its id.
    #[must_use]
    pub fn track_index(&self, id: TrackId) -> Option<usize> {
        self.tracks.iter().position(|track| track.id == id)
    }

    /// Makes `find` follow an update of a track: its segments that went, those that changed as they were, and the
    /// numbers of those that are new.
    pub(super) fn reindex(
        &mut self,
        index: usize,
        removed: &[Segment],
        replaced: &[Segment],
        added: &[u64],
    ) {
        for gone in removed.iter().chain(replaced) {
            self.index.remove(index, gone);
        }
        let Some(track) = self.tracks.get(index) else {
            return;
        };
        let changed = replaced.iter().map(|segment| segment.number);
        for segment in changed
            .chain(added.iter().copied())
            .filter_map(|number| track.segment(number))
        {
            self.index.insert(index, segment);
        }
    }
}

impl Track {
    /// A track without segments; `url` is its manifest's.
    pub(super) fn new(id: TrackId, url: &str) -> Self {
        Self {
            id,
            url: address::without_query(url).to_owned(),
            live: true,
            target_duration_ms: 0,
            segments: Vec::new(),
            first_number: 0,
            indexed: None,
        }
    }

    /// The segment with this number.
    #[must_use]
    pub fn segment(&self, number: u64) -> Option<&Segment> {
        self.segments.get(self.position(number)?)
    }

    /// The segment that is listed behind the one with this number.
    #[must_use]
    pub fn after(&self, number: u64) -> Option<&Segment> {
        self.segments.get(self.position(number)? + 1)
    }

    fn position(&self, number: u64) -> Option<usize> {
        let found = self
            .segments
            .binary_search_by_key(&number, |known| known.number);
        found.ok()
    }

    /// One past the last number.
    #[must_use]
    pub fn end_number(&self) -> u64 {
        let last = self.segments.last();
        last.map_or(self.first_number, |last| last.number.saturating_add(1))
    }
}
