//! Replays the fuzz corpus: what the fuzzer once found worth keeping goes through every decoder of a
//! stranger's bytes again, in an ordinary test run. The functions are those of the fuzz targets; how to
//! let them look for more stands in `docs/fuzzing.md`.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "the corpus lies in files")]

#[allow(unreachable_pub, reason = "public in the package of the fuzz targets")]
#[path = "../fuzz/src/lib.rs"]
mod decoders;

use decoders::{TARGETS, Target};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The corpus is read in every test run and lies in every clone.
const CORPUS_BYTES_MAX: usize = 200_000;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(name)
}

/// The inputs kept for a target, by file name.
fn inputs((name, _): &Target) -> Vec<(String, Vec<u8>)> {
    let corpus = folder("corpus").join(name);
    let entries = fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{corpus:?}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| (path.display().to_string(), fs::read(&path).unwrap());
    paths.into_iter().map(read).collect()
}

#[test]
fn every_kept_input_is_decoded_or_refused() {
    let mut faults = Vec::new();
    for target in TARGETS {
        for (path, bytes) in inputs(target) {
            if std::panic::catch_unwind(|| target.1(&bytes)).is_err() {
                faults.push(path);
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_target_has_inputs_and_a_program() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let programs = fs::read_dir(folder("fuzz_targets")).unwrap();
    let programs: BTreeSet<String> = programs
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, programs);
    let sizes = TARGETS.iter().map(|target| {
        let kept = inputs(target);
        assert!(kept.len() > 3, "{}: {} inputs", target.0, kept.len());
        kept.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    });
    let size = sizes.sum::<usize>();
    assert!(size <= CORPUS_BYTES_MAX, "{size} bytes");
}
