//! Playlist text of any kind: signing keeps every byte of it.

use proptest::prelude::*;
use swarmline::base::ByteRange;
use swarmline::integrity::sha256;
use swarmline::integrity::tag::{DigestTag, SegmentDigest, TAG};
use swarmline::publish::{PublishError, sign_playlist, strip_playlist};

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "\\PC{0,10}",
        Just(String::new()),
        Just("#EXTINF:4,".to_owned()),
        Just("#EXT-X-ENDLIST".to_owned()),
        Just("#EXT-X-GAP".to_owned()),
        Just("#EXT-X-BYTERANGE:5@1".to_owned()),
        Just("#EXT-X-BYTERANGE:5".to_owned()),
        Just("#EXT-X-STREAM-INF:BANDWIDTH=1".to_owned()),
        Just("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b{$a}\"".to_owned()),
        Just("{$a}.ts".to_owned()),
        Just("segment.ts".to_owned()),
        Just(format!("{TAG}SIZE=1")),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    let line = (
        any_line(),
        prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
    );
    let head = prop_oneof![Just("#EXTM3U"), Just("\u{feff}#EXTM3U")];
    (head, proptest::collection::vec(line, 0..30), any_line()).prop_map(|(head, lines, last)| {
        let body: String = lines.into_iter().map(|(line, end)| line + end).collect();
        format!("{head}\n{body}{last}")
    })
}

fn sign_anything(text: &str) -> Option<String> {
    let line_of = |uri: &str, range: Option<ByteRange>| {
        let size = range.map_or(1, ByteRange::len);
        let root = sha256(uri.as_bytes());
        Ok::<_, PublishError>(DigestTag::from(SegmentDigest { size, root }))
    };
    sign_playlist(text, line_of).ok()
}

proptest! {
    #[test]
    fn any_text_is_kept_but_for_our_lines(text in any_text()) {
        if let Some(signed) = sign_anything(&text) {
            prop_assert_eq!(strip_playlist(&signed), strip_playlist(&text));
            prop_assert_eq!(sign_anything(&signed), Some(signed));
            if !text.contains(TAG) {
                prop_assert_eq!(strip_playlist(&text), text);
            }
        }
    }
}
