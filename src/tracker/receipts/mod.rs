//! What peers earn: stays in a swarm, and receipts of those who were sent something.
//!
//! A contribution counts only when its receiver confirms it. A receipt says how much one peer has had from another
//! in all, so one that is lost, repeated or late costs nothing and earns nothing. Who receives may lie, together with
//! who sends; so no stay earns more than it could have carried in its time, and two behind one address or one
//! account earn nothing from each other. Invariant: what is earned only rises, and what is remembered is bounded. It does not
//! store anything: a shell with a store is told by [`Record`]s, which carry sums, so that the last one says it all. `across` is
//! for pairs whose two sides are at two nodes.

mod across;

use super::limits::Refusal;
use super::{Audience, ConnectionId, Output, Tracker};
use crate::base::{Duration, InfoHash, Instant, PeerId};
use crate::wire::{FromTracker, NodeId, Receipt, Reported, SessionId, secret_of, session_key};
use across::There;
use core::fmt;
use core::net::IpAddr;
use std::collections::BTreeMap;

/// Peers that one may write receipts for in one stay. 256: ten links that change every half minute for
/// two hours.
const SENDERS_MAX: usize = 256;
/// Such pairs in all, about 60 MB; thrice as much if the senders of all are at other nodes.
const PAIRS_MAX: usize = 1_000_000;

/// Why a receipt does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptFault {
    /// None are taken here.
    NoReceipts,
    /// Its writer is not there.
    NotAnnounced,
    /// Who sent is not there.
    NoSuchSender,
    /// It was not signed with the key of the writer's session.
    Forged,
    /// It says no more than the one before.
    Replayed,
    /// The two may be one.
    Together,
    /// It says more than a stay can have carried.
    Impossible,
    /// One sender more than are remembered.
    TooManySenders,
    /// It names another account than before.
    OtherSubject,
}

impl fmt::Display for ReceiptFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NoReceipts => "this tracker takes no receipts",
            Self::NotAnnounced => "announce this peer_id before you write receipts for it",
            Self::NoSuchSender => "the sender is not in this swarm, or no longer",
            Self::Forged => {
                "the receipt is not signed with the key of this session; announce to get it"
            }
            Self::Replayed => "the receipt says no more than the last one of this sender",
            Self::Together => "peers behind one address or one account earn nothing of each other",
            Self::Impossible => "the receipt says more than can have been sent in this time",
            Self::TooManySenders => "too many senders; no receipt for one more",
            Self::OtherSubject => "this session earns for another account already",
        })
    }
}

/// What trackers of one operator sign session keys with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

impl Secret {
    /// Makes one of text that only operators know.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(secret_of(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret") // never its bytes: it might be logged
    }
}

/// How receipts are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipts {
    /// What keys are made of.
    pub secret: Secret,
    /// Bytes a second that one stay can have sent, and received, on average.
    pub rate_bytes_per_s_max: u64,
}

/// What a shell with a store keeps. Sums are those of the whole stay so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A peer has come.
    Joined {
        /// Its stay.
        session: SessionId,
        /// Where.
        room: InfoHash,
        /// Who.
        peer: PeerId,
    },
    /// It is gone.
    Left {
        /// Its stay.
        session: SessionId,
        /// Bytes it says it has sent to peers.
        uploaded: u64,
        /// Bytes it says it has had from peers.
        downloaded: u64,
        /// Peers it was introduced to.
        peers_connected: u32,
    },
}

/// A contribution that its receivers confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earned {
    /// The stay of who sent.
    pub session: SessionId,
    /// Where.
    pub room: InfoHash,
    /// Who sent.
    pub peer: PeerId,
    /// For whom it earns; nobody is named otherwise.
    pub subject: Option<String>,
    /// Bytes that others confirm to have had from it.
    pub bytes: u64,
    /// Segments that others confirm to have had from it, each of them.
    pub segments: u64,
    /// How long it has been there.
    pub span: Duration,
}

/// Where the writer of a receipt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// At this node.
    Here(ConnectionId),
    /// At another.
    There(NodeId),
}

/// What became of a receipt that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It counts.
    Counts(Credit),
    /// Another node may have the sender. What that one says goes to the writer's connection.
    Passed,
}

/// A receipt that counts: what to keep, and what to tell its writer then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    /// What to keep.
    pub earned: Earned,
    /// What its writer, or the writer's node, is told then, in text.
    pub acknowledgement: String,
}

/// Bytes and segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    bytes: u64,
    segments: u64,
}

impl Sum {
    fn of(receipt: &Receipt) -> Self {
        Self {
            bytes: receipt.bytes,
            segments: receipt.segments,
        }
    }

    /// What it is beyond another; `None` if it is less in any respect.
    fn beyond(self, other: Self) -> Option<Self> {
        Some(Self {
            bytes: self.bytes.checked_sub(other.bytes)?,
            segments: self.segments.checked_sub(other.segments)?,
        })
    }
}

/// What a peer has confirmed to have had from another.
#[derive(Debug, Default)]
struct Pair {
    /// The last receipt.
    said: Sum,
    /// What is known of a sender at another node.
    there: Option<Box<There>>,
}

impl Pair {
    /// What may have been credited, here or elsewhere.
    fn spent(&self) -> Sum {
        self.there.as_ref().map_or(self.said, |there| there.passed)
    }
}

/// A peer's stay in a swarm.
#[derive(Debug)]
pub(super) struct Account {
    session: SessionId,
    since: Instant,
    /// For whom it earns; does not change once it is known.
    subject: Option<String>,
    uploaded: u64,
    downloaded: u64,
    reported: Audience,
    peers_connected: u32,
    earned: Sum,
    /// Bytes it wrote receipts for.
    confirmed: u64,
    /// Whom it wrote receipts for.
    senders: BTreeMap<PeerId, Pair>,
    /// What it was credited by each stay at another node.
    writers: BTreeMap<SessionId, Sum>,
}

impl Account {
    pub(super) fn new(now: Instant, session: SessionId) -> Self {
        Self {
            session,
            since: now,
            subject: None,
            uploaded: 0,
            downloaded: 0,
            reported: Audience::default(),
            peers_connected: 0,
            earned: Sum::default(),
            confirmed: 0,
            senders: BTreeMap::new(),
            writers: BTreeMap::new(),
        }
    }

    /// Notes what it says of itself: sums, which only rise.
    pub(super) fn note_moved(&mut self, (uploaded, downloaded): (u64, u64)) {
        self.uploaded = self.uploaded.max(uploaded);
        self.downloaded = self.downloaded.max(downloaded);
    }

    /// What it counted for among what is reported, and counts for from now on.
    pub(super) fn report(&mut self, reported: Option<Reported>) -> (Audience, Audience) {
        let was = self.reported;
        if let Some(reported) = reported {
            self.reported = Audience::of(self.downloaded, &reported);
        }
        (was, self.reported)
    }

    pub(super) fn reported(&self) -> Audience {
        self.reported
    }

    pub(super) fn note_meeting(&mut self) {
        self.peers_connected += 1;
    }

    /// What is kept when it is over.
    pub(super) fn end(&self) -> Record {
        Record::Left {
            session: self.session,
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            peers_connected: self.peers_connected,
        }
    }

    pub(super) fn pairs(&self) -> usize {
        self.senders.len() + self.writers.len()
    }
}

/// Whether it is certain that two sides are not one, by their addresses and their accounts, or what stands for them. Behind a
/// proxy that names nobody it never is.
fn are_apart<A: PartialEq, S: PartialEq>(
    addresses: (Option<A>, Option<A>),
    subjects: (Option<S>, Option<S>),
) -> bool {
    let addresses = addresses.0.zip(addresses.1);
    let subjects = subjects.0.zip(subjects.1);
    addresses.is_some_and(|(one, other)| one != other)
        && subjects.is_none_or(|(one, other)| one != other)
}

/// What one side of a receipt is when it is judged.
struct Side {
    session: SessionId,
    address: Option<IpAddr>,
    subject: Option<String>,
    earned: u64,
    confirmed: u64,
    /// Bytes that its stay can have carried in one direction.
    most: u64,
}

impl Side {
    fn is_apart_from(&self, other: &Self) -> bool {
        let subjects = (self.subject.as_ref(), other.subject.as_ref());
        are_apart((self.address, other.address), subjects)
    }

    fn can_have_had(&self, gain: Sum) -> bool {
        self.confirmed.saturating_add(gain.bytes) <= self.most
    }

    fn can_have_sent(&self, gain: Sum) -> bool {
        self.earned.saturating_add(gain.bytes) <= self.most
    }
}

impl Tracker {
    /// What a peer signs its receipts with, if there are receipts.
    pub(super) fn receipt_key(&mut self, room: InfoHash, peer: PeerId) -> Option<String> {
        let receipts = self.config.receipts.as_ref()?;
        let account = self.registry.peer(room, peer)?.account.as_ref()?;
        let secret = &receipts.secret.0;
        Some(session_key(secret, room, peer, account.session))
    }

    /// Whom its token names it earns for, unless it has named somebody itself before.
    pub(super) fn name_account(&mut self, connection: ConnectionId, room: InfoHash, peer: PeerId) {
        let named = self.subject(connection, room).map(str::to_owned);
        if let Some(account) = self.account(room, peer)
            && account.subject.is_none()
        {
            account.subject = named;
        }
    }

    /// Judges a receipt, on whatever way it came. What counts is counted at once; who keeps it tells the writer. What is for
    /// other nodes waits in [`Tracker::poll_output`].
    ///
    /// # Errors
    /// Why it does not count.
    pub fn take_receipt(&mut self, now: Instant, receipt: &Receipt) -> Result<Taken, ReceiptFault> {
        let taken = self.judge(now, receipt);
        match taken {
            Ok(Taken::Counts(_)) => self.totals.receipts += 1,
            Ok(Taken::Passed) => {} // counted by who judges it
            Err(_) => self.totals.receipts_refused += 1,
        }
        taken
    }

    /// One that came on the writer's own connection.
    pub(super) fn on_receipt(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        receipt: &Receipt,
    ) -> Result<(), Refusal> {
        match self.registry.peer(receipt.info_hash, receipt.peer) {
            Some(speaker) if speaker.connection == connection => speaker.heard = now,
            Some(_) | None => return Err(Refusal::NotAnnounced),
        }
        match self.take_receipt(now, receipt) {
            Ok(Taken::Counts(credit)) => {
                let writer = Writer::Here(connection);
                self.outputs.push_back(Output::Earned { writer, credit });
            }
            Ok(Taken::Passed) => {}
            Err(why) => {
                let refused = FromTracker::Receipted {
                    info_hash: receipt.info_hash,
                    from: receipt.from,
                    bytes: 0,
                    refused: Some(why.to_string()),
                };
                self.send(connection, &refused);
            }
        }
        Ok(())
    }

    fn judge(&mut self, now: Instant, receipt: &Receipt) -> Result<Taken, ReceiptFault> {
        let Some(receipts) = &self.config.receipts else {
            return Err(ReceiptFault::NoReceipts);
        };
        let (room, rate) = (receipt.info_hash, receipts.rate_bytes_per_s_max);
        let secret = receipts.secret.clone();
        let absent = ReceiptFault::NotAnnounced;
        let mut writer = self.side(now, rate, (room, receipt.peer)).ok_or(absent)?;
        let key = session_key(&secret.0, room, receipt.peer, writer.session);
        if !receipt.is_signed_with(&key) {
            return Err(ReceiptFault::Forged);
        }
        match (&writer.subject, &receipt.subject) {
            (Some(known), Some(named)) if known != named => return Err(ReceiptFault::OtherSubject),
            (Some(_), _) => {}
            (None, named) => writer.subject.clone_from(named),
        }
        let Some(sender) = self.side(now, rate, (room, receipt.from)) else {
            self.look_for_sender(now, receipt, &writer)?;
            return Ok(Taken::Passed);
        };
        if !writer.is_apart_from(&sender) {
            return Err(ReceiptFault::Together);
        }
        let (more, gain) = self.gain(receipt)?;
        if gain.bytes == 0 {
            return Err(ReceiptFault::Replayed);
        }
        if !writer.can_have_had(more) || !sender.can_have_sent(gain) {
            return Err(ReceiptFault::Impossible);
        }
        self.confirm(receipt, more, None);
        let earned = self.earn(now, (room, receipt.from), gain);
        let earned = earned.ok_or(ReceiptFault::NoSuchSender)?;
        let acknowledgement = FromTracker::Receipted {
            info_hash: room,
            from: receipt.from,
            bytes: receipt.bytes,
            refused: None,
        };
        let acknowledgement = acknowledgement.encode();
        Ok(Taken::Counts(Credit {
            earned,
            acknowledgement,
        }))
    }

    fn side(&mut self, now: Instant, rate: u64, (room, id): (InfoHash, PeerId)) -> Option<Side> {
        let peer = self.registry.peer(room, id)?;
        let connection = self.connections.get(&peer.connection);
        let account = peer.account.as_ref()?;
        let seconds = now.since(account.since).as_secs() + 1; // a begun one counts whole
        Some(Side {
            session: account.session,
            address: connection.and_then(|connection| connection.visitor.address),
            subject: account.subject.clone(),
            earned: account.earned.bytes,
            confirmed: account.confirmed,
            most: rate.saturating_mul(seconds),
        })
    }

    /// What a receipt says beyond the last one of the same two, and beyond what may have been credited.
    fn gain(&mut self, receipt: &Receipt) -> Result<(Sum, Sum), ReceiptFault> {
        let pairs = self.registry.pairs;
        let account = self.account(receipt.info_hash, receipt.peer);
        let senders = &account.ok_or(ReceiptFault::NotAnnounced)?.senders;
        let former = senders.get(&receipt.from);
        if former.is_none() && (senders.len() >= SENDERS_MAX || pairs >= PAIRS_MAX) {
            return Err(ReceiptFault::TooManySenders);
        }
        let (said, spent) = former.map_or_else(Default::default, |it| (it.said, it.spent()));
        let now = Sum::of(receipt);
        let both = now.beyond(said).zip(now.beyond(spent));
        both.ok_or(ReceiptFault::Replayed)
    }

    fn confirm(&mut self, receipt: &Receipt, more: Sum, there: Option<Box<There>>) {
        let Some(account) = self.account(receipt.info_hash, receipt.peer) else {
            return;
        };
        account.confirmed += more.bytes;
        if account.subject.is_none() {
            account.subject.clone_from(&receipt.subject);
        }
        let said = Sum::of(receipt);
        let pair = Pair { said, there };
        if account.senders.insert(receipt.from, pair).is_none() {
            self.registry.pairs += 1;
        }
    }

    fn earn(
        &mut self,
        now: Instant,
        (room, peer): (InfoHash, PeerId),
        gain: Sum,
    ) -> Option<Earned> {
        let account = self.account(room, peer)?;
        account.earned.bytes += gain.bytes;
        account.earned.segments = account.earned.segments.saturating_add(gain.segments);
        Some(Earned {
            session: account.session,
            room,
            peer,
            subject: account.subject.clone(),
            bytes: account.earned.bytes,
            segments: account.earned.segments,
            span: now.since(account.since),
        })
    }

    fn account(&mut self, room: InfoHash, peer: PeerId) -> Option<&mut Account> {
        self.registry.peer(room, peer)?.account.as_deref_mut()
    }
}
