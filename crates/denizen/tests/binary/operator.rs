//! What an operator does with a hub over the years: suspend and reinstate an organisation, back up,
//! put back; and what a database that was put back must not do (R12).
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, Process, denizen, office::Office, refused, succeed, text};
use denizen_api::{
    ClientError, ProblemKind,
    wire::{DepositItem, DepositOutcome},
};
use denizen_model::{SecretKeyFor, key::Auth};
use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// An office that is admitted, at a hub that is stopped.
fn admitted(hub: &HubFolder, seed: u64) -> Office {
    let office = Office::make(hub.id, seed);
    let file = hub.file("office.statement");
    fs::write(&file, &office.statement).unwrap();
    succeed(&["hub", "admit", text(&hub.path()), text(&file)]);
    office
}

fn stop(process: Process) {
    process.signal("TERM");
    let (code, _, said) = process.ended();
    assert_eq!(code, Some(0), "{said}");
}

/// Deposits this many; gives what was sent.
async fn deposit(
    hub: &HubFolder,
    office: &mut Office,
    to: &SecretKeyFor<Auth>,
    count: usize,
) -> Vec<DepositItem> {
    let items: Vec<_> = (0..count).map(|_| office.item(to)).collect();
    let outcomes = office.send(&hub.client(), &items).await.unwrap();
    let stored = |outcome: &&DepositOutcome| matches!(outcome, DepositOutcome::Stored { .. });
    assert_eq!(outcomes.iter().filter(stored).count(), count);
    items
}

/// Puts a file in the place of the database, as somebody would who does not know better.
fn replace_database(hub: &HubFolder, backup: &Path) {
    for ending in ["-wal", "-shm"] {
        // They are there only after a crash.
        let _ = fs::remove_file(hub.path().join(format!("hub.db{ending}")));
    }
    fs::copy(backup, hub.path().join("hub.db")).unwrap();
}

#[tokio::test]
async fn an_organisation_is_suspended_with_a_reason_and_reinstated() {
    let hub = HubFolder::make();
    let mut office = admitted(&hub, 1);
    let (dir, id) = (hub.path(), office.id.to_text());
    let said = succeed(&["hub", "organisations", text(&dir)]);
    assert!(said.contains(&id) && said.contains("admitted"), "{said}");
    let process = hub.serve();
    let address = office.register_address(&hub.client()).await;
    deposit(&hub, &mut office, &address, 1).await;

    let suspend = [
        "hub",
        "suspend",
        text(&dir),
        &id,
        "--reason",
        "under review",
    ];
    assert!(succeed(&suspend).contains("is suspended from now: under review"));
    let item = office.item(&address);
    let refusal = office
        .send(&hub.client(), std::slice::from_ref(&item))
        .await;
    assert_eq!(
        refusal.unwrap_err(),
        ClientError::Problem(ProblemKind::NotAdmitted)
    );
    let said = succeed(&["hub", "organisations", text(&dir)]);
    assert!(said.contains("suspended: under review"), "{said}");
    assert!(refused(&suspend).contains("suspended already"));

    // Not the statement by which it was admitted, nor later the one by which it is reinstated here.
    crate::support::next_second();
    succeed(&["hub", "reinstate", text(&dir), &id]);
    let again = office.send(&hub.client(), &[item]).await.unwrap();
    assert!(matches!(again[..], [DepositOutcome::Stored { .. }]));
    assert!(refused(&["hub", "reinstate", text(&dir), &id]).contains("is not suspended"));
    // Everybody who replays the directory sees the same.
    let directory = hub.directory().await.directory;
    assert!(
        directory
            .organisation(&office.id)
            .unwrap()
            .is_active(crate::support::now())
    );
    stop(process);
    // The same commands work on a hub that is stopped. What was decided in this second is not decided
    // twice: nobody is told that a suspension stands which does not.
    let reinstate = ["hub", "reinstate", text(&dir), &id];
    crate::support::wait_for("both decisions and the first again in one second", || {
        crate::support::next_second();
        succeed(&suspend);
        succeed(&reinstate);
        let again = crate::support::run(&suspend);
        if again.status.success() {
            crate::support::next_second();
            succeed(&reinstate);
            return None;
        }
        let said = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(said.contains("run the command again"), "{said}");
        Some(())
    });
    let nobody = ["hub", "reinstate", text(&dir), &hub.id.to_text()];
    assert!(refused(&nobody).contains("no such organisation"));
}

#[tokio::test]
async fn a_database_that_was_put_back_is_not_served() {
    let hub = HubFolder::make();
    let mut office = admitted(&hub, 2);
    let process = hub.serve();
    let address = office.register_address(&hub.client()).await;
    deposit(&hub, &mut office, &address, 3).await;
    let backup = hub.file("backup.db");
    let said = succeed(&["hub", "backup", text(&hub.path()), text(&backup)]);
    assert!(said.contains("deposits:  3 leaves, root "), "{said}");
    let mode = fs::metadata(&backup).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(refused(&["hub", "backup", text(&hub.path()), text(&backup)]).contains("backup.db"));
    deposit(&hub, &mut office, &address, 4).await;
    stop(process);

    let last = fs::read_to_string(hub.path().join("last-checkpoint")).unwrap();
    let newest = fs::read(hub.path().join("hub.db")).unwrap();
    replace_database(&hub, &backup);
    let said = refused(&["hub", "serve", text(&hub.path())]);
    let why = "the deposits log ends at 3 leaves, but 7 were signed: 4 are missing";
    assert!(said.contains(why), "{said}");
    let statement = hub.file("office.statement");
    let dir = hub.path();
    let admit = ["hub", "admit", text(&dir), text(&statement)];
    assert!(
        refused(&admit).contains(why),
        "nothing else signs on it either"
    );

    // Another history of the same length or longer is noticed too.
    fs::remove_file(hub.path().join("last-checkpoint")).unwrap();
    let process = hub.serve();
    deposit(&hub, &mut office, &address, 9).await;
    stop(process);
    fs::write(hub.path().join("last-checkpoint"), &last).unwrap();
    let said = refused(&["hub", "serve", text(&hub.path())]);
    assert!(
        said.contains("other leaves than the 7 that were signed"),
        "{said}"
    );

    fs::write(hub.path().join("hub.db"), newest).unwrap();
    stop(hub.serve());
    // Nor is a new database begun where one is lost.
    fs::remove_file(hub.path().join("hub.db")).unwrap();
    assert!(refused(&["hub", "serve", text(&hub.path())]).contains("hub.db is missing"));
    assert!(refused(&admit).contains("hub.db is missing"));
    assert!(!hub.path().join("hub.db").exists());
}

#[tokio::test]
async fn a_backup_is_put_back_only_if_it_lacks_nothing_that_was_signed() {
    let hub = HubFolder::make();
    let mut office = admitted(&hub, 3);
    let process = hub.serve();
    let address = office.register_address(&hub.client()).await;
    let dir = hub.path();
    let (old, new) = (hub.file("old.db"), hub.file("new.db"));
    succeed(&["hub", "backup", text(&dir), text(&old)]);
    let sent = deposit(&hub, &mut office, &address, 2).await;
    succeed(&["hub", "backup", text(&dir), text(&new)]);
    let restore = |file| ["hub", "restore", text(&dir), file];
    assert!(refused(&restore(text(&new))).contains("stop it first"));
    let checkpoint = reqwest::get(format!("{}/log/deposits/checkpoint", hub.url));
    let checkpoint = checkpoint.await.unwrap().text().await.unwrap();
    stop(process);

    let said = refused(&restore(text(&old)));
    assert!(
        said.contains("lacks 2 leaves of the deposits log (0 of 2)"),
        "{said}"
    );
    let accepting = [&restore(text(&old))[..], &["--accept-rollback"]].concat();
    let output = denizen().args(&accepting).output().unwrap();
    assert!(!output.status.success(), "going back is never served");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("hold receipts for deposits that the hub does not have"),
        "{said}"
    );
    let garbage = hub.file("text");
    fs::write(&garbage, "no database").unwrap();
    let said = refused(&restore(text(&garbage)));
    assert!(said.contains("no whole backup of this hub"), "{said}");
    let other = HubFolder::make();
    let said = refused(&["hub", "restore", text(&other.path()), text(&new)]);
    assert!(said.contains("no whole backup of this hub"), "{said}");

    // The disk is lost, and with it what the hub knew of its own log.
    fs::write(dir.join("hub.db"), "damaged").unwrap();
    let last = fs::read(dir.join("last-checkpoint")).unwrap();
    fs::remove_file(dir.join("last-checkpoint")).unwrap();
    let said = refused(&restore(text(&new)));
    assert!(said.contains("--checkpoint FILE"), "{said}");
    let kept = hub.file("checkpoint");
    fs::write(&kept, checkpoint).unwrap();
    let kept = ["--checkpoint", text(&kept)];
    let by_kept = |file| [&restore(file)[..], &kept].concat();
    assert!(refused(&by_kept(text(&old))).contains("lacks 2 leaves"));
    fs::write(dir.join("last-checkpoint"), last).unwrap();
    succeed(&by_kept(text(&new)));
    let process = hub.serve();
    let outcomes = office.send(&hub.client(), &sent).await.unwrap();
    let index = |outcome: &DepositOutcome| match outcome {
        DepositOutcome::Stored { index, .. } => *index,
        other => panic!("{other:?}"),
    };
    assert_eq!(outcomes.iter().map(index).collect::<Vec<_>>(), [0, 1]);
    stop(process);
    let said = refused(&by_kept(text(&new)));
    assert!(
        said.contains("is still there from another restore"),
        "{said}"
    );
}

#[tokio::test]
async fn nothing_is_taken_while_the_disk_has_too_little_room() {
    let hub = HubFolder::make();
    let mut office = admitted(&hub, 4);
    let process = hub.serve();
    let address = office.register_address(&hub.client()).await;
    stop(process);
    let file = hub.path().join("hub.toml");
    let settings = fs::read_to_string(&file).unwrap();
    let more_than_any_disk = "free_bytes_min = 9000000000000000000";
    let settings = settings.replace("free_bytes_min = 268435456", more_than_any_disk);
    fs::write(&file, settings).unwrap();
    let process = hub.serve();
    let item = office.item(&address);
    let refusal = office.send(&hub.client(), &[item]).await.unwrap_err();
    assert_eq!(refusal, ClientError::Problem(ProblemKind::Busy));
    // What is there is read, and erased.
    let fetched = hub
        .client()
        .fetch(&address, None, 0, crate::support::now())
        .await;
    assert!(fetched.unwrap().items.is_empty());
    hub.client()
        .shred(&address, crate::support::now())
        .await
        .unwrap();
    process.signal("TERM");
    let (code, _, said) = process.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("too little, nothing is taken"), "{said}");
}

#[tokio::test]
async fn a_disk_that_is_used_up_to_its_percent_is_said_everywhere() {
    let hub = HubFolder::make();
    let file = hub.path().join("hub.toml");
    let mut settings = fs::read_to_string(&file).unwrap();
    for (own, other) in [
        ("used_percent_max = 90", "used_percent_max = 0"),
        (
            "free_bytes_enough = 17179869184",
            "free_bytes_enough = 9000000000000000000",
        ),
    ] {
        assert!(settings.contains(own));
        settings = settings.replace(own, other);
    }
    fs::write(&file, settings).unwrap();
    let process = hub.serve();
    let get = async |path: &str| {
        let answer = reqwest::get(format!("{}{path}", hub.url)).await.unwrap();
        let wait = answer.headers().contains_key("retry-after");
        (answer.status().as_u16(), wait, answer.text().await.unwrap())
    };
    // It looks once a second.
    while get("/readyz").await.0 == 200 {}
    let (status, wait, _) = get("/readyz").await;
    assert_eq!((status, wait), (503, true));
    assert_eq!(get("/healthz").await.0, 200);
    let metrics = get("/metrics").await.2;
    for line in ["denizen_hub_writes_held 1\n", "denizen_hub_connections "] {
        assert!(metrics.contains(line), "{metrics}");
    }
    for gauge in [
        "disk_free_bytes",
        "disk_bytes",
        "resident_bytes",
        "database_bytes",
    ] {
        assert!(
            !metrics.contains(&format!("denizen_hub_{gauge} 0\n")),
            "{gauge}"
        );
    }
    let looked = crate::support::run(&["doctor", text(&hub.path())]);
    let looked = String::from_utf8(looked.stdout).unwrap();
    assert!(
        looked.contains("nothing but erasing is written"),
        "{looked}"
    );
    process.signal("TERM");
    let (code, _, said) = process.ended();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn serve_prints_the_example_configuration() {
    let example = succeed(&["hub", "serve", "--example"]);
    assert_eq!(example, succeed(&["hub", "example-config"]));
}
