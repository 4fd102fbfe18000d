//! Wrong bytes: flipped, cut, another segment's, a wrong leaf list, too many. Who sends them is named by
//! one block and out.

use crate::stage::{LEN, Run, SEGMENTS, attack};
use crate::world::{Frame, Passed, Passing, Vice, Way, content, leaves_of};
use swarmline::base::Rng;
use swarmline::engine::CloseReason;
use swarmline::integrity::BLOCK_LEN;
use swarmline::wire::{
    BLOCK_HEADER_LEN, BlockHeader, PeerMessage, SegmentKey, WIRE_VERSION, number,
};

/// A vice that does something to each block it sends.
fn on_blocks(mut touch: impl FnMut(&mut Vec<u8>) + 'static) -> Vice {
    Box::new(move |mut passing: Passing| {
        if let (Way::Out, Frame::Block(bytes)) = (passing.way, &mut passing.frame) {
            touch(bytes);
        }
        passing.untouched()
    })
}

/// A vice that puts other messages in the place of leaf lists it sends.
fn on_leaves(mut touch: impl FnMut(&mut PeerMessage) + 'static) -> Vice {
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

/// The run of another segment's bytes that stands where this block message's does.
fn same_place_of(number: u64, header: &BlockHeader, len: usize) -> Vec<u8> {
    let start = header.first as usize * BLOCK_LEN as usize;
    content(number, LEN + 64)[start..start + len].to_vec()
}

/// Puts another segment's bytes behind a block's true header.
fn swap_for(pick: impl Fn(u64) -> u64 + 'static) -> Vice {
    on_blocks(move |bytes| {
        let (header, body) = bytes.split_at(BLOCK_HEADER_LEN);
        if let Ok(read) = BlockHeader::decode(header) {
            let other = same_place_of(pick(read.key.number), &read, body.len());
            bytes.truncate(BLOCK_HEADER_LEN);
            bytes.extend(other);
        }
    })
}

/// Pairs of an honest viewer and a hostile one that it took wrong bytes from.
fn caught(run: &Run) -> usize {
    run.world.oracle.caught().count()
}

#[test]
fn one_flipped_bit_costs_its_sender_the_link() {
    let script = |rng: &mut Rng, _: usize| {
        let mut rng = rng.fork();
        on_blocks(move |bytes| {
            // Now and then, so that trust is won first.
            if rng.below(3) == 0 {
                let body = (bytes.len() - BLOCK_HEADER_LEN) as u32;
                let at = BLOCK_HEADER_LEN + rng.below(body) as usize;
                bytes[at] ^= 1 << rng.below(8);
            }
        })
    };
    let mut total = 0;
    attack(&script, |run| total += caught(run));
    assert!(total > 0, "the attack took place");
}

#[test]
fn a_block_cut_short_is_never_taken_and_costs_the_link() {
    let script = |rng: &mut Rng, _: usize| {
        let mut rng = rng.fork();
        on_blocks(move |bytes| {
            if rng.below(3) == 0 {
                // Anywhere: in the payload, in the header, before the first byte.
                let keep = match rng.below(3) {
                    0 => rng.below(BLOCK_HEADER_LEN as u32 + 1),
                    _ => rng.below(bytes.len() as u32),
                };
                bytes.truncate(keep as usize);
            }
        })
    };
    let mut closed = 0;
    attack(&script, |run| {
        assert_eq!(caught(run), 0, "nothing of it was placed");
        closed += run.closed_for(CloseReason::Protocol);
    });
    assert!(closed > 0, "the attack took place");
}

#[test]
fn a_control_message_cut_short_is_never_acted_on() {
    let script = |rng: &mut Rng, _: usize| -> Vice {
        let mut rng = rng.fork();
        Box::new(move |mut passing: Passing| {
            if let (Way::Out, Frame::Control(bytes)) = (passing.way, &mut passing.frame)
                && rng.below(4) == 0
            {
                bytes.truncate(rng.below(bytes.len() as u32) as usize);
            }
            passing.untouched()
        })
    };
    let mut closed = 0;
    attack(&script, |run| {
        closed += run.closed_for(CloseReason::Protocol)
    });
    assert!(closed > 0, "the attack took place");
}

#[test]
fn an_older_segment_s_bytes_are_not_taken_for_a_newer_one_s() {
    let script = |_: &mut Rng, _: usize| swap_for(|number| number.saturating_sub(1));
    let mut total = 0;
    attack(&script, |run| total += caught(run));
    assert!(total > 0, "the attack took place");
}

#[test]
fn another_track_s_bytes_are_not_taken_for_this_one_s() {
    let script = |_: &mut Rng, _: usize| swap_for(|number| number + 1_000);
    let mut total = 0;
    attack(&script, |run| total += caught(run));
    assert!(total > 0, "the attack took place");
}

#[test]
fn another_segment_under_its_own_name_is_dropped_unhashed() {
    // True bytes, a true header: but nobody asked for them.
    let script = |_: &mut Rng, _: usize| {
        on_blocks(move |bytes| {
            let (header, body) = bytes.split_at(BLOCK_HEADER_LEN);
            if let Ok(mut read) = BlockHeader::decode(header) {
                read.key.number = read.key.number.saturating_sub(1);
                let body = same_place_of(read.key.number, &read, body.len());
                *bytes = [read.encode().as_slice(), &body].concat();
            }
        })
    };
    attack(&script, |run| {
        assert_eq!(caught(run), 0, "nothing of it was placed");
        for viewer in run.honest() {
            let show: u64 = (0..SEGMENTS).map(|number| LEN as u64 + number).sum();
            let hashed = run.world.viewers[viewer].hashed_bytes;
            assert!(hashed <= show, "{hashed} bytes hashed of a show of {show}");
        }
    });
}

/// Another segment's list, one leaf changed, one too few, one too many, another size.
fn forge_leaves(kind: u32, message: &mut PeerMessage) {
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
}

#[test]
fn a_wrong_leaf_list_costs_its_sender_the_link() {
    let script = |rng: &mut Rng, _: usize| {
        let kind = rng.below(6);
        on_leaves(move |message| forge_leaves(kind, message))
    };
    let mut closed = 0;
    attack(&script, |run| {
        assert_eq!(caught(run), 0, "no block is asked for under a wrong list");
        closed += run.closed_for(CloseReason::WrongBlock) + run.closed_for(CloseReason::Protocol);
    });
    assert!(closed > 0, "the attack took place");
}

/// Messages beyond every limit: longer than agreed, lists without end, numbers that overflow.
fn oversize(kind: u32, key: SegmentKey) -> Frame {
    const BEYOND: usize = 1 << 20;
    let header = |count: u16| {
        let head = [number::BLOCK, WIRE_VERSION];
        let mut bytes = head.to_vec();
        bytes.extend(count.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(key.track.0);
        bytes.extend(key.number.to_le_bytes());
        bytes.extend(key.version.0);
        bytes
    };
    let long = |head: &[u8]| [head, &vec![0x5a; BEYOND]].concat();
    match kind {
        0 => Frame::Block(long(&header(1))),
        1 => Frame::Block(long(&header(u16::MAX))),
        2 => Frame::Block(header(u16::MAX)),
        3 => Frame::Control(long(&[number::HAVE])),
        4 => Frame::Control(long(
            &[[number::HAVE_ALL].as_slice(), &key.track.0, &[0xff; 8]].concat(),
        )),
        5 => {
            let leaves = [number::LEAVES].iter().chain(&key.track.0).copied();
            let size = u64::MAX.to_le_bytes();
            let rest = key.number.to_le_bytes().into_iter().chain(key.version.0);
            Frame::Control(leaves.chain(rest).chain(size).collect())
        }
        _ => Frame::Control(vec![number::HELLO; BEYOND]),
    }
}

#[test]
fn a_message_beyond_the_limits_is_never_acted_on() {
    let script = |rng: &mut Rng, _: usize| -> Vice {
        let kind = rng.below(7);
        Box::new(
            move |passing: Passing| match (passing.way, &passing.frame) {
                (Way::Out, Frame::Block(bytes)) => {
                    let key = BlockHeader::decode(&bytes[..BLOCK_HEADER_LEN]).map(|read| read.key);
                    let frame = key.map(|key| oversize(kind, key));
                    frame
                        .map(|frame| vec![Passed::now(Way::Out, frame)])
                        .unwrap_or_default()
                }
                (Way::Out | Way::In, _) => passing.untouched(),
            },
        )
    };
    let mut closed = 0;
    attack(&script, |run| {
        assert_eq!(caught(run), 0, "nothing of it was placed");
        closed += run.closed_for(CloseReason::Protocol);
    });
    assert!(closed > 0, "the attack took place");
}
