//! Neighbours that put their own certificate into what they carry, or make up who somebody is, where a tracker signs for
//! its peers; and what that costs honest ones.

use crate::introductions::{A, B, C, in_a_line_of, invented, links, on_signals};
use crate::world::{Way, World, certificate, playlist};
use std::time::Duration;
use swarmline::base::{InfoHash, PeerId};
use swarmline::integrity::{Claim, Fingerprint, SecretKey};
use swarmline::tracker::{Input, Proofs};
use swarmline::wire::{PeerMessage, Signal, info_hash_of, limit};

const NOON: u64 = 1_760_000_000;

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32])
}

/// A world whose tracker signs for its peers.
fn signing() -> World {
    signing_for(Duration::from_secs(3_600))
}

fn signing_for(life: Duration) -> World {
    let mut world = World::new();
    let proofs = Proofs {
        keys: vec![key(1)],
        life,
    };
    world.operate(Input::Clock { unix_s: NOON });
    world.operate(Input::Proofs(Some(proofs)));
    world
}

/// Who is linked to how many when A and C have had time to meet through B, which carries nothing untouched.
fn met(world: World, mut touch: impl FnMut(Way, &mut Signal) + 'static) -> [usize; 3] {
    let mut world = in_a_line_of(
        world,
        on_signals(move |way, signal| {
            touch(way, signal);
            true
        }),
    );
    world.run_for(Duration::from_secs(100));
    [A, B, C].map(|viewer| links(&world, viewer))
}

/// B's certificate in place of that of whom it carries for.
fn stand_between(way: Way, signal: &mut Signal) {
    if way == Way::Out {
        let mut sdp = String::from_utf8_lossy(&signal.sdp).into_owned();
        for viewer in [A, C] {
            sdp = sdp.replace(&certificate(viewer), &certificate(B));
        }
        signal.sdp = sdp.into_bytes();
    }
}

#[test]
fn a_neighbour_that_puts_its_own_certificate_there_links_nobody() {
    assert_eq!(met(signing(), |_, _| {}), [2, 2, 2], "honest");
    assert_eq!(met(signing(), stand_between), [1, 2, 1]);
    assert_eq!(met(World::new(), stand_between), [2, 2, 2], "unsigned");
}

#[test]
fn nor_does_one_that_takes_the_proof_away_or_brings_another() {
    assert_eq!(met(signing(), |_, signal| signal.ticket.clear()), [1, 2, 1]);
    let garbage = |_, signal: &mut Signal| signal.ticket = vec![b'A'; limit::TICKET_LEN];
    assert_eq!(met(signing(), garbage), [1, 2, 1]);
    // The first one that it ever carried, in the place of all.
    let mut first = None;
    let swapped = move |way, signal: &mut Signal| {
        let known: &mut (PeerId, Vec<u8>) =
            first.get_or_insert((signal.peer, signal.ticket.clone()));
        if way == Way::Out {
            signal.ticket.clone_from(&known.1);
            stand_between(way, signal);
        }
    };
    assert_eq!(met(signing(), swapped), [1, 2, 1]);
}

/// An offer of somebody whom the neighbour has made up, with its own certificate and a ticket.
fn offer(nth: u32, ticket: Vec<u8>) -> Vec<u8> {
    let signal = Signal {
        is_answer: false,
        is_carried: true,
        peer: invented(nth),
        offer: nth,
        ticket,
        sdp: format!("offer {B} {}\r\n{}", 1_000 + nth, certificate(B)).into_bytes(),
    };
    PeerMessage::Signal(signal).encode()
}

fn room() -> InfoHash {
    info_hash_of(&playlist())
}

/// What a tracker with `key` would have signed for a peer that was made up.
fn ticket(key: &SecretKey, room: InfoHash, peer: PeerId, until_s: u64) -> Vec<u8> {
    let fingerprint = Fingerprint::of(&certificate(B)).unwrap_or(Fingerprint([0; 32]));
    let claim = Claim {
        room,
        peer,
        fingerprint,
    };
    let words = claim.prove(std::slice::from_ref(key), (NOON, until_s));
    let words = words.unwrap_or_default();
    words.split(' ').next().unwrap_or_default().into()
}

#[test]
fn a_ticket_of_another_key_room_peer_or_time_brings_nobody() {
    let end = NOON + 60;
    let there = InfoHash([9; 20]);
    for (what, ticket, is_taken) in [
        ("true", ticket(&key(1), room(), invented(1), end), true),
        (
            "of another key",
            ticket(&key(2), room(), invented(1), end),
            false,
        ),
        (
            "of another room",
            ticket(&key(1), there, invented(1), end),
            false,
        ),
        (
            "of another peer",
            ticket(&key(1), room(), invented(2), end),
            false,
        ),
        (
            "of yesterday",
            ticket(&key(1), room(), invented(1), NOON - 60),
            false,
        ),
        ("none", Vec::new(), false),
    ] {
        let mut world = in_a_line_of(signing(), on_signals(|_, _| false));
        world.forge_message(A, B, offer(1, ticket));
        world.run_for(Duration::from_millis(50));
        assert_eq!(world.open_links(A), 1 + usize::from(is_taken), "{what}");
    }
}

#[test]
fn what_was_true_when_the_tracker_was_last_heard_is_true_while_it_is_gone() {
    // They meet half a minute after it is gone.
    let world = signing_for(Duration::from_secs(10));
    assert_eq!(met(world, |_, _| {}), [2, 2, 2]);
}

#[test]
fn a_flood_of_false_proofs_is_looked_at_now_and_then_only() {
    let mut world = in_a_line_of(signing(), on_signals(|_, _| false));
    let before = world.viewers[A].asked_proofs;
    for nth in 0..300 {
        world.forge_message(A, B, offer(nth, vec![b'A'; 96]));
        world.run_for(Duration::from_millis(100));
    }
    let asked = world.viewers[A].asked_proofs - before;
    assert!((15..=30).contains(&asked), "{asked} in half a minute");
    assert_eq!(world.open_links(A), 1);
}
