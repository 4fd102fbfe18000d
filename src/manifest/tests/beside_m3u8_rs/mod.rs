//! Our reader of media playlists beside m3u8-rs, another one: some ten thousand playlists, as servers
//! write them and damaged, are read alike by both. The same ones in each run.
//!
//! m3u8-rs 6 misreads some lines. They are not left out: `mends` names each misreading and rewrites the
//! line into one that m3u8-rs reads as the RFC has it, and the test counts that each rewriting was
//! needed. A text in which nothing was rewritten goes to m3u8-rs as it is.
//!
//! m3u8-rs knows no `EXT-X-SKIP` and no digest lines: there it says only to which segment they belong.
//! Native, like m3u8-rs here.
#![cfg(not(target_arch = "wasm32"))]

mod mends;
mod playlists;

use super::super::hls;
use crate::base::Rng;
use crate::integrity::tag::{DigestTag, SegmentDigest};
use mends::{MENDS, mend, mend_but};

/// Playlists as written, and again as many, damaged.
const CASES: usize = 30_000;
/// How often a mend must have been needed to stay; more is not counted.
const NEEDED_MIN: usize = 20;

/// What a reader makes of a text.
#[derive(Clone, Debug, Default, PartialEq)]
struct Said {
    segments: Vec<SegmentSaid>,
    media_sequence: u64,
    target_duration_s: u64,
    i_frames_only: bool,
    end_list: bool,
    skipped: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct SegmentSaid {
    uri: String,
    duration: Milliseconds,
    byte_range: Option<(u64, Option<u64>)>,
    date_time: String,
    digest: Option<SegmentDigest>,
    unshareable: bool,
}

/// A duration, exact or as near as `f32` seconds come, in which m3u8-rs keeps it.
#[derive(Clone, Copy, Debug)]
struct Milliseconds(f64);

impl PartialEq for Milliseconds {
    fn eq(&self, other: &Self) -> bool {
        let longest = f64::from(u32::MAX);
        let (a, b) = (self.0.min(longest), other.0.min(longest));
        // Half a millisecond that we round, and half a step of a 24-bit mantissa.
        (a - b).abs() <= 0.5 + a.max(b) / f64::from(1 << 23)
    }
}

fn we_say(text: &str) -> Result<Said, String> {
    let listing = hls::read(text).map_err(|error| error.0)?;
    let segments = listing.segments.into_iter().map(|segment| SegmentSaid {
        uri: segment.uri.to_owned(),
        duration: Milliseconds(f64::from(segment.duration_ms)),
        byte_range: segment.byte_range,
        date_time: segment.date_time.unwrap_or_default().to_owned(),
        digest: segment.digest,
        unshareable: segment.unshareable,
    });
    Ok(Said {
        segments: segments.collect(),
        media_sequence: listing.media_sequence,
        target_duration_s: listing.target_duration_s,
        i_frames_only: listing.i_frames_only,
        end_list: listing.end_list,
        skipped: listing.skipped,
    })
}

/// What m3u8-rs makes of it. A tag of ours or one that it could not read stands among the unknown tags
/// of the segment behind it, so a segment is put behind the last line, and taken away again.
fn m3u8_rs_says(text: &str) -> Result<Said, String> {
    let closed = text.ends_with('\n');
    let mut text = text.to_owned();
    if closed {
        text.push_str("#EXTINF:0,\nbehind-the-last\n");
    }
    let read = m3u8_rs::parse_media_playlist(text.as_bytes());
    let (left, playlist) = read.map_err(|_| "no playlist")?;
    if !left.is_empty() {
        return Err("not read to its end".to_owned());
    }
    let mut said = Said {
        media_sequence: playlist.media_sequence,
        target_duration_s: playlist.target_duration,
        i_frames_only: playlist.i_frames_only,
        end_list: playlist.end_list,
        ..Said::default()
    };
    for segment in playlist.segments {
        let mut segment_said = SegmentSaid {
            uri: segment.uri,
            duration: Milliseconds(f64::from(segment.duration) * 1_000.0),
            byte_range: segment.byte_range.map(|range| (range.length, range.offset)),
            date_time: segment
                .program_date_time
                .map(|date| date.to_rfc3339())
                .unwrap_or_default(),
            digest: None,
            unshareable: false,
        };
        for tag in segment.unknown_tags {
            let value = tag.rest.unwrap_or_default();
            match tag.tag.as_str() {
                "X-GAP" => segment_said.unshareable = true,
                "X-SWARMLINE-DIGEST" => {
                    let read = DigestTag::parse_attributes(&value);
                    segment_said.digest = read.ok().map(|tag| tag.digest);
                    segment_said.unshareable |= segment_said.digest.is_none();
                }
                "X-SKIP" => {
                    let mut pairs = value.split(',');
                    let count = pairs.find_map(|pair| pair.strip_prefix("SKIPPED-SEGMENTS="));
                    said.skipped = count.ok_or("no count")?.parse().map_err(|_| "no number")?;
                }
                mends::DATE_TIME_TEXT => segment_said.date_time = value,
                "X-BYTERANGE" | "X-MEDIA-SEQUENCE" | mends::ILLEGAL => {
                    return Err("a malformed tag".to_owned());
                }
                _ => {}
            }
        }
        said.segments.push(segment_said);
    }
    if closed {
        said.segments.pop();
    }
    Ok(said)
}

/// Whether two readers agree: on what is said, or that nothing can be said.
fn alike(a: &Result<Said, String>, b: &Result<Said, String>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => a == b,
        (Err(_), Err(_)) => true,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// How many texts m3u8-rs read as they are; how many we read, or refused; how often each mend was
/// needed.
#[derive(Debug, Default)]
struct Tally {
    as_written: usize,
    accepted: usize,
    refused: usize,
    needed: [usize; MENDS.len()],
}

impl Tally {
    fn compare(&mut self, text: &str) {
        let ours = we_say(text);
        let mended = mend(text);
        let theirs = m3u8_rs_says(&mended);
        assert!(
            alike(&ours, &theirs),
            "{text}\n--- for m3u8-rs\n{mended}\n--- ours\n{ours:#?}\n--- theirs\n{theirs:#?}"
        );
        match &ours {
            Ok(_) => self.accepted += 1,
            Err(_) => self.refused += 1,
        }
        if mended == text {
            self.as_written += 1;
            return;
        }
        let open = |(_, needed): &(usize, &mut usize)| **needed < NEEDED_MIN;
        for (index, needed) in self.needed.iter_mut().enumerate().filter(open) {
            let without = mend_but(text, index);
            *needed += usize::from(without != mended && !alike(&m3u8_rs_says(&without), &theirs));
        }
    }
}

#[test]
fn playlists_are_read_as_m3u8_rs_reads_them() {
    let mut rng = Rng::new(0x6d33_7538);
    let (mut written, mut damaged) = (Tally::default(), Tally::default());
    for _ in 0..CASES {
        let text = playlists::write(&mut rng);
        written.compare(&text);
        damaged.compare(&playlists::damage(&mut rng, &text));
    }
    assert_eq!(written.refused, 0, "what is legal is read");
    assert!(written.as_written + damaged.as_written >= 20_000);
    assert!(damaged.accepted >= 5_000 && damaged.refused >= 2_000);
    for (index, (name, _)) in MENDS.iter().enumerate() {
        let needed = written.needed[index] + damaged.needed[index];
        assert!(needed >= NEEDED_MIN, "m3u8-rs reads this well: {name}");
    }
}

/// Lines, the URIs that m3u8-rs finds there, the URIs that we find; `None` is an error.
type Row = (
    &'static str,
    Option<&'static [&'static str]>,
    Option<&'static [&'static str]>,
);

/// The lines that m3u8-rs 6.0.1 misreads, one by one: what it makes of each, and what we make of it.
#[test]
fn lines_that_m3u8_rs_misreads() {
    let of = |lines: &str| format!("#EXTM3U\n{lines}");
    let uris = |said: &Result<Said, String>| -> Option<Vec<String>> {
        let segments = said.as_ref().ok()?.segments.iter();
        Some(segments.map(|segment| segment.uri.clone()).collect())
    };
    let rows: &[Row] = &[
        // RFC 8216 §4.3.2.1: the title goes on to the end of the line.
        (
            "#EXTINF:4,A title, with a comma\na.ts\n",
            Some(&["with a comma", "a.ts"]),
            Some(&["a.ts"]),
        ),
        ("#EXTINF:4,\n,a.ts\n", Some(&["a.ts"]), Some(&[",a.ts"])),
        // §4.3.3.1 has an integer, encoders write fractions.
        (
            "#EXT-X-TARGETDURATION:4.5\n#EXTINF:4,\na.ts\n",
            Some(&[".5", "a.ts"]),
            Some(&["a.ts"]),
        ),
        // §4.3.3.2, §4.3.2.2: a number and nothing behind it.
        (
            "#EXT-X-MEDIA-SEQUENCE:5x\n#EXTINF:4,\na.ts\n",
            Some(&["x", "a.ts"]),
            None,
        ),
        (
            "#EXTINF:4,\n#EXT-X-BYTERANGE:5#x\na.ts\n",
            Some(&["a.ts"]),
            None,
        ),
        // §4.1: an attribute list ends with its line.
        (
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",x\n#EXTINF:4,\na.ts?b=c\n",
            Some(&[]),
            Some(&["a.ts?b=c"]),
        ),
        // §4.1: unknown tags are passed over.
        (
            "#EXT-X-DISCONTINUITY-SEQUENCE:x\n#EXTINF:4,\na.ts\n",
            Some(&["-SEQUENCE:x", "a.ts"]),
            Some(&["a.ts"]),
        ),
        // The end of the text ends its last line.
        (
            "#EXTINF:4,\na.ts\n#EXT-X-GAP",
            Some(&["a.ts", "#EXT-X-GAP"]),
            Some(&["a.ts"]),
        ),
        // §4.3.2.1: each segment has an EXTINF.
        ("a.ts\n", Some(&["a.ts"]), None),
    ];
    for (lines, theirs, ours) in rows {
        let text = of(lines);
        let owned = |uris: &[&str]| uris.iter().map(|&uri| uri.to_owned()).collect::<Vec<_>>();
        let said = m3u8_rs_says(&text);
        assert_eq!(uris(&said), theirs.map(owned), "{lines}");
        assert_eq!(uris(&we_say(&text)), ours.map(owned), "{lines}");
        assert!(
            alike(&we_say(&text), &m3u8_rs_says(&mend(&text))),
            "{lines}"
        );
    }
    let bom = "\u{feff}#EXTM3U\n#EXTINF:4,\na.ts\n";
    assert!(m3u8_rs::parse_media_playlist(bom.as_bytes()).is_err());
    assert!(hls::open(bom).is_ok());
}
