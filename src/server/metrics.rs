//! What Prometheus reads: the tracker's own counts and the sockets', in OpenMetrics text.
//!
//! Invariant: nothing is counted for it. A scrape reads what is counted anyway, so it costs nothing between
//! scrapes, and no series is of one room, viewer or address.

use super::State;
use super::admin::Operated;
use super::nodes::Nodes;
use super::refused::Refused;
use super::store::Store;
use crate::tracker::Stats;
use core::fmt;
use core::sync::atomic::Ordering;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// Content type of what [`text`] gives.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of a tracker, now.
///
/// # Errors
/// When a name could not be written; none can.
pub(super) fn text(operated: &Operated) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("swarmline_tracker");
    registry.register_collector(Box::new(Counts(operated.state.clone())));
    if let Some(store) = &operated.store {
        registry.register_collector(Box::new(Writes(store.clone())));
    }
    if let Some(nodes) = &operated.nodes {
        registry.register_collector(Box::new(Among(nodes.clone(), operated.state.clone())));
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Counts(Arc<State>);

impl Counts {
    fn gauges(&self, stats: &Stats) -> [(&'static str, &'static str, usize); 8] {
        let reported = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        [
            ("connections", "Open connections", stats.connections),
            ("swarms", "Swarms with at least one peer", stats.swarms),
            ("peers", "Peers in all swarms", stats.peers),
            (
                "ready",
                "Whether connections are taken",
                usize::from(self.0.is_ready()),
            ),
            ("bans", "Bans in force", self.0.bans().len()),
            (
                "backlog_bytes",
                "Bytes that wait to be written",
                self.0.backlog().bytes(),
            ),
            (
                "reported_links_opened",
                "Links to peers that opened, as those who are there report",
                reported(stats.reported.links_opened),
            ),
            (
                "reported_links_failed",
                "Links to peers that did not open, as those who are there report",
                reported(stats.reported.links_failed),
            ),
        ]
    }

    fn refused(&self) -> Family<[(&'static str, &'static str); 1], Counter> {
        let refused = Family::default();
        for (refusal, tally) in Refused::ALL.iter().zip(&self.0.tallies().refused) {
            let counter: &Counter = &refused.get_or_create(&[("reason", refusal.name())]);
            counter.inc_by(tally.load(Ordering::Relaxed));
        }
        refused
    }
}

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let stats = self.0.stats();
        for (name, help, count) in self.gauges(&stats) {
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            write(&mut encoder, name, help, &gauge)?;
        }
        let backlog = self.0.backlog();
        let (totals, tallies) = (stats.totals, self.0.tallies());
        let counters = [
            (
                "opened",
                "Connections taken",
                tallies.opened.load(Ordering::Relaxed),
            ),
            (
                "slow_readers",
                "Connections dropped because they did not read",
                tallies.slow.load(Ordering::Relaxed),
            ),
            (
                "shed",
                "Connections dropped because too much waited for all",
                backlog.shed.load(Ordering::Relaxed),
            ),
            ("closed", "Connections ended by us", totals.closed),
            ("announces", "Announces read", totals.announces),
            (
                "offers_relayed",
                "Offers handed to a peer",
                totals.offers_relayed,
            ),
            (
                "answers_relayed",
                "Answers handed back",
                totals.answers_relayed,
            ),
            ("scrapes", "Scrapes answered", totals.scrapes),
            (
                "candidates_relayed",
                "Late candidates handed to a peer",
                totals.candidates_relayed,
            ),
            ("votes", "Votes against peers taken", totals.votes),
            ("receipts", "Receipts that count", totals.receipts),
            (
                "receipts_refused",
                "Receipts that do not",
                totals.receipts_refused,
            ),
            (
                "refusals",
                "Messages understood and refused",
                totals.refusals,
            ),
            (
                "unreadable",
                "Messages that could not be read",
                totals.nonsense,
            ),
        ];
        for (name, help, count) in counters {
            write(&mut encoder, name, help, &ConstCounter::new(count))?;
        }
        let refused = self.refused();
        write(&mut encoder, "refused", "Connections not taken", &refused)
    }
}

#[derive(Debug)]
struct Writes(Arc<Store>);

impl Collector for Writes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let tallies = self.0.tallies();
        for (name, help, tally) in [
            ("store_written", "Records on the disk", &tallies.written),
            (
                "store_transactions",
                "Transactions that they went in",
                &tallies.transactions,
            ),
            (
                "store_lost",
                "Records that could not be written",
                &tallies.lost,
            ),
        ] {
            let counter = ConstCounter::new(tally.load(Ordering::Relaxed));
            write(&mut encoder, name, help, &counter)?;
        }
        Ok(())
    }
}

/// This node among others.
#[derive(Debug)]
struct Among(Arc<Nodes>, Arc<State>);

impl Collector for Among {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (tallies, stats) = (self.0.tallies(), self.1.stats());
        let is_up = tallies.is_up.load(Ordering::Relaxed);
        let nodes = i64::try_from(stats.nodes).unwrap_or(i64::MAX);
        let up = ConstGauge::new(i64::from(is_up));
        write(&mut encoder, "redis_up", "Whether Redis can be used", &up)?;
        let help = "Other nodes that are there";
        write(&mut encoder, "nodes", help, &ConstGauge::new(nodes))?;
        for (name, help, count) in [
            (
                "redis_outages",
                "Times that Redis could not be used any more",
                tallies.outages.load(Ordering::Relaxed),
            ),
            (
                "nodes_lost",
                "Messages to other nodes for which there was no room",
                tallies.lost.load(Ordering::Relaxed),
            ),
            (
                "nodes_passed",
                "What peers said to peers of other nodes",
                stats.totals.passed,
            ),
            (
                "nodes_unreadable",
                "Messages of other nodes that could not be read",
                stats.totals.nodes_unreadable,
            ),
        ] {
            write(&mut encoder, name, help, &ConstCounter::new(count))?;
        }
        Ok(())
    }
}

fn write(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    let encoder = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
    metric.encode(encoder)
}
