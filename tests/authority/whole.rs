//! Digests of whole segments: late proof, and blame by comparison.

use super::stage::*;
use super::world::{
    Fault, Frame, LEN, Vice, Way, World, bytes_of, playlist, poison, source_of, url, vod,
};
use std::time::Duration;
use swarmline::engine::{Source, WarningCode};
use swarmline::integrity::{BLOCK_LEN, sha256};
use swarmline::wire::{BLOCK_HEADER_LEN, BlockHeader, PeerMessage};
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

/// A first block of its own making, and a leaf list that says so.
fn forge() -> Vice {
    Box::new(|mut passing| {
        match (passing.way, &mut passing.frame) {
            (Way::Out, Frame::Control(bytes)) => {
                if let Ok(mut message @ PeerMessage::Leaves { .. }) = PeerMessage::decode(bytes)
                    && let PeerMessage::Leaves { key, leaves, .. } = &mut message
                {
                    let mut block = bytes_at(key.number);
                    block.truncate(BLOCK_LEN as usize);
                    block[0] ^= 1;
                    leaves[0] = sha256(&block);
                    *bytes = message.encode();
                }
            }
            (Way::Out, Frame::Block(bytes)) => {
                let header = BlockHeader::decode(&bytes[..BLOCK_HEADER_LEN]);
                if header.is_ok_and(|header| header.first == 0) {
                    bytes[BLOCK_HEADER_LEN] ^= 1;
                }
            }
            (Way::In, _) => {}
        }
        passing.untouched()
    })
}

/// Every block equals its leaf, and the whole is wrong: seen before anybody gets it, settled by the CDN.
#[test]
fn a_forged_copy_reaches_nobody_and_its_forger_is_dropped() {
    for honest in [false, true] {
        let mut world = World::new();
        // The sender's first wrong block is found with its last.
        world.oracle.strict = false;
        let text = vod(&mut world, 10, LEN, false);
        publish_hex(&mut world, 0..10);
        let (first, second) = pair(&mut world, &text, 6, &config());
        if !honest {
            world.viewers[first].vice = Some(forge());
        }
        let third = world.join(config(), &playlist(), &text);
        world.run_for(Duration::from_secs(3));
        world.ahead(second, 12_000.0);
        let source = get(&mut world, second, 2);
        assert_eq!(source == Source::Peers, honest);
        assert_eq!(dropped(&world, second), usize::from(!honest));
        assert_eq!(warnings(&world, second, WarningCode::CdnMismatch).len(), 0);
        // What came from the CDN then is proven, and goes on.
        world.viewers[first].vice = None;
        world.kill(first);
        world.ahead(third, 0.0);
        world.fetch(third, &url(0));
        assert_eq!(get(&mut world, third, 2), Source::Peers);
        let oracle = &world.oracle;
        assert_eq!((oracle.handed_wrong, oracle.relayed_wrong), (0, 0));
    }
}

/// The publisher's own digest is wrong: its CDN contradicts it, and no neighbour is to blame.
#[test]
fn where_the_cdn_contradicts_the_digest_nobody_is_blamed() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, false);
    publish_hex(&mut world, 0..10);
    let (_, second) = pair(&mut world, &text, 6, &config());
    let right = world.cdn.files[&url(3)].clone();
    world.cdn.faults.push(("seg-7".to_owned(), Fault::Corrupt));
    world.ahead(second, 12_000.0);
    let outcome = world.fetch(second, &url(7));
    assert_ne!(
        bytes_of(&outcome),
        bytes_at(7),
        "as it would have been alone"
    );
    world.run_for(Duration::from_secs(1));
    assert_eq!(warnings(&world, second, WarningCode::CdnMismatch).len(), 1);
    assert_eq!(dropped(&world, second), 0);
    assert_eq!(world.viewers[second].engine.stats().uploaded_bytes, 0);
    assert_eq!(bytes_of(&world.fetch(second, &url(3))), right);
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
            assert_eq!(bytes_of(&outcome), bytes_at(number));
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
        let oracle = &world.oracle;
        assert_eq!((oracle.handed_wrong, oracle.relayed_wrong), (0, 0));
    }
    assert!(compared > 0, "a liar was named by comparison");
}
