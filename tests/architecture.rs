//! Holds the shape of the house: which room may use which, an opening comment on every source file,
//! at most 600 lines a file and 70 lines of code a function.
//!
//! It reads our own source as text and tokens, not as a compiler would: `crate::room` and `super`
//! chains that climb to the crate's root count, wherever they stand, tests included; comments and
//! strings do not. That no room does I/O it should not is clippy's and the two targets' business.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms each room of `src/` may name. A room that is missing here stops the test.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &["base", "integrity"]), // a leaf list is digests, bounded by the tree's limits
    ("integrity", &["base"]),
    ("manifest", &["base", "integrity"]),
    ("engine", &["base", "wire", "manifest", "integrity"]),
    ("tracker", &["base", "wire", "integrity"]), // signatures of join tokens
    (
        "browser",
        &["base", "engine", "wire", "integrity", "manifest"],
    ),
    (
        "native",
        &["base", "engine", "wire", "integrity", "manifest"],
    ),
    ("keys", &["base", "integrity", "wire"]), // a description and its proof
    ("server", &["base", "tracker", "wire", "integrity"]), // keys of join tokens
    ("publish", &["base", "integrity", "manifest"]),
    (
        "origin",
        &["base", "integrity", "manifest", "publish", "server"],
    ),
    (
        "cli",
        &[
            "base",
            "integrity",
            "manifest",
            "publish",
            "origin",
            "server",
            "sim",
            "tracker",
            "wire",
        ],
    ),
    (
        "sim",
        &["base", "wire", "manifest", "integrity", "engine", "tracker"],
    ),
];

/// The rooms that compile for both targets; what tests them runs on both.
const PURE: &[&str] = &["base", "wire", "integrity", "manifest", "engine", "tracker"];

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn rooms_use_only_what_their_row_allows() {
    let mut faults = Vec::new();
    for file in sources(&["src"], &["rs"]) {
        let relative = relative(&file);
        let Some((room, module_depth)) = room_of(&relative) else {
            continue; // lib.rs and main.rs name every room
        };
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("{relative}: room `{room}` has no row in ROOMS"));
            continue;
        };
        for (line, used) in rooms_used(&read(&file), module_depth) {
            if used != room && is_room(&used) && !allowed.contains(&used.as_str()) {
                faults.push(format!("{relative}:{line}: `{room}` must not use `{used}`"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn tests_of_pure_rooms_run_on_wasm32_too() {
    let mut faults = Vec::new();
    for file in sources(&["src", "tests"], &["rs"]) {
        let relative = relative(&file);
        let pure = match room_of(&relative) {
            Some((room, _)) => PURE.contains(&room.as_str()),
            None => relative.starts_with("tests/"),
        };
        let native = file
            .parent()
            .is_some_and(|folder| read_if_there(&folder.join("main.rs")).contains(NATIVE_ONLY));
        if pure && !native && !runs_on_wasm32(&read(&file)) {
            faults.push(format!(
                "{relative}: its tests do not run on wasm32; {ALIAS_ADVICE}"
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// How a file, a module or a whole test target leaves itself out of wasm32.
const NATIVE_ONLY: &str = "not(target_arch = \"wasm32\")";

const ALIAS_ADVICE: &str = "beside the module's other imports write
    #[cfg(target_arch = \"wasm32\")]
    use wasm_bindgen_test::wasm_bindgen_test as test;";

/// A plain `#[test]` is silently left out on wasm32; the alias makes it one of wasm-bindgen's. A file
/// that leaves itself or its module out of wasm32 says so by `cfg`.
fn runs_on_wasm32(source: &str) -> bool {
    let code = without_comments_and_strings(source);
    !code.contains("#[test]")
        || code.contains("wasm_bindgen_test as test")
        || source.contains(NATIVE_ONLY)
}

#[test]
fn every_file_opens_with_what_it_decides() {
    let mut faults = Vec::new();
    for file in sources(&["src", "tests", "fuzz", "xtask", "benches"], &["rs"]) {
        if !read(&file).starts_with("//! ") {
            faults.push(format!("{}: no `//!` head", relative(&file)));
        }
    }
    for file in sources(
        &["js-adapters", "demo", "tests", "bench"],
        &["ts", "js", "mjs"],
    ) {
        if !opens_with_comment(&read(&file)) {
            faults.push(format!("{}: no opening comment", relative(&file)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_and_functions_stay_readable() {
    let mut faults = Vec::new();
    let folders = [
        "src",
        "tests",
        "fuzz",
        "xtask",
        "benches",
        "js-adapters",
        "demo",
        "bench",
    ];
    for file in sources(&folders, &["rs", "ts", "js", "mjs"]) {
        let lines = read(&file).lines().count();
        if lines > FILE_LINES_MAX {
            faults.push(format!(
                "{}: {lines} lines, {FILE_LINES_MAX} stop",
                relative(&file)
            ));
        }
    }
    for file in sources(&["src", "tests", "fuzz", "xtask", "benches"], &["rs"]) {
        for (line, name, length) in functions(&read(&file)) {
            if length > FUNCTION_LINES_MAX {
                faults.push(format!(
                    "{}:{line}: `{name}` has {length} lines of code",
                    relative(&file)
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The room a file of `src/` belongs to, and how many modules deep the file itself stands.
fn room_of(relative: &str) -> Option<(String, usize)> {
    let parts: Vec<&str> = relative.strip_prefix("src/")?.split('/').collect();
    let (file, folders) = parts.split_last()?;
    if folders.is_empty() && matches!(*file, "lib.rs" | "main.rs") {
        return None;
    }
    let own = usize::from(*file != "mod.rs");
    let room = folders
        .first()
        .copied()
        .unwrap_or(file.trim_end_matches(".rs"));
    Some((room.to_owned(), folders.len() + own))
}

fn is_room(name: &str) -> bool {
    ROOMS.iter().any(|(room, _)| *room == name)
}

/// Every `(line, name)` that stands right under the crate's root in a path of this source.
fn rooms_used(source: &str, module_depth: usize) -> Vec<(usize, String)> {
    let tokens = tokens(&without_comments_and_strings(source));
    let mut used = Vec::new();
    let mut braces = 0;
    let mut inline_modules: Vec<usize> = Vec::new(); // brace depth outside each open `mod x {`
    let text = |at: usize| tokens.get(at).map_or("", |token| token.1.as_str());
    let mut at = 0;
    while at < tokens.len() {
        match text(at) {
            "{" => braces += 1,
            "}" => {
                braces -= 1;
                if inline_modules.last() == Some(&braces) {
                    inline_modules.pop();
                }
            }
            "mod" if text(at + 2) == "{" => inline_modules.push(braces),
            "crate" | "swarmline" if text(at + 1) == "::" => {
                used.extend(named_under(&tokens, at + 2));
            }
            "super" if text(at + 1) == "::" => {
                let mut climbed = 1;
                while text(at + 2) == "super" && text(at + 3) == "::" {
                    climbed += 1;
                    at += 2;
                }
                if climbed >= module_depth + inline_modules.len() {
                    used.extend(named_under(&tokens, at + 2));
                }
            }
            _ => {}
        }
        at += 1;
    }
    used
}

/// The name at `at`, or each first name of the `{…}` group that opens there.
fn named_under(tokens: &[(usize, String)], at: usize) -> Vec<(usize, String)> {
    match tokens.get(at) {
        Some((_, open)) if open == "{" => {
            let mut names = Vec::new();
            let mut depth = 0;
            let mut first = false;
            for (line, token) in &tokens[at..] {
                match token.as_str() {
                    "{" => {
                        depth += 1;
                        first = depth == 1;
                    }
                    "}" => {
                        depth -= 1;
                        if depth == 0 {
                            break;
                        }
                    }
                    "," => first = depth == 1,
                    name => {
                        if std::mem::take(&mut first) {
                            names.push((*line, name.to_owned()));
                        }
                    }
                }
            }
            names
        }
        Some(name) => vec![name.clone()],
        None => Vec::new(),
    }
}

/// `(line, name, lines of code in the body)` of every function that has one.
fn functions(source: &str) -> Vec<(usize, String, usize)> {
    let scrubbed = without_comments_and_strings(source);
    let code_lines: Vec<bool> = scrubbed
        .lines()
        .map(|line| !line.trim().is_empty())
        .collect();
    let tokens = tokens(&scrubbed);
    let mut found = Vec::new();
    for (at, (line, token)) in tokens.iter().enumerate() {
        let name = tokens.get(at + 1).map_or("", |next| next.1.as_str());
        if token != "fn" || name == "(" {
            continue; // a function pointer's type has no name
        }
        let Some((open, close)) = body_lines(&tokens[at..]) else {
            continue;
        };
        let body = &code_lines[open.min(close - 1)..close - 1];
        let length = body.iter().filter(|code| **code).count();
        found.push((*line, name.to_owned(), length));
    }
    found
}

/// The lines of the braces around the first body after a `fn`; `None` for a declaration.
fn body_lines(tokens: &[(usize, String)]) -> Option<(usize, usize)> {
    let mut depth = 0;
    let mut open = 0;
    let mut brackets = 0;
    for (line, token) in tokens {
        match token.as_str() {
            "(" | "[" => brackets += 1,
            ")" | "]" => brackets -= 1,
            ";" if depth == 0 && brackets == 0 => return None,
            "{" => {
                depth += 1;
                if depth == 1 {
                    open = *line;
                }
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return Some((open, *line));
                }
            }
            _ => {}
        }
    }
    None
}

/// Names, `::` and single punctuation, each with its line from 1.
fn tokens(scrubbed: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (number, line) in scrubbed.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let name = rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let length = match first {
                _ if name > 0 => name,
                ':' if rest.starts_with("::") => 2,
                other => other.len_utf8(),
            };
            tokens.push((number + 1, rest[..length].to_owned()));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The source with comments, strings and character literals blanked; line breaks stay.
fn without_comments_and_strings(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match blank_length(rest, out.chars().last()) {
            0 => {
                out.push(first);
                first.len_utf8()
            }
            blank => {
                out.extend(rest[..blank].chars().filter(|c| *c == '\n'));
                out.push(' ');
                blank
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Bytes at the start of `rest` that are one comment or literal; 0 if it is code.
fn blank_length(rest: &str, before: Option<char>) -> usize {
    let in_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let quote = |from: usize| {
        let mut escaped = false;
        let close = rest[from..].find(|c| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        close.map_or(rest.len(), |at| from + at + 1)
    };
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment_length(rest);
    }
    if rest.starts_with('"') {
        return quote(1);
    }
    if rest.starts_with('r') && !in_name {
        let hashes = rest[1..].bytes().take_while(|b| *b == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let from = hashes + 2;
            return rest[from..]
                .find(&close)
                .map_or(rest.len(), |at| from + at + close.len());
        }
    }
    if rest.starts_with('\'') {
        let mut chars = rest.char_indices().skip(1);
        let (_, first) = chars.next().unwrap_or((0, '\''));
        if first == '\\' {
            return rest[2..].find('\'').map_or(rest.len(), |at| at + 3).max(4);
        }
        return match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0, // a lifetime
        };
    }
    0
}

/// Bytes of the block comment that `rest` opens with; they nest.
fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Whether words open the source, behind a `#!` line or a directive such as `// @ts-check`.
fn opens_with_comment(source: &str) -> bool {
    let mut lines = source
        .lines()
        .skip_while(|line| line.starts_with("#!") || line.is_empty());
    let is_comment = |line: &str| ["//", "/*", " *"].iter().any(|mark| line.starts_with(mark));
    let says_something = |line: &str| {
        let words = line.trim_start_matches(['/', '*', ' ']);
        !words.starts_with('@') && words.chars().filter(|c| c.is_alphabetic()).count() > 10
    };
    lines
        .by_ref()
        .take_while(|line| is_comment(line))
        .take(3)
        .any(says_something)
}

/// Our own files with these extensions under these folders, in a stable order.
fn sources(folders: &[&str], extensions: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&root().join(folder), extensions, &mut files);
    }
    files.sort();
    files
}

fn collect(folder: &Path, extensions: &[&str], files: &mut Vec<PathBuf>) {
    const NOT_OURS: &[&str] = &["node_modules", "dist", "wasm", "target", "vendor", "media"];
    let Ok(entries) = fs::read_dir(folder) else {
        return; // a folder that a later change brings
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && !NOT_OURS.contains(&name) {
                collect(&path, extensions, files);
            }
        } else if extensions
            .iter()
            .any(|extension| name.ends_with(&format!(".{extension}")))
        {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_if_there(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The reader itself can fail: made-up sources with known faults.
mod reader {
    use super::*;

    fn names(source: &str, depth: usize) -> Vec<String> {
        rooms_used(source, depth)
            .into_iter()
            .map(|(_, name)| name)
            .collect()
    }

    #[test]
    fn finds_a_forbidden_room_in_every_form() {
        assert_eq!(names("use crate::engine::Config;", 1), ["engine"]);
        assert_eq!(
            names("use crate::{base::{Id, engine}, browser};", 1),
            ["base", "browser"]
        );
        assert_eq!(names("use super::engine::Config;", 1), ["engine"]);
        assert_eq!(names("use super::super::wire;", 2), ["wire"]);
        assert_eq!(names("fn f() { crate::server::run(); }", 2), ["server"]);
        assert_eq!(
            names("mod tests { use super::super::wire::X; }", 1),
            ["wire"]
        );
    }

    #[test]
    fn leaves_comments_strings_and_own_modules_alone() {
        assert!(names("// crate::engine\n/* crate::sim /* x */ crate::cli */", 1).is_empty());
        assert!(
            names(
                r##"const A: &str = "crate::engine\"crate::sim"; let b = r#"crate::cli"#;"##,
                1
            )
            .is_empty()
        );
        assert!(names("use super::engine;", 2).is_empty());
        assert!(names("mod tests { use super::engine; }", 1).is_empty());
        assert!(names("fn f<'a>(x: &'a str) -> char { '\"' } // crate::sim\n", 1).is_empty());
        assert_eq!(names("let q = '\\''; use crate::sim;", 1), ["sim"]);
    }

    #[test]
    fn knows_the_room_and_depth_of_a_file() {
        assert_eq!(room_of("src/wire/mod.rs"), Some(("wire".to_owned(), 1)));
        assert_eq!(room_of("src/wire/peer.rs"), Some(("wire".to_owned(), 2)));
        assert_eq!(
            room_of("src/wire/peer/tests.rs"),
            Some(("wire".to_owned(), 3))
        );
        assert_eq!(room_of("src/lib.rs"), None);
    }

    #[test]
    fn counts_lines_of_code_of_a_function() {
        let body = "    x();\n    // why\n\n".repeat(3);
        let source =
            format!("trait T {{ fn none(&self, a: [u8; 2]); }}\nfn long(\n) {{\n{body}}}\n");
        assert_eq!(functions(&source), [(2, "long".to_owned(), 3)]);
    }

    #[test]
    fn sees_tests_that_wasm32_would_leave_out() {
        assert!(!runs_on_wasm32("mod tests { #[test] fn a() {} }"));
        assert!(runs_on_wasm32(
            "use wasm_bindgen_test::wasm_bindgen_test as test; #[test] fn a() {}"
        ));
        assert!(runs_on_wasm32("// a #[test] in words"));
    }

    #[test]
    fn asks_for_words_in_the_opening_comment() {
        assert!(opens_with_comment(
            "// Opens two pages and counts.\nimport x;"
        ));
        assert!(opens_with_comment(
            "/**\n * Opens two pages and counts.\n */"
        ));
        assert!(opens_with_comment(
            "// @ts-check\n// Opens two pages and counts.\n"
        ));
        assert!(!opens_with_comment(
            "// @ts-check\nimport x from \"long-module-name\";"
        ));
        assert!(!opens_with_comment(
            "import { y } from \"x\"; // Opens two pages"
        ));
    }
}
