//! MPDs of `tests/fixtures/mpd` through the neutral tree and the model, held against another reader (`dash-mpd`)
//! with an expansion of its own, and against lists written by hand.
#![cfg(not(target_arch = "wasm32"))]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests read fixtures, and one that cannot go on fails"
)]

mod arbitrary;
mod lists;
mod oracle;

use std::fs;
use std::path::Path;
use swarmline::manifest::{MpdUpdate, Timeline};
use swarmline::publish::read_xml;

/// Where every fixture is said to come from.
const URL: &str = "https://origin.example/streams/one/manifest.mpd?token=abc";

/// When live fixtures are read: 2026-11-21T12:00:05Z, and for those that ffmpeg wrote 12:54:05.
fn now_ms(name: &str) -> u64 {
    const NOON_MS: u64 = 1_795_262_405_000;
    if name.starts_with("ffmpeg-") {
        NOON_MS + 54 * 60_000
    } else {
        NOON_MS
    }
}

/// Name without extension, and text.
fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/mpd");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "mpd"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    found.sort();
    found
}

fn load(name: &str, text: &str) -> (Timeline, MpdUpdate) {
    let mut timeline = Timeline::default();
    let tree = read_xml(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let update = timeline.update_mpd(URL, &tree, now_ms(name)).unwrap();
    (timeline, update)
}

fn fixture(name: &str) -> Timeline {
    let found = fixtures().into_iter().find(|(known, _)| known == name);
    load(name, &found.unwrap().1).0
}
