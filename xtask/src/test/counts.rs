//! Reads from a runner's output how many tests passed, failed and were skipped, and which.
//!
//! It knows the summaries of cargo test (wasm-bindgen's runner prints the same), nextest, and node's
//! test runner in both of its formats. Several summaries in one output add up.

use std::ops::AddAssign;

/// How a step's tests ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed or were cut short.
    pub(crate) failed: u64,
    /// Tests that did not run.
    pub(crate) skipped: u64,
    /// What a person should know about the skipped ones, by name where the runner tells.
    pub(crate) skipped_names: Vec<String>,
    /// Files with tests that failed at first and passed in a second run.
    pub(crate) passed_alone: Vec<String>,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.skipped_names.extend(other.skipped_names);
        self.passed_alone.extend(other.passed_alone);
    }
}

impl Counts {
    /// One check that is no test runner: it holds or it does not.
    pub(crate) fn check(holds: bool) -> Self {
        Self {
            passed: u64::from(holds),
            failed: u64::from(!holds),
            ..Self::default()
        }
    }

    /// One check that could not be made, and why.
    pub(crate) fn skip(why: &str) -> Self {
        Self {
            skipped: 1,
            skipped_names: vec![why.to_owned()],
            ..Self::default()
        }
    }

    /// What stands after all tests of `files`, in which tests had failed, ran once more.
    pub(crate) fn again(mut self, second: &Self, files: &[String]) -> Self {
        // A second run that ended before it had asked them all says nothing.
        if second.passed + second.failed >= self.failed {
            let still = second.failed.min(self.failed);
            self.passed += self.failed - still;
            self.failed = still;
            if still == 0 {
                self.passed_alone = files.to_vec();
            }
        }
        self
    }

    /// Sums every summary line in `output`.
    pub(crate) fn read(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines().map(without_colours) {
            counts.read_line(line.trim());
        }
        counts
    }

    fn read_line(&mut self, line: &str) {
        if line.starts_with("test result:") || is_nextest_summary(line) {
            self.passed += number_before(line, " passed");
            self.failed += number_before(line, " failed") + number_before(line, " timed out");
            self.skipped += number_before(line, " ignored") + number_before(line, " skipped");
        } else if let Some((word, value)) = node_summary(line) {
            match word {
                "pass" => self.passed += value,
                "fail" | "cancelled" => self.failed += value,
                "skipped" => self.skipped += value,
                _ => {}
            }
        } else if let Some(name) = skipped_test(line) {
            self.skipped_names.push(name);
        }
    }
}

/// Files that node's runner names where it lists what failed (`test at dash.test.js:170:3`), each once.
pub(crate) fn failed_files(output: &str) -> Vec<String> {
    let places = output.lines().filter_map(|line| {
        let (file, _) = line.trim().strip_prefix("test at ")?.split_once(':')?;
        Some(file.to_owned())
    });
    let mut files: Vec<String> = places.collect();
    files.sort_unstable();
    files.dedup();
    files
}

/// `Summary [ 0.12s] 10 tests run: 9 passed, 1 failed, 2 skipped`.
fn is_nextest_summary(line: &str) -> bool {
    line.starts_with("Summary [") && line.contains(" run: ")
}

/// `# pass 5` (TAP) or `ℹ pass 5` (spec).
fn node_summary(line: &str) -> Option<(&str, u64)> {
    let rest = line
        .strip_prefix("# ")
        .or_else(|| line.strip_prefix("ℹ "))?;
    let (word, value) = rest.split_once(' ')?;
    Some((word, value.parse().ok()?))
}

/// `test tests::x ... ignored` (cargo), `ok 3 - x # SKIP why` (TAP) or `﹣ x (0.1ms) # why` (spec).
fn skipped_test(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("test ") {
        return name
            .split_once(" ... ignored")
            .map(|(name, _)| name.to_owned());
    }
    let tap = line.starts_with("ok ") && line.contains("# SKIP");
    let name = if tap {
        line.split_once(" - ")?.1
    } else {
        line.strip_prefix("﹣ ")?
    };
    Some(name.replace("# SKIP", "-"))
}

/// The number that stands right before `word`; 0 if it does not occur.
fn number_before(line: &str, word: &str) -> u64 {
    let Some((before, _)) = line.split_once(word) else {
        return 0;
    };
    let digits = before
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(before, |at| {
            let after = before[at..].chars().next().map_or(0, char::len_utf8);
            &before[at + after..]
        });
    digits.parse().unwrap_or(0)
}

/// The line without terminal colours (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Counts, failed_files};

    fn three(output: &str) -> (u64, u64, u64) {
        let counts = Counts::read(output);
        (counts.passed, counts.failed, counts.skipped)
    }

    #[test]
    fn sums_cargo_and_wasm_summaries() {
        let output = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured\n\
                      test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 filtered out";
        assert_eq!(three(output), (15, 2, 1));
    }

    #[test]
    fn reads_nextest_with_colours_and_slow_tests() {
        let output = "\u{1b}[32m     Summary\u{1b}[0m [   8.1s] \u{1b}[1m14\u{1b}[0m tests run: \
                      \u{1b}[1m12\u{1b}[0m passed (1 slow), 1 failed, 1 timed out, 3 skipped";
        assert_eq!(three(output), (12, 2, 3));
    }

    #[test]
    fn reads_node_in_both_formats_and_names_what_was_skipped() {
        let tap = Counts::read("ok 3 - muxed TS # SKIP no ffmpeg\n# pass 5\n# fail 1\n# skipped 1");
        assert_eq!((tap.passed, tap.failed, tap.skipped), (5, 1, 1));
        assert_eq!(tap.skipped_names, ["muxed TS - no ffmpeg"]);
        let spec = "﹣ live (0.2ms) # no ffmpeg\nℹ tests 4\nℹ pass 2\nℹ cancelled 1\nℹ skipped 1";
        assert_eq!(three(spec), (2, 1, 1));
    }

    #[test]
    fn what_failed_at_first_counts_as_passed_if_it_passes_alone() {
        let output = "✖ failing tests:\n\ntest at dash.test.js:170:3\n✖ a (1ms)\n\ntest at live.test.js:28:1\n\
                      ✖ b (1ms)\n\ntest at dash.test.js:12:3\n✖ c (1ms)\nℹ pass 7\nℹ fail 3\n";
        let files = failed_files(output);
        assert_eq!(files, ["dash.test.js", "live.test.js"]);
        let first = Counts::read(output);
        let fine = first
            .clone()
            .again(&Counts::read("ℹ pass 5\nℹ fail 0\n"), &files);
        assert_eq!((fine.passed, fine.failed), (10, 0));
        assert_eq!(fine.passed_alone, files);
        let one = first
            .clone()
            .again(&Counts::read("ℹ pass 4\nℹ fail 1\n"), &files);
        assert_eq!((one.passed, one.failed), (9, 1));
        assert!(one.passed_alone.is_empty());
        for second in ["ℹ pass 1\nℹ fail 1\n", "ℹ pass 0\nℹ fail 0\n", ""] {
            assert_eq!(first.clone().again(&Counts::read(second), &files), first);
        }
        assert!(failed_files("ℹ pass 7\n").is_empty());
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            three("3 passed the gate\n# passing 5 by\ncompiled 4 tests run: now"),
            (0, 0, 0)
        );
    }
}
