//! What waits for the writer: bounded in jobs and bytes, and fair between those who wait.
//!
//! Every caller has a lane of its own, in one of four classes. The writer takes one job of each class
//! in turn, and within a class one of each lane in turn: who floods waits behind himself. Where there is
//! no room, the newest jobs of the longest lanes make place for that of a shorter one. A lane is known by
//! who signed, never by where a request came from.

mod lanes;

pub(crate) use lanes::{Class, Lane};

use crate::log::Job;
use lanes::State;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How much may wait, and how much is taken into one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Jobs that may wait.
    pub jobs_max: usize,
    /// Bytes of bodies that may wait.
    pub bytes_max: usize,
    /// Jobs of one caller that may wait.
    pub caller_jobs_max: usize,
    /// Bytes of one caller that may wait.
    pub caller_bytes_max: usize,
    /// Items (envelopes, parts) of one transaction; one job is always taken.
    pub group_items_max: usize,
    /// Bytes of one transaction; one job is always taken.
    pub group_bytes_max: usize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self {
            jobs_max: 1024,
            bytes_max: 48 << 20,
            caller_jobs_max: 512,
            caller_bytes_max: 32 << 20,
            group_items_max: 1024,
            group_bytes_max: 8 << 20,
        }
    }
}

/// How much a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weight {
    /// Envelopes or parts.
    pub(crate) items: usize,
    /// Bytes of bodies that it holds.
    pub(crate) bytes: usize,
}

/// A job was not taken; nothing of it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// This caller has too much waiting.
    Caller,
    /// There is no room, or writing is held.
    Busy,
    /// The hub stops, or a fault ended the writer: the outcome is unknown.
    Stopped,
}

impl From<NotTaken> for denizen_api::ProblemKind {
    fn from(not: NotTaken) -> Self {
        match not {
            NotTaken::Caller => Self::RateLimited,
            NotTaken::Busy | NotTaken::Stopped => Self::Busy,
        }
    }
}

/// Jobs that wait for the writer.
pub(crate) struct Queue {
    limits: QueueLimits,
    state: Mutex<State>,
    some: Condvar,
}

/// What is taken into one transaction.
pub(crate) struct Group {
    pub(crate) jobs: Vec<Job>,
    pub(crate) weight: Weight,
}

/// The hub's end of the queue: once it is gone the writer does what waits, and ends.
pub(crate) struct Jobs(pub(crate) Arc<Queue>);

impl Drop for Jobs {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Queue {
    pub(crate) fn new(limits: QueueLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
            some: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs and bytes that wait.
    pub(crate) fn depth(&self) -> (usize, usize) {
        self.state().depth()
    }

    /// Whether a job of this class would be refused now, whoever sends it: asked before anybody knows who
    /// that is. It says nothing about any one caller.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(crate) fn would_take_any(&self, class: Class, bytes: usize) -> Result<(), NotTaken> {
        self.state().room_for_any(&self.limits, class, bytes)
    }

    /// Whether a job of this caller would be refused now: asked before its body is read.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(crate) fn would_take(&self, lane: &Lane, bytes: usize) -> Result<(), NotTaken> {
        self.state().room(&self.limits, lane, bytes).map(drop)
    }

    /// Adds a job. Gives those that made place for it, which were not begun.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(crate) fn push(&self, lane: &Lane, weight: Weight, job: Job) -> Result<Vec<Job>, NotTaken> {
        let mut state = self.state();
        let give_way = state.room(&self.limits, lane, weight.bytes)?;
        let out = give_way.iter().filter_map(|from| state.push_out(from));
        let out = out.collect();
        state.add(lane, weight, job);
        drop(state);
        self.some.notify_one();
        Ok(out)
    }

    /// Waits for jobs and takes as many as one transaction may hold; `None` once nobody adds any more
    /// and nothing waits.
    pub(crate) fn next_group(&self) -> Option<Group> {
        let mut state = self.state();
        while state.is_empty() {
            if state.is_closed() {
                return None;
            }
            state = self
                .some
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut group = Group {
            jobs: Vec::new(),
            weight: Weight::default(),
        };
        while group.weight.items < self.limits.group_items_max
            && group.weight.bytes < self.limits.group_bytes_max
        {
            let Some((weight, job)) = state.pop() else {
                break;
            };
            group.weight.items += weight.items.max(1);
            group.weight.bytes += weight.bytes;
            group.jobs.push(job);
        }
        Some(group)
    }

    fn close(&self) {
        self.state().close();
        self.some.notify_one();
    }

    /// The writer has ended: nothing is added any more, and what waits is dropped, which answers it.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        let dropped = std::mem::take(&mut *state);
        state.close();
        drop(state);
        drop(dropped);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use denizen_model::{AddressId, DepositId};
    use denizen_store::hub::Wanted;

    /// A job that does nothing, known again by its name.
    fn job(name: &str) -> Job {
        let wanted = Wanted {
            address: AddressId::new([0; 32]),
            depositor: name.as_bytes().to_vec(),
            deposit_id: DepositId::new([0; 16]),
        };
        Job {
            wanted: vec![wanted],
            work: Box::new(|_| Ok(Box::new(|_| {}))),
        }
    }

    fn name(job: &Job) -> String {
        let depositors = job.wanted.iter().map(|wanted| wanted.depositor.clone());
        String::from_utf8(depositors.flatten().collect()).unwrap()
    }

    fn limits() -> QueueLimits {
        QueueLimits {
            jobs_max: 8,
            bytes_max: 800,
            caller_jobs_max: 6,
            caller_bytes_max: 600,
            group_items_max: 4,
            group_bytes_max: 400,
        }
    }

    fn org(name: &str) -> Lane {
        Lane::new(Class::Organisation, name.as_bytes().to_vec())
    }

    fn one(bytes: usize) -> Weight {
        Weight { items: 1, bytes }
    }

    fn names(queue: &Queue) -> Vec<String> {
        let group = queue.next_group().expect("something waits");
        group.jobs.iter().map(name).collect()
    }

    fn push(
        queue: &Queue,
        lane: &Lane,
        weight: Weight,
        named: &str,
    ) -> Result<Vec<String>, NotTaken> {
        let out = queue.push(lane, weight, job(named))?;
        Ok(out.iter().map(name).collect())
    }

    fn out<const N: usize>(names: [&str; N]) -> Result<Vec<String>, NotTaken> {
        Ok(names.map(str::to_owned).to_vec())
    }

    #[test]
    fn who_floods_waits_behind_himself() {
        let queue = Queue::new(limits());
        for number in 0..5 {
            push(&queue, &org("flood"), one(1), &format!("f{number}")).unwrap();
        }
        push(&queue, &org("small"), one(1), "s0").unwrap();
        let key = Lane::new(Class::Key, b"key".to_vec());
        push(&queue, &key, one(1), "k0").unwrap();
        push(&queue, &Lane::shared(Class::Erasing), one(1), "e0").unwrap();
        // One of each class in turn, and within a class one of each caller.
        assert_eq!(names(&queue), ["f0", "k0", "e0", "s0"]);
        assert_eq!(names(&queue), ["f1", "f2", "f3", "f4"]);
        assert_eq!(queue.depth(), (0, 0));
    }

    #[test]
    fn a_group_is_bounded_by_its_items_and_bytes_and_one_job_is_always_taken() {
        let queue = Queue::new(limits());
        let five = Weight { items: 5, bytes: 1 };
        push(&queue, &org("a"), five, "five items").unwrap();
        push(&queue, &org("a"), one(450), "450 bytes").unwrap();
        push(&queue, &org("a"), one(100), "100 bytes").unwrap();
        assert_eq!(names(&queue), ["five items"]);
        assert_eq!(names(&queue), ["450 bytes"]);
        assert_eq!(names(&queue), ["100 bytes"]);
    }

    #[test]
    fn one_caller_never_fills_the_queue() {
        let queue = Queue::new(limits());
        for number in 0..6 {
            push(&queue, &org("flood"), one(1), &format!("f{number}")).unwrap();
        }
        assert_eq!(
            push(&queue, &org("flood"), one(1), "f6"),
            Err(NotTaken::Caller)
        );
        assert_eq!(queue.would_take(&org("flood"), 1), Err(NotTaken::Caller));
        assert_eq!(queue.would_take(&org("other"), 1), Ok(()));
        let queue = Queue::new(limits());
        push(&queue, &org("flood"), one(500), "f0").unwrap();
        assert_eq!(
            push(&queue, &org("flood"), one(101), "f1"),
            Err(NotTaken::Caller)
        );
        push(&queue, &org("flood"), one(100), "f1").unwrap();
        // Who shares a lane with others is not told that it was he.
        let queue = Queue::new(limits());
        let shared = Lane::shared(Class::Other);
        for number in 0..6 {
            push(&queue, &shared, one(1), &format!("o{number}")).unwrap();
        }
        assert_eq!(push(&queue, &shared, one(1), "o6"), Err(NotTaken::Busy));
    }

    #[test]
    fn where_there_is_no_room_the_newest_of_the_longest_makes_place() {
        let queue = Queue::new(limits());
        for number in 0..6 {
            push(&queue, &org("flood"), one(1), &format!("f{number}")).unwrap();
        }
        for number in 0..2 {
            push(&queue, &org("a"), one(1), &format!("a{number}")).unwrap();
        }
        assert_eq!(push(&queue, &org("b"), one(1), "b0"), out(["f5"]));
        assert_eq!(push(&queue, &org("b"), one(1), "b1"), out(["f4"]));
        assert_eq!(push(&queue, &org("b"), one(1), "b2"), out(["f3"]));
        // Nobody has more than one more than the others: who comes now is turned away.
        assert_eq!(push(&queue, &org("b"), one(1), "b3"), Err(NotTaken::Busy));
        assert_eq!(queue.depth().0, 8);
        assert_eq!(names(&queue), ["f0", "a0", "b0", "f1"]);
    }

    #[test]
    fn a_crowd_of_keys_does_not_keep_organisations_out() {
        let queue = Queue::new(limits());
        let key = |number: u8| Lane::new(Class::Key, vec![number]);
        for number in 0..8 {
            push(&queue, &key(number), one(1), &format!("k{number}")).unwrap();
        }
        assert_eq!(push(&queue, &key(8), one(1), "k8"), Err(NotTaken::Busy));
        // A class has a quarter of the places, if it wants them.
        for number in 0..2 {
            let name = format!("o{number}");
            let out = push(&queue, &org(&name), one(1), &name);
            assert_eq!(out.map(|out| out.len()), Ok(1));
        }
        let erasing = Lane::new(Class::Erasing, b"address".to_vec());
        let out = push(&queue, &erasing, one(1), "e0");
        assert_eq!(out.map(|out| out.len()), Ok(1));
        assert_eq!(queue.depth().0, 8);
        assert_eq!(
            push(&queue, &org("other"), one(1), "o2"),
            Err(NotTaken::Busy)
        );
    }

    #[test]
    fn as_many_small_jobs_make_place_for_a_large_one_as_it_needs() {
        let queue = Queue::new(limits());
        for number in 0..6 {
            push(&queue, &org("a"), one(90), &format!("a{number}")).unwrap();
        }
        for number in 0..2 {
            push(&queue, &org("b"), one(90), &format!("b{number}")).unwrap();
        }
        assert_eq!(queue.would_take(&org("c"), 200), Ok(()));
        assert_eq!(push(&queue, &org("c"), one(200), "c0"), out(["a5", "a4"]));
        assert_eq!(queue.depth(), (7, 740));
        // From now on `a` would become shorter than who comes: nothing is pushed out for nothing.
        assert_eq!(push(&queue, &org("d"), one(400), "d0"), Err(NotTaken::Busy));
        assert_eq!(queue.depth(), (7, 740));
        assert_eq!(push(&queue, &org("d"), one(150), "d0"), out(["a3"]));
    }

    #[test]
    fn a_crowd_makes_place_for_a_large_job_of_a_class_without_one_and_no_more_than_its_share() {
        let queue = Queue::new(limits());
        let key = |number: u8| Lane::new(Class::Key, vec![number]);
        for number in 0..8 {
            push(&queue, &key(number), one(100), &format!("k{number}")).unwrap();
        }
        let pushed = push(&queue, &org("a"), one(300), "a0").unwrap();
        assert_eq!(pushed.len(), 3);
        assert_eq!(queue.depth(), (6, 800));
        // Beyond a share of the bytes it gets a place as before: for one that is as large.
        assert_eq!(push(&queue, &org("b"), one(300), "b0"), Err(NotTaken::Busy));
        assert_eq!(push(&queue, &org("b"), one(100), "b0").unwrap().len(), 1);
        // Down to their own share they give; then they keep it.
        let queue = Queue::new(limits());
        for number in 0..8 {
            push(&queue, &key(number), one(100), &format!("k{number}")).unwrap();
        }
        assert_eq!(push(&queue, &org("a"), one(700), "a0"), Err(NotTaken::Busy));
        assert_eq!(push(&queue, &org("a"), one(600), "a0").unwrap().len(), 6);
    }

    /// Many places, so that bytes alone are lacking: keys have them all.
    fn full_of_keys(jobs: usize, bytes: usize) -> Arc<Queue> {
        let queue = Queue::new(QueueLimits {
            jobs_max: 100,
            ..limits()
        });
        for number in 0..jobs {
            let lane = Lane::new(Class::Key, vec![u8::try_from(number).unwrap()]);
            push(&queue, &lane, one(bytes), &format!("k{number}")).unwrap();
        }
        assert_eq!(queue.depth(), (jobs, 800));
        queue
    }

    #[test]
    fn few_large_jobs_of_a_class_give_way_by_bytes_down_to_its_share_of_them() {
        let queue = full_of_keys(2, 400);
        // Of jobs the class has less than its share, of bytes four times as much.
        assert_eq!(push(&queue, &org("a"), one(150), "a0").unwrap().len(), 1);
        assert_eq!(queue.depth(), (2, 550));
        // Of one class none gives way to another with its only job.
        let key = Lane::new(Class::Key, b"one more".to_vec());
        assert_eq!(push(&queue, &key, one(300), "k2"), Err(NotTaken::Busy));
        // Down to a quarter of the bytes, and not below.
        assert_eq!(
            full_of_keys(16, 50).would_take(&org("a"), 601),
            Err(NotTaken::Busy)
        );
        let queue = full_of_keys(16, 50);
        assert_eq!(push(&queue, &org("a"), one(600), "a0").unwrap().len(), 12);
        assert_eq!(queue.depth(), (5, 800));
    }

    #[test]
    fn the_class_with_most_bytes_gives_its_largest_and_not_the_one_with_most_jobs() {
        let queue = full_of_keys(16, 50);
        // Now the keys have many small ones, and others few large ones.
        for _ in 0..4 {
            drop(names(&queue));
        }
        assert_eq!(queue.depth(), (0, 0));
        for number in 0..10 {
            let lane = Lane::new(Class::Key, vec![number]);
            push(&queue, &lane, one(10), &format!("k{number}")).unwrap();
        }
        for (number, bytes) in [(0, 300), (1, 400)] {
            let lane = Lane::new(Class::Other, vec![number]);
            push(&queue, &lane, one(bytes), &format!("o{number}")).unwrap();
        }
        assert_eq!(queue.depth().1, 800);
        assert_eq!(push(&queue, &org("a"), one(100), "a0"), out(["o1"]));
    }

    #[test]
    fn more_than_one_gives_way_by_bytes_only_within_the_share_of_who_comes() {
        let queue = full_of_keys(16, 50);
        // The first of its class; then what stays within a quarter of the bytes.
        assert_eq!(push(&queue, &org("a"), one(100), "a0").unwrap().len(), 2);
        assert_eq!(push(&queue, &org("b"), one(100), "b0").unwrap().len(), 2);
        assert_eq!(push(&queue, &org("c"), one(100), "c0"), Err(NotTaken::Busy));
        assert_eq!(queue.depth(), (14, 800));
        // For one that is as large as it, one gives way all the same.
        assert_eq!(push(&queue, &org("c"), one(50), "c0").unwrap().len(), 1);
        assert_eq!(queue.depth(), (14, 800));
    }

    #[test]
    fn whether_anybody_would_be_refused_says_nothing_of_one_caller() {
        let queue = Queue::new(limits());
        for number in 0..6 {
            push(&queue, &org("flood"), one(1), &format!("f{number}")).unwrap();
        }
        assert_eq!(queue.would_take(&org("flood"), 1), Err(NotTaken::Caller));
        assert_eq!(queue.would_take_any(Class::Organisation, 1), Ok(()));
        for (number, key) in [b"a", b"b"].into_iter().enumerate() {
            let lane = Lane::new(Class::Key, key.to_vec());
            push(&queue, &lane, one(1), &format!("k{number}")).unwrap();
        }
        // Nobody's share is left: all are told so, whether or not they have something waiting.
        let full = |bytes| queue.would_take_any(Class::Organisation, bytes);
        assert_eq!(full(1), Ok(()));
        assert_eq!(full(900), Err(NotTaken::Busy));
        assert_eq!(queue.would_take(&org("other"), 900), Err(NotTaken::Busy));
    }

    #[test]
    fn bytes_are_bounded_as_jobs_are() {
        let queue = Queue::new(limits());
        push(&queue, &org("flood"), one(300), "f0").unwrap();
        push(&queue, &org("flood"), one(300), "f1").unwrap();
        push(&queue, &org("a"), one(200), "a0").unwrap();
        assert_eq!(queue.depth(), (3, 800));
        assert_eq!(push(&queue, &org("b"), one(200), "b0"), out(["f1"]));
        assert_eq!(queue.depth(), (3, 700));
        assert_eq!(push(&queue, &org("b"), one(200), "b1"), Err(NotTaken::Busy));
        // One body that is larger than all that may wait is taken where nothing waits.
        let queue = Queue::new(limits());
        push(&queue, &org("a"), one(900), "large").unwrap();
        assert_eq!(push(&queue, &org("b"), one(1), "b0"), Err(NotTaken::Busy));
        assert_eq!(names(&queue), ["large"]);
        push(&queue, &org("b"), one(1), "b0").unwrap();
    }

    #[test]
    fn what_waits_is_done_before_the_writer_ends_and_nothing_is_taken_after_it() {
        let queue = Queue::new(limits());
        push(&queue, &org("a"), one(1), "a0").unwrap();
        drop(Jobs(Arc::clone(&queue)));
        assert_eq!(
            push(&queue, &org("a"), one(1), "a1"),
            Err(NotTaken::Stopped)
        );
        assert_eq!(names(&queue), ["a0"]);
        assert!(queue.next_group().is_none());
        let queue = Queue::new(limits());
        push(&queue, &org("a"), one(1), "a0").unwrap();
        queue.end();
        assert!(queue.next_group().is_none());
        assert_eq!(queue.depth(), (0, 0));
    }
}
