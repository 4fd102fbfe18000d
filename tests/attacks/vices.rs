//! What hostile viewers do, one vice each. Chance comes in from outside, so a run repeats.
//!
//! Invariant: a vice decides by what passes and nothing else; what it knows of the show, everybody knows
//! from the playlist.

use crate::stage::{LEN, SEGMENTS};
use crate::world::{Frame, Passed, Passing, Vice, Viewer, Way, content, leaves_of};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use swarmline::base::{Instant, Rng, TrackId};
use swarmline::integrity::BLOCK_LEN;
use swarmline::wire::{
    BLOCK_HEADER_LEN, BlockHeader, HaveEntry, Holding, PeerMessage, RejectReason, SegmentKey,
    WIRE_VERSION, number,
};

/// A vice that does something to each block it sends.
pub(crate) fn on_blocks(mut touch: impl FnMut(&mut Vec<u8>) + 'static) -> Vice {
    Box::new(move |mut passing: Passing| {
        if let (Way::Out, Frame::Block(bytes)) = (passing.way, &mut passing.frame) {
            touch(bytes);
        }
        passing.untouched()
    })
}

/// A vice that puts other messages in the place of leaf lists it sends.
pub(crate) fn on_leaves(mut touch: impl FnMut(&mut PeerMessage) + 'static) -> Vice {
    Box::new(move |mut passing: Passing| {
        if let (Way::Out, Frame::Control(bytes)) = (passing.way, &mut passing.frame)
            && let Ok(mut message @ PeerMessage::Leaves { .. }) = PeerMessage::decode(bytes)
        {
            touch(&mut message);
            *bytes = message.encode();
        }
        passing.untouched()
    })
}

/// A scripted peer: of its engine only greetings pass, and it says that it is there. `answer` gives what it says to each message, and
/// what it says unasked when it is greeted.
pub(crate) fn scripted(mut answer: impl FnMut(PeerMessage) -> Vec<Passed> + 'static) -> Vice {
    Box::new(
        move |passing: Passing| match (passing.way, &passing.frame) {
            (Way::Out, Frame::Control(bytes)) if bytes.first() == Some(&number::HELLO) => {
                passing.untouched()
            }
            // Its own engine would take the other end for dead, which it never hears.
            (Way::Out, Frame::Control(bytes)) if is_pulse(bytes) => vec![is_there(Way::In)],
            (Way::In, Frame::Control(bytes)) if is_pulse(bytes) => vec![is_there(Way::Out)],
            (Way::In, Frame::Control(bytes)) => match PeerMessage::decode(bytes) {
                Ok(hello @ PeerMessage::Hello(_)) => {
                    let mut passed = passing.untouched();
                    passed.extend(answer(hello));
                    passed
                }
                Ok(message) => answer(message),
                Err(_) => Vec::new(),
            },
            (Way::Out | Way::In, _) => Vec::new(),
        },
    )
}

/// Whether somebody asks whether the other end is there.
fn is_pulse(bytes: &[u8]) -> bool {
    let track = TrackId([0; 8]);
    PeerMessage::decode(bytes) == Ok(PeerMessage::HaveQuery { track })
}

fn is_there(way: Way) -> Passed {
    let (track, first, bits) = (TrackId([0; 8]), 0, Vec::new());
    let answer = PeerMessage::HaveAll { track, first, bits };
    Passed::now(way, Frame::Control(answer.encode()))
}

/// A control message, sent after a span.
pub(crate) fn say(after_ms: u64, message: &PeerMessage) -> Passed {
    let frame = Frame::Control(message.encode());
    Passed::later(Duration::from_millis(after_ms), Way::Out, frame)
}

/// One flipped bit in a third of all blocks, so that trust is won first.
pub(crate) fn flip(rng: &mut Rng) -> Vice {
    let mut rng = rng.fork();
    on_blocks(move |bytes| {
        if rng.below(3) == 0 {
            let body = (bytes.len() - BLOCK_HEADER_LEN) as u32;
            let at = BLOCK_HEADER_LEN + rng.below(body) as usize;
            bytes[at] ^= 1 << rng.below(8);
        }
    })
}

/// A third of all blocks cut: in the payload, in the header, before the first byte.
pub(crate) fn cut_blocks(rng: &mut Rng) -> Vice {
    let mut rng = rng.fork();
    on_blocks(move |bytes| {
        if rng.below(3) == 0 {
            let keep = match rng.below(3) {
                0 => rng.below(BLOCK_HEADER_LEN as u32 + 1),
                _ => rng.below(bytes.len() as u32),
            };
            bytes.truncate(keep as usize);
        }
    })
}

/// A quarter of all control messages cut.
pub(crate) fn cut_messages(rng: &mut Rng) -> Vice {
    let mut rng = rng.fork();
    Box::new(move |mut passing: Passing| {
        if let (Way::Out, Frame::Control(bytes)) = (passing.way, &mut passing.frame)
            && rng.below(4) == 0
        {
            bytes.truncate(rng.below(bytes.len() as u32) as usize);
        }
        passing.untouched()
    })
}

/// The run of another segment's bytes that stands where this block message's does.
fn same_place_of(number: u64, header: &BlockHeader, len: usize) -> Vec<u8> {
    let start = header.first as usize * BLOCK_LEN as usize;
    content(number, LEN + 64)[start..start + len].to_vec()
}

/// Another segment's bytes behind a block's true header.
pub(crate) fn swap_for(pick: impl Fn(u64) -> u64 + 'static) -> Vice {
    on_blocks(move |bytes| {
        let (header, body) = bytes.split_at(BLOCK_HEADER_LEN);
        if let Ok(read) = BlockHeader::decode(header) {
            let other = same_place_of(pick(read.key.number), &read, body.len());
            bytes.truncate(BLOCK_HEADER_LEN);
            bytes.extend(other);
        }
    })
}

/// True bytes of an older segment under their own name, which nobody asked for.
pub(crate) fn send_older() -> Vice {
    on_blocks(move |bytes| {
        let (header, body) = bytes.split_at(BLOCK_HEADER_LEN);
        if let Ok(mut read) = BlockHeader::decode(header) {
            read.key.number = read.key.number.saturating_sub(1);
            let body = same_place_of(read.key.number, &read, body.len());
            *bytes = [read.encode().as_slice(), &body].concat();
        }
    })
}

/// Leaf lists of another segment, with one leaf changed, one too few, one too many, another size.
pub(crate) fn forge_leaves(rng: &mut Rng) -> Vice {
    let kind = rng.below(6);
    on_leaves(move |message| {
        let PeerMessage::Leaves { key, size, leaves } = message else {
            return;
        };
        match kind {
            0 => *leaves = leaves_of(&content(key.number + 7, *size as usize)),
            1 => leaves[0].0[5] ^= 4,
            2 => drop(leaves.pop()),
            3 => leaves.push(leaves[0]),
            4 => *size += 1,
            _ => {
                *size += BLOCK_LEN;
                leaves.push(leaves[0]);
            }
        }
    })
}

/// Messages beyond every limit in the place of blocks: longer than agreed, lists without end, numbers
/// that overflow.
pub(crate) fn oversize(rng: &mut Rng) -> Vice {
    let kind = rng.below(7);
    Box::new(
        move |passing: Passing| match (passing.way, &passing.frame) {
            (Way::Out, Frame::Block(bytes)) => {
                let header = BlockHeader::decode(&bytes[..BLOCK_HEADER_LEN]);
                let frame = header.map(|header| beyond_limits(kind, header.key));
                frame
                    .into_iter()
                    .map(|f| Passed::now(Way::Out, f))
                    .collect()
            }
            (Way::Out | Way::In, _) => passing.untouched(),
        },
    )
}

fn beyond_limits(kind: u32, key: SegmentKey) -> Frame {
    const BEYOND: usize = 1 << 20;
    let name = [key.track.0, key.number.to_le_bytes(), key.version.0].concat();
    let header = |count: u16| {
        let head = [number::BLOCK, WIRE_VERSION];
        [&head[..], &count.to_le_bytes(), &[0; 4], &name].concat()
    };
    let long = |head: &[u8]| [head, &vec![0x5a; BEYOND]].concat();
    match kind {
        0 => Frame::Block(long(&header(1))),
        1 => Frame::Block(long(&header(u16::MAX))),
        2 => Frame::Block(header(u16::MAX)),
        3 => Frame::Control(long(&[number::HAVE])),
        4 => {
            let head = [&[number::HAVE_ALL], &key.track.0[..], &[0xff; 8]].concat();
            Frame::Control(long(&head))
        }
        5 => Frame::Control([&[number::LEAVES], &name[..], &[0xff; 8]].concat()),
        _ => Frame::Control(vec![number::HELLO; BEYOND]),
    }
}

/// Says it holds the whole show; when asked it is silent, or says that it does not.
pub(crate) fn fake_haves(keys: Vec<SegmentKey>, refuses: bool) -> Vice {
    scripted(move |message| match message {
        PeerMessage::Hello(_) => vec![say(0, &have(&keys, &Holding::Whole))],
        PeerMessage::LeavesRequest { key } if refuses => {
            let reason = RejectReason::NotHeld;
            let (first, count) = (0, 0);
            vec![say(
                0,
                &PeerMessage::Reject {
                    key,
                    first,
                    count,
                    reason,
                },
            )]
        }
        _ => Vec::new(),
    })
}

/// Says it holds the whole show, proves each leaf list, and never sends a block.
pub(crate) fn silent(keys: Vec<SegmentKey>) -> Vice {
    scripted(move |message| match message {
        PeerMessage::Hello(_) => vec![say(0, &have(&keys, &Holding::Whole))],
        PeerMessage::LeavesRequest { key } => vec![say(0, &true_leaves(key))],
        _ => Vec::new(),
    })
}

/// Promises every segment, each promise anew shortly before it is due.
pub(crate) fn promise_for_ever(keys: Vec<SegmentKey>, renews: bool) -> Vice {
    scripted(move |message| match message {
        PeerMessage::Hello(_) => {
            let promise = Holding::Promised {
                in_ms: 1_500,
                hops: 0,
            };
            let times = if renews { 40 } else { 1 };
            let promise = have(&keys, &promise);
            (0..times).map(|nth| say(nth * 1_200, &promise)).collect()
        }
        _ => Vec::new(),
    })
}

/// True blocks, one at a time and slowly.
pub(crate) fn drip(keys: Vec<SegmentKey>, pause_ms: u64) -> Vice {
    scripted(move |message| match message {
        PeerMessage::Hello(_) => vec![say(0, &have(&keys, &Holding::Whole))],
        PeerMessage::LeavesRequest { key } => vec![say(0, &true_leaves(key))],
        PeerMessage::Request { key, first, count } => {
            let block = |nth: u32| {
                let frame = true_block(key, first + nth);
                let after = Duration::from_millis(pause_ms * u64::from(nth + 1));
                Passed::later(after, Way::Out, frame)
            };
            (0..u32::from(count)).map(block).collect()
        }
        _ => Vec::new(),
    })
}

fn have(keys: &[SegmentKey], holding: &Holding) -> PeerMessage {
    let entry = |key: &SegmentKey| HaveEntry {
        key: *key,
        holding: holding.clone(),
    };
    PeerMessage::Have(keys.iter().map(entry).collect())
}

fn true_content(key: SegmentKey) -> Vec<u8> {
    content(key.number, LEN + key.number.min(SEGMENTS) as usize)
}

fn true_leaves(key: SegmentKey) -> PeerMessage {
    let bytes = true_content(key);
    PeerMessage::Leaves {
        key,
        size: bytes.len() as u64,
        leaves: leaves_of(&bytes),
    }
}

fn true_block(key: SegmentKey, first: u32) -> Frame {
    let header = BlockHeader {
        key,
        first,
        count: 1,
    };
    let bytes = true_content(key);
    let body = bytes.chunks(BLOCK_LEN as usize).nth(first as usize);
    Frame::Block([header.encode().as_slice(), body.unwrap_or_default()].concat())
}

/// Garbage under true headers, 64 KiB fifty times a second for ten seconds.
pub(crate) fn flood_of_blocks(keys: Vec<SegmentKey>) -> Vice {
    scripted(move |message| {
        let PeerMessage::Hello(_) = message else {
            return Vec::new();
        };
        let garbage = |nth: u64| {
            let header = BlockHeader {
                key: keys[nth as usize % keys.len()],
                first: 0,
                count: 4,
            };
            let body = vec![nth as u8; 4 * BLOCK_LEN as usize];
            let frame = Frame::Block([header.encode().as_slice(), &body].concat());
            Passed::later(Duration::from_millis(nth * 20), Way::Out, frame)
        };
        (1..500).map(garbage).collect()
    })
}

/// Each true block so many times.
pub(crate) fn repeat_blocks(times: usize) -> Vice {
    Box::new(
        move |passing: Passing| match (passing.way, &passing.frame) {
            (Way::Out, Frame::Block(_)) => {
                let times = u64::try_from(times).unwrap_or(0);
                let again = |nth| {
                    let after = Duration::from_millis(nth);
                    Passed::later(after, Way::Out, passing.frame.clone())
                };
                (0..times).map(again).collect()
            }
            (Way::Out | Way::In, _) => passing.untouched(),
        },
    )
}

/// Requests, takes them back, asks for lists and haves, chokes and unchokes: two hundred a second for ten
/// seconds.
pub(crate) fn flood_of_questions(keys: Vec<SegmentKey>) -> Vice {
    scripted(move |message| {
        let PeerMessage::Hello(_) = message else {
            return Vec::new();
        };
        let question = |nth: u64| {
            let key = keys[nth as usize / 7 % keys.len()];
            let (first, count) = (0, 8);
            let message = match nth % 7 {
                0 => PeerMessage::Request { key, first, count },
                1 => PeerMessage::Cancel { key, first, count },
                2 => PeerMessage::LeavesRequest { key },
                3 => PeerMessage::HaveQuery { track: key.track },
                4 => PeerMessage::Choke,
                5 => PeerMessage::Unchoke,
                _ => PeerMessage::HaveDigest {
                    track: key.track,
                    digest: [nth as u8; 8],
                },
            };
            say(nth * 5, &message)
        };
        (1..2_000).map(question).collect()
    })
}

/// The content that a forger puts in a true one's place: one bit of each block is another.
fn forged(bytes: &mut [u8]) {
    for block in bytes.chunks_mut(BLOCK_LEN as usize) {
        block[0] ^= 1;
    }
}

/// Forged blocks under a leaf list that fits them: without a publisher's digest, nothing contradicts it
/// but other viewers and the CDN.
pub(crate) fn forge_all() -> Vice {
    Box::new(move |mut passing: Passing| {
        match (passing.way, &mut passing.frame) {
            (Way::Out, Frame::Block(bytes)) => forged(&mut bytes[BLOCK_HEADER_LEN..]),
            (Way::Out, Frame::Control(bytes)) => {
                if let Ok(PeerMessage::Leaves { key, size, .. }) = PeerMessage::decode(bytes) {
                    let mut content = true_content(key);
                    forged(&mut content);
                    let leaves = leaves_of(&content);
                    *bytes = PeerMessage::Leaves { key, size, leaves }.encode();
                }
            }
            (Way::In, _) => {}
        }
        passing.untouched()
    })
}

/// One request that reached a hostile viewer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Which of the hostile.
    pub(crate) index: usize,
    /// By whom.
    pub(crate) other: Viewer,
    pub(crate) at: Instant,
    pub(crate) key: SegmentKey,
    /// Blocks, not a leaf list.
    pub(crate) is_for_blocks: bool,
}

pub(crate) type Log = Rc<RefCell<Vec<Asked>>>;

/// A vice whose requests are written down.
pub(crate) fn logged(index: usize, log: Log, mut vice: Vice) -> Vice {
    Box::new(move |passing: Passing| {
        if let (Way::In, Frame::Control(bytes)) = (passing.way, &passing.frame) {
            let wanted = match PeerMessage::decode(bytes) {
                Ok(PeerMessage::Request { key, .. }) => Some((key, true)),
                Ok(PeerMessage::LeavesRequest { key }) => Some((key, false)),
                _ => None,
            };
            let (other, at) = (passing.other, passing.now);
            log.borrow_mut()
                .extend(wanted.map(|(key, is_for_blocks)| Asked {
                    index,
                    other,
                    at,
                    key,
                    is_for_blocks,
                }));
        }
        vice(passing)
    })
}
