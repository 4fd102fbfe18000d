//! Tickets: a viewer on another connection is the same one, and nobody else is.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::integrity::SecretKey;
use crate::wire::JoinToken;

const NOON: u64 = 1_760_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

fn world() -> World {
    let mut world = World::new(Config::default());
    let tickets = Tickets {
        secret: b"north".to_vec(),
        life: HOUR,
    };
    for input in [Input::Clock { unix_s: NOON }, Input::Tickets(Some(tickets))] {
        world.tracker.handle_input(world.now, input);
    }
    world
}

fn with(n: u64, ticket: Option<&str>, token: Option<&str>) -> Announce {
    Announce {
        extensions: Extensions {
            ticket: ticket.map(str::to_owned),
            token: token.map(str::to_owned),
            ..Extensions::default()
        },
        ..Announce::of(n)
    }
}

fn given(sent: &[(ConnectionId, FromTracker)]) -> Option<String> {
    let [(_, FromTracker::Announced { grants, .. })] = sent else {
        panic!("not one answer: {sent:?}");
    };
    grants.ticket.clone()
}

fn peers(world: &mut World) -> u32 {
    scrape(world, &[HASH]).iter().map(|row| row.1 + row.2).sum()
}

#[test]
fn a_peer_moves_to_another_connection_with_its_ticket_only() {
    let mut world = world();
    let lost = world.open(1);
    assert_eq!(
        given(&world.announce(lost, Announce::of(1))),
        None,
        "nobody asked"
    );
    let ticket = given(&world.announce(lost, with(1, Some(""), None))).unwrap();
    let others = world.open(2);
    let theirs = given(&world.announce(others, with(2, Some(""), None))).unwrap();

    let again = world.open(3);
    for wrong in [None, Some(""), Some("nonsense"), Some(theirs.as_str())] {
        let sent = world.announce(again, with(1, wrong, None));
        assert!(
            reason(&sent).contains("announced by another connection"),
            "{sent:?}"
        );
    }
    let renewed = given(&world.announce(again, with(1, Some(&ticket), None)));
    assert!(renewed.is_some());
    assert_eq!(peers(&mut world), 2);
    // It is the new connection's now, also when the lost one is noticed, or speaks again.
    let sent = world.announce(lost, Announce::of(1));
    assert!(
        reason(&sent).contains("announced by another connection"),
        "{sent:?}"
    );
    let closed = Input::Closed { connection: lost };
    world.tracker.handle_input(world.now, closed);
    assert_eq!(peers(&mut world), 2);
    let sent = world.announce(
        others,
        Announce {
            offers: 1,
            ..Announce::of(2)
        },
    );
    assert_eq!(offered(&sent)[0].0, again);
}

#[test]
fn a_ticket_ends_and_is_renewed_with_each_announce() {
    let mut world = world();
    let one = world.open(1);
    let first = given(&world.announce(one, with(1, Some(""), None))).unwrap();
    let mut last = first.clone();
    for _ in 0..4 {
        world.pass(Duration::from_secs(240));
        last = given(&world.announce(one, with(1, Some(&last), None))).unwrap();
    }
    world.pass(HOUR - Duration::from_secs(4 * 240) - Duration::from_secs(1));
    // Its connection was idle for too long meanwhile; the first ticket has a second left.
    let two = world.open(2);
    assert!(given(&world.announce(two, with(1, Some(&first), None))).is_some());
    world.pass(Duration::from_secs(1));
    let three = world.open(3);
    let sent = world.announce(three, with(1, Some(&first), None));
    assert!(
        reason(&sent).contains("announced by another connection"),
        "{sent:?}"
    );
    assert!(given(&world.announce(three, with(1, Some(&last), None))).is_some());
}

#[test]
fn who_was_admitted_is_admitted_again_when_its_token_has_ended() {
    let mut world = world();
    let key = SecretKey::from_bytes(&[7; 32]);
    let tokens = Tokens {
        are_required: true,
        keys: vec![TokenKey {
            id: "main".to_owned(),
            key: key.public_key(),
        }],
        ..Tokens::default()
    };
    world.tracker.handle_input(world.now, Input::Tokens(tokens));
    let token = JoinToken {
        room: HASH.0.iter().map(|byte| format!("{byte:02x}")).collect(),
        expires_s: NOON + 60,
        subject: Some("anna".to_owned()),
        ..JoinToken::default()
    };
    let message = token.message(None);
    let token = JoinToken::signed(&message, &key.sign(message.as_bytes()));
    let one = world.open(1);
    let ticket = given(&world.announce(one, with(1, Some(""), Some(&token)))).unwrap();
    world.pass(Duration::from_secs(200));
    let two = world.open(2);
    let sent = world.announce(two, with(2, Some(&ticket), Some(&token)));
    assert!(
        reason(&sent).contains("has expired"),
        "another peer's ticket: {sent:?}"
    );
    let renewed = given(&world.announce(two, with(1, Some(&ticket), Some(&token)))).unwrap();
    assert_eq!(world.tracker.subject(two, HASH), Some("anna"));
    // And again from that one: whom it names goes with it.
    let three = world.open(3);
    world.announce(three, with(1, Some(&renewed), None));
    assert_eq!(world.tracker.subject(three, HASH), Some("anna"));
    assert_eq!(world.tracker.subject(two, HASH), None);
}
