//! Introductions by place and hints: near ones get half, newcomers meet seeders, nobody meets one party only.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::wire::Hints;

fn at(n: u64, asn: u32, country: [u8; 2]) -> Visitor {
    let [.., b, c] = n.to_be_bytes();
    Visitor {
        network: Some(Network::V4([10, b, c])),
        place: Place {
            asn: Some(asn),
            country: Some(country),
        },
        ..Visitor::default()
    }
}

/// Joins from a place, with hints, and says whom its offers went to.
fn join(world: &mut World, n: u64, visitor: Visitor, announce: Announce) -> Vec<u64> {
    let connection = world.open_as(n, visitor);
    let sent = world.announce(connection, announce);
    offered(&sent).iter().map(|(to, _)| to.0).collect()
}

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap()
}

fn leave(world: &mut World, n: u64) {
    let connection = ConnectionId(n);
    world
        .tracker
        .handle_input(world.now, Input::Closed { connection });
}

fn asks(n: u64, offers: usize) -> Announce {
    Announce {
        offers,
        ..Announce::of(n)
    }
}

fn hinted(n: u64, offers: usize, hints: &Hints) -> Announce {
    let extensions = Extensions {
        hints: Some(hints.encode()),
        ..Extensions::default()
    };
    Announce {
        extensions,
        ..asks(n, offers)
    }
}

#[test]
fn half_of_the_places_go_to_ones_own_provider_then_country() {
    let mut world = World::new(Config::default());
    for n in 1..=4 {
        join(&mut world, n, at(n, 1, *b"AT"), asks(n, 0));
    }
    for n in 5..=12 {
        join(&mut world, n, at(n, 100 + small(n), *b"DE"), asks(n, 0));
    }
    for n in 13..=16 {
        join(&mut world, n, at(n, 200 + small(n), *b"AT"), asks(n, 0));
    }
    for n in 100..140 {
        let to = join(&mut world, n, at(n, 1, *b"AT"), asks(n, 4));
        assert_eq!(to.len(), 4, "{to:?}");
        let own = to.iter().filter(|to| **to <= 4);
        assert_eq!(own.count(), 2, "{to:?}");
        leave(&mut world, n);
    }
    // Nobody of its provider is there: its country is next.
    let mut world = World::new(Config::default());
    for n in 1..=8 {
        let country = if n <= 2 { *b"AT" } else { *b"DE" };
        join(&mut world, n, at(n, small(n), country), asks(n, 0));
    }
    let to = join(&mut world, 99, at(99, 99, *b"AT"), asks(99, 4));
    assert!(to.contains(&1) && to.contains(&2), "{to:?}");
}

#[test]
fn where_all_are_one_party_all_places_are_taken_all_the_same() {
    let mut world = World::new(Config::default());
    for n in 1..=6 {
        let to = join(&mut world, n, at(n, 1, *b"AT"), asks(n, 5));
        assert_eq!(to.len(), usize::try_from(n - 1).unwrap().min(5), "{to:?}");
    }
}

#[test]
fn a_newcomer_is_led_to_seeders_and_others_are_not() {
    let mut world = World::new(Config::default());
    let seeder = Hints {
        is_seeder: true,
        ..Hints::default()
    };
    join(&mut world, 1, Visitor::default(), hinted(1, 0, &seeder));
    let whole = Announce {
        left: Some(0),
        ..Announce::of(2)
    };
    join(&mut world, 2, Visitor::default(), whole);
    world_of_viewers(&mut world, 3..=200);
    let first = |n| Announce {
        event: Some("started"),
        ..asks(n, 4)
    };
    for n in 300..320 {
        let to = join(&mut world, n, Visitor::default(), first(n));
        assert_eq!(to.len(), 4);
        assert!(to.contains(&1) && to.contains(&2), "{to:?}");
    }
    let mut met = 0;
    for n in 400..420 {
        let to = join(&mut world, n, Visitor::default(), asks(n, 4));
        met += to.iter().filter(|to| **to <= 2).count();
    }
    assert!(met < 10, "later announces go by chance: {met}");
    // A seeder that leaves is nobody's any more.
    for n in [1, 2] {
        let connection = ConnectionId(n);
        let now = world.now;
        world
            .tracker
            .handle_input(now, Input::Closed { connection });
    }
    let to = join(&mut world, 500, Visitor::default(), first(500));
    assert!(to.len() == 4 && to.iter().all(|to| *to > 2), "{to:?}");
}

fn world_of_viewers(world: &mut World, ids: core::ops::RangeInclusive<u64>) {
    for n in ids {
        join(world, n, Visitor::default(), asks(n, 0));
    }
}

#[test]
fn hints_bring_a_campus_together_unless_they_are_switched_off() {
    let campus = Hints {
        network: Some("campus".to_owned()),
        ..Hints::default()
    };
    for heeds_hints in [true, false] {
        let mut world = World::new(Config {
            heeds_hints,
            ..Config::default()
        });
        for n in 1..=2 {
            join(&mut world, n, Visitor::default(), hinted(n, 0, &campus));
        }
        world_of_viewers(&mut world, 3..=16);
        let mut met = 0;
        for n in 100..120 {
            let to = join(&mut world, n, Visitor::default(), hinted(n, 4, &campus));
            met += to.iter().filter(|to| **to <= 2).count();
            leave(&mut world, n);
        }
        assert_eq!(met == 40, heeds_hints, "{met}");
    }
}

#[test]
fn of_equally_near_ones_those_who_can_send_are_met() {
    let mut world = World::new(Config::default());
    for n in 1..=16 {
        let hints = Hints {
            // As our pages say it: this, and nothing else.
            upload: Some(if n <= 2 { 3 } else { 0 }),
            ..Hints::default()
        };
        join(&mut world, n, at(n, small(n), *b"AT"), hinted(n, 0, &hints));
    }
    for event in [Some("started"), None] {
        let announce = Announce {
            event,
            ..asks(99, 4)
        };
        let to = join(&mut world, 99, at(99, 99, *b"AT"), announce);
        assert!(to.contains(&1) && to.contains(&2), "{event:?} {to:?}");
        leave(&mut world, 99);
    }
    // What somebody says later counts: a page knows it only when it has sent something.
    for (n, upload) in [(1, 0), (9, 2)] {
        let upload = Some(upload);
        let hints = Hints {
            upload,
            ..Hints::default()
        };
        world.announce(ConnectionId(n), hinted(n, 0, &hints));
    }
    let to = join(&mut world, 99, at(99, 99, *b"AT"), asks(99, 4));
    assert!(to.contains(&9) && to.contains(&2), "{to:?}");
}

#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Whoever asks for however many: distinct others, as many as there are, and of a swarm that is looked at
        /// whole no party has more than half of the places while others could have them.
        #[test]
        fn places_are_given_once_and_fairly(
            asns in prop::collection::vec(0_u32..4, 1..16),
            own in 0_u32..4,
            offers in 1_usize..6,
            is_newcomer: bool,
            seeders in prop::collection::vec(any::<bool>(), 16),
        ) {
            let mut world = World::new(Config::default());
            for ((n, asn), is_seeder) in (1..).zip(&asns).zip(&seeders) {
                let is_seeder = is_newcomer && *is_seeder;
                let hints = Hints { is_seeder, ..Hints::default() };
                join(&mut world, n, at(n, *asn, *b"AT"), hinted(n, 0, &hints));
            }
            let announce = Announce {
                event: is_newcomer.then_some("started"),
                ..asks(99, offers)
            };
            let to = join(&mut world, 99, at(99, own, *b"AT"), announce);
            let unique: BTreeSet<u64> = to.iter().copied().collect();
            prop_assert_eq!(unique.len(), to.len());
            prop_assert!(!unique.contains(&99));
            prop_assert_eq!(to.len(), offers.min(asns.len()));
            let looks_at_all = asns.len() <= offers * 4;
            let has_seeders = seeders.iter().take(asns.len()).any(|is| *is);
            if looks_at_all && !(is_newcomer && has_seeders) {
                let most = offers.div_ceil(2);
                for asn in 0..4 {
                    let of_it = |n: &u64| asns[usize::try_from(n - 1).unwrap()] == asn;
                    let taken = to.iter().filter(|n| of_it(n)).count();
                    let others: usize = (0..4).filter(|it| *it != asn).map(|it| {
                        asns.iter().filter(|of| **of == it).count().min(most)
                    }).sum();
                    prop_assert!(taken <= most.max(offers.saturating_sub(others)), "{to:?}");
                }
            }
        }
    }
}
