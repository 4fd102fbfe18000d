//! Finds segments, lines of ours and child playlists in the text of an HLS playlist (RFC 8216; an MPD is
//! `mpd_scan`'s), without losing a byte: everything found is a place in the text or a copy of a URI.
//!
//! It reads no more than signing needs; the engine's own reader is `manifest`. Lines end with LF or
//! CRLF.

use super::mpd_scan::{is_xml, scan_mpd};
use crate::base::ByteRange;
use crate::integrity::tag::{DigestTag, TAG, TagError};
use std::collections::BTreeMap;
use std::fmt;

/// The name of the line that points to a sidecar, with its colon.
pub(super) const POINTER: &str = "#EXT-X-SWARMLINE-SIDECAR:";

/// What stands in a playlist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Playlist {
    /// Segments in order; none in a master playlist.
    pub segments: Vec<Entry>,
    /// URIs of media playlists that a master playlist names, each once, in order.
    pub children: Vec<String>,
    /// It names other playlists.
    pub is_master: bool,
    /// `EXT-X-ENDLIST` stands in it: it will not grow.
    pub is_ended: bool,
    /// Where its sidecar is, if it points to one; the first of several.
    pub sidecar: Option<String>,
    /// It is an MPD, and has these tracks: their segments follow each other in `segments`.
    pub tracks: Option<Vec<MpdTrack>>,
    /// What an MPD has besides, and why it is not among the segments.
    pub not_listed: Vec<String>,
}

/// A representation of one period of an MPD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpdTrack {
    /// Its track's id in the engine, in hexadecimal.
    pub name: String,
    /// How many segments it has.
    pub segments: usize,
}

/// One segment of a media playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its URI line begins, in bytes from the start of the text.
    pub offset: usize,
    /// That line, counted from 1.
    pub line: usize,
    /// Its URI, variables (`EXT-X-DEFINE`) put in.
    pub uri: String,
    /// `EXT-X-BYTERANGE`, an implicit offset resolved.
    pub range: Option<ByteRange>,
    /// The digest lines before it, in order; one is right, none is unsigned.
    pub tags: Vec<Result<DigestTag, TagError>>,
    /// `EXT-X-GAP`: the publisher says that there are no bytes.
    pub is_gap: bool,
    /// The last one that an MPD's rule makes of a track: the stream may end before it.
    pub may_be_missing: bool,
}

/// What in a playlist cannot be understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanError {
    /// The line, counted from 1; 0 where it is said with what is wrong, or is none.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for ScanError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.what),
            line => write!(out, "line {line}: {}", self.what),
        }
    }
}

impl std::error::Error for ScanError {}

/// A line with where it begins; `text` has no line end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) offset: usize,
    pub(super) text: &'a str,
    /// `"\r\n"`, `"\n"`, or nothing at the end of the text.
    pub(super) end: &'a str,
}

/// The lines of `text`; put together again they are the text.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut offset = 0;
    text.split_inclusive('\n').map(move |whole| {
        let body = whole.strip_suffix('\n').unwrap_or(whole);
        let body = body
            .strip_suffix('\r')
            .filter(|_| body.len() < whole.len())
            .unwrap_or(body);
        let line = Line {
            offset,
            text: body,
            end: &whole[body.len()..],
        };
        offset += whole.len();
        line
    })
}

impl Playlist {
    /// Reads `text`, a playlist's or an MPD's.
    ///
    /// # Errors
    /// When it is neither, or a segment's address cannot be told.
    pub fn scan(text: &str) -> Result<Self, ScanError> {
        if is_xml(text) {
            return scan_mpd(text);
        }
        let mut scan = Scan::default();
        for (index, line) in lines(text).enumerate() {
            scan.line(index, line).map_err(|what| ScanError {
                line: index + 1,
                what,
            })?;
        }
        if !scan.is_playlist {
            let what = "empty, not an HLS playlist".to_owned();
            return Err(ScanError { line: 1, what });
        }
        Ok(scan.playlist)
    }
}

/// What the lines so far said about the next URI.
#[derive(Default)]
struct Scan {
    playlist: Playlist,
    is_playlist: bool,
    /// The next URI is a variant's.
    is_variant: bool,
    variables: BTreeMap<String, String>,
    tags: Vec<Result<DigestTag, TagError>>,
    is_gap: bool,
    /// Length and offset of `EXT-X-BYTERANGE`.
    range: Option<(u64, Option<u64>)>,
    /// Where the last segment ended, and in which resource, if it was a range.
    last_range: Option<(String, u64)>,
}

impl Scan {
    fn line(&mut self, index: usize, line: Line<'_>) -> Result<(), String> {
        let text = line.text.trim();
        if index == 0 {
            let head = text.trim_start_matches('\u{feff}');
            self.is_playlist = head.split_whitespace().next() == Some("#EXTM3U");
            return if self.is_playlist {
                Ok(())
            } else {
                Err("not an HLS playlist: it does not begin with #EXTM3U".to_owned())
            };
        }
        if text.is_empty() {
            Ok(())
        } else if text.starts_with('#') {
            self.tag(text)
        } else {
            self.uri(text, index + 1, line.offset)
        }
    }

    fn tag(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "#EXT-X-ENDLIST" => self.playlist.is_ended = true,
            "#EXT-X-GAP" => self.is_gap = true,
            "#EXT-X-BYTERANGE" => self.range = Some(byte_range(value)?),
            "#EXT-X-STREAM-INF" => {
                self.playlist.is_master = true;
                self.is_variant = true;
            }
            "#EXT-X-MEDIA" | "#EXT-X-I-FRAME-STREAM-INF" => {
                self.playlist.is_master = true;
                if let Some(uri) = attribute(value, "URI") {
                    self.child(uri)?;
                }
            }
            "#EXT-X-DEFINE" => self.define(value)?,
            "#EXT-X-SWARMLINE-SIDECAR" => {
                let uri = attribute(value, "URI").map(str::to_owned);
                self.playlist.sidecar = self.playlist.sidecar.take().or(uri);
            }
            _ => self.tags.extend(DigestTag::parse_line(text)),
        }
        Ok(())
    }

    fn uri(&mut self, text: &str, line: usize, offset: usize) -> Result<(), String> {
        if core::mem::take(&mut self.is_variant) {
            return self.child(text);
        }
        let uri = self.substitute(text)?;
        let range = match self.range.take() {
            None => None,
            Some((len, start)) => Some(self.place(&uri, len, start)?),
        };
        self.last_range = range.map(|range| (uri.clone(), range.end));
        self.playlist.segments.push(Entry {
            offset,
            line,
            uri,
            range,
            tags: core::mem::take(&mut self.tags),
            is_gap: core::mem::take(&mut self.is_gap),
            may_be_missing: false,
        });
        Ok(())
    }

    fn child(&mut self, uri: &str) -> Result<(), String> {
        let uri = self.substitute(uri)?;
        if !self.playlist.children.contains(&uri) {
            self.playlist.children.push(uri);
        }
        Ok(())
    }

    /// Without an offset a range begins where the one before it, of the same resource, ended
    /// (RFC 8216 §4.3.2.2).
    fn place(&self, uri: &str, len: u64, start: Option<u64>) -> Result<ByteRange, String> {
        let start = match (start, &self.last_range) {
            (Some(start), _) => start,
            (None, Some((last, end))) if last == uri => *end,
            (None, _) => {
                return Err(format!(
                    "byte range of {uri} has no offset and follows no range of the same resource"
                ));
            }
        };
        let end = start.checked_add(len).ok_or("byte range beyond 64 bits")?;
        Ok(ByteRange { start, end })
    }

    fn define(&mut self, value: &str) -> Result<(), String> {
        // IMPORT and QUERYPARAM take their value from elsewhere: an error only where they are used.
        if let (Some(name), Some(value)) = (attribute(value, "NAME"), attribute(value, "VALUE")) {
            let value = self.substitute(value)?;
            self.variables.insert(name.to_owned(), value);
        }
        Ok(())
    }

    /// Puts variables in: `{$name}` (RFC 8216bis §4.3).
    fn substitute(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((head, tail)) = rest.split_once("{$") {
            let Some((name, tail)) = tail.split_once('}') else {
                break;
            };
            let value = self.variables.get(name).ok_or_else(|| {
                format!("variable {{${name}}} has no value in this playlist; write its URIs out")
            })?;
            out.push_str(head);
            out.push_str(value);
            rest = tail;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// `n[@o]`.
fn byte_range(value: &str) -> Result<(u64, Option<u64>), String> {
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits)
    };
    let value = value.trim().trim_matches('"');
    let (len, start) = match value.split_once('@') {
        Some((len, start)) => (number(len), number(start).map(Some)),
        None => (number(value), Some(None)),
    };
    len.zip(start)
        .ok_or_else(|| format!("byte range {value:?} is not length[@offset]"))
}

/// The quoted value of an attribute, without its quotes.
fn attribute<'a>(list: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = list;
    while let Some((name, tail)) = rest.split_once('=') {
        let name = name.trim_start_matches(',').trim();
        if let Some(quoted) = tail.strip_prefix('"') {
            let (value, tail) = quoted.split_once('"')?;
            if name == wanted {
                return Some(value);
            }
            rest = tail;
        } else {
            rest = tail.split_once(',')?.1;
        }
    }
    None
}

/// Whether a line is one of ours, whatever is behind the colon.
pub(super) fn is_ours(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with(TAG) || text.starts_with(POINTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(text: &str) -> Vec<(String, Option<(u64, u64)>)> {
        let playlist = Playlist::scan(text).unwrap();
        let entries = playlist.segments.into_iter();
        entries
            .map(|entry| (entry.uri, entry.range.map(|range| (range.start, range.end))))
            .collect()
    }

    fn refusal(text: &str) -> String {
        Playlist::scan(text).unwrap_err().to_string()
    }

    #[test]
    fn byte_ranges_continue_within_one_resource() {
        let text = "#EXTM3U\n#EXT-X-BYTERANGE:10@5\na\n#EXT-X-BYTERANGE:3\na\n#EXTINF:1,\nb\n";
        let expected = [("a", Some((5, 15))), ("a", Some((15, 18))), ("b", None)];
        assert_eq!(
            uris(text),
            expected.map(|(uri, range)| (uri.to_owned(), range))
        );
    }

    #[test]
    fn a_range_that_follows_nothing_is_refused_with_its_line() {
        let text = "#EXTM3U\n#EXT-X-BYTERANGE:10@0\na\n#EXT-X-BYTERANGE:3\nb\n";
        assert!(refusal(text).starts_with("line 5: byte range of b has no offset"));
        assert!(refusal("#EXTM3U\n#EXT-X-BYTERANGE:+1@0\na").starts_with("line 2: byte range"));
        let beyond = "#EXTM3U\n#EXT-X-BYTERANGE:18446744073709551615@1\na";
        assert!(refusal(beyond).starts_with("line 3: byte range beyond"));
    }

    #[test]
    fn a_master_names_its_children_once() {
        let text = "\u{feff}#EXTM3U\r\n#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"x,URI=y\",URI=\"a.m3u8\"\r\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1\r\n\r\nv.m3u8\r\n\
            #EXT-X-STREAM-INF:BANDWIDTH=2\r\nv.m3u8\r\n\
            #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8\"";
        let playlist = Playlist::scan(text).unwrap();
        assert!(playlist.is_master && playlist.segments.is_empty());
        assert_eq!(playlist.children, ["a.m3u8", "v.m3u8", "i.m3u8"]);
    }

    #[test]
    fn variables_are_put_in() {
        let define = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"d\",VALUE=\"dir\"\n";
        assert_eq!(
            uris(&format!("{define}{{$d}}/a{{$\n")),
            [("dir/a{$".to_owned(), None)]
        );
        assert!(
            refusal("#EXTM3U\n#EXT-X-DEFINE:IMPORT=\"d\"\n{$d}/a").contains("{$d} has no value")
        );
    }

    #[test]
    fn a_pointer_is_found() {
        let text = "#EXTM3U\n#EXT-X-SWARMLINE-SIDECAR:LATER=1,URI=\"v.json\"\n";
        let sidecar = |text: &str| Playlist::scan(text).unwrap().sidecar;
        assert_eq!(sidecar(text).as_deref(), Some("v.json"));
        assert_eq!(
            sidecar("#EXTM3U\n#EXT-X-SWARMLINE-SIDECAR:URI=v.json\n"),
            None
        );
    }

    #[test]
    fn other_files_are_refused() {
        for text in ["", "<html/>", "\n#EXTM3U\n", "#EXTM3UX\n", "PK\u{0}\u{1}"] {
            assert!(Playlist::scan(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn lines_lose_nothing() {
        let text = "a\r\nb\n\r\nc\rd\n\ne\r";
        let ends: Vec<_> = lines(text).map(|line| (line.text, line.end)).collect();
        let expected = [
            ("a", "\r\n"),
            ("b", "\n"),
            ("", "\r\n"),
            ("c\rd", "\n"),
            ("", "\n"),
            ("e\r", ""),
        ];
        assert_eq!(ends, expected);
        assert!(lines(text).all(|line| text[line.offset..].starts_with(line.text)));
    }
}
