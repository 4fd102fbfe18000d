//! Sidecars there and back, PeerTube's file as its server writes it, and what is refused.

use super::*;
use crate::integrity::sha256;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn read(text: &str) -> Result<Sidecar, SidecarError> {
    Sidecar::read(text, &|url| (!url.contains('\n')).then(|| url.to_owned()))
}

fn bytes(start: u64, end: u64) -> Option<ByteRange> {
    Some(ByteRange { start, end })
}

fn segment(url: &str) -> SidecarSegment {
    SidecarSegment {
        url: url.to_owned(),
        size: Some(20_000),
        root: Some(sha256(b"root")),
        ..SidecarSegment::default()
    }
}

fn sidecar(segments: Vec<SidecarSegment>) -> Sidecar {
    let track = "video".to_owned();
    Sidecar::new(Some("s".to_owned()), vec![SidecarTrack { track, segments }])
}

#[test]
fn every_member_survives() {
    let full = SidecarSegment {
        range: bytes(0, 20_000),
        sha256: Some(sha256(b"whole")),
        signed: Some((u64::MAX, [9; 64])),
        leaves: vec![sha256(b"a"), sha256(b"b")],
        ..segment("/v/1.m4s")
    };
    let whole = SidecarSegment {
        url: "/v/2.m4s".to_owned(),
        sha256: Some(sha256(b"2")),
        ..SidecarSegment::default()
    };
    let written = sidecar(vec![full.clone(), whole.clone()]);
    let back = read(&written.to_json()).unwrap();
    assert_eq!(back, written);
    let found = back.find("/v/1.m4s", bytes(0, 20_000)).unwrap();
    assert_eq!((found.0.track.as_str(), found.1), ("video", &full));
    assert_eq!(back.find("/v/2.m4s", None).unwrap().1, &whole);
    for (path, range) in [
        ("/v/1.m4s", None),
        ("/v/1.m4s", bytes(0, 19_999)),
        ("/v/2.m4s", bytes(0, 20_000)),
        ("1.m4s", bytes(0, 20_000)),
    ] {
        assert_eq!(back.find(path, range), None, "{path}");
    }
}

/// One, two, three and four leaves: every length of the last run of base64.
#[test]
fn leaf_lists_of_any_length_survive() {
    for count in 1..=7_u8 {
        let leaves: Vec<Digest> = (0..count).map(|n| sha256(&[n])).collect();
        let size = Some(u64::from(count) * 16_384);
        let written = sidecar(vec![SidecarSegment {
            size,
            leaves,
            ..segment("a")
        }]);
        assert_eq!(read(&written.to_json()).unwrap(), written, "{count}");
    }
}

#[test]
fn the_text_is_the_one_the_format_prints() {
    let text = concat!(
        "\u{feff} {\"made-by\": {\"x\": [1, null]}, \"format\": \"swarmline-sidecar\", \"version\": 1.0,",
        "\"tracks\": [{\"segments\": [{\"range\": \"0-999\", \"later\": true, \"size\": 1000,",
        "\"url\": \"seg1.m4s\", \"root\": \"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"}]}]}\n",
    );
    let sidecar = Sidecar::read(text, &|url| Some(["/live/", url].concat())).unwrap();
    let (track, segment) = sidecar.find("/live/seg1.m4s", bytes(0, 1_000)).unwrap();
    assert_eq!(track.track, "");
    let digest = segment.digest().unwrap();
    assert_eq!((digest.size, digest.root), (1_000, sha256(b"")));
}

#[test]
fn peertubes_file_is_read() {
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let name = "0c0b-720-fragmented.mp4";
    let vod = format!(
        "{{\"{name}\":{{\"0-1459\":\"{hex}\",\"1460-9999\":\"{}\"}}}}",
        hex.to_uppercase()
    );
    let vod = read(&vod).unwrap();
    let path = format!("/static/streaming-playlists/hls/0c0b/{name}");
    for range in [bytes(0, 1_460), bytes(1_460, 10_000)] {
        let (_, segment) = vod.find(&path, range).unwrap();
        assert_eq!(segment.sha256, Some(sha256(b"")));
        assert_eq!(
            (segment.size, segment.digest()),
            (range.map(ByteRange::len), None)
        );
    }
    assert_eq!(vod.find(&path, None), None);

    let live = read(&format!(
        "{{\"0-000007.ts\":\"{hex}\",\"0-000008.ts\":\"oops\"}}"
    ))
    .unwrap();
    let (_, segment) = live.find("/hls/live/x/0-000007.ts", None).unwrap();
    assert_eq!((segment.sha256, segment.size), (Some(sha256(b"")), None));
    assert_eq!(live.find("/hls/live/x/0-000008.ts", None), None);
    assert_eq!(live.find("/hls/live/x/000007.ts", None), None);
    assert_eq!(read("{}").unwrap().find("/a", None), None);
}

#[test]
fn what_cannot_be_is_refused() {
    let root = sha256(b"").to_base64();
    let head = "{\"format\":\"swarmline-sidecar\",\"version\":1,\"stream\":\"s\"";
    let of = |segment: &str| {
        format!("{head},\"tracks\":[{{\"track\":\"v\",\"segments\":[{{{segment}}}]}}]}}")
    };
    let good = format!("\"url\":\"a\",\"size\":20000,\"root\":\"{root}\"");
    assert!(read(&of(&good)).is_ok());
    let leaves = to_base64(&[7; 64]);
    assert!(read(&of(&format!("{good},\"leaves\":\"{leaves}\""))).is_ok());
    let signature = to_base64(&[7; 64]);
    let signed = of(&format!("{good},\"seq\":1,\"sig\":\"{signature}\""));
    assert!(read(&signed).is_ok());
    for text in [
        String::new(),
        "[]".to_owned(),
        of(&good).replace("swarmline-sidecar", "other"),
        of(&good).replace("\"version\":1", "\"version\":2"),
        of(&good).replace(",\"version\":1", ""),
        format!("{} x", of(&good)),
        of(&good).replace("\"url\":\"a\",", ""),
        of(&good).replace("\"url\":\"a\"", "\"url\":\"\\n\""),
        of(&good).replace("20000", "0"),
        of(&good).replace("20000", "1073741825"),
        of(&good).replace("\"size\":20000,", ""),
        of(&good).replace(&root, "AAAA"),
        of("\"url\":\"a\",\"size\":20000"),
        of(&format!("{good},\"range\":\"0-999\"")),
        of(&format!("{good},\"range\":\"20000\"")),
        of(&format!("{good},\"range\":\"9-0\"")),
        of(&format!("{good},\"range\":\"0-18446744073709551615\"")),
        of(&format!("{good},\"leaves\":\"{}\"", to_base64(&[7; 96]))),
        of(&format!("{good},\"leaves\":\"{}\"", &leaves[..80])),
        of(&format!("{good},\"seq\":1")),
        of(&format!("{good},\"sig\":\"{signature}\"")),
        of(&format!("{good},\"seq\":1,\"sig\":\"{root}\"")),
        signed.replace(",\"stream\":\"s\"", ""),
    ] {
        assert!(read(&text).is_err(), "{text} accepted");
    }
}

#[test]
fn a_sidecar_without_bound_is_refused() {
    let tracks = |count: usize| {
        let many = "{},".repeat(count);
        format!(
            "{{\"format\":\"swarmline-sidecar\",\"version\":1,\"tracks\":[{}]}}",
            many.trim_end_matches(',')
        )
    };
    assert!(read(&tracks(SEGMENTS_MAX)).is_ok());
    assert!(read(&tracks(SEGMENTS_MAX + 1)).is_err());
    assert!(read(&" ".repeat(SIDECAR_BYTES_MAX + 1)).is_err());
}

#[cfg(not(target_arch = "wasm32"))]
mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    fn segments() -> impl Strategy<Value = Vec<SidecarSegment>> {
        let one = (
            "\\PC{1,12}",
            any::<u32>(),
            1_u64..200_000,
            any::<(bool, bool, bool, bool)>(),
            any::<(u64, [u8; 32])>(),
        );
        let one = one.prop_map(
            |(url, start, size, (ranged, rooted, signed, leafy), (seq, salt))| {
                let range = ranged.then(|| ByteRange {
                    start: u64::from(start),
                    end: u64::from(start) + size,
                });
                let leaves = (0..block_count(size)).map(|n| sha256(&n.to_le_bytes()));
                SidecarSegment {
                    url,
                    range,
                    size: (rooted || !ranged).then_some(size),
                    root: rooted.then_some(Digest(salt)),
                    sha256: (!rooted || leafy).then(|| sha256(&salt)),
                    signed: signed.then_some((seq, [salt[0]; 64])),
                    leaves: if rooted && leafy {
                        leaves.collect()
                    } else {
                        Vec::new()
                    },
                }
            },
        );
        proptest::collection::vec(one, 0..6)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(stream in "\\PC{0,9}", track in "\\PC{0,9}", segments in segments()) {
            let written = Sidecar::new(Some(stream), vec![SidecarTrack { track, segments }]);
            prop_assert_eq!(read(&written.to_json()), Ok(written));
        }

        /// Bytes changed anywhere in a good text: refused or read, never a panic; and a text of ours
        /// that is read can be written again.
        #[test]
        fn any_text_is_read_or_refused(
            text in "\\PC{0,60}|[{}\\[\\]\",:0-9a-f-]{0,60}", segments in segments(),
            at: prop::sample::Index, piece in "\\PC{0,3}|[{}\\[\\]\",:0-9-]",
        ) {
            let mut mutated: Vec<char> = sidecar(segments).to_json().chars().collect();
            let at = at.index(mutated.len());
            mutated.splice(at..=at, piece.chars());
            let mutated: String = mutated.into_iter().collect();
            for text in [&text, &mutated] {
                if let Ok(sidecar) = read(text)
                    && !sidecar.by_name
                {
                    prop_assert_eq!(read(&sidecar.to_json()), Ok(sidecar));
                }
            }
        }
    }
}
