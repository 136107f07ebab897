//! One bit of a database's files is another: the hub does not start, or whoever holds a receipt finds it, or
//! nothing comes of it. Nothing panics, and no wrong byte is served with a good receipt.

use crate::{check, say};
use denizen_fire::{Broken, Observer, Scene, disk::below, fast_folder};
use denizen_hub::NewestKnown;
use denizen_testkit::campaign::{seed, times};
use denizen_tlog::open_checkpoint;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Flips of a commit.
const FLIPS: u32 = 50;
/// Deposits in the database.
const DEPOSITS: u64 = 60;

/// Panics while bits are flipped, of any thread but those of other tests.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Copies a database's files as they are.
fn copy(from: &Path, to: &Path) {
    for ending in ["", "-wal"] {
        let part = |file: &Path| PathBuf::from(format!("{}{ending}", file.display()));
        if part(from).is_file() {
            fs::copy(part(from), part(to)).unwrap();
        } else {
            // There was one before this, or not.
            let _ = fs::remove_file(part(to));
        }
    }
    let _ = fs::remove_file(format!("{}-shm", to.display()));
}

/// A database with acknowledged deposits, some of them only in the write-ahead log, and what is known of it.
async fn ground(folder: &Path) -> (Scene, Observer, [PathBuf; 2]) {
    let mut scene = Scene::make(81).await;
    let mut observer = Observer::thorough();
    for number in 0..DEPOSITS {
        if number == DEPOSITS / 2 {
            scene.world.restart_hub(0);
        }
        let item = scene.item(number);
        let outcomes = scene.send(std::slice::from_ref(&item)).await.unwrap();
        let answered = observer.answered(number, &item, &outcomes[0], None);
        answered.unwrap();
    }
    check(&scene, &mut observer).await.unwrap();
    let trust = scene.world.directory(0).await.trust;
    let [deposits, directory] = scene.world.house().hub().checkpoints();
    scene.world.houses[0].config.newest_known = NewestKnown {
        deposits: Some(open_checkpoint(&deposits, &trust.deposits).unwrap()),
        directory: Some(open_checkpoint(&directory, &trust.directory).unwrap()),
    };
    // As a kill leaves them, and as a stop does.
    let bases = [folder.join("killed.db"), folder.join("stopped.db")];
    copy(&scene.database(), &bases[0]);
    scene.world.stop_hub(0);
    copy(&scene.database(), &bases[1]);
    (scene, observer, bases)
}

/// Flips one bit of one of the files.
fn flip(database: &Path, rng: &mut ChaCha20Rng) -> String {
    let log = PathBuf::from(format!("{}-wal", database.display()));
    let in_log = log.is_file() && below(rng, 2) == 0;
    let file = if in_log { log } else { database.to_owned() };
    let mut bytes = fs::read(&file).unwrap();
    let (at, bit) = (below(rng, bytes.len()), below(rng, 8));
    bytes[at] ^= 1 << bit;
    fs::write(&file, bytes).unwrap();
    format!(
        "bit {bit} of byte {at} of {}",
        file.file_name().unwrap().display()
    )
}

#[derive(Debug, Default)]
struct Count {
    /// The hub did not start.
    refused: usize,
    /// Whoever has a receipt, or reads, finds it.
    found: usize,
    /// Everything is as it was.
    harmless: usize,
}

/// Counts panics of every thread of a hub (its writer, its readers, whatever it starts), and of this test:
/// some are caught, and nobody would see them. A test's own thread has the test's name.
fn count_panics() {
    let (own, before) = (std::thread::current().id(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |why| {
        let thread = std::thread::current();
        let is_of_a_test = thread.name().is_some_and(|name| name.contains("::"));
        if thread.id() == own || !is_of_a_test {
            PANICS.fetch_add(1, Ordering::SeqCst);
        }
        before(why);
    }));
}

#[tokio::test]
async fn a_flipped_bit_is_found_or_harmless_and_nothing_panics() {
    count_panics();
    // One that is caught, on a thread like a hub's, is counted.
    let planted = std::thread::Builder::new().name("reader".into());
    let planted = planted.spawn(|| std::panic::catch_unwind(|| panic!("planted")).is_err());
    assert!(planted.unwrap().join().unwrap());
    assert_eq!(PANICS.swap(0, Ordering::SeqCst), 1);
    let folder = fast_folder();
    let (mut scene, known, bases) = ground(folder.path()).await;
    let mut rng = ChaCha20Rng::seed_from_u64(seed(81));
    let (flips, mut count) = (times(FLIPS), Count::default());
    let database = folder.path().join("hub.db");
    scene.move_to(database.clone());
    for number in 0..flips {
        copy(&bases[usize::try_from(number % 2).unwrap()], &database);
        let what = flip(&database, &mut rng);
        if scene.world.start_hub(0).is_err() {
            count.refused += 1;
            continue;
        }
        let mut observer = known.clone();
        let checked = match tried(&scene).await {
            Ok(()) => check(&scene, &mut observer).await,
            not_read => not_read,
        };
        // It may have stopped at what it found.
        let ended = scene.world.end_hub(0);
        match checked {
            Err(broken) if broken.is_silent() => panic!("{what}: {broken:?}"),
            Err(_) => count.found += 1,
            Ok(()) => {
                assert!(ended.is_ok(), "{what}: {ended:?}");
                count.harmless += 1;
            }
        }
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    assert!(count.refused > 0 && count.found > 0 && count.harmless > 0);
    say(&format!(
        "flips: {flips} bits, seed {}: {count:?}, no panic",
        seed(81)
    ));
}

/// Whether the directory can be read at all: a check begins with it.
async fn tried(scene: &Scene) -> Result<(), Broken> {
    let answer = scene.world.client().directory().await;
    let answer = answer.map_err(|e| Broken(format!("the directory: {e}")))?;
    let (id, witnesses) = (
        &scene.world.house().id,
        denizen_tlog::WitnessPolicy::default(),
    );
    let (verifier, now) = (&denizen_model::jose::Portable, scene.world.now());
    let verified = denizen_api::directory::verify(answer, id, None, witnesses, verifier, now);
    verified
        .map(drop)
        .map_err(|e| Broken(format!("the directory: {e}")))
}
