//! `cargo xtask bench browser`: viewers in real browsers, with and without the swarm, or beside the
//! library that `--against` names; `bench verify`: how
//! fast the engine verifies there; `bench refresh`: what a refresh of a long live playlist costs there;
//! `bench transfer`: how fast it moves segments from page to page, beside bare data channels; `bench tasks`:
//! how long it holds a page's main thread; `bench faults`: what a fault does to it, and to a plain player;
//! `bench networks`: who meets whom behind which NATs, and how a cut line heals; `bench disk`: where a page keeps
//! segments between visits;
//! `bench tracker`: what an announce and a connection cost the
//! tracker, beside stock ones; `bench simulator`: what a simulated viewer-second costs, by the
//! size of the audience. Builds what is needed and hands over to the script of that name in `bench/`, or to
//! the simulator; they measure and print.

use crate::test::binary;
use crate::toolchain::root;
use crate::{build, programs, simulator, toolchain};
use std::process::Command;

const USAGE: &str = "usage: cargo xtask bench browser [options]

  --scenario A,B   vod, live, startup, dash-vod, dash-live, dash-startup (default all: the first three)
  --rounds N       runs of each (default: 1 of vod and live, 7 of startup)
  --viewers N      default 6, of DASH 4
  --link-mbit N    start-up over links of so many Mbit/s to the origin, its answers --latency-ms late (20)
  --signed         the signed stream alone (default: signed and unsigned)
  --unsigned       the unsigned stream alone
  --against p2p-media-loader   its Shaka adapter too, in dash-vod and dash-live
  --json           one JSON line a scenario instead of tables

usage: cargo xtask bench browser --against p2p-media-loader [options]

  --scenario A,B   vod, live, ladder, ladder-mixed, vod-far, live-far, vod-uplink, live-uplink, film,
                   live-long (default: all but live-long, which takes 11 minutes a run)
  --viewers N,...  default 6,4,2
  --rounds N       default 3
  --kinds A,B      plain, incumbent, tuned, window4, swarmline, control (default: all but window4, in turn)
  --watch S        seconds that all watch, instead of the scenario's
  --quick          6 viewers, 1 round of vod and live, without control: about 11 minutes
  --log FILE       where each run adds a line; runs of this commit that it has are not run again
                   (default target/against.jsonl)
  --plan           what there is to run, and for how long
  --report         docs/against.md and docs/against.svg from the log (of its last run's commit, or --commit ID)

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

usage: cargo xtask bench disk [options]

  --rounds N       runs of each place in which a page may keep segments, default 3
  --json           one JSON line instead of tables

usage: cargo xtask bench faults [options]

  --only TEXT      the faults with TEXT in their names (CDN, tracker, peer, wasm; default: all)
  --rounds N       runs of each, default 1
  --lanes N        faults at once, each with an origin and a browser of its own, default 2
  --json           one JSON line instead of a table

usage: cargo xtask bench networks [options]

  --quick          three pairs of NATs, and the cut lines
  --json           one JSON line instead of tables

usage: cargo xtask bench tracker [options]

  --connections N  viewers that are connected, default 2000
  --rate N         announces a second of all together, each with five offers, default 300
  --seconds N      of each run, default 15
  --rounds N       alternating runs of each tracker, default 3
  --trackers A,B   swarmline, bittorrent-tracker, @peertube, aquatic_ws (default: all that are installed)
  --storm          ends each run with all of them reconnecting at once
  --json           one JSON line instead of a table
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
        "browser" if options.iter().any(|option| option.starts_with("--against")) => {
            against(options)
        }
        "browser" => in_browsers("bench/browser.js", options),
        "verify" => in_browsers("bench/verify.js", options),
        "refresh" => in_browsers("bench/refresh.js", options),
        "tasks" => in_browsers("bench/tasks.js", options),
        "disk" => in_browsers("bench/disk.js", options),
        "faults" => in_browsers("bench/faults.js", options),
        "networks" => in_browsers("bench/networks.js", options),
        "transfer" => in_browsers("bench/transfer.js", options),
        "tracker" => tracker(options),
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

/// Beside another library: it is installed now, in a folder of its own, so that neither the package nor
/// the demo ever waits for it.
fn against(options: &[String]) -> Result<(), String> {
    // Shaka is compared where its scenarios are.
    let is_dash = options.iter().any(|option| option.contains("dash-"));
    let script = if is_dash {
        "bench/browser.js"
    } else {
        "bench/against.js"
    };
    toolchain::ensure_node()?;
    toolchain::npm_ci()?;
    if options
        .iter()
        .any(|option| matches!(option.as_str(), "--plan" | "--report"))
    {
        let mut node = Command::new("node");
        return programs::succeed(node.arg(script).args(options).current_dir(root()));
    }
    toolchain::npm_ci_in("bench/incumbent")?;
    programs::ensure_ffmpeg()?;
    in_browsers(script, options)
}

/// Both sides are optimised builds; the stock trackers come with the tests' packages.
fn tracker(options: &[String]) -> Result<(), String> {
    toolchain::ensure_node()?;
    toolchain::npm_ci()?;
    let mut cargo = Command::new("cargo");
    let what = ["--bin", "swarmline", "--example", "tracker_load"];
    programs::succeed(
        cargo
            .args(["build", "--release"])
            .args(what)
            .current_dir(root()),
    )?;
    let mut node = Command::new("node");
    programs::succeed(
        node.arg("bench/tracker.js")
            .args(options)
            .current_dir(root()),
    )
}

/// Builds what a page needs and hands over to a script that opens some.
pub(crate) fn in_browsers(script: &str, options: &[String]) -> Result<(), String> {
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
