//! Viewers of an MPD in one small world: its segments are named by start times, far apart, and are shared like
//! those of a playlist; a live MPD without a list of segments goes by the clock.

mod world;

use std::time::Duration;
use swarmline::base::ByteRange;
use swarmline::engine::{CloseReason, Config, Event, Input, IntegrityMode, ManifestBody, Source};
use swarmline::integrity::{Sidecar, SidecarSegment, SidecarTrack};
use swarmline::manifest::{Element, SIDECAR_SCHEME};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
use world::{LEN, Outcome, Viewer, World, asked, bytes_of, content, poison, root, source_of, url};

const MPD: &str = "http://cdn/show/manifest.mpd";
/// When the world begins, milliseconds since 1970: a minute after the live MPD's start.
const BORN_MS: u64 = 60_000;

fn element(name: &str, attributes: &[(&str, &str)], children: Vec<Element>) -> Element {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Element {
        name: name.to_owned(),
        attributes: attributes.iter().map(owned).collect(),
        text: String::new(),
        children,
    }
}

fn mpd(attributes: &[(&str, &str)], template: Element) -> Element {
    let representation = element("Representation", &[("id", "v")], vec![]);
    let set = element("AdaptationSet", &[], vec![template, representation]);
    element(
        "MPD",
        attributes,
        vec![element("Period", &[("id", "p")], vec![set])],
    )
}

/// Ten segments of four seconds in 90 kHz.
fn vod() -> Element {
    let line = element("S", &[("t", "0"), ("d", "360000"), ("r", "9")], vec![]);
    let timeline = element("SegmentTimeline", &[], vec![line]);
    let attributes = [
        ("media", "seg-$Number$.m4s"),
        ("timescale", "90000"),
        ("startNumber", "0"),
    ];
    let template = element("SegmentTemplate", &attributes, vec![timeline]);
    mpd(&[("type", "static")], template)
}

/// Segments of four seconds from 1970 on.
fn live() -> Element {
    let attributes = [
        ("media", "seg-$Number$.m4s"),
        ("timescale", "90000"),
        ("duration", "360000"),
        ("startNumber", "0"),
    ];
    let stream = [
        ("type", "dynamic"),
        ("availabilityStartTime", "1970-01-01T00:00:00Z"),
        ("timeShiftBufferDepth", "PT20S"),
    ];
    mpd(&stream, element("SegmentTemplate", &attributes, vec![]))
}

fn join(world: &mut World, root: &Element) -> Viewer {
    join_as(world, root, World::config())
}

fn join_as(world: &mut World, root: &Element, config: Config) -> Viewer {
    let viewer = world.join(config, MPD, "");
    let now_ms = BORN_MS + world.now.as_millis();
    let body = ManifestBody::Mpd {
        root: Ok(root.clone()),
        now_ms,
    };
    world.tell(
        viewer,
        Input::Manifest {
            url: MPD.to_owned(),
            body,
        },
    );
    viewer
}

fn with_files(count: u64) -> World {
    let mut world = World::new();
    for number in 0..count {
        world.cdn.files.insert(url(number), content(number, LEN));
    }
    world
}

#[test]
fn the_second_viewer_is_fed_by_the_first() {
    let mut world = with_files(10);
    let first = join(&mut world, &vod());
    world.run_for(Duration::from_secs(2));
    for number in 0..6 {
        world.ahead(first, number as f64 * 4_000.0);
        assert_eq!(
            bytes_of(&world.fetch(first, &url(number))),
            content(number, LEN)
        );
    }
    world.run_for(Duration::from_secs(1));
    let second = join(&mut world, &vod());
    world.ahead(second, 0.0);
    assert_eq!(
        source_of(&world.fetch(second, &url(0))),
        Source::Cdn,
        "the first is the CDN's"
    );
    for number in 1..6 {
        world.ahead(second, number as f64 * 4_000.0);
        let outcome = world.fetch(second, &url(number));
        assert_eq!(bytes_of(&outcome), content(number, LEN));
        assert_eq!(source_of(&outcome), Source::Peers, "segment {number}");
        assert_eq!(asked(&world, number), 1);
    }
    // What the second tells a third at once is all it holds.
    world.kill(first);
    let third = join(&mut world, &vod());
    world.ahead(third, 0.0);
    world.fetch(third, &url(0));
    world.ahead(third, 20_000.0);
    assert_eq!(source_of(&world.fetch(third, &url(5))), Source::Peers);
}

/// The MPD names a sidecar that proves its ten segments.
fn sealed(world: &mut World) -> Element {
    let entry = |number: u64| SidecarSegment {
        url: format!("seg-{number}.m4s"),
        size: Some(LEN as u64),
        root: Some(root(&content(number, LEN))),
        ..SidecarSegment::default()
    };
    let track = SidecarTrack {
        track: "v".to_owned(),
        segments: (0..10).map(entry).collect(),
    };
    let text = Sidecar::new(None, vec![track]).to_json();
    let file = "http://cdn/show/digests.json".to_owned();
    world.cdn.files.insert(file, text.into_bytes());
    let mut stream = vod();
    let pointer = [("schemeIdUri", SIDECAR_SCHEME), ("value", "digests.json")];
    let pointer = element("SupplementalProperty", &pointer, vec![]);
    stream.children.insert(0, pointer);
    stream
}

fn only_proven() -> Config {
    Config {
        integrity: IntegrityMode::Require,
        ..World::config()
    }
}

#[test]
fn what_a_sidecar_proves_is_shared_where_the_mpd_names_it() {
    for named in [true, false] {
        let mut world = with_files(10);
        let mut stream = sealed(&mut world);
        if !named {
            stream.children.remove(0);
        }
        let first = join_as(&mut world, &stream, only_proven());
        let second = join_as(&mut world, &stream, only_proven());
        world.run_for(Duration::from_secs(3));
        for viewer in [first, second] {
            world.ahead(viewer, 12_000.0);
            let outcome = world.fetch(viewer, &url(4));
            assert_eq!(bytes_of(&outcome), content(4, LEN));
            let shared = named && viewer == second;
            assert_eq!(source_of(&outcome) == Source::Peers, shared);
            world.run_for(Duration::from_secs(1));
        }
    }
}

#[test]
fn a_block_that_the_mpd_s_sidecar_does_not_prove_costs_its_sender_the_link() {
    for tampers in [true, false] {
        let mut world = with_files(10);
        let stream = sealed(&mut world);
        let first = join_as(&mut world, &stream, only_proven());
        world.run_for(Duration::from_secs(2));
        for number in 0..6 {
            world.ahead(first, 12_000.0);
            world.fetch(first, &url(number));
        }
        world.viewers[first].vice = tampers.then(poison);
        let second = join_as(&mut world, &stream, only_proven());
        world.run_for(Duration::from_secs(2));
        for number in 1..6 {
            world.ahead(second, 12_000.0);
            let outcome = world.fetch(second, &url(number));
            assert_eq!(bytes_of(&outcome), content(number, LEN), "segment {number}");
        }
        let stats = world.viewers[second].engine.stats();
        let is_dropped = |event: &Event| {
            let wrong = CloseReason::WrongBlock;
            matches!(event, Event::PeerClosed { reason, .. } if *reason == wrong)
        };
        let dropped = world.viewers[second].events.iter().any(is_dropped);
        assert_eq!(dropped, tampers);
        // The blocks of a message that are right are kept even of a liar.
        assert!(
            tampers || stats.peer_bytes > 0,
            "untouched blocks are taken"
        );
    }
}

#[test]
fn an_mpd_with_another_kind_of_digests_is_one_without() {
    for (mode, shared) in [
        (IntegrityMode::Require, false),
        (IntegrityMode::Prefer, true),
    ] {
        let mut world = with_files(10);
        let mut stream = vod();
        // Of ISO/IEC 23009-4, as far as it is public.
        let authenticity = [
            ("authSchemeIdUri", "urn:mpeg:dash:sea:sha256"),
            ("authUrlTemplate", "$base$.sha256"),
            ("authTagLength", "256"),
        ];
        let authenticity = element("ContentAuthenticity", &authenticity, vec![]);
        let property = [("schemeIdUri", "urn:mpeg:dash:sea:auth:2012")];
        let property = element("SupplementalProperty", &property, vec![authenticity]);
        stream.children.insert(0, property);
        let config = || Config {
            integrity: mode,
            ..World::config()
        };
        let first = join_as(&mut world, &stream, config());
        let second = join_as(&mut world, &stream, config());
        world.run_for(Duration::from_secs(3));
        for viewer in [first, second] {
            world.ahead(viewer, 12_000.0);
            let outcome = world.fetch(viewer, &url(4));
            assert_eq!(bytes_of(&outcome), content(4, LEN));
            let by_peers = source_of(&outcome) == Source::Peers;
            assert_eq!(by_peers, shared && viewer == second, "{mode:?}");
            world.run_for(Duration::from_secs(1));
        }
        assert!(
            world
                .cdn
                .requests
                .iter()
                .all(|(_, url, _)| !url.contains("sha256"))
        );
    }
}

#[test]
fn a_live_mpd_without_a_list_goes_by_the_clock() {
    let mut world = with_files(60);
    let first = join(&mut world, &live());
    let second = join(&mut world, &live());
    world.run_for(Duration::from_secs(2));
    // A minute in, of four seconds each: the newest whole one is 14. One more minute is listed, 100 s is beyond.
    for number in 14..40 {
        for viewer in [first, second] {
            world.ahead(viewer, 8_000.0);
            let outcome = world.fetch(viewer, &url(number));
            assert_eq!(bytes_of(&outcome), content(number, LEN), "segment {number}");
        }
        world.run_for(Duration::from_secs(4));
    }
    let copies: usize = (16..40).map(|number| asked(&world, number)).sum();
    assert!(copies <= 26, "{copies} copies of 24 segments");
}

/// A film in one file, segments of one length behind an index of four seconds each.
fn film(count: u32) -> (Element, Vec<u8>, Vec<u8>) {
    let words = |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|w| w.to_be_bytes()).collect() };
    let size = 32 + 12 * count;
    let mut index = [
        words(&[size]),
        b"sidx".to_vec(),
        words(&[0, 1, 90_000, 0, 0, count]),
    ]
    .concat();
    let len = u32::try_from(LEN).unwrap_or(u32::MAX);
    for _ in 0..count {
        index.extend(words(&[len, 360_000, 0x9000_0000]));
    }
    let mut file = index.clone();
    for number in 0..u64::from(count) {
        file.extend(content(number, LEN));
    }
    let url = Element {
        text: "film.mp4".to_owned(),
        ..element("BaseURL", &[], vec![])
    };
    let place = format!("0-{}", size - 1);
    let base = element("SegmentBase", &[("indexRange", &place)], vec![]);
    let representation = element("Representation", &[("id", "v")], vec![url, base]);
    let set = element("AdaptationSet", &[], vec![representation]);
    let root = element(
        "MPD",
        &[],
        vec![element("Period", &[("id", "p")], vec![set])],
    );
    (root, index, file)
}

#[test]
fn segments_of_one_file_are_shared_once_the_player_has_loaded_its_index() {
    const FILM: &str = "http://cdn/show/film.mp4";
    let (root, index, file) = film(8);
    let mut world = World::new();
    world.cdn.files.insert(FILM.to_owned(), file);
    let range = |number: u64| ByteRange {
        start: index.len() as u64 + number * LEN as u64,
        end: index.len() as u64 + (number + 1) * LEN as u64,
    };
    let first = join(&mut world, &root);
    let unknown = world.load(first, FILM, Some(range(1)));
    let passed = world.settle(first, unknown);
    assert!(
        matches!(passed, Outcome::Passed),
        "nobody has told of it yet"
    );
    let second = join(&mut world, &root);
    for viewer in [first, second] {
        let url = FILM.to_owned();
        let bytes = index.clone();
        let body = ManifestBody::Index { first: 0, bytes };
        world.tell(viewer, Input::Manifest { url, body });
    }
    world.run_for(Duration::from_secs(2));
    for viewer in [first, second] {
        for number in 0..8 {
            world.ahead(viewer, number as f64 * 4_000.0);
            let request = world.load(viewer, FILM, Some(range(number)));
            let outcome = world.settle(viewer, request);
            assert_eq!(bytes_of(&outcome), content(number, LEN), "segment {number}");
            let by_peers = source_of(&outcome) == Source::Peers;
            assert_eq!(by_peers, viewer == second && number > 0, "segment {number}");
        }
        world.run_for(Duration::from_secs(1));
    }
}
