//! A finished playlist looped into a live stream with a sliding window, in real time.
//!
//! Segments are numbered on and on; number `n` is piece `n mod count` of pass `n / count`, with its
//! times moved and the pass written into it, so that no two are alike in bytes, time or name. All is a
//! function of the time since the start: nothing runs in between.

mod date;
mod mp4;
mod source;
mod ts;

use super::OriginError;
use super::site::{digest, read_file};
use crate::integrity::tag::{DigestTag, SegmentDigest};
use crate::publish::Playlist;
use axum::body::Bytes;
use axum::http::StatusCode;
use core::fmt::Write as _;
use core::time::Duration;
use source::{Format, Source};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Windows of segments that can still be fetched: players ask a little late.
const KEPT_WINDOWS: u64 = 3;

/// One live stream: a playlist, or those that a master playlist names.
#[derive(Debug)]
pub(super) struct LiveStream {
    prefix: String,
    folder: PathBuf,
    tracks: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    /// Path of the playlist below the stream's folder: `/media.m3u8`.
    name: String,
    /// What its segments' paths begin with: `/media-`.
    stem: String,
    source: Source,
    /// Length of a pass, the same for all tracks, microseconds.
    pass_us: u64,
    window: u64,
    /// Wall clock at the start of the stream's time, Unix milliseconds.
    epoch_ms: u64,
    cache: Mutex<BTreeMap<u64, Arc<Made>>>,
}

/// A segment that was made.
#[derive(Debug)]
struct Made {
    bytes: Bytes,
    digest: SegmentDigest,
}

impl LiveStream {
    /// Reads the sources; the stream's first window is there at once.
    pub(super) fn new(prefix: &str, path: &Path, window: usize) -> Result<Self, OriginError> {
        let fail = |path: &Path, why: String| {
            OriginError(format!("{} cannot be looped: {why}", path.display()))
        };
        let text = fs::read_to_string(path).map_err(|why| fail(path, why.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let own_name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let scan = Playlist::scan(&text).map_err(|why| fail(path, why.to_string()))?;
        let names = if scan.is_master {
            scan.children
        } else {
            vec![own_name]
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut tracks = Vec::new();
        for name in names {
            let path = folder.join(&name);
            let source = Source::read(&path).map_err(|why| fail(&path, why))?;
            tracks.push(Track {
                stem: format!("/{}-", name.trim_end_matches(".m3u8")),
                name: format!("/{name}"),
                pass_us: source.end_us(),
                source,
                window: u64::try_from(window).unwrap_or(1),
                epoch_ms: u64::try_from(now.as_millis()).unwrap_or(0),
                cache: Mutex::default(),
            });
        }
        let pass_us = tracks.iter().map(|track| track.pass_us).max().unwrap_or(0);
        tracks.iter_mut().for_each(|track| track.pass_us = pass_us);
        Ok(Self {
            prefix: prefix.trim_end_matches('/').to_owned(),
            folder,
            tracks,
        })
    }

    /// A live playlist or segment; `None` for other paths.
    pub(super) fn find(
        &self,
        path: &str,
        elapsed: Duration,
        sign: bool,
    ) -> Result<Option<Bytes>, StatusCode> {
        let Some(path) = path.strip_prefix(self.prefix.as_str()) else {
            return Ok(None);
        };
        for track in &self.tracks {
            if path == track.name {
                let text = track.playlist(elapsed, sign);
                return text
                    .map(|text| Some(text.into()))
                    .map_err(|why| broken(&why));
            }
            let number = path.strip_prefix(track.stem.as_str());
            let number = number.and_then(|name| name.strip_suffix(track.source.suffix()));
            if let Some(number) = number.and_then(|digits| digits.parse().ok()) {
                let there = track.kept(elapsed).contains(&number);
                let segment = there.then(|| track.segment(number)).transpose();
                return match segment.map_err(|why| broken(&why))? {
                    Some(made) => Ok(Some(made.bytes.clone())),
                    None => Err(StatusCode::NOT_FOUND),
                };
            }
        }
        Ok(None)
    }

    /// Files beside the source (its master playlist, maps) stand beside the live playlist too.
    pub(super) fn locate(&self, path: &str) -> Option<PathBuf> {
        let rest = path.strip_prefix(self.prefix.as_str())?.strip_prefix('/')?;
        Some(self.folder.join(rest))
    }
}

fn broken(why: &str) -> StatusCode {
    tracing::error!("a live segment cannot be made: {why}");
    StatusCode::INTERNAL_SERVER_ERROR
}

impl Track {
    /// Where segment `number` begins in the stream's time, microseconds.
    fn start_us(&self, number: u64) -> u64 {
        let (pass, piece) = self.source.split(number);
        pass * self.pass_us + piece.offset_us
    }

    fn end_us(&self, number: u64) -> u64 {
        self.start_us(number) + self.source.split(number).1.duration_us
    }

    /// Time that lies before the start, so that the first window is whole.
    fn lead_us(&self) -> u64 {
        self.end_us(self.window - 1)
    }

    /// One past the newest segment: those whose end has come.
    fn end_number(&self, elapsed: Duration) -> u64 {
        let now = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX) + self.lead_us();
        let count = self.source.count();
        let pass = now / self.pass_us;
        let done = (0..count).take_while(|piece| self.end_us(pass * count + piece) <= now);
        pass * count + u64::try_from(done.count()).unwrap_or(0)
    }

    fn kept(&self, elapsed: Duration) -> core::ops::Range<u64> {
        let end = self.end_number(elapsed);
        end.saturating_sub(self.window * KEPT_WINDOWS)..end
    }

    fn playlist(&self, elapsed: Duration, sign: bool) -> Result<String, String> {
        let end = self.end_number(elapsed);
        let first = end - self.window.min(end);
        let mut text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}\n",
            self.source.target_duration_s()
        );
        for line in &self.source.head {
            text.push_str(line);
            text.push('\n');
        }
        let folder = self.name.rfind('/').map_or(0, |at| at + 1);
        for number in first..end {
            let piece = self.source.split(number).1;
            let since_us = self.start_us(number).saturating_sub(self.lead_us());
            let before_us = self.lead_us().saturating_sub(self.start_us(number));
            let date_ms = (self.epoch_ms + since_us / 1_000).saturating_sub(before_us / 1_000);
            let _ = writeln!(text, "#EXT-X-PROGRAM-DATE-TIME:{}", date::rfc3339(date_ms));
            let _ = writeln!(text, "#EXTINF:{},", seconds(piece.duration_us));
            if sign {
                let tag = DigestTag::from(self.segment(number)?.digest);
                let _ = writeln!(text, "{tag}");
            }
            let (stem, suffix) = (&self.stem[folder..], self.source.suffix());
            let _ = writeln!(text, "{stem}{number}{suffix}");
        }
        Ok(text)
    }

    /// Makes a segment, once while it is kept.
    fn segment(&self, number: u64) -> Result<Arc<Made>, String> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = cache.get(&number) {
            return Ok(made.clone());
        }
        let (pass, piece) = self.source.split(number);
        let bytes = read_file(&piece.file, piece.range)
            .map_err(|why| format!("{}: {why}", piece.file.display()))?;
        let moved_us = pass * self.pass_us;
        let bytes: Bytes = match &self.source.format {
            Format::Mp4 { timescales } => mp4::retime(&bytes, pass, moved_us, timescales),
            Format::Ts => ts::retime(&bytes, pass, moved_us),
        }
        .into();
        let digest = digest(&bytes);
        let made = Arc::new(Made { bytes, digest });
        cache.insert(number, made.clone());
        let oldest = number.saturating_sub(self.window * KEPT_WINDOWS);
        cache.retain(|&kept, _| kept >= oldest);
        Ok(made)
    }
}

fn seconds(duration_us: u64) -> String {
    format!("{}.{:06}", duration_us / 1_000_000, duration_us % 1_000_000)
}

#[cfg(test)]
mod tests;
