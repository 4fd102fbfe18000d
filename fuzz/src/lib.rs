//! What every decoder of a stranger's bytes must hold, whatever the bytes: one function a decoder. The
//! fuzz targets feed them what they invent, `tests/fuzz_corpus.rs` feeds them what was kept.
//!
//! Invariant: a function returns for any input, or the decoder is wrong. Beyond «no panic» each asserts
//! that what was accepted means the same when it is written and read again.

use swarmline::base::{ByteRange, InfoHash};
use swarmline::integrity::tag::{DigestTag, SegmentDigest};
use swarmline::integrity::{Attributes, PublicKey, Sidecar, sha256};
use swarmline::manifest::{Timeline, Update};
use swarmline::publish::{point_mpd, read_xml, sign_playlist, strip_mpd, strip_playlist};
use swarmline::wire::{BlockHeader, FromTracker, PeerMessage, ToTracker};

/// A target's name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target: a file of `fuzz_targets` and a folder of `corpus` each.
pub const TARGETS: &[Target] = &[
    ("peer_message", peer_message),
    ("block_header", block_header),
    ("to_tracker", to_tracker),
    ("from_tracker", from_tracker),
    ("playlist", playlist),
    ("mpd", mpd),
    ("sidx", sidx),
    ("digest_line", digest_line),
    ("sidecar", sidecar),
    ("publish", publish),
];

/// Between two texts of one input. It stands in no playlist.
const NEXT_TEXT: char = '\0';

/// A message of a peer's control channel.
pub fn peer_message(bytes: &[u8]) {
    match PeerMessage::decode(bytes) {
        Ok(PeerMessage::Unknown(number)) => assert_eq!(Some(&number), bytes.first()),
        Ok(message) => {
            assert_eq!(message.encode(), bytes);
            if let PeerMessage::Signal(signal) = message {
                assert!(!signal.is_proven(WORDS, InfoHash([0; 20])));
            }
        }
        Err(_) => {}
    }
}

/// What a tracker gave to read proofs by: nobody here has its secret key.
const WORDS: &str = "TICKET 1760000000 A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";

/// The header of a message on a peer's block channel.
pub fn block_header(bytes: &[u8]) {
    if let Ok(header) = BlockHeader::decode(bytes) {
        assert_eq!(header.encode().as_slice(), bytes);
    }
}

/// What a peer tells our tracker.
pub fn to_tracker(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(message) = ToTracker::decode(&text) {
        assert_eq!(ToTracker::decode(&message.encode()), Ok(message));
    }
}

/// What a tracker tells a peer.
pub fn from_tracker(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(message) = FromTracker::decode(&text) {
        assert_eq!(FromTracker::decode(&message.encode()), Ok(message));
    }
}

/// A playlist and its refreshes, as a CDN may send them: texts with [`NEXT_TEXT`] between them.
pub fn playlist(bytes: &[u8]) {
    const URL: &str = "https://cdn.example/live/index.m3u8?token=1";
    let texts = String::from_utf8_lossy(bytes);
    let mut timeline = Timeline::default();
    for (refreshes, text) in texts.split(NEXT_TEXT).take(4).enumerate() {
        let before = format!("{:?}", timeline.tracks());
        if timeline.update_hls(URL, text).is_err() {
            let after = format!("{:?}", timeline.tracks());
            assert_eq!(after, before, "an error changes nothing");
            continue;
        }
        numbers_have_no_gaps(&timeline);
        what_is_found_is_what_was_asked(&timeline, refreshes);
        let again = timeline.update_hls(URL, text).expect("it was readable");
        let unchanged = Update {
            track: again.track,
            ..Update::default()
        };
        assert_eq!(again, unchanged, "the same text says nothing new");
    }
}

fn numbers_have_no_gaps(timeline: &Timeline) {
    for track in timeline.tracks() {
        let numbers = track.segments.iter().map(|segment| segment.number);
        assert!(numbers.eq(track.first_number..track.end_number()));
    }
}

/// An address that is listed twice names its newest number; when a refresh takes that one away, the older
/// one is not found either, and is the CDN's.
fn what_is_found_is_what_was_asked(timeline: &Timeline, refreshes: usize) {
    for segment in timeline.tracks().iter().flat_map(|track| &track.segments) {
        let place = timeline.find(&segment.url, segment.range);
        let found = place.and_then(|(track, number)| timeline.segment(track, number));
        assert!(found.is_some() || !segment.shareable || refreshes > 0);
        if let Some(found) = found.filter(|_| segment.shareable) {
            assert_eq!((&found.url, found.range), (&segment.url, segment.range));
            assert!(found.shareable);
        }
    }
}

/// An MPD and its refreshes, as texts with [`NEXT_TEXT`] between them. A page's own parser takes the place of
/// ours; what it makes of the text is the same tree.
pub fn mpd(bytes: &[u8]) {
    const URL: &str = "https://cdn.example/live/manifest.mpd?token=1";
    /// 2026-01-01, and a minute later.
    const NOW_MS: u64 = 1_767_225_600_000;
    const LATER_MS: u64 = NOW_MS + 60_000;
    let texts = String::from_utf8_lossy(bytes);
    let mut timeline = Timeline::default();
    for (refreshes, text) in texts.split(NEXT_TEXT).take(4).enumerate() {
        pointing_changes_nothing_else(text);
        let Ok(tree) = read_xml(text) else { continue };
        if timeline.update_mpd(URL, &tree, NOW_MS).is_err() {
            continue;
        }
        numbers_rise(&timeline);
        what_is_found_is_what_was_asked(&timeline, refreshes);
        let again = timeline.update_mpd(URL, &tree, NOW_MS).expect("an MPD");
        for update in again.updates {
            let unchanged = Update {
                track: update.track,
                ..Update::default()
            };
            assert_eq!(update, unchanged, "the same text says nothing new");
        }
        timeline.advance(LATER_MS);
        numbers_rise(&timeline);
    }
}

/// The index of a film in one file, as a player loaded it: once where the MPD says where it stands, and once
/// where the player looked for it.
pub fn sidx(bytes: &[u8]) {
    const URL: &str = "https://cdn.example/film/manifest.mpd";
    const FILE: &str = "https://cdn.example/film/v.mp4";
    const FIRST: u64 = 100;
    for place in ["", "indexRange=\"100-100\""] {
        let text = format!(
            "<MPD><Period id=\"p\"><AdaptationSet><Representation id=\"v\"><BaseURL>v.mp4</BaseURL>\
             <SegmentBase {place}/></Representation></AdaptationSet></Period></MPD>"
        );
        let tree = read_xml(&text).expect("an MPD");
        let mut timeline = Timeline::default();
        timeline.update_mpd(URL, &tree, 0).expect("a film");
        let before = format!("{:?}", timeline.tracks());
        let read = timeline.update_index(FILE, FIRST, bytes);
        if read.is_none_or(|read| read.updates.is_empty()) {
            let after = format!("{:?}", timeline.tracks());
            assert_eq!(after, before, "an error changes nothing");
            continue;
        }
        numbers_rise(&timeline);
        what_is_found_is_what_was_asked(&timeline, 0);
        let ranges = timeline.tracks().iter().flat_map(|track| &track.segments);
        let ranges: Vec<ByteRange> = ranges.filter_map(|segment| segment.range).collect();
        assert!(
            ranges
                .iter()
                .all(|range| FIRST < range.start && range.start < range.end)
        );
        assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
        if !ranges.is_empty() {
            let again = timeline.update_index(FILE, FIRST, bytes);
            assert!(again.is_none(), "the same index says nothing new");
        }
    }
}

fn pointing_changes_nothing_else(text: &str) {
    const SIDECAR: &str = "digests.json?a=1&b=2";
    let Ok(pointed) = point_mpd(text, SIDECAR) else {
        return;
    };
    assert_eq!(strip_mpd(&pointed), strip_mpd(text));
    assert_eq!(point_mpd(&pointed, SIDECAR).as_ref(), Ok(&pointed));
}

fn numbers_rise(timeline: &Timeline) {
    for track in timeline.tracks() {
        let numbers = track.segments.iter().map(|segment| segment.number);
        assert!(numbers.is_sorted_by(|a, b| a < b));
    }
}

/// What stands behind the colon of a digest line; a seal is nobody's, so no key takes it.
pub fn digest_line(bytes: &[u8]) {
    /// That of the secret key of 32 zero bytes.
    const KEY: &str = "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=";
    let text = String::from_utf8_lossy(bytes);
    assert!(Attributes::new(&text).count() <= text.len());
    let Ok(tag) = DigestTag::parse_attributes(&text) else {
        return;
    };
    assert_eq!(
        DigestTag::parse_line(&tag.to_string()),
        Some(Ok(tag.clone()))
    );
    if let Some(seal) = &tag.seal {
        let key = PublicKey::from_base64(KEY).expect("a key");
        assert!(!seal.is_by(&key, &tag.digest));
    }
}

/// Digests beside a playlist: our shape and PeerTube's.
pub fn sidecar(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let as_it_stands = |url: &str| Some(url.to_owned());
    let Ok(sidecar) = Sidecar::read(&text, &as_it_stands) else {
        return;
    };
    let ours = Sidecar::new(sidecar.stream.clone(), sidecar.tracks.clone()) == sidecar;
    if !ours {
        return; // PeerTube's file is found by name and never written
    }
    for segment in sidecar.tracks.iter().flat_map(|track| &track.segments) {
        let found = sidecar.find(&segment.url, segment.range);
        let (_, found) = found.expect("what is listed is found");
        assert_eq!((&found.url, found.range), (&segment.url, segment.range));
    }
    let again = Sidecar::read(&sidecar.to_json(), &as_it_stands);
    assert_eq!(again, Ok(sidecar));
}

/// A playlist that is to be signed: every byte that is not ours stays, and signing twice is signing once.
pub fn publish(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Some(signed) = sign(&text) else { return };
    assert_eq!(strip_playlist(&signed), strip_playlist(&text));
    assert_eq!(sign(&signed).as_ref(), Some(&signed));
}

fn sign(text: &str) -> Option<String> {
    let digest_of = |uri: &str, range: Option<ByteRange>| {
        Ok::<_, ()>(DigestTag::from(SegmentDigest {
            size: range.map_or(1, ByteRange::len).max(1),
            root: sha256(uri.as_bytes()),
        }))
    };
    sign_playlist(text, digest_of).ok()
}
