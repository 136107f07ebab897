//! A disk fails or is full below a real hub. What is unknown ends the process, and the next start finds
//! everything that was acknowledged; a full disk ends nothing: reading goes on, and so does writing once
//! there is room.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use super::{
    kills::{Answers, Target},
    say,
};
use crate::support::{HubFolder, Process, now, refused, text, wait_for};
use denizen_api::{ProblemKind, client::ClientError, wire::DepositOutcome};
use denizen_fire::Shim;
use denizen_testkit::campaign::{seed, times};
use std::{fs, os::unix::process::CommandExt as _, path::PathBuf, process::Command};

/// Deposits of one request.
const BATCH: usize = 16;
/// Requests until a fault must have happened: the write-ahead log is moved into the database after some 300
/// deposits.
const REQUESTS_MAX: usize = 40;

/// A hub on the shim, whose faults begin when a file is made.
struct Sick {
    target: Target,
    gate: PathBuf,
}

/// What brings a fault about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Deposits,
    Erasure,
}

impl Sick {
    async fn make(seed: u64) -> Self {
        let hub = HubFolder::make();
        let settings = hub.path().join("hub.toml");
        let said = fs::read_to_string(&settings).unwrap();
        // It would hold writing before the disk is full.
        let said = said.replace("free_bytes_min = 268435456", "free_bytes_min = 0");
        fs::write(&settings, said).unwrap();
        let gate = hub.file("gate");
        let target = Target::make(hub, seed).await;
        Self { target, gate }
    }

    fn serve(&self, fault: &str) -> Process {
        let shim = Shim {
            faults: vec![fault.to_owned()],
            gate: Some(self.gate.clone()),
            ..Shim::below("hub.db")
        };
        self.target
            .hub
            .serve_with(|command| shim.put_below(command))
    }

    /// Sends one request; keeps what was answered.
    async fn send(&mut self, answers: &mut Answers) -> Result<(), ClientError> {
        let batch = self.target.items(BATCH);
        let items: Vec<_> = batch.iter().map(|(_, item)| item.clone()).collect();
        let client = self.target.hub.client();
        let sent = self.target.office.send(&client, &items).await;
        let outcomes: Vec<_> = match &sent {
            Ok(outcomes) => outcomes.iter().cloned().map(Some).collect(),
            Err(_) => vec![None; BATCH],
        };
        let answered = batch.into_iter().zip(outcomes);
        answers.extend(answered.map(|((number, item), outcome)| (number, item, outcome)));
        sent.map(drop)
    }

    /// Makes the fault happen; gives how the request ended that met it.
    async fn strike(&mut self, by: By, answers: &mut Answers) -> Result<(), ClientError> {
        fs::write(&self.gate, []).unwrap();
        if by == By::Erasure {
            let (number, _, outcome) = answers[0].clone();
            let Some(DepositOutcome::Stored { pos, .. }) = outcome else {
                panic!("nothing to erase: {outcome:?}");
            };
            self.target.observer.sent(number, &answers[0].1);
            self.target.observer.erasing(number);
            let address = usize::try_from(number).unwrap() % self.target.addresses.len();
            let (client, auth) = (self.target.hub.client(), &self.target.addresses[address]);
            return client.erase(auth, pos, now()).await;
        }
        for _ in 0..REQUESTS_MAX {
            self.send(answers).await?;
        }
        Ok(())
    }

    fn lift(&self) {
        fs::remove_file(&self.gate).unwrap();
    }
}

/// A call that fails, and what brings it about. `-wal` is written at each commit, the database itself and
/// the end of the log when it is moved over.
const FAULTS: [(&str, By); 11] = [
    ("eio:sync:-wal:1", By::Deposits),
    ("eiodone:sync:-wal:2", By::Deposits),
    ("enospc:sync:-wal:3", By::Deposits),
    ("eio:write:-wal:1", By::Deposits),
    ("eiodone:write:-wal:9", By::Deposits),
    ("eio:sync:.db:1", By::Deposits),
    ("eio:write:.db:3", By::Deposits),
    ("eio:sync:.db:1", By::Erasure),
    ("eiodone:sync:.db:1", By::Erasure),
    ("eio:write:.db:1", By::Erasure),
    ("eio:truncate:-wal:1", By::Erasure),
];

#[tokio::test]
async fn an_error_of_the_disk_ends_the_process_and_the_next_start_finds_all() {
    let mut sick = Sick::make(seed(91)).await;
    for (fault, by) in FAULTS {
        let mut answers = Answers::new();
        let process = sick.serve(fault);
        sick.send(&mut answers).await.unwrap();
        let struck = sick.strike(by, &mut answers).await;
        assert!(struck.is_err(), "{fault} by {by:?}: nothing was noticed");
        let (code, _, said) = process.ended();
        assert_eq!(code, Some(1), "{fault} by {by:?}: {said}");
        assert!(said.contains("commit path failed"), "{fault}: {said}");
        sick.lift();
        sick.target.again(answers).await;
        sick.target.check().await;
    }
    say(&format!(
        "disk: {} errors below a real hub, seed {}: each ended the process, nothing lost",
        FAULTS.len(),
        seed(91)
    ));
}

#[tokio::test]
async fn a_full_disk_at_any_write_ends_nothing_reads_are_served_and_writes_go_on_after_it() {
    let points = times(12_u32);
    let mut sick = Sick::make(seed(92)).await;
    for point in 1..=points {
        let mut answers = Answers::new();
        let kind = if point % 3 == 0 { "short" } else { "enospc" };
        let process = sick.serve(&format!("{kind}:write::{point}+"));
        sick.send(&mut answers).await.unwrap();
        let busy = Err(ClientError::Problem(ProblemKind::Busy));
        let struck = sick.strike(By::Deposits, &mut answers).await;
        assert_eq!(struck, busy, "{kind} at write {point}");
        assert_eq!(
            sick.send(&mut answers).await,
            busy,
            "{kind} at write {point}"
        );
        // Reading goes on.
        let (client, auth) = (sick.target.hub.client(), &sick.target.addresses[0]);
        let fetched = client.fetch(auth, None, 0, now()).await.unwrap();
        assert!(!fetched.items.is_empty());
        sick.target.hub.directory().await;
        // There is room again: the same process takes the same deposits.
        sick.lift();
        assert_eq!(
            sick.send(&mut answers).await,
            Ok(()),
            "{kind} at write {point}"
        );
        process.signal("TERM");
        let (code, _, said) = process.ended();
        assert_eq!(code, Some(0), "{kind} at write {point}: {said}");
        sick.target.again(answers).await;
    }
    sick.target.check().await;
    say(&format!(
        "disk: full at {points} writes below a real hub, seed {}: reads served, writes resumed, nothing lost",
        seed(92)
    ));
}

#[tokio::test]
async fn a_file_that_may_not_grow_ends_the_process_and_the_next_start_finds_all() {
    let mut sick = Sick::make(seed(93)).await;
    let mut answers = Answers::new();
    let dir = sick.target.hub.path();
    // Of 512 bytes each; the signal that comes with it is what a service manager may have switched off.
    let limited = "trap '' XFSZ; ulimit -f 1200; exec \"$0\" hub serve \"$1\"";
    let process = sick.target.hub.serve_with(|command| {
        let program = command.get_program().to_owned();
        *command = Command::new("sh");
        command.args(["-c", limited]).arg(program).arg(&dir);
        command.process_group(0);
    });
    let struck = sick.strike(By::Deposits, &mut answers).await;
    assert!(struck.is_err(), "it may not grow, and has");
    let (code, _, said) = process.ended();
    assert_eq!(code, Some(1), "{said}");
    sick.target.again(answers).await;
    sick.target.check().await;
}

/// A disk that says it has written, and has not, is found out at the next start: the newest checkpoint that
/// was signed is not there.
#[tokio::test]
async fn a_disk_that_loses_writes_is_found_out_at_the_next_start() {
    let mut sick = Sick::make(seed(94)).await;
    let mut answers = Answers::new();
    let process = sick.serve("lost:write:-wal:1+");
    sick.send(&mut answers).await.unwrap();
    // It may notice, and end by itself.
    let _ended = sick.strike(By::Deposits, &mut answers).await;
    let acknowledged = |(_, _, outcome): &(_, _, Option<DepositOutcome>)| match outcome {
        Some(DepositOutcome::Stored { index, .. }) => *index,
        _ => 0,
    };
    let signed = 1 + answers.iter().map(acknowledged).max().unwrap();
    let last = sick.target.hub.path().join("last-checkpoint");
    wait_for("the newest checkpoint is remembered", || {
        let said: serde_json::Value = serde_json::from_slice(&fs::read(&last).ok()?).ok()?;
        let size = said["deposits"].as_str()?.lines().nth(1)?.parse::<u64>();
        (size.ok()? >= signed).then_some(())
    });
    drop(process);
    let said = refused(&["hub", "serve", text(&sick.target.hub.path())]);
    assert!(said.contains("were signed"), "{said}");
    say(&format!(
        "disk: writes lost below a real hub, seed {}: {signed} leaves were signed, and the next start refuses",
        seed(94)
    ));
}
