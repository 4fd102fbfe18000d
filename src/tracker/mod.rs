//! The tracker: who is in which swarm and whose offer goes to whom. A value like the engine; no sockets.
//!
//! It is told ([`Tracker::handle_input`]), it answers ([`Tracker::poll_output`]) and it says when to
//! wake it ([`Tracker::next_timeout`]). Time and chance come in from outside, so a run repeats.
//!
//! Invariant: a peer id belongs to the connection that announced it until that connection closes,
//! stops it or is silent too long; memory is bounded by [`Config`] whatever is sent. What it does not
//! do: sockets, addresses and rates of messages (the server's), storage, rooms' rules.

mod admission;
mod announce;
mod audience;
mod config;
mod face;
mod introductions;
mod limits;
mod matching;
mod nodes;
mod policy;
mod proof;
mod receipts;
mod registry;
mod relay;
mod scope;
#[cfg(test)]
mod tests;
mod ticket;
mod turn;
mod votes;

pub use admission::{TokenKey, Tokens};
pub use audience::Audience;
pub use config::Config;
pub use face::{ConnectionId, Figures, Input, Output, Stats, Totals, Visitor};
pub use limits::CloseReason;
pub use matching::Place;
pub use policy::{Policy, Rooms, WHOLE_PERMILLE};
pub use proof::Proofs;
pub use receipts::{Credit, Earned, ReceiptFault, Receipts, Record, Secret, Taken, Writer};
pub use scope::{Block, Scope};
pub use ticket::Tickets;
pub use turn::Turn;

use crate::base::{InfoHash, Instant, PeerId, Rng};
use crate::wire::{FromTracker, Scraped, SessionId, ToTracker};
use admission::Admissions;
use announce::Said;
use limits::Refusal;
use nodes::Nodes;
use policy::Policies;
use registry::{Counts, Presence, Registry};
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
struct Connection {
    /// Where it is, and as whom.
    swarms: BTreeMap<InfoHash, PeerId>,
    visitor: Visitor,
    heard: Instant,
    has_spoken: bool,
    nonsense: u32,
}

/// The tracker.
#[derive(Debug)]
pub struct Tracker {
    config: Config,
    rng: Rng,
    registry: Registry,
    policies: Policies,
    admissions: Admissions,
    turn: Option<Turn>,
    tickets: Option<Tickets>,
    proofs: Option<Proofs>,
    nodes: Nodes,
    /// Unix time in seconds, and when it was told.
    clock: Option<(Instant, u64)>,
    totals: Totals,
    connections: BTreeMap<ConnectionId, Connection>,
    next_sweep: Option<Instant>,
    outputs: VecDeque<Output>,
}

impl Tracker {
    /// A tracker that nobody is connected to. Equal seeds and inputs give equal outputs.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
            registry: Registry::default(),
            policies: Policies::default(),
            admissions: Admissions::default(),
            turn: None,
            tickets: None,
            proofs: None,
            nodes: Nodes::default(),
            clock: None,
            totals: Totals::default(),
            connections: BTreeMap::new(),
            next_sweep: None,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one thing that happened. What follows from it waits in [`Tracker::poll_output`].
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Opened {
                connection,
                visitor,
            } => self.on_opened(now, connection, visitor),
            Input::Message { connection, text } => self.on_message(now, connection, &text),
            Input::Closed { connection } => self.forget(connection),
            Input::Policy { room, policy } => self.on_policy(room, policy),
            Input::Rules(rules) => self.on_rules(rules),
            Input::Rooms(rooms) => self.on_rooms(rooms),
            Input::Tokens(tokens) => self.on_tokens(tokens),
            Input::Turn(turn) => self.turn = turn,
            Input::Tickets(tickets) => self.tickets = tickets,
            Input::Proofs(proofs) => self.proofs = proofs,
            Input::Clock { unix_s } => self.clock = Some((now, unix_s)),
            Input::Nodes(own) => self.on_nodes(own),
            Input::Node(text) => self.on_node(now, &text),
            Input::Beat => self.on_beat(now),
            Input::Timeout => self.on_timeout(now),
        }
        let records = self.registry.records.drain(..);
        self.outputs.extend(records.map(Output::Record));
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to give [`Input::Timeout`]; `None` while nobody is connected. It only ever moves later,
    /// so a shell that has armed it need not look again before it fires.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// How much is going on.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.connections.len(),
            swarms: self.registry.swarms(),
            peers: self.registry.len(),
            nodes: self.nodes.len(),
            reported: self.registry.reported,
            totals: self.totals,
        }
    }

    /// How much is going on in a room; nothing in one that nobody is in.
    #[must_use]
    pub fn figures(&self, room: InfoHash) -> Figures {
        let counts = self.counts(room);
        Figures {
            peers: counts.complete.saturating_add(counts.incomplete),
            complete: counts.complete,
            reported: self.registry.reported_in(room),
        }
    }

    /// The largest rooms, the one with the most peers first.
    #[must_use]
    pub fn largest(&self, most: usize) -> Vec<(InfoHash, Figures)> {
        let mut rooms: Vec<_> = self.registry.sizes().collect();
        rooms.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        rooms.truncate(most);
        let figures = |(room, _)| (room, self.figures(room));
        rooms.into_iter().map(figures).collect()
    }

    /// Who is in a room at all nodes; `downloaded` is this node's.
    fn counts(&self, room: InfoHash) -> Counts {
        let own = self.registry.counts(room);
        let (complete, incomplete) = self.nodes.counts(room);
        Counts {
            complete: own.complete.saturating_add(complete),
            incomplete: own.incomplete.saturating_add(incomplete),
            ..own
        }
    }

    /// Whether one more connection would be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.connections.len() < self.config.connections_max
    }

    fn on_opened(&mut self, now: Instant, connection: ConnectionId, visitor: Visitor) {
        if !self.has_room() {
            self.close(connection, CloseReason::Full);
            return;
        }
        self.next_sweep.get_or_insert(now + self.config.sweep);
        self.connections.insert(
            connection,
            Connection {
                swarms: BTreeMap::new(),
                visitor,
                heard: now,
                has_spoken: false,
                nonsense: 0,
            },
        );
    }

    fn on_message(&mut self, now: Instant, connection: ConnectionId, text: &str) {
        let Some(speaker) = self.connections.get_mut(&connection) else {
            return; // closed by us; its last words were on their way
        };
        speaker.heard = now;
        speaker.has_spoken = true;
        if text.len() > self.config.message_bytes_max {
            self.close(connection, CloseReason::TooLong);
            return;
        }
        match ToTracker::decode(text) {
            Ok(message) => {
                let info_hash = match &message {
                    ToTracker::Announce { info_hash, .. }
                    | ToTracker::Answer { info_hash, .. }
                    | ToTracker::Candidate { info_hash, .. }
                    | ToTracker::Vote { info_hash, .. } => Some(*info_hash),
                    ToTracker::Receipt(receipt) => Some(receipt.info_hash),
                    ToTracker::Scrape { .. } => None,
                };
                if let Err(refusal) = self.on_decoded(now, connection, message) {
                    self.totals.refusals += 1;
                    self.fail(connection, info_hash, &refusal);
                }
            }
            Err(why) => {
                speaker.nonsense += 1;
                self.totals.nonsense += 1;
                let is_hopeless = speaker.nonsense > self.config.nonsense_max;
                self.fail(connection, None, &why);
                if is_hopeless {
                    self.close(connection, CloseReason::Nonsense);
                }
            }
        }
    }

    fn on_decoded(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        message: ToTracker,
    ) -> Result<(), Refusal> {
        match message {
            ToTracker::Announce {
                info_hash,
                peer,
                event,
                left,
                offers,
                uploaded,
                downloaded,
                numwant: _, // stock trackers take it from the offers, too
                takes_policy,
                extensions,
            } => {
                let visitor = self.connections.get(&connection).map(|it| &it.visitor);
                let presence = Presence {
                    id: peer,
                    connection,
                    complete: left.map(|left| left == 0),
                    completed_now: event.as_deref() == Some("completed"),
                    takes_policy,
                    takes_candidates: extensions.takes_candidates,
                    caps: self.policies.caps(info_hash, visitor, peer),
                    traits: self.traits(connection, extensions.hints.as_deref()),
                    session: self.new_session(),
                    moved: (uploaded, downloaded),
                    reported: extensions.reported,
                };
                let said = Said {
                    event,
                    offers,
                    extensions,
                };
                self.on_announce(now, info_hash, presence, said)
            }
            ToTracker::Answer {
                info_hash,
                peer,
                to_peer,
                offer_id,
                sdp,
            } => {
                let between = (peer, to_peer, offer_id.as_str());
                match self.find_offerer(now, connection, info_hash, between)? {
                    Some(offerer) => {
                        self.relay_answer(offerer, (info_hash, peer), (offer_id, sdp));
                        Ok(())
                    }
                    None => self.pass_answer(now, info_hash, (peer, to_peer), (offer_id, sdp)),
                }
            }
            ToTracker::Candidate {
                info_hash,
                peer,
                to_peer,
                candidate,
            } => self.on_candidate(now, connection, info_hash, (peer, to_peer, candidate)),
            ToTracker::Vote {
                info_hash,
                peer,
                against,
            } => self.on_vote(now, connection, info_hash, (peer, against)),
            ToTracker::Receipt(receipt) => self.on_receipt(now, connection, &receipt),
            ToTracker::Scrape { info_hashes } if info_hashes.is_empty() => Err(Refusal::FullScrape),
            ToTracker::Scrape { info_hashes } => {
                self.on_scrape(connection, &info_hashes);
                Ok(())
            }
        }
    }

    fn on_scrape(&mut self, connection: ConnectionId, info_hashes: &[InfoHash]) {
        self.totals.scrapes += 1;
        let row = |info_hash: &InfoHash| {
            let counts = self.counts(*info_hash);
            let (complete, incomplete) = (counts.complete, counts.incomplete);
            (*info_hash, complete, incomplete, counts.downloaded)
        };
        let swarms = info_hashes.iter().map(row).collect();
        let text = Scraped { swarms }.encode();
        self.outputs.push_back(Output::Send { connection, text });
    }

    /// A name for a stay, should one begin now.
    fn new_session(&mut self) -> Option<SessionId> {
        self.config.receipts.as_ref()?;
        let mut bytes = [0; 8];
        self.rng.fill(&mut bytes);
        Some(SessionId(u64::from_le_bytes(bytes) >> 1)) // a database's numbers have a sign
    }

    fn leave(&mut self, connection: ConnectionId, info_hash: InfoHash) {
        let swarms = self
            .connections
            .get_mut(&connection)
            .map(|it| &mut it.swarms);
        self.admissions.forget(connection, info_hash);
        if let Some(id) = swarms.and_then(|swarms| swarms.remove(&info_hash)) {
            self.registry.leave(info_hash, id);
        }
    }

    /// Counts a vote, if it counts. The voter does not hear whether.
    fn on_vote(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        info_hash: InfoHash,
        (voter, accused): (PeerId, PeerId),
    ) -> Result<(), Refusal> {
        let network = self
            .connections
            .get(&connection)
            .and_then(|c| c.visitor.network);
        self.check_speaker(connection, info_hash, voter)?;
        self.totals.votes += 1;
        if self.registry.peer(info_hash, accused).is_none() {
            self.pass_vote(now, info_hash, (voter, accused));
        } else if let Some(swarm) = self.registry.swarm(info_hash) {
            votes::cast(swarm, (now, &self.config), (voter, network), accused);
        }
        Ok(())
    }

    /// Seconds of Unix time, if anybody has told the time.
    fn unix_s(&self, now: Instant) -> Option<u64> {
        let (at, unix_s) = self.clock?;
        Some(unix_s.saturating_add(now.since(at).as_secs()))
    }

    fn on_timeout(&mut self, now: Instant) {
        if self.next_sweep.is_none_or(|at| now < at) {
            return;
        }
        let config = &self.config;
        let mut idle = Vec::new();
        for (id, connection) in &mut self.connections {
            let quiet = now.since(connection.heard);
            let most = if connection.has_spoken {
                config.idle
            } else {
                config.silent
            };
            if quiet >= most {
                idle.push(*id);
                continue;
            }
            let registry = &mut self.registry;
            connection.swarms.retain(|info_hash, id| {
                let peer = registry.peer(*info_hash, *id);
                let is_there = peer.is_some_and(|peer| {
                    relay::forget_old(peer, now, config);
                    now.since(peer.heard) < config.peer_age
                });
                if !is_there {
                    registry.leave(*info_hash, *id);
                }
                is_there
            });
        }
        for connection in idle {
            self.close(connection, CloseReason::Idle);
        }
        let is_used = !self.connections.is_empty();
        self.next_sweep = is_used.then(|| now + self.config.sweep);
    }

    fn send(&mut self, connection: ConnectionId, message: &FromTracker) {
        let text = message.encode();
        self.outputs.push_back(Output::Send { connection, text });
    }

    fn fail(
        &mut self,
        connection: ConnectionId,
        info_hash: Option<InfoHash>,
        why: &dyn core::fmt::Display,
    ) {
        let reason = why.to_string();
        self.send(connection, &FromTracker::Failure { info_hash, reason });
    }

    fn close(&mut self, connection: ConnectionId, reason: CloseReason) {
        self.totals.closed += 1;
        self.forget(connection);
        self.outputs.push_back(Output::Close { connection, reason });
    }

    /// Frees the connection's peer ids.
    fn forget(&mut self, connection: ConnectionId) {
        let Some(gone) = self.connections.remove(&connection) else {
            return;
        };
        for (info_hash, id) in gone.swarms {
            self.admissions.forget(connection, info_hash);
            self.registry.leave(info_hash, id);
        }
    }
}
