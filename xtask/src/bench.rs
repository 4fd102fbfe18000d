//! `cargo xtask bench browser`: viewers in real browsers, with and without the swarm; `bench verify`: how
//! fast the engine verifies there. Builds what is needed and hands over to the script of that name in
//! `bench/`, which measures and prints.

use crate::test::binary;
use crate::toolchain::root;
use crate::{build, programs};
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
";

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (script, options) = match args.split_first().map(|(what, rest)| (what.as_str(), rest)) {
        Some(("browser", options)) => ("bench/browser.js", options),
        Some(("verify", options)) => ("bench/verify.js", options),
        Some(_) | None => return Err(USAGE.to_owned()),
    };
    if options
        .iter()
        .any(|option| matches!(option.as_str(), "--help" | "-h"))
    {
        return Err(USAGE.to_owned());
    }
    let root = root();
    let chrome = programs::ensure_chrome(&root)?;
    build::run(&[])?;
    let mut cargo = Command::new("cargo");
    programs::succeed(
        cargo
            .args(["build", "--quiet", "--bin", "swarmline"])
            .current_dir(&root),
    )?;
    let mut node = Command::new("node");
    node.arg(script).args(options).current_dir(&root);
    node.env("SWARMLINE_BIN", binary()?)
        .env(programs::CHROME_VARIABLE, chrome);
    programs::succeed(&mut node)
}
