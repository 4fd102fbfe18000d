//! What verification costs in bytes: how much of what moves between viewers is leaf lists, and how often a
//! byte is hashed.

#![cfg(not(target_arch = "wasm32"))] // counts of the same engine; its own suite runs there
#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's own numbers are small"
)]

mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use swarmline::engine::{Config, IntegrityMode};
use swarmline::wire::{BLOCK_HEADER_LEN, number};
use world::{Frame, Way, World, bytes_of, content, playlist, url, vod};

/// Issue's bound: a leaf of 32 bytes for each block of 16 KiB is 0.2 %, the rest is for short segments.
const LEAVES_PER_MILLE_MAX: usize = 5;

/// Bytes that a viewer sent.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    leaves: usize,
    blocks: usize,
}

/// A first viewer's ten segments of so many bytes, played by a second one from it and the CDN; both hash.
fn two_viewers(len: usize, signed: bool) -> (World, Sent) {
    let mut world = World::new();
    let text = vod(&mut world, 10, len, signed);
    let config = Config {
        integrity: IntegrityMode::Prefer,
        ..World::config()
    };
    let first = world.join(config.clone(), &playlist(), &text);
    let sent = Rc::new(RefCell::new(Sent::default()));
    let count = Rc::clone(&sent);
    world.viewers[first].vice = Some(Box::new(move |passing| {
        let mut count = count.borrow_mut();
        match (passing.way, &passing.frame) {
            (Way::Out, Frame::Control(bytes)) if bytes.first() == Some(&number::LEAVES) => {
                count.leaves += bytes.len();
            }
            (Way::Out, Frame::Block(bytes)) => count.blocks += bytes.len() - BLOCK_HEADER_LEN,
            (Way::Out | Way::In, _) => {}
        }
        passing.untouched()
    }));
    world.run_for(Duration::from_secs(2));
    for viewer in [first, 1] {
        if viewer == 1 {
            world.join(config.clone(), &playlist(), &text);
            world.run_for(Duration::from_secs(2));
        }
        for number in 0..10 {
            world.ahead(viewer, number as f64 * 4_000.0);
            let outcome = world.fetch(viewer, &url(number));
            assert_eq!(bytes_of(&outcome), content(number, len + number as usize));
        }
    }
    let sent = *sent.borrow();
    (world, sent)
}

#[test]
fn leaf_lists_are_less_than_half_a_percent_of_the_bytes() {
    // A low rate of audio, a film's, and a high one's.
    for len in [48_000, 650_000, 4_000_000] {
        let (_, sent) = two_viewers(len, true);
        assert!(sent.blocks > len, "the first served the second: {sent:?}");
        assert!(
            sent.leaves * 1_000 <= sent.blocks * LEAVES_PER_MILLE_MAX,
            "{len}: {sent:?}"
        );
    }
}

#[test]
fn each_byte_is_hashed_once() {
    let show: u64 = (0..10).map(|number| 650_000 + number).sum();
    for signed in [true, false] {
        let (world, sent) = two_viewers(650_000, signed);
        assert!(sent.blocks > 0, "peers' blocks are among them");
        for viewer in &world.viewers {
            // Without digests a hundredth of the bytes is sampled, and that is hashed as well.
            let samples = if signed { 0 } else { show / 100 };
            let hashed = viewer.hashed_bytes;
            assert!(
                (show..=show + samples).contains(&hashed),
                "{hashed} bytes hashed of {show} delivered"
            );
        }
    }
}
