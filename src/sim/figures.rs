//! What a run comes to: bytes by where they came from, copies, stalls, and the physical limit they are
//! held against.
//!
//! Invariant: bytes are the world's own counts, never what an engine says of itself; of viewers the worst
//! is named, not only the average.

use super::census::Cohort;
use super::hours::Held;
use super::modem::Waits;
use super::oracle::Violation;
use super::tally::Tally;
use super::viewer::Viewer;
use super::world::World;
use crate::engine::Why;
use serde::Serialize;

/// Share of an uplink that carries media at best, what protocols add left out (as FIELD's examples: Kumar,
/// Liu and Ross, INFOCOM 2007, with utilisation).
const UTILISATION: f64 = 0.9;

/// Smallest, middle and largest of many values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Half are below.
    pub p50: f64,
    /// 95 of 100 are below.
    pub p95: f64,
    /// 99 of 100 are below.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let Some(last) = values.len().checked_sub(1) else {
            return Self::default();
        };
        // The smallest value that so many percent are not above.
        let at = |percent: usize| {
            values[(values.len() * percent)
                .div_ceil(100)
                .saturating_sub(1)
                .min(last)]
        };
        Self {
            mean: values.iter().sum::<f64>() / values.len() as f64,
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: values[last],
        }
    }
}

/// Waiting after the first frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stalls {
    /// Viewers that waited at all.
    pub viewers: usize,
    /// Waits.
    pub count: u64,
    /// Seconds, all viewers.
    pub total_s: f64,
    /// Seconds a viewer.
    pub each_s: Spread,
    /// Who waited longest.
    pub worst_viewer: Option<usize>,
}

/// CDN bytes of a segment by its size, first segments of viewers left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Copies {
    /// Over the segments that anybody got.
    pub each: Spread,
    /// The same with what was fetched for empty buffers.
    pub with_first: f64,
}

/// Requests to the CDN for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Asks {
    /// Why, as engines say.
    pub why: &'static str,
    /// How many.
    pub requests: u64,
    /// What they brought.
    pub bytes: u64,
}

/// What a run comes to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Viewers that came.
    pub viewers: usize,
    /// Their stays together, seconds.
    pub viewer_s: f64,
    /// Media bytes handed to players.
    pub delivered_bytes: u64,
    /// Media bytes from the CDN.
    pub cdn_bytes: u64,
    /// Of them, for players with an empty buffer (the start, a seek): the rule gives those to the CDN.
    pub cdn_first_bytes: u64,
    /// Requests for media.
    pub cdn_requests: u64,
    /// Why engines asked the CDN; empty for the control.
    pub asks: Vec<Asks>,
    /// Media bytes sent by those who may, by what their uplinks carry while they are here.
    pub uplinks_used: f64,
    /// Bytes of playlists, all from the CDN.
    pub playlist_bytes: u64,
    /// Media bytes that came over links.
    pub peer_bytes: u64,
    /// Control messages between peers, bytes.
    pub control_bytes: u64,
    /// And how many.
    pub control_messages: u64,
    /// The same a second of a viewer's stay.
    pub control_bytes_per_s: f64,
    /// The same by the media bytes delivered.
    pub control_share: f64,
    /// Links that opened, a viewer and minute.
    pub links_opened_per_minute: f64,
    /// Parts of the mesh with no link between them, at worst.
    pub islands: usize,
    /// Segments a neighbour has held or lacked for long that somebody does not know so, by those that are known.
    pub haves_unknown: f64,
    /// Figures by wave and group of viewers, where there are several.
    pub cohorts: Vec<Cohort>,
    /// Messages to and from the tracker.
    pub tracker_messages: u64,
    /// Media bytes that came in vain: dropped, or written over.
    pub wasted_bytes: u64,
    /// `wasted_bytes` by `delivered_bytes`.
    pub redundancy: f64,
    /// 1 − CDN bytes by delivered bytes.
    pub offload: f64,
    /// The most it can be: min(p − 1/N, p·η·ū/r).
    pub offload_limit: f64,
    /// CDN copies of a segment.
    pub copies: Copies,
    /// Waits.
    pub stalls: Stalls,
    /// Seconds from coming to the first frame.
    pub startup_s: Spread,
    /// Seconds behind the live edge when a segment is appended, a viewer's mean.
    pub behind_s: Spread,
    /// Seconds buffered when a segment is asked for, a viewer's mean.
    pub ahead_s: Spread,
    /// Share of CDN bytes in what a viewer got that stayed a minute or more: the worst got nothing else.
    pub cdn_share: Spread,
    /// Shares of segments by rendition.
    pub levels: Vec<f64>,
    /// Changes of rendition a viewer and minute.
    pub switches_per_minute: f64,
    /// Times somebody fell out of the live window.
    pub jumps: u64,
    /// Open links a viewer that is here at the end.
    pub links: Spread,
    /// Seconds that a packet of anybody's waits before the uplink, where modems queue: over all the time from a viewer's
    /// first word to a peer on.
    pub uplink_wait_s: Spread,
    /// Seconds to a viewer's first open link.
    pub first_peer_s: Spread,
    /// Viewers that stayed 10 s or more and never had a link.
    pub lonely: usize,
    /// What who stays holds as hours go by, where a floor asks.
    pub held: Vec<Held>,
    /// Things that happened.
    pub events: u64,
    /// The trace's hash, 16 hexadecimal digits.
    pub trace: String,
    /// Promises broken, in all.
    pub violations: u64,
    /// The first of them.
    pub violation: Vec<Violation>,
}

impl Figures {
    pub(super) fn of(world: &World<'_>) -> Self {
        let tally = &world.tally();
        let viewers: Vec<&Viewer> = world
            .viewers()
            .filter(|viewer| viewer.here || viewer.left_at.is_some())
            .collect();
        let sum =
            |of: &dyn Fn(&Viewer) -> u64| viewers.iter().map(|viewer| of(viewer)).sum::<u64>();
        let stay = |viewer: &Viewer| viewer.stayed_s(world.now);
        let delivered_bytes = sum(&|viewer| viewer.delivered);
        let cdn_bytes: u64 = tally.cdn.iter().sum();
        let wasted_bytes = sum(&|viewer| viewer.store.wasted);
        let per_byte = |bytes: u64| bytes as f64 / delivered_bytes.max(1) as f64;
        let mut figures = Self {
            viewers: viewers.len(),
            viewer_s: viewers.iter().map(|viewer| stay(viewer)).sum(),
            delivered_bytes,
            cdn_bytes,
            cdn_first_bytes: tally.cdn_first.iter().sum(),
            cdn_requests: tally.cdn_requests,
            asks: asks(world, tally),
            uplinks_used: sum(&|viewer| viewer.uploaded) as f64 / uplinks(world, &viewers).max(1.0),
            playlist_bytes: tally.playlist_bytes,
            peer_bytes: tally.peer_bytes,
            control_bytes: tally.control_bytes,
            control_messages: tally.control_messages,
            tracker_messages: tally.tracker_messages,
            wasted_bytes,
            redundancy: per_byte(wasted_bytes),
            offload: 1.0 - per_byte(cdn_bytes),
            offload_limit: limit(world, tally, &viewers, delivered_bytes),
            copies: copies(world, tally),
            stalls: stalls(world),
            jumps: sum(&|viewer| u64::from(viewer.player.watched.jumps)),
            events: tally.events,
            trace: format!("{:016x}", world.trace()),
            violations: tally.oracle.count,
            violation: tally.oracle.kept.clone(),
            ..Self::default()
        };
        figures.control_bytes_per_s = tally.control_bytes as f64 / figures.viewer_s.max(1.0);
        figures.control_share = per_byte(tally.control_bytes);
        figures.islands = world.census.islands;
        figures.held = world.hours.held();
        let hearsay = &world.hearsay;
        figures.haves_unknown = hearsay.wrong as f64 / hearsay.right.max(1) as f64;
        figures.links_opened_per_minute = tally.opened as f64 * 60.0 / figures.viewer_s.max(1.0);
        figures.add_players(world, &viewers);
        figures.add_links(world, &viewers);
        figures
    }

    fn add_players(&mut self, world: &World<'_>, viewers: &[&Viewer]) {
        let watched = || viewers.iter().map(|viewer| &viewer.player.watched);
        let segments = || watched().map(|w| w.levels.iter().sum::<u32>());
        self.startup_s = Spread::of(watched().filter_map(|w| w.startup_s).collect());
        let mean = |sum: f64, count: u32| (count > 0).then(|| sum / f64::from(count));
        let behind = watched()
            .zip(segments())
            .filter_map(|(w, n)| mean(w.behind_s, n));
        self.behind_s = Spread::of(behind.collect());
        self.ahead_s = Spread::of(watched().filter_map(|w| mean(w.ahead_s, w.asked)).collect());
        let longer = viewers
            .iter()
            .filter(|viewer| viewer.stayed_s(world.now) >= 60.0);
        let shares = longer.map(|viewer| viewer.cdn_bytes as f64 / viewer.delivered.max(1) as f64);
        self.cdn_share = Spread::of(shares.collect());
        let all: u32 = segments().sum();
        let levels = viewers.first().map_or(0, |v| v.player.watched.levels.len());
        self.levels = (0..levels)
            .map(|level| {
                let count: u32 = watched().map(|w| w.levels[level]).sum();
                f64::from(count) / f64::from(all.max(1))
            })
            .collect();
        let switches: u32 = watched().map(|w| w.switches).sum();
        self.switches_per_minute = f64::from(switches) * 60.0 / self.viewer_s.max(1.0);
    }

    fn add_links(&mut self, world: &World<'_>, viewers: &[&Viewer]) {
        let here = viewers.iter().filter(|viewer| viewer.here);
        self.links = Spread::of(here.map(|viewer| viewer.links.open as f64).collect());
        let stats = |viewer: &&&Viewer| viewer.stats.as_ref().and_then(|s| s.first_peer_ms);
        let first = viewers.iter().filter_map(|viewer| stats(&viewer));
        self.first_peer_s = Spread::of(first.map(|ms| ms as f64 / 1e3).collect());
        let mut waits = Waits::default();
        for viewer in viewers {
            let modem = viewer.links.modem.iter();
            modem.for_each(|modem| waits.join(&modem.waits));
        }
        self.uplink_wait_s = waits.spread();
        let lonely = |viewer: &&&Viewer| {
            stats(viewer).is_none() && viewer.engine_ran && viewer.stayed_s(world.now) >= 10.0
        };
        self.lonely = viewers.iter().filter(lonely).count();
    }
}

/// min(p − 1/N, p·η·ū/r), in bytes: p, the share delivered to those who can exchange with peers; 1/N, what
/// one copy of all that was delivered is of it; p·η·ū/r, what the uplinks could carry while their viewers
/// were here.
fn limit(world: &World<'_>, tally: &Tally, viewers: &[&Viewer], delivered: u64) -> f64 {
    let delivered = delivered.max(1) as f64;
    let able = viewers.iter().filter(|viewer| viewer.is_able());
    let to_able: u64 = able.map(|viewer| viewer.delivered).sum();
    let uplinks = uplinks(world, viewers);
    let got = world
        .stage
        .origin
        .titles()
        .zip(&tally.got)
        .filter(|(_, got)| **got > 0);
    let once: u64 = got.map(|(title, _)| title.size).sum();
    let share = to_able as f64 / delivered;
    (share - once as f64 / delivered)
        .min(UTILISATION * uplinks / delivered)
        .max(0.0)
}

/// Bytes that the uplinks of those who may use them carry while their viewers are here.
fn uplinks(world: &World<'_>, viewers: &[&Viewer]) -> f64 {
    viewers
        .iter()
        .filter(|viewer| viewer.is_able() && viewer.kind.upload)
        .map(|viewer| viewer.links.up.bytes_per_s() * viewer.stayed_s(world.now))
        .sum()
}

fn asks(world: &World<'_>, tally: &Tally) -> Vec<Asks> {
    let said = |why: &Why| {
        let (requests, bytes) = *tally.asks.get(why).filter(|_| world.stage.with_engines)?;
        let why = why.words();
        Some(Asks {
            why,
            requests,
            bytes,
        })
    };
    Why::ALL.iter().filter_map(said).collect()
}

fn copies(world: &World<'_>, tally: &Tally) -> Copies {
    let counted = world
        .stage
        .origin
        .titles()
        .zip(&tally.got)
        .filter(|(_, got)| **got > 0);
    let (mut each, mut with_first) = (Vec::new(), 0.0);
    for (title, _) in counted {
        let all = tally.cdn[title.content.index()];
        let first = tally.cdn_first[title.content.index()];
        each.push((all - first) as f64 / title.size as f64);
        with_first += all as f64 / title.size as f64;
    }
    Copies {
        with_first: with_first / each.len().max(1) as f64,
        each: Spread::of(each),
    }
}

fn stalls(world: &World<'_>) -> Stalls {
    let came = || {
        let all = world.viewers().enumerate();
        all.filter(|(_, viewer)| viewer.here || viewer.left_at.is_some())
    };
    let waited: Vec<(f64, usize)> = came()
        .map(|(index, viewer)| (viewer.player.watched.stall_s, index))
        .collect();
    let worst = waited
        .iter()
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    Stalls {
        viewers: waited.iter().filter(|(seconds, _)| *seconds > 0.0).count(),
        count: came()
            .map(|(_, v)| u64::from(v.player.watched.stalls))
            .sum(),
        total_s: waited.iter().map(|(seconds, _)| seconds).sum(),
        worst_viewer: worst
            .filter(|(seconds, _)| *seconds > 0.0)
            .map(|(_, index)| *index),
        each_s: Spread::of(waited.into_iter().map(|(seconds, _)| seconds).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_names_values_that_are_there() {
        let spread = Spread::of((1..=200).rev().map(f64::from).collect());
        let Spread {
            mean,
            p50,
            p95,
            p99,
            max,
        } = spread;
        assert_eq!(
            (mean, p50, p95, p99, max),
            (100.5, 100.0, 190.0, 198.0, 200.0)
        );
        assert_eq!(Spread::of(vec![7.0]).p99, 7.0);
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }
}
