//! Who wastes requests loses its slot: claims, silence, drips and floods are asked of three times, or for
//! five seconds, and then left alone.

use crate::stage::attack;
use crate::vices::{self, Asked, Log};
use crate::world::Vice;
use std::collections::BTreeMap;
use std::time::Duration;
use swarmline::base::{Instant, Rng};
use swarmline::wire::SegmentKey;

/// Requests that may be in vain, or for how long, before a peer is left alone.
const REQUESTS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(5);
/// For how long, at the least. After it, one more in vain is enough.
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

/// Spells of requests, with no more than [`REST`] between two: the first one ends with the third request or
/// within five seconds, each later one is a single request. How many peers lost a slot.
fn slots_are_lost(log: &Log, gives_lists: bool) -> usize {
    let log = log.take();
    let mut lost = 0;
    for (pair, asks) in first_asks(&log, gives_lists) {
        let mut spells = asks.chunk_by(|one, next| next.since(*one) < REST);
        let Some(first) = spells.next() else { continue };
        let span = first[first.len() - 1].since(first[0]);
        assert!(
            first.len() <= REQUESTS || span <= PATIENCE,
            "{pair:?} is asked on and on: {asks:?}"
        );
        if first.len() >= REQUESTS {
            let again = spells.find(|spell| spell.len() > 1);
            assert_eq!(again, None, "{pair:?} has wasted its chance: {asks:?}");
            lost += 1;
        }
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
