//! Base64 as playlists carry digests and signatures: the standard alphabet with padding (RFC 4648 §4).
//! By hand, because the `base64` crate costs the wasm module a kilobyte for alphabets nobody asks for.
//!
//! Tokens write it with the alphabet of URLs and without padding (RFC 4648 §5, RFC 7515 §2).
//!
//! Invariant: each text stands for one value and each value has one text. Padding that is missing or
//! too much, bits behind the last byte that are not zero (§3.5), space and every other character are
//! refused. Nothing secret is read here: time depends on the text.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The text of `bytes`, four characters for every three begun.
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let mut word = [0; 4];
        word[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(word);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 63;
            let written = place <= three.len();
            text.push(if written {
                char::from(ALPHABET[sextet as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// Exactly `N` bytes, without a buffer that the text's length decides.
pub(super) fn from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    read_into(text.as_bytes(), &mut bytes).then_some(bytes)
}

/// The text of `bytes` as tokens have it.
#[must_use]
pub fn to_base64url(bytes: &[u8]) -> String {
    let text = to_base64(bytes);
    let swapped = |c| match c {
        '+' => '-',
        '/' => '_',
        c => c,
    };
    text.trim_end_matches('=').chars().map(swapped).collect()
}

/// Bytes of a token's part; `None` if it is none. As long as three quarters of the text.
#[must_use]
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let rest = text.len() % 4;
    let len = text.len() / 4 * 3 + rest.saturating_sub(1);
    let swapped = |byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        b'+' | b'/' | b'=' => b' ', // of the other alphabet
        byte => byte,
    };
    let mut standard: Vec<u8> = text.bytes().map(swapped).collect();
    standard.resize(text.len().next_multiple_of(4), b'=');
    let mut bytes = vec![0; len];
    read_into(&standard, &mut bytes).then_some(bytes)
}

/// Whether `text` is the text of as many bytes as `bytes` holds; they stand there then.
fn read_into(text: &[u8], bytes: &mut [u8]) -> bool {
    text.len() == bytes.len().div_ceil(3) * 4
        && text
            .chunks_exact(4)
            .zip(bytes.chunks_mut(3))
            .all(|(four, three)| read_three(four, three).is_some())
}

/// Reads one to three bytes from four characters.
fn read_three(four: &[u8], three: &mut [u8]) -> Option<()> {
    let mut bits = 0;
    for (place, &character) in four.iter().enumerate() {
        let sextet = match character {
            b'=' if place > three.len() => 0,
            _ if place > three.len() => return None,
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(sextet);
    }
    let [_, word @ ..] = bits.to_be_bytes();
    let (read, behind) = word.split_at_checked(three.len())?;
    for (byte, read) in three.iter_mut().zip(read) {
        *byte = *read;
    }
    behind.iter().all(|&byte| byte == 0).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_vectors_of_rfc_4648() {
        // §10, and the two characters that other alphabets have in place of these.
        assert_eq!(to_base64(b""), "");
        assert_eq!(to_base64(b"f"), "Zg==");
        assert_eq!(to_base64(b"fo"), "Zm8=");
        assert_eq!(to_base64(b"foo"), "Zm9v");
        assert_eq!(to_base64(b"foob"), "Zm9vYg==");
        assert_eq!(to_base64(b"fooba"), "Zm9vYmE=");
        assert_eq!(to_base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(to_base64(&[0xfb, 0xff, 0xfe]), "+//+");
        assert_eq!(from_base64(""), Some([]));
        assert_eq!(from_base64("Zg=="), Some(*b"f"));
        assert_eq!(from_base64("Zm8="), Some(*b"fo"));
        assert_eq!(from_base64("Zm9v"), Some(*b"foo"));
        assert_eq!(from_base64("Zm9vYg=="), Some(*b"foob"));
        assert_eq!(from_base64("Zm9vYmE="), Some(*b"fooba"));
        assert_eq!(from_base64("Zm9vYmFy"), Some(*b"foobar"));
        assert_eq!(from_base64("+//+"), Some([0xfb, 0xff, 0xfe]));
    }

    #[test]
    fn a_second_text_of_a_value_is_refused() {
        for text in [
            "Zh==", "Zv==", "Zg=", "Zg", "Zg===", "Zg==\n", " Zg==", "Zg=A", "Zg=\0", "Z===",
            "====", "=Zg=", "Zm8", "Zm9v", "Zg==Zg==", "",
        ] {
            assert_eq!(from_base64::<1>(text), None, "{text:?}");
        }
        for text in ["Zm9=", "Zm8A", "Zm==", "Z-8=", "Z_8=", "Zé=", "Zm8=="] {
            assert_eq!(from_base64::<2>(text), None, "{text:?}");
        }
    }

    /// The `base64` crate reads and writes every text as we do.
    #[cfg(not(target_arch = "wasm32"))]
    mod beside_another {
        use super::super::*;
        use base64::{
            Engine as _, engine::general_purpose::STANDARD,
            engine::general_purpose::URL_SAFE_NO_PAD,
        };
        use proptest::prelude::*;

        fn alike<const N: usize>(text: &str) {
            let theirs = STANDARD.decode(text).ok();
            let theirs = theirs.and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
            assert_eq!(from_base64::<N>(text), theirs, "{text:?} as {N} bytes");
        }

        fn alike_at_every_length(text: &str) {
            alike::<0>(text);
            alike::<1>(text);
            alike::<2>(text);
            alike::<3>(text);
            alike::<4>(text);
            alike::<5>(text);
            alike::<32>(text);
            alike::<64>(text);
        }

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(2_000))]

            #[test]
            fn writing(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
                prop_assert_eq!(to_base64(&bytes), STANDARD.encode(&bytes));
                alike_at_every_length(&to_base64(&bytes));
            }

            #[test]
            fn reading(text in "[A-Da-d0-3+/_=-]{0,8}|[AQgw=]{4}|[AQgw=]{8}") {
                alike_at_every_length(&text);
            }

            #[test]
            fn as_tokens_have_it(bytes in prop::collection::vec(any::<u8>(), 0..70)) {
                let text = to_base64url(&bytes);
                prop_assert_eq!(&text, &URL_SAFE_NO_PAD.encode(&bytes));
                prop_assert_eq!(from_base64url(&text), Some(bytes));
            }

            #[test]
            fn reading_as_tokens_have_it(text in "[A-Da-d0-3+/_=é-]{0,9}|[AQgw]{1,9}") {
                prop_assert_eq!(from_base64url(&text), URL_SAFE_NO_PAD.decode(&text).ok());
            }

            #[test]
            fn reading_what_was_damaged(
                bytes in any::<[u8; 32]>(), at in 0..44_usize, character in "[A-Za-z0-9+/=_é -]",
            ) {
                let mut text = to_base64(&bytes);
                text.replace_range(at..=at, &character);
                alike_at_every_length(&text);
            }
        }
    }
}
