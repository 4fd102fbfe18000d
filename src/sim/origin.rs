//! The publisher and the CDN: which contents there are, their digests and playlists, and how fast they
//! leave.
//!
//! Invariant: a content is a number; the digest of its block `i` is SHA-256 of (number, i). So leaf lists
//! and roots are true trees over marks, made once and shared by all shells, and other marks have other
//! digests. What breaks when is `fault`'s.

use super::fault::Weather;
use super::scenario::{Cdn, Scenario, Stream, StreamKind};
use super::whole;
use crate::base::{Duration, Instant, Rng};
use crate::integrity::tag::{DigestTag, SegmentDigest};
use crate::integrity::{Digest, block_count, root_of, sha256};

/// The live segment that is complete when a run begins.
const LIVE_NOW: u64 = 1_000;
const BASE: &str = "http://cdn/show/";
/// What HTTP, TLS, TCP and IP add to a body.
const OVERHEAD: f64 = 1.03;
const WRONG: u32 = 1 << 31;

/// What bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Content(u32);

impl Content {
    #[cfg(test)]
    pub(super) const fn of(number: u32) -> Self {
        Self(number)
    }

    /// Bytes that are not these.
    pub(super) const fn wrong(self) -> Self {
        Self(self.0 | WRONG)
    }

    pub(super) const fn is_wrong(self) -> bool {
        self.0 & WRONG != 0
    }

    /// A small number of its own, for counters.
    pub(super) const fn index(self) -> usize {
        (self.0 & !WRONG) as usize
    }
}

/// One segment of one rendition.
#[derive(Debug)]
pub(super) struct Title {
    pub(super) content: Content,
    pub(super) url: String,
    pub(super) size: u64,
    leaves: Vec<Digest>,
    /// As it stands in a playlist.
    lines: String,
}

/// The publisher and the CDN.
#[derive(Debug)]
pub(super) struct Origin {
    kind: StreamKind,
    segment_s: f64,
    window: u64,
    /// Number of the first title.
    first: u64,
    /// By number within a rendition.
    titles: Vec<Vec<Title>>,
    longest: u64,
    master: Option<String>,
    cdn: Cdn,
}

impl Title {
    fn new(content: Content, level: usize, number: u64, size: u64, stream: &Stream) -> Self {
        let leaves: Vec<Digest> = (0..block_count(size))
            .map(|index| leaf(content, index))
            .collect();
        let mut lines = String::new();
        if stream.signed {
            let root = root_of(&leaves);
            let tag = DigestTag::from(SegmentDigest { size, root });
            lines.push_str(&format!("{tag}\n"));
        }
        let url = format!("{BASE}{level}/{number}.m4s");
        lines.push_str(&format!("#EXTINF:{:.3},\n{number}.m4s\n", stream.segment_s));
        Self {
            content,
            url,
            size,
            leaves,
            lines,
        }
    }
}

impl Origin {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let stream = &scenario.stream;
        let segments = |seconds: f64| whole((seconds / stream.segment_s).ceil());
        let (first, count) = match stream.kind {
            StreamKind::Live => {
                let past = stream.window;
                (LIVE_NOW - past, segments(scenario.seconds) + past + 2)
            }
            StreamKind::Vod => (0, segments(stream.length_s)),
        };
        let mut content = 0;
        let mut titles = Vec::new();
        for (level, rate) in stream.rates_kbit_s.iter().enumerate() {
            // Scenes differ, and the renditions of one scene differ alike.
            let mut rng = Rng::new(4_711);
            let mut rendition = Vec::new();
            for number in first..first + count {
                let weight = 0.8 + 0.4 * rng.unit();
                let size = whole(rate * 1e3 / 8.0 * stream.segment_s * weight).max(1);
                rendition.push(Title::new(Content(content), level, number, size, stream));
                content += 1;
            }
            titles.push(rendition);
        }
        Self {
            kind: stream.kind,
            segment_s: stream.segment_s,
            window: stream.window,
            first,
            master: master(&stream.rates_kbit_s),
            longest: titles
                .iter()
                .flatten()
                .map(|title: &Title| title.size)
                .max()
                .unwrap_or(0),
            titles,
            cdn: scenario.cdn.clone(),
        }
    }

    /// All contents, by [`Content::index`].
    pub(super) fn titles(&self) -> impl Iterator<Item = &Title> {
        self.titles.iter().flatten()
    }

    pub(super) fn title(&self, level: usize, number: u64) -> Option<&Title> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.titles.get(level)?.get(at)
    }

    /// Bytes of the longest segment.
    pub(super) fn longest(&self) -> u64 {
        self.longest
    }

    /// Media seconds of the newest moment there is.
    pub(super) fn edge_s(&self, now: Instant) -> f64 {
        LIVE_NOW as f64 * self.segment_s + now.since(Instant::ZERO).as_secs_f64()
    }

    /// Numbers listed at `now`.
    pub(super) fn listed(&self, now: Instant) -> (u64, u64) {
        match self.kind {
            StreamKind::Live => {
                let past = now.since(Instant::ZERO).as_secs_f64() / self.segment_s;
                let last = LIVE_NOW + whole(past) - 1;
                (last + 1 - self.window, last)
            }
            StreamKind::Vod => (0, self.titles[0].len() as u64 - 1),
        }
    }

    pub(super) fn master(&self) -> Option<(String, String)> {
        let text = self.master.clone()?;
        Some((format!("{BASE}master.m3u8"), text))
    }

    /// URL and text of the playlist that lists `first..=last`.
    pub(super) fn playlist(&self, level: usize, first: u64, last: u64) -> (String, String) {
        let (kind, segment_s) = (self.kind, self.segment_s);
        let rendition = self.titles.get(level).map_or(&[][..], |titles| titles);
        let skip = usize::try_from(first - self.first).unwrap_or(0);
        let count = usize::try_from(last + 1 - first).unwrap_or(0);
        let target = whole(segment_s.ceil());
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
        );
        let listed = rendition.iter().skip(skip).take(count);
        listed.for_each(|title| text.push_str(&title.lines));
        if kind == StreamKind::Vod {
            text.push_str("#EXT-X-ENDLIST\n");
        }
        (format!("{BASE}{level}/index.m3u8"), text)
    }

    /// The digest of block `index` of a content.
    pub(super) fn digest(&self, content: Content, index: usize) -> Digest {
        let known = (!content.is_wrong()).then(|| {
            let rendition = self.titles.first().map_or(1, Vec::len).max(1);
            let titles = self.titles.get(content.index() / rendition)?;
            let title = titles.get(content.index() % rendition)?;
            title.leaves.get(index).copied()
        });
        known
            .flatten()
            .unwrap_or_else(|| leaf(content, index as u64))
    }

    /// When the last of `bytes` that one response wants to send at `now` leaves. Where the CDN's egress is
    /// limited, `egress_free` is when it has sent all that it was given, and rises.
    pub(super) fn send(
        &self,
        now: Instant,
        bytes: u64,
        weather: &Weather,
        egress_free: &mut Instant,
    ) -> Instant {
        let span = |mbit_s: f64| {
            let bytes_per_s = mbit_s * 1e6 / 8.0 * weather.cdn_rate;
            Duration::from_secs_f64(bytes as f64 * OVERHEAD / bytes_per_s)
        };
        let alone = now + span(self.cdn.mbit_s);
        let Some(total) = self.cdn.total_mbit_s else {
            return alone;
        };
        // Viewers come in no order of time within a page: that its line is empty is known when one begins.
        *egress_free = *egress_free + span(total);
        alone.max(*egress_free)
    }

    /// From a request's arrival to its first byte.
    pub(super) fn latency(&self, weather: &Weather) -> Duration {
        Duration::from_secs_f64(self.cdn.latency_ms / 1e3 / weather.cdn_rate)
    }
}

fn leaf(content: Content, index: u64) -> Digest {
    let mut name = [0; 12];
    name[..4].copy_from_slice(&content.0.to_le_bytes());
    name[4..].copy_from_slice(&index.to_le_bytes());
    sha256(&name)
}

/// The master playlist, if there is anything to choose.
fn master(rates_kbit_s: &[f64]) -> Option<String> {
    if rates_kbit_s.len() < 2 {
        return None;
    }
    let mut text = "#EXTM3U\n".to_owned();
    for (level, rate) in rates_kbit_s.iter().enumerate() {
        let bandwidth = whole(rate * 1e3);
        text.push_str(&format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}\n{level}/index.m3u8\n"
        ));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Timeline;

    fn origin(kind: &str) -> Origin {
        let text = format!(
            "name = \"x\"\nabout = \"x\"\nseconds = 40\n[stream]\nkind = \"{kind}\"\nsegment_s = 4\n\
             rates_kbit_s = [1300]\nlength_s = 60\n[[arrivals]]\nviewers = 1\nover_s = 1\n"
        );
        Origin::new(&Scenario::read(&text).unwrap())
    }

    #[test]
    fn its_playlists_are_read_and_its_leaves_are_their_roots() {
        for (kind, listed) in [("vod", (0, 14)), ("live", (996, 1_001))] {
            let origin = origin(kind);
            let now = Instant::from_millis(8_001);
            assert_eq!(origin.listed(now), listed);
            let (url, text) = origin.playlist(0, listed.0, listed.1);
            let mut timeline = Timeline::default();
            timeline.update_hls(&url, &text).unwrap();
            for number in listed.0..=listed.1 {
                let title = origin.title(0, number).unwrap();
                let read = timeline.segment(0, number).unwrap();
                assert_eq!(read.url, title.url);
                let leaves: Vec<Digest> = (0..title.leaves.len())
                    .map(|index| origin.digest(title.content, index))
                    .collect();
                assert_eq!(read.digest.unwrap().root, root_of(&leaves));
                assert_eq!(read.digest.unwrap().size, title.size);
            }
        }
    }

    #[test]
    fn other_bytes_have_other_digests() {
        let origin = origin("vod");
        let content = origin.title(0, 3).unwrap().content;
        let other = origin.title(0, 4).unwrap().content;
        assert_ne!(origin.digest(content, 1), origin.digest(content.wrong(), 1));
        assert_ne!(origin.digest(content, 1), origin.digest(other, 1));
        assert_ne!(origin.digest(content, 1), origin.digest(content, 2));
    }
}
