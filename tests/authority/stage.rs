//! What the tests of this folder share: a show whose playlist says nothing, what its publisher says
//! beside it, and two viewers. Asserts only that the player gets the right bytes.
#![allow(unreachable_pub, reason = "as the world it stands on")]

use super::world::{LEN, World, bytes_of, content, playlist, root, source_of, url};
use std::time::Duration;
use swarmline::engine::{CloseReason, Config, Event, Source, WarningCode};
use swarmline::integrity::tag::SegmentDigest;
use swarmline::integrity::{Digest, Sidecar, SidecarSegment, SidecarTrack, sha256};

pub const SIDECAR: &str = "http://cdn/show/digests.json";

pub fn config() -> Config {
    Config {
        manifest_url: Some(SIDECAR.to_owned()),
        ..World::config()
    }
}

pub fn bytes_at(number: u64) -> Vec<u8> {
    content(number, LEN + number as usize)
}

pub fn digest(bytes: &[u8]) -> SegmentDigest {
    SegmentDigest {
        size: bytes.len() as u64,
        root: root(bytes),
    }
}

/// What a publisher's sidecar says of segment `number`.
pub fn entry(number: u64) -> SidecarSegment {
    let bytes = bytes_at(number);
    let SegmentDigest { size, root } = digest(&bytes);
    SidecarSegment {
        url: format!("seg-{number}.m4s"),
        size: Some(size),
        root: Some(root),
        ..SidecarSegment::default()
    }
}

pub fn publish(world: &mut World, segments: Vec<SidecarSegment>) {
    let tracks = vec![SidecarTrack {
        track: "v".to_owned(),
        segments,
    }];
    let text = Sidecar::new(Some("s".to_owned()), tracks).to_json();
    world
        .cdn
        .files
        .insert(SIDECAR.to_owned(), text.into_bytes());
}

pub fn hex(digest: Digest) -> String {
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// PeerTube's file for segments that are files of their own.
pub fn publish_hex(world: &mut World, numbers: impl Iterator<Item = u64>) {
    let entries: Vec<String> = numbers
        .map(|n| format!("\"seg-{n}.m4s\":\"{}\"", hex(sha256(&bytes_at(n)))))
        .collect();
    let text = format!("{{{}}}", entries.join(","));
    world
        .cdn
        .files
        .insert(SIDECAR.to_owned(), text.into_bytes());
}

/// Two viewers of an unsigned show, linked; the first holds segments `0..held`.
pub fn pair(world: &mut World, text: &str, held: u64, config: &Config) -> (usize, usize) {
    let first = world.join(config.clone(), &playlist(), text);
    world.run_for(Duration::from_secs(2));
    for number in 0..held {
        world.ahead(first, number as f64 * 4_000.0);
        let outcome = world.fetch(first, &url(number));
        assert_eq!(bytes_of(&outcome), bytes_at(number));
    }
    let second = world.join(config.clone(), &playlist(), text);
    world.run_for(Duration::from_secs(2));
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    (first, second)
}

pub fn get(world: &mut World, viewer: usize, number: u64) -> Source {
    world.ahead(viewer, 12_000.0);
    let outcome = world.fetch(viewer, &url(number));
    assert_eq!(bytes_of(&outcome), bytes_at(number), "segment {number}");
    world.run_for(Duration::from_millis(300));
    source_of(&outcome)
}

pub fn warnings(world: &World, viewer: usize, wanted: WarningCode) -> Vec<String> {
    let events = &world.viewers[viewer].events;
    let mut told = Vec::new();
    for event in events {
        if let Event::Warning { code, message } = event
            && *code == wanted
        {
            told.push(message.clone());
        }
    }
    told
}

pub fn dropped(world: &World, viewer: usize) -> usize {
    let events = &world.viewers[viewer].events;
    let wrong = |event: &&Event| {
        matches!(
            event,
            Event::PeerClosed {
                reason: CloseReason::WrongBlock,
                ..
            }
        )
    };
    events.iter().filter(wrong).count()
}

pub fn refresh(world: &mut World, viewer: usize, text: &str) {
    world.refresh(viewer, &playlist(), text);
}
