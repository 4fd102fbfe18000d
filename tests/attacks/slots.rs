//! Who wastes requests loses its slot: claims, silence, drips and floods are asked of three times, or for
//! five seconds, and then left alone.

use crate::stage::attack;
use crate::vices::{self, Asked, Log};
use crate::world::Vice;
use std::collections::BTreeMap;
use std::time::Duration;
use swarmline::base::{Instant, Rng};
use swarmline::wire::SegmentKey;

/// Requests that may be in vain, and for how long, before a peer is left alone.
const REQUESTS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(5);
/// What was asked before the verdict may still be asked on.
const VERDICT: Duration = Duration::from_millis(2_600);
/// How long it is left alone at the least.
const REST: Duration = Duration::from_secs(8);

/// When each segment was first asked of each hostile viewer by each honest one, in vain: a leaf list that
/// is given is none.
fn first_asks(log: &[Asked], gives_lists: bool) -> BTreeMap<(usize, usize), Vec<Instant>> {
    let mut first: BTreeMap<(usize, usize), BTreeMap<SegmentKey, Instant>> = BTreeMap::new();
    for asked in log
        .iter()
        .filter(|asked| asked.is_for_blocks || !gives_lists)
    {
        let pair = first.entry((asked.index, asked.other)).or_default();
        pair.entry(asked.key).or_insert(asked.at);
    }
    let sorted = |asks: BTreeMap<SegmentKey, Instant>| {
        let mut times: Vec<Instant> = asks.into_values().collect();
        times.sort();
        times
    };
    first
        .into_iter()
        .map(|(pair, asks)| (pair, sorted(asks)))
        .collect()
}

/// After three requests, or five seconds, nothing more is asked for a while.
fn slots_are_lost(log: &Log, gives_lists: bool) -> usize {
    let log = log.take();
    let mut lost = 0;
    for (pair, asks) in first_asks(&log, gives_lists) {
        let Some(third) = asks.get(REQUESTS - 1) else {
            continue;
        };
        let end = (*third).max(asks[0] + PATIENCE) + VERDICT;
        let late = asks
            .iter()
            // The rest is counted from the third one's verdict, which may be long before `end`.
            .filter(|at| **at > end && **at < *third + REST)
            .count();
        assert_eq!(late, 0, "{pair:?} is still asked: {asks:?}");
        lost += 1;
    }
    lost
}

fn wasters_lose_their_slots(gives_lists: bool, make: impl Fn(&mut Rng, &[SegmentKey]) -> Vice) {
    let log = Log::default();
    let script = |rng: &mut Rng, index: usize, keys: &[SegmentKey]| {
        vices::logged(index, log.clone(), make(rng, keys))
    };
    let mut lost = 0;
    attack(&script, |_| lost += slots_are_lost(&log, gives_lists));
    assert!(lost > 0, "the attack took place");
}

#[test]
fn fake_haves_lose_their_slot() {
    wasters_lose_their_slots(false, |rng, keys| {
        vices::fake_haves(keys.to_vec(), rng.below(2) == 0)
    });
}

#[test]
fn silence_loses_its_slot() {
    wasters_lose_their_slots(true, |_, keys| vices::silent(keys.to_vec()));
}

#[test]
fn drips_lose_their_slot() {
    wasters_lose_their_slots(true, |rng, keys| {
        vices::drip(keys.to_vec(), u64::from(1_000 + rng.below(2_000)))
    });
}

#[test]
fn floods_lose_their_link_within_five_seconds() {
    let script = |_: &mut Rng, _: usize, keys: &[SegmentKey]| vices::flood_of_blocks(keys.to_vec());
    attack(&script, |run| {
        for honest in run.honest() {
            for hostile in &run.hostile {
                let link = run.world.link_to(honest, *hostile);
                assert_eq!(link, None, "{hostile} floods {honest} and is still linked");
            }
        }
    });
}
