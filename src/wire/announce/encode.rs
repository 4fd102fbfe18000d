//! Tracker messages to text. Decides the order and spelling of members; checks nothing, because what
//! is written was made by us or has been read by `decode`.

use super::{
    Extensions, FromTracker, Grants, Offer, POLICY_VERSION, RECEIPTS_VERSION, SPEAKS_ALL, Scraped,
    TRICKLE_VERSION, TURN_VERSION, ToTracker, VOTES_VERSION,
};
use crate::base::json::{Pen, Quoted};
use crate::base::{InfoHash, PeerId};

impl ToTracker {
    /// The message as JSON text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut pen = Pen::default();
        pen.open('{');
        match self {
            Self::Announce {
                info_hash,
                peer,
                event,
                uploaded,
                downloaded,
                left,
                offers,
                numwant,
                takes_policy,
                extensions,
            } => {
                pen.member("action", "announce");
                pen.ids(info_hash, peer);
                if let Some(event) = event {
                    pen.member("event", event);
                }
                pen.count("uploaded", *uploaded);
                pen.count("downloaded", *downloaded);
                if let Some(left) = left {
                    pen.count("left", *left);
                }
                pen.count("numwant", u64::from(*numwant));
                pen.flag("policy", *takes_policy, POLICY_VERSION);
                pen.extensions(extensions);
                pen.offers(offers);
            }
            Self::Answer {
                info_hash,
                peer,
                to_peer,
                offer_id,
                sdp,
            } => {
                pen.member("action", "announce");
                pen.ids(info_hash, peer);
                pen.binary("to_peer_id", &to_peer.0);
                pen.member("offer_id", offer_id);
                pen.description("answer", sdp);
            }
            Self::Candidate {
                info_hash,
                peer,
                to_peer,
                candidate,
            } => pen.candidate((info_hash, peer), Some(to_peer), candidate),
            Self::Vote {
                info_hash,
                peer,
                against,
            } => {
                pen.member("action", "vote");
                pen.ids(info_hash, peer);
                pen.binary("against", &against.0);
            }
            Self::Receipt(receipt) => receipt.write(&mut pen),
            Self::Scrape { info_hashes } if SPEAKS_ALL => pen.scrape(info_hashes),
            Self::Scrape { .. } => {}
        }
        pen.close('}');
        pen.into_text()
    }
}

impl FromTracker {
    /// The message as JSON text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut pen = Pen::default();
        pen.open('{');
        match self {
            Self::Announced {
                info_hash,
                interval_s,
                complete,
                incomplete,
                warning,
                takes_votes,
                max_peers,
                upload_limit,
                grants,
            } => {
                pen.member("action", "announce");
                pen.binary("info_hash", &info_hash.0);
                pen.count("interval", u64::from(*interval_s));
                pen.count("complete", u64::from(*complete));
                pen.count("incomplete", u64::from(*incomplete));
                if let Some(warning) = warning {
                    pen.member("warning message", warning);
                }
                pen.flag("votes", *takes_votes, VOTES_VERSION);
                if let Some(most) = max_peers {
                    pen.count("max_peers", u64::from(*most));
                }
                if let Some(limit) = upload_limit {
                    pen.count("upload_limit", *limit);
                }
                pen.grants(grants);
            }
            Self::Offered {
                info_hash,
                peer,
                offer_id,
                sdp,
            } => pen.relayed(info_hash, peer, offer_id, ("offer", sdp)),
            Self::Answered {
                info_hash,
                peer,
                offer_id,
                sdp,
            } => pen.relayed(info_hash, peer, offer_id, ("answer", sdp)),
            Self::Candidate {
                info_hash,
                peer,
                candidate,
            } => pen.candidate((info_hash, peer), None, candidate),
            Self::Receipted {
                info_hash,
                from,
                bytes,
                refused,
            } => pen.receipted((info_hash, from), *bytes, refused.as_deref()),
            Self::Failure { info_hash, reason } => {
                if let Some(hash) = info_hash {
                    pen.member("action", "announce");
                    pen.binary("info_hash", &hash.0);
                }
                pen.member("failure reason", reason);
            }
        }
        pen.close('}');
        pen.into_text()
    }
}

impl Scraped {
    /// The message as JSON text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut pen = Pen::default();
        pen.open('{');
        pen.member("action", "scrape");
        pen.name("files");
        pen.open('{');
        for (info_hash, complete, incomplete, downloaded) in &self.swarms {
            pen.name(&binary(&info_hash.0));
            pen.open('{');
            pen.count("complete", u64::from(*complete));
            pen.count("incomplete", u64::from(*incomplete));
            pen.count("downloaded", u64::from(*downloaded));
            pen.close('}');
        }
        pen.close('}');
        pen.close('}');
        pen.into_text()
    }
}

/// Members of ours.
impl Pen {
    pub(super) fn member(&mut self, name: &str, text: &str) {
        self.name(name);
        self.text(text);
    }

    pub(super) fn count(&mut self, name: &str, count: u64) {
        self.name(name);
        self.number(count);
    }

    /// The version of an extension, if it is spoken.
    fn flag(&mut self, name: &str, is_spoken: bool, version: u64) {
        if is_spoken {
            self.count(name, version);
        }
    }

    pub(super) fn binary(&mut self, name: &str, bytes: &[u8; 20]) {
        self.member(name, &binary(bytes));
    }

    pub(super) fn ids(&mut self, info_hash: &InfoHash, peer: &PeerId) {
        self.binary("info_hash", &info_hash.0);
        self.binary("peer_id", &peer.0);
    }

    fn description(&mut self, kind: &str, sdp: &Quoted) {
        self.name(kind);
        self.open('{');
        self.member("type", kind);
        self.name("sdp");
        self.quoted(sdp);
        self.close('}');
    }

    fn extensions(&mut self, extensions: &Extensions) {
        self.flag("receipts", extensions.asks_receipts, RECEIPTS_VERSION);
        if let Some(token) = &extensions.token {
            self.member("token", token);
        }
        self.flag("turn", extensions.takes_turn, TURN_VERSION);
        self.flag("trickle", extensions.takes_candidates, TRICKLE_VERSION);
        self.ticket(extensions.ticket.as_deref());
        if let Some(reported) = &extensions.reported {
            reported.write(self);
        }
        if let Some(hints) = &extensions.hints {
            self.name("hints");
            self.written(hints);
        }
    }

    fn grants(&mut self, grants: &Grants) {
        if let Some(key) = &grants.receipt_key {
            self.member("receipt_key", key);
        }
        if let Some(server) = &grants.turn {
            self.name("turn");
            self.written(server);
        }
        self.flag("trickle", grants.takes_candidates, TRICKLE_VERSION);
        self.ticket(grants.ticket.as_deref());
        if let Some(proof) = &grants.proof {
            self.member("proof", proof);
        }
    }

    fn ticket(&mut self, ticket: Option<&str>) {
        if let Some(ticket) = ticket {
            self.member("ticket", ticket);
        }
    }

    fn candidate(
        &mut self,
        (info_hash, peer): (&InfoHash, &PeerId),
        to: Option<&PeerId>,
        candidate: &Quoted,
    ) {
        self.member("action", "candidate");
        self.ids(info_hash, peer);
        if let Some(to) = to {
            self.binary("to_peer_id", &to.0);
        }
        self.name("candidate");
        self.quoted(candidate);
    }

    /// Of none is of all.
    fn scrape(&mut self, info_hashes: &[InfoHash]) {
        self.member("action", "scrape");
        if !info_hashes.is_empty() {
            self.name("info_hash");
            self.open('[');
            for hash in info_hashes {
                self.text(&binary(&hash.0));
            }
            self.close(']');
        }
    }

    /// None is no member.
    fn offers(&mut self, offers: &[Offer]) {
        if offers.is_empty() {
            return;
        }
        self.name("offers");
        self.open('[');
        for offer in offers {
            self.open('{');
            self.description("offer", &offer.sdp);
            self.member("offer_id", &offer.offer_id);
            self.close('}');
        }
        self.close(']');
    }

    /// What came of a receipt.
    fn receipted(&mut self, ids: (&InfoHash, &PeerId), bytes: u64, refused: Option<&str>) {
        self.member("action", "receipt");
        self.binary("info_hash", &ids.0.0);
        self.binary("from", &ids.1.0);
        self.count("bytes", bytes);
        if let Some(reason) = refused {
            self.member("failure reason", reason);
        }
    }

    /// An offer or an answer on its way to a peer.
    fn relayed(
        &mut self,
        info_hash: &InfoHash,
        peer: &PeerId,
        offer_id: &str,
        (kind, sdp): (&str, &Quoted),
    ) {
        self.member("action", "announce");
        self.ids(info_hash, peer);
        self.member("offer_id", offer_id);
        self.description(kind, sdp);
    }
}

/// Bytes as a binary string.
fn binary(bytes: &[u8; 20]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
