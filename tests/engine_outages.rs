//! Lines that are cut and healed, sockets that hang half-open, links that died without a word, and relays that
//! are known late: how soon peers share again, and that weak lines are not taken for dead ones.

#![allow(
    clippy::expect_used,
    reason = "a test's own expectations are assertions"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use swarmline::engine::{ConfigUpdate, Event, Input};
use swarmline::tracker::{self, Tickets, Turn};
use world::{LEN, Player, Viewer, World, play_for, playlist, url, vod};

const SEGMENT: Duration = Duration::from_secs(2);
const SEGMENTS: u64 = 60;

/// One that holds the beginning, and one that plays and is fed by it.
fn two_watch(world: &mut World) -> [Player; 2] {
    let text = vod(world, SEGMENTS, LEN, true);
    let join = |world: &mut World, goal| {
        let viewer = world.join(World::config(), &playlist(), &text);
        Player::new(world, viewer, SEGMENTS, SEGMENT, Duration::from_secs(goal))
    };
    let mut players = [join(world, 60), join(world, 8)];
    play_for(world, &mut players, Duration::from_secs(8));
    assert_eq!(links(world, &players), [1, 1], "they have met");
    players
}

fn links(world: &World, players: &[Player; 2]) -> [usize; 2] {
    [0, 1].map(|at| world.viewers[players[at].viewer].engine.stats().peers.len())
}

fn peer_bytes(world: &World, viewer: Viewer) -> u64 {
    world.viewers[viewer].engine.stats().peer_bytes
}

#[test]
fn a_dead_link_in_use_is_found_within_five_seconds_though_no_browser_says_so() {
    for dead in [true, false] {
        let mut world = World::new();
        let mut players = two_watch(&mut world);
        if dead {
            world.unplug(players[0].viewer);
        }
        play_for(&mut world, &mut players, Duration::from_secs(5));
        assert_eq!(links(&world, &players)[1] == 0, dead);
        assert_eq!(players[1].stalled, Duration::ZERO);
    }
}

/// Two who hold all of a film: nobody asks the other for anything. The first one's timers, where a grain is given, fire on
/// whole multiples of it.
fn two_at_rest(grain: Option<Duration>) -> (World, [Viewer; 2]) {
    let mut world = World::new();
    let text = vod(&mut world, 4, LEN, true);
    let viewers = [0, 1].map(|_| {
        let viewer = world.join(World::config(), &playlist(), &text);
        for number in 0..4 {
            world.ahead(viewer, 20_000.0);
            world.fetch(viewer, &url(number));
        }
        viewer
    });
    if let Some(grain) = grain {
        world.throttle(viewers[0], grain);
    }
    world.run_for(Duration::from_secs(20));
    assert!(world.link_to(viewers[0], viewers[1]).is_some());
    (world, viewers)
}

fn peers(world: &World, viewer: Viewer) -> usize {
    world.viewers[viewer].engine.stats().peers.len()
}

#[test]
fn a_dead_link_at_rest_is_found_within_five_seconds_in_a_hidden_tab_too() {
    for grain in [None, Some(Duration::from_secs(1))] {
        for after_ms in (0..4_000).step_by(130) {
            for own in [true, false] {
                let (mut world, [first, second]) = two_at_rest(grain);
                world.run_for(Duration::from_millis(after_ms));
                world.unplug(if own { first } else { second });
                world.run_for(Duration::from_millis(5_050));
                assert_eq!(peers(&world, first), 0, "{grain:?}, {after_ms} ms, {own}");
            }
        }
    }
}

#[test]
fn a_link_at_rest_costs_little_and_lasts_though_its_ends_are_busy_or_hidden() {
    for grain in [None, Some(Duration::from_secs(1))] {
        let (mut world, [first, second]) = two_at_rest(grain);
        let messages = Rc::new(Cell::new(0_u32));
        let count = Rc::clone(&messages);
        world.viewers[second].vice = Some(Box::new(move |passing| {
            count.set(count.get() + 1);
            passing.untouched()
        }));
        world.run_for(Duration::from_secs(60));
        // A question and its answer every two seconds, each second at most where the page is hidden.
        let said = messages.get();
        let most = if grain.is_some() { 150 } else { 80 };
        assert!((50..most).contains(&said), "{grain:?}: {said}");
        for busy in [first, second] {
            for after_ms in [0, 400, 900, 1_500] {
                world.run_for(Duration::from_millis(10_000 + after_ms));
                world.sleep(busy, Duration::from_millis(2_500));
            }
        }
        world.run_for(Duration::from_secs(10));
        assert_eq!([first, second].map(|it| peers(&world, it)), [1, 1]);
        let events = world.viewers.iter().flat_map(|viewer| &viewer.events);
        let lost = events.filter(|it| matches!(it, Event::PeerClosed { .. }));
        assert_eq!(lost.count(), 0, "{grain:?}: nobody was closed meanwhile");
    }
}

#[test]
fn a_weak_line_is_not_taken_for_a_dead_one() {
    for (latency_ms, bytes_per_s) in [(500, 80_000), (50, 40_000), (10, 10_000_000)] {
        let mut world = World::new();
        world.link_latency = Duration::from_millis(latency_ms);
        world.link_bytes_per_s = bytes_per_s;
        let text = vod(&mut world, SEGMENTS, LEN, true);
        let mut players = [60, 8, 8].map(|goal| {
            let viewer = world.join(World::config(), &playlist(), &text);
            Player::new(&world, viewer, SEGMENTS, SEGMENT, Duration::from_secs(goal))
        });
        play_for(&mut world, &mut players, Duration::from_secs(90));
        for player in &players {
            let events = &world.viewers[player.viewer].events;
            let closed = events
                .iter()
                .filter(|it| matches!(it, Event::PeerClosed { .. }));
            assert_eq!(
                closed.count(),
                0,
                "{latency_ms} ms, {bytes_per_s} bytes a second"
            );
        }
    }
}

#[test]
fn who_slept_does_not_take_its_links_for_dead() {
    let mut world = World::new();
    let players = two_watch(&mut world);
    let viewer = players[1].viewer;
    world.link_latency = Duration::from_millis(600);
    world.ahead(viewer, 8_000.0);
    world.load(viewer, &url(20), None);
    // By then it has asked whether the other end is there. That one answers, but the page hears its timer first.
    world.run_for(Duration::from_millis(1_000));
    world.sleep(viewer, Duration::from_secs(4));
    world.run_for(Duration::from_secs(5));
    assert_eq!(links(&world, &players), [1, 1]);
}

#[test]
fn a_viewer_whose_network_came_back_is_linked_again_within_five_seconds() {
    // Whether the browser tells that the network is back, and whether the tracker knows it again.
    for (tells, has_tickets) in [(true, false), (false, false), (true, true), (false, true)] {
        for cut_s in [12, 40] {
            let mut world = World::new();
            world.operate(tracker::Input::Clock { unix_s: 1_000 });
            world.operate(tracker::Input::Tickets(has_tickets.then(|| Tickets {
                secret: b"north".to_vec(),
                life: Duration::from_secs(600),
            })));
            let mut players = two_watch(&mut world);
            let [first, second] = [0, 1].map(|at| players[at].viewer);
            world.unplug(second);
            play_for(&mut world, &mut players, Duration::from_secs(6));
            world.notice_dead(first);
            play_for(&mut world, &mut players, Duration::from_secs(cut_s - 6));
            world.plug(second);
            if tells {
                for enabled in [false, true] {
                    world.tell(
                        second,
                        Input::Config(ConfigUpdate {
                            enabled: Some(enabled),
                            ..ConfigUpdate::default()
                        }),
                    );
                }
            }
            let before = peer_bytes(&world, second);
            play_for(&mut world, &mut players, Duration::from_secs(5));
            let case = (tells, has_tickets, cut_s);
            assert_eq!(links(&world, &players), [1, 1], "{case:?}");
            play_for(&mut world, &mut players, Duration::from_secs(5));
            assert!(peer_bytes(&world, second) > before, "{case:?}");
        }
    }
}

#[test]
fn a_tracker_s_relay_is_used_by_who_cannot_meet_without_it() {
    for has_relay in [true, false] {
        let mut world = World::new();
        world.relays_only = true;
        let text = vod(&mut world, SEGMENTS, LEN, true);
        world.operate(tracker::Input::Clock { unix_s: 1_000 });
        world.operate(tracker::Input::Turn(has_relay.then(|| Turn {
            urls: vec!["turn:a.example".to_owned()],
            secret: "north".to_owned(),
            life: Duration::from_secs(600),
        })));
        let first = world.join(World::config(), &playlist(), &text);
        world.run_for(Duration::from_secs(30));
        // Its first offers were made before the tracker told of its relay.
        world.join(World::config(), &playlist(), &text);
        world.run_for(Duration::from_secs(6));
        let links = world.viewers[first].engine.stats().peers.len();
        assert_eq!(links == 1, has_relay);
    }
}
