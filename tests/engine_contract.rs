//! The engine's face under arbitrary inputs, in any order, with ids that may mean nothing: it never
//! panics, answers a wish once, settles every payload in its turn, and never asks to be woken in the
//! past.

#![cfg(not(target_arch = "wasm32"))] // proptest is native
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "a test looks at the few variants it is about, and its numbers are small"
)]

use proptest::prelude::*;
use std::collections::BTreeSet;
use swarmline::base::{
    ByteRange, FetchId, HashId, Instant, LinkId, Network, PayloadId, PeerId, RequestId, SegmentId,
    TextId, TrackId, TrackerId, Version,
};
use swarmline::engine::{Config, ConfigUpdate, Engine, Input, LoadKind, ManifestBody, Output};
use swarmline::integrity::Digest;
use swarmline::wire::{
    BlockHeader, HaveEntry, Hello, Holding, PeerMessage, RejectReason, SegmentKey, Signal,
};

const PLAYLIST: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n\
    #EXT-X-SWARMLINE-DIGEST:SIZE=40000,ROOT=\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"\n\
    #EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n\
                        #EXTINF:4,\n#EXT-X-BYTERANGE:40000@100\nc.ts\n#EXT-X-ENDLIST\n";

fn small() -> impl Strategy<Value = u32> {
    0_u32..24
}

fn key() -> impl Strategy<Value = SegmentKey> {
    // Mostly keys that name nothing; `wire_keys` below puts the engine's own into play.
    (0_u64..4, any::<[u8; 8]>(), any::<[u8; 8]>()).prop_map(|(number, track, version)| SegmentKey {
        track: TrackId(track),
        number,
        version: Version(version),
    })
}

fn message() -> impl Strategy<Value = PeerMessage> {
    prop_oneof![
        prop_oneof![any::<[u8; 20]>().prop_map(PeerId), few_peers()].prop_map(|peer| {
            PeerMessage::Hello(Hello {
                peer,
                features: 0,
                max_message: 65_536,
                max_requests: 64,
                ticket: Vec::new(),
                session_key: Vec::new(),
            })
        }),
        (
            any::<[u8; 8]>(),
            any::<u64>(),
            prop::collection::vec(any::<u8>(), 0..40)
        )
            .prop_map(|(t, first, bits)| PeerMessage::HaveAll {
                track: TrackId(t),
                first,
                bits
            }),
        (key(), 0_u32..9_000_000, 0_u8..20).prop_map(|(key, in_ms, hops)| PeerMessage::Have(vec![
            HaveEntry {
                key,
                holding: Holding::Promised { in_ms, hops }
            }
        ])),
        (key(), prop::collection::vec(any::<u8>(), 0..9)).prop_map(|(key, bits)| {
            PeerMessage::Have(vec![HaveEntry {
                key,
                holding: Holding::Partial(bits),
            }])
        }),
        (key(), any::<u32>(), 1_u16..999).prop_map(|(key, first, count)| PeerMessage::Request {
            key,
            first,
            count
        }),
        (key(), any::<u32>(), 1_u16..999).prop_map(|(key, first, count)| PeerMessage::Cancel {
            key,
            first,
            count
        }),
        (key(), any::<u32>(), any::<u16>()).prop_map(|(key, first, count)| {
            PeerMessage::Reject {
                key,
                first,
                count,
                reason: RejectReason::NotHeld,
            }
        }),
        Just(PeerMessage::Choke),
        Just(PeerMessage::Unchoke),
        key().prop_map(|key| PeerMessage::LeavesRequest { key }),
        key().prop_map(|key| PeerMessage::Leaves {
            key,
            size: 5,
            leaves: vec![Digest([1; 32])]
        }),
        introduction(),
    ]
}

fn introduction() -> impl Strategy<Value = PeerMessage> {
    prop_oneof![
        prop::collection::vec(few_peers(), 0..17).prop_map(PeerMessage::Neighbours),
        (any::<[bool; 2]>(), few_peers(), small()).prop_map(
            |([is_answer, is_carried], peer, offer)| {
                PeerMessage::Signal(Signal {
                    is_answer,
                    is_carried,
                    peer,
                    offer,
                    ticket: Vec::new(),
                    sdp: b"v=0".to_vec(),
                })
            }
        ),
    ]
}

/// Ids that meet each other.
fn few_peers() -> impl Strategy<Value = PeerId> {
    (0_u8..5).prop_map(|last| PeerId([last; 20]))
}

/// Sidecars: of nothing, of wholes, of trees; and none.
const TEXTS: [&str; 4] = [
    "{}",
    "{\"a.ts\":\"0303030303030303030303030303030303030303030303030303030303030303\",
      \"c.ts\":{\"100-40099\":\"0303030303030303030303030303030303030303030303030303030303030303\"}}",
    "{\"format\":\"swarmline-sidecar\",\"version\":1,\"tracks\":[{\"segments\":[
      {\"url\":\"b.ts\",\"size\":5,\"root\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"}]}]}",
    "[",
];

fn media() -> impl Strategy<Value = (String, Option<ByteRange>)> {
    prop_oneof![
        Just(("http://h/a.ts".to_owned(), None)),
        Just(("http://h/b.ts".to_owned(), None)),
        Just((
            "http://h/c.ts".to_owned(),
            Some(ByteRange {
                start: 100,
                end: 40_100
            })
        )),
        Just(("http://h/unknown.ts".to_owned(), None)),
    ]
}

fn player() -> impl Strategy<Value = Input> {
    prop_oneof![
        (small(), media()).prop_map(|(n, (url, range))| Input::Load {
            request: RequestId(n),
            url,
            range,
            kind: LoadKind::Media
        }),
        small().prop_map(|n| Input::Abort {
            request: RequestId(n)
        }),
        (media(), 0_u64..200_000).prop_map(|((url, range), len)| Input::Adopt {
            url,
            range,
            payload: PayloadId(0),
            len
        }),
        any::<(f64, f64, bool)>().prop_map(|(ahead_ms, rate, moving)| Input::Playback {
            ahead_ms,
            rate,
            moving
        }),
        (0.0..40_000.0).prop_map(|ahead_ms| Input::Playback {
            ahead_ms,
            rate: 1.0,
            moving: true
        }),
        (media(), any::<Vec<u8>>()).prop_map(|((url, _), bytes)| {
            let body = ManifestBody::Index { first: 0, bytes };
            Input::Manifest { url, body }
        }),
        Just(Input::Manifest {
            url: "http://h/p.m3u8".to_owned(),
            body: ManifestBody::Hls(PLAYLIST.to_owned())
        }),
        (any::<Option<bool>>(), prop::option::of(0_u64..400_000)).prop_map(|(enabled, limit)| {
            Input::Config(ConfigUpdate {
                enabled,
                upload_limit: limit,
                ..Default::default()
            })
        }),
    ]
}

fn http() -> impl Strategy<Value = Input> {
    prop_oneof![
        (small(), prop::option::of(0_u64..100_000), any::<bool>()).prop_map(
            |(n, length, partial)| Input::FetchHead {
                fetch: FetchId(n),
                status: 200,
                length,
                partial
            }
        ),
        (small(), 0_u64..90_000, 0_u64..70_000).prop_map(|(n, offset, len)| Input::FetchBody {
            fetch: FetchId(n),
            payload: PayloadId(0),
            offset,
            len
        }),
        small().prop_map(|n| Input::FetchDone { fetch: FetchId(n) }),
        Just(Input::Kept {
            roots: vec![Digest([1; 32]), Digest([2; 32])]
        }),
        (
            small(),
            prop::option::of(prop_oneof![Just(40_000), 0_u64..70_000])
        )
            .prop_map(|(n, len)| Input::KeptRead {
                segment: SegmentId(n),
                read: len.map(|len| (PayloadId(0), len))
            }),
        (small(), any::<u16>()).prop_map(|(n, status)| Input::TextFailed {
            text: TextId(n),
            status
        }),
        (small(), 0..TEXTS.len()).prop_map(|(n, at)| Input::TextReady {
            text: TextId(n),
            url: "http://h/d.json".to_owned(),
            body: TEXTS[at].to_owned()
        }),
        (small(), any::<u16>()).prop_map(|(n, status)| Input::FetchFailed {
            fetch: FetchId(n),
            status,
            timed_out: false
        }),
    ]
}

fn links() -> impl Strategy<Value = Input> {
    prop_oneof![
        small().prop_map(|n| Input::LinkOpened {
            link: LinkId(n),
            max_message: 65_536
        }),
        (small(), message()).prop_map(|(n, m)| Input::LinkMessage {
            link: LinkId(n),
            bytes: m.encode()
        }),
        (small(), prop::collection::vec(any::<u8>(), 0..90)).prop_map(|(n, bytes)| {
            Input::LinkMessage {
                link: LinkId(n),
                bytes,
            }
        }),
        (small(), key(), any::<u32>(), any::<u16>(), 0_u64..70_000).prop_map(
            |(n, key, first, count, len)| Input::LinkBlock {
                link: LinkId(n),
                payload: PayloadId(0),
                header: BlockHeader { key, first, count }.encode().to_vec(),
                len
            }
        ),
        small().prop_map(|n| Input::LinkWritable {
            link: LinkId(n),
            queued: 0
        }),
        small().prop_map(|n| Input::LinkClosed { link: LinkId(n) }),
        (small(), introduction()).prop_map(|(n, message)| Input::Proven {
            link: LinkId(n),
            message: message.encode()
        }),
        (small(), any::<Option<[u8; 3]>>()).prop_map(|(n, v4)| Input::LinkNetwork {
            link: LinkId(n),
            network: v4.map(Network::V4)
        }),
        small().prop_map(|n| Input::OfferReady {
            link: LinkId(n),
            sdp: "v=0".to_owned()
        }),
        small().prop_map(|n| Input::AnswerReady {
            link: LinkId(n),
            sdp: "v=0".to_owned()
        }),
        (small(), 0_usize..6).prop_map(|(n, count)| Input::Hashed {
            hash: HashId(n),
            digests: vec![Digest([3; 32]); count]
        }),
    ]
}

fn tracker() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::TrackerOpened {
            tracker: TrackerId(0)
        }),
        Just(Input::TrackerClosed {
            tracker: TrackerId(0)
        }),
        Just(Input::TrackerOpened {
            tracker: TrackerId(7)
        }),
        ".{0,40}".prop_map(|text| Input::TrackerMessage {
            tracker: TrackerId(0),
            text
        }),
        Just(Input::Timeout),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![3 => player(), 3 => http(), 3 => links(), 1 => tracker()]
}

fn payload_of(input: &Input) -> Option<PayloadId> {
    match input {
        Input::Adopt { payload, .. }
        | Input::FetchBody { payload, .. }
        | Input::KeptRead {
            read: Some((payload, _)),
            ..
        }
        | Input::LinkBlock { payload, .. } => Some(*payload),
        _ => None,
    }
}

fn renumber(input: Input, next: u32) -> Input {
    match input {
        Input::Adopt {
            url, range, len, ..
        } => Input::Adopt {
            url,
            range,
            payload: PayloadId(next),
            len,
        },
        Input::FetchBody {
            fetch, offset, len, ..
        } => Input::FetchBody {
            fetch,
            payload: PayloadId(next),
            offset,
            len,
        },
        Input::KeptRead {
            segment,
            read: Some((_, len)),
        } => Input::KeptRead {
            segment,
            read: Some((PayloadId(next), len)),
        },
        Input::LinkBlock {
            link, header, len, ..
        } => Input::LinkBlock {
            link,
            payload: PayloadId(next),
            header,
            len,
        },
        // A wish's number is the adapter's and is never used twice.
        Input::Load {
            url, range, kind, ..
        } => Input::Load {
            request: RequestId(next),
            url,
            range,
            kind,
        },
        other => other,
    }
}

/// Between two inputs: moments, and now and then the hours for which a machine slept.
fn wait_us() -> impl Strategy<Value = u64> {
    prop_oneof![30 => 0_u64..3_000_000, 1 => 60_000_000_u64..50_000_000_000]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_order_is_survived(
        inputs in prop::collection::vec((input(), wait_us()), 1..120), sidecar: bool,
    ) {
        let config = Config {
            tracker_urls: vec!["ws://t".to_owned()],
            manifest_url: sidecar.then(|| "http://h/d.json".to_owned()),
            ..Config::default()
        };
        let mut engine = Engine::new(config, 9);
        let mut now = Instant(1);
        let mut open: BTreeSet<RequestId> = BTreeSet::new();
        for (step, (input, wait)) in inputs.into_iter().enumerate() {
            now = now + std::time::Duration::from_micros(wait);
            let input = renumber(input, 1_000 + step as u32);
            let payload = payload_of(&input);
            match &input {
                Input::Load { request, .. } => { open.insert(*request); }
                Input::Abort { request } => { open.remove(request); }
                _ => {}
            }
            let timeout = matches!(input, Input::Timeout);
            engine.handle_input(now, input);
            let mut settled = 0;
            while let Some(output) = engine.poll_output() {
                match output {
                    Output::Place { payload: p, parts, .. } if Some(p) == payload => {
                        prop_assert!(!parts.is_empty());
                        settled += 1;
                    }
                    Output::Drop { payload: p } if Some(p) == payload => settled += 1,
                    Output::Ready { request, .. }
                    | Output::Failed { request, .. }
                    | Output::Pass { request } => prop_assert!(open.remove(&request), "{request:?}"),
                    _ => {}
                }
            }
            prop_assert_eq!(settled, u32::from(payload.is_some()));
            if timeout && let Some((at, why)) = engine.next_timeout() {
                prop_assert!(at > now, "{why:?} at {at:?}, now {now:?}");
            }
        }
    }
}
