//! The stage that all attacks share: a show, a network drawn from the seed, honest and hostile viewers
//! with model players, and what must hold afterwards.
//!
//! Invariant: the same seed and cast give the same network, the same moments of joining and the same
//! players, whether the hostile ones attack, behave, or nobody has peers at all.

use crate::world::{Player, Vice, Viewer, World, play_for, play_out, playlist, vod};
use std::time::Duration;
use swarmline::base::{PeerId, Rng};
use swarmline::engine::{CloseReason, Config, Event};

/// Runs of each attack.
pub(crate) const SEEDS: u64 = 20;
/// Bytes of the first segment: eight blocks, the last one short.
pub(crate) const LEN: usize = 120_000;
pub(crate) const SEGMENTS: u64 = 12;
pub(crate) const SEGMENT: Duration = Duration::from_secs(2);
/// Bytes a second that a player eats.
const BITRATE: u64 = LEN as u64 / 2;
/// Media a player wants ahead: three segments, as hls.js keeps live, and one.
const GOAL: Duration = Duration::from_secs(8);

/// Who is on stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cast {
    pub(crate) honest: usize,
    pub(crate) hostile: usize,
}

/// From a pair to a crowd, few liars among many and many among few.
pub(crate) const CASTS: [Cast; 5] = [
    Cast {
        honest: 1,
        hostile: 1,
    },
    Cast {
        honest: 3,
        hostile: 1,
    },
    Cast {
        honest: 2,
        hostile: 2,
    },
    Cast {
        honest: 2,
        hostile: 5,
    },
    Cast {
        honest: 6,
        hostile: 2,
    },
];

/// What a hostile viewer gets: its own vice, from chance and its number among the hostile.
pub(crate) type Script<'a> = &'a dyn Fn(&mut Rng, usize) -> Vice;

/// What the viewers called hostile do.
#[derive(Clone, Copy)]
pub(crate) enum Act<'a> {
    Attack(Script<'a>),
    /// The twin: they are as honest as the others.
    Behave,
    /// Nobody has peers.
    Alone,
}

/// A finished run.
pub(crate) struct Run {
    pub(crate) world: World,
    /// The honest ones' players, in the order in which they joined.
    pub(crate) players: Vec<Player>,
    pub(crate) hostile: Vec<Viewer>,
}

impl Run {
    pub(crate) fn honest(&self) -> impl Iterator<Item = Viewer> + '_ {
        self.players.iter().map(|player| player.viewer)
    }

    /// Verified bytes that honest viewers took from hostile ones over links that are still open.
    pub(crate) fn bytes_taken_from_hostile(&self) -> u64 {
        let id = |viewer: &Viewer| self.world.viewers[*viewer].engine.stats().peer_id;
        let hostile: Vec<String> = self.hostile.iter().map(id).collect();
        let links = |viewer: Viewer| self.world.viewers[viewer].engine.stats().peers;
        self.honest()
            .flat_map(links)
            .filter(|peer| hostile.contains(&peer.id))
            .map(|peer| peer.received_bytes)
            .sum()
    }

    /// Links to hostile viewers that honest ones closed for `wanted`.
    pub(crate) fn closed_for(&self, wanted: CloseReason) -> usize {
        let is_hostile = |peer: &PeerId| {
            let viewer = self.world.oracle.viewer_of(*peer);
            viewer.is_some_and(|viewer| self.hostile.contains(&viewer))
        };
        self.honest()
            .flat_map(|viewer| &self.world.viewers[viewer].events)
            .filter(|event| {
                matches!(event, Event::PeerClosed { peer, reason }
                    if *reason == wanted && is_hostile(peer))
            })
            .count()
    }
}

/// One run of a show that carries digests, or not.
pub(crate) fn perform(seed: u64, cast: Cast, signed: bool, act: Act<'_>) -> Run {
    let mut chance = Rng::new(0xa77ac << 20 | seed);
    let mut world = World::seeded(seed + 1);
    // From scarcely faster than the player eats to much faster.
    world.cdn.bytes_per_s = BITRATE * u64::from(15 + chance.below(60)) / 10;
    world.cdn.latency = Duration::from_millis(u64::from(20 + chance.below(180)));
    world.link_bytes_per_s = BITRATE * u64::from(2 + chance.below(20));
    world.link_latency = Duration::from_millis(u64::from(5 + chance.below(75)));
    let text = vod(&mut world, SEGMENTS, LEN, signed);
    let config = match act {
        Act::Attack(_) | Act::Behave => World::config(),
        Act::Alone => Config::default(),
    };
    let mut players: Vec<Player> = Vec::new();
    let mut hostile = Vec::new();
    for index in 0..cast.hostile + cast.honest {
        let viewer = world.join(config.clone(), &playlist(), &text);
        if index < cast.hostile {
            let mut own = chance.fork();
            if let Act::Attack(script) = act {
                world.viewers[viewer].vice = Some(script(&mut own, index));
            }
            hostile.push(viewer);
        }
        players.push(Player::new(&world, viewer, SEGMENTS, SEGMENT, GOAL));
        let pause = Duration::from_millis(u64::from(200 + chance.below(2_000)));
        play_for(&mut world, &mut players, pause);
    }
    let done = play_out(&mut world, &mut players, Duration::from_secs(90));
    let players = players.split_off(cast.hostile);
    assert!(
        done || players.iter().all(Player::is_done),
        "seed {seed}, {cast:?}: an honest player never got its show"
    );
    Run {
        world,
        players,
        hostile,
    }
}

/// An attack over all seeds and casts, with digests: nobody stands still longer than alone, and the twin
/// shows that the same viewers are used when they behave. Gives each run to `check`.
pub(crate) fn attack(script: Script<'_>, check: impl FnMut(&Run)) {
    attack_with(&CASTS, script, check);
}

pub(crate) fn attack_with(casts: &[Cast], script: Script<'_>, mut check: impl FnMut(&Run)) {
    for seed in 0..SEEDS {
        let cast = casts[seed as usize % casts.len()];
        let run = perform(seed, cast, true, Act::Attack(script));
        no_worse_than_alone(seed, cast, &run);
        check(&run);
    }
    twin_is_used(casts);
}

/// The player's view: start and stalls as the same seed gives without peers.
pub(crate) fn no_worse_than_alone(seed: u64, cast: Cast, run: &Run) {
    let alone = perform(seed, cast, true, Act::Alone);
    for (player, plain) in run.players.iter().zip(&alone.players) {
        let (is, was) = (player.startup, plain.startup);
        assert!(
            is <= was,
            "seed {seed}, {cast:?}: starts after {is:?}, alone {was:?}"
        );
        let (is, was) = (player.stalled, plain.stalled);
        assert!(
            is <= was,
            "seed {seed}, {cast:?}: stalls {is:?}, alone {was:?}"
        );
    }
}

/// Untouched, the viewers called hostile serve the others, in every cast.
fn twin_is_used(casts: &[Cast]) {
    for (seed, cast) in casts.iter().enumerate() {
        let twin = perform(seed as u64, *cast, true, Act::Behave);
        no_worse_than_alone(seed as u64, *cast, &twin);
        assert!(
            twin.bytes_taken_from_hostile() > 0,
            "seed {seed}, {cast:?}: untouched blocks are accepted"
        );
    }
}
