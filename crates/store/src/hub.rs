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
pub use log::{LogHead, LogId, Logs, StoredTiles};
pub use moving::{Arrived, Move};
pub use object::{NewUpload, ObjectRow, Objects, Uploads};
pub use place::{NewPlace, PlaceRow, Places};
pub use public::{Public, RootRow};

use crate::{Database, Migration, Server, StoreError, Version, postgres::Connections};
use postgres::Postgres;
use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

const MIGRATIONS: [Migration; 2] = [
    Migration {
        name: "0001_init.sql",
        sql: include_str!("../sql/hub/0001_init.sql"),
    },
    Migration {
        name: "0002_objects.sql",
        sql: include_str!("../sql/hub/0002_objects.sql"),
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
    /// One connection, one reader at a time.
    File(Mutex<Database>),
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
            Location::File(file) => Ok(Self::File(Mutex::new(Database::open_reader(file)?))),
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
            Self::File(database) => read(&*database.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::Server(connections) => read(&Postgres::reader(connections)?),
        }
    }
}

/// How a hub's database file stands to this program; changes nothing.
///
/// # Errors
/// [`StoreError`].
pub fn version(database: &Database) -> Result<Version, StoreError> {
    database.version(&MIGRATIONS)
}
