//! Too much of everything: blocks nobody asked for, the same block again and again, requests and
//! questions without end. Nothing of it is hashed, and the player does not notice.

use crate::stage::{LEN, Run, SEGMENTS, attack};
use crate::vices;
use swarmline::integrity::BLOCK_LEN;

/// Each byte is hashed once: the show, and for each liar what one message can carry before its verdict.
fn hashes_stay_bounded(run: &Run) {
    let show: u64 = (0..SEGMENTS).map(|number| LEN as u64 + number).sum();
    let pipeline = 16 * BLOCK_LEN;
    let most = show + pipeline * run.hostile.len() as u64;
    for viewer in run.honest() {
        let hashed = run.world.viewers[viewer].hashed_bytes;
        assert!(hashed <= most, "{hashed} bytes hashed of a show of {show}");
    }
}

#[test]
fn a_flood_of_blocks_nobody_asked_for_is_not_hashed() {
    let script = |_: &mut _, _, keys: &[_]| vices::flood_of_blocks(keys.to_vec());
    attack(&script, hashes_stay_bounded);
}

#[test]
fn a_block_sent_again_and_again_is_hashed_once() {
    attack(&|_, _, _| vices::repeat_blocks(20), hashes_stay_bounded);
}

#[test]
fn a_flood_of_questions_stalls_nobody() {
    let script = |_: &mut _, _, keys: &[_]| vices::flood_of_questions(keys.to_vec());
    attack(&script, hashes_stay_bounded);
}
