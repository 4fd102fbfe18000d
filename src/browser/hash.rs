//! SHA-256 of runs of bytes: WebCrypto where the page is a secure context, `sha2` in short slices where
//! not.
//!
//! Invariant: digests come back in the order of their runs; a batch whose segment was evicted is
//! never heard of. No slice holds the page's thread for longer than a frame allows.
//!
//! A batch crosses into JavaScript once, whatever its length: `runs.map(digest)`, where `digest` is
//! `crypto.subtle.digest` bound to its algorithm and blind to the further arguments of `map`.

use super::callback::{Callback, Wake};
use super::clock::{Timer, now_ms};
use super::convert::position;
use crate::base::{HashId, SegmentId, SortedMap};
use crate::integrity::{Digest, Hasher};
use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

/// Longest run of hashing by hand, milliseconds: half a frame at 60 a second.
const SLICE_MS: f64 = 6.0;
/// Bytes hashed between two looks at the clock: a run may be a whole segment.
const STEP_BYTES: u32 = 64 * 1024;

#[wasm_bindgen]
extern "C" {
    /// An array, for its `map` with a function of the platform's.
    #[derive(Debug)]
    type Blocks;
    #[wasm_bindgen(method, catch)]
    fn map(this: &Blocks, each: &Function) -> Result<Array, JsValue>;

    /// Cryptography of a page's or a worker's; every browser has that much of it.
    #[wasm_bindgen(js_name = crypto)]
    #[derive(Debug)]
    type Platform;
    /// `undefined` where the context is not secure.
    #[wasm_bindgen(static_method_of = Platform, getter, js_class = "crypto")]
    fn subtle() -> JsValue;

    /// A promise, for its `then` with functions of ours.
    #[derive(Debug)]
    pub(super) type Thenable;
    /// Calls one of the two once.
    #[wasm_bindgen(method)]
    pub(super) fn then(this: &Thenable, done: &Function, refused: &Function) -> JsValue;
}

/// Batches under way.
#[derive(Debug)]
pub(super) struct Hashes {
    /// `crypto.subtle.digest`, bound to SHA-256.
    digest: Option<Function>,
    running: SortedMap<HashId, Batch>,
    slice: Option<Timer>,
}

#[derive(Debug)]
struct Batch {
    segment: SegmentId,
    runs: Array,
    /// How far it is, when hashed by hand; `None` when the platform does it.
    by_hand: Option<ByHand>,
}

#[derive(Debug, Default)]
struct ByHand {
    digests: Vec<Digest>,
    /// The run under way and its bytes that are hashed.
    hasher: Hasher,
    at: u32,
}

impl ByHand {
    /// Hashes the next bytes of the next run; whether all runs are hashed.
    fn step(&mut self, runs: &Array) -> bool {
        let index = position(self.digests.len() as u64);
        if index >= runs.length() {
            return true;
        }
        let run: Uint8Array = runs.get(index).unchecked_into();
        let end = run.length().min(self.at.saturating_add(STEP_BYTES));
        self.hasher.update(&run.subarray(self.at, end).to_vec());
        self.at = end;
        if end == run.length() {
            self.digests
                .push(core::mem::take(&mut self.hasher).finish());
            self.at = 0;
        }
        self.digests.len() == runs.length() as usize
    }
}

impl Hashes {
    /// Finds out what the platform offers.
    pub(super) fn new() -> Self {
        Self {
            digest: platform_digest(),
            running: SortedMap::new(),
            slice: None,
        }
    }

    /// Begins a batch.
    pub(super) fn start(
        &mut self,
        hash: HashId,
        segment: SegmentId,
        runs: Array,
        callback: &Callback,
    ) {
        let promised = self.digest.as_ref().and_then(|digest| ask(digest, &runs));
        let by_hand = promised.is_none().then(ByHand::default);
        self.running.insert(
            hash,
            Batch {
                segment,
                runs,
                by_hand,
            },
        );
        match promised {
            Some(all) => {
                let all: &Thenable = all.unchecked_ref();
                all.then(
                    &callback.on(Wake::Hashed, hash.0),
                    &callback.on(Wake::HashRefused, hash.0),
                );
            }
            None => self.arm(callback),
        }
    }

    /// The platform's digests of a batch, if it is still wanted.
    pub(super) fn hashed(&mut self, hash: HashId, results: &JsValue) -> Option<Vec<Digest>> {
        self.running.remove(&hash)?;
        let results: &Array = results.dyn_ref()?;
        results
            .iter()
            .map(|result| {
                let bytes: [u8; 32] = Uint8Array::new(&result).to_vec().try_into().ok()?;
                Some(Digest(bytes))
            })
            .collect()
    }

    /// The platform would not; the batch is hashed by hand.
    pub(super) fn refused(&mut self, hash: HashId, callback: &Callback) {
        if let Some(batch) = self.running.get_mut(&hash) {
            batch.by_hand = Some(ByHand::default());
            self.arm(callback);
        }
    }

    /// Hashes by hand for a while; gives a batch that is complete.
    pub(super) fn slice(&mut self, callback: &Callback) -> Option<(HashId, Vec<Digest>)> {
        self.slice = None;
        let until = now_ms() + SLICE_MS;
        let (hash, batch) = self
            .running
            .iter_mut()
            .find(|(_, batch)| batch.by_hand.is_some())?;
        let hash = *hash;
        let by_hand = batch.by_hand.as_mut()?;
        let mut all = false;
        while !all && now_ms() < until {
            all = by_hand.step(&batch.runs);
        }
        let done = if all {
            self.running.remove(&hash)?.by_hand
        } else {
            None
        };
        self.arm(callback);
        Some((hash, done?.digests))
    }

    /// Forgets the batches of a segment.
    pub(super) fn evict(&mut self, segment: SegmentId) {
        self.running.retain(|_, batch| batch.segment != segment);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.running.clear();
        self.slice = None;
    }

    /// Sees to it that the next slice comes, if one is needed.
    fn arm(&mut self, callback: &Callback) {
        let waiting = self.running.values().any(|batch| batch.by_hand.is_some());
        if waiting && self.slice.is_none() {
            self.slice = Some(Timer::after(0.0, &callback.on(Wake::HashSlice, 0)));
        }
    }
}

/// What the platform offers, if this is a secure context.
fn platform_digest() -> Option<Function> {
    let subtle = Platform::subtle();
    let digest = Reflect::get(&subtle, &"digest".into()).ok()?;
    let digest: &Function = digest.dyn_ref()?;
    Some(digest.bind1(&subtle, &"SHA-256".into()).unchecked_into())
}

/// One promise for all digests, or `None` if the platform refuses at once.
fn ask(digest: &Function, blocks: &Array) -> Option<Promise> {
    let blocks: &Blocks = blocks.unchecked_ref();
    let digests = blocks.map(digest).ok()?;
    Some(Promise::all(&digests))
}
