//! Which blocks from which peer: runs, the rarest first in a crowd, fast links first, a short pipeline
//! to each.
//!
//! Invariant: a block is asked of one link at a time, and only after its leaf is known.

use super::Engine;
use super::config::picker::{
    CROWD, INTAKE_BLOCKS_MIN, INTAKE_MS, PIPELINE_BLOCKS, PIPELINE_BLOCKS_FAST,
    PIPELINE_BLOCKS_FIRST, PIPELINE_BLOCKS_MIN, PIPELINE_FAST_MS, PIPELINE_MS, RUN_BLOCKS,
    SOURCES_MAX,
};
use super::peer::{Held, Link};
use super::segment::{Block, Segment, narrow};
use crate::base::{Instant, LinkId, SegmentId};
use crate::integrity::BLOCK_LEN;
use crate::wire::PeerMessage;

impl Engine {
    /// Asks one holder for the leaf list, if it is not known.
    pub(super) fn ask_leaves(&mut self, now: Instant, id: SegmentId, holders: &[LinkId]) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let Some(download) = &mut segment.download else {
            return;
        };
        let delay = self.config.fallback_delay();
        // While a leg owns every block, a neighbour's list could only bring doubt.
        let wanted = match segment.size {
            Some(_) => segment.blocks.contains(&Block::Missing),
            None => download.leg.is_none_or(|leg| now >= leg.last_byte + delay),
        };
        if !wanted || segment.leaves.is_some() || download.leaves_asked.is_some() {
            return;
        }
        let best = holders
            .iter()
            .filter(|link| !download.shunned.contains(link))
            .max_by(|a, b| {
                let worth = |id: &LinkId| self.links.get(id).map_or(0.0, |l| l.worth(now));
                worth(a).total_cmp(&worth(b))
            })
            .copied();
        let Some(link) = best else { return };
        download.leaves_asked = Some((link, now));
        download.note_asked(now);
        let key = segment.key;
        if let Some(link) = self.links.get_mut(&link) {
            link.conduct.owed_lists = link.conduct.owed_lists.saturating_add(1);
        }
        self.send(link, &PeerMessage::LeavesRequest { key });
    }

    /// Hands missing blocks to holders, a run at a time to each in turn.
    pub(super) fn pick_blocks(&mut self, now: Instant, id: SegmentId, holders: &[LinkId]) {
        let Some(segment) = self.segments.get(&id) else {
            return;
        };
        let (Some(_), Some(download)) = (&segment.leaves, &segment.download) else {
            return;
        };
        let size = segment.size.unwrap_or(0);
        if !segment.blocks.contains(&Block::Missing) {
            return;
        }
        let mut able: Vec<LinkId> = holders.to_vec();
        able.retain(|link| !download.shunned.contains(link));
        let mut sources = self.fastest(now, &able);
        // Most looks find them all busy, and then nothing needs to be ranked.
        sources.retain(|link| {
            self.links
                .get(link)
                .is_some_and(|link| room(link).is_some())
        });
        if sources.is_empty() {
            return;
        }
        let order = self.block_order(segment, &able);
        let held = |link| {
            let held = self.links.get(&link)?.haves.held(&segment.key)?;
            Some((link, held.clone()))
        };
        let sources: Vec<(LinkId, Held)> = sources.into_iter().filter_map(held).collect();
        self.reserve(id, size); // a sidecar's leaf list came before any byte
        let mut progressed = true;
        while progressed {
            progressed = false;
            for (link, held) in &sources {
                progressed |= self.ask_run(now, id, *link, held, &order);
            }
        }
    }

    /// The [`SOURCES_MAX`] links of which most is expected, best first. One by one: the code of a sort
    /// would weigh more than all of this file.
    fn fastest(&self, now: Instant, links: &[LinkId]) -> Vec<LinkId> {
        let worth = |id: &LinkId| (self.links.get(id).map_or(0.0, |l| l.worth(now)), *id);
        let mut rest: Vec<(f64, LinkId)> = links.iter().map(worth).collect();
        let mut fastest = Vec::with_capacity(SOURCES_MAX);
        while fastest.len() < SOURCES_MAX
            && let Some((_, next)) = rest
                .iter()
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
                .copied()
        {
            rest.retain(|(_, link)| *link != next);
            fastest.push(next);
        }
        fastest
    }

    /// Where each run of blocks stands in line. A source that sends the same blocks to all its
    /// neighbours leaves them nothing to give each other: so each begins elsewhere, with what the
    /// fewest hold. Between two, playback's order is the best.
    fn block_order(&self, segment: &Segment, holders: &[LinkId]) -> Vec<usize> {
        let runs = segment.blocks.len().div_ceil(RUN_BLOCKS);
        if self.greeted().count() < CROWD {
            return (0..runs).collect();
        }
        let mut counts = vec![0_usize; runs];
        let mut most = 0;
        for held in holders
            .iter()
            .filter_map(|link| self.links.get(link)?.haves.held(&segment.key))
        {
            most += 1;
            for (run, count) in counts.iter_mut().enumerate() {
                *count += usize::from(held.has(run * RUN_BLOCKS));
            }
        }
        let first = self.lot(&segment.key) as usize % runs.max(1);
        let order: Vec<usize> = (first..runs).chain(0..first).collect();
        let mut ranked = Vec::with_capacity(runs);
        for count in 0..=most {
            ranked.extend(
                order
                    .iter()
                    .copied()
                    .filter(|run| counts.get(*run) == Some(&count)),
            );
        }
        ranked
    }

    /// Asks `link` for the next run of missing blocks that it holds. Whether there was one.
    fn ask_run(
        &mut self,
        now: Instant,
        id: SegmentId,
        link_id: LinkId,
        held: &Held,
        order: &[usize],
    ) -> bool {
        let (on_the_way, intake) = self.intake_room();
        if intake == 0 {
            return false;
        }
        let Some(segment) = self.segments.get_mut(&id) else {
            return false;
        };
        let Some(link) = self.links.get_mut(&link_id) else {
            return false;
        };
        let Some((budget, runs)) = room(link) else {
            return false;
        };
        let budget = budget.min(intake);
        let free =
            |index: usize| segment.blocks.get(index) == Some(&Block::Missing) && held.has(index);
        let in_run = |run: &usize| {
            let first = run * RUN_BLOCKS;
            (first..first + RUN_BLOCKS).find(|index| free(*index))
        };
        let Some(first) = order.iter().find_map(in_run) else {
            return false;
        };
        let end = (first / RUN_BLOCKS + runs) * RUN_BLOCKS;
        let count = (first..end)
            .take(budget)
            .take_while(|index| free(*index))
            .count();
        if let Some(run) = segment.blocks.get_mut(first..first + count) {
            run.fill(Block::Asked {
                link: link_id,
                at: now,
            });
        }
        if link.outstanding == 0 {
            link.progress_at = now;
        }
        if on_the_way == 0 {
            self.intake_at = now;
        }
        link.outstanding += narrow(count);
        let owed = &mut link.conduct.owed_blocks;
        *owed = owed.saturating_add(narrow(count));
        if let Some(download) = &mut segment.download {
            download.note_asked(now);
        }
        let key = segment.key;
        let request = PeerMessage::Request {
            key,
            first: narrow(first),
            count: u16::try_from(count).unwrap_or(u16::MAX),
        };
        self.send(link_id, &request);
        true
    }

    /// Blocks on their way from all links, and how many more may be asked for. Our downlink is as fast as the
    /// CDN or all peers together have been lately, whichever was faster.
    fn intake_room(&self) -> (u32, usize) {
        let on_the_way = self.links.values().map(|link| link.outstanding).sum();
        let peers = self.intake.bytes_per_s();
        let Some(rate) = [peers, self.cdn.measured()]
            .into_iter()
            .flatten()
            .reduce(f64::max)
        else {
            return (on_the_way, usize::MAX);
        };
        let bytes = rate * INTAKE_MS / 1e3;
        let fits = |more: &u32| {
            let blocks = on_the_way + more;
            blocks <= INTAKE_BLOCKS_MIN || f64::from(blocks) * BLOCK_LEN as f64 <= bytes
        };
        let room = (1..=PIPELINE_BLOCKS_FAST).rev().find(fits).unwrap_or(0);
        (on_the_way, room as usize)
    }

    /// What one download has left of a link's pipeline is there for the others: nothing else would wake them
    /// before their deadline.
    pub(super) fn share_room(&mut self, now: Instant, link: LinkId, user: SegmentId) {
        if self.links.get(&link).and_then(|l| room(l)).is_none() {
            return;
        }
        let wanted = self.requests.values().chain(&self.ahead.segments).copied();
        let others: Vec<SegmentId> = wanted.filter(|id| *id != user).collect();
        for id in others {
            self.drive(now, id);
        }
    }

    /// Takes back what was asked of peers where `which(link, block)` says so; the blocks are missing
    /// again. Blocks already under way are dropped when they come.
    pub(super) fn cancel_asked(&mut self, id: SegmentId, which: impl Fn(LinkId, usize) -> bool) {
        let Some(segment) = self.segments.get_mut(&id) else {
            return;
        };
        let key = segment.key;
        let mut runs: Vec<(LinkId, usize, usize)> = Vec::new();
        for (index, block) in segment.blocks.iter_mut().enumerate() {
            let Block::Asked { link, .. } = *block else {
                continue;
            };
            if !which(link, index) {
                continue;
            }
            *block = Block::Missing;
            match runs.last_mut() {
                Some((last, first, count)) if *last == link && *first + *count == index => {
                    *count += 1;
                }
                Some(_) | None => runs.push((link, index, 1)),
            }
        }
        for (link_id, first, count) in runs {
            if let Some(link) = self.links.get_mut(&link_id) {
                link.outstanding = link.outstanding.saturating_sub(narrow(count));
            }
            let count = u16::try_from(count).unwrap_or(u16::MAX);
            self.send(
                link_id,
                &PeerMessage::Cancel {
                    key,
                    first: narrow(first),
                    count,
                },
            );
        }
    }
}

/// Blocks that may be on their way from `link`.
fn pipeline(link: &Link) -> u32 {
    let Some(rate) = link.rate.bytes_per_s() else {
        return PIPELINE_BLOCKS_FIRST;
    };
    let within = |span_ms: f64, least: u32, most: u32| {
        let bytes = rate * span_ms / 1e3;
        (least..most)
            .find(|blocks| f64::from(*blocks + 1) * BLOCK_LEN as f64 > bytes)
            .unwrap_or(most)
    };
    let usual = within(PIPELINE_MS, PIPELINE_BLOCKS_MIN, PIPELINE_BLOCKS);
    within(PIPELINE_FAST_MS, usual, PIPELINE_BLOCKS_FAST)
}

/// Whether `link` may be asked for more now.
pub(super) fn has_room(link: &Link) -> bool {
    room(link).is_some()
}

/// Blocks that `link` may be asked for now, and runs in one request; `None` while it has enough to do.
/// The longer its pipeline the more at a time: a request costs both pages as much as three packets of data.
fn room(link: &Link) -> Option<(usize, usize)> {
    let pipeline = pipeline(link);
    let runs = (pipeline / PIPELINE_BLOCKS).max(1) as usize;
    let least = if runs > 1 { runs * RUN_BLOCKS } else { 1 };
    let budget = pipeline.saturating_sub(link.outstanding) as usize;
    (budget >= least).then_some((budget, runs))
}
