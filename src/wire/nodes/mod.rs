//! What nodes of one tracker tell each other: a line of words, then what it is about.
//!
//! `here FROM NUMBER PART` and a line for each room; `ask FROM`; `gone FROM`; `peer FROM ASN COUNTRY NETWORK` and what a
//! peer of that node said, as it would have said it here; `credit FROM SEAL` and what `credit` reads. Invariant: total and
//! bounded like all of `wire`: who may write to the nodes' bus may write anything. Whether it is believed is the tracker's
//! question.

mod credit;

pub use credit::{Between, Claim, CreditWord, Sealed};

use super::ToTracker;
use crate::base::{InfoHash, Network, hex, unhex};
use core::fmt::Write as _;

/// Longest message between nodes, in bytes: an announce with all its offers, and a line before it.
pub const NODE_TEXT_BYTES_MAX: usize = super::TEXT_BYTES_MAX + 1_024;

/// Rooms in one message; more go into several.
pub const NODE_ROOMS_MAX: usize = 500;

/// One start of one node, by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

impl NodeId {
    /// Sixteen digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// A message and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromNode {
    /// Who speaks.
    pub from: NodeId,
    /// What it says.
    pub said: NodeSaid,
}

/// What a node tells others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one at a time, and soon gone")]
pub enum NodeSaid {
    /// It is there, and who is in its rooms.
    Here {
        /// Counts its changes: who has missed one asks for all.
        number: u64,
        /// How to read the rooms.
        part: Part,
        /// Rooms with those who hold everything and the others; both 0 for one that is empty now.
        rooms: Vec<(InfoHash, u32, u32)>,
    },
    /// Whoever hears it shall say all of its rooms.
    Ask,
    /// It goes, and all of its peers.
    Gone,
    /// A peer of it said something that is for one here: an announce with offers, an answer, a candidate, a vote.
    Peer {
        /// Where the peer is.
        seat: Seat,
        /// Its words.
        message: ToTracker,
    },
    /// Something of a receipt whose two sides are at two nodes.
    Credit(Sealed),
}

/// Whether rooms are all, or what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All, or the first of them.
    Whole,
    /// The next of all, with the same number.
    More,
    /// Those that are other than in the message before.
    Changes,
}

/// What a node knows of a peer's connection that tells it apart from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// Its network.
    pub network: Option<Network>,
    /// Number of its provider.
    pub asn: Option<u32>,
    /// Two letters of its country.
    pub country: Option<[u8; 2]>,
}

impl FromNode {
    /// Reads a message; `None` if it is none.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let text = Some(text).filter(|text| text.len() <= NODE_TEXT_BYTES_MAX)?;
        let (head, body) = text.split_once('\n').unwrap_or((text, ""));
        let mut words = head.split(' ');
        let kind = words.next()?;
        let from = NodeId(u64::from_be_bytes(unhex(words.next()?)?));
        let said = match kind {
            "here" => NodeSaid::Here {
                number: words.next()?.parse().ok()?,
                part: match words.next()? {
                    "whole" => Part::Whole,
                    "more" => Part::More,
                    "changes" => Part::Changes,
                    _ => return None,
                },
                rooms: rooms(body)?,
            },
            "ask" => NodeSaid::Ask,
            "gone" => NodeSaid::Gone,
            "peer" => NodeSaid::Peer {
                seat: Seat {
                    asn: words.next()?.parse().ok(),
                    country: <[u8; 2]>::try_from(words.next()?.as_bytes()).ok(),
                    network: Network::of(words.next()?),
                },
                message: ToTracker::decode(body).ok()?,
            },
            "credit" => NodeSaid::Credit(Sealed {
                seal: unhex(words.next()?)?,
                text: body.to_owned(),
            }),
            _ => return None,
        };
        words.next().is_none().then_some(Self { from, said })
    }

    /// The same as text.
    #[must_use]
    pub fn encode(&self) -> String {
        let from = self.from.to_hex();
        match &self.said {
            NodeSaid::Here {
                number,
                part,
                rooms,
            } => {
                let part = match part {
                    Part::Whole => "whole",
                    Part::More => "more",
                    Part::Changes => "changes",
                };
                let mut text = format!("here {from} {number} {part}");
                for (room, complete, incomplete) in rooms {
                    let room = room.to_hex();
                    // Writing to a string cannot fail.
                    let _ = write!(text, "\n{room} {complete} {incomplete}");
                }
                text
            }
            NodeSaid::Ask => format!("ask {from}"),
            NodeSaid::Gone => format!("gone {from}"),
            NodeSaid::Peer { seat, message } => {
                let asn = seat.asn.map_or("-".into(), |asn| asn.to_string());
                let country = seat.country.as_ref();
                let country = country.and_then(|it| core::str::from_utf8(it).ok());
                let country = country.unwrap_or("-");
                let network = seat.network.map_or("-".into(), address_in);
                let message = message.encode();
                format!("peer {from} {asn} {country} {network}\n{message}")
            }
            NodeSaid::Credit(Sealed { seal, text }) => {
                format!("credit {from} {}\n{text}", hex(seal))
            }
        }
    }
}

fn rooms(body: &str) -> Option<Vec<(InfoHash, u32, u32)>> {
    let lines = body.lines().take(NODE_ROOMS_MAX);
    let room = |line: &str| {
        let mut words = line.split(' ');
        let room = InfoHash(unhex(words.next()?)?);
        let counts = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        words.next().is_none().then_some((room, counts.0, counts.1))
    };
    lines.map(room).collect()
}

/// An address in a network, which names it.
fn address_in(network: Network) -> String {
    match network {
        Network::V4([a, b, c]) => format!("{a}.{b}.{c}.0"),
        Network::V6([a, b, c]) => format!("{a:x}:{b:x}:{c:x}::"),
        Network::Near => "127.0.0.0".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PeerId;
    use crate::wire::{Extensions, Offer};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn announce() -> ToTracker {
        ToTracker::Announce {
            info_hash: InfoHash([0xd2; 20]),
            peer: PeerId([7; 20]),
            event: Some("started".into()),
            uploaded: 0,
            downloaded: 0,
            left: None,
            offers: vec![Offer {
                offer_id: "one".into(),
                sdp: "v=0\r\n".into(),
            }],
            numwant: 1,
            takes_policy: false,
            extensions: Extensions {
                hints: Some(r#"{"region":"eu"}"#.into()),
                ..Extensions::default()
            },
        }
    }

    fn all() -> Vec<NodeSaid> {
        let seat = |network| Seat {
            network,
            asn: Some(64_500),
            country: Some(*b"DE"),
        };
        let mut all = vec![
            NodeSaid::Ask,
            NodeSaid::Gone,
            NodeSaid::Here {
                number: 0,
                part: Part::Changes,
                rooms: Vec::new(),
            },
            NodeSaid::Peer {
                seat: Seat::default(),
                message: announce(),
            },
            NodeSaid::Credit(Sealed {
                seal: [0xab; 16],
                text: "a line under a seal".into(),
            }),
        ];
        for part in [Part::Whole, Part::More] {
            all.push(NodeSaid::Here {
                number: u64::MAX,
                part,
                rooms: vec![(InfoHash([1; 20]), 2, 3), (InfoHash([0xff; 20]), 0, 0)],
            });
        }
        for network in [
            Network::Near,
            Network::V4([192, 0, 2]),
            Network::V6([0x2001, 0xdb8, 0]),
        ] {
            all.push(NodeSaid::Peer {
                seat: seat(Some(network)),
                message: announce(),
            });
        }
        all
    }

    #[test]
    fn what_is_written_is_read() {
        for said in all() {
            let from = NodeId(0x1f);
            let message = FromNode { from, said };
            let text = message.encode();
            assert_eq!(FromNode::decode(&text), Some(message), "{text}");
        }
    }

    #[test]
    fn what_is_no_message_is_none_and_nothing_cut_or_changed_panics() {
        let long = "x".repeat(NODE_TEXT_BYTES_MAX + 1);
        for text in [
            "",
            "here",
            "ask 1f",
            "ask 00000000000000zz",
            "ask +00000000000001f",
            "ask 000000000000001f more",
            "shout 000000000000001f",
            "here 000000000000001f -1 whole",
            "here 000000000000001f 1 half",
            "here 000000000000001f 1 whole\n12 1 1",
            "peer 000000000000001f - - -\n{}",
            "credit 000000000000001f ab\n",
            &long,
        ] {
            let start = text.get(..60).unwrap_or(text);
            assert_eq!(FromNode::decode(text), None, "{start}");
        }
        for said in all() {
            let from = NodeId(0x1f);
            let text = FromNode { from, said }.encode();
            for end in 0..text.len() {
                let _ = FromNode::decode(&String::from_utf8_lossy(&text.as_bytes()[..end]));
                let mut changed = text.clone().into_bytes();
                changed[end] = changed[end].wrapping_add(1) & 0x7f;
                let _ = FromNode::decode(&String::from_utf8_lossy(&changed));
            }
        }
    }

    #[test]
    fn more_rooms_than_a_message_may_have_are_left_out() {
        let line = format!("\n{} 1 1", InfoHash([1; 20]).to_hex());
        let text = format!("here 000000000000001f 1 whole{}", line.repeat(600));
        let Some(NodeSaid::Here { rooms, .. }) = FromNode::decode(&text).map(|it| it.said) else {
            panic!("no message");
        };
        assert_eq!(rooms.len(), NODE_ROOMS_MAX);
    }
}
