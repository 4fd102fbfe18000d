//! Every scenario of `scenarios/`, small: no promise is broken, nobody waits much longer than alone, and
//! some of the bytes come from peers. The floors that count are in the files, for full size; those here
//! only catch what breaks.
#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;
use std::path::PathBuf;
use swarmline::sim::{Report, Scenario, run};

/// File, viewers, virtual seconds; offload at least; seconds a viewer may wait more than alone.
const SMALL: &[(&str, u32, f64, f64, f64)] = &[
    ("blocked-nats", 30, 80.0, 0.03, 0.5),
    ("cdn-brown-out", 30, 240.0, 0.05, 3.0),
    ("churn", 60, 80.0, 0.03, 0.5),
    ("deep-modems", 30, 80.0, 0.05, 0.5),
    ("half-without-upload", 30, 80.0, 0.1, 0.5),
    ("haves-lost", 30, 80.0, 0.05, 0.5),
    ("hidden-tabs", 30, 80.0, 0.05, 1.0),
    ("ladder", 30, 80.0, 0.1, 3.0),
    ("live-growing", 40, 180.0, 0.05, 0.5),
    ("live-short-segments", 30, 60.0, 0.0, 0.5),
    ("live-steady", 30, 80.0, 0.05, 0.5),
    ("poisoners", 30, 80.0, 0.03, 0.5),
    ("poor-uplinks", 30, 80.0, 0.0, 0.5),
    ("slow-uplink-live", 6, 65.0, 0.3, 0.0),
    ("slow-uplink-vod", 6, 80.0, 0.3, 0.0),
    ("slow-peers", 30, 80.0, 0.05, 0.5),
    ("stallers", 30, 80.0, 0.03, 0.5),
    ("tracker-gone", 60, 180.0, 0.05, 0.5),
    ("tracker-loss", 30, 180.0, 0.03, 0.5),
    ("twelve-hours", 60, 80.0, 0.0, 0.5),
    ("vod-flash-crowd", 30, 80.0, 0.05, 0.5),
    ("vod-seeks", 30, 150.0, 0.05, 0.5),
    ("vod-trickle", 30, 200.0, 0.1, 0.5),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn scenario(name: &str) -> Scenario {
    let path = folder().join(format!("{name}.toml"));
    let text = std::fs::read_to_string(&path).map_err(|why| why.to_string());
    text.and_then(|text| Scenario::read(&text))
        .unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn small(name: &str, viewers: u32, seconds: f64) -> Scenario {
    let mut scenario = scenario(name).with_viewers(viewers);
    scenario.seconds = seconds;
    scenario
}

#[test]
fn small_versions_of_all_scenarios_hold() {
    let mut faults = Vec::new();
    for (name, viewers, seconds, offload, waits_s) in SMALL {
        let scenario = small(name, *viewers, *seconds);
        let swarm = run(&scenario, 3, true, None);
        let control = run(&scenario, 3, false, None);
        let report = Report::new(&scenario, 3, swarm, control);
        let (swarm, control) = (&report.swarm, &report.control);
        let broken = swarm.violations + control.violations;
        let allowed = control.stalls.total_s + waits_s * f64::from(*viewers);
        if broken > 0 || swarm.offload < *offload || swarm.stalls.total_s > allowed {
            faults.push(report.to_string());
        }
        assert!(control.delivered_bytes > 0, "{name} is watched");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_scenario_file_is_read_and_played() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .filter_map(|file| {
            let name = file.unwrap().file_name().to_string_lossy().into_owned();
            name.strip_suffix(".toml").map(str::to_owned)
        })
        .collect();
    let played = SMALL.iter().map(|(name, ..)| (*name).to_owned());
    assert_eq!(files, played.collect());
    for (name, viewers, ..) in SMALL {
        assert!(scenario(name).viewers() >= *viewers, "{name} is full size");
    }
}

/// An hour like those of `cargo xtask soak hours`. So few looks differ by chance more than those of twelve hours.
#[test]
fn who_stays_for_an_hour_holds_no_more_in_its_last_quarter_than_in_its_second() {
    let mut scenario = scenario("twelve-hours");
    scenario.seconds = 3_600.0;
    scenario.floor.growth = Some(0.08);
    let guests = &mut scenario.arrivals[1];
    (guests.viewers, guests.over_s) = (40, 3_580.0);
    let away = &mut scenario.fault[0];
    (away.from_s, away.to_s) = (1_900.0, 2_300.0);
    let swarm = run(&scenario, 7, true, None);
    let control = run(&scenario, 7, false, None);
    let report = Report::new(&scenario, 7, swarm, control);
    assert_eq!(report.swarm.held.len(), 24);
    assert!(
        report
            .swarm
            .held
            .iter()
            .all(|held| held.looks > 0 && held.engine > 1e3)
    );
    assert!(report.is_good(), "{report}");
}

#[test]
fn one_seed_is_one_run() {
    let scenario = small("churn", 60, 60.0);
    let first = run(&scenario, 5, true, None);
    let again = run(&scenario, 5, true, None);
    let other = run(&scenario, 6, true, None);
    assert_eq!(first.trace, again.trace);
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    assert_ne!(first.trace, other.trace);
    let mut lines = 0;
    let read = run(&scenario, 5, true, Some(&mut |_| lines += 1));
    assert_eq!(first.trace, read.trace, "reading along changes nothing");
    assert!(lines > 100);
}

/// One change in a hundred never arrives; neighbours compare what they know every 20 s.
#[test]
fn what_a_lost_change_said_is_heard_of_again() {
    let unknown = |name| {
        let mut scenario = small(name, 30, 80.0);
        // What is held has to be so for longer than the 25 s from one look to the next: of a shorter window less is kept.
        scenario.stream.window = 20;
        run(&scenario, 3, true, None).haves_unknown
    };
    let lost = unknown("haves-lost");
    assert!(lost > 0.0, "changes are lost, and seen to be missing");
    assert!(
        lost < 0.002,
        "and told again: {lost} of what is held is unknown"
    );
    let kept = unknown("live-steady");
    assert!(kept <= 0.0, "{kept} is unknown where nothing is lost");
}

/// Of ninety viewers some twenty-five are left four minutes after their tracker, each with three of its first ten links.
#[test]
fn a_swarm_without_its_tracker_heals() {
    let scenario = small("tracker-gone", 90, 300.0);
    let swarm = run(&scenario, 3, true, None);
    assert_eq!(swarm.violations, 0, "{:?}", swarm.violation);
    assert!(swarm.links.mean >= 6.5, "{} links each", swarm.links.mean);
    let opened = swarm.links_opened_per_minute;
    assert!(opened < 12.0, "{opened} a minute");
}

/// What stands before an uplink is seen, and is no more than its modem takes; where there is none nobody waits.
#[test]
fn the_deeper_a_modem_the_longer_one_waits_before_it() {
    let waits = [0.0, 100.0, 1_000.0].map(|modem_ms| {
        let mut scenario = small("deep-modems", 30, 60.0);
        scenario.viewer.modem_ms = modem_ms;
        run(&scenario, 2, true, None).uplink_wait_s
    });
    assert!(waits[0].max <= 0.0, "{:?}", waits[0]);
    assert!(waits[1].mean > 0.0 && waits[1].p95 < 0.3, "{:?}", waits[1]);
    assert!(waits[2].mean > 1.5 * waits[1].mean, "{waits:?}");
    assert!(waits[2].p95 > 0.4, "{:?}", waits[2]);
}

#[test]
fn wrong_bytes_arrive_and_reach_nobody() {
    let scenario = small("poisoners", 40, 80.0);
    let swarm = run(&scenario, 1, true, None);
    assert_eq!(swarm.violations, 0, "{:?}", swarm.violation);
    // Every poisoner is somebody's first and last sender: it was believed, found out, and left.
    let mut named = 0;
    let _ = run(
        &scenario,
        1,
        true,
        Some(&mut |line| {
            named += u32::from(line.contains("WrongBlock") && line.contains("PeerClosed"));
        }),
    );
    assert!(named > 0, "poisoners are found out");
}

#[test]
fn the_control_has_the_same_viewers_and_no_peers() {
    let scenario = small("live-steady", 30, 60.0);
    let control = run(&scenario, 2, false, None);
    let swarm = run(&scenario, 2, true, None);
    assert_eq!(control.viewers, swarm.viewers);
    assert_eq!(control.cdn_first_bytes, swarm.cdn_first_bytes);
    assert_eq!((control.peer_bytes, control.tracker_messages), (0, 0));
    assert!(control.offload.abs() < 0.1, "every byte from the CDN");
    assert!(swarm.peer_bytes > 0);
}
