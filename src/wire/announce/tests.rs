//! Messages as stock software writes them, both directions there and back, and garbage.

use super::*;
use serde_json::{Value, json};

const HASH: InfoHash =
    InfoHash(*b"\xd2\x47\x4e\x86\xc9\x5b\x19\xb8\xbc\xfd\xb9\x2b\xc1\x2c\x9d\x44\x66\x7c\xfa\x36");
const PEER: PeerId = PeerId(*b"-WW0200-\x00\x1f\"\\\x7f\x80\xe9\xff0123");

fn binary(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn announce(offers: Vec<Offer>) -> ToTracker {
    ToTracker::Announce {
        info_hash: HASH,
        peer: PEER,
        event: Some("started".into()),
        uploaded: 0,
        downloaded: 7,
        left: None,
        numwant: u32::try_from(offers.len()).unwrap(),
        takes_policy: false,
        extensions: Extensions::default(),
        offers,
    }
}

fn offer(n: usize) -> Offer {
    Offer {
        offer_id: binary(&[u8::try_from(n).unwrap() | 0x80; 20]),
        sdp: format!("v=0\r\no=- {n} 2 IN IP4 127.0.0.1\r\n")
            .as_str()
            .into(),
    }
}

/// `bittorrent-tracker` 11's client: `JSON.stringify` of options, offers of simple-peer last.
#[test]
fn the_stock_clients_first_announce_is_read() {
    let text = json!({
        "numwant": 1, "uploaded": 0, "downloaded": 0, "left": 9_007_199_254_740_991_u64,
        "event": "started", "action": "announce",
        "info_hash": binary(&HASH.0), "peer_id": binary(&PEER.0),
        "offers": [{
            "offer": {"type": "offer", "sdp": "v=0\r\n"},
            "offer_id": binary(&[0xfe; 20]),
        }],
        "trackerid": "opaque",
    });
    let Ok(ToTracker::Announce {
        info_hash,
        peer,
        event,
        left,
        offers,
        numwant,
        ..
    }) = ToTracker::decode(&text.to_string())
    else {
        panic!("not an announce");
    };
    assert_eq!((info_hash, peer), (HASH, PEER));
    assert_eq!(event.as_deref(), Some("started"));
    assert_eq!((left, numwant), (Some(9_007_199_254_740_991), 1));
    assert_eq!(offers[0].offer_id, binary(&[0xfe; 20]));
}

/// The same client's periodic announce before metadata: `JSON.stringify` makes `Infinity` a `null`.
#[test]
fn odd_numbers_are_read_as_javascript_reads_them() {
    for (odd, expected) in [
        (json!(null), None),
        (json!("12"), Some(12)),
        (json!(0), Some(0)),
        (json!(1.5e3), Some(1_500)),
        (json!(-1), None),
        (json!("Infinity"), None),
    ] {
        let text = json!({
            "action": "announce", "info_hash": binary(&HASH.0), "peer_id": binary(&PEER.0),
            "left": odd, "offers": null, "event": "",
        });
        let read = ToTracker::decode(&text.to_string()).unwrap();
        let ToTracker::Announce {
            left,
            event,
            offers,
            numwant,
            ..
        } = read
        else {
            panic!("not an announce");
        };
        assert_eq!(left, expected, "{odd}");
        assert_eq!((event, offers.len(), numwant), (None, 0, 0));
    }
}

#[test]
fn the_stock_clients_answer_is_read() {
    let text = json!({
        "action": "announce", "info_hash": binary(&HASH.0), "peer_id": binary(&PEER.0),
        "to_peer_id": binary(&[1; 20]), "offer_id": binary(&[2; 20]),
        "answer": {"type": "answer", "sdp": "v=0\r\n"},
    });
    let expected = ToTracker::Answer {
        info_hash: HASH,
        peer: PEER,
        to_peer: PeerId([1; 20]),
        offer_id: binary(&[2; 20]),
        sdp: "v=0\r\n".into(),
    };
    assert_eq!(ToTracker::decode(&text.to_string()), Ok(expected));
}

#[test]
fn a_scrape_names_none_one_or_many() {
    let read = |hashes: Value| {
        let text = json!({"action": "scrape", "info_hash": hashes}).to_string();
        let Ok(ToTracker::Scrape { info_hashes }) = ToTracker::decode(&text) else {
            panic!("not a scrape");
        };
        info_hashes
    };
    assert_eq!(read(json!(null)), []);
    assert_eq!(read(json!(binary(&HASH.0))), [HASH]);
    assert_eq!(
        read(json!([binary(&HASH.0), binary(&[0; 20])])),
        [HASH, InfoHash([0; 20])]
    );
    assert_eq!(read(json!(vec![binary(&HASH.0); 400])).len(), SCRAPE_MAX);
    assert!(ToTracker::decode(r#"{"action":"scrape"}"#).is_ok());
}

/// `bittorrent-tracker` and `@peertube/bittorrent-tracker-server`: counts first, action behind.
#[test]
fn the_stock_trackers_replies_are_read() {
    let text = json!({
        "complete": 1, "incomplete": 2, "action": "announce", "interval": 120,
        "info_hash": binary(&HASH.0), "tracker id": "x", "warning message": "old client",
    });
    let expected = FromTracker::Announced {
        info_hash: HASH,
        interval_s: 120,
        complete: 1,
        incomplete: 2,
        warning: Some("old client".into()),
        takes_votes: false,
        max_peers: None,
        upload_limit: None,
        grants: Grants::default(),
    };
    assert_eq!(FromTracker::decode(&text.to_string()), Ok(expected));

    let text = json!({
        "action": "scrape", "flags": {"min_request_interval": 600},
        "files": {binary(&HASH.0): {"complete": 3, "incomplete": 4, "downloaded": 3}},
    });
    let expected = Scraped {
        swarms: vec![(HASH, 3, 4, 3)],
    };
    assert_eq!(Scraped::decode(&text.to_string()), Ok(expected));
    assert!(FromTracker::decode(&text.to_string()).is_err());

    for kind in ["offer", "answer"] {
        let text = json!({
            "action": "announce", kind: {"type": kind, "sdp": "v=0\r\n"},
            "offer_id": binary(&[9; 20]), "peer_id": binary(&PEER.0), "info_hash": binary(&HASH.0),
        });
        let (info_hash, peer, offer_id) = (HASH, PEER, binary(&[9; 20]));
        let sdp = Quoted::from("v=0\r\n");
        let expected = match kind {
            "offer" => FromTracker::Offered {
                info_hash,
                peer,
                offer_id,
                sdp,
            },
            _ => FromTracker::Answered {
                info_hash,
                peer,
                offer_id,
                sdp,
            },
        };
        assert_eq!(FromTracker::decode(&text.to_string()), Ok(expected));
    }
}

/// A parse error of `bittorrent-tracker` has no action; the others and `aquatic_ws` name both.
#[test]
fn failures_are_read_with_and_without_a_swarm() {
    let failure = |info_hash| FromTracker::Failure {
        info_hash,
        reason: "no".into(),
    };
    let text = json!({"failure reason": "no"}).to_string();
    assert_eq!(FromTracker::decode(&text), Ok(failure(None)));
    let text = json!({
        "action": "announce", "failure reason": "no", "info_hash": binary(&HASH.0),
    });
    assert_eq!(
        FromTracker::decode(&text.to_string()),
        Ok(failure(Some(HASH)))
    );
    let long = json!({"failure reason": "é".repeat(9_000)}).to_string();
    let Ok(FromTracker::Failure { reason, .. }) = FromTracker::decode(&long) else {
        panic!("not a failure");
    };
    assert_eq!(reason.chars().count(), 500);
}

#[test]
fn an_interval_may_be_missing_or_the_least_one() {
    let interval = |extra: Value| {
        let mut text = json!({"action": "announce", "info_hash": binary(&HASH.0)});
        text.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        match FromTracker::decode(&text.to_string()) {
            Ok(FromTracker::Announced { interval_s, .. }) => interval_s,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(interval(json!({})), 0);
    assert_eq!(interval(json!({"interval": 0, "min interval": 30})), 30);
    assert_eq!(interval(json!({"interval": 1e30})), u32::MAX);
}

#[test]
fn what_is_written_is_what_stock_software_reads() {
    let text: Value = serde_json::from_str(&announce(vec![offer(1)]).encode()).unwrap();
    let expected = json!({
        "action": "announce", "info_hash": binary(&HASH.0), "peer_id": binary(&PEER.0),
        "event": "started", "uploaded": 0, "downloaded": 7, "numwant": 1,
        "offers": [{"offer": {"type": "offer", "sdp": offer(1).sdp.text()}, "offer_id": offer(1).offer_id}],
    });
    // No `left`: null would be read as 0, a seeder, by `bittorrent-tracker`.
    assert_eq!(text, expected);
    assert_eq!(
        FromTracker::Failure {
            info_hash: None,
            reason: "no".into()
        }
        .encode(),
        r#"{"failure reason":"no"}"#
    );
    assert_eq!(
        Scraped {
            swarms: vec![(InfoHash([0x41; 20]), 1, 2, 3)]
        }
        .encode(),
        r#"{"action":"scrape","files":{"AAAAAAAAAAAAAAAAAAAA":{"complete":1,"incomplete":2,"downloaded":3}}}"#
    );
}

#[test]
fn limits_hold() {
    let many = announce((0..60).map(offer).collect()).encode();
    let Ok(ToTracker::Announce {
        offers, numwant, ..
    }) = ToTracker::decode(&many)
    else {
        panic!("not an announce");
    };
    assert_eq!((offers.len(), numwant), (OFFERS_MAX, 60));
    let long = Offer {
        sdp: "x".repeat(SDP_BYTES_MAX + 1).as_str().into(),
        ..offer(0)
    };
    assert!(ToTracker::decode(&announce(vec![long]).encode()).is_err());
    let id = Offer {
        offer_id: "x".repeat(OFFER_ID_CHARS_MAX + 1),
        ..offer(0)
    };
    assert!(ToTracker::decode(&announce(vec![id]).encode()).is_err());
    let padded = format!(
        "{}{}",
        announce(vec![]).encode(),
        " ".repeat(TEXT_BYTES_MAX)
    );
    assert!(ToTracker::decode(&padded).is_err());
    let deep = format!(
        r#"{{"action":"scrape","x":{}1{}}}"#,
        "[".repeat(90_000),
        "]".repeat(90_000)
    );
    let _ = ToTracker::decode(&deep);
}

#[test]
fn ids_are_exactly_twenty_bytes() {
    for bad in [
        "",
        "nineteen characters",
        "twenty-one characters",
        "0123456789012345678\u{100}",
    ] {
        let text = json!({"action": "announce", "info_hash": bad, "peer_id": binary(&PEER.0)});
        assert!(ToTracker::decode(&text.to_string()).is_err(), "{bad}");
        let text = json!({"action": "announce", "info_hash": binary(&HASH.0), "peer_id": bad});
        assert!(ToTracker::decode(&text.to_string()).is_err(), "{bad}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    fn offers() -> impl Strategy<Value = Vec<Offer>> {
        let one = ("\\PC{1,20}", "\\PC{1,60}");
        let one = one.prop_map(|(offer_id, sdp)| Offer {
            offer_id,
            sdp: Quoted::from(sdp.as_str()),
        });
        proptest::collection::vec(one, 0..5)
    }

    /// Pieces of real messages in any order reach deeper than arbitrary characters.
    fn fragments() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{"),
            Just("}"),
            Just("["),
            Just("]"),
            Just(":"),
            Just(","),
            Just("null"),
            Just("\"action\""),
            Just("\"announce\""),
            Just("\"scrape\""),
            Just("\"info_hash\""),
            Just("\"offers\""),
            Just("\"files\""),
            Just("1e999"),
            Just("-0.0"),
            Just("\"\\ud800\""),
            Just("\"aaaaaaaaaaaaaaaaaaaa\""),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_peers_say_survives(
            hash: [u8; 20], peer: [u8; 20], to: [u8; 20], up: u64, left: Option<u64>,
            offers in offers(), hashes: Vec<[u8; 20]>, token: Option<String>,
        ) {
            let (info_hash, peer) = (InfoHash(hash), PeerId(peer));
            let sdp = Quoted::from("v=0");
            for message in [
                ToTracker::Answer {
                    info_hash, peer, to_peer: PeerId(to), offer_id: binary(&to), sdp,
                },
                ToTracker::Candidate {
                    info_hash, peer, to_peer: PeerId(to), candidate: binary(&to).as_str().into(),
                },
                ToTracker::Vote { info_hash, peer, against: PeerId(to) },
                ToTracker::Scrape {
                    info_hashes: hashes.iter().take(SCRAPE_MAX).map(|id| InfoHash(*id)).collect(),
                },
                ToTracker::Announce {
                    info_hash, peer, event: None, uploaded: up, downloaded: 0, left,
                    offers, numwant: 3, takes_policy: up % 2 == 0,
                    extensions: Extensions {
                        token, takes_turn: up % 3 == 0, asks_receipts: up % 5 == 0,
                        takes_candidates: up % 7 == 0,
                        ticket: (up % 11 == 0).then(|| binary(&to)),
                        hints: (up % 5 == 0).then(|| r#"{"upload":2}"#.to_owned()),
                        reported: (up % 7 == 0).then(|| Reported {
                            cdn_bytes: up, waits: [u32::from(hash[0]); WAITS], links: [u32::from(hash[1]), 7],
                        }),
                    },
                },
            ] {
                prop_assert_eq!(ToTracker::decode(&message.encode()), Ok(message));
            }
        }

        #[test]
        fn what_trackers_say_survives(
            hash: [u8; 20], peer: [u8; 20], counts: [u32; 3], words in "\\PC{0,80}",
        ) {
            let (info_hash, peer) = (InfoHash(hash), PeerId(peer));
            let [interval_s, complete, incomplete] = counts;
            let (offer_id, sdp) = (binary(&hash), Quoted::from((words.clone() + ".").as_str()));
            for message in [
                FromTracker::Announced {
                    info_hash, interval_s, complete, incomplete, warning: Some(words.clone()),
                    takes_votes: complete % 2 == 0,
                    max_peers: (complete % 3 == 0).then_some(incomplete),
                    upload_limit: (complete % 5 == 0).then_some(u64::from(incomplete) << 20),
                    grants: Grants {
                        turn: (complete % 7 == 0).then(|| serde_json::json!({ "a": words }).to_string()),
                        takes_candidates: complete % 11 == 0,
                        ticket: (complete % 13 == 0).then(|| words.clone()),
                        proof: (complete % 7 == 0).then(|| words.clone()),
                        receipt_key: (complete % 5 == 0).then(|| "2".into()),
                    },
                },
                FromTracker::Offered {
                    info_hash, peer, offer_id: offer_id.clone(), sdp: sdp.clone(),
                },
                FromTracker::Answered { info_hash, peer, offer_id, sdp },
                FromTracker::Candidate { info_hash, peer, candidate: words.as_str().into() },
                FromTracker::Failure { info_hash: Some(info_hash), reason: words },
            ] {
                prop_assert_eq!(FromTracker::decode(&message.encode()), Ok(message));
            }
            let scraped = Scraped { swarms: vec![(info_hash, counts[0], counts[1], counts[2])] };
            prop_assert_eq!(Scraped::decode(&scraped.encode()), Ok(scraped));
        }

        #[test]
        fn garbage_is_an_error_or_a_message(
            text in prop_oneof!["\\PC{0,200}", fragments()], at: prop::sample::Index,
            piece in "\\PC{0,3}",
        ) {
            let whole = announce(vec![offer(1)]).encode();
            let mut mutated: Vec<char> = whole.chars().collect();
            let at = at.index(mutated.len());
            mutated.splice(at..(at + 1), piece.chars());
            let mutated: String = mutated.into_iter().collect();
            for text in [text, mutated] {
                if let Ok(message) = ToTracker::decode(&text) {
                    prop_assert_eq!(ToTracker::decode(&message.encode()), Ok(message));
                }
                let _ = FromTracker::decode(&text);
            }
        }
    }
}
