//! `cargo xtask test`: everything CI runs. Each step prints its seconds and what it counted; the last
//! line is `N passed, N failed, N skipped`.
//!
//! A failing step does not stop the later ones that can do without it, but the exit code is 1. With
//! `CI=true` a skipped test fails the run too: there, a missing tool is a fault.
#![allow(clippy::print_stdout, reason = "the report goes to standard output")]

mod counts;
mod steps;

use crate::toolchain::root;
use counts::Counts;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;
use std::{env, io, thread};

const USAGE: &str = "usage: cargo xtask test [--only NAME]… [--list] [--verbose]

  --only NAME   run this step alone (repeat it for several); its own needs are taken as met
  --list        name the steps
  --verbose     show every step's output as it comes, not only that of a failed one
";

/// Lines of a failed step's output that are shown; all of it is in the log file.
const SHOWN_LINES: usize = 200;

/// One step: what it is called, what it cannot do without, and how it runs.
struct Step {
    name: &'static str,
    about: &'static str,
    after: &'static [&'static str],
    run: fn(&mut Shop) -> Result<Counts, String>,
}

/// Where a step works and what it may ask for.
struct Shop {
    root: PathBuf,
    log: PathBuf,
    verbose: bool,
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let mut only = Vec::new();
    let mut verbose = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--list" => return list(),
            "--verbose" => verbose = true,
            "--only" => only.extend(args.next().ok_or(USAGE)?.split(',').map(str::to_owned)),
            _ => return Err(USAGE.to_owned()),
        }
    }
    if let Some(unknown) = only
        .iter()
        .find(|name| !steps::ALL.iter().any(|s| s.name == *name))
    {
        return Err(format!(
            "no step `{unknown}`; `cargo xtask test --list` names them"
        ));
    }
    let chosen = steps::ALL
        .iter()
        .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name));
    report(&run_steps(chosen, verbose)?)
}

fn list() -> Result<(), String> {
    for step in steps::ALL {
        println!("{:<12} {}", step.name, step.about);
    }
    Ok(())
}

/// Runs the steps in order and returns their sum.
fn run_steps<'a>(chosen: impl Iterator<Item = &'a Step>, verbose: bool) -> Result<Counts, String> {
    let root = root();
    let logs = root.join("target").join("test-logs");
    std::fs::create_dir_all(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
    let mut sum = Counts::default();
    let mut failed: Vec<&str> = Vec::new();
    for step in chosen {
        let log = logs.join(format!("{}.log", step.name));
        let _ = std::fs::remove_file(&log);
        let mut shop = Shop {
            root: root.clone(),
            log,
            verbose,
        };
        let started = Instant::now();
        let missing = step.after.iter().find(|need| failed.contains(*need));
        let result = match missing {
            Some(need) => Err(format!("not run: `{need}` failed")),
            None => (step.run)(&mut shop),
        };
        let (counts, why) = match result {
            Ok(counts) => (counts, None),
            Err(why) => (Counts::check(false), Some(why)),
        };
        if counts.failed > 0 {
            failed.push(step.name);
            if missing.is_none() && !verbose {
                show_end_of(&shop.log);
            }
        }
        print_step(
            step,
            &counts,
            why.as_deref(),
            started.elapsed().as_secs_f64(),
        );
        sum += counts;
    }
    Ok(sum)
}

fn print_step(step: &Step, counts: &Counts, why: Option<&str>, seconds: f64) {
    let mark = if counts.failed > 0 { "FAIL" } else { "ok" };
    let mut told = format!("{} passed", counts.passed);
    for (count, word) in [(counts.failed, "failed"), (counts.skipped, "skipped")] {
        if count > 0 {
            told.push_str(&format!(", {count} {word}"));
        }
    }
    println!("{mark:>4}  {:<12} {told:<36} {seconds:>7.1} s", step.name);
    if let Some(why) = why {
        println!("      {why}");
    }
    for name in &counts.skipped_names {
        println!("      skipped: {name}");
    }
    for name in &counts.passed_alone {
        println!("      failed beside others, passed alone: {name}");
    }
    let _ = io::stdout().flush();
}

fn report(sum: &Counts) -> Result<(), String> {
    let skips_fail = sum.skipped > 0 && in_ci();
    if skips_fail {
        println!("CI=true: a skipped test fails the run");
    }
    println!(
        "{} passed, {} failed, {} skipped",
        sum.passed, sum.failed, sum.skipped
    );
    if sum.failed > 0 || skips_fail {
        std::process::exit(1); // the last line has been said
    }
    Ok(())
}

/// True where CI runs us.
fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

impl Shop {
    /// A command that starts in the repository.
    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.root);
        command
    }

    /// Runs a program that is one check: it succeeds or not.
    fn check(&mut self, program: &str, args: &[&str]) -> Result<Counts, String> {
        let mut command = self.command(program, args);
        let (succeeded, _) = self.output(&mut command)?;
        Ok(Counts::check(succeeded))
    }

    /// Runs a test runner and counts what it says. One that counts no failure and yet fails is one.
    fn tests(&mut self, command: &mut Command) -> Result<Counts, String> {
        Ok(self.tests_and_output(command)?.0)
    }

    fn tests_and_output(&mut self, command: &mut Command) -> Result<(Counts, String), String> {
        let (succeeded, output) = self.output(command)?;
        let mut counts = Counts::read(&output);
        if !succeeded && counts.failed == 0 {
            counts.failed = 1;
        }
        if succeeded && counts == Counts::default() {
            return Err(format!("{command:?} ran no test"));
        }
        Ok((counts, output))
    }

    /// Runs a command to its end; its output goes to the log, and to the terminal when verbose.
    fn output(&mut self, command: &mut Command) -> Result<(bool, String), String> {
        let shown = format!("{command:?}");
        let fault = |error: io::Error| format!("{shown}: {error}");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(fault)?;
        let (sender, lines) = mpsc::channel();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in pipes.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                    if sender
                        .send(String::from_utf8_lossy(&line).into_owned())
                        .is_err()
                    {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(fault)?;
        writeln!(log, "$ {shown}").map_err(fault)?;
        let mut output = String::new();
        for line in lines {
            writeln!(log, "{line}").map_err(fault)?;
            if self.verbose {
                println!("{line}");
            }
            output.push_str(&line);
            output.push('\n');
        }
        Ok((child.wait().map_err(fault)?.success(), output))
    }
}

/// Shows what a failed step said last.
fn show_end_of(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(SHOWN_LINES);
    if from > 0 {
        println!("      … {from} lines before these are in {}", log.display());
    }
    for line in &lines[from..] {
        println!("      {line}");
    }
}

/// The built `swarmline`: cargo puts it beside this program.
pub(crate) fn binary() -> Result<PathBuf, String> {
    let name = format!("swarmline{}", env::consts::EXE_SUFFIX);
    let own = env::current_exe().map_err(|error| format!("xtask's own path: {error}"))?;
    Ok(own.with_file_name(name))
}
