//! Words without deeds: haves that are not there, promises never kept, blocks that trickle. The player
//! must not notice.

use crate::stage::attack;
use crate::vices;

#[test]
fn who_says_it_holds_what_it_does_not_stalls_nobody() {
    attack(
        &|rng, _, keys| vices::fake_haves(keys.to_vec(), rng.below(2) == 0),
        |_| {},
    );
}

#[test]
fn who_never_sends_a_block_stalls_nobody() {
    attack(&|_, _, keys| vices::silent(keys.to_vec()), |_| {});
}

#[test]
fn promises_that_are_never_kept_stall_nobody() {
    attack(
        &|rng, _, keys| vices::promise_for_ever(keys.to_vec(), rng.below(2) == 0),
        |_| {},
    );
}

#[test]
fn a_slow_drip_stalls_nobody() {
    attack(
        &|rng, _, keys| vices::drip(keys.to_vec(), u64::from(200 + rng.below(2_000))),
        |_| {},
    );
}
