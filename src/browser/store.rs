//! Segments' bytes and payloads that wait, all in JavaScript's memory. Decides nothing.
//!
//! Invariant: a segment's bytes change only by [`Store::place`]; a payload is placed or dropped once.

use super::convert::position;
use crate::base::{ByteRange, PayloadId, SegmentId, SortedMap};
use crate::engine::Part;
use js_sys::{ArrayBuffer, Uint8Array};

/// Maps from id to buffer, and nothing else.
#[derive(Debug, Default)]
pub(super) struct Store {
    segments: SortedMap<SegmentId, Uint8Array>,
    payloads: SortedMap<PayloadId, Uint8Array>,
    next_payload: u32,
}

impl Store {
    /// Lets `bytes` wait and gives them a name.
    pub(super) fn wait(&mut self, bytes: Uint8Array) -> PayloadId {
        let id = PayloadId(self.next_payload);
        self.next_payload = self.next_payload.wrapping_add(1);
        self.payloads.insert(id, bytes);
        id
    }

    /// Forgets a waiting payload.
    pub(super) fn drop_payload(&mut self, payload: PayloadId) {
        self.payloads.remove(&payload);
    }

    /// Makes a segment's buffer at least `len` bytes long.
    pub(super) fn reserve(&mut self, segment: SegmentId, len: u64) {
        let len = position(len);
        let old = self.segments.get(&segment);
        let had = old.map_or(0, Uint8Array::length);
        if old.is_some() && had >= len {
            return;
        }
        // A response without a length grows as it comes; by half, so that copying stays linear.
        let fresh = Uint8Array::new_with_length(len.max(had.saturating_add(had / 2)));
        if let Some(old) = old {
            fresh.set(old, 0);
        }
        self.segments.insert(segment, fresh);
    }

    /// Copies parts of a payload into a segment, then forgets the payload.
    pub(super) fn place(&mut self, payload: PayloadId, segment: SegmentId, parts: &[Part]) {
        let Some(bytes) = self.payloads.remove(&payload) else {
            return;
        };
        for part in parts {
            self.reserve(segment, part.at.saturating_add(part.len));
            let (from, end) = (position(part.from), position(part.from + part.len));
            if let Some(buffer) = self.segments.get(&segment)
                && end <= bytes.length()
            {
                buffer.set(&bytes.subarray(from, end), position(part.at));
            }
        }
    }

    /// A view of bytes of a segment, if they are there.
    pub(super) fn view(&self, segment: SegmentId, range: ByteRange) -> Option<Uint8Array> {
        let buffer = self.segments.get(&segment)?;
        let end = position(range.end);
        (end <= buffer.length()).then(|| buffer.subarray(position(range.start), end))
    }

    /// A fresh copy of a segment's first `len` bytes, for whoever may detach it.
    pub(super) fn copy(&self, segment: SegmentId, len: u64) -> Option<ArrayBuffer> {
        let buffer = self.segments.get(&segment)?;
        (u64::from(buffer.length()) >= len)
            .then(|| buffer.buffer().slice_with_end(0, position(len)))
    }

    /// Forgets a segment's bytes.
    pub(super) fn evict(&mut self, segment: SegmentId) {
        self.segments.remove(&segment);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.payloads.clear();
    }
}
