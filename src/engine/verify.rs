//! Verdicts: bytes are hashed once, compared with the leaf list, and become verified or are somebody's
//! fault.
//!
//! Invariant: no block from a peer is served or handed over before it equals its leaf; where the
//! publisher's root proves the leaf list, a wrong block names its sender.

use super::config::verify::{ANNOUNCE_BLOCKS, ANNOUNCE_EVERY, ANNOUNCE_PARTS};
use super::output::{Output, Part};
use super::peer::Held;
use super::segment::{Block, LeafList, Sender};
use super::{CloseReason, Engine, WarningCode};
use crate::base::{ByteRange, Duration, HashId, Instant, LinkId, PayloadId, SegmentId};
use crate::integrity::Digest;
use crate::wire::{BlockHeader, HaveEntry, Holding, PeerMessage};

/// Blocks whose hashes are awaited.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) segment: SegmentId,
    /// None: the whole segment.
    pub(super) blocks: Vec<usize>,
}

impl Engine {
    /// A message of the block channel.
    pub(super) fn on_link_block(
        &mut self,
        now: Instant,
        link: LinkId,
        payload: PayloadId,
        header: &[u8],
        len: u64,
    ) {
        let Some(peer) = self
            .links
            .get(&link)
            .filter(|l| l.is_greeted())
            .and_then(|l| l.peer)
        else {
            return self.out(Output::Drop { payload });
        };
        let Ok(header) = BlockHeader::decode(header) else {
            self.out(Output::Drop { payload });
            return self.close_link(now, link, CloseReason::Protocol);
        };
        let owed = self.settle_debt(now, link, header.count);
        let Some(id) = self.serveable(&header.key).ok().filter(|_| owed) else {
            return self.discard(payload, len);
        };
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let first = header.first as usize;
        let end = first + usize::from(header.count);
        if end > segment.blocks.len() {
            return self.discard(payload, len);
        }
        let run = ByteRange {
            start: segment.block_bytes(first).start,
            end: segment.block_bytes(end - 1).end,
        };
        if run.len() != len {
            let vouched = segment.voucher().is_some_and(|voucher| voucher != link);
            self.out(Output::Drop { payload });
            if vouched {
                // Two neighbours tell two sizes.
                return self.doubt_both(now, id, link, None);
            }
            return self.close_link(now, link, CloseReason::Protocol);
        }
        let from = Sender::Peer(link, peer);
        let mut asked = Vec::new();
        let mut parts: Vec<Part> = Vec::new();
        for index in first..end {
            if !segment.take_asked(index, link, from) {
                continue;
            }
            asked.push(index);
            let bytes = segment.block_bytes(index);
            match parts.last_mut() {
                Some(last) if last.at + last.len == bytes.start => last.len += bytes.len(),
                Some(_) | None => parts.push(Part {
                    from: bytes.start - run.start,
                    len: bytes.len(),
                    at: bytes.start,
                }),
            }
        }
        if asked.is_empty() {
            return self.discard(payload, len);
        }
        if let Some(download) = &mut segment.download {
            download.note_bytes(now);
        }
        self.note_arrival(now, link, asked.len(), len, id);
        self.out(Output::Place {
            payload,
            segment: id,
            parts,
        });
        self.hash(id, asked);
        self.drive(now, id);
        self.share_room(now, link, id);
    }

    fn note_arrival(&mut self, now: Instant, link: LinkId, blocks: usize, len: u64, id: SegmentId) {
        // What nobody waits for may come as late as it likes: it makes nothing good.
        let is_waited_for = !self.is_ahead(id);
        let Some(link) = self.links.get_mut(&link) else {
            return;
        };
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        link.outstanding = link.outstanding.saturating_sub(blocks);
        if is_waited_for {
            link.conduct.in_vain = 0;
        }
        let span = now.since(link.progress_at).max(Duration::from_micros(200));
        link.rate.add(now, len, span);
        link.progress_at = now;
        let span = now.since(self.intake_at).max(Duration::from_micros(200));
        self.intake.add(now, len, span);
        self.intake_at = now;
    }

    /// Late, unrequested or duplicate: dropped unhashed, without blame.
    fn discard(&mut self, payload: PayloadId, len: u64) {
        self.totals.discarded += len;
        self.out(Output::Drop { payload });
    }

    /// Asks the shell to hash blocks whose state is `Hashing`.
    pub(super) fn hash(&mut self, id: SegmentId, blocks: Vec<usize>) {
        if blocks.is_empty() {
            return;
        }
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let ranges = blocks
            .iter()
            .map(|index| segment.block_bytes(*index))
            .collect();
        let hash = HashId(self.mint());
        self.hashes.insert(
            hash,
            Batch {
                segment: id,
                blocks,
            },
        );
        self.out(Output::Hash {
            hash,
            segment: id,
            blocks: ranges,
        });
    }

    /// Hashes of a segment's bytes as they were mean nothing any more.
    pub(super) fn forget_hashes(&mut self, id: SegmentId) {
        self.hashes.retain(|_, batch| batch.segment != id);
    }

    pub(super) fn on_hashed(&mut self, now: Instant, hash: HashId, digests: &[Digest]) {
        if self.sample_hashed(now, hash, digests) || self.rechecked(now, hash, digests) {
            return;
        }
        let Some(Batch {
            segment: id,
            blocks,
        }) = self.hashes.remove(&hash)
        else {
            return;
        };
        if let (true, [digest]) = (blocks.is_empty(), digests) {
            return self.on_whole_hashed(now, id, *digest);
        }
        let mut wrong: Option<(Sender, usize, Digest)> = None;
        for (index, digest) in blocks.iter().zip(digests) {
            let Some(segment) = self.segments.get_mut(&id) else {
                return;
            };
            let Some(Block::Hashing { from }) = segment.blocks.get(*index).copied() else {
                continue;
            };
            let bytes = segment.block_bytes(*index).len();
            let leaf = segment.leaf(*index);
            if let (Some(whole), Some(_)) = (&mut segment.whole, leaf) {
                whole.note(*index, *digest, from);
            }
            let is_right = leaf == Some(*digest);
            let is_early = leaf.is_none() && !matches!(from, Sender::Peer(..));
            let verdict = if is_early || (is_right && segment.whole.is_some()) {
                Block::Hashed { digest: *digest }
            } else if is_right {
                Block::Verified
            } else {
                Block::Missing
            };
            if let Some(block) = segment.blocks.get_mut(*index) {
                *block = verdict;
            }
            if verdict == Block::Verified {
                self.credit(id, from, bytes);
            } else if verdict == Block::Missing {
                self.totals.discarded += bytes;
                wrong.get_or_insert((from, *index, *digest));
            }
        }
        match wrong {
            Some((Sender::Peer(link, _), index, digest)) if self.is_vouched_by_other(id, link) => {
                self.doubt_both(now, id, link, Some((index, digest)));
            }
            Some((from, _, _)) => self.blame(now, id, from),
            None => {}
        }
        self.settle(now, id);
    }

    /// After new verdicts: own leaves, announcements, the race.
    pub(super) fn settle(&mut self, now: Instant, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        match segment.adopt_own_leaves() {
            Some(false) if segment.from_disk => self.refuse_kept(id),
            Some(false) => return self.contradicted(now, id, None),
            Some(true) => self.judge_suspects(now, id),
            None => {}
        }
        self.hash_whole(id);
        self.announce_progress(now, id);
        self.report_progress(id);
        self.write_receipts(now, false);
        self.keep(id);
        self.drive(now, id);
        self.trim_cache();
    }

    pub(super) fn credit(&mut self, id: SegmentId, from: Sender, bytes: u64) {
        let Sender::Peer(link, peer) = from else {
            return;
        };
        self.totals.peers += bytes;
        if let Some(link) = self.links.get_mut(&link) {
            link.received_bytes += bytes;
            link.credit += bytes;
        }
        let download = self.segments.get_mut(&id).and_then(|s| s.download.as_mut());
        let before = download.map(|download| {
            let sum = download.senders.or_default(peer);
            *sum += bytes;
            *sum - bytes
        });
        self.ledger.note(peer, bytes, before == Some(0));
    }

    /// A block differs from its leaf: whose fault is it?
    pub(super) fn blame(&mut self, now: Instant, id: SegmentId, from: Sender) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let voucher = segment.voucher();
        let contradicts_itself = matches!(from, Sender::Peer(link, _) if Some(link) == voucher);
        if segment.whole.is_some() && !contradicts_itself {
            return self.compare_later(now, id);
        }
        let url = segment.url.clone();
        match (from, voucher) {
            (Sender::Disk, _) => self.refuse_kept(id),
            // The publisher's root proves the leaf: the sender lied, or the CDN did.
            (Sender::Peer(link, peer), None) => {
                let message = format!(
                    "peer {} sent a block of {url} that is not the publisher's; it was dropped",
                    peer.to_hex()
                );
                self.warn(WarningCode::WrongBlock, message);
                self.close_link(now, link, CloseReason::WrongBlock);
            }
            (Sender::Cdn, None) => self.contradicted(now, id, None),
            // It vouched for the leaf itself.
            (Sender::Peer(link, _), Some(_)) => {
                let message = format!(
                    "a peer sent a block of {url} that contradicts its own leaf list; it was dropped"
                );
                self.warn(WarningCode::WrongBlock, message);
                self.close_link(now, link, CloseReason::WrongBlock);
                self.restart(now, id);
            }
            (Sender::Cdn, Some(voucher)) => {
                let message =
                    format!("a peer's leaf list of {url} is not the CDN's; it was dropped");
                self.warn(WarningCode::WrongBlock, message);
                self.close_link(now, voucher, CloseReason::WrongBlock);
                self.restart(now, id);
            }
        }
    }

    fn is_vouched_by_other(&self, id: SegmentId, sender: LinkId) -> bool {
        let voucher = self.segments.get(&id).and_then(|s| s.voucher());
        voucher.is_some_and(|voucher| voucher != sender)
    }

    /// A block differs from a leaf that only another neighbour vouches for: neither is believed here,
    /// and the CDN's whole copy will tell who lied.
    fn doubt_both(
        &mut self,
        now: Instant,
        id: SegmentId,
        sender: LinkId,
        sent: Option<(usize, Digest)>,
    ) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        if segment.whole.is_some() {
            return self.compare_later(now, id);
        }
        let (key, voucher) = (segment.key, segment.voucher());
        let index = sent.map_or(segment.blocks.len() - 1, |(index, _)| index);
        if let (Some(voucher), Some(leaf)) = (voucher, segment.leaf(index)) {
            self.suspect(id, voucher, index, leaf);
        }
        if let Some((index, digest)) = sent {
            self.suspect(id, sender, index, digest);
        }
        for doubtful in [Some(sender), voucher].into_iter().flatten() {
            if let Some(link) = self.links.get_mut(&doubtful) {
                link.haves.forget(&key);
            }
        }
        self.restart(now, id);
    }

    /// A segment's leaf list from a peer.
    pub(super) fn on_leaves(
        &mut self,
        now: Instant,
        link: LinkId,
        key: &crate::wire::SegmentKey,
        size: u64,
        leaves: Vec<Digest>,
    ) {
        let owed = self.settle_list(now, link);
        let Some(id) = self.serveable(key).ok().filter(|_| owed) else {
            return;
        };
        if self.take_opinion(now, link, id, size, &leaves) {
            return;
        }
        let is_refuted = self.is_refuted(&leaves);
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let asked = segment
            .download
            .as_ref()
            .and_then(|d| d.leaves_asked)
            .is_some_and(|(asked, _)| asked == link);
        if !asked || segment.leaves.is_some() {
            return;
        }
        if size == 0 || size > self.config.memory_limit_bytes {
            return self.close_link(now, link, CloseReason::Protocol);
        }
        if !segment.accepts_leaves(size, &leaves) {
            let proven = segment.digest.is_some();
            if proven {
                return self.close_link(now, link, CloseReason::WrongBlock);
            }
            if let Some(download) = &mut segment.download {
                download.shunned.insert(link);
                download.leaves_asked = None;
            }
            return self.drive(now, id);
        }
        let voucher = segment.digest.is_none().then_some(link);
        if is_refuted && voucher.is_some() {
            return self.close_link(now, link, CloseReason::WrongBlock);
        }
        if segment.size.is_none() {
            segment.set_size(size);
        }
        segment.leaves = Some(LeafList { leaves, voucher });
        if let Some(link) = self.links.get_mut(&link) {
            link.progress_at = now;
        }
        self.reserve(id, size);
        self.compare_hashed(now, id);
        self.doubt(now, id);
        self.drive(now, id);
    }

    /// Bytes of the CDN that were hashed before the leaf list came.
    pub(super) fn compare_hashed(&mut self, now: Instant, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let mut wrong = false;
        for index in 0..segment.blocks.len() {
            let leaf = segment.leaf(index);
            if let Some(block @ Block::Hashed { .. }) = segment.blocks.get_mut(index) {
                wrong |= leaf.is_none_or(|digest| *block != Block::Hashed { digest });
                if segment.whole.is_none() {
                    *block = Block::Verified;
                }
            }
        }
        if wrong {
            self.blame(now, id, Sender::Cdn);
        }
    }

    /// Tells neighbours of newly verified blocks: the whole at once, parts in steps.
    fn announce_progress(&mut self, now: Instant, id: SegmentId) {
        if !self.may_upload() || !self.is_shareable(id) {
            return;
        }
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let verified = segment.verified();
        let whole = segment.is_whole();
        let step = ANNOUNCE_BLOCKS.max(segment.blocks.len() / ANNOUNCE_PARTS);
        let first = segment.announced == 0;
        let early =
            verified < segment.announced + step || now < segment.announced_at + ANNOUNCE_EVERY;
        if verified <= segment.announced || (!whole && !first && early) {
            return;
        }
        segment.announced = verified;
        segment.announced_at = now;
        segment.promised = segment.promised.filter(|_| !whole);
        let holding = if whole {
            Holding::Whole
        } else {
            Holding::Partial(segment.verified_bits())
        };
        let entry = HaveEntry {
            key: segment.key,
            holding,
        };
        let key = entry.key;
        let message = PeerMessage::Have(vec![entry]);
        // Who holds all of it has no use for parts; and parts are told a dozen times a segment.
        self.tell(&message, |link| {
            whole || link.haves.held(&key) != Some(&Held::Whole)
        });
    }
}
