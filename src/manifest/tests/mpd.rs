//! MPDs that change: what a refresh adds, takes and keeps. What one MPD lists is in `tests/mpd`.

use super::super::{Element, MpdUpdate, Timeline};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const URL: &str = "https://cdn.test/live/a.mpd?token=1";
/// 2026-11-21T12:00:00Z.
const NOON_MS: u64 = 1_795_262_400_000;

pub(in crate::manifest) fn element(
    name: &str,
    attributes: &[(&str, &str)],
    children: Vec<Element>,
) -> Element {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Element {
        name: name.to_owned(),
        attributes: attributes.iter().map(owned).collect(),
        text: String::new(),
        children,
    }
}

/// `SegmentTemplate` with a timeline of `count` segments of 4 ticks from `first`.
fn timed(media: &str, start_number: u64, first: u64, count: u64) -> Element {
    let (first, repeat) = (first.to_string(), (count - 1).to_string());
    let line = element("S", &[("t", &first), ("d", "4"), ("r", &repeat)], vec![]);
    let timeline = element("SegmentTimeline", &[], vec![line]);
    let number = start_number.to_string();
    element(
        "SegmentTemplate",
        &[("media", media), ("startNumber", &number)],
        vec![timeline],
    )
}

fn period(id: &str, info: Element) -> Element {
    let representation = element("Representation", &[("id", "v"), ("bandwidth", "1")], vec![]);
    let set = element("AdaptationSet", &[], vec![info, representation]);
    element("Period", &[("id", id), ("start", "PT0S")], vec![set])
}

fn live(periods: Vec<Element>) -> Element {
    let attributes = [
        ("type", "dynamic"),
        ("availabilityStartTime", "2026-11-21T11:00:00Z"),
        ("timeShiftBufferDepth", "PT20S"),
    ];
    element("MPD", &attributes, periods)
}

fn set(mpd: &mut Element, name: &str, value: Option<&str>) {
    mpd.attributes.retain(|(known, _)| known != name);
    let value = value.map(|value| (name.to_owned(), value.to_owned()));
    mpd.attributes.extend(value);
}

fn update(timeline: &mut Timeline, mpd: &Element) -> MpdUpdate {
    timeline.update_mpd(URL, mpd, NOON_MS).unwrap()
}

fn numbers(timeline: &Timeline, track: usize) -> Vec<u64> {
    let segments = timeline.tracks()[track].segments.iter();
    segments.map(|segment| segment.number).collect()
}

#[test]
fn a_window_slides() {
    for media in ["s-$Number$", "s-$Time$"] {
        let mut timeline = Timeline::default();
        update(
            &mut timeline,
            &live(vec![period("1", timed(media, 10, 40, 4))]),
        );
        let kept = timeline.segment(0, 48).cloned();
        let slid = update(
            &mut timeline,
            &live(vec![period("1", timed(media, 12, 48, 4))]),
        );
        let [slid] = slid.updates.as_slice() else {
            panic!("{slid:?}")
        };
        assert_eq!((slid.track, slid.added_first, slid.added), (Some(0), 56, 2));
        let removed: Vec<u64> = slid.removed.iter().map(|segment| segment.number).collect();
        assert_eq!((removed, slid.changed.len()), (vec![40, 44], 0));
        assert_eq!(numbers(&timeline, 0), [48, 52, 56, 60]);
        assert_eq!(timeline.tracks()[0].first_number, 48);
        assert_eq!(timeline.tracks()[0].end_number(), 61);
        assert_eq!(timeline.segment(0, 48).cloned(), kept);
        let name = |number: u64, time: u64| {
            let value = if media.contains("Number") {
                number
            } else {
                time
            };
            format!("https://cdn.test/live/s-{value}")
        };
        assert_eq!(timeline.find(&name(14, 56), None), Some((0, 56)));
        assert_eq!(
            timeline.find(&name(10, 40), None),
            None,
            "it left the window"
        );
        assert_eq!(timeline.segment(0, 49), None, "numbers have gaps");
    }
}

#[test]
fn bases_come_and_go_and_are_bounded() {
    let mut timeline = Timeline::default();
    let mut mpd = live(vec![period("1", timed("s-$Time$", 1, 40, 4))]);
    let base = |host: usize| Element {
        text: format!("https://{host}.test/x/"),
        ..element("BaseURL", &[], vec![])
    };
    let known = |timeline: &Timeline| -> Vec<usize> {
        let found = |host: &usize| timeline.find(&format!("https://{host}.test/x/s-44?t=1"), None);
        (0..12).filter(|host| found(host).is_some()).collect()
    };
    update(&mut timeline, &mpd);
    assert_eq!(known(&timeline), [0; 0]);
    mpd.children.extend((0..12).map(base));
    update(&mut timeline, &mpd);
    assert_eq!(known(&timeline), [0, 1, 2, 3], "a few of a level");
    let before = timeline.tracks()[0].segments.clone();
    mpd.children.truncate(2);
    mpd.children.push(base(7));
    let changed = update(&mut timeline, &mpd);
    assert_eq!(known(&timeline), [0, 7]);
    assert_eq!(timeline.tracks()[0].segments, before, "no other names");
    assert_eq!(changed.updates[0].changed, []);
    mpd.children[0].children.extend((0..12).map(base));
    mpd.children.swap_remove(1);
    update(&mut timeline, &mpd);
    assert_eq!(known(&timeline), [0, 1, 2, 3]);
}

#[test]
fn a_packager_that_counts_anew_changes_addresses() {
    let mut timeline = Timeline::default();
    update(
        &mut timeline,
        &live(vec![period("1", timed("s-$Number$", 10, 40, 4))]),
    );
    let anew = update(
        &mut timeline,
        &live(vec![period("1", timed("s-$Number$", 1, 44, 3))]),
    );
    assert_eq!(anew.updates[0].changed.len(), 3);
    assert_eq!(
        timeline.find("https://cdn.test/live/s-1", None),
        Some((0, 44))
    );
    assert_eq!(timeline.find("https://cdn.test/live/s-11", None), None);
}

#[test]
fn another_broadcast_is_another_content_and_an_ended_one_the_same() {
    let mpd = live(vec![period("1", timed("s-$Number$", 1, 0, 4))]);
    let mut timeline = Timeline::default();
    update(&mut timeline, &mpd);
    let version = timeline.segment(0, 8).map(|segment| segment.version);

    let mut ended = mpd.clone();
    set(&mut ended, "type", None);
    set(&mut ended, "availabilityStartTime", None);
    assert_eq!(update(&mut timeline, &ended).updates[0].changed, []);
    assert!(!timeline.tracks()[0].live);

    let mut again = mpd;
    set(
        &mut again,
        "availabilityStartTime",
        Some("2026-11-21T11:59:00Z"),
    );
    assert_eq!(update(&mut timeline, &again).updates[0].changed.len(), 4);
    assert_ne!(
        timeline.segment(0, 8).map(|segment| segment.version),
        version
    );
}

#[test]
fn periods_come_and_go_without_end() {
    let mut timeline = Timeline::default();
    for number in 0..3_000_u64 {
        let (id, next) = (number.to_string(), (number + 1).to_string());
        let media = format!("p{number}-$Number$");
        let next_media = format!("p{next}-$Number$");
        let periods = vec![
            period(&id, timed(&media, 1, 0, 2)),
            period(&next, timed(&next_media, 1, 0, 2)),
        ];
        let changed = update(&mut timeline, &live(periods));
        assert_eq!(changed.warnings, [""; 0]);
        let url = format!("https://cdn.test/live/p{next}-2");
        let (track, number) = timeline.find(&url, None).unwrap();
        assert_eq!(timeline.segment(track, number).unwrap().url, url);
        assert_eq!(timeline.find(&url.replace(&next, "x"), None), None);
    }
    assert!(timeline.tracks().len() <= 4);
    let gone = timeline
        .tracks()
        .iter()
        .filter(|track| track.segments.is_empty());
    assert!(gone.count() <= 2, "periods that left have no segments");
}

#[test]
fn an_older_copy_of_the_mpd_changes_nothing() {
    let mut newer = live(vec![period("1", timed("s-$Number$", 12, 48, 4))]);
    let mut older = live(vec![period("1", timed("s-$Number$", 11, 44, 4))]);
    set(&mut newer, "publishTime", Some("2026-11-21T12:00:04Z"));
    set(&mut older, "publishTime", Some("2026-11-21T12:00:00Z"));
    let mut timeline = Timeline::default();
    update(&mut timeline, &newer);
    assert_eq!(update(&mut timeline, &older), MpdUpdate::default());
    assert_eq!(numbers(&timeline, 0), [48, 52, 56, 60]);
    // The publisher's clock was set back: the MPD counts.
    set(&mut older, "publishTime", Some("2026-11-21T10:00:00Z"));
    update(&mut timeline, &older);
    assert_eq!(numbers(&timeline, 0), [44, 48, 52, 56]);
}

#[test]
fn what_goes_by_the_clock_advances_without_a_refresh() {
    let attributes = [
        ("media", "s-$Number$"),
        ("duration", "4"),
        ("startNumber", "0"),
    ];
    let mpd = live(vec![period(
        "1",
        element("SegmentTemplate", &attributes, vec![]),
    )]);
    let mut timeline = Timeline::default();
    update(&mut timeline, &mpd);
    // An hour in; 20 s are kept, and a minute more on either side, for clocks differ.
    assert_eq!(numbers(&timeline, 0).first(), Some(&3_520));
    assert_eq!(numbers(&timeline, 0).last(), Some(&3_656));
    let later = timeline.advance(NOON_MS + 8_000).unwrap();
    assert_eq!(
        (later.updates[0].added_first, later.updates[0].added),
        (3_660, 2)
    );
    assert_eq!(later.updates[0].removed.len(), 2);
    assert_eq!(
        timeline.find("https://cdn.test/live/s-916", None),
        Some((0, 3_664))
    );
    assert!(
        timeline.advance(NOON_MS + 8_000).is_some(),
        "again and again"
    );
    update(
        &mut timeline,
        &live(vec![period("1", timed("s-$Number$", 1, 0, 1))]),
    );
    assert_eq!(
        timeline.advance(NOON_MS),
        None,
        "an MPD that lists its segments"
    );
}

#[test]
fn a_live_list_is_a_window_that_slides() {
    let urls = |numbers: core::ops::Range<u64>| {
        let item =
            |number: u64| element("SegmentURL", &[("media", &format!("{number}.ts"))], vec![]);
        let first = numbers.start.to_string();
        let attributes = [("duration", "4"), ("startNumber", first.as_str())];
        let list = element("SegmentList", &attributes, numbers.map(item).collect());
        live(vec![period("1", list)])
    };
    let mut timeline = Timeline::default();
    update(&mut timeline, &urls(7..10));
    let slid = update(&mut timeline, &urls(8..11));
    assert_eq!(
        (slid.updates[0].added_first, slid.updates[0].added),
        (36, 1)
    );
    assert_eq!(slid.updates[0].changed, []);
    assert_eq!(
        timeline.find("https://cdn.test/live/8.ts", None),
        Some((0, 28))
    );
}

#[test]
fn an_mpd_cannot_make_more_than_is_bounded() {
    let huge = u64::from(u32::MAX);
    let mut timeline = Timeline::default();
    update(
        &mut timeline,
        &live(vec![period("1", timed("s-$Time$", 1, 0, huge))]),
    );
    let track = &timeline.tracks()[0];
    assert_eq!(track.segments.len(), 20_000);
    assert_eq!(
        track.segments.last().unwrap().number,
        (huge - 1) * 4,
        "the newest"
    );
    let periods = (0..40).map(|id: u32| period(&id.to_string(), timed("s-$Time$", 1, 0, 20_000)));
    let update = update(&mut timeline, &live(periods.collect()));
    assert_eq!(
        timeline
            .tracks()
            .iter()
            .map(|track| track.segments.len())
            .sum::<usize>(),
        200_000
    );
    assert!(!update.warnings.is_empty() && update.warnings.len() <= 16);
}

#[test]
fn a_document_that_is_no_mpd_is_refused() {
    let mut timeline = Timeline::default();
    let smooth = element("SmoothStreamingMedia", &[], vec![]);
    assert!(timeline.update_mpd(URL, &smooth, NOON_MS).is_err());
    let empty = element("MPD", &[], vec![]);
    assert_eq!(
        timeline.update_mpd(URL, &empty, NOON_MS),
        Ok(MpdUpdate::default())
    );
}

#[test]
fn absurd_times_saturate() {
    for timescale in ["1", "2", "3", "90000"] {
        for (first, duration) in [(0, u64::MAX), (0, u64::MAX - 1), (u64::MAX - 1, 1)] {
            let (t, d) = (first.to_string(), duration.to_string());
            let line = element("S", &[("t", &t), ("d", &d)], vec![]);
            let timeline = element("SegmentTimeline", &[], vec![line]);
            let attributes = [("media", "s-$Time$"), ("timescale", timescale)];
            let template = element("SegmentTemplate", &attributes, vec![timeline]);
            let mpd = element("MPD", &[("type", "static")], vec![period("1", template)]);
            let mut timeline = Timeline::default();
            update(&mut timeline, &mpd);
            let track = &timeline.tracks()[0];
            assert_eq!(numbers(&timeline, 0), [first], "{timescale} {duration}");
            let longest = u32::try_from(duration / timescale.parse::<u64>().unwrap_or(1));
            if longest.is_err() {
                assert_eq!(track.segments[0].duration_ms, u32::MAX);
                assert_eq!(track.target_duration_ms, u32::MAX);
            }
        }
    }
}
