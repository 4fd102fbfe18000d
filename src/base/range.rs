//! A run of bytes of a resource. `end` is exclusive, as in Rust and hls.js (HTTP's is inclusive:
//! the translation happens where a header is written).

/// Bytes `start..end` of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl ByteRange {
    /// Bytes in the range; 0 if it is empty or reversed.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether no byte is in the range.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }
}
