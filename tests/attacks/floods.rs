//! Too much of everything: blocks nobody asked for, the same block again and again, questions and offers
//! without end. Nothing of it is hashed, and the player does not notice.

use crate::stage::{GOAL, LEN, Run, SEGMENT, SEGMENTS, attack};
use crate::vices;
use crate::world::{Player, World, play_for, playlist, vod};
use std::time::Duration;
use swarmline::base::{InfoHash, PeerId, TrackerId};
use swarmline::engine::Input;
use swarmline::integrity::BLOCK_LEN;
use swarmline::wire::FromTracker;

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

/// An offer that the tracker passes on, or makes up.
fn offer(nth: u32, info_hash: InfoHash) -> Input {
    let mut peer = *b"-XX0000-000000000000";
    peer[12..16].copy_from_slice(&nth.to_le_bytes());
    let offered = FromTracker::Offered {
        info_hash,
        peer: PeerId(peer),
        offer_id: format!("offer-{nth:014}"),
        sdp: format!("offer 0 {}", 1_000 + nth).as_str().into(),
    };
    Input::TrackerMessage {
        tracker: TrackerId(0),
        text: offered.encode(),
    }
}

#[test]
fn a_flood_of_offers_opens_no_more_links_than_allowed() {
    let mut world = World::new();
    let text = vod(&mut world, SEGMENTS, LEN, true);
    let victim = world.join(World::config(), &playlist(), &text);
    let info_hash = world.info_hash(victim);
    let mut players = [Player::new(&world, victim, SEGMENTS, SEGMENT, GOAL)];
    let mut accepted = 0;
    for nth in 0..3_000 {
        world.tell(victim, offer(nth, info_hash));
        let open = world.open_links(victim);
        assert!(open <= World::config().max_peers as usize, "{open} links");
        accepted = accepted.max(open);
        if nth % 50 == 0 {
            play_for(&mut world, &mut players, Duration::from_millis(500));
        }
    }
    assert!(accepted > 0, "the attack took place");
    assert!(players[0].is_done(), "the show is played");
    assert_eq!(players[0].stalled, Duration::ZERO);
}
