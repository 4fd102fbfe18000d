//! What a shell and the tracker say to each other. Decides nothing.

use super::CloseReason;
#[cfg(doc)]
use super::Tracker;
use crate::base::Network;

/// One connection of a client; minted by the shell, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What the world tells the tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client has connected.
    Opened {
        /// Its connection.
        connection: ConnectionId,
        /// Where it is; `None` if the shell cannot know. All those are one network.
        network: Option<Network>,
    },
    /// A client has said something.
    Message {
        /// Which one.
        connection: ConnectionId,
        /// What, undecoded.
        text: String,
    },
    /// A client is gone; nothing more may be sent to it.
    Closed {
        /// Which one.
        connection: ConnectionId,
    },
    /// The moment of [`Tracker::next_timeout`] has come.
    Timeout,
}

/// What the shell must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a text message.
    Send {
        /// To whom.
        connection: ConnectionId,
        /// What.
        text: String,
    },
    /// End the connection; the tracker has forgotten it already.
    Close {
        /// Which one.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
    },
}

/// How much is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Open connections.
    pub connections: usize,
    /// Swarms with at least one peer.
    pub swarms: usize,
    /// Peers in all swarms.
    pub peers: usize,
}
