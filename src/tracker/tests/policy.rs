//! What an operator's rules do: who is told, who is introduced to whom, which rooms there may be.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(super) const KILLED: Policy = Policy {
    p2p: false,
    share_permille: WHOLE_PERMILLE,
    max_peers: None,
    upload_limit: None,
};

/// Who was told to have how many links, and to send how much.
pub(super) fn told(sent: &[(ConnectionId, FromTracker)]) -> Vec<(u64, Option<u32>, Option<u64>)> {
    let caps = |(to, message): &(ConnectionId, FromTracker)| match message {
        FromTracker::Announced {
            max_peers,
            upload_limit,
            ..
        } => Some((to.0, *max_peers, *upload_limit)),
        FromTracker::Offered { .. }
        | FromTracker::Answered { .. }
        | FromTracker::Candidate { .. }
        | FromTracker::Receipted { .. }
        | FromTracker::Failure { .. } => None,
    };
    sent.iter().filter_map(caps).collect()
}

impl World {
    fn rule(&mut self, room: Option<InfoHash>, policy: Policy) -> Vec<(ConnectionId, FromTracker)> {
        let input = Input::Policy { room, policy };
        self.tracker.handle_input(self.now, input);
        self.sent()
    }

    /// A peer that takes policies, beside those of a crowd.
    fn listener(&mut self, n: u64, hash: InfoHash) -> Vec<(ConnectionId, FromTracker)> {
        let connection = self.open(n);
        let announce = Announce {
            hash,
            takes_policy: true,
            ..Announce::of(n)
        };
        self.announce(connection, announce)
    }
}

fn asking(n: u64) -> Announce {
    Announce {
        offers: 5,
        takes_policy: n > 1,
        ..Announce::of(n)
    }
}

#[test]
fn a_kill_switch_is_told_at_once_to_those_who_take_it_and_ends_introductions_for_all() {
    let mut world = World::new(Config::default());
    world.crowd(1); // a stock client
    let sent = world.listener(2, HASH);
    assert_eq!(told(&sent), [(2, None, None)]);
    assert_eq!(
        offered(&world.announce(ConnectionId(1), asking(1))).len(),
        1
    );

    let sent = world.rule(None, KILLED);
    assert_eq!(told(&sent), [(2, Some(0), None)], "the stock client is not");
    for n in [1, 2] {
        let sent = world.announce(ConnectionId(n), asking(n));
        assert_eq!(offered(&sent), []);
        let expected = (n == 2).then_some(0);
        assert_eq!(told(&sent), [(n, expected, None)], "a stock client's reply");
    }
    assert_eq!(world.rule(None, KILLED), [], "said twice, told once");

    let sent = world.rule(None, Policy::default());
    assert_eq!(told(&sent), [(2, None, None)]);
    assert_eq!(
        offered(&world.announce(ConnectionId(2), asking(2))).len(),
        1
    );
}

#[test]
fn a_room_has_a_rule_of_its_own_and_the_stricter_counts() {
    let mut world = World::new(Config::default());
    let other = InfoHash([8; 20]);
    world.listener(1, HASH);
    world.listener(2, other);
    let few = Policy {
        max_peers: Some(4),
        upload_limit: Some(0),
        ..Policy::default()
    };
    let sent = world.rule(Some(HASH), few);
    assert_eq!(told(&sent), [(1, Some(4), Some(0))]);
    let fewer = Policy {
        max_peers: Some(3),
        ..Policy::default()
    };
    let sent = world.rule(None, fewer);
    let expected = [(1, Some(3), Some(0)), (2, Some(3), None)];
    assert_eq!(told(&sent), expected);
    assert_eq!(world.tracker.policy(Some(HASH)), few);
    let sent = world.rule(Some(HASH), Policy::default());
    assert_eq!(told(&sent), [(1, Some(3), None)]);
    assert_eq!(world.tracker.ruled_rooms().count(), 0);
}

#[test]
fn a_share_grows_without_moving_those_who_are_in() {
    let mut world = World::new(Config::default());
    for n in 1..=1_000 {
        world.listener(n, HASH);
    }
    let share = |share_permille| Policy {
        share_permille,
        ..Policy::default()
    };
    let out = |told: Vec<(u64, Option<u32>, Option<u64>)>| {
        let barred = told.iter().filter(|(_, peers, _)| *peers == Some(0));
        barred.map(|(n, ..)| *n).collect::<BTreeSet<u64>>()
    };
    let tenth = out(told(&world.rule(None, share(100))));
    assert!((850..950).contains(&tenth.len()), "{}", tenth.len());
    let sent = told(&world.rule(None, share(500)));
    assert!(
        sent.iter()
            .all(|(n, peers, _)| peers.is_none() && tenth.contains(n))
    );
    assert!((350..450).contains(&sent.len()), "{}", sent.len());
    // Who is in is introduced to those who are.
    let within = sent[0].0;
    let asked = world.announce(ConnectionId(within), asking(within));
    let barred = out(told(&world.rule(None, KILLED)));
    assert!(offered(&asked).iter().all(|(to, _)| barred.contains(&to.0)));
    assert_eq!(offered(&asked).len(), 5);
}

#[test]
fn rooms_that_are_denied_are_emptied_and_those_that_are_allowed_go_on() {
    let mut world = World::new(Config::default());
    let other = InfoHash([8; 20]);
    world.crowd(1);
    world.listener(2, HASH);
    world.listener(3, other);
    let rooms = |allow: &[InfoHash], deny: &[InfoHash]| {
        Input::Rooms(Rooms {
            allow: allow.iter().copied().collect(),
            deny: deny.iter().copied().collect(),
        })
    };
    world.tracker.handle_input(world.now, rooms(&[], &[HASH]));
    let sent = world.sent();
    assert_eq!(told(&sent), [(2, Some(0), None)]);
    let refused = |sent: &[(ConnectionId, FromTracker)]| {
        let refused = sent.iter().filter(|(_, message)| {
            matches!(message, FromTracker::Failure { reason, .. } if reason.contains("not for this"))
        });
        refused.map(|(to, _)| to.0).collect::<Vec<u64>>()
    };
    assert_eq!(refused(&sent), [1, 2]);
    assert_eq!(world.tracker.stats().peers, 1);
    assert_eq!(
        refused(&world.announce(ConnectionId(1), Announce::of(1))),
        [1]
    );

    world.tracker.handle_input(world.now, rooms(&[HASH], &[]));
    assert_eq!(refused(&world.sent()), [3]);
    let sent = world.announce(ConnectionId(1), Announce::of(1));
    assert_eq!(told(&sent), [(1, None, None)]);
    world.tracker.handle_input(world.now, rooms(&[], &[]));
    assert_eq!(world.sent(), []);
    let sent = world.announce(
        ConnectionId(3),
        Announce {
            hash: other,
            ..Announce::of(3)
        },
    );
    assert_eq!(told(&sent), [(3, None, None)]);
}
