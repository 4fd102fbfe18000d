//! Peers that waste a viewer's time lose their place; peers that are slow, full or unlucky do not.

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
use swarmline::base::Network;
use swarmline::engine::{CloseReason, Config, ConfigUpdate, Event, Input, Source};
use swarmline::integrity::BLOCK_LEN;
use swarmline::manifest::Timeline;
use swarmline::wire::{BlockHeader, HaveEntry, Holding, PeerMessage, SegmentKey};
use world::{
    LEN, Vice, Viewer, World, bytes_of, content, playlist, poison, second_joins, source_of, stall,
    url, vod,
};

/// What segment `number` of a signed show is called between peers.
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

/// The playlist of `second_joins`.
fn text() -> String {
    vod(&mut World::new(), 10, LEN, true)
}

fn have(key: SegmentKey, holding: Holding) -> Vec<u8> {
    PeerMessage::Have(vec![HaveEntry { key, holding }]).encode()
}

/// Why links of `viewer` have ended.
fn closed(world: &World, viewer: Viewer) -> Vec<CloseReason> {
    let reason = |event: &Event| match event {
        Event::PeerClosed { reason, .. } => Some(*reason),
        _ => None,
    };
    let events = &world.viewers[viewer].events;
    events.iter().filter_map(reason).collect()
}

/// Fetches with a comfortable buffer, checks the bytes; how long it took.
fn fetch(world: &mut World, viewer: Viewer, number: u64) -> Duration {
    world.ahead(viewer, 12_000.0);
    let start = world.now;
    let outcome = world.fetch(viewer, &url(number));
    assert_eq!(bytes_of(&outcome), content(number, LEN + number as usize));
    world.now.since(start)
}

/// Two viewers of whom the second has loaded its first segment and is linked to the first.
fn linked(held: u64) -> (World, Viewer, Viewer) {
    linked_with(held, None)
}

/// The same, and the first one has a vice from the beginning.
fn linked_with(held: u64, vice: Option<Vice>) -> (World, Viewer, Viewer) {
    let (mut world, first, second) = second_joins(true, held, World::config());
    world.viewers[first].vice = vice;
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.run_for(Duration::from_secs(1));
    assert!(world.link_to(second, first).is_some());
    (world, first, second)
}

#[test]
fn who_claims_what_it_does_not_hold_is_out_after_three_requests() {
    let (mut world, first, second) = linked(2);
    let text = text();
    for number in 3..10 {
        let claim = have(key(&text, number), Holding::Whole);
        world.forge_message(second, first, claim);
    }
    for number in 3..6 {
        fetch(&mut world, second, number);
    }
    assert_eq!(closed(&world, second), [CloseReason::Unreliable]);
    world.run_for(Duration::from_secs(60));
    assert!(
        world.link_to(second, first).is_none(),
        "trackers hand it back, it is not linked"
    );
}

#[test]
fn who_evicts_while_it_is_asked_is_no_liar() {
    let (mut world, first, second) = linked(9);
    for number in 1..9 {
        // One segment less each time, and the request crosses the news of it.
        let limit = ConfigUpdate {
            memory_limit_bytes: Some((9 - number) * (LEN as u64 + 10)),
            ..ConfigUpdate::default()
        };
        world.tell(first, Input::Config(limit));
        fetch(&mut world, second, number);
    }
    assert_eq!(closed(&world, second), []);
}

#[test]
fn who_is_asked_in_vain_is_not_asked_a_fourth_time() {
    let (mut world, first, second) = linked(9);
    world.viewers[first].vice = Some(stall());
    // Not the next one, which has come ahead of its wish.
    for number in 3..6 {
        let took = fetch(&mut world, second, number);
        assert!(took > Duration::from_millis(800), "asked in vain: {took:?}");
    }
    let took = fetch(&mut world, second, 6);
    assert!(took < Duration::from_millis(400), "not asked: {took:?}");
    world.viewers[first].vice = None;
    world.run_for(Duration::from_secs(30));
    fetch(&mut world, second, 2);
    world.run_for(Duration::from_secs(180));
    let outcome = world.fetch(second, &url(8));
    assert_eq!(source_of(&outcome), Source::Cdn, "no slack is left");
    world.ahead(second, 12_000.0);
    let outcome = world.fetch(second, &url(7));
    assert_eq!(source_of(&outcome), Source::Peers, "a lapse is forgotten");
    assert_eq!(closed(&world, second), []);
}

#[test]
fn who_never_sends_anything_is_closed_in_the_end() {
    let (mut world, _, second) = linked_with(9, Some(stall()));
    for number in 1..9 {
        fetch(&mut world, second, number);
        world.run_for(Duration::from_secs(11));
    }
    assert_eq!(closed(&world, second), [CloseReason::Unreliable]);
}

#[test]
fn a_choked_uplink_costs_rests_and_never_the_link() {
    for (rate, most) in [(15_000, None), (10_000_000, Some(12_000))] {
        let (mut world, first, second) = linked(9);
        world.link_bytes_per_s = rate;
        let limit = ConfigUpdate {
            upload_limit: most,
            ..ConfigUpdate::default()
        };
        world.tell(first, Input::Config(limit));
        for round in 0..40_u64 {
            let number = 1 + round % 8;
            // What is held already is asked for again by a viewer who forgot it.
            world.tell(second, memory(0));
            world.tell(second, memory(256 << 20));
            fetch(&mut world, second, number);
            world.run_for(Duration::from_secs(4));
        }
        assert_eq!(closed(&world, second), [], "{rate} {most:?}");
    }
}

fn memory(bytes: u64) -> Input {
    Input::Config(ConfigUpdate {
        memory_limit_bytes: Some(bytes),
        ..ConfigUpdate::default()
    })
}

#[test]
fn a_drip_loses_its_slot_within_five_seconds_however_long_the_buffer() {
    let (mut world, first, second) = linked(9);
    let text = text();
    world.viewers[first].vice = Some(stall());
    for number in [1, 2] {
        let bytes = content(number, LEN + number as usize);
        world.ahead(second, 60_000.0);
        let start = world.now;
        let request = world.load(second, &url(number), None);
        for index in 0..8_u32 {
            world.run_for(Duration::from_millis(700));
            let header = BlockHeader {
                key: key(&text, number),
                first: index,
                count: 1,
            };
            let block = bytes.chunks(BLOCK_LEN as usize).nth(index as usize);
            let mut message = header.encode().to_vec();
            message.extend_from_slice(block.expect("a whole block"));
            world.forge_block(second, first, message);
            if world.viewers[second].outcomes.contains_key(&request) {
                break;
            }
        }
        let outcome = world.settle(second, request);
        assert_eq!(bytes_of(&outcome), bytes);
        let took = world.now.since(start);
        assert!(took < Duration::from_secs(5), "{number}: {took:?}");
    }
    assert_eq!(closed(&world, second), [], "slow is no crime");
}

#[test]
fn who_sends_what_nobody_asked_for_is_out_after_three_messages() {
    let (mut world, first, second) = linked(9);
    fetch(&mut world, second, 1);
    // What is on its way ahead of its wish was asked for.
    world.run_for(Duration::from_secs(2));
    let key = key(&text(), 4);
    let mut sent = 0;
    while world.link_to(second, first).is_some() && sent < 9 {
        let (index, count) = (sent, 1);
        let header = BlockHeader {
            key,
            first: index,
            count,
        };
        let mut message = header.encode().to_vec();
        message.extend_from_slice(&[7; BLOCK_LEN as usize]);
        world.forge_block(second, first, message);
        sent += 1;
    }
    assert_eq!(sent, 3);
    assert_eq!(closed(&world, second), [CloseReason::Unreliable]);
}

#[test]
fn a_restarted_encoder_is_nobodys_fault() {
    let mut world = World::new();
    let before = vod(&mut world, 10, LEN, true);
    let first = world.join(World::config(), &playlist(), &before);
    world.run_for(Duration::from_secs(2));
    for number in 0..8 {
        world.ahead(first, 12_000.0);
        world.fetch(first, &url(number));
    }
    // The same numbers and names, other contents.
    let mut after = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n".to_owned();
    for number in 0..10 {
        let bytes = content(number + 100, LEN);
        after.push_str(&world::digest_line(&bytes));
        after.push_str(&format!("#EXTINF:4.0,\nseg-{number}.m4s\n"));
        world.cdn.files.insert(url(number), bytes);
    }
    after.push_str("#EXT-X-ENDLIST\n");
    let second = world.join(World::config(), &playlist(), &after);
    world.ahead(second, 0.0);
    world.fetch(second, &url(0));
    world.run_for(Duration::from_secs(1));
    for number in 1..8 {
        world.ahead(second, 12_000.0);
        let outcome = world.fetch(second, &url(number));
        assert_eq!(bytes_of(&outcome), content(number + 100, LEN));
    }
    assert_eq!(closed(&world, second), []);
    assert!(world.link_to(second, first).is_some());
}

#[test]
fn promises_that_are_put_off_are_not_waited_for_again() {
    let (mut world, first, second) = linked(2);
    let text = text();
    for number in 3..5 {
        let promise = |in_ms| have(key(&text, number), Holding::Promised { in_ms, hops: 0 });
        world.forge_message(second, first, promise(600));
        world.ahead(second, 12_000.0);
        let start = world.now;
        let request = world.load(second, &url(number), None);
        while world.now.since(start) < Duration::from_secs(10)
            && !world.viewers[second].outcomes.contains_key(&request)
        {
            world.run_for(Duration::from_millis(400));
            world.forge_message(second, first, promise(600));
        }
        let took = world.now.since(start);
        let most = if number == 3 { 2_000 } else { 900 };
        assert!(took < Duration::from_millis(most), "{number}: {took:?}");
    }
    assert_eq!(closed(&world, second), []);
}

#[test]
fn what_lay_long_is_hashed_again_and_what_changed_is_not_sent() {
    for damaged in [false, true] {
        let (mut world, first, second) = linked(9);
        fetch(&mut world, second, 1);
        let before = world.cdn_bytes();
        world.run_for(Duration::from_secs(900));
        if damaged {
            for bytes in world.viewers[first].store.values_mut() {
                bytes[100_000] ^= 1;
            }
        }
        for number in 2..6 {
            fetch(&mut world, second, number);
            world.run_for(Duration::from_secs(1));
        }
        assert_eq!(
            closed(&world, second),
            [],
            "nobody is blamed for old memory"
        );
        let warned = world.viewers[first].events.iter().filter(|event| {
            matches!(event, Event::Warning { code, .. }
                if *code == swarmline::engine::WarningCode::CacheDamaged)
        });
        assert_eq!(warned.count(), if damaged { 4 } else { 0 });
        let from_cdn = world.cdn_bytes() - before;
        assert_eq!(
            from_cdn > 0,
            damaged,
            "the rest comes from peers: {from_cdn}"
        );
    }
}

/// A crowd that joins one after the other; where the first one's links lead.
fn crowd(networks: &[Option<Network>], max_peers: u32) -> Vec<Option<Network>> {
    let mut world = World::new();
    let text = vod(&mut world, 4, LEN, true);
    let config = Config {
        max_peers,
        ..World::config()
    };
    let first = world.join(config, &playlist(), &text);
    for (place, network) in networks.iter().enumerate() {
        world.networks.insert(first + 1 + place, *network);
        world.join(World::config(), &playlist(), &text);
        world.run_for(Duration::from_secs(20));
    }
    world.run_for(Duration::from_secs(1_200));
    let linked = (0..networks.len())
        .filter(|place| world.link_to(first, first + 1 + place).is_some())
        .map(|place| networks[place]);
    linked.collect()
}

#[test]
fn one_network_does_not_get_all_links_while_others_are_to_be_had() {
    let sybils = Some(Network::V4([203, 0, 113]));
    let elsewhere = |n| Some(Network::V4([192, 0, n]));
    let mut networks = vec![sybils; 8];
    networks.extend((0..4).map(elsewhere));
    let linked = crowd(&networks, 4);
    let alike = linked.iter().filter(|network| **network == sybils).count();
    assert!(alike <= 2, "{linked:?}");
    assert_eq!(linked.len(), 4, "the others fill the rest: {linked:?}");
}

#[test]
fn a_small_party_behind_one_address_shares_with_all_of_it() {
    let home = Some(Network::V4([203, 0, 113]));
    assert_eq!(crowd(&[home; 4], 6).len(), 4);
}

#[test]
fn a_lan_party_keeps_all_its_links_and_hidden_ones_leave_two_places() {
    assert_eq!(crowd(&[Some(Network::Near); 9], 6).len(), 6);
    let hidden = crowd(&[None; 9], 6).len();
    assert!((3..=4).contains(&hidden), "{hidden}");
}

#[test]
fn the_tracker_hears_of_a_poisoner_from_three_networks_and_keeps_it_from_the_next() {
    let mut world = World::new();
    let text = vod(&mut world, 10, LEN, true);
    let poisoner = world.join(World::config(), &playlist(), &text);
    for number in 0..8 {
        world.ahead(poisoner, 0.0);
        world.fetch(poisoner, &url(number));
    }
    world.run_for(Duration::from_secs(2));
    world.viewers[poisoner].vice = Some(poison());
    for _ in 0..3 {
        let victim = world.join(World::config(), &playlist(), &text);
        world.run_for(Duration::from_secs(3));
        world.ahead(victim, 0.0);
        world.fetch(victim, &url(0));
        world.run_for(Duration::from_secs(1));
        for number in 1..8 {
            fetch(&mut world, victim, number);
        }
        assert!(closed(&world, victim).contains(&CloseReason::WrongBlock));
    }
    let next = world.join(World::config(), &playlist(), &text);
    world.run_for(Duration::from_secs(30));
    assert!(world.link_to(next, poisoner).is_none(), "it is kept away");
    assert_eq!(world.viewers[next].engine.stats().peers.len(), 3);
}
