//! Holds docs/threat-model.md to the tests it names: each one exists, and every attack here stands in it; so does
//! every file of attacks between pages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Names of test functions in a folder's Rust files.
fn tests_under(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_under(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.extend(tests_of(&fs::read_to_string(&path).unwrap_or_default()));
        }
    }
}

/// Names behind `#[test]`, whatever other attributes stand between.
fn tests_of(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_next = false;
    for line in source.lines().map(str::trim) {
        is_next |= line == "#[test]" || line.starts_with("#[tokio::test");
        let name = line.strip_prefix("async ").unwrap_or(line);
        if let Some(name) = name.strip_prefix("fn ").filter(|_| is_next) {
            names.extend(name.split('(').next().map(str::to_owned));
            is_next = false;
        }
    }
    names
}

/// What stands in code marks in the last cell of each row of a table.
fn named_in(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// Tests in browsers that bring a dishonest page.
fn files_of_attacks_between_pages() -> Vec<String> {
    let files = fs::read_dir(root().join("tests/browser"));
    let names = files
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.file_name());
    let tests = names.filter_map(|name| name.into_string().ok());
    let brings = |name: &String| {
        let path = root().join("tests/browser").join(name);
        name.ends_with(".test.js")
            && fs::read_to_string(path).is_ok_and(|text| text.contains("\"./dishonest.js\""))
    };
    let found: Vec<String> = tests.filter(brings).collect();
    assert!(found.len() > 2, "attacks between pages: {found:?}");
    let path = |name: &String| format!("tests/browser/{name}");
    found.iter().map(path).collect()
}

#[test]
fn every_test_the_threat_model_names_exists() {
    let text = fs::read_to_string(root().join("docs/threat-model.md")).expect("the page exists");
    let named = named_in(&text);
    assert!(named.len() > 20, "the table names its tests: {named:?}");
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests_under(&root().join(folder), &mut tests);
    }
    let missing: Vec<&String> = named
        .iter()
        // A page's tests are told by their file.
        .filter(|name| match name.contains('/') {
            true => !root().join(name.as_str()).is_file(),
            false => !tests.contains(*name),
        })
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
    let mut attacks = BTreeSet::new();
    tests_under(&root().join("tests/attacks"), &mut attacks);
    let own = tests_of(include_str!("threat_model.rs"));
    let untold: Vec<&String> = attacks
        .iter()
        .filter(|name| !own.contains(name) && !text.contains(name.as_str()))
        .collect();
    assert!(untold.is_empty(), "attacks without a row: {untold:?}");
    let untold: Vec<String> = files_of_attacks_between_pages()
        .into_iter()
        .filter(|file| !named.contains(file))
        .collect();
    assert!(untold.is_empty(), "pages without a row: {untold:?}");
}
