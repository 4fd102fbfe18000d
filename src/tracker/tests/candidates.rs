//! Late candidates: between two who were introduced, either way, a few, to who takes them.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn takes(n: u64, offers: usize) -> Announce {
    Announce {
        offers,
        extensions: Extensions {
            takes_candidates: true,
            ..Extensions::default()
        },
        ..Announce::of(n)
    }
}

fn candidate(from: u64, to: u64) -> String {
    let message = ToTracker::Candidate {
        info_hash: HASH,
        peer: peer(from),
        to_peer: peer(to),
        candidate: r#"{"candidate":"x"}"#.into(),
    };
    message.encode()
}

/// Whose candidates went to whom.
fn passed(sent: &[(ConnectionId, FromTracker)]) -> Vec<(ConnectionId, PeerId)> {
    let one = |(to, message): &(ConnectionId, FromTracker)| match message {
        FromTracker::Candidate {
            peer, candidate, ..
        } => {
            assert_eq!(candidate.text(), r#"{"candidate":"x"}"#);
            Some((*to, *peer))
        }
        FromTracker::Announced { .. }
        | FromTracker::Offered { .. }
        | FromTracker::Answered { .. }
        | FromTracker::Receipted { .. }
        | FromTracker::Failure { .. } => None,
    };
    sent.iter().filter_map(one).collect()
}

/// Peer 1 with an offer to peer 2; peer 3 is nobody's. Those who take candidates, and say so.
fn world(takers: &[u64]) -> World {
    let mut world = World::new(Config::default());
    for n in [2, 1] {
        let connection = world.open(n);
        let announce = Announce {
            offers: usize::from(n == 1),
            extensions: Extensions {
                takes_candidates: takers.contains(&n),
                ..Extensions::default()
            },
            ..Announce::of(n)
        };
        let sent = world.announce(connection, announce);
        let told = sent.iter().any(|(to, message)| {
            *to == connection
                && matches!(message, FromTracker::Announced { grants, .. } if grants.takes_candidates)
        });
        assert_eq!(
            told,
            takers.contains(&n),
            "only who takes them hears that the tracker does"
        );
    }
    let connection = world.open(3);
    world.announce(connection, takes(3, 0));
    world
}

#[test]
fn candidates_pass_either_way_before_and_after_the_answer() {
    let mut world = world(&[1, 2]);
    let [one, two] = [1, 2].map(ConnectionId);
    for _ in 0..2 {
        assert_eq!(passed(&world.say(one, candidate(1, 2))), [(two, peer(1))]);
        assert_eq!(passed(&world.say(two, candidate(2, 1))), [(one, peer(2))]);
        world.say(two, answer(2, 1, "offer 0"));
    }
    world.pass(Config::default().offer_age);
    assert_eq!(passed(&world.say(one, candidate(1, 2))), []);
    assert_eq!(passed(&world.say(two, candidate(2, 1))), []);
}

#[test]
fn nothing_passes_between_strangers_or_under_another_name() {
    let mut world = world(&[1, 2]);
    for (speaker, from, to) in [(3, 3, 1), (3, 3, 2), (1, 1, 3), (1, 1, 1), (1, 1, 9)] {
        let sent = world.say(ConnectionId(speaker), candidate(from, to));
        assert!(sent.is_empty(), "{from} to {to}: {sent:?}");
    }
    let sent = world.say(ConnectionId(3), candidate(1, 2));
    assert!(reason(&sent).contains("before you speak"), "{sent:?}");
}

#[test]
fn who_does_not_take_them_hears_nothing() {
    let mut world = world(&[1]);
    assert!(world.say(ConnectionId(1), candidate(1, 2)).is_empty());
    let back = world.say(ConnectionId(2), candidate(2, 1));
    assert_eq!(passed(&back), [(ConnectionId(1), peer(2))]);
}

#[test]
fn a_flood_of_candidates_ends() {
    let mut world = world(&[1, 2]);
    let mut count = 0;
    for _ in 0..200 {
        count += passed(&world.say(ConnectionId(1), candidate(1, 2))).len();
        count += passed(&world.say(ConnectionId(2), candidate(2, 1))).len();
    }
    assert_eq!(count, 60);
    // The introduction itself is not hurt.
    let sent = world.say(ConnectionId(2), answer(2, 1, "offer 0"));
    assert!(matches!(sent[0].1, FromTracker::Answered { .. }));
}
