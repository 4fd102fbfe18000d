//! Who is counted, who is refused, who is forgotten.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_peer_id_belongs_to_the_connection_that_announced_it_until_that_closes() {
    let mut world = World::new(Config::default());
    world.crowd(2);
    let thief = world.open(9);
    let sent = world.announce(thief, Announce::of(1));
    assert!(reason(&sent).contains("another connection"));
    let sent = world.announce(
        thief,
        Announce {
            event: Some("stopped"),
            ..Announce::of(1)
        },
    );
    assert!(reason(&sent).contains("another connection"));
    assert_eq!(scrape(&mut world, &[HASH]), [(HASH, 0, 2, 0)]);

    let connection = ConnectionId(1);
    world
        .tracker
        .handle_input(world.now, Input::Closed { connection });
    assert_eq!(scrape(&mut world, &[HASH]), [(HASH, 0, 1, 0)]);
    let sent = world.announce(thief, Announce::of(1));
    assert!(matches!(
        sent[0].1,
        FromTracker::Announced { incomplete: 2, .. }
    ));
}

#[test]
fn a_new_peer_id_on_the_same_connection_replaces_the_former() {
    let mut world = World::new(Config::default());
    let connection = world.open(1);
    world.announce(connection, Announce::of(1));
    let sent = world.announce(connection, Announce::of(2));
    assert!(matches!(
        sent[0].1,
        FromTracker::Announced { incomplete: 1, .. }
    ));
}

#[test]
fn seeders_completions_and_stops_are_counted() {
    let mut world = World::new(Config::default());
    world.crowd(3);
    let seed = Announce {
        left: Some(0),
        ..Announce::of(1)
    };
    world.announce(ConnectionId(1), seed);
    let completed = Announce {
        event: Some("completed"),
        left: None,
        ..Announce::of(2)
    };
    world.announce(ConnectionId(2), completed.clone());
    world.announce(ConnectionId(2), completed); // said twice, counted once
    assert_eq!(scrape(&mut world, &[HASH]), [(HASH, 2, 1, 1)]);
    let stopped = Announce {
        event: Some("stopped"),
        ..Announce::of(1)
    };
    let sent = world.announce(ConnectionId(1), stopped);
    assert!(matches!(
        sent[0].1,
        FromTracker::Announced {
            complete: 1,
            incomplete: 1,
            ..
        }
    ));
    let nobody = InfoHash([9; 20]);
    assert_eq!(
        scrape(&mut world, &[nobody, HASH]),
        [(nobody, 0, 0, 0), (HASH, 1, 1, 1)]
    );
}

#[test]
fn silent_peers_age_out_and_silent_connections_are_closed() {
    let mut world = World::new(Config::default());
    world.crowd(2);
    let mute = world.open(3);
    world.pass(Duration::from_secs(75));
    assert_eq!(world.closed(), [(mute, CloseReason::Idle)]);

    // Peer 1 leaves a second swarm without a word, peer 2 keeps announcing in one.
    let second = InfoHash([8; 20]);
    world.announce(
        ConnectionId(1),
        Announce {
            hash: second,
            ..Announce::of(1)
        },
    );
    for _ in 0..3 {
        world.pass(Duration::from_secs(120));
        world.announce(ConnectionId(2), Announce::of(2));
    }
    assert_eq!(world.closed(), [(ConnectionId(1), CloseReason::Idle)]);
    assert_eq!(scrape(&mut world, &[HASH, second])[1], (second, 0, 0, 0));
    assert_eq!(world.tracker.stats().peers, 1);
    // Nobody left: nothing to wake for.
    for connection in [1, 2, u64::MAX].map(ConnectionId) {
        world
            .tracker
            .handle_input(world.now, Input::Closed { connection });
    }
    world.pass(Duration::from_secs(3_600));
    assert_eq!(world.tracker.next_timeout(), None);
    let stats = world.tracker.stats();
    assert_eq!((stats.connections, stats.swarms, stats.peers), (0, 0, 0));
}

#[test]
fn a_peer_that_keeps_announcing_elsewhere_is_still_forgotten_where_it_is_silent() {
    let mut world = World::new(Config::default());
    let one = world.open(1);
    let second = InfoHash([8; 20]);
    world.announce(one, Announce::of(1));
    world.announce(
        one,
        Announce {
            hash: second,
            ..Announce::of(1)
        },
    );
    for _ in 0..3 {
        world.pass(Duration::from_secs(120));
        world.announce(one, Announce::of(1));
    }
    let rows = scrape(&mut world, &[HASH, second]);
    assert_eq!(rows, [(HASH, 0, 1, 0), (second, 0, 0, 0)]);
}

#[test]
fn limits_are_said_and_hold() {
    let mut world = World::new(Config {
        swarms_per_connection_max: 2,
        peers_max: 3,
        connections_max: 4,
        offers_per_announce_max: 2,
        offers_awaited_max: 2,
        message_bytes_max: 4_000,
        nonsense_max: 2,
        ..Config::default()
    });
    world.crowd(3);
    let swarm = |n: u8| Announce {
        hash: InfoHash([n; 20]),
        ..Announce::of(1)
    };
    let sent = world.announce(ConnectionId(1), swarm(1));
    assert!(reason(&sent).contains("full (3 peers)"), "{sent:?}");
    let stopped = Announce {
        event: Some("stopped"),
        ..Announce::of(3)
    };
    world.announce(ConnectionId(3), stopped);
    world.announce(ConnectionId(1), swarm(1));
    let sent = world.announce(ConnectionId(1), swarm(2));
    assert!(reason(&sent).contains("may be in 2 swarms"), "{sent:?}");

    world.announce(
        ConnectionId(1),
        Announce {
            event: Some("stopped"),
            ..swarm(1)
        },
    );
    world.announce(ConnectionId(3), Announce::of(3));
    let sent = world.announce(
        ConnectionId(1),
        Announce {
            offers: 9,
            ..Announce::of(1)
        },
    );
    assert_eq!(offered(&sent).len(), 2);

    let four = world.open(4);
    world.open(5);
    assert_eq!(world.closed(), [(ConnectionId(5), CloseReason::Full)]);
    let text = " ".repeat(4_001);
    world.tracker.handle_input(
        world.now,
        Input::Message {
            connection: four,
            text,
        },
    );
    assert_eq!(world.closed(), [(four, CloseReason::TooLong)]);
    assert!(
        world.say(four, Announce::of(4).text()).is_empty(),
        "closed connections are mute"
    );

    for _ in 0..2 {
        assert!(reason(&world.say(ConnectionId(2), "{}".into())).contains("action"));
    }
    let connection = ConnectionId(2);
    let text = "garbage".to_owned();
    world
        .tracker
        .handle_input(world.now, Input::Message { connection, text });
    assert_eq!(world.closed(), [(connection, CloseReason::Nonsense)]);
}

#[test]
fn a_full_swarm_takes_nobody_else_and_others_go_on() {
    let mut world = World::new(Config {
        peers_per_swarm_max: 2,
        ..Config::default()
    });
    world.crowd(2);
    let third = world.open(3);
    let sent = world.announce(third, Announce::of(3));
    assert!(
        reason(&sent).contains("this swarm is full (2 peers)"),
        "{sent:?}"
    );
    // Those who are in are heard, and another swarm has room.
    let sent = world.announce(ConnectionId(1), Announce::of(1));
    assert!(matches!(&sent[..], [(_, FromTracker::Announced { .. })]));
    let hash = InfoHash([8; 20]);
    let sent = world.announce(
        third,
        Announce {
            hash,
            ..Announce::of(3)
        },
    );
    assert!(matches!(&sent[..], [(_, FromTracker::Announced { .. })]));
    world.tracker.handle_input(
        world.now,
        Input::Closed {
            connection: ConnectionId(1),
        },
    );
    let sent = world.announce(third, Announce::of(3));
    assert!(matches!(&sent[..], [(_, FromTracker::Announced { .. })]));
}

#[test]
fn a_full_scrape_is_refused_in_words() {
    let mut world = World::new(Config::default());
    let one = world.open(1);
    let sent = world.say(one, r#"{"action":"scrape"}"#.into());
    assert!(reason(&sent).contains("name up to 255"));
}

/// Counts and places stay right under any order of joins, stops and closes; equal seeds, equal runs.
#[test]
fn a_long_random_run_keeps_its_counts_and_repeats() {
    let run = || {
        let mut world = World::new(Config::default());
        let mut chance = Rng::new(42);
        let mut trace = Vec::new();
        for _ in 0..4_000 {
            let n = u64::from(chance.below(30)) + 1;
            let connection = ConnectionId(n);
            let announce = Announce {
                hash: InfoHash([chance.next_u32().to_le_bytes()[0] % 3; 20]),
                left: [None, Some(0), Some(9)][chance.below(3) as usize],
                event: [None, Some("stopped"), Some("completed")][chance.below(3) as usize],
                offers: 3,
                ..Announce::of(n)
            };
            match chance.below(10) {
                0 => world
                    .tracker
                    .handle_input(world.now, Input::Closed { connection }),
                1 => world.pass(Duration::from_secs(7)),
                _ => {
                    if !world.tracker.connections.contains_key(&connection) {
                        world.open(n);
                    }
                    trace.extend(world.announce(connection, announce));
                }
            }
            while world.tracker.poll_output().is_some() {}
            let joined = world.tracker.connections.values().map(|it| it.swarms.len());
            assert_eq!(world.tracker.registry.len(), joined.sum::<usize>());
        }
        let rows = scrape(&mut world, &[0, 1, 2].map(|n| InfoHash([n; 20])));
        let counted: u32 = rows
            .iter()
            .map(|(_, complete, incomplete, _)| complete + incomplete)
            .sum();
        assert_eq!(
            usize::try_from(counted).unwrap(),
            world.tracker.stats().peers
        );
        assert!(counted > 0);
        trace
    };
    assert_eq!(run(), run());
}
