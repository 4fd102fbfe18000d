//! The naive second expansion: `dash-mpd` reads the text, the lines here list segments one by one, with its types,
//! wide integers and the `url` crate. It shares no code with the model but SHA-256.

use super::{URL, fixtures, load, now_ms};
use dash_mpd_core::{
    AdaptationSet, BaseURL, MPD, Period, Representation, SegmentList, SegmentTemplate,
    SegmentTimeline, parse,
};
use std::time::Duration;
use swarmline::base::{ByteRange, TrackId};
use swarmline::integrity::sha256;
use url::Url;

/// Fixtures that the other reader, or this page, does not read alike; `lists` has them by hand.
const BY_HAND: [&str; 2] = [
    // The other reader has no namespaces.
    "prefixed-namespaces",
    // What must be left out is not for an oracle that reads everything.
    "cannot-be-mapped",
];

#[derive(Debug, PartialEq)]
struct Row {
    time: u128,
    url: String,
    range: Option<ByteRange>,
    duration_ms: u128,
}

#[derive(Debug)]
struct Listed {
    name: String,
    rows: Vec<Row>,
    /// The same under each further base.
    further: Vec<Vec<Row>>,
}

#[test]
fn both_readers_list_the_same_segments() {
    let (mut compared, mut segments, mut further) = (0, 0, 0);
    let levels = include_str!("base-url-levels.mpd").to_owned();
    let levels = ("base-url-levels".to_owned(), levels);
    for (name, text) in fixtures().into_iter().chain([levels]) {
        if BY_HAND.contains(&name.as_str()) {
            continue;
        }
        let (timeline, _) = load(&name, &text);
        let expected = expand(&name, text.trim_start_matches('\u{feff}'));
        assert_eq!(timeline.tracks().len(), expected.len(), "{name}");
        for listed in expected {
            let index = timeline.track_index(track_id(&listed.name));
            let index = index.unwrap_or_else(|| panic!("{name}: no track {:?}", listed.name));
            let track = &timeline.tracks()[index];
            let found: Vec<Row> = track
                .segments
                .iter()
                .map(|segment| Row {
                    time: segment.number.into(),
                    url: Url::parse(&segment.url).unwrap().into(),
                    range: segment.range,
                    duration_ms: segment.duration_ms.into(),
                })
                .collect();
            assert_eq!(found, listed.rows, "{name}: {:?}", listed.name);
            for segment in &track.segments {
                let place = timeline.find(&segment.url, segment.range);
                assert_eq!(place, Some((index, segment.number)), "{name}");
            }
            for row in listed.further.iter().flatten() {
                let place = timeline.find(&row.url, row.range);
                let number = u64::try_from(row.time).unwrap();
                assert_eq!(place, Some((index, number)), "{name}: {}", row.url);
                assert_eq!(timeline.find(&format!("{}x", row.url), row.range), None);
                further += 1;
            }
            segments += found.len();
        }
        compared += 1;
    }
    assert!(compared >= 25, "{compared} MPDs compared");
    assert!(segments >= 1_000, "{segments} segments compared");
    assert!(further >= 60, "{further} addresses under further bases");
}

fn track_id(name: &str) -> TrackId {
    let hash = sha256(format!("swarmline track v1\nmpd\n{name}").as_bytes()).0;
    TrackId(hash[..8].try_into().unwrap())
}

/// Media time, length, index from 0.
type Step = (u128, u128, u128);

struct Times {
    timescale: u128,
    offset: u128,
    /// Ticks of the period, if known.
    long: Option<u128>,
    /// Ticks from the period's start until now, and of the time shift buffer.
    live: Option<(u128, u128)>,
}

fn expand(name: &str, text: &str) -> Vec<Listed> {
    let mpd = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut base = Url::parse(URL).unwrap();
    if let Some(location) = mpd.locations.first() {
        base = base.join(&location.url).unwrap();
    }
    let bases = join(&[base], &mpd.base_url);
    let mut listed = Vec::new();
    let mut start = Duration::ZERO;
    for (index, period) in mpd.periods.iter().enumerate() {
        start = period.start.unwrap_or(start);
        let end = match mpd.periods.get(index + 1) {
            Some(next) => next.start,
            None => mpd.mediaPresentationDuration,
        };
        let long = period.duration.or(end.map(|end| end - start));
        let live =
            (mpd.mpdtype.as_deref() == Some("dynamic")).then(|| live_edge(name, &mpd, start));
        let bases = join(&bases, &period.BaseURL);
        let id = period
            .id
            .clone()
            .unwrap_or_else(|| start.as_millis().to_string());
        for set in &period.adaptations {
            let bases = join(&bases, &set.BaseURL);
            for representation in &set.representations {
                let bases = join(&bases, &representation.BaseURL);
                let mut all = bases
                    .iter()
                    .map(|base| rows(base, period, set, representation, long, live));
                listed.push(Listed {
                    name: format!(
                        "{id}\n{}\n{}",
                        set.id.as_deref().unwrap_or_default(),
                        representation.id.as_deref().unwrap()
                    ),
                    rows: all.next().unwrap(),
                    further: all.collect(),
                });
            }
        }
        start += long.unwrap_or_default();
    }
    listed
}

/// Every way to go on.
fn join(bases: &[Url], urls: &[BaseURL]) -> Vec<Url> {
    if urls.is_empty() {
        return bases.to_vec();
    }
    let below = |base: &Url| -> Vec<Url> {
        let urls = urls.iter();
        urls.map(|url| base.join(url.base.trim()).unwrap())
            .collect()
    };
    bases.iter().flat_map(below).collect()
}

/// From the period's start until now, and how long segments stay.
fn live_edge(name: &str, mpd: &MPD, start: Duration) -> (Duration, Duration) {
    let epoch_ms = mpd.availabilityStartTime.unwrap().timestamp_millis();
    let elapsed_ms = i64::try_from(now_ms(name)).unwrap() - epoch_ms;
    let elapsed = Duration::from_millis(elapsed_ms.try_into().unwrap_or(0));
    (
        elapsed.saturating_sub(start),
        mpd.timeShiftBufferDepth.unwrap(),
    )
}

fn rows(
    base: &Url,
    period: &Period,
    set: &AdaptationSet,
    representation: &Representation,
    long: Option<Duration>,
    live: Option<(Duration, Duration)>,
) -> Vec<Row> {
    let templates = [
        &representation.SegmentTemplate,
        &set.SegmentTemplate,
        &period.SegmentTemplate,
    ];
    let lists = [
        &representation.SegmentList,
        &set.SegmentList,
        &period.SegmentList,
    ];
    let bases = [
        &representation.SegmentBase,
        &set.SegmentBase,
        &period.SegmentBase,
    ];
    for level in 0..3 {
        if bases[level].is_some() {
            return Vec::new();
        }
        if lists[level].is_some() {
            return list_rows(base, &lists, long);
        }
        if templates[level].is_some() {
            return template_rows(base, &templates, representation, long, live);
        }
    }
    Vec::new()
}

fn ticks(time: Duration, timescale: u128) -> u128 {
    time.as_nanos() * timescale / 1_000_000_000
}

/// The first tick at which nothing more begins.
fn end_ticks(time: Duration, timescale: u128) -> u128 {
    (0..)
        .map(|more| ticks(time, timescale) + more)
        .find(|ticks| ticks * 1_000_000_000 >= time.as_nanos() * timescale)
        .unwrap()
}

fn ms(ticks: u128, timescale: u128) -> u128 {
    ticks * 1_000 / timescale
}

fn template_rows(
    base: &Url,
    levels: &[&Option<SegmentTemplate>; 3],
    representation: &Representation,
    long: Option<Duration>,
    live: Option<(Duration, Duration)>,
) -> Vec<Row> {
    macro_rules! nearest {
        ($name:ident) => {
            levels
                .iter()
                .find_map(|level| level.as_ref().and_then(|known| known.$name.clone()))
        };
    }
    let timescale = u128::from(nearest!(timescale).unwrap_or(1));
    let first = u128::from(nearest!(startNumber).unwrap_or(1));
    let times = Times {
        timescale,
        offset: nearest!(presentationTimeOffset).unwrap_or(0).into(),
        long: long.map(|long| end_ticks(long, timescale)),
        live: live.map(|(edge, depth)| (end_ticks(edge, timescale), end_ticks(depth, timescale))),
    };
    let times = match nearest!(SegmentTimeline) {
        Some(_) => times,
        None => Times { offset: 0, ..times },
    };
    let steps = match (nearest!(SegmentTimeline), nearest!(duration)) {
        (Some(timeline), _) => timed(&timeline, &times),
        (None, Some(duration)) => steady(duration, &times),
        (None, None) => vec![(times.offset, times.long.unwrap(), 0)],
    };
    let media: String = nearest!(media).unwrap();
    steps
        .into_iter()
        .filter(|(_, _, index)| nearest!(endNumber).is_none_or(|end| first + index <= end.into()))
        .map(|(time, duration, index)| {
            let file = fill(&media, representation, first + index, time);
            Row {
                time,
                url: base.join(&file).unwrap().into(),
                range: None,
                duration_ms: ms(duration, timescale),
            }
        })
        .collect()
}

/// With regular string replacement, one identifier after the other.
fn fill(media: &str, representation: &Representation, number: u128, time: u128) -> String {
    let mut text = media.replace("$RepresentationID$", representation.id.as_deref().unwrap());
    let bandwidth = u128::from(representation.bandwidth.unwrap());
    for (name, value) in [("Bandwidth", bandwidth), ("Number", number), ("Time", time)] {
        text = text.replace(&format!("${name}$"), &value.to_string());
        for width in 1..12 {
            let padded = format!("{value:0width$}");
            text = text.replace(&format!("${name}%0{width}d$"), &padded);
        }
    }
    text.replace("$$", "$")
}

fn timed(timeline: &SegmentTimeline, times: &Times) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut time = 0;
    for (at, line) in timeline.segments.iter().enumerate() {
        time = line.t.map_or(time, u128::from);
        let duration = u128::from(line.d);
        let repeat = line.r.unwrap_or(0);
        let next = timeline.segments.get(at + 1);
        if repeat < 0 && next.is_none() && times.long.is_none() {
            let listed = steps.len() as u128;
            let open = clocked(time, duration, times).into_iter();
            steps.extend(open.map(|(time, duration, index)| (time, duration, listed + index)));
            continue;
        }
        let until = next.map_or(times.long.unwrap_or(0) + times.offset, |next| {
            next.t.unwrap_or(0).into()
        });
        let mut left = repeat + 1;
        while (repeat < 0 && time < until) || left > 0 {
            steps.push((time, duration, steps.len() as u128));
            time += duration;
            left -= 1;
        }
    }
    steps
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the other reader has whole numbers as floats"
)]
fn steady(duration: f64, times: &Times) -> Vec<Step> {
    let duration = duration as u128;
    match times.long {
        Some(long) if times.live.is_none() => (0..long.div_ceil(duration))
            .map(|index| (index * duration, duration, index))
            .collect(),
        _ => clocked(0, duration, times),
    }
}

/// What a live stream has: a minute more on both sides, because clocks differ.
fn clocked(start: u128, duration: u128, times: &Times) -> Vec<Step> {
    let (edge, depth) = times.live.unwrap();
    let minute = 60 * times.timescale;
    let from = (edge + times.offset)
        .saturating_sub(depth + minute)
        .max(times.offset);
    let to = edge + times.offset + minute;
    let first = (from.saturating_sub(start) / duration).saturating_sub(3);
    (first..first + 100_000)
        .map(|index| (start + index * duration, duration, index))
        .filter(|(time, _, _)| time + duration > from && *time < to)
        .collect()
}

fn list_rows(base: &Url, levels: &[&Option<SegmentList>; 3], long: Option<Duration>) -> Vec<Row> {
    let present = || levels.iter().filter_map(|level| level.as_ref());
    let timescale = u128::from(present().find_map(|list| list.timescale).unwrap_or(1));
    let urls = &present()
        .find(|list| !list.segment_urls.is_empty())
        .unwrap()
        .segment_urls;
    let timeline = present().find_map(|list| list.SegmentTimeline.as_ref());
    let long = long.map(|long| end_ticks(long, timescale));
    let steps: Vec<Step> = match (timeline, present().find_map(|list| list.duration)) {
        (Some(timeline), _) => {
            let (offset, live) = (0, None);
            timed(
                timeline,
                &Times {
                    timescale,
                    offset,
                    long,
                    live,
                },
            )
        }
        (None, Some(duration)) => (0..urls.len() as u128)
            .map(|index| (index * u128::from(duration), duration.into(), index))
            .collect(),
        (None, None) => vec![(0, long.unwrap(), 0)],
    };
    let range = |text: &String| {
        let (start, last) = text.split_once('-').unwrap();
        let (start, end) = (start.parse().unwrap(), last.parse::<u64>().unwrap() + 1);
        ByteRange { start, end }
    };
    urls.iter()
        .zip(steps)
        .map(|(item, (time, duration, _))| Row {
            time,
            url: base
                .join(item.media.as_deref().unwrap_or_default())
                .unwrap()
                .into(),
            range: item.mediaRange.as_ref().map(range),
            duration_ms: ms(duration, timescale),
        })
        .collect()
}
