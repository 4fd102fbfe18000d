//! Text of an HLS media playlist → segments as they stand in it (RFC 8216 and its successor, draft
//! rfc8216bis). Decides nothing about what is new.
//!
//! Only what says a segment's name, place or length is read; every other tag is passed over. A tag that
//! would change which bytes a number names (byte range, media sequence, skip) is read strictly: what it
//! may not say is an error, never a wrong number. Durations and digests cannot do that, so they are read
//! leniently: as much of a number as there is, and an unreadable digest line only bars sharing.

use super::model::ManifestError;
use crate::base::{cut, refused};
use crate::integrity::tag::{DigestTag, SegmentDigest};
use crate::integrity::{Attributes, Seal, Value, decimal_integer};
use core::{iter, mem};

/// Longest playlist that is read, bytes.
const TEXT_MAX: usize = 32 << 20;
/// Segments of one playlist.
pub(super) const SEGMENTS_MAX: u64 = 200_000;

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
pub(super) struct Listing<'a> {
    pub(super) segments: Vec<Listed<'a>>,
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
#[derive(Debug, Default)]
pub(super) struct Listed<'a> {
    pub(super) uri: &'a str,
    pub(super) duration_ms: u32,
    /// Length and, unless it follows the segment before, offset.
    pub(super) byte_range: Option<(u64, Option<u64>)>,
    /// `EXT-X-PROGRAM-DATE-TIME` as it is written.
    pub(super) date_time: Option<&'a str>,
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
    let (head, rest) = cut(text, head_len);
    Ok(Playlist { kind, head, rest })
}

/// Reads a stretch of a media playlist. The head's tags count where the stretch has them.
pub(super) fn read(text: &str) -> Result<Listing<'_>, ManifestError> {
    let mut reader = Reader::default();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        at += raw.len();
        let line = trim(raw);
        if line.bytes().any(|byte| byte == b'\r') {
            // RFC 8216 §4.1 ends lines with LF or CRLF; some players end them here all the same.
            return Err(error_at("a carriage return stands within a line", line));
        }
        if is_uri(line) {
            reader.uri(line)?;
            reader.listing.ends.push(at);
        } else {
            reader.tag(line)?;
        }
    }
    Ok(reader.listing)
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

/// What was read so far, and what the lines since the last URI say about the next one.
#[derive(Default)]
struct Reader<'a> {
    listing: Listing<'a>,
    next: Listed<'a>,
    has_duration: bool,
}

impl<'a> Reader<'a> {
    /// Takes the line that ends a segment.
    fn uri(&mut self, line: &'a str) -> Result<(), ManifestError> {
        if !mem::take(&mut self.has_duration) {
            return Err(error_at("a segment has no #EXTINF", line));
        }
        if line.as_bytes().windows(2).any(|pair| pair == b"{$") {
            return Err(error_at("variables (EXT-X-DEFINE) are not supported", line));
        }
        self.next.uri = line;
        self.listing.segments.push(mem::take(&mut self.next));
        if u64::try_from(self.listing.segments.len()).is_ok_and(|count| count > SEGMENTS_MAX) {
            return Err(too_many_segments());
        }
        Ok(())
    }

    /// Takes any other line. What it says holds for the next segment or, of a head's tags, for the
    /// playlist; said twice, the last word counts.
    fn tag(&mut self, line: &'a str) -> Result<(), ManifestError> {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let (listing, next) = (&mut self.listing, &mut self.next);
        match name {
            "#EXTINF" => {
                self.has_duration = true;
                next.duration_ms = milliseconds(value);
            }
            "#EXT-X-BYTERANGE" => next.byte_range = Some(byte_range(line, value)?),
            "#EXT-X-PROGRAM-DATE-TIME" => next.date_time = Some(value),
            "#EXT-X-GAP" => next.unshareable = true,
            "#EXT-X-TARGETDURATION" => listing.target_duration_s = whole(value),
            "#EXT-X-MEDIA-SEQUENCE" => {
                listing.media_sequence = decimal_integer(value).ok_or_else(|| malformed(line))?;
            }
            "#EXT-X-SKIP" => listing.skipped = skipped_segments(line, value)?,
            "#EXT-X-I-FRAMES-ONLY" => listing.i_frames_only = true,
            "#EXT-X-ENDLIST" => listing.end_list = true,
            _ => {
                if let Some(read) = DigestTag::parse_line(line) {
                    next.unshareable |= read.is_err();
                    (next.digest, next.seal) = match read {
                        Ok(tag) => (Some(tag.digest), tag.seal.map(Box::new)),
                        Err(_) => (None, None),
                    };
                }
            }
        }
        Ok(())
    }
}

/// `n[@o]` (RFC 8216 §4.3.2.2). A range of no bytes names nothing.
fn byte_range(line: &str, value: &str) -> Result<(u64, Option<u64>), ManifestError> {
    let (len, offset) = match value.split_once('@') {
        Some((len, offset)) => (len, Some(offset)),
        None => (value, None),
    };
    let len = decimal_integer(len).filter(|&len| len > 0);
    let offset = offset.map(|text| decimal_integer(text).ok_or(()));
    len.zip(offset.transpose().ok())
        .ok_or_else(|| malformed(line))
}

/// `SKIPPED-SEGMENTS` of `EXT-X-SKIP` (RFC 8216bis §4.4.5.2).
fn skipped_segments(line: &str, list: &str) -> Result<u64, ManifestError> {
    let mut skipped = None;
    for attribute in Attributes::new(list) {
        match attribute.map_err(|_| malformed(line))? {
            ("SKIPPED-SEGMENTS", Value::Plain(count)) => skipped = decimal_integer(count),
            ("SKIPPED-SEGMENTS", Value::Quoted(_)) => skipped = None,
            _ => {}
        }
    }
    skipped.ok_or_else(|| malformed(line))
}

/// Seconds as written in `EXTINF`, rounded to milliseconds; 0 where no number stands. Digits are taken
/// one by one: reading floats would cost the module several kilobytes, and halves would not be exact.
fn milliseconds(text: &str) -> u32 {
    let (whole_part, rest) = digits(text.trim_start());
    let fraction = rest.strip_prefix('.').map_or("", |rest| digits(rest).0);
    let four = fraction.bytes().chain(iter::repeat(b'0')).take(4);
    let ten_thousandths = four.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    let ms = whole(whole_part).saturating_mul(1_000);
    u32::try_from(ms.saturating_add((ten_thousandths + 5) / 10)).unwrap_or(u32::MAX)
}

/// The whole number a text begins with; 0 if it begins with none.
fn whole(text: &str) -> u64 {
    let (digits, _) = digits(text.trim_start());
    digits.bytes().fold(0, |number: u64, digit| {
        let number = number.saturating_mul(10);
        number.saturating_add(u64::from(digit - b'0'))
    })
}

/// The digits at the start of a text, and what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit());
    cut(text, end.unwrap_or(text.len()))
}

pub(super) fn is_uri(line: &str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

pub(super) fn trim(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_ascii_whitespace())
}

/// The error of a playlist beyond [`SEGMENTS_MAX`].
pub(super) fn too_many_segments() -> ManifestError {
    error("the playlist has more than 200,000 segments")
}

#[inline(always)]
fn error(text: &'static str) -> ManifestError {
    ManifestError(refused(text).to_owned())
}

fn malformed(line: &str) -> ManifestError {
    error_at("the media playlist has a malformed tag", line)
}

/// An error that names the line, cut to a readable length.
#[inline(always)]
fn error_at(text: &'static str, line: &str) -> ManifestError {
    let mut message = refused(text).to_owned();
    message.push_str(": ");
    message.extend(line.chars().take(200));
    ManifestError(message)
}
