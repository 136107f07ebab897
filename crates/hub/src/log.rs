//! Sequence, integrate, publish: the one writer of a hub.
//!
//! Jobs that wait are taken together into one transaction (group commit): rows, leaves, tiles and the
//! log's head become durable at once. Only then are checkpoints signed and published, and only then
//! are the jobs answered (R23). An error in the commit path ends the thread and with it the process
//! (R24): what is unknown is found out by reading the disk again at start.

use crate::{
    HubConfig, HubKeys, directory,
    end::{follows, whole_end},
    metrics::{Metrics, Reason},
    polls::Polls,
    queue::{Class, Group, Lane, NotTaken, Queue, Weight},
};
use denizen_model::{AddressId, Clock, Sha256Hash, UnixTime};
use denizen_store::{
    StoreError,
    hub::{HubStore, KeptTiles, LogHead, LogId, StoredTiles, Wanted},
};
use denizen_tlog::{
    Checkpoint, Hash, NoteSigner, RightEdge, TILE_WIDTH, encode_bundle, hash_leaf, sign_checkpoint,
};
use std::{
    sync::{Arc, PoisonError, RwLock, atomic::Ordering},
    thread::JoinHandle,
};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

/// Why a hub does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database cannot be used.
    #[error("the hub's database cannot be used")]
    Store(#[from] StoreError),
    /// The stored tiles do not lead to the stored head: signing would fork the log.
    #[error("the end of the log is damaged: restore a backup; nothing is signed until then")]
    RightEdge,
    /// The database is older than what was signed: signing on would fork the log (R12).
    #[error(
        "the {log} log ends at {stored} leaves, but {known} were signed: {lost} are missing. A restored \
         backup is a rollback, and nothing is signed on it: bring back the newest database",
        lost = known.saturating_sub(*stored)
    )]
    RolledBack {
        /// Which log.
        log: &'static str,
        /// Leaves in the database.
        stored: u64,
        /// Leaves of the newest checkpoint that is known.
        known: u64,
    },
    /// The database has other leaves than were signed (R12).
    #[error(
        "the {log} log has other leaves than the {size} that were signed: it is another history, and \
         nothing is signed on it"
    )]
    Forked {
        /// Which log.
        log: &'static str,
        /// Leaves of the newest checkpoint that is known.
        size: u64,
    },
    /// The directory's entries do not replay.
    #[error("the directory log does not replay: restore a backup")]
    Directory,
    /// A log's name is not usable.
    #[error("a log's origin is not a usable name")]
    Origin,
    /// The writer thread could not be started.
    #[error("the writer thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// A published state of a log.
#[derive(Debug, Clone)]
pub struct Published {
    /// Number of leaves that the checkpoint covers.
    pub size: u64,
    /// The signed checkpoint.
    pub checkpoint: String,
    /// SHA-256 of the checkpoint's bytes.
    pub hash: Sha256Hash,
}

/// The writer thread.
pub struct SequencerThread(JoinHandle<Result<(), StoreError>>);

impl SequencerThread {
    /// Waits until the thread ends: after the last handle of the hub is gone, or by a fatal error,
    /// after which the process must end.
    ///
    /// # Errors
    /// The fatal error.
    pub fn join(self) -> Result<(), StoreError> {
        self.0.join().unwrap_or(Err(StoreError::Damaged))
    }

    /// Whether the thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

type Answer = Box<dyn FnOnce(&After<'_>) + Send>;

/// One job of the writer.
pub(crate) struct Job {
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) work: Box<Work>,
}

pub(crate) type Work = dyn FnOnce(&mut Tx<'_>) -> Result<Answer, StoreError> + Send;

/// What a job sees within the transaction.
pub(crate) struct Tx<'a> {
    pub(crate) db: &'a dyn HubStore,
    pub(crate) now: UnixTime,
    pub(crate) rng: &'a mut dyn rand_core::CryptoRng,
    pub(crate) directory: Arc<directory::Current>,
    logs: &'a mut [Growing; 2],
    erased: bool,
    filled: Vec<AddressId>,
}

/// What a job's answer sees after publication.
pub(crate) struct After<'a> {
    pub(crate) published: &'a Published,
    pub(crate) tiles: &'a StoredTiles<'a>,
}

impl Tx<'_> {
    /// Appends an entry to a log and gives its index.
    pub(crate) fn append(&mut self, log: LogId, entry: Vec<u8>) -> u64 {
        let [deposits, directory] = &mut *self.logs;
        let log = match log {
            LogId::Deposits => deposits,
            LogId::Directory => directory,
        };
        log.entries.push(entry);
        log.edge.size() + log.entries.len() as u64 - 1
    }

    /// Notes that something new lies in an address: whoever waits for it is woken after publication.
    pub(crate) fn set_filled(&mut self, address: AddressId) {
        self.filled.push(address);
    }

    /// Notes that rows were erased: they are gone from the files before anybody is answered (R25).
    pub(crate) fn set_erased(&mut self) {
        self.erased = true;
    }

    /// Replaces the directory for the jobs after this one; published with the transaction.
    pub(crate) fn set_directory(&mut self, directory: directory::Current) {
        self.directory = Arc::new(directory);
    }
}

struct Growing {
    id: LogId,
    edge: RightEdge,
    signer: NoteSigner,
    entries: Vec<Vec<u8>>,
}

impl Growing {
    fn load(db: &dyn HubStore, id: LogId, origin: &str, keys: &HubKeys) -> Result<Self, OpenError> {
        let signer = NoteSigner::new(origin, &keys.log.danger_seed());
        let signer = signer.map_err(|_| OpenError::Origin)?;
        let edge = whole_end(db, id)?;
        Ok(Self {
            id,
            edge,
            signer,
            entries: Vec::new(),
        })
    }

    /// Writes what the transaction appended: tiles, bundles, head.
    fn integrate(&mut self, db: &dyn HubStore, now: UnixTime) -> Result<(), StoreError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let old_size = self.edge.size();
        let leaves: Vec<Hash> = self.entries.iter().map(|e| hash_leaf(e)).collect();
        for tile in self.edge.append(&leaves) {
            db.put_tile(self.id, &tile)?;
        }
        let mut index = old_size;
        let mut rest = self.entries.as_slice();
        while !rest.is_empty() {
            let within = usize::try_from(index % TILE_WIDTH as u64).unwrap_or(0);
            let (now_, later) = rest.split_at(rest.len().min(TILE_WIDTH - within));
            let bytes = encode_bundle(now_.iter().map(Vec::as_slice));
            let bytes = bytes.map_err(|_| StoreError::Damaged)?;
            db.append_bundle(self.id, index / TILE_WIDTH as u64, &bytes)?;
            index += now_.len() as u64;
            rest = later;
        }
        self.entries.clear();
        let head = LogHead {
            size: self.edge.size(),
            root: self.edge.root(),
            time: now,
        };
        db.move_log_head(self.id, old_size, &head)
    }

    /// The signed checkpoint of what is durable.
    fn publish(&self) -> Published {
        let checkpoint = Checkpoint {
            origin: self.signer.verifier().name().to_owned(),
            size: self.edge.size(),
            root: self.edge.root(),
        };
        let note = sign_checkpoint(&checkpoint, &self.signer);
        Published {
            size: checkpoint.size,
            hash: Sha256Hash::of(note.as_bytes()),
            checkpoint: note,
        }
    }
}

struct Sequencer {
    db: Box<dyn HubStore>,
    clock: Arc<dyn Clock + Send + Sync>,
    rng: Box<dyn rand_core::CryptoRng + Send>,
    logs: [Growing; 2],
    time: UnixTime,
    scrub_due: bool,
    deposits: watch::Sender<Arc<Published>>,
    directory: Arc<RwLock<Arc<directory::Current>>>,
    polls: Arc<Polls>,
    metrics: Arc<Metrics>,
    tiles: Arc<KeptTiles>,
}

impl Sequencer {
    /// Runs one group of jobs: one transaction, one publication, then the answers.
    fn run(&mut self, jobs: Vec<Job>) -> Result<(), StoreError> {
        let began = Instant::now();
        self.time = self.time.max(self.clock.now());
        let before = Arc::clone(
            &self
                .directory
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let edges = self.logs.each_ref().map(|log| log.edge.clone());
        let Written {
            answers,
            directory,
            filled,
        } = match self.write(jobs, &before) {
            Ok(written) => written,
            Err(error) if error.is_refusal() => return self.take_back(edges, &error),
            Err(error) => return Err(error),
        };
        let written = Instant::now();
        match self.db.commit() {
            Err(error) if error.is_commit_refused() => return self.take_back(edges, &error),
            committed => committed?,
        }
        let durable = Instant::now();
        if self.scrub_due {
            self.scrub_due = match self.db.scrub() {
                // It is made up for with the next group for which there is room.
                Err(error) if error.is_no_room() => true,
                scrubbed => !scrubbed?,
            };
        }
        let [deposits, entries] = &self.logs;
        if !Arc::ptr_eq(&before, &directory) {
            let current = directory::Current {
                published: entries.publish(),
                answer: std::sync::OnceLock::new(),
                ..(*directory).clone()
            };
            *self
                .directory
                .write()
                .unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        }
        let published = Arc::new(deposits.publish());
        let after = After {
            published: &published,
            tiles: &StoredTiles::kept(&*self.db, LogId::Deposits, &self.tiles),
        };
        // Published first: who has an answer finds what it speaks of.
        if self.deposits.borrow().size != published.size {
            self.deposits.send_replace(Arc::clone(&published));
        }
        self.polls.wake(&filled);
        for answer in answers {
            answer(&after);
        }
        let times = [written - began, durable - written, durable.elapsed()];
        self.metrics.group(times);
        Ok(())
    }
}

/// What a transaction made, before its commit.
struct Written {
    answers: Vec<Answer>,
    directory: Arc<directory::Current>,
    filled: Vec<AddressId>,
}

impl Sequencer {
    /// Everything of a group up to its commit.
    fn write(
        &mut self,
        jobs: Vec<Job>,
        before: &Arc<directory::Current>,
    ) -> Result<Written, StoreError> {
        let (wanted, works): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.wanted, job.work)).unzip();
        self.db.begin()?;
        self.db.prepare(&wanted.concat())?;
        let mut tx = Tx {
            db: &*self.db,
            now: self.time,
            rng: &mut *self.rng,
            directory: Arc::clone(before),
            logs: &mut self.logs,
            erased: false,
            filled: Vec::new(),
        };
        let answers: Result<Vec<Answer>, StoreError> =
            works.into_iter().map(|work| work(&mut tx)).collect();
        let written = Written {
            answers: answers?,
            directory: tx.directory,
            filled: tx.filled,
        };
        self.scrub_due |= tx.erased;
        for log in &mut self.logs {
            log.integrate(&*self.db, self.time)?;
        }
        self.db.flush()?;
        Ok(written)
    }

    /// There was no room for the group, or a number in it was out of range, and that was said before its
    /// commit or instead of it: nothing of it is kept, so the outcome is known and the hub goes on (what
    /// R24 forbids is to go on when it is not). The jobs are dropped, which answers them `busy`.
    fn take_back(&mut self, edges: [RightEdge; 2], error: &StoreError) -> Result<(), StoreError> {
        self.db.take_back()?;
        for (log, edge) in self.logs.iter_mut().zip(edges) {
            log.edge = edge;
            log.entries.clear();
        }
        self.metrics.taken_back();
        tracing::error!(hub.fault = %error, "a group was taken back: nothing of it is kept, and the hub goes on");
        Ok(())
    }
}

pub(crate) struct Started {
    pub(crate) thread: SequencerThread,
    pub(crate) queue: Arc<Queue>,
    pub(crate) polls: Arc<Polls>,
    pub(crate) tiles: Arc<KeptTiles>,
    pub(crate) deposits: watch::Receiver<Arc<Published>>,
    pub(crate) directory: Arc<RwLock<Arc<directory::Current>>>,
}

/// Checks both logs of an open database and starts the thread.
pub(crate) fn start(
    db: Box<dyn HubStore>,
    config: &HubConfig,
    keys: &HubKeys,
    clock: Arc<dyn Clock + Send + Sync>,
    rng: Box<dyn rand_core::CryptoRng + Send>,
    metrics: &Arc<Metrics>,
) -> Result<Started, OpenError> {
    let origins = &config.origins;
    let logs = [
        Growing::load(&*db, LogId::Deposits, &origins.deposits, keys)?,
        Growing::load(&*db, LogId::Directory, &origins.directory, keys)?,
    ];
    follows(&*db, &config.newest_known)?;
    let [deposits, entries] = &logs;
    let time = db
        .log_head(LogId::Deposits)?
        .map_or(UnixTime(0), |h| h.time);
    let (send_deposits, watch_deposits) = watch::channel(Arc::new(deposits.publish()));
    let current = directory::Current::load(&*db, config.hub, entries.publish());
    let directory = Arc::new(RwLock::new(Arc::new(current.ok_or(OpenError::Directory)?)));
    let queue = Queue::new(config.queue);
    let polls = Polls::new(config.polls_max);
    let tiles = Arc::<KeptTiles>::default();
    let sequencer = Sequencer {
        db,
        clock,
        rng,
        logs,
        time,
        // A hub that was killed between an erasure and its scrub makes up for it.
        scrub_due: true,
        deposits: send_deposits,
        directory: Arc::clone(&directory),
        polls: Arc::clone(&polls),
        metrics: Arc::clone(metrics),
        tiles: Arc::clone(&tiles),
    };
    Ok(Started {
        thread: spawn(sequencer, Arc::clone(&queue))?,
        queue,
        polls,
        tiles,
        deposits: watch_deposits,
        directory,
    })
}

/// However the writer ends, nobody waits for it any more.
struct Ending {
    queue: Arc<Queue>,
    polls: Arc<Polls>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.queue.end();
        self.polls.end();
    }
}

fn spawn(mut sequencer: Sequencer, queue: Arc<Queue>) -> Result<SequencerThread, OpenError> {
    let ending = Ending {
        queue: Arc::clone(&queue),
        polls: Arc::clone(&sequencer.polls),
    };
    let run = move || {
        let _ending = ending;
        while let Some(Group { jobs, weight }) = queue.next_group() {
            let span =
                tracing::debug_span!("group", hub.jobs = jobs.len(), hub.items = weight.items);
            let _entered = span.enter();
            sequencer.metrics.group_size(jobs.len(), weight);
            if let Err(error) = sequencer.run(jobs) {
                tracing::error!(hub.fault = %error, "commit path failed: the hub stops");
                return Err(error);
            }
        }
        Ok(())
    };
    let thread = std::thread::Builder::new()
        .name("sequencer".into())
        .spawn(run);
    thread.map(SequencerThread).map_err(OpenError::Thread)
}

/// For whom and how much the writer is asked, and the deposits that will be looked for.
pub(crate) struct Asking {
    pub(crate) lane: Lane,
    pub(crate) weight: Weight,
    pub(crate) wanted: Vec<Wanted>,
}

impl crate::Shared {
    /// Runs `work` in the writer's next transaction and `answer` after its publication.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub(crate) async fn write<M: Send + 'static, R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<M, StoreError> + Send + 'static,
        answer: impl FnOnce(M, &After<'_>) -> R + Send + 'static,
    ) -> Result<R, NotTaken> {
        let asking = Asking {
            lane: Lane::shared(Class::Other),
            weight: Weight::default(),
            wanted: Vec::new(),
        };
        self.write_for(asking, work, answer).await
    }

    /// The same for one caller, whose jobs wait behind each other.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub(crate) async fn write_for<M: Send + 'static, R: Send + 'static>(
        &self,
        asking: Asking,
        work: impl FnOnce(&mut Tx<'_>) -> Result<M, StoreError> + Send + 'static,
        answer: impl FnOnce(M, &After<'_>) -> R + Send + 'static,
    ) -> Result<R, NotTaken> {
        if self.held.load(Ordering::Relaxed) {
            self.metrics.refused(Reason::Held);
            return Err(NotTaken::Busy);
        }
        self.queue(asking, work, answer).await
    }

    /// The same for what erases at one address or place, which goes on where there is little room.
    ///
    /// # Errors
    /// As for [`Self::write`].
    pub(crate) async fn erase<M: Send + 'static, R: Send + 'static>(
        &self,
        who: Vec<u8>,
        work: impl FnOnce(&mut Tx<'_>) -> Result<M, StoreError> + Send + 'static,
        answer: impl FnOnce(M, &After<'_>) -> R + Send + 'static,
    ) -> Result<R, NotTaken> {
        let asking = Asking {
            lane: Lane::new(Class::Erasing, who),
            weight: Weight::default(),
            wanted: Vec::new(),
        };
        self.queue(asking, work, answer).await
    }

    async fn queue<M: Send + 'static, R: Send + 'static>(
        &self,
        asking: Asking,
        work: impl FnOnce(&mut Tx<'_>) -> Result<M, StoreError> + Send + 'static,
        answer: impl FnOnce(M, &After<'_>) -> R + Send + 'static,
    ) -> Result<R, NotTaken> {
        let (send, receive) = oneshot::channel();
        let work: Box<Work> = Box::new(move |tx| {
            let made = work(tx)?;
            Ok(Box::new(move |after: &After<'_>| {
                // A client that has gone away asks again with the same deposit id.
                let _ = send.send(answer(made, after));
            }) as Answer)
        });
        let Asking {
            lane,
            weight,
            wanted,
        } = asking;
        match self.jobs.0.push(&lane, weight, Job { wanted, work }) {
            // Whoever is pushed out was not begun: it is dropped, which answers it `busy`.
            Ok(out) => out.iter().for_each(|_| self.metrics.refused(Reason::Queue)),
            Err(not) => {
                self.metrics.refused(Reason::of(not));
                return Err(not);
            }
        }
        receive.await.map_err(|_| NotTaken::Stopped)
    }
}
