//! What proves that bytes are the publisher's: digests, the block tree, signatures, and how they stand
//! in a playlist or beside it. Decides nothing about peers.

mod attributes;
mod base64;
mod digest;
mod proof;
mod sidecar;
mod sign;
pub mod tag;
mod tree;

pub use attributes::{Attributes, Value, decimal_integer};
pub use base64::{from_base64url, to_base64, to_base64url};
pub use digest::{Digest, Hasher};
pub use proof::{Claim, Fingerprint, PROOF_KEYS_MAX};
pub use sidecar::{SIDECAR_BYTES_MAX, Sidecar, SidecarError, SidecarSegment, SidecarTrack};
pub use sign::{PublicKey, Seal, SecretKey, SharedVerifier, Verifier, signed_message};
pub use tree::{
    BLOCK_LEN, BlockTree, MAX_BLOCKS, MAX_SEGMENT_LEN, TreeHasher, block_count, block_range,
    root_of, sha256,
};
