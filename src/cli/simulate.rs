//! `swarmline simulate`: scenario files into [`crate::sim`], reports out of it.

use super::cost;
use crate::sim::{Cost, Figures, Report, Scenario, run};
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Play scenarios with hundreds of viewers in virtual time, beside the same viewers without peers.
///
/// The engines and the tracker are the real ones; links, CDN, players and bytes are modelled. Equal seeds
/// give equal runs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  swarmline simulate scenarios/live-steady.toml --viewers 50
  swarmline simulate scenarios/churn.toml --seed 7 --seeds 5 --json
  swarmline simulate scenarios/*.toml

Exit code: 0 all floors met, 1 some missed or a promise broken, 2 a scenario cannot be read.")]
pub(super) struct Args {
    /// Scenario files.
    #[arg(required = true, value_name = "SCENARIO.toml")]
    scenarios: Vec<PathBuf>,
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// So many seeds from there.
    #[arg(long, value_name = "K", default_value_t = 1)]
    seeds: u64,
    /// So many viewers instead of the scenario's, its waves in proportion.
    #[arg(long, value_name = "N")]
    viewers: Option<u32>,
    /// So many virtual seconds instead of the scenario's.
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// What engines tell of, line by line: second, viewer, event.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print one JSON object a run.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(&self) -> ExitCode {
        match self.reports() {
            Ok(good) => ExitCode::from(u8::from(!good)),
            Err(why) => {
                eprintln!("swarmline simulate: {why}");
                ExitCode::from(2)
            }
        }
    }

    /// Whether all was good.
    fn reports(&self) -> Result<bool, String> {
        let scenarios: Result<Vec<Scenario>, String> =
            self.scenarios.iter().map(|path| self.read(path)).collect();
        let mut good = true;
        for scenario in &scenarios? {
            for seed in self.seed..self.seed.saturating_add(self.seeds) {
                let report = self.report(scenario, seed)?;
                good &= report.is_good();
                let text = match self.json {
                    true => serde_json::json!(report).to_string(),
                    false => report.to_string(),
                };
                match writeln!(stdout(), "{text}") {
                    Ok(()) => {}
                    // Whoever reads has seen enough (`… | head`).
                    Err(why) if why.kind() == ErrorKind::BrokenPipe => return Ok(good),
                    Err(why) => return Err(format!("standard output: {why}")),
                }
            }
        }
        Ok(good)
    }

    fn report(&self, scenario: &Scenario, seed: u64) -> Result<Report, String> {
        let begun = Instant::now();
        // One after the other: each takes all cores.
        let control = run(scenario, seed, false, None);
        let before = cost::process_s();
        let swarm = self.swarm(scenario, seed)?;
        let cpu_s = cost::process_s().zip(before).map(|(now, then)| now - then);
        let cost = Cost {
            wall_s: begun.elapsed().as_secs_f64(),
            cpu_s,
            peak_mb: cost::peak_mb(),
        };
        Ok(Report::new(scenario, seed, swarm, control).with_cost(cost))
    }

    fn read(&self, path: &Path) -> Result<Scenario, String> {
        let name = path.display();
        let text = fs::read_to_string(path).map_err(|why| format!("{name}: {why}"))?;
        let mut scenario = Scenario::read(&text).map_err(|why| format!("{name}: {why}"))?;
        scenario.seconds = self.seconds.unwrap_or(scenario.seconds);
        Ok(match self.viewers {
            Some(viewers) => scenario.with_viewers(viewers),
            None => scenario,
        })
    }

    fn swarm(&self, scenario: &Scenario, seed: u64) -> Result<Figures, String> {
        let Some(path) = &self.trace else {
            return Ok(run(scenario, seed, true, None));
        };
        let failed = |why: std::io::Error| format!("{}: {why}", path.display());
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        let mut result = Ok(());
        let mut line = |text: &str| {
            if result.is_ok() {
                result = writeln!(file, "{text}");
            }
        };
        let figures = run(scenario, seed, true, Some(&mut line));
        result.and_then(|()| file.flush()).map_err(failed)?;
        Ok(figures)
    }
}
