//! Without digests: trees that only neighbours vouch for are sampled, compared and refuted, and the
//! honest ones are shared all the same.

#![allow(
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "a test's own numbers are small, and it looks at the few variants it is about"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{CloseReason, Event, Source, WarningCode};
use swarmline::integrity::BLOCK_LEN;
use world::{
    Fault, LEN, Outcome, Passing, Viewer, World, bytes_of, content, playlist, poison, source_of,
    url, vod,
};

const SEGMENTS: u64 = 12;

fn truth(number: u64) -> Vec<u8> {
    content(number, LEN + number as usize)
}

/// A viewer that holds all segments: the CDN's own, or with every byte flipped and its own tree of them.
fn holder(world: &mut World, text: &str, lies: bool) -> Viewer {
    let config = World::config();
    let viewer = world.join(config, &playlist(), text);
    if lies {
        // A tree of its own, and every block under it: the engine is honest, its bytes are not.
        world.viewers[viewer].vice = Some(Box::new(Passing::untouched));
        world.cdn.faults.push(("seg".to_owned(), Fault::Corrupt));
    }
    for number in 0..SEGMENTS {
        // Nothing in the buffer: everything comes from the CDN.
        world.ahead(viewer, 0.0);
        world.fetch(viewer, &url(number));
        world.run_for(Duration::from_millis(50));
    }
    world.cdn.faults.clear();
    if lies {
        world.viewers[viewer].vice = Some(Box::new(Passing::untouched));
    }
    viewer
}

/// A viewer that has just loaded its first segment.
fn newcomer(world: &mut World, text: &str) -> Viewer {
    let viewer = world.join(World::config(), &playlist(), text);
    world.run_for(Duration::from_secs(2));
    world.ahead(viewer, 0.0);
    world.fetch(viewer, &url(0));
    world.run_for(Duration::from_secs(1));
    viewer
}

fn fetch(world: &mut World, viewer: Viewer, number: u64) -> Outcome {
    world.ahead(viewer, 12_000.0);
    let outcome = world.fetch(viewer, &url(number));
    world.run_for(Duration::from_secs(1));
    outcome
}

fn closed(world: &World, viewer: Viewer) -> Vec<CloseReason> {
    let reason = |event: &Event| match event {
        Event::PeerClosed { reason, .. } => Some(*reason),
        _ => None,
    };
    let events = &world.viewers[viewer].events;
    events.iter().filter_map(reason).collect()
}

fn warned(world: &World, viewer: Viewer, code: WarningCode) -> usize {
    let is = |event: &&Event| matches!(event, Event::Warning { code: said, .. } if *said == code);
    world.viewers[viewer].events.iter().filter(is).count()
}

/// Bytes that `viewer` asked for as samples: single blocks.
fn sampled(world: &World, viewer: Viewer) -> u64 {
    let ranges = world
        .cdn
        .requests
        .iter()
        .filter(|(who, _, _)| *who == viewer);
    ranges
        .filter_map(|(_, _, range)| *range)
        .map(|range| range.len())
        .filter(|len| *len <= BLOCK_LEN)
        .sum()
}

#[test]
fn a_liar_with_a_tree_of_its_own_is_found_by_a_sample_and_its_tree_forgotten() {
    let mut world = World::new();
    world.oracle.strict = false; // only a sample finds it: wrong bytes are taken before
    let text = vod(&mut world, SEGMENTS, LEN, false);
    world.oracle.strict = false;
    holder(&mut world, &text, true);
    let viewer = newcomer(&mut world, &text);
    let wrong = (1..SEGMENTS)
        .filter(|number| bytes_of(&fetch(&mut world, viewer, *number)) != truth(*number));
    let wrong: Vec<u64> = wrong.collect();
    assert_eq!(
        wrong,
        [1, 2],
        "detection, not proof: two segments earn a sample"
    );
    assert_eq!(closed(&world, viewer), [CloseReason::WrongBlock]);
    assert_eq!(warned(&world, viewer, WarningCode::WrongBlock), 1);
}

#[test]
fn an_honest_tree_passes_its_samples_which_stay_under_a_hundredth() {
    let mut world = World::new();
    let text = vod(&mut world, SEGMENTS, LEN, false);
    holder(&mut world, &text, false);
    let viewer = newcomer(&mut world, &text);
    for number in 1..SEGMENTS {
        let outcome = fetch(&mut world, viewer, number);
        assert_eq!(bytes_of(&outcome), truth(number));
        assert_eq!(source_of(&outcome), Source::Peers, "{number}");
    }
    assert_eq!(closed(&world, viewer), []);
    let stats = world.viewers[viewer].engine.stats();
    let share = sampled(&world, viewer) * 100;
    assert!(
        share > 0 && share <= stats.cdn_bytes + stats.peer_bytes,
        "{share}"
    );
}

#[test]
fn where_two_vouchers_differ_the_cdn_names_the_liar_before_a_byte_of_it_is_played() {
    let mut world = World::new();
    let text = vod(&mut world, SEGMENTS, LEN, false);
    let liar = holder(&mut world, &text, true);
    let honest = holder(&mut world, &text, false);
    let viewer = newcomer(&mut world, &text);
    assert!(world.link_to(viewer, liar).is_some() && world.link_to(viewer, honest).is_some());
    for number in 1..SEGMENTS {
        assert_eq!(
            bytes_of(&fetch(&mut world, viewer, number)),
            truth(number),
            "{number}"
        );
    }
    assert_eq!(closed(&world, viewer), [CloseReason::WrongBlock]);
    assert!(
        world.link_to(viewer, honest).is_some(),
        "the honest one stays"
    );
    assert_eq!(warned(&world, viewer, WarningCode::Contradiction), 1);
}

#[test]
fn a_sender_that_contradicts_an_honest_voucher_is_out_after_one_segment() {
    let mut world = World::new();
    let text = vod(&mut world, SEGMENTS, LEN, false);
    let poisoner = holder(&mut world, &text, false);
    let honest = holder(&mut world, &text, false);
    let viewer = newcomer(&mut world, &text);
    world.viewers[poisoner].vice = Some(poison());
    for number in 1..6 {
        assert_eq!(bytes_of(&fetch(&mut world, viewer, number)), truth(number));
    }
    assert_eq!(closed(&world, viewer), [CloseReason::WrongBlock]);
    assert!(
        world.link_to(viewer, honest).is_some(),
        "the honest one stays"
    );
}

#[test]
fn an_origin_without_ranges_is_not_asked_for_samples() {
    let mut world = World::new();
    let text = vod(&mut world, SEGMENTS, LEN, false);
    holder(&mut world, &text, false);
    world.cdn.faults.push(("seg".to_owned(), Fault::NoRanges));
    let viewer = newcomer(&mut world, &text);
    for number in 1..SEGMENTS {
        assert_eq!(bytes_of(&fetch(&mut world, viewer, number)), truth(number));
    }
    assert_eq!(warned(&world, viewer, WarningCode::NoRanges), 1);
    assert_eq!(sampled(&world, viewer), BLOCK_LEN, "it is asked once");
    assert_eq!(closed(&world, viewer), []);
}
