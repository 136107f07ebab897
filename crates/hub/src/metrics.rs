//! Counts for the operator. Never an address, an IP, a kind or a size of a single deposit: every label is
//! one of a fixed list (`docs/operate/metrics.md`).

use crate::queue::{NotTaken, Weight};
use denizen_api::wire::DepositOutcome;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// What `/metrics` is: OpenMetrics as text.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why something was turned away before it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Reason {
    /// Too many jobs or bytes wait for the writer.
    Queue,
    /// Too much of one caller waits.
    Caller,
    /// Writing is held: the disk is nearly full.
    Held,
    /// Too many bytes of bodies are in memory.
    Bodies,
    /// Too many answers are on their way.
    Answers,
    /// Too many readings wait.
    Reads,
    /// Too many long polls.
    Polls,
}

impl Reason {
    pub(crate) fn of(not: NotTaken) -> Self {
        match not {
            NotTaken::Caller => Self::Caller,
            NotTaken::Busy | NotTaken::Stopped => Self::Queue,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: Reason,
}

/// A route as it is written down, with its parameters' names, never their values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAnswer {
    method: &'static str,
    route: String,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRoute {
    method: &'static str,
    route: String,
}

/// A part of what the writer does for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Step {
    Write,
    Commit,
    Answer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStep {
    step: Step,
}

/// From 0.1 ms to some 26 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_1, 4.0, 10))
}

/// From 1 to 2,048.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 12))
}

type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

/// What is looked up when somebody asks for the metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) queue: (usize, usize),
    pub(crate) polls: usize,
    pub(crate) body_bytes: usize,
    pub(crate) answer_bytes: usize,
    pub(crate) log_size: u64,
    pub(crate) directory_size: u64,
    pub(crate) database: Option<(u64, u64)>,
    pub(crate) machine: Machine,
    pub(crate) held: bool,
}

/// What the program around a hub knows of its machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    /// Free bytes and size of the disk.
    pub disk: Option<(u64, u64)>,
    /// Open connections.
    pub connections: usize,
    /// Connections that were closed at once since the start, because there were too many.
    pub connections_refused: u64,
    /// Bytes of memory that the process has.
    pub resident_bytes: Option<u64>,
}

#[derive(Default)]
struct Gauges {
    queue_jobs: Gauge,
    queue_bytes: Gauge,
    polls: Gauge,
    body_bytes: Gauge,
    answer_bytes: Gauge,
    log_size: Gauge,
    directory_size: Gauge,
    database_bytes: Gauge,
    wal_bytes: Gauge,
    disk_free_bytes: Gauge,
    disk_bytes: Gauge,
    connections: Gauge,
    connections_refused: Gauge,
    resident_bytes: Gauge,
    held: Gauge,
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        let mut one = |name: &str, help: &str, gauge: &Gauge| {
            registry.register(format!("denizen_hub_{name}"), help, gauge.clone());
        };
        let g = self;
        one("queue_jobs", "Jobs that wait for the writer", &g.queue_jobs);
        one("queue_bytes", "Bytes of the jobs that wait", &g.queue_bytes);
        one("long_polls", "Long polls that wait", &g.polls);
        one("body_bytes", "Bytes of bodies in memory", &g.body_bytes);
        one(
            "answer_bytes",
            "Bytes of large answers on their way",
            &g.answer_bytes,
        );
        one("log_leaves", "Leaves of the deposit log", &g.log_size);
        one(
            "directory_entries",
            "Entries of the directory",
            &g.directory_size,
        );
        one(
            "database_bytes",
            "Bytes of the database file",
            &g.database_bytes,
        );
        one("wal_bytes", "Bytes of its write-ahead log", &g.wal_bytes);
        one(
            "disk_free_bytes",
            "Free bytes of the disk",
            &g.disk_free_bytes,
        );
        one("disk_bytes", "Size of the disk in bytes", &g.disk_bytes);
        one("connections", "Open connections", &g.connections);
        one(
            "connections_refused",
            "Connections closed at once since the start, for there were too many",
            &g.connections_refused,
        );
        one("resident_bytes", "Memory of the process", &g.resident_bytes);
        one(
            "writes_held",
            "1 while only what erases is written",
            &g.held,
        );
    }

    fn set(&self, seen: &Seen) {
        let set = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        let machine = seen.machine;
        set(&self.queue_jobs, seen.queue.0 as u64);
        set(&self.queue_bytes, seen.queue.1 as u64);
        set(&self.polls, seen.polls as u64);
        set(&self.body_bytes, seen.body_bytes as u64);
        set(&self.answer_bytes, seen.answer_bytes as u64);
        set(&self.log_size, seen.log_size);
        set(&self.directory_size, seen.directory_size);
        let (database, wal) = seen.database.unwrap_or_default();
        set(&self.database_bytes, database);
        set(&self.wal_bytes, wal);
        let (free, size) = machine.disk.unwrap_or_default();
        set(&self.disk_free_bytes, free);
        set(&self.disk_bytes, size);
        set(&self.connections, machine.connections as u64);
        set(&self.connections_refused, machine.connections_refused);
        set(
            &self.resident_bytes,
            machine.resident_bytes.unwrap_or_default(),
        );
        set(&self.held, u64::from(seen.held));
    }
}

/// The hub's metrics.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    stored: Counter,
    refused: Counter,
    requests: Counter,
    reads: Counter,
    taken_back: Counter,
    turned_away: Family<ByReason, Counter>,
    answers: Family<ByAnswer, Counter>,
    answer_seconds: Seconds<ByRoute>,
    group_seconds: Seconds<ByStep>,
    group_jobs: Histogram,
    group_items: Histogram,
    gauges: Gauges,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            stored: Counter::default(),
            refused: Counter::default(),
            requests: Counter::default(),
            reads: Counter::default(),
            taken_back: Counter::default(),
            turned_away: Family::default(),
            answers: Family::default(),
            answer_seconds: Family::new_with_constructor(seconds),
            group_seconds: Family::new_with_constructor(seconds),
            group_jobs: sizes(),
            group_items: sizes(),
            gauges: Gauges::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = [
            ("deposits_stored", "Deposits answered", &self.stored),
            ("deposits_refused", "Deposits refused", &self.refused),
            ("requests", "Requests that came in", &self.requests),
            ("reads", "Readings of the database", &self.reads),
            (
                "groups_taken_back",
                "Groups of which nothing was kept, for want of room",
                &self.taken_back,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(format!("denizen_hub_{name}"), help, counter.clone());
        }
        registry.register(
            "denizen_hub_turned_away",
            "What was turned away before it was begun",
            self.turned_away.clone(),
        );
        registry.register(
            "denizen_hub_answers",
            "Answers by route and class of status",
            self.answers.clone(),
        );
        registry.register_with_unit(
            "denizen_hub_answer",
            "Time until an answer, without long polls that waited",
            Unit::Seconds,
            self.answer_seconds.clone(),
        );
        registry.register_with_unit(
            "denizen_hub_group",
            "Time of the writer for a group, by step",
            Unit::Seconds,
            self.group_seconds.clone(),
        );
        registry.register(
            "denizen_hub_group_jobs",
            "Jobs taken into one transaction",
            self.group_jobs.clone(),
        );
        registry.register(
            "denizen_hub_group_items",
            "Envelopes and parts taken into one transaction",
            self.group_items.clone(),
        );
        self.gauges.register(&mut registry);
    }

    pub(crate) fn deposits(&self, outcomes: &[DepositOutcome]) {
        let refused = outcomes
            .iter()
            .filter(|o| matches!(o, DepositOutcome::Refused(_)))
            .count();
        self.refused.inc_by(refused as u64);
        self.stored.inc_by((outcomes.len() - refused) as u64);
    }

    pub(crate) fn request(&self) {
        self.requests.inc();
    }

    /// An answer, by the route as it is written down; `took` unless it waited for something new.
    pub(crate) fn answer(
        &self,
        (method, route): (&'static str, &str),
        status: u16,
        took: Option<Duration>,
    ) {
        let route = route.to_owned();
        let status = match status {
            200..300 => "2xx",
            429 => "429",
            400..500 => "4xx",
            503 => "503",
            _ => "5xx",
        };
        if let Some(took) = took {
            let by = ByRoute {
                method,
                route: route.clone(),
            };
            self.answer_seconds
                .get_or_create(&by)
                .observe(took.as_secs_f64());
        }
        let by = ByAnswer {
            method,
            route,
            status,
        };
        self.answers.get_or_create(&by).inc();
    }

    pub(crate) fn read(&self) {
        self.reads.inc();
    }

    pub(crate) fn refused(&self, reason: Reason) {
        self.turned_away.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn taken_back(&self) {
        self.taken_back.inc();
    }

    #[expect(clippy::cast_precision_loss, reason = "sizes of groups are small")]
    pub(crate) fn group_size(&self, jobs: usize, weight: Weight) {
        self.group_jobs.observe(jobs as f64);
        self.group_items.observe(weight.items as f64);
    }

    /// Times of writing, commit and answering of one group.
    pub(crate) fn group(&self, times: [Duration; 3]) {
        for (step, took) in [Step::Write, Step::Commit, Step::Answer]
            .into_iter()
            .zip(times)
        {
            self.group_seconds
                .get_or_create(&ByStep { step })
                .observe(took.as_secs_f64());
        }
    }

    pub(crate) fn text(&self, seen: &Seen) -> String {
        self.gauges.set(seen);
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
