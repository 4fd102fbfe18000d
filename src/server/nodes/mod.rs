//! Several nodes of one tracker, and the Redis between them.
//!
//! What peers of two nodes say to each other travels by its channels (lost is lost, as anywhere between peers), what
//! operators rule is kept in a hash of it and in every node. Redis may go: then each node is a tracker for those who are at it,
//! a metric and a line in the log say so, and when Redis is back the nodes find each other by themselves. Invariant: nothing
//! here is waited for by viewers, queues are bounded, and what is read may be anybody's. `bus` talks to Redis over a
//! `connection`, plain or by TLS (`seal`), in its protocol (`resp`), `rulings` are what operators rule. Who meets whom is the tracker's question.

mod bus;
mod connection;
mod resp;
mod rulings;
mod seal;

pub(super) use connection::Server;
pub(super) use seal::{Files, Seal};

use super::around::Carry;
use super::state::State;
use super::store::{Store, Write};
use crate::wire::NodeId;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use rulings::{Rulings, Stamped};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// Messages that may wait to be published: some tenths of a second of a full node.
const WAITING_MAX: usize = 4_096;

/// How long an operator's request may wait for Redis.
const SHARING: Duration = Duration::from_secs(5);

/// What the bus is given to do.
#[derive(Debug)]
enum Job {
    /// To another node, or to all.
    Tell(Option<NodeId>, String),
    /// A ruling to be kept for all; answered when Redis has it.
    Rule(Stamped, oneshot::Sender<()>),
}

/// What happened since the start.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    pub(super) is_up: AtomicBool,
    pub(super) outages: AtomicU64,
    pub(super) lost: AtomicU64,
}

/// This node among others.
#[derive(Debug)]
pub(super) struct Nodes {
    id: NodeId,
    server: Server,
    /// What all names in Redis begin with.
    prefix: String,
    jobs: mpsc::Sender<Job>,
    rulings: Mutex<Rulings>,
    /// What the settings say of everywhere.
    beside: String,
    tallies: Tallies,
}

/// Ends the bus, saying goodbye.
#[derive(Debug)]
pub(super) struct Membership {
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Membership {
    pub(super) async fn end(self) {
        let _ = self.stop.send(true); // a bus that has ended needs no word
        let _ = timeout(SHARING, self.task).await;
    }
}

impl Nodes {
    /// A node that begins to look for the others at once. `recalled` is what it remembers from before.
    pub(super) fn join(
        id: NodeId,
        (server, prefix): (Server, String),
        (state, store): (Arc<State>, Option<Arc<Store>>),
        (beside, recalled): (String, &[Write]),
    ) -> (Arc<Self>, Membership) {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let mut rulings = Rulings::default();
        for write in recalled {
            rulings.recall(write);
        }
        let nodes = Arc::new(Self {
            id,
            server,
            prefix,
            jobs,
            rulings: Mutex::new(rulings),
            beside,
            tallies: Tallies::default(),
        });
        state.set_carrier(nodes.clone());
        let (stop, stopped) = watch::channel(false);
        let bus = bus::Bus::new(nodes.clone(), state, store);
        let task = tokio::spawn(bus.run(waiting, stopped));
        (nodes, Membership { stop, task })
    }

    pub(super) fn tallies(&self) -> &Tallies {
        &self.tallies
    }

    fn rulings(&self) -> MutexGuard<'_, Rulings> {
        self.rulings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives what was ruled here to all nodes; ready when Redis has it.
    ///
    /// # Errors
    /// Why the others do not know of it, in words for a person. They will when Redis is back, if this node lives still.
    pub(super) async fn share(&self, write: &Write) -> Result<(), String> {
        let taken = self.rulings().take(write);
        let Some(stamped) = taken else {
            return Err("there are too many rulings".into());
        };
        let late = || "Redis is away; other nodes hear of it when it is back".to_owned();
        if !self.tallies.is_up.load(Ordering::Relaxed) {
            return Err(late());
        }
        let (said, heard) = oneshot::channel();
        let job = Job::Rule(stamped, said);
        let shared = async {
            self.jobs.send(job).await.map_err(|_| late())?;
            heard.await.map_err(|_| late())
        };
        timeout(SHARING, shared)
            .await
            .unwrap_or_else(|_| Err(late()))
    }
}

impl Carry for Nodes {
    fn carry(&self, to: Option<NodeId>, text: String) {
        if self.jobs.try_send(Job::Tell(to, text)).is_err() {
            self.tallies.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
