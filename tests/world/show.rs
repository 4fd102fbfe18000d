//! A made-up show: segments of noise, their playlist, and what the publisher says of them.

use super::{Outcome, Viewer, World};
use std::time::Duration;
use swarmline::engine::{Config, Source};
use swarmline::integrity::{BLOCK_LEN, Digest, root_of, sha256};

/// Bytes of a made-up segment, different for each number.
pub fn content(number: u64, len: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// The leaf list of a segment.
pub fn leaves_of(bytes: &[u8]) -> Vec<Digest> {
    bytes.chunks(BLOCK_LEN as usize).map(sha256).collect()
}

pub fn root(bytes: &[u8]) -> Digest {
    root_of(&leaves_of(bytes))
}

pub const BASE: &str = "http://cdn/show/";

pub fn url(number: u64) -> String {
    format!("{BASE}seg-{number}.m4s")
}

/// A VOD playlist of `count` segments of `len` bytes; its files are put on the CDN.
pub fn vod(world: &mut World, count: u64, len: usize, signed: bool) -> String {
    let mut text =
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n".to_owned();
    for number in 0..count {
        let bytes = content(number, len + number as usize);
        if signed {
            text.push_str(&digest_line(&bytes));
        }
        text.push_str(&format!("#EXTINF:4.0,\nseg-{number}.m4s\n"));
        world.cdn.files.insert(url(number), bytes);
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The publisher's line for a segment.
pub fn digest_line(bytes: &[u8]) -> String {
    let root = root(bytes).to_base64();
    format!(
        "#EXT-X-SWARMLINE-DIGEST:SIZE={},ROOT=\"{root}\"\n",
        bytes.len()
    )
}

pub fn playlist() -> String {
    format!("{BASE}index.m3u8")
}

/// How many requests went to the CDN for segment `number`, samples of one block aside.
pub fn asked(world: &World, number: u64) -> usize {
    let requests = world.cdn.requests.iter();
    requests
        .filter(|(_, asked, _)| *asked == url(number))
        .filter(|(_, _, range)| range.is_none_or(|range| range.len() > BLOCK_LEN))
        .count()
}

/// Bytes of the first made-up segment; each next one has one more.
pub const LEN: usize = 650_000;

pub fn bytes_of(outcome: &Outcome) -> &[u8] {
    match outcome {
        Outcome::Ready { bytes, .. } => bytes,
        Outcome::Failed { .. } | Outcome::Passed => panic!("not ready: {outcome:?}"),
    }
}

pub fn source_of(outcome: &Outcome) -> Source {
    match outcome {
        Outcome::Ready { source, .. } => *source,
        Outcome::Failed { .. } | Outcome::Passed => panic!("not ready: {outcome:?}"),
    }
}

/// Has a viewer with twelve seconds ahead fetch a segment of a film, compares it, and says where it came from and how long that took.
pub fn fetch(world: &mut World, viewer: Viewer, number: u64) -> (Source, Duration) {
    world.ahead(viewer, 12_000.0);
    let start = world.now;
    let outcome = world.fetch(viewer, &url(number));
    assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
    (source_of(&outcome), world.now.since(start))
}

/// A world in which one viewer holds segments `0..held` of ten, and another has just joined.
pub fn second_joins(signed: bool, held: u64, config: Config) -> (World, usize, usize) {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, signed);
    let first = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    for number in 0..held {
        world.ahead(first, number as f64 * 4_000.0);
        let outcome = world.fetch(first, &url(number));
        assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
    }
    world.run_for(Duration::from_secs(1));
    let second = world.join(config, &playlist(), &text);
    (world, first, second)
}
