//! What a shell and the tracker say to each other. Decides nothing.

#[cfg(doc)]
use super::Tracker;
use super::{
    Audience, CloseReason, Credit, Place, Policy, Proofs, Record, Rooms, Scope, Tickets, Tokens,
    Turn, Writer,
};
use crate::base::{InfoHash, Network};
use crate::wire::NodeId;
use core::net::IpAddr;

/// One connection of a client; minted by the shell, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What a shell knows of who connects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitor {
    /// Where it is; `None` if the shell cannot know. All those are one network.
    pub network: Option<Network>,
    /// Its address, or what one host commands; `None` if the shell cannot know. Only compared: whether two peers may be
    /// one, and whom a rule is for.
    pub address: Option<IpAddr>,
    /// Whose page it is, as its browser says (RFC 6454).
    pub origin: Option<String>,
    /// Where its address is, as far as the shell's database knows.
    pub place: Place,
}

/// What the world tells the tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client has connected.
    Opened {
        /// Its connection.
        connection: ConnectionId,
        /// What the shell knows of it.
        visitor: Visitor,
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
    /// The operator rules what peers may do; in force at once.
    Policy {
        /// Where; `None` for everywhere. A room's default rule is none.
        room: Option<InfoHash>,
        /// What.
        policy: Policy,
    },
    /// The operator rules what some viewers may do, in place of all earlier rules of that kind; in force at once.
    Rules(Vec<(Scope, Policy)>),
    /// The operator says which rooms there may be; who is in another is taken out of it.
    Rooms(Rooms),
    /// The operator says what is asked of who joins.
    Tokens(Tokens),
    /// Where viewers are relayed who cannot reach each other; `None` for nowhere.
    Turn(Option<Turn>),
    /// With what viewers are known again on another connection; `None` for not.
    Tickets(Option<Tickets>),
    /// With what peers are signed for; `None` for not. Who was given a proof keeps it.
    Proofs(Option<Proofs>),
    /// The time of day, for what expires by it. To be told at the start and every minute or so: clocks are set.
    Clock {
        /// Seconds of Unix time.
        unix_s: u64,
    },
    /// Other nodes of this tracker can be reached, and it is called by this; `None` when they cannot any more.
    Nodes(Option<NodeId>),
    /// Another node, or this one, has said something. Who may write there may write anything.
    Node(String),
    /// A second has passed in which other nodes could be reached.
    Beat,
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
    /// Tell another node, or all of them; what is lost on the way is asked for again, or was an offer to somebody who
    /// might have been gone.
    Tell {
        /// Whom; `None` for all.
        to: Option<NodeId>,
        /// What.
        text: String,
    },
    /// Keep this, if there is a store; it is not waited for.
    Record(Record),
    /// Keep this, and when it is kept, send the acknowledgement: to the writer's connection, or to its node.
    Earned {
        /// To whom.
        writer: Writer,
        /// What.
        credit: Credit,
    },
}

/// How much is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Open connections.
    pub connections: usize,
    /// Swarms with at least one peer.
    pub swarms: usize,
    /// Peers in all swarms.
    pub peers: usize,
    /// Other nodes that are there.
    pub nodes: usize,
    /// What they report of themselves; nothing where no accounts are kept.
    pub reported: Audience,
    /// What there was since the start.
    pub totals: Totals,
}

/// How much is going on in a room, at all nodes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Who is there.
    pub peers: u32,
    /// Those of them who hold everything.
    pub complete: u32,
    /// What those who are at this node report of themselves; nothing where no accounts are kept.
    pub reported: Audience,
}

/// What there was since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Announces that were read, refused ones among them.
    pub announces: u64,
    /// Offers handed to a peer.
    pub offers_relayed: u64,
    /// Answers handed back.
    pub answers_relayed: u64,
    /// Late candidates handed to a peer.
    pub candidates_relayed: u64,
    /// What peers said to peers of other nodes.
    pub passed: u64,
    /// Messages of other nodes that could not be read.
    pub nodes_unreadable: u64,
    /// Scrapes answered.
    pub scrapes: u64,
    /// Votes against peers that were taken, whether they count or not.
    pub votes: u64,
    /// Receipts that count.
    pub receipts: u64,
    /// Receipts that do not.
    pub receipts_refused: u64,
    /// Messages that were understood and refused.
    pub refusals: u64,
    /// Messages that could not be read.
    pub nonsense: u64,
    /// Connections that the tracker ended.
    pub closed: u64,
}
