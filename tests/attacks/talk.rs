//! Control messages without end: each small, most of them questions that somebody has to answer. Who sends more
//! than time and the blocks between two viewers pay for loses the link; who stays below keeps it.

use crate::stage::{CASTS, Cast, attack_over};
use crate::vices::{say, scripted};
use crate::world::{Frame, Passing, Vice, Way};
use std::cell::RefCell;
use std::rc::Rc;
use swarmline::base::{PeerId, Rng};
use swarmline::engine::CloseReason;
use swarmline::wire::{HaveEntry, Holding, PeerMessage, RejectReason, SegmentKey, Signal};

/// From a pair to two against two: a storm is the same in a crowd.
const CASTS_MET: &[Cast] = CASTS.split_at(3).0;
/// A message of one's own for each that is answered, and so many unanswered ones, before the third credit is
/// used up; what is on its way then still comes.
const ANSWERS_MAX: usize = 3 * 1_000 + 600;

/// What is said again and again: the nth message about one of the show's segments.
type Say = fn(u64, SegmentKey) -> PeerMessage;

/// Says it every so many milliseconds, for so many seconds; counts what its neighbours say to it.
fn talk(
    keys: &[SegmentKey],
    say_it: Say,
    every_ms: u64,
    seconds: u64,
    heard: &Rc<RefCell<usize>>,
) -> Vice {
    let (keys, heard) = (keys.to_vec(), Rc::clone(heard));
    let mut vice = scripted(move |message| {
        let PeerMessage::Hello(_) = message else {
            return Vec::new();
        };
        let nth = |nth: u64| {
            say(
                nth * every_ms,
                &say_it(nth, keys[nth as usize / 2 % keys.len()]),
            )
        };
        (1..seconds * 1_000 / every_ms).map(nth).collect()
    });
    Box::new(move |passing: Passing| {
        if let (Way::In, Frame::Control(_)) = (passing.way, &passing.frame) {
            *heard.borrow_mut() += 1;
        }
        vice(passing)
    })
}

/// It is closed for it, having been answered no oftener than its credit allows.
fn is_closed(say_it: Say) {
    let heard = Rc::new(RefCell::new(0));
    let script = |_: &mut Rng, _: usize, keys: &[SegmentKey]| talk(keys, say_it, 1, 6, &heard);
    let mut closed = 0;
    attack_over(CASTS_MET.len() as u64, CASTS_MET, &script, |run| {
        let pairs = run.players.len() * run.hostile.len();
        let dropped = run.closed_for(CloseReason::Unreliable);
        assert_eq!(dropped, pairs, "every honest viewer closes it");
        let answers = heard.replace(0);
        assert!(
            answers <= ANSWERS_MAX * pairs,
            "{answers} answers to {pairs} pairs"
        );
        closed += dropped;
    });
    assert!(closed > 0, "the attack took place");
}

/// The twin: as often as time pays for, for as long as the show lasts.
fn is_kept(say_it: Say, every_ms: u64) {
    let heard = Rc::new(RefCell::new(0));
    let script =
        |_: &mut Rng, _: usize, keys: &[SegmentKey]| talk(keys, say_it, every_ms, 30, &heard);
    attack_over(1, CASTS_MET, &script, |run| {
        assert_eq!(run.closed_for(CloseReason::Unreliable), 0);
        for honest in run.honest() {
            for hostile in &run.hostile {
                assert!(run.world.link_to(honest, *hostile).is_some());
            }
        }
    });
}

fn have_query(_: u64, key: SegmentKey) -> PeerMessage {
    PeerMessage::HaveQuery { track: key.track }
}

fn have_digest(nth: u64, key: SegmentKey) -> PeerMessage {
    PeerMessage::HaveDigest {
        track: key.track,
        digest: nth.to_le_bytes(),
    }
}

fn leaves_request(_: u64, key: SegmentKey) -> PeerMessage {
    PeerMessage::LeavesRequest { key }
}

fn request_of_nothing(nth: u64, key: SegmentKey) -> PeerMessage {
    let key = SegmentKey {
        number: 9_000 + nth,
        ..key
    };
    let (first, count) = (0, 4);
    PeerMessage::Request { key, first, count }
}

fn cancel(_: u64, key: SegmentKey) -> PeerMessage {
    let (first, count) = (0, 8);
    PeerMessage::Cancel { key, first, count }
}

fn reject(_: u64, key: SegmentKey) -> PeerMessage {
    PeerMessage::Reject {
        key,
        first: 0,
        count: 8,
        reason: RejectReason::Version,
    }
}

fn churn(nth: u64, key: SegmentKey) -> PeerMessage {
    let holding = match nth % 2 {
        0 => Holding::Partial(vec![0]),
        _ => Holding::Gone,
    };
    PeerMessage::Have(vec![HaveEntry { key, holding }])
}

fn choke(nth: u64, _: SegmentKey) -> PeerMessage {
    match nth % 2 {
        0 => PeerMessage::Choke,
        _ => PeerMessage::Unchoke,
    }
}

fn neighbours_query(_: u64, _: SegmentKey) -> PeerMessage {
    PeerMessage::Neighbours(Vec::new())
}

/// For somebody whom nobody knows.
fn signal(nth: u64, _: SegmentKey) -> PeerMessage {
    let mut peer = [0; 20];
    peer[..8].copy_from_slice(&nth.to_le_bytes());
    PeerMessage::Signal(Signal {
        is_answer: nth.is_multiple_of(2),
        is_carried: false,
        peer: PeerId(peer),
        offer: 1,
        ticket: Vec::new(),
        sdp: b"v=0".to_vec(),
    })
}

#[test]
fn a_storm_of_have_queries_costs_the_link() {
    is_closed(have_query);
    is_kept(have_query, 120);
}

#[test]
fn a_storm_of_digests_costs_the_link() {
    is_closed(have_digest);
    is_kept(have_digest, 120);
}

#[test]
fn a_storm_of_leaf_list_requests_costs_the_link() {
    is_closed(leaves_request);
    is_kept(leaves_request, 40);
}

#[test]
fn a_storm_of_requests_for_what_is_not_held_costs_the_link() {
    is_closed(request_of_nothing);
    is_kept(request_of_nothing, 40);
}

#[test]
fn a_storm_of_cancels_costs_the_link() {
    is_closed(cancel);
    is_kept(cancel, 40);
}

#[test]
fn a_storm_of_refusals_costs_the_link() {
    is_closed(reject);
    is_kept(reject, 40);
}

#[test]
fn haves_that_come_and_go_without_end_cost_the_link() {
    is_closed(churn);
    is_kept(churn, 40);
}

#[test]
fn a_storm_of_chokes_costs_the_link() {
    is_closed(choke);
    is_kept(choke, 120);
}

#[test]
fn a_storm_of_questions_for_neighbours_costs_the_link() {
    is_closed(neighbours_query);
    is_kept(neighbours_query, 120);
}

#[test]
fn a_storm_of_descriptions_to_be_carried_costs_the_link() {
    is_closed(signal);
    is_kept(signal, 120);
}
