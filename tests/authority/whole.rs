//! Digests of whole segments: late proof, and blame by comparison.

use super::stage::*;
use super::world::{LEN, Vice, World, vod};
use swarmline::engine::WarningCode;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_liar_is_found_by_comparison_and_never_reaches_the_player() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, false);
    publish_hex(&mut world, 0..10);
    let (first, second) = pair(&mut world, &text, 6, &config());
    world.viewers[first].vice = Vice {
        poison: true,
        ..Vice::default()
    };
    get(&mut world, second, 2);
    assert_eq!(dropped(&world, second), 1);
    let told = warnings(&world, second, WarningCode::WrongBlock);
    assert_eq!(told.len(), 1, "{told:?}");
    let sent = world.viewers[second].engine.stats().uploaded_bytes;
    assert_eq!(sent, 0);
}
