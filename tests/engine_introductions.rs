//! Links through a neighbour in common: three in a line whose tracker is gone, and who must not come in that way.

#![allow(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test's own expectations are assertions; it looks at the few messages it is about"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use swarmline::engine::{ConfigUpdate, Event, Input, Source};
use swarmline::tracker::Policy;
use swarmline::wire::{PeerMessage, Signal};
use world::{Frame, LEN, Passing, Vice, Viewer, Way, World, playlist, source_of, url, vod};

/// What the one in the middle heard and said.
type Heard = Rc<RefCell<Vec<(Way, PeerMessage)>>>;

fn listening(heard: &Heard) -> Vice {
    let heard = Rc::clone(heard);
    Box::new(move |passing: Passing| {
        if let Frame::Control(bytes) = &passing.frame
            && let Ok(message) = PeerMessage::decode(bytes)
        {
            heard.borrow_mut().push((passing.way, message));
        }
        passing.untouched()
    })
}

const A: Viewer = 0;
const B: Viewer = 1;
const C: Viewer = 2;

/// A – B – C: A and C cannot reach each other. Their tracker is gone if `lost`, and what they had begun has failed.
fn in_a_line(seed: u64, lost: bool) -> (World, Heard) {
    let mut world = World::seeded(seed);
    let text = vod(&mut world, 10, LEN, true);
    world.reachable = |one, other| one == B || other == B;
    for _ in [A, B, C] {
        world.join(World::config(), &playlist(), &text);
    }
    let heard = Heard::default();
    world.viewers[B].vice = Some(listening(&heard));
    world.run_for(Duration::from_secs(5));
    if lost {
        world.stop_tracker();
    }
    world.run_for(Duration::from_secs(60));
    assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), [1, 2, 1]);
    heard.borrow_mut().clear();
    (world, heard)
}

fn links(world: &World, viewer: Viewer) -> usize {
    world.viewers[viewer].engine.stats().peers.len()
}

fn signals(heard: &Heard) -> Vec<(Way, Signal)> {
    let heard = heard.borrow();
    let signals = heard.iter().filter_map(|(way, message)| match message {
        PeerMessage::Signal(signal) => Some((*way, signal.clone())),
        _ => None,
    });
    signals.collect()
}

fn set(world: &mut World, viewer: Viewer, update: ConfigUpdate) {
    world.tell(viewer, Input::Config(update));
}

#[test]
fn who_has_no_tracker_is_linked_through_a_neighbour_and_shares() {
    let (mut world, heard) = in_a_line(0, true);
    world.ahead(A, 0.0);
    world.fetch(A, &url(3));
    world.reachable = |_, _| true;
    world.run_for(Duration::from_secs(70));
    assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), [2, 2, 2]);
    let signals = signals(&heard);
    let carried = |way| signals.iter().filter(move |(it, _)| *it == way);
    assert!(carried(Way::In).all(|(_, signal)| !signal.is_carried));
    assert!(carried(Way::Out).all(|(_, signal)| signal.is_carried));
    assert_eq!(carried(Way::In).count(), carried(Way::Out).count());
    let asked = world.viewers.iter().map(|viewer| viewer.asked_proofs);
    assert_eq!(asked.sum::<u32>(), 0, "no tracker signs");
    let peers = [A, C].map(|viewer| world.oracle.peer_of(viewer));
    assert!(signals.iter().all(|(_, it)| peers.contains(&Some(it.peer))));
    world.kill(B);
    world.ahead(C, 20_000.0);
    assert_eq!(source_of(&world.fetch(C, &url(3))), Source::Peers);
}

/// Both ask and offer in the same moment: the tracker's rule for two links to one peer holds here as well.
#[test]
fn of_two_offers_that_cross_one_link_is_left() {
    let mut crossed = 0;
    for seed in 0..20 {
        let (mut world, heard) = in_a_line(seed, true);
        world.reachable = |_, _| true;
        world.run_for(Duration::from_secs(70));
        assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), [2, 2, 2]);
        assert_eq!([A, B, C].map(|viewer| world.open_links(viewer)), [2, 2, 2]);
        let signals = signals(&heard);
        let asked = signals.iter().filter(|(way, _)| *way == Way::In);
        let offers = asked.filter(|(_, signal)| !signal.is_answer).count();
        crossed += usize::from(offers > 1);
        for viewer in [A, B, C] {
            let events = &world.viewers[viewer].events;
            let closed = |event: &&Event| matches!(event, Event::PeerClosed { .. });
            assert_eq!(events.iter().filter(closed).count(), 0);
        }
    }
    assert!(crossed > 0, "offers crossed");
}

#[test]
fn where_all_are_linked_or_a_tracker_brings_them_nobody_asks() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let heard = Heard::default();
    for viewer in 0..4 {
        world.join(World::config(), &playlist(), &text);
        world.viewers[viewer].vice = Some(listening(&heard));
        world.run_for(Duration::from_secs(3));
    }
    world.run_for(Duration::from_secs(200));
    assert_eq!([0, 1, 2, 3].map(|viewer| links(&world, viewer)), [3; 4]);
    let asks = |message: &PeerMessage| matches!(message, PeerMessage::Neighbours(_));
    assert!(!heard.borrow().iter().any(|(_, message)| asks(message)));
}

#[test]
fn a_tracker_that_brings_nobody_is_not_waited_for() {
    // It knows of three, and its introductions fail: A and C find each other through B once they can meet.
    let (mut world, heard) = in_a_line(0, false);
    for viewer in [A, C] {
        world.lose_sockets(viewer);
    }
    world.tracker_up = false;
    world.reachable = |_, _| true;
    world.run_for(Duration::from_secs(70));
    assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), [2, 2, 2]);
    assert!(!signals(&heard).is_empty());
}

#[test]
fn what_the_user_set_holds_for_links_through_neighbours() {
    let few = ConfigUpdate {
        max_peers: Some(1),
        ..ConfigUpdate::default()
    };
    let off = ConfigUpdate {
        enabled: Some(false),
        ..ConfigUpdate::default()
    };
    for (who, update, left) in [(C, few, [1, 2, 1]), (C, off, [1, 1, 0])] {
        let (mut world, _) = in_a_line(0, true);
        set(&mut world, who, update);
        world.reachable = |_, _| true;
        world.run_for(Duration::from_secs(200));
        assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), left);
    }
}

#[test]
fn what_a_tracker_rules_holds_for_links_through_neighbours() {
    let (mut world, _) = in_a_line(0, false);
    let killed = Policy {
        p2p: false,
        ..Policy::default()
    };
    world.rule(None, killed);
    world.run_for(Duration::from_secs(2));
    world.stop_tracker();
    world.reachable = |_, _| true;
    world.run_for(Duration::from_secs(100));
    assert_eq!([A, B, C].map(|viewer| world.open_links(viewer)), [0; 3]);
}

#[test]
fn who_sends_nothing_carries_nothing() {
    let (mut world, heard) = in_a_line(0, true);
    let mute = ConfigUpdate {
        upload_limit: Some(0),
        ..ConfigUpdate::default()
    };
    set(&mut world, B, mute);
    world.reachable = |_, _| true;
    world.run_for(Duration::from_secs(200));
    assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), [1, 2, 1]);
    let heard = heard.borrow();
    let said = heard.iter().filter(|(way, _)| *way == Way::Out);
    let about_others = said.filter(|(_, message)| match message {
        PeerMessage::Neighbours(peers) => !peers.is_empty(),
        PeerMessage::Signal(_) => true,
        _ => false,
    });
    assert_eq!(about_others.count(), 0);
}

#[test]
fn who_does_not_answer_is_left_alone_for_minutes() {
    let (mut world, heard) = in_a_line(0, true);
    // C takes nobody: it never hears of an offer.
    let peer = world.oracle.peer_of(A).expect("A has greeted");
    let deaf = Rc::clone(&heard);
    world.viewers[B].vice = Some(Box::new(move |passing: Passing| {
        if let Frame::Control(bytes) = &passing.frame
            && let Ok(message) = PeerMessage::decode(bytes)
        {
            deaf.borrow_mut().push((passing.way, message.clone()));
            if let (Way::Out, PeerMessage::Signal(_)) = (passing.way, message) {
                return Vec::new();
            }
        }
        passing.untouched()
    }));
    world.reachable = |_, _| true;
    world.run_for(Duration::from_secs(600));
    let offers = signals(&heard);
    let by_c = offers.iter().filter(|(way, _)| *way == Way::In);
    let by_c = by_c.filter(|(_, signal)| signal.peer == peer).count();
    assert!((2..=4).contains(&by_c), "{by_c} offers in ten minutes");
    let heard = heard.borrow();
    let questions = heard.iter().filter(|(way, message)| {
        *way == Way::In && *message == PeerMessage::Neighbours(Vec::new())
    });
    let questions = questions.count();
    assert!(
        (10..=30).contains(&questions),
        "{questions} questions of two"
    );
}
