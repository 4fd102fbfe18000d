//! One number with two contents: encoders that restart, origins that are not in step. No attack, and
//! nobody may be dropped for it; the oracle sees to that. Each viewer gets what its own playlist names.

use crate::stage::{LEN, SEEDS};
use crate::world::{Outcome, Viewer, World, content, digest_line};
use std::time::Duration;
use swarmline::base::{RequestId, Rng};
use swarmline::engine::Config;

/// Six segments that end with `last` on one host, each of the take that `take` says.
fn window(world: &mut World, host: &str, last: u64, take: impl Fn(u64) -> u64) -> String {
    let first = last.saturating_sub(5);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
    );
    for number in first..=last {
        let bytes = content(number + 1_000 * take(number), LEN);
        text.push_str(&digest_line(&bytes));
        text.push_str(&format!("#EXTINF:2.0,\nseg-{number}.m4s\n"));
        world.cdn.files.insert(at(host, number), bytes);
    }
    text
}

fn at(host: &str, number: u64) -> String {
    format!("http://{host}/show/seg-{number}.m4s")
}

fn playlist_of(host: &str) -> String {
    format!("http://{host}/show/index.m3u8")
}

fn config() -> Config {
    Config {
        swarm_id: Some("show".to_owned()),
        ..World::config()
    }
}

fn world(seed: u64) -> (World, Rng) {
    let mut chance = Rng::new(0x7e57a7 << 20 | seed);
    let mut world = World::seeded(seed);
    world.link_latency = Duration::from_millis(u64::from(5 + chance.below(75)));
    world.cdn.latency = Duration::from_millis(u64::from(10 + chance.below(100)));
    (world, chance)
}

fn refresh(world: &mut World, viewer: Viewer, host: &str, text: &str) {
    world.refresh(viewer, &playlist_of(host), text);
}

fn peer_bytes(world: &World, viewers: &[Viewer]) -> u64 {
    let of = |viewer: &Viewer| world.viewers[*viewer].engine.stats().peer_bytes;
    viewers.iter().map(of).sum()
}

#[test]
fn origins_out_of_step_are_shared_apart_and_nobody_is_blamed() {
    for seed in 0..SEEDS {
        let (mut world, mut chance) = world(seed);
        let hosts = ["a", "b"];
        let mut viewers: Vec<(Viewer, usize)> = Vec::new();
        for nth in 0..6 {
            let side = nth % 2;
            let text = window(&mut world, hosts[side], 5, |_| side as u64);
            let playlist = playlist_of(hosts[side]);
            viewers.push((world.join(config(), &playlist, &text), side));
            world.run_for(Duration::from_millis(u64::from(chance.below(900))));
        }
        world.run_for(Duration::from_secs(3));
        for last in 6..16 {
            let mut wishes: Vec<(Viewer, usize, RequestId)> = Vec::new();
            for (viewer, side) in &viewers {
                let text = window(&mut world, hosts[*side], last, |_| *side as u64);
                refresh(&mut world, *viewer, hosts[*side], &text);
                world.ahead(*viewer, 6_000.0);
                let request = world.load(*viewer, &at(hosts[*side], last), None);
                wishes.push((*viewer, *side, request));
                world.run_for(Duration::from_millis(u64::from(chance.below(400))));
            }
            for (viewer, side, request) in wishes {
                let outcome = world.settle(viewer, request);
                let own = content(last + 1_000 * side as u64, LEN);
                let right = matches!(&outcome, Outcome::Ready { bytes, .. } if *bytes == own);
                assert!(
                    right,
                    "seed {seed}: viewer {viewer} got another origin's {last}"
                );
            }
        }
        for (side, host) in hosts.iter().enumerate() {
            let of_side: Vec<Viewer> = viewers
                .iter()
                .filter(|(_, own)| *own == side)
                .map(|(viewer, _)| *viewer)
                .collect();
            let shared = peer_bytes(&world, &of_side);
            assert!(
                shared > 5 * LEN as u64,
                "seed {seed}: origin {host} shared {shared} bytes"
            );
        }
    }
}

#[test]
fn an_encoder_that_restarts_costs_nobody_a_link() {
    for seed in 0..SEEDS {
        let (mut world, mut chance) = world(seed);
        let host = "cdn";
        let text = window(&mut world, host, 5, |_| 0);
        let mut viewers = Vec::new();
        for _ in 0..4 {
            viewers.push(world.join(config(), &playlist_of(host), &text));
            world.run_for(Duration::from_millis(u64::from(chance.below(900))));
        }
        world.run_for(Duration::from_secs(3));
        // It comes back with numbers 9 to 11 once more, under the same names: who has not refreshed yet
        // holds, asks for and serves the first take.
        let steps = [6, 7, 8, 9, 10, 11, 9, 10, 11, 12, 13, 14];
        for (step, last) in steps.into_iter().enumerate() {
            let again = step >= 6;
            let mut wishes = Vec::new();
            for viewer in &viewers {
                let text = window(&mut world, host, last, |number| {
                    u64::from(again && number >= 9)
                });
                refresh(&mut world, *viewer, host, &text);
                world.ahead(*viewer, 6_000.0);
                wishes.push((*viewer, world.load(*viewer, &at(host, last), None)));
                world.run_for(Duration::from_millis(u64::from(chance.below(700))));
            }
            for (viewer, request) in wishes {
                let outcome = world.settle(viewer, request);
                let own = content(last + 1_000 * u64::from(again), LEN);
                let right = matches!(&outcome, Outcome::Ready { bytes, .. } if *bytes == own);
                assert!(right, "seed {seed}: viewer {viewer}, {last}, again {again}");
            }
        }
        assert!(peer_bytes(&world, &viewers) > 0);
        for viewer in viewers {
            let links = world.viewers[viewer].engine.stats().peers.len();
            assert_eq!(links, 3, "seed {seed}: all are still linked");
        }
    }
}
