//! The power goes: at any call of a recorded run, with any part of what was not synced. The hub starts on
//! what is left, and everything that was acknowledged is there.

use crate::{check, say};
use denizen_api::wire::DepositOutcome;
use denizen_fire::{
    Broken, Observer, Scene, Shim,
    disk::{Call, Disk, Loss, below, read_trace, some_of},
    fast_folder,
    shim::Mark,
};
use denizen_testkit::campaign::{seed, times};
use rand_core::SeedableRng as _;
use std::{path::Path, process::Command};

/// Groups of deposits in a recorded run: some 290 deposits, so that the log crosses the edge of a tile.
const ROUNDS: u64 = 45;
/// Cuts for a commit.
const CUTS: u32 = 100;
const DATABASE: &str = "hub-0.db";

/// What came of the cuts of one run.
#[derive(Debug, Default)]
struct Count {
    /// Cuts before anything was acknowledged.
    early: usize,
    /// Those of them in which the hub did not start.
    early_refused: usize,
    /// Cuts after which all was there.
    whole: usize,
    /// Acknowledged deposits that were looked for.
    deposits: usize,
}

/// Runs a hub on the shim; gives its calls.
fn record(seed: u64, faults: &[&str], folder: &Path) -> Vec<Call> {
    let shim = Shim {
        trace: Some(folder.join("trace")),
        watch: vec![DATABASE.to_owned(), "marks".to_owned()],
        faults: faults.iter().map(|f| (*f).to_owned()).collect(),
        ..Shim::default()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_recorded"));
    let marks = folder.join("marks");
    command.args([seed.to_string(), ROUNDS.to_string()]);
    command.arg(&marks).env("TMPDIR", folder);
    shim.put_below(&mut command);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let calls = read_trace(&shim);
    std::fs::remove_file(shim.trace.unwrap()).unwrap();
    calls
}

/// What was acknowledged, as the calls go by.
struct Story<'a> {
    scene: &'a Scene,
    marks: Option<u32>,
    line: Vec<u8>,
    ready: bool,
    next: u64,
    observer: Observer,
}

impl Story<'_> {
    /// Takes a call of the file of acknowledgements.
    fn take(&mut self, call: &Call) -> bool {
        match call {
            Call::Named(file, name) if name == "marks" => self.marks = Some(*file),
            Call::Wrote(file, _, bytes) if self.marks == Some(*file) => {
                self.line.extend_from_slice(bytes);
            }
            _ => return false,
        }
        while let Some(end) = self.line.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            self.mark(serde_json::from_slice(&line).unwrap());
        }
        true
    }

    fn mark(&mut self, mark: Mark) {
        match mark {
            Mark::Ready(hub) => {
                assert_eq!(
                    hub,
                    self.scene.world.house().id,
                    "the same seed, another hub"
                );
                self.ready = true;
            }
            Mark::Stored(number, pos, index, receipt) => {
                let stored = DepositOutcome::Stored {
                    pos,
                    index,
                    receipt,
                };
                let item = self.scene.item(number);
                let answered = self.observer.answered(number, &item, &stored, None);
                answered.unwrap();
                self.next = number + 1;
            }
            Mark::Erasing(number) => self.observer.erasing(number),
            Mark::Erased(number) => self.observer.erased(number),
        }
    }
}

/// Cuts the power of one recorded run at so many calls.
async fn cut(base: u64, cuts: usize, faults: &[&str]) -> Result<Count, Broken> {
    let folder = fast_folder();
    let calls = record(base, faults, folder.path());
    let mut scene = Scene::make(base).await;
    scene.world.stop_hub(0);
    scene.world.clock.advance_s(10_000);
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(seed(base) ^ 0xf1e);
    let at = some_of(&mut rng, cuts, calls.len());
    let mut disk = Disk::default();
    let mut count = Count::default();
    let mut marks = (None, Vec::new(), false, 0, Observer::default());
    for (number, call) in calls.into_iter().enumerate() {
        let mut story = Story {
            scene: &scene,
            marks: marks.0,
            line: marks.1,
            ready: marks.2,
            next: marks.3,
            observer: marks.4,
        };
        if !story.take(&call) {
            disk.call(call);
        }
        let (ready, next, observer) = (story.ready, story.next, story.observer.clone());
        marks = (story.marks, story.line, ready, next, story.observer);
        if !at.contains(&number) {
            continue;
        }
        let loss = Loss::EVERY[below(&mut rng, Loss::EVERY.len())];
        let left = tempfile::tempdir_in(folder.path()).unwrap();
        disk.cut(loss, &mut rng, left.path(), DATABASE);
        scene.move_to(left.path().join(DATABASE));
        let after = (ready, next, observer);
        after_the_cut(&mut scene, after, &mut count)
            .await
            .map_err(|Broken(why)| Broken(format!("seed {base}, cut {number}, {loss:?}: {why}")))?;
    }
    Ok(count)
}

/// Starts a hub on what is left and looks for everything.
async fn after_the_cut(
    scene: &mut Scene,
    (ready, next, mut observer): (bool, u64, Observer),
    count: &mut Count,
) -> Result<(), Broken> {
    if !ready {
        count.early += 1;
        if scene.world.start_hub(0).is_ok() {
            scene.world.stop_hub(0);
        } else {
            count.early_refused += 1;
        }
        return Ok(());
    }
    let started = scene.world.start_hub(0);
    started.map_err(|e| Broken(format!("the hub does not start: {e}")))?;
    // What was on its way is sent again, and something new.
    for number in (next..next + 12).chain([1 << 20]) {
        let item = scene.item(number);
        observer.sent(number, &item);
        let outcomes = scene.send(std::slice::from_ref(&item)).await;
        let outcomes = outcomes.map_err(|e| Broken(format!("a deposit: {e}")))?;
        observer.answered(number, &item, &outcomes[0], None)?;
    }
    let checked = check(scene, &mut observer).await;
    scene.world.stop_hub(0);
    checked?;
    count.whole += 1;
    count.deposits += observer.acknowledged();
    Ok(())
}

#[tokio::test]
async fn after_a_power_cut_everything_that_was_acknowledged_is_there() {
    let (runs, cuts) = (times(1_u64).min(10), times(CUTS));
    let each = usize::try_from(u64::from(cuts) / runs).unwrap();
    let mut all = Count::default();
    for run in 0..runs {
        let count = cut(31 + run, each, &[]).await.unwrap();
        all.early += count.early;
        all.early_refused += count.early_refused;
        all.whole += count.whole;
        all.deposits += count.deposits;
    }
    assert!(all.whole > all.early);
    say(&format!(
        "power: {} cuts, seeds {}..{}: {all:?}, nothing lost",
        all.early + all.whole,
        seed(31),
        seed(31 + runs),
    ));
}

/// What a disk does that says it has synced, and has not.
#[tokio::test]
async fn a_disk_that_does_not_sync_is_found_out() {
    // All syncs; those of a commit alone, as SQLite would leave them out with `synchronous=NORMAL`.
    for lie in ["dropsync", "lost:sync:-wal:1+"] {
        let found = cut(41, 100, &[lie]).await;
        let Err(Broken(why)) = found else {
            panic!("{lie} is not found: {found:?}");
        };
        say(&format!("power, with {lie} below the hub: {why}"));
    }
}
