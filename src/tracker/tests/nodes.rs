//! Several nodes of one tracker in virtual time, and a bus between them that can be cut.

use super::*;
use crate::base::json::Quoted;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// What somebody was sent: at which node, on which connection.
pub(super) type Sent = (usize, ConnectionId, FromTracker);

pub(super) struct Nodes {
    pub(super) worlds: Vec<World>,
    /// Which of them the bus carries for.
    pub(super) linked: Vec<bool>,
    /// Messages that are lost.
    pub(super) lose: usize,
    /// What the bus has carried.
    pub(super) carried: Vec<String>,
}

impl Nodes {
    fn new(count: usize) -> Self {
        Self::with(count, &Config::default())
    }

    pub(super) fn with(count: usize, config: &Config) -> Self {
        let world = |seed| {
            let mut world = World::new(config.clone());
            world.tracker = Tracker::new(config.clone(), seed);
            world
        };
        let worlds = (1..=count as u64).map(world).collect();
        let mut nodes = Self {
            worlds,
            linked: vec![false; count],
            lose: 0,
            carried: Vec::new(),
        };
        for node in 0..count {
            nodes.link(node, true);
        }
        nodes.beat();
        nodes
    }

    pub(super) fn id(node: usize) -> NodeId {
        NodeId(node as u64 + 1)
    }

    pub(super) fn input(&mut self, node: usize, input: Input) -> Vec<Sent> {
        let world = &mut self.worlds[node];
        world.tracker.handle_input(world.now, input);
        self.carry()
    }

    pub(super) fn link(&mut self, node: usize, is_linked: bool) {
        self.linked[node] = is_linked;
        let own = is_linked.then(|| Self::id(node));
        self.input(node, Input::Nodes(own));
    }

    /// Carries what nodes tell each other until none has more to say.
    fn carry(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        loop {
            let mut texts = Vec::new();
            for (node, world) in self.worlds.iter_mut().enumerate() {
                let sent = world.sent();
                all.extend(sent.into_iter().map(|(to, message)| (node, to, message)));
                let told = core::mem::take(&mut world.told);
                texts.extend(told.into_iter().filter(|_| self.linked[node]));
            }
            if texts.is_empty() {
                return all;
            }
            for (to, text) in texts {
                self.carried.push(text.clone());
                if self.lose > 0 {
                    self.lose -= 1;
                    continue;
                }
                for (node, world) in self.worlds.iter_mut().enumerate() {
                    if self.linked[node] && to.is_none_or(|to| to == Self::id(node)) {
                        let input = Input::Node(text.clone());
                        world.tracker.handle_input(world.now, input);
                    }
                }
            }
        }
    }

    /// A second passes.
    pub(super) fn beat(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        for node in 0..self.worlds.len() {
            let now = self.worlds[node].now;
            self.worlds[node].now = now + Duration::from_secs(1);
            if self.linked[node] {
                all.extend(self.input(node, Input::Beat));
            }
        }
        all
    }

    fn announce(&mut self, node: usize, n: u64, offers: usize) -> Vec<Sent> {
        let announce = Announce {
            offers,
            ..Announce::of(n)
        };
        self.announce_as(node, announce, n)
    }

    fn announce_as(&mut self, node: usize, announce: Announce, n: u64) -> Vec<Sent> {
        let connection = ConnectionId(n);
        if !self.worlds[node]
            .tracker
            .connections
            .contains_key(&connection)
        {
            self.worlds[node].open_from(n, Network::of(&format!("192.0.{n}.1")));
        }
        let text = announce.text();
        self.input(node, Input::Message { connection, text })
    }

    pub(super) fn say(&mut self, node: usize, n: u64, message: &ToTracker) -> Vec<Sent> {
        let (connection, text) = (ConnectionId(n), message.encode());
        self.input(node, Input::Message { connection, text })
    }

    fn answer(&mut self, node: usize, (from, to): (u64, u64), offer_id: &str) -> Vec<Sent> {
        let (connection, text) = (ConnectionId(from), answer(from, to, offer_id));
        self.input(node, Input::Message { connection, text })
    }

    fn figures(&self, node: usize) -> (u32, u32) {
        let figures = self.worlds[node].tracker.figures(HASH);
        (figures.peers, figures.complete)
    }
}

/// Where offers went, and their ids.
fn offers(sent: &[Sent]) -> Vec<(usize, u64, String)> {
    let offer = |(node, to, message): &Sent| match message {
        FromTracker::Offered { offer_id, .. } => Some((*node, to.0, offer_id.clone())),
        FromTracker::Announced { .. }
        | FromTracker::Answered { .. }
        | FromTracker::Candidate { .. }
        | FromTracker::Receipted { .. }
        | FromTracker::Failure { .. } => None,
    };
    sent.iter().filter_map(offer).collect()
}

fn answers(sent: &[Sent]) -> Vec<(usize, u64, PeerId)> {
    let answer = |(node, to, message): &Sent| match message {
        FromTracker::Answered { peer, .. } => Some((*node, to.0, *peer)),
        FromTracker::Announced { .. }
        | FromTracker::Offered { .. }
        | FromTracker::Candidate { .. }
        | FromTracker::Receipted { .. }
        | FromTracker::Failure { .. } => None,
    };
    sent.iter().filter_map(answer).collect()
}

#[test]
fn peers_of_two_nodes_meet_and_an_answer_passes_once() {
    let mut nodes = Nodes::new(2);
    nodes.announce(1, 2, 0);
    nodes.beat();
    let sent = nodes.announce(0, 1, 3);
    let [(node, to, id)] = &offers(&sent)[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (*node, *to),
        (1, 2),
        "one peer is there, and gets one offer"
    );
    let counts = sent.iter().find_map(|(_, _, message)| match message {
        FromTracker::Announced {
            complete,
            incomplete,
            ..
        } => Some((*complete, *incomplete)),
        FromTracker::Offered { .. }
        | FromTracker::Answered { .. }
        | FromTracker::Candidate { .. }
        | FromTracker::Receipted { .. }
        | FromTracker::Failure { .. } => None,
    });
    assert_eq!(counts, Some((0, 2)), "both nodes' peers are counted");

    // Nobody else's answer passes, nor one to another offer.
    nodes.announce(1, 3, 0);
    for (from, to, offer_id) in [(3, 1, id.as_str()), (2, 1, "other"), (2, 9, id.as_str())] {
        let sent = nodes.answer(1, (from, to), offer_id);
        assert!(answers(&sent).is_empty(), "{sent:?}");
        assert!(matches!(sent[..], [(1, _, FromTracker::Failure { .. })]));
    }
    let sent = nodes.answer(1, (2, 1), id);
    assert_eq!(answers(&sent), [(0, 1, peer(2))]);
    let sent = nodes.answer(1, (2, 1), id);
    assert!(answers(&sent).is_empty(), "a second time it does not");
}

#[test]
fn an_answer_that_nobody_gave_an_offer_for_is_dropped_whoever_brings_it() {
    let mut nodes = Nodes::new(3);
    nodes.announce(1, 2, 0);
    nodes.beat();
    let sent = nodes.announce(0, 1, 1);
    let (_, _, id) = offers(&sent).remove(0);
    let passed = |from, offer_id: &str| {
        let said = crate::wire::NodeSaid::Peer {
            seat: crate::wire::Seat::default(),
            message: ToTracker::decode(&answer(2, 1, offer_id)).unwrap(),
        };
        Input::Node(crate::wire::FromNode { from, said }.encode())
    };
    for (from, offer_id) in [(Nodes::id(2), id.as_str()), (Nodes::id(1), "other")] {
        let sent = nodes.input(0, passed(from, offer_id));
        assert!(answers(&sent).is_empty(), "{sent:?}");
    }
    let sent = nodes.input(0, passed(Nodes::id(1), &id));
    assert_eq!(answers(&sent), [(0, 1, peer(2))]);
}

#[test]
fn offers_are_dealt_as_peers_are_many_and_nobody_gets_two() {
    let mut nodes = Nodes::new(3);
    for n in 10..20 {
        nodes.announce(0, n, 0);
    }
    for n in 20..50 {
        nodes.announce(1, n, 0);
    }
    nodes.beat();
    let mut here = 0;
    for round in 0..100 {
        let sent = nodes.announce(2, 100, 8);
        let offers = offers(&sent);
        assert_eq!(offers.len(), 8, "round {round}");
        let whom: BTreeSet<u64> = offers.iter().map(|(_, to, _)| *to).collect();
        assert_eq!(whom.len(), 8, "round {round}");
        here += offers.iter().filter(|(node, _, _)| *node == 0).count();
        nodes.beat();
    }
    // A quarter of 800.
    assert!((140..260).contains(&here), "{here}");
}

#[test]
fn candidates_pass_both_ways_between_those_who_were_introduced() {
    let mut nodes = Nodes::new(2);
    let takes = |n, offers| Announce {
        offers,
        extensions: Extensions {
            takes_candidates: true,
            ..Extensions::default()
        },
        ..Announce::of(n)
    };
    nodes.announce_as(1, takes(2, 0), 2);
    nodes.beat();
    let sent = nodes.announce_as(0, takes(1, 1), 1);
    let (_, _, id) = offers(&sent).remove(0);
    let candidate = |from, to| ToTracker::Candidate {
        info_hash: HASH,
        peer: peer(from),
        to_peer: peer(to),
        candidate: Quoted::from("candidate"),
    };
    let passed = |sent: &[Sent]| matches!(sent, [(_, _, FromTracker::Candidate { .. })]);
    assert!(
        !passed(&nodes.say(0, 1, &candidate(1, 2))),
        "before the answer nobody knows it"
    );
    nodes.answer(1, (2, 1), &id);
    assert!(passed(&nodes.say(0, 1, &candidate(1, 2))));
    assert!(passed(&nodes.say(1, 2, &candidate(2, 1))));
    nodes.announce_as(1, takes(3, 0), 3);
    assert!(!passed(&nodes.say(1, 3, &candidate(3, 1))));
    let mut more = 0;
    while passed(&nodes.say(1, 2, &candidate(2, 1))) {
        more += 1;
        assert!(more < 200, "without end");
    }
}

#[test]
fn votes_count_across_nodes_from_those_who_met_the_accused() {
    let mut nodes = Nodes::new(2);
    for n in 2..=5 {
        nodes.announce(1, n, 0);
    }
    nodes.beat();
    let sent = nodes.announce(0, 1, 4);
    let ids: Vec<(u64, String)> = offers(&sent).into_iter().map(|it| (it.1, it.2)).collect();
    let vote = |from| ToTracker::Vote {
        info_hash: HASH,
        peer: peer(from),
        against: peer(1),
    };
    // Who has not met it has no vote.
    for n in 2..=5 {
        nodes.say(1, n, &vote(n));
    }
    nodes.announce(0, 9, 0);
    assert!(!offers(&nodes.announce(0, 1, 1)).is_empty());
    for (n, id) in &ids {
        assert_eq!(answers(&nodes.answer(1, (*n, 1), id)).len(), 1);
        nodes.say(1, *n, &vote(*n));
    }
    assert!(
        offers(&nodes.announce(0, 1, 4)).is_empty(),
        "isolated at its own node"
    );
    assert!(
        !offers(&nodes.announce(1, 2, 8))
            .iter()
            .any(|(_, to, _)| *to == 1)
    );
    assert!(
        !offers(&nodes.announce(0, 9, 1)).is_empty(),
        "others are not"
    );
}

#[test]
fn a_node_that_says_nothing_is_gone_after_a_while_and_one_that_says_so_at_once() {
    let mut nodes = Nodes::new(3);
    nodes.announce(0, 1, 0);
    nodes.announce(1, 2, 0);
    nodes.announce(2, 3, 0);
    nodes.beat();
    assert_eq!(nodes.figures(0), (3, 0));
    // Killed: nobody says anything for it.
    nodes.linked[1] = false;
    for _ in 0..4 {
        nodes.beat();
    }
    assert_eq!(nodes.figures(0), (3, 0));
    nodes.beat();
    assert_eq!(nodes.figures(0), (2, 0));
    assert_eq!(nodes.worlds[0].tracker.stats().nodes, 1);
    // Told to stop, it says goodbye; and to those who were at it, it is a whole tracker still.
    nodes.worlds[2]
        .tracker
        .handle_input(Instant(1), Input::Nodes(None));
    nodes.carry();
    assert_eq!(nodes.figures(0), (1, 0));
    assert_eq!(nodes.figures(2), (1, 0));
}

#[test]
fn cut_off_each_node_is_a_tracker_of_its_own_and_whole_again_afterwards() {
    let mut nodes = Nodes::new(2);
    nodes.announce(0, 1, 0);
    nodes.announce(1, 2, 0);
    nodes.beat();
    nodes.link(0, false);
    nodes.link(1, false);
    assert_eq!((nodes.figures(0), nodes.figures(1)), ((1, 0), (1, 0)));
    nodes.announce(0, 3, 0);
    let sent = nodes.announce(0, 1, 5);
    assert_eq!(offers(&sent).len(), 1);
    let (_, _, id) = offers(&sent).remove(0);
    assert_eq!(answers(&nodes.answer(0, (3, 1), &id)).len(), 1);
    nodes.link(1, true);
    nodes.link(0, true);
    nodes.beat();
    assert_eq!((nodes.figures(0), nodes.figures(1)), ((3, 0), (3, 0)));
    assert_eq!(offers(&nodes.announce(1, 2, 5)).len(), 2);
}

#[test]
fn what_was_lost_on_the_way_is_asked_for() {
    let mut nodes = Nodes::new(2);
    nodes.announce(0, 1, 0);
    nodes.lose = 1; // the beat that would say so
    nodes.beat();
    nodes.announce(0, 2, 0);
    nodes.beat();
    nodes.beat();
    assert_eq!(nodes.figures(1), (2, 0));
    // And rooms beyond one message arrive all.
    for n in 0..1_200_u16 {
        let mut hash = InfoHash([9; 20]);
        hash.0[..2].copy_from_slice(&n.to_be_bytes());
        let announce = Announce {
            hash,
            ..Announce::of(u64::from(n) + 10)
        };
        nodes.announce_as(0, announce, u64::from(n) + 10);
    }
    nodes.link(1, false);
    nodes.link(1, true);
    nodes.beat();
    let mut hash = InfoHash([9; 20]);
    for n in 0..1_200_u16 {
        hash.0[..2].copy_from_slice(&n.to_be_bytes());
        assert_eq!(nodes.worlds[1].tracker.figures(hash).peers, 1, "{n}");
    }
}

#[test]
fn strangers_bytes_on_the_bus_cost_a_message_and_no_more() {
    let mut nodes = Nodes::new(2);
    nodes.announce(0, 1, 0);
    nodes.announce(1, 2, 0);
    nodes.beat();
    for text in [
        "",
        "nonsense",
        "here 0000000000000001 x whole",
        "\u{0}\n\u{0}",
    ] {
        assert!(nodes.input(0, Input::Node(text.into())).is_empty());
    }
    assert_eq!(nodes.worlds[0].tracker.stats().totals.nodes_unreadable, 4);
    // Nodes beyond the most, and rooms beyond the most, are not remembered.
    for from in 100..1_000 {
        let said = crate::wire::NodeSaid::Here {
            number: 1,
            part: crate::wire::Part::Whole,
            rooms: vec![(HASH, u32::MAX, u32::MAX)],
        };
        let from = NodeId(from);
        nodes.input(
            0,
            Input::Node(crate::wire::FromNode { from, said }.encode()),
        );
    }
    assert_eq!(nodes.worlds[0].tracker.stats().nodes, 64);
    assert_eq!(nodes.figures(0).0, u32::MAX);
    // However many they claim, who is here is served, and the claims go with their nodes.
    nodes.announce(0, 1, 20);
    for _ in 0..6 {
        nodes.beat();
    }
    assert_eq!(nodes.figures(0), (2, 0));
    assert_eq!(offers(&nodes.announce(0, 1, 5)).len(), 1);
}
