//! Inserts our lines into the text of a media playlist: a digest line right before each segment's
//! URI line, or one that points to a sidecar.
//!
//! Invariant: `strip_playlist(sign_playlist(text)) == strip_playlist(text)`, byte for byte, and
//! signing twice is signing once. Knows no files: the caller hashes.

use super::scan::{POINTER, Playlist, ScanError, is_ours, lines};
use crate::base::ByteRange;
use crate::integrity::tag::DigestTag;
use std::fmt;

/// Why a playlist was not signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignError<E> {
    /// The text cannot be understood.
    Scan(ScanError),
    /// The digest of the segment in this line cannot be had.
    Digest {
        /// The line of its URI, counted from 1.
        line: usize,
        /// Why.
        error: E,
    },
}

impl<E: fmt::Display> fmt::Display for SignError<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan(error) => error.fmt(out),
            Self::Digest { line, error } => write!(out, "line {line}: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for SignError<E> {}

/// Signs the text of a media playlist: existing lines of ours go, a new one comes before each
/// segment's URI, ended like the line above it. `line_of` is given each URI (variables put in, else as
/// it stands) with its byte range. Segments marked `EXT-X-GAP` have no bytes and get no line. A master
/// playlist comes back without lines of ours.
///
/// # Errors
/// When the text is no playlist, a segment's address cannot be told, or `line_of` fails.
pub fn sign_playlist<E>(
    text: &str,
    mut line_of: impl FnMut(&str, Option<ByteRange>) -> Result<DigestTag, E>,
) -> Result<String, SignError<E>> {
    let playlist = Playlist::scan(text).map_err(SignError::Scan)?;
    let mut signed = String::with_capacity(text.len() + playlist.segments.len() * 100);
    let mut entries = playlist
        .segments
        .iter()
        .filter(|entry| !entry.is_gap)
        .peekable();
    let mut end_above = "\n";
    for line in lines(text).filter(|line| !is_ours(line.text)) {
        if let Some(entry) = entries.next_if(|entry| entry.offset == line.offset) {
            let tag = line_of(&entry.uri, entry.range).map_err(|error| SignError::Digest {
                line: entry.line,
                error,
            })?;
            signed.push_str(&tag.to_string());
            signed.push_str(end_above);
        }
        signed.push_str(line.text);
        signed.push_str(line.end);
        end_above = line.end;
    }
    Ok(signed)
}

/// Makes the text of a media playlist point to a sidecar, by a line behind the first one; existing
/// lines of ours go. `uri` has no `"` and no line end.
#[must_use]
pub fn point_playlist(text: &str, uri: &str) -> String {
    let bare = strip_playlist(text);
    let mut pointing = String::with_capacity(bare.len() + POINTER.len() + uri.len() + 10);
    for (index, line) in lines(&bare).enumerate() {
        pointing.push_str(line.text);
        pointing.push_str(line.end);
        // A text of one line without an end lists nothing: there is nothing to point for.
        if index == 0 && !line.end.is_empty() {
            let quoted = [POINTER, "URI=\"", uri, "\"", line.end];
            quoted.iter().for_each(|part| pointing.push_str(part));
        }
    }
    pointing
}

/// The text without lines of ours.
#[must_use]
pub fn strip_playlist(text: &str) -> String {
    lines(text)
        .filter(|line| !is_ours(line.text))
        .flat_map(|line| [line.text, line.end])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrity::sha256;
    use crate::integrity::tag::SegmentDigest;

    fn sign(text: &str) -> String {
        sign_playlist::<String>(text, |uri, range| {
            Ok(DigestTag::from(SegmentDigest {
                size: range.map_or(1, ByteRange::len),
                root: sha256(uri.as_bytes()),
            }))
        })
        .unwrap()
    }

    /// Odd texts that must survive: each with the number of segments that get a line.
    const TEXTS: [(&str, usize); 8] = [
        ("#EXTM3U", 0),
        (
            "\u{feff}#EXTM3U\r\n#EXTINF:4,\r\na.ts\r\n\r\n#EXT-X-GAP\r\nb.ts\r\nc.ts",
            2,
        ),
        (
            "#EXTM3U\n#EXTINF:4,\na.ts\n#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXT-X-PRELOAD-HINT:X",
            1,
        ),
        ("#EXTM3U\n#EXTINF:4,title\r\na.ts\n#FUTURE\n  b.ts \n", 2),
        (
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n#EXT-X-ENDLIST\n",
            0,
        ),
        (
            "#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n\n\n#EXTINF:4,\n\na.ts?x=1#y\n",
            1,
        ),
        (
            "#EXTM3U\n#EXT-X-BYTERANGE:3@0\na\n#EXT-X-BYTERANGE:4\na\n",
            2,
        ),
        ("#EXTM3U\nä.ts\n\u{a0}\n", 1),
    ];

    #[test]
    fn signing_adds_lines_and_nothing_else() {
        for (text, lines) in TEXTS {
            let signed = sign(text);
            assert_eq!(
                signed.matches("#EXT-X-SWARMLINE-DIGEST:").count(),
                lines,
                "{text:?}"
            );
            assert_eq!(strip_playlist(&signed), text);
            assert_eq!(sign(&signed), signed, "twice is once");
            assert_eq!(strip_playlist(text), text);
            let pointing = point_playlist(&signed, "v.json");
            assert_eq!(strip_playlist(&pointing), text);
            assert_eq!(
                point_playlist(&pointing, "v.json"),
                pointing,
                "twice is once"
            );
            assert_eq!(sign(&pointing), signed, "lines instead of a sidecar");
        }
    }

    #[test]
    fn a_pointer_comes_behind_the_first_line_and_ends_like_it() {
        assert_eq!(
            point_playlist("\u{feff}#EXTM3U\r\n#EXTINF:4,\na.ts", "v%201.json"),
            "\u{feff}#EXTM3U\r\n#EXT-X-SWARMLINE-SIDECAR:URI=\"v%201.json\"\r\n#EXTINF:4,\na.ts"
        );
    }

    #[test]
    fn the_line_comes_right_before_its_uri_with_the_line_end_above_it() {
        let signed = sign("#EXTM3U\r\n#EXTINF:4,\r\n#EXT-X-BYTERANGE:5@6\r\na.ts");
        let (head, tail) = signed
            .split_once("#EXT-X-SWARMLINE-DIGEST:SIZE=5,ROOT=\"")
            .unwrap();
        assert!(head.ends_with("#EXT-X-BYTERANGE:5@6\r\n"));
        assert!(tail.ends_with("\"\r\na.ts"));
    }

    #[test]
    fn old_lines_are_replaced_even_broken_ones() {
        let text = "#EXTM3U\n#EXT-X-SWARMLINE-DIGEST:junk\n#EXTINF:4,\n \
            #EXT-X-SWARMLINE-DIGEST:SIZE=9\na.ts\n#EXT-X-SWARMLINE-DIGEST:";
        assert_eq!(strip_playlist(text), "#EXTM3U\n#EXTINF:4,\na.ts\n");
        assert_eq!(sign(text), sign("#EXTM3U\n#EXTINF:4,\na.ts\n"));
    }

    #[test]
    fn a_digest_that_cannot_be_had_names_the_line() {
        let text = "#EXTM3U\n#EXTINF:4,\na.ts\n";
        let error = sign_playlist(text, |_, _| Err("gone")).unwrap_err();
        assert_eq!(error.to_string(), "line 3: gone");
    }
}
