//! `cargo xtask bench simulator`: what a simulated viewer-second costs by the size of the audience, and
//! (`--curve`) what the swarm reaches by it. Tables for people; `--page` puts them into the page.
//!
//! The binary is built optimised and without servers, in `target/release`: it is run for minutes. Each
//! audience is a process of its own, one after the other. Measures processor time, because machines are
//! busy; decides nothing.

use crate::programs;
use crate::toolchain::root;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const USAGE: &str = "usage: cargo xtask bench simulator [options]

  --seconds S      virtual seconds of each run, default 120
  --viewers N,...  audiences, default 100,200,500,1000,2000; with --curve 10,30,100,300,1000,2000
  --scenario FILE  default scenarios/live-steady.toml
  --curve          copies, offload and control traffic too
  --page           put the table into docs/arithmetic.md
";

/// Where the tables stand: between two lines, each a comment, that name the table.
const PAGE: &str = "docs/arithmetic.md";

struct Options {
    seconds: String,
    viewers: Vec<String>,
    scenario: String,
    curve: bool,
    page: bool,
}

impl Options {
    fn read(args: &[String]) -> Option<Self> {
        let mut options = Self {
            seconds: "120".to_owned(),
            viewers: Vec::new(),
            scenario: "scenarios/live-steady.toml".to_owned(),
            curve: false,
            page: false,
        };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            match name.as_str() {
                "--curve" => options.curve = true,
                "--page" => options.page = true,
                "--seconds" => options.seconds.clone_from(args.next()?),
                "--scenario" => options.scenario.clone_from(args.next()?),
                "--viewers" => {
                    options.viewers = args.next()?.split(',').map(str::to_owned).collect();
                }
                _ => return None,
            }
        }
        if options.viewers.is_empty() {
            let usual = if options.curve {
                "10,30,100,300,1000,2000"
            } else {
                "100,200,500,1000,2000"
            };
            options.viewers = usual.split(',').map(str::to_owned).collect();
        }
        Some(options)
    }

    /// How the table is made again.
    fn command(&self) -> String {
        let mut command = "cargo xtask bench simulator".to_owned();
        if self.curve {
            command.push_str(" --curve");
        }
        let Self {
            seconds, scenario, ..
        } = self;
        format!(
            "{command} --seconds {seconds} --scenario {scenario} --viewers {}",
            self.viewers.join(",")
        )
    }
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let options = Options::read(args).ok_or(USAGE)?;
    let binary = build()?;
    let mut table = heading(options.curve);
    print(&table);
    let mut first = None;
    for viewers in &options.viewers {
        let json = simulate(&binary, &options, viewers)?;
        let line = match options.curve {
            true => reached(&json, viewers)?,
            false => cost(&json, viewers, &mut first)?,
        };
        print(&line);
        table.push_str(&line);
    }
    if options.page {
        let name = if options.curve { "curve" } else { "cost" };
        put(name, &format!("`{}`\n\n{table}", options.command()))?;
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "its figures are its output")]
fn print(text: &str) {
    print!("{text}");
}

fn build() -> Result<PathBuf, String> {
    let lean = ["--release", "--no-default-features", "--bin", "swarmline"];
    let mut cargo = Command::new("cargo");
    programs::succeed(
        cargo
            .args(["build", "--quiet"])
            .args(lean)
            .current_dir(root()),
    )?;
    let own = env::current_exe().map_err(|error| format!("xtask's own path: {error}"))?;
    let target = own.ancestors().nth(2).ok_or("xtask lies nowhere")?;
    let name = format!("release/swarmline{}", env::consts::EXE_SUFFIX);
    Ok(target.join(name))
}

fn simulate(binary: &Path, options: &Options, viewers: &str) -> Result<String, String> {
    let mut command = Command::new(binary);
    command
        .args(["simulate", &options.scenario, "--json"])
        .args(["--seconds", &options.seconds, "--viewers", viewers])
        // Hundreds of megabytes are touched at random: in pages of 2 MiB, a sixth less time (glibc 2.35).
        .env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
    let output = command.current_dir(root()).output();
    let output = output.map_err(|why| format!("the simulator does not start: {why}"))?;
    // It fails where a floor is missed, which is no matter here, or says why it could not run.
    String::from_utf8(output.stdout)
        .ok()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn heading(curve: bool) -> String {
    let names: &[&str] = if curve {
        &[
            "viewers",
            "copies, mean",
            "median",
            "P95",
            "offload",
            "limit",
            "of it",
            "in vain",
            "stall, s",
            "control, B/s",
            "messages/s",
            "tracker/min",
        ]
    } else {
        &[
            "viewers",
            "CPU, s",
            "µs a viewer-second",
            "relative",
            "µs an event",
            "MB",
        ]
    };
    let dashes = vec!["---:"; names.len()].join("|");
    format!("| {} |\n|{dashes}|\n", names.join(" | "))
}

fn cost(json: &str, viewers: &str, first: &mut Option<f64>) -> Result<String, String> {
    let cpu_s = number(json, &["cost", "cpu_s"])?;
    let mb = number(json, &["cost", "peak_mb"])?;
    let each = cpu_s * 1e6 / number(json, &["swarm", "viewer_s"])?;
    let event = cpu_s * 1e6 / number(json, &["swarm", "events"])?;
    let relative = each / *first.get_or_insert(each);
    Ok(format!(
        "| {viewers} | {cpu_s:.2} | {each:.0} | {relative:.2} | {event:.2} | {mb:.0} |\n"
    ))
}

fn reached(json: &str, viewers: &str) -> Result<String, String> {
    let swarm = |name| number(json, &["swarm", name]);
    let copies = |name| number(json, &["swarm", "copies", "each", name]);
    let stays = swarm("viewer_s")?;
    let (offload, limit) = (swarm("offload")?, swarm("offload_limit")?);
    Ok(format!(
        "| {viewers} | {:.2} | {:.2} | {:.2} | {:.2} % | {:.2} % | {:.1} % | {:.2} % | {:.1} | {:.0} | {:.1} | {:.1} |\n",
        copies("mean")?,
        copies("p50")?,
        copies("p95")?,
        offload * 100.0,
        limit * 100.0,
        offload / limit.max(f64::MIN_POSITIVE) * 100.0,
        swarm("redundancy")? * 100.0,
        number(json, &["swarm", "stalls", "total_s"])?,
        swarm("control_bytes")? / stays,
        swarm("control_messages")? / stays,
        swarm("tracker_messages")? * 60.0 / stays,
    ))
}

/// The number at the end of a path of members; names are unique enough for the first one behind its
/// parent to be meant.
fn number(json: &str, path: &[&str]) -> Result<f64, String> {
    let mut rest = json;
    for name in path {
        let found = rest.split_once(&format!("\"{name}\":"));
        rest = found
            .map(|(_, rest)| rest)
            .ok_or_else(|| format!("no {path:?} in what the simulator says: {json}"))?;
    }
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    rest[..end]
        .parse()
        .map_err(|_| format!("{path:?} is not a number: {}", &rest[..end]))
}

/// Puts `text` between the two comments of its name.
fn put(name: &str, text: &str) -> Result<(), String> {
    let path = root().join(PAGE);
    let failed = |why| format!("{PAGE}: {why}");
    let page = fs::read_to_string(&path).map_err(failed)?;
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        return Err(format!("{PAGE} has no place for the table {name}"));
    };
    fs::write(&path, format!("{before}{begin}{text}{end}{after}")).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_number_is_found_behind_its_parents() {
        let json = r#"{"control":{"offload":0.0},"swarm":{"copies":{"each":{"mean":2.5}},"offload":0.75}}"#;
        assert_eq!(number(json, &["swarm", "offload"]), Ok(0.75));
        assert_eq!(number(json, &["swarm", "copies", "each", "mean"]), Ok(2.5));
        assert!(number(json, &["swarm", "stalls"]).is_err());
    }
}
