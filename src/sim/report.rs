//! A run beside its control: what was promised, what was reached, for people and for machines.
//!
//! Invariant: every figure stands beside the control's of the same seed, and losses are said like gains.

use super::figures::Figures;
use super::hours::growth;
use super::scenario::{Floor, Scenario};
use core::fmt;
use serde::Serialize;

/// A run beside its control.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The seed of both runs.
    pub seed: u64,
    /// Virtual seconds.
    pub seconds: f64,
    /// With engines.
    pub swarm: Figures,
    /// With players alone.
    pub control: Figures,
    /// CDN bytes saved, playlists counted: 1 − swarm's by control's.
    pub saved: f64,
    /// Offload by its limit.
    pub share_of_limit: f64,
    /// What it cost, where somebody measured.
    pub cost: Option<Cost>,
    /// What was asked for, and whether it was reached.
    pub verdicts: Vec<Verdict>,
}

/// What the run cost the machine it ran on.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cost {
    /// Seconds until both runs were over.
    pub wall_s: f64,
    /// Processor seconds of the swarm's run.
    pub cpu_s: Option<f64>,
    /// Megabytes the process held at its largest.
    pub peak_mb: Option<f64>,
}

/// One thing that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// What.
    pub what: &'static str,
    /// What was reached.
    pub reached: f64,
    /// The least or most that was asked for.
    pub asked: f64,
    /// Whether it was.
    pub met: bool,
}

impl Report {
    /// Puts two runs of one seed beside each other.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64, swarm: Figures, control: Figures) -> Self {
        let all = |figures: &Figures| (figures.cdn_bytes + figures.playlist_bytes) as f64;
        let share_of_limit = if swarm.offload_limit > 0.0 {
            swarm.offload / swarm.offload_limit
        } else {
            1.0
        };
        Self {
            scenario: scenario.name.clone(),
            seed,
            seconds: scenario.seconds,
            saved: 1.0 - all(&swarm) / all(&control).max(1.0),
            share_of_limit,
            verdicts: verdicts(&scenario.floor, share_of_limit, &swarm, &control),
            cost: None,
            swarm,
            control,
        }
    }

    /// The same with what it cost.
    #[must_use]
    pub fn with_cost(mut self, cost: Cost) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Whether no promise was broken and every floor was reached.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.met)
    }
}

fn verdicts(
    floor: &Floor,
    share_of_limit: f64,
    swarm: &Figures,
    control: &Figures,
) -> Vec<Verdict> {
    let at_most = |what, reached: f64, asked: f64| Verdict {
        what,
        reached,
        asked,
        met: reached <= asked + 1e-9,
    };
    let mut verdicts = vec![
        at_most("promises broken", swarm.violations as f64, 0.0),
        at_most(
            "promises broken by the control",
            control.violations as f64,
            0.0,
        ),
        at_most(
            "stall, s, of the control's",
            swarm.stalls.total_s,
            control.stalls.total_s,
        ),
        at_most(
            "worst stall, s, of the control's",
            swarm.stalls.each_s.max,
            control.stalls.each_s.max,
        ),
        at_most(
            "redundancy",
            swarm.redundancy,
            floor.redundancy.unwrap_or(0.02),
        ),
    ];
    let at_least = |what, reached: f64, asked: f64| Verdict {
        what,
        reached,
        asked,
        met: reached >= asked,
    };
    if let Some(asked) = floor.share_of_limit {
        verdicts.push(at_least("share of the limit", share_of_limit, asked));
    }
    if let Some(asked) = floor.links {
        verdicts.push(at_least("links at the end, mean", swarm.links.mean, asked));
    }
    if let Some(asked) = floor.copies {
        verdicts.push(at_most(
            "copies beyond first segments",
            swarm.copies.each.mean,
            asked,
        ));
    }
    if let Some(asked) = floor.stall_p99_s {
        verdicts.push(at_most(
            "stall of the 99th percentile, s",
            swarm.stalls.each_s.p99,
            asked,
        ));
    }
    if let Some(asked) = floor.growth {
        let what = "growth of what is held";
        verdicts.push(at_most(what, growth(&swarm.held), asked));
    }
    verdicts
}

/// A line of the table: swarm, alone, digits.
struct Row(String, f64, f64, usize);

impl Report {
    fn traffic(&self) -> Vec<Row> {
        let (a, b) = (&self.swarm, &self.control);
        let row = |what: &str, of: &dyn Fn(&Figures) -> f64, digits| {
            Row(what.to_owned(), of(a), of(b), digits)
        };
        vec![
            row("CDN, MB of media", &|f| f.cdn_bytes as f64 / 1e6, 1),
            row(
                "  of them for empty buffers",
                &|f| f.cdn_first_bytes as f64 / 1e6,
                1,
            ),
            row(
                "CDN, MB of playlists",
                &|f| f.playlist_bytes as f64 / 1e6,
                1,
            ),
            row("CDN requests for media", &|f| f.cdn_requests as f64, 0),
            row("peers, MB", &|f| f.peer_bytes as f64 / 1e6, 1),
            row(
                "between peers beside media, MB",
                &|f| f.control_bytes as f64 / 1e6,
                1,
            ),
            row("  bytes a viewer-second", &|f| f.control_bytes_per_s, 0),
            row("  of media, %", &|f| f.control_share * 100.0, 2),
            row("offload, %", &|f| f.offload * 100.0, 2),
            row("  its limit, %", &|f| f.offload_limit * 100.0, 2),
            row("received in vain, %", &|f| f.redundancy * 100.0, 2),
            row(
                "copies a segment beyond first segments",
                &|f| f.copies.each.mean,
                2,
            ),
            row("  95th percentile", &|f| f.copies.each.p95, 2),
            row("  worst segment", &|f| f.copies.each.max, 2),
            row("copies a segment in all", &|f| f.copies.with_first, 2),
            row(
                "CDN share of the worst viewer, %",
                &|f| f.cdn_share.max * 100.0,
                1,
            ),
            row("links at the end, mean", &|f| f.links.mean, 1),
            row(
                "links opened a viewer and minute",
                &|f| f.links_opened_per_minute,
                2,
            ),
            row("parts of the mesh, at worst", &|f| f.islands as f64, 0),
            row("first peer, s, median", &|f| f.first_peer_s.p50, 2),
            row("viewers without a peer", &|f| f.lonely as f64, 0),
        ]
    }

    fn playback(&self) -> Vec<Row> {
        let (a, b) = (&self.swarm, &self.control);
        let row = |what: &str, of: &dyn Fn(&Figures) -> f64, digits| {
            Row(what.to_owned(), of(a), of(b), digits)
        };
        let mut rows = vec![
            row("viewers that stalled", &|f| f.stalls.viewers as f64, 0),
            row("stall, s, all viewers", &|f| f.stalls.total_s, 2),
            row("  99th percentile", &|f| f.stalls.each_s.p99, 2),
            row("  worst viewer", &|f| f.stalls.each_s.max, 2),
            row("first frame, s, median", &|f| f.startup_s.p50, 2),
            row("  worst viewer", &|f| f.startup_s.max, 2),
            row("buffered when asking, s, mean", &|f| f.ahead_s.mean, 1),
        ];
        if a.uplink_wait_s.max > 0.0 {
            rows.push(row(
                "wait before the uplink, s, mean",
                &|f| f.uplink_wait_s.mean,
                3,
            ));
            rows.push(row("  median", &|f| f.uplink_wait_s.p50, 2));
            rows.push(row("  95th percentile", &|f| f.uplink_wait_s.p95, 2));
            rows.push(row("  99th percentile", &|f| f.uplink_wait_s.p99, 2));
        }
        if b.behind_s.max > 0.0 {
            rows.push(row(
                "behind the live edge, s, mean",
                &|f| f.behind_s.mean,
                2,
            ));
            rows.push(row("  worst viewer", &|f| f.behind_s.max, 2));
        }
        if b.levels.len() > 1 {
            rows.push(row(
                "switches a viewer and minute",
                &|f| f.switches_per_minute,
                2,
            ));
            for level in 0..b.levels.len() {
                let what = format!("segments of rendition {level}, %");
                rows.push(row(&what, &|f| f.levels[level] * 100.0, 1));
            }
        }
        rows
    }
}

/// Lines about groups of viewers, and about spans of the run.
fn parts(figures: &Figures) -> impl Iterator<Item = String> {
    let cohorts = figures.cohorts.iter().map(ToString::to_string);
    cohorts.chain(figures.held.iter().map(ToString::to_string))
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario,
            seed,
            swarm,
            control,
            ..
        } = self;
        let (viewers, stays) = (swarm.viewers, swarm.viewer_s);
        writeln!(
            out,
            "{scenario}, seed {seed}: {viewers} viewers, {stays:.0} viewer-seconds"
        )?;
        writeln!(out, "{:<44}{:>14}{:>14}", "", "swarm", "alone")?;
        for Row(what, ours, alone, digits) in self.traffic().into_iter().chain(self.playback()) {
            writeln!(out, "  {what:<42}{ours:>14.digits$}{alone:>14.digits$}")?;
        }
        for asks in &swarm.asks {
            let share = asks.bytes as f64 * 100.0 / swarm.cdn_bytes.max(1) as f64;
            let each = asks.bytes as f64 / 1e3 / asks.requests.max(1) as f64;
            let (why, requests) = (asks.why, asks.requests);
            writeln!(
                out,
                "  CDN asked, {why:<31}{share:>13.1} %{requests:>9} times, {each:.0} kB each"
            )?;
        }
        let used = swarm.uplinks_used * 100.0;
        writeln!(out, "  uplinks used, %{used:>43.1}")?;
        for line in parts(swarm) {
            writeln!(out, "  {line}")?;
        }
        let (saved, share) = (self.saved * 100.0, self.share_of_limit * 100.0);
        writeln!(
            out,
            "  saved {saved:.2} % of CDN bytes; {share:.2} % of the limit; trace {}",
            swarm.trace
        )?;
        if let Some(Cost {
            wall_s,
            cpu_s,
            peak_mb,
        }) = self.cost
        {
            let cpu_s = cpu_s.unwrap_or(wall_s);
            let each = cpu_s * 1e6 / swarm.viewer_s.max(1.0);
            let peak = peak_mb.map_or_else(String::new, |mb| format!(", {mb:.0} MB at most"));
            writeln!(
                out,
                "  cost {wall_s:.1} s, {each:.0} µs of a core a viewer-second{peak}"
            )?;
        }
        for Verdict {
            what,
            reached,
            asked,
            met,
        } in &self.verdicts
        {
            let word = if *met { "met   " } else { "MISSED" };
            writeln!(out, "  {word} {what}: {reached:.3} (asked: {asked:.3})")?;
        }
        for violation in swarm.violation.iter().chain(&control.violation) {
            let (at_s, viewer) = (violation.at_s, violation.viewer);
            let (promise, what) = (violation.promise, &violation.what);
            writeln!(
                out,
                "  BROKEN {promise:?} at {at_s:.3} s, viewer {viewer}: {what}"
            )?;
        }
        Ok(())
    }
}
