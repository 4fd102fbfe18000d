//! One segment as the engine knows it: what is held of it, block by block, and what proves it.
//!
//! Invariant: a block is in exactly one state, and only the owner of that state may have bytes written
//! into its place. Bytes themselves are the shell's. Decides nothing about sources.

use super::authority::{Proof, Standing};
use super::config::fetch::BRIDGED_BLOCKS;
use super::download::Download;
use super::output::Timing;
use super::peer::Promise;
use super::whole::Whole;
use crate::base::{ByteRange, Instant, LinkId, PeerId, Version};
use crate::integrity::tag::SegmentDigest;
use crate::integrity::{BLOCK_LEN, Digest, block_count, block_range, root_of};
use crate::wire::SegmentKey;

/// A segment that is being downloaded, is held, or was.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its version is never told to anybody before a segment that waits is judged.
    pub(super) key: SegmentKey,
    /// The version that the playlist alone gives it.
    pub(super) listed: Version,
    pub(super) standing: Standing,
    pub(super) url: String,
    pub(super) range: Option<ByteRange>,
    /// The publisher's word, if it counts.
    pub(super) digest: Option<SegmentDigest>,
    /// Where that is a SHA-256 of the whole and no ROOT.
    pub(super) whole: Option<Box<Whole>>,
    /// Bytes, once anybody told: playlist, HTTP or a leaf list.
    pub(super) size: Option<u64>,
    pub(super) leaves: Option<LeafList>,
    /// As long as `size` says; grows with the bytes while the size is unknown.
    pub(super) blocks: Vec<Block>,
    pub(super) download: Option<Download>,
    /// What the transfer took, for a player that asks again.
    pub(super) timing: Timing,
    pub(super) used: Instant,
    /// Bytes the shell was told to reserve.
    pub(super) reserved: u64,
    /// The CDN's bytes contradict the playlist: for this player only.
    pub(super) private: bool,
    /// Verified blocks that neighbours were told of.
    pub(super) announced: usize,
    /// When they last were.
    pub(super) announced_at: Instant,
    /// The disk brought what is here.
    pub(super) from_disk: bool,
    /// Neighbours were told that we shall have it.
    pub(super) promised: Option<Promise>,
}

/// The leaf list that blocks are checked against.
#[derive(Debug)]
pub(super) struct LeafList {
    pub(super) leaves: Vec<Digest>,
    /// Whose word it is where no root proves it; `None`: proven by the root, or computed here.
    pub(super) voucher: Option<LinkId>,
}

/// The state of one block's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Block {
    /// Nothing here, nobody asked.
    Missing,
    /// Asked of a peer, which owns the place.
    Asked { link: LinkId, at: Instant },
    /// The CDN's fetch under way owns the place.
    Filling,
    /// Bytes here, being hashed; the place is frozen.
    Hashing { from: Sender },
    /// Bytes here and hashed, with no leaf to compare with yet (the CDN's), or no proof of the leaf
    /// before the whole is hashed; frozen.
    Hashed { digest: Digest },
    /// Bytes here and equal to the leaf; frozen for good.
    Verified,
}

/// Who sent bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sender {
    Cdn,
    #[cfg_attr(all(target_arch = "wasm32", not(feature = "disk")), expect(dead_code))]
    Disk,
    Peer(LinkId, PeerId),
}

impl Block {
    /// Whether its place is this link's.
    pub(super) fn is_asked_of(&self, asked: LinkId) -> bool {
        matches!(self, Self::Asked { link, .. } if *link == asked)
    }

    /// What a block that waits for a verdict was hashed to.
    pub(super) fn digest(&self) -> Option<Digest> {
        match self {
            Self::Hashed { digest } => Some(*digest),
            Self::Missing
            | Self::Asked { .. }
            | Self::Filling
            | Self::Hashing { .. }
            | Self::Verified => None,
        }
    }
}

impl Segment {
    pub(super) fn new(
        key: SegmentKey,
        url: String,
        range: Option<ByteRange>,
        standing: Standing,
    ) -> Self {
        let mut segment = Self {
            key,
            listed: key.version,
            standing,
            url,
            range,
            digest: None,
            whole: None,
            size: None,
            leaves: None,
            blocks: Vec::new(),
            download: None,
            timing: Timing::default(),
            used: Instant::ZERO,
            reserved: 0,
            private: false,
            announced: 0,
            announced_at: Instant::ZERO,
            from_disk: false,
            promised: None,
        };
        if let Some(range) = range {
            segment.set_size(range.len());
        }
        segment
    }

    /// Takes what proves its bytes; false if what is here contradicts it. Never after neighbours heard
    /// of the segment: its version changes.
    pub(super) fn take_proof(&mut self, proof: Proof) -> bool {
        self.key.version = proof.version();
        let (digest, leaves) = match proof {
            Proof::Tree(digest, leaves) => (digest, leaves),
            Proof::Whole(digest) => {
                self.whole = Some(Box::new(Whole::new(digest)));
                // What is held whole is the CDN's, hashed block by block: the whole is still to be.
                let leaves = self.leaves.take().map(|list| list.leaves);
                for (block, digest) in self.blocks.iter_mut().zip(leaves.unwrap_or_default()) {
                    *block = Block::Hashed { digest };
                }
                return true;
            }
        };
        self.digest = Some(digest);
        if self.size.is_some_and(|size| size != digest.size) {
            return false;
        }
        if let Some(list) = &self.leaves {
            return root_of(&list.leaves) == digest.root;
        }
        // Of a download under way HTTP tells the size, unless blocks are to be compared as they come.
        if self.size.is_none() && (self.download.is_none() || !leaves.is_empty()) {
            self.set_size(digest.size);
        }
        if !leaves.is_empty() {
            let voucher = None;
            self.leaves = Some(LeafList { leaves, voucher });
        }
        true
    }

    /// Fixes the size; blocks beyond it are forgotten, new ones are missing.
    pub(super) fn set_size(&mut self, size: u64) {
        self.size = Some(size);
        let count = usize::try_from(block_count(size)).unwrap_or(0);
        self.blocks.resize(count, Block::Missing);
    }

    /// Bytes of block `index`.
    pub(super) fn block_bytes(&self, index: usize) -> ByteRange {
        block_range(self.size.unwrap_or(u64::MAX), index as u64)
    }

    /// The last block that one fetch from block `from` on should bring: a stretch of so many that need
    /// not come again is worth a fetch of its own behind it.
    pub(super) fn owed_until(&self, from: usize) -> Option<usize> {
        let mut last = None;
        for (index, block) in self.blocks.iter().enumerate().skip(from) {
            if matches!(block, Block::Missing | Block::Asked { .. }) {
                last = Some(index);
            } else if last.is_some_and(|last| index - last > BRIDGED_BLOCKS) {
                break;
            }
        }
        last
    }

    /// All blocks verified: may be served, and handed to the player whatever its sources.
    pub(super) fn is_whole(&self) -> bool {
        self.size.is_some() && !self.private && self.blocks.iter().all(|b| *b == Block::Verified)
    }

    /// The player waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        let download = self.download.as_ref();
        download.is_some_and(|download| !download.requests.is_empty())
    }

    /// All bytes are here and all of them came from the CDN in one piece: the player would have got the
    /// same alone, so it need not wait for hashes.
    pub(super) fn is_here_from_cdn(&self) -> bool {
        self.size.is_some()
            && !self.whole.as_ref().is_some_and(|whole| whole.has_sent())
            && self.blocks.iter().all(|block| match block {
                Block::Hashing { from } => *from == Sender::Cdn,
                Block::Hashed { .. } | Block::Verified => true,
                Block::Missing | Block::Asked { .. } | Block::Filling => false,
            })
    }

    /// Whether its leaf list may be passed on: not while only the whole can prove it and has not.
    pub(super) fn may_vouch(&self) -> bool {
        self.whole.is_none() || self.is_whole()
    }

    /// Number of verified blocks.
    pub(super) fn verified(&self) -> usize {
        self.blocks
            .iter()
            .filter(|block| **block == Block::Verified)
            .count()
    }

    /// A block came from a link: its place is to be hashed, if it was that link's. Whether it was.
    pub(super) fn take_asked(&mut self, index: usize, link: LinkId, from: Sender) -> bool {
        let block = self.blocks.get_mut(index);
        let block = block.filter(|block| block.is_asked_of(link));
        block
            .map(|block| *block = Block::Hashing { from })
            .is_some()
    }

    /// Verified blocks as a bitfield, lowest bit of the first byte first.
    pub(super) fn verified_bits(&self) -> Vec<u8> {
        let mut bits = vec![0_u8; self.blocks.len().div_ceil(8)];
        for (index, block) in self.blocks.iter().enumerate() {
            if *block == Block::Verified
                && let Some(byte) = bits.get_mut(index / 8)
            {
                *byte |= 1 << (index % 8);
            }
        }
        bits
    }

    /// Bytes that are here, verified or from the CDN.
    pub(super) fn loaded(&self) -> u64 {
        let all = self.blocks.iter().enumerate();
        all.filter(|(_, block)| {
            matches!(
                block,
                Block::Hashing { .. } | Block::Hashed { .. } | Block::Verified
            )
        })
        .map(|(index, _)| self.block_bytes(index).len())
        .sum()
    }

    /// Whose word the leaf list is, where nothing proves it.
    pub(super) fn voucher(&self) -> Option<LinkId> {
        self.leaves.as_ref()?.voucher
    }

    /// The leaf of block `index`, if known.
    pub(super) fn leaf(&self, index: usize) -> Option<Digest> {
        self.leaves.as_ref()?.leaves.get(index).copied()
    }

    /// When every block is hashed and no leaf list is known, they are the leaf list. `Some(false)`: the
    /// publisher's root says otherwise.
    pub(super) fn adopt_own_leaves(&mut self) -> Option<bool> {
        let late = self.leaves.is_some() || self.whole.is_some();
        if late || self.size.is_none() || self.blocks.is_empty() {
            return None;
        }
        let leaves: Option<Vec<Digest>> = self.blocks.iter().map(Block::digest).collect();
        let leaves = leaves?;
        if let Some(digest) = self.digest
            && (digest.root != root_of(&leaves) || Some(digest.size) != self.size)
        {
            return Some(false);
        }
        self.leaves = Some(LeafList {
            leaves,
            voucher: None,
        });
        self.blocks.fill(Block::Verified);
        Some(true)
    }

    /// Forgets every byte; the size stays if the playlist told it.
    pub(super) fn clear(&mut self) {
        self.leaves = None;
        if let Some(whole) = &mut self.whole {
            whole.clear();
        }
        self.announced = 0;
        self.from_disk = false;
        self.blocks.clear();
        self.size = None;
        let told = self
            .digest
            .map(|d| d.size)
            .or(self.range.map(ByteRange::len));
        if let Some(size) = told {
            self.set_size(size);
        }
    }

    /// Whether `size` and `leaves`, a peer's word, can be this segment's.
    pub(super) fn accepts_leaves(&self, size: u64, leaves: &[Digest]) -> bool {
        leaves.len() as u64 == block_count(size)
            && self.size.is_none_or(|known| known == size)
            && self
                .digest
                .is_none_or(|d| d.size == size && d.root == root_of(leaves))
    }
}

/// A block's index or a count of blocks as the wire has it; segments are bounded far below its end.
pub(super) fn narrow(blocks: usize) -> u32 {
    u32::try_from(blocks).unwrap_or(u32::MAX)
}

/// The block that byte `at` is in.
pub(super) fn block_of(at: u64) -> usize {
    usize::try_from(at / BLOCK_LEN).unwrap_or(usize::MAX)
}
