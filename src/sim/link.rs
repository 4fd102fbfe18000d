//! The access links and what waits for them: an uplink shared fairly by a viewer's peers, a downlink in
//! order of arrival.
//!
//! Invariant: no direction carries more than its rate. Control messages pass blocks that wait, as on
//! their own channel, and keep their order. What a link means is the engine's.

use super::modem::Modem;
use super::store::Taint;
use crate::base::{Duration, Instant, LinkId, SortedMap};
use std::collections::VecDeque;

/// What IP, UDP, DTLS, SCTP and their answers add to a message.
const OVERHEAD: f64 = 1.08;
/// More than this waits in no channel: one message more than deeper queues than Chromium's rate allows.
const CHANNEL_FULL: u64 = (256 + 64) << 10;

/// One direction of an access link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pipe {
    bytes_per_s: f64,
    free_at: Instant,
}

impl Pipe {
    pub(super) fn new(mbit_s: f64) -> Self {
        Self {
            bytes_per_s: mbit_s * 1e6 / 8.0,
            free_at: Instant::ZERO,
        }
    }

    pub(super) const fn bytes_per_s(&self) -> f64 {
        self.bytes_per_s
    }

    /// How long `bytes` occupy it.
    pub(super) fn span(&self, bytes: u64) -> Duration {
        Duration::from_secs_f64(bytes as f64 * OVERHEAD / self.bytes_per_s)
    }

    /// When `bytes` are through that stood at its mouth from `first` (their first bit) to `last`.
    pub(super) fn pass(&mut self, first: Instant, last: Instant, bytes: u64) -> Instant {
        self.free_at = self.free_at.max(first) + self.span(bytes);
        self.free_at.max(last)
    }
}

/// A message of the block channel.
#[derive(Debug)]
pub(super) struct BlockMessage {
    pub(super) header: Vec<u8>,
    pub(super) taint: Taint,
    pub(super) len: u64,
    /// When its first bit left.
    pub(super) sent: Instant,
}

/// What has left.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) link: LinkId,
    /// Who gets it, and what it is called there.
    pub(super) to: (usize, LinkId),
    pub(super) message: BlockMessage,
    /// When its last bit leaves the line.
    pub(super) left: Instant,
    /// What waits still, if the engine should hear of it.
    pub(super) queued: Option<u64>,
}

/// A link as one side's shell has it.
#[derive(Debug)]
pub(super) struct Link {
    /// The other viewer and its name for the link, once known.
    pub(super) other: (usize, LinkId),
    pub(super) open: bool,
    waiting: VecDeque<BlockMessage>,
    waiting_bytes: u64,
    /// The engine hears when so much or less waits: half of what did when it was last told or sent
    /// (`bufferedAmountLowThreshold`).
    mark: u64,
}

impl Link {
    pub(super) const fn new(other: (usize, LinkId)) -> Self {
        Self {
            other,
            open: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            mark: 0,
        }
    }
}

/// All links of a shell, and its uplink.
#[derive(Debug)]
pub(super) struct Links {
    /// Boxed, because a map moves and steps over what it holds.
    pub(super) all: SortedMap<LinkId, Box<Link>>,
    pub(super) up: Pipe,
    pub(super) down: Pipe,
    /// What stands between the channels and the line, if anything.
    pub(super) modem: Option<Modem>,
    /// Links with blocks waiting, in turn.
    turn: VecDeque<LinkId>,
    sending: Option<(LinkId, BlockMessage)>,
    /// Time that control messages took off the uplink since the last block.
    control: Duration,
    control_free: Instant,
    pub(super) open: usize,
}

impl Links {
    pub(super) fn new(up: Pipe, down: Pipe, modem: Option<Modem>) -> Self {
        Self {
            all: SortedMap::new(),
            up,
            down,
            modem,
            turn: VecDeque::new(),
            sending: None,
            control: Duration::ZERO,
            control_free: Instant::ZERO,
            open: 0,
        }
    }

    /// Both channels are open. False if they were.
    pub(super) fn set_open(&mut self, link: LinkId) -> bool {
        let Some(link) = self.all.get_mut(&link).filter(|link| !link.open) else {
            return false;
        };
        link.open = true;
        self.open += 1;
        true
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<Box<Link>> {
        let gone = self.all.remove(&link)?;
        self.open -= usize::from(gone.open);
        Some(gone)
    }

    /// When a control message of `bytes` has left.
    pub(super) fn send_control(&mut self, now: Instant, bytes: usize) -> Instant {
        if let Some(modem) = &mut self.modem {
            return modem.take(now, bytes as u64, &self.up).1;
        }
        let span = self.up.span(bytes as u64);
        self.control += span;
        self.control_free = self.control_free.max(now) + span;
        self.control_free
    }

    /// Puts a block message into its link's channel. False when that was full.
    pub(super) fn queue(&mut self, id: LinkId, message: BlockMessage) -> bool {
        let Some(link) = self.all.get_mut(&id) else {
            return true;
        };
        link.waiting_bytes += message.len + message.header.len() as u64;
        link.mark = link.waiting_bytes / 2;
        let fits = link.waiting_bytes <= CHANNEL_FULL + 20 * message.header.len() as u64;
        if link.waiting.is_empty() {
            self.turn.push_back(id);
        }
        link.waiting.push_back(message);
        fits
    }

    /// Begins the next message, each link in its turn: when it will have left, unless one is under way.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Instant> {
        if self.sending.is_some() {
            return None;
        }
        while let Some(id) = self.turn.pop_front() {
            let Some(link) = self.all.get_mut(&id) else {
                continue;
            };
            let Some(mut message) = link.waiting.pop_front() else {
                continue;
            };
            if !link.waiting.is_empty() {
                self.turn.push_back(id);
            }
            if let Some(modem) = &self.modem {
                self.sending = Some((id, message));
                return Some(modem.has_room_at(now));
            }
            let start = now + core::mem::take(&mut self.control);
            message.sent = start;
            let span = self.up.span(message.len + message.header.len() as u64);
            self.sending = Some((id, message));
            return Some(start + span);
        }
        None
    }

    /// The message under way has left its channel. `None` for a link that is gone.
    pub(super) fn end(&mut self, now: Instant) -> Option<Sent> {
        let (id, mut message) = self.sending.take()?;
        let link = self.all.get_mut(&id)?;
        let bytes = message.len + message.header.len() as u64;
        let mut left = now;
        if let Some(modem) = &mut self.modem {
            (message.sent, left) = modem.take(now, bytes, &self.up);
        }
        link.waiting_bytes -= bytes;
        let tell = link.waiting_bytes <= link.mark;
        if tell {
            link.mark = link.waiting_bytes / 2;
        }
        Some(Sent {
            link: id,
            to: link.other,
            message,
            left,
            queued: tell.then_some(link.waiting_bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_carries_its_rate_and_no_more() {
        let mut pipe = Pipe::new(8.0 * OVERHEAD);
        let start = Instant::from_millis(10);
        assert_eq!(
            pipe.pass(start, start, 1_000),
            start + Duration::from_millis(1)
        );
        assert_eq!(
            pipe.pass(start, start, 1_000),
            start + Duration::from_millis(2)
        );
        // What came slowly enough is through when its last bit is there.
        let (first, last) = (
            start + Duration::from_millis(50),
            start + Duration::from_millis(60),
        );
        assert_eq!(pipe.pass(first, last, 1_000), last);
    }
}
