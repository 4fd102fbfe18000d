//! URLs as far as playlists need them: references resolved as RFC 3986 §5.2 says, queries and
//! fragments cut. Nothing is lower-cased, and the `url` crate's IDNA tables would cost more than the rest of this room.
//! Some players ask with the playlist's own spelling (hls.js), some with the browser's (Shaka 5.2): see `spelled`.

use crate::base::{cut, find_last};

/// The parts of a URL that resolution needs; `path` is everything between authority and query.
struct Parts<'a> {
    /// `https:`, with the colon; empty in a relative reference.
    scheme: &'a str,
    /// `//host:port`, with the slashes; empty when there is none.
    authority: &'a str,
    path: &'a str,
    /// With its question mark; empty when there is none.
    query: &'a str,
}

fn split(url: &str) -> Parts<'_> {
    let url = url.split('#').next().unwrap_or_default();
    let (before_query, query) = cut(url, url.find('?').unwrap_or(url.len()));
    let (scheme, rest) = cut(before_query, scheme_len(before_query));
    let authority_len = match rest.strip_prefix("//") {
        Some(after) => 2 + after.find('/').unwrap_or(after.len()),
        None => 0,
    };
    let (authority, path) = cut(rest, authority_len);
    Parts {
        scheme,
        authority,
        path,
        query,
    }
}

fn scheme_len(url: &str) -> usize {
    let Some(colon) = url.find(':') else { return 0 };
    let name = cut(url, colon).0.as_bytes();
    let letters = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    if letters { colon + 1 } else { 0 }
}

/// Resolves `reference` against `base` (RFC 3986 §5.2); the fragment is cut. `None` when `base` is
/// needed and has no authority (`data:`, `blob:`).
pub(crate) fn resolve(base: &str, reference: &str) -> Option<String> {
    let wanted = split(reference);
    if !wanted.scheme.is_empty() {
        return Some(join(&wanted, wanted.path, wanted.query));
    }
    let base = split(base);
    if base.scheme.is_empty() || base.authority.is_empty() {
        return None;
    }
    if !wanted.authority.is_empty() {
        let parts = Parts {
            scheme: base.scheme,
            ..wanted
        };
        return Some(join(&parts, parts.path, parts.query));
    }
    if wanted.path.is_empty() {
        let query = if wanted.query.is_empty() {
            base.query
        } else {
            wanted.query
        };
        return Some(join(&base, base.path, query));
    }
    if wanted.path.starts_with('/') {
        return Some(join(&base, wanted.path, wanted.query));
    }
    let folder = find_last(base.path, b'/').map_or("/", |at| cut(base.path, at + 1).0);
    let mut path = String::with_capacity(folder.len() + wanted.path.len());
    path.push_str(folder);
    path.push_str(wanted.path);
    Some(join(&base, &path, wanted.query))
}

fn join(origin: &Parts<'_>, path: &str, query: &str) -> String {
    let mut url = String::with_capacity(
        origin.scheme.len() + origin.authority.len() + path.len() + query.len(),
    );
    url.push_str(origin.scheme);
    url.push_str(origin.authority);
    if origin.authority.is_empty() {
        url.push_str(path); // `data:` and the like: no hierarchy to tidy
    } else {
        push_without_dots(&mut url, path);
    }
    url.push_str(query);
    url
}

/// Appends `path` with `.` and `..` carried out (RFC 3986 §5.2.4); `..` never climbs past the root.
fn push_without_dots(url: &mut String, path: &str) {
    let root = url.len();
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." => {}
            ".." => {
                let keep = root + find_last(cut(url, root).1, b'/').unwrap_or(0);
                *url = cut(url, keep).0.to_owned();
            }
            name => {
                url.push('/');
                url.push_str(name);
                continue;
            }
        }
        if last {
            url.push('/');
        }
    }
}

/// The form in which addresses are compared: dot segments carried out, no fragment.
pub(super) fn normalize(url: &str) -> String {
    let parts = split(url);
    join(&parts, parts.path, parts.query)
}

/// A URL as a browser spells it on the wire: what may not stand in one is percent-encoded (the URL Standard's query
/// and path sets, taken together). Two spellings of one address give one text.
pub(super) fn spelled(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() && !b"\"'<>^`{|}".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            for nibble in [byte >> 4, byte & 15] {
                let letters = if nibble > 9 { b'A' - 10 } else { b'0' };
                text.push(char::from(letters + nibble));
            }
        }
    }
    text
}

/// Whether two URLs are one address, however they are spelled.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    spelled(one) == spelled(other)
}

/// Whether it is fetched over HTTP.
pub(crate) fn is_http(url: &str) -> bool {
    let (scheme, _) = cut(url, scheme_len(url));
    scheme.eq_ignore_ascii_case("http:") || scheme.eq_ignore_ascii_case("https:")
}

/// `url` without query and fragment.
pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// The path, without host, query and fragment.
pub(crate) fn path(url: &str) -> &str {
    split(url).path
}

/// The last component of the path: a segment's file name.
pub(super) fn file_name(url: &str) -> &str {
    let path = path(url);
    find_last(path, b'/').map_or(path, |at| cut(path, at + 1).1)
}

/// The query without the low-latency directives (`_HLS_msn` and the like, RFC 8216bis §6.2.5) that
/// players add to a playlist's URL. Without the question mark.
pub(super) fn naming_query(url: &str) -> String {
    let query = split(url).query;
    let mut kept = String::new();
    for pair in query.strip_prefix('?').unwrap_or_default().split('&') {
        if pair.is_empty() || pair.starts_with("_HLS_") {
            continue;
        }
        if !kept.is_empty() {
            kept.push('&');
        }
        kept.push_str(pair);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn resolves_the_examples_of_rfc_3986() {
        // §5.4, without those whose result keeps a fragment and without `g:h`.
        let base = "http://a/b/c/d;p?q";
        for (reference, target) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p?q"),
            (";x", "http://a/b/c/;x"),
            ("g;x", "http://a/b/c/g;x"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            (".g", "http://a/b/c/.g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h/x/../y?z#f", "https://h/y?z"),
        ] {
            let resolved = resolve(base, reference);
            // An authority alone names the root; every client asks for `/`.
            let expected = if reference == "//g" {
                "http://g/"
            } else {
                target
            };
            assert_eq!(resolved.as_deref(), Some(expected), "{reference}");
        }
    }

    #[test]
    fn a_base_without_host_resolves_nothing_relative() {
        assert_eq!(resolve("blob:https://a/1", "seg.ts"), None);
        assert_eq!(resolve("data:text/plain,x", "/seg.ts"), None);
        assert_eq!(
            resolve("blob:x", "https://a/b").as_deref(),
            Some("https://a/b")
        );
        assert_eq!(
            resolve("http://a/", "data:video/mp2t,x/../y").as_deref(),
            Some("data:video/mp2t,x/../y")
        );
    }

    #[test]
    fn two_spellings_of_an_address_are_one() {
        assert!(is_same(
            "https://a/my film/\u{e4}.ts?k=<1>|'",
            "https://a/my%20film/%C3%A4.ts?k=%3C1%3E%7C%27"
        ));
        assert!(is_same("https://a/b%20c", "https://a/b c"));
        assert!(
            !is_same("https://a/b%2Fc", "https://a/b/c"),
            "another address"
        );
        assert!(
            !is_same("https://a/b c", "https://a/b+c"),
            "another address"
        );
    }

    #[test]
    fn names_are_cut_out() {
        let url = "https://h:8/a/b.m3u8?t=1&_HLS_msn=4&_HLS_part=1&u=/2#x";
        assert_eq!(path(url), "/a/b.m3u8");
        assert_eq!(file_name(url), "b.m3u8");
        assert_eq!(naming_query(url), "t=1&u=/2");
        assert_eq!(without_query(url), "https://h:8/a/b.m3u8");
        assert_eq!(path("https://h"), "");
        assert!(is_http("HTTPS://h/") && !is_http("data:x") && !is_http("/http:/"));
    }
}
