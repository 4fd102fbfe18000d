//! The steps of `cargo xtask test`, in their order: cheap ones first, browsers last.

use super::counts::{Counts, failed_files};
use super::{Shop, Step, binary, in_ci};
use crate::{programs, toolchain};
use std::path::Path;
use std::process::Command;

/// Every step. `after` names what a step cannot do without.
pub(super) const ALL: &[Step] = &[
    Step {
        name: "toolchain",
        about: "Node, the wasm32 target, npm packages, two browsers, ffmpeg, Redis, nginx",
        after: &[],
        run: tools,
    },
    Step {
        name: "format",
        about: "cargo fmt --check",
        after: &[],
        run: format,
    },
    Step {
        name: "clippy",
        about: "clippy, native, warnings denied",
        after: &[],
        run: clippy,
    },
    Step {
        name: "clippy-wasm",
        about: "clippy on wasm32, warnings denied",
        after: &["toolchain"],
        run: clippy_wasm,
    },
    Step {
        name: "rust",
        about: "unit, property and architecture tests (nextest if present)",
        after: &[],
        run: rust,
    },
    Step {
        name: "vectors",
        about: "golden vectors of the format, made anew by Python without our code",
        after: &[],
        run: vectors,
    },
    Step {
        name: "wasm",
        about: "the pure rooms' suite again on wasm32, in Node",
        after: &["toolchain"],
        run: wasm,
    },
    Step {
        name: "build",
        about: "cargo xtask build, with the size budget, and the binary",
        after: &["toolchain"],
        run: build,
    },
    Step {
        name: "types",
        about: "TypeScript types",
        after: &["build"],
        run: types,
    },
    Step {
        name: "lint",
        about: "biome",
        after: &["toolchain"],
        run: lint,
    },
    Step {
        name: "contract",
        about: "the adapters against the real players",
        after: &["build"],
        run: contract,
    },
    Step {
        name: "packaging",
        about: "the packed package: publint, types, servers, bundlers and pages in Chromium",
        after: &["build"],
        run: packaging,
    },
    Step {
        name: "interop",
        about: "our tracker and engine against stock WebTorrent software",
        after: &["build"],
        run: interop,
    },
    Step {
        name: "browser",
        about: "players in headless Chromium and Firefox, judged by the origin's own counters",
        after: &["build"],
        run: browser,
    },
    Step {
        name: "demo",
        about: "the demo page under axe-core, and a visitor's own stream on it",
        after: &["build"],
        run: demo,
    },
];

fn tools(shop: &mut Shop) -> Result<Counts, String> {
    toolchain::ensure_node()?;
    toolchain::ensure_wasm_target()?;
    toolchain::npm_ci()?;
    programs::ensure_chrome(&shop.root)?;
    programs::ensure_firefox()?;
    programs::ensure_ffmpeg()?;
    programs::ensure_servers()?;
    Ok(Counts::check(true))
}

fn format(shop: &mut Shop) -> Result<Counts, String> {
    shop.check("cargo", &["fmt", "--all", "--check"])
}

fn clippy(shop: &mut Shop) -> Result<Counts, String> {
    shop.check(
        "cargo",
        &[
            "clippy",
            "--package=swarmline",
            "--package=xtask",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
    )
}

fn clippy_wasm(shop: &mut Shop) -> Result<Counts, String> {
    let target = ["--target", "wasm32-unknown-unknown"];
    let lint = ["--lib", "--quiet", "--", "-D", "warnings"];
    shop.check("cargo", &[&["clippy"], &target[..], &lint[..]].concat())
}

fn rust(shop: &mut Shop) -> Result<Counts, String> {
    let nextest = programs::on_path("cargo-nextest").is_some();
    let runner: &[&str] = if nextest {
        &["nextest", "run"]
    } else {
        &["test"]
    };
    // Not the whole workspace: the wasm runner's many crates are built by the step that runs it.
    let packages = ["--package=swarmline", "--package=xtask", "--no-fail-fast"];
    let args = [runner, &packages].concat();
    let mut command = shop.command("cargo", &args);
    shop.tests(&mut command)
}

fn vectors(shop: &mut Shop) -> Result<Counts, String> {
    if programs::on_path("python3").is_none() {
        return Ok(Counts::skip("the format's vectors: no python3"));
    }
    shop.check("python3", &["tests/vectors/vectors.py"])
}

fn wasm(shop: &mut Shop) -> Result<Counts, String> {
    let args = [
        "test",
        "--target",
        "wasm32-unknown-unknown",
        "--lib",
        "--tests",
        "--no-fail-fast",
    ];
    let mut command = shop.command("cargo", &args);
    shop.tests(&mut command)
}

fn build(shop: &mut Shop) -> Result<Counts, String> {
    let binary = shop.check("cargo", &["build", "--quiet", "--bin", "swarmline"])?;
    let xtask = std::env::current_exe().map_err(|error| format!("xtask's own path: {error}"))?;
    let mut package = shop.check(&xtask.to_string_lossy(), &["build"])?;
    package += binary;
    Ok(package)
}

fn types(shop: &mut Shop) -> Result<Counts, String> {
    shop.check("npm", &["run", "types", "--workspaces", "--if-present"])
}

fn lint(shop: &mut Shop) -> Result<Counts, String> {
    shop.check("npx", &["biome", "lint", "--error-on-warnings", "."])
}

fn contract(shop: &mut Shop) -> Result<Counts, String> {
    npm_test(shop, "js-adapters")
}

/// Bundlers are installed here, and only here: neither a build nor the demo waits for them.
fn packaging(shop: &mut Shop) -> Result<Counts, String> {
    const FOLDER: &str = "tests/packaging";
    toolchain::npm_ci_in(FOLDER)?;
    let mut command = shop.command("npm", &["test", "--prefix", FOLDER]);
    told(&mut command, &shop.root)?;
    shop.tests(&mut command)
}

fn interop(shop: &mut Shop) -> Result<Counts, String> {
    npm_test(shop, "tests/interop")
}

/// Two files at a time, with real clocks on two cores: what fails there has another chance when it is alone, and
/// whoever reads the report hears of it.
fn browser(shop: &mut Shop) -> Result<Counts, String> {
    let folder = "tests/browser";
    let mut command = shop.command("npm", &["test", "--workspace", folder]);
    told(&mut command, &shop.root)?;
    let (counts, output) = shop.tests_and_output(&mut command)?;
    let files = failed_files(&output);
    if !(1..=AGAIN_MAX).contains(&files.len()) {
        return Ok(counts);
    }
    let args = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
    let mut command = shop.command("node", &args);
    command.args(&files).current_dir(shop.root.join(folder));
    told(&mut command, &shop.root)?;
    let again = shop.tests(&mut command)?;
    Ok(counts.again(&again, &files))
}

fn demo(shop: &mut Shop) -> Result<Counts, String> {
    let mut page = shop.check("npm", &["run", "build", "--workspace", "demo"])?;
    let mut command = shop.command("npm", &["test", "--workspace", "demo"]);
    if let Some(chrome) = programs::chrome(&shop.root) {
        command.env(programs::CHROME_VARIABLE, chrome);
    }
    let (succeeded, _) = shop.output(&mut command)?;
    page += Counts::check(succeeded);
    Ok(page)
}

/// Test files of which more than this fail show a fault, not a busy machine.
const AGAIN_MAX: usize = 6;

/// `npm test` of one workspace, told where our binary and the browsers are.
fn npm_test(shop: &mut Shop, workspace: &str) -> Result<Counts, String> {
    let mut command = shop.command("npm", &["test", "--workspace", workspace]);
    told(&mut command, &shop.root)?;
    shop.tests(&mut command)
}

/// Tells a runner of tests where our binary and the browsers are.
fn told(command: &mut Command, root: &Path) -> Result<(), String> {
    command
        .env("SWARMLINE_BIN", binary()?)
        .env("FORCE_COLOR", "0");
    if let Some(chrome) = programs::chrome(root) {
        command.env(programs::CHROME_VARIABLE, chrome);
    }
    if let Some(firefox) = programs::firefox() {
        command.env(programs::FIREFOX_VARIABLE, firefox);
    }
    if in_ci() {
        command.env("CI", "true");
    }
    Ok(())
}
