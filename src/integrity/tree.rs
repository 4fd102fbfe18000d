//! The block tree: SHA-256 over blocks of 16 KiB, the last one unpadded; missing leaves up to the next
//! power of two are 32 zero bytes; a node is SHA-256(left ‖ right) (the layout of BEP 52).
//!
//! Invariant: the size fixes the number of leaves, so no prefixes are needed.

use super::Digest;
use crate::base::ByteRange;
use sha2::{Digest as _, Sha256};

/// Bytes of a block: the unit that is hashed, verified and sent.
pub const BLOCK_LEN: u64 = 16 * 1024;

/// Most blocks of a segment: a longer leaf list is refused wherever it comes from (2 MiB of leaves).
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
