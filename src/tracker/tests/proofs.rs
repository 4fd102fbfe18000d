//! Proofs: who is signed for, for how long, and who is not.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::integrity::{Claim, Fingerprint, SecretKey};

const NOON: u64 = 1_760_000_000;
const LIFE: Duration = Duration::from_secs(3_600);

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32])
}

fn sign_with(world: &mut World, keys: &[u8]) {
    let proofs = Proofs {
        keys: keys.iter().map(|n| key(*n)).collect(),
        life: LIFE,
    };
    let input = Input::Proofs(Some(proofs));
    world.tracker.handle_input(world.now, input);
}

fn world() -> World {
    let mut world = World::new(Config::default());
    let clock = Input::Clock { unix_s: NOON };
    world.tracker.handle_input(world.now, clock);
    sign_with(&mut world, &[1]);
    world
}

fn sdp(certificate: u8) -> String {
    let hash = vec![format!("{certificate:02X}"); 32].join(":");
    format!("v=0\r\na=fingerprint:sha-256 {hash}\r\n")
}

/// An announce of peer `n` that takes tickets, with an offer for each description.
fn announce(n: u64, sdps: &[String]) -> String {
    let offers = sdps.iter().enumerate().map(|(at, sdp)| Offer {
        offer_id: format!("offer {n} {at}"),
        sdp: sdp.as_str().into(),
    });
    let message = ToTracker::Announce {
        info_hash: HASH,
        peer: peer(n),
        event: None,
        uploaded: 0,
        downloaded: 0,
        left: None,
        offers: offers.collect(),
        numwant: 0,
        takes_policy: false,
        extensions: Extensions {
            ticket: Some(String::new()),
            ..Extensions::default()
        },
    };
    message.encode()
}

fn given(sent: &[(ConnectionId, FromTracker)]) -> Option<String> {
    sent.iter().find_map(|(_, message)| {
        let FromTracker::Announced { grants, .. } = message else {
            return None;
        };
        grants.proof.clone()
    })
}

fn claim(n: u64, certificate: u8) -> Claim {
    Claim {
        room: HASH,
        peer: peer(n),
        fingerprint: Fingerprint([certificate; 32]),
    }
}

fn ticket(words: &str) -> &[u8] {
    words.split(' ').next().unwrap().as_bytes()
}

#[test]
fn a_peer_is_signed_for_with_the_certificate_of_its_first_offer() {
    let mut world = world();
    let one = world.open(1);
    let words = given(&world.say(one, announce(1, &[sdp(7), sdp(8)]))).unwrap();
    assert!(claim(1, 7).is_proven(&words, ticket(&words)));
    assert!(!claim(1, 8).is_proven(&words, ticket(&words)));
    assert!(!claim(2, 7).is_proven(&words, ticket(&words)));
    // Others read it by what they were given themselves.
    let two = world.open(2);
    let theirs = given(&world.say(two, announce(2, &[sdp(9)]))).unwrap();
    assert!(claim(1, 7).is_proven(&theirs, ticket(&words)));
    assert!(claim(2, 9).is_proven(&words, ticket(&theirs)));
}

#[test]
fn who_takes_no_ticket_or_names_no_certificate_is_given_none() {
    let mut world = world();
    let stock = world.open(1);
    let sent = world.announce(
        stock,
        Announce {
            offers: 2,
            ..Announce::of(1)
        },
    );
    assert_eq!(given(&sent), None, "a stock client");
    let two = world.open(2);
    for sdps in [vec![], vec!["v=0".to_owned()], vec![sdp(7) + &sdp(7)]] {
        assert_eq!(given(&world.say(two, announce(2, &sdps))), None, "{sdps:?}");
    }
    world.tracker.handle_input(world.now, Input::Proofs(None));
    assert_eq!(given(&world.say(two, announce(2, &[sdp(7)]))), None);
}

#[test]
fn it_is_signed_anew_when_half_is_over_also_without_offers_or_with_another_certificate() {
    let mut world = world();
    let one = world.open(1);
    let first = given(&world.say(one, announce(1, &[sdp(7)]))).unwrap();
    assert_eq!(given(&world.say(one, announce(1, &[sdp(7)]))), None);
    let other = given(&world.say(one, announce(1, &[sdp(8)]))).unwrap();
    assert!(claim(1, 8).is_proven(&other, ticket(&other)));
    let half = LIFE / 2;
    for minute in 1..=30 {
        world.pass(Duration::from_secs(60));
        let again = given(&world.say(one, announce(1, &[])));
        assert_eq!(again.is_some(), minute == 30, "{minute}");
        if let Some(again) = again {
            assert!(claim(1, 8).is_proven(&again, ticket(&again)));
            assert!(claim(1, 7).is_proven(&again, ticket(&first)));
        }
    }
    world.now = world.now + half;
    let late = given(&world.say(one, announce(1, &[sdp(8)]))).unwrap();
    assert!(
        !claim(1, 7).is_proven(&late, ticket(&first)),
        "it has ended"
    );
}

#[test]
fn keys_take_over_from_each_other() {
    let mut world = world();
    let mut words = Vec::new();
    for (n, keys) in [(1, vec![1]), (2, vec![1, 2]), (3, vec![2, 1]), (4, vec![2])] {
        sign_with(&mut world, &keys);
        let connection = world.open(n);
        let certificate = u8::try_from(n).unwrap();
        words.push(given(&world.say(connection, announce(n, &[sdp(certificate)]))).unwrap());
    }
    let reads = |reader: usize, n: usize| {
        let claim = claim(n as u64, u8::try_from(n).unwrap());
        claim.is_proven(&words[reader - 1], ticket(&words[n - 1]))
    };
    assert!(reads(1, 2) && reads(2, 3) && reads(3, 2) && reads(4, 3) && reads(2, 1));
    assert!(!reads(1, 3), "who has not heard of the new key yet");
    assert!(!reads(4, 2), "the old key is gone");
}

#[test]
fn who_may_have_no_peers_is_not_signed_for() {
    let mut world = world();
    let one = world.open(1);
    let policy = Policy {
        p2p: false,
        ..Policy::default()
    };
    let room = Some(HASH);
    world
        .tracker
        .handle_input(world.now, Input::Policy { room, policy });
    assert_eq!(given(&world.say(one, announce(1, &[sdp(7)]))), None);
    let policy = Policy::default();
    world
        .tracker
        .handle_input(world.now, Input::Policy { room, policy });
    assert!(given(&world.say(one, announce(1, &[sdp(7)]))).is_some());
}

/// What peers are shown moves nobody's peer id: whoever has seen it could take it over. What moves it is told to nobody,
/// and who has moved is signed for at once.
#[test]
fn a_proof_is_no_ticket_and_who_moves_with_a_ticket_has_a_new_proof() {
    let mut world = world();
    let tickets = Tickets {
        secret: b"north".to_vec(),
        life: LIFE,
    };
    let input = Input::Tickets(Some(tickets));
    world.tracker.handle_input(world.now, input);
    let lost = world.open(1);
    let sent = world.say(lost, announce(1, &[sdp(7)]));
    let proof = given(&sent).unwrap();
    let [(_, FromTracker::Announced { grants, .. })] = &sent[..] else {
        panic!("{sent:?}");
    };
    let ticket_text = grants.ticket.clone().unwrap();
    let again = world.open(2);
    let show = |ticket: &str| {
        let text = announce(1, &[sdp(9)]);
        text.replace("\"ticket\":\"\"", &format!("\"ticket\":\"{ticket}\""))
    };
    for shown in [proof.as_str(), proof.split(' ').next().unwrap()] {
        let sent = world.say(again, show(shown));
        assert!(reason(&sent).contains("announced by another connection"));
    }
    let moved = given(&world.say(again, show(&ticket_text))).unwrap();
    assert!(claim(1, 9).is_proven(&moved, ticket(&moved)));
}
