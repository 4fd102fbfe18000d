//! Whom a peer is introduced to: chance first, then who is near, seeders before others to newcomers.
//!
//! A sample of the swarm is drawn, each peer as likely as any other; half of the places go to those of it that
//! are nearest (one network, one provider, one country, one region), the rest by chance. A swarm of any size costs as many
//! draws as there are places, times [`SAMPLE`]. Invariant: nobody gets itself, one peer twice, or one that is shunned; all
//! places are taken while there are peers for them; and no provider has more than half of the places while others of the
//! sample could have them: who is near alone could be one liar. Where there is nothing to tell peers apart by, chance
//! decides alone (`registry`).

use super::registry::{Peer, Swarm};
use super::{Config, ConnectionId};
use crate::base::{Instant, Network, PeerId, Rng};
use crate::integrity::sha256;
use crate::wire::Hints;
use core::cmp::Reverse;
use std::collections::BTreeSet;

/// Peers looked at for each place.
const SAMPLE: usize = 4;

/// Where an address is, by a database of the operator's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Number of the autonomous system (RFC 1930): its provider.
    pub asn: Option<u32>,
    /// Two letters of ISO 3166-1.
    pub country: Option<[u8; 2]>,
}

/// What tells peers apart: what the shell knows of their connections, and what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traits {
    network: Option<Network>,
    place: Place,
    /// Names are kept as digests: eight bytes whatever they are.
    region: Option<u64>,
    campus: Option<u64>,
    upload: Option<u8>,
    is_seeder: bool,
}

/// Who counts as one: a provider, where none is known a network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Party {
    Provider(u32),
    Network(Option<Network>),
}

impl Traits {
    pub(super) fn new(network: Option<Network>, place: Place, hints: &Hints) -> Self {
        let digest = |name: &String| {
            let [a, b, c, d, e, f, g, h, ..] = sha256(name.as_bytes()).0;
            u64::from_le_bytes([a, b, c, d, e, f, g, h])
        };
        Self {
            network,
            place,
            region: hints.region.as_ref().map(digest),
            campus: hints.network.as_ref().map(digest),
            upload: hints.upload,
            is_seeder: hints.is_seeder,
        }
    }

    pub(super) fn is_seeder(&self) -> bool {
        self.is_seeder
    }

    /// Whether there is more to go by than the network, which everybody has.
    fn tells(&self) -> bool {
        let Place { asn, country } = self.place;
        asn.is_some() || country.is_some() || self.region.is_some() || self.campus.is_some()
    }

    fn party(&self) -> Party {
        let network = Party::Network(self.network);
        self.place.asn.map_or(network, Party::Provider)
    }

    /// How near two are: 3 in one network, 2 at one provider, 1 in one country or region, else 0.
    fn nearness(&self, other: &Self) -> u8 {
        fn same<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            one.is_some() && one == other
        }
        if same(self.network, other.network) || same(self.campus, other.campus) {
            3
        } else if same(self.place.asn, other.place.asn) {
            2
        } else {
            let is_near =
                same(self.place.country, other.place.country) || same(self.region, other.region);
            u8::from(is_near)
        }
    }

    /// How good it is to meet: near, and able to send.
    fn rank(&self, other: &Self) -> (u8, u8) {
        (self.nearness(other), other.upload.unwrap_or(1))
    }
}

/// Up to `wanted` others for the peer `id`, here or at another node, who has just come or not.
pub(super) fn pick(
    swarm: &Swarm,
    rng: &mut Rng,
    (now, config): (Instant, &Config),
    (id, is_newcomer, traits): (PeerId, bool, Traits),
    wanted: usize,
) -> Vec<(PeerId, ConnectionId)> {
    let has_seeders = is_newcomer && swarm.has_seeders();
    if !has_seeders && !traits.tells() {
        return swarm.pick_others(rng, (now, config), id, wanted);
    }
    let half = wanted.div_ceil(2);
    let seeders = if has_seeders { half } else { 0 };
    let mut picks = Picks {
        taken: Vec::with_capacity(wanted),
        ids: BTreeSet::from([id]),
        wanted,
        most: half,
    };
    for peer in swarm.draw_seeders(rng, seeders) {
        if !peer.is_shunned(now, config) {
            picks.take(peer); // however many of one party: an operator's seeders are one
        }
    }
    let sample = swarm.sample(rng, (now, config), id, wanted.saturating_mul(SAMPLE));
    let mut near: Vec<&Peer> = sample
        .iter()
        .copied()
        .filter(|peer| traits.nearness(&peer.traits) > 0)
        .collect();
    // A stable sort keeps chance's order among equals.
    near.sort_by_key(|peer| Reverse(traits.rank(&peer.traits)));
    let until = (picks.taken.len() + wanted / 2).min(wanted);
    for peer in near {
        if picks.taken.len() < until {
            picks.take_fairly(peer);
        }
    }
    for peer in &sample {
        picks.take_fairly(peer);
    }
    for peer in &sample {
        picks.take(peer);
    }
    picks
        .taken
        .into_iter()
        .map(|peer| (peer.id, peer.connection))
        .collect()
}

/// Places that are being given.
struct Picks<'a> {
    taken: Vec<&'a Peer>,
    ids: BTreeSet<PeerId>,
    wanted: usize,
    /// Places of one party.
    most: usize,
}

impl<'a> Picks<'a> {
    fn take(&mut self, peer: &'a Peer) {
        if self.taken.len() < self.wanted && self.ids.insert(peer.id) {
            self.taken.push(peer);
        }
    }

    /// Takes one whose party has not had its share.
    fn take_fairly(&mut self, peer: &'a Peer) {
        let party = peer.traits.party();
        let of_party = self
            .taken
            .iter()
            .filter(|other| other.traits.party() == party);
        if of_party.count() < self.most {
            self.take(peer);
        }
    }
}
