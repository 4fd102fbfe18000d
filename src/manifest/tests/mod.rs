//! Tests of the manifest room: playlists as servers write them (`cases`), what players ask for
//! (`addresses`), arbitrary playlists (`properties`), another reader of them (`beside_m3u8_rs`); MPDs that
//! change (`mpd`; what one lists is `tests/mpd`'s).

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a test that cannot go on fails"
)]

mod addresses;
#[cfg(not(target_arch = "wasm32"))] // m3u8-rs is native
mod beside_m3u8_rs;
mod cases;
pub(super) mod mpd;
#[cfg(not(target_arch = "wasm32"))] // proptest is native
mod properties;

use super::{Segment, Timeline};

const URL: &str = "https://cdn.test/live/v/index.m3u8?token=1";

/// A media playlist of `count` segments from `first`, four seconds each.
fn window(first: u64, count: u64) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
         #EXT-X-MAP:URI=\"init.mp4\"\n"
    );
    for number in first..first + count {
        text.push_str(&segment(number));
    }
    text
}

fn segment(number: u64) -> String {
    format!("#EXTINF:4.000,\nseg{number}.m4s\n")
}

fn numbers(timeline: &Timeline) -> Vec<u64> {
    let segments = timeline.tracks()[0].segments.iter();
    segments.map(|segment| segment.number).collect()
}

fn first_track(timeline: &Timeline) -> Vec<Segment> {
    timeline.tracks()[0].segments.to_vec()
}
