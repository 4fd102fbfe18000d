//! Hostile viewers: a real engine whose shell rewrites, withholds, delays or makes up what passes on its
//! links. A vice that lets nothing of its engine through but the greeting is a scripted peer.
//!
//! Invariant: a vice sees every message between its viewer and an honest one, and nothing else; hostile
//! viewers do not deceive each other. What a vice sends goes through its viewer's one uplink.

use super::{Delivery, Viewer, World};
use swarmline::base::{Duration, InfoHash, Instant, LinkId, PayloadId};
use swarmline::engine::Input;
use swarmline::wire::{BLOCK_HEADER_LEN, ToTracker};

/// One message of a link, as it stands in bytes; a block with its header.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    Control(Vec<u8>),
    Block(Vec<u8>),
}

/// Which way a message goes, seen from the hostile viewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Out,
    In,
}

/// A message on its way through a hostile shell.
#[derive(Clone, Debug)]
pub struct Passing {
    pub now: Instant,
    /// The viewer at the other end.
    pub other: Viewer,
    pub way: Way,
    pub frame: Frame,
}

/// What passes in a message's place: each after a span, to the other end or to the own engine.
#[derive(Clone, Debug)]
pub struct Passed {
    pub after: Duration,
    pub way: Way,
    pub frame: Frame,
}

/// What a hostile shell does to each message.
pub type Vice = Box<dyn FnMut(Passing) -> Vec<Passed>>;

impl Passing {
    /// As it is.
    pub fn untouched(self) -> Vec<Passed> {
        vec![Passed::now(self.way, self.frame)]
    }
}

impl Passed {
    pub fn now(way: Way, frame: Frame) -> Self {
        Self::later(Duration::ZERO, way, frame)
    }

    pub fn later(after: Duration, way: Way, frame: Frame) -> Self {
        Self { after, way, frame }
    }
}

/// Flips a bit in every block sent.
pub fn poison() -> Vice {
    Box::new(|mut passing| {
        if let (Way::Out, Frame::Block(bytes)) = (passing.way, &mut passing.frame)
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 1;
        }
        passing.untouched()
    })
}

/// Never sends a block.
pub fn stall() -> Vice {
    Box::new(|passing| match (passing.way, &passing.frame) {
        (Way::Out, Frame::Block(_)) => Vec::new(),
        (Way::Out | Way::In, _) => passing.untouched(),
    })
}

impl World {
    pub fn is_hostile(&self, viewer: Viewer) -> bool {
        self.viewers[viewer].vice.is_some()
    }

    /// A viewer says to its tracker what its engine never would.
    pub fn say_to_tracker(&mut self, viewer: Viewer, message: &ToTracker) {
        let connections: Vec<_> = self.viewers[viewer].trackers.values().copied().collect();
        for connection in connections {
            let text = message.encode();
            self.later(self.link_latency, Delivery::ToTracker(connection, text));
        }
    }

    /// The swarm that the viewer is in.
    pub fn info_hash(&self, viewer: Viewer) -> InfoHash {
        let hex = self.viewers[viewer].engine.stats().info_hash;
        let mut hash = [0; 20];
        for (at, byte) in hash.iter_mut().enumerate() {
            let digits = &hex[2 * at..2 * at + 2];
            *byte = u8::from_str_radix(digits, 16).expect("two hexadecimal digits");
        }
        InfoHash(hash)
    }

    /// What `viewer`'s shell makes of a message.
    fn through_vice(
        &mut self,
        viewer: Viewer,
        other: Viewer,
        way: Way,
        frame: Frame,
    ) -> Vec<Passed> {
        let now = self.now;
        match self.viewers[viewer].vice.take() {
            Some(mut vice) if !self.is_hostile(other) => {
                let passed = vice(Passing {
                    now,
                    other,
                    way,
                    frame,
                });
                self.viewers[viewer].vice = Some(vice);
                passed
            }
            vice => {
                self.viewers[viewer].vice = vice;
                vec![Passed::now(way, frame)]
            }
        }
    }

    /// An engine sends a message.
    pub(super) fn send_frame(&mut self, viewer: Viewer, link: LinkId, frame: Frame) {
        let Some((other, theirs)) = self.viewers[viewer].links.get(&link).copied() else {
            return;
        };
        for passed in self.through_vice(viewer, other, Way::Out, frame) {
            self.carry_frame(viewer, link, (other, theirs), passed);
        }
    }

    /// A message reaches a viewer's shell.
    pub(super) fn receive_frame(&mut self, viewer: Viewer, link: LinkId, frame: Frame) {
        let Some((other, theirs)) = self.viewers[viewer].links.get(&link).copied() else {
            return;
        };
        if self.is_cut(viewer, other) {
            return;
        }
        for passed in self.through_vice(viewer, other, Way::In, frame) {
            if passed.way == Way::In && passed.after == Duration::ZERO {
                self.hear_frame(viewer, link, other, passed.frame);
            } else {
                self.carry_frame(viewer, link, (other, theirs), passed);
            }
        }
    }

    fn carry_frame(
        &mut self,
        viewer: Viewer,
        link: LinkId,
        (other, theirs): (Viewer, LinkId),
        passed: Passed,
    ) {
        let Passed { after, way, frame } = passed;
        match way {
            Way::In => self.later(after, Delivery::Heard(viewer, link, other, frame)),
            Way::Out => {
                let wait = match &frame {
                    Frame::Control(_) => Duration::ZERO,
                    Frame::Block(bytes) => self.occupy_uplink(viewer, after, bytes.len()),
                };
                let span = self.link_latency + after + wait;
                self.later(span, Delivery::Frame(other, theirs, frame));
            }
        }
    }

    /// One uplink: messages go one after the other. What is sent later does not hold up what is sent
    /// now.
    fn occupy_uplink(&mut self, viewer: Viewer, after: Duration, len: usize) -> Duration {
        let transfer = Duration::from_micros(len as u64 * 1_000_000 / self.link_bytes_per_s);
        if after > Duration::ZERO {
            return transfer;
        }
        let shell = &mut self.viewers[viewer];
        shell.uplink_free_at = shell.uplink_free_at.max(self.now) + transfer;
        shell.uplink_free_at.since(self.now)
    }

    /// The engine is told.
    pub(super) fn hear_frame(&mut self, viewer: Viewer, link: LinkId, from: Viewer, frame: Frame) {
        match frame {
            Frame::Control(bytes) => self.tell(viewer, Input::LinkMessage { link, bytes }),
            Frame::Block(bytes) => {
                let split = bytes.len().min(BLOCK_HEADER_LEN);
                let (header, rest) = bytes.split_at(split);
                let payload = self.payload(viewer, rest.to_vec());
                let (header, len) = (header.to_vec(), rest.len() as u64);
                self.note_origin(viewer, payload, from, &header);
                self.tell(
                    viewer,
                    Input::LinkBlock {
                        link,
                        payload,
                        header,
                        len,
                    },
                );
                self.check_payload(viewer, payload);
            }
        }
    }

    fn note_origin(&mut self, viewer: Viewer, payload: PayloadId, from: Viewer, header: &[u8]) {
        self.oracle.note_origin(viewer, payload, from, header);
    }
}
