//! Pages that stand still, machines that sleep, timers that come late: playback goes on, nobody is blamed for it, and
//! peers share again.

#![allow(
    clippy::expect_used,
    reason = "a test's own expectations are assertions"
)]

mod world;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use std::time::Duration;
use swarmline::engine::{CloseReason, Config, Event};
use swarmline::tracker::{self, Tickets};
use world::{Player, Viewer, World, play_for, playlist, vod};

const SEGMENT: Duration = Duration::from_secs(2);
const SEGMENTS: u64 = 60;
/// Small segments on slow lines: something is always under way.
const LEN: usize = 100_000;

/// What stands still.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sleep {
    /// A page that is frozen: its connections live on.
    Page,
    /// A machine, and its clock with it or not: all that it was connected to has given it up. Its browser says so of
    /// sockets when it wakes (Chromium does), or not.
    Machine { clock_stops: bool, is_told: bool },
}

fn watch(world: &mut World, config: Config, text: &str, goal_s: u64) -> Player {
    let viewer = world.join(config, &playlist(), text);
    let goal = Duration::from_secs(goal_s);
    Player::new(world, viewer, SEGMENTS, SEGMENT, goal)
}

fn alone() -> Config {
    Config {
        web_rtc: false,
        ..World::config()
    }
}

/// Faults that `viewer` found with others, or others with anybody.
fn blamed(world: &World) -> usize {
    let events = world.viewers.iter().flat_map(|viewer| &viewer.events);
    let is_blame = |event: &&Event| {
        let Event::PeerClosed { reason, .. } = event else {
            return false;
        };
        matches!(
            reason,
            CloseReason::Unreliable | CloseReason::Protocol | CloseReason::WrongBlock
        )
    };
    events.filter(is_blame).count()
}

fn announces(world: &World, viewer: Viewer) -> u32 {
    world.viewers[viewer].engine.stats().trackers[0].announces
}

/// Somebody holds the show, a second one watches and sleeps for `span` from some moment on after a third one came, who
/// is fed by both. The world as it wakes, the three, and how often it had announced itself when it fell asleep.
fn sleep_through(
    sleep: Sleep,
    span: Duration,
    after: Duration,
    config: Config,
) -> (World, [Player; 3], u32) {
    let mut world = World::new();
    world.link_bytes_per_s = 400_000;
    world.operate(tracker::Input::Clock { unix_s: 1_000 });
    world.operate(tracker::Input::Tickets(Some(Tickets {
        secret: b"north".to_vec(),
        life: Duration::from_secs(600),
    })));
    let text = vod(&mut world, SEGMENTS, LEN, true);
    let first = watch(&mut world, World::config(), &text, 60);
    let second = watch(&mut world, config, &text, 8);
    let mut early = [first, second];
    play_for(&mut world, &mut early, Duration::from_secs(8));
    let [first, second] = early;
    let third = watch(&mut world, World::config(), &text, 8);
    let mut players = [first, second, third];
    play_for(&mut world, &mut players, after);

    let [first, mut second, third] = players;
    let sleeper = second.viewer;
    let is_machine = sleep != Sleep::Page;
    if is_machine {
        world.unplug(sleeper);
    }
    let announced = announces(&world, sleeper);
    world.fall_asleep(sleeper, span);
    if matches!(sleep, Sleep::Machine { clock_stops, .. } if clock_stops) {
        world.stop_clock(sleeper, span);
    }
    let mut others = [first, third];
    let notice = Duration::from_secs(6).min(span);
    play_for(&mut world, &mut others, notice);
    if is_machine {
        for other in &others {
            if let Some(link) = world.link_to(other.viewer, sleeper) {
                world.lose_link(other.viewer, link);
            }
        }
    }
    play_for(&mut world, &mut others, span - notice);
    if let Sleep::Machine { is_told, .. } = sleep {
        world.resume(sleeper);
        if is_told {
            world.lose_sockets(sleeper);
        }
    }
    second.stood_still(span);
    let [first, third] = others;
    (world, [first, second, third], announced)
}

#[test]
fn who_slept_plays_on_blames_nobody_and_shares_again() {
    let machine = |clock_stops, is_told| Sleep::Machine {
        clock_stops,
        is_told,
    };
    let mut stood_still = Vec::new();
    // Seconds within which somebody is linked again. Where a browser says nothing of its sockets, dead links have to
    // be found and an announce to stay unanswered first.
    for (sleep, patience_s) in [
        (Sleep::Page, 5),
        (machine(false, true), 10),
        (machine(true, true), 10),
        (machine(false, false), 12),
        (machine(true, false), 12),
    ] {
        for span_s in [20, 300, 10_800] {
            for after_ms in [0, 40, 400, 1_500, 2_600] {
                let (span, after) = (Duration::from_secs(span_s), Duration::from_millis(after_ms));
                let case = format!("{sleep:?}, {span_s} s, after {after_ms} ms");
                let (mut world, mut players, announced) =
                    sleep_through(sleep, span, after, World::config());
                let [first, sleeper, third] = [0, 1, 2].map(|at| players[at].viewer);
                let before = world.viewers[sleeper].engine.stats();
                let patience = Duration::from_secs(patience_s);
                play_for(&mut world, &mut players, patience);
                let is_linked = |other| world.link_to(sleeper, other).is_some();
                let again = [first, third].into_iter().any(is_linked);
                assert!(again, "{case}: linked again");
                // A link that lives is no reason; its interval is two minutes.
                let is_asked = announces(&world, sleeper) > announced;
                let may_wait = sleep == Sleep::Page && span_s < 300;
                assert!(is_asked || may_wait, "{case}: the tracker is asked");
                play_for(&mut world, &mut players, Duration::from_secs(20));
                let now = world.viewers[sleeper].engine.stats();
                let is_fed = now.peer_bytes > before.peer_bytes;
                assert!(is_fed, "{case}: peers share");
                assert_eq!(blamed(&world), 0, "{case}");
                let (mut world, mut control, _) = sleep_through(sleep, span, after, alone());
                play_for(&mut world, &mut control, patience + Duration::from_secs(20));
                let waited = (players[1].stalled, control[1].stalled);
                if waited.0 > waited.1 {
                    stood_still.push(format!("{case}: {waited:?}"));
                }
            }
        }
    }
    assert!(stood_still.is_empty(), "{stood_still:#?}");
}

/// A viewer whose timers come so late, as in a tab that is hidden, or has been for minutes; the player tells each second
/// how it goes. After ten seconds its only neighbour vanishes, of which nobody tells.
fn watch_hidden(grain: Duration, config: Config) -> (World, Player) {
    let mut world = World::new();
    world.link_bytes_per_s = 400_000;
    let text = vod(&mut world, SEGMENTS, LEN, true);
    let first = watch(&mut world, World::config(), &text, 120);
    let holder = first.viewer;
    let mut others = [first];
    play_for(&mut world, &mut others, Duration::from_secs(20));
    let second = watch(&mut world, config, &text, 8);
    let hidden = second.viewer;
    let mut players = [second];
    play_for(&mut world, &mut players, Duration::from_secs(3));
    world.throttle(hidden, grain);
    for second in 0..60 {
        if second == 10 {
            world.unplug(holder);
        }
        play_for(&mut world, &mut players, Duration::from_secs(1));
        players[0].tell(&mut world);
    }
    (world, players[0].clone())
}

#[test]
fn who_hears_its_timers_late_waits_no_longer_than_alone() {
    for grain_s in [1, 60] {
        let grain = Duration::from_secs(grain_s);
        let (world, player) = watch_hidden(grain, World::config());
        let stats = world.viewers[player.viewer].engine.stats();
        assert!(stats.peer_bytes > 0, "{grain_s} s: it was fed");
        assert_eq!(blamed(&world), 0, "{grain_s} s");
        let (_, control) = watch_hidden(grain, alone());
        assert!(
            player.stalled <= control.stalled,
            "{grain_s} s: {:?}, alone {:?}",
            player.stalled,
            control.stalled
        );
    }
}
