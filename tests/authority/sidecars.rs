//! Sidecars of both shapes: what they prove, and what is done until they are here.

use super::stage::*;
use super::world::{Fault, LEN, World, asked, bytes_of, playlist, source_of, url, vod};
use std::time::Duration;
use swarmline::base::ByteRange;
use swarmline::engine::{Config, IntegrityMode, Source, WarningCode};
use swarmline::integrity::{BLOCK_LEN, SidecarSegment, sha256};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn a_sidecar_proves_what_the_playlist_does_not() {
    for shape in ["root", "leaves", "whole", "peertube"] {
        let mut world = World::new();
        let text = vod(&mut world, 10, LEN, false);
        let with = |number: u64| {
            let bytes = bytes_at(number);
            let whole = Some(sha256(&bytes));
            let leaves = bytes.chunks(BLOCK_LEN as usize).map(sha256).collect();
            match shape {
                "leaves" => SidecarSegment {
                    leaves,
                    ..entry(number)
                },
                "whole" => SidecarSegment {
                    root: None,
                    sha256: whole,
                    ..entry(number)
                },
                _ => entry(number),
            }
        };
        if shape == "peertube" {
            publish_hex(&mut world, 0..10);
        } else {
            publish(&mut world, (0..10).map(with).collect());
        }
        let config = Config {
            integrity: IntegrityMode::Require,
            ..config()
        };
        let (first, second) = pair(&mut world, &text, 6, &config);
        for number in 1..6 {
            assert_eq!(get(&mut world, second, number), Source::Peers, "{shape}");
            assert_eq!(asked(&world, number), 1, "{shape}");
        }
        let stats = world.viewers[second].engine.stats();
        let media: usize = (1..6).map(|number| bytes_at(number).len()).sum();
        assert_eq!(stats.peer_bytes, media as u64, "{shape}");
        let sidecar = world.cdn.files[SIDECAR].len() as u64;
        assert_eq!(stats.cdn_bytes, LEN as u64 + sidecar, "{shape}");
        // And a third is fed by one that was fed by peers.
        world.kill(first);
        let third = world.join(config, &playlist(), &text);
        world.run_for(Duration::from_secs(3));
        world.ahead(third, 0.0);
        world.fetch(third, &url(0));
        assert_eq!(get(&mut world, third, 3), Source::Peers, "{shape}");
    }
}

#[test]
fn the_playlist_names_its_sidecar() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, false);
    let text = text.replace(
        "#EXT-X-PLAYLIST-TYPE:VOD\n",
        "#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-SWARMLINE-SIDECAR:URI=\"digests.json\"\n",
    );
    publish(&mut world, (0..10).map(entry).collect());
    let config = Config {
        integrity: IntegrityMode::Require,
        ..World::config()
    };
    let (_, second) = pair(&mut world, &text, 6, &config);
    assert_eq!(get(&mut world, second, 3), Source::Peers);
}

/// Two viewers whose digests cannot be had for now.
fn pair_without_digests() -> (World, usize, usize) {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, false);
    let unavailable = ("digests".to_owned(), Fault::Status(503));
    world.cdn.faults.push(unavailable);
    let (first, second) = pair(&mut world, &text, 6, &config());
    (world, first, second)
}

#[test]
fn nothing_waits_for_a_sidecar_and_what_is_held_is_shared_once_it_is_here() {
    for shape in ["root", "peertube"] {
        let (mut world, first, second) = pair_without_digests();
        // Played from the CDN at once, and shared with nobody.
        assert_eq!(get(&mut world, second, 1), Source::Cdn, "{shape}");
        assert_eq!(world.viewers[first].engine.stats().uploaded_bytes, 0);
        let told = warnings(&world, first, WarningCode::SidecarUnreadable);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains(SIDECAR) && told[0].contains("503"),
            "{told:?}"
        );
        let tries = |world: &World| {
            let requests = &world.cdn.requests;
            requests
                .iter()
                .filter(|(v, url, _)| *v == first && url == SIDECAR)
                .count()
        };
        world.run_for(Duration::from_secs(60));
        assert!(
            tries(&world) <= 9,
            "{} fetches of a dead sidecar",
            tries(&world)
        );

        world.cdn.faults.clear();
        match shape {
            "root" => publish(&mut world, (0..10).map(entry).collect()),
            _ => publish_hex(&mut world, 0..10),
        }
        world.run_for(Duration::from_secs(40));
        assert_eq!(get(&mut world, second, 2), Source::Peers, "{shape}");
    }
}

/// Who joins asks for a segment before its sidecar has come for the first time.
#[test]
fn who_joins_waits_a_moment_for_the_first_sidecar_if_there_is_time() {
    for (ahead_ms, expected) in [(6_000.0, Source::Peers), (2_000.0, Source::Cdn)] {
        let mut world = World::new();
        let text = vod(&mut world, 10, LEN, false);
        publish(&mut world, (0..10).map(entry).collect());
        let first = world.join(config(), &playlist(), &text);
        world.run_for(Duration::from_secs(1));
        for number in 0..6 {
            get(&mut world, first, number);
        }
        world.cdn.latency = Duration::from_millis(700);
        let second = world.join(config(), &playlist(), &text);
        world.run_for(Duration::from_millis(200));
        world.ahead(second, ahead_ms);
        let request = world.load(second, &url(1), None);
        world.run_for(Duration::from_secs(3));
        let source = source_of(&world.settle(second, request));
        assert_eq!(source, expected, "{ahead_ms} ms ahead");
    }
}

#[test]
fn what_is_held_and_contradicts_the_sidecar_is_never_shared() {
    for shape in ["root", "peertube"] {
        let (mut world, first, second) = pair_without_digests();
        world.cdn.faults.clear();
        if shape == "root" {
            let mut segments: Vec<SidecarSegment> = (0..10).map(entry).collect();
            segments[2].root = Some(sha256(b"another"));
            publish(&mut world, segments);
        } else {
            publish_hex(&mut world, 0..10);
            let text = String::from_utf8(world.cdn.files[SIDECAR].clone()).unwrap();
            let two = hex(sha256(&bytes_at(2)));
            let text = text.replace(&two, &hex(sha256(b"another")));
            world
                .cdn
                .files
                .insert(SIDECAR.to_owned(), text.into_bytes());
        }
        world.run_for(Duration::from_secs(40));
        assert_eq!(warnings(&world, first, WarningCode::CdnMismatch).len(), 1);
        assert_eq!(get(&mut world, second, 3), Source::Peers, "{shape}");
        assert_eq!(get(&mut world, second, 2), Source::Cdn, "{shape}");
        assert_eq!(dropped(&world, second), 0);
    }
}

#[test]
fn without_an_entry_the_mode_decides() {
    for (mode, source) in [
        (IntegrityMode::Require, Source::Cdn),
        (IntegrityMode::Prefer, Source::Peers),
    ] {
        let mut world = World::new();
        let text = vod(&mut world, 10, LEN, false);
        publish(&mut world, (0..3).map(entry).collect());
        let config = Config {
            integrity: mode,
            ..config()
        };
        let (_, second) = pair(&mut world, &text, 6, &config);
        assert_eq!(get(&mut world, second, 2), Source::Peers);
        assert_eq!(get(&mut world, second, 4), source, "{mode:?}");
        let requests = world.cdn.requests.iter();
        let texts = requests.filter(|(_, url, _)| url == SIDECAR).count();
        assert_eq!(
            texts, 2,
            "a VOD's sidecar is complete: fetched once by each"
        );
    }
}

#[test]
fn byte_ranges_of_one_file_are_found() {
    let mut world = World::new();
    let file: Vec<u8> = (0..6).flat_map(bytes_at).collect();
    let mut text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n".to_owned();
    let (mut entries, mut ranges, mut start) = (Vec::new(), Vec::new(), 0);
    for number in 0..6 {
        let bytes = bytes_at(number);
        let end = start + bytes.len() as u64;
        text.push_str(&format!(
            "#EXTINF:4,\n#EXT-X-BYTERANGE:{}@{start}\nvideo-720-fragmented.mp4\n",
            bytes.len()
        ));
        entries.push(format!(
            "\"{start}-{}\":\"{}\"",
            end - 1,
            hex(sha256(&bytes))
        ));
        ranges.push(ByteRange { start, end });
        start = end;
    }
    text.push_str("#EXT-X-ENDLIST\n");
    let media = "http://cdn/show/video-720-fragmented.mp4";
    world.cdn.files.insert(media.to_owned(), file);
    let map = format!("{{\"video-720-fragmented.mp4\":{{{}}}}}", entries.join(","));
    world.cdn.files.insert(SIDECAR.to_owned(), map.into_bytes());
    let config = Config {
        integrity: IntegrityMode::Require,
        ..config()
    };
    let load = |world: &mut World, viewer: usize, number: u64| {
        world.ahead(viewer, 12_000.0);
        let request = world.load(viewer, media, Some(ranges[number as usize]));
        let outcome = world.settle(viewer, request);
        assert_eq!(bytes_of(&outcome), bytes_at(number));
        world.run_for(Duration::from_millis(300));
        source_of(&outcome)
    };
    let first = world.join(config.clone(), &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    for number in 0..6 {
        load(&mut world, first, number);
    }
    let second = world.join(config, &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    load(&mut world, second, 0);
    for number in 1..6 {
        assert_eq!(load(&mut world, second, number), Source::Peers);
    }
}
