//! Text in two pieces. Decides nothing.
//!
//! Invariant: no place panics. `text[..at]` and `split_at` do where `at` is none of a character's, and the
//! words for that (which character, between which bytes, escaped) weigh 2 kB in the wasm module.

/// The text before the byte `at` and the rest; all and nothing where no character begins there.
#[must_use]
pub fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::cut;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn text_is_cut_between_characters_only() {
        assert_eq!(cut("né.", 0), ("", "né."));
        assert_eq!(cut("né.", 3), ("né", "."));
        assert_eq!(cut("né.", 4), ("né.", ""));
        assert_eq!(cut("né.", 2), ("né.", ""));
        assert_eq!(cut("né.", 5), ("né.", ""));
    }
}
