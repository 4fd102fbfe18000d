//! The subcommands as a script sees them.

use crate::folder::{media, vod};
use std::path::Path;
use std::process::{Command, Output};

fn swarmline(args: &[&str], path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swarmline"));
    command.args(args).arg(path).output().unwrap()
}

#[test]
fn the_binary_tells_by_its_exit_code() {
    let folder = vod();
    let code = |output: &Output| output.status.code();
    assert_eq!(
        code(&swarmline(&["verify"], &folder.0)),
        Some(1),
        "unsigned"
    );
    assert_eq!(code(&swarmline(&["sign"], &folder.0)), Some(0));
    let good = swarmline(&["verify"], &folder.0);
    assert_eq!(code(&good), Some(0));
    assert!(
        String::from_utf8(good.stdout)
            .unwrap()
            .contains("5 segments as signed, 0 not (signatures not checked")
    );
    assert!(good.stderr.is_empty(), "short work says nothing");

    folder.put("video/b.m4s", media(8, 16_384));
    let bad = swarmline(&["verify", "--json"], &folder.0);
    assert_eq!(code(&bad), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["playlists"][1]["segments"][1]["status"], "mismatch");
    assert_eq!(
        report["playlists"][0]["segments"][1]["range"],
        serde_json::json!([20_100, 50_100])
    );

    let none = swarmline(&["verify"], &folder.path("none"));
    assert_eq!(code(&none), Some(2));
    let words = String::from_utf8(none.stderr).unwrap();
    assert!(
        words.ends_with("none: no such file\n") && words.lines().count() == 1,
        "{words}"
    );
    assert_eq!(code(&swarmline(&["sign"], &folder.path("none"))), Some(1));
    assert_eq!(
        code(&swarmline(&["sign", "--watch"], &folder.0)),
        Some(2),
        "watch needs --out"
    );
}
