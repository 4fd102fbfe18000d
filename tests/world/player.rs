//! A model player: it keeps a buffer, asks for one segment after the other, and counts how long it stood
//! still.
//!
//! Invariant: time played and time stood still follow from the moments at which segments came, not from
//! how often the player is looked at. It has no ladder: quality is not what the tests ask about.

use super::{Outcome, Viewer, World, url};
use swarmline::base::{Duration, Instant, RequestId};

/// How often players are looked at.
const TICK: Duration = Duration::from_millis(50);

/// One viewer's player.
#[derive(Clone, Debug)]
pub struct Player {
    pub viewer: Viewer,
    /// One past the last segment of the show.
    pub end: u64,
    pub segment: Duration,
    /// Media it wants ahead of its playhead.
    pub goal: Duration,
    joined: Instant,
    next: u64,
    waiting: Option<RequestId>,
    /// When the buffer runs dry; nothing plays before the first segment.
    dry_at: Option<Instant>,
    /// From joining to the first segment.
    pub startup: Duration,
    /// Stood still after that.
    pub stalled: Duration,
}

impl Player {
    pub fn new(world: &World, viewer: Viewer, end: u64, segment: Duration, goal: Duration) -> Self {
        Self {
            viewer,
            end,
            segment,
            goal,
            joined: world.now,
            next: 0,
            waiting: None,
            dry_at: None,
            startup: Duration::ZERO,
            stalled: Duration::ZERO,
        }
    }

    /// All of the show is here.
    pub fn is_done(&self) -> bool {
        self.next >= self.end
    }

    /// It stood still for so long, with its picture: the buffer lasts as much longer.
    pub fn stood_still(&mut self, span: Duration) {
        self.dry_at = self.dry_at.map(|at| at + span);
    }

    /// Says what is buffered, as a player's picture does that moves on.
    pub fn tell(&self, world: &mut World) {
        if let Some(dry_at) = self.dry_at {
            world.ahead(self.viewer, dry_at.since(world.now).as_secs_f64() * 1e3);
        }
    }

    /// Takes what came and asks for what is wanted.
    pub fn tend(&mut self, world: &mut World) {
        self.take(world);
        let ahead = self.dry_at.map_or(Duration::ZERO, |at| at.since(world.now));
        if self.waiting.is_some() || self.is_done() || ahead + self.segment > self.goal {
            return;
        }
        world.ahead(self.viewer, ahead.as_secs_f64() * 1e3);
        self.waiting = Some(world.load(self.viewer, &url(self.next), None));
        // A cached segment is here at once.
        self.take(world);
    }

    fn take(&mut self, world: &World) {
        let Some(request) = self.waiting else { return };
        let Some(outcome) = world.viewers[self.viewer].outcomes.get(&request) else {
            return;
        };
        self.waiting = None;
        // What failed is asked for again.
        let Outcome::Ready { at, .. } = outcome else {
            return;
        };
        match self.dry_at {
            None => {
                self.startup = at.since(self.joined);
                self.dry_at = Some(*at + self.segment);
            }
            Some(dry) => {
                self.stalled += at.since(dry);
                self.dry_at = Some(dry.max(*at) + self.segment);
            }
        }
        self.next += 1;
    }
}

/// Lets the world run for `span` with its players.
pub fn play_for(world: &mut World, players: &mut [Player], span: Duration) {
    let end = world.now + span;
    while world.now < end {
        for player in &mut *players {
            player.tend(world);
        }
        world.run_for(TICK.min(end.since(world.now)));
    }
}

/// Until every player has all of its show, for `patience` at most. Whether they have.
pub fn play_out(world: &mut World, players: &mut [Player], patience: Duration) -> bool {
    let end = world.now + patience;
    while world.now < end && !players.iter().all(Player::is_done) {
        play_for(world, players, TICK);
    }
    players.iter().all(Player::is_done)
}
