//! Receipts between real engines and the real tracker: what a viewer has from another is credited to that one, once,
//! and a tracker that wants none is told nothing.

#![cfg(not(target_arch = "wasm32"))] // what a page is built of reads no receipts
#![allow(clippy::expect_used, reason = "a test: what cannot be is a failure")]

mod world;

use std::collections::BTreeMap;
use std::time::Duration;
use swarmline::base::Network;
use swarmline::engine::{Input, Source, WarningCode};
use swarmline::integrity::BLOCK_LEN;
use swarmline::tracker::{Config, Receipts, Secret, Tracker};
use swarmline::wire::{Receipt, ToTracker};
use world::{LEN, Viewer, World, playlist, poison, source_of, url, vod};

/// A tracker that keeps account.
fn keeper(seed: u64) -> Tracker {
    let receipts = Receipts {
        secret: Secret::of("of these nodes alone"),
        rate_bytes_per_s_max: 100 << 20,
    };
    let config = Config {
        receipts: Some(receipts),
        ..Config::default()
    };
    Tracker::new(config, seed)
}

/// A viewer that holds all segments, and one that has linked to it, both where the test says.
fn pair_at(places: [Option<Network>; 2], tracker: Tracker, len: usize) -> (World, Viewer, Viewer) {
    let mut world = World::new();
    world.tracker = tracker;
    let text = vod(&mut world, 20, len, true);
    let viewers = [0, 1].map(|viewer: usize| {
        if places[viewer].is_some() {
            world.networks.insert(viewer, places[viewer]);
        }
        world.join(World::config(), &playlist(), &text)
    });
    world.run_for(Duration::from_secs(5));
    for number in 0..20 {
        world.ahead(viewers[0], 0.0);
        world.fetch(viewers[0], &url(number));
    }
    assert_eq!(world.open_links(viewers[1]), 1);
    (world, viewers[0], viewers[1])
}

fn pair(tracker: Tracker, len: usize) -> (World, Viewer, Viewer) {
    pair_at([None, None], tracker, len)
}

/// A player with a buffer that stands: peers bring nothing ahead of what it asks for.
fn stands(world: &mut World, viewer: Viewer) {
    let told = Input::Playback {
        ahead_ms: 20_000.0,
        rate: 1.0,
        moving: false,
    };
    world.tell(viewer, told);
}

/// The second viewer has these segments of the first one.
fn take(world: &mut World, viewer: Viewer, numbers: core::ops::Range<u64>) {
    for number in numbers {
        stands(world, viewer);
        let outcome = world.fetch(viewer, &url(number));
        assert_eq!(source_of(&outcome), Source::Peers);
    }
}

/// What is kept in the end: the last sums of each stay, by peer.
fn kept(world: &World) -> BTreeMap<String, (u64, u64)> {
    let mut stays = BTreeMap::new();
    for earned in &world.earned {
        let sums = (earned.peer.to_hex(), earned.bytes, earned.segments);
        stays.insert(earned.session, sums);
    }
    let mut peers: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (peer, bytes, segments) in stays.into_values() {
        let sums = peers.entry(peer).or_default();
        *sums = (sums.0 + bytes, sums.1 + segments);
    }
    peers
}

fn id(world: &World, viewer: Viewer) -> String {
    world.viewers[viewer].engine.stats().peer_id
}

fn peer_bytes(world: &World, viewer: Viewer) -> u64 {
    world.viewers[viewer].engine.stats().peer_bytes
}

fn is_undisturbed(world: &World, viewer: Viewer) -> bool {
    !world.has_warned(viewer, WarningCode::Tracker)
}

#[test]
fn what_came_from_a_peer_is_credited_to_it_in_time_and_all_of_it_at_the_end() {
    let (mut world, first, second) = pair(keeper(1), LEN);
    take(&mut world, second, 0..2);
    assert_eq!(world.earned, [], "too little, and too soon");
    world.run_for(Duration::from_secs(60));
    let two = peer_bytes(&world, second);
    let expected = BTreeMap::from([(id(&world, first), (two, 2))]);
    assert_eq!(kept(&world), expected);
    take(&mut world, second, 2..5);
    world.tell(second, Input::Shutdown);
    world.run_for(Duration::from_secs(1));
    let all = 5 * LEN as u64 + 10; // each next one has one byte more
    assert_eq!(
        kept(&world),
        BTreeMap::from([(id(&world, first), (all, 5))])
    );
    assert!(is_undisturbed(&world, first) && is_undisturbed(&world, second));
}

#[test]
fn much_is_told_before_its_time() {
    let len = 3 << 20;
    let (mut world, first, second) = pair(keeper(1), len);
    let started = world.now;
    take(&mut world, second, 0..2);
    world.run_for(Duration::from_millis(100));
    assert!(world.now.since(started) < Duration::from_secs(20));
    let (bytes, segments) = kept(&world)[&id(&world, first)];
    assert!(bytes >= 4 << 20 && segments == 2, "{bytes}");
    assert!(bytes <= peer_bytes(&world, second));
}

#[test]
fn a_tracker_that_wants_none_hears_none() {
    let (mut world, _, second) = pair(Tracker::new(Config::default(), 1), LEN);
    take(&mut world, second, 0..5);
    world.run_for(Duration::from_secs(60));
    world.tell(second, Input::Shutdown);
    world.run_for(Duration::from_secs(1));
    let totals = world.tracker.stats().totals;
    assert_eq!((totals.receipts, totals.receipts_refused), (0, 0));
    assert_eq!((totals.refusals, totals.nonsense), (0, 0));
}

#[test]
fn two_behind_one_address_earn_nothing_and_share_undisturbed() {
    let (mut world, first, second) = pair(keeper(1), LEN);
    let there = Some(Network::V4([203, 0, 113]));
    let (mut together, _, other) = pair_at([there, there], keeper(1), LEN);
    for (world, viewer) in [(&mut world, second), (&mut together, other)] {
        take(world, viewer, 0..10);
        world.run_for(Duration::from_secs(300));
        assert!(is_undisturbed(world, viewer));
        assert_eq!(world.open_links(viewer), 1);
    }
    assert_eq!(kept(&together), BTreeMap::new());
    assert!(together.tracker.stats().totals.receipts_refused > 0);
    assert_eq!(kept(&world)[&id(&world, first)].1, 10);
}

#[test]
fn another_stay_counts_what_the_former_one_has_not_heard_and_no_byte_twice() {
    let (mut world, first, second) = pair(keeper(1), LEN);
    take(&mut world, second, 0..3);
    world.run_for(Duration::from_secs(60));
    take(&mut world, second, 3..5);
    world.stop_tracker();
    world.run_for(Duration::from_secs(5));
    world.tracker = keeper(2);
    world.tracker_up = true;
    world.run_for(Duration::from_secs(120));
    take(&mut world, second, 5..8);
    world.run_for(Duration::from_secs(60));
    let all = peer_bytes(&world, second);
    assert_eq!(
        kept(&world),
        BTreeMap::from([(id(&world, first), (all, 8))])
    );
    assert!(world.earned.iter().any(|it| it.segments == 3), "two stays");
}

#[test]
fn only_verified_bytes_are_confirmed_and_nobody_confirms_for_another() {
    let (mut world, first, second) = pair(keeper(1), LEN);
    take(&mut world, second, 0..1);
    world.viewers[first].vice = Some(poison());
    stands(&mut world, second);
    world.fetch(second, &url(1));
    world.run_for(Duration::from_secs(60));
    // Of its first message all blocks but the last are right.
    let bytes = peer_bytes(&world, second);
    assert!(bytes < LEN as u64 + BLOCK_LEN * 4, "{bytes}");
    let honest = BTreeMap::from([(id(&world, first), (bytes, 2))]);
    assert_eq!(kept(&world), honest);
    // The liar says that the other had much more of it, with whatever key it has.
    let forged = Receipt {
        info_hash: world.info_hash(first),
        peer: world.oracle.peer_of(second).expect("it has spoken"),
        from: world.oracle.peer_of(first).expect("it has spoken"),
        bytes: 1 << 30,
        segments: 1_000,
        subject: None,
        mac: "7".repeat(64),
    };
    world.say_to_tracker(first, &ToTracker::Receipt(forged));
    world.run_for(Duration::from_secs(1));
    assert_eq!(kept(&world), honest);
    assert_eq!(world.tracker.stats().totals.refusals, 1);
}

#[test]
fn what_viewers_report_is_summed_while_they_are_there() {
    let (mut world, first, second) = pair(keeper(1), LEN);
    take(&mut world, second, 0..5);
    world.run_for(Duration::from_secs(300));
    let room = world.info_hash(first);
    let both = world.tracker.figures(room).reported;
    let stats = |viewer: Viewer| world.viewers[viewer].engine.stats();
    assert_eq!(both.from_peers, stats(second).peer_bytes);
    let from_cdn = stats(first).cdn_bytes + stats(second).cdn_bytes;
    assert_eq!(both.from_cdn, from_cdn);
    assert!(both.wait_ms(500).is_some_and(|ms| ms < 1_000));
    assert_eq!((both.links_opened, both.links_failed), (1, 0));
    world.tell(first, Input::Shutdown);
    world.run_for(Duration::from_secs(1));
    let one = world.tracker.figures(room).reported;
    assert_eq!(one.from_cdn, world.viewers[second].engine.stats().cdn_bytes);
    let (mut other, _, second) = pair(Tracker::new(Config::default(), 1), LEN);
    take(&mut other, second, 0..5);
    other.run_for(Duration::from_secs(300));
    let none = other.tracker.figures(room).reported;
    assert_eq!((none.from_peers, none.from_cdn), (0, 0));
}

#[test]
fn links_that_do_not_open_are_reported_once_each() {
    let mut world = World::new();
    world.tracker = keeper(1);
    world.relays_only = true; // and there is none
    let text = vod(&mut world, 20, LEN, true);
    let viewers = [0, 1].map(|_| world.join(World::config(), &playlist(), &text));
    world.run_for(Duration::from_secs(120));
    let room = world.info_hash(viewers[0]);
    let reported = world.tracker.figures(room).reported;
    let answers = viewers.map(|viewer| {
        let told = world.viewers[viewer].told_trackers.iter();
        let is_answer = |text: &&String| text.contains("\"answer\"");
        told.filter(is_answer).count() as u64
    });
    let answered: u64 = answers.iter().sum();
    assert!(answered > 2 && reported.links_opened == 0, "{reported:?}");
    // All but those that are opening still, and those that one of both ends gave up for another.
    let missing = answered.saturating_sub(reported.links_failed);
    assert!(
        reported.links_failed > 1 && missing <= answered / 2,
        "{answered} answers, {reported:?}"
    );
}
