//! Playlists as servers write them, one habit or trap a test.

use super::super::{ManifestError, Timeline};
use super::{URL, first_track, numbers, segment, window};
use crate::base::ByteRange;
use crate::integrity::{SecretKey, sha256, tag::DigestTag};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn load(text: &str) -> Timeline {
    let mut timeline = Timeline::default();
    timeline.update_hls(URL, text).unwrap();
    timeline
}

fn digest_line(size: u64) -> String {
    let root = sha256(&size.to_le_bytes()).to_base64();
    format!("#EXT-X-SWARMLINE-DIGEST:SIZE={size},ROOT=\"{root}\"\n")
}

fn with_digest(number: u64, size: u64) -> String {
    segment(number).replace("#EXTINF", &format!("{}#EXTINF", digest_line(size)))
}

#[test]
fn a_vod_playlist_becomes_segments() {
    let mut timeline = Timeline::default();
    let text = window(7, 3) + "#EXT-X-DISCONTINUITY\n" + &segment(10) + "#EXT-X-ENDLIST\n";
    let update = timeline.update_hls(URL, &text).unwrap();
    assert_eq!(
        (update.track, update.added_first, update.added),
        (Some(0), 7, 4)
    );
    let track = &timeline.tracks()[0];
    assert_eq!(
        (track.first_number, track.live, track.target_duration_ms),
        (7, false, 4_000)
    );
    assert_eq!(track.url, "https://cdn.test/live/v/index.m3u8");
    let segment = timeline.segment(0, 9).unwrap();
    assert_eq!(segment.url, "https://cdn.test/live/v/seg9.m4s");
    assert_eq!(
        (segment.number, segment.duration_ms, segment.range),
        (9, 4_000, None)
    );
    assert_eq!(
        timeline.find("https://cdn.test/live/v/seg10.m4s", None),
        Some((0, 10))
    );
    assert_eq!(
        timeline.find("https://cdn.test/live/v/init.mp4", None),
        None
    );
    let part = Some(ByteRange { start: 0, end: 9 });
    assert_eq!(
        timeline.find("https://cdn.test/live/v/seg10.m4s", part),
        None
    );
}

#[test]
fn lines_as_servers_write_them() {
    let text = "\u{feff}#EXTM3U\r\n#EXT-X-TARGETDURATION:4.5\r\n#EXT-X-VERSION:7\r\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"key?a=b\"\r\n#EXTINF:4.004,A title, with a comma\r\n  a.ts\r\n\
        # a comment\r\n#EXT-X-DATERANGE:ID=\"x\"\r\n#EXTINF: 3,\r\n\r\n\
        https://other.test/x/../b.ts?q=1#f\r\n#EXTINF:.5\r\n/c.ts\r\n#EXT-X-ENDLIST";
    let segments = first_track(&load(text));
    let urls: Vec<_> = segments
        .iter()
        .map(|segment| segment.url.as_str())
        .collect();
    assert_eq!(
        urls,
        [
            "https://cdn.test/live/v/a.ts",
            "https://other.test/b.ts?q=1",
            "https://cdn.test/c.ts"
        ]
    );
    let durations: Vec<_> = segments.iter().map(|segment| segment.duration_ms).collect();
    assert_eq!(durations, [4_004, 3_000, 500]);
    assert_eq!(load(text).tracks()[0].target_duration_ms, 4_000);
    let timeline = load(text);
    assert!(!timeline.tracks()[0].live);
    let asked = "https://other.test/y/../x/../b.ts?q=1#f";
    assert_eq!(timeline.find(asked, None), Some((0, 1)));
    // The last line without its end is a URI all the same.
    assert_eq!(numbers(&load(window(3, 2).trim_end())), [3, 4]);
}

#[test]
fn durations_are_rounded_to_milliseconds_and_never_fail() {
    for (text, ms) in [
        ("4", 4_000),
        ("4.0005", 4_001),
        ("4.0004999999", 4_000),
        ("9.9999", 10_000),
        ("0.1", 100),
        (" 2.5 ,x", 2_500),
        ("2. 5", 2_000),
        ("1e3", 1_000),
        ("-1", 0),
        ("x", 0),
        ("", 0),
        ("4294967.2954", 4_294_967_295),
        ("4294967.2956", u32::MAX),
        ("99999999999999999999999", u32::MAX),
    ] {
        let text = window(0, 1).replace("4.000,", text);
        assert_eq!(first_track(&load(&text))[0].duration_ms, ms, "{text}");
    }
}

#[test]
fn byte_ranges_with_and_without_offset() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"a.mp4\",BYTERANGE=\"100@0\"\n\
        #EXTINF:4,\n#EXT-X-BYTERANGE:50@100\na.mp4\n#EXTINF:4,\n#EXT-X-BYTERANGE:60\na.mp4\n\
        #EXTINF:4,\n#EXT-X-BYTERANGE:10@1000\na.mp4\n#EXTINF:4,\nb.mp4\n#EXT-X-ENDLIST\n";
    let timeline = load(text);
    let range = |start, end| Some(ByteRange { start, end });
    let url = "https://cdn.test/live/v/a.mp4";
    assert_eq!(timeline.find(url, range(100, 150)), Some((0, 0)));
    assert_eq!(timeline.find(url, range(150, 210)), Some((0, 1)));
    assert_eq!(timeline.find(url, range(1000, 1010)), Some((0, 2)));
    assert_eq!(
        timeline.find(url, range(0, 100)),
        None,
        "the map is no segment"
    );
    assert_eq!(timeline.find(url, None), None);
    assert_eq!(
        timeline.find("https://cdn.test/live/v/b.mp4", None),
        Some((0, 3))
    );
    let versions: Vec<_> = first_track(&timeline).iter().map(|s| s.version).collect();
    assert!(versions.windows(2).all(|pair| pair[0] != pair[1]));
    let lone = text.replacen("50@100", "50", 1);
    assert!(Timeline::default().update_hls(URL, &lone).is_err());
}

#[test]
fn a_range_goes_on_where_the_known_window_ended() {
    let line = |number: u64| format!("#EXTINF:4,\n#EXT-X-BYTERANGE:10{}\na.ts\n", offset(number));
    fn offset(number: u64) -> String {
        if number == 5 {
            "@50".into()
        } else {
            String::new()
        }
    }
    let text = |end: u64| {
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:5\n".to_owned();
        (5..end).fold(head, |text, number| text + &line(number))
    };
    let mut timeline = load(&text(8));
    let (update, read) = timeline.update_counted(URL, &text(10)).unwrap();
    assert_eq!((update.added_first, update.added, read), (8, 2, 3));
    assert_eq!(first_track(&timeline), first_track(&load(&text(10))));
    assert_eq!(
        timeline.segment(0, 9).unwrap().range,
        Some(ByteRange {
            start: 90,
            end: 100
        })
    );
}

#[test]
fn a_live_window_slides() {
    let mut timeline = load(&window(100, 6));
    let (update, read) = timeline.update_counted(URL, &window(102, 6)).unwrap();
    assert_eq!(
        (update.added_first, update.added, update.changed.len()),
        (106, 2, 0)
    );
    let removed: Vec<_> = update
        .removed
        .iter()
        .map(|segment| segment.number)
        .collect();
    assert_eq!(removed, [100, 101]);
    assert_eq!(read, 3, "the first one and the two new ones");
    assert_eq!(numbers(&timeline), [102, 103, 104, 105, 106, 107]);
    assert_eq!(
        timeline.find("https://cdn.test/live/v/seg101.m4s", None),
        None
    );
    assert_eq!(
        timeline.find("https://cdn.test/live/v/seg107.m4s", None),
        Some((0, 107))
    );
    let nothing = timeline.update_hls(URL, &window(102, 6)).unwrap();
    assert_eq!(
        (nothing.track, nothing.added, nothing.changed.len()),
        (Some(0), 0, 0)
    );
    let away = timeline.update_hls(URL, &window(200, 6)).unwrap();
    assert_eq!(
        (away.added_first, away.added, away.removed.len()),
        (200, 6, 6)
    );
}

#[test]
fn twelve_hours_of_window_are_read_once() {
    let dated = |first: u64, count: u64| {
        let head = window(first, 0);
        (first..first + count).fold(head, |text, number| {
            let date = format!("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.{number:06}Z\n");
            text + &date + &with_digest(number, 1_000 + number)
        })
    };
    let mut timeline = Timeline::default();
    let (_, read) = timeline.update_counted(URL, &dated(50, 10_800)).unwrap();
    assert_eq!(read, 10_800);
    for step in 1..4 {
        let text = dated(50 + step, 10_800);
        let (update, read) = timeline.update_counted(URL, &text).unwrap();
        assert_eq!(
            (update.added, update.removed.len(), update.changed.len()),
            (1, 1, 0)
        );
        assert_eq!(
            read, 2,
            "the first segment, whose tags may be new, and the new one"
        );
    }
    assert_eq!(timeline.tracks()[0].end_number(), 53 + 10_800);
    assert_eq!(
        first_track(&timeline),
        first_track(&load(&dated(53, 10_800)))
    );
}

#[test]
fn part_hints_that_come_and_go_cost_only_the_end() {
    let part = "#EXT-X-PART:DURATION=1,URI=\"p.m4s\"\n";
    let hint = "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p2.m4s\"\n";
    let first = window(0, 98) + part + &segment(98) + part + &segment(99) + part + hint;
    let second = window(0, 99) + part + &segment(99) + part + &segment(100) + part + hint;
    let mut timeline = load(&first);
    assert_eq!(numbers(&timeline).len(), 100);
    let (update, read) = timeline.update_counted(URL, &second).unwrap();
    assert_eq!(
        (update.added_first, update.added, update.changed.len()),
        (100, 1, 0)
    );
    assert!(read <= 4, "{read}");
    assert_eq!(timeline.find("https://cdn.test/live/v/p.m4s", None), None);
}

#[test]
fn a_delta_update_is_merged() {
    let mut timeline = load(&window(10, 20));
    let skip = |first: u64, skipped: u64, end: u64| {
        let head = window(first, 0) + &format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n");
        (first + skipped..end).fold(head, |text, number| text + &segment(number))
    };
    let url = "https://cdn.test/live/v/index.m3u8?_HLS_skip=YES&token=1";
    let update = timeline.update_hls(url, &skip(12, 12, 32)).unwrap();
    assert_eq!(
        (update.added_first, update.added, update.removed.len()),
        (30, 2, 2)
    );
    assert_eq!(first_track(&timeline), first_track(&load(&window(12, 20))));
    let (update, read) = timeline.update_counted(URL, &window(13, 20)).unwrap();
    assert_eq!(
        (update.added, read),
        (1, 2),
        "the text behind a delta stays known"
    );
    let unknown = timeline.update_hls(url, &skip(40, 3, 50));
    assert!(matches!(unknown, Err(ManifestError(text)) if text.contains("delta")));
    assert_eq!(first_track(&timeline), first_track(&load(&window(13, 20))));
}

#[test]
fn live_ends() {
    let mut timeline = load(&window(3, 4));
    assert!(timeline.tracks()[0].live);
    let update = timeline
        .update_hls(URL, &(window(3, 5) + "#EXT-X-ENDLIST\n"))
        .unwrap();
    assert_eq!((update.added, timeline.tracks()[0].live), (1, false));
}

#[test]
fn numbers_that_go_back_start_the_track_anew() {
    let mut timeline = load(&window(100, 6));
    let update = timeline.update_hls(URL, &window(0, 3)).unwrap();
    assert_eq!(
        (update.removed.len(), update.added_first, update.added),
        (6, 0, 3)
    );
    assert_eq!(numbers(&timeline), [0, 1, 2]);
    assert_eq!(
        timeline.find("https://cdn.test/live/v/seg100.m4s", None),
        None
    );
    // With the same names and the same first number only the end tells.
    let mut event = load(&window(0, 50));
    let update = event.update_hls(URL, &window(0, 2)).unwrap();
    assert_eq!(
        (update.removed.len(), update.added, numbers(&event)),
        (50, 2, vec![0, 1])
    );
    // Other content under overlapping numbers.
    let mut signed = load(&(window(4, 0) + &with_digest(4, 1) + &with_digest(5, 2)));
    let other = window(3, 0) + &with_digest(3, 7) + &with_digest(4, 8);
    let update = signed.update_hls(URL, &other).unwrap();
    assert_eq!((update.removed.len(), numbers(&signed)), (2, vec![3, 4]));
}

#[test]
fn an_older_copy_from_another_server_takes_nothing_away() {
    let mut timeline = load(&window(100, 6));
    let before = first_track(&timeline);
    for older in [window(99, 6), window(98, 7), window(100, 5), window(97, 8)] {
        let update = timeline.update_hls(URL, &older).unwrap();
        assert_eq!(
            (update.added, update.removed.len(), update.changed.len()),
            (0, 0, 0)
        );
        assert_eq!(first_track(&timeline), before);
    }
    let update = timeline.update_hls(URL, &window(101, 6)).unwrap();
    assert_eq!((update.added, update.removed.len()), (1, 1));
}

#[test]
fn a_digest_that_changes_is_reported() {
    let signed = |size| window(5, 3) + &with_digest(8, size) + &segment(9);
    let mut timeline = load(&signed(100));
    let before = timeline.segment(0, 8).unwrap().clone();
    assert_eq!(before.version.0, before.digest.unwrap().root.0[..8]);
    assert_eq!(before.digest.unwrap().size, 100);
    let (update, read) = timeline.update_counted(URL, &signed(200)).unwrap();
    assert_eq!(update.changed, [(8, before.version)]);
    assert_eq!((update.added, read), (0, 3));
    assert_eq!(timeline.segment(0, 8).unwrap().digest.unwrap().size, 200);
    // Of the first one as well, whose lines are read each time.
    let mut timeline = load(&(window(5, 0) + &with_digest(5, 1) + &segment(6)));
    let text = window(5, 0) + &with_digest(5, 2) + &segment(6);
    assert_eq!(timeline.update_hls(URL, &text).unwrap().changed.len(), 1);
    assert_eq!(timeline.update_hls(URL, &text).unwrap().changed.len(), 0);
}

#[test]
fn a_seal_stands_beside_its_digest_and_another_one_replaces_it() {
    let key = SecretKey::from_bytes(&[7; 32]);
    let signed = |stream: &str| {
        let mut tag = DigestTag::parse_line(&digest_line(9)).unwrap().unwrap();
        tag.seal = Some(key.seal(&tag.digest, stream, "v", 40));
        window(5, 3) + &format!("{tag}\n") + &segment(8)
    };
    let mut timeline = load(&signed("a"));
    assert_eq!(timeline.segment(0, 7).unwrap().seal, None);
    for stream in ["a", "b"] {
        // Signed again, the bytes are the same: nothing a peer holds is stale.
        let update = timeline.update_hls(URL, &signed(stream)).unwrap();
        assert!(update.changed.is_empty(), "{update:?}");
        let segment = timeline.segment(0, 8).unwrap();
        let seal = segment.seal.as_deref().unwrap();
        assert_eq!((seal.stream.as_str(), seal.seq), (stream, 40));
        assert!(seal.is_by(&key.public_key(), &segment.digest.unwrap()));
    }
    // Half a seal is no line that can be read.
    let half = signed("a").replace("TRACK=\"v\",", "");
    assert!(!load(&half).segment(0, 8).unwrap().shareable);
}

#[test]
fn gaps_and_unreadable_digests_keep_their_numbers_but_are_not_found() {
    let gap = segment(6).replace("#EXTINF", "#EXT-X-GAP\n#EXTINF");
    let torn = segment(7).replace("#EXTINF", "#EXT-X-SWARMLINE-DIGEST:SIZE=9\n#EXTINF");
    let timeline = load(&(window(5, 1) + &gap + &torn + &segment(8)));
    assert_eq!(numbers(&timeline), [5, 6, 7, 8]);
    let found = (5..9).map(|n| timeline.find(&format!("https://cdn.test/live/v/seg{n}.m4s"), None));
    let found: Vec<_> = found.map(|place| place.map(|(_, number)| number)).collect();
    assert_eq!(found, [Some(5), None, None, Some(8)]);
}

#[test]
fn a_date_on_the_first_segment_of_each_window_does_not_rename_it() {
    let dated = |first: u64| {
        let date = "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXTINF";
        window(first, 6).replacen("#EXTINF", date, 1)
    };
    let mut timeline = load(&dated(10));
    let update = timeline.update_hls(URL, &dated(12)).unwrap();
    assert!(update.changed.is_empty());
    assert_eq!(first_track(&timeline), first_track(&load(&dated(12))));
    // Dates on every segment tell two contents under one name apart.
    let all = |hour| {
        let date = format!("#EXT-X-PROGRAM-DATE-TIME:2026-01-01T{hour}:00:00Z\n#EXTINF");
        window(10, 3).replace("#EXTINF", &date)
    };
    let mut timeline = load(&all("01"));
    assert_eq!(
        timeline.update_hls(URL, &all("02")).unwrap().changed.len(),
        3
    );
}

#[test]
fn a_new_host_is_a_new_address_of_the_same_version() {
    let mut timeline = load(&window(1, 3));
    let moved = URL.replace("cdn.test", "backup.test");
    let update = timeline.update_hls(&moved, &window(1, 3)).unwrap();
    assert_eq!((update.track, update.changed.len()), (Some(0), 3));
    assert!(update.changed.iter().all(|&(number, version)| {
        timeline
            .segment(0, number)
            .is_some_and(|segment| segment.version == version)
    }));
    assert_eq!(
        timeline.find("https://backup.test/live/v/seg2.m4s", None),
        Some((0, 2))
    );
    assert_eq!(
        timeline.find("https://cdn.test/live/v/seg2.m4s", None),
        None
    );
}

#[test]
fn one_address_listed_twice_is_found_while_one_of_them_stands() {
    let bumper = "#EXTINF:4,\nbumper.ts\n";
    let text = |first: u64, body: &str| window(first, 0) + body;
    let mut timeline = load(&text(0, &format!("{bumper}{}{bumper}", segment(1))));
    assert_eq!(
        timeline.find("https://cdn.test/live/v/bumper.ts", None),
        Some((0, 2))
    );
    timeline
        .update_hls(URL, &text(1, &format!("{}{bumper}", segment(1))))
        .unwrap();
    assert_eq!(
        timeline.find("https://cdn.test/live/v/bumper.ts", None),
        Some((0, 2))
    );
}

#[test]
fn tracks_are_named_by_path_whether_or_not_the_master_was_seen() {
    let master = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"English\",LANGUAGE=\"en\",URI=\"a/en.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO=\"a\"\nv/index.m3u8\n\
        #EXT-X-STREAM-INF:AUDIO=\"b\"\nbroken.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO=\"b\"\nv/index.m3u8?token=2\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,URI=\"i.m3u8\"\n";
    let master = master.replace("?token=2", "");
    let mut seen = Timeline::default();
    let update = seen
        .update_hls("https://cdn.test/live/master.m3u8", &master)
        .unwrap();
    assert_eq!((update.track, seen.tracks().len()), (None, 0));
    seen.update_hls(URL, &window(0, 2)).unwrap();
    let host = "http://other.test/live/v/index.m3u8?_HLS_msn=9";
    let mut unseen = Timeline::default();
    unseen.update_hls(host, &window(0, 2)).unwrap();
    assert_eq!(seen.tracks()[0].id, unseen.tracks()[0].id);
    assert_eq!(
        first_track(&seen)[1].version,
        first_track(&unseen)[1].version
    );
    let audio = seen
        .update_hls("https://cdn.test/live/a/en.m3u8", &window(0, 2))
        .unwrap();
    assert_eq!(audio.track, Some(1));
    assert_ne!(seen.tracks()[0].id, seen.tracks()[1].id);
    assert_eq!(
        seen.find("https://cdn.test/live/a/seg1.m4s", None),
        Some((1, 1))
    );
    assert_eq!(seen.track_index(seen.tracks()[1].id), Some(1));
    let name = sha256(b"swarmline track v1\n/live/v/index.m3u8");
    assert_eq!(seen.tracks()[0].id.0, name.0[..8]);
}

#[test]
fn renditions_under_one_path_are_told_apart_by_their_attributes() {
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=640x360\nv.m3u8?q=low\n\
        #EXT-X-STREAM-INF:BANDWIDTH=3000,CODECS=\"avc1.4d001f,mp4a.40.2\"\nv.m3u8?q=high\n";
    let mut timeline = Timeline::default();
    timeline
        .update_hls("https://cdn.test/m.m3u8", master)
        .unwrap();
    let low = timeline.update_hls("https://cdn.test/v.m3u8?q=low&_HLS_msn=4", &window(0, 2));
    let high = timeline.update_hls("https://cdn.test/v.m3u8?q=high", &window(0, 2));
    assert_eq!(
        (low.unwrap().track, high.unwrap().track),
        (Some(0), Some(1))
    );
    let name = b"swarmline track v1\n/v.m3u8\nBANDWIDTH=1000,RESOLUTION=640x360";
    assert_eq!(timeline.tracks()[0].id.0, sha256(name).0[..8]);
    let name = b"swarmline track v1\n/v.m3u8\nBANDWIDTH=3000,CODECS=avc1.4d001f,mp4a.40.2";
    assert_eq!(timeline.tracks()[1].id.0, sha256(name).0[..8]);
    let unknown = timeline.update_hls("https://cdn.test/v.m3u8?q=other", &window(0, 2));
    assert!(unknown.is_err(), "never a wrong segment");
}

#[test]
fn i_frame_playlists_change_nothing() {
    let text = window(0, 3).replace("#EXT-X-VERSION:7", "#EXT-X-I-FRAMES-ONLY");
    let mut timeline = Timeline::default();
    assert_eq!(timeline.update_hls(URL, &text).unwrap().track, None);
    assert!(timeline.tracks().is_empty());
}

#[test]
fn what_cannot_be_mapped_is_an_error_and_changes_nothing() {
    let mut timeline = load(&window(1, 3));
    let before = first_track(&timeline);
    let bad = [
        "".to_owned(),
        "<html>not found</html>".to_owned(),
        "#EXTM3U\n".to_owned(),
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\nno-duration.ts\n".to_owned(),
        window(1, 3) + "#EXTINF:4,\n{$base}/a.ts\n",
        window(1, 3) + "#EXTINF:4,\n#EXT-X-BYTERANGE:x\na.ts\n",
        window(1, 3) + "#EXTINF:4,\n#EXT-X-BYTERANGE:5@\na.ts\n",
        window(1, 3) + "#EXTINF:4,\n#EXT-X-BYTERANGE:0@5\na.ts\n",
        window(1, 3).replace("SEQUENCE:1", "SEQUENCE:1x"),
        window(1, 3).replace("SEQUENCE:1", "SEQUENCE:x"),
        window(1, 3).replace("SEQUENCE:1", "SEQUENCE:18446744073709551615"),
        window(1, 3).replace("#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=x\n#EXT-X-MAP"),
        window(1, 3).replace("#EXT-X-MAP", "#EXT-X-SKIP:SKIPPED-SEGMENTS=+1\n#EXT-X-MAP"),
        window(1, 3).replace(
            "#EXT-X-MAP",
            "#EXT-X-SKIP:SKIPPED-SEGMENTS=\"1\"\n#EXT-X-MAP",
        ),
        window(1, 3).replace("#EXT-X-MAP", "#EXT-X-SKIP:X=\"1\n#EXT-X-MAP"),
        window(1, 2) + "#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n" + &segment(4),
        window(1, 3) + "# some players end a line here:\r#EXTINF:4,\na.ts\n",
        window(1, 3).replace("seg2", "seg\r2"),
        " ".repeat((32 << 20) + 1),
        window(1, 0) + &"#EXTINF:4,\na\n".repeat(200_001),
    ];
    for text in bad {
        let result = timeline.update_hls(URL, &text);
        assert!(
            result.is_err(),
            "{}",
            text.chars().take(300).collect::<String>()
        );
        assert_eq!(first_track(&timeline), before);
    }
    assert!(
        timeline
            .update_hls("blob:https://a/b", &window(1, 3))
            .is_err()
    );
}

#[test]
fn a_playlist_without_segments_yet_is_no_error() {
    let mut timeline = Timeline::default();
    let update = timeline.update_hls(URL, &window(0, 0)).unwrap();
    assert_eq!((update.track, update.added), (Some(0), 0));
    let update = timeline.update_hls(URL, &window(5, 2)).unwrap();
    assert_eq!((update.added_first, update.added), (5, 2));
}
