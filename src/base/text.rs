//! Text in two pieces, and words that only some builds say. Decides nothing.
//!
//! Invariant: no place panics. `text[..at]` and `split_at` do where `at` is none of a character's, and the
//! words for that (which character, between which bytes, escaped) weigh 2 kB in the wasm module.

/// The text before the byte `at` and the rest; all and nothing where no character begins there.
#[must_use]
pub fn cut(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Where the last `byte`, an ASCII character, stands in `text`: `str::rfind`, without its search for wider ones.
#[must_use]
pub fn find_last(text: &str, byte: u8) -> Option<usize> {
    text.bytes().rposition(|each| each == byte)
}

/// Why bytes from outside are refused, in words: for servers, tools and tests, whose readers act on them. A page drops what
/// it cannot read or closes the link, whatever the reason is, and each visitor would pay for each sentence: the module that
/// is shipped says so, and the warnings about playlists and digests name the tool that tells why.
#[inline(always)]
pub const fn refused(words: &'static str) -> &'static str {
    if cfg!(all(target_arch = "wasm32", not(debug_assertions))) {
        "unreadable"
    } else {
        words
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, find_last};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_last_of_several_is_found() {
        assert_eq!(find_last("né/a/", b'/'), Some(5));
        assert_eq!(find_last("né", b'/'), None);
    }

    #[test]
    fn text_is_cut_between_characters_only() {
        assert_eq!(cut("né.", 0), ("", "né."));
        assert_eq!(cut("né.", 3), ("né", "."));
        assert_eq!(cut("né.", 4), ("né.", ""));
        assert_eq!(cut("né.", 2), ("né.", ""));
        assert_eq!(cut("né.", 5), ("né.", ""));
    }
}
