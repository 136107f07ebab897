//! Threads that read the database: a few, each with a connection while it reads. What waits for them waits
//! without a thread, and a thread that has more to do does not sleep in between.

use crate::load::READS_MAX;
use denizen_store::{
    StoreError,
    hub::{HubStore, Readers},
};
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::Builder,
};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&Readers) + Send>;

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    idle: usize,
    ended: bool,
}

struct Desk {
    readers: Readers,
    waiting: Mutex<Waiting>,
    some: Condvar,
}

/// The threads; they end once this is dropped.
pub(crate) struct Reading(Arc<Desk>);

impl Reading {
    /// Starts the threads.
    ///
    /// # Errors
    /// That of the system, if it starts no more.
    pub(crate) fn start(readers: Readers) -> std::io::Result<Self> {
        let desk = Desk {
            readers,
            waiting: Mutex::default(),
            some: Condvar::new(),
        };
        let reading = Self(Arc::new(desk));
        for _ in 0..READS_MAX {
            let desk = Arc::clone(&reading.0);
            Builder::new()
                .name("reading".into())
                .spawn(move || desk.run())?;
        }
        Ok(reading)
    }

    /// Asks for a reading; what is given up before its turn is not done. `turn` is held until then.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        turn: impl Send + 'static,
        read: impl FnOnce(&dyn HubStore) -> Result<T, StoreError> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, StoreError>> {
        let (send, receive) = oneshot::channel();
        self.begin(Box::new(move |readers| {
            // Who asked may have gone: nothing is read for nobody.
            if !send.is_closed() {
                let read = readers.with(read);
                let _ = send.send(read);
            }
            drop(turn);
        }));
        receive
    }

    /// Reads as soon as a thread is free.
    fn begin(&self, job: Job) {
        let mut waiting = self.0.waiting();
        waiting.jobs.push_back(job);
        let sleeps = waiting.idle > 0;
        drop(waiting);
        if sleeps {
            self.0.some.notify_one();
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.waiting().ended = true;
        self.0.some.notify_all();
    }
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                return Some(job);
            }
            if waiting.ended {
                return None;
            }
            waiting.idle += 1;
            waiting = self
                .some
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
            waiting.idle -= 1;
        }
    }

    fn run(&self) {
        while let Some(job) = self.next() {
            // Whoever waits for a reading that ends so is told of a fault; the others are read on.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&self.readers)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use denizen_store::hub::{Location, open};
    use std::sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    };

    /// Threads over an empty database.
    fn reading(folder: &tempfile::TempDir) -> Reading {
        let location = Location::from(folder.path().join("hub.db"));
        drop(open(&location).unwrap());
        Reading::start(Readers::open(&location).unwrap()).unwrap()
    }

    /// Says when it is dropped.
    struct Turn(Arc<AtomicBool>);

    impl Drop for Turn {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }

    /// A reading for each thread, that lasts until the barrier is reached once more.
    fn occupy(reading: &Reading, barrier: &Arc<Barrier>) {
        for _ in 0..READS_MAX {
            let barrier = Arc::clone(barrier);
            reading.begin(Box::new(move |_| {
                barrier.wait();
            }));
        }
    }

    #[test]
    fn for_who_has_gone_nothing_is_read_and_those_behind_are_answered() {
        let folder = tempfile::tempdir().unwrap();
        let (reading, barrier) = (reading(&folder), Arc::new(Barrier::new(READS_MAX + 1)));
        occupy(&reading, &barrier);
        let [read, ended] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let (did, turn) = (Arc::clone(&read), Turn(Arc::clone(&ended)));
        let gone = reading.ask(turn, move |_| {
            did.store(true, SeqCst);
            Ok(())
        });
        drop(gone);
        let stays = reading.ask((), |_| Ok(7));
        assert!(!ended.load(SeqCst), "it waits in its place");
        barrier.wait();
        assert_eq!(stays.blocking_recv().unwrap().unwrap(), 7);
        // One more on every thread: what was before them is over.
        occupy(&reading, &barrier);
        barrier.wait();
        assert!(!read.load(SeqCst), "it was read for nobody");
        assert!(ended.load(SeqCst), "its place is not given back");
    }

    #[test]
    fn a_reading_that_panics_is_a_fault_of_who_asked_alone() {
        let folder = tempfile::tempdir().unwrap();
        let reading = reading(&folder);
        for _ in 0..2 * READS_MAX {
            let ended = Arc::new(AtomicBool::new(false));
            let broken = reading.ask(Turn(Arc::clone(&ended)), |_| -> Result<(), StoreError> {
                panic!("a fault of a test")
            });
            assert!(broken.blocking_recv().is_err());
        }
        assert_eq!(
            reading.ask((), |_| Ok(7)).blocking_recv().unwrap().unwrap(),
            7
        );
    }
}
