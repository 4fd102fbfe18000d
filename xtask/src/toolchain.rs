//! What a build needs from outside cargo: Node, the wasm32 target, the locked npm packages. Checked
//! before any work starts; a missing target is added, everything else ends in a line that says what
//! to install. Nothing global is changed but that one target.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

const NODE_AT_LEAST: (u32, u32) = (20, 19);
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask
        .parent()
        .map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Node is there and new enough.
pub(crate) fn ensure_node() -> Result<(), String> {
    let (major, minor) = NODE_AT_LEAST;
    let wanted = format!("Node {major}.{minor} or newer is needed (https://nodejs.org)");
    let output = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|error| format!("{wanted}; `node` could not be run: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if is_new_enough(&version) {
        Ok(())
    } else {
        Err(format!("{wanted}; `node --version` says {version:?}"))
    }
}

/// The wasm32 target of the running toolchain is there, or rustup adds it.
pub(crate) fn ensure_wasm_target() -> Result<(), String> {
    let libraries = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .current_dir(root())
        .output()
        .map_err(|error| format!("`rustc` could not be run: {error}"))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&libraries.stdout).trim());
    if libraries.status.success() && folder.is_dir() {
        return Ok(());
    }
    eprintln!("adding the target {WASM_TARGET} (rustup target add)");
    run(Command::new("rustup").args(["target", "add", WASM_TARGET])).map_err(|error| {
        format!("the target {WASM_TARGET} is missing and rustup could not add it: {error}")
    })
}

/// The npm packages of `package-lock.json` are installed. Skipped while the lock file is the one
/// that was installed last.
pub(crate) fn npm_ci() -> Result<(), String> {
    npm_ci_in(".")
}

/// The same in a folder that has a lock file of its own. No package's scripts are run.
pub(crate) fn npm_ci_in(folder: &str) -> Result<(), String> {
    let folder = root().join(folder);
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let installed = folder.join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|bytes| bytes == wanted) {
        return Ok(());
    }
    eprintln!("installing the npm packages of {} (npm ci)", lock.display());
    let quiet = ["ci", "--no-fund", "--no-audit", "--ignore-scripts"];
    run(npm().args(quiet).arg("--prefix").arg(&folder))?;
    fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))
}

/// `npm` in the workspace's folder.
pub(crate) fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// Runs a command in the workspace's folder with this terminal, and says which one went wrong.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.current_dir(root()).status();
    let program = command.get_program().to_string_lossy().into_owned();
    let args: Vec<_> = command
        .get_args()
        .map(|arg| arg.to_string_lossy())
        .collect();
    let line = format!("{program} {}", args.join(" "));
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` ended with {status}")),
        Err(error) => Err(format!("`{line}` could not be run: {error}")),
    }
}

/// Whether `v20.19.1` and the like is at least [`NODE_AT_LEAST`].
fn is_new_enough(version: &str) -> bool {
    let mut numbers = version
        .trim_start_matches('v')
        .split('.')
        .map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= NODE_AT_LEAST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn node_versions_are_compared_as_numbers() {
        assert!(is_new_enough("v20.19.0"));
        assert!(is_new_enough("v22.2.0"));
        assert!(is_new_enough("v100.0.0"));
        assert!(!is_new_enough("v20.9.0"));
        assert!(!is_new_enough("v18.20.4"));
        assert!(!is_new_enough("nightly"));
        assert!(!is_new_enough(""));
    }
}
