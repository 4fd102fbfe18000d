//! False reports: liars vote against honest peers at the tracker. A report is a vote, not a proof: it keeps
//! newcomers from the accused for a while, and takes nothing from anybody.

use crate::stage::{GOAL, LEN, SEEDS, SEGMENT, SEGMENTS};
use crate::world::{Player, Viewer, World, play_for, play_out, playlist, vod};
use std::time::Duration;
use swarmline::wire::ToTracker;

const HONEST: usize = 3;

/// Honest viewers and then liars, all linked, half of the show played.
fn party(seed: u64, liars: usize) -> (World, Vec<Player>, String) {
    let mut world = World::seeded(seed + 1);
    let text = vod(&mut world, SEGMENTS, LEN, true);
    let mut players = Vec::new();
    for index in 0..HONEST + liars {
        let viewer = world.join(World::config(), &playlist(), &text);
        if index >= HONEST {
            // Its engine is as honest as any: what it lies about, it tells the tracker.
            world.viewers[viewer].vice = Some(Box::new(crate::world::Passing::untouched));
        }
        players.push(Player::new(&world, viewer, SEGMENTS, SEGMENT, GOAL));
        play_for(&mut world, &mut players, Duration::from_millis(700));
    }
    play_for(&mut world, &mut players, Duration::from_secs(6));
    (world, players, text)
}

/// Every liar votes against every honest viewer, again and again.
fn accuse(world: &mut World, liars: usize) {
    for _ in 0..20 {
        for liar in HONEST..HONEST + liars {
            for honest in 0..HONEST {
                let names = (world.oracle.peer_of(liar), world.oracle.peer_of(honest));
                if let (Some(peer), Some(against)) = names {
                    let info_hash = world.info_hash(liar);
                    let vote = ToTracker::Vote {
                        info_hash,
                        peer,
                        against,
                    };
                    world.say_to_tracker(liar, &vote);
                }
            }
        }
    }
}

/// Plays on with one viewer more; whom of the honest the newcomer is linked to in the end.
fn play_on(world: &mut World, players: &mut Vec<Player>, text: &str) -> Vec<Viewer> {
    let newcomer = world.join(World::config(), &playlist(), text);
    players.push(Player::new(world, newcomer, SEGMENTS, SEGMENT, GOAL));
    assert!(
        play_out(world, players, Duration::from_secs(60)),
        "all play to the end"
    );
    for player in players {
        assert_eq!(player.stalled, Duration::ZERO, "viewer {}", player.viewer);
    }
    for one in 0..HONEST {
        for other in 0..one {
            let link = world.link_to(one, other);
            assert!(link.is_some(), "{one} and {other} stay linked");
        }
    }
    (0..HONEST)
        .filter(|honest| world.link_to(newcomer, *honest).is_some())
        .collect()
}

#[test]
fn false_reports_take_no_link_and_no_frame_from_an_honest_peer() {
    let mut kept_away = 0;
    for seed in 0..SEEDS {
        let liars = 1 + seed as usize % 4;
        let (mut world, mut players, text) = party(seed, liars);
        accuse(&mut world, liars);
        kept_away += HONEST - play_on(&mut world, &mut players, &text).len();
    }
    assert!(kept_away > 0, "three and more are heard by the tracker");
}

#[test]
fn two_liars_cannot_keep_newcomers_from_an_honest_peer() {
    for seed in 0..SEEDS {
        let (mut world, mut players, text) = party(seed, 2);
        accuse(&mut world, 2);
        let met = play_on(&mut world, &mut players, &text);
        assert_eq!(met.len(), HONEST, "seed {seed}");
    }
}
