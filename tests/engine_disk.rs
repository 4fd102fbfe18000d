//! A returning viewer, whose disk holds what an earlier visit left: it is asked first, believed in nothing, and its
//! neighbours are fed at once.

#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's numbers are small"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use swarmline::base::Duration;
use swarmline::engine::{Source, WarningCode};
use swarmline::integrity::Digest;
use world::{LEN, World, asked, content, fetch, playlist, root, url, vod};

const COUNT: u64 = 10;

/// A viewer of a film of ten segments, whose disk holds `kept` of them.
fn returned(kept: core::ops::Range<u64>) -> (World, usize, String) {
    let mut world = World::new();
    let text = vod(&mut world, COUNT, LEN, true);
    let viewer = world.join(World::config(), &playlist(), &text);
    world.has_been_here(viewer, kept);
    (world, viewer, text)
}

fn root_at(number: u64) -> Digest {
    root(&content(number, LEN + number as usize))
}

#[test]
fn what_is_proven_goes_to_the_disk_once_and_only_where_there_is_one() {
    let (mut world, viewer, text) = returned(0..0);
    let other = world.join(World::config(), &playlist(), &text);
    for number in 0..3 {
        fetch(&mut world, viewer, number);
        fetch(&mut world, other, number);
    }
    fetch(&mut world, viewer, 2);
    world.run_for(Duration::from_secs(1));
    let kept: Vec<Digest> = world.viewers[viewer].disk.kept.keys().copied().collect();
    let mut all: Vec<Digest> = (0..3).map(root_at).collect();
    all.sort();
    assert_eq!(kept, all);
    assert!(world.viewers[other].disk.kept.is_empty(), "it has none");
}

#[test]
fn what_came_before_the_disk_was_opened_is_kept_too() {
    let mut world = World::new();
    let text = vod(&mut world, COUNT, LEN, true);
    let viewer = world.join(World::config(), &playlist(), &text);
    fetch(&mut world, viewer, 0);
    world.run_for(Duration::from_secs(1));
    world.has_been_here(viewer, 0..0);
    assert!(world.viewers[viewer].disk.kept.contains_key(&root_at(0)));
}

#[test]
fn without_digests_nothing_is_kept() {
    let mut world = World::new();
    let text = vod(&mut world, COUNT, LEN, false);
    let viewer = world.join(World::config(), &playlist(), &text);
    world.has_been_here(viewer, 0..2);
    for number in 0..3 {
        let (source, _) = fetch(&mut world, viewer, number);
        assert_eq!(source, Source::Cdn);
    }
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.viewers[viewer].disk.kept.len(), 2, "what was there");
    assert!(world.viewers[viewer].disk.reads.is_empty());
}

#[test]
fn of_a_live_stream_nothing_is_kept() {
    let mut world = World::new();
    let text = vod(&mut world, COUNT, LEN, true).replace("#EXT-X-ENDLIST\n", "");
    let text = text.replace("#EXT-X-PLAYLIST-TYPE:VOD\n", "");
    let viewer = world.join(World::config(), &playlist(), &text);
    world.has_been_here(viewer, 0..0);
    fetch(&mut world, viewer, COUNT - 1);
    world.run_for(Duration::from_secs(1));
    assert!(world.viewers[viewer].disk.kept.is_empty());
}

#[test]
fn a_returning_viewer_asks_its_disk_and_nobody_else() {
    let (mut world, viewer, _) = returned(0..COUNT);
    for number in 0..COUNT {
        let (source, took) = fetch(&mut world, viewer, number);
        assert_eq!(source, Source::Cache);
        assert!(took < Duration::from_millis(100), "{took:?}");
    }
    assert_eq!(world.cdn_bytes(), 0);
}

#[test]
fn the_players_estimate_hears_nothing_of_how_fast_a_disk_is() {
    let (mut world, viewer, _) = returned(1..2);
    fetch(&mut world, viewer, 0);
    world.ahead(viewer, 12_000.0);
    let outcome = world.fetch(viewer, &url(1));
    let world::Outcome::Ready { timing, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let alone_ms = LEN as f64 / 10_000.0; // the CDN sends ten million a second
    assert!(
        (timing.transfer_ms - alone_ms).abs() < alone_ms / 4.0,
        "{timing:?}, where the CDN takes {alone_ms} ms"
    );
}

#[test]
fn what_changed_on_the_disk_is_refused_fetched_and_kept_anew() {
    let (mut world, viewer, _) = returned(1..2);
    for bytes in world.viewers[viewer].disk.kept.values_mut() {
        bytes[LEN / 2] ^= 1;
    }
    let (source, _) = fetch(&mut world, viewer, 1);
    assert_eq!(source, Source::Cdn);
    assert!(world.has_warned(viewer, WarningCode::DiskChanged));
    world.run_for(Duration::from_secs(1));
    let kept = &world.viewers[viewer].disk.kept;
    assert_eq!(kept.get(&root_at(1)), Some(&content(1, LEN + 1)));
}

#[test]
fn what_is_shorter_or_gone_costs_a_look_and_no_more() {
    let (mut world, viewer, _) = returned(0..3);
    let disk = &mut world.viewers[viewer].disk.kept;
    disk.remove(&root_at(0));
    disk.insert(root_at(1), content(1, 400));
    for number in 0..2 {
        let (source, took) = fetch(&mut world, viewer, number);
        assert_eq!(source, Source::Cdn);
        assert!(took < Duration::from_millis(200), "{took:?}");
    }
}

#[test]
fn a_disk_that_hangs_costs_three_segments_a_moment_at_the_most() {
    let (mut world, viewer, _) = returned(0..COUNT);
    world.viewers[viewer].disk.takes = None;
    let late = (0..COUNT)
        .map(|number| fetch(&mut world, viewer, number).1)
        .filter(|took| *took >= Duration::from_millis(300));
    let late = late.count(); // what is read ahead of its wish counts, too
    assert!((1..=3).contains(&late), "{late}");
}

#[test]
fn neighbours_of_a_returning_viewer_are_fed_what_it_has_not_asked_for() {
    let (mut world, viewer, text) = returned(0..COUNT);
    fetch(&mut world, viewer, 0);
    world.run_for(Duration::from_secs(2));
    let held = |world: &World| u64::from(world.viewers[viewer].engine.stats().cache_segments);
    assert!(
        held(&world) <= 2,
        "alone it reads what is wanted, and one ahead"
    );
    let fresh = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(1));
    assert_eq!(held(&world), COUNT, "half of the memory holds it");
    let reads = &world.viewers[viewer].disk.reads;
    assert!(reads.iter().any(|(_, at_leisure)| *at_leisure));
    fetch(&mut world, fresh, 0);
    for number in 1..COUNT {
        let (source, _) = fetch(&mut world, fresh, number);
        assert_ne!(source, Source::Cdn, "segment {number}");
    }
    assert_eq!((1..COUNT).map(|n| asked(&world, n)).sum::<usize>(), 0);
}

#[test]
fn no_more_is_read_unasked_than_half_of_the_memory_holds() {
    let mut world = World::new();
    let text = vod(&mut world, COUNT, LEN, true);
    let mut config = World::config();
    config.memory_limit_bytes = 8 * LEN as u64;
    let viewer = world.join(config, &playlist(), &text);
    world.join(World::config(), &playlist(), &text);
    world.has_been_here(viewer, 0..COUNT);
    world.run_for(Duration::from_secs(1)); // it is linked
    fetch(&mut world, viewer, 4);
    world.run_for(Duration::from_secs(5));
    let held = |number| {
        let offered = world.viewers[viewer].engine.offered();
        offered.iter().any(|(_, known)| *known == number)
    };
    assert!(held(4) && held(5) && held(6), "the playhead's first");
    let bytes = world.viewers[viewer].engine.stats().cache_bytes;
    assert!(bytes <= 4 * LEN as u64 + 64, "{bytes}");
}

#[test]
fn a_viewer_who_sends_nothing_reads_nothing_unasked() {
    let mut world = World::new();
    let text = vod(&mut world, COUNT, LEN, true);
    let mut config = World::config();
    config.upload_limit = Some(0);
    let viewer = world.join(config, &playlist(), &text);
    world.join(World::config(), &playlist(), &text);
    world.has_been_here(viewer, 0..COUNT);
    world.run_for(Duration::from_secs(1));
    fetch(&mut world, viewer, 0);
    world.run_for(Duration::from_secs(5));
    let reads = &world.viewers[viewer].disk.reads;
    assert!(reads.iter().all(|(_, at_leisure)| !at_leisure), "{reads:?}");
}
