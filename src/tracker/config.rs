//! The tracker's numbers, each with its reason. Decides nothing else; a shell fills it from flags.

use super::Receipts;
use crate::base::Duration;

/// What a tracker allows and how long it remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Seconds between a peer's periodic announces. 120, as stock WebSocket trackers say.
    pub interval_s: u32,
    /// How long a peer is kept without a word from it. 300 s, two and a half intervals: a hidden tab's
    /// timers wake once a minute, and a socket that closes takes its peers with it anyway.
    pub peer_age: Duration,
    /// How long an answer to a relayed offer is awaited. 60 s: stock clients drop their offers after 50.
    pub offer_age: Duration,
    /// How long a connection may be open without its first message. 60 s: gathering of candidates for
    /// the first offers may run into the time-outs of dead STUN servers.
    pub silent: Duration,
    /// How long a connection may be quiet after that. 300 s, like `peer_age`.
    pub idle: Duration,
    /// How often the above are looked at. 15 s, so a time-out is late by at most that.
    pub sweep: Duration,
    /// Longest message, in bytes. 64 KiB: ten offers of Chromium are about 25 KiB.
    pub message_bytes_max: usize,
    /// Offers relayed of one announce. 20: a stock client sends 5, older ones 10.
    pub offers_per_announce_max: usize,
    /// Offers of one peer that may await their answers; the oldest is forgotten. 64: three announces
    /// of the most offers within `offer_age`, so 5 KiB a peer at the very most.
    pub offers_awaited_max: usize,
    /// Swarms one connection may be in. 20: a page has a few players, a stock client shares its socket
    /// between all its torrents.
    pub swarms_per_connection_max: usize,
    /// Peers in all swarms together. 200,000, about 150 MB.
    pub peers_max: usize,
    /// Peers in one swarm: 200,000, as many as in all. One stream may be kept from taking every place.
    pub peers_per_swarm_max: usize,
    /// Open connections. 50,000.
    pub connections_max: usize,
    /// How long a vote against a peer counts, less every minute. 30 min: three networks isolate it for a
    /// third of that, ten for three quarters; who is innocent is back within a film.
    pub vote_life: Duration,
    /// What peers say of themselves is taken into account when they are introduced: nothing of it is proven.
    pub heeds_hints: bool,
    /// Messages that cannot be read before a connection is closed. 10: it does not speak our language.
    pub nonsense_max: u32,
    /// Keeps accounts of stays and takes receipts. `None`: neither; a shell without a store has no use of them.
    pub receipts: Option<Receipts>,
}

impl Config {
    /// The same with another number of connections, and at least that many peers.
    #[must_use]
    pub fn with_connections(self, connections_max: usize) -> Self {
        Self {
            connections_max,
            peers_max: self.peers_max.max(connections_max),
            ..self
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval_s: 120,
            peer_age: Duration::from_secs(300),
            offer_age: Duration::from_secs(60),
            silent: Duration::from_secs(60),
            idle: Duration::from_secs(300),
            sweep: Duration::from_secs(15),
            message_bytes_max: 64 * 1024,
            offers_per_announce_max: 20,
            offers_awaited_max: 64,
            swarms_per_connection_max: 20,
            peers_max: 200_000,
            peers_per_swarm_max: 200_000,
            connections_max: 50_000,
            vote_life: Duration::from_secs(1_800),
            heeds_hints: true,
            nonsense_max: 10,
            receipts: None,
        }
    }
}
