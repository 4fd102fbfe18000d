//! Text to tracker messages: what stock software sends, read leniently where it is lenient.
//!
//! Decides which message a set of members is and what it must carry; how a single member may look is
//! `shape`'s. Members that nobody here asks for are skipped while parsing and never kept.

use super::shape::{Files, Hashes, Id, Number, Offers, saturate};
use super::{
    AnnounceError, FromTracker, OFFER_ID_CHARS_MAX, Offer, SDP_BYTES_MAX, TEXT_BYTES_MAX, ToTracker,
};
use crate::base::{InfoHash, PeerId};
use serde::Deserialize;
use serde::de::DeserializeOwned;

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
        let raw: RawToTracker = parse(text)?;
        match raw.action.as_str() {
            "announce" => raw.announce(),
            "scrape" => Ok(Self::Scrape {
                info_hashes: raw.info_hash.0,
            }),
            other => Err(unknown_action(other)),
        }
    }
}

impl FromTracker {
    /// Reads what a tracker tells a peer.
    ///
    /// # Errors
    /// As for [`ToTracker::decode`]. A `failure reason` needs no action.
    pub fn decode(text: &str) -> Result<Self, AnnounceError> {
        let raw: RawFromTracker = parse(text)?;
        if let Some(reason) = raw.failure {
            return Ok(Self::Failure {
                info_hash: raw.info_hash.0.first().copied(),
                reason: clip(reason),
            });
        }
        match raw.action.as_deref() {
            Some("announce") => raw.announce(),
            Some("scrape") => Ok(Self::Scraped {
                swarms: raw.files.0,
            }),
            other => Err(unknown_action(other.unwrap_or("none"))),
        }
    }
}

#[derive(Deserialize)]
struct RawToTracker {
    action: String,
    #[serde(default)]
    info_hash: Hashes,
    peer_id: Option<Id>,
    to_peer_id: Option<Id>,
    event: Option<String>,
    #[serde(default)]
    uploaded: Number,
    #[serde(default)]
    downloaded: Number,
    #[serde(default)]
    left: Number,
    #[serde(default)]
    numwant: Number,
    #[serde(default)]
    offers: Offers,
    offer_id: Option<String>,
    answer: Option<Sdp>,
}

impl RawToTracker {
    fn announce(self) -> Result<ToTracker, AnnounceError> {
        let info_hash = one(&self.info_hash)?;
        let peer = id(self.peer_id, "peer_id")?;
        if let Some(answer) = self.answer {
            return Ok(ToTracker::Answer {
                info_hash,
                peer,
                to_peer: id(self.to_peer_id, "to_peer_id")?,
                offer_id: offer_id(self.offer_id)?,
                sdp: answer.read("answer")?,
            });
        }
        let offers = self.offers.0.into_iter().map(RawOffer::read);
        let offers = offers.collect::<Result<Vec<_>, _>>()?;
        let offered = u32::try_from(offers.len()).unwrap_or(u32::MAX);
        Ok(ToTracker::Announce {
            info_hash,
            peer,
            // Stock clients leave it out of periodic announces, some send an empty one.
            event: self
                .event
                .filter(|event| !event.is_empty() && event.len() <= EVENT_BYTES_MAX),
            uploaded: self.uploaded.0.unwrap_or(0),
            downloaded: self.downloaded.0.unwrap_or(0),
            left: self.left.0,
            offers,
            numwant: self.numwant.0.map_or(offered, saturate),
        })
    }
}

#[derive(Deserialize)]
struct RawFromTracker {
    action: Option<String>,
    #[serde(rename = "failure reason")]
    failure: Option<String>,
    #[serde(rename = "warning message")]
    warning: Option<String>,
    #[serde(default)]
    info_hash: Hashes,
    #[serde(default)]
    interval: Number,
    #[serde(default, rename = "min interval")]
    min_interval: Number,
    #[serde(default)]
    complete: Number,
    #[serde(default)]
    incomplete: Number,
    peer_id: Option<Id>,
    offer_id: Option<String>,
    offer: Option<Sdp>,
    answer: Option<Sdp>,
    #[serde(default)]
    files: Files,
}

impl RawFromTracker {
    fn announce(self) -> Result<FromTracker, AnnounceError> {
        let info_hash = one(&self.info_hash)?;
        if let Some(offer) = self.offer {
            return Ok(FromTracker::Offered {
                info_hash,
                peer: id(self.peer_id, "peer_id")?,
                offer_id: offer_id(self.offer_id)?,
                sdp: offer.read("offer")?,
            });
        }
        if let Some(answer) = self.answer {
            return Ok(FromTracker::Answered {
                info_hash,
                peer: id(self.peer_id, "peer_id")?,
                offer_id: offer_id(self.offer_id)?,
                sdp: answer.read("answer")?,
            });
        }
        let said = |interval: &Number| interval.0.filter(|seconds| *seconds > 0);
        let interval = said(&self.interval).or_else(|| said(&self.min_interval));
        Ok(FromTracker::Announced {
            info_hash,
            interval_s: saturate(interval.unwrap_or(0)),
            complete: saturate(self.complete.0.unwrap_or(0)),
            incomplete: saturate(self.incomplete.0.unwrap_or(0)),
            warning: self.warning.map(clip),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct RawOffer {
    offer: Sdp,
    offer_id: Option<String>,
}

impl RawOffer {
    fn read(self) -> Result<Offer, AnnounceError> {
        Ok(Offer {
            offer_id: offer_id(self.offer_id)?,
            sdp: self.offer.read("offer")?,
        })
    }
}

#[derive(Deserialize)]
struct Sdp {
    #[serde(rename = "type")]
    kind: String,
    sdp: String,
}

impl Sdp {
    fn read(self, kind: &str) -> Result<String, AnnounceError> {
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

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, AnnounceError> {
    if text.len() > TEXT_BYTES_MAX {
        return error(format!("message is longer than {TEXT_BYTES_MAX} bytes"));
    }
    // serde_json's words quote at most a short piece of the text; clipped all the same.
    serde_json::from_str(text).or_else(|why| error(clip(format!("not a tracker message: {why}"))))
}

fn error<T>(reason: String) -> Result<T, AnnounceError> {
    Err(AnnounceError(reason))
}

fn unknown_action(action: &str) -> AnnounceError {
    let action = action.chars().take(20).collect::<String>();
    AnnounceError(format!("unknown action: {action}"))
}

fn one(hashes: &Hashes) -> Result<InfoHash, AnnounceError> {
    let first = hashes.0.first().copied();
    first.ok_or_else(|| AnnounceError("info_hash is missing".into()))
}

fn id(id: Option<Id>, member: &str) -> Result<PeerId, AnnounceError> {
    match id {
        Some(Id(bytes)) => Ok(PeerId(bytes)),
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
