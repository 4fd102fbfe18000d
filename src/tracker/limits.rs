//! What the tracker refuses, in the words a peer is told. Whether a limit is reached is asked where
//! the counted thing lives; here is what is said, so that no refusal is silent or unclear.

use super::admission::TokenFault;
use core::fmt;

/// Why a message was not acted on. The connection stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The peer id belongs to another connection.
    PeerTaken,
    /// The connection is in as many swarms as it may be.
    Swarms {
        /// The limit.
        max: usize,
    },
    /// The tracker has as many peers as it may have.
    Full {
        /// The limit.
        max: usize,
    },
    /// The swarm has as many peers as one may have.
    SwarmFull {
        /// The limit.
        max: usize,
    },
    /// An answer or a vote from somebody who is not that peer.
    NotAnnounced,
    /// An answer to an offer that nobody awaits.
    NoSuchOffer,
    /// A scrape of everything.
    FullScrape,
    /// A swarm that this tracker is not for.
    Room,
    /// A join token that is missing or does not count.
    Token(TokenFault),
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerTaken => {
                out.write_str("this peer_id is announced by another connection; use your own")
            }
            Self::Swarms { max } => write!(
                out,
                "a connection may be in {max} swarms; stop one before you start another"
            ),
            Self::Full { max } => {
                write!(out, "the tracker is full ({max} peers); try again later")
            }
            Self::SwarmFull { max } => {
                write!(out, "this swarm is full ({max} peers); try again later")
            }
            Self::NotAnnounced => {
                out.write_str("announce this peer_id on this connection before you speak for it")
            }
            Self::NoSuchOffer => out.write_str(
                "nobody awaits an answer to this offer_id from you; it may have expired",
            ),
            Self::Token(fault) => fault.fmt(out),
            Self::Room => out.write_str("this tracker is not for this stream"),
            Self::FullScrape => {
                out.write_str("a scrape of all swarms is not answered; name up to 255 info hashes")
            }
        }
    }
}

/// Why the tracker ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// A message longer than `message_bytes_max`.
    TooLong,
    /// Nothing was heard for `silent` or `idle`.
    Idle,
    /// More than `nonsense_max` messages that could not be read.
    Nonsense,
    /// There are `connections_max` connections already.
    Full,
}

impl CloseReason {
    /// Words for the close frame and the log.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TooLong => "message too long",
            Self::Idle => "nothing heard for too long",
            Self::Nonsense => "messages could not be read",
            Self::Full => "the tracker is full, try again later",
        }
    }
}
