//! The judge judged: a world that runs untouched breaks no promise, and one whose shell is tampered with
//! breaks the one that was meant.

use super::oracle::Promise;
use super::scenario::Scenario;
use super::world::World;
use super::{Figures, run_in};
use crate::base::{Duration, Instant, PayloadId, RequestId, SegmentId};
use crate::engine::{Output, Source, Timing};

const LIVE: &str = r#"
name = "small"
about = "a few viewers with good uplinks"
seconds = 60
[stream]
kind = "live"
segment_s = 4
rates_kbit_s = [1300]
[[arrivals]]
viewers = 8
over_s = 4
[viewer]
up_mbit_s = 40
"#;

fn at(seconds: f64) -> Instant {
    Instant::ZERO + Duration::from_secs_f64(seconds)
}

/// A small live world, run up to a moment.
fn world(seconds: f64) -> World<'static> {
    let scenario = Scenario::read(LIVE).unwrap();
    let mut world = World::new(&scenario, 9, true, 1, None);
    world.run_until(at(seconds));
    world
}

fn broken(world: &World<'_>, promise: Promise) -> bool {
    world.crowds[0]
        .tally
        .oracle
        .kept
        .iter()
        .any(|violation| violation.promise == promise)
}

#[test]
fn untouched_nothing_is_broken_and_peers_serve() {
    let world = world(60.0);
    assert_eq!(
        world.tally().oracle.count,
        0,
        "{:?}",
        world.tally().oracle.kept
    );
    assert!(world.tally().peer_bytes > 10_000_000);
}

#[test]
fn a_shell_that_tampers_with_what_it_holds_is_caught() {
    let mut world = world(31.0);
    // What it serves, it may have got at any time.
    for step in 0..290_u32 {
        world.crowds[0].viewers[3].store.tamper();
        world.run_until(at(31.0 + f64::from(step) * 0.1));
    }
    assert!(broken(&world, Promise::VerifiedUploads));
    let others = world.crowds[0]
        .tally
        .oracle
        .kept
        .iter()
        .filter(|violation| violation.viewer != 3);
    assert_eq!(others.count(), 0, "its wrong bytes reach nobody");
}

#[test]
fn wrong_bytes_in_the_players_hands_are_caught() {
    let mut world = world(31.0);
    // The moment a segment is whole is the moment it is handed over: tamper all the time.
    for step in 0..20_000_u32 {
        world.run_until(at(31.0 + f64::from(step) * 0.001));
        world.crowds[0].viewers[3].store.tamper();
        if broken(&world, Promise::RightBytes) {
            return;
        }
    }
    panic!("a tampered segment reached the player unseen");
}

#[test]
fn an_engine_that_answers_what_nobody_asked_is_caught() {
    let mut world = world(31.0);
    let ready = Output::Ready {
        request: RequestId(9_999),
        segment: SegmentId(1),
        len: 1,
        timing: Timing::default(),
        source: Source::Cache,
    };
    world.crowds[0].act(2, ready);
    assert!(broken(&world, Promise::OneOutcome));
}

#[test]
fn an_engine_that_drops_what_does_not_wait_is_caught() {
    let mut world = world(31.0);
    let payload = PayloadId(9_999);
    world.crowds[0].act(2, Output::Drop { payload });
    assert!(broken(&world, Promise::Store));
}

#[test]
fn an_engine_that_disregards_its_limits_is_caught() {
    for (links, upload) in [(0, true), (10, false)] {
        let mut world = world(2.0);
        assert_eq!(world.tally().oracle.count, 0);
        for index in 0..8 {
            let viewer = &mut world.crowds[0].viewers[index];
            // The engines go on as they were told before.
            (viewer.kind.max_peers, viewer.kind.upload) = (links, upload);
        }
        world.run_until(at(40.0));
        assert!(
            broken(&world, Promise::Caps),
            "links {links}, upload {upload}"
        );
    }
}

#[test]
fn a_run_is_the_same_on_any_number_of_cores() {
    let mut scenario = Scenario::read(LIVE).unwrap().with_viewers(40);
    scenario.seconds = 30.0;
    let figures: Vec<Figures> = (1..=3)
        .map(|crowds| run_in(&scenario, 5, true, crowds, None))
        .collect();
    assert!(figures[0].peer_bytes > 0 && figures[0].tracker_messages > 0);
    for other in &figures[1..] {
        assert_eq!(other.trace, figures[0].trace);
        assert_eq!(other.events, figures[0].events);
        assert_eq!(other.cdn_bytes, figures[0].cdn_bytes);
        assert_eq!(other.tracker_messages, figures[0].tracker_messages);
    }
}
