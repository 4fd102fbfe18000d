//! Which segment an address names that is not the listed one, letter by letter.

use super::super::Timeline;
use super::URL;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn what_players_put_behind_an_address_is_looked_past_where_paths_tell_segments_apart() {
    let listed = |uris: &[&str]| {
        let mut text = String::from("#EXTM3U\n#EXT-X-TARGETDURATION:4\n");
        for uri in uris {
            text.push_str("#EXTINF:4,\n");
            text.push_str(uri);
            text.push('\n');
        }
        let mut timeline = Timeline::default();
        timeline
            .update_hls(URL, &(text + "#EXT-X-ENDLIST\n"))
            .unwrap();
        timeline
    };
    let base = "https://cdn.test/live/v/";
    let find = |timeline: &Timeline, asked: &str| timeline.find(&format!("{base}{asked}"), None);
    let by_path = listed(&["a.ts", "b.ts?token=1", "c.ts"]);
    for (asked, number) in [
        ("a.ts?x", Some(0)),
        ("a.ts?token=2&CMCD=bl%3D1", Some(0)),
        ("b.ts?token=1&x=1&y=2", Some(1)),
        ("b.ts?token=1", Some(1)),
        ("b.ts?token=2", None),
        ("b.ts", None),
        ("c.ts&x=1", None),
        ("d.ts?x", None),
    ] {
        let found = number.map(|number| (0, number));
        assert_eq!(find(&by_path, asked), found, "{asked}");
    }
    let by_hand = listed(&["sch\u{f6}n 1.ts", "sch%C3%B6n%202.ts?k=<1>"]);
    for (asked, number) in [
        ("sch\u{f6}n 1.ts", Some(0)),
        ("sch%C3%B6n%201.ts", Some(0)),
        ("sch%C3%B6n%202.ts?k=%3C1%3E", Some(1)),
        ("sch\u{f6}n 2.ts?k=<1>&token=2", Some(1)),
        ("sch%F6n%201.ts", None),
    ] {
        let found = number.map(|number| (0, number));
        assert_eq!(find(&by_hand, asked), found, "{asked}");
    }
    let by_query = listed(&["s.ts", "s.ts?n=1", "s.ts?n=2"]);
    for (asked, number) in [
        ("s.ts", Some(0)),
        ("s.ts?n=1", Some(1)),
        ("s.ts?n=3", None),
        ("s.ts?n=1&x=1", None),
    ] {
        let found = number.map(|number| (0, number));
        assert_eq!(find(&by_query, asked), found, "{asked}");
    }
}
