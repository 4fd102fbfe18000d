//! Time in one small world: what the player's ABR is told, and when a CDN that failed is asked again.

#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's own numbers are small"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{Source, Timing};
use world::{Fault, LEN, Outcome, World, second_joins, source_of, url};

/// What the player was told of a segment that came.
fn told(outcome: &Outcome) -> Timing {
    match outcome {
        Outcome::Ready { timing, .. } => *timing,
        Outcome::Failed { .. } | Outcome::Passed => panic!("not ready: {outcome:?}"),
    }
}

/// The second viewer fetches one segment from the CDN and one from the first viewer: what it was told of
/// each, and how long the second really took.
fn one_of_each(cdn_bytes_per_s: u64, link_bytes_per_s: u64) -> (Timing, Timing, Duration) {
    let (mut world, _, second) = second_joins(true, 6, World::config());
    world.cdn.bytes_per_s = cdn_bytes_per_s;
    world.link_bytes_per_s = link_bytes_per_s;
    world.ahead(second, 0.0);
    let alone = world.fetch(second, &url(0));
    assert_eq!(source_of(&alone), Source::Cdn);
    world.run_for(Duration::from_secs(1));
    world.ahead(second, 30_000.0);
    let start = world.now;
    // Not the next one, which is there already.
    let shared = world.fetch(second, &url(3));
    assert_eq!(source_of(&shared), Source::Peers);
    (told(&alone), told(&shared), world.now.since(start))
}

/// Milliseconds a transfer of a segment takes at a rate, and whether `ms` is that, give or take a tenth.
fn is_at(ms: f64, bytes_per_s: u64) -> bool {
    let exact = LEN as f64 / bytes_per_s as f64 * 1e3;
    (exact * 0.9..exact * 1.1).contains(&ms)
}

#[test]
fn a_slow_swarm_does_not_push_quality_down() {
    let (alone, shared, took) = one_of_each(4_000_000, 200_000);
    assert!(is_at(alone.transfer_ms, 4_000_000), "{alone:?}");
    assert!(is_at(shared.transfer_ms, 4_000_000), "{shared:?}");
    assert!(took > Duration::from_secs(3), "it was slow: {took:?}");
}

#[test]
fn a_fast_swarm_does_not_push_quality_up() {
    let (alone, shared, took) = one_of_each(400_000, 20_000_000);
    assert!(is_at(alone.transfer_ms, 400_000), "{alone:?}");
    assert!(is_at(shared.transfer_ms, 400_000), "{shared:?}");
    assert!(took < Duration::from_millis(500), "it was fast: {took:?}");
}

/// When, in seconds after it was wished for, the CDN was asked for a segment that a slow peer holds while
/// the CDN answers `status`; what became of it.
fn asked_while_failing(status: u16) -> (Vec<u128>, Source) {
    let (mut world, _, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.link_bytes_per_s = 100_000;
    world
        .cdn
        .faults
        .push(("seg-1".to_owned(), Fault::Status(status)));
    world.ahead(second, 3_000.0);
    let (start, before) = (world.now, world.cdn.requests.len());
    let request = world.load(second, &url(1), None);
    let mut moments = Vec::new();
    let outcome = loop {
        if let Some(outcome) = world.viewers[second].outcomes.get(&request) {
            break outcome.clone();
        }
        assert!(world.step(), "nothing left to happen");
        while before + moments.len() < world.cdn.requests.len() {
            moments.push(world.now.since(start).as_millis());
        }
    };
    (moments, source_of(&outcome))
}

#[test]
fn a_cdn_that_failed_is_asked_again_after_one_two_and_four_seconds() {
    let (moments, source) = asked_while_failing(503);
    assert_eq!(source, Source::Peers, "who holds it brings it in the end");
    let pauses: Vec<u128> = moments.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.len() >= 2, "{moments:?}");
    for (pause, least) in pauses.iter().zip([1_000, 2_000, 4_000, 4_000]) {
        assert!(*pause >= least, "{moments:?}");
        assert!(*pause < least + 500, "{moments:?}");
    }
}

#[test]
fn what_the_cdn_says_it_has_not_got_is_not_asked_for_again() {
    let (moments, source) = asked_while_failing(404);
    assert_eq!(source, Source::Peers);
    assert_eq!(moments.len(), 1, "{moments:?}");
}
