//! A hub's rows, by use: addresses, places (envelopes, objects and tombstones), logs, small public
//! things. [`contract`] says what every engine promises; SQLite's rows are in the files of
//! their traits, PostgreSQL's in files of the same names.

mod address;
pub mod contract;
mod log;
mod moving;
mod object;
mod place;
mod postgres;
mod public;
mod sqlite;

pub use address::{AddressRow, Addresses, Passes};
pub use contract::{Care, HubStore, Transactions, Wanted};
pub use log::{KeptTiles, LogHead, LogId, Logs, StoredTiles};
pub use moving::{Arrived, Move};
pub use object::{NewUpload, ObjectRow, Objects, Uploads};
pub use place::{NewPlace, Page, PlaceRow, Places};
pub use public::{Public, RootRow};

use crate::{Database, Migration, Server, StoreError, Version, postgres::Connections};
use postgres::Postgres;
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

const MIGRATIONS: [Migration; 4] = [
    Migration {
        name: "0001_init.sql",
        sql: include_str!("../sql/hub/0001_init.sql"),
    },
    Migration {
        name: "0002_objects.sql",
        sql: include_str!("../sql/hub/0002_objects.sql"),
    },
    Migration {
        name: "0003_tombstones.sql",
        sql: include_str!("../sql/hub/0003_tombstones.sql"),
    },
    Migration {
        name: "0004_deposit_hash.sql",
        sql: include_str!("../sql/hub/0004_deposit_hash.sql"),
    },
];

/// Where a hub's database is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of a PostgreSQL server.
    Server(Box<Server>),
}

impl Location {
    /// Bytes of a database file and of its write-ahead log; none of a server, or where there is no file.
    #[must_use]
    pub fn file_bytes(&self) -> Option<(u64, u64)> {
        let Self::File(file) = self else { return None };
        let mut log = file.clone().into_os_string();
        log.push("-wal");
        let log = std::fs::metadata(log).map_or(0, |log| log.len());
        Some((std::fs::metadata(file).ok()?.len(), log))
    }
}

impl From<PathBuf> for Location {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

/// Opens or makes a hub's database for its one writer.
///
/// # Errors
/// [`StoreError`].
pub fn open(at: &Location) -> Result<Box<dyn HubStore>, StoreError> {
    open_limited(at, None)
}

/// The same; a file grows by this many pages and no further, as if the disk were full then: for tests.
///
/// # Errors
/// [`StoreError`].
pub fn open_limited(
    at: &Location,
    grow_pages_max: Option<u32>,
) -> Result<Box<dyn HubStore>, StoreError> {
    match at {
        Location::File(file) => {
            let database = Database::open(file, &MIGRATIONS)?;
            if grow_pages_max.is_some() {
                database.limit_growth(grow_pages_max)?;
            }
            Ok(Box::new(database))
        }
        Location::Server(server) => Ok(Box::new(Postgres::writer(server)?)),
    }
}

/// Reads a hub's database beside its writer.
pub enum Readers {
    /// Connections to a file: as many as read at once.
    File(FileReaders),
    /// Several connections to a server.
    Server(Connections),
}

impl Readers {
    /// Opens an existing database.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(at: &Location) -> Result<Self, StoreError> {
        match at {
            Location::File(file) => Ok(Self::File(FileReaders {
                idle: Mutex::new(vec![Database::open_reader(file)?]),
                file: file.clone(),
            })),
            Location::Server(server) => Ok(Self::Server(Connections::open(server)?)),
        }
    }

    /// Reads; waits, so that it is not called from asynchronous code.
    ///
    /// # Errors
    /// [`StoreError`] if there is no connection, and those of `read`.
    pub fn with<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&dyn HubStore) -> Result<T, E>,
    ) -> Result<T, E> {
        match self {
            Self::File(readers) => readers.with(read),
            Self::Server(connections) => read(&Postgres::reader(connections)?),
        }
    }
}

/// Connections that read a file; those that rest are kept for the next. Whoever reads bounds how many.
pub struct FileReaders {
    file: PathBuf,
    idle: Mutex<Vec<Database>>,
}

impl FileReaders {
    fn idle(&self) -> MutexGuard<'_, Vec<Database>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&dyn HubStore) -> Result<T, E>,
    ) -> Result<T, E> {
        let idle = self.idle().pop();
        let database = match idle {
            Some(database) => database,
            None => Database::open_reader(&self.file)?,
        };
        let result = read(&database);
        // One that ended in the middle would hand on its old moment.
        if database.is_at_rest() {
            self.idle().push(database);
        }
        result
    }
}

/// How a hub's database file stands to this program; changes nothing.
///
/// # Errors
/// [`StoreError`].
pub fn version(database: &Database) -> Result<Version, StoreError> {
    database.version(&MIGRATIONS)
}
