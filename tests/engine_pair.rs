//! Engines in one small world: what the main job promises, in virtual time.

#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's own numbers are small"
)]

mod world;

use std::time::Duration;
use swarmline::engine::{Config, Event, IntegrityMode, Source};
use world::{Fault, Outcome, Vice, World, asked, content, playlist, url, vod};

const LEN: usize = 650_000;

fn bytes_of(outcome: &Outcome) -> &[u8] {
    match outcome {
        Outcome::Ready { bytes, .. } => bytes,
        Outcome::Failed { .. } | Outcome::Passed => panic!("not ready: {outcome:?}"),
    }
}

fn source_of(outcome: &Outcome) -> Source {
    match outcome {
        Outcome::Ready { source, .. } => *source,
        Outcome::Failed { .. } | Outcome::Passed => panic!("not ready: {outcome:?}"),
    }
}

/// A world in which one viewer holds segments `0..held` of ten, and another has just joined.
fn second_joins(signed: bool, held: u64, config: Config) -> (World, usize, usize) {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, signed);
    let first = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    for number in 0..held {
        world.ahead(first, number as f64 * 4_000.0);
        let outcome = world.fetch(first, &url(number));
        assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
    }
    world.run_for(Duration::from_secs(1));
    let second = world.join(config, &playlist(), &text);
    (world, first, second)
}

#[test]
fn the_second_viewer_is_fed_by_the_first() {
    for signed in [true, false] {
        let (mut world, _, second) = second_joins(signed, 6, World::config());
        world.ahead(second, 0.0);
        assert_eq!(
            source_of(&world.fetch(second, &url(0))),
            Source::Cdn,
            "the first is the CDN's"
        );
        for number in 1..6 {
            world.ahead(second, number as f64 * 4_000.0);
            let outcome = world.fetch(second, &url(number));
            assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
            assert_eq!(
                source_of(&outcome),
                Source::Peers,
                "segment {number}, signed {signed}"
            );
            assert_eq!(asked(&world, number), 1);
        }
        let stats = world.viewers[second].engine.stats();
        assert_eq!(stats.peers.len(), 1);
        assert_eq!(stats.discarded_bytes, 0);
        assert!(
            stats.first_peer_ms.is_some_and(|ms| ms < 500),
            "{:?}",
            stats.first_peer_ms
        );
    }
}

#[test]
fn of_six_that_want_a_segment_at_once_one_fetches_it() {
    for signed in [true, false] {
        let mut world = World::new();
        let text = vod(&mut world, 12, LEN, signed);
        let viewers: Vec<usize> = (0..6)
            .map(|_| world.join(World::config(), &playlist(), &text))
            .collect();
        world.run_for(Duration::from_secs(5));
        for number in 0..12 {
            let wishes: Vec<_> = viewers
                .iter()
                .map(|viewer| {
                    world.ahead(*viewer, 12_000.0);
                    (*viewer, world.load(*viewer, &url(number), None))
                })
                .collect();
            for (viewer, request) in wishes {
                let outcome = world.settle(viewer, request);
                assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
            }
        }
        let copies: usize = (0..12).map(|number| asked(&world, number)).sum();
        assert!(
            copies <= 15,
            "{copies} copies of 12 segments, signed {signed}"
        );
    }
}

#[test]
fn a_poisoner_is_named_dropped_and_replaced_in_time() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.viewers[first].vice = Vice {
        poison: true,
        stall: false,
    };
    world.ahead(second, 8_000.0);
    let request = world.load(second, &url(2), None);
    let outcome = world.settle(second, request);
    assert_eq!(bytes_of(&outcome), content(2, LEN + 2));
    let named = world.viewers[second].events.iter().any(|event| {
        matches!(event, Event::Warning { code, .. }
            if *code == swarmline::engine::WarningCode::WrongBlock)
    });
    assert!(named, "the liar is named");
    assert!(
        world.viewers[second].engine.stats().peers.is_empty(),
        "and dropped"
    );
}

#[test]
fn a_poisoner_of_an_unsigned_stream_never_reaches_the_player() {
    let (mut world, first, second) = second_joins(false, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.viewers[first].vice = Vice {
        poison: true,
        stall: false,
    };
    world.ahead(second, 8_000.0);
    let outcome = world.fetch(second, &url(2));
    assert_eq!(bytes_of(&outcome), content(2, LEN + 2));
}

#[test]
fn a_silent_peer_costs_one_fallback_delay_when_time_is_short() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.viewers[first].vice = Vice {
        poison: false,
        stall: true,
    };
    world.ahead(second, 2_000.0);
    let start = world.now;
    let outcome = world.fetch(second, &url(1));
    let took = world.now.since(start);
    assert_eq!(bytes_of(&outcome), content(1, LEN + 1));
    assert!(took < Duration::from_millis(1_500), "{took:?}");
}

#[test]
fn a_peer_that_vanishes_mid_segment_leaves_no_hole() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.link_bytes_per_s = 1_000_000;
    world.ahead(second, 8_000.0);
    let request = world.load(second, &url(3), None);
    world.run_for(Duration::from_millis(200));
    world.kill(first);
    let outcome = world.settle(second, request);
    assert_eq!(bytes_of(&outcome), content(3, LEN + 3));
    assert_eq!(source_of(&outcome), Source::Mixed, "what had come is kept");
    let last = world.cdn.requests.last().expect("the CDN was asked");
    assert!(last.2.is_some(), "for a tail range: {last:?}");
}

#[test]
fn a_slow_peer_keeps_its_head_and_the_cdn_takes_the_tail() {
    let (mut world, _, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.link_bytes_per_s = 100_000;
    world.ahead(second, 4_000.0);
    let start = world.now;
    let outcome = world.fetch(second, &url(1));
    assert_eq!(source_of(&outcome), Source::Mixed);
    assert!(
        world.now.since(start) < Duration::from_secs(4),
        "before the buffer runs dry"
    );
    let stats = world.viewers[second].engine.stats();
    assert!(
        stats.discarded_bytes <= 4 * 16_384,
        "{}",
        stats.discarded_bytes
    );
}

#[test]
fn a_lone_viewer_is_a_plain_player() {
    let mut world = World::new();
    let text = vod(&mut world, 5, LEN, true);
    let viewer = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    for number in 0..5 {
        world.ahead(viewer, number as f64 * 4_000.0);
        let start = world.now;
        let outcome = world.fetch(viewer, &url(number));
        assert_eq!(source_of(&outcome), Source::Cdn);
        assert!(
            world.now.since(start) < Duration::from_millis(150),
            "no waiting for nobody"
        );
    }
    assert_eq!(world.cdn.requests.len(), 5);
}

#[test]
fn a_dead_tracker_costs_no_stall() {
    let mut world = World::new();
    world.tracker_up = false;
    let text = vod(&mut world, 5, LEN, true);
    let viewer = world.join(World::config(), &playlist(), &text);
    world.ahead(viewer, 0.0);
    world.fetch(viewer, &url(0));
    world.ahead(viewer, 4_000.0);
    let start = world.now;
    world.fetch(viewer, &url(1));
    assert!(world.now.since(start) < Duration::from_millis(500));
}

#[test]
fn the_cdn_that_contradicts_the_playlist_is_played_and_not_shared() {
    let mut world = World::new();
    let text = vod(&mut world, 5, LEN, true);
    let first = world.join(World::config(), &playlist(), &text);
    let second = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    world.cdn.faults.push(("seg-2".to_owned(), Fault::Corrupt));
    let wrong: Vec<u8> = content(2, LEN + 2).iter().map(|byte| byte ^ 0xff).collect();
    for viewer in [first, second] {
        world.ahead(viewer, 10_000.0);
        let outcome = world.fetch(viewer, &url(2));
        assert_eq!(bytes_of(&outcome), wrong, "what it would have got alone");
        assert_eq!(source_of(&outcome), Source::Cdn);
        world.run_for(Duration::from_secs(1));
    }
    let warned = |viewer: usize| {
        world.viewers[viewer].events.iter().any(|event| {
            matches!(event, Event::Warning { code, .. }
                if *code == swarmline::engine::WarningCode::CdnMismatch)
        })
    };
    assert!(warned(first) && warned(second));
}

#[test]
fn the_player_hears_what_http_said() {
    let mut world = World::new();
    let text = vod(&mut world, 5, LEN, true);
    let viewer = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    world
        .cdn
        .faults
        .push(("seg-1".to_owned(), Fault::Status(503)));
    world.ahead(viewer, 4_000.0);
    let outcome = world.fetch(viewer, &url(1));
    assert!(
        matches!(outcome, Outcome::Failed { status: 503, .. }),
        "{outcome:?}"
    );
    world.cdn.faults.clear();
    assert_eq!(
        source_of(&world.fetch(viewer, &url(1))),
        Source::Cdn,
        "and may ask again"
    );
}

#[test]
fn a_dead_origin_is_survived_while_peers_hold_the_segments() {
    let (mut world, _, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.cdn.faults.push(("seg".to_owned(), Fault::Status(0)));
    for number in 1..6 {
        world.ahead(second, 4_000.0);
        assert_eq!(source_of(&world.fetch(second, &url(number))), Source::Peers);
    }
    world.ahead(second, 0.0);
    let outcome = world.fetch(second, &url(0));
    assert_eq!(source_of(&outcome), Source::Cache);
}

#[test]
fn without_ranges_whole_segments_still_come() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.cdn.faults.push(("seg".to_owned(), Fault::NoRanges));
    world.link_bytes_per_s = 1_000_000;
    for number in [3, 4] {
        world.ahead(second, 6_000.0);
        let request = world.load(second, &url(number), None);
        world.run_for(Duration::from_millis(200));
        if number == 3 {
            world.kill(first);
        }
        let outcome = world.settle(second, request);
        assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
    }
}

#[test]
fn require_shares_only_what_has_a_digest() {
    let config = Config {
        integrity: IntegrityMode::Require,
        ..World::config()
    };
    let (mut world, _, second) = second_joins(false, 6, config);
    world.run_for(Duration::from_secs(2));
    world.ahead(second, 12_000.0);
    assert_eq!(source_of(&world.fetch(second, &url(3))), Source::Cdn);
}

#[test]
fn disabled_is_a_plain_player_and_leaves_no_link() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.run_for(Duration::from_secs(2));
    let off = swarmline::engine::ConfigUpdate {
        enabled: Some(false),
        ..Default::default()
    };
    world.tell(second, swarmline::engine::Input::Config(off));
    world.run_for(Duration::from_secs(1));
    assert!(world.viewers[first].engine.stats().peers.is_empty());
    assert_eq!(world.fetch(second, &url(3)), Outcome::Passed);
}

#[test]
fn the_memory_limit_holds_and_neighbours_hear_of_evictions() {
    let config = Config {
        memory_limit_bytes: 3 * LEN as u64,
        ..World::config()
    };
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let first = world.join(config, &playlist(), &text);
    let second = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    for number in 0..8 {
        world.ahead(first, 20_000.0);
        world.fetch(first, &url(number));
        world.run_for(Duration::from_millis(500));
        let held = world.viewers[first].engine.stats().cache_bytes;
        assert!(held <= 3 * LEN as u64, "{held}");
    }
    let told = world.viewers[second].engine.stats().peers[0].segments;
    let held = world.viewers[first].engine.stats().cache_segments;
    assert_eq!(told, held);
}

#[test]
fn the_upload_limit_is_a_cap() {
    let config = Config {
        upload_limit: Some(200_000),
        ..World::config()
    };
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let first = world.join(config, &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    for number in 0..6 {
        world.ahead(first, 20_000.0);
        world.fetch(first, &url(number));
    }
    let second = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    let start = world.now;
    for number in 1..6 {
        world.ahead(second, 60_000.0);
        world.fetch(second, &url(number));
    }
    let seconds = world.now.since(start).as_secs_f64();
    let sent = world.viewers[first].engine.stats().uploaded_bytes as f64;
    assert!(
        sent / seconds <= 200_000.0 * 1.05 + 65_536.0 / seconds,
        "{sent} in {seconds} s"
    );
    assert!(sent > 0.0);
}

#[test]
fn no_upload_serves_nobody() {
    let config = Config {
        upload_limit: Some(0),
        ..World::config()
    };
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let first = world.join(config, &playlist(), &text);
    let second = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    world.ahead(first, 20_000.0);
    world.fetch(first, &url(3));
    world.ahead(second, 20_000.0);
    assert_eq!(source_of(&world.fetch(second, &url(3))), Source::Cdn);
    assert_eq!(world.viewers[first].engine.stats().uploaded_bytes, 0);
    // And the other way round all is well.
    world.ahead(first, 20_000.0);
    world.ahead(second, 20_000.0);
    world.fetch(second, &url(4));
    assert_eq!(source_of(&world.fetch(first, &url(4))), Source::Peers);
}

#[test]
fn an_aborted_wish_stays_silent_and_its_promise_is_taken_back() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let first = world.join(World::config(), &playlist(), &text);
    let second = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    world.cdn.latency = Duration::from_millis(800);
    world.ahead(first, 0.0);
    let request = world.load(first, &url(5), None);
    world.run_for(Duration::from_millis(100));
    world.ahead(second, 16_000.0);
    let other = world.load(second, &url(5), None);
    world.run_for(Duration::from_millis(100));
    world.tell(first, swarmline::engine::Input::Abort { request });
    let outcome = world.settle(second, other);
    assert_eq!(source_of(&outcome), Source::Cdn);
    world.run_for(Duration::from_secs(2));
    assert!(!world.viewers[first].outcomes.contains_key(&request));
}

#[test]
fn blocks_of_one_segment_come_from_several_peers() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let holders: Vec<usize> = (0..3)
        .map(|_| world.join(World::config(), &playlist(), &text))
        .collect();
    world.run_for(Duration::from_secs(3));
    for holder in &holders {
        world.ahead(*holder, 16_000.0);
        world.fetch(*holder, &url(4));
    }
    let last = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(4));
    world.ahead(last, 16_000.0);
    assert_eq!(source_of(&world.fetch(last, &url(4))), Source::Peers);
    let senders = world.viewers[last]
        .events
        .iter()
        .find_map(|event| match event {
            Event::Segment {
                number: 4, senders, ..
            } => Some(senders.len()),
            Event::Segment { .. }
            | Event::PeerOpened { .. }
            | Event::PeerClosed { .. }
            | Event::Uploaded { .. }
            | Event::Warning { .. } => None,
        });
    assert_eq!(senders, Some(3));
}

#[test]
fn two_worlds_of_one_seed_are_one() {
    let run = || {
        let (mut world, first, second) = second_joins(true, 6, World::config());
        world.ahead(second, 0.0);
        world.fetch(second, &url(0));
        for number in 1..6 {
            world.ahead(second, 8_000.0);
            world.fetch(second, &url(number));
        }
        (
            world.now,
            world.viewers[first].events.clone(),
            world.viewers[second].events.clone(),
        )
    };
    assert_eq!(run(), run());
}

#[test]
fn a_cdn_that_hangs_is_relieved_by_peers_that_hold_the_segment() {
    for signed in [true, false] {
        let (mut world, _, second) = second_joins(signed, 6, World::config());
        world.ahead(second, 0.0);
        world.fetch(second, &url(0));
        world.run_for(Duration::from_secs(1));
        world.cdn.faults.push(("seg".to_owned(), Fault::Silent));
        world.ahead(second, 0.0);
        let start = world.now;
        let outcome = world.fetch(second, &url(4));
        assert_eq!(bytes_of(&outcome), content(4, LEN + 4));
        assert!(world.now.since(start) < Duration::from_millis(1_500));
    }
}

#[test]
fn an_origin_that_is_back_still_gives_ranges() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.cdn.faults.push(("seg".to_owned(), Fault::Status(0)));
    world.link_bytes_per_s = 200_000;
    world.ahead(second, 6_000.0);
    world.fetch(second, &url(1));
    world.cdn.faults.clear();
    world.ahead(second, 6_000.0);
    let request = world.load(second, &url(2), None);
    world.run_for(Duration::from_millis(500));
    world.kill(first);
    assert_eq!(source_of(&world.settle(second, request)), Source::Mixed);
    let last = world.cdn.requests.last().expect("the CDN was asked");
    assert!(last.2.is_some(), "an outage is no refusal of ranges");
}

#[test]
fn a_promise_broken_after_delivery_is_taken_back() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let first = world.join(World::config(), &playlist(), &text);
    let second = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    world.cdn.faults.push(("seg-5".to_owned(), Fault::Corrupt));
    world.ahead(first, 0.0);
    world.load(first, &url(5), None);
    world.run_for(Duration::from_millis(10));
    world.ahead(second, 20_000.0);
    let start = world.now;
    let outcome = world.fetch(second, &url(5));
    assert_eq!(source_of(&outcome), Source::Cdn);
    assert!(
        world.now.since(start) < Duration::from_secs(2),
        "{:?}",
        world.now.since(start)
    );
}

/// A live playlist of six segments that ends with `last`.
fn live_window(world: &mut World, last: u64, signed: bool) -> String {
    let first = last.saturating_sub(5);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for number in first..=last {
        let bytes = content(number, LEN);
        if signed {
            text.push_str(&world::digest_line(&bytes));
        }
        text.push_str(&format!("#EXTINF:4.0,\nseg-{number}.m4s\n"));
        world.cdn.files.insert(url(number), bytes);
    }
    text
}

#[test]
fn six_live_viewers_take_about_one_copy_a_segment() {
    for signed in [true, false] {
        let mut world = World::new();
        let mut viewers = Vec::new();
        let text = live_window(&mut world, 5, signed);
        for _ in 0..6 {
            viewers.push(world.join(World::config(), &playlist(), &text));
            world.run_for(Duration::from_millis(700));
        }
        for last in 6..20 {
            let text = live_window(&mut world, last, signed);
            // Each refreshes at its own moment of the next four seconds, and asks at once.
            let mut wishes = Vec::new();
            for viewer in &viewers {
                let body = swarmline::engine::ManifestBody::Hls(text.clone());
                let refresh = swarmline::engine::Input::Manifest {
                    url: playlist(),
                    body,
                };
                world.tell(*viewer, refresh);
                world.ahead(*viewer, 9_000.0);
                wishes.push((*viewer, world.load(*viewer, &url(last), None)));
                world.run_for(Duration::from_millis(650));
            }
            for (viewer, request) in wishes {
                let outcome = world.settle(viewer, request);
                assert_eq!(bytes_of(&outcome), content(last, LEN));
            }
        }
        let copies: usize = (6..20).map(|number| asked(&world, number)).sum();
        assert!(
            copies <= 16,
            "{copies} copies of 14 segments, signed {signed}"
        );
    }
}
