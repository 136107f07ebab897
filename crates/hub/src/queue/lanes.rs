//! Lanes of callers, whose turn it is, and who makes place for whom.

use super::{NotTaken, QueueLimits, Weight};
use crate::log::Job;
use std::collections::{BinaryHeap, HashMap, VecDeque};

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

    fn bytes(&self) -> usize {
        self.by_who.values().map(|waiting| waiting.bytes).sum()
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

/// All lanes, and how much waits in them.
#[derive(Default)]
pub(super) struct State {
    classes: [Lanes; 4],
    turn: usize,
    jobs: usize,
    bytes: usize,
    /// Nobody adds any more: the writer ends once nothing waits.
    closed: bool,
}

/// A lane, as it is once some of its newest jobs are gone.
struct Standing<'a> {
    class: Class,
    who: &'a [u8],
    jobs: usize,
    bytes: usize,
    newest: std::iter::Rev<std::collections::vec_deque::Iter<'a, (Weight, Job)>>,
}

/// What is to be made place for, and what gave way so far.
struct Place<'a> {
    limits: &'a QueueLimits,
    bytes: usize,
    /// Jobs and bytes that wait once those that give way are gone.
    left: (usize, usize),
    give_way: Vec<Lane>,
}

impl Place<'_> {
    fn lacks_jobs(&self) -> bool {
        self.left.0 >= self.limits.jobs_max
    }

    fn is_made(&self) -> bool {
        let (jobs, bytes) = self.left;
        !self.lacks_jobs() && (jobs == 0 || bytes + self.bytes <= self.limits.bytes_max)
    }

    /// The newest job of this lane gives way.
    fn take(&mut self, from: &mut Standing<'_>) {
        let Some((weight, _)) = from.newest.next() else {
            return;
        };
        from.jobs -= 1;
        from.bytes -= weight.bytes;
        self.left.0 -= 1;
        self.left.1 -= weight.bytes;
        self.give_way.push(Lane::new(from.class, from.who.to_vec()));
    }

    /// Takes the newest of whatever lane has most by `size` of those that `gives` lets give, as long as there
    /// is no place.
    fn take_most(
        &mut self,
        from: &mut [Standing<'_>],
        size: impl Fn(&Standing<'_>) -> usize,
        gives: impl Fn(&Self, &Standing<'_>) -> bool,
    ) {
        let by_size = from.iter().map(&size).enumerate();
        let mut most: BinaryHeap<(usize, usize)> = by_size.map(|(at, size)| (size, at)).collect();
        while !self.is_made()
            && let Some((_, at)) = most.pop()
            && let Some(standing) = from.get_mut(at)
        {
            if gives(self, standing) {
                self.take(standing);
                most.push((size(standing), at));
            }
        }
    }
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        self.jobs == 0
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Jobs and bytes that wait.
    pub(super) fn depth(&self) -> (usize, usize) {
        (self.jobs, self.bytes)
    }

    /// Whether there is room for a job of a caller of this class who has nothing waiting. Who has more
    /// waiting never gets more room than he.
    pub(super) fn room_for_any(
        &self,
        limits: &QueueLimits,
        class: Class,
        bytes: usize,
    ) -> Result<(), NotTaken> {
        if self.closed {
            return Err(NotTaken::Stopped);
        }
        let place = self.place(limits, (class, 0, 0), bytes);
        place.map(drop).ok_or(NotTaken::Busy)
    }

    /// Whether there is room for a job of this caller; the lanes that give their newest for it, each as
    /// often as it gives one.
    pub(super) fn room(
        &self,
        limits: &QueueLimits,
        lane: &Lane,
        bytes: usize,
    ) -> Result<Vec<Lane>, NotTaken> {
        if self.closed {
            return Err(NotTaken::Stopped);
        }
        let own = self.lanes(lane.class).by_who.get(&lane.who);
        let (own_jobs, own_bytes) = own.map_or((0, 0), |own| (own.jobs.len(), own.bytes));
        // One job is taken however large it is.
        let is_over = own_jobs >= limits.caller_jobs_max
            || (own_jobs > 0 && own_bytes + bytes > limits.caller_bytes_max);
        if is_over {
            // Who shares a lane is not blamed for the others.
            let is_shared = lane.who.is_empty();
            return Err(if is_shared {
                NotTaken::Busy
            } else {
                NotTaken::Caller
            });
        }
        let place = self.place(limits, (lane.class, own_jobs, own_bytes), bytes);
        place.ok_or(NotTaken::Busy)
    }

    /// Who gives way to a caller of whom so much waits already.
    fn place(
        &self,
        limits: &QueueLimits,
        own: (Class, usize, usize),
        bytes: usize,
    ) -> Option<Vec<Lane>> {
        let place = || Place {
            limits,
            bytes,
            left: (self.jobs, self.bytes),
            give_way: Vec::new(),
        };
        if place().is_made() {
            return Some(Vec::new());
        }
        let mut fair = place();
        self.take_from_longest(&mut fair, own);
        if fair.is_made() {
            return Some(fair.give_way);
        }
        let mut instead = place();
        self.take_from_largest_class(&mut instead, own.0);
        instead.is_made().then_some(instead.give_way)
    }

    /// The longest lanes give way, as long as none of them becomes shorter than the one that comes and none
    /// loses its only job for its bytes. What erases is never pushed out.
    fn take_from_longest(
        &self,
        place: &mut Place<'_>,
        (_, own_jobs, own_bytes): (Class, usize, usize),
    ) {
        let classes = [Class::Organisation, Class::Key, Class::Other];
        let mut lanes: Vec<Standing<'_>> =
            classes.into_iter().flat_map(|c| self.standing(c)).collect();
        let longer =
            |place: &Place<'_>, from: &Standing<'_>| place.lacks_jobs() && from.jobs > own_jobs + 1;
        place.take_most(&mut lanes, |lane| lane.jobs, longer);
        let larger = |place: &Place<'_>, from: &Standing<'_>| {
            !place.lacks_jobs() && from.jobs > 1 && from.bytes > own_bytes + place.bytes
        };
        place.take_most(&mut lanes, |lane| lane.bytes, larger);
    }

    /// The class that holds the most, of jobs or of bytes as either is lacking, gives way to one that holds
    /// less than its share of the jobs, down to its own share. Else a crowd of callers with one job each would keep everybody out. More than one
    /// makes place only for what stays within a share of the bytes, or is all that its class has.
    fn take_from_largest_class(&self, place: &mut Place<'_>, class: Class) {
        let others = [Class::Organisation, Class::Key, Class::Other];
        let others = others.into_iter().filter(|other| *other != class);
        let lacks_jobs = place.lacks_jobs();
        let holds = |of: &Lanes| if lacks_jobs { of.jobs() } else { of.bytes() };
        let Some(most) = others.max_by_key(|other| holds(self.lanes(*other))) else {
            return;
        };
        let share = |all: usize| all / self.classes.len();
        let jobs_share = share(place.limits.jobs_max);
        let bytes_share = share(place.limits.bytes_max);
        let own = self.lanes(class);
        if own.jobs() >= jobs_share {
            return;
        }
        let is_within = own.jobs() == 0 || own.bytes() + place.bytes <= bytes_share;
        let had = self.lanes(most);
        let (had_jobs, had_bytes) = (had.jobs(), had.bytes());
        let mut lanes: Vec<Standing<'_>> = self.standing(most).collect();
        let gives = |place: &Place<'_>, _: &Standing<'_>| {
            let given = place.give_way.len();
            let bytes_given = self.bytes - place.left.1;
            let holds_more = had_jobs - given > jobs_share
                || (!lacks_jobs && had_bytes - bytes_given > bytes_share);
            holds_more && (given == 0 || is_within)
        };
        let size = |lane: &Standing<'_>| if lacks_jobs { lane.jobs } else { lane.bytes };
        place.take_most(&mut lanes, size, gives);
    }

    fn standing(&self, class: Class) -> impl Iterator<Item = Standing<'_>> {
        let lanes = self.lanes(class).by_who.iter();
        lanes.map(move |(who, waiting)| Standing {
            class,
            who,
            jobs: waiting.jobs.len(),
            bytes: waiting.bytes,
            newest: waiting.jobs.iter().rev(),
        })
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

    pub(super) fn push_out(&mut self, lane: &Lane) -> Option<Job> {
        let (weight, job) = self.lanes_mut(lane.class).pop_newest(&lane.who)?;
        self.jobs -= 1;
        self.bytes -= weight.bytes;
        Some(job)
    }

    pub(super) fn add(&mut self, lane: &Lane, weight: Weight, job: Job) {
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

    pub(super) fn pop(&mut self) -> Option<(Weight, Job)> {
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
