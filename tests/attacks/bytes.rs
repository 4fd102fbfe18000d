//! Wrong bytes: flipped, cut, another segment's, a wrong leaf list, too many. Who sends them is named by
//! one block and out.

use crate::stage::{LEN, Run, SEGMENTS, attack};
use crate::vices;
use swarmline::base::Rng;
use swarmline::engine::CloseReason;

/// Pairs of an honest viewer and a hostile one that it took wrong bytes from.
fn caught(run: &Run) -> usize {
    run.world.oracle.caught().count()
}

#[test]
fn one_flipped_bit_costs_its_sender_the_link() {
    let mut total = 0;
    attack(&|rng, _, _| vices::flip(rng), |run| total += caught(run));
    assert!(total > 0, "the attack took place");
}

#[test]
fn a_block_cut_short_is_never_taken_and_costs_the_link() {
    let mut closed = 0;
    attack(&|rng, _, _| vices::cut_blocks(rng), |run| {
        assert_eq!(caught(run), 0, "nothing of it was placed");
        closed += run.closed_for(CloseReason::Protocol);
    });
    assert!(closed > 0, "the attack took place");
}

#[test]
fn a_control_message_cut_short_is_never_acted_on() {
    let mut closed = 0;
    attack(&|rng, _, _| vices::cut_messages(rng), |run| {
        closed += run.closed_for(CloseReason::Protocol);
    });
    assert!(closed > 0, "the attack took place");
}

#[test]
fn an_older_segment_s_bytes_are_not_taken_for_a_newer_one_s() {
    let script =
        |_: &mut Rng, _: usize, _: &[_]| vices::swap_for(|number| number.saturating_sub(1));
    let mut total = 0;
    attack(&script, |run| total += caught(run));
    assert!(total > 0, "the attack took place");
}

#[test]
fn another_track_s_bytes_are_not_taken_for_this_one_s() {
    let script = |_: &mut Rng, _: usize, _: &[_]| vices::swap_for(|number| number + 1_000);
    let mut total = 0;
    attack(&script, |run| total += caught(run));
    assert!(total > 0, "the attack took place");
}

#[test]
fn another_segment_under_its_own_name_is_dropped_unhashed() {
    attack(&|_, _, _| vices::send_older(), |run| {
        assert_eq!(caught(run), 0, "nothing of it was placed");
        for viewer in run.honest() {
            let show: u64 = (0..SEGMENTS).map(|number| LEN as u64 + number).sum();
            let hashed = run.world.viewers[viewer].hashed_bytes;
            assert!(hashed <= show, "{hashed} bytes hashed of a show of {show}");
        }
    });
}

#[test]
fn a_wrong_leaf_list_costs_its_sender_the_link() {
    let mut closed = 0;
    attack(&|rng, _, _| vices::forge_leaves(rng), |run| {
        assert_eq!(caught(run), 0, "no block is asked for under a wrong list");
        closed += run.closed_for(CloseReason::WrongBlock) + run.closed_for(CloseReason::Protocol);
    });
    assert!(closed > 0, "the attack took place");
}

#[test]
fn a_message_beyond_the_limits_is_never_acted_on() {
    let mut closed = 0;
    attack(&|rng, _, _| vices::oversize(rng), |run| {
        assert_eq!(caught(run), 0, "nothing of it was placed");
        closed += run.closed_for(CloseReason::Protocol);
    });
    assert!(closed > 0, "the attack took place");
}
