//! `cargo xtask soak fuzz`: lets the fuzz targets look for inputs that break a decoder, one target after
//! the other, each for a while. Needs a nightly compiler and cargo-fuzz; nothing else of the project does.
//! `cargo xtask soak kills`: the tracker is killed in the midst of writes, a hundred times; CI does it five.
//! `cargo xtask soak hours`: a live stream for twelve hours of the simulator's, while viewers come and go: nothing grows.
//! `cargo xtask soak browser`: two hours of a live stream in real pages, whose memory and handles are counted.
//! `cargo xtask soak upload-limit`: a page that serves another all the time, for ten minutes, against its limit.
//!
//! What it finds lies in `fuzz/artifacts`; what it learnt stays in `target/fuzz` and is no part of the
//! committed corpus, which `docs/fuzzing.md` says how to renew.
#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

use crate::toolchain::root;
use crate::{bench, programs};
use std::fs;
use std::path::Path;
use std::process::Command;

const USAGE: &str = "usage: cargo xtask soak fuzz [--target NAME]… [--minutes N]
       cargo xtask soak kills
       cargo xtask soak hours
       cargo xtask soak browser [--minutes N | --report]
       cargo xtask soak upload-limit [--minutes N] [--kb-per-s N]

  --target NAME   this target alone (repeat it for several; default: all of fuzz/fuzz_targets)
  --minutes N     of each target (default 10), of the pages (default 120), under the limit (default 10)
";

const NEEDS: &str = "fuzzing needs a nightly compiler and cargo-fuzz:
  rustup toolchain install nightly --profile minimal
  cargo install cargo-fuzz --locked";

/// Longest input tried, bytes: several refreshes of a playlist, several blocks' worth of leaves.
const INPUT_BYTES_MAX: u32 = 8_192;
/// An allocation beyond it is a finding, MB. The limits of the wire are far below.
const ALLOCATION_MB_MAX: u32 = 64;
/// An input that takes longer is a finding, seconds. The sanitizers slow everything down a lot.
const SECONDS_MAX: u32 = 10;

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    if args == ["kills"] {
        return kills();
    }
    if args == ["hours"] {
        return hours();
    }
    match args.split_first().map(|(what, rest)| (what.as_str(), rest)) {
        Some(("fuzz", options)) => fuzz_all(options),
        Some(("browser", options)) => bench::in_browsers("bench/hours.js", options),
        Some(("upload-limit", options)) => bench::in_browsers("bench/upload-limit.js", options),
        Some(_) | None => Err(USAGE.to_owned()),
    }
}

fn fuzz_all(options: &[String]) -> Result<(), String> {
    let all = targets(&root().join("fuzz/fuzz_targets"))?;
    let mut chosen = Vec::new();
    let mut minutes = 10;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or(USAGE)?;
        match option.as_str() {
            "--target" if all.contains(value) => chosen.push(value.clone()),
            "--target" => return Err(format!("no target `{value}`, but {}", all.join(", "))),
            "--minutes" => minutes = value.parse().map_err(|_| USAGE)?,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let ready = fuzz(&["--version"]).output();
    if !ready.is_ok_and(|output| output.status.success()) {
        return Err(NEEDS.to_owned());
    }
    let chosen = if chosen.is_empty() { all } else { chosen };
    for target in &chosen {
        soak(target, minutes)?;
    }
    println!(
        "{} targets, {minutes} minutes each, no finding",
        chosen.len()
    );
    Ok(())
}

/// Kills a tracker that writes, and looks whether anything acknowledged is gone.
fn kills() -> Result<(), String> {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--test", "tracker", "a_kill_in_a_storm"])
        .env("SWARMLINE_KILLS", "100")
        .current_dir(root());
    programs::succeed(&mut command)
}

/// Simulates twelve hours; ends with an error where anything has grown.
fn hours() -> Result<(), String> {
    let mut command = Command::new("cargo");
    command
        .args(["run", "--quiet", "--release", "--no-default-features"])
        .args(["simulate", "scenarios/twelve-hours.toml"])
        .current_dir(root());
    programs::succeed(&mut command)
}

/// The names of the targets, in order.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let fault = |error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(fault)?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn soak(target: &str, minutes: u64) -> Result<(), String> {
    let learnt = root().join("target/fuzz").join(target);
    fs::create_dir_all(&learnt).map_err(|error| format!("{}: {error}", learnt.display()))?;
    let kept = root().join("fuzz/corpus").join(target);
    println!("{target}: {minutes} minutes");
    let mut run = fuzz(&["run", target]);
    run.args([&learnt, &kept]).arg("--").args([
        format!("-max_total_time={}", minutes * 60),
        format!("-max_len={INPUT_BYTES_MAX}"),
        format!("-malloc_limit_mb={ALLOCATION_MB_MAX}"),
        format!("-timeout={SECONDS_MAX}"),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
    ]);
    programs::succeed(&mut run)
}

fn fuzz(args: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly", "cargo", "fuzz"])
        .args(args)
        .current_dir(root().join("fuzz"));
    command
}
