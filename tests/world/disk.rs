//! Viewers' disks: what they were given to keep, and how long they take to bring it. Honest unless a test changes what lies
//! on them.

use super::{Delivery, LEN, Viewer, World, content, root};
use std::collections::BTreeMap;
use swarmline::base::{Duration, SegmentId};
use swarmline::engine::{Input, Output};
use swarmline::integrity::Digest;

/// One viewer's.
pub struct Disk {
    /// Contents by their ROOTs.
    pub kept: BTreeMap<Digest, Vec<u8>>,
    /// How long it takes to read; one that hangs never answers.
    pub takes: Option<Duration>,
    /// What it was asked for: which content, and whether at leisure.
    pub reads: Vec<(Digest, bool)>,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            kept: BTreeMap::new(),
            takes: Some(Duration::from_millis(8)),
            reads: Vec::new(),
        }
    }
}

impl World {
    /// The viewer was here before: its disk holds segments `numbers` of the made-up show.
    pub fn has_been_here(&mut self, viewer: Viewer, numbers: core::ops::Range<u64>) {
        let kept = numbers.map(|number| content(number, LEN + number as usize));
        let kept: BTreeMap<Digest, Vec<u8>> = kept.map(|bytes| (root(&bytes), bytes)).collect();
        let roots = kept.keys().copied().collect();
        self.viewers[viewer].disk.kept = kept;
        self.tell(viewer, Input::Kept { roots });
    }

    /// Carries out what concerns a disk.
    pub(super) fn act_on_disk(&mut self, viewer: Viewer, output: Output) {
        let shell = &mut self.viewers[viewer];
        match output {
            Output::Keep { segment, root, len } => {
                let held = shell.store.get(&segment).expect("Keep names held bytes");
                let bytes = held[..len as usize].to_vec();
                let before = shell.disk.kept.insert(root, bytes.clone());
                assert_ne!(before, Some(bytes), "kept twice");
            }
            Output::ReadKept {
                segment,
                root,
                at_leisure,
            } => {
                shell.disk.reads.push((root, at_leisure));
                let bytes = shell.disk.kept.get(&root).cloned();
                if let Some(takes) = shell.disk.takes {
                    self.later(takes, Delivery::Kept(viewer, segment, bytes));
                }
            }
            other => panic!("no disk carries out {other:?}"),
        }
    }

    /// A disk answers.
    pub(super) fn deliver_kept(
        &mut self,
        viewer: Viewer,
        segment: SegmentId,
        bytes: Option<Vec<u8>>,
    ) {
        let read = bytes.map(|bytes| {
            let len = bytes.len() as u64;
            (self.payload(viewer, bytes), len)
        });
        self.tell(viewer, Input::KeptRead { segment, read });
        if let Some((payload, _)) = read {
            self.check_payload(viewer, payload);
        }
    }
}
