//! What waits for the writer: bounded in jobs and bytes, and fair between those who wait.
//!
//! Every caller has a lane of its own, in one of four classes. The writer takes one job of each class
//! in turn, and within a class one of each lane in turn: who floods waits behind himself. Where there is
//! no room, the newest job of the longest lane makes place for that of a shorter one. A lane is known by
//! who signed, never by where a request came from.

use crate::log::Job;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

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

/// Kinds of callers; each has its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Organisations that deposit.
    Organisation,
    /// Keys of links and of addresses that deposit.
    Key,
    /// Erasing, which frees room.
    Erasing,
    /// Everything else.
    Other,
}

/// Whose job it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    class: Class,
    who: Vec<u8>,
}

impl Lane {
    /// The lane of one caller.
    pub(crate) fn new(class: Class, who: Vec<u8>) -> Self {
        Self { class, who }
    }

    /// A lane that all callers of a class share.
    pub(crate) fn shared(class: Class) -> Self {
        Self::new(class, Vec::new())
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

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<(Weight, Job)>,
    bytes: usize,
}

#[derive(Default)]
struct Lanes {
    by_who: HashMap<Vec<u8>, Waiting>,
    /// Whoever has something waiting, once each.
    turns: VecDeque<Vec<u8>>,
}

impl Lanes {
    fn jobs(&self) -> usize {
        self.by_who.values().map(|waiting| waiting.jobs.len()).sum()
    }

    fn pop(&mut self) -> Option<(Weight, Job)> {
        let who = self.turns.pop_front()?;
        let waiting = self.by_who.get_mut(&who)?;
        let (weight, job) = waiting.jobs.pop_front()?;
        waiting.bytes -= weight.bytes;
        if waiting.jobs.is_empty() {
            self.by_who.remove(&who);
        } else {
            self.turns.push_back(who);
        }
        Some((weight, job))
    }

    /// Takes back the newest job of a lane.
    fn pop_newest(&mut self, who: &[u8]) -> Option<(Weight, Job)> {
        let waiting = self.by_who.get_mut(who)?;
        let (weight, job) = waiting.jobs.pop_back()?;
        waiting.bytes -= weight.bytes;
        if waiting.jobs.is_empty() {
            self.by_who.remove(who);
            self.turns.retain(|turn| turn != who);
        }
        Some((weight, job))
    }
}

struct State {
    classes: [Lanes; 4],
    turn: usize,
    jobs: usize,
    bytes: usize,
    /// Nobody adds any more: the writer ends once nothing waits.
    closed: bool,
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
            state: Mutex::new(State {
                classes: Default::default(),
                turn: 0,
                jobs: 0,
                bytes: 0,
                closed: false,
            }),
            some: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs and bytes that wait.
    pub(crate) fn depth(&self) -> (usize, usize) {
        let state = self.state();
        (state.jobs, state.bytes)
    }

    /// Whether a job of this caller would be refused now: asked before anything else is done for it.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(crate) fn would_take(&self, lane: &Lane, bytes: usize) -> Result<(), NotTaken> {
        self.state().room(&self.limits, lane, bytes).map(drop)
    }

    /// Adds a job. Gives the one that made place for it, which was not begun.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(crate) fn push(
        &self,
        lane: &Lane,
        weight: Weight,
        job: Job,
    ) -> Result<Option<Job>, NotTaken> {
        let mut state = self.state();
        let longest = state.room(&self.limits, lane, weight.bytes)?;
        let out = longest.and_then(|longest| state.push_out(&longest));
        state.add(lane, weight, job);
        drop(state);
        self.some.notify_one();
        Ok(out)
    }

    /// Waits for jobs and takes as many as one transaction may hold; `None` once nobody adds any more
    /// and nothing waits.
    pub(crate) fn next_group(&self) -> Option<Group> {
        let mut state = self.state();
        while state.jobs == 0 {
            if state.closed {
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
        self.state().closed = true;
        self.some.notify_one();
    }

    /// The writer has ended: nothing is added any more, and what waits is dropped, which answers it.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.closed = true;
        let dropped = std::mem::take(&mut state.classes);
        (state.jobs, state.bytes) = (0, 0);
        drop(state);
        drop(dropped);
    }
}

impl State {
    /// Whether there is room for a job of this caller; the lane that gives its newest for it, if it must.
    fn room(
        &self,
        limits: &QueueLimits,
        lane: &Lane,
        bytes: usize,
    ) -> Result<Option<Lane>, NotTaken> {
        if self.closed {
            return Err(NotTaken::Stopped);
        }
        let own = self.lanes(lane.class).by_who.get(&lane.who);
        let (own_jobs, own_bytes) = own.map_or((0, 0), |own| (own.jobs.len(), own.bytes));
        // One job is taken however large it is.
        let is_over = |jobs: usize, had: usize, jobs_max: usize, bytes_max: usize| {
            jobs >= jobs_max || (jobs > 0 && had + bytes > bytes_max)
        };
        let (jobs_max, bytes_max) = (limits.caller_jobs_max, limits.caller_bytes_max);
        if is_over(own_jobs, own_bytes, jobs_max, bytes_max) {
            // Who shares a lane is not blamed for the others.
            let is_shared = lane.who.is_empty();
            return Err(if is_shared {
                NotTaken::Busy
            } else {
                NotTaken::Caller
            });
        }
        if self.jobs < limits.jobs_max && (self.jobs == 0 || self.bytes + bytes <= limits.bytes_max)
        {
            return Ok(None);
        }
        let by_jobs = self.jobs >= limits.jobs_max;
        let (longest, jobs, held) = self.longest(by_jobs).ok_or(NotTaken::Busy)?;
        let is_longer = if by_jobs {
            jobs > own_jobs + 1 && self.fits(limits, bytes, &longest)
        } else {
            // What is pushed out frees enough, leaves the other no shorter than this one, and is not the
            // only one that it has.
            jobs > 1 && held > own_bytes + bytes && self.freed(&longest) >= bytes
        };
        if is_longer {
            return Ok(Some(longest));
        }
        let instead = self.over_share(limits, lane.class);
        let instead = instead.filter(|instead| self.fits(limits, bytes, instead));
        instead.map(Some).ok_or(NotTaken::Busy)
    }

    /// Whether there are bytes for a job once the newest of this lane is gone.
    fn fits(&self, limits: &QueueLimits, bytes: usize, gone: &Lane) -> bool {
        self.bytes + bytes <= limits.bytes_max + self.freed(gone)
    }

    /// The lane that gives way where `class` holds less than its share of the jobs: the longest of the
    /// class that holds the most. Else a crowd of callers with one job each would keep everybody out.
    fn over_share(&self, limits: &QueueLimits, class: Class) -> Option<Lane> {
        let share = limits.jobs_max / self.classes.len();
        let others = [Class::Organisation, Class::Key, Class::Other];
        let others = others.into_iter().filter(|other| *other != class);
        let most = others.max_by_key(|other| self.lanes(*other).jobs())?;
        let gives_way = self.lanes(class).jobs() < share && self.lanes(most).jobs() > share;
        let lanes = self.lanes(most).by_who.iter();
        let (who, _) = lanes.max_by_key(|(_, waiting)| waiting.jobs.len())?;
        gives_way.then(|| Lane::new(most, who.clone()))
    }

    fn lanes(&self, class: Class) -> &Lanes {
        let [organisations, keys, erasing, other] = &self.classes;
        match class {
            Class::Organisation => organisations,
            Class::Key => keys,
            Class::Erasing => erasing,
            Class::Other => other,
        }
    }

    fn lanes_mut(&mut self, class: Class) -> &mut Lanes {
        let [organisations, keys, erasing, other] = &mut self.classes;
        match class {
            Class::Organisation => organisations,
            Class::Key => keys,
            Class::Erasing => erasing,
            Class::Other => other,
        }
    }

    /// The lane with most jobs or bytes waiting, and how many. What erases is never pushed out.
    fn longest(&self, by_jobs: bool) -> Option<(Lane, usize, usize)> {
        let classes = [Class::Organisation, Class::Key, Class::Other];
        let all = classes
            .into_iter()
            .flat_map(|class| self.lanes(class).by_who.iter().map(move |w| (class, w)));
        let longest = all.max_by_key(|(_, (_, waiting))| match by_jobs {
            true => waiting.jobs.len(),
            false => waiting.bytes,
        });
        let (class, (who, waiting)) = longest?;
        let lane = Lane::new(class, who.clone());
        Some((lane, waiting.jobs.len(), waiting.bytes))
    }

    /// Bytes that the newest job of a lane holds.
    fn freed(&self, lane: &Lane) -> usize {
        let waiting = self.lanes(lane.class).by_who.get(&lane.who);
        let newest = waiting.and_then(|waiting| waiting.jobs.back());
        newest.map_or(0, |(weight, _)| weight.bytes)
    }

    fn push_out(&mut self, lane: &Lane) -> Option<Job> {
        let (weight, job) = self.lanes_mut(lane.class).pop_newest(&lane.who)?;
        self.jobs -= 1;
        self.bytes -= weight.bytes;
        Some(job)
    }

    fn add(&mut self, lane: &Lane, weight: Weight, job: Job) {
        self.jobs += 1;
        self.bytes += weight.bytes;
        let lanes = self.lanes_mut(lane.class);
        let waiting = lanes.by_who.entry(lane.who.clone()).or_default();
        if waiting.jobs.is_empty() {
            lanes.turns.push_back(lane.who.clone());
        }
        waiting.bytes += weight.bytes;
        waiting.jobs.push_back((weight, job));
    }

    fn pop(&mut self) -> Option<(Weight, Job)> {
        for _ in 0..self.classes.len() {
            let at = self.turn;
            self.turn = (self.turn + 1) % self.classes.len();
            if let Some((weight, job)) = self.classes.get_mut(at).and_then(Lanes::pop) {
                self.jobs -= 1;
                self.bytes -= weight.bytes;
                return Some((weight, job));
            }
        }
        None
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
    ) -> Result<Option<String>, NotTaken> {
        let out = queue.push(lane, weight, job(named))?;
        Ok(out.map(|job| name(&job)))
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
        assert_eq!(push(&queue, &org("b"), one(1), "b0"), Ok(Some("f5".into())));
        assert_eq!(push(&queue, &org("b"), one(1), "b1"), Ok(Some("f4".into())));
        assert_eq!(push(&queue, &org("b"), one(1), "b2"), Ok(Some("f3".into())));
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
            assert!(matches!(out, Ok(Some(_))), "{out:?}");
        }
        let erasing = Lane::new(Class::Erasing, b"address".to_vec());
        assert!(matches!(push(&queue, &erasing, one(1), "e0"), Ok(Some(_))));
        assert_eq!(queue.depth().0, 8);
        assert_eq!(
            push(&queue, &org("other"), one(1), "o2"),
            Err(NotTaken::Busy)
        );
    }

    #[test]
    fn small_jobs_do_not_make_place_for_more_bytes_than_there_are() {
        let queue = Queue::new(limits());
        for number in 0..6 {
            push(&queue, &org("a"), one(90), &format!("a{number}")).unwrap();
        }
        for number in 0..2 {
            push(&queue, &org("b"), one(90), &format!("b{number}")).unwrap();
        }
        assert_eq!(push(&queue, &org("c"), one(200), "c0"), Err(NotTaken::Busy));
        assert_eq!(
            push(&queue, &org("c"), one(90), "c0"),
            Ok(Some("a5".into()))
        );
    }

    #[test]
    fn bytes_are_bounded_as_jobs_are() {
        let queue = Queue::new(limits());
        push(&queue, &org("flood"), one(300), "f0").unwrap();
        push(&queue, &org("flood"), one(300), "f1").unwrap();
        push(&queue, &org("a"), one(200), "a0").unwrap();
        assert_eq!(queue.depth(), (3, 800));
        assert_eq!(
            push(&queue, &org("b"), one(200), "b0"),
            Ok(Some("f1".into()))
        );
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
