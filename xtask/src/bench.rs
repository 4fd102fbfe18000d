//! `cargo xtask bench browser`: viewers in real browsers, with and without the swarm; `bench verify`: how
//! fast the engine verifies there; `bench refresh`: what a refresh of a long live playlist costs there;
//! `bench transfer`: how fast it moves segments from page to page, beside bare data channels; `bench tasks`:
//! how long it holds a page's main thread; `bench simulator`: what a simulated viewer-second costs, by the
//! size of the audience. Builds what is needed and hands over to the script of that name in `bench/`, or to
//! the simulator; they measure and print.

use crate::test::binary;
use crate::toolchain::root;
use crate::{build, programs, simulator};
use std::process::Command;

const USAGE: &str = "usage: cargo xtask bench browser [options]

  --scenario vod|live|startup|memory|all   default all: vod, live, startup
  --rounds N       runs of each (default: 1 of vod and live, 7 of startup)
  --viewers N      default 6
  --minutes N      of the memory scenario, default 30
  --signed         the signed stream alone (default: signed and unsigned)
  --unsigned       the unsigned stream alone
  --json           one JSON line a scenario instead of tables

usage: cargo xtask bench verify [options]

  --rounds N       alternating runs of the engine and of WebCrypto alone, default 5
  --json           one JSON line instead of tables

usage: cargo xtask bench refresh [options]

  --rounds N       refreshes of each window, default 40
  --json           one JSON line instead of a table

usage: cargo xtask bench transfer [options]

  --rounds N       alternating runs of the engine and of bare data channels, default 5
  --segments N     segments of 2 MiB in each run, default 32
  --json           one JSON line instead of tables

usage: cargo xtask bench tasks [options]

  --rounds N       alternating runs of a plain page and of one with the swarm, default 5
  --seconds N      of each run, default 20
  --json           one JSON line instead of tables
";

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (what, options) = args.split_first().ok_or_else(usage)?;
    if options
        .iter()
        .any(|option| matches!(option.as_str(), "--help" | "-h"))
    {
        return Err(usage());
    }
    match what.as_str() {
        "browser" => in_browsers("bench/browser.js", options),
        "verify" => in_browsers("bench/verify.js", options),
        "refresh" => in_browsers("bench/refresh.js", options),
        "tasks" => in_browsers("bench/tasks.js", options),
        "transfer" => in_browsers("bench/transfer.js", options),
        "simulator" => simulator::run(options),
        _ => Err(usage()),
    }
}

fn usage() -> String {
    format!("{USAGE}\n{}", simulator::USAGE)
}

fn build_binary() -> Result<(), String> {
    let mut cargo = Command::new("cargo");
    programs::succeed(
        cargo
            .args(["build", "--quiet", "--bin", "swarmline"])
            .current_dir(root()),
    )
}

fn in_browsers(script: &str, options: &[String]) -> Result<(), String> {
    let root = root();
    let chrome = programs::ensure_chrome(&root)?;
    build::run(&[])?;
    build_binary()?;
    let mut node = Command::new("node");
    node.arg(script).args(options).current_dir(&root);
    node.env("SWARMLINE_BIN", binary()?)
        .env(programs::CHROME_VARIABLE, chrome);
    programs::succeed(&mut node)
}
