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

#[test]
fn a_key_goes_from_keygen_to_verify() {
    let folder = vod();
    let key = folder.path("secret.key");
    let key = key.to_str().unwrap();
    let made = swarmline(&["keygen", "--json", "--out"], Path::new(key));
    assert_eq!(made.status.code(), Some(0));
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["secretKeyFile"], key);
    let public = made["publicKey"].as_str().unwrap();
    let again = swarmline(&["keygen", "--out"], Path::new(key));
    assert_eq!(again.status.code(), Some(1), "never written over");
    assert!(String::from_utf8(again.stderr).unwrap().contains(public));

    let check = |key: &str| swarmline(&["verify", "--json", "--public-key", key], &folder.0);
    let sign = |args: &[&str]| {
        let signed = swarmline(&[&["sign", "--key", key], args].concat(), &folder.0);
        assert_eq!(signed.status.code(), Some(0), "{signed:?}");
        String::from_utf8(signed.stdout).unwrap()
    };
    assert!(sign(&[]).contains("v.m3u8: 2 segments"));
    assert_eq!(check(public).status.code(), Some(0));
    assert!(sign(&["--sidecar", "--leaves", "--sha256"]).contains("digests in"));
    let report = check(public);
    assert_eq!(report.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(report["signaturesChecked"], true);
    assert!(
        report["playlists"][1]["sidecar"]
            .as_str()
            .unwrap()
            .ends_with("v.swarmline.json")
    );

    let other = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
    let report = check(other);
    assert_eq!(report.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(
        report["playlists"][0]["segments"][0]["status"],
        "bad-signature"
    );
    assert_eq!(check("AAAA").status.code(), Some(2), "no key at all");
}
