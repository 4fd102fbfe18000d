//! What the viewer's disk holds of earlier visits: it is asked before anybody else, neighbours are offered it before
//! its viewer asks, and what is whole here goes there.
//!
//! Invariant: only what the publisher's ROOT names goes to the disk or comes from it, and what comes is hashed and
//! compared with that ROOT before the player or a neighbour gets any of it. A disk costs a segment so much time at
//! the most, and nobody but itself is blamed for it. Decides not how much is kept, nor what gives way: the shell.

use super::config::disk::{LATE_MAX, MEMORY_PART, READ_MAX};
use super::output::{Output, Part};
use super::segment::{Block, Segment, Sender};
use super::{Engine, WarningCode};
use crate::base::{Instant, PayloadId, SegmentId, SortedSet};
use crate::integrity::Digest;

/// What is known of the disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// There is one.
    is_there: bool,
    /// What it holds, as far as is known: a read may find it gone.
    roots: SortedSet<Digest>,
    /// Read before anybody has asked for it.
    reading: Option<SegmentId>,
    /// Reads that did not come in time.
    late: u32,
}

/// How a download stands with the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Shelf {
    /// Not asked.
    #[default]
    Unasked,
    /// Asked; nobody else is before then.
    Asked { until: Instant },
    /// It brought the bytes, or did not.
    Done,
}

impl Segment {
    /// Its ROOT, where the disk could bring all of it: nothing is here, and its size is the publisher's.
    fn root_of_nothing(&self) -> Option<Digest> {
        let digest = self.digest.filter(|d| self.size == Some(d.size))?;
        let nothing = self.blocks.iter().all(|block| *block == Block::Missing);
        nothing.then_some(digest.root)
    }

    /// Its bytes are the disk's, and being hashed.
    fn awaits_verdict(&self) -> bool {
        let from = Sender::Disk;
        self.blocks.contains(&Block::Hashing { from })
    }
}

impl Engine {
    /// There is a disk, and it holds these (further) contents.
    pub(super) fn on_kept(&mut self, now: Instant, roots: &[Digest]) {
        self.disk.is_there = true;
        for root in roots {
            self.disk.roots.insert(*root);
        }
        // A disk is opened while the first segments come.
        let here: Vec<SegmentId> = self.segments.keys().copied().collect();
        for id in here {
            self.keep(id);
        }
        self.offer_kept(now);
    }

    /// A film's segment that is proven, and here whole, goes to the disk, once.
    pub(super) fn keep(&mut self, id: SegmentId) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let Some(digest) = segment.digest.filter(|_| segment.is_whole()) else {
            return;
        };
        // What a live window has left nobody asks for any more.
        let is_film = self.length(id).is_some_and(|(_, live)| !live);
        let may = self.disk.is_there && is_film && self.is_shareable(id);
        if may && self.disk.roots.insert(digest.root) {
            self.out(Output::Keep {
                segment: id,
                root: digest.root,
                len: digest.size,
            });
        }
    }

    /// The disk's turn, which is before everybody else's: until when a download waits for it, if it does.
    pub(super) fn await_disk(&mut self, now: Instant, id: SegmentId) -> Option<Instant> {
        let segment = self.segments.get(&id)?;
        if segment.awaits_verdict() {
            return Some(now + READ_MAX); // its verdict is a look of its own
        }
        let root = segment.root_of_nothing();
        let (shelf, until) = (segment.download.as_ref()?.shelf, now + READ_MAX);
        let shelf = match (shelf, root) {
            (Shelf::Unasked, Some(root)) if self.has_kept(&root) && self.is_shareable(id) => {
                self.read_kept(id, root, false);
                Shelf::Asked { until }
            }
            (Shelf::Asked { until }, Some(_)) if now >= until => {
                self.disk.late += 1;
                Shelf::Done
            }
            (shelf, _) => shelf,
        };
        let download = self.segments.get_mut(&id)?.download.as_mut()?;
        download.shelf = shelf;
        match shelf {
            Shelf::Asked { until } => Some(until).filter(|_| root.is_some()),
            Shelf::Unasked | Shelf::Done => None,
        }
    }

    /// Whether the disk has it, and brings what it has in time.
    fn has_kept(&self, root: &Digest) -> bool {
        self.disk.late < LATE_MAX && self.disk.roots.contains(root)
    }

    fn read_kept(&mut self, id: SegmentId, root: Digest, at_leisure: bool) {
        self.out(Output::ReadKept {
            segment: id,
            root,
            at_leisure,
        });
    }

    /// What the disk brought: all of a segment, or nothing.
    pub(super) fn on_kept_read(
        &mut self,
        now: Instant,
        id: SegmentId,
        read: Option<(PayloadId, u64)>,
    ) {
        if self.disk.reading == Some(id) {
            self.disk.reading = None;
        }
        let root = self.segments.get(&id).and_then(Segment::root_of_nothing);
        let (Some(root), Some(segment)) = (root, self.segments.get_mut(&id)) else {
            // It is gone, or others were faster.
            return self.drop_read(read);
        };
        if let Some(download) = &mut segment.download {
            download.shelf = Shelf::Done;
        }
        match read {
            Some((payload, len)) if segment.size == Some(len) => {
                segment.used = now;
                segment.from_disk = true;
                segment.timing = self.cdn.timing_of(len);
                segment.blocks.fill(Block::Hashing { from: Sender::Disk });
                let blocks = (0..segment.blocks.len()).collect();
                self.reserve(id, len);
                let (from, at) = (0, 0);
                self.out(Output::Place {
                    payload,
                    segment: id,
                    parts: vec![Part { from, len, at }],
                });
                self.hash(id, blocks);
            }
            _ => {
                self.disk.roots.remove(&root);
                self.drop_read(read);
                self.forget_unwanted(id);
            }
        }
        self.drive(now, id);
        self.offer_kept(now);
    }

    pub(super) fn drop_read(&mut self, read: Option<(PayloadId, u64)>) {
        if let Some((payload, _)) = read {
            self.out(Output::Drop { payload });
        }
    }

    /// What the disk brought is not what it was given: it is forgotten, and fetched as if it had never been there.
    /// Once it is here it goes to the disk anew.
    pub(super) fn refuse_kept(&mut self, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let message = format!(
            "what the disk kept of {} has changed there; it was not used",
            segment.url
        );
        if let Some(digest) = segment.digest {
            self.disk.roots.remove(&digest.root);
        }
        segment.clear();
        segment.reserved = 0;
        self.warn(WarningCode::DiskChanged, message);
        self.out(Output::Evict { segment: id });
        self.forget_unwanted(id);
    }

    fn forget_unwanted(&mut self, id: SegmentId) {
        let is_unwanted = |segment: &Segment| segment.download.is_none();
        if self.segments.get(&id).is_some_and(is_unwanted) {
            self.evict(id);
        }
    }

    /// While the player plays and there is a neighbour, what the disk holds of the stream is read before anybody asks, a
    /// segment at a time from the playhead on, until a part of the memory is full: neighbours hear of each.
    pub(super) fn offer_kept(&mut self, now: Instant) {
        let is_idle = self.disk.reading.is_none() && !self.disk.roots.is_empty();
        let is_heard = self.may_upload() && self.greeted().next().is_some();
        if !is_idle || !is_heard || !self.playback.is_moving() {
            return;
        }
        let Some((track, number)) = self.next_offer() else {
            return;
        };
        let Some(id) = self.segment_at(now, track, number) else {
            return;
        };
        let root = self.segments.get(&id).and_then(Segment::root_of_nothing);
        if let Some(root) = root.filter(|_| self.is_shareable(id)) {
            self.disk.reading = Some(id);
            self.read_kept(id, root, true);
        }
    }

    /// The listed segment after the one that was used last, which the disk holds and nobody has looked at.
    fn next_offer(&self) -> Option<(usize, u64)> {
        let used = self.segments.values().max_by_key(|segment| segment.used)?;
        let (track, at) = (self.timeline.track_index(used.key.track)?, used.key.number);
        let room = self.config.memory_limit_bytes / MEMORY_PART;
        let room = room.saturating_sub(self.cache_bytes());
        let listed = &self.timeline.tracks().get(track)?.segments;
        let ahead = listed.iter().filter(|entry| entry.number > at);
        let mut all = ahead.chain(listed);
        let next = all.find(|entry| {
            let known = (used.key.track, entry.number);
            let digest = entry.digest.filter(|d| d.size <= room);
            digest.is_some_and(|d| self.has_kept(&d.root)) && !self.by_number.contains_key(&known)
        })?;
        Some((track, next.number))
    }
}
