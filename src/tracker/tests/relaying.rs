//! Which offer goes to whom, and which answer passes.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn each_offer_goes_to_a_different_other_peer() {
    let mut world = World::new(Config::default());
    world.crowd(8);
    let mut reached = BTreeSet::new();
    for _ in 0..60 {
        let sent = world.announce(
            ConnectionId(3),
            Announce {
                offers: 5,
                ..Announce::of(3)
            },
        );
        let first = &sent[0];
        let FromTracker::Announced {
            interval_s,
            complete,
            incomplete,
            ..
        } = first.1
        else {
            panic!("{first:?}");
        };
        assert_eq!(
            (first.0, interval_s, complete, incomplete),
            (ConnectionId(3), 120, 0, 8)
        );
        let to: Vec<ConnectionId> = offered(&sent).into_iter().map(|(to, _)| to).collect();
        let unique: BTreeSet<ConnectionId> = to.iter().copied().collect();
        assert_eq!((to.len(), unique.len()), (5, 5));
        reached.extend(unique);
    }
    // Everybody but the announcer, sooner or later.
    let others = (1..=8).filter(|n| *n != 3).map(ConnectionId);
    assert_eq!(reached, others.collect());
}

#[test]
fn more_offers_than_peers_are_left_over_and_a_lone_peer_gets_none() {
    let mut world = World::new(Config::default());
    let one = world.open(1);
    assert_eq!(
        world
            .announce(
                one,
                Announce {
                    offers: 5,
                    ..Announce::of(1)
                }
            )
            .len(),
        1
    );
    world.crowd(3);
    let sent = world.announce(
        one,
        Announce {
            offers: 5,
            ..Announce::of(1)
        },
    );
    assert_eq!(offered(&sent).len(), 2);
}

#[test]
fn an_answer_passes_once_and_only_from_whom_it_is_awaited() {
    let mut world = World::new(Config::default());
    world.crowd(3);
    let sent = world.announce(
        ConnectionId(1),
        Announce {
            offers: 1,
            ..Announce::of(1)
        },
    );
    let (to, offer_id) = offered(&sent).remove(0);
    let other = ConnectionId(if to.0 == 2 { 3 } else { 2 });

    let sent = world.say(other, answer(other.0, 1, &offer_id));
    assert!(reason(&sent).contains("nobody awaits"));
    // Under the right name, from the wrong connection.
    let sent = world.say(other, answer(to.0, 1, &offer_id));
    assert!(reason(&sent).contains("before you speak"));

    let expected = FromTracker::Answered {
        info_hash: HASH,
        peer: peer(to.0),
        offer_id: offer_id.clone(),
        sdp: "answer".into(),
    };
    let sent = world.say(to, answer(to.0, 1, &offer_id));
    assert_eq!(sent, [(ConnectionId(1), expected)]);
    let sent = world.say(to, answer(to.0, 1, &offer_id));
    assert!(reason(&sent).contains("nobody awaits"));
}

#[test]
fn an_answer_that_comes_too_late_is_refused() {
    let mut world = World::new(Config::default());
    world.crowd(2);
    world.announce(
        ConnectionId(1),
        Announce {
            offers: 1,
            ..Announce::of(1)
        },
    );
    world.pass(Config::default().offer_age);
    let sent = world.say(ConnectionId(2), answer(2, 1, "offer 0"));
    assert!(reason(&sent).contains("nobody awaits"));
}

#[test]
fn a_stopped_peer_gets_no_offers_and_gives_none() {
    let mut world = World::new(Config::default());
    world.crowd(2);
    let stopped = Announce {
        event: Some("stopped"),
        offers: 3,
        ..Announce::of(2)
    };
    assert!(offered(&world.announce(ConnectionId(2), stopped)).is_empty());
    let sent = world.announce(
        ConnectionId(1),
        Announce {
            offers: 3,
            ..Announce::of(1)
        },
    );
    assert!(offered(&sent).is_empty());
}
