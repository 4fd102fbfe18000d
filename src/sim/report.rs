//! A run beside its control: what was promised, what was reached, for people and for machines.
//!
//! Invariant: every figure stands beside the control's of the same seed, and losses are said like gains.

use super::figures::Figures;
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
    /// What was asked for, and whether it was reached.
    pub verdicts: Vec<Verdict>,
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
            swarm,
            control,
        }
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
    if let Some(asked) = floor.share_of_limit {
        verdicts.push(Verdict {
            what: "share of the limit",
            reached: share_of_limit,
            asked,
            met: share_of_limit >= asked,
        });
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
    verdicts
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b) = (&self.swarm, &self.control);
        writeln!(
            out,
            "{}, seed {}: {} viewers, {:.0} viewer-seconds",
            self.scenario, self.seed, a.viewers, a.viewer_s
        )?;
        writeln!(out, "{:<44}{:>14}{:>14}", "", "swarm", "alone")?;
        let mut row = |what: &str, swarm: f64, alone: f64, digits: usize| {
            writeln!(out, "  {what:<42}{swarm:>14.digits$}{alone:>14.digits$}")
        };
        let mb = |bytes: u64| bytes as f64 / 1e6;
        row("CDN, MB of media", mb(a.cdn_bytes), mb(b.cdn_bytes), 1)?;
        row(
            "  of them for empty buffers",
            mb(a.cdn_first_bytes),
            mb(b.cdn_first_bytes),
            1,
        )?;
        row(
            "CDN, MB of playlists",
            mb(a.playlist_bytes),
            mb(b.playlist_bytes),
            1,
        )?;
        row(
            "CDN requests for media",
            a.cdn_requests as f64,
            b.cdn_requests as f64,
            0,
        )?;
        row("peers, MB", mb(a.peer_bytes), mb(b.peer_bytes), 1)?;
        row(
            "between peers beside media, MB",
            mb(a.control_bytes),
            0.0,
            1,
        )?;
        row("offload, %", a.offload * 100.0, b.offload * 100.0, 2)?;
        row("  its limit, %", a.offload_limit * 100.0, 0.0, 2)?;
        row(
            "received in vain, %",
            a.redundancy * 100.0,
            b.redundancy * 100.0,
            2,
        )?;
        let (each, alone) = (a.copies.each, b.copies.each);
        row(
            "copies a segment beyond first segments",
            each.mean,
            alone.mean,
            2,
        )?;
        row("  95th percentile", each.p95, alone.p95, 2)?;
        row("  worst segment", each.max, alone.max, 2)?;
        row(
            "copies a segment in all",
            a.copies.with_first,
            b.copies.with_first,
            2,
        )?;
        let (each, alone) = (a.stalls.each_s, b.stalls.each_s);
        row(
            "viewers that stalled",
            a.stalls.viewers as f64,
            b.stalls.viewers as f64,
            0,
        )?;
        row(
            "stall, s, all viewers",
            a.stalls.total_s,
            b.stalls.total_s,
            2,
        )?;
        row("  99th percentile", each.p99, alone.p99, 2)?;
        row("  worst viewer", each.max, alone.max, 2)?;
        row(
            "first frame, s, median",
            a.startup_s.p50,
            b.startup_s.p50,
            2,
        )?;
        row("  worst viewer", a.startup_s.max, b.startup_s.max, 2)?;
        row(
            "buffered when asking, s, mean",
            a.ahead_s.mean,
            b.ahead_s.mean,
            1,
        )?;
        if b.behind_s.max > 0.0 {
            row(
                "behind the live edge, s, mean",
                a.behind_s.mean,
                b.behind_s.mean,
                2,
            )?;
            row("  worst viewer", a.behind_s.max, b.behind_s.max, 2)?;
        }
        row(
            "CDN share of the worst viewer, %",
            a.cdn_share.max * 100.0,
            b.cdn_share.max * 100.0,
            1,
        )?;
        if a.levels.len() > 1 {
            for (level, (ours, theirs)) in a.levels.iter().zip(&b.levels).enumerate() {
                row(
                    &format!("segments of rendition {level}, %"),
                    ours * 100.0,
                    theirs * 100.0,
                    1,
                )?;
            }
            row(
                "switches a viewer and minute",
                a.switches_per_minute,
                b.switches_per_minute,
                2,
            )?;
        }
        row("links at the end, mean", a.links.mean, 0.0, 1)?;
        row("first peer, s, median", a.first_peer_s.p50, 0.0, 2)?;
        row("viewers without a peer", a.lonely as f64, 0.0, 0)?;
        writeln!(out, "  trace {}", a.trace)?;
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
        for violation in a.violation.iter().chain(&b.violation) {
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
