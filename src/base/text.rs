//! Text in two pieces, words that only some builds say, and secrets side by side. Decides nothing.
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

/// Whether a secret was named. Takes as long for a near miss as for a far one, so that nobody finds it letter by letter;
/// its length it does not hide.
#[must_use]
pub fn is_secret(secret: &[u8], named: &[u8]) -> bool {
    let pairs = secret.iter().zip(named);
    secret.len() == named.len()
        && pairs.fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
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
    use super::{cut, find_last, is_secret};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_secret_is_itself_alone() {
        assert!(is_secret(b"abc", b"abc"));
        for other in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert!(!is_secret(b"abc", other) && !is_secret(other, b"abc"));
        }
    }

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
