//! Votes against peers: who is believed, who is isolated, and for how long.

use super::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ACCUSED: u64 = 1;

/// A swarm of peers `1..`, each in the network that is named for it.
fn swarm(networks: &[Option<Network>]) -> World {
    let mut world = World::new(Config::default());
    for (n, network) in (1..).zip(networks) {
        let connection = world.open_from(n, *network);
        world.announce(connection, Announce::of(n));
    }
    world
}

fn network(n: u8) -> Option<Network> {
    Some(Network::V4([198, 51, n]))
}

/// Who is offered something when `n` announces as many offers as there may be; all answer it.
fn introduce(world: &mut World, n: u64) -> BTreeSet<u64> {
    let announce = Announce {
        offers: 20,
        ..Announce::of(n)
    };
    let sent = world.announce(ConnectionId(n), announce);
    let offers = offered(&sent);
    for (to, offer_id) in &offers {
        world.say(*to, answer(to.0, n, offer_id));
    }
    offers.into_iter().map(|(to, _)| to.0).collect()
}

fn vote(world: &mut World, voter: u64, accused: u64) -> Vec<(ConnectionId, FromTracker)> {
    let message = ToTracker::Vote {
        info_hash: HASH,
        peer: peer(voter),
        against: peer(accused),
    };
    world.say(ConnectionId(voter), message.encode())
}

/// Whether it is introduced to nobody, and nobody to it.
fn is_isolated(world: &mut World, n: u64) -> bool {
    let reaches = introduce(world, n);
    let others: Vec<u64> = (1..=12).filter(|other| *other != n).collect();
    let reached = others
        .into_iter()
        .filter(|other| introduce(world, *other).contains(&n))
        .count();
    assert_eq!(reaches.is_empty(), reached == 0, "both ways or not at all");
    reaches.is_empty()
}

fn twelve_networks() -> World {
    let networks: Vec<Option<Network>> = (1..=12).map(network).collect();
    swarm(&networks)
}

#[test]
fn a_poisoner_that_several_networks_report_is_isolated_and_released_as_the_votes_fade() {
    let mut world = twelve_networks();
    assert_eq!(introduce(&mut world, ACCUSED).len(), 11);
    assert!(!is_isolated(&mut world, ACCUSED));
    for voter in 2..=4 {
        assert_eq!(vote(&mut world, voter, ACCUSED), [], "nothing comes back");
    }
    assert!(is_isolated(&mut world, ACCUSED));
    assert!(!is_isolated(&mut world, 2), "the others go on");
    let before = scrape(&mut world, &[HASH]);
    assert_eq!(before, [(HASH, 0, 12, 0)], "it keeps its place");
    for minute in 1..=15 {
        world.pass(Duration::from_secs(60));
        let free = !is_isolated(&mut world, ACCUSED);
        assert_eq!(free, minute >= 10, "minute {minute}");
    }
}

#[test]
fn sybils_behind_one_prefix_are_one_voice() {
    let mut networks = vec![network(1)];
    networks.extend([network(2); 11]);
    let mut world = swarm(&networks);
    introduce(&mut world, ACCUSED);
    for voter in 2..=12 {
        vote(&mut world, voter, ACCUSED);
    }
    assert!(!is_isolated(&mut world, ACCUSED));
    // Neither do those whose network nobody knows.
    let mut world = swarm(&[None; 12]);
    introduce(&mut world, ACCUSED);
    for voter in 2..=12 {
        vote(&mut world, voter, ACCUSED);
    }
    assert!(!is_isolated(&mut world, ACCUSED));
}

#[test]
fn one_liar_or_two_accuse_an_honest_peer_in_vain() {
    let mut world = twelve_networks();
    introduce(&mut world, ACCUSED);
    for _ in 0..50 {
        vote(&mut world, 2, ACCUSED);
        vote(&mut world, 3, ACCUSED);
    }
    assert!(!is_isolated(&mut world, ACCUSED));
}

#[test]
fn a_vote_against_a_stranger_oneself_or_in_anothers_name_is_nothing() {
    let mut world = twelve_networks();
    for voter in 2..=12 {
        vote(&mut world, voter, ACCUSED);
    }
    assert!(!is_isolated(&mut world, ACCUSED), "they had never met it");
    let mut world = twelve_networks();
    introduce(&mut world, ACCUSED);
    for voter in 2..=12 {
        let message = ToTracker::Vote {
            info_hash: HASH,
            peer: peer(voter),
            against: peer(ACCUSED),
        };
        let sent = world.say(ConnectionId(12), message.encode());
        if voter < 12 {
            assert!(reason(&sent).contains("announce"), "{sent:?}");
        }
    }
    assert!(!is_isolated(&mut world, ACCUSED));
}

#[test]
fn who_accuses_everybody_is_heard_four_times() {
    let mut world = twelve_networks();
    for n in 1..=12 {
        introduce(&mut world, n);
    }
    for voter in [10, 11, 12] {
        for accused in 1..=9 {
            vote(&mut world, voter, accused);
        }
    }
    let isolated = (1..=9).filter(|n| introduce(&mut world, *n).is_empty());
    assert_eq!(isolated.count(), 4);
}
