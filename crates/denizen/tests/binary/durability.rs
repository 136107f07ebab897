//! No deposit is acknowledged without a sync to the disk: counted from outside, by the kernel's calls.
//! What was acknowledged is there after a kill that the hub cannot see coming.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, Process, office::Office, signal_pid, succeed, text, wait_for};
use denizen_api::wire::DepositOutcome;
use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Deposits, one after the other.
const DEPOSITS: usize = 25;

/// Syncs of the database that had ended when the trace was read. Tracing writes a call's line before
/// the process goes on, so what an answer follows is in the file by then. A call that another thread
/// interrupted ends on a line of its own, which names no file.
fn syncs(trace: &Path) -> usize {
    let trace = fs::read_to_string(trace).unwrap();
    let mut unfinished = BTreeSet::new();
    let mut ended = 0;
    for line in trace.lines().filter(|line| line.contains("sync")) {
        let thread = line.split_whitespace().next().unwrap();
        let of_database = line.contains("hub.db") || unfinished.remove(thread);
        if of_database && line.contains("<unfinished") {
            unfinished.insert(thread);
        } else if of_database && line.trim_end().ends_with("= 0") {
            ended += 1;
        }
    }
    ended
}

/// A hub under strace.
struct Traced {
    strace: Process,
    hub: u32,
}

impl Traced {
    fn serve(hub: &HubFolder, trace: &Path) -> Self {
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-qq",
            "-y",
            "-e",
            "trace=fdatasync,fsync",
            "-o",
            text(trace),
        ]);
        command
            .arg(env!("CARGO_BIN_EXE_denizen"))
            .args(["hub", "serve", text(&hub.path())]);
        let strace = Process::start(command);
        hub.wait_until_healthy();
        let pid = strace.0.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let hub = children.trim().parse().unwrap();
        Self { strace, hub }
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // A tracer that is killed lets what it traced go on; a test that failed must not.
        if self.strace.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            signal_pid("KILL", self.hub);
        }
    }
}

#[tokio::test]
async fn no_deposit_is_acknowledged_without_a_sync() {
    let hub = HubFolder::make();
    let mut office = Office::make(hub.id, 1);
    let statement = hub.file("statement");
    fs::write(&statement, &office.statement).unwrap();
    succeed(&["hub", "admit", text(&hub.path()), text(&statement)]);
    let trace = hub.file("trace");
    let mut traced = Traced::serve(&hub, &trace);
    let client = hub.client();
    let address = office.register_address(&client).await;

    let begun = syncs(&trace);
    for _ in 0..DEPOSITS {
        let before = syncs(&trace);
        let outcome = office.deposit(&client, &address).await;
        assert!(matches!(outcome, DepositOutcome::Stored { .. }));
        assert!(
            syncs(&trace) > before,
            "a deposit was acknowledged before a sync"
        );
    }
    let counted = syncs(&trace) - begun;
    assert!(counted >= DEPOSITS, "{DEPOSITS} deposits, {counted} syncs");
    // Past the capture of passing tests: the count is what is to be seen.
    let line = format!("   {DEPOSITS} deposits one after the other: {counted} syncs\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();

    // What asks for nothing durable syncs nothing: the count above is the deposits'.
    let idle = syncs(&trace);
    hub.directory().await;
    assert_eq!(syncs(&trace), idle);
    signal_pid("TERM", traced.hub);
    let ended = wait_for("the hub ends", || traced.strace.0.try_wait().unwrap());
    assert!(ended.success());
}

/// Where a deposit stands.
fn place(outcome: &DepositOutcome) -> (u64, u64) {
    match outcome {
        DepositOutcome::Stored { pos, index, .. } => (*pos, *index),
        other => panic!("not stored: {other:?}"),
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_keeps_its_place_after_it() {
    kill_and_count(&HubFolder::make()).await;
}

/// Kills a hub with deposits in flight, and starts it again.
pub async fn kill_and_count(hub: &HubFolder) {
    let mut office = Office::make(hub.id, 2);
    let statement = hub.file("statement");
    fs::write(&statement, &office.statement).unwrap();
    succeed(&["hub", "admit", text(&hub.path()), text(&statement)]);
    let process = hub.serve();
    let address = office.register_address(&hub.client()).await;

    // One thread kills the hub between some acknowledgement and a later one.
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (counted, pid) = (Arc::clone(&acknowledged), process.0.id());
    let killer = std::thread::spawn(move || {
        wait_for("some deposits", || {
            (counted.load(Ordering::SeqCst) >= 60).then_some(())
        });
        signal_pid("KILL", pid);
    });
    let (mut sent, mut places) = (Vec::new(), Vec::new());
    loop {
        let batch: Vec<_> = (0..4).map(|_| office.item(&address)).collect();
        sent.extend_from_slice(&batch);
        let Ok(outcomes) = office.send(&hub.client(), &batch).await else {
            break;
        };
        places.extend(outcomes.iter().map(place));
        acknowledged.store(places.len(), Ordering::SeqCst);
    }
    killer.join().unwrap();
    drop(process);

    let _again = hub.serve();
    hub.directory().await;
    let outcomes = office.send(&hub.client(), &sent).await.unwrap();
    let kept: Vec<_> = outcomes.iter().map(place).collect();
    assert_eq!(places.len() + 4, kept.len());
    assert_eq!(
        places,
        kept[..places.len()],
        "an acknowledged deposit has moved"
    );
    // The batch whose answer was lost is there once, all or none of it before this.
    let expected: Vec<_> = (0..kept.len() as u64).map(|n| (n, n)).collect();
    assert_eq!(kept, expected);
}
