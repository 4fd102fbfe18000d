//! The stage that all attacks share: a show, a network drawn from the seed, honest and hostile viewers
//! with model players, and what must hold afterwards.
//!
//! Invariant: the same seed and cast give the same network, the same moments of joining and the same
//! players, whether the hostile ones attack, behave, or nobody has peers at all.

use crate::world::{Player, Vice, Viewer, World, play_for, play_out, playlist, vod};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use swarmline::base::{PeerId, Rng};
use swarmline::engine::{CloseReason, Config, Event};
use swarmline::wire::SegmentKey;

/// Runs of each attack.
pub(crate) const SEEDS: u64 = 20;
/// Bytes of the first segment: eight blocks, the last one short.
pub(crate) const LEN: usize = 120_000;
pub(crate) const SEGMENTS: u64 = 12;
pub(crate) const SEGMENT: Duration = Duration::from_secs(2);
/// Bytes a second that a player eats.
const BITRATE: u64 = LEN as u64 / 2;
/// Media a player wants ahead: three segments, as hls.js keeps live, and one.
pub(crate) const GOAL: Duration = Duration::from_secs(8);

/// Who is on stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// What a hostile viewer gets: its own vice, from chance, its number among the hostile, and what the
/// show's segments are called.
pub(crate) type Script<'a> = &'a dyn Fn(&mut Rng, usize, &[SegmentKey]) -> Vice;

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

    /// Verified bytes that two viewers took from each other over their open link.
    pub(crate) fn bytes_between(&self, one: Viewer, other: Viewer) -> u64 {
        let stats = |viewer: Viewer| self.world.viewers[viewer].engine.stats();
        let id = stats(other).peer_id;
        let peers = stats(one).peers;
        let link = peers.iter().find(|peer| peer.id == id);
        link.map_or(0, |link| link.received_bytes + link.sent_bytes)
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

/// What is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    pub(crate) segments: u64,
    /// The playlist carries digests.
    pub(crate) signed: bool,
}

/// The show of every attack that digests repel.
pub(crate) const SIGNED: Show = Show {
    segments: SEGMENTS,
    signed: true,
};

/// One run of a show.
pub(crate) fn perform(seed: u64, cast: Cast, show: Show, act: Act<'_>) -> Run {
    let mut chance = Rng::new(0xa77ac << 20 | seed);
    let mut world = World::seeded(seed + 1);
    // From scarcely faster than the player eats to much faster.
    world.cdn.bytes_per_s = BITRATE * u64::from(15 + chance.below(60)) / 10;
    world.cdn.latency = Duration::from_millis(u64::from(20 + chance.below(180)));
    world.link_bytes_per_s = BITRATE * u64::from(2 + chance.below(20));
    world.link_latency = Duration::from_millis(u64::from(5 + chance.below(75)));
    // Without digests wrong bytes are counted, not forbidden.
    world.oracle.strict = show.signed;
    let text = vod(&mut world, show.segments, LEN, show.signed);
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
                let vice = script(&mut own, index, &world.oracle.keys());
                world.viewers[viewer].vice = Some(vice);
            }
            hostile.push(viewer);
        }
        players.push(Player::new(&world, viewer, show.segments, SEGMENT, GOAL));
        let pause = Duration::from_millis(u64::from(200 + chance.below(2_000)));
        play_for(&mut world, &mut players, pause);
    }
    let patience = SEGMENT * 2 * show.segments as u32 + Duration::from_secs(40);
    let done = play_out(&mut world, &mut players, patience);
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

pub(crate) fn attack_with(casts: &[Cast], script: Script<'_>, check: impl FnMut(&Run)) {
    attack_over(SEEDS, casts, script, check);
}

pub(crate) fn attack_over(
    seeds: u64,
    casts: &[Cast],
    script: Script<'_>,
    mut check: impl FnMut(&Run),
) {
    for seed in 0..seeds {
        let cast = casts[seed as usize % casts.len()];
        let run = perform(seed, cast, SIGNED, Act::Attack(script));
        no_worse_than_alone(seed, cast, &run);
        check(&run);
    }
    for (seed, cast) in casts.iter().enumerate() {
        twin_is_used(seed as u64, *cast);
    }
}

/// What an honest player saw: time to its first segment, and time stood still after it.
type Seen = (Duration, Duration);

fn seen(run: &Run) -> Vec<Seen> {
    let of = |player: &Player| (player.startup, player.stalled);
    run.players.iter().map(of).collect()
}

/// Remembered, because every attack is held against the same runs.
fn remembered<T: Clone>(
    memory: &Mutex<BTreeMap<(u64, Cast), T>>,
    seed: u64,
    cast: Cast,
    make: impl FnOnce() -> T,
) -> T {
    let held = |memory: &Mutex<BTreeMap<_, T>>| memory.lock().ok()?.get(&(seed, cast)).cloned();
    held(memory).unwrap_or_else(|| {
        let made = make();
        if let Ok(mut memory) = memory.lock() {
            memory.insert((seed, cast), made.clone());
        }
        made
    })
}

/// The player's view: start and stalls as the same seed gives without peers.
pub(crate) fn no_worse_than_alone(seed: u64, cast: Cast, run: &Run) {
    static ALONE: Mutex<BTreeMap<(u64, Cast), Vec<Seen>>> = Mutex::new(BTreeMap::new());
    let alone = remembered(&ALONE, seed, cast, || {
        seen(&perform(seed, cast, SIGNED, Act::Alone))
    });
    for ((startup, stalled), (startup_alone, stalled_alone)) in seen(run).into_iter().zip(alone) {
        assert!(
            startup <= startup_alone,
            "seed {seed}, {cast:?}: starts after {startup:?}, alone {startup_alone:?}"
        );
        assert!(
            stalled <= stalled_alone,
            "seed {seed}, {cast:?}: stalls {stalled:?}, alone {stalled_alone:?}"
        );
    }
}

/// Untouched, the viewers called hostile serve the others.
fn twin_is_used(seed: u64, cast: Cast) {
    static TWINS: Mutex<BTreeMap<(u64, Cast), u64>> = Mutex::new(BTreeMap::new());
    let taken = remembered(&TWINS, seed, cast, || {
        let twin = perform(seed, cast, SIGNED, Act::Behave);
        no_worse_than_alone(seed, cast, &twin);
        twin.bytes_taken_from_hostile()
    });
    assert!(
        taken > 0,
        "seed {seed}, {cast:?}: untouched blocks are accepted"
    );
}
