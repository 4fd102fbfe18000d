//! Peer messages against golden vectors, and against bytes no honest peer would send.
//!
//! Holds: the bytes of every message are as `tests/vectors/wire.txt` has them; what decodes encodes
//! to the same bytes; nothing panics. The vectors and the seeded mutations also run on wasm32.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
use swarmline::base::{PeerId, Rng, TrackId, Version};
use swarmline::integrity::sha256;
use swarmline::wire::{
    BlockHeader, DecodeError, HaveEntry, Hello, Holding, PeerMessage, RejectReason, SegmentKey,
    Signal, limit, number,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The table as name → bytes.
fn vectors() -> BTreeMap<&'static str, Vec<u8>> {
    let mut table = BTreeMap::new();
    let mut name = "";
    for line in include_str!("vectors/wire.txt").lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(title) = line.strip_prefix('[') {
            name = title.strip_suffix(']').expect("a closing bracket");
            assert!(table.insert(name, Vec::new()).is_none(), "{name} twice");
        } else if !line.is_empty() {
            let bytes = table.get_mut(name).expect("a title before the bytes");
            bytes.extend(unhex(line));
        }
    }
    table
}

fn unhex(text: &str) -> impl Iterator<Item = u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
}

fn key(number: u64) -> SegmentKey {
    SegmentKey {
        track: TrackId(*b"\x10\x11\x12\x13\x14\x15\x16\x17"),
        number,
        version: Version(*b"\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7"),
    }
}

fn hello(ticket: &[u8], session_key: &[u8]) -> PeerMessage {
    PeerMessage::Hello(Hello {
        peer: PeerId(*b"ABCDEFGHIJKLMNOPQRST"),
        features: 5,
        max_message: 65_536,
        max_requests: 256,
        ticket: ticket.to_vec(),
        session_key: session_key.to_vec(),
    })
}

fn have(number: u64, holding: Holding) -> HaveEntry {
    HaveEntry {
        key: key(number),
        holding,
    }
}

/// What the names of the table stand for.
fn meanings() -> Vec<(&'static str, PeerMessage)> {
    use PeerMessage as M;
    [
        meanings_of_haves(),
        meanings_of_requests(),
        meanings_of_introductions(),
        vec![
            ("choke", M::Choke),
            ("unchoke", M::Unchoke),
            ("hello", hello(b"", b"")),
            (
                "hello-with-ticket",
                hello(b"ticket", &(0..32).collect::<Vec<u8>>()),
            ),
            ("reserved-receipt", M::Unknown(number::RECEIPT)),
            ("reserved-ticket", M::Unknown(number::TICKET)),
        ],
    ]
    .concat()
}

fn meanings_of_haves() -> Vec<(&'static str, PeerMessage)> {
    use PeerMessage as M;
    let track = key(0).track;
    let numbers: Vec<u8> = [300_u64, 301].map(u64::to_le_bytes).concat();
    let digest = *sha256(&numbers).0.first_chunk().unwrap();
    let (first, bits) = (300, vec![0x07, 0x80]);
    let entries = vec![
        have(7, Holding::Gone),
        have(8, Holding::Whole),
        have(9, Holding::Partial(vec![0x0b, 0x01])),
        have(
            10,
            Holding::Promised {
                in_ms: 1500,
                hops: 2,
            },
        ),
    ];
    vec![
        ("have", M::Have(entries)),
        ("have-nothing", M::Have(Vec::new())),
        ("have-all", M::HaveAll { track, first, bits }),
        ("have-digest", M::HaveDigest { track, digest }),
        ("have-query", M::HaveQuery { track }),
    ]
}

fn meanings_of_requests() -> Vec<(&'static str, PeerMessage)> {
    use PeerMessage as M;
    let key = key(1_234_567);
    let (first, count) = (16, 3);
    let (last, one) = (65_535, 1);
    let reject = |first, count, reason| M::Reject {
        key,
        first,
        count,
        reason,
    };
    let (size, leaves) = (16_385, vec![sha256(&[0; 16_384]), sha256(&[0])]);
    vec![
        ("request", M::Request { key, first, count }),
        (
            "cancel",
            M::Cancel {
                key,
                first: last,
                count: one,
            },
        ),
        ("reject", reject(first, count, RejectReason::Version)),
        ("reject-leaves", reject(0, 0, RejectReason::NotHeld)),
        ("leaves-request", M::LeavesRequest { key }),
        ("leaves", M::Leaves { key, size, leaves }),
    ]
}

fn peer(last: u8) -> PeerId {
    let mut id = *b"ABCDEFGHIJKLMNOPQRST";
    id[19] = last;
    PeerId(id)
}

fn signal(is_answer: bool, is_carried: bool, ticket: &[u8], sdp: &[u8]) -> PeerMessage {
    PeerMessage::Signal(Signal {
        is_answer,
        is_carried,
        peer: peer(b'U'),
        offer: 0x0001_0203,
        ticket: ticket.to_vec(),
        sdp: sdp.to_vec(),
    })
}

fn meanings_of_introductions() -> Vec<(&'static str, PeerMessage)> {
    use PeerMessage as M;
    vec![
        ("neighbours-asked", M::Neighbours(Vec::new())),
        ("neighbours", M::Neighbours(vec![peer(b'U'), peer(b'V')])),
        ("signal-offer", signal(false, false, b"", b"v=0\r\n")),
        (
            "signal-answer-carried",
            signal(true, true, b"ticket", b"v=0\r\n"),
        ),
    ]
}

#[test]
fn every_message_is_as_the_vectors_have_it() {
    let mut table = vectors();
    for (name, message) in meanings() {
        let bytes = table
            .remove(name)
            .unwrap_or_else(|| panic!("no vector {name}"));
        assert_eq!(message.encode(), bytes, "{name} encoded");
        assert_eq!(PeerMessage::decode(&bytes), Ok(message), "{name} decoded");
    }
    let header = BlockHeader {
        key: key(1_234_567),
        first: 60,
        count: 4,
    };
    let bytes = table.remove("block-header").unwrap();
    assert_eq!(header.encode().as_slice(), bytes);
    assert_eq!(BlockHeader::decode(&bytes), Ok(header));
    for (name, bytes) in table {
        assert!(name.starts_with("refused-"), "{name} has no meaning");
        if name.starts_with("refused-block") {
            assert!(BlockHeader::decode(&bytes).is_err(), "{name} accepted");
        } else {
            assert!(PeerMessage::decode(&bytes).is_err(), "{name} accepted");
        }
    }
}

#[test]
fn another_protocol_version_is_named() {
    let table = vectors();
    assert_eq!(
        PeerMessage::decode(&table["refused-version"]),
        Err(DecodeError::Version(2))
    );
    assert_eq!(
        BlockHeader::decode(&table["refused-block-version"]),
        Err(DecodeError::Version(2))
    );
}

#[test]
fn every_cut_of_a_message_is_refused_or_shorter() {
    for (name, message) in meanings() {
        let bytes = message.encode();
        for len in 0..bytes.len() {
            if let Ok(shorter) = PeerMessage::decode(&bytes[..len]) {
                assert_ne!(shorter, message, "{name} cut to {len}");
                assert_eq!(shorter.encode(), &bytes[..len], "{name} cut to {len}");
            }
        }
    }
    let header = BlockHeader {
        key: key(1),
        first: 0,
        count: 1,
    }
    .encode();
    for len in 0..header.len() {
        assert_eq!(
            BlockHeader::decode(&header[..len]),
            Err(DecodeError::Truncated)
        );
    }
    let longer = [header.as_slice(), &[0]].concat();
    assert_eq!(BlockHeader::decode(&longer), Err(DecodeError::Trailing));
}

/// Decoding must not panic, and what it accepts must stand in bytes as it came.
fn judge(bytes: &[u8]) {
    match PeerMessage::decode(bytes) {
        Ok(PeerMessage::Unknown(number)) => assert_eq!(number, bytes[0]),
        Ok(message) => assert_eq!(message.encode(), bytes),
        Err(_) => {}
    }
    if let Ok(header) = BlockHeader::decode(bytes) {
        assert_eq!(header.encode().as_slice(), bytes);
    }
}

#[test]
fn mutated_messages_are_refused_or_mean_what_they_say() {
    let mut rng = Rng::new(3);
    let seeds: Vec<Vec<u8>> = vectors().into_values().filter(|b| !b.is_empty()).collect();
    for _ in 0..20_000 {
        let index = rng.below(u32::try_from(seeds.len()).unwrap()) as usize;
        let mut bytes = seeds[index].clone();
        for _ in 0..=rng.below(3) {
            let at = rng.below(u32::try_from(bytes.len()).unwrap()) as usize;
            match rng.below(4) {
                0 => bytes[at] ^= 1 << rng.below(8),
                1 => bytes[at] = [0, 1, 0x7f, 0xff][rng.below(4) as usize],
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, rng.next_u32().to_le_bytes()[0]),
            }
        }
        judge(&bytes);
    }
}

#[test]
fn fields_beyond_their_bounds_are_cut_when_written_and_refused_when_read() {
    let long = hello(&[7; 2_000], &[8; 100]);
    let PeerMessage::Hello(read) = PeerMessage::decode(&long.encode()).unwrap() else {
        panic!("not a hello");
    };
    assert_eq!((read.ticket.len(), read.session_key.len()), (1024, 64));

    let track = key(0).track;
    let bits = vec![0xff; limit::HAVE_ALL_LEN + 1];
    let mut bytes = PeerMessage::HaveAll {
        track,
        first: 0,
        bits,
    }
    .encode();
    assert!(PeerMessage::decode(&bytes).is_ok());
    bytes.push(0);
    assert!(PeerMessage::decode(&bytes).is_err());

    let entries = vec![have(1, Holding::Whole); limit::HAVE_ENTRIES + 1];
    let mut bytes = PeerMessage::Have(entries).encode();
    assert!(PeerMessage::decode(&bytes).is_ok());
    let one_more = bytes[1..26].to_vec();
    bytes.extend(one_more);
    assert_eq!(
        PeerMessage::decode(&bytes),
        Err(DecodeError::Value("too many haves"))
    );

    let neighbours = PeerMessage::Neighbours(vec![peer(b'U'); limit::NEIGHBOURS + 1]);
    let mut bytes = neighbours.encode();
    assert!(PeerMessage::decode(&bytes).is_ok());
    bytes.extend(peer(b'V').0);
    assert!(PeerMessage::decode(&bytes).is_err());

    let long = signal(false, true, &[7; 2_000], &[b'v'; limit::SDP_LEN + 1]);
    let mut bytes = long.encode();
    let PeerMessage::Signal(read) = PeerMessage::decode(&bytes).unwrap() else {
        panic!("not a signal");
    };
    assert_eq!((read.ticket.len(), read.sdp.len()), (1024, limit::SDP_LEN));
    bytes.push(b'v');
    assert_eq!(
        PeerMessage::decode(&bytes),
        Err(DecodeError::Value("description too long"))
    );

    let size = 65_536 * 16_384;
    let leaves = vec![sha256(b""); 65_536];
    let longest = PeerMessage::Leaves {
        key: key(1),
        size,
        leaves: leaves.clone(),
    };
    assert_eq!(PeerMessage::decode(&longest.encode()), Ok(longest));
    let longer = PeerMessage::Leaves {
        key: key(1),
        size: size + 1,
        leaves: [leaves, vec![sha256(b"")]].concat(),
    };
    assert_eq!(
        PeerMessage::decode(&longer.encode()),
        Err(DecodeError::Value("segment too long"))
    );
}

#[cfg(not(target_arch = "wasm32"))]
mod arbitrary {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use swarmline::base::Rng;
    use swarmline::integrity::{Digest, block_count};

    fn any_key() -> impl Strategy<Value = SegmentKey> {
        (any::<[u8; 8]>(), any::<u64>(), any::<[u8; 8]>()).prop_map(|(track, number, version)| {
            SegmentKey {
                track: TrackId(track),
                number,
                version: Version(version),
            }
        })
    }

    fn any_blocks() -> impl Strategy<Value = (SegmentKey, u32, u16)> {
        (any_key(), 0..65_536_u32).prop_flat_map(|(key, first)| {
            let most = u16::try_from(65_536 - first).unwrap_or(u16::MAX);
            (Just(key), Just(first), 1..=most)
        })
    }

    fn any_holding() -> impl Strategy<Value = Holding> {
        prop_oneof![
            Just(Holding::Gone),
            Just(Holding::Whole),
            vec(any::<u8>(), 0..64).prop_map(Holding::Partial),
            (any::<u32>(), any::<u8>()).prop_map(|(in_ms, hops)| Holding::Promised { in_ms, hops }),
        ]
    }

    fn any_hello() -> impl Strategy<Value = PeerMessage> {
        (
            any::<[u8; 20]>(),
            any::<u64>(),
            any::<u32>(),
            any::<u16>(),
            vec(any::<u8>(), 0..=limit::TICKET_LEN),
            vec(any::<u8>(), 0..=limit::SESSION_KEY_LEN),
        )
            .prop_map(
                |(peer, features, max_message, max_requests, ticket, session_key)| {
                    PeerMessage::Hello(Hello {
                        peer: PeerId(peer),
                        features,
                        max_message,
                        max_requests,
                        ticket,
                        session_key,
                    })
                },
            )
    }

    fn any_leaves() -> impl Strategy<Value = PeerMessage> {
        (any_key(), 1..2_000_000_u64, any::<u64>()).prop_map(|(key, size, seed)| {
            let mut rng = Rng::new(seed);
            let mut leaves = vec![Digest([0; 32]); usize::try_from(block_count(size)).unwrap()];
            leaves.iter_mut().for_each(|leaf| rng.fill(&mut leaf.0));
            PeerMessage::Leaves { key, size, leaves }
        })
    }

    fn any_signal() -> impl Strategy<Value = PeerMessage> {
        (
            any::<[bool; 2]>(),
            any::<[u8; 20]>(),
            any::<u32>(),
            vec(any::<u8>(), 0..=limit::TICKET_LEN),
            vec(any::<u8>(), 0..2_000),
        )
            .prop_map(|([is_answer, is_carried], peer, offer, ticket, sdp)| {
                PeerMessage::Signal(Signal {
                    is_answer,
                    is_carried,
                    peer: PeerId(peer),
                    offer,
                    ticket,
                    sdp,
                })
            })
    }

    fn any_message() -> impl Strategy<Value = PeerMessage> {
        use PeerMessage as M;
        let track = || any::<[u8; 8]>().prop_map(TrackId);
        let reason = prop_oneof![
            Just(RejectReason::NotHeld),
            Just(RejectReason::Version),
            Just(RejectReason::Busy),
        ];
        let entry =
            (any_key(), any_holding()).prop_map(|(key, holding)| HaveEntry { key, holding });
        prop_oneof![
            any_hello(),
            any_leaves(),
            (track(), 0..u64::MAX - 10_000, vec(any::<u8>(), 0..1_000))
                .prop_map(|(track, first, bits)| M::HaveAll { track, first, bits }),
            vec(entry, 0..40).prop_map(M::Have),
            (track(), any::<[u8; 8]>()).prop_map(|(track, digest)| M::HaveDigest { track, digest }),
            track().prop_map(|track| M::HaveQuery { track }),
            any_blocks().prop_map(|(key, first, count)| M::Request { key, first, count }),
            any_blocks().prop_map(|(key, first, count)| M::Cancel { key, first, count }),
            (any_blocks(), reason).prop_map(|((key, first, count), reason)| M::Reject {
                key,
                first,
                count,
                reason
            }),
            any_key().prop_map(|key| M::LeavesRequest { key }),
            vec(any::<[u8; 20]>().prop_map(PeerId), 0..=limit::NEIGHBOURS).prop_map(M::Neighbours),
            any_signal(),
            Just(M::Choke),
            Just(M::Unchoke),
        ]
    }

    proptest! {
        #[test]
        fn messages_survive_the_wire(message in any_message()) {
            prop_assert_eq!(PeerMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn block_headers_survive_the_wire((key, first, count) in any_blocks()) {
            let header = BlockHeader { key, first, count };
            prop_assert_eq!(BlockHeader::decode(&header.encode()), Ok(header));
        }

        #[test]
        fn cut_messages_are_refused_or_mean_what_they_say(
            message in any_message(), at in any::<prop::sample::Index>()
        ) {
            let bytes = message.encode();
            judge(&bytes[..at.index(bytes.len())]);
        }

        #[test]
        fn random_bytes_are_refused_or_mean_what_they_say(
            number in 0..64_u8, body in vec(any::<u8>(), 0..200)
        ) {
            judge(&[&[number], body.as_slice()].concat());
        }
    }
}
