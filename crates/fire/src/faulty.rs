//! A hub's database whose writer's calls fail as the contract allows them to, and as it does not.

use denizen_model::{AddressId, DepositId, Nonce, OrgId, Sha256Hash, UnixTime, deposit::Tombstone};
use denizen_store::{
    Fault as StoreFault, StoreError, Version,
    hub::{
        AddressRow, Addresses, Care, HubStore, LogHead, LogId, Logs, NewPlace, NewUpload,
        ObjectRow, Objects, Page, Passes, PlaceRow, Places, Public, RootRow, Transactions, Uploads,
        Wanted,
    },
};
use denizen_tlog::{Hash, Tile};
use rusqlite::ffi;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A call on the writer's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Begin of a transaction.
    Begin,
    /// What will be looked for.
    Prepare,
    /// An envelope.
    Place,
    /// A deposit id.
    Deposit,
    /// How full an address is.
    Fill,
    /// A tile of the log.
    Tile,
    /// Entries of the log.
    Bundle,
    /// The log's end.
    Head,
    /// What was collected is sent.
    Flush,
    /// The commit.
    Commit,
    /// What erased rows have left.
    Scrub,
}

impl Point {
    /// All, in the order of the way.
    pub const EVERY: [Self; 11] = [
        Self::Begin,
        Self::Prepare,
        Self::Place,
        Self::Deposit,
        Self::Fill,
        Self::Tile,
        Self::Bundle,
        Self::Head,
        Self::Flush,
        Self::Commit,
        Self::Scrub,
    ];
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing is done.
    Failed,
    /// It is done, and fails.
    FailedButPersisted,
    /// It is done, but not before [`Lever::release`].
    Late,
    /// A part is done, and it says that all is: the store lies.
    Short,
    /// Nothing is done, and it says that it is: the store lies.
    Dropped,
    /// The disk has failed.
    Eio,
    /// The disk is full.
    Enospc,
}

impl Fault {
    /// What the contract allows.
    pub const HONEST: [Self; 5] = [
        Self::Failed,
        Self::FailedButPersisted,
        Self::Late,
        Self::Eio,
        Self::Enospc,
    ];

    fn error(self) -> StoreError {
        let code = match self {
            Self::Eio => ffi::SQLITE_IOERR_FSYNC,
            Self::Enospc => ffi::SQLITE_FULL,
            _ => ffi::SQLITE_ERROR,
        };
        StoreError::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }
}

#[derive(Default)]
struct State {
    set: Option<(Point, Fault)>,
    happened: bool,
    waits: bool,
    released: bool,
}

/// Sets the next fault of a [`Faulty`] database, from outside.
#[derive(Clone, Default)]
pub struct Lever(Arc<(Mutex<State>, Condvar)>);

impl Lever {
    fn state(&self) -> MutexGuard<'_, State> {
        let (state, _) = &*self.0;
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call of this point fails like this, and no other.
    pub fn set(&self, point: Point, fault: Fault) {
        *self.state() = State {
            set: Some((point, fault)),
            ..State::default()
        };
    }

    /// Whether the call came.
    #[must_use]
    pub fn happened(&self) -> bool {
        self.state().happened
    }

    /// Whether a call waits to be released.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.state().waits
    }

    /// Lets a late call go on.
    pub fn release(&self) {
        self.state().released = true;
        self.0.1.notify_all();
    }

    fn pull(&self, point: Point) -> Option<Fault> {
        let mut state = self.state();
        let (_, fault) = state.set.take_if(|(at, _)| *at == point)?;
        state.happened = true;
        Some(fault)
    }

    fn wait(&self) {
        let mut state = self.state();
        state.waits = true;
        while !state.released {
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waits = false;
    }
}

/// A database with a lever.
pub struct Faulty {
    inner: Box<dyn HubStore>,
    lever: Lever,
}

impl Faulty {
    /// Puts a lever on a database.
    #[must_use]
    pub fn over(inner: Box<dyn HubStore>, lever: &Lever) -> Box<dyn HubStore> {
        let lever = lever.clone();
        Box::new(Self { inner, lever })
    }

    /// `done` with the fault that is set for this point; of `part`, if a part is to be done.
    fn at(
        &self,
        point: Point,
        done: impl FnOnce(&dyn HubStore) -> Result<(), StoreError>,
        part: impl FnOnce(&dyn HubStore) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.lever.pull(point) {
            None => done(&*self.inner),
            Some(Fault::Short) => part(&*self.inner),
            Some(Fault::Dropped) => Ok(()),
            Some(Fault::Late) => {
                self.lever.wait();
                done(&*self.inner)
            }
            Some(Fault::FailedButPersisted) => {
                done(&*self.inner)?;
                Err(Fault::FailedButPersisted.error())
            }
            Some(fault) => Err(fault.error()),
        }
    }
}

/// Nothing of it.
fn none(_: &dyn HubStore) -> Result<(), StoreError> {
    Ok(())
}

/// Calls that go through.
macro_rules! through {
    ($(fn $name:ident(&self $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {
        $(fn $name(&self $(, $argument: $type)*) -> Result<$result, StoreError> {
            self.inner.$name($($argument),*)
        })*
    };
}

impl Transactions for Faulty {
    fn begin(&self) -> Result<(), StoreError> {
        self.at(Point::Begin, |db| db.begin(), none)
    }

    fn prepare(&self, wanted: &[Wanted]) -> Result<(), StoreError> {
        self.at(Point::Prepare, |db| db.prepare(wanted), none)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.at(Point::Flush, |db| db.flush(), none)
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        match self.lever.pull(Point::Commit) {
            None => self.inner.commit(),
            Some(Fault::Late) => {
                self.lever.wait();
                self.inner.commit()
            }
            Some(Fault::FailedButPersisted) => {
                self.inner.commit()?;
                Err(Fault::FailedButPersisted.error())
            }
            Some(Fault::Short | Fault::Dropped) => self.inner.take_back(),
            Some(fault) => {
                self.inner.take_back()?;
                Err(fault.error())
            }
        }
    }

    fn scrub(&self) -> Result<bool, StoreError> {
        let mut done = true;
        let scrub = |db: &dyn HubStore| db.scrub().map(|all| done = all);
        self.at(Point::Scrub, scrub, none)?;
        Ok(done)
    }

    through! {
        fn take_back(&self) -> ();
        fn begin_reading(&self) -> ();
        fn end_reading(&self) -> ();
    }
}

impl Places for Faulty {
    fn insert_place(&self, id: &AddressId, new: &NewPlace<'_>) -> Result<(), StoreError> {
        let half = NewPlace {
            body: &new.body[..new.body.len() / 2],
            ..*new
        };
        let (done, part) = (
            |db: &dyn HubStore| db.insert_place(id, new),
            |db: &dyn HubStore| db.insert_place(id, &half),
        );
        self.at(Point::Place, done, part)
    }

    fn insert_deposit(
        &self,
        address: &AddressId,
        depositor: &[u8],
        id: &DepositId,
        pos: u64,
    ) -> Result<(), StoreError> {
        let done = |db: &dyn HubStore| db.insert_deposit(address, depositor, id, pos);
        self.at(Point::Deposit, done, none)
    }

    through! {
        fn places(&self, id: &AddressId, after: Option<u64>, size: u64, page: Page) -> Vec<PlaceRow>;
        fn place(&self, id: &AddressId, pos: u64) -> Option<PlaceRow>;
        fn pos_max(&self, id: &AddressId, size: u64) -> Option<u64>;
        fn tombstones(&self, id: &AddressId) -> Vec<Tombstone>;
        fn erase_place(&self, id: &AddressId, pos: u64) -> u64;
        fn deposit(&self, address: &AddressId, depositor: &[u8], id: &DepositId) -> Option<u64>;
    }
}

impl Addresses for Faulty {
    fn set_address_fill(
        &self,
        id: &AddressId,
        next_pos: u64,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let done = |db: &dyn HubStore| db.set_address_fill(id, next_pos, bytes);
        self.at(Point::Fill, done, none)
    }

    through! {
        fn insert_address(&self, id: &AddressId, row: &AddressRow) -> bool;
        fn address(&self, id: &AddressId) -> Option<AddressRow>;
        fn change_accepts(&self, id: &AddressId, version: u64, accepts: &str, frozen: bool) -> bool;
        fn shred_address(&self, address: &AddressId) -> ();
    }
}

impl Logs for Faulty {
    fn put_tile(&self, log: LogId, tile: &Tile) -> Result<(), StoreError> {
        let mut short = tile.clone();
        short.hashes.pop();
        let (done, part) = (
            |db: &dyn HubStore| db.put_tile(log, tile),
            |db: &dyn HubStore| db.put_tile(log, &short),
        );
        self.at(Point::Tile, done, part)
    }

    fn append_bundle(&self, log: LogId, index: u64, entries: &[u8]) -> Result<(), StoreError> {
        let half = &entries[..entries.len() - 1];
        let (done, part) = (
            |db: &dyn HubStore| db.append_bundle(log, index, entries),
            |db: &dyn HubStore| db.append_bundle(log, index, half),
        );
        self.at(Point::Bundle, done, part)
    }

    fn move_log_head(&self, log: LogId, old_size: u64, new: &LogHead) -> Result<(), StoreError> {
        let done = |db: &dyn HubStore| db.move_log_head(log, old_size, new);
        self.at(Point::Head, done, none)
    }

    through! {
        fn log_head(&self, log: LogId) -> Option<LogHead>;
        fn tile(&self, log: LogId, level: u32, index: u64) -> Option<Vec<Hash>>;
        fn bundle(&self, log: LogId, index: u64) -> Option<Vec<u8>>;
    }
}

impl Passes for Faulty {
    through! {
        fn use_pass(&self, bind: &[u8], period: i64, uses_max: u32) -> bool;
        fn use_bytes(&self, of: (&[u8], i64), bytes: u64, bytes_max: u64) -> bool;
    }
}

impl Uploads for Faulty {
    through! {
        fn begin_upload(&self, new: &NewUpload<'_>) -> ObjectRow;
        fn upload(&self, address: &AddressId, depositor: &[u8], deposit_id: &DepositId) -> Option<ObjectRow>;
        fn unfinished_uploads(&self, address: &AddressId, depositor: &[u8]) -> u64;
        fn append_part(&self, upload: &ObjectRow, bytes: &[u8], now: UnixTime) -> u64;
        fn hash_parts(&self, of: &ObjectRow) -> Sha256Hash;
        fn finish_upload(&self, upload: &ObjectRow, pos: u64) -> ();
    }
}

impl Objects for Faulty {
    through! {
        fn object(&self, address: &AddressId, id: &Sha256Hash) -> Option<ObjectRow>;
        fn object_places(&self, address: &AddressId, id: &Sha256Hash) -> Vec<u64>;
        fn object_bytes(&self, of: &ObjectRow, offset: u64, limit: usize) -> Vec<u8>;
        fn keep_object(&self, of: &ObjectRow) -> ();
        fn has_unpassed(&self, address: &AddressId, pos: u64) -> bool;
        fn pass_objects(&self, address: &AddressId, pos: u64, now: UnixTime) -> ();
        fn ended_objects(&self, unfinished: UnixTime, unread: UnixTime, limit: u32) -> Vec<ObjectRow>;
        fn remove_object(&self, of: &ObjectRow) -> ();
    }
}

impl Public for Faulty {
    through! {
        fn insert_root(&self, locator: &Nonce, owner: &[u8], body: &[u8]) -> bool;
        fn root(&self, locator: &Nonce) -> Option<RootRow>;
        fn delete_root(&self, locator: &Nonce) -> ();
        fn put_status(&self, org: &OrgId, list: &str, token: &str) -> ();
        fn status(&self, org: &OrgId, list: &str) -> Option<String>;
    }
}

impl Care for Faulty {
    fn inject(&mut self, fault: StoreFault) {
        self.inner.inject(fault);
    }

    through! {
        fn version(&self) -> Version;
        fn is_whole(&self) -> bool;
        fn size_bytes(&self) -> u64;
    }
}
