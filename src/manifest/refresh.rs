//! A media playlist → the timeline. What is new is read, what is known is compared as bytes.
//!
//! Two steps: `read_window` turns text into segments without touching the timeline, so that an error
//! leaves it as it was; `merge` cannot fail.

use super::address;
use super::hls::{self, Listed, Listing, Playlist};
use super::known_text::{KnownText, Same};
use super::model::{ManifestError, Segment, Timeline, Track, Update};
use crate::base::{ByteRange, TrackId, Version, cut, refused};
use crate::integrity::sha256;

/// Media playlists of one stream.
const TRACKS_MAX: usize = 1_000;
/// How far another server's copy of a playlist may be behind, in segments. Farther back is taken for an
/// encoder that started again: file names and numbers may be the same and the content another.
const OLDER_COPY_SEGMENTS: u64 = 3;

/// A media playlist, read against what is known of its track.
struct Window<'a> {
    /// Number of the first segment, listed or skipped.
    first: u64,
    /// Segments that were read, rising: the first one listed, then those behind `same`.
    read: Vec<Segment>,
    /// The stretch of text between the two that is as known.
    same: Option<Same>,
    /// Text behind `same`, or behind the first one listed; where its URI lines end.
    tail: &'a str,
    ends: Vec<usize>,
    live: bool,
    target_duration_ms: u32,
}

impl Window<'_> {
    /// One past the last number; `None` if nothing is listed.
    fn end(&self) -> Option<u64> {
        let read = self.read.last()?.number;
        Some(self.same.map_or(read, |same| same.last.max(read)) + 1)
    }

    /// Whether segments were left out in front.
    fn is_delta(&self) -> bool {
        self.read
            .first()
            .is_some_and(|segment| segment.number > self.first)
    }
}

impl Timeline {
    /// Takes a media playlist; also says how many segments had to be read for it.
    pub(super) fn update_media(
        &mut self,
        url: &str,
        playlist: &Playlist<'_>,
    ) -> Result<(Update, usize), ManifestError> {
        let head = hls::read(playlist.head)?;
        if head.i_frames_only {
            return Ok((Update::default(), 0));
        }
        let id = self.renditions.track_id(url)?;
        let known = self.track_index(id);
        let base_url = address::without_query(url);
        let track = known.and_then(|index| self.tracks.get(index));
        let text = known.and_then(|index| self.texts.get(index));
        let mut context = Context {
            base_url,
            track,
            text,
        };
        let mut window = context.read_window(&head, playlist.rest)?;
        let mut step = track.map_or(Step::Forward, |track| Step::between(track, &window));
        if step == Step::Restart && window.same.is_some() {
            // Nothing that is known counts any more, text that looks the same included.
            context.text = None;
            window = context.read_window(&head, playlist.rest)?;
            step = Step::Restart;
        }
        if step == Step::Restart && window.is_delta() {
            return Err(ManifestError(
                "a delta update (EXT-X-SKIP) restarts the playlist".into(),
            ));
        }
        let read = window.read.len();
        let index = known.or_else(|| self.add_track(id, url));
        let index = index.ok_or_else(|| {
            ManifestError(refused("the stream has more than 1,000 media playlists").into())
        })?;
        Ok((self.merge(index, base_url, step, window), read))
    }

    /// Adds a track without segments, unless there are too many.
    pub(super) fn add_track(&mut self, id: TrackId, url: &str) -> Option<usize> {
        if self.tracks.len() >= TRACKS_MAX {
            return None;
        }
        self.tracks.push(Track::new(id, url));
        self.texts.push(KnownText::default());
        Some(self.tracks.len() - 1)
    }

    fn merge(&mut self, index: usize, base_url: &str, step: Step, window: Window<'_>) -> Update {
        let mut update = Update {
            track: Some(index),
            ..Update::default()
        };
        let (Some(track), Some(text)) = (self.tracks.get_mut(index), self.texts.get_mut(index))
        else {
            return update;
        };
        track.live = window.live;
        track.target_duration_ms = window.target_duration_ms;
        if window.read.is_empty() {
            return update;
        }
        match step {
            Step::Forward => remember(text, base_url, track, &window),
            Step::OlderCopy => {}
            Step::Restart => {
                remember(text, base_url, track, &window);
                update.removed = core::mem::take(&mut track.segments);
            }
        }
        if track.segments.is_empty() {
            track.first_number = window.first;
        }
        let mut replaced = Vec::new();
        for segment in window.read {
            replaced.extend(put(track, segment, &mut update));
        }
        let gone = window.first.saturating_sub(track.first_number);
        let gone = usize::try_from(gone)
            .unwrap_or(usize::MAX)
            .min(track.segments.len());
        update.removed.extend(track.segments.drain(..gone));
        track.first_number += gone as u64;
        let added_end = update.added_first + u64::from(update.added);
        let added: Vec<u64> = (update.added_first..added_end).collect();
        self.reindex(index, &update.removed, &replaced, &added);
        update
    }
}

/// How a refresh stands to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The same window or a later one.
    Forward,
    /// Another server's copy, a little behind, which agrees where it overlaps.
    OlderCopy,
    /// Another encoder, a window that grew backwards, or a viewer who was away: the track starts anew.
    Restart,
}

impl Step {
    fn between(track: &Track, window: &Window<'_>) -> Self {
        let Some(end) = window.end() else {
            return Self::Forward;
        };
        let (known_first, known_end) = (track.first_number, track.end_number());
        if track.segments.is_empty() {
            return Self::Forward;
        }
        if window.first > known_end || end <= known_first {
            return Self::Restart;
        }
        let behind = known_first
            .saturating_sub(window.first)
            .max(known_end.saturating_sub(end));
        let agrees = || {
            let known = |read: &Segment| track.segment(read.number);
            let mut overlap = window
                .read
                .iter()
                .filter_map(|read| Some((read, known(read)?)));
            overlap.all(|(read, known)| read.version == known.version)
        };
        match behind {
            0 => Self::Forward,
            1..=OLDER_COPY_SEGMENTS if agrees() => Self::OlderCopy,
            _ => Self::Restart,
        }
    }
}

/// Puts one segment in its place: behind the last one, or instead of the one with its number, which is
/// returned if it was different. What an older copy says of the time before the window is left out.
fn put(track: &mut Track, segment: Segment, update: &mut Update) -> Option<Segment> {
    let at = segment.number.checked_sub(track.first_number)?;
    let at = usize::try_from(at).ok()?;
    if let Some(known) = track.segments.get_mut(at) {
        let known = core::mem::replace(known, segment);
        let segment = track.segments.get(at)?;
        if same_bytes(&known, segment) && known.version == segment.version {
            return None;
        }
        update.changed.push((known.number, known.version));
        return Some(known);
    }
    if at == track.segments.len() {
        if update.added == 0 {
            update.added_first = segment.number;
        }
        update.added += 1;
        track.segments.push(segment);
    }
    None
}

/// Whether two segments stand for the same bytes at the same address.
pub(super) fn same_bytes(a: &Segment, b: &Segment) -> bool {
    a.url == b.url && a.range == b.range && a.digest == b.digest && a.shareable == b.shareable
}

/// Brings the remembered text up to date. Only a live playlist is read again.
fn remember(text: &mut KnownText, base_url: &str, track: &Track, window: &Window<'_>) {
    let Some(read) = window.read.first().filter(|_| window.live) else {
        text.clear();
        return;
    };
    let listed = read.number;
    let Some(same) = window.same else {
        text.replace(base_url, listed, window.tail, &window.ends);
        return;
    };
    text.extend(same.last, window.tail, &window.ends);
    // The lines of the first segment listed were not compared: if they changed, they are not known.
    let unchanged = track.segment(listed) == Some(read);
    text.drop_before(if unchanged { window.first } else { listed });
}

/// What a playlist is read against.
struct Context<'a> {
    base_url: &'a str,
    track: Option<&'a Track>,
    text: Option<&'a KnownText>,
}

impl Context<'_> {
    fn read_window<'t>(
        &self,
        head: &Listing<'_>,
        rest: &'t str,
    ) -> Result<Window<'t>, ManifestError> {
        let mut window = Window {
            first: head.media_sequence,
            read: Vec::new(),
            same: None,
            tail: rest,
            ends: Vec::new(),
            live: !head.end_list,
            target_duration_ms: to_ms(head.target_duration_s),
        };
        let Some(first) = head.segments.first() else {
            return Ok(window);
        };
        let listed = window
            .first
            .checked_add(head.skipped)
            .ok_or_else(|| ManifestError(refused("EXT-X-MEDIA-SEQUENCE is out of range").into()))?;
        if head.skipped > 0 {
            self.check_skipped(window.first, listed)?;
        }
        window.same = self
            .text
            .and_then(|text| text.compare(self.base_url, listed, rest));
        window.tail = cut(rest, window.same.map_or(0, |same| same.len)).1;
        let tail = hls::read(window.tail)?;
        if tail.skipped > 0 {
            // Segments left out here would shift the numbers of those behind (RFC 8216bis §4.4.5.2).
            return Err(ManifestError(
                refused("EXT-X-SKIP stands behind a segment").into(),
            ));
        }
        window.live &= !tail.end_list;
        window.ends = tail.ends;

        let last_same = window.same.map_or(listed, |same| same.last);
        let count = u64::try_from(tail.segments.len()).unwrap_or(u64::MAX);
        let end = last_same
            .checked_add(count)
            .and_then(|last| last.checked_add(1));
        if end.is_none_or(|end| end - window.first > hls::SEGMENTS_MAX) {
            return Err(hls::too_many_segments());
        }
        let first_date = head.skipped > 0 || hls::first_is_dated(rest).unwrap_or(true);
        let before = listed.checked_sub(1).filter(|_| head.skipped > 0);
        let before = before.and_then(|number| self.segment(number));
        let mut segment = self.segment_from(first, listed, before, first_date)?;
        if let Some(known) = self.segment(listed)
            && last_same > listed
            && same_bytes(known, &segment)
        {
            segment.version = known.version;
        }
        window.read.push(segment);
        for (number, next) in (last_same + 1..).zip(&tail.segments) {
            let before = if number == last_same + 1 && last_same > listed {
                self.segment(last_same)
            } else {
                window.read.last()
            };
            let segment = self.segment_from(next, number, before, true)?;
            window.read.push(segment);
        }
        Ok(window)
    }

    fn segment(&self, number: u64) -> Option<&Segment> {
        self.track?.segment(number)
    }

    /// A delta update leaves out segments that must be known (RFC 8216bis §6.3.7).
    fn check_skipped(&self, first: u64, listed: u64) -> Result<(), ManifestError> {
        let ends_known = [first, listed - 1].map(|number| self.segment(number).is_some());
        if ends_known == [true, true] {
            return Ok(());
        }
        Err(ManifestError(
            "the playlist is a delta update (EXT-X-SKIP) of segments that are not known".into(),
        ))
    }

    /// `before` is the segment listed before it; `date_counts`: PROGRAM-DATE-TIME is part of its name.
    ///
    /// Some servers date only the first segment of each window. A version that depends on where the
    /// window begins would differ between viewers, so there the first one's date does not count.
    fn segment_from(
        &self,
        listed: &Listed<'_>,
        number: u64,
        before: Option<&Segment>,
        date_counts: bool,
    ) -> Result<Segment, ManifestError> {
        let Some(url) = address::resolve(self.base_url, listed.uri) else {
            return Err(ManifestError(
                refused("a segment's URL cannot be resolved").into(),
            ));
        };
        let range = byte_range(listed, &url, before)?;
        let date_time = listed.date_time.filter(|_| date_counts);
        let version = match listed.digest {
            Some(digest) => first_8(digest.root.0),
            None => named_version(address::file_name(&url), range, date_time),
        };
        Ok(Segment {
            number,
            range,
            duration_ms: listed.duration_ms,
            digest: listed.digest,
            seal: listed.seal.clone(),
            version,
            shareable: !listed.unshareable && address::is_http(&url),
            url,
        })
    }
}

/// Without an offset a range follows the one before, of the same resource (RFC 8216 §4.3.2.2).
fn byte_range(
    listed: &Listed<'_>,
    url: &str,
    before: Option<&Segment>,
) -> Result<Option<ByteRange>, ManifestError> {
    let Some((len, offset)) = listed.byte_range else {
        return Ok(None);
    };
    let before = before
        .filter(|before| before.url == url)
        .and_then(|before| before.range);
    let start = offset.or(before.map(|range| range.end));
    let end = start.and_then(|start| start.checked_add(len));
    match (start, end) {
        (Some(start), Some(end)) => Ok(Some(ByteRange { start, end })),
        _ => Err(ManifestError(
            refused("a byte range has no offset and nothing to follow").into(),
        )),
    }
}

/// The version of a segment without digest: its file name, range (`start-end`, end exclusive) and
/// date, a line each.
pub(super) fn named_version(
    name: &str,
    range: Option<ByteRange>,
    date_time: Option<&str>,
) -> Version {
    let mut text = String::from("swarmline version v1\n");
    text.push_str(name);
    text.push('\n');
    if let Some(range) = range {
        text.push_str(&range.start.to_string());
        text.push('-');
        text.push_str(&range.end.to_string());
    }
    text.push('\n');
    text.push_str(date_time.unwrap_or_default());
    first_8(sha256(text.as_bytes()).0)
}

fn first_8(bytes: [u8; 32]) -> Version {
    let mut version = [0; 8];
    version.copy_from_slice(&bytes[..8]);
    Version(version)
}

fn to_ms(seconds: u64) -> u32 {
    u32::try_from(seconds.saturating_mul(1_000)).unwrap_or(u32::MAX)
}
