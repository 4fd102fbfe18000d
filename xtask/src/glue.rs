//! Makes what wasm-bindgen writes shorter: names that module and glue call each other by, and how a module is loaded.
//!
//! Invariant: module and glue agree on each name, and no module links with another one's glue. What a page may ask of
//! either is as it was.

use std::fs;
use std::path::Path;
use wasm_bindgen_cli_support::Output;

/// Where the glue's own ways of loading begin, in its script and in its types. They are replaced by one that
/// takes what our settings allow.
const LOADING: [(&str, &str, &str); 2] = [
    (
        "js",
        "async function __wbg_load(",
        include_str!("../../js-adapters/glue-loading.js"),
    ),
    (
        "d.ts",
        "export type SyncInitInput ",
        "export default function init(from: { module_or_path: InitInput }): Promise<InitOutput>;\n",
    ),
];

/// Names of one module that are to be shortened in its glue, too: what is written there, and what instead.
pub(crate) struct Names(Vec<(String, String)>);

/// Gives imports and exports names of few bytes, and takes out exports that the glue never asks for; `key` is the
/// module's own.
///
/// wasm-bindgen's (`__wbg_close_5ee9c5fe4e8754a4`, from `./swarmline_bg.js`) keep builds of many crates apart, which
/// one module does not need, and nothing can compress their hashes.
pub(crate) fn shorten(output: &mut Output, key: &str) -> Names {
    let mut names = Vec::new();
    let glue = output.js().to_owned();
    let module = output.wasm_mut();
    for (n, import) in module.imports.iter_mut().enumerate() {
        let from = std::mem::replace(&mut import.module, key.into());
        if n == 0 {
            names.push((format!("\"{from}\": "), format!("\"{key}\": ")));
        }
        let new = format!("i{n}");
        let old = std::mem::replace(&mut import.name, new.clone());
        names.push((format!(" {old}: "), format!(" {new}: ")));
    }
    let mut unused = Vec::new();
    for (n, export) in module.exports.iter_mut().enumerate() {
        let call = format!("wasm.{}", export.name);
        if export.name == "memory" {
            // Known by its name to whoever asks how large it is.
        } else if words(&glue, &call).next().is_none() {
            unused.push(export.id());
        } else {
            export.name = format!("e{n}");
            names.push((call, format!("wasm.{}", export.name)));
        }
    }
    for id in unused {
        module.exports.delete(id);
    }
    Names(names)
}

/// Writes the same names into the glue `name` of a folder, and our way of loading instead of its own.
pub(crate) fn rewrite(folder: &Path, name: &str, names: &Names) -> Result<(), String> {
    for (extension, begins, instead) in LOADING {
        let path = folder.join(format!("{name}.{extension}"));
        let at = |error: std::io::Error| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(at)?;
        let (kept, _) = text
            .split_once(begins)
            .ok_or_else(|| format!("{}: there is no `{begins}`", path.display()))?;
        let mut text = kept.to_owned();
        if extension == "js" {
            for (old, new) in &names.0 {
                text = renamed(&text, old, new)?;
            }
        }
        fs::write(&path, text + instead).map_err(at)?;
    }
    Ok(())
}

/// The text with another word wherever `old` stood, which is somewhere.
fn renamed(text: &str, old: &str, new: &str) -> Result<String, String> {
    let mut result = String::new();
    let mut end = 0;
    for at in words(text, old) {
        result += &text[end..at];
        result += new;
        end = at + old.len();
    }
    if end == 0 {
        return Err(format!("wasm-bindgen's glue has no `{old}`"));
    }
    Ok(result + &text[end..])
}

/// Where `word` stands, and is no beginning of a longer one.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).filter_map(move |(at, _)| {
        let next = text[at + word.len()..].chars().next();
        let longer = word.ends_with(is_of_name) && next.is_some_and(is_of_name);
        (!longer).then_some(at)
    })
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn a_name_is_replaced_wherever_it_stands_whole() {
        let text = "wasm.free(wasm.free_all, wasm.free)";
        assert_eq!(
            renamed(text, "wasm.free", "wasm.e1").as_deref(),
            Ok("wasm.e1(wasm.free_all, wasm.e1)")
        );
        assert!(renamed(text, "wasm.fre", "wasm.e1").is_err());
    }
}
