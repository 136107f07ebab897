//! The commit path: every call of the writer, with every way in which it can fail, where a log crosses the
//! edge of a tile and where it does not. After a restart everything that was acknowledged is there, and
//! what was not acknowledged is there once when it is sent again.

use crate::{check, say};
use denizen_api::wire::DepositOutcome;
use denizen_fire::{
    Broken, Fault, Faulty, Lever, Observer, Point, Scene, Shim, fast_folder, shim::Mark,
};
use denizen_store::hub::{HubStore, LogHead, LogId, open};
use denizen_testkit::campaign::seed;
use denizen_tlog::{RightEdge, TILE_WIDTH, encode_bundle, hash_leaf};
use std::{path::PathBuf, process::Command};

const SEED: u64 = 51;
/// Leaves before the group that fails.
const SIZES: [u64; 6] = [255, 256, 257, 65_535, 65_536, 65_537];
/// Deposits of the group that fails.
const GROUP: u64 = 2;

/// A hub whose log has so many leaves, of which the last was acknowledged to an observer.
struct Ground {
    scene: Scene,
    observer: Observer,
    size: u64,
    base: PathBuf,
    folder: tempfile::TempDir,
}

/// Leaves that nobody deposited, in one transaction.
fn fill(db: &mut dyn HubStore, size: u64) {
    let log = LogId::Deposits;
    let entry = |n: u64| [n.to_be_bytes(), [7; 8], [7; 8], [7; 8]].concat();
    let entries: Vec<_> = (0..size).map(entry).collect();
    let mut edge = RightEdge::default();
    let leaves: Vec<_> = entries.iter().map(|e| hash_leaf(e)).collect();
    db.begin().unwrap();
    for tile in edge.append(&leaves) {
        db.put_tile(log, &tile).unwrap();
    }
    for (index, entries) in (0..).zip(entries.chunks(TILE_WIDTH)) {
        let bundle = encode_bundle(entries.iter().map(Vec::as_slice)).unwrap();
        db.append_bundle(log, index, &bundle).unwrap();
    }
    let head = LogHead {
        size,
        root: edge.root(),
        time: denizen_testkit::START,
    };
    db.move_log_head(log, 0, &head).unwrap();
    db.flush().unwrap();
    db.commit().unwrap();
}

impl Ground {
    async fn make(size: u64) -> Self {
        let folder = fast_folder();
        let mut scene = Scene::make(SEED).await;
        scene.world.stop_hub(0);
        fill(&mut *open(&scene.database().into()).unwrap(), size - 1);
        scene.world.start_hub(0).unwrap();
        let mut observer = Observer::default();
        let item = scene.item(0);
        let outcomes = scene.send(std::slice::from_ref(&item)).await.unwrap();
        let answered = observer.answered(0, &item, &outcomes[0], None);
        answered.unwrap();
        check(&scene, &mut observer).await.unwrap();
        scene.world.stop_hub(0);
        let base = folder.path().join("base.db");
        std::fs::copy(scene.database(), &base).unwrap();
        Self {
            scene,
            observer,
            size,
            base,
            folder,
        }
    }

    /// A fresh copy, which is the stopped hub's from now on.
    fn fresh(&mut self) -> PathBuf {
        for ending in ["", "-wal", "-shm"] {
            // There was one before this, or not.
            let _ = std::fs::remove_file(self.folder.path().join(format!("hub.db{ending}")));
        }
        let database = self.folder.path().join("hub.db");
        std::fs::copy(&self.base, &database).unwrap();
        self.scene.move_to(database.clone());
        database
    }

    /// The hub on a fresh copy, with a fault that waits.
    fn start(&mut self, point: Point, fault: Fault) -> Lever {
        let database = self.fresh();
        let lever = Lever::default();
        let writer = Faulty::over(open(&database.into()).unwrap(), &lever);
        self.scene.world.start_hub_on(0, writer).unwrap();
        lever.set(point, fault);
        lever
    }

    /// Sends the group; whether it was acknowledged.
    async fn send(&self, observer: &mut Observer) -> Result<bool, Broken> {
        let items: Vec<_> = (1..=GROUP).map(|number| self.scene.item(number)).collect();
        let Ok(outcomes) = self.scene.send(&items).await else {
            return Ok(false);
        };
        for ((number, item), outcome) in (1..).zip(&items).zip(&outcomes) {
            observer.answered(number, item, outcome, None)?;
        }
        Ok(true)
    }

    /// Sends the group while its fault keeps it waiting, and goes away.
    async fn send_late(&self, lever: &Lever) {
        let before = self.scene.world.house().hub().checkpoints();
        let mut observer = Observer::default();
        let sending = self.send(&mut observer);
        tokio::pin!(sending);
        while !lever.waits() {
            tokio::select! {
                biased;
                early = &mut sending => panic!("answered before it was done: {early:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        let after = self.scene.world.house().hub().checkpoints();
        assert_eq!(before, after, "signed before it was durable");
        lever.release();
    }

    /// One cell of the table.
    async fn cell(&mut self, point: Point, fault: Fault) -> Result<(), Broken> {
        let mut observer = self.observer.clone();
        let lever = self.start(point, fault);
        if fault == Fault::Late {
            self.send_late(&lever).await;
        } else {
            // What erased rows have left is removed after the commit.
            let durable = (point, fault) == (Point::Scrub, Fault::Enospc);
            assert_eq!(self.send(&mut observer).await?, durable);
        }
        assert!(lever.happened(), "nothing failed");
        // What is known to have failed for want of room ends nothing; what is unknown ends the hub.
        let goes_on = matches!(fault, Fault::Enospc | Fault::Late);
        assert_eq!(self.send(&mut observer).await?, goes_on);
        assert_eq!(self.scene.world.end_hub(0).is_ok(), goes_on);
        self.again(observer).await
    }

    /// Starts the hub as after a restart: all is there, once.
    async fn again(&mut self, mut observer: Observer) -> Result<(), Broken> {
        let started = self.scene.world.start_hub(0);
        started.map_err(|e| Broken(format!("the hub does not start: {e}")))?;
        let sent = self.send(&mut observer).await;
        let checked = check(&self.scene, &mut observer).await;
        let size = self.scene.world.house().hub().checkpoints()[0].clone();
        self.scene.world.stop_hub(0);
        if !sent? {
            return Err(Broken("what was sent again is not taken".into()));
        }
        checked?;
        let size = size.lines().nth(1).unwrap().parse::<u64>().unwrap();
        if size == self.size + GROUP {
            Ok(())
        } else {
            Err(Broken(format!("{size} leaves: something is there twice")))
        }
    }
}

#[tokio::test]
async fn whatever_fails_on_the_writers_way_nothing_acknowledged_is_lost_or_doubled() {
    let mut cells = 0;
    for size in SIZES {
        let mut ground = Ground::make(size).await;
        for point in Point::EVERY {
            for fault in Fault::HONEST {
                let held = ground.cell(point, fault).await;
                assert_eq!(held, Ok(()), "{point:?} {fault:?} at {size} leaves");
                cells += 1;
            }
        }
    }
    let (points, faults) = (Point::EVERY.len(), Fault::HONEST.len());
    assert_eq!(cells, points * faults * SIZES.len());
    say(&format!(
        "commit path: {points} calls x {faults} faults x {} sizes of the log = {cells}, seed {}: nothing lost \
         or doubled",
        SIZES.len(),
        seed(SEED)
    ));
}

/// What fails below SQLite while it writes the group: the log's first page, one in the middle of it, its
/// commit record's sync.
const BELOW: [&str; 8] = [
    "eio:write:-wal:1",
    "eiodone:write:-wal:1",
    "short:write:-wal:2",
    "enospc:write:-wal:4+",
    "eio:write:-wal:7",
    "eio:sync:-wal:1",
    "eiodone:sync:-wal:1",
    "enospc:sync:-wal:1",
];

impl Ground {
    /// The group is taken by another process, on a disk that fails.
    async fn below(&mut self, fault: &str) -> Result<bool, Broken> {
        let mut observer = self.observer.clone();
        let database = self.fresh();
        let shim = Shim {
            faults: vec![fault.to_owned()],
            ..Shim::below("hub.db")
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_grouped"));
        command.arg(SEED.to_string()).arg(&database);
        command.args(["1", &GROUP.to_string()]);
        command.env("TMPDIR", self.folder.path());
        shim.put_below(&mut command);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{fault}: {said}");
        let mut acknowledged = false;
        for line in output
            .stdout
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
        {
            if let Mark::Stored(number, pos, index, receipt) = serde_json::from_slice(line).unwrap()
            {
                let stored = DepositOutcome::Stored {
                    pos,
                    index,
                    receipt,
                };
                observer.answered(number, &self.scene.item(number), &stored, None)?;
                acknowledged = true;
            }
        }
        self.again(observer).await?;
        Ok(acknowledged)
    }
}

#[tokio::test]
async fn whatever_fails_below_sqlite_nothing_acknowledged_is_lost_or_doubled() {
    for size in SIZES {
        let mut ground = Ground::make(size).await;
        for fault in BELOW {
            let held = ground.below(fault).await;
            assert_eq!(held, Ok(false), "{fault} at {size} leaves");
        }
        assert_eq!(ground.below("eio:write:-wal:100000").await, Ok(true));
    }
    say(&format!(
        "commit path, below SQLite: {} faults x {} sizes of the log, seed {}: nothing lost or doubled",
        BELOW.len(),
        SIZES.len(),
        seed(SEED)
    ));
}

/// What came of a database that lies to its hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// The hub stopped by itself.
    Stopped,
    /// The next start refused.
    Refused,
    /// Whoever has a receipt found it.
    Found,
    /// Nothing came of it.
    Harmless,
}

impl Ground {
    async fn lie(&mut self, point: Point, fault: Fault) -> Result<Lie, Broken> {
        let mut observer = self.observer.clone();
        self.start(point, fault);
        let first = self.send(&mut observer).await?;
        // Another one, so that what is kept of the lie is built on.
        let item = self.scene.item(9);
        let second = self.scene.send(std::slice::from_ref(&item)).await;
        if let Ok(outcomes) = &second {
            observer.answered(9, &item, &outcomes[0], None)?;
        }
        let ended = self.scene.world.end_hub(0);
        let started = self.scene.world.start_hub(0);
        if started.is_err() {
            return Ok(Lie::Refused);
        }
        let checked = check(&self.scene, &mut observer).await;
        // It may have stopped at what it found.
        let ended = ended.and(self.scene.world.end_hub(0));
        match checked {
            Err(broken) if broken.is_silent() => Err(broken),
            Err(_) => Ok(Lie::Found),
            Ok(()) if ended.is_err() || !first || second.is_err() => Ok(Lie::Stopped),
            Ok(()) => Ok(Lie::Harmless),
        }
    }
}

#[tokio::test]
async fn a_database_that_lies_is_found_out_and_forks_nothing() {
    let mut lies = Vec::new();
    for size in SIZES {
        let mut ground = Ground::make(size).await;
        for point in Point::EVERY {
            for fault in [Fault::Short, Fault::Dropped] {
                let lie = ground.lie(point, fault).await;
                let lie = lie.unwrap_or_else(|e| panic!("{point:?} {fault:?} at {size}: {e:?}"));
                lies.push((size, point, fault, lie));
            }
        }
    }
    let count = |of: Lie| lies.iter().filter(|(.., lie)| *lie == of).count();
    for (size, point, fault, lie) in &lies {
        // Without these, nothing that was signed is there.
        if matches!(point, Point::Commit | Point::Head | Point::Place) {
            assert_ne!(*lie, Lie::Harmless, "{size} {point:?} {fault:?}");
        }
    }
    say(&format!(
        "commit path, a database that lies: {} cases, seed {}: {} stopped the hub, {} refused the next start, \
         {} were found by who had a receipt, {} harmless",
        lies.len(),
        seed(SEED),
        count(Lie::Stopped),
        count(Lie::Refused),
        count(Lie::Found),
        count(Lie::Harmless)
    ));
}
