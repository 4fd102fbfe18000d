//! Many liars at once: all peers of a viewer but one, and all of them, each with another vice.

use crate::stage::{Cast, attack_with};
use crate::vices;
use crate::world::Vice;
use swarmline::base::Rng;
use swarmline::wire::SegmentKey;

/// A vice of its own for each.
fn any(rng: &mut Rng, index: usize, keys: &[SegmentKey]) -> Vice {
    let kinds = 9;
    match (rng.below(kinds) + index as u32) % kinds {
        0 => vices::flip(rng),
        1 => vices::cut_blocks(rng),
        2 => vices::cut_messages(rng),
        3 => vices::swap_for(|number| number + 1_000),
        4 => vices::forge_leaves(rng),
        5 => vices::fake_haves(keys.to_vec(), true),
        6 => vices::silent(keys.to_vec()),
        7 => vices::promise_for_ever(keys.to_vec(), true),
        _ => vices::drip(keys.to_vec(), 700),
    }
}

#[test]
fn one_honest_peer_among_liars_is_found_and_kept() {
    const CASTS: [Cast; 2] = [
        Cast {
            honest: 2,
            hostile: 4,
        },
        Cast {
            honest: 2,
            hostile: 7,
        },
    ];
    let mut served = 0;
    attack_with(&CASTS, &any, |run| {
        let last = &run.players[1];
        served += run.bytes_between(run.players[0].viewer, last.viewer);
    });
    assert!(served > 0, "the honest two serve each other");
}

#[test]
fn with_liars_only_a_viewer_is_a_plain_player() {
    const CASTS: [Cast; 2] = [
        Cast {
            honest: 1,
            hostile: 3,
        },
        Cast {
            honest: 1,
            hostile: 8,
        },
    ];
    attack_with(&CASTS, &any, |_| {});
}
