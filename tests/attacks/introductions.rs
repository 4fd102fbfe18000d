//! Neighbours that abuse what they carry for others: they make up offers and neighbours, speak in others' names, alter
//! what they carry, or flood whom they know.

use crate::stage::{GOAL, LEN, SEGMENT, SEGMENTS};
use crate::vices::{say, scripted};
use crate::world::{
    Frame, Passed, Passing, Player, Vice, Viewer, Way, World, play_for, playlist, vod,
};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use swarmline::base::PeerId;
use swarmline::engine::{CloseReason, Event};
use swarmline::wire::{PeerMessage, Signal};

pub(super) const A: Viewer = 0;
pub(super) const B: Viewer = 1;
pub(super) const C: Viewer = 2;

fn in_a_line(vice: Vice) -> World {
    in_a_line_of(World::new(), vice)
}

/// A – B – C, without a tracker, B with a vice once both are linked to it. A and C can meet from then on.
pub(super) fn in_a_line_of(mut world: World, vice: Vice) -> World {
    let text = vod(&mut world, SEGMENTS, LEN, true);
    world.reachable = |one, other| one == B || other == B;
    for _ in [A, B, C] {
        world.join(World::config(), &playlist(), &text);
    }
    world.run_for(Duration::from_secs(5));
    world.stop_tracker();
    world.run_for(Duration::from_secs(30));
    assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), [1, 2, 1]);
    world.viewers[B].vice = Some(vice);
    world.reachable = |_, _| true;
    world
}

pub(super) fn links(world: &World, viewer: Viewer) -> usize {
    world.viewers[viewer].engine.stats().peers.len()
}

pub(super) fn invented(nth: u32) -> PeerId {
    let mut peer = *b"-XX0000-000000000000";
    peer[12..16].copy_from_slice(&nth.to_le_bytes());
    PeerId(peer)
}

/// An offer that the neighbour says somebody made. It leads nowhere.
fn offer(nth: u32, peer: PeerId) -> PeerMessage {
    PeerMessage::Signal(Signal {
        is_answer: false,
        is_carried: true,
        peer,
        offer: nth,
        ticket: Vec::new(),
        sdp: format!("offer {B} {}", 1_000 + nth).into_bytes(),
    })
}

/// Changes the descriptions that pass.
pub(super) fn on_signals(mut touch: impl FnMut(Way, &mut Signal) -> bool + 'static) -> Vice {
    Box::new(move |passing: Passing| {
        let Frame::Control(bytes) = &passing.frame else {
            return passing.untouched();
        };
        let Ok(PeerMessage::Signal(mut signal)) = PeerMessage::decode(bytes) else {
            return passing.untouched();
        };
        match touch(passing.way, &mut signal) {
            true => {
                let frame = Frame::Control(PeerMessage::Signal(signal).encode());
                vec![Passed::now(passing.way, frame)]
            }
            false => Vec::new(),
        }
    })
}

#[test]
fn offers_that_a_neighbour_makes_up_take_few_places_and_stall_nobody() {
    let mut world = World::new();
    let text = vod(&mut world, SEGMENTS, LEN, true);
    let victim = world.join(World::config(), &playlist(), &text);
    let hostile = world.join(World::config(), &playlist(), &text);
    world.viewers[hostile].vice = Some(scripted(|message| match message {
        PeerMessage::Hello(_) => {
            let said = |nth: u32| say(u64::from(nth) * 130, &offer(nth, invented(nth)));
            (1..400).map(said).collect()
        }
        _ => Vec::new(),
    }));
    let mut players = [Player::new(&world, victim, SEGMENTS, SEGMENT, GOAL)];
    let mut most = 0;
    for _ in 0..120 {
        play_for(&mut world, &mut players, Duration::from_millis(500));
        most = most.max(world.open_links(victim));
    }
    assert_eq!(most, 4, "the neighbour, and three that it brought");
    assert!(players[0].is_done(), "the show is played");
    assert_eq!(players[0].stalled, Duration::ZERO);
}

#[test]
fn neighbours_that_are_not_there_cost_two_offers_at_a_time_and_ever_fewer_questions() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let mut world = in_a_line(Box::new({
        let asked = Rc::clone(&asked);
        let mut next = 0;
        move |passing: Passing| {
            let Frame::Control(bytes) = &passing.frame else {
                return passing.untouched();
            };
            match (passing.way, passing.other, PeerMessage::decode(bytes)) {
                (Way::In, A, Ok(PeerMessage::Neighbours(_))) => {
                    next += 16;
                    let ids = (next..next + 16).map(invented).collect();
                    vec![say(0, &PeerMessage::Neighbours(ids))]
                }
                (Way::In, A, Ok(PeerMessage::Signal(signal))) => {
                    asked.borrow_mut().push((passing.now, signal.peer));
                    Vec::new()
                }
                (_, _, Ok(PeerMessage::Signal(_))) => Vec::new(),
                _ => passing.untouched(),
            }
        }
    }));
    world.run_for(Duration::from_secs(600));
    let asked = asked.borrow();
    let in_the_first_minute = asked.iter().filter(|(at, _)| {
        let first = asked[0].0;
        at.since(first) < Duration::from_secs(60)
    });
    let in_the_first_minute = in_the_first_minute.count();
    assert!(
        (2..=12).contains(&in_the_first_minute),
        "{in_the_first_minute}"
    );
    assert!(asked.len() <= 40, "{} offers in ten minutes", asked.len());
    assert_eq!(links(&world, A), 1);
}

#[test]
fn an_offer_in_a_linked_peer_s_name_takes_no_link_away() {
    // Its link to A is open, or only on its way.
    for opens in [true, false] {
        let mut world = World::new();
        let text = vod(&mut world, SEGMENTS, LEN, true);
        if !opens {
            world.reachable = |one, other| one == B || other == B;
        }
        for _ in [A, B, C] {
            world.join(World::config(), &playlist(), &text);
        }
        world.run_for(Duration::from_secs(2));
        assert_eq!(links(&world, C), 1 + usize::from(opens));
        let before = world.link_to(C, A);
        assert!(before.is_some());
        let name = world.oracle.peer_of(A).unwrap_or(invented(0));
        for nth in 0..5 {
            world.forge_message(C, B, offer(nth, name).encode());
        }
        assert_eq!(world.link_to(C, A), before, "open: {opens}");
        assert_eq!(world.open_links(C), 2);
    }
}

#[test]
fn who_greets_under_another_name_than_it_was_announced_with_is_closed() {
    // B carries what A and C say to each other, but gives A another name.
    let truly = Rc::new(RefCell::new(None));
    let vice = on_signals(move |way, signal| {
        match (way, signal.is_answer) {
            (Way::Out, false) => {
                truly.borrow_mut().get_or_insert(signal.peer);
                signal.peer = invented(7);
            }
            (Way::In, true) => signal.peer = truly.borrow().unwrap_or(signal.peer),
            _ => {}
        }
        true
    });
    let mut world = in_a_line(vice);
    world.run_for(Duration::from_secs(100));
    let events = [A, C].map(|viewer| &world.viewers[viewer].events);
    let met = |event: &&Event| matches!(event, Event::PeerOpened { .. });
    for (viewer, events) in [A, C].into_iter().zip(events) {
        assert_eq!(links(&world, viewer), 1, "only B");
        assert_eq!(events.iter().filter(met).count(), 1, "only B");
    }
}

#[test]
fn an_answer_counts_from_whom_and_by_whom_it_was_asked_only() {
    // It comes from somebody else, or is for another offer.
    let lies: [fn(&mut Signal); 2] = [
        |signal| signal.peer = invented(1),
        |signal| signal.offer += 1,
    ];
    for alter in lies {
        let altered = Rc::new(RefCell::new(0));
        let count = Rc::clone(&altered);
        let mut world = in_a_line(on_signals(move |way, signal| {
            if way == Way::Out && signal.is_answer {
                alter(signal);
                *count.borrow_mut() += 1;
            }
            true
        }));
        world.run_for(Duration::from_secs(100));
        assert!(*altered.borrow() > 0, "the attack took place");
        assert_eq!([A, C].map(|viewer| links(&world, viewer)), [1, 1]);
        for viewer in [A, C] {
            let closed = |event: &Event| matches!(event, Event::PeerClosed { .. });
            assert!(!world.viewers[viewer].events.iter().any(closed));
        }
    }
}

#[test]
fn what_is_carried_to_somebody_is_bounded_and_closes_nobody_who_carries() {
    let mut world = World::new();
    let text = vod(&mut world, SEGMENTS, LEN, true);
    for _ in [A, B, C] {
        world.join(World::config(), &playlist(), &text);
    }
    world.run_for(Duration::from_secs(5));
    assert_eq!([A, B, C].map(|viewer| links(&world, viewer)), [2, 2, 2]);
    let target = world.oracle.peer_of(C);
    let Some(target) = target else {
        panic!("C has greeted");
    };
    // As often as its credit allows, A has B carry offers to C.
    let signal = Signal {
        is_answer: false,
        is_carried: false,
        peer: target,
        offer: 1,
        ticket: Vec::new(),
        sdp: format!("offer {A} 5000").into_bytes(),
    };
    let heard = Rc::new(RefCell::new(0));
    let count = Rc::clone(&heard);
    world.viewers[C].vice = Some(Box::new(move |passing: Passing| {
        if let (Way::In, B, Frame::Control(bytes)) = (passing.way, passing.other, &passing.frame)
            && let Ok(PeerMessage::Signal(_)) = PeerMessage::decode(bytes)
        {
            *count.borrow_mut() += 1;
        }
        passing.untouched()
    }));
    for _ in 0..400 {
        let message = PeerMessage::Signal(signal.clone());
        world.forge_message(B, A, message.encode());
        world.run_for(Duration::from_millis(150));
    }
    let heard = *heard.borrow();
    assert!(
        (20..=45).contains(&heard),
        "{heard} descriptions in a minute"
    );
    let blamed = |event: &Event| matches!(event, Event::PeerClosed { reason, .. } if *reason == CloseReason::Unreliable);
    assert!(!world.viewers[C].events.iter().any(blamed));
}
