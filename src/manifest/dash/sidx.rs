//! Segment indexes (`sidx`, ISO/IEC 14496-12, 8.16.3) that stand in the media's own resource: the segments of a
//! `SegmentBase` track, from bytes that the player loaded to know them itself.
//!
//! Invariant: an index that cannot be read for sure, or that lists other indexes, gives an error and no segment;
//! whatever the bytes, no more than [`SLOTS_MAX`] segments. What stands in a file of its own is not read.

use super::super::address;
use super::super::model::{Segment, Timeline, Update};
use super::super::refresh::named_version;
use super::slots::{SLOTS_MAX, to_ms};
use super::{MpdUpdate, Reason};
use crate::base::ByteRange;

/// Longest run of bytes in which an index is looked for: twice what the most segments need.
const BYTES_MAX: usize = 1 << 20;

/// An index, read.
#[derive(Debug, PartialEq, Eq)]
struct Index {
    timescale: u64,
    references: Vec<Reference>,
}

/// A segment: where it stands in time and in the resource.
#[derive(Debug, PartialEq, Eq)]
struct Reference {
    time: u64,
    duration: u64,
    range: ByteRange,
}

impl Timeline {
    /// Takes bytes that the player loaded from `url`, beginning with byte `first`, if they are the index of a track
    /// that waits for one. Nothing changes where they cannot be read; the player's own reading counts for it.
    pub fn update_index(&mut self, url: &str, first: u64, bytes: &[u8]) -> Option<MpdUpdate> {
        let url = address::normalize(url);
        let holds = |index_range: Option<ByteRange>| {
            index_range
                .is_none_or(|range| range.start == first && bytes.len() as u64 >= range.len())
        };
        let waits = (0..self.tracks.len()).find(|index| {
            let track = self.tracks.get(*index);
            let waiting = track.filter(|track| track.segments.is_empty());
            let indexed = waiting.and_then(|track| track.indexed.as_ref());
            indexed.is_some_and(|indexed| {
                holds(indexed.index_range) && self.is_resource(*index, &indexed.url, &url)
            })
        })?;
        let indexed = self.tracks.get(waits)?.indexed.as_ref()?;
        let is_sure = indexed.index_range.is_some();
        let url = indexed.url.clone(); // the MPD's spelling: all players' segments are to have one name
        let mut merged = MpdUpdate::default();
        match read(first, bytes) {
            Ok(index) => merged.updates.push(self.list(waits, &url, &index)),
            Err(_) if !is_sure => return None, // a player looks for it where it likes
            Err(reason) => {
                let mut warning = String::from("no P2P for ");
                warning.push_str(&url);
                warning.push_str(": ");
                warning.push_str(reason);
                merged.warnings.push(warning);
            }
        }
        Some(merged)
    }

    fn list(&mut self, place: usize, url: &str, index: &Index) -> Update {
        let epoch = self.dash.epoch_ms.map(|ms| ms.to_string());
        let segment = |reference: &Reference| Segment {
            number: reference.time,
            url: url.to_owned(),
            range: Some(reference.range),
            duration_ms: to_ms(reference.duration, index.timescale),
            digest: None,
            seal: None,
            version: named_version(
                address::file_name(url),
                Some(reference.range),
                epoch.as_deref(),
            ),
            shareable: address::is_http(url),
        };
        let segments: Vec<Segment> = index.references.iter().map(segment).collect();
        let numbers: Vec<u64> = segments.iter().map(|segment| segment.number).collect();
        let update = Update {
            track: Some(place),
            added_first: numbers.first().copied().unwrap_or(0),
            added: u32::try_from(numbers.len()).unwrap_or(u32::MAX),
            ..Update::default()
        };
        if let Some(track) = self.tracks.get_mut(place) {
            let longest = segments.iter().map(|segment| segment.duration_ms).max();
            track.target_duration_ms = longest.unwrap_or(0);
            track.first_number = update.added_first;
            track.segments = segments;
        }
        self.reindex(place, &[], &[], &numbers);
        update
    }
}

/// The first index among the boxes in `bytes`, which begin with byte `first` of their resource.
fn read(first: u64, bytes: &[u8]) -> Result<Index, Reason> {
    const NONE: Reason = "its index is no sidx";
    if bytes.len() > BYTES_MAX {
        return Err("its index is too long");
    }
    let mut rest = Reader(bytes);
    loop {
        let before = rest.0.len();
        let size = rest.u32().ok_or(NONE)?;
        let name = rest.u32().ok_or(NONE)?;
        let size = match size {
            0 => before as u64,
            1 => rest.u64().ok_or(NONE)?,
            size => size,
        };
        let head = (before - rest.0.len()) as u64;
        let body = size
            .checked_sub(head)
            .and_then(|len| usize::try_from(len).ok());
        let body = body.and_then(|len| rest.take(len)).ok_or(NONE)?;
        if name == u64::from(u32::from_be_bytes(*b"sidx")) {
            let end = first.saturating_add((bytes.len() - rest.0.len()) as u64);
            return references(Reader(body), end).unwrap_or(Err("its index is cut short"));
        }
    }
}

/// The references of a `sidx` whose box ends at byte `end`; `None` where it is cut short.
fn references(mut body: Reader<'_>, end: u64) -> Option<Result<Index, Reason>> {
    let is_wide = body.u32()? >> 24 != 0;
    body.u32()?; // the track's number in the file
    let timescale = body.u32()?;
    let (mut time, offset) = if is_wide {
        (body.u64()?, body.u64()?)
    } else {
        (body.u32()?, body.u32()?)
    };
    let count = body.u32()? & 0xffff;
    if timescale == 0 || count > SLOTS_MAX {
        return Some(Err("its index has no timescale, or too many segments"));
    }
    let mut references = Vec::new();
    let mut start = end.checked_add(offset)?;
    for _ in 0..count {
        let (size, duration) = (body.u32()?, body.u32()?);
        body.u32()?; // where a player may enter
        if size >> 31 != 0 {
            return Some(Err("its index lists other indexes"));
        }
        if size == 0 || duration == 0 {
            return Some(Err("its index has a segment without bytes or duration"));
        }
        let range = ByteRange {
            start,
            end: start.checked_add(size)?,
        };
        references.push(Reference {
            time,
            duration,
            range,
        });
        start = range.end;
        time = time.checked_add(duration)?;
    }
    Some(Ok(Index {
        timescale,
        references,
    }))
}

/// Numbers, most significant byte first.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u64> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u64::from(u32::from_be_bytes(bytes)))
    }

    fn u64(&mut self) -> Option<u64> {
        Some((self.u32()? << 32) | self.u32()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Element;
    use crate::manifest::tests::mpd::element;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const MPD: &str = "https://cdn.test/film/a.mpd?token=1";
    const FILE: &str = "https://cdn.test/film/v.mp4";
    const COPY: &str = "https://copy.test/of/v.mp4?key=1";

    fn wide(value: u64) -> Vec<u8> {
        value.to_be_bytes().to_vec()
    }

    fn word(value: u32) -> Vec<u8> {
        value.to_be_bytes().to_vec()
    }

    fn boxed(name: [u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 8).unwrap();
        [&word(size), &name[..], body].concat()
    }

    /// An index of sizes and durations that begins at 900 ticks of 90,000 a second, 16 bytes behind itself.
    fn index(references: &[(u32, u32)], is_wide: bool) -> Vec<u8> {
        let number = |value: u32| {
            if is_wide {
                wide(u64::from(value))
            } else {
                word(value)
            }
        };
        let mut body = [word(u32::from(is_wide) << 24), word(1), word(90_000)].concat();
        body.extend([number(900), number(16)].concat());
        body.extend(word(u32::try_from(references.len()).unwrap()));
        for (size, duration) in references {
            body.extend([word(*size), word(*duration), word(0x9000_0000)].concat());
        }
        boxed(*b"sidx", &body)
    }

    /// A film of one file, and a copy of it; `place` is what the MPD says of its index.
    fn film(place: &[(&str, &str)]) -> Element {
        let file = |name: &str| Element {
            text: name.to_owned(),
            ..element("BaseURL", &[], vec![])
        };
        let base = element("SegmentBase", place, vec![]);
        let children = vec![file("v.mp4"), file(COPY), base];
        let representation = element("Representation", &[("id", "v")], children);
        let set = element("AdaptationSet", &[], vec![representation]);
        element(
            "MPD",
            &[],
            vec![element("Period", &[("id", "p")], vec![set])],
        )
    }

    fn timeline(place: &[(&str, &str)]) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.update_mpd(MPD, &film(place), 0).unwrap();
        timeline
    }

    #[test]
    fn an_index_becomes_segments() {
        for is_wide in [false, true] {
            let bytes = index(&[(1_000, 180_000), (500, 90_000)], is_wide);
            let last = (799 + bytes.len()).to_string();
            let mut timeline = timeline(&[("indexRange", &format!("800-{last}"))]);
            let read = timeline.update_index(FILE, 800, &bytes).unwrap();
            assert_eq!((read.updates[0].added, read.warnings.len()), (2, 0));
            let start = 800 + bytes.len() as u64 + 16;
            let listed: Vec<_> = timeline.tracks()[0]
                .segments
                .iter()
                .map(|s| {
                    (
                        s.number,
                        s.range.unwrap().start - start,
                        s.range.unwrap().len(),
                    )
                })
                .collect();
            assert_eq!(listed, [(900, 0, 1_000), (180_900, 1_000, 500)]);
            assert_eq!(timeline.tracks()[0].target_duration_ms, 2_000);
            let range = timeline.tracks()[0].segments[1].range;
            assert_eq!(timeline.find(FILE, range), Some((0, 180_900)));
            // It says the same for ever: neither a second reading nor the MPD again changes anything.
            assert_eq!(timeline.update_index(FILE, 800, &bytes), None);
            let place = [("indexRange", &*format!("800-{last}"))];
            let again = timeline.update_mpd(MPD, &film(&place), 0).unwrap();
            assert_eq!(
                (again.updates[0].added, again.updates[0].removed.len()),
                (0, 0)
            );
            assert_eq!(timeline.find(FILE, range), Some((0, 180_900)));
        }
    }

    #[test]
    fn an_index_is_found_where_the_mpd_names_no_place() {
        let mut timeline = timeline(&[]);
        let head = boxed(*b"free", &[0; 100]);
        let bytes = [head, index(&[(10, 90_000)], false), vec![0; 30]].concat();
        assert_eq!(
            timeline.update_index(FILE, 0, &bytes[..120]),
            None,
            "cut short"
        );
        assert!(timeline.update_index(FILE, 0, &bytes).is_some());
        let start = timeline.tracks()[0].segments[0].range.unwrap().start;
        assert_eq!(start, bytes.len() as u64 - 30 + 16);
    }

    #[test]
    fn an_index_under_a_further_base_lists_the_same() {
        let bytes = index(&[(1_000, 180_000)], false);
        let place = [("indexRange", &*format!("0-{}", bytes.len() - 1))];
        let (mut first, mut further) = (timeline(&place), timeline(&place));
        assert!(first.update_index(FILE, 0, &bytes).is_some());
        assert!(further.update_index(COPY, 0, &bytes).is_some());
        let segments = &first.tracks()[0].segments;
        assert_eq!(segments, &further.tracks()[0].segments, "one name for both");
        for timeline in [&first, &further] {
            for url in [FILE, COPY] {
                assert_eq!(timeline.find(url, segments[0].range), Some((0, 900)));
            }
            assert_eq!(
                timeline.find("https://copy.test/of/v.mp4", segments[0].range),
                None
            );
        }
    }

    #[test]
    fn other_bytes_are_not_taken_for_one() {
        let bytes = index(&[(10, 90_000)], false);
        let last = bytes.len() - 1;
        let place = [("indexRange", &*format!("0-{last}"))];
        let mut timeline = timeline(&place);
        assert_eq!(
            timeline.update_index("https://cdn.test/film/a.mp4", 0, &bytes),
            None
        );
        assert_eq!(timeline.update_index(FILE, 8, &bytes), None);
        assert_eq!(timeline.update_index(FILE, 0, &bytes[..last]), None);
        let mut damaged = bytes.clone();
        damaged[4] = b'x';
        let read = timeline.update_index(FILE, 0, &damaged).unwrap();
        assert_eq!((read.updates.len(), read.warnings.len()), (0, 1));
        assert!(
            timeline.update_index(FILE, 0, &bytes).is_some(),
            "untouched"
        );
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        assert!(read(0, &index(&[(10, 1), (20, 2)], true)).is_ok());
        let other = index(&[(0x8000_0010, 1)], false);
        assert_eq!(read(0, &other), Err("its index lists other indexes"));
        for references in [[(0, 1)], [(1, 0)]] {
            assert!(read(0, &index(&references, false)).is_err());
        }
        let mut still = index(&[(10, 1)], false);
        still[16..20].fill(0);
        assert!(read(0, &still).is_err(), "no timescale");
        let many = vec![(1, 1); 20_001];
        assert!(read(0, &index(&many, false)).is_err());
        assert!(read(u64::MAX, &index(&[(10, 1)], false)).is_err());
        let whole = index(&[(10, 1), (20, 2)], true);
        for len in 0..whole.len() {
            assert!(read(0, &whole[..len]).is_err(), "{len}");
        }
        assert!(
            read(
                0,
                &[
                    0, 0, 0, 1, b'f', b'r', b'e', b'e', 0xff, 0, 0, 0, 0, 0, 0, 0
                ]
            )
            .is_err()
        );
        assert!(read(0, &[0; 2_000]).is_err());
    }
}
