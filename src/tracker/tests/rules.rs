//! Rules for some viewers: whom they reach, and whom they do not.

use super::policy::{KILLED, told};
use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const OTHER: InfoHash = InfoHash([8; 20]);

/// A viewer that takes policies; a room, an address, a country and a provider.
fn viewer(world: &mut World, n: u64, hash: InfoHash, (address, place): (&str, Place)) {
    let visitor = Visitor {
        address: address.parse().ok(),
        place,
        ..Visitor::default()
    };
    let connection = world.open_as(n, visitor);
    let announce = Announce {
        hash,
        takes_policy: true,
        ..Announce::of(n)
    };
    world.announce(connection, announce);
}

fn place(asn: u32, country: [u8; 2]) -> Place {
    Place {
        asn: Some(asn),
        country: Some(country),
    }
}

/// Three viewers: at home, abroad in another room, and one of whom nothing is known.
fn three() -> World {
    let mut world = World::new(Config::default());
    let home = ("192.0.2.7", place(64_500, *b"AT"));
    let abroad = ("2001:db8:1:2::", place(64_501, *b"DE"));
    viewer(&mut world, 1, HASH, home);
    viewer(&mut world, 2, OTHER, abroad);
    viewer(&mut world, 3, HASH, ("", Place::default()));
    world
}

fn rule(world: &mut World, rules: &[(&Scope, Policy)]) -> Vec<(u64, Option<u32>, Option<u64>)> {
    let rules = rules
        .iter()
        .map(|(scope, policy)| ((*scope).clone(), *policy));
    let input = Input::Rules(rules.collect());
    world.tracker.handle_input(world.now, input);
    told(&world.sent())
}

fn block(address: &str, bits: u8) -> Block {
    Block {
        address: address.parse().unwrap(),
        bits,
    }
}

fn scope(rooms: &[InfoHash], countries: &[[u8; 2]], asns: &[u32], networks: &[Block]) -> Scope {
    Scope {
        rooms: rooms.iter().copied().collect(),
        countries: countries.iter().copied().collect(),
        asns: asns.iter().copied().collect(),
        networks: networks.to_vec(),
    }
}

#[test]
fn a_rule_is_for_those_it_names_and_for_nobody_else() {
    let at = block;
    let cases = [
        (scope(&[HASH], &[], &[], &[]), &[1, 3][..]),
        (scope(&[], &[*b"AT", *b"CH"], &[], &[]), &[1]),
        (scope(&[], &[], &[64_501], &[]), &[2]),
        (scope(&[], &[], &[], &[at("192.0.2.0", 24)]), &[1]),
        (scope(&[], &[], &[], &[at("2001:db8::", 32)]), &[2]),
        (scope(&[], &[], &[], &[at("198.51.100.0", 24)]), &[]),
        // One of each kind must fit.
        (scope(&[OTHER], &[*b"AT"], &[], &[]), &[]),
        (scope(&[OTHER], &[*b"DE"], &[64_500, 64_501], &[]), &[2]),
    ];
    for (scope, expected) in cases {
        let mut world = three();
        let told = rule(&mut world, &[(&scope, KILLED)]);
        let whom: Vec<u64> = told.iter().map(|(n, ..)| *n).collect();
        assert_eq!(whom, expected, "{scope:?}");
        assert!(told.iter().all(|(_, max, _)| *max == Some(0)), "{told:?}");
        // Who comes again is held to it, and who is let off is told.
        for n in 1..=3 {
            let hash = if n == 2 { OTHER } else { HASH };
            let announce = Announce {
                hash,
                takes_policy: true,
                ..Announce::of(n)
            };
            let sent = world.announce(ConnectionId(n), announce);
            let max = expected.contains(&n).then_some(0);
            assert_eq!(self::told(&sent), [(n, max, None)]);
        }
        let told = rule(&mut world, &[]);
        let freed: Vec<_> = expected.iter().map(|n| (*n, None, None)).collect();
        assert_eq!(told, freed);
    }
}

#[test]
fn of_several_rules_the_strictest_counts_in_each_respect() {
    let mut world = three();
    let policy = Input::Policy {
        room: None,
        policy: Policy {
            max_peers: Some(8),
            ..Policy::default()
        },
    };
    world.tracker.handle_input(world.now, policy);
    world.sent();
    let country = scope(&[], &[*b"AT"], &[], &[]);
    let network = scope(&[], &[], &[], &[block("192.0.2.7", 32)]);
    let told = rule(
        &mut world,
        &[
            (
                &country,
                Policy {
                    max_peers: Some(4),
                    upload_limit: Some(9),
                    ..Policy::default()
                },
            ),
            (
                &network,
                Policy {
                    max_peers: Some(6),
                    upload_limit: Some(5),
                    ..Policy::default()
                },
            ),
        ],
    );
    assert_eq!(told, [(1, Some(4), Some(5))]);
}

#[test]
fn who_is_barred_by_a_rule_is_introduced_to_nobody() {
    let mut world = three();
    let is_met = |world: &mut World| {
        let asking = Announce {
            offers: 5,
            ..Announce::of(3)
        };
        let sent = world.announce(ConnectionId(3), asking);
        offered(&sent).iter().any(|(to, _)| *to == ConnectionId(1))
    };
    assert!(is_met(&mut world));
    let country = scope(&[], &[*b"AT"], &[], &[]);
    rule(&mut world, &[(&country, KILLED)]);
    assert!(!is_met(&mut world));
}
