//! Streams whose publisher says nothing of its bytes (`prefer`): sharing goes on, and detection is not
//! proof. Here the chance that a wrong byte reaches a player is measured, and held to loose bounds.
//!
//! `cargo test --test attacks table -- --nocapture` prints the table of docs/threat-model.md.

use crate::stage::{Act, Cast, SIGNED, Script, Show, perform};
use crate::vices;

/// Runs of each cell.
const RUNS: u64 = 5;
/// A minute and a half: time for samples of the CDN, at most a hundredth of all bytes, to find somebody.
const UNSIGNED: Show = Show {
    segments: 48,
    signed: false,
};

/// A cell of the table: what happened in all runs of one attack and one cast.
#[derive(Debug, Default)]
struct Cell {
    viewers: u64,
    deceived: u64,
    handed: u64,
    wrong: u64,
    relayed: u64,
    blamed: u64,
}

impl Cell {
    fn measure(cast: Cast, show: Show, script: Script<'_>) -> Self {
        let mut cell = Self::default();
        for seed in 0..RUNS {
            let run = perform(seed, cast, show, Act::Attack(script));
            let oracle = &run.world.oracle;
            cell.viewers += cast.honest as u64;
            cell.deceived += oracle.deceived.len() as u64;
            cell.handed += oracle.handed;
            cell.wrong += oracle.handed_wrong;
            cell.relayed += oracle.relayed_wrong;
            cell.blamed += oracle.dropped_honest.len() as u64;
        }
        cell
    }

    /// The chance that a viewer gets a wrong byte at all.
    fn deceived(&self) -> f64 {
        self.deceived as f64 / self.viewers as f64
    }

    fn row(&self, attack: &str, cast: Cast) -> String {
        let share = self.wrong as f64 / self.handed as f64;
        format!(
            "| {attack} | {} of {} | {:.0} % | {:.1} % | {} | {} |",
            cast.hostile,
            cast.hostile + cast.honest,
            self.deceived() * 100.0,
            share * 100.0,
            self.relayed,
            self.blamed,
        )
    }
}

const FEW: Cast = Cast {
    honest: 6,
    hostile: 1,
};
const HALF: Cast = Cast {
    honest: 4,
    hostile: 4,
};
const MOST: Cast = Cast {
    honest: 1,
    hostile: 5,
};

#[test]
fn table_of_wrong_bytes_without_digests() {
    println!(
        "| attack | liars | viewers deceived | segments wrong | wrong messages passed on | honest peers dropped |\n|---|---|---|---|---|---|"
    );
    let flip: Script<'_> = &|rng, _, _| vices::flip(rng);
    let swap: Script<'_> = &|_, _, _| vices::swap_for(|number| number + 1_000);
    let lists: Script<'_> = &|rng, _, _| vices::forge_leaves(rng);
    let forge: Script<'_> = &|_, _, _| vices::forge_all();
    for (name, script) in [
        ("a flipped bit", flip),
        ("another segment's bytes", swap),
        ("a wrong leaf list", lists),
    ] {
        let cell = Cell::measure(HALF, UNSIGNED, script);
        println!("{}", cell.row(name, HALF));
        assert_eq!(
            cell.wrong, 0,
            "{name}: blocks are held against the list that came with them"
        );
    }
    for cast in [FEW, HALF, MOST] {
        let cell = Cell::measure(cast, UNSIGNED, forge);
        println!("{}", cell.row("forged blocks under a fitting list", cast));
        assert!(cell.wrong > 0, "detection is no proof");
        assert!(
            cell.wrong * 2 < cell.handed,
            "sooner or later a sample finds them: {cell:?}"
        );
    }
    let digested = Cell::measure(MOST, SIGNED, forge);
    println!("{}", digested.row("the same, with digests", MOST));
    assert_eq!(digested.wrong, 0);
}
