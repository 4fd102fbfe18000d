//! Whom an uplink serves, who finds a place among neighbours, and what lost changes of haves cost.

#![allow(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test's own numbers are small, and it looks at the few variants it is about"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{Config, ConfigUpdate, Event, Input};
use swarmline::manifest::Timeline;
use swarmline::wire::{Hints, PeerMessage, SegmentKey, ToTracker};
use world::{Frame, LEN, Passing, Vice, Viewer, Way, World, playlist, url, vod};

/// Bytes a second of the uplinks where they are short: three get a block each within half a second.
const SHORT: u64 = 100_000;

/// One viewer that holds the first half of a show, and `others` that are linked to it, hear of all and
/// want nothing of their own accord. `giver` has just given it a segment.
fn served_by_one(others: usize, giver: Option<usize>) -> (World, String, Viewer, Vec<Viewer>) {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let one = world.join(World::config(), &playlist(), &text);
    let others: Vec<Viewer> = (0..others)
        .map(|_| world.join(World::config(), &playlist(), &text))
        .collect();
    world.run_for(Duration::from_secs(5));
    for number in 0..5 {
        world.ahead(one, 0.0);
        world.fetch(one, &url(number));
    }
    if let Some(giver) = giver {
        world.ahead(others[giver], 0.0);
        world.fetch(others[giver], &url(9));
        world.ahead(one, 20_000.0);
        world.fetch(one, &url(9));
    }
    for other in &others {
        world.viewers[*other].vice = Some(deaf());
    }
    world.link_bytes_per_s = SHORT;
    (world, text, one, others)
}

/// Hears no block: what it asks for in its name does not confuse its engine.
fn deaf() -> Vice {
    Box::new(|passing| match (passing.way, &passing.frame) {
        (Way::In, Frame::Block(_)) => Vec::new(),
        _ => passing.untouched(),
    })
}

/// What segment `number` is called between peers.
fn key(text: &str, number: u64) -> SegmentKey {
    let mut timeline = Timeline::default();
    timeline
        .update_hls(&playlist(), text)
        .expect("the playlist reads");
    let entry = timeline.segment(0, number).expect("it names the segment");
    SegmentKey {
        track: timeline.tracks()[0].id,
        number,
        version: entry.version,
    }
}

/// `viewer` asks `one` for three segments.
fn ask(world: &mut World, text: &str, one: Viewer, viewer: Viewer) {
    for number in 0..3 {
        let key = key(text, number);
        let (first, count) = (0, 39);
        let request = PeerMessage::Request { key, first, count };
        world.forge_message(one, viewer, request.encode());
    }
}

/// Bytes that `one` has sent to each of `others`.
fn sent(world: &World, one: Viewer, others: &[Viewer]) -> Vec<u64> {
    let peers = world.viewers[one].engine.stats().peers;
    let to = |viewer: &Viewer| {
        let id = world.viewers[*viewer].engine.stats().peer_id;
        peers.iter().find(|peer| peer.id == id)
    };
    let bytes = |viewer| to(viewer).map_or(0, |peer| peer.sent_bytes);
    others.iter().map(bytes).collect()
}

#[test]
fn who_gave_is_served_before_who_did_not() {
    for giver in [None, Some(4)] {
        let (mut world, text, one, others) = served_by_one(5, giver);
        for other in &others {
            ask(&mut world, &text, one, *other);
        }
        world.run_for(Duration::from_secs(30));
        let sent = sent(&world, one, &others);
        let better = sent.iter().filter(|bytes| **bytes > sent[4] * 11 / 10);
        assert_eq!(better.count() == 0, giver.is_some(), "{sent:?}");
        let all: u64 = sent.iter().sum();
        assert!(all > 27 * SHORT, "the uplink is used: {sent:?}");
    }
}

#[test]
fn a_free_slot_serves_whoever_asks() {
    let (mut world, text, one, others) = served_by_one(3, Some(0));
    ask(&mut world, &text, one, others[1]);
    world.run_for(Duration::from_secs(10));
    let sent = sent(&world, one, &others);
    assert!(sent[1] > 9 * SHORT, "{sent:?}");
}

#[test]
fn the_upload_limit_holds_for_all_that_leaves_and_is_used() {
    let (mut world, text, one, others) = served_by_one(4, None);
    world.link_bytes_per_s = 100 * SHORT;
    for limit in [SHORT / 2, 3 * SHORT] {
        world.tell(
            one,
            Input::Config(ConfigUpdate {
                upload_limit: Some(limit),
                ..ConfigUpdate::default()
            }),
        );
        let before: u64 = sent(&world, one, &others).iter().sum();
        for _ in 0..20 {
            // More than there is room for: what they asked for a second ago is still being sent.
            for other in &others {
                ask(&mut world, &text, one, *other);
            }
            world.run_for(Duration::from_secs(1));
        }
        let after: u64 = sent(&world, one, &others).iter().sum();
        // Packets' own bytes are the sixteenth part of what they carry.
        let part = (after - before) as f64 * 17.0 / 16.0 / (20 * limit) as f64;
        assert!((0.95..1.05).contains(&part), "{part} of {limit}");
    }
}

#[test]
fn a_newcomer_is_served_within_a_turn_and_nobody_starves() {
    let (mut world, text, one, mut others) = served_by_one(5, Some(0));
    for other in &others {
        ask(&mut world, &text, one, *other);
    }
    world.run_for(Duration::from_secs(5));
    let newcomer = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(2));
    world.viewers[newcomer].vice = Some(deaf());
    ask(&mut world, &text, one, newcomer);
    world.run_for(Duration::from_secs(11));
    assert!(sent(&world, one, &[newcomer])[0] > 0);
    others.push(newcomer);
    world.run_for(Duration::from_secs(50));
    let sent = sent(&world, one, &others);
    assert!(sent.iter().all(|bytes| *bytes > 0), "{sent:?}");
}

fn links(world: &World, viewer: Viewer) -> usize {
    world.viewers[viewer].engine.stats().peers.len()
}

/// Five viewers that are all linked to each other and take four links each, after `age`; and one more,
/// three seconds after it came.
fn sixth_joins(age: Duration) -> (World, Viewer) {
    let mut world = World::new();
    let text = vod(&mut world, 4, LEN, true);
    for _ in 0..5 {
        world.join(World::config(), &playlist(), &text);
    }
    world.run_for(Duration::from_secs(8));
    let max_peers = 4;
    for viewer in 0..5 {
        assert_eq!(links(&world, viewer), 4, "all are linked");
        world.tell(
            viewer,
            Input::Config(ConfigUpdate {
                max_peers: Some(max_peers),
                ..ConfigUpdate::default()
            }),
        );
    }
    world.run_for(age);
    let config = Config {
        max_peers,
        ..World::config()
    };
    let sixth = world.join(config, &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    (world, sixth)
}

#[test]
fn a_late_viewer_gets_a_place_where_all_are_taken() {
    let (mut world, sixth) = sixth_joins(Duration::from_secs(40));
    assert!(links(&world, sixth) > 0);
    world.run_for(Duration::from_secs(300));
    let ended = |viewer: Viewer| {
        let events = world.viewers[viewer].events.iter();
        let gone = |event: &&Event| matches!(event, Event::PeerClosed { .. });
        events.filter(gone).count()
    };
    let all: usize = (0..6).map(ended).sum();
    assert!(all <= 16, "{all} ends of links in five minutes");
    for viewer in 0..6 {
        assert!((3..=4).contains(&links(&world, viewer)));
    }
}

#[test]
fn links_that_are_young_are_not_given_away() {
    let (world, sixth) = sixth_joins(Duration::from_secs(2));
    assert_eq!(links(&world, sixth), 0);
}

#[test]
fn a_link_that_carries_is_not_given_away() {
    let (mut world, text, one, others) = served_by_one(2, None);
    world.run_for(Duration::from_secs(40));
    world.tell(
        one,
        Input::Config(ConfigUpdate {
            max_peers: Some(2),
            ..ConfigUpdate::default()
        }),
    );
    for other in &others {
        ask(&mut world, &text, one, *other);
    }
    world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(5));
    for other in others {
        assert!(world.link_to(one, other).is_some());
    }
}

/// A holder whose changes of haves are lost on the way from `lost`, and a neighbour. The queries that the
/// neighbour sent are counted.
fn haves_on_the_way(lost: bool) -> (World, Viewer, Viewer) {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let first = world.join(World::config(), &playlist(), &text);
    let second = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(3));
    let loses = move |passing: &Passing| match &passing.frame {
        Frame::Control(bytes) => {
            lost && passing.way == Way::Out
                && matches!(PeerMessage::decode(bytes), Ok(PeerMessage::Have(_)))
        }
        Frame::Block(_) => false,
    };
    world.viewers[first].vice = Some(Box::new(move |passing| match loses(&passing) {
        true => Vec::new(),
        false => passing.untouched(),
    }));
    for number in 0..5 {
        world.ahead(first, 0.0);
        world.fetch(first, &url(number));
    }
    world.run_for(Duration::from_secs(1));
    (world, first, second)
}

/// What `second` believes that `first` holds, and what it does hold.
fn believed(world: &World, first: Viewer, second: Viewer) -> (u32, u32) {
    let stats = world.viewers[second].engine.stats();
    let held = world.viewers[first].engine.stats().cache_segments;
    (stats.peers[0].segments, held)
}

#[test]
fn lost_changes_of_haves_are_repaired_within_a_period() {
    let (world, first, second) = haves_on_the_way(false);
    assert_eq!(believed(&world, first, second), (5, 5));
    let (mut world, first, second) = haves_on_the_way(true);
    assert_eq!(believed(&world, first, second), (0, 5));
    world.run_for(Duration::from_secs(21));
    assert_eq!(believed(&world, first, second), (5, 5));
    // And that something is gone.
    world.tell(
        first,
        Input::Config(ConfigUpdate {
            memory_limit_bytes: Some(2 * LEN as u64 + 100),
            ..ConfigUpdate::default()
        }),
    );
    world.run_for(Duration::from_millis(200));
    assert_eq!(believed(&world, first, second), (5, 2));
    world.run_for(Duration::from_secs(21));
    assert_eq!(believed(&world, first, second), (2, 2));
}

/// What a viewer last said of itself to its tracker.
fn hints(world: &World, viewer: Viewer) -> Hints {
    let told = world.viewers[viewer].told_trackers.iter().rev();
    let mut hints = told.filter_map(|text| match ToTracker::decode(text) {
        Ok(ToTracker::Announce { extensions, .. }) => Some(extensions.hints),
        Ok(_) | Err(_) => None,
    });
    let last = hints.next().expect("it has announced");
    Hints::decode(&last.unwrap_or_default())
}

/// Lets a viewer announce again.
fn announces(world: &mut World, viewer: Viewer) {
    let before = world.viewers[viewer].told_trackers.len();
    while world.viewers[viewer].told_trackers.len() == before {
        world.run_for(Duration::from_secs(10));
    }
}

#[test]
fn a_tracker_hears_what_an_uplink_sends_and_nothing_else() {
    // Segments of four seconds.
    let stream = LEN as u64 / 4;
    for (uplink, limit, class) in [
        (stream / 3, None, 1),
        (stream, None, 2),
        (10 * stream, None, 3),
        (10 * stream, Some(stream), 2),
        (10 * stream, Some(0), 0),
    ] {
        let (mut world, text, one, others) = served_by_one(3, None);
        assert_eq!(hints(&world, one), Hints::default(), "nothing is known yet");
        world.link_bytes_per_s = uplink;
        world.tell(
            one,
            Input::Config(ConfigUpdate {
                upload_limit: limit,
                ..ConfigUpdate::default()
            }),
        );
        for _ in 0..20 {
            for other in &others {
                ask(&mut world, &text, one, *other);
            }
            world.run_for(Duration::from_secs(1));
        }
        announces(&mut world, one);
        let upload = Some(class);
        let expected = Hints {
            upload,
            ..Hints::default()
        };
        assert_eq!(hints(&world, one), expected, "{uplink} {limit:?}");
    }
}
