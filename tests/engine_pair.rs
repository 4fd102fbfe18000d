//! Engines in one small world: what the main job promises, in virtual time.

#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's own numbers are small"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{Config, Event, IntegrityMode, Source};
use world::{
    LEN, Outcome, World, asked, bytes_of, content, digest_line, playlist, second_joins, source_of,
    url, vod,
};

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
fn a_greeting_is_not_the_moment_to_turn_to_the_cdn() {
    for (seed, film) in (0..8).zip([true, false].into_iter().cycle()) {
        let mut world = World::seeded(seed);
        let text = vod(&mut world, 6, LEN, true);
        let text = if film {
            text
        } else {
            text.replace("#EXT-X-ENDLIST\n", "")
        };
        let first = world.join(World::config(), &playlist(), &text);
        for number in 0..3 {
            world.ahead(first, number as f64 * 4_000.0);
            world.fetch(first, &url(number));
        }
        // Connections open long after the second viewer's turn.
        world.link_latency = Duration::from_millis(80);
        let second = world.join(World::config(), &playlist(), &text);
        world.ahead(second, 0.0);
        world.fetch(second, &url(0));
        world.ahead(second, 4_000.0);
        let outcome = world.fetch(second, &url(1));
        assert_eq!(
            source_of(&outcome),
            Source::Peers,
            "film {film}, seed {seed}"
        );
        assert_eq!(asked(&world, 1), 1);
    }
}

/// All want each of twelve segments at once and get its bytes; how many copies the CDN was asked for.
fn watch_together(world: &mut World, viewers: &[usize], ahead_ms: f64) -> usize {
    for number in 0..12 {
        let wishes: Vec<_> = viewers
            .iter()
            .map(|viewer| {
                world.ahead(*viewer, ahead_ms);
                (*viewer, world.load(*viewer, &url(number), None))
            })
            .collect();
        for (viewer, request) in wishes {
            let outcome = world.settle(viewer, request);
            assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
        }
    }
    (0..12).map(|number| asked(world, number)).sum()
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
        let copies = watch_together(&mut world, &viewers, 12_000.0);
        assert!(
            copies <= 15,
            "{copies} copies of 12 segments, signed {signed}"
        );
    }
}

#[test]
fn a_promise_crosses_a_mesh_in_which_few_are_linked() {
    let mut world = World::new();
    // A line: viewer 0 is linked to 1, 1 to 2, and so on. The CDN needs a second for a segment.
    world.reachable = |one, other| one.abs_diff(other) == 1;
    world.cdn.latency = Duration::from_secs(1);
    let text = vod(&mut world, 12, LEN, true);
    let viewers: Vec<usize> = (0..8)
        .map(|_| world.join(World::config(), &playlist(), &text))
        .collect();
    world.run_for(Duration::from_secs(5));
    let copies = watch_together(&mut world, &viewers, 16_000.0);
    assert!(copies <= 18, "{copies} copies of 12 segments");
}

#[test]
fn a_crowd_behind_one_source_feeds_itself() {
    const LONG: usize = 1_000_000;
    let mut world = World::new();
    let text = vod(&mut world, 4, LONG, true);
    let source = world.join(World::config(), &playlist(), &text);
    world.ahead(source, 0.0);
    world.fetch(source, &url(2));
    let crowd: Vec<usize> = (0..6)
        .map(|_| world.join(World::config(), &playlist(), &text))
        .collect();
    world.run_for(Duration::from_secs(5));
    world.link_bytes_per_s = 500_000;
    let wishes: Vec<_> = crowd
        .iter()
        .map(|viewer| {
            world.ahead(*viewer, 30_000.0);
            (*viewer, world.load(*viewer, &url(2), None))
        })
        .collect();
    for (viewer, request) in wishes {
        let outcome = world.settle(viewer, request);
        assert_eq!(bytes_of(&outcome), content(2, LONG + 2));
    }
    assert_eq!(asked(&world, 2), 1, "the CDN is not needed");
    let given = world.viewers[source].engine.stats().uploaded_bytes;
    assert!(
        given < 3 * LONG as u64,
        "the source gave {given} bytes to six, who had each other"
    );
}

#[test]
fn two_segments_wanted_at_once_share_one_link() {
    const LONG: usize = 1_000_000;
    let mut world = World::new();
    let text = vod(&mut world, 3, LONG, true);
    let source = world.join(World::config(), &playlist(), &text);
    for number in 1..3 {
        world.ahead(source, 0.0);
        world.fetch(source, &url(number));
    }
    let viewer = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(5));
    world.ahead(viewer, 30_000.0);
    let wishes = [1, 2].map(|number| (number, world.load(viewer, &url(number), None)));
    for (number, request) in wishes {
        let outcome = world.settle(viewer, request);
        assert_eq!(bytes_of(&outcome), content(number, LONG + number as usize));
        assert_eq!(
            source_of(&outcome),
            Source::Peers,
            "segment {number} waited for its deadline"
        );
    }
}

#[test]
fn when_a_promise_is_taken_back_one_other_fetches() {
    let mut world = World::new();
    world.cdn.latency = Duration::from_secs(2);
    let text = vod(&mut world, 12, LEN, true);
    let viewers: Vec<usize> = (0..6)
        .map(|_| world.join(World::config(), &playlist(), &text))
        .collect();
    world.run_for(Duration::from_secs(5));
    let wishes: Vec<_> = viewers
        .iter()
        .map(|viewer| {
            world.ahead(*viewer, 30_000.0);
            world.load(*viewer, &url(3), None)
        })
        .collect();
    world.run_for(Duration::from_millis(1_500));
    assert_eq!(asked(&world, 3), 1, "one fetches, five wait for it");
    let fetcher = world.cdn.requests[0].0;
    world.kill(fetcher);
    for viewer in viewers.iter().filter(|viewer| **viewer != fetcher) {
        let outcome = world.settle(*viewer, wishes[*viewer]);
        assert_eq!(bytes_of(&outcome), content(3, LEN + 3));
    }
    let copies = asked(&world, 3);
    assert!(copies <= 3, "{copies} asked after one went away");
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

/// A live playlist of six segments that ends with `last`.
fn live_window(world: &mut World, last: u64, signed: bool, segments: u64) -> String {
    let first = last.saturating_sub(segments - 1);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for number in first..=last {
        let bytes = content(number, LEN);
        if signed {
            text.push_str(&digest_line(&bytes));
        }
        text.push_str(&format!("#EXTINF:4.0,\nseg-{number}.m4s\n"));
        world.cdn.files.insert(url(number), bytes);
    }
    text
}

#[test]
fn of_a_live_stream_is_kept_what_somebody_may_want() {
    // What a viewer at the edge holds of a window of so many segments; in the last there is something to rewind in.
    for (segments, held) in [(3, 4), (12, 5), (16, 17)] {
        let mut world = World::new();
        let mut viewer = None;
        for last in segments..segments + 20 {
            let text = live_window(&mut world, last, true, segments);
            let viewer =
                *viewer.get_or_insert_with(|| world.join(World::config(), &playlist(), &text));
            world.refresh(viewer, &playlist(), &text);
            world.ahead(viewer, 9_000.0);
            world.fetch(viewer, &url(last));
            world.run_for(Duration::from_secs(4));
        }
        let stats = world.viewers[viewer.unwrap_or_default()].engine.stats();
        assert_eq!(stats.cache_segments, held, "of {segments}");
    }
}

#[test]
fn six_live_viewers_take_about_one_copy_a_segment() {
    for signed in [true, false] {
        let mut world = World::new();
        let mut viewers = Vec::new();
        let text = live_window(&mut world, 5, signed, 6);
        for _ in 0..6 {
            viewers.push(world.join(World::config(), &playlist(), &text));
            world.run_for(Duration::from_millis(700));
        }
        for last in 6..20 {
            let text = live_window(&mut world, last, signed, 6);
            // Each refreshes at its own moment of the next four seconds, and asks at once.
            let mut wishes = Vec::new();
            for viewer in &viewers {
                world.refresh(*viewer, &playlist(), &text);
                world.ahead(*viewer, 9_000.0);
                wishes.push((*viewer, world.load(*viewer, &url(last), None)));
                world.run_for(Duration::from_millis(650));
            }
            for (viewer, request) in wishes {
                let outcome = world.settle(viewer, request);
                assert_eq!(bytes_of(&outcome), content(last, LEN));
            }
        }
        for viewer in &viewers {
            let held = world.viewers[*viewer].engine.stats().cache_segments;
            assert!(held <= 7, "{held} segments held of a window of six");
        }
        let copies: usize = (6..20).map(|number| asked(&world, number)).sum();
        assert!(
            copies <= 16,
            "{copies} copies of 14 segments, signed {signed}"
        );
    }
}
