//! Where a playlist says its sidecar is: `#EXT-X-SWARMLINE-SIDECAR:URI="digests.json"` among the
//! lines of its head. Reads no sidecar.

use super::address;
use crate::integrity::{Attributes, Value};

const TAG: &str = "#EXT-X-SWARMLINE-SIDECAR:";

/// The sidecar's URL, if the head of the playlist from `url` names one that can be fetched.
pub(super) fn sidecar(url: &str, head: &str) -> Option<String> {
    let attributes = head
        .lines()
        .find_map(|line| line.trim().strip_prefix(TAG))?;
    let uri = Attributes::new(attributes).find_map(|attribute| match attribute {
        Ok(("URI", Value::Quoted(uri))) => Some(uri),
        Ok(_) | Err(_) => None,
    })?;
    address::resolve(url, uri).filter(|url| address::is_http(url))
}

/// The path of what `reference` names when it stands in the document at `base`: without scheme, host,
/// query and fragment. `None` when it cannot be resolved.
#[must_use]
pub fn path_of(base: &str, reference: &str) -> Option<String> {
    address::resolve(base, reference).map(|url| address::path(&url).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Timeline;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const URL: &str = "https://h/a/index.m3u8?token=1";

    #[test]
    fn the_head_names_the_sidecar() {
        for (line, expected) in [
            ("URI=\"d.json?v=2\"", Some("https://h/a/d.json?v=2")),
            ("X=1, URI=\"//c/d.json\" ", Some("https://c/d.json")),
            ("URI=\"data:application/json,{}\"", None),
            ("URI=d.json", None),
            ("", None),
        ] {
            let text = format!(
                "\u{feff}#EXTM3U\r\n{TAG}{line}\r\n#EXT-X-TARGETDURATION:4\r\n#EXTINF:4,\r\n1.ts\r\n"
            );
            let update = Timeline::default().update_hls(URL, &text).unwrap();
            assert_eq!(update.sidecar.as_deref(), expected, "{line}");
        }
        let behind = format!("#EXTM3U\n#EXTINF:4,\n1.ts\n{TAG}URI=\"d.json\"\n#EXTINF:4,\n2.ts\n");
        let update = Timeline::default().update_hls(URL, &behind).unwrap();
        assert_eq!(update.sidecar, None);
    }

    #[test]
    fn hosts_and_queries_do_not_matter() {
        for (base, reference) in [
            ("https://h/a/d.json?x", "../v/1.m4s?t=2"),
            ("https://other/a/d.json", "/v/1.m4s#f"),
            ("data:,", "http://x/v/1.m4s"),
        ] {
            assert_eq!(path_of(base, reference).as_deref(), Some("/v/1.m4s"));
        }
        assert_eq!(path_of("data:,", "1.m4s"), None);
    }
}
