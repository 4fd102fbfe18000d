//! What only our tracker has, as viewers take it: the kill switch, fewer links, no upload, join tokens, tickets, a
//! TURN server, late candidates.

#![allow(clippy::expect_used, reason = "a test: what cannot be is a failure")]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{Config, ConfigUpdate, Input, Source, WarningCode};
use swarmline::integrity::SecretKey;
use swarmline::tracker::{self, Policy, Tickets, TokenKey, Tokens, Turn};
use swarmline::wire::JoinToken;
use world::{LEN, Viewer, World, playlist, source_of, url, vod};

const KILLED: Policy = Policy {
    p2p: false,
    share_permille: 1_000,
    max_peers: None,
    upload_limit: None,
};

/// `count` viewers, all linked to all; the first holds segments 0 to 4.
fn swarm(count: usize) -> (World, Vec<Viewer>, String) {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let join = |world: &mut World| world.join(World::config(), &playlist(), &text);
    let viewers: Vec<Viewer> = (0..count).map(|_| join(&mut world)).collect();
    world.run_for(Duration::from_secs(10));
    for number in 0..5 {
        world.ahead(viewers[0], 0.0);
        world.fetch(viewers[0], &url(number));
    }
    for viewer in &viewers {
        assert_eq!(world.open_links(*viewer), count - 1);
    }
    (world, viewers, text)
}

fn links(world: &World, viewers: &[Viewer]) -> Vec<usize> {
    viewers
        .iter()
        .map(|viewer| world.open_links(*viewer))
        .collect()
}

/// Where the second viewer gets a segment that the first one holds, with time to spare.
fn second_gets(world: &mut World, viewers: &[Viewer], number: u64) -> Source {
    world.ahead(viewers[1], 20_000.0);
    source_of(&world.fetch(viewers[1], &url(number)))
}

#[test]
fn a_kill_switch_ends_all_links_within_two_seconds_and_playback_goes_on() {
    let (mut world, viewers, text) = swarm(3);
    assert_eq!(second_gets(&mut world, &viewers, 1), Source::Peers);
    world.rule(None, KILLED);
    world.run_for(Duration::from_secs(2));
    assert_eq!(links(&world, &viewers), [0, 0, 0]);
    let started = world.now;
    assert_eq!(second_gets(&mut world, &viewers, 4), Source::Cdn);
    let took = world.now.since(started);
    assert!(
        took < Duration::from_secs(1),
        "nobody is waited for: {took:?}"
    );
    // A newcomer links to nobody, and its second segment waits for nobody.
    let late = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.open_links(late), 0);

    world.rule(None, Policy::default());
    world.run_for(Duration::from_secs(10));
    assert!(links(&world, &viewers).iter().all(|links| *links > 0));
    assert_eq!(second_gets(&mut world, &viewers, 3), Source::Peers);
}

#[test]
fn fewer_links_are_kept_and_what_the_user_set_comes_back() {
    let (mut world, viewers, _) = swarm(4);
    let one = Policy {
        max_peers: Some(1),
        ..Policy::default()
    };
    world.rule(None, one);
    world.run_for(Duration::from_secs(2));
    assert!(links(&world, &viewers).iter().all(|links| *links <= 1));
    // The user may want less than the operator allows, not more.
    let more = ConfigUpdate {
        max_peers: Some(50),
        ..ConfigUpdate::default()
    };
    world.tell(viewers[0], Input::Config(more));
    world.run_for(Duration::from_secs(20));
    assert!(world.open_links(viewers[0]) <= 1);
    world.rule(None, Policy::default());
    world.run_for(Duration::from_secs(20));
    assert_eq!(links(&world, &viewers), [3, 3, 3, 3]);
}

#[test]
fn without_upload_nobody_is_served_until_it_is_allowed_again() {
    let (mut world, viewers, _) = swarm(2);
    let mute = Policy {
        upload_limit: Some(0),
        ..Policy::default()
    };
    world.rule(None, mute);
    world.run_for(Duration::from_secs(2));
    assert_eq!(links(&world, &viewers), [1, 1]);
    assert_eq!(second_gets(&mut world, &viewers, 1), Source::Cdn);
    world.rule(None, Policy::default());
    world.run_for(Duration::from_secs(2));
    assert_eq!(second_gets(&mut world, &viewers, 2), Source::Peers);
}

#[test]
fn what_a_tracker_said_holds_while_it_is_gone() {
    let (mut world, viewers, _) = swarm(2);
    world.rule(None, KILLED);
    world.run_for(Duration::from_secs(2));
    world.stop_tracker();
    world.run_for(Duration::from_secs(60));
    assert_eq!(links(&world, &viewers), [0, 0]);
    let unset = ConfigUpdate {
        max_peers: Some(Config::default().max_peers),
        ..ConfigUpdate::default()
    };
    world.tell(viewers[0], Input::Config(unset));
    assert_eq!(world.open_links(viewers[0]), 0);
}

#[test]
fn with_join_tokens_who_has_one_is_in_and_who_has_none_plays_alone() {
    const NOON: u64 = 1_760_000_000;
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let key = SecretKey::from_bytes(&[7; 32]);
    let known = TokenKey {
        id: "main".to_owned(),
        key: key.public_key(),
    };
    world.operate(tracker::Input::Clock { unix_s: NOON });
    world.operate(tracker::Input::Tokens(Tokens {
        are_required: true,
        keys: vec![known],
        ..Tokens::default()
    }));
    let token = JoinToken {
        room: playlist(),
        expires_s: NOON + 60,
        ..JoinToken::default()
    };
    let message = token.message(None);
    let token = JoinToken::signed(&message, &key.sign(message.as_bytes()));
    let with = |join_token: Option<&str>| Config {
        join_token: join_token.map(str::to_owned),
        ..World::config()
    };
    let tokens = [Some(token.as_str()), Some(&token), None];
    let viewers = tokens.map(|token| world.join(with(token), &playlist(), &text));
    world.run_for(Duration::from_secs(10));
    assert_eq!(links(&world, &viewers), [1, 1, 0]);
    assert!(world.has_warned(viewers[2], WarningCode::Tracker));
    assert!(!world.has_warned(viewers[0], WarningCode::Tracker));
    world.ahead(viewers[0], 0.0);
    world.fetch(viewers[0], &url(1));
    assert_eq!(second_gets(&mut world, &viewers, 1), Source::Peers);
    world.ahead(viewers[2], 20_000.0);
    let alone = world.fetch(viewers[2], &url(1));
    assert_eq!(source_of(&alone), Source::Cdn);
    // Its token expires, and nobody who is in loses anything by it.
    world.run_for(Duration::from_secs(300));
    assert_eq!(links(&world, &viewers), [1, 1, 0]);
}

#[test]
fn a_tracker_s_turn_server_reaches_the_shell_of_each_viewer() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    world.operate(tracker::Input::Clock { unix_s: 1_000 });
    world.operate(tracker::Input::Turn(Some(Turn {
        urls: vec!["turn:a.example".to_owned()],
        secret: "north".to_owned(),
        life: Duration::from_secs(600),
    })));
    let viewer = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(1));
    let first = world.viewers[viewer].relay.clone();
    let first = first.expect("it was told");
    assert!(first.contains("\"username\":\"16"), "{first}");
    // Fresh credentials come before the first ones end.
    world.run_for(Duration::from_secs(300));
    assert_ne!(world.viewers[viewer].relay, Some(first));
}

#[test]
fn candidates_that_are_found_late_reach_the_other_end() {
    for late_candidates in [true, false] {
        let mut world = World::new();
        world.late_candidates = late_candidates;
        // They cannot reach each other without.
        world.reachable = |_, _| false;
        let text = vod(&mut world, 10, LEN, true);
        let viewers = [0, 1].map(|_| world.join(World::config(), &playlist(), &text));
        world.run_for(Duration::from_secs(3));
        for (viewer, other) in [(viewers[0], viewers[1]), (viewers[1], viewers[0])] {
            let heard = &world.viewers[viewer].candidates;
            assert_eq!(!heard.is_empty(), late_candidates, "{heard:?}");
            let expected = format!("late {other}");
            assert!(heard.iter().all(|(_, text)| *text == expected), "{heard:?}");
        }
    }
}

#[test]
fn who_lost_its_socket_is_known_again_by_its_ticket() {
    for has_tickets in [true, false] {
        let mut world = World::new();
        let text = vod(&mut world, 10, LEN, true);
        world.operate(tracker::Input::Clock { unix_s: 1_000 });
        world.operate(tracker::Input::Tickets(has_tickets.then(|| Tickets {
            secret: b"north".to_vec(),
            life: Duration::from_secs(600),
        })));
        let viewers = [0, 1].map(|_| world.join(World::config(), &playlist(), &text));
        world.run_for(Duration::from_secs(3));
        assert_eq!(links(&world, &viewers), [1, 1]);
        for viewer in viewers {
            world.lose_sockets(viewer);
        }
        world.run_for(Duration::from_secs(20));
        for viewer in viewers {
            let is_refused = world.has_warned(viewer, WarningCode::Tracker);
            assert_eq!(is_refused, !has_tickets, "as somebody else's peer id");
        }
        // Both are where newcomers find them.
        let late = world.join(World::config(), &playlist(), &text);
        world.run_for(Duration::from_secs(5));
        assert_eq!(world.open_links(late) == 2, has_tickets);
    }
}
