//! Join tokens: who is let in, who is told why not, and what stays when rules change.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::integrity::SecretKey;
use crate::wire::{JoinToken, room_of};

const NOON: u64 = 1_760_000_000;

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32])
}

fn known(n: u8) -> TokenKey {
    TokenKey {
        id: format!("key {n}"),
        key: key(n).public_key(),
    }
}

fn required(keys: &[u8]) -> Tokens {
    Tokens {
        are_required: true,
        keys: keys.iter().map(|n| known(*n)).collect(),
        ..Tokens::default()
    }
}

fn token() -> JoinToken {
    JoinToken {
        room: HASH.0.iter().map(|byte| format!("{byte:02x}")).collect(),
        expires_s: NOON + 600,
        ..JoinToken::default()
    }
}

fn signed(token: &JoinToken, n: u8, id: Option<&str>) -> String {
    let message = token.message(id);
    JoinToken::signed(&message, &key(n).sign(message.as_bytes()))
}

/// An announce with a token.
fn with(n: u64, token: &str) -> Announce {
    let extensions = Extensions {
        token: Some(token.to_owned()),
        ..Extensions::default()
    };
    Announce {
        extensions,
        ..Announce::of(n)
    }
}

fn world(tokens: Tokens) -> World {
    let mut world = World::new(Config::default());
    let now = world.now;
    world
        .tracker
        .handle_input(now, Input::Clock { unix_s: NOON });
    world.tracker.handle_input(now, Input::Tokens(tokens));
    world
}

fn peers(world: &mut World) -> u32 {
    scrape(world, &[HASH]).iter().map(|row| row.1 + row.2).sum()
}

fn warning(sent: &[(ConnectionId, FromTracker)]) -> Option<&str> {
    let [(_, FromTracker::Announced { warning, .. })] = sent else {
        panic!("not one answer: {sent:?}");
    };
    warning.as_deref()
}

#[test]
fn who_shows_a_token_that_counts_is_in_and_named() {
    let mut world = world(required(&[1, 2]));
    let named = JoinToken {
        subject: Some("anna".to_owned()),
        ..token()
    };
    for (n, text) in [
        (1, signed(&named, 1, Some("key 1"))),
        (2, signed(&named, 2, Some("key 2"))),
        (3, signed(&named, 2, None)),
    ] {
        let connection = world.open(n);
        let sent = world.announce(connection, with(n, &text));
        assert_eq!(warning(&sent), None);
        assert_eq!(world.tracker.subject(connection, HASH), Some("anna"));
    }
    assert_eq!(peers(&mut world), 3);
    // By its name as by its hash.
    let by_name = JoinToken {
        room: "my stream".to_owned(),
        ..token()
    };
    let connection = world.open(4);
    let announce = Announce {
        hash: room_of("my stream"),
        ..with(4, &signed(&by_name, 1, None))
    };
    assert_eq!(warning(&world.announce(connection, announce)), None);
}

#[test]
fn who_shows_none_or_one_that_does_not_count_is_told_why() {
    let long = required(&[1]).life_max.as_secs();
    let change = |edit: &dyn Fn(&mut JoinToken)| {
        let mut changed = token();
        edit(&mut changed);
        signed(&changed, 1, None)
    };
    let good = signed(&token(), 1, None);
    let (message, _) = good.rsplit_once('.').unwrap();
    let cases = [
        ("nonsense".to_owned(), "cannot be read: it is no JWT"),
        (signed(&token(), 2, None), "not signed by a key"),
        (signed(&token(), 1, Some("key 9")), "names a key"),
        (signed(&token(), 2, Some("key 1")), "not signed by a key"),
        (JoinToken::signed(message, &[0; 64]), "not signed by a key"),
        (change(&|it| it.room = "other".to_owned()), "another stream"),
        (change(&|it| it.expires_s = NOON - 60), "has expired"),
        (
            change(&|it| it.expires_s = NOON + long + 61),
            "ends more than 86400 s",
        ),
        (
            change(&|it| it.expires_s *= 1_000),
            "ends more than 86400 s",
        ),
        (
            change(&|it| it.not_before_s = Some(NOON + 61)),
            "not valid yet",
        ),
        (
            change(&|it| it.origin = Some("https://b.example".to_owned())),
            "another origin",
        ),
    ];
    let mut world = world(required(&[1]));
    for (n, (text, expected)) in (1..).zip(cases) {
        let visitor = Visitor {
            origin: Some("https://a.example".to_owned()),
            ..Visitor::default()
        };
        let connection = world.open_as(n, visitor);
        let sent = world.announce(connection, with(n, &text));
        assert!(reason(&sent).contains(expected), "{text}: {sent:?}");
        let sent = world.announce(connection, Announce::of(n));
        assert!(reason(&sent).contains("asks for a join token"), "{sent:?}");
    }
    assert_eq!(peers(&mut world), 0);
    assert!(world.closed().is_empty(), "a refusal ends no connection");
    // Twins at the edges, and for the page it was made for.
    let twins = [
        change(&|it| it.expires_s = NOON - 59),
        change(&|it| it.expires_s = NOON + long + 60),
        change(&|it| it.not_before_s = Some(NOON + 60)),
        change(&|it| it.origin = Some("https://A.example".to_owned())),
    ];
    for (n, text) in (101..).zip(twins) {
        let visitor = Visitor {
            origin: Some("https://a.example".to_owned()),
            ..Visitor::default()
        };
        let connection = world.open_as(n, visitor);
        assert_eq!(warning(&world.announce(connection, with(n, &text))), None);
    }
    assert_eq!(peers(&mut world), 4);
}

#[test]
fn who_is_in_stays_in_while_it_is_connected() {
    let mut world = world(required(&[1]));
    let (text, connection) = (signed(&token(), 1, None), world.open(1));
    world.announce(connection, with(1, &text));
    for _ in 0..10 {
        world.pass(Duration::from_secs(120));
        // Twenty minutes: it has expired long since.
        assert_eq!(warning(&world.announce(connection, with(1, &text))), None);
        assert_eq!(warning(&world.announce(connection, Announce::of(1))), None);
    }
    // It holds for this connection and this room only.
    let elsewhere = Announce {
        hash: InfoHash([8; 20]),
        ..with(1, &text)
    };
    let sent = world.announce(connection, elsewhere);
    assert!(reason(&sent).contains("another stream"), "{sent:?}");
    let other = world.open(2);
    let sent = world.announce(other, with(2, &text));
    assert!(reason(&sent).contains("has expired"), "{sent:?}");
    let goodbye = Announce {
        event: Some("stopped"),
        ..Announce::of(1)
    };
    world.announce(connection, goodbye);
    let sent = world.announce(connection, Announce::of(1));
    assert!(reason(&sent).contains("asks for a join token"), "{sent:?}");
}

#[test]
fn a_bad_token_in_place_of_a_good_one_takes_out() {
    let mut world = world(required(&[1]));
    let connection = world.open(1);
    world.announce(connection, with(1, &signed(&token(), 1, None)));
    assert_eq!(peers(&mut world), 1);
    let sent = world.announce(connection, with(1, &signed(&token(), 2, None)));
    assert!(reason(&sent).contains("not signed"), "{sent:?}");
    assert_eq!(peers(&mut world), 0);
}

#[test]
fn without_a_clock_no_token_is_in_time() {
    let mut world = World::new(Config::default());
    let input = Input::Tokens(required(&[1]));
    world.tracker.handle_input(world.now, input);
    let connection = world.open(1);
    let sent = world.announce(connection, with(1, &signed(&token(), 1, None)));
    assert!(reason(&sent).contains("has expired"), "{sent:?}");
}

#[test]
fn where_tokens_are_open_a_bad_one_is_a_warning_and_names_nobody() {
    let named = JoinToken {
        subject: Some("anna".to_owned()),
        ..token()
    };
    let tokens = Tokens {
        are_required: false,
        ..required(&[1])
    };
    let mut world = world(tokens);
    let connections: Vec<ConnectionId> = (1..=3).map(|n| world.open(n)).collect();
    let sent = world.announce(connections[0], with(1, &signed(&named, 2, None)));
    assert!(warning(&sent).unwrap().contains("not signed"), "{sent:?}");
    let sent = world.announce(connections[1], with(2, &signed(&named, 1, None)));
    assert_eq!(warning(&sent), None);
    let sent = world.announce(connections[2], Announce::of(3));
    assert_eq!(warning(&sent), None);
    let subject = |it: &ConnectionId| world.tracker.subject(*it, HASH);
    let subjects: Vec<Option<&str>> = connections.iter().map(subject).collect();
    assert_eq!(subjects, [None, Some("anna"), None]);
    assert_eq!(peers(&mut world), 3);
    // Who knows no keys asks for nothing.
    let tokens = Tokens::default();
    let now = world.now;
    world.tracker.handle_input(now, Input::Tokens(tokens));
    let sent = world.announce(connections[0], with(1, "nonsense"));
    assert_eq!(warning(&sent), None);
}

#[test]
fn when_tokens_are_asked_for_who_has_shown_none_is_taken_out_and_who_has_stays() {
    let mut world = world(Tokens {
        are_required: false,
        ..required(&[1])
    });
    let (with_token, without) = (world.open(1), world.open(2));
    world.announce(with_token, with(1, &signed(&token(), 1, None)));
    world.announce(without, Announce::of(2));
    let now = world.now;
    world
        .tracker
        .handle_input(now, Input::Tokens(required(&[1])));
    let sent = world.sent();
    assert_eq!(sent[0].0, without);
    assert!(reason(&sent).contains("asks for a join token"), "{sent:?}");
    assert_eq!(peers(&mut world), 1);
    // Another key takes over: who is in stays in, newcomers need the new one.
    world
        .tracker
        .handle_input(now, Input::Tokens(required(&[2])));
    assert!(world.sent().is_empty());
    assert_eq!(peers(&mut world), 1);
    let sent = world.announce(without, with(2, &signed(&token(), 1, None)));
    assert!(reason(&sent).contains("not signed"), "{sent:?}");
    let sent = world.announce(without, with(2, &signed(&token(), 2, None)));
    assert_eq!(warning(&sent), None);
}

#[test]
fn what_was_granted_goes_with_its_connection() {
    let mut world = world(required(&[1]));
    let text = signed(&token(), 1, None);
    for n in 1..=20 {
        let connection = world.open(n);
        world.announce(connection, with(n, &text));
        let now = world.now;
        world
            .tracker
            .handle_input(now, Input::Closed { connection });
    }
    assert_eq!(peers(&mut world), 0);
    assert_eq!(world.tracker.admissions.len(), 0);
}
