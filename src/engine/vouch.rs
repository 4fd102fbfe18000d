//! Trees that only neighbours vouch for: sampled against the CDN, compared between networks, refuted.
//!
//! Without a digest a leaf list is a neighbour's word. Blocks are checked against it, so all of a segment
//! is as true as the list. Here the list is doubted: one random block of it is fetched from the CDN
//! now and then, another holder on another network is asked for its own list, and where two lists
//! differ the CDN decides by a block in which they do. This is detection, not proof. Sharing goes on
//! meanwhile; a refuted tree is not taken again, and who vouched for it is closed.
//!
//! Invariant: samples are at most a hundredth of the bytes delivered, are taken only while the player's
//! buffer is comfortable and no segment is fetched, and are written into a buffer of their own: a
//! verified place is never touched.

use super::config::vouch::{CALM, REMEMBERED_MAX, SAMPLE_BACK_OFF, SAMPLE_PATIENCE, SAMPLE_SHARE};
use super::output::{Output, Part};
use super::peer::Link;
use super::{CloseReason, Engine, WarningCode};
use crate::base::{ByteRange, FetchId, HashId, Instant, LinkId, Network, PayloadId, SegmentId};
use crate::integrity::{BLOCK_LEN, Digest, block_range, root_of};
use crate::wire::{PeerMessage, SegmentKey};

/// All doubts.
#[derive(Debug, Default)]
pub(super) struct Vouching {
    sample: Option<Sample>,
    sampled_bytes: u64,
    not_before: Instant,
    /// Roots of trees that the CDN contradicts.
    refuted: Vec<Digest>,
}

/// One block of the CDN's, on its way to be compared.
#[derive(Debug)]
struct Sample {
    fetch: FetchId,
    began: Instant,
    /// The buffer it goes into.
    scratch: SegmentId,
    key: SegmentKey,
    url: String,
    claims: [Option<Claim>; 2],
    /// Where the block begins in the segment.
    start: u64,
    /// Bytes asked for, and come.
    asked: u64,
    received: u64,
    hash: Option<HashId>,
}

/// What one neighbour says of the sampled block.
#[derive(Clone, Copy, Debug)]
struct Claim {
    link: LinkId,
    root: Digest,
    leaf: Digest,
    len: u64,
}

/// What a peer told or sent of a block, until the CDN's whole copy is hashed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspicion {
    key: SegmentKey,
    index: usize,
    digest: Digest,
}

impl Vouching {
    fn refute(&mut self, root: Digest) {
        if !self.refuted.contains(&root) {
            self.refuted.push(root);
        }
        if self.refuted.len() > REMEMBERED_MAX {
            self.refuted.remove(0);
        }
    }
}

impl Engine {
    /// A neighbour's leaf list was just taken: asks somebody else, and the CDN, now and then.
    pub(super) fn doubt(&mut self, now: Instant, id: SegmentId) {
        self.expire_sample(now);
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        if segment.whole.is_some() {
            return; // the publisher's digest will tell
        }
        let Some((voucher, blocks)) = segment.leaves.as_ref().and_then(|list| {
            let blocks = u32::try_from(list.leaves.len()).unwrap_or(0);
            Some((list.voucher?, blocks))
        }) else {
            return;
        };
        let key = segment.key;
        self.ask_opinion(now, &key, voucher);
        let earned = (self.totals.cdn + self.totals.peers) / SAMPLE_SHARE;
        let spent = self.vouching.sampled_bytes + BLOCK_LEN;
        if spent > earned || now < self.vouching.not_before || !self.is_calm(now, id) {
            return;
        }
        let index = self.rng.below(blocks) as usize;
        let claims = [self.claim_of(id, voucher, index), None];
        self.start_sample(now, id, index, claims);
    }

    /// Asks one more holder, on another network if there is one, for its list of a segment.
    fn ask_opinion(&mut self, now: Instant, key: &SegmentKey, voucher: LinkId) {
        let network = |id: &LinkId| self.links.get(id).and_then(|link| link.network);
        let first = network(&voucher);
        let apart = |other: Option<Network>| first.is_none() || first != other;
        let mut best: Option<(bool, LinkId)> = None;
        for (id, link) in self.links.iter() {
            let asked = *id != voucher
                && link.is_greeted()
                && !link.choked
                && !link.conduct.is_resting(now)
                && link.opinion.is_none()
                && link
                    .haves
                    .held(key)
                    .is_some_and(|held| held.is_some_block())
                && apart(link.network);
            // Two known networks that differ are worth more than one that nobody knows.
            let known = first.is_some() && link.network.is_some();
            if asked && best.is_none_or(|(sure, _)| known && !sure) {
                best = Some((known, *id));
            }
        }
        let Some((_, id)) = best else { return };
        if let Some(link) = self.links.get_mut(&id) {
            link.conduct.owed_lists = link.conduct.owed_lists.saturating_add(1);
            link.opinion = Some(*key);
        }
        self.send(id, &PeerMessage::LeavesRequest { key: *key });
    }

    /// A list came from a link. Whether it was asked for as a second opinion; then it is compared.
    pub(super) fn take_opinion(
        &mut self,
        now: Instant,
        link: LinkId,
        id: SegmentId,
        size: u64,
        leaves: &[Digest],
    ) -> bool {
        let Some(segment) = self.segments.get(&id) else {
            return false;
        };
        let Some(peer) = self.links.get_mut(&link) else {
            return false;
        };
        if peer.opinion != Some(segment.key) {
            return false;
        }
        peer.opinion = None;
        let Some(list) = &segment.leaves else {
            return true;
        };
        let (Some(voucher), Some(known)) = (list.voucher, segment.size) else {
            return true;
        };
        let agrees = known == size && list.leaves == leaves;
        if agrees || leaves.len() as u64 != crate::integrity::block_count(size) {
            return true;
        }
        let message = format!(
            "two peers tell different contents of {}; the CDN decides",
            segment.url
        );
        let mut pairs = list.leaves.iter().zip(leaves);
        let common = pairs.len();
        let index = pairs.position(|(known, told)| known != told);
        let index = index.or(common.checked_sub(1));
        self.warn(WarningCode::Contradiction, message);
        let Some((index, leaf)) = index.and_then(|index| Some((index, *leaves.get(index)?))) else {
            return true;
        };
        let other = Claim {
            link,
            root: root_of(leaves),
            leaf,
            len: block_range(size, index as u64).len(),
        };
        let claims = [self.claim_of(id, voucher, index), Some(other)];
        if self.is_calm(now, id) {
            self.start_sample(now, id, index, claims);
        } else {
            for claim in claims.into_iter().flatten() {
                self.suspect(id, claim.link, index, claim.leaf);
            }
            self.restart(now, id);
        }
        true
    }

    fn claim_of(&self, id: SegmentId, voucher: LinkId, index: usize) -> Option<Claim> {
        let segment = self.segments.get(&id)?;
        let list = segment.leaves.as_ref()?;
        Some(Claim {
            link: voucher,
            root: root_of(&list.leaves),
            leaf: *list.leaves.get(index)?,
            len: segment.block_bytes(index).len(),
        })
    }

    /// The CDN may be asked for something that playback does not need.
    fn is_calm(&self, now: Instant, id: SegmentId) -> bool {
        self.vouching.sample.is_none()
            && self.fetches.is_empty()
            && !self.cdn.no_ranges
            && self
                .scene(now, id)
                .is_some_and(|scene| scene.latest.since(now) > CALM)
    }

    /// Fetches block `index` from the CDN into a buffer of its own. The range ends where a whole block
    /// would: a segment that goes on behind a list's end betrays it.
    fn start_sample(
        &mut self,
        now: Instant,
        id: SegmentId,
        index: usize,
        claims: [Option<Claim>; 2],
    ) {
        let (fetch, scratch) = (FetchId(self.mint()), SegmentId(self.mint()));
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let Some(request) = segment
            .download
            .as_ref()
            .and_then(|d| d.requests.first().copied())
        else {
            return;
        };
        let base = segment.range.map_or(0, |range| range.start);
        let limit = segment.range.map_or(u64::MAX, |range| range.end);
        let start = index as u64 * BLOCK_LEN;
        let range = ByteRange {
            start: base + start,
            end: (base + start + BLOCK_LEN).min(limit),
        };
        let (key, url) = (segment.key, segment.url.clone());
        self.vouching.sample = Some(Sample {
            fetch,
            began: now,
            scratch,
            key,
            url: url.clone(),
            claims,
            start,
            asked: range.len(),
            received: 0,
            hash: None,
        });
        self.vouching.sampled_bytes += range.len();
        self.out(Output::Reserve {
            segment: scratch,
            len: range.len(),
        });
        self.out(Output::StartFetch {
            fetch,
            request,
            url,
            range: Some(range),
            offset: start,
        });
    }

    fn is_sample(&self, fetch: FetchId) -> bool {
        let sample = self.vouching.sample.as_ref();
        sample.is_some_and(|sample| sample.fetch == fetch && sample.hash.is_none())
    }

    fn expire_sample(&mut self, now: Instant) {
        let sample = self.vouching.sample.as_ref();
        if sample.is_some_and(|sample| now >= sample.began + SAMPLE_PATIENCE) {
            self.drop_sample(true);
        }
    }

    /// Ends a sample without a verdict. What the CDN does not say is nobody's fault.
    pub(super) fn drop_sample(&mut self, stop: bool) {
        let Some(sample) = self.vouching.sample.take() else {
            return;
        };
        if stop && sample.hash.is_none() {
            self.out(Output::StopFetch {
                fetch: sample.fetch,
            });
        }
        self.out(Output::Evict {
            segment: sample.scratch,
        });
    }

    /// The head of a fetch. Whether it is the sample's; likewise the three below.
    pub(super) fn sample_head(&mut self, fetch: FetchId, partial: bool) -> bool {
        let ours = self.is_sample(fetch);
        if ours && !partial {
            // The whole of it would come: a hundredth is what a sample may cost.
            self.drop_sample(true);
            self.note_no_ranges();
        }
        ours
    }

    pub(super) fn sample_body(
        &mut self,
        fetch: FetchId,
        payload: PayloadId,
        offset: u64,
        len: u64,
    ) -> bool {
        if !self.is_sample(fetch) {
            return false;
        }
        self.totals.cdn += len;
        let Some(sample) = &mut self.vouching.sample else {
            return true;
        };
        let fits = offset == sample.start + sample.received
            && sample.received.saturating_add(len) <= sample.asked;
        if len == 0 || !fits {
            self.out(Output::Drop { payload });
            if !fits {
                self.drop_sample(true);
            }
            return true;
        }
        let part = Part {
            from: 0,
            len,
            at: sample.received,
        };
        sample.received += len;
        let segment = sample.scratch;
        self.out(Output::Place {
            payload,
            segment,
            parts: vec![part],
        });
        true
    }

    pub(super) fn sample_done(&mut self, fetch: FetchId) -> bool {
        if !self.is_sample(fetch) {
            return false;
        }
        let hash = HashId(self.mint());
        let Some(sample) = &mut self.vouching.sample else {
            return true;
        };
        if sample.received == 0 {
            self.drop_sample(false);
            return true;
        }
        sample.hash = Some(hash);
        let (segment, end) = (sample.scratch, sample.received);
        self.out(Output::Hash {
            hash,
            segment,
            blocks: vec![ByteRange { start: 0, end }],
        });
        true
    }

    pub(super) fn sample_failed(&mut self, now: Instant, fetch: FetchId) -> bool {
        let ours = self.is_sample(fetch);
        if ours {
            self.vouching.not_before = now + SAMPLE_BACK_OFF;
            self.drop_sample(false);
        }
        ours
    }

    /// The sample's hash is known: who told another leaf is refuted.
    pub(super) fn sample_hashed(&mut self, now: Instant, hash: HashId, digests: &[Digest]) -> bool {
        let sample = self.vouching.sample.as_ref();
        if sample.is_none_or(|sample| sample.hash != Some(hash)) {
            return false;
        }
        let Some(sample) = self.vouching.sample.take() else {
            return true;
        };
        self.out(Output::Evict {
            segment: sample.scratch,
        });
        for claim in sample.claims.into_iter().flatten() {
            let is_true = digests == [claim.leaf] && claim.len == sample.received;
            if !is_true {
                self.vouching.refute(claim.root);
                self.close_liar(now, claim.link, &sample.url);
            }
        }
        self.quarantine_tree(now, &sample.key);
        true
    }

    /// Forgets what is held under a refuted tree: who waits for it gets the CDN's.
    fn quarantine_tree(&mut self, now: Instant, key: &SegmentKey) {
        let Some(id) = self.by_number.get(&(key.track, key.number)).copied() else {
            return;
        };
        let refuted = self.segments.get(&id).is_some_and(|segment| {
            segment.key == *key
                && segment
                    .leaves
                    .as_ref()
                    .is_some_and(|list| list.voucher.is_some() && self.is_refuted(&list.leaves))
        });
        if !refuted {
            return;
        }
        if self.segments.get(&id).is_some_and(|s| s.download.is_some()) {
            self.restart(now, id);
        } else {
            self.evict(id);
        }
    }

    /// Whether the CDN has contradicted this tree.
    pub(super) fn is_refuted(&self, leaves: &[Digest]) -> bool {
        let refuted = &self.vouching.refuted;
        !refuted.is_empty() && refuted.contains(&root_of(leaves))
    }

    /// Notes who said or sent `digest` of a block that somebody else tells otherwise.
    pub(super) fn suspect(&mut self, id: SegmentId, link: LinkId, index: usize, digest: Digest) {
        let Some(key) = self.segments.get(&id).map(|segment| segment.key) else {
            return;
        };
        if let Some(link) = self.links.get_mut(&link) {
            link.suspicion = Some(Suspicion { key, index, digest });
        }
    }

    /// The CDN's whole copy of a segment is hashed: suspects whose block differs lied.
    pub(super) fn judge_suspects(&mut self, now: Instant, id: SegmentId) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let (key, url) = (segment.key, segment.url.clone());
        let lied = |link: &Link| {
            let told = link.suspicion.filter(|told| told.key == key);
            told.is_some_and(|told| segment.leaf(told.index) != Some(told.digest))
        };
        let liars = self.links.iter().filter(|(_, link)| lied(link));
        let liars: Vec<LinkId> = liars.map(|(id, _)| *id).collect();
        for link in self.links.values_mut() {
            link.suspicion = link.suspicion.filter(|told| told.key != key);
        }
        for link in liars {
            self.close_liar(now, link, &url);
        }
    }

    pub(super) fn close_liar(&mut self, now: Instant, link: LinkId, url: &str) {
        let message =
            format!("a peer's word about the content of {url} is not the CDN's; it was dropped");
        self.warn(WarningCode::WrongBlock, message);
        self.close_link(now, link, CloseReason::WrongBlock);
    }
}
