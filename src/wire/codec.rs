//! How peer messages stand in bytes: one byte of message number, then the fields, integers
//! little-endian. The numbers keep BitTorrent's where it has one of that meaning (BEP 3, 6, 10,
//! 52).
//!
//! Invariant: what decodes encodes to the same bytes again (but for `Unknown`, whose body is not
//! kept); decoding never panics, and allocates no more than a small multiple of the message's own
//! length.

use super::peer::{
    BLOCK_HEADER_LEN, BlockHeader, DecodeError, HaveEntry, Hello, Holding, PeerMessage,
    RejectReason, SegmentKey, Signal, WIRE_VERSION,
};
use super::reader::Reader;
use crate::base::{PeerId, TrackId, Version, refused};
use crate::integrity::{Digest, MAX_BLOCKS, block_count};

/// Message numbers. Those of the last group are reserved: this version ignores them.
pub mod number {
    /// `Choke` (BEP 3).
    pub const CHOKE: u8 = 0;
    /// `Unchoke` (BEP 3).
    pub const UNCHOKE: u8 = 1;
    /// `Have` (BEP 3).
    pub const HAVE: u8 = 4;
    /// `HaveAll` (BEP 3's bitfield).
    pub const HAVE_ALL: u8 = 5;
    /// `Request` (BEP 3).
    pub const REQUEST: u8 = 6;
    /// First byte of a block's header (BEP 3's piece); only on the block channel.
    pub const BLOCK: u8 = 7;
    /// `Cancel` (BEP 3).
    pub const CANCEL: u8 = 8;
    /// `Reject` (BEP 6).
    pub const REJECT: u8 = 16;
    /// `Hello` (the extension handshake of BEP 10).
    pub const HELLO: u8 = 20;
    /// `LeavesRequest` (BEP 52's hash request).
    pub const LEAVES_REQUEST: u8 = 21;
    /// `Leaves` (BEP 52's hashes).
    pub const LEAVES: u8 = 22;
    /// `HaveDigest`.
    pub const HAVE_DIGEST: u8 = 32;
    /// `HaveQuery`.
    pub const HAVE_QUERY: u8 = 33;
    /// `Neighbours` (BEP 11, which has addresses where this has ids).
    pub const NEIGHBOURS: u8 = 48;
    /// `Signal`.
    pub const SIGNAL: u8 = 49;

    /// Reserved: a signed receipt for blocks.
    pub const RECEIPT: u8 = 50;
    /// Reserved: a renewed join ticket.
    pub const TICKET: u8 = 51;
}

/// Bounds of a message's fields. Beyond them decoding is an error and encoding cuts.
pub mod limit {
    /// Bytes of [`Hello::ticket`](super::Hello::ticket).
    pub const TICKET_LEN: usize = 1024;
    /// Bytes of [`Hello::session_key`](super::Hello::session_key).
    pub const SESSION_KEY_LEN: usize = 64;
    /// Bytes of a `HaveAll` bitfield.
    pub const HAVE_ALL_LEN: usize = 64 * 1024;
    /// Entries of a `Have`.
    pub const HAVE_ENTRIES: usize = 1024;
    /// Bytes of a partial segment's bitfield: one bit for each of
    /// [`MAX_BLOCKS`](crate::integrity::MAX_BLOCKS), which also bounds a leaf list.
    pub const PARTIAL_LEN: usize = 8 * 1024;
    /// Peers of a `Neighbours`.
    pub const NEIGHBOURS: usize = 16;
    /// Bytes of [`Signal::sdp`](super::Signal::sdp): as many as a tracker takes.
    pub const SDP_LEN: usize = crate::wire::announce::SDP_BYTES_MAX;
}

const GONE: u8 = 0;
const WHOLE: u8 = 1;
const PARTIAL: u8 = 2;
const PROMISED: u8 = 3;

const ANSWER: u8 = 1;
const CARRIED: u8 = 2;

const NOT_HELD: u8 = 0;
const OTHER_VERSION: u8 = 1;
const BUSY: u8 = 2;

impl PeerMessage {
    /// The message in bytes. Lists beyond [`limit`] are cut, since a peer closes the link over
    /// them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        match self {
            Self::Hello(hello) => put_hello(&mut out, hello),
            Self::HaveAll { track, first, bits } => {
                out.push(number::HAVE_ALL);
                out.extend(track.0);
                out.extend(first.to_le_bytes());
                out.extend(cut(bits, limit::HAVE_ALL_LEN));
            }
            Self::Have(entries) => {
                out.push(number::HAVE);
                for entry in cut(entries, limit::HAVE_ENTRIES) {
                    put_have(&mut out, entry);
                }
            }
            Self::HaveDigest { track, digest } => {
                out.push(number::HAVE_DIGEST);
                out.extend(track.0);
                out.extend(digest);
            }
            Self::HaveQuery { track } => {
                out.push(number::HAVE_QUERY);
                out.extend(track.0);
            }
            Self::Request { key, first, count } => {
                put_blocks(&mut out, number::REQUEST, key, *first, *count);
            }
            Self::Cancel { key, first, count } => {
                put_blocks(&mut out, number::CANCEL, key, *first, *count);
            }
            Self::Reject {
                key,
                first,
                count,
                reason,
            } => {
                put_blocks(&mut out, number::REJECT, key, *first, *count);
                out.push(match reason {
                    RejectReason::NotHeld => NOT_HELD,
                    RejectReason::Version => OTHER_VERSION,
                    RejectReason::Busy => BUSY,
                });
            }
            Self::Choke => out.push(number::CHOKE),
            Self::Unchoke => out.push(number::UNCHOKE),
            Self::LeavesRequest { key } => {
                out.push(number::LEAVES_REQUEST);
                put_key(&mut out, key);
            }
            Self::Leaves { key, size, leaves } => {
                out.push(number::LEAVES);
                put_key(&mut out, key);
                out.extend(size.to_le_bytes());
                out.extend(leaves.iter().flat_map(|digest| digest.0));
            }
            Self::Neighbours(peers) => {
                out.push(number::NEIGHBOURS);
                let peers = cut(peers, limit::NEIGHBOURS);
                out.extend(peers.iter().flat_map(|peer| peer.0));
            }
            Self::Signal(signal) => put_signal(&mut out, signal),
            Self::Unknown(number) => out.push(*number),
        }
        out
    }

    /// Reads one message.
    ///
    /// # Errors
    /// When the bytes are not exactly one message; unknown numbers are no error.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let message = match reader.u8()? {
            number::HELLO => Self::Hello(read_hello(&mut reader)?),
            number::HAVE_ALL => read_have_all(&mut reader)?,
            number::HAVE => read_have(&mut reader)?,
            number::HAVE_DIGEST => Self::HaveDigest {
                track: TrackId(reader.array()?),
                digest: reader.array()?,
            },
            number::HAVE_QUERY => Self::HaveQuery {
                track: TrackId(reader.array()?),
            },
            number::REQUEST => {
                let (key, first, count) = read_blocks(&mut reader)?;
                require(count > 0, "request for no block")?;
                Self::Request { key, first, count }
            }
            number::CANCEL => {
                let (key, first, count) = read_blocks(&mut reader)?;
                require(count > 0, "cancel of no block")?;
                Self::Cancel { key, first, count }
            }
            number::REJECT => {
                let (key, first, count) = read_blocks(&mut reader)?;
                let reason = match reader.u8()? {
                    NOT_HELD => RejectReason::NotHeld,
                    OTHER_VERSION => RejectReason::Version,
                    BUSY => RejectReason::Busy,
                    _ => return Err(DecodeError::Value(refused("unknown reason of a reject"))),
                };
                Self::Reject {
                    key,
                    first,
                    count,
                    reason,
                }
            }
            number::CHOKE => Self::Choke,
            number::UNCHOKE => Self::Unchoke,
            number::LEAVES_REQUEST => Self::LeavesRequest {
                key: read_key(&mut reader)?,
            },
            number::LEAVES => read_leaves(&mut reader)?,
            number::NEIGHBOURS => read_neighbours(&mut reader)?,
            number::SIGNAL => Self::Signal(read_signal(&mut reader)?),
            unknown => return Ok(Self::Unknown(unknown)),
        };
        reader.finish()?;
        Ok(message)
    }
}

impl Signal {
    /// Reads a message that is one; for who has nothing to do with others.
    ///
    /// # Errors
    /// When the bytes are not exactly that.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        require(reader.u8()? == number::SIGNAL, "not a signal")?;
        read_signal(&mut reader)
    }
}

impl BlockHeader {
    /// The header in bytes: kind, protocol version, count, first, track, number, content version.
    #[must_use]
    pub fn encode(&self) -> [u8; BLOCK_HEADER_LEN] {
        let mut header = [0; BLOCK_HEADER_LEN];
        header[0] = number::BLOCK;
        header[1] = WIRE_VERSION;
        header[2..4].copy_from_slice(&self.count.to_le_bytes());
        header[4..8].copy_from_slice(&self.first.to_le_bytes());
        header[8..16].copy_from_slice(&self.key.track.0);
        header[16..24].copy_from_slice(&self.key.number.to_le_bytes());
        header[24..32].copy_from_slice(&self.key.version.0);
        header
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When it is not exactly [`BLOCK_HEADER_LEN`] bytes, of another version or names no block.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        require(reader.u8()? == number::BLOCK, "not a block's header")?;
        check_version(reader.u8()?)?;
        let count = reader.u16()?;
        let first = reader.u32()?;
        let key = read_key(&mut reader)?;
        reader.finish()?;
        require(count > 0, "header that names no block")?;
        check_blocks(first, count)?;
        Ok(Self { key, first, count })
    }
}

fn cut<T>(list: &[T], max: usize) -> &[T] {
    list.get(..max).unwrap_or(list)
}

fn put_key(out: &mut Vec<u8>, key: &SegmentKey) {
    out.extend(key.track.0);
    out.extend(key.number.to_le_bytes());
    out.extend(key.version.0);
}

fn put_blocks(out: &mut Vec<u8>, number: u8, key: &SegmentKey, first: u32, count: u16) {
    out.push(number);
    put_key(out, key);
    out.extend(first.to_le_bytes());
    out.extend(count.to_le_bytes());
}

/// A list behind its length as u16; every list written so has a limit far below.
fn put_list(out: &mut Vec<u8>, list: &[u8], max: usize) {
    let list = cut(list, max);
    out.extend(u16::try_from(list.len()).unwrap_or(0).to_le_bytes());
    out.extend(list);
}

fn put_hello(out: &mut Vec<u8>, hello: &Hello) {
    out.push(number::HELLO);
    out.push(WIRE_VERSION);
    out.extend(hello.peer.0);
    out.extend(hello.features.to_le_bytes());
    out.extend(hello.max_message.to_le_bytes());
    out.extend(hello.max_requests.to_le_bytes());
    put_list(out, &hello.ticket, limit::TICKET_LEN);
    put_list(out, &hello.session_key, limit::SESSION_KEY_LEN);
}

fn put_signal(out: &mut Vec<u8>, signal: &Signal) {
    out.push(number::SIGNAL);
    out.push(u8::from(signal.is_answer) * ANSWER + u8::from(signal.is_carried) * CARRIED);
    out.extend(signal.peer.0);
    out.extend(signal.offer.to_le_bytes());
    put_list(out, &signal.ticket, limit::TICKET_LEN);
    out.extend(cut(&signal.sdp, limit::SDP_LEN));
}

fn put_have(out: &mut Vec<u8>, entry: &HaveEntry) {
    put_key(out, &entry.key);
    match &entry.holding {
        Holding::Gone => out.push(GONE),
        Holding::Whole => out.push(WHOLE),
        Holding::Partial(bits) => {
            out.push(PARTIAL);
            put_list(out, bits, limit::PARTIAL_LEN);
        }
        Holding::Promised { in_ms, hops } => {
            out.push(PROMISED);
            out.extend(in_ms.to_le_bytes());
            out.push(*hops);
        }
    }
}

#[inline(always)]
fn require(holds: bool, otherwise: &'static str) -> Result<(), DecodeError> {
    if holds {
        Ok(())
    } else {
        Err(DecodeError::Value(refused(otherwise)))
    }
}

fn check_version(version: u8) -> Result<(), DecodeError> {
    if version == WIRE_VERSION {
        Ok(())
    } else {
        Err(DecodeError::Version(version))
    }
}

fn check_blocks(first: u32, count: u16) -> Result<(), DecodeError> {
    let end = u64::from(first) + u64::from(count);
    require(end <= MAX_BLOCKS, "block beyond the longest segment")
}

fn read_key(reader: &mut Reader<'_>) -> Result<SegmentKey, DecodeError> {
    Ok(SegmentKey {
        track: TrackId(reader.array()?),
        number: reader.u64()?,
        version: Version(reader.array()?),
    })
}

fn read_blocks(reader: &mut Reader<'_>) -> Result<(SegmentKey, u32, u16), DecodeError> {
    let key = read_key(reader)?;
    let (first, count) = (reader.u32()?, reader.u16()?);
    check_blocks(first, count)?;
    Ok((key, first, count))
}

fn read_list(
    reader: &mut Reader<'_>,
    max: usize,
    otherwise: &'static str,
) -> Result<Vec<u8>, DecodeError> {
    let len = usize::from(reader.u16()?);
    require(len <= max, otherwise)?;
    reader.bytes(len).map(<[u8]>::to_vec)
}

fn read_hello(reader: &mut Reader<'_>) -> Result<Hello, DecodeError> {
    // First, so that a later version may change all that follows and still be recognised.
    check_version(reader.u8()?)?;
    Ok(Hello {
        peer: PeerId(reader.array()?),
        features: reader.u64()?,
        max_message: reader.u32()?,
        max_requests: reader.u16()?,
        ticket: read_list(reader, limit::TICKET_LEN, "ticket too long")?,
        session_key: read_list(reader, limit::SESSION_KEY_LEN, "session key too long")?,
    })
}

fn read_neighbours(reader: &mut Reader<'_>) -> Result<PeerMessage, DecodeError> {
    let (peers, odd) = reader.rest().as_chunks::<20>();
    require(
        odd.is_empty() && peers.len() <= limit::NEIGHBOURS,
        "too many neighbours, or a part of one",
    )?;
    Ok(PeerMessage::Neighbours(
        peers.iter().copied().map(PeerId).collect(),
    ))
}

fn read_signal(reader: &mut Reader<'_>) -> Result<Signal, DecodeError> {
    let kind = reader.u8()?;
    require(kind <= ANSWER + CARRIED, "unknown kind of signal")?;
    let signal = Signal {
        is_answer: kind & ANSWER > 0,
        is_carried: kind & CARRIED > 0,
        peer: PeerId(reader.array()?),
        offer: reader.u32()?,
        ticket: read_list(reader, limit::TICKET_LEN, "ticket too long")?,
        sdp: reader.rest().to_vec(),
    };
    require(signal.sdp.len() <= limit::SDP_LEN, "description too long")?;
    Ok(signal)
}

fn read_have_all(reader: &mut Reader<'_>) -> Result<PeerMessage, DecodeError> {
    let track = TrackId(reader.array()?);
    let first = reader.u64()?;
    let bits = reader.rest();
    require(bits.len() <= limit::HAVE_ALL_LEN, "bitfield too long")?;
    let span = u64::try_from(bits.len()).unwrap_or(u64::MAX) * 8;
    require(
        first.checked_add(span).is_some(),
        "segment numbers beyond 64 bits",
    )?;
    Ok(PeerMessage::HaveAll {
        track,
        first,
        bits: bits.to_vec(),
    })
}

fn read_have(reader: &mut Reader<'_>) -> Result<PeerMessage, DecodeError> {
    let mut entries = Vec::new();
    while !reader.is_empty() {
        require(entries.len() < limit::HAVE_ENTRIES, "too many haves")?;
        let key = read_key(reader)?;
        let holding = match reader.u8()? {
            GONE => Holding::Gone,
            WHOLE => Holding::Whole,
            PARTIAL => Holding::Partial(read_list(
                reader,
                limit::PARTIAL_LEN,
                "bitfield of a segment too long",
            )?),
            PROMISED => Holding::Promised {
                in_ms: reader.u32()?,
                hops: reader.u8()?,
            },
            _ => return Err(DecodeError::Value(refused("unknown kind of have"))),
        };
        entries.push(HaveEntry { key, holding });
    }
    Ok(PeerMessage::Have(entries))
}

fn read_leaves(reader: &mut Reader<'_>) -> Result<PeerMessage, DecodeError> {
    let key = read_key(reader)?;
    let size = reader.u64()?;
    require(size > 0, "leaves of an empty segment")?;
    let blocks = block_count(size);
    require(blocks <= MAX_BLOCKS, "segment too long")?;
    let (leaves, odd) = reader.rest().as_chunks::<32>();
    require(
        odd.is_empty() && u64::try_from(leaves.len()) == Ok(blocks),
        "number of leaves does not fit the size",
    )?;
    Ok(PeerMessage::Leaves {
        key,
        size,
        leaves: leaves.iter().copied().map(Digest).collect(),
    })
}
