//! The operator: takes sealed envelopes, logs that it did, and hands them to who owns the address.
//!
//! Scope: addresses, deposits, objects, the two logs, receipts, fetching, erasing, the directory,
//! status lists, wrapped roots. It has no key that opens anything, and names no crate that could (`deny.toml`).
//! No route takes an attribute of a person or lists across addresses (R29).
//!
//! One writer thread does all writing in group commits ([`log`]); readers have a connection of their
//! own. Time, randomness and the place on disk are parameters.

mod address;
mod deposit;
mod directory;
mod end;
mod erase;
mod fetch;
mod http;
mod init;
mod lists;
mod load;
pub mod log;
mod metrics;
mod object;
mod polls;
mod public;
mod queue;
mod reading;
mod receipt;
mod refused;

pub use end::{Ends, NewestKnown, read_directory, read_ends};
pub use http::{
    About, Bundle, BundleError, DESCRIPTION, MANIFEST_FILE, ROUTES, router, with_portal,
};
pub use init::{HubKeys, OperatorIdentity, make_operator};
pub use load::LoadLimits;
pub use log::{OpenError, SequencerThread};
pub use metrics::Machine;
pub use queue::QueueLimits;

use denizen_api::ProblemKind;
use denizen_model::{Clock, HubId, directory::Directory, statement::Origins};
use denizen_store::{
    StoreError,
    hub::{HubStore, KeptTiles, Location, Readers, open_limited},
};
use log::Published;
use metrics::{Reason, Seen};
use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// What a hub is told at start.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Its id.
    pub hub: HubId,
    /// Names of its logs, as its statement says.
    pub origins: Origins,
    /// Where its database is.
    pub database: Location,
    /// Addresses without a pass (address 0) that may be registered in a minute.
    pub self_addresses_a_minute: u32,
    /// Wrapped roots that may be left in a minute: they come without a pass too.
    pub roots_a_minute: u32,
    /// Service entries that one organisation may log in a day.
    pub services_a_day: u32,
    /// Bytes that may lie in an address 0.
    pub self_quota_bytes: u64,
    /// Reserved deposits that a frozen address takes in a day.
    pub reserved_a_day: u32,
    /// Days after which an upload that nobody goes on with is removed.
    pub unfinished_days: u32,
    /// Days after which an object is removed that its owner has passed by and never read.
    pub unread_days: u32,
    /// What may wait for the writer, and what it takes at once.
    pub queue: QueueLimits,
    /// What may be in memory and in hand at once.
    pub load: LoadLimits,
    /// Long polls that may wait.
    pub polls_max: usize,
    /// Pages by which a database file may grow, as if the disk were full then; for tests.
    pub grow_pages_max: Option<u32>,
    /// What is known from elsewhere to have been signed: a database without it is not served (R12).
    pub newest_known: NewestKnown,
}

impl HubConfig {
    /// The configuration with the usual limits.
    #[must_use]
    pub fn new(hub: HubId, origins: Origins, database: impl Into<Location>) -> Self {
        Self {
            hub,
            origins,
            database: database.into(),
            self_addresses_a_minute: 600,
            roots_a_minute: 600,
            services_a_day: 200,
            self_quota_bytes: 64 << 20,
            reserved_a_day: 20,
            unfinished_days: 7,
            unread_days: 90,
            queue: QueueLimits::default(),
            load: LoadLimits::default(),
            polls_max: 4096,
            grow_pages_max: None,
            newest_known: NewestKnown::default(),
        }
    }
}

/// A running hub: cheap to clone, shared by all requests.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: HubConfig,
    pub(crate) keys: HubKeys,
    pub(crate) clock: Arc<dyn Clock + Send + Sync>,
    pub(crate) jobs: queue::Jobs,
    pub(crate) polls: Arc<polls::Polls>,
    pub(crate) load: load::Load,
    pub(crate) lists: lists::Lists,
    pub(crate) deposits: watch::Receiver<Arc<Published>>,
    pub(crate) directory: Arc<RwLock<Arc<directory::Current>>>,
    pub(crate) metrics: Arc<metrics::Metrics>,
    pub(crate) machine: Mutex<Machine>,
    /// Set while only what erases is written.
    pub(crate) held: AtomicBool,
    reading: reading::Reading,
    /// Tiles of the deposits that receipts were made from last.
    pub(crate) tiles: Arc<KeptTiles>,
}

impl Shared {
    /// Reads beside the writer, off the threads that answer: a database may be a network away. A few
    /// read at once; the others wait without a thread.
    ///
    /// # Errors
    /// [`ProblemKind::Busy`] if too many wait; [`ProblemKind::NotFound`] for a number that no row can
    /// hold; [`ProblemKind::Internal`] for a fault.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn HubStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ProblemKind> {
        let refused = |kind: &ProblemKind| {
            if *kind == ProblemKind::Busy {
                self.metrics.refused(Reason::Reads);
            }
        };
        let turn = self.load.reading().inspect_err(refused)?;
        self.metrics.read();
        match self.reading.ask(turn, read).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(StoreError::OutOfRange)) => Err(ProblemKind::NotFound),
            Ok(Err(error)) => {
                tracing::error!(hub.fault = %error, "a reading failed");
                Err(ProblemKind::Internal)
            }
            Err(_) => Err(ProblemKind::Internal),
        }
    }

    /// What `/metrics` says.
    pub(crate) fn metrics_text(&self) -> String {
        let machine = *self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        let (body_bytes, answer_bytes) = self.load.bytes();
        self.metrics.text(&Seen {
            queue: self.jobs.0.depth(),
            polls: self.polls.count(),
            body_bytes,
            answer_bytes,
            log_size: self.deposits.borrow().size,
            directory_size: self.directory().published.size,
            database: self.config.database.file_bytes(),
            machine,
            held: self.held.load(Ordering::Relaxed),
        })
    }

    pub(crate) fn directory(&self) -> Arc<directory::Current> {
        Arc::clone(
            &self
                .directory
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

impl Hub {
    /// Opens the database, checks the right edge of both logs and starts the writer thread.
    ///
    /// # Errors
    /// [`OpenError`]: a hub whose log is damaged does not sign (R23).
    pub fn open(
        config: HubConfig,
        keys: HubKeys,
        clock: Arc<dyn Clock + Send + Sync>,
        rng: Box<dyn rand_core::CryptoRng + Send>,
    ) -> Result<(Self, SequencerThread), OpenError> {
        let writer = open_limited(&config.database, config.grow_pages_max)?;
        Self::open_on(writer, config, keys, clock, rng)
    }

    /// The same on a database that is open for writing already: for tests whose database fails.
    ///
    /// # Errors
    /// As [`Hub::open`].
    pub fn open_on(
        writer: Box<dyn HubStore>,
        config: HubConfig,
        keys: HubKeys,
        clock: Arc<dyn Clock + Send + Sync>,
        rng: Box<dyn rand_core::CryptoRng + Send>,
    ) -> Result<(Self, SequencerThread), OpenError> {
        // Each answer to a reader has a head of its own.
        let head = keys.head.with_native();
        let keys = HubKeys { head, ..keys };
        let metrics = Arc::<metrics::Metrics>::default();
        let clocked = Arc::clone(&clock);
        let started = log::start(writer, &config, &keys, clocked, rng, &metrics)?;
        let jobs = queue::Jobs(started.queue);
        let readers = Readers::open(&config.database)?;
        let hub = Self(Arc::new(Shared {
            load: load::Load::new(config.load),
            lists: lists::Lists::default(),
            config,
            keys,
            clock,
            jobs,
            polls: started.polls,
            deposits: started.deposits,
            directory: started.directory,
            metrics,
            machine: Mutex::default(),
            held: AtomicBool::new(false),
            reading: reading::Reading::start(readers).map_err(OpenError::Thread)?,
            tiles: started.tiles,
        }));
        Ok((hub, started.thread))
    }

    /// The hub's id.
    #[must_use]
    pub fn id(&self) -> &HubId {
        &self.0.config.hub
    }

    /// The newest signed checkpoints, of the deposits and of the directory. What they cover is durable.
    #[must_use]
    pub fn checkpoints(&self) -> [String; 2] {
        let deposits = self.0.deposits.borrow().checkpoint.clone();
        [deposits, self.0.directory().published.checkpoint.clone()]
    }

    /// Holds writing, or lets it go on: for a disk that is nearly full. What is held is answered `busy`;
    /// reading and erasing go on.
    pub fn hold_writes(&self, hold: bool) {
        self.0.held.store(hold, Ordering::Relaxed);
    }

    /// Tells the metrics what the program knows of its machine.
    pub fn see_machine(&self, machine: Machine) {
        *self
            .0
            .machine
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = machine;
    }

    /// Whether it takes what is sent: the writer runs, and writing is not held.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.0.held.load(Ordering::Relaxed) && !self.0.polls.has_ended()
    }

    /// What the directory says now.
    #[must_use]
    pub fn directory(&self) -> Directory {
        self.0.directory().directory.clone()
    }

    /// Appends directory entries in one step; all or none. For `denizen hub init`; others come over
    /// HTTP by the same way.
    ///
    /// # Errors
    /// The problem's kind.
    pub async fn append_entries(&self, entries: Vec<Vec<u8>>) -> Result<u64, ProblemKind> {
        let appended = directory::append(&self.0, entries).await;
        appended.map_err(|refused| refused.kind)
    }
}
