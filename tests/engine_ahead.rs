//! What peers bring before the player asks: the next listed segment, from peers alone, and no further.

#![allow(
    clippy::cast_possible_truncation,
    reason = "a test's own numbers are small"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{Config, ConfigUpdate, Input, Source};
use world::{
    LEN, Outcome, World, asked, content, digest_line, fetch, second_joins, source_of, url,
};

/// A second viewer has played segment 0 from the CDN and 1 from the first one, which holds `0..held` of ten;
/// then nobody asked for anything for three seconds.
fn after_one(held: u64, config: Config, moving: bool) -> (World, usize, usize) {
    let (mut world, first, second) = second_joins(true, held, config);
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.run_for(Duration::from_secs(1));
    let ahead_ms = 12_000.0;
    let rate = 1.0;
    let told = Input::Playback {
        ahead_ms,
        rate,
        moving,
    };
    world.tell(second, told);
    let outcome = world.fetch(second, &url(1));
    assert_eq!(source_of(&outcome), Source::Peers);
    world.run_for(Duration::from_secs(3));
    (world, first, second)
}

/// A viewer with one segment asks for the next, over a link of so many bytes a second.
fn over_a_link_of(bytes_per_s: u64) -> (World, usize, usize) {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.run_for(Duration::from_secs(1));
    world.link_bytes_per_s = bytes_per_s;
    world.ahead(second, 30_000.0);
    world.fetch(second, &url(1));
    (world, first, second)
}

/// Whole segments that a viewer holds.
fn held(world: &World, viewer: usize) -> u32 {
    world.viewers[viewer].engine.stats().cache_segments
}

#[test]
fn the_next_segment_is_there_when_it_is_asked_for() {
    let (mut world, _, second) = after_one(6, World::config(), true);
    assert_eq!(held(&world, second), 3, "0, 1, and 2 that nobody asked for");
    let (source, took) = fetch(&mut world, second, 2);
    assert_eq!((source, took), (Source::Peers, Duration::ZERO));
    assert_eq!(asked(&world, 2), 1, "by the first viewer");
}

#[test]
fn one_segment_is_fetched_ahead_and_no_more() {
    let (mut world, first, second) = after_one(6, World::config(), true);
    world.run_for(Duration::from_secs(30));
    assert_eq!(held(&world, second), 3);
    let sent = world.viewers[first].engine.stats().uploaded_bytes;
    assert_eq!(sent, 2 * LEN as u64 + 3, "segments 1 and 2, once each");
}

#[test]
fn what_no_peer_holds_is_not_asked_of_the_cdn_before_its_wish() {
    let (mut world, _, second) = after_one(2, World::config(), true);
    world.run_for(Duration::from_secs(30));
    assert_eq!(asked(&world, 2), 0);
    let (source, _) = fetch(&mut world, second, 2);
    assert_eq!(source, Source::Cdn);
    assert_eq!(asked(&world, 2), 1);
}

#[test]
fn what_a_peer_gets_meanwhile_is_fetched_ahead() {
    let (mut world, first, second) = after_one(2, World::config(), true);
    assert_eq!(held(&world, second), 2);
    world.ahead(first, 0.0);
    world.fetch(first, &url(2));
    world.run_for(Duration::from_secs(1));
    let (source, took) = fetch(&mut world, second, 2);
    assert_eq!((source, took), (Source::Peers, Duration::ZERO));
    assert_eq!(asked(&world, 2), 1);
}

#[test]
fn a_paused_player_gets_what_it_asks_for_and_nothing_else() {
    let (world, _, second) = after_one(6, World::config(), false);
    assert_eq!(held(&world, second), 2);
}

#[test]
fn little_memory_is_not_filled_ahead() {
    let config = Config {
        memory_limit_bytes: 3 * LEN as u64,
        ..World::config()
    };
    let (world, _, second) = after_one(6, config, true);
    assert_eq!(held(&world, second), 2);
}

#[test]
fn the_last_listed_segment_is_followed_by_nothing() {
    let (mut world, _, second) = after_one(10, World::config(), true);
    fetch(&mut world, second, 9);
    let before = held(&world, second);
    world.run_for(Duration::from_secs(3));
    assert_eq!(held(&world, second), before);
}

#[test]
fn the_players_abr_hears_of_the_cdns_rate_not_of_nothing() {
    let (mut world, _, second) = after_one(6, World::config(), true);
    world.ahead(second, 12_000.0);
    let Outcome::Ready { timing, .. } = world.fetch(second, &url(2)) else {
        panic!("not ready");
    };
    let exact = LEN as f64 / world.cdn.bytes_per_s as f64 * 1e3;
    assert!(
        (exact * 0.9..exact * 1.1).contains(&timing.transfer_ms),
        "{timing:?}"
    );
}

/// Another rendition's playlist: `hi-0` to `hi-9`, told to `viewer`.
fn add_rendition(world: &mut World, viewer: usize) {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n".to_owned();
    for number in 0..10 {
        let bytes = content(100 + number, LEN);
        text.push_str(&digest_line(&bytes));
        text.push_str(&format!("#EXTINF:4.0,\nhi-{number}.m4s\n"));
        world.cdn.files.insert(hi(number), bytes);
    }
    text.push_str("#EXT-X-ENDLIST\n");
    let url = hi(0).replace("hi-0.m4s", "hi.m3u8");
    world.refresh(viewer, &url, &text);
}

fn hi(number: u64) -> String {
    url(number).replace("seg-", "hi-")
}

#[test]
fn a_player_that_turns_to_another_rendition_gets_nothing_more_of_the_old_one() {
    let (mut world, first, second) = second_joins(true, 6, World::config());
    add_rendition(&mut world, second);
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.run_for(Duration::from_secs(1));
    world.link_bytes_per_s = 200_000;
    world.ahead(second, 30_000.0);
    world.fetch(second, &url(1));
    world.run_for(Duration::from_millis(500));
    let before = world.viewers[first].engine.stats().uploaded_bytes;
    assert!(before > LEN as u64, "segment 2 is on its way: {before}");
    let request = world.load(second, &hi(2), None);
    world.settle(second, request);
    world.run_for(Duration::from_secs(10));
    let sent = world.viewers[first].engine.stats().uploaded_bytes - before;
    assert!(sent < 8 * 16_384, "{sent} bytes that nobody wanted");
    // Back again, what came of it is of use.
    let (source, _) = fetch(&mut world, second, 2);
    assert_eq!((source, asked(&world, 2)), (Source::Peers, 1));
}

#[test]
fn a_player_that_jumps_gets_nothing_more_of_what_it_left() {
    let (mut world, _, second) = over_a_link_of(600_000);
    world.run_for(Duration::from_millis(500));
    fetch(&mut world, second, 4);
    world.run_for(Duration::from_secs(30));
    assert_eq!(held(&world, second), 4, "0, 1, 4 and 5, and of 2 a part");
}

#[test]
fn switched_off_while_something_is_ahead_is_a_plain_player() {
    let (mut world, first, second) = over_a_link_of(200_000);
    let off = ConfigUpdate {
        enabled: Some(false),
        ..ConfigUpdate::default()
    };
    world.tell(second, Input::Config(off));
    world.run_for(Duration::from_secs(1));
    assert!(world.viewers[first].engine.stats().peers.is_empty());
    assert_eq!(world.fetch(second, &url(2)), Outcome::Passed);
}
