//! Takes out of a wasm module where its builder keeps sources: panics in libraries name their files.
//!
//! Invariant: a module stays as long as it was, and names files from their library's folder on, so that it is the same
//! wherever it was built, tells nobody the builder's folders, and is smaller once compressed.

use std::env;
use std::path::PathBuf;

/// What stands in place of each character that is taken out.
const GONE: u8 = b'.';

/// Cargo's folder on this machine.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let named = env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))
}

/// Blanks the compiler's commit, and all of a registry's path up to the crate's folder.
pub(crate) fn hide(bytes: &mut [u8], cargo_home: &str) {
    blank(bytes, b"/rustc/");
    blank(bytes, format!("{cargo_home}/registry/src/").as_bytes());
}

/// Blanks `prefix` wherever it stands, and what follows up to the next slash.
fn blank(bytes: &mut [u8], prefix: &[u8]) {
    let mut at = 0;
    while let Some(rest) = bytes.get_mut(at..).filter(|rest| rest.len() > prefix.len()) {
        if rest.starts_with(prefix) {
            let end = rest
                .iter()
                .skip(prefix.len())
                .position(|byte| *byte == b'/');
            let len = prefix.len() + end.unwrap_or(0);
            rest[..len].fill(GONE);
            at += len;
        } else {
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hide;

    #[test]
    fn folders_go_and_names_stay() {
        let mut text = *b"x/rustc/5980/library/core/src/fmt.rs/home/a/.cargo/registry/src/i-19/js-sys-0.3/src/lib.rs/rustc";
        let len = text.len();
        hide(&mut text, "/home/a/.cargo");
        let shown = String::from_utf8_lossy(&text);
        assert_eq!(shown.len(), len);
        assert!(
            !shown.contains("5980") && !shown.contains("/home"),
            "{shown}"
        );
        assert!(shown.contains("./library/core/src/fmt.rs"), "{shown}");
        assert!(shown.ends_with("./js-sys-0.3/src/lib.rs/rustc"), "{shown}");
    }
}
