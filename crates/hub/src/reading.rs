//! Threads that read the database: a few, each with a connection while it reads. What waits for them waits
//! without a thread, and a thread that has more to do does not sleep in between.

use crate::load::READS_MAX;
use denizen_store::hub::Readers;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::Builder,
};

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

    /// Reads as soon as a thread is free.
    pub(crate) fn begin(&self, job: Job) {
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
