//! Text of an HLS media playlist → segments as they stand in it, with m3u8-rs. Decides nothing about what is new.
//!
//! m3u8-rs 6 misreads some legal lines (a title with a comma or a fraction in TARGETDURATION become
//! URIs, a variant that does not parse gives its URI to the one before). So it is handed only the
//! lines that matter, tidied, a few hundred segments at a time, and what it returns is compared with
//! the URI lines of the text: a difference is an error, never a wrong number.

use super::model::ManifestError;
use crate::integrity::Seal;
use crate::integrity::tag::{self, DigestTag, SegmentDigest};
use m3u8_rs::{ExtTag, MediaPlaylist, MediaSegment};

/// Longest playlist that is read, bytes.
const TEXT_MAX: usize = 32 << 20;
/// Segments of one playlist.
pub(super) const SEGMENTS_MAX: u64 = 200_000;
/// Segments handed to m3u8-rs at once: its values are some hundred bytes a segment, and wasm memory
/// never shrinks.
const BATCH_SEGMENTS: usize = 256;
/// PROGRAM-DATE-TIME under another name: its text is wanted, not its time.
const DATE_TIME: &str = "X-PROGRAM-DATE-TIME-TEXT";

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A list of renditions.
    Master,
    /// A list of segments.
    Media,
}

/// A playlist, cut where its head ends; nothing behind that has been looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Playlist<'a> {
    pub(super) kind: Kind,
    /// Up to and including the first URI line.
    pub(super) head: &'a str,
    /// Everything behind it.
    pub(super) rest: &'a str,
}

/// Segments of a stretch of a media playlist, and the tags among them.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) segments: Vec<Listed>,
    /// Where each segment's URI line ends in the stretch.
    pub(super) ends: Vec<usize>,
    pub(super) media_sequence: u64,
    pub(super) target_duration_s: u64,
    pub(super) i_frames_only: bool,
    pub(super) end_list: bool,
    /// `EXT-X-SKIP`: segments left out in front, because the player knows them.
    pub(super) skipped: u64,
}

/// One segment as it stands in the text.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) uri: String,
    pub(super) duration_ms: u32,
    /// Length and, unless it follows the segment before, offset.
    pub(super) byte_range: Option<(u64, Option<u64>)>,
    pub(super) date_time: Option<String>,
    pub(super) digest: Option<SegmentDigest>,
    pub(super) seal: Option<Box<Seal>>,
    /// `EXT-X-GAP`, or a digest line that cannot be read: not to be shared.
    pub(super) unshareable: bool,
}

/// Looks at the head of a playlist.
pub(super) fn open(text: &str) -> Result<Playlist<'_>, ManifestError> {
    if text.len() > TEXT_MAX {
        return Err(error("the playlist is longer than 32 MiB"));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.starts_with("#EXTM3U") {
        return Err(error(
            "the text is no HLS playlist: it does not begin with #EXTM3U",
        ));
    }
    let mut kind = None;
    let mut head_len = text.len();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        at += raw.len();
        let line = trim(raw);
        if is_uri(line) {
            head_len = at;
            break;
        }
        if line.starts_with("#EXTINF") || line.starts_with("#EXT-X-TARGETDURATION") {
            kind = Some(Kind::Media);
        } else if line.starts_with("#EXT-X-STREAM-INF") || line.starts_with("#EXT-X-MEDIA:") {
            kind = kind.or(Some(Kind::Master));
        }
    }
    let kind = kind.ok_or_else(|| error("the playlist lists neither segments nor renditions"))?;
    let (head, rest) = text.split_at(head_len);
    Ok(Playlist { kind, head, rest })
}

/// Reads a stretch of a media playlist. The head's tags count where the stretch has them.
pub(super) fn read(text: &str) -> Result<Listing, ManifestError> {
    let mut listing = Listing::default();
    let mut batch = Batch::new();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        at += raw.len();
        if batch.push(trim(raw))? {
            listing.ends.push(at);
            if batch.uris.len() == BATCH_SEGMENTS {
                batch.read_into(&mut listing)?;
                batch = Batch::new();
                if u64::try_from(listing.ends.len()).is_ok_and(|count| count > SEGMENTS_MAX) {
                    return Err(too_many_segments());
                }
            }
        }
    }
    batch.read_into(&mut listing)?;
    Ok(listing)
}

/// Whether the first segment of a stretch has a PROGRAM-DATE-TIME; `None` if there is no segment.
pub(super) fn first_is_dated(text: &str) -> Option<bool> {
    let mut dated = false;
    for line in text.lines().map(trim) {
        if is_uri(line) {
            return Some(dated);
        }
        dated |= line.starts_with("#EXT-X-PROGRAM-DATE-TIME:");
    }
    None
}

/// Tidied lines on their way to m3u8-rs.
struct Batch<'a> {
    text: String,
    uris: Vec<&'a str>,
    has_duration: bool,
}

impl<'a> Batch<'a> {
    fn new() -> Self {
        Self {
            text: String::from("#EXTM3U\n"),
            uris: Vec::new(),
            has_duration: false,
        }
    }

    /// Takes a line; true if it is a segment's URI.
    fn push(&mut self, line: &'a str) -> Result<bool, ManifestError> {
        if line.is_empty() {
            return Ok(false);
        }
        if is_uri(line) {
            if !self.has_duration {
                return Err(error_at("a segment has no #EXTINF: ", line));
            }
            if line.as_bytes().windows(2).any(|pair| pair == b"{$") {
                return Err(error_at(
                    "variables (EXT-X-DEFINE) are not supported: ",
                    line,
                ));
            }
            self.has_duration = false;
            self.uris.push(line);
            self.push_line(&[line]);
            return Ok(true);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "#EXTINF" => {
                let (whole, fraction) = decimal(value);
                self.has_duration = true;
                self.push_line(&["#EXTINF:", whole, ".", fraction, ","]);
            }
            "#EXT-X-TARGETDURATION" => {
                self.push_line(&["#EXT-X-TARGETDURATION:", decimal(value).0]);
            }
            "#EXT-X-PROGRAM-DATE-TIME" => self.push_line(&["#EXT-", DATE_TIME, ":", value]),
            "#EXT-X-GAP" | "#EXT-X-ENDLIST" | "#EXT-X-I-FRAMES-ONLY" => self.push_line(&[name]),
            "#EXT-X-BYTERANGE" | "#EXT-X-MEDIA-SEQUENCE" | "#EXT-X-SKIP" => self.push_line(&[line]),
            _ if line.starts_with(tag::TAG) => self.push_line(&[line]),
            _ => {} // comments, parts, hints, keys, maps: nothing of a segment's name or place
        }
        Ok(false)
    }

    fn push_line(&mut self, parts: &[&str]) {
        for part in parts {
            self.text.push_str(part);
        }
        self.text.push('\n');
    }

    fn read_into(self, listing: &mut Listing) -> Result<(), ManifestError> {
        let Ok((left, playlist)) = m3u8_rs::parse_media_playlist(self.text.as_bytes()) else {
            return Err(error("the media playlist cannot be read"));
        };
        if !left.is_empty() {
            return Err(error("the media playlist cannot be read to its end"));
        }
        read_head(&playlist, listing)?;
        let uris = playlist.segments.iter().map(|segment| segment.uri.as_str());
        if !uris.eq(self.uris.iter().copied()) {
            return Err(error("the media playlist has a malformed tag"));
        }
        for segment in playlist.segments {
            listing.segments.push(Listed::read(segment)?);
        }
        Ok(())
    }
}

fn read_head(playlist: &MediaPlaylist, listing: &mut Listing) -> Result<(), ManifestError> {
    listing.end_list |= playlist.end_list;
    listing.i_frames_only |= playlist.i_frames_only;
    listing.media_sequence = listing.media_sequence.max(playlist.media_sequence);
    listing.target_duration_s = listing.target_duration_s.max(playlist.target_duration);
    // m3u8-rs keeps what it cannot read, and the head's unknown tags, with the segment that follows.
    let tags = playlist
        .segments
        .iter()
        .flat_map(|segment| &segment.unknown_tags);
    for tag in tags {
        match tag.tag.as_str() {
            "X-SKIP" => listing.skipped = skipped_segments(value(tag))?,
            "X-MEDIA-SEQUENCE" | "X-BYTERANGE" => {
                return Err(error_at(
                    "the media playlist has a malformed tag: ",
                    value(tag),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn skipped_segments(attributes: &str) -> Result<u64, ManifestError> {
    attributes
        .split(',')
        .find_map(|pair| pair.trim().strip_prefix("SKIPPED-SEGMENTS="))
        .and_then(|count| count.parse().ok())
        .ok_or_else(|| error_at("EXT-X-SKIP says not how many segments: ", attributes))
}

impl Listed {
    fn read(segment: MediaSegment) -> Result<Self, ManifestError> {
        let mut listed = Self {
            duration_ms: to_ms(segment.duration),
            byte_range: segment.byte_range.map(|range| (range.length, range.offset)),
            uri: segment.uri,
            date_time: None,
            digest: None,
            seal: None,
            unshareable: false,
        };
        for tag in segment.unknown_tags {
            if tag.tag == DATE_TIME {
                listed.date_time = tag.rest;
            } else if tag.tag == "X-GAP" {
                listed.unshareable = true;
            } else if is_digest(&tag) {
                let read = DigestTag::parse_attributes(value(&tag)).ok();
                listed.unshareable |= read.is_none();
                (listed.digest, listed.seal) = match read {
                    Some(tag) => (Some(tag.digest), tag.seal.map(Box::new)),
                    None => (None, None),
                };
            }
        }
        if listed.byte_range.is_some_and(|(len, _)| len == 0) {
            return Err(error_at("a segment's byte range is empty: ", &listed.uri));
        }
        Ok(listed)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates; 49 days are more than a segment lasts"
)]
fn to_ms(seconds: f32) -> u32 {
    (f64::from(seconds) * 1_000.0).round() as u32
}

fn is_digest(unknown: &ExtTag) -> bool {
    let name = tag::TAG
        .strip_prefix("#EXT-")
        .and_then(|name| name.strip_suffix(':'));
    name == Some(&unknown.tag)
}

fn value(tag: &ExtTag) -> &str {
    tag.rest.as_deref().unwrap_or_default()
}

pub(super) fn is_uri(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

pub(super) fn trim(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_ascii_whitespace())
}

/// Whole and fractional digits at the start of a number, `0` where there are none.
fn decimal(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let (whole, rest) = digits(text);
    let fraction = rest.strip_prefix('.').map_or("", |rest| digits(rest).0);
    (
        if whole.is_empty() { "0" } else { whole },
        if fraction.is_empty() { "0" } else { fraction },
    )
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// The error of a playlist beyond [`SEGMENTS_MAX`].
pub(super) fn too_many_segments() -> ManifestError {
    error("the playlist has more than 200,000 segments")
}

fn error(text: &str) -> ManifestError {
    ManifestError(text.to_owned())
}

/// An error that names the line, cut to a readable length.
fn error_at(text: &str, line: &str) -> ManifestError {
    let mut message = text.to_owned();
    message.extend(line.chars().take(200));
    ManifestError(message)
}
