//! What the campaigns look for is found when it is there: a database is set back, or its time is, behind a hub
//! that knows nothing of it and goes on to sign. Each check of the observer that no fault of a disk brings
//! about is shown here to fail.

use crate::check;
use denizen_fire::{Broken, Direct, Observer, Scene};
use denizen_hub::router;
use denizen_store::hub::{LogHead, LogId, open};
use std::{fs, path::PathBuf};

/// A scene, what an observer knows of it, and the number of the next deposit.
struct Lied {
    scene: Scene,
    observer: Observer,
    next: u64,
}

/// The database's own file, and its write-ahead log.
type Kept = [Option<Vec<u8>>; 2];

impl Lied {
    /// Three deposits, checked; an hour after everything began, so that the clock may go back.
    async fn make(seed: u64) -> Self {
        let scene = Scene::make(seed).await;
        scene.world.clock.advance_s(3_600);
        let mut this = Self {
            scene,
            observer: Observer::thorough(),
            next: 0,
        };
        for _ in 0..3 {
            this.deposit().await;
        }
        this.check().await.unwrap();
        this
    }

    /// One more is acknowledged; what the observer says of it.
    async fn deposit(&mut self) {
        let item = self.scene.item(self.next);
        let outcomes = self.scene.send(std::slice::from_ref(&item)).await.unwrap();
        let answered = self.observer.answered(self.next, &item, &outcomes[0], None);
        answered.unwrap();
        self.next += 1;
    }

    async fn check(&mut self) -> Result<(), Broken> {
        check(&self.scene, &mut self.observer).await
    }

    /// What the simulation looks at after each step.
    async fn check_log(&mut self) -> Broken {
        let log = self.scene.world.directory(0).await.trust.deposits;
        let house = self.scene.world.house();
        let line = Direct(router(house.hub()));
        let checked = self.observer.check_log(&line, &house.url, &log).await;
        checked.unwrap_err()
    }

    /// A file of the database.
    fn file(&self, ending: &str) -> PathBuf {
        PathBuf::from(format!("{}{ending}", self.scene.database().display()))
    }

    /// The stopped hub's database as it is now: its files, as far as they are there.
    fn kept(&mut self) -> Kept {
        self.scene.world.stop_hub(0);
        let kept = ["", "-wal"].map(|ending| fs::read(self.file(ending)).ok());
        self.scene.world.start_hub(0).unwrap();
        kept
    }

    /// The hub goes on with what its database once was.
    fn set_back(&mut self, kept: &Kept) {
        self.scene.world.stop_hub(0);
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(self.file(ending));
        }
        for (ending, bytes) in ["", "-wal"].iter().zip(kept) {
            if let Some(bytes) = bytes {
                fs::write(self.file(ending), bytes).unwrap();
            }
        }
        self.scene.world.start_hub(0).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_went_back_is_found() {
    let mut lied = Lied::make(91).await;
    let before = lied.kept();
    lied.deposit().await;
    lied.check().await.unwrap();
    lied.set_back(&before);
    let Broken(why) = lied.check_log().await;
    assert_eq!(why, "the log went back from 4 to 3");
}

#[tokio::test]
async fn two_roots_of_one_size_are_found() {
    let mut lied = Lied::make(92).await;
    let before = lied.kept();
    lied.deposit().await;
    lied.check().await.unwrap();
    lied.set_back(&before);
    // Another deposit in the same place: the tree is as large as the one that was signed.
    let other = lied.scene.item(lied.next);
    lied.scene.send(&[other]).await.unwrap();
    let broken = lied.check_log().await;
    assert_eq!(broken.0, "two roots of size 4");
    assert!(broken.is_silent(), "nobody else finds it");
}

#[tokio::test]
async fn a_time_that_went_back_is_found() {
    let mut lied = Lied::make(93).await;
    lied.scene.world.stop_hub(0);
    let mut database = open(&lied.scene.world.house().config.database).unwrap();
    let head = database.log_head(LogId::Deposits).unwrap().unwrap();
    let earlier = LogHead {
        time: head.time.plus_s(-1_000),
        ..head
    };
    database.begin().unwrap();
    database
        .move_log_head(LogId::Deposits, head.size, &earlier)
        .unwrap();
    database.commit().unwrap();
    drop(database);
    lied.scene.world.start_hub(0).unwrap();
    // A clock that goes back is not enough as long as the hub knows its own last time.
    lied.scene.world.clock.advance_s(-60);
    lied.deposit().await;
    assert_eq!(lied.check().await, Err(Broken("time goes back".to_owned())));
}
