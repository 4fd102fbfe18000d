//! What one shell holds: for each block of each segment, whose content lies in its place. Marks, not
//! bytes: a block has the digest of its content's mark, so a wrong one is found as in life.
//!
//! Invariant: it writes only where it is told to and tells the oracle when that was wrong: a place under
//! hash or served, a payload that is not there.

use super::origin::{Content, Origin};
use crate::base::{ByteRange, HashId, PayloadId, SegmentId, SortedMap};
use crate::engine::Part;
use crate::integrity::{BLOCK_LEN, Digest};

const HASHING: u8 = 1;
const SERVED: u8 = 2;

/// A run of bytes: whose they are and where they belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taint {
    pub(super) content: Content,
    pub(super) start: u64,
    pub(super) len: u64,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    content: Option<Content>,
    frozen: u8,
}

/// The store of one shell.
#[derive(Debug, Default)]
pub(super) struct Store {
    held: SortedMap<SegmentId, Vec<Cell>>,
    hashing: SortedMap<HashId, (SegmentId, Vec<ByteRange>)>,
    waiting: Option<(PayloadId, Taint)>,
    next_payload: u32,
    /// Bytes reserved, all segments.
    pub(super) bytes: u64,
    /// Bytes that were dropped or written over.
    pub(super) wasted: u64,
}

/// What the engine did wrong with the store.
pub(super) type Wrong = &'static str;

fn index(at: u64) -> usize {
    usize::try_from(at / BLOCK_LEN).unwrap_or(usize::MAX)
}

impl Store {
    /// Bytes wait to be placed or dropped.
    pub(super) fn wait(&mut self, taint: Taint) -> PayloadId {
        self.next_payload += 1;
        let payload = PayloadId(self.next_payload);
        self.waiting = Some((payload, taint));
        payload
    }

    /// Hashes under way.
    pub(super) fn under_hash(&self) -> usize {
        self.hashing.len()
    }

    /// Whether the last payload is still waiting: it must not be, once the outputs are carried out.
    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    pub(super) fn reserve(&mut self, segment: SegmentId, len: u64) -> Result<(), Wrong> {
        let cells = self.held.or_default(segment);
        let count = index(len.div_ceil(BLOCK_LEN) * BLOCK_LEN);
        if count < cells.len() {
            return Err("a buffer shrinks");
        }
        self.bytes += (count - cells.len()) as u64 * BLOCK_LEN;
        let empty = Cell {
            content: None,
            frozen: 0,
        };
        cells.resize(count, empty);
        Ok(())
    }

    pub(super) fn drop_payload(&mut self, payload: PayloadId) -> Result<(), Wrong> {
        match self.waiting.take() {
            Some((waiting, taint)) if waiting == payload => {
                self.wasted += taint.len;
                Ok(())
            }
            Some(_) | None => Err("a payload is dropped that does not wait"),
        }
    }

    pub(super) fn place(
        &mut self,
        payload: PayloadId,
        segment: SegmentId,
        parts: &[Part],
    ) -> Result<(), Wrong> {
        let Some((_, taint)) = self
            .waiting
            .take()
            .filter(|(waiting, _)| *waiting == payload)
        else {
            return Err("a payload is placed that does not wait");
        };
        let Some(cells) = self.held.get_mut(&segment) else {
            return Err("a payload is placed into no buffer");
        };
        let mut wrong = None;
        let mut placed = 0;
        for part in parts {
            let end = part.at + part.len;
            let whole = part.at % BLOCK_LEN == 0
                && (end % BLOCK_LEN == 0 || end == taint.start + taint.len);
            if !whole || part.from + part.len > taint.len {
                wrong = Some("a block is placed in pieces");
                continue;
            }
            placed += part.len;
            // In another place than its own, it is another content.
            let own = part.at == taint.start + part.from;
            let content = if own {
                taint.content
            } else {
                taint.content.wrong()
            };
            let Some(cells) = cells.get_mut(index(part.at)..index(end + BLOCK_LEN - 1)) else {
                wrong = Some("a payload is placed outside its buffer");
                continue;
            };
            for cell in cells {
                if cell.frozen != 0 {
                    wrong = Some("a place under hash or served is written");
                }
                if cell.content.is_some() {
                    self.wasted += BLOCK_LEN;
                }
                cell.content = Some(content);
            }
        }
        self.wasted += taint.len.saturating_sub(placed);
        wrong.map_or(Ok(()), Err)
    }

    /// The digests of blocks; their places are frozen until `hashed`.
    pub(super) fn hash(
        &mut self,
        hash: HashId,
        segment: SegmentId,
        blocks: Vec<ByteRange>,
        origin: &Origin,
    ) -> Result<Vec<Digest>, Wrong> {
        let cells = self.held.get_mut(&segment);
        let cells = cells.ok_or("blocks are hashed of no buffer")?;
        let mut digests = Vec::with_capacity(blocks.len());
        for run in &blocks {
            let cell = cells.get_mut(index(run.start));
            let cell = cell.ok_or("a block is hashed outside its buffer")?;
            let content = cell.content.ok_or("a hole is hashed")?;
            cell.frozen |= HASHING;
            digests.push(origin.digest(content, index(run.start)));
        }
        self.hashing.insert(hash, (segment, blocks));
        Ok(digests)
    }

    /// The hash is over. Whether it still matters: an eviction forgets it.
    pub(super) fn hashed(&mut self, hash: HashId) -> bool {
        let Some((segment, blocks)) = self.hashing.remove(&hash) else {
            return false;
        };
        if let Some(cells) = self.held.get_mut(&segment) {
            for run in blocks {
                cells[index(run.start)].frozen &= !HASHING;
            }
        }
        true
    }

    /// Bytes leave to a peer. Blocks of two contents in one run count as wrong.
    pub(super) fn serve(
        &mut self,
        segment: SegmentId,
        start: u64,
        len: u64,
    ) -> Result<Taint, Wrong> {
        let cells = self.held.get_mut(&segment);
        let cells =
            cells.and_then(|cells| cells.get_mut(index(start)..index(start + len + BLOCK_LEN - 1)));
        let cells = cells.ok_or("bytes are served that are not held")?;
        let mut content = None;
        for cell in cells {
            let here = cell.content.ok_or("a hole is served")?;
            cell.frozen |= SERVED;
            content = match content {
                Some(before) if before != here => Some(here.wrong()),
                Some(_) | None => Some(here),
            };
        }
        let content = content.ok_or("nothing is served")?;
        Ok(Taint {
            content,
            start,
            len,
        })
    }

    /// Whether the segment's first `len` bytes are all of `content`.
    pub(super) fn is_all(&self, segment: SegmentId, len: u64, content: Content) -> bool {
        let count = index(len + BLOCK_LEN - 1);
        self.held.get(&segment).is_some_and(|cells| {
            let cells = cells.get(..count);
            cells.is_some_and(|cells| cells.iter().all(|cell| cell.content == Some(content)))
        })
    }

    /// Every byte here becomes another one.
    #[cfg(test)]
    pub(super) fn tamper(&mut self) {
        for cell in self.held.values_mut().flatten() {
            cell.content = cell.content.map(Content::wrong);
        }
    }

    /// Forgets all but what it counted.
    pub(super) fn clear(&mut self) {
        *self = Self {
            wasted: self.wasted,
            ..Self::default()
        };
    }

    pub(super) fn evict(&mut self, segment: SegmentId) {
        if let Some(cells) = self.held.remove(&segment) {
            self.bytes -= cells.len() as u64 * BLOCK_LEN;
        }
        self.hashing.retain(|_, (hashed, _)| *hashed != segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: SegmentId = SegmentId(7);

    fn held() -> (Store, Content) {
        let content = Content::of(1);
        let mut store = Store::default();
        store.reserve(SEGMENT, 3 * BLOCK_LEN - 5).unwrap();
        assert_eq!(put(&mut store, content, 0, 3 * BLOCK_LEN - 5), Ok(()));
        (store, content)
    }

    fn put(store: &mut Store, content: Content, start: u64, len: u64) -> Result<(), Wrong> {
        let payload = store.wait(Taint {
            content,
            start,
            len,
        });
        let part = Part {
            from: 0,
            len,
            at: start,
        };
        store.place(payload, SEGMENT, &[part])
    }

    #[test]
    fn what_is_placed_is_there_and_served() {
        let (mut store, content) = held();
        assert!(store.is_all(SEGMENT, 3 * BLOCK_LEN - 5, content));
        assert!(
            !store.is_all(SEGMENT, 3 * BLOCK_LEN + 5, content),
            "nor is there more"
        );
        let served = store.serve(SEGMENT, BLOCK_LEN, BLOCK_LEN).unwrap();
        assert_eq!((served.content, served.start), (content, BLOCK_LEN));
        assert_eq!(store.wasted, 0);
    }

    #[test]
    fn a_served_place_is_never_written() {
        let (mut store, content) = held();
        store.serve(SEGMENT, BLOCK_LEN, BLOCK_LEN).unwrap();
        assert!(put(&mut store, content, BLOCK_LEN, BLOCK_LEN).is_err());
        assert_eq!(
            put(&mut store, content, 0, BLOCK_LEN),
            Ok(()),
            "its neighbour may be"
        );
        assert_eq!(store.wasted, 2 * BLOCK_LEN, "and both came twice");
    }

    #[test]
    fn holes_and_pieces_are_told() {
        let (mut store, content) = held();
        store.reserve(SEGMENT, 5 * BLOCK_LEN).unwrap();
        assert!(store.serve(SEGMENT, 3 * BLOCK_LEN, BLOCK_LEN).is_err());
        assert!(put(&mut store, content, 10, BLOCK_LEN).is_err());
        assert!(store.reserve(SEGMENT, BLOCK_LEN).is_err());
        let payload = store.wait(Taint {
            content,
            start: 0,
            len: 9,
        });
        assert_eq!(store.drop_payload(payload), Ok(()));
        assert!(store.drop_payload(payload).is_err());
    }

    #[test]
    fn one_wrong_block_makes_a_run_wrong() {
        let (mut store, content) = held();
        assert_eq!(put(&mut store, content.wrong(), 0, BLOCK_LEN), Ok(()));
        assert!(
            store
                .serve(SEGMENT, 0, 2 * BLOCK_LEN)
                .unwrap()
                .content
                .is_wrong()
        );
        assert_eq!(
            store.serve(SEGMENT, BLOCK_LEN, BLOCK_LEN).unwrap().content,
            content
        );
    }
}
