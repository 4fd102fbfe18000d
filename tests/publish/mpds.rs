//! MPDs: one element goes in, digests stand beside. `tests/fixtures/mpd/signed.json` holds what signing makes of the
//! corpus, and what its tracks list, for the players' own parsers (tests/interop) and the browsers' (tests/browser).
//! After a change that is meant: `BLESS=1 cargo test --test publish mpds`.

use crate::folder::{Folder, check, check_key, key, media, sign_with, statuses};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use swarmline::base::ByteRange;
use swarmline::integrity::{SecretKey, Sidecar};
use swarmline::manifest::{SIDECAR_SCHEME, Segment, Timeline, Track};
use swarmline::publish::Status::{BadSignature, Gap, Mismatch, NoDigest, Ok, OtherTrack};
use swarmline::publish::{Playlist, SidecarUse, SignOptions, point_mpd, read_xml, strip_mpd};

const SIDECAR: &str = "manifest.mpd.swarmline.json";
const URL: &str = "https://origin.example/streams/one/manifest.mpd?token=abc";

fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mpd")
}

/// Name and text of each, in order.
fn corpus() -> Vec<(String, String)> {
    let files = fs::read_dir(corpus_folder()).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let mut mpds: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "mpd"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    mpds.sort();
    mpds
}

/// What the engine reads of a text, and the sidecar it is told of.
fn read(text: &str) -> (Timeline, Option<String>) {
    let mut timeline = Timeline::default();
    let update = timeline
        .update_mpd(URL, &read_xml(text).unwrap(), 1_795_262_405_000)
        .unwrap();
    (timeline, update.sidecar)
}

#[test]
fn pointing_and_stripping_gives_the_identical_bytes() {
    let corpus = corpus();
    assert!(corpus.len() >= 25, "{} MPDs", corpus.len());
    for (name, text) in corpus {
        let pointed = point_mpd(&text, SIDECAR).unwrap();
        assert_eq!(strip_mpd(&pointed).unwrap(), text, "{name}");
        assert_eq!(strip_mpd(&text).unwrap(), text, "{name}");
        assert_eq!(
            point_mpd(&pointed, SIDECAR).unwrap(),
            pointed,
            "{name}: twice is once"
        );
        assert_eq!(pointed.matches(SIDECAR_SCHEME).count(), 1, "{name}");
        let mut tree = read_xml(&pointed).unwrap();
        let at = tree
            .children
            .iter()
            .position(|child| child.attribute("schemeIdUri") == Some(SIDECAR_SCHEME));
        let behind: Vec<_> = tree.children.drain(at.unwrap()..).skip(1).collect();
        for element in &behind {
            let late = ["UTCTiming", "LeapSecondInformation"].contains(&element.name.as_str());
            assert!(
                late || element.name.starts_with('{'),
                "{name}: {} behind it",
                element.name
            );
        }
        tree.children.extend(behind);
        assert_eq!(tree, read_xml(&text).unwrap(), "{name}: nothing else");
    }
}

#[test]
fn the_page_reads_the_same_segments_and_where_the_sidecar_is() {
    for (name, text) in corpus() {
        let (before, none) = read(&text);
        let (after, sidecar) = read(&point_mpd(&text, SIDECAR).unwrap());
        assert_eq!(none, None, "{name}");
        let expected = format!("https://origin.example/streams/one/{SIDECAR}");
        assert_eq!(sidecar, Some(expected), "{name}");
        let segments = |timeline: &Timeline| -> Vec<_> {
            let tracks = timeline.tracks().iter();
            tracks
                .map(|track| (track.id, track.segments.clone()))
                .collect()
        };
        assert_eq!(segments(&before), segments(&after), "{name}");
    }
}

/// Every segment in a line: its number, its address, and its range if it has one, the end exclusive.
fn listed(track: &Track) -> Vec<String> {
    let segments = track.segments.iter();
    segments
        .map(|segment| {
            let range = segment
                .range
                .map(|ByteRange { start, end }| format!(" {start}-{end}"));
            let Segment { number, url, .. } = segment;
            format!("{number} {url}{}", range.unwrap_or_default())
        })
        .collect()
}

#[test]
fn signed_texts_are_as_the_players_tests_have_them() {
    let file = corpus_folder().join("signed.json");
    let mut made = serde_json::Map::new();
    for (name, text) in corpus() {
        let (timeline, _) = read(&text);
        let tracks: Vec<_> = timeline.tracks().iter().map(listed).collect();
        let row = json!({ "signed": point_mpd(&text, SIDECAR).unwrap(), "tracks": tracks });
        made.insert(name, row);
    }
    if std::env::var_os("BLESS").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        fs::write(&file, text + "\n").unwrap();
    }
    let known: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for (name, row) in &made {
        assert_eq!(known.get(name), Some(row), "{name}");
    }
    assert_eq!(known.as_object().unwrap().len(), made.len());
}

/// Two periods, one by a rule whose last segment is not there, one by a list of times; CRLF, a comment, no last
/// line end.
const STREAM: &str = "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\">\r\n<!-- two -->\r\n\
    <Period id=\"a\" duration=\"PT8.1S\"><AdaptationSet><BaseURL>one/</BaseURL>\r\n\
    <SegmentTemplate duration=\"4\" media=\"$RepresentationID$-$Number%03d$.m4s\"/>\r\n\
    <Representation id=\"hi\"/><Representation id=\"lo\"/></AdaptationSet></Period>\r\n\
    <Period id=\"b\" duration=\"PT8S\"><AdaptationSet><Representation id=\"v\"><BaseURL>two.mp4</BaseURL>\
    <SegmentList duration=\"4\"><SegmentURL mediaRange=\"100-40099\"/><SegmentURL mediaRange=\"40100-50099\"/>\
    </SegmentList></Representation></AdaptationSet></Period>\r\n</MPD>";

fn stream() -> Folder {
    let folder = Folder::new();
    folder.put("manifest.mpd", STREAM);
    for (seed, name) in (1_u8..).zip(["hi-001", "hi-002", "lo-001", "lo-002"]) {
        folder.put(
            &format!("one/{name}.m4s"),
            media(seed, 40_000 + usize::from(seed)),
        );
    }
    folder.put("two.mp4", media(9, 50_100));
    folder
}

fn sealed() -> SignOptions {
    SignOptions {
        key: Some(key()),
        leaves: true,
        ..SignOptions::default()
    }
}

#[test]
fn a_stream_signs_verifies_and_strips() {
    let folder = stream();
    let manifest = folder.path("manifest.mpd");
    let before = statuses(&check(manifest.clone()));
    assert_eq!(before, [NoDigest; 8]);
    for options in [SignOptions::default(), sealed()] {
        let [signed] = sign_with(manifest.clone(), &options)
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(
            (signed.segments, signed.sidecar),
            (6, Some(folder.path(SIDECAR)))
        );
        let text = folder.text("manifest.mpd");
        assert_eq!(strip_mpd(&text).unwrap(), STREAM);
        // The third of each is the rule's alone.
        assert_eq!(
            statuses(&check(folder.0.clone())),
            [Ok, Ok, Gap, Ok, Ok, Gap, Ok, Ok]
        );
    }
    let sidecar = Sidecar::read(&folder.text(SIDECAR), &|url| Some(url.to_owned())).unwrap();
    let counts: Vec<usize> = sidecar
        .tracks
        .iter()
        .map(|track| track.segments.len())
        .collect();
    assert_eq!(counts, [2, 2, 2]);
    assert_eq!(sidecar.tracks[1].segments[0].url, "one/lo-001.m4s");
    let names: BTreeSet<&str> = sidecar
        .tracks
        .iter()
        .map(|track| track.track.as_str())
        .collect();
    assert_eq!(names.len(), 3);
    let (timeline, _) = read(STREAM);
    let expected = format!("manifest.mpd#{}", timeline.tracks()[1].id.to_hex());
    assert_eq!(sidecar.tracks[1].track, expected);

    assert!(check_key(manifest.clone(), &key().public_key()).ok);
    let other = SecretKey::from_bytes(&[8; 32]).public_key();
    assert!(statuses(&check_key(manifest.clone(), &other)).contains(&BadSignature));
    let all = folder.all();
    sign_with(manifest, &sealed()).unwrap();
    assert_eq!(folder.all(), all, "signing again changes nothing");
}

#[test]
fn what_is_changed_is_found() {
    let folder = stream();
    let manifest = folder.path("manifest.mpd");
    sign_with(manifest.clone(), &sealed()).unwrap();
    let good = [Ok, Ok, Gap, Ok, Ok, Gap, Ok, Ok];
    assert_eq!(statuses(&check(manifest.clone())), good);
    let mut bytes = media(9, 50_100);
    bytes[45_000] ^= 1;
    folder.put("two.mp4", bytes);
    assert_eq!(statuses(&check(manifest.clone()))[6..], [Ok, Mismatch]);
    folder.put("two.mp4", media(9, 50_100));

    // One track's digests under the name of another.
    let json = folder.text(SIDECAR);
    let sidecar = Sidecar::read(&json, &|url| Some(url.to_owned())).unwrap();
    let (one, two) = (&sidecar.tracks[0].track, &sidecar.tracks[1].track);
    let swapped = json.replace(one, "?").replace(two, one).replace('?', two);
    folder.put(SIDECAR, swapped);
    let swapped = statuses(&check_key(manifest.clone(), &key().public_key()));
    assert_eq!(swapped[..2], [BadSignature; 2]);
    assert_eq!(statuses(&check(manifest.clone()))[..2], [OtherTrack; 2]);
    folder.put(SIDECAR, json);
    assert_eq!(statuses(&check(manifest)), good);
}

#[test]
fn what_cannot_be_signed_is_said_and_left_alone() {
    let never = SignOptions {
        sidecar: SidecarUse::Never,
        ..SignOptions::default()
    };
    let template =
        "<SegmentTemplate duration=\"4\" media=\"$RepresentationID$-$Number%03d$.m4s\"/>";
    let live = STREAM.replace(
        "type=\"static\"",
        "type=\"dynamic\" availabilityStartTime=\"2026-01-01T00:00:00Z\"",
    );
    let times = "<SegmentTemplate media=\"$RepresentationID$-$Number%03d$.m4s\"><SegmentTimeline><S d=\"4\"/>\
        </SegmentTimeline></SegmentTemplate>";
    for (text, options, said) in [
        (STREAM.to_owned(), &never, "need a sidecar"),
        (
            STREAM.replace("one/", "https://cdn.test/"),
            &sealed(),
            "absolute https URI",
        ),
        (STREAM.replace("hi\"", "gone\""), &sealed(), "no such file"),
        (live.clone(), &sealed(), "by the clock"),
        (
            live.replace(template, times),
            &sealed(),
            "still growing (a dynamic MPD)",
        ),
        (
            STREAM
                .replace(template, "")
                .replace("SegmentList", "SegmentBase"),
            &sealed(),
            "SegmentBase",
        ),
        (STREAM.replace("</MPD>", ""), &sealed(), "the document ends"),
    ] {
        let folder = stream();
        folder.put("manifest.mpd", &text);
        let all = folder.all();
        let error = sign_with(folder.path("manifest.mpd"), options).unwrap_err();
        assert!(error.what.contains(said), "{said}: {}", error.what);
        assert_eq!(folder.all(), all);
    }
}

#[test]
fn the_corpus_lists_files_where_players_ask_for_them() {
    for (name, text) in corpus() {
        let Result::Ok(playlist) = Playlist::scan(&text) else {
            assert!(
                name.starts_with("live-") || name == "ffmpeg-low-latency",
                "{name}"
            );
            continue;
        };
        let (timeline, _) = read(&text);
        let urls = timeline.tracks().iter().flat_map(|track| &track.segments);
        let base = url::Url::parse(URL).unwrap();
        for (entry, segment) in playlist.segments.iter().zip(urls) {
            let joined = base.join(&entry.uri).unwrap();
            assert_eq!(joined, url::Url::parse(&segment.url).unwrap(), "{name}");
        }
    }
}
