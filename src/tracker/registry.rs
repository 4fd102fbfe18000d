//! Who is in which swarm, and which connection a peer id belongs to.
//!
//! Invariant: a peer id of a swarm stands in `peers` once and `places` says where; `complete` counts
//! those that hold everything; `len` is the sum over all swarms; no swarm is empty. Decides nothing
//! about offers (see `relay`) and sends nothing.

use super::Audience;
use super::Config;
use super::ConnectionId;
use super::matching::Traits;
use super::policy::Caps;
use super::proof::Proven;
use super::receipts::{Account, Record};
use super::relay::Awaited;
use super::votes::Standing;
use crate::base::{InfoHash, Instant, PeerId, Rng};
use crate::wire::{Reported, SessionId};
use std::collections::{BTreeMap, VecDeque};

/// Draws for a peer in place of an isolated one.
const REDRAWS: usize = 8;

/// Seeders of a swarm that newcomers are led to; where there are more, any will do.
const SEEDERS_MAX: usize = 256;

/// All swarms.
#[derive(Debug, Default)]
pub(super) struct Registry {
    swarms: BTreeMap<InfoHash, Swarm>,
    len: usize,
    /// Receipts that are remembered.
    pub(super) pairs: usize,
    /// What all report of themselves.
    pub(super) reported: Audience,
    /// Who came and went; empty without accounts.
    pub(super) records: Vec<Record>,
}

/// The peers of one stream.
#[derive(Debug, Default)]
pub(super) struct Swarm {
    peers: Vec<Peer>,
    places: BTreeMap<PeerId, usize>,
    complete: u32,
    downloaded: u32,
    /// Who is there to give.
    seeders: Vec<PeerId>,
    reported: Audience,
}

/// One peer of a swarm.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: PeerId,
    pub(super) connection: ConnectionId,
    /// When it last announced or answered.
    pub(super) heard: Instant,
    /// Its offers that were handed to others, oldest first.
    pub(super) awaited: VecDeque<Awaited>,
    /// Offers of peers of other nodes that were handed to it, likewise.
    pub(super) handed: VecDeque<Awaited>,
    pub(super) standing: Standing,
    pub(super) takes_policy: bool,
    pub(super) takes_candidates: bool,
    pub(super) caps: Caps,
    pub(super) traits: Traits,
    /// What it earns, if anything is.
    pub(super) account: Option<Box<Account>>,
    /// What was signed for it.
    pub(super) proven: Option<Box<Proven>>,
    complete: bool,
}

impl Peer {
    /// Whether it is introduced to nobody.
    pub(super) fn is_shunned(&self, now: Instant, config: &Config) -> bool {
        self.caps.bar() || self.standing.is_isolated(now, config)
    }
}

/// What an announce says of its peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presence {
    /// The peer.
    pub(super) id: PeerId,
    /// Whose it is.
    pub(super) connection: ConnectionId,
    /// Whether it holds everything; `None` when it did not say.
    pub(super) complete: Option<bool>,
    /// Whether it says that it holds everything since now (`completed`).
    pub(super) completed_now: bool,
    /// Whether it hears what it may do.
    pub(super) takes_policy: bool,
    /// Whether it hears of late candidates.
    pub(super) takes_candidates: bool,
    /// What it may do.
    pub(super) caps: Caps,
    /// Where it is, and what it says of itself.
    pub(super) traits: Traits,
    /// Its stay, should it be new; `None` where no accounts are kept.
    pub(super) session: Option<SessionId>,
    /// Bytes it says it has sent to peers and had from them.
    pub(super) moved: (u64, u64),
    /// What else it reports of itself.
    pub(super) reported: Option<Reported>,
}

/// Counts of one swarm, as a scrape tells them (BEP 48).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Peers that hold everything.
    pub(super) complete: u32,
    /// The others.
    pub(super) incomplete: u32,
    /// `completed` events since the swarm was last empty.
    pub(super) downloaded: u32,
}

impl Registry {
    /// Peers in all swarms.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Swarms with at least one peer.
    pub(super) fn swarms(&self) -> usize {
        self.swarms.len()
    }

    /// The swarms' names.
    pub(super) fn rooms(&self) -> Vec<InfoHash> {
        self.swarms.keys().copied().collect()
    }

    pub(super) fn swarm(&mut self, info_hash: InfoHash) -> Option<&mut Swarm> {
        self.swarms.get_mut(&info_hash)
    }

    pub(super) fn has(&self, info_hash: InfoHash) -> bool {
        self.swarms.contains_key(&info_hash)
    }

    pub(super) fn peer(&mut self, info_hash: InfoHash, id: PeerId) -> Option<&mut Peer> {
        self.swarm(info_hash)?.peer(id)
    }

    /// What those who are in a swarm report of themselves.
    pub(super) fn reported_in(&self, info_hash: InfoHash) -> Audience {
        let swarm = self.swarms.get(&info_hash);
        swarm.map_or_else(Audience::default, |swarm| swarm.reported)
    }

    /// Swarms and their peers.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (InfoHash, usize)> {
        let swarms = self.swarms.iter();
        swarms.map(|(room, swarm)| (*room, swarm.peers.len()))
    }

    /// Adds the peer or refreshes it. The caller has checked whose the id is.
    pub(super) fn join(&mut self, now: Instant, info_hash: InfoHash, presence: Presence) {
        let swarm = self.swarms.entry(info_hash).or_default();
        if swarm.join(now, presence) {
            self.len += 1;
            self.records
                .extend(presence.session.map(|session| Record::Joined {
                    session,
                    room: info_hash,
                    peer: presence.id,
                }));
        }
        self.note_moved(info_hash, presence);
    }

    /// Notes what a peer says of itself.
    pub(super) fn note_moved(&mut self, info_hash: InfoHash, presence: Presence) {
        let Some(swarm) = self.swarms.get_mut(&info_hash) else {
            return;
        };
        let peer = swarm.peer(presence.id);
        if let Some(account) = peer.and_then(|peer| peer.account.as_mut()) {
            account.note_moved(presence.moved);
            let (was, is) = account.report(presence.reported);
            swarm.reported.exchange(&was, &is);
            self.reported.exchange(&was, &is);
        }
    }

    /// Notes that they were introduced to somebody.
    pub(super) fn note_meeting(&mut self, info_hash: InfoHash, peers: &[PeerId]) {
        for id in peers {
            let peer = self.peer(info_hash, *id);
            if let Some(account) = peer.and_then(|peer| peer.account.as_mut()) {
                account.note_meeting();
            }
        }
    }

    /// Takes the peer out; an empty swarm goes with it.
    pub(super) fn leave(&mut self, info_hash: InfoHash, id: PeerId) {
        let Some(swarm) = self.swarms.get_mut(&info_hash) else {
            return;
        };
        if let Some(gone) = swarm.leave(id) {
            self.len -= 1;
            if let Some(account) = gone.account {
                self.pairs -= account.pairs();
                let was = account.reported();
                swarm.reported.exchange(&was, &Audience::default());
                self.reported.exchange(&was, &Audience::default());
                self.records.push(account.end());
            }
        }
        if swarm.peers.is_empty() {
            self.swarms.remove(&info_hash);
        }
    }

    /// Those who hold everything and the others, of every swarm.
    pub(super) fn all_counts(&self) -> impl Iterator<Item = (InfoHash, (u32, u32))> {
        let swarms = self.swarms.iter();
        swarms.map(|(room, swarm)| {
            let counts = swarm.counts();
            (*room, (counts.complete, counts.incomplete))
        })
    }

    /// Counts of a swarm; zeros for one that nobody is in.
    pub(super) fn counts(&self, info_hash: InfoHash) -> Counts {
        self.swarms
            .get(&info_hash)
            .map_or_else(Counts::default, Swarm::counts)
    }
}

impl Swarm {
    pub(super) fn peer(&mut self, id: PeerId) -> Option<&mut Peer> {
        let place = *self.places.get(&id)?;
        self.peers.get_mut(place)
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn peers_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.peers.iter_mut()
    }

    fn counts(&self) -> Counts {
        let all = u32::try_from(self.peers.len()).unwrap_or(u32::MAX);
        Counts {
            complete: self.complete,
            incomplete: all.saturating_sub(self.complete),
            downloaded: self.downloaded,
        }
    }

    /// Whether the peer is new here.
    fn join(&mut self, now: Instant, presence: Presence) -> bool {
        let is_new = !self.places.contains_key(&presence.id);
        if is_new {
            self.places.insert(presence.id, self.peers.len());
            self.peers.push(Peer {
                id: presence.id,
                connection: presence.connection,
                heard: now,
                awaited: VecDeque::new(),
                handed: VecDeque::new(),
                standing: Standing::default(),
                takes_policy: false,
                takes_candidates: false,
                caps: Caps::default(),
                traits: Traits::default(),
                account: presence
                    .session
                    .map(|session| Box::new(Account::new(now, session))),
                proven: None,
                complete: false,
            });
        }
        let Some(peer) = self.peer(presence.id) else {
            return false;
        };
        peer.heard = now;
        peer.takes_policy = presence.takes_policy;
        peer.takes_candidates = presence.takes_candidates;
        peer.caps = presence.caps;
        peer.traits = presence.traits;
        let was = peer.complete;
        let is = presence.completed_now || presence.complete.unwrap_or(was);
        peer.complete = is;
        self.complete = self.complete + u32::from(is) - u32::from(was);
        self.downloaded += u32::from(presence.completed_now && !was);
        self.note_seeder(presence.id, is || presence.traits.is_seeder());
        is_new
    }

    fn note_seeder(&mut self, id: PeerId, is_one: bool) {
        let place = self.seeders.iter().position(|seeder| *seeder == id);
        match place {
            Some(place) if !is_one => {
                self.seeders.swap_remove(place);
            }
            None if is_one && self.seeders.len() < SEEDERS_MAX => self.seeders.push(id),
            Some(_) | None => {}
        }
    }

    fn leave(&mut self, id: PeerId) -> Option<Peer> {
        let place = self.places.remove(&id)?;
        let gone = self.peers.swap_remove(place);
        if let Some(moved) = self.peers.get(place) {
            self.places.insert(moved.id, place);
        }
        self.complete -= u32::from(gone.complete);
        self.note_seeder(id, false);
        Some(gone)
    }

    /// Up to `wanted` other peers by chance. An isolated or barred one is replaced by another, or left out
    /// when a few draws find none.
    pub(super) fn pick_others(
        &self,
        rng: &mut Rng,
        (now, config): (Instant, &Config),
        id: PeerId,
        wanted: usize,
    ) -> Vec<(PeerId, ConnectionId)> {
        let mut picked = self.draw(rng, id, wanted);
        let shunned = |place: usize| {
            let peer = self.peers.get(place);
            peer.is_none_or(|peer| peer.id == id || peer.is_shunned(now, config))
        };
        let bound = u32::try_from(self.peers.len()).unwrap_or(u32::MAX);
        for index in 0..picked.len() {
            for _ in 0..REDRAWS {
                if !shunned(picked[index]) {
                    break;
                }
                let draw = usize::try_from(rng.below(bound)).unwrap_or(0);
                if !picked.contains(&draw) {
                    picked[index] = draw;
                }
            }
        }
        picked.retain(|place| !shunned(*place));
        let peers = picked.into_iter().filter_map(|place| self.peers.get(place));
        peers.map(|peer| (peer.id, peer.connection)).collect()
    }

    /// Places of up to `wanted` others, each set of them as likely as any other (Floyd's sampling: as many draws as
    /// picks, whatever the swarm's size).
    fn draw(&self, rng: &mut Rng, id: PeerId, wanted: usize) -> Vec<usize> {
        let own = self.places.get(&id).copied();
        let others = self.peers.len() - usize::from(own.is_some());
        let wanted = wanted.min(others);
        let mut picked: Vec<usize> = Vec::with_capacity(wanted);
        for last in (others - wanted)..others {
            let bound = u32::try_from(last + 1).unwrap_or(u32::MAX);
            let draw = usize::try_from(rng.below(bound)).unwrap_or(last);
            picked.push(if picked.contains(&draw) { last } else { draw });
        }
        // The announcer's own place is stepped over.
        let step = |place: usize| place + usize::from(own.is_some_and(|own| place >= own));
        picked.into_iter().map(step).collect()
    }

    /// Others by chance, in any order, without those who are shunned.
    pub(super) fn sample(
        &self,
        rng: &mut Rng,
        (now, config): (Instant, &Config),
        id: PeerId,
        wanted: usize,
    ) -> Vec<&Peer> {
        let mut places = self.draw(rng, id, wanted);
        for last in (1..places.len()).rev() {
            let bound = u32::try_from(last + 1).unwrap_or(u32::MAX);
            places.swap(last, usize::try_from(rng.below(bound)).unwrap_or(last));
        }
        let peers = places.into_iter().filter_map(|place| self.peers.get(place));
        peers.filter(|peer| !peer.is_shunned(now, config)).collect()
    }

    /// As many seeders by chance, or fewer.
    pub(super) fn draw_seeders(&self, rng: &mut Rng, count: usize) -> Vec<&Peer> {
        let bound = u32::try_from(self.seeders.len()).unwrap_or(u32::MAX);
        let from = usize::try_from(rng.below(bound)).unwrap_or(0);
        let round = self
            .seeders
            .iter()
            .cycle()
            .skip(from)
            .take(count.min(self.seeders.len()));
        let places = round.filter_map(|id| self.places.get(id));
        places.filter_map(|place| self.peers.get(*place)).collect()
    }

    pub(super) fn has_seeders(&self) -> bool {
        !self.seeders.is_empty()
    }

    pub(super) fn traits(&self, id: PeerId) -> Traits {
        let peer = self
            .places
            .get(&id)
            .and_then(|place| self.peers.get(*place));
        peer.map(|peer| peer.traits).unwrap_or_default()
    }
}
