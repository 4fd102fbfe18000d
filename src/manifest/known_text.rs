//! The text of a live playlist as last read. A refresh repeats nearly all of it; comparing bytes finds
//! the part that is unchanged and needs no reading. Byte equality is the whole proof: whatever differs
//! (a digest, a part hint, a discontinuity) is read again from the segment before it.
//!
//! Invariant: the text describes the track's segments `first + 1 ..= last` exactly as they stand there.

use crate::base::cut;

/// What was read of one media playlist.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownText {
    /// Playlist URL without query: URIs were resolved against it.
    base_url: String,
    /// Lines from behind the URI line of segment `first` to the last URI line.
    text: String,
    /// Bytes ever dropped from the front of `text`; positions in `ends` count from there.
    dropped: u64,
    /// Where the URI line of segment `first + i` ends.
    ends: Vec<u64>,
    first: u64,
}

/// The unchanged part of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Same {
    /// Last segment whose lines are unchanged.
    pub(super) last: u64,
    /// Bytes of the refresh up to the end of its URI line.
    pub(super) len: usize,
}

impl KnownText {
    /// Which part of `rest` (the lines behind the URI line of segment `first`) is as known.
    pub(super) fn compare(&self, base_url: &str, first: u64, rest: &str) -> Option<Same> {
        if base_url != self.base_url {
            return None;
        }
        let start = self.position(first)?;
        let common = common_len(self.text.get(start..)?.as_bytes(), rest.as_bytes());
        let reach = self.dropped + to_u64(start + common);
        let count = self.ends.partition_point(|&end| end <= reach);
        let last = self.first + to_u64(count.checked_sub(1)?);
        let len = self.position(last)?.checked_sub(start)?;
        Some(Same { last, len })
    }

    /// Starts again with `text`, the lines behind the URI line of segment `first`, whose URI lines
    /// end at `ends`.
    pub(super) fn replace(&mut self, base_url: &str, first: u64, text: &str, ends: &[usize]) {
        *self = Self {
            base_url: base_url.to_owned(),
            text: String::new(),
            dropped: 0,
            ends: vec![0],
            first,
        };
        self.append(text, ends);
    }

    /// Replaces everything behind segment `last` by `text`, whose URI lines end at `ends`. No text
    /// (a copy of the playlist older than the known one) changes nothing.
    pub(super) fn extend(&mut self, last: u64, text: &str, ends: &[usize]) {
        if ends.is_empty() {
            return;
        }
        if let Some(keep) = self.position(last) {
            self.text = cut(&self.text, keep).0.to_owned();
            let count = usize::try_from(last - self.first).unwrap_or(usize::MAX);
            self.ends.truncate(count.saturating_add(1));
            self.append(text, ends);
        }
    }

    fn append(&mut self, text: &str, ends: &[usize]) {
        let Some(&len) = ends.last() else { return };
        let start = self.dropped + to_u64(self.text.len());
        self.text.push_str(text.get(..len).unwrap_or(text));
        if !self.text.ends_with('\n') {
            self.text.push('\n'); // a last line that was cut: one byte less than it will have
        }
        self.ends
            .extend(ends.iter().map(|&end| start + to_u64(end)));
        if let Some(end) = self.ends.last_mut() {
            *end = self.dropped + to_u64(self.text.len());
        }
    }

    /// Forgets the lines up to the URI line of segment `first`, which left the front of the playlist
    /// or stands there now. Their bytes go when they are a quarter of the text: moving the rest down
    /// at each refresh would cost as much as comparing it.
    pub(super) fn drop_before(&mut self, first: u64) {
        if first <= self.first {
            return;
        }
        let Some(position) = self.position(first) else {
            *self = Self::default();
            return;
        };
        if position > self.text.len() / 4 {
            self.text = cut(&self.text, position).1.to_owned();
            self.dropped += to_u64(position);
        }
        let count = usize::try_from(first - self.first).unwrap_or(usize::MAX);
        self.ends = self.ends.split_off(count.min(self.ends.len()));
        self.first = first;
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Where the URI line of segment `number` ends in `text`.
    fn position(&self, number: u64) -> Option<usize> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        usize::try_from(self.ends.get(index)? - self.dropped).ok()
    }
}

/// Bytes that `a` and `b` begin with alike; in strides, because equal stretches compare at memory speed.
fn common_len(a: &[u8], b: &[u8]) -> usize {
    const STRIDE: usize = 4_096;
    let len = a.len().min(b.len());
    let mut at = 0;
    while at < len {
        let end = len.min(at + STRIDE);
        if a[at..end] != b[at..end] {
            let equal = a[at..end]
                .iter()
                .zip(&b[at..end])
                .take_while(|(x, y)| x == y);
            return at + equal.count();
        }
        at = end;
    }
    len
}

fn to_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
