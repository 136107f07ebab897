//! A hub whose rows lie in PostgreSQL: as one in a file, through kills too; alone; and moved there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

#[path = "../../../store/tests/support/cluster.rs"]
mod cluster;

use crate::{
    durability::kill_and_count,
    fire::kills::kill_hubs,
    support::{HubFolder, Process, denizen, office::Office, refused, run, succeed, text},
};
use cluster::{Cluster, PASSWORD, name_of};
use denizen_api::wire::{DepositOutcome, Fetched};
use std::{fs, path::Path, process::Command};

/// A password's file beside the hub's folder, and how a command is told of it.
fn store(folder: &Path, url: &str) -> Vec<String> {
    let password = folder.join("store-password");
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&password, mode).unwrap();
    ["--store", url, "--store-password-file", text(&password)]
        .map(str::to_owned)
        .to_vec()
}

/// A new hub in a new database.
fn hub_on_a_server() -> (HubFolder, String) {
    let url = Cluster::shared().database();
    let hub = HubFolder::make_with(|folder| store(folder, &url));
    (hub, url)
}

fn admit(hub: &HubFolder, office: &Office) {
    let statement = hub.file("statement");
    fs::write(&statement, &office.statement).unwrap();
    succeed(&["hub", "admit", text(&hub.path()), text(&statement)]);
}

fn stop(process: Process) {
    process.signal("TERM");
    let (code, _, said) = process.ended();
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_in_postgresql_after_it() {
    let (hub, _) = hub_on_a_server();
    kill_and_count(&hub).await;
    assert!(!hub.path().join("hub.db").exists());
}

#[tokio::test]
async fn a_hub_on_postgresql_killed_under_load_loses_and_doubles_nothing() {
    let kills = denizen_testkit::campaign::times(1_u32);
    let counted = kill_hubs(kills, 65, || hub_on_a_server().0).await;
    assert!(counted.2 >= 100, "{counted:?}");
}

#[tokio::test]
async fn a_hub_on_postgresql_takes_gives_back_and_erases_through_a_restart() {
    let (hub, url) = hub_on_a_server();
    let mut office = Office::make(hub.id, 11);
    admit(&hub, &office);
    let mut process = hub.serve();
    let address = office.register_address(&hub.client()).await;
    let items: Vec<_> = (0..5).map(|_| office.item(&address)).collect();
    let first = office.send(&hub.client(), &items).await.unwrap();
    assert!(
        first
            .iter()
            .all(|o| matches!(o, DepositOutcome::Stored { .. }))
    );
    stop(process);
    process = hub.serve();
    let now = crate::support::now;
    let fetched = hub.client().fetch(&address, None, 0, now()).await.unwrap();
    let sealed: Vec<_> = fetched
        .items
        .iter()
        .map(|item| match item {
            Fetched::Envelope { envelope, .. } => envelope.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    let left: Vec<_> = items.iter().map(|item| item.envelope.clone()).collect();
    assert_eq!(sealed, left);
    hub.client().erase(&address, 2, now()).await.unwrap();
    let fetched = hub.client().fetch(&address, None, 0, now()).await.unwrap();
    assert!(matches!(
        fetched.items[2],
        Fetched::Tombstone { pos: 2, .. }
    ));
    // In the rows too, and nothing of the password is where others read.
    assert_eq!(Cluster::shared().places(&url), "5 4");
    let settings = fs::read_to_string(hub.path().join("hub.toml")).unwrap();
    assert!(settings.contains(&url) && !settings.contains(PASSWORD));
    process.signal("TERM");
    let (_, out, said) = process.ended();
    assert!(!format!("{out}{said}").contains(PASSWORD));
}

#[test]
fn doctor_looks_at_the_server_and_backup_says_who_does_it() {
    let (hub, url) = hub_on_a_server();
    let dir = hub.path();
    let process = hub.serve();
    let said = succeed(&["doctor", text(&dir)]);
    for line in [
        "the server answers",
        "of this program's version",
        "ends whole",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let copy = hub.file("copy");
    let said = refused(&["hub", "backup", text(&dir), text(&copy)]);
    assert!(said.contains("postgresql.md"), "{said}");
    // The server's database goes, and the hub does not begin again in its place.
    let name = name_of(&url);
    Cluster::shared().psql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
    Cluster::shared().psql("postgres", &format!("CREATE DATABASE {name}"));
    drop(process);
    let said = refused(&["hub", "serve", text(&dir)]);
    assert!(said.contains("is empty"), "{said}");
    assert!(!run(&["doctor", text(&dir)]).status.success());
}

#[test]
fn a_second_process_on_the_same_database_is_refused() {
    let (hub, _) = hub_on_a_server();
    let _first = hub.serve();
    // Another folder, so that the folder's own lock does not help; another port.
    let other = hub.file("other");
    let copied = Command::new("cp")
        .args(["-r", text(&hub.path()), text(&other)])
        .status();
    assert!(copied.unwrap().success());
    let settings = other.join("hub.toml");
    let text_of = fs::read_to_string(&settings).unwrap();
    let listen = text_of.lines().find(|l| l.starts_with("listen")).unwrap();
    let elsewhere = text_of.replace(listen, "listen = \"127.0.0.1:0\"");
    fs::write(&settings, elsewhere).unwrap();
    let output = denizen()
        .args(["hub", "serve", text(&other)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("another process has this database"),
        "{said}"
    );
}

#[test]
fn a_password_in_the_url_is_refused_and_not_repeated() {
    let hub = HubFolder::make();
    let url = "postgres://denizen:hunter2@localhost/hub";
    let said = refused(&["hub", "migrate", text(&hub.path()), "--store", url]);
    assert!(
        said.contains("password") && !said.contains("hunter2"),
        "{said}"
    );
}

#[tokio::test]
async fn a_hub_moves_into_postgresql_and_keeps_every_place() {
    let hub = HubFolder::make();
    let mut office = Office::make(hub.id, 12);
    admit(&hub, &office);
    let dir = hub.path();
    let process = hub.serve();
    let address = office.register_address(&hub.client()).await;
    let items: Vec<_> = (0..150).map(|_| office.item(&address)).collect();
    let mut before = Vec::new();
    for batch in items.chunks(50) {
        before.extend(office.send(&hub.client(), batch).await.unwrap());
    }
    let url = Cluster::shared().database();
    let to = store(&hub.file(""), &url);
    let mut arguments = vec!["hub", "migrate", text(&dir)];
    arguments.extend(to.iter().map(String::as_str));
    let said = refused(&arguments);
    assert!(said.contains("stop it first"), "{said}");
    stop(process);
    let old = fs::read_to_string(dir.join("hub.toml")).unwrap();
    let said = succeed(&arguments);
    for line in [
        "150 rows, the same",
        "deposits:  150 leaves",
        "hub.toml names it now",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let process = hub.serve();
    let again = office.send(&hub.client(), &items[..50]).await.unwrap();
    let place = |outcome: &DepositOutcome| match outcome {
        DepositOutcome::Stored { pos, index, .. } => (*pos, *index),
        other => panic!("{other:?}"),
    };
    for (before, after) in before.iter().zip(&again) {
        assert_eq!(place(before), place(after));
    }
    let new = office.deposit(&hub.client(), &address).await;
    assert_eq!(place(&new), (150, 150));
    stop(process);
    // The file is there, and is served no more, by whatever settings.
    assert!(dir.join("hub.db").is_file());
    fs::write(dir.join("hub.toml"), old).unwrap();
    let said = refused(&["hub", "serve", text(&dir)]);
    assert!(said.contains("was moved to another one"), "{said}");
}
