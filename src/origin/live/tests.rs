//! The sample stream looped, at times of the test's choosing; and a transport stream made by hand.

use super::super::site::digest;
use super::LiveStream;
use crate::manifest::Timeline;
use core::time::Duration;
use std::path::{Path, PathBuf};

const URL: &str = "http://127.0.0.1/live/media.m3u8";

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("demo/media")
        .join(name)
}

fn stream(name: &str) -> LiveStream {
    LiveStream::new("/live", &sample(name), 6).unwrap()
}

fn playlist(stream: &LiveStream, seconds: u64) -> String {
    let found = stream
        .find("/live/media.m3u8", Duration::from_secs(seconds), true)
        .unwrap();
    String::from_utf8(found.unwrap().to_vec()).unwrap()
}

fn segment(stream: &LiveStream, number: u64) -> Vec<u8> {
    // 16 segments of four seconds; the first six are there at once.
    let now = Duration::from_secs((number + 1).saturating_sub(6) * 4);
    let path = format!("/live/media-{number}.m4s");
    stream.find(&path, now, true).unwrap().unwrap().to_vec()
}

/// Values of the 64-bit `tfdt` boxes.
fn decode_times(bytes: &[u8]) -> Vec<u64> {
    let found = bytes
        .windows(8)
        .enumerate()
        .filter(|(_, at)| at[..5] == *b"tfdt\x01");
    found
        .map(|(at, _)| u64::from_be_bytes(bytes[at + 8..at + 16].try_into().unwrap()))
        .collect()
}

#[test]
fn the_window_slides_in_real_time_and_digests_hold() {
    let stream = stream("media.m3u8");
    let mut timeline = Timeline::default();
    let update = timeline.update_hls(URL, &playlist(&stream, 0)).unwrap();
    assert_eq!((update.added_first, update.added), (0, 6));
    assert!(timeline.tracks()[0].live);
    let update = timeline.update_hls(URL, &playlist(&stream, 3)).unwrap();
    assert_eq!(update.added, 0);
    let update = timeline.update_hls(URL, &playlist(&stream, 4)).unwrap();
    assert_eq!(
        (update.added_first, update.added, update.removed.len()),
        (6, 1, 1)
    );
    let far = timeline.update_hls(URL, &playlist(&stream, 4_000)).unwrap();
    assert_eq!((far.added_first, far.added), (1_000, 6));
    for known in &timeline.tracks()[0].segments {
        let bytes = segment(&stream, known.number);
        assert_eq!(Some(digest(&bytes)), known.digest);
    }
    let future = stream.find("/live/media-7.m4s", Duration::ZERO, false);
    assert!(future.is_err(), "not yet");
    let past = stream.find("/live/media-0.m4s", Duration::from_secs(100), false);
    assert!(past.is_err(), "long gone");
}

#[test]
fn every_pass_differs_in_bytes_and_time() {
    let stream = stream("media.m3u8");
    let passes: Vec<_> = [3, 19, 35].map(|number| segment(&stream, number)).into();
    assert!(passes[0] != passes[1] && passes[1] != passes[2]);
    let times: Vec<_> = passes.iter().map(|bytes| decode_times(bytes)).collect();
    for (before, after) in times.iter().zip(&times[1..]) {
        // A pass is 64 s: 12,800 ticks a second of video, 48,000 of sound.
        assert_eq!(
            (after[0] - before[0], after[1] - before[1]),
            (64 * 12_800, 64 * 48_000)
        );
    }
    let original = std::fs::read(sample("segment-03.m4s")).unwrap();
    assert_eq!(decode_times(&original), times[0]);
    assert_eq!(original[..24], passes[0][..24], "the styp stays in front");
    assert_eq!(&passes[1][28..32], b"free");
    assert!(passes[1].ends_with(&original[original.len() - 10_000..]));
}

#[test]
fn dates_go_on_as_the_media_does() {
    let stream = stream("media.m3u8");
    let dates = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:"));
        lines.map(str::to_owned).collect()
    };
    let (first, second) = (dates(&playlist(&stream, 0)), dates(&playlist(&stream, 8)));
    assert_eq!(first[2..], second[..4]);
}

#[test]
fn a_master_playlist_brings_what_it_names() {
    let stream = stream("master.m3u8");
    assert!(playlist(&stream, 0).contains("media-5.m4s"));
    let none = stream
        .find("/live/master.m3u8", Duration::ZERO, false)
        .unwrap();
    assert!(none.is_none(), "a file like others");
    assert!(stream.locate("/live/master.m3u8").unwrap().is_file());
}

#[test]
fn a_transport_stream_is_looped_too() {
    let folder = std::env::temp_dir().join(format!("swarmline-ts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut packet = vec![0xff; 188];
    packet[..18].copy_from_slice(&[
        0x47, 0x41, 0x00, 0x10, 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0x00, 0x05, 0xbf, 0x21,
    ]);
    std::fs::write(folder.join("a.ts"), &packet).unwrap();
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n";
    std::fs::write(folder.join("media.m3u8"), text).unwrap();
    let stream = LiveStream::new("/live", &folder.join("media.m3u8"), 2).unwrap();
    let now = Duration::ZERO;
    let bytes = stream
        .find("/live/media-1.ts", now, false)
        .unwrap()
        .unwrap();
    assert_eq!(bytes.len(), 2 * 188);
    assert_eq!(bytes[..4], [0x47, 0x1f, 0xff, 0x10]);
    // A second later than 90,000 ticks.
    assert_eq!(bytes[188 + 13..188 + 18], [0x21, 0x00, 0x0b, 0x7e, 0x41]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_looped_says_why() {
    let missing = LiveStream::new("/live", &sample("none.m3u8"), 6).unwrap_err();
    assert!(missing.0.contains("none.m3u8"), "{missing}");
    let folder = std::env::temp_dir().join(format!("swarmline-bad-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("media.m3u8");
    for (text, word) in [
        (
            "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4,\na.ts\n",
            "encrypted",
        ),
        (
            "#EXTM3U\n#EXTINF:4,\na.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\nb.ts\n",
            "discontinuities",
        ),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:4\n", "no segments"),
        ("#EXTM3U\n#EXTINF:4,\nnone.ts\n", "none.ts"),
    ] {
        std::fs::write(&path, text).unwrap();
        let why = LiveStream::new("/live", &path, 6).unwrap_err();
        assert!(why.0.contains(word), "{why}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
