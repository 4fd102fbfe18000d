//! Who fared how: figures by the kind of viewer and the wave it came with, and whether the links between
//! viewers hold together.
//!
//! Invariant: it looks and changes nothing.

use super::scenario::Scenario;
use super::viewer::Viewer;
use super::world::World;
use crate::base::{Duration, Instant};
use core::fmt;
use serde::Serialize;

/// How often the links are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Who came so lately may be alone.
const NEW: Duration = Duration::from_secs(5);

/// Viewers of one kind that came in one wave.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cohort {
    /// Which.
    pub name: String,
    /// How many.
    pub viewers: usize,
    /// 1 − CDN bytes by delivered bytes.
    pub offload: f64,
    /// Bytes they sent by bytes delivered to them.
    pub given: f64,
    /// Seconds waited after the first frame, all of them.
    pub stall_s: f64,
    /// Seconds to the first open link: the middle, and one of a hundred takes longer.
    pub first_peer_s: (f64, f64),
    /// Open links at the end, mean and fewest.
    pub links: (f64, usize),
}

impl fmt::Display for Cohort {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, viewers, stall) = (&self.name, self.viewers, self.stall_s);
        let (offload, given) = (self.offload * 100.0, self.given * 100.0);
        let ((median, late), (links, fewest)) = (self.first_peer_s, self.links);
        write!(
            out,
            "{name}: {viewers} viewers, offload {offload:.2} %, gave {given:.1} %, stalled {stall:.2} s, \
             first peer {median:.2} s ({late:.2}), links {links:.1} ({fewest})"
        )
    }
}

/// What was seen of the links so far.
#[derive(Debug, Default)]
pub(super) struct Census {
    next: Instant,
    /// Parts of the mesh without a link between them, viewers that just came left out: at worst.
    pub(super) islands: usize,
}

impl Census {
    /// Whether it is time to count.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now >= self.next;
        if is_due {
            self.next = now + EVERY;
        }
        is_due
    }

    /// Counts islands.
    pub(super) fn count(&mut self, viewers: &[&Viewer], now: Instant) {
        self.islands = self.islands.max(islands(viewers, now));
    }
}

/// Parts of the mesh, of viewers that have been here for a while and can reach others.
fn islands(viewers: &[&Viewer], now: Instant) -> usize {
    let settled = |v: &Viewer| v.here && v.is_able() && now >= v.comes + NEW;
    let mut seen = vec![false; viewers.len()];
    let mut count = 0;
    for (start, viewer) in viewers.iter().enumerate() {
        if seen[start] || !settled(viewer) {
            continue;
        }
        count += 1;
        let mut open = vec![start];
        while let Some(index) = open.pop() {
            if core::mem::replace(&mut seen[index], true) {
                continue;
            }
            let links = viewers[index].links.all.values();
            open.extend(links.filter(|link| link.open).map(|link| link.other.0));
        }
    }
    count
}

/// Figures by cohort; nothing where there is only one.
pub(super) fn cohorts(scenario: &Scenario, world: &World<'_>) -> Vec<Cohort> {
    let kinds = scenario.group.len() + 1;
    let all = (0..scenario.arrivals.len() * kinds).map(|cohort| {
        let of = |viewer: &&Viewer| viewer.cohort == cohort;
        let members: Vec<&Viewer> = world.viewers().filter(of).collect();
        let (wave, kind) = (cohort / kinds, cohort % kinds);
        let mut name = match kind.checked_sub(1) {
            Some(group) => format!("group {}", group + 1),
            None => "the others".to_owned(),
        };
        if scenario.arrivals.len() > 1 {
            name += &format!(", from {} s", scenario.arrivals[wave].at_s);
        }
        figures(name, &members, world.now)
    });
    let found: Vec<Cohort> = all.filter(|cohort| cohort.viewers > 0).collect();
    if found.len() > 1 { found } else { Vec::new() }
}

fn figures(name: String, members: &[&Viewer], now: Instant) -> Cohort {
    let sum = |of: fn(&Viewer) -> u64| members.iter().map(|viewer| of(viewer)).sum::<u64>() as f64;
    let delivered = sum(|viewer| viewer.delivered).max(1.0);
    let first = |viewer: &&Viewer| {
        let ms = viewer.stats.as_ref().and_then(|stats| stats.first_peer_ms);
        ms.map_or(viewer.stayed_s(now), |ms| ms as f64 / 1e3)
    };
    let mut first: Vec<f64> = members.iter().map(first).collect();
    first.sort_by(f64::total_cmp);
    let at = |percent: usize| {
        first
            .get(first.len() * percent / 100)
            .copied()
            .unwrap_or(0.0)
    };
    let here: Vec<usize> = members
        .iter()
        .filter(|viewer| viewer.here)
        .map(|viewer| viewer.links.open)
        .collect();
    Cohort {
        name,
        viewers: members.len(),
        offload: 1.0 - sum(|viewer| viewer.cdn_bytes) / delivered,
        given: sum(|viewer| viewer.uploaded) / delivered,
        stall_s: members.iter().map(|v| v.player.watched.stall_s).sum(),
        first_peer_s: (at(50), at(99)),
        links: (
            here.iter().sum::<usize>() as f64 / here.len().max(1) as f64,
            here.iter().copied().min().unwrap_or(0),
        ),
    }
}
