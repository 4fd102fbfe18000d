//! What fixtures list, written by hand: counts, first and last addresses, and what is left out.

use super::{fixture, fixtures, load};
use swarmline::base::ByteRange;
use swarmline::manifest::{Timeline, Track};

/// The track whose addresses contain `part`.
fn track<'a>(timeline: &'a Timeline, part: &str) -> &'a Track {
    let mut tracks = timeline.tracks().iter();
    let has = |track: &&Track| {
        track
            .segments
            .iter()
            .any(|segment| segment.url.contains(part))
    };
    tracks
        .find(has)
        .unwrap_or_else(|| panic!("no track has {part}"))
}

fn ends(track: &Track) -> (usize, u64, &str, u64, &str) {
    let (first, last) = (
        track.segments.first().unwrap(),
        track.segments.last().unwrap(),
    );
    (
        track.segments.len(),
        first.number,
        &first.url,
        last.number,
        &last.url,
    )
}

#[test]
fn there_are_enough_of_them() {
    assert!(fixtures().len() >= 25);
}

/// Fixture, part of an address of the track, how many segments, number and address of the first, of the last.
const ENDS: &str = "
static-number 4000k 159 0 /bbb_30fps_1280x720_4000k/bbb_30fps_1280x720_4000k_1.m4v \
    18960 /bbb_30fps_1280x720_4000k/bbb_30fps_1280x720_4000k_159.m4v
static-time-quality-levels (487000) 26 0 /QualityLevels(487000)/Fragments(video=0,format=mpd-time-csf) \
    500000000 /QualityLevels(487000)/Fragments(video=500000000,format=mpd-time-csf)
static-repeat-to-end /v/ 21 0 /v/00000.m4s 5400000 /v/00020.m4s
static-repeat-to-end /a/ 31 0 /a/0.m4s 2880000 /a/2880000.m4s
static-padded-number chunk 10 0 /chunk-000700000-00098-098.m4s 18000 /chunk-000700000-00107-107.m4s
xlink-period c-5 5 0 /c-1.m4s 160 /c-5.m4s
coarse-timescale /v 3 0 /v1.m4s 8 /v3.m4s
coarse-timescale /a 5 0 /a1.m4s 8 /a5.m4s
end-number /1 5 0 /11.m4s 16 /15.m4s
end-number /a 3 0 /a3.m4s 10 /a5.m4s
offset-time /v 6 5400 /v5400.m4s 11400 /v11400.m4s
offset-time /a 4 0 /a0-1.m4s 4500 /a4500-4.m4s
packager-timeline v1- 6 0 /v1-0.m4s 256000 /v1-256000.m4s
packager-timeline a- 7 0 /a-0.m4s 1152000 /a-1152000.m4s
packager-live v0- 6 153600 /v0-00007.m4s 281600 /v0-00012.m4s
packager-live a- 7 576512 /a-00007.m4s 1152000 /a-00013.m4s
ffmpeg-single stream1 6 0 /ffmpeg-single-stream1.mp4 10000000 /ffmpeg-single-stream1.mp4
ffmpeg-live stream1 4 191488 /chunk-stream1-00005.m4s 335872 /chunk-stream1-00008.m4s
prefixed-namespaces right 4 0 /right-1.m4s 6000 /right-4.m4s
awkward-text n= 3 0 https://cdn.example/a&b/s.m4s?n=1&k=<1> 4 https://cdn.example/a&b/s.m4s?n=3&k=<1>";

#[test]
fn first_and_last_segments() {
    let lines = ENDS.replace("\\\n", "");
    for line in lines.lines().skip(1) {
        let (name, rest) = line.split_once(' ').unwrap();
        let (part, expected) = rest.split_once(' ').unwrap();
        let expected: Vec<&str> = expected.split_whitespace().collect();
        let timeline = fixture(name);
        let (count, first, first_url, last, last_url) = ends(track(&timeline, part));
        let base = "https://origin.example/streams/one";
        let cut = |url: &str| url.strip_prefix(base).unwrap_or(url).to_owned();
        let found = [
            count.to_string(),
            first.to_string(),
            cut(first_url),
            last.to_string(),
            cut(last_url),
        ];
        assert_eq!(found.to_vec(), expected, "{name}");
    }
}

#[test]
fn base_urls_chain() {
    let timeline = fixture("base-url-chain");
    let firsts: Vec<_> = timeline
        .tracks()
        .iter()
        .map(|track| ends(track).2)
        .collect();
    assert_eq!(
        firsts,
        [
            "https://cdn.example/vod/y/video/hd/1.m4s",
            "https://cdn.example/root/1.m4s",
            "https://edge.example/z/1.m4s",
            "http://plain.example/q/1.m4s",
            "https://cdn.example/vod/y/video/1.m4s",
            "https://cdn.example/vod/y/beside-1.m4s",
        ]
    );
    let timeline = fixture("location");
    let segments = &timeline.tracks()[0].segments;
    assert_eq!(segments[0].url, "https://session.example/s-42/35900.m4s");
}

#[test]
fn a_live_window_follows_the_clock() {
    let timeline = fixture("live-number");
    // 2026-11-21T12:00:05Z is 1,795,262,405 s; a minute is kept, and one more on either side.
    for track in timeline.tracks() {
        let (count, first, _, last, _) = ends(track);
        assert_eq!((count, first, last), (91, 897_631_142 * 2, 897_631_232 * 2));
        assert!(track.live);
    }
    // One hour and five seconds after the first: 10 of one second, then of two.
    let timeline = fixture("live-repeat-open");
    let (_, first, first_url, last, last_url) = ends(&timeline.tracks()[0]);
    assert_eq!((first, last), (500, 3_664_500));
    assert!(first_url.ends_with("/v_000001.m4s"));
    assert!(last_url.ends_with("/v_001838.m4s"));
}

#[test]
fn ranges_and_lists() {
    let timeline = fixture("segment-list");
    let ranges: Vec<_> = timeline.tracks()[1]
        .segments
        .iter()
        .map(|s| s.range.unwrap())
        .collect();
    let range = |start, end| ByteRange { start, end };
    assert_eq!(
        ranges,
        [
            range(862, 24_001),
            range(24_001, 50_001),
            range(50_001, 50_002)
        ]
    );
    let place = timeline.find(
        "https://origin.example/streams/one/one.mp4",
        Some(ranges[1]),
    );
    assert_eq!(place, Some((1, 900_000)));
    assert_eq!(
        timeline.find("https://origin.example/streams/one/one.mp4", None),
        None
    );
}

#[test]
fn a_resource_with_its_own_index_is_named_and_has_no_segments() {
    let timeline = fixture("segment-base");
    let indexed: Vec<_> = timeline
        .tracks()
        .iter()
        .map(|t| t.indexed.clone().unwrap())
        .collect();
    assert!(
        timeline
            .tracks()
            .iter()
            .all(|track| track.segments.is_empty())
    );
    assert_eq!(
        indexed[1].url,
        "https://origin.example/streams/one/video_720.mp4"
    );
    assert_eq!(
        indexed[1].index_range,
        Some(ByteRange {
            start: 861,
            end: 1_205
        })
    );
    assert_eq!(indexed[2].index_range, None);
}

#[test]
fn what_cannot_be_mapped_is_left_out_and_said() {
    for (name, text) in fixtures() {
        let (timeline, update) = load(&name, &text);
        match name.as_str() {
            "cannot-be-mapped" => {
                let [good] = timeline.tracks() else {
                    panic!("{:?}", timeline.tracks())
                };
                assert_eq!(good.segments.len(), 8);
                assert_eq!(update.warnings.len(), 8, "{:?}", update.warnings);
                let said = update.warnings.join("\n");
                for id in [
                    "fraction",
                    "back",
                    "sub-number",
                    "no-time",
                    "alike",
                    "no-media",
                    "good",
                ] {
                    assert!(said.contains(&format!("no P2P for {id}: ")), "{id}");
                }
            }
            "xlink-period" => {
                let expected = [
                    "no P2P for remote: its xlink:href is not followed",
                    "no P2P for : its xlink:href is not followed",
                ];
                assert_eq!(update.warnings, expected);
                assert_eq!(timeline.tracks().len(), 2);
            }
            _ => assert_eq!(update.warnings, [""; 0], "{name}"),
        }
    }
}

/// What shaka-packager wrote into its files: the index of the picture and of the sound, from these bytes on.
const PACKAGER_INDEXES: [(&str, u64, &str); 2] = [
    (
        "v0.mp4",
        833,
        "0000006873696478000000000000000100003200000000000000000000000006000208f30000c800900000000001f55b0000c800900000000001d3970000c800900000000001e6080000c80090000000000214100000c800900000000001d4ec0000c80090000000",
    ),
    (
        "a.mp4",
        771,
        "000000747369647800000000000000010000bb80000000000000000000000007000061ee0002f00090000000000061430002ec0090000000000061a30002f00090000000000061190002ec0090000000000062430002f000900000000000616d0002ec0090000000000000cf0000040090000000",
    ),
];

#[test]
fn what_a_packager_put_into_one_file_is_listed_by_its_index() {
    let mut timeline = fixture("packager-on-demand");
    for (file, first, index) in PACKAGER_INDEXES {
        let url = format!("https://origin.example/streams/one/{file}");
        let bytes: Vec<u8> = (0..index.len() / 2)
            .map(|at| u8::from_str_radix(&index[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert!(
            timeline.update_index(&url, first, &bytes).is_some(),
            "{file}"
        );
    }
    let starts = |part: &str| -> Vec<(u64, u64)> {
        let segments = &track(&timeline, part).segments;
        let starts = segments.iter().map(|s| (s.number, s.range.unwrap().start));
        starts.collect()
    };
    // Where fragments begin in the files, and their decode times.
    assert_eq!(
        starts("v0.mp4"),
        [
            (0, 937),
            (51_200, 134_300),
            (102_400, 262_647),
            (153_600, 382_350),
            (204_800, 506_774),
            (256_000, 642_982)
        ]
    );
    let sound = starts("a.mp4");
    let places: Vec<u64> = sound.iter().map(|(_, start)| *start).collect();
    assert_eq!(
        places,
        [887, 25_957, 50_856, 75_851, 100_708, 125_863, 150_804]
    );
    assert_eq!(sound.last(), Some(&(1_152_000, 150_804)));
    let end = track(&timeline, "a.mp4").segments.last().unwrap().range;
    assert_eq!(end.unwrap().end, 151_011, "the file's end");
}
