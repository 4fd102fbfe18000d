//! `cargo xtask bench browser`: viewers in real browsers, with and without the swarm, or beside the library
//! that `--against` names; `bench verify`: how
//! fast the engine verifies there; `bench simulator`: what a simulated viewer-second costs, by the size of
//! the audience. Builds what is needed and hands over to the script of that name in `bench/`, or to the
//! simulator; they measure and print.

use crate::test::binary;
use crate::toolchain::root;
use crate::{build, programs, toolchain};
use std::process::Command;

const USAGE: &str = "usage: cargo xtask bench browser [options]

  --scenario vod|live|startup|memory|all   default all: vod, live, startup
  --rounds N       runs of each (default: 1 of vod and live, 7 of startup)
  --viewers N      default 6
  --minutes N      of the memory scenario, default 30
  --signed         the signed stream alone (default: signed and unsigned)
  --unsigned       the unsigned stream alone
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

usage: cargo xtask bench simulator [options]

  --seconds S      virtual seconds of each run, default 120
  --viewers N,...  audiences, default 100,200,500,1000,2000
  --scenario FILE  default scenarios/live-steady.toml
";

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), String> {
    let (what, options) = args.split_first().ok_or(USAGE)?;
    if options
        .iter()
        .any(|option| matches!(option.as_str(), "--help" | "-h"))
    {
        return Err(USAGE.to_owned());
    }
    match what.as_str() {
        "browser" if options.iter().any(|option| option.starts_with("--against")) => {
            against(options)
        }
        "browser" => in_browsers("bench/browser.js", options),
        "verify" => in_browsers("bench/verify.js", options),
        "simulator" => simulator(options),
        _ => Err(USAGE.to_owned()),
    }
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
    const SCRIPT: &str = "bench/against.js";
    toolchain::ensure_node()?;
    toolchain::npm_ci()?;
    if options
        .iter()
        .any(|option| matches!(option.as_str(), "--plan" | "--report"))
    {
        let mut node = Command::new("node");
        return programs::succeed(node.arg(SCRIPT).args(options).current_dir(root()));
    }
    toolchain::npm_ci_in("bench/incumbent")?;
    programs::ensure_ffmpeg()?;
    in_browsers(SCRIPT, options)
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

/// Audiences of one scenario, each in a process of its own; processor time, because machines are busy.
#[allow(clippy::print_stdout, reason = "its figures are its output")]
fn simulator(options: &[String]) -> Result<(), String> {
    let (mut seconds, mut viewers) = ("120", "100,200,500,1000,2000");
    let mut scenario = "scenarios/live-steady.toml";
    for pair in options.chunks(2) {
        match pair {
            [name, value] if name == "--seconds" => seconds = value,
            [name, value] if name == "--viewers" => viewers = value,
            [name, value] if name == "--scenario" => scenario = value,
            _ => return Err(USAGE.to_owned()),
        }
    }
    build_binary()?;
    println!("{scenario}, {seconds} virtual seconds");
    println!(
        "{:>8}{:>12}{:>18}{:>10}{:>8}",
        "viewers", "cpu, s", "µs/viewer-second", "relative", "MB"
    );
    let mut first = None;
    for audience in viewers.split(',') {
        let mut command = Command::new(binary()?);
        command.args([
            "simulate",
            scenario,
            "--json",
            "--seconds",
            seconds,
            "--viewers",
            audience,
        ]);
        let output = command.current_dir(root()).output();
        let output = output.map_err(|why| format!("the simulator does not start: {why}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let member = |name| {
            number(&text, name).ok_or_else(|| {
                let said = String::from_utf8_lossy(&output.stderr);
                format!("no \"{name}\" in what the simulator says: {text}{said}")
            })
        };
        // Control and swarm have the same viewers, so its first mention will do.
        let (cpu_s, mb) = (member("cpu_s")?, member("peak_mb")?);
        let each = cpu_s * 1e6 / member("viewer_s")?;
        let relative = each / *first.get_or_insert(each);
        println!("{audience:>8}{cpu_s:>12.2}{each:>18.1}{relative:>10.2}{mb:>8.0}");
    }
    Ok(())
}

/// The number of a JSON member, its first mention.
fn number(json: &str, name: &str) -> Option<f64> {
    let (_, rest) = json.split_once(&format!("\"{name}\":"))?;
    let end = rest.find([',', '}'])?;
    rest.get(..end)?.parse().ok()
}
