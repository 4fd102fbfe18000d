//! What proves that bytes are the publisher's: digests, the block tree, and how both stand in a
//! playlist. Decides nothing about peers.

mod attributes;
mod base64;
mod digest;
pub mod tag;
mod tree;

pub use attributes::{Attributes, Value, decimal_integer};
pub use digest::Digest;
pub use tree::{
    BLOCK_LEN, MAX_BLOCKS, MAX_SEGMENT_LEN, TreeHasher, block_count, block_range, root_of, sha256,
};
