//! The loop around Redis: joins, carries, notices that it is gone, tries again.
//!
//! Two connections, one that listens and one that speaks. Both have proof of life each second: this node's own beat comes
//! back on the one, and is acknowledged on the other. Invariant: whenever either fails the tracker is told that it is alone,
//! before anything else; and what waited for the others then is dropped, but not a ruling: those are compared whole
//! with each joining and every [`COMPARING`].

use super::connection::Connection;
use super::resp::{self, Reply};
use super::rulings::{Ruling, Stamped};
use super::{Job, Nodes, State, Store};
use crate::server::settings::Rule;
use crate::server::store::now_ms;
use crate::tracker::{Input, Policy};
use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep, timeout};

/// How often nodes say that they are there.
const BEAT: Duration = Duration::from_secs(1);

/// Beats that may be missed before the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(3);

/// How often rulings are compared, whether something was missed or not.
const COMPARING: Duration = Duration::from_secs(30);

/// Rest before another try: a restarted Redis is found within a second, and one that is gone costs nothing.
const REST: Duration = Duration::from_millis(500);

/// Messages that are published together.
const BATCH_MAX: usize = 256;

/// Answers to one scan of the rulings, of about 100 each.
const SCANS_MAX: usize = 2_000;

#[derive(Debug)]
pub(super) struct Bus {
    nodes: Arc<Nodes>,
    state: Arc<State>,
    store: Option<Arc<Store>>,
    /// Rulings were compared before: what is new was ruled while this node ran.
    has_compared: bool,
}

impl Bus {
    pub(super) fn new(nodes: Arc<Nodes>, state: Arc<State>, store: Option<Arc<Store>>) -> Self {
        Self {
            nodes,
            state,
            store,
            has_compared: false,
        }
    }

    fn name(&self, what: &str) -> String {
        format!("{}:{what}", self.nodes.prefix)
    }

    /// Until it is told to stop.
    pub(super) async fn run(
        mut self,
        mut jobs: mpsc::Receiver<Job>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut was_said = false;
        loop {
            let outcome = tokio::select! {
                outcome = self.meet(&mut jobs, &mut was_said) => outcome,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let tallies = &self.nodes.tallies;
            let was_up = tallies.is_up.swap(false, Ordering::Relaxed);
            self.state.tell_of_nodes(Input::Nodes(None));
            let why = outcome.err().unwrap_or_default();
            if was_up {
                tallies.outages.fetch_add(1, Ordering::Relaxed);
            }
            if was_up || !was_said {
                was_said = true;
                tracing::error!(%why, "Redis is away: this node serves its own viewers alone");
            }
            // Nobody waits for what was to be told; who waits for a ruling hears that it was not kept.
            while jobs.try_recv().is_ok() {}
            tokio::select! {
                () = sleep(REST) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.leave(&mut jobs).await;
    }

    /// Says goodbye, so that the others need not wait for the silence.
    async fn leave(&mut self, jobs: &mut mpsc::Receiver<Job>) {
        if !self.nodes.tallies.is_up.swap(false, Ordering::Relaxed) {
            return;
        }
        while jobs.try_recv().is_ok() {}
        self.state.tell_of_nodes(Input::Nodes(None));
        let goodbye = async {
            let mut speaker = Connection::open(&self.nodes.server).await?;
            while let Ok(Job::Tell(to, text)) = jobs.try_recv() {
                let channel = self.channel(to);
                speaker
                    .ask(&[b"PUBLISH", channel.as_bytes(), text.as_bytes()])
                    .await?;
            }
            Ok::<(), String>(())
        };
        if let Err(why) = goodbye.await {
            tracing::debug!(%why, "no goodbye to the other nodes");
        }
    }

    fn channel(&self, to: Option<crate::wire::NodeId>) -> String {
        match to {
            Some(node) => self.name(&format!("node:{}", node.to_hex())),
            None => self.name("nodes"),
        }
    }

    /// From joining to the first trouble.
    async fn meet(
        &mut self,
        jobs: &mut mpsc::Receiver<Job>,
        was_said: &mut bool,
    ) -> Result<(), String> {
        let mut listener = Connection::open(&self.nodes.server).await?;
        let channels = [
            self.name("nodes"),
            self.channel(Some(self.nodes.id)),
            self.name("ruled"),
        ];
        let mut subscribe = Vec::new();
        for channel in &channels {
            resp::write(&mut subscribe, &[b"SUBSCRIBE", channel.as_bytes()]);
        }
        listener.ask_all(&subscribe, channels.len()).await?;
        let mut speaker = Connection::open(&self.nodes.server).await?;
        self.compare(&mut speaker).await?;
        self.has_compared = true;
        self.nodes.tallies.is_up.store(true, Ordering::Relaxed);
        *was_said = false;
        tracing::info!(
            node = self.nodes.id.to_hex(),
            "Redis is there: this node looks for others"
        );
        self.state.tell_of_nodes(Input::Nodes(Some(self.nodes.id)));
        tokio::select! {
            trouble = self.listen(&mut listener, &channels) => trouble,
            trouble = self.speak(&mut speaker, jobs) => trouble,
            never = self.beat() => never,
        }
    }

    async fn beat(&self) -> Result<(), String> {
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.state.tell_of_nodes(Input::Beat);
        }
    }

    async fn listen(
        &self,
        listener: &mut Connection,
        channels: &[String; 3],
    ) -> Result<(), String> {
        let [nodes, own, ruled] = channels;
        loop {
            let heard = timeout(SILENCE, listener.hear()).await;
            let heard = heard.map_err(|_| "nothing is heard, not even of this node")??;
            let Some((channel, text)) = message(heard) else {
                continue; // too long, no text, no message
            };
            if channel == *nodes || channel == *own {
                self.state.tell_of_nodes(Input::Node(text));
            } else if channel == *ruled
                && let Some((about, stamped)) = text.split_once(' ')
            {
                self.obey(about, stamped).await;
            }
        }
    }

    async fn speak(
        &self,
        speaker: &mut Connection,
        jobs: &mut mpsc::Receiver<Job>,
    ) -> Result<(), String> {
        let mut compare = interval_at(Instant::now() + COMPARING, COMPARING);
        compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let first = tokio::select! {
                job = jobs.recv() => job.ok_or("nobody speaks any more")?,
                _ = compare.tick() => {
                    self.compare(speaker).await?;
                    continue;
                }
            };
            let (mut out, mut count, mut kept) = (Vec::new(), 0, Vec::new());
            let more = core::iter::from_fn(|| jobs.try_recv().ok());
            for job in core::iter::once(first).chain(more.take(BATCH_MAX - 1)) {
                count += self.write(&mut out, job, &mut kept);
            }
            speaker.ask_all(&out, count).await?;
            for said in kept {
                let _ = said.send(()); // who asked may be gone
            }
        }
    }

    /// Writes the commands of a job; returns how many.
    fn write(&self, out: &mut Vec<u8>, job: Job, kept: &mut Vec<oneshot::Sender<()>>) -> usize {
        match job {
            Job::Tell(to, text) => {
                let channel = self.channel(to);
                resp::write(out, &[b"PUBLISH", channel.as_bytes(), text.as_bytes()]);
                1
            }
            Job::Rule(stamped, said) => {
                kept.push(said);
                self.write_ruling(out, &stamped)
            }
        }
    }

    fn write_ruling(&self, out: &mut Vec<u8>, stamped: &Stamped) -> usize {
        let about = stamped.ruling.about();
        let (hash, channel) = (self.name("rulings"), self.name("ruled"));
        let text = stamped.to_text();
        let words: &[&[u8]] = &[b"HSET", hash.as_bytes(), about.as_bytes(), text.as_bytes()];
        resp::write(out, words);
        let both = format!("{about} {text}");
        resp::write(out, &[b"PUBLISH", channel.as_bytes(), both.as_bytes()]);
        2
    }

    /// Takes what is later in Redis, gives what is later here, and forgets what is over.
    async fn compare(&self, speaker: &mut Connection) -> Result<(), String> {
        let hash = self.name("rulings");
        let over = self.nodes.rulings().sweep();
        for about in over {
            speaker
                .ask(&[b"HDEL", hash.as_bytes(), about.as_bytes()])
                .await?;
        }
        let mut there = std::collections::BTreeMap::new();
        let mut cursor = "0".to_owned();
        for _ in 0..SCANS_MAX {
            let words: &[&[u8]] = &[
                b"HSCAN",
                hash.as_bytes(),
                cursor.as_bytes(),
                b"COUNT",
                b"100",
            ];
            let (next, pairs) = scanned(speaker.ask(words).await?).ok_or("a scan has no answer")?;
            for (about, text) in pairs {
                let at_ms = self.obey(&about, &text).await;
                there.extend(at_ms.map(|at_ms| (about, at_ms)));
            }
            cursor = next;
            if cursor == "0" {
                break;
            }
        }
        let missing: Vec<Stamped> = {
            let rulings = self.nodes.rulings();
            let known = |about: &String| there.get(about).copied();
            let missing = rulings.all();
            let missing =
                missing.filter(|(about, held)| known(about).is_none_or(|at_ms| at_ms < held.at_ms));
            missing.map(|(_, held)| held.clone()).collect()
        };
        for held in missing {
            let mut out = Vec::new();
            let count = self.write_ruling(&mut out, &held);
            speaker.ask_all(&out, count).await?;
        }
        Ok(())
    }

    /// Puts a ruling of another node in force, if it is later than what is known. Returns its time, if it is a ruling.
    async fn obey(&self, about: &str, text: &str) -> Option<u64> {
        let stamped = Stamped::from_text(about, text)?;
        // Settings that were changed before this start count for more than what was ruled beside the former.
        let is_stale = !self.has_compared
            && matches!(&stamped.ruling, Ruling::Rule(None, _, beside) if *beside != self.nodes.beside);
        if is_stale || !self.nodes.rulings().hold(&stamped) {
            return Some(stamped.at_ms);
        }
        self.put_in_force(&stamped.ruling);
        tracing::info!(about, "ruled at another node");
        if let Some(store) = &self.store
            && let Err(why) = store.keep(stamped.ruling.to_write()).await
        {
            tracing::warn!(%why, "a ruling of another node would not outlive a restart without Redis");
        }
        Some(stamped.at_ms)
    }

    fn put_in_force(&self, ruling: &Ruling) {
        match ruling {
            Ruling::Rule(room, rule, _) => {
                let policy = rule.map_or(Ok(Policy::default()), Rule::policy);
                if let Ok(policy) = policy {
                    self.state.rule(*room, policy);
                }
            }
            Ruling::Ban(prefix, until_ms) => {
                let left = until_ms.saturating_sub(now_ms());
                if left > 0 && !self.state.ban(*prefix, Duration::from_millis(left)) {
                    tracing::error!("too many bans: one of another node is not in force here");
                }
            }
            Ruling::Pardon(prefix, _) => {
                self.state.pardon(*prefix);
            }
        }
    }
}

/// Channel and text of what was published, if that is what it is.
fn message(reply: Reply) -> Option<(String, String)> {
    let [kind, channel, text] = <[Reply; 3]>::try_from(reply.into_list()?).ok()?;
    let is_message = kind.into_text()? == "message";
    is_message.then_some((channel.into_text()?, text.into_text()?))
}

/// The next cursor of a scan, and what it found.
fn scanned(reply: Reply) -> Option<(String, Vec<(String, String)>)> {
    let [cursor, found] = <[Reply; 2]>::try_from(reply.into_list()?).ok()?;
    let mut found = found.into_list()?.into_iter();
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (found.next(), found.next()) {
        pairs.extend(name.into_text().zip(value.into_text())); // what is no text is no ruling
    }
    Some((cursor.into_text()?, pairs))
}
