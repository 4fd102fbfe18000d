//! Arbitrary playlists: a refresh read against what is known gives what a full reading gives, and no
//! text panics. Native, like proptest.
#![cfg(not(target_arch = "wasm32"))]

use super::super::Timeline;
use super::super::master::{RenditionLine, rendition_lines};
use super::URL;
use crate::integrity::sha256;
use proptest::prelude::*;

/// One segment's lines: which of them are there and what they say.
#[derive(Clone, Debug)]
struct Lines {
    content: u8,
    digest: bool,
    discontinuity: bool,
    gap: bool,
    part: bool,
    ranged: bool,
}

/// What a server does between two refreshes.
#[derive(Clone, Debug)]
enum Move {
    Append(Vec<Lines>),
    Slide(u8),
    Change(u8, Lines),
    /// Send only a delta update, if the client can know so much.
    Delta,
    End,
}

fn lines() -> impl Strategy<Value = Lines> {
    (any::<u8>(), prop::bits::u8::ANY).prop_map(|(content, bits)| Lines {
        content,
        digest: bits & 1 != 0,
        discontinuity: bits & 6 == 6,
        gap: bits & 24 == 24,
        part: bits & 32 != 0,
        ranged: bits & 64 != 0,
    })
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        4 => prop::collection::vec(lines(), 1..5).prop_map(Move::Append),
        3 => (0..4_u8).prop_map(Move::Slide),
        1 => (any::<u8>(), lines()).prop_map(|(at, lines)| Move::Change(at, lines)),
        2 => Just(Move::Delta),
        1 => Just(Move::End),
    ];
    prop::collection::vec(one, 1..24)
}

#[derive(Clone, Copy, Debug)]
struct Style {
    first: u64,
    /// 0 none, 1 on the first segment of the window, else on all.
    dates: u8,
    line_end: &'static str,
}

fn write(style: Style, first: u64, window: &[Lines], skip: usize, ended: bool) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    if skip > 0 {
        text += &format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skip}\n");
    }
    for (index, lines) in window.iter().enumerate().skip(skip) {
        let number = first + index as u64;
        if lines.discontinuity {
            text += "#EXT-X-DISCONTINUITY\n";
        }
        if style.dates > 1 || (style.dates == 1 && index == 0) {
            text += &format!("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:{number:03}Z\n");
        }
        if lines.part {
            text += "#EXT-X-PART:DURATION=1,URI=\"part\"\n";
        }
        if lines.gap {
            text += "#EXT-X-GAP\n";
        }
        if lines.digest {
            let root = sha256(&[lines.content]).to_base64();
            text += &format!(
                "#EXT-X-SWARMLINE-DIGEST:SIZE={},ROOT=\"{root}\"\n",
                number + 1
            );
        }
        if lines.ranged {
            text += &format!("#EXT-X-BYTERANGE:10@{}\n", number * 10);
        }
        text += &format!("#EXTINF:4.{:02},\nseg{number}.m4s\n", lines.content);
    }
    if ended {
        text += "#EXT-X-ENDLIST\n";
    }
    text.replace('\n', style.line_end)
}

fn assert_alike(refreshed: &Timeline, fresh: &Timeline) {
    let (a, b) = (&refreshed.tracks()[0], &fresh.tracks()[0]);
    assert_eq!(a.segments, b.segments);
    assert_eq!(
        (a.id, a.first_number, a.live),
        (b.id, b.first_number, b.live)
    );
    for segment in &a.segments {
        let place = refreshed.find(&segment.url, segment.range);
        assert_eq!(place, fresh.find(&segment.url, segment.range));
        assert_eq!(place.is_some(), segment.shareable);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_refresh_gives_what_a_full_reading_gives(
        moves in moves(), first in 0..1_000_u64, dates in 0..3_u8, crlf in any::<bool>(),
        start in prop::collection::vec(lines(), 2..8),
    ) {
        let style = Style { first, dates, line_end: if crlf { "\r\n" } else { "\n" } };
        let (mut first, mut window, mut ended) = (style.first, start, false);
        let mut refreshed = Timeline::default();
        refreshed.update_hls(URL, &write(style, first, &window, 0, false)).unwrap();
        for step in moves {
            let mut skip = 0;
            match step {
                Move::Append(more) => window.extend(more),
                Move::Slide(count) => {
                    let count = usize::from(count).min(window.len() - 2);
                    window.drain(..count);
                    first += count as u64;
                }
                Move::Change(at, lines) => {
                    let at = usize::from(at) % window.len();
                    window[at] = lines;
                }
                Move::Delta if dates != 1 => skip = window.len() / 2,
                Move::Delta => {}
                Move::End => ended = true,
            }
            let before: Vec<_> = refreshed.tracks()[0].segments.to_vec();
            let update = refreshed.update_hls(URL, &write(style, first, &window, skip, ended));
            let update = update.unwrap();
            let mut fresh = Timeline::default();
            fresh.update_hls(URL, &write(style, first, &window, 0, ended)).unwrap();
            assert_alike(&refreshed, &fresh);
            for old in &before {
                let now = refreshed.segment(0, old.number);
                let gone = update.removed.contains(old);
                prop_assert_eq!(gone, now.is_none());
                let told = update.changed.contains(&(old.number, old.version));
                let other = now.is_some_and(|now| {
                    (now.version, now.digest, now.range, now.shareable)
                        != (old.version, old.digest, old.range, old.shareable)
                });
                prop_assert_eq!(told, other, "{:?} {:?}", old, now);
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(parts in prop::collection::vec(garbage(), 0..40)) {
        let text = format!("#EXTM3U\n{}", parts.concat());
        let mut timeline = Timeline::default();
        let first = timeline.update_hls(URL, &text).is_ok();
        let again = timeline.update_hls(URL, &text).is_ok();
        prop_assert!(again || !first);
        let _ = timeline.find(&text, None);
    }

    #[test]
    fn a_damaged_playlist_never_panics(at in any::<prop::sample::Index>(), byte in any::<char>()) {
        let good = super::window(u64::MAX / 2, 6);
        let mut chars: Vec<char> = good.chars().collect();
        let at = at.index(chars.len());
        chars[at] = byte;
        let mut timeline = Timeline::default();
        timeline.update_hls(URL, &good).unwrap();
        let _ = timeline.update_hls(URL, &chars.iter().collect::<String>());
        prop_assert!(timeline.update_hls(URL, &good).is_ok());
    }

    /// An entry that m3u8-rs reads we read as it does.
    #[test]
    fn a_master_playlist_is_read_as_m3u8_rs_does(
        variant in attributes(&["BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE", "AUDIO", "X-A"]),
        media in attributes(&["GROUP-ID", "LANGUAGE", "NAME", "URI", "DEFAULT", "X-A"]),
    ) {
        let text = format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:{variant}\nv.m3u8\n#EXT-X-MEDIA:TYPE=AUDIO,{media}\n"
        );
        let ours = rendition_lines(&text);
        let (_, theirs) = m3u8_rs::parse_master_playlist(text.as_bytes()).unwrap();
        let join = |pairs: &[(&str, Option<String>)]| {
            let pairs = pairs.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_ref()?)));
            pairs.collect::<Vec<_>>().join(",")
        };
        for stream in theirs.variants {
            let attributes = join(&[
                ("BANDWIDTH", Some(stream.bandwidth.to_string())),
                ("CODECS", stream.codecs),
                ("RESOLUTION", stream.resolution.map(|size| size.to_string())),
            ]);
            prop_assert!(ours.contains(&RenditionLine { uri: stream.uri, attributes }), "{}", text);
        }
        for media in theirs.alternatives.into_iter().filter(|media| media.uri.is_some()) {
            let attributes = join(&[
                ("GROUP-ID", Some(media.group_id)),
                ("LANGUAGE", media.language),
                ("NAME", Some(media.name)),
            ]);
            let uri = media.uri.unwrap();
            prop_assert!(ours.contains(&RenditionLine { uri, attributes }), "{}", text);
        }
    }
}

/// Attribute lists in which much is right: most names there, most values of their kind.
fn attributes(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let one = |name: &'static str| {
        let value = match name {
            "BANDWIDTH" => "[0-9]{1,6}",
            "RESOLUTION" => "[1-9][0-9]{2}x[1-9][0-9]{2}",
            "FRAME-RATE" => "[1-9]{2}(\\.[0-9]{1,3})?",
            "DEFAULT" => "YES|NO",
            _ => "\"[a-z0-9.,=é ]{1,8}\"",
        };
        let value = prop_oneof![9 => value, 1 => "[a-z0-9]{1,3}|\"[a-z0-9]{1,3}\""];
        let there = prop::bool::weighted(0.85);
        let sep = prop_oneof![8 => Just(","), 1 => Just(", ")];
        (there, value, sep).prop_map(move |(there, value, sep)| match there {
            true => format!("{name}={value}{sep}"),
            false => String::new(),
        })
    };
    let all: Vec<_> = names.iter().map(|name| one(name)).collect();
    all.prop_shuffle().prop_map(|all| all.concat())
}

fn garbage() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("#EXT-X-TARGETDURATION:4\n".to_owned()),
        Just("#EXTINF:4,\nseg.ts\n".to_owned()),
        Just("#EXT-X-STREAM-INF:BANDWIDTH=1\n".to_owned()),
        Just("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"b\",URI=\"c\"\n".to_owned()),
        any::<u64>().prop_map(|n| format!("#EXT-X-MEDIA-SEQUENCE:{n}\n")),
        any::<u64>().prop_map(|n| format!("#EXT-X-BYTERANGE:{n}\n")),
        any::<(u64, u64)>().prop_map(|(n, at)| format!("#EXT-X-BYTERANGE:{n}@{at}\n")),
        any::<u64>().prop_map(|n| format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={n}\n")),
        any::<String>(),
        "#EXT[A-Z-]{0,12}:[ -~]{0,20}\n",
        "[ -~\r\n]{0,20}",
    ]
}
