//! Text to tracker messages: what stock software sends, read leniently where it is lenient.
//!
//! Decides which message a set of members is and what it must carry; how a single member may look is
//! `shape`'s. Members that nobody here asks for are skipped while parsing and never kept.

use super::shape::{Swarm, count, files, id, info_hashes, offers, saturate, text};
use super::{
    AnnounceError, FromTracker, OFFER_ID_CHARS_MAX, Offer, SDP_BYTES_MAX, TEXT_BYTES_MAX, ToTracker,
};
use crate::base::json::{Cursor, Malformed};
use crate::base::{InfoHash, PeerId};

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
        match raw.action.as_deref() {
            Some("announce") => raw.announce(),
            Some("scrape") => Ok(Self::Scrape {
                info_hashes: raw.info_hashes,
            }),
            other => Err(unknown_action(other.unwrap_or("none"))),
        }
    }
}

impl FromTracker {
    /// Reads what a tracker tells a peer.
    ///
    /// # Errors
    /// As for [`ToTracker::decode`]. A `failure reason` needs no action.
    pub fn decode(text: &str) -> Result<Self, AnnounceError> {
        let raw = parse(text, RawFromTracker::read)?;
        if let Some(reason) = raw.failure {
            return Ok(Self::Failure {
                info_hash: raw.info_hashes.first().copied(),
                reason: clip(reason),
            });
        }
        match raw.action.as_deref() {
            Some("announce") => raw.announce(),
            Some("scrape") => Ok(Self::Scraped { swarms: raw.files }),
            other => Err(unknown_action(other.unwrap_or("none"))),
        }
    }
}

#[derive(Default)]
struct RawToTracker {
    action: Option<String>,
    info_hashes: Vec<InfoHash>,
    peer_id: Option<[u8; 20]>,
    to_peer_id: Option<[u8; 20]>,
    event: Option<String>,
    uploaded: Option<u64>,
    downloaded: Option<u64>,
    left: Option<u64>,
    numwant: Option<u64>,
    offers: Vec<RawOffer>,
    offer_id: Option<String>,
    answer: Option<Sdp>,
}

impl RawToTracker {
    fn read(json: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut raw = Self::default();
        json.object()?;
        while let Some(name) = json.name()? {
            match name.as_str() {
                "action" => raw.action = text(json)?,
                "info_hash" => raw.info_hashes = info_hashes(json)?,
                "peer_id" => raw.peer_id = id(json)?,
                "to_peer_id" => raw.to_peer_id = id(json)?,
                "event" => raw.event = text(json)?,
                "uploaded" => raw.uploaded = count(json)?,
                "downloaded" => raw.downloaded = count(json)?,
                "left" => raw.left = count(json)?,
                "numwant" => raw.numwant = count(json)?,
                "offers" => raw.offers = offers(json)?,
                "offer_id" => raw.offer_id = text(json)?,
                "answer" => raw.answer = Sdp::read(json)?,
                _ => json.skip()?,
            }
        }
        Ok(raw)
    }

    fn announce(self) -> Result<ToTracker, AnnounceError> {
        let info_hash = one(&self.info_hashes)?;
        let peer = required(self.peer_id, "peer_id")?;
        if let Some(answer) = self.answer {
            return Ok(ToTracker::Answer {
                info_hash,
                peer,
                to_peer: required(self.to_peer_id, "to_peer_id")?,
                offer_id: offer_id(self.offer_id)?,
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
        })
    }
}

#[derive(Default)]
struct RawFromTracker {
    action: Option<String>,
    failure: Option<String>,
    warning: Option<String>,
    info_hashes: Vec<InfoHash>,
    interval: Option<u64>,
    min_interval: Option<u64>,
    complete: Option<u64>,
    incomplete: Option<u64>,
    peer_id: Option<[u8; 20]>,
    offer_id: Option<String>,
    offer: Option<Sdp>,
    answer: Option<Sdp>,
    files: Vec<Swarm>,
}

impl RawFromTracker {
    fn read(json: &mut Cursor<'_>) -> Result<Self, Malformed> {
        let mut raw = Self::default();
        json.object()?;
        while let Some(name) = json.name()? {
            match name.as_str() {
                "action" => raw.action = text(json)?,
                "failure reason" => raw.failure = text(json)?,
                "warning message" => raw.warning = text(json)?,
                "info_hash" => raw.info_hashes = info_hashes(json)?,
                "interval" => raw.interval = count(json)?,
                "min interval" => raw.min_interval = count(json)?,
                "complete" => raw.complete = count(json)?,
                "incomplete" => raw.incomplete = count(json)?,
                "peer_id" => raw.peer_id = id(json)?,
                "offer_id" => raw.offer_id = text(json)?,
                "offer" => raw.offer = Sdp::read(json)?,
                "answer" => raw.answer = Sdp::read(json)?,
                "files" => raw.files = files(json)?,
                _ => json.skip()?,
            }
        }
        Ok(raw)
    }

    fn announce(self) -> Result<FromTracker, AnnounceError> {
        let info_hash = one(&self.info_hashes)?;
        if let Some(offer) = self.offer {
            return Ok(FromTracker::Offered {
                info_hash,
                peer: required(self.peer_id, "peer_id")?,
                offer_id: offer_id(self.offer_id)?,
                sdp: offer.take("offer")?,
            });
        }
        if let Some(answer) = self.answer {
            return Ok(FromTracker::Answered {
                info_hash,
                peer: required(self.peer_id, "peer_id")?,
                offer_id: offer_id(self.offer_id)?,
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
            warning: self.warning.map(clip),
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
    sdp: String,
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
                "sdp" => sdp = text(json)?,
                _ => json.skip()?,
            }
        }
        match (kind, sdp) {
            (Some(kind), Some(sdp)) => Ok(Some(Self { kind, sdp })),
            _ => Err(json.error("a session description has no type or no sdp")),
        }
    }

    fn take(self, kind: &str) -> Result<String, AnnounceError> {
        if self.kind != kind {
            return error(format!("session description is not of type {kind}"));
        }
        if self.sdp.is_empty() || self.sdp.len() > SDP_BYTES_MAX {
            return error(format!(
                "{kind} is empty or longer than {SDP_BYTES_MAX} bytes"
            ));
        }
        Ok(self.sdp)
    }
}

fn parse<T>(
    text: &str,
    read: impl Fn(&mut Cursor<'_>) -> Result<T, Malformed>,
) -> Result<T, AnnounceError> {
    if text.len() > TEXT_BYTES_MAX {
        return error(format!("message is longer than {TEXT_BYTES_MAX} bytes"));
    }
    let mut json = Cursor::new(text);
    let raw = read(&mut json)?;
    json.end()?;
    Ok(raw)
}

fn error<T>(reason: String) -> Result<T, AnnounceError> {
    Err(AnnounceError(reason))
}

fn unknown_action(action: &str) -> AnnounceError {
    let action = action.chars().take(20).collect::<String>();
    AnnounceError(format!("unknown action: {action}"))
}

fn one(hashes: &[InfoHash]) -> Result<InfoHash, AnnounceError> {
    let first = hashes.first().copied();
    first.ok_or_else(|| AnnounceError("info_hash is missing".into()))
}

fn required(id: Option<[u8; 20]>, member: &str) -> Result<PeerId, AnnounceError> {
    match id {
        Some(bytes) => Ok(PeerId(bytes)),
        None => error(format!("{member} is missing")),
    }
}

fn offer_id(text: Option<String>) -> Result<String, AnnounceError> {
    text.filter(|id| !id.is_empty() && id.chars().count() <= OFFER_ID_CHARS_MAX)
        .ok_or_else(|| AnnounceError("offer_id is missing or too long".into()))
}

fn clip(text: String) -> String {
    match text.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => text[..end].into(),
        None => text,
    }
}
