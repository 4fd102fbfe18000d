//! Digests of whole segments: late proof, and blame by comparison.

use super::stage::*;
use super::world::{LEN, World, playlist, poison, source_of, url, vod};
use std::time::Duration;
use swarmline::engine::{Source, WarningCode};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_liar_is_found_and_never_reaches_the_player() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, false);
    publish_hex(&mut world, 0..10);
    let (first, second) = pair(&mut world, &text, 6, &config());
    world.viewers[first].vice = Some(poison());
    get(&mut world, second, 2);
    assert_eq!(dropped(&world, second), 1);
    let told = warnings(&world, second, WarningCode::WrongBlock);
    assert_eq!(told.len(), 1, "{told:?}");
    let sent = world.viewers[second].engine.stats().uploaded_bytes;
    assert_eq!(sent, 0);
}

/// Three hold the show; one of them flips bits. Whoever vouched for the leaf list, the CDN's copy shows
/// who sent what, and only the liar is dropped.
#[test]
fn of_several_senders_the_comparison_names_the_liar_alone() {
    let mut compared = 0;
    for liar in [None, Some(0), Some(1), Some(2)] {
        let mut world = World::new();
        let text = vod(&mut world, 10, LEN, false);
        publish_hex(&mut world, 0..10);
        let holders = [0, 1, 2].map(|_| world.join(config(), &playlist(), &text));
        world.run_for(Duration::from_secs(3));
        for number in 0..8 {
            for holder in holders {
                get(&mut world, holder, number);
            }
        }
        if let Some(liar) = liar {
            world.viewers[holders[liar]].vice = Some(poison());
        }
        let last = world.join(config(), &playlist(), &text);
        world.run_for(Duration::from_secs(3));
        let mut from_peers = 0;
        for number in 1..8 {
            world.ahead(last, 20_000.0);
            let outcome = world.fetch(last, &url(number));
            assert_eq!(super::world::bytes_of(&outcome), bytes_at(number));
            from_peers += usize::from(source_of(&outcome) == Source::Peers);
            world.run_for(Duration::from_secs(1));
        }
        assert_eq!(
            dropped(&world, last),
            usize::from(liar.is_some()),
            "{liar:?}"
        );
        assert!(from_peers >= 4, "{from_peers} of 7 with liar {liar:?}");
        assert_eq!(warnings(&world, last, WarningCode::CdnMismatch).len(), 0);
        let told = warnings(&world, last, WarningCode::WrongBlock);
        compared += told
            .iter()
            .filter(|told| told.contains("word about"))
            .count();
        // The honest ones keep each other and the liar serves nobody here any more.
        for holder in holders {
            assert_eq!(dropped(&world, holder), 0);
        }
    }
    assert!(compared > 0, "a liar was named by comparison");
}
