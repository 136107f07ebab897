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
use crate::support::{HubFolder, PATIENCE, Process, now, refused, text, wait_for};
use denizen_api::{ProblemKind, client::ClientError, wire::DepositOutcome};
use denizen_fire::Shim;
use denizen_testkit::campaign::{seed, times};
use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

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
        let gate = hub.file("gate");
        let target = Target::make(hub, seed).await;
        let this = Self { target, gate };
        // It would hold writing before the disk is full.
        this.set("free_bytes_min = 268435456", "free_bytes_min = 0");
        this
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

    /// Changes a line of the hub's settings.
    fn set(&self, from: &str, to: &str) {
        let settings = self.target.hub.path().join("hub.toml");
        let said = fs::read_to_string(&settings).unwrap();
        assert!(said.contains(from), "{said}");
        fs::write(&settings, said.replace(from, to)).unwrap();
    }

    /// The hub with its folder on a file system of its own, which has so many bytes, of which so many are free.
    fn serve_small(&self, size: u64, free: u64) -> Process {
        let dir = self.target.hub.path();
        let side = self.target.hub.file("side");
        fs::create_dir(&side).unwrap();
        self.target.hub.serve_with(|command| {
            let program = command.get_program().to_owned();
            *command = Command::new("unshare");
            command.args(APART).args(["sh", "-c", SMALL]).arg(program);
            command.args([text(&dir), text(&side)]);
            command.args([size.to_string(), free.to_string()]);
        })
    }

    /// Ends it; what lay there takes the place of what it began with.
    fn end_small(&self, process: Process) {
        process.signal("TERM");
        let (code, _, said) = process.ended();
        assert_eq!(code, Some(0), "{said}");
        let dir = self.target.hub.path();
        fs::remove_dir_all(&dir).unwrap();
        fs::rename(self.target.hub.file("side").join("after"), dir).unwrap();
    }
}

/// How `unshare` is asked for mounts of its own, without being root.
const APART: [&str; 3] = ["--user", "--map-root-user", "--mount"];
/// A hub on a small file system that nobody else sees: program, folder, a folder beside it, size, what is to
/// be free. A file `room` beside it makes room. What lies there at the end is put beside it.
const SMALL: &str = r#"
set -e
cp -a "$1" "$2/before"
mount -t tmpfs -o size="$3" small "$1"
cp -a "$2/before/." "$1"
free=$(df --output=avail -B1 "$1" | tail -n 1)
head -c $((free - $4)) /dev/zero > "$1/ballast"
(while [ ! -e "$2/room" ]; do sleep 0.05; done; rm "$1/ballast") &
room=$!
setpriv --pdeathsig KILL "$0" hub serve "$1" &
hub=$!
trap 'kill -TERM $hub' TERM
code=0
wait $hub || code=$?
while kill -0 $hub 2> /dev/null; do code=0; wait $hub || code=$?; done
kill $room 2> /dev/null || true
rm -f "$1/ballast"
cp -a "$1" "$2/after"
exit $code
"#;

/// Whether there can be a small file system; if not, it is said.
fn may_mount() -> bool {
    let tried = Command::new("unshare")
        .args(APART)
        .args(["sh", "-c", "mount -t tmpfs small /mnt"])
        .output();
    let may = tried.is_ok_and(|t| t.status.success());
    if !may {
        say(
            "disk: NOT RUN: a real file system that is full. It needs unprivileged user namespaces: sysctl kernel.unprivileged_userns_clone=1, or run it as root",
        );
    }
    may
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

/// A real file system, with 24 MiB: full (a hub that is told to go on until it is), and nine tenths full.
#[tokio::test]
async fn a_small_file_system_that_is_full_ends_nothing_and_writes_go_on_once_there_is_room() {
    if !may_mount() {
        return;
    }
    const SIZE: u64 = 24 << 20;
    let busy = Err(ClientError::Problem(ProblemKind::Busy));
    for (most, free) in [(100, SIZE / 10), (90, SIZE / 6)] {
        let mut sick = Sick::make(seed(95)).await;
        let most = format!("used_percent_max = {most}");
        sick.set("used_percent_max = 90", &most);
        let (process, mut answers) = (sick.serve_small(SIZE, free), Answers::new());
        let mut struck = Ok(());
        while struck.is_ok() && answers.len() < 4 * REQUESTS_MAX * BATCH {
            struck = sick.send(&mut answers).await;
        }
        assert!(answers.len() > BATCH, "{most}: it was full at once");
        assert_eq!(struck, busy, "{most}");
        assert_eq!(sick.send(&mut answers).await, busy, "{most}");
        let (client, auth) = (sick.target.hub.client(), &sick.target.addresses[0]);
        let fetched = client.fetch(auth, None, 0, now()).await.unwrap();
        assert!(!fetched.items.is_empty());
        sick.target.hub.directory().await;
        fs::write(sick.target.hub.file("side").join("room"), []).unwrap();
        let begun = Instant::now();
        while sick.send(&mut answers).await != Ok(()) {
            assert!(begun.elapsed() < PATIENCE, "{most}: it takes nothing");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        sick.end_small(process);
        let sent = answers.len();
        sick.target.again(answers).await;
        sick.target.check().await;
        say(&format!(
            "disk: {most} of a file system of 24 MiB, {sent} deposits tried: reads served, writes resumed in the same process, nothing lost"
        ));
    }
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
