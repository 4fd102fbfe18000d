//! Fragmented MP4 (ISO/IEC 14496-12): moves decode times, and writes the pass into a `free` box.
//!
//! Boxes that do not fit where they stand are left as they are: a loop is a demonstration, and its
//! source was checked when it was opened.

use std::collections::BTreeMap;
use std::ops::Range;

/// Boxes that hold boxes on the way to those that matter.
const CONTAINERS: [&[u8; 4]; 5] = [b"moov", b"trak", b"mdia", b"moof", b"traf"];

/// The segment as of a later pass: times moved by `moved_us`, `pass` in a `free` box in front, behind
/// the `styp`, so that every block of the file is another one (offsets count from the `moof` or, in
/// `sidx`, from its own end).
pub(super) fn retime(
    segment: &[u8],
    pass: u64,
    moved_us: u64,
    timescales: &BTreeMap<u32, u32>,
) -> Vec<u8> {
    let mut bytes = segment.to_vec();
    let mut track = 0;
    for (kind, body) in boxes(segment) {
        match &kind {
            b"tfhd" => track = number(&bytes, body.start + 4, 4).unwrap_or(0),
            b"tfdt" => {
                let timescale = u32::try_from(track).ok().and_then(|id| timescales.get(&id));
                add(
                    &mut bytes,
                    &body,
                    4,
                    ticks(moved_us, timescale.copied().unwrap_or(0)),
                );
            }
            b"sidx" => {
                let timescale = number(&bytes, body.start + 8, 4).unwrap_or(0);
                let timescale = u32::try_from(timescale).unwrap_or(0);
                add(&mut bytes, &body, 12, ticks(moved_us, timescale));
            }
            _ => {}
        }
    }
    let mut words = format!("swarmline pass {pass:010}").into_bytes();
    let mut free = (u32::try_from(words.len() + 8).unwrap_or(8))
        .to_be_bytes()
        .to_vec();
    free.extend_from_slice(b"free");
    free.append(&mut words);
    let first = boxes(segment).into_iter().next();
    let front = first
        .filter(|(kind, _)| kind == b"styp")
        .map_or(0, |(_, body)| body.end);
    bytes.splice(front..front, free);
    bytes
}

fn ticks(us: u64, timescale: u32) -> u64 {
    let exact = u128::from(us) * u128::from(timescale) / 1_000_000;
    u64::try_from(exact).unwrap_or(u64::MAX)
}

/// Adds to the time at `at` in a full box: 64 bits wide in version 1, else 32.
fn add(bytes: &mut [u8], body: &Range<usize>, at: usize, more: u64) {
    let width = if bytes.get(body.start) == Some(&1) {
        8
    } else {
        4
    };
    let place = body.start + at..body.start + at + width;
    if place.end > body.end {
        return;
    }
    let time = number(bytes, place.start, width)
        .unwrap_or(0)
        .wrapping_add(more);
    bytes[place].copy_from_slice(&time.to_be_bytes()[8 - width..]);
}

/// Track ids and timescales of an initialization segment.
pub(super) fn timescales(init: &[u8]) -> BTreeMap<u32, u32> {
    let mut found = BTreeMap::new();
    let mut track = 0;
    for (kind, body) in boxes(init) {
        let wide = init.get(body.start) == Some(&1);
        let at = body.start + if wide { 20 } else { 12 };
        let value = || number(init, at, 4).and_then(|value| u32::try_from(value).ok());
        match &kind {
            b"tkhd" => track = value().unwrap_or(0),
            b"mdhd" => found.extend(value().map(|timescale| (track, timescale))),
            _ => {}
        }
    }
    found
}

/// All boxes in the order in which they stand, containers before what they hold, with their bodies.
fn boxes(bytes: &[u8]) -> Vec<([u8; 4], Range<usize>)> {
    let mut found = Vec::new();
    let whole = 0..bytes.len();
    let mut open = Vec::from([whole]);
    while let Some(mut rest) = open.pop() {
        while let Some((kind, body)) = next_box(bytes, &rest) {
            found.push((kind, body.clone()));
            rest.start = body.end;
            if CONTAINERS.contains(&&kind) {
                open.push(rest);
                rest = body;
            }
        }
    }
    found
}

fn next_box(bytes: &[u8], rest: &Range<usize>) -> Option<([u8; 4], Range<usize>)> {
    let len = usize::try_from(number(bytes, rest.start, 4)?).ok()?;
    let kind = bytes.get(rest.start + 4..rest.start + 8)?.try_into().ok()?;
    let (head, len) = match len {
        1 => (16, usize::try_from(number(bytes, rest.start + 8, 8)?).ok()?),
        0 => (8, rest.len()),
        len => (8, len),
    };
    let end = rest.start.checked_add(len)?;
    (len >= head && end <= rest.end).then(|| (kind, rest.start + head..end))
}

/// A big-endian number of `width` bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let digits = bytes.get(at..at.checked_add(width)?)?;
    Some(
        digits
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    )
}
