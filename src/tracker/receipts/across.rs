//! Receipts of pairs whose two sides are at two nodes: the writer's node judges the writer, the sender's node the sender.
//!
//! The writer's node asks all which of them has the sender, and claims what the receipt says from the first that answers, for
//! the stay that it named; that one credits it, and says so when its store has it. Invariant: what may have been credited is
//! never credited again. So a claim goes to one stay alone, whose node keeps the last sum of each writer and credits what is
//! beyond; and another stay, should the sender have moved, is credited nothing of what was claimed from one before, but for
//! a claim that came when that was gone. Lost claims and answers cost nothing as long as the stay is the same: the next sum
//! says it all. Every line is under a seal of the operator's secret; addresses and accounts go as what stands for them.

use super::{Credit, Pair, ReceiptFault, Receipts, Side, Sum, Tracker, Writer, are_apart};
use crate::base::{Duration, InfoHash, Instant, PeerId};
use crate::tracker::Output;
use crate::wire::{
    Between, Claim, CreditWord, FromNode, FromTracker, NodeId, NodeSaid, Receipt, Sealed,
    SessionId, tag_of,
};
use core::net::IpAddr;

/// Stays at other nodes that may credit one sender's. Four times as many as one writes for: who sends much, sends to many.
const WRITERS_MAX: usize = 1_024;

/// How long a sender is not looked for again.
const SEEKING: Duration = Duration::from_secs(10);

/// What is known of a sender at another node.
#[derive(Clone, Debug, Default)]
pub(super) struct There {
    /// Which stay is credited, and where.
    home: Option<(NodeId, SessionId)>,
    /// What stays before it may have been credited.
    spent: Sum,
    /// What any stay may have been credited.
    pub(super) passed: Sum,
    /// The same before the last claim.
    before: Sum,
    /// Bytes that are known to be credited.
    kept: u64,
    /// When all were asked, until one answers.
    sought: Option<Instant>,
}

impl There {
    /// Of a pair whose sender was here as long as there was one.
    fn after(pair: &Pair) -> Self {
        Self {
            passed: pair.said,
            kept: pair.said.bytes,
            ..Self::default()
        }
    }

    fn may_seek(&self, now: Instant) -> bool {
        self.sought.is_none_or(|at| now.since(at) >= SEEKING)
    }
}

/// What stands for a side's address and account at all nodes with one secret.
fn tags(receipts: &Receipts, side: &Side) -> (Option<[u8; 16]>, Option<[u8; 16]>) {
    let secret = &receipts.secret.0;
    let address = side.address.map(|address| match address {
        IpAddr::V4(address) => tag_of(secret, "address", &address.octets()),
        IpAddr::V6(address) => tag_of(secret, "address", &address.octets()),
    });
    let account = side.subject.as_ref();
    let account = account.map(|name| tag_of(secret, "account", name.as_bytes()));
    (address, account)
}

impl Tracker {
    /// Takes a receipt of a writer here whose sender is not.
    pub(super) fn look_for_sender(
        &mut self,
        now: Instant,
        receipt: &Receipt,
        writer: &Side,
    ) -> Result<(), ReceiptFault> {
        let room = receipt.info_hash;
        if self.nodes.counts(room) == (0, 0) {
            return Err(ReceiptFault::NoSuchSender);
        }
        let (more, _) = self.gain(receipt)?;
        let account = self.account(room, receipt.peer);
        let senders = &account.ok_or(ReceiptFault::NotAnnounced)?.senders;
        let former = senders.get(&receipt.from);
        let there = former.and_then(|pair| pair.there.as_deref().cloned());
        let there = there
            .or_else(|| former.map(There::after))
            .unwrap_or_default();
        // One that was not answered may be said again.
        if receipt.bytes <= there.kept {
            return Err(ReceiptFault::Replayed);
        }
        if !writer.can_have_had(more) {
            return Err(ReceiptFault::Impossible);
        }
        let home = there.home.filter(|(node, _)| self.nodes.has(*node));
        self.confirm(receipt, more, Some(Box::new(there)));
        let between = Between {
            room,
            writer: receipt.peer,
            session: writer.session,
            sender: receipt.from,
        };
        match home {
            Some(_) => self.claim(now, &between),
            None => self.seek(now, &between),
        }
        Ok(())
    }

    /// What is known of a sender at another node, if this is still the writer's stay.
    fn there(&mut self, between: &Between) -> Option<(Sum, &mut There)> {
        let account = self.account(between.room, between.writer)?;
        let account = Some(account).filter(|account| account.session == between.session)?;
        let pair = account.senders.get_mut(&between.sender)?;
        Some((pair.said, pair.there.as_deref_mut()?))
    }

    /// Asks all who has the sender, unless that was a moment ago.
    fn seek(&mut self, now: Instant, between: &Between) {
        if let Some((_, there)) = self.there(between)
            && there.may_seek(now)
        {
            there.sought = Some(now);
            self.tell_of_credit(None, between, &CreditWord::Seek);
        }
    }

    /// Claims all that the writer has said from the stay that is credited.
    fn claim(&mut self, now: Instant, between: &Between) {
        let Some(receipts) = self.config.receipts.clone() else {
            return;
        };
        let (room, rate) = (between.room, receipts.rate_bytes_per_s_max);
        let Some(writer) = self.side(now, rate, (room, between.writer)) else {
            return;
        };
        let (address, account) = tags(&receipts, &writer);
        let Some((said, there)) = self.there(between) else {
            return;
        };
        let Some((node, stay)) = there.home else {
            return;
        };
        (there.before, there.passed) = (there.passed, said);
        let claim = Claim {
            stay,
            address,
            account,
            said: (said.bytes, said.segments),
            spent: (there.spent.bytes, there.spent.segments),
        };
        self.totals.passed += 1;
        self.tell_of_credit(Some(node), between, &CreditWord::Claim(claim));
    }

    fn tell_of_credit(&mut self, to: Option<NodeId>, between: &Between, word: &CreditWord) {
        if let Some(said) = self.sealed(between, word) {
            self.tell_nodes(to, said);
        }
    }

    fn sealed(&self, between: &Between, word: &CreditWord) -> Option<NodeSaid> {
        let receipts = self.config.receipts.as_ref()?;
        let own = self.nodes.own()?;
        let sealed = Sealed::new((&receipts.secret.0, own), (between, word));
        Some(NodeSaid::Credit(sealed))
    }

    /// Another node has said something of a receipt.
    pub(in crate::tracker) fn on_credit(&mut self, now: Instant, from: NodeId, sealed: &Sealed) {
        let Some(receipts) = self.config.receipts.clone() else {
            return;
        };
        let Some((between, word)) = sealed.open((&receipts.secret.0, from)) else {
            self.totals.nodes_unreadable += 1;
            return;
        };
        match word {
            CreditWord::Seek => {
                if let Some(account) = self.account(between.room, between.sender) {
                    let stay = account.session;
                    self.tell_of_credit(Some(from), &between, &CreditWord::Found { stay });
                }
            }
            CreditWord::Found { stay } => self.on_found(now, &between, (from, stay)),
            CreditWord::Claim(claim) => self.on_claim(now, &receipts, (from, &between), &claim),
            CreditWord::Kept { bytes } => {
                if let Some((said, there)) = self.there(&between)
                    && bytes <= said.bytes
                {
                    there.kept = there.kept.max(bytes);
                    self.tell_writer(&between, bytes, None);
                }
            }
            CreditWord::Gone { stay, bytes } => self.on_gone(now, &between, (from, stay), bytes),
            CreditWord::Refused { bytes, why } => {
                let known = self.there(&between);
                if known.is_some_and(|(said, _)| bytes <= said.bytes) {
                    self.tell_writer(&between, 0, Some(why));
                }
            }
        }
    }

    /// The first that answers is claimed from.
    fn on_found(&mut self, now: Instant, between: &Between, home: (NodeId, SessionId)) {
        let Some((_, there)) = self.there(between) else {
            return;
        };
        if there.sought.take().is_none() {
            return; // another was faster, or nobody asked
        }
        if there.home != Some(home) {
            there.home = Some(home);
            there.spent = there.passed;
        }
        self.claim(now, between);
    }

    /// The stay has ended, and the last claim did not reach it.
    fn on_gone(&mut self, now: Instant, between: &Between, home: (NodeId, SessionId), bytes: u64) {
        let Some((_, there)) = self.there(between) else {
            return;
        };
        if there.home != Some(home) {
            return;
        }
        there.home = None;
        // It went to this stay alone; those before it, which say no more than that, may have been credited.
        if bytes == there.passed.bytes {
            there.passed = there.before;
        }
        self.seek(now, between);
    }

    /// Credits a stay here with what a writer at another node has had from it.
    fn on_claim(
        &mut self,
        now: Instant,
        receipts: &Receipts,
        (node, between): (NodeId, &Between),
        claim: &Claim,
    ) {
        let (room, bytes) = (between.room, claim.said.0);
        let whose = (room, between.sender);
        let sender = self.side(now, receipts.rate_bytes_per_s_max, whose);
        let Some(sender) = sender.filter(|sender| sender.session == claim.stay) else {
            let stay = claim.stay;
            self.tell_of_credit(Some(node), between, &CreditWord::Gone { stay, bytes });
            return;
        };
        let gain = match self.judge_claim(receipts, between, (&sender, claim)) {
            Ok(gain) => gain,
            Err(why) => {
                self.totals.receipts_refused += 1;
                let why = why.to_string();
                self.tell_of_credit(Some(node), between, &CreditWord::Refused { bytes, why });
                return;
            }
        };
        self.totals.receipts += u64::from(gain.bytes > 0);
        self.note_writer(whose, between.session, claim);
        let kept = self.sealed(between, &CreditWord::Kept { bytes });
        let earned = self.earn(now, whose, gain);
        if let Some(((earned, said), from)) = earned.zip(kept).zip(self.nodes.own()) {
            let acknowledgement = FromNode { from, said }.encode();
            let credit = Credit {
                earned,
                acknowledgement,
            };
            let writer = Writer::There(node);
            self.outputs.push_back(Output::Earned { writer, credit });
        }
    }

    /// What it adds; nothing if its answer was lost and it is claimed again.
    fn judge_claim(
        &mut self,
        receipts: &Receipts,
        between: &Between,
        (sender, claim): (&Side, &Claim),
    ) -> Result<Sum, ReceiptFault> {
        let (address, account) = tags(receipts, sender);
        if !are_apart((claim.address, address), (claim.account, account)) {
            return Err(ReceiptFault::Together);
        }
        let pairs = self.registry.pairs;
        let account = self.account(between.room, between.sender);
        let writers = &account.ok_or(ReceiptFault::NoSuchSender)?.writers;
        let former = writers.get(&between.session).copied();
        if former.is_none() && (writers.len() >= WRITERS_MAX || pairs >= super::PAIRS_MAX) {
            return Err(ReceiptFault::TooManySenders);
        }
        let said = sum(claim.said);
        let credited = former.unwrap_or_default();
        if former.is_some() && said.bytes <= credited.bytes {
            return Ok(Sum::default());
        }
        let spent = sum(claim.spent);
        let floor = Sum {
            bytes: spent.bytes.max(credited.bytes),
            segments: spent.segments.max(credited.segments),
        };
        let gain = said.beyond(floor).filter(|gain| gain.bytes > 0);
        let gain = gain.ok_or(ReceiptFault::Replayed)?;
        if !sender.can_have_sent(gain) {
            return Err(ReceiptFault::Impossible);
        }
        Ok(gain)
    }

    fn note_writer(
        &mut self,
        (room, sender): (InfoHash, PeerId),
        session: SessionId,
        claim: &Claim,
    ) {
        let Some(account) = self.account(room, sender) else {
            return;
        };
        let said = sum(claim.said);
        let former = account.writers.get(&session);
        if former.is_none_or(|former| former.bytes < said.bytes) {
            let is_new = account.writers.insert(session, said).is_none();
            self.registry.pairs += usize::from(is_new);
        }
    }

    fn tell_writer(&mut self, between: &Between, bytes: u64, refused: Option<String>) {
        let Some(writer) = self.registry.peer(between.room, between.writer) else {
            return;
        };
        let connection = writer.connection;
        let told = FromTracker::Receipted {
            info_hash: between.room,
            from: between.sender,
            bytes,
            refused,
        };
        self.send(connection, &told);
    }
}

fn sum((bytes, segments): (u64, u64)) -> Sum {
    Sum { bytes, segments }
}
