//! `denizen doctor`: a folder in order, and one for each thing that may be wrong with it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, refused, run, succeed, text};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// Exit code and findings.
fn doctor(dir: &Path) -> (Option<i32>, Vec<Value>) {
    let output = run(&["doctor", text(dir), "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = said["findings"].as_array().unwrap().clone();
    for finding in &findings {
        let todo = finding["todo"].as_str().unwrap_or_default();
        assert_eq!(finding["level"] == "good", todo.is_empty(), "{finding}");
    }
    (output.status.code(), findings)
}

/// What somebody must do something about: check and finding.
fn to_act(findings: &[Value]) -> Vec<String> {
    let act = findings.iter().filter(|f| f["level"] == "act");
    act.map(|f| {
        format!(
            "{}: {}",
            f["check"].as_str().unwrap(),
            f["what"].as_str().unwrap()
        )
    })
    .collect()
}

fn assert_found(dir: &Path, what: &str) {
    let (code, findings) = doctor(dir);
    let act = to_act(&findings);
    assert_eq!(code, Some(1), "{act:?}");
    assert!(act.iter().any(|f| f.contains(what)), "{what}: {act:?}");
}

#[test]
fn a_hub_in_order_has_nothing_to_act_on_and_each_fault_is_found() {
    let hub = HubFolder::make();
    let dir = hub.path();
    assert_found(&dir, "process: nobody serves this folder");
    assert_found(&dir, "does not answer");
    let process = hub.serve();
    let (code, findings) = doctor(&dir);
    assert_eq!((code, to_act(&findings)), (Some(0), vec![]));
    for check in [
        "hub",
        "settings",
        "keys",
        "disk",
        "version",
        "database",
        "log",
        "process",
        "connection",
        "clock",
        "directory",
    ] {
        let good = |f: &&Value| f["check"] == check && f["level"] == "good";
        assert!(findings.iter().any(|f| good(&f)), "{check}: {findings:?}");
    }
    let said = succeed(&["doctor", text(&dir)]);
    assert!(
        said.contains("advice keys") && said.contains("kept offline"),
        "{said}"
    );

    let key = dir.join("keys/head.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    assert_found(&dir, "can be read by others (mode 644)");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(dir.join("hub.toml"), "listn = 1").unwrap();
    assert_found(&dir, "settings: the configuration");
    fs::remove_file(dir.join("hub.toml")).unwrap();
    process.signal("TERM");
    assert_eq!(process.ended().0, Some(0));

    // A database that lacks what was signed, and one that is none.
    let (old, last) = (
        hub.file("old.db"),
        fs::read(dir.join("last-checkpoint")).unwrap(),
    );
    succeed(&["hub", "backup", text(&dir), text(&old)]);
    assert!(dir.join("hub.lock").exists());
    fs::remove_file(dir.join("hub.lock")).unwrap();
    assert_found(&dir, "process: nobody serves this folder");
    assert!(!dir.join("hub.lock").exists(), "it changes nothing");
    let newer = HubFolder::make();
    fs::write(
        dir.join("last-checkpoint"),
        fs::read(newer.path().join("last-checkpoint")).unwrap(),
    )
    .unwrap();
    assert_found(&dir, "is damaged, or another hub's");
    fs::write(dir.join("last-checkpoint"), last).unwrap();
    fs::write(dir.join("hub.db"), "garbage").unwrap();
    assert_found(&dir, "cannot be read");
    fs::remove_file(dir.join("keys/log.key")).unwrap();
    assert_found(&dir, "log.key is missing");
}

#[test]
fn a_gateway_is_looked_at_up_to_its_admission() {
    let hub = HubFolder::make();
    let _process = hub.serve();
    let dir = hub.file("office");
    let id = hub.id.to_text();
    let init = [
        "gateway",
        "init",
        text(&dir),
        "--name",
        "Office",
        "--hub-id",
        &id,
        "--hub-url",
        &hub.url,
    ];
    let said = succeed(&init);
    let org = said
        .lines()
        .find_map(|l| l.strip_prefix("id:"))
        .unwrap()
        .trim()
        .to_owned();
    assert_found(&dir, "admission: the hub's operator has not admitted");
    let statement = hub.file("statement");
    fs::write(
        &statement,
        run(&["gateway", "statement", text(&dir)]).stdout,
    )
    .unwrap();
    let hub_dir = hub.path();
    succeed(&["hub", "admit", text(&hub_dir), text(&statement)]);
    let (code, findings) = doctor(&dir);
    assert_eq!((code, to_act(&findings)), (Some(0), vec![]));
    for check in [
        "keys",
        "version",
        "database",
        "backlog",
        "connection",
        "clock",
        "admission",
    ] {
        let good = |f: &&Value| f["check"] == check && f["level"] == "good";
        assert!(findings.iter().any(|f| good(&f)), "{check}: {findings:?}");
    }
    succeed(&["hub", "suspend", text(&hub_dir), &org, "--reason", "a test"]);
    assert_found(&dir, "suspended the organisation: a test");
    crate::support::next_second();
    succeed(&["hub", "reinstate", text(&hub_dir), &org]);

    let backup = hub.file("gateway-backup");
    let said = succeed(&["gateway", "backup", text(&dir), text(&backup)]);
    assert!(
        said.contains("keys.json opens them and is not in it"),
        "{said}"
    );
    assert_eq!(
        fs::metadata(&backup).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        refused(&["gateway", "backup", text(&hub_dir), text(&hub.file("b"))])
            .contains("no gateway's folder")
    );
    // In the place of the original the copy waits until it is put back by its command.
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(dir.join(format!("gateway.sqlite{ending}")));
    }
    fs::copy(&backup, dir.join("gateway.sqlite")).unwrap();
    assert!(refused(&["gateway", "sync", text(&dir)]).contains("denizen gateway restore"));

    fs::remove_file(dir.join("keys.json")).unwrap();
    assert_found(&dir, "keys.json is missing");
}

#[test]
fn another_folder_is_told_from_ours() {
    let folder = tempfile::tempdir().unwrap();
    let said = refused(&["doctor", text(folder.path())]);
    assert!(
        said.contains("is no hub's, gateway's or profile's folder"),
        "{said}"
    );
    for name in ["root.wrapped", "device.secret", "profile.sealed"] {
        fs::write(folder.path().join(name), "sealed").unwrap();
    }
    assert_found(folder.path(), "can be read by others");
}
