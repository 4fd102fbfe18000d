//! Arbitrary documents: fixtures with attributes changed at random never panic, and what they list keeps the
//! model's invariants; a refresh gives what a first reading gives.

use super::{URL, fixtures, now_ms};
use proptest::prelude::*;
use swarmline::manifest::{Element, Timeline};
use swarmline::publish::read_xml;

/// Values that attributes take: small, large, negative, no numbers.
const VALUES: [&str; 18] = [
    "",
    "0",
    "1",
    "2",
    "7",
    "-1",
    "90000",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "1.5",
    "x",
    "PT0S",
    "PT10S",
    "P9999Y",
    "2026-11-21T12:00:00Z",
    "$Number$",
    "dynamic",
];
const NAMES: [&str; 16] = [
    "t",
    "d",
    "r",
    "timescale",
    "duration",
    "startNumber",
    "endNumber",
    "presentationTimeOffset",
    "start",
    "type",
    "mediaPresentationDuration",
    "availabilityStartTime",
    "timeShiftBufferDepth",
    "media",
    "id",
    "mediaRange",
];

/// Sets one attribute of the element that the walk ends at.
fn change(element: &mut Element, mut walk: impl Iterator<Item = usize>, name: &str, value: &str) {
    let deeper = walk.next().filter(|_| !element.children.is_empty());
    if let Some(step) = deeper.filter(|step| step % 7 != 6) {
        let at = step % element.children.len();
        return change(&mut element.children[at], walk, name, value);
    }
    element.attributes.retain(|(known, _)| known != name);
    element.attributes.push((name.to_owned(), value.to_owned()));
}

fn assert_sound(timeline: &Timeline) {
    for (index, track) in timeline.tracks().iter().enumerate() {
        let numbers: Vec<u64> = track
            .segments
            .iter()
            .map(|segment| segment.number)
            .collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
        if let Some(first) = numbers.first() {
            assert_eq!(track.first_number, *first);
        }
        for segment in &track.segments {
            assert_eq!(track.segment(segment.number), Some(segment));
            let found = timeline.find(&segment.url, segment.range);
            assert_eq!(found.is_some(), segment.shareable, "{segment:?}");
            let Some((found, number)) = found else {
                continue;
            };
            // Twins in two tracks are legal: the index names one of them.
            assert!(found != index || timeline.segment(index, number).is_some());
        }
    }
}

fn assert_alike(a: &Timeline, b: &Timeline) {
    for track in a.tracks() {
        match b.track_index(track.id) {
            Some(index) => assert_eq!(track.segments, b.tracks()[index].segments),
            None => assert!(track.segments.is_empty(), "it left the MPD"),
        }
    }
    for track in b.tracks() {
        assert!(a.track_index(track.id).is_some());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn changed_attributes_do_no_harm(
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (prop::collection::vec(0..1_000_usize, 6), 0..NAMES.len(), 0..VALUES.len()), 1..6,
        ),
        late_ms in 0..200_000_u64,
    ) {
        let all = fixtures();
        let (name, text) = at.get(&all);
        let mut tree = read_xml(text).unwrap();
        let now = now_ms(name);
        let mut refreshed = Timeline::default();
        refreshed.update_mpd(URL, &tree, now).unwrap();
        for (walk, name, value) in changes {
            change(&mut tree, walk.into_iter(), NAMES[name], VALUES[value]);
        }
        refreshed.update_mpd(URL, &tree, now + late_ms).unwrap();
        assert_sound(&refreshed);
        let mut fresh = Timeline::default();
        fresh.update_mpd(URL, &tree, now + late_ms).unwrap();
        // Without a start time of its own the changed MPD belongs to the broadcast before, by design.
        let date = |tree: &Element| tree.attribute("availabilityStartTime").map(str::to_owned);
        let dated = |tree: &Element| date(tree).is_some_and(|date| date.ends_with('Z'));
        if dated(&tree) || !dated(&read_xml(text).unwrap()) {
            assert_alike(&refreshed, &fresh);
        }
    }

    #[test]
    fn no_text_panics(at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let all = fixtures();
        let (_, text) = at.get(&all);
        let mut bytes = text.clone().into_bytes();
        let cut = cut.index(bytes.len());
        if byte < 64 { bytes.truncate(cut) } else { bytes[cut] = byte }
        if let Ok(tree) = read_xml(&String::from_utf8_lossy(&bytes)) {
            let mut timeline = Timeline::default();
            if timeline.update_mpd(URL, &tree, now_ms("")).is_ok() {
                assert_sound(&timeline);
            }
        }
    }
}
