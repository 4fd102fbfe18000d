//! Engines in one small world where something breaks: peers, the CDN, the tracker. The player must not
//! notice more than it would alone.

#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's own numbers are small"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{Source, WarningCode};
use world::{
    Fault, LEN, Outcome, World, bytes_of, content, playlist, poison, second_joins, source_of,
    stall, url, vod,
};

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
    // Not the next one, which is on its way already.
    let request = world.load(second, &url(4), None);
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

#[test]
fn a_poisoner_is_named_dropped_and_replaced_in_time() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.viewers[first].vice = Some(poison());
    world.ahead(second, 8_000.0);
    let request = world.load(second, &url(2), None);
    let outcome = world.settle(second, request);
    assert_eq!(bytes_of(&outcome), content(2, LEN + 2));
    let named = world.has_warned(second, WarningCode::WrongBlock);
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
    world.viewers[first].vice = Some(poison());
    world.ahead(second, 8_000.0);
    let outcome = world.fetch(second, &url(2));
    assert_eq!(bytes_of(&outcome), content(2, LEN + 2));
}

#[test]
fn a_silent_peer_costs_one_fallback_delay_when_time_is_short() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.viewers[first].vice = Some(stall());
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
    world.run_for(Duration::from_millis(400));
    world.kill(first);
    let outcome = world.settle(second, request);
    assert_eq!(bytes_of(&outcome), content(3, LEN + 3));
    assert_eq!(source_of(&outcome), Source::Mixed, "what had come is kept");
    let last = world.cdn.requests.last().expect("the CDN was asked");
    assert!(last.2.is_some(), "for a tail range: {last:?}");
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
    for viewer in [first, second] {
        assert!(world.has_warned(viewer, WarningCode::CdnMismatch));
    }
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
