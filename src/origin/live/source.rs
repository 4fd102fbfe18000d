//! The finished playlist that a live stream loops: its pieces, exact to the microsecond, and what must
//! be known of their format to move their times.

use super::mp4;
use crate::base::ByteRange;
use crate::origin::site::read_file;
use crate::publish::Playlist;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Header lines that the live playlist repeats.
const HEAD_TAGS: [&str; 2] = ["#EXT-X-MAP:", "#EXT-X-INDEPENDENT-SEGMENTS"];

/// Tags that a loop cannot keep its promises with.
const REFUSED: [(&str, &str); 3] = [
    (
        "#EXT-X-DISCONTINUITY",
        "it has discontinuities; loop a playlist without",
    ),
    (
        "#EXT-X-KEY:METHOD=AES",
        "it is encrypted: times in it cannot be moved",
    ),
    (
        "#EXT-X-KEY:METHOD=SAMPLE",
        "it is encrypted: times in it cannot be moved",
    ),
];

/// A finished playlist.
#[derive(Debug)]
pub(super) struct Source {
    /// Lines of its head that are repeated.
    pub(super) head: Vec<String>,
    pub(super) format: Format,
    pieces: Vec<Piece>,
    suffix: String,
}

/// One segment of it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) file: PathBuf,
    pub(super) range: Option<ByteRange>,
    pub(super) offset_us: u64,
    pub(super) duration_us: u64,
}

/// How times stand in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Fragmented MP4, with the timescale of each track.
    Mp4 { timescales: BTreeMap<u32, u32> },
    /// MPEG transport stream.
    Ts,
}

impl Source {
    /// Reads a media playlist and looks into its first segment.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|why| why.to_string())?;
        let scan = Playlist::scan(&text).map_err(|why| why.to_string())?;
        if scan.is_master {
            return Err("it is a master playlist within another".into());
        }
        for (tag, why) in REFUSED {
            if text.lines().any(|line| line.starts_with(tag)) {
                return Err(why.into());
            }
        }
        let durations: Option<Vec<u64>> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("#EXTINF:"))
            .map(micros)
            .collect();
        let durations = durations.filter(|all| all.len() == scan.segments.len());
        let durations = durations.ok_or("its #EXTINF lines do not fit its segments")?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut offset_us = 0;
        let pieces: Vec<_> = scan
            .segments
            .iter()
            .zip(durations)
            .map(|(entry, duration_us)| {
                offset_us += duration_us;
                Piece {
                    file: folder.join(&entry.uri),
                    range: entry.range,
                    offset_us: offset_us - duration_us,
                    duration_us,
                }
            })
            .collect();
        let first = pieces.first().ok_or("it lists no segments")?;
        if offset_us == 0 {
            return Err("its segments have no duration".into());
        }
        let suffix = first.file.extension().unwrap_or_default().to_string_lossy();
        let head = text.lines().map(str::trim);
        let head = head.filter(|line| HEAD_TAGS.iter().any(|tag| line.starts_with(tag)));
        let head: Vec<String> = head.map(str::to_owned).collect();
        Ok(Self {
            format: Format::of(first, &head, folder)?,
            head,
            suffix: format!(".{suffix}"),
            pieces,
        })
    }

    /// Pass and piece of a number.
    pub(super) fn split(&self, number: u64) -> (u64, &Piece) {
        let count = self.count();
        let index = usize::try_from(number % count).unwrap_or(0);
        (number / count, &self.pieces[index])
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.pieces.len()).unwrap_or(u64::MAX)
    }

    /// Length of all pieces.
    pub(super) fn end_us(&self) -> u64 {
        self.pieces
            .last()
            .map_or(0, |piece| piece.offset_us + piece.duration_us)
    }

    /// Extension of the segments' files, with its dot.
    pub(super) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// The longest duration, rounded up (RFC 8216 §4.3.3.1 wants no more than half a second above it).
    pub(super) fn target_duration_s(&self) -> u64 {
        let longest = self.pieces.iter().map(|piece| piece.duration_us).max();
        longest.unwrap_or(0).div_ceil(1_000_000)
    }
}

impl Format {
    fn of(first: &Piece, head: &[String], folder: &Path) -> Result<Self, String> {
        let read = |path: &Path, range| {
            read_file(path, range).map_err(|why| format!("{}: {why}", path.display()))
        };
        let bytes = read(&first.file, first.range)?;
        if bytes.first() == Some(&0x47) && bytes.len().is_multiple_of(188) {
            return Ok(Self::Ts);
        }
        let map = head
            .iter()
            .find_map(|line| line.strip_prefix("#EXT-X-MAP:"));
        let uri = map.and_then(|attributes| quoted(attributes, "URI"));
        let init = match uri {
            Some(uri) => read(&folder.join(uri), None)?,
            None => bytes,
        };
        let timescales = mp4::timescales(&init);
        if timescales.is_empty() {
            return Err("its segments are neither transport streams nor fragmented MP4".into());
        }
        Ok(Self::Mp4 { timescales })
    }
}

fn quoted<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = attributes.split_once(&format!("{name}=\""))?;
    value.split_once('"').map(|(value, _)| value)
}

/// `4.004,title` → 4,004,000.
fn micros(text: &str) -> Option<u64> {
    let number = text.split(',').next()?.trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let whole = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    whole.checked_add(digits.parse().ok()?)
}
