//! The block tree: SHA-256 over blocks of 16 KiB, the last one unpadded; missing leaves up to the
//! next power of two are 32 zero bytes; a node is SHA-256(left ‖ right) (the layout of BEP 52).
//!
//! Invariant: the size fixes the number of leaves, so no prefixes are needed.

use super::Digest;
use crate::base::ByteRange;
use sha2::{Digest as _, Sha256};

/// Bytes of a block: the unit that is hashed, verified and sent.
pub const BLOCK_LEN: u64 = 16 * 1024;

/// Most blocks of a segment: a longer leaf list is refused wherever it comes from (2 MiB of
/// leaves).
pub const MAX_BLOCKS: u64 = 65_536;

/// Longest segment that can be digested and shared, in bytes (1 GiB).
pub const MAX_SEGMENT_LEN: u64 = MAX_BLOCKS * BLOCK_LEN;

/// Blocks of a segment of `size` bytes.
#[must_use]
pub const fn block_count(size: u64) -> u64 {
    size.div_ceil(BLOCK_LEN)
}

/// Where block `index` stands in a segment of `size` bytes.
#[must_use]
pub const fn block_range(size: u64, index: u64) -> ByteRange {
    let start = index * BLOCK_LEN;
    let end = start + BLOCK_LEN;
    ByteRange {
        start,
        end: if end < size { end } else { size },
    }
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// The root over `leaves`; a single leaf is its own root, no leaf gives 32 zero bytes.
#[must_use]
pub fn root_of(leaves: &[Digest]) -> Digest {
    let mut row: Vec<Digest> = leaves.to_vec();
    row.resize(leaves.len().next_power_of_two().max(1), Digest([0; 32]));
    while row.len() > 1 {
        row = row
            .chunks_exact(2)
            .map(|pair| {
                let mut hasher = Sha256::new();
                hasher.update(pair[0].0);
                hasher.update(pair[1].0);
                Digest(hasher.finalize().into())
            })
            .collect();
    }
    row.first().copied().unwrap_or(Digest([0; 32]))
}

/// What [`TreeHasher`] found out about a run of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockTree {
    /// Their number.
    pub size: u64,
    /// SHA-256 of each block.
    pub leaves: Vec<Digest>,
    /// SHA-256 of all of them, where it was asked for.
    pub sha256: Option<Digest>,
}

impl BlockTree {
    /// The root over the leaves.
    #[must_use]
    pub fn root(&self) -> Digest {
        root_of(&self.leaves)
    }
}

/// Hashes bytes as they come, in runs of any length: for files and streams, natively.
#[derive(Clone, Debug, Default)]
pub struct TreeHasher {
    block: Sha256,
    whole: Option<Sha256>,
    size: u64,
    leaves: Vec<Digest>,
}

impl TreeHasher {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hashes the run as a whole too: for those who have no tree.
    #[must_use]
    pub fn with_sha256(self) -> Self {
        let whole = Some(Sha256::default());
        Self { whole, ..self }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if let Some(whole) = &mut self.whole {
            whole.update(bytes);
        }
        while !bytes.is_empty() {
            let room = BLOCK_LEN - self.size % BLOCK_LEN;
            let len = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
            let Some((head, tail)) = bytes.split_at_checked(len) else {
                return;
            };
            self.block.update(head);
            self.size += head.len() as u64;
            if self.size.is_multiple_of(BLOCK_LEN) {
                self.end_block();
            }
            bytes = tail;
        }
    }

    /// Ends the run.
    #[must_use]
    pub fn finish(mut self) -> BlockTree {
        if !self.size.is_multiple_of(BLOCK_LEN) {
            self.end_block();
        }
        BlockTree {
            size: self.size,
            leaves: self.leaves,
            sha256: self.whole.map(|whole| Digest(whole.finalize().into())),
        }
    }

    fn end_block(&mut self) {
        self.leaves.push(Digest(self.block.finalize_reset().into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn bytes(size: usize) -> Vec<u8> {
        (0..=250).cycle().take(size).collect()
    }

    fn hash(data: &[u8], step: usize) -> BlockTree {
        let mut hasher = TreeHasher::new();
        data.chunks(step).for_each(|run| hasher.update(run));
        hasher.finish()
    }

    #[test]
    fn roots_are_as_the_vectors_have_them() {
        let table = include_str!("../../tests/vectors/tree.txt");
        let rows = table.lines().filter(|line| !line.starts_with('#'));
        let mut count = 0;
        for row in rows {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let size: usize = fields[0].parse().unwrap();
            let tree = hash(&bytes(size), usize::MAX);
            let hex: String = tree
                .root()
                .0
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(tree.size, size as u64);
            assert_eq!(
                (tree.leaves.len().to_string(), hex.as_str()),
                (fields[1].to_owned(), fields[2])
            );
            assert_eq!(tree.leaves.len() as u64, block_count(tree.size));
            count += 1;
        }
        assert_eq!(count, 10);
    }

    /// Three blocks, the tree written out by hand: the fourth leaf is 32 zero bytes.
    #[test]
    fn three_blocks_by_hand() {
        let data = bytes(40_000);
        let leaf = |from: usize, to: usize| sha256(&data[from..to]).0;
        let left = sha256(&[leaf(0, 16_384), leaf(16_384, 32_768)].concat()).0;
        let right = sha256(&[leaf(32_768, 40_000), [0; 32]].concat()).0;
        assert_eq!(hash(&data, 999).root(), sha256(&[left, right].concat()));
        assert_eq!(
            block_range(40_000, 2),
            ByteRange {
                start: 32_768,
                end: 40_000
            }
        );
    }

    #[test]
    fn a_single_leaf_is_its_own_root() {
        assert_eq!(hash(b"abc", 1).root(), sha256(b"abc"));
        assert_eq!(root_of(&[]), Digest([0; 32]));
        assert_eq!(
            hash(b"", 1),
            BlockTree {
                size: 0,
                leaves: Vec::new(),
                sha256: None,
            }
        );
    }

    #[test]
    fn the_whole_is_hashed_where_it_is_asked_for() {
        let data = bytes(40_000);
        let mut hasher = TreeHasher::new().with_sha256();
        data.chunks(999).for_each(|run| hasher.update(run));
        let tree = hasher.finish();
        assert_eq!(tree.sha256, Some(sha256(&data)));
        assert_eq!(tree.leaves, hash(&data, 1).leaves);
        assert_eq!(hash(&data, 1).sha256, None);
    }

    #[test]
    fn the_length_of_runs_does_not_matter() {
        let data = bytes(81_921);
        let whole = hash(&data, usize::MAX);
        for step in [1, 7, 16_383, 16_384, 16_385, 50_000] {
            assert_eq!(hash(&data, step), whole, "runs of {step}");
        }
    }
}
