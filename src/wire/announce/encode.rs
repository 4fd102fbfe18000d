//! Tracker messages to text. Decides the order and spelling of members; checks nothing, because what
//! is written was made by us or has been read by `decode`.

use super::{FromTracker, Offer, ToTracker};
use serde::{Serialize, Serializer, ser::SerializeMap};

impl ToTracker {
    /// The message as JSON text.
    #[must_use]
    pub fn encode(&self) -> String {
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
            } => text(&Announce {
                action: "announce",
                info_hash: Binary(&info_hash.0),
                peer_id: Binary(&peer.0),
                event: event.as_deref(),
                uploaded: *uploaded,
                downloaded: *downloaded,
                left: *left,
                numwant: *numwant,
                offers: offers.iter().map(OfferEntry::from).collect(),
            }),
            Self::Answer {
                info_hash,
                peer,
                to_peer,
                offer_id,
                sdp,
            } => text(&Relay {
                to_peer_id: Some(Binary(&to_peer.0)),
                answer: Some(Sdp::answer(sdp)),
                ..Relay::new(&info_hash.0, &peer.0, offer_id)
            }),
            Self::Scrape { info_hashes } => text(&Scrape {
                action: "scrape",
                info_hash: info_hashes.iter().map(|hash| Binary(&hash.0)).collect(),
            }),
        }
    }
}

impl FromTracker {
    /// The message as JSON text.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Announced {
                info_hash,
                interval_s,
                complete,
                incomplete,
                warning,
            } => text(&Announced {
                action: "announce",
                info_hash: Binary(&info_hash.0),
                interval: *interval_s,
                complete: *complete,
                incomplete: *incomplete,
                warning: warning.as_deref(),
            }),
            Self::Offered {
                info_hash,
                peer,
                offer_id,
                sdp,
            } => text(&Relay {
                offer: Some(Sdp::offer(sdp)),
                ..Relay::new(&info_hash.0, &peer.0, offer_id)
            }),
            Self::Answered {
                info_hash,
                peer,
                offer_id,
                sdp,
            } => text(&Relay {
                answer: Some(Sdp::answer(sdp)),
                ..Relay::new(&info_hash.0, &peer.0, offer_id)
            }),
            Self::Scraped { swarms } => text(&Scraped {
                action: "scrape",
                files: Files(swarms),
            }),
            Self::Failure { info_hash, reason } => text(&Failure {
                action: info_hash.is_some().then_some("announce"),
                info_hash: info_hash.as_ref().map(|hash| Binary(&hash.0)),
                reason,
            }),
        }
    }
}

/// JSON of a shape below. These have string keys and finite numbers, all that could go wrong.
fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

/// Bytes as a binary string.
#[derive(Clone, Copy)]
struct Binary<'a>(&'a [u8; 20]);

impl Serialize for Binary<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().map(|byte| char::from(*byte)).collect();
        out.serialize_str(&text)
    }
}

#[derive(Serialize)]
struct Announce<'a> {
    action: &'static str,
    info_hash: Binary<'a>,
    peer_id: Binary<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    uploaded: u64,
    downloaded: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
    numwant: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<OfferEntry<'a>>,
}

#[derive(Serialize)]
struct OfferEntry<'a> {
    offer: Sdp<'a>,
    offer_id: &'a str,
}

impl<'a> From<&'a Offer> for OfferEntry<'a> {
    fn from(offer: &'a Offer) -> Self {
        Self {
            offer: Sdp::offer(&offer.sdp),
            offer_id: &offer.offer_id,
        }
    }
}

#[derive(Serialize)]
struct Sdp<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    sdp: &'a str,
}

impl<'a> Sdp<'a> {
    fn offer(sdp: &'a str) -> Self {
        Self { kind: "offer", sdp }
    }

    fn answer(sdp: &'a str) -> Self {
        Self {
            kind: "answer",
            sdp,
        }
    }
}

/// An offer or an answer on its way, in either direction.
#[derive(Serialize)]
struct Relay<'a> {
    action: &'static str,
    info_hash: Binary<'a>,
    peer_id: Binary<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_peer_id: Option<Binary<'a>>,
    offer_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<Sdp<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Sdp<'a>>,
}

impl<'a> Relay<'a> {
    fn new(info_hash: &'a [u8; 20], peer: &'a [u8; 20], offer_id: &'a str) -> Self {
        Self {
            action: "announce",
            info_hash: Binary(info_hash),
            peer_id: Binary(peer),
            to_peer_id: None,
            offer_id,
            offer: None,
            answer: None,
        }
    }
}

#[derive(Serialize)]
struct Scrape<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    info_hash: Vec<Binary<'a>>,
}

#[derive(Serialize)]
struct Announced<'a> {
    action: &'static str,
    info_hash: Binary<'a>,
    interval: u32,
    complete: u32,
    incomplete: u32,
    #[serde(rename = "warning message", skip_serializing_if = "Option::is_none")]
    warning: Option<&'a str>,
}

#[derive(Serialize)]
struct Scraped<'a> {
    action: &'static str,
    files: Files<'a>,
}

struct Files<'a>(&'a [(crate::base::InfoHash, u32, u32, u32)]);

impl Serialize for Files<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut files = out.serialize_map(Some(self.0.len()))?;
        for (info_hash, complete, incomplete, downloaded) in self.0 {
            files.serialize_entry(
                &Binary(&info_hash.0),
                &Counts {
                    complete: *complete,
                    incomplete: *incomplete,
                    downloaded: *downloaded,
                },
            )?;
        }
        files.end()
    }
}

#[derive(Serialize)]
struct Counts {
    complete: u32,
    incomplete: u32,
    downloaded: u32,
}

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info_hash: Option<Binary<'a>>,
    #[serde(rename = "failure reason")]
    reason: &'a str,
}
