//! TURN credentials: to whom, and when.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

const NOON: u64 = 1_760_000_000;

fn takes(n: u64, takes_turn: bool) -> Announce {
    Announce {
        extensions: Extensions {
            takes_turn,
            ..Extensions::default()
        },
        ..Announce::of(n)
    }
}

fn given(sent: &[(ConnectionId, FromTracker)]) -> Option<&str> {
    let [(_, FromTracker::Announced { grants, .. })] = sent else {
        panic!("not one answer: {sent:?}");
    };
    grants.turn.as_deref()
}

#[test]
fn who_takes_it_is_given_its_own_which_ends_later_with_each_announce() {
    let mut world = World::new(Config::default());
    let turn = Turn {
        urls: vec!["turn:a.example".to_owned()],
        secret: "north".to_owned(),
        life: Duration::from_secs(600),
    };
    world
        .tracker
        .handle_input(world.now, Input::Turn(Some(turn)));
    let (anna, ben) = (world.open(1), world.open(2));
    assert_eq!(
        given(&world.announce(anna, takes(1, true))),
        None,
        "no clock yet"
    );
    let clock = Input::Clock { unix_s: NOON };
    world.tracker.handle_input(world.now, clock);
    assert_eq!(given(&world.announce(anna, takes(1, false))), None);
    let user = |world: &mut World, connection, n| {
        let sent = world.announce(connection, takes(n, true));
        let server: serde_json::Value = serde_json::from_str(given(&sent).unwrap()).unwrap();
        server["username"].as_str().unwrap().to_owned()
    };
    let until = |user: &str| user.split(':').next().unwrap().parse::<u64>().unwrap();
    let (annas, bens) = (user(&mut world, anna, 1), user(&mut world, ben, 2));
    assert_ne!(annas, bens);
    assert_eq!((until(&annas), until(&bens)), (NOON + 600, NOON + 600));
    world.pass(Duration::from_secs(120));
    assert_eq!(until(&user(&mut world, anna, 1)), NOON + 720);
    world.tracker.handle_input(world.now, Input::Turn(None));
    assert_eq!(given(&world.announce(anna, takes(1, true))), None);
}
