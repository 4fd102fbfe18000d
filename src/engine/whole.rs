//! Segments of which only a SHA-256 of the whole is known (PeerTube, DASH): proven late, so nothing of
//! them leaves early.
//!
//! Blocks from peers are placed under a leaf list that a neighbour vouches for and stay `Hashed`; when
//! all are here the whole is hashed (the one case in which a byte is hashed twice) and only then they
//! are `Verified`. A mismatch is nobody's proof yet: the CDN's whole copy is fetched, and once that
//! equals the digest, whoever sent or vouched for a block that differs from it is dropped.
//! Invariant: the publisher's digest decides; where the CDN contradicts it too, nobody is blamed.

use super::segment::{Block, LeafList, Sender};
use super::verify::Batch;
use super::{Engine, Output};
use crate::base::{ByteRange, HashId, Instant, LinkId, SegmentId};
use crate::integrity::Digest;

/// What is known of a segment with such a digest.
#[derive(Debug)]
pub(super) struct Whole {
    digest: Digest,
    /// The hash of all bytes is awaited.
    asked: bool,
    /// Blocks that peers sent.
    sent: Vec<(usize, Sender)>,
    /// What was said of blocks in a copy that was wrong, and by whom.
    doubts: Vec<(usize, Digest, LinkId)>,
}

impl Whole {
    pub(super) fn new(digest: Digest) -> Self {
        Self {
            digest,
            asked: false,
            sent: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// The bytes are gone; doubts stay until the CDN's copy settles them.
    pub(super) fn clear(&mut self) {
        self.asked = false;
        self.sent.clear();
    }

    /// Whether any of the bytes here came from a peer.
    pub(super) fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// A block was hashed.
    pub(super) fn note(&mut self, index: usize, digest: Digest, from: Sender) {
        if let Sender::Peer(link, _) = from {
            self.sent.push((index, from));
            self.doubt(index, digest, link);
        }
    }

    fn doubt(&mut self, index: usize, digest: Digest, link: LinkId) {
        self.doubts.push((index, digest, link));
    }
}

impl Engine {
    /// Hashes the whole, once every block is here and hashed.
    pub(super) fn hash_whole(&mut self, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let hashed = |block: &Block| matches!(block, Block::Hashed { .. });
        let (Some(whole), Some(size)) = (&mut segment.whole, segment.size) else {
            return;
        };
        if whole.asked || segment.private || !segment.blocks.iter().all(hashed) {
            return;
        }
        whole.asked = true;
        let hash = HashId(self.mint());
        let batch = Batch {
            segment: id,
            blocks: Vec::new(),
        };
        self.hashes.insert(hash, batch);
        self.out(Output::Hash {
            hash,
            segment: id,
            blocks: vec![ByteRange {
                start: 0,
                end: size,
            }],
        });
    }

    /// The hash of the whole is here.
    pub(super) fn on_whole_hashed(&mut self, now: Instant, id: SegmentId, digest: Digest) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(whole) = &mut segment.whole else {
            return;
        };
        if digest != whole.digest {
            if whole.has_sent() {
                return self.compare_later(now, id);
            }
            segment.leaves = None; // all of it is the CDN's, whoever vouched for it
            return self.contradicted(now, id, None);
        }
        let url = segment.url.clone();
        let sent = core::mem::take(&mut whole.sent);
        let doubts = core::mem::take(&mut whole.doubts);
        let leaves: Vec<Digest> = segment.blocks.iter().filter_map(Block::digest).collect();
        segment.blocks.fill(Block::Verified);
        for (index, from) in sent {
            let bytes = self.segments.get(&id).map(|s| s.block_bytes(index).len());
            self.credit(id, from, bytes.unwrap_or(0));
        }
        let mut liars: Vec<LinkId> = Vec::new();
        for (index, said, link) in doubts {
            if leaves.get(index).is_none_or(|leaf| *leaf != said) && !liars.contains(&link) {
                liars.push(link);
            }
        }
        if let Some(segment) = self.segments.get_mut(&id) {
            segment.leaves = Some(LeafList {
                leaves,
                voucher: None,
            });
        }
        liars.retain(|link| self.links.contains_key(link));
        for link in liars {
            self.close_liar(now, link, &url);
        }
        self.settle(now, id);
    }

    /// What is here is not the publisher's, and it is not known whose fault that is: the CDN's copy will
    /// tell. Whoever had a part in it is not asked for this segment again.
    pub(super) fn compare_later(&mut self, now: Instant, id: SegmentId) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(whole) = &mut segment.whole else {
            return;
        };
        if let Some(LeafList {
            leaves,
            voucher: Some(voucher),
        }) = &segment.leaves
        {
            for (index, leaf) in leaves.iter().enumerate() {
                whole.doubt(index, *leaf, *voucher);
            }
        }
        let doubtful: Vec<LinkId> = whole.doubts.iter().map(|(_, _, link)| *link).collect();
        let key = segment.key;
        for link in doubtful {
            if let Some(link) = self.links.get_mut(&link) {
                link.haves.forget(&key);
            }
        }
        self.restart(now, id);
    }
}
