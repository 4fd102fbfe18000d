//! An MPD's tree → the representations in it, each with its slots and the way to their URLs. Changes nothing;
//! what cannot be mapped for sure is left out, and said.

use super::super::address;
use super::super::element::Element;
use super::Reason;
use super::attributes::{self, Inherited, Levels, Scheme, uint};
use super::bases::{self, Alias};
use super::slots::{self, Run, Slot, Window, lay_out, read_timeline, ticks};
use super::template::Template;
use super::time::{date_time_ms, duration_us};
use crate::base::ByteRange;

/// Segments of all representations together.
const SEGMENTS_MAX: usize = 200_000;
/// How far the clocks of viewer and server may be apart: open-ended runs are listed so much longer.
const CLOCK_SLACK_US: u64 = 60_000_000;
/// What an `xlink:href` is called in our trees.
const XLINK: &str = "{http://www.w3.org/1999/xlink}href";

/// An MPD, read.
#[derive(Debug, Default)]
pub(super) struct Presentation {
    /// More may come.
    pub(super) is_live: bool,
    /// `availabilityStartTime`, milliseconds since 1970: another one is another broadcast.
    pub(super) epoch_ms: Option<i64>,
    /// `publishTime`, milliseconds since 1970.
    pub(super) published_ms: Option<i64>,
    /// Some segments come by the clock alone.
    pub(super) follows_clock: bool,
    pub(super) renditions: Vec<Rendition>,
    /// What was left out, and why.
    pub(super) warnings: Vec<String>,
    segments: usize,
}

/// A representation of a period.
#[derive(Debug)]
pub(super) struct Rendition {
    /// Period, adaptation set and representation, a line each: the same for every player.
    pub(super) name: String,
    pub(super) timescale: u64,
    pub(super) first_number: u64,
    pub(super) slots: Vec<Slot>,
    pub(super) media: Media,
    /// Of its addresses under further bases.
    pub(super) aliases: Vec<Alias>,
}

/// How a slot becomes an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Template(Template),
    /// By the slot's place in the list.
    List(Vec<(String, Option<ByteRange>)>),
    /// One resource whose index lists the segments.
    Indexed(String, Option<ByteRange>),
}

/// A period's place in time.
#[derive(Clone, Copy)]
struct Span {
    start_us: Option<u64>,
    duration_us: Option<u64>,
    /// Microseconds from the period's start until now, and how long segments stay; if it is live.
    live: Option<(u64, Option<u64>)>,
}

/// Reads an MPD that came from `url`.
pub(super) fn read(url: &str, mpd: &Element, now_ms: u64) -> Presentation {
    let mut presentation = Presentation {
        is_live: mpd.attribute("type").map(str::trim) == Some("dynamic"),
        epoch_ms: mpd
            .attribute("availabilityStartTime")
            .and_then(date_time_ms),
        published_ms: mpd.attribute("publishTime").and_then(date_time_ms),
        ..Presentation::default()
    };
    // Players take the first Location for the MPD's own address.
    let location = mpd.child("Location").map_or("", |location| &location.text);
    let url = address::resolve(url, location).unwrap_or_else(|| url.to_owned());
    let bases = bases::below(vec![url], mpd);
    let periods: Vec<&Element> = mpd.children_named("Period").collect();
    let mut next_start = Some(0);
    for (index, period) in periods.iter().enumerate() {
        let start_us = time(period, "start").or(next_start);
        let following = periods.get(index + 1);
        let end_us = match following {
            Some(following) => time(following, "start"),
            None => time(mpd, "mediaPresentationDuration"),
        };
        let until = start_us
            .zip(end_us)
            .map(|(start, end)| end.saturating_sub(start));
        let duration_us = time(period, "duration").or(until);
        next_start = start_us
            .zip(duration_us)
            .map(|(start, long)| start.saturating_add(long));
        let span = Span {
            start_us,
            duration_us,
            live: presentation.live_edge(mpd, start_us, now_ms),
        };
        presentation.read_period(&bases, period, span);
    }
    presentation
}

fn time(element: &Element, name: &str) -> Option<u64> {
    element.attribute(name).and_then(duration_us)
}

impl Presentation {
    fn live_edge(
        &self,
        mpd: &Element,
        start_us: Option<u64>,
        now_ms: u64,
    ) -> Option<(u64, Option<u64>)> {
        let epoch_ms = self.epoch_ms.filter(|_| self.is_live)?;
        let elapsed_ms = i64::try_from(now_ms).ok()?.saturating_sub(epoch_ms);
        let elapsed_us = u64::try_from(elapsed_ms).unwrap_or(0).saturating_mul(1_000);
        let edge = elapsed_us.saturating_sub(start_us?);
        Some((edge, time(mpd, "timeShiftBufferDepth")))
    }

    fn read_period(&mut self, bases: &[String], period: &Element, span: Span) {
        self.warn_of_link(period);
        let bases = bases::below(bases.to_vec(), period);
        let mut name = String::new();
        match (period.attribute("id"), span.start_us) {
            (Some(id), _) => name.push_str(id),
            (None, Some(start)) => name.push_str(&(start / 1_000).to_string()),
            (None, None) => return self.warn("a period", "nothing tells when it begins"),
        }
        for set in period.children_named("AdaptationSet") {
            self.warn_of_link(set);
            let bases = bases::below(bases.clone(), set);
            for representation in set.children_named("Representation") {
                let levels = [representation, set, period];
                let id = representation.attribute("id").unwrap_or_default();
                match self.read_rendition(bases.clone(), &name, levels, span) {
                    Ok(rendition) => {
                        self.segments += rendition.slots.len();
                        self.renditions.push(rendition);
                    }
                    Err(reason) => self.warn(id, reason),
                }
            }
        }
    }

    fn read_rendition(
        &mut self,
        bases: Vec<String>,
        period: &str,
        levels: Levels<'_>,
        span: Span,
    ) -> Result<Rendition, Reason> {
        let [representation, set, _] = levels;
        let id = representation.attribute("id").filter(|id| !id.is_empty());
        let id = id.ok_or("it has no id")?;
        let mut name = String::from(period);
        for part in ["\n", set.attribute("id").unwrap_or_default(), "\n", id] {
            name.push_str(part);
        }
        if self.renditions.iter().any(|known| known.name == name) {
            return Err("another one of its adaptation set has its id");
        }
        let bases = bases::below(bases, representation);
        let base = bases.first().map_or("", String::as_str);
        if base.is_empty() {
            return Err("its BaseURL cannot be resolved");
        }
        let Some((scheme, info)) = attributes::find(&levels) else {
            return Ok(indexed(name, &bases, None));
        };
        if scheme == Scheme::Base {
            let index_range = byte_range(info.attribute("indexRange"))?;
            return Ok(indexed(name, &bases, index_range));
        }
        let timescale = info.uint("timescale")?.unwrap_or(1);
        if timescale == 0 || timescale > u64::from(u32::MAX) {
            return Err("its timescale is out of range");
        }
        let first_number = info.uint("startNumber")?.unwrap_or(1);
        let (media, reference) = if scheme == Scheme::List {
            list(base, &info)?
        } else {
            let media = info
                .attribute("media")
                .ok_or("its SegmentTemplate has no media")?;
            let bandwidth = representation.attribute("bandwidth").unwrap_or_default();
            let template = Template::new(base, media, id, bandwidth)?;
            (Media::Template(template), media.trim())
        };
        let slots = self.slots(&info, &media, timescale, first_number, span)?;
        Ok(Rendition {
            name,
            timescale,
            first_number,
            slots,
            media,
            aliases: bases::aliases(&bases, reference),
        })
    }

    /// The slots of a representation.
    fn slots(
        &mut self,
        info: &Inherited<'_>,
        media: &Media,
        timescale: u64,
        first_number: u64,
        span: Span,
    ) -> Result<Vec<Slot>, Reason> {
        let timeline = info.child("SegmentTimeline");
        // Segments of `@duration` count from the period's start (5.3.9.5.3), so players leave it out for them.
        let offset = match timeline {
            Some(_) => info.uint("presentationTimeOffset")?.unwrap_or(0),
            None => 0,
        };
        let long = span.duration_us.map(|us| ticks(us, timescale));
        let count_max = match media {
            Media::List(items) => Some(items.len() as u64),
            Media::Template(_) | Media::Indexed(..) => info
                .uint("endNumber")?
                .map(|end| end.saturating_add(1).saturating_sub(first_number)),
        };
        let runs = if let Some(timeline) = timeline {
            let end = long.map(|long| long.saturating_add(offset));
            read_timeline(timeline, end)?
        } else {
            let duration = info.uint("duration")?.filter(|duration| *duration > 0);
            let is_list = matches!(media, Media::List(_));
            let run = match duration {
                None if is_list && count_max > Some(1) => {
                    return Err("its SegmentList has no duration");
                }
                None => single(long),
                Some(duration) if is_list => sliding(duration, count_max, first_number)?,
                Some(duration) => steady(duration, long, count_max),
            };
            vec![run]
        };
        let window: Window = span.live.map(|(edge_us, depth_us)| {
            let at = |us| ticks(us, timescale).saturating_add(offset);
            let depth_us = depth_us.unwrap_or(u64::MAX).saturating_add(CLOCK_SLACK_US);
            let from = at(edge_us.saturating_sub(depth_us));
            (from, at(edge_us.saturating_add(CLOCK_SLACK_US)))
        });
        self.follows_clock |= window.is_some() && runs.last().is_some_and(|run| !run.is_listed);
        let slots = lay_out(&runs, window, count_max, self.is_live)?;
        if self.segments + slots.len() > SEGMENTS_MAX {
            return Err("the MPD lists more than 200,000 segments");
        }
        match media {
            Media::Template(template) if slots.len() > 1 && !template.names_each() => {
                Err("its template names all segments alike")
            }
            Media::Template(_) | Media::List(_) | Media::Indexed(..) => Ok(slots),
        }
    }

    fn warn_of_link(&mut self, element: &Element) {
        if element.attribute(XLINK).is_some() {
            let id = element.attribute("id").unwrap_or_default();
            self.warn(id, "its xlink:href is not followed");
        }
    }

    fn warn(&mut self, id: &str, reason: Reason) {
        const WARNINGS_MAX: usize = 16;
        if self.warnings.len() < WARNINGS_MAX {
            let mut text = String::from("no P2P for ");
            text.extend(id.chars().take(100));
            text.push_str(": ");
            text.push_str(reason);
            self.warnings.push(text);
        }
    }
}

/// One segment that is all of the period.
fn single(long: Option<u64>) -> Run {
    Run {
        time: 0,
        duration: long.unwrap_or(1).max(1),
        count: Some(1),
        index: 0,
        is_listed: true,
    }
}

/// Segments of a template with `@duration`, until the period or the numbers end.
fn steady(duration: u64, long: Option<u64>, count_max: Option<u64>) -> Run {
    Run {
        time: 0,
        duration,
        count: long.map(|long| long.div_ceil(duration)).or(count_max),
        index: 0,
        is_listed: false,
    }
}

/// Segments of a list with `@duration`: a first number that rises tells how far a live window has come.
fn sliding(duration: u64, count: Option<u64>, first_number: u64) -> Result<Run, Reason> {
    let time = first_number.saturating_sub(1).checked_mul(duration);
    Ok(Run {
        time: time.ok_or("its times are beyond 64 bits")?,
        duration,
        count,
        index: 0,
        is_listed: true,
    })
}

fn indexed(name: String, bases: &[String], index_range: Option<ByteRange>) -> Rendition {
    let url = bases.first().cloned().unwrap_or_default();
    Rendition {
        name,
        timescale: 1,
        first_number: 0,
        slots: Vec::new(),
        media: Media::Indexed(url, index_range),
        aliases: bases::aliases(bases, ""),
    }
}

/// What a list has, and how it calls the first of them.
fn list<'a>(base: &str, info: &Inherited<'a>) -> Result<(Media, &'a str), Reason> {
    let has_urls = |list: &&Element| list.child("SegmentURL").is_some();
    let Some(list) = info.elements().find(has_urls) else {
        return Err("its SegmentList is empty");
    };
    let (mut items, mut first) = (Vec::new(), None);
    for item in list.children_named("SegmentURL") {
        let media = item.attribute("media").unwrap_or_default().trim();
        let url = address::resolve(base, media).ok_or("its URLs cannot be resolved")?;
        first = first.or(Some(media));
        items.push((url, byte_range(item.attribute("mediaRange"))?));
        if items.len() as u64 > slots::SLOTS_MAX {
            return Err("its SegmentList is too long");
        }
    }
    Ok((Media::List(items), first.unwrap_or_default()))
}

/// `first-last`, both inclusive.
fn byte_range(value: Option<&str>) -> Result<Option<ByteRange>, Reason> {
    const BAD: Reason = "a byte range cannot be read";
    let Some(value) = value else { return Ok(None) };
    let (first, last) = value.split_once('-').ok_or(BAD)?;
    let (start, last) = (
        uint(Some(first))?.ok_or(BAD)?,
        uint(Some(last))?.ok_or(BAD)?,
    );
    let end = last.checked_add(1).filter(|end| *end > start).ok_or(BAD)?;
    Ok(Some(ByteRange { start, end }))
}
