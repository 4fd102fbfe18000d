//! Text to tracker messages: what stock software sends, read leniently where it is lenient.
//!
//! Decides which message a set of members is and what it must carry; how a single member may look is
//! `shape`'s. Members that nobody here asks for are skipped while parsing and never kept.

use super::reported::counts;
use super::shape::{count, files, id, info_hashes, offers, saturate, text};
use super::{
    AnnounceError, CANDIDATE_BYTES_MAX, Extensions, FromTracker, Grants, OFFER_ID_CHARS_MAX, Offer,
    POLICY_VERSION, RECEIPTS_VERSION, Receipt, Reported, SDP_BYTES_MAX, SPEAKS_ALL,
    SUBJECT_BYTES_MAX, Scraped, TEXT_BYTES_MAX, TRICKLE_VERSION, TURN_VERSION, ToTracker,
    VOTES_VERSION, WAITS,
};
use crate::base::json::{Cursor, Kind, Malformed, Quoted};
use crate::base::{InfoHash, PeerId, cut, refused};

/// Longest words of a tracker that are kept, in characters.
const REASON_CHARS_MAX: usize = 500;

/// Longest event name kept, in bytes (the longest known is `completed`).
const EVENT_BYTES_MAX: usize = 32;

impl ToTracker {
    /// Reads what a peer tells a tracker.
    ///
    /// # Errors
    /// When it is no JSON object of a known action, an id is missing or not twenty bytes, or a limit
    /// of this module is exceeded. More offers or scraped hashes than the limits are left out.
    pub fn decode(text: &str) -> Result<Self, AnnounceError> {
        let raw = parse(text, RawToTracker::read)?;
        match raw.shared.action.as_deref() {
            Some("announce") => raw.announce(),
            Some("vote") => raw.vote(),
            Some("candidate") => raw.candidate(),
            Some("receipt") => raw.receipt(),
            Some("scrape") => Ok(Self::Scrape {
                info_hashes: raw.info_hashes,
            }),
            _ => Err(Shared::unknown_action()),
        }
    }
}

impl FromTracker {
    /// Reads what a tracker tells a peer.
    ///
    /// # Errors
    /// As for [`ToTracker::decode`]. A `failure reason` needs no action.
    pub fn decode(text: &str) -> Result<Self, AnnounceError> {
        // What a message does not keep goes in one place: moved out one by one, each way out would drop the rest.
        let mut raw = parse(text, RawFromTracker::read)?;
        let action = raw.shared.action.take();
        if action.as_deref() == Some("receipt") {
            return raw.receipted();
        }
        if let Some(reason) = raw.failure.take() {
            return Ok(Self::Failure {
                info_hash: raw.info_hash,
                reason: clip(reason),
            });
        }
        match action.as_deref() {
            Some("announce") => raw.announce(),
            Some("candidate") => Ok(Self::Candidate {
                info_hash: known(raw.info_hash)?,
                peer: raw.shared.peer()?,
                candidate: raw.shared.candidate()?,
            }),
            _ => Err(Shared::unknown_action()),
        }
    }
}

impl Scraped {
    /// Reads the answer to a scrape.
    ///
    /// # Errors
    /// As for [`ToTracker::decode`].
    pub fn decode(text: &str) -> Result<Self, AnnounceError> {
        parse(text, |json| {
            let (mut action, mut swarms) = (None, Vec::new());
            json.object()?;
            while let Some(name) = json.name()? {
                match name.as_str() {
                    "action" => action = super::shape::text(json)?,
                    "files" => swarms = files(json)?,
                    _ => json.skip()?,
                }
            }
            match action.as_deref() {
                Some("scrape") => Ok(Self { swarms }),
                _ => Err(json.error("the action is not scrape")),
            }
        })
    }
}

/// Members that messages of both directions have.
#[derive(Default)]
struct Shared {
    action: Option<String>,
    peer_id: Option<[u8; 20]>,
    offer_id: Option<String>,
    answer: Option<Sdp>,
    candidate: Option<Quoted>,
    ticket: Option<String>,
    trickle: Option<u64>,
}

impl Shared {
    /// Reads the value of a member; one that is not shared is skipped.
    fn read(&mut self, name: &str, json: &mut Cursor<'_>) -> Result<(), Malformed> {
        match name {
            "action" => self.action = text(json)?,
            "peer_id" => self.peer_id = id(json)?,
            "offer_id" => self.offer_id = text(json)?,
            "answer" => self.answer = Sdp::read(json)?,
            "candidate" if json.kind()? == Kind::Text => self.candidate = Some(json.quoted()?),
            "ticket" => self.ticket = text(json)?,
            "trickle" => self.trickle = count(json)?,
            _ => json.skip()?,
        }
        Ok(())
    }

    fn unknown_action() -> AnnounceError {
        AnnounceError(refused("the action is missing or unknown").into())
    }

    fn candidate(&mut self) -> Result<Quoted, AnnounceError> {
        let candidate = self
            .candidate
            .take()
            .filter(|it| it.written_bytes() <= CANDIDATE_BYTES_MAX);
        candidate.ok_or_else(|| AnnounceError(refused("candidate is missing or too long").into()))
    }

    fn peer(&self) -> Result<PeerId, AnnounceError> {
        required(self.peer_id, "peer_id is missing")
    }
}

#[derive(Default)]
struct RawToTracker {
    shared: Shared,
    info_hashes: Vec<InfoHash>,
    to_peer_id: Option<[u8; 20]>,
    against: Option<[u8; 20]>,
    event: Option<String>,
    uploaded: Option<u64>,
    downloaded: Option<u64>,
    left: Option<u64>,
    numwant: Option<u64>,
    policy: Option<u64>,
    receipts: Option<u64>,
    from: Option<[u8; 20]>,
    bytes: Option<u64>,
    segments: Option<u64>,
    subject: Option<String>,
    mac: Option<String>,
    token: Option<String>,
    turn: Option<u64>,
    hints: Option<String>,
    cdn: Option<u64>,
    waits: [u32; WAITS],
    links: [u32; 2],
    offers: Vec<RawOffer>,
}

impl RawToTracker {
    fn read(json: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut raw = Self::default();
        json.object()?;
        while let Some(name) = json.name()? {
            match name.as_str() {
                "info_hash" => raw.info_hashes = info_hashes(json)?,
                "to_peer_id" => raw.to_peer_id = id(json)?,
                "against" => raw.against = id(json)?,
                "event" => raw.event = text(json)?,
                "uploaded" => raw.uploaded = count(json)?,
                "downloaded" => raw.downloaded = count(json)?,
                "left" => raw.left = count(json)?,
                "numwant" => raw.numwant = count(json)?,
                "policy" => raw.policy = count(json)?,
                "receipts" => raw.receipts = count(json)?,
                "from" => raw.from = id(json)?,
                "bytes" => raw.bytes = count(json)?,
                "segments" => raw.segments = count(json)?,
                "subject" => raw.subject = text(json)?,
                "mac" => raw.mac = text(json)?,
                "token" => raw.token = text(json)?,
                "turn" => raw.turn = count(json)?,
                "hints" if json.kind()? == Kind::Object => raw.hints = Some(json.written()?.into()),
                "cdn" => raw.cdn = count(json)?,
                "waits" => raw.waits = counts(json)?,
                "links" => raw.links = counts(json)?,
                "offers" => raw.offers = offers(json)?,
                name => raw.shared.read(name, json)?,
            }
        }
        Ok(raw)
    }

    fn info_hash(&self) -> Result<InfoHash, AnnounceError> {
        known(self.info_hashes.first().copied())
    }

    fn candidate(mut self) -> Result<ToTracker, AnnounceError> {
        Ok(ToTracker::Candidate {
            info_hash: self.info_hash()?,
            peer: self.shared.peer()?,
            to_peer: required(self.to_peer_id, "to_peer_id is missing")?,
            candidate: self.shared.candidate()?,
        })
    }

    fn vote(self) -> Result<ToTracker, AnnounceError> {
        Ok(ToTracker::Vote {
            info_hash: self.info_hash()?,
            peer: self.shared.peer()?,
            against: required(self.against, "against is missing")?,
        })
    }

    fn receipt(self) -> Result<ToTracker, AnnounceError> {
        let info_hash = self.info_hash()?;
        let Some((bytes, mac)) = self.bytes.zip(self.mac) else {
            return error("a receipt lacks bytes or mac");
        };
        let subject = self.subject.filter(|subject| !subject.is_empty());
        if subject
            .as_ref()
            .is_some_and(|it| it.len() > SUBJECT_BYTES_MAX)
        {
            return error("subject is too long");
        }
        Ok(ToTracker::Receipt(Receipt {
            info_hash,
            peer: self.shared.peer()?,
            from: required(self.from, "from is missing")?,
            bytes,
            segments: self.segments.unwrap_or(0),
            subject,
            mac,
        }))
    }

    fn announce(self) -> Result<ToTracker, AnnounceError> {
        let info_hash = self.info_hash()?;
        let peer = self.shared.peer()?;
        if let Some(answer) = self.shared.answer {
            return Ok(ToTracker::Answer {
                info_hash,
                peer,
                to_peer: required(self.to_peer_id, "to_peer_id is missing")?,
                offer_id: offer_id(self.shared.offer_id)?,
                sdp: answer.take("answer")?,
            });
        }
        let offers = self.offers.into_iter().map(RawOffer::take);
        let offers = offers.collect::<Result<Vec<_>, _>>()?;
        let offered = u32::try_from(offers.len()).unwrap_or(u32::MAX);
        Ok(ToTracker::Announce {
            info_hash,
            peer,
            // Stock clients leave it out of periodic announces, some send an empty one.
            event: self
                .event
                .filter(|event| !event.is_empty() && event.len() <= EVENT_BYTES_MAX),
            uploaded: self.uploaded.unwrap_or(0),
            downloaded: self.downloaded.unwrap_or(0),
            left: self.left,
            offers,
            numwant: self.numwant.map_or(offered, saturate),
            takes_policy: self.policy == Some(POLICY_VERSION),
            extensions: Extensions {
                token: self.token,
                asks_receipts: self.receipts == Some(RECEIPTS_VERSION),
                takes_turn: self.turn == Some(TURN_VERSION),
                takes_candidates: self.shared.trickle == Some(TRICKLE_VERSION),
                ticket: self.shared.ticket,
                hints: self.hints,
                reported: self.cdn.map(|cdn_bytes| Reported {
                    cdn_bytes,
                    waits: self.waits,
                    links: self.links,
                }),
            },
        })
    }
}

#[derive(Default)]
struct RawFromTracker {
    shared: Shared,
    info_hash: Option<InfoHash>,
    failure: Option<String>,
    warning: Option<String>,
    interval: Option<u64>,
    min_interval: Option<u64>,
    complete: Option<u64>,
    incomplete: Option<u64>,
    votes: Option<u64>,
    max_peers: Option<u64>,
    upload_limit: Option<u64>,
    receipt_key: Option<String>,
    proof: Option<String>,
    from: Option<[u8; 20]>,
    bytes: Option<u64>,
    turn: Option<String>,
    offer: Option<Sdp>,
}

impl RawFromTracker {
    fn read(json: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut raw = Self::default();
        json.object()?;
        while let Some(name) = json.name()? {
            match name.as_str() {
                "info_hash" => raw.info_hash = id(json)?.map(InfoHash),
                "failure reason" => raw.failure = text(json)?,
                "warning message" => raw.warning = text(json)?,
                "interval" => raw.interval = count(json)?,
                "min interval" => raw.min_interval = count(json)?,
                "complete" => raw.complete = count(json)?,
                "incomplete" => raw.incomplete = count(json)?,
                "votes" => raw.votes = count(json)?,
                "max_peers" => raw.max_peers = count(json)?,
                "upload_limit" => raw.upload_limit = count(json)?,
                "receipt_key" => raw.receipt_key = text(json)?,
                "proof" => raw.proof = text(json)?,
                "from" if SPEAKS_ALL => raw.from = id(json)?,
                "bytes" if SPEAKS_ALL => raw.bytes = count(json)?,
                "offer" => raw.offer = Sdp::read(json)?,
                "turn" if json.kind()? == Kind::Object => raw.turn = Some(json.written()?.into()),
                name => raw.shared.read(name, json)?,
            }
        }
        Ok(raw)
    }

    fn receipted(&mut self) -> Result<FromTracker, AnnounceError> {
        if !SPEAKS_ALL {
            return Ok(FromTracker::Receipted {
                info_hash: InfoHash([0; 20]),
                from: PeerId([0; 20]),
                bytes: 0,
                refused: None,
            });
        }
        Ok(FromTracker::Receipted {
            info_hash: known(self.info_hash)?,
            from: required(self.from, "from is missing")?,
            bytes: self.bytes.unwrap_or(0),
            refused: self.failure.take().map(clip),
        })
    }

    fn announce(&mut self) -> Result<FromTracker, AnnounceError> {
        let info_hash = known(self.info_hash)?;
        let peer = self.shared.peer();
        if let Some(offer) = self.offer.take() {
            return Ok(FromTracker::Offered {
                info_hash,
                peer: peer?,
                offer_id: offer_id(self.shared.offer_id.take())?,
                sdp: offer.take("offer")?,
            });
        }
        if let Some(answer) = self.shared.answer.take() {
            return Ok(FromTracker::Answered {
                info_hash,
                peer: peer?,
                offer_id: offer_id(self.shared.offer_id.take())?,
                sdp: answer.take("answer")?,
            });
        }
        let said = |interval: Option<u64>| interval.filter(|seconds| *seconds > 0);
        let interval = said(self.interval).or_else(|| said(self.min_interval));
        Ok(FromTracker::Announced {
            info_hash,
            interval_s: saturate(interval.unwrap_or(0)),
            complete: saturate(self.complete.unwrap_or(0)),
            incomplete: saturate(self.incomplete.unwrap_or(0)),
            warning: self.warning.take().map(clip),
            takes_votes: self.votes == Some(VOTES_VERSION),
            max_peers: self.max_peers.map(saturate),
            upload_limit: self.upload_limit,
            grants: Grants {
                turn: self.turn.take(),
                takes_candidates: self.shared.trickle == Some(TRICKLE_VERSION),
                ticket: self.shared.ticket.take(),
                proof: self.proof.take(),
                receipt_key: self.receipt_key.take(),
            },
        })
    }
}

pub(super) struct RawOffer {
    offer: Sdp,
    offer_id: Option<String>,
}

impl RawOffer {
    pub(super) fn read(json: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let (mut offer, mut offer_id) = (None, None);
        json.object()?;
        while let Some(name) = json.name()? {
            match name.as_str() {
                "offer" => offer = Sdp::read(json)?,
                "offer_id" => offer_id = text(json)?,
                _ => json.skip()?,
            }
        }
        let offer = offer.ok_or_else(|| json.error("an offer is missing"))?;
        Ok(Self { offer, offer_id })
    }

    fn take(self) -> Result<Offer, AnnounceError> {
        Ok(Offer {
            offer_id: offer_id(self.offer_id)?,
            sdp: self.offer.take("offer")?,
        })
    }
}

struct Sdp {
    kind: String,
    sdp: Quoted,
}

impl Sdp {
    /// A session description; `null` is none.
    fn read(json: &mut Cursor<'_>) -> Result<Option<Self>, Malformed> {
        if json.null()? {
            return Ok(None);
        }
        let (mut kind, mut sdp) = (None, None);
        json.object()?;
        while let Some(name) = json.name()? {
            match name.as_str() {
                "type" => kind = text(json)?,
                "sdp" => sdp = (!json.null()?).then(|| json.quoted()).transpose()?,
                _ => json.skip()?,
            }
        }
        match (kind, sdp) {
            (Some(kind), Some(sdp)) => Ok(Some(Self { kind, sdp })),
            _ => Err(json.error("a session description has no type or no sdp")),
        }
    }

    fn take(self, kind: &str) -> Result<Quoted, AnnounceError> {
        if self.kind != kind {
            return error("a session description is of another type than its member");
        }
        let bytes = self.sdp.written_bytes();
        if bytes == 0 || bytes > SDP_BYTES_MAX {
            return error("a session description is empty or too long");
        }
        Ok(self.sdp)
    }
}

fn parse<T>(
    text: &str,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, Malformed>,
) -> Result<T, AnnounceError> {
    if text.len() > TEXT_BYTES_MAX {
        return error("the message is too long");
    }
    let mut json = Cursor::new(text);
    let raw = read(&mut json)?;
    json.end()?;
    Ok(raw)
}

#[inline(always)]
fn error<T>(reason: &'static str) -> Result<T, AnnounceError> {
    Err(AnnounceError(refused(reason).into()))
}

fn known(info_hash: Option<InfoHash>) -> Result<InfoHash, AnnounceError> {
    info_hash.ok_or_else(|| AnnounceError(refused("info_hash is missing").into()))
}

#[inline(always)]
fn required(id: Option<[u8; 20]>, missing: &'static str) -> Result<PeerId, AnnounceError> {
    id.map_or_else(|| error(missing), |bytes| Ok(PeerId(bytes)))
}

fn offer_id(text: Option<String>) -> Result<String, AnnounceError> {
    text.filter(|id| !id.is_empty() && id.chars().nth(OFFER_ID_CHARS_MAX).is_none())
        .ok_or_else(|| AnnounceError(refused("offer_id is missing or too long").into()))
}

fn clip(text: String) -> String {
    match text.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => cut(&text, end).0.into(),
        None => text,
    }
}
