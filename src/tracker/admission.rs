//! Join tokens: who may join which room. An operator's backend signs them, a page hands one over with its
//! announce, nobody but the tracker sees it.
//!
//! A token is looked at when a peer joins, or when it shows another one; who is in stays in while its
//! connection lasts, so a token may be short-lived and a show long. Invariant: without a clock nothing is in
//! time, and a signature is checked once for a token and a connection. Which rooms there are is `policy`'s.

use super::limits::Refusal;
use super::{ConnectionId, Tracker};
use crate::base::{Duration, InfoHash, Instant};
use crate::integrity::{Digest, PublicKey, Verifier as _, sha256};
use crate::wire::{JoinToken, SignedToken, TokenError, room_of};
use core::fmt;
use std::collections::BTreeMap;

/// What is asked of who joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// False lets in who shows none, or one that does not count; a good one names its subject all the same.
    pub are_required: bool,
    /// Whose signatures count. A token that names a key is held against that one alone.
    pub keys: Vec<TokenKey>,
    /// How far clocks of signers may be off.
    pub skew: Duration,
    /// How far ahead a token may end: one that never does is a mistake, or a leak for ever.
    pub life_max: Duration,
}

/// A key and the name that tokens call it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// `kid` of the tokens' header.
    pub id: String,
    /// The key.
    pub key: PublicKey,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            are_required: false,
            keys: Vec::new(),
            skew: Duration::from_secs(60),
            life_max: Duration::from_secs(24 * 3_600),
        }
    }
}

/// Why a token does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenFault {
    Missing,
    Unreadable(TokenError),
    Key,
    Signature,
    Room,
    Expired,
    Early,
    Long { most: Duration },
    Origin,
}

impl fmt::Display for TokenFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Missing => "this tracker asks for a join token: createSwarm({ joinToken })",
            Self::Unreadable(why) => return write!(out, "the join token cannot be read: {why}"),
            Self::Key => "the join token names a key that this tracker does not know",
            Self::Signature => "the join token is not signed by a key that this tracker knows",
            Self::Room => "the join token is for another stream",
            Self::Expired => "the join token has expired; get a new one for this viewer",
            Self::Early => "the join token is not valid yet; look at the clock of its signer",
            Self::Long { most } => {
                let most = most.as_secs();
                return write!(
                    out,
                    "the join token ends more than {most} s from now; exp is in seconds"
                );
            }
            Self::Origin => "the join token is for pages of another origin",
        };
        out.write_str(words)
    }
}

/// What a token has granted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admission {
    /// Which token it was.
    token: Digest,
    subject: Option<Box<str>>,
}

/// What is asked, and who has answered it.
#[derive(Debug, Default)]
pub(super) struct Admissions {
    tokens: Tokens,
    held: BTreeMap<(ConnectionId, InfoHash), Admission>,
}

impl Admissions {
    pub(super) fn are_required(&self) -> bool {
        self.tokens.are_required
    }

    pub(super) fn holds(&self, connection: ConnectionId, room: InfoHash) -> bool {
        self.held.contains_key(&(connection, room))
    }

    /// What `token` grants a connection in a room; nothing new if it has been looked at, or if none is needed.
    pub(super) fn check(
        &self,
        now_s: Option<u64>,
        (connection, room): (ConnectionId, InfoHash),
        (token, origin): (Option<&str>, Option<&str>),
    ) -> Result<Option<Admission>, TokenFault> {
        let held = self.held.get(&(connection, room));
        let Some(text) = token else {
            let is_let = held.is_some() || !self.tokens.are_required;
            return is_let.then_some(None).ok_or(TokenFault::Missing);
        };
        let token = sha256(text.as_bytes());
        if self.tokens.keys.is_empty() || held.is_some_and(|held| held.token == token) {
            return Ok(None); // whoever has no keys asks for no tokens
        }
        let signed = JoinToken::decode(text).map_err(TokenFault::Unreadable)?;
        self.check_signature(&signed)?;
        let SignedToken { token: claims, .. } = signed;
        if room_of(&claims.room) != room {
            return Err(TokenFault::Room);
        }
        self.check_times(now_s.unwrap_or(u64::MAX), &claims)?;
        let is_of =
            |named: &String| origin.is_some_and(|origin| origin.eq_ignore_ascii_case(named));
        if !claims.origin.as_ref().is_none_or(is_of) {
            return Err(TokenFault::Origin);
        }
        let subject = claims.subject.map(String::into_boxed_str);
        Ok(Some(Admission { token, subject }))
    }

    fn check_signature(&self, signed: &SignedToken<'_>) -> Result<(), TokenFault> {
        let is_named = |key: &&TokenKey| signed.key_id.as_ref().is_none_or(|id| *id == key.id);
        let mut keys = self.tokens.keys.iter().filter(is_named).peekable();
        if keys.peek().is_none() {
            return Err(TokenFault::Key);
        }
        let is_by = |key: &TokenKey| key.key.verifies(signed.message, &signed.signature);
        keys.any(is_by).then_some(()).ok_or(TokenFault::Signature)
    }

    fn check_times(&self, now_s: u64, claims: &JoinToken) -> Result<(), TokenFault> {
        let (skew_s, most) = (self.tokens.skew.as_secs(), self.tokens.life_max);
        if claims.expires_s.saturating_add(skew_s) <= now_s {
            return Err(TokenFault::Expired);
        }
        let latest_s = now_s.saturating_add(most.as_secs()).saturating_add(skew_s);
        if claims.expires_s > latest_s {
            return Err(TokenFault::Long { most });
        }
        let earliest_s = claims.not_before_s.unwrap_or(0).saturating_sub(skew_s);
        (earliest_s <= now_s).then_some(()).ok_or(TokenFault::Early)
    }

    pub(super) fn keep(
        &mut self,
        connection: ConnectionId,
        room: InfoHash,
        new: Option<Admission>,
    ) {
        if let Some(admission) = new {
            self.held.insert((connection, room), admission);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn forget(&mut self, connection: ConnectionId, room: InfoHash) {
        self.held.remove(&(connection, room));
    }
}

impl Tracker {
    /// Whom the token of a connection in a room names, if it showed one that counts and names somebody.
    #[must_use]
    pub fn subject(&self, connection: ConnectionId, room: InfoHash) -> Option<&str> {
        let admission = self.admissions.held.get(&(connection, room))?;
        admission.subject.as_deref()
    }

    /// What an announce's token grants, or the ticket of who was here before, or words for who is let in without; refused, a
    /// peer is out of the room.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        room: InfoHash,
        (token, known): (Option<&str>, Option<Option<Box<str>>>),
    ) -> Result<(Option<Admission>, Option<String>), Refusal> {
        if let Some(subject) = known.filter(|_| !self.admissions.holds(connection, room)) {
            let token = sha256(token.unwrap_or_default().as_bytes());
            return Ok((Some(Admission { token, subject }), None));
        }
        let now_s = self.unix_s(now);
        let speaker = self.connections.get(&connection);
        let origin = speaker.and_then(|speaker| speaker.visitor.origin.as_deref());
        match self
            .admissions
            .check(now_s, (connection, room), (token, origin))
        {
            Ok(admission) => Ok((admission, None)),
            Err(fault) if self.admissions.are_required() => {
                self.leave(connection, room);
                Err(Refusal::Token(fault))
            }
            Err(fault) => Ok((None, Some(fault.to_string()))),
        }
    }

    /// What was granted stays; who has shown nothing is told so and taken out, if something is asked for now.
    pub(super) fn on_tokens(&mut self, tokens: Tokens) {
        self.admissions.tokens = tokens;
        if !self.admissions.are_required() {
            return;
        }
        for room in self.registry.rooms() {
            let admissions = &self.admissions;
            let Some(swarm) = self.registry.swarm(room) else {
                continue;
            };
            let peers = swarm.peers_mut().map(|peer| peer.connection);
            let gone: Vec<ConnectionId> = peers.filter(|it| !admissions.holds(*it, room)).collect();
            for connection in gone {
                self.leave(connection, room);
                self.fail(connection, Some(room), &TokenFault::Missing);
            }
        }
    }
}
