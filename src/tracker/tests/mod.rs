//! The tracker in virtual time: a small world around it, and what is told to whom.

mod across;
mod admission;
mod candidates;
mod matching;
mod nodes;
mod policy;
mod presence;
mod proofs;
mod receipts;
mod relaying;
mod rules;
mod tickets;
mod turn;
mod votes;

use super::*;
use crate::base::{Duration, Network};
use crate::wire::{Extensions, NodeId, Offer};
use core::net::IpAddr;
use std::collections::BTreeSet;

const HASH: InfoHash = InfoHash([7; 20]);

struct World {
    now: Instant,
    tracker: Tracker,
    closed: Vec<(ConnectionId, CloseReason)>,
    /// Whom the next connections come from.
    address: Option<IpAddr>,
    records: Vec<Record>,
    credits: Vec<(Writer, Credit)>,
    /// What other nodes are told.
    told: Vec<(Option<NodeId>, String)>,
}

impl World {
    fn new(config: Config) -> Self {
        Self {
            now: Instant::ZERO,
            tracker: Tracker::new(config, 1),
            closed: Vec::new(),
            address: None,
            records: Vec::new(),
            credits: Vec::new(),
            told: Vec::new(),
        }
    }

    fn open(&mut self, n: u64) -> ConnectionId {
        self.open_from(n, None)
    }

    fn open_from(&mut self, n: u64, network: Option<Network>) -> ConnectionId {
        let visitor = Visitor {
            network,
            address: self.address,
            ..Visitor::default()
        };
        self.open_as(n, visitor)
    }

    fn open_as(&mut self, n: u64, visitor: Visitor) -> ConnectionId {
        let connection = ConnectionId(n);
        let opened = Input::Opened {
            connection,
            visitor,
        };
        self.tracker.handle_input(self.now, opened);
        connection
    }

    fn say(&mut self, connection: ConnectionId, text: String) -> Vec<(ConnectionId, FromTracker)> {
        self.tracker
            .handle_input(self.now, Input::Message { connection, text });
        self.sent()
    }

    fn sent(&mut self) -> Vec<(ConnectionId, FromTracker)> {
        let mut sent = Vec::new();
        while let Some(output) = self.tracker.poll_output() {
            match output {
                Output::Send { connection, text } => {
                    sent.push((connection, FromTracker::decode(&text).unwrap()));
                }
                Output::Close { connection, reason } => self.closed.push((connection, reason)),
                Output::Record(record) => self.records.push(record),
                Output::Earned { writer, credit } => self.credits.push((writer, credit)),
                Output::Tell { to, text } => self.told.push((to, text)),
            }
        }
        sent
    }

    /// Who was closed since the last time this was asked.
    fn closed(&mut self) -> Vec<(ConnectionId, CloseReason)> {
        self.sent();
        core::mem::take(&mut self.closed)
    }

    fn announce(
        &mut self,
        connection: ConnectionId,
        announce: Announce,
    ) -> Vec<(ConnectionId, FromTracker)> {
        self.say(connection, announce.text())
    }

    /// `count` peers, each on its own connection, ids equal to their connections.
    fn crowd(&mut self, count: u64) {
        for n in 1..=count {
            let connection = self.open(n);
            self.announce(connection, Announce::of(n));
        }
    }

    /// Lets time pass, waking the tracker whenever it asks to be.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.tracker.next_timeout().filter(|at| *at <= end) {
            assert!(at > self.now || self.now == Instant::ZERO, "a busy loop");
            self.now = at;
            self.tracker.handle_input(at, Input::Timeout);
        }
        self.now = end;
    }
}

#[derive(Clone)]
struct Announce {
    hash: InfoHash,
    peer: PeerId,
    event: Option<&'static str>,
    left: Option<u64>,
    offers: usize,
    takes_policy: bool,
    extensions: Extensions,
    uploaded: u64,
}

impl Announce {
    fn of(n: u64) -> Self {
        Self {
            hash: HASH,
            peer: peer(n),
            event: None,
            left: Some(1),
            offers: 0,
            takes_policy: false,
            extensions: Extensions::default(),
            uploaded: 0,
        }
    }

    fn text(self) -> String {
        let offer = |n: usize| Offer {
            offer_id: format!("offer {n}"),
            sdp: format!("sdp {n}").as_str().into(),
        };
        let message = ToTracker::Announce {
            info_hash: self.hash,
            peer: self.peer,
            event: self.event.map(Into::into),
            uploaded: self.uploaded,
            downloaded: 0,
            left: self.left,
            offers: (0..self.offers).map(offer).collect(),
            numwant: 0,
            takes_policy: self.takes_policy,
            extensions: self.extensions,
        };
        message.encode()
    }
}

fn peer(n: u64) -> PeerId {
    let mut id = [0; 20];
    id[..8].copy_from_slice(&n.to_be_bytes());
    PeerId(id)
}

fn answer(from: u64, to: u64, offer_id: &str) -> String {
    let message = ToTracker::Answer {
        info_hash: HASH,
        peer: peer(from),
        to_peer: peer(to),
        offer_id: offer_id.into(),
        sdp: "answer".into(),
    };
    message.encode()
}

fn scrape(world: &mut World, hashes: &[InfoHash]) -> Vec<(InfoHash, u32, u32, u32)> {
    let reader = ConnectionId(u64::MAX);
    world.open(reader.0);
    let info_hashes = hashes.to_vec();
    let connection = reader;
    let text = ToTracker::Scrape { info_hashes }.encode();
    let input = Input::Message { connection, text };
    world.tracker.handle_input(world.now, input);
    let Some(Output::Send { text, .. }) = world.tracker.poll_output() else {
        panic!("no answer");
    };
    Scraped::decode(&text).unwrap().swarms
}

fn reason(sent: &[(ConnectionId, FromTracker)]) -> &str {
    let [(_, FromTracker::Failure { reason, .. })] = sent else {
        panic!("not one failure: {sent:?}");
    };
    reason
}

fn offered(sent: &[(ConnectionId, FromTracker)]) -> Vec<(ConnectionId, String)> {
    let offer = |(to, message): &(ConnectionId, FromTracker)| match message {
        FromTracker::Offered { offer_id, .. } => Some((*to, offer_id.clone())),
        FromTracker::Announced { .. }
        | FromTracker::Answered { .. }
        | FromTracker::Candidate { .. }
        | FromTracker::Receipted { .. }
        | FromTracker::Failure { .. } => None,
    };
    sent.iter().filter_map(offer).collect()
}
