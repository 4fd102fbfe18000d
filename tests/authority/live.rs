//! Live streams whose file of digests comes late, or never.

use super::stage::*;
use super::world::{World, playlist, source_of, url};
use std::time::Duration;
use swarmline::engine::{Config, IntegrityMode, Source};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A live window that ends with `last`; its segments are on the CDN.
fn live(world: &mut World, last: u64) -> String {
    let first = last.saturating_sub(5);
    let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
    for number in first..=last {
        text.push_str(&format!("#EXTINF:4.0,\nseg-{number}.m4s\n"));
        world.cdn.files.insert(url(number), bytes_at(number));
    }
    text
}

/// Two viewers of a window that ends with 5, its digests published.
fn two_at_the_edge(config: &Config) -> (World, [usize; 2]) {
    let mut world = World::new();
    let text = live(&mut world, 5);
    publish_hex(&mut world, 0..6);
    let viewers = [0, 1].map(|_| world.join(config.clone(), &playlist(), &text));
    world.run_for(Duration::from_secs(2));
    (world, viewers)
}

#[test]
fn a_live_entry_that_is_missing_is_looked_for_again() {
    let config = Config {
        integrity: IntegrityMode::Require,
        ..config()
    };
    let (mut world, viewers) = two_at_the_edge(&config);
    for last in 6..12 {
        let text = live(&mut world, last);
        for viewer in viewers {
            refresh(&mut world, viewer, &text);
        }
        // The server writes its file after the playlist.
        world.run_for(Duration::from_millis(300));
        publish_hex(&mut world, last - 5..last + 1);
        world.run_for(Duration::from_secs(1));
        get(&mut world, viewers[0], last);
        assert_eq!(
            get(&mut world, viewers[1], last),
            Source::Peers,
            "segment {last}"
        );
        world.run_for(Duration::from_secs(2));
    }
}

#[test]
fn who_asks_for_a_live_segment_at_once_waits_for_its_digest() {
    let config = Config {
        integrity: IntegrityMode::Require,
        ..config()
    };
    let (mut world, viewers) = two_at_the_edge(&config);
    for last in 6..12 {
        let text = live(&mut world, last);
        let asked: Vec<_> = viewers
            .iter()
            .map(|viewer| {
                world.ahead(*viewer, 8_000.0);
                refresh(&mut world, *viewer, &text);
                world.load(*viewer, &url(last), None)
            })
            .collect();
        world.run_for(Duration::from_millis(300));
        publish_hex(&mut world, last - 5..last + 1);
        world.run_for(Duration::from_secs(3));
        let settled = viewers.iter().zip(asked);
        let sources: Vec<Source> = settled
            .map(|(viewer, request)| source_of(&world.settle(*viewer, request)))
            .collect();
        assert!(
            sources.contains(&Source::Peers),
            "segment {last}: {sources:?}"
        );
        world.run_for(Duration::from_secs(1));
    }
}

#[test]
fn who_has_no_time_waits_for_no_digest() {
    let (mut world, viewers) = two_at_the_edge(&config());
    let text = live(&mut world, 6);
    refresh(&mut world, viewers[0], &text);
    world.ahead(viewers[0], 2_000.0);
    let request = world.load(viewers[0], &url(6), None);
    world.run_for(Duration::from_millis(300));
    assert_eq!(source_of(&world.settle(viewers[0], request)), Source::Cdn);
}

#[test]
fn a_live_file_that_stands_still_is_not_asked_for_without_end() {
    let (mut world, viewers) = two_at_the_edge(&config());
    let text = live(&mut world, 6);
    refresh(&mut world, viewers[0], &text);
    let source = get(&mut world, viewers[0], 6);
    assert_eq!(source, Source::Cdn, "and the player never waits");
    world.run_for(Duration::from_secs(60));
    let of_first = |(viewer, url, _): &&(usize, String, _)| *viewer == viewers[0] && url == SIDECAR;
    let texts = world.cdn.requests.iter().filter(of_first).count();
    assert!((3..=8).contains(&texts), "{texts} fetches");
    // Nothing is said of it, so `prefer` shares it as such, with whoever gave up too.
    refresh(&mut world, viewers[1], &text);
    world.run_for(Duration::from_secs(60));
    assert_eq!(get(&mut world, viewers[1], 6), Source::Peers);
}
