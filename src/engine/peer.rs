//! What is known of the peer behind one link: what it holds, how fast it is, what it was asked.
//!
//! Invariant: everything a peer can make us remember is bounded. Decides nothing about downloads.

use super::config::peer::{ENTRIES_MAX, PARTS_MAX, PROMISE_MAX, RATE_GUESS, TRACKS_MAX};
use super::pulse::Pulse;
use super::trust::Conduct;
use super::upload::Queue;
use super::vouch::Suspicion;
use crate::base::{
    Duration, Instant, LinkId, Network, PeerId, RateMeter, SortedMap, TrackId, Version,
};
use crate::integrity::sha256;
use crate::wire::{HaveEntry, Holding, SegmentKey};

/// One link and the peer behind it. Natively what each look at a download asks of all links stands in the
/// first cache line: a simulator has ten thousand of them.
#[derive(Debug)]
#[cfg_attr(not(target_arch = "wasm32"), repr(C, align(64)))]
pub(super) struct Link {
    pub(super) state: LinkState,
    /// It takes no requests of ours.
    pub(super) choked: bool,
    /// We take none of its.
    pub(super) choking: bool,
    pub(super) offered_by_us: bool,
    /// Blocks it was asked for and has not sent.
    pub(super) outstanding: u32,
    pub(super) since: Instant,
    pub(super) haves: Haves,
    /// When it last sent a verified block, or was asked while idle.
    pub(super) progress_at: Instant,
    pub(super) conduct: Conduct,
    pub(super) rate: RateMeter,
    pub(super) upload: Queue,
    /// Verified bytes from it and bytes to it of late: both are halved with each digest of haves.
    pub(super) credit: u64,
    pub(super) given: u64,
    /// Segments for which its promises are disregarded, after a broken one.
    pub(super) mute: u32,
    /// Longest message both sides take.
    pub(super) max_message: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
    /// Known from the tracker once an offer or an answer came.
    pub(super) peer: Option<PeerId>,
    /// The shell has said where it is, or that it cannot know.
    pub(super) is_located: bool,
    /// Where it is, as far as the shell knows.
    pub(super) network: Option<Network>,
    /// The list of this segment was asked of it as a second opinion.
    pub(super) opinion: Option<SegmentKey>,
    /// What it told or sent of a block that somebody else tells otherwise.
    pub(super) suspicion: Option<Suspicion>,
    pub(super) pulse: Pulse,
    /// The neighbour that carried the offer, if no tracker did.
    pub(super) via: Option<LinkId>,
    /// What was carried from it and to it: when that will have been long enough ago.
    pub(super) carried: Instant,
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// Our offer is being made or is with the tracker.
    Offering,
    /// Both descriptions are known.
    Connecting,
    /// Channels are open; its `Hello` is awaited.
    Open,
    /// It has greeted.
    Greeted,
}

impl Link {
    pub(super) fn new(now: Instant, peer: Option<PeerId>, offered_by_us: bool) -> Self {
        Self {
            peer,
            offered_by_us,
            state: if offered_by_us {
                LinkState::Offering
            } else {
                LinkState::Connecting
            },
            since: now,
            haves: Haves::default(),
            choked: false,
            choking: false,
            max_message: 0,
            outstanding: 0,
            progress_at: now,
            rate: RateMeter::default(),
            received_bytes: 0,
            sent_bytes: 0,
            credit: 0,
            given: 0,
            mute: 0,
            conduct: Conduct::default(),
            network: None,
            opinion: None,
            suspicion: None,
            pulse: Pulse::default(),
            is_located: false,
            upload: Queue::default(),
            via: None,
            carried: now,
        }
    }

    pub(super) fn is_greeted(&self) -> bool {
        self.state == LinkState::Greeted
    }

    /// Nothing is under way in either direction.
    pub(super) fn is_at_rest(&self) -> bool {
        self.outstanding == 0 && self.upload.is_at_rest()
    }

    /// Bytes a second, or a modest guess before the first block: new links must be tried.
    pub(super) fn rate_or_guess(&self) -> f64 {
        self.rate.bytes_per_s().unwrap_or(RATE_GUESS)
    }
}

/// What a peer holds, as it says.
#[derive(Debug, Default)]
pub(super) struct Haves(SortedMap<TrackId, TrackHaves>);

#[derive(Debug, Default)]
struct TrackHaves {
    first: u64,
    bits: Vec<u8>,
    entries: SortedMap<u64, (Version, Held)>,
    /// Numbers of which parts were told last, the newest at the end; some may be whole or gone by now.
    parts: Vec<u64>,
}

/// What a peer holds of one segment.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    Whole,
    Partial(Vec<u8>),
    Promised(Promise),
}

/// A word about oneself: «I shall have it by then».
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Promise {
    pub(super) at: Instant,
    /// 0: it fetches itself; else it relies on a promise of one hop less.
    pub(super) hops: u8,
}

impl Promise {
    /// As neighbours hear it.
    pub(super) fn holding(self, now: Instant) -> Holding {
        Holding::Promised {
            in_ms: u32::try_from(self.at.since(now).as_millis()).unwrap_or(u32::MAX),
            hops: self.hops,
        }
    }
}

impl Held {
    /// Whether any block is among it.
    pub(super) fn is_some_block(&self) -> bool {
        match self {
            Self::Whole => true,
            Self::Partial(bits) => bits.iter().any(|byte| *byte > 0),
            Self::Promised(_) => false,
        }
    }

    /// Whether any of the first `blocks` blocks is among it.
    pub(super) fn has_any(&self, blocks: usize) -> bool {
        match self {
            Self::Whole => true,
            Self::Partial(bits) => {
                let bytes = blocks / 8;
                bits.iter().take(bytes).any(|byte| *byte > 0)
                    || (bytes * 8..blocks).any(|index| bit(bits, index))
            }
            Self::Promised(_) => false,
        }
    }

    /// Whether block `index` is among it.
    pub(super) fn has(&self, index: usize) -> bool {
        match self {
            Self::Whole => true,
            Self::Partial(bits) => bit(bits, index),
            Self::Promised(_) => false,
        }
    }
}

fn bit(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8)
        .is_some_and(|byte| byte & (1 << (index % 8)) != 0)
}

impl TrackHaves {
    /// Parts of `number` are told; those told longest ago are forgotten when they are too many.
    fn note_parts(&mut self, number: u64) {
        if self.parts.contains(&number) {
            return;
        }
        self.parts.push(number);
        if self.parts.len() > PARTS_MAX {
            let oldest = self.parts.remove(0);
            if let Some((_, Held::Partial(_))) = self.entries.get(&oldest) {
                self.entries.remove(&oldest);
            }
        }
    }

    fn clear_bit(&mut self, number: u64) {
        if let Some(index) = number
            .checked_sub(self.first)
            .and_then(|i| usize::try_from(i).ok())
            && let Some(byte) = self.bits.get_mut(index / 8)
        {
            *byte &= !(1 << (index % 8));
        }
    }

    fn has_bit(&self, number: u64) -> bool {
        number
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok())
            .is_some_and(|index| bit(&self.bits, index))
    }

    /// Numbers held whole, ascending.
    fn whole(&self) -> impl Iterator<Item = u64> {
        let mut by_bit = (0..self.bits.len() * 8)
            .filter(|index| bit(&self.bits, *index))
            .map(|index| self.first.saturating_add(index as u64))
            .filter(|number| !self.entries.contains_key(number))
            .peekable();
        let mut by_entry = self
            .entries
            .iter()
            .filter(|(_, (_, held))| *held == Held::Whole)
            .map(|(n, _)| *n)
            .peekable();
        core::iter::from_fn(move || match (by_bit.peek(), by_entry.peek()) {
            (Some(bit), Some(entry)) if entry < bit => by_entry.next(),
            (Some(_), _) => by_bit.next(),
            (None, _) => by_entry.next(),
        })
    }
}

impl Haves {
    /// Takes a `HaveAll`.
    pub(super) fn replace(&mut self, track: TrackId, first: u64, bits: Vec<u8>) {
        if let Some(haves) = self.track(track) {
            haves.first = first;
            haves.bits = bits;
            // Partial segments are told anew after it; promises are forgotten when they are due.
            let promised = |held: &Held| matches!(held, Held::Promised(_));
            haves.entries.retain(|_, (_, held)| promised(held));
        }
    }

    /// Takes one change.
    pub(super) fn change(&mut self, now: Instant, entry: HaveEntry) {
        let HaveEntry { key, holding } = entry;
        let Some(haves) = self.track(key.track) else {
            return;
        };
        let held = match holding {
            Holding::Gone => {
                haves.entries.remove(&key.number);
                haves.clear_bit(key.number);
                return;
            }
            Holding::Whole => Held::Whole,
            Holding::Partial(bits) => Held::Partial(bits),
            Holding::Promised { in_ms, hops } => {
                let due = now + Duration::from_millis(u64::from(in_ms)).min(PROMISE_MAX);
                // A promise is not put off by another one, but by one of fewer hops.
                let at = match haves.entries.get(&key.number) {
                    Some((version, Held::Promised(told)))
                        if *version == key.version && told.hops <= hops =>
                    {
                        due.min(told.at)
                    }
                    Some(_) | None => due,
                };
                Held::Promised(Promise { at, hops })
            }
        };
        if matches!(held, Held::Partial(_)) {
            haves.note_parts(key.number);
        }
        haves.entries.insert(key.number, (key.version, held));
        if haves.entries.len() > ENTRIES_MAX {
            haves.entries.pop_first();
        }
    }

    /// What it holds of `key`; a bit of `HaveAll` counts for any version.
    pub(super) fn held(&self, key: &SegmentKey) -> Option<&Held> {
        let haves = self.0.get(&key.track)?;
        match haves.entries.get(&key.number) {
            Some((version, held)) if *version == key.version => Some(held),
            Some(_) => None,
            None => haves.has_bit(key.number).then_some(&Held::Whole),
        }
    }

    /// It does not hold `key` after all.
    pub(super) fn forget(&mut self, key: &SegmentKey) {
        if let Some(haves) = self.0.get_mut(&key.track) {
            haves.entries.remove(&key.number);
            haves.clear_bit(key.number);
        }
    }

    /// Forgets promises that were due by `at`; the fewest hops of any.
    pub(super) fn forget_promises_due(&mut self, at: Instant) -> Option<u8> {
        let mut hops = None;
        for haves in self.0.values_mut() {
            haves.entries.retain(|_, (_, held)| {
                let Held::Promised(promise) = held else {
                    return true;
                };
                let due = promise.at <= at;
                if due {
                    hops = Some(hops.map_or(promise.hops, |h: u8| h.min(promise.hops)));
                }
                !due
            });
        }
        hops
    }

    /// Segments held whole.
    pub(super) fn whole_count(&self) -> usize {
        self.0.values().map(|haves| haves.whole().count()).sum()
    }

    /// Which.
    pub(super) fn whole_all(&self) -> Vec<(TrackId, u64)> {
        let tracks = self.0.iter();
        tracks
            .flat_map(|(track, haves)| haves.whole().map(|number| (*track, number)))
            .collect()
    }

    /// Numbers of a track that were told of, held or not: what a digest of it goes through.
    pub(super) fn span(&self, track: TrackId) -> usize {
        let haves = self.0.get(&track);
        haves.map_or(0, |haves| haves.bits.len() * 8 + haves.entries.len())
    }

    /// The digest of what is held whole of a track.
    pub(super) fn digest(&self, track: TrackId) -> [u8; 8] {
        let numbers: Vec<u64> = self
            .0
            .get(&track)
            .map(|haves| haves.whole().collect())
            .unwrap_or_default();
        digest_of(numbers.into_iter())
    }

    fn track(&mut self, track: TrackId) -> Option<&mut TrackHaves> {
        if self.0.len() >= TRACKS_MAX && !self.0.contains_key(&track) {
            return None;
        }
        Some(self.0.or_default(track))
    }
}

/// First 8 bytes of SHA-256 over numbers in ascending order.
pub(super) fn digest_of(numbers: impl Iterator<Item = u64>) -> [u8; 8] {
    let bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
    let mut short = [0; 8];
    short.copy_from_slice(&sha256(&bytes).0[..8]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const TRACK: TrackId = TrackId([7; 8]);

    fn key(number: u64) -> SegmentKey {
        SegmentKey {
            track: TRACK,
            number,
            version: Version([1; 8]),
        }
    }

    fn told(haves: &mut Haves, number: u64, holding: Holding) {
        let key = key(number);
        haves.change(Instant::ZERO, HaveEntry { key, holding });
    }

    #[test]
    fn parts_of_endless_segments_are_forgotten_and_wholes_are_not() {
        let mut haves = Haves::default();
        for number in 0..1_000 {
            told(&mut haves, number, Holding::Partial(vec![255; 4_096]));
            if number % 2 == 0 {
                told(&mut haves, number, Holding::Whole);
            }
        }
        let held = |number| haves.held(&key(number));
        let parts = (0..1_000).filter(|n| matches!(held(*n), Some(Held::Partial(_))));
        assert_eq!(
            parts.count(),
            PARTS_MAX / 2,
            "the rest of the last ones is whole"
        );
        assert_eq!(held(0), Some(&Held::Whole));
        assert_eq!(held(1), None);
        assert!(matches!(held(999), Some(Held::Partial(_))));
    }
}
