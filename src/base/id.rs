//! Newtypes for every id, so that no two kinds can be mixed up.
//!
//! Two families: small numbers that live inside one engine and its shell (`LinkId`, `FetchId` …) and
//! byte strings that other machines see (`PeerId`, `InfoHash`, `TrackId`, `Version`).

use core::fmt;

macro_rules! local_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
    )+};
}

local_id! {
    /// One wish of the player; minted by the adapter.
    RequestId;
    /// One segment of the timeline; minted by the engine, never reused.
    SegmentId;
    /// One HTTP transfer; minted by the engine.
    FetchId;
    /// One WebRTC connection to a peer; minted by the engine.
    LinkId;
    /// One run of bytes waiting in the shell to be placed or dropped; minted by the shell.
    PayloadId;
    /// One batch of blocks being hashed by the shell; minted by the engine.
    HashId;
    /// One text beside the playlist being fetched; minted by the engine.
    TextId;
    /// One tracker of the configuration, by its position.
    TrackerId;
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles
        .map(|nibble| char::from_digit(u32::from(nibble), 16).unwrap_or('0'))
        .collect()
}

/// The bytes that so many digits write, lower- or upper-case; `None` for any other text.
#[must_use]
pub fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let text = text.as_bytes();
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        for digit in pair {
            let value = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(bytes)
}

macro_rules! wire_id {
    ($($(#[$doc:meta])* $name:ident[$len:literal];)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Lower-case hexadecimal.
            #[must_use]
            pub fn to_hex(&self) -> String {
                hex(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}({})", stringify!($name), self.to_hex())
            }
        }
    )+};
}

wire_id! {
    /// A peer, random per session and swarm, never stored (BEP 3's 20 bytes).
    PeerId[20];
    /// The swarm's name for trackers: first 20 bytes of a SHA-256 (DESIGN in ARCHITECTURE.md).
    InfoHash[20];
    /// A rendition or language of the stream, the same for every player.
    TrackId[8];
    /// Which content a segment number names: the first 8 bytes of its root, or of its name's hash.
    Version[8];
}

#[cfg(test)]
mod tests {
    use super::{hex, unhex};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn digits_are_read_as_written_and_nothing_else_is() {
        let bytes = [0x00, 0x7f, 0xff, 0x1a];
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex("007FfF1A"), Some(bytes));
        for wrong in [
            "",
            "007fff1",
            "007fff1a0",
            "007fff1g",
            "+07fff1a",
            " 07fff1a",
            "007ffé1a",
        ] {
            assert_eq!(unhex::<4>(wrong), None, "{wrong}");
        }
    }
}
