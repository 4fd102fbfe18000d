//! Programs from outside that tests and benchmark need: a Chrome or Chromium, a Firefox, ffmpeg, Redis and nginx.
//!
//! Looks first, installs what is missing where that is possible (Debian as root: the distribution's
//! package; Chromium elsewhere: Playwright's download), and always says so.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names a Chrome or Chromium answers to, in the order of trust.
const CHROME_NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

/// The environment variable that names the browser for the tests' own processes.
pub(crate) const CHROME_VARIABLE: &str = "CHROMIUM";

/// Names a Firefox answers to.
const FIREFOX_NAMES: &[&str] = &["firefox-esr", "firefox"];

/// The environment variable that names a Firefox, likewise.
pub(crate) const FIREFOX_VARIABLE: &str = "FIREFOX";

/// The browser that is here, if any: the one named by `CHROMIUM`, on the path, or Playwright's.
pub(crate) fn chrome(root: &Path) -> Option<PathBuf> {
    let mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
    installed(CHROME_VARIABLE, CHROME_NAMES, mac).or_else(|| playwright_chrome(root))
}

/// A browser by its variable, on the path, or where macOS has it.
fn installed(variable: &str, names: &[&str], mac: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).map(PathBuf::from);
    named
        .or_else(|| names.iter().find_map(|name| on_path(name)))
        .or_else(|| Some(PathBuf::from(mac)).filter(|path| path.exists()))
}

/// The browser, installed if it was missing.
pub(crate) fn ensure_chrome(root: &Path) -> Result<PathBuf, String> {
    if let Some(path) = chrome(root) {
        return Ok(path);
    }
    if can_apt_install() {
        apt_install("chromium")?;
    } else {
        eprintln!("no Chrome or Chromium found: npx playwright-core install chromium");
        let mut npx = Command::new("npx");
        npx.args(["playwright-core", "install", "chromium"])
            .current_dir(root);
        succeed(&mut npx)?;
    }
    chrome(root).ok_or_else(|| {
        format!("still no Chrome or Chromium; install one or name it in {CHROME_VARIABLE}")
    })
}

/// The Firefox that is here, if any: the one named by `FIREFOX`, or on the path.
pub(crate) fn firefox() -> Option<PathBuf> {
    let mac = "/Applications/Firefox.app/Contents/MacOS/firefox";
    installed(FIREFOX_VARIABLE, FIREFOX_NAMES, mac)
}

/// Installs a Firefox where that is possible; tests that need it are skipped by name otherwise.
pub(crate) fn ensure_firefox() -> Result<(), String> {
    let advice = format!("install one or name it in {FIREFOX_VARIABLE}");
    install_or_skip(firefox().is_some(), "Firefox", "firefox-esr", &advice)
}

/// Whether ffmpeg can be run.
pub(crate) fn has_ffmpeg() -> bool {
    on_path("ffmpeg").is_some()
}

/// Installs ffmpeg where that is possible; tests that need it are skipped by name otherwise.
pub(crate) fn ensure_ffmpeg() -> Result<(), String> {
    let advice = "install it with your package manager";
    install_or_skip(has_ffmpeg(), "ffmpeg", "ffmpeg", advice)
}

/// What stands beside a tracker, what an operator types, and what networks of tests are made with: programs and the
/// packages that have them.
const BESIDE_TRACKER: [(&str, &str); 8] = [
    ("redis-server", "redis-server"),
    ("nginx", "nginx-light"),
    ("turnserver", "coturn"),
    ("curl", "curl"),
    ("openssl", "openssl"),
    ("sqlite3", "sqlite3"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
];

/// Installs them where that is possible.
pub(crate) fn ensure_servers() -> Result<(), String> {
    let advice = "install it with your package manager";
    for (program, package) in BESIDE_TRACKER {
        let is_here = on_path(program).is_some() || Path::new("/usr/sbin").join(program).exists();
        install_or_skip(is_here, program, package, advice)?;
    }
    Ok(())
}

/// A program that tests can do without, some of them by not running.
fn install_or_skip(is_here: bool, name: &str, package: &str, advice: &str) -> Result<(), String> {
    if is_here {
        return Ok(());
    }
    if can_apt_install() {
        return apt_install(package);
    }
    eprintln!("no {name} found: tests that need it are skipped; {advice}");
    Ok(())
}

/// An executable of this name on the path.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn playwright_chrome(root: &Path) -> Option<PathBuf> {
    let script = "process.stdout.write(require('playwright-core').chromium.executablePath())";
    let output = Command::new("node")
        .args(["-e", script])
        .current_dir(root)
        .output()
        .ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?);
    path.is_file().then_some(path)
}

fn can_apt_install() -> bool {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| String::from_utf8_lossy(&output.stdout).trim() == "0");
    is_root && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

fn apt_install(package: &str) -> Result<(), String> {
    eprintln!("no {package} found: apt-get install {package}");
    succeed(Command::new("apt-get").args(["update", "-qq"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends", package]);
    succeed(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Runs a command whose output a person may see; an error names it.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let status = command
        .status()
        .map_err(|error| format!("{shown}: {error}"))?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{shown} failed: {status}"))
}
