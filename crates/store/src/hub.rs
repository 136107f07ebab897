//! The hub's rows, by use: addresses, places (envelopes, objects and tombstones), logs, small public
//! things.
//!
//! Methods that write are called between [`crate::Database::begin`] and [`crate::Database::commit`]
//! by the one writer; nothing is durable before the commit returned. Readers see whole commits.

mod address;
mod log;
mod object;
mod place;
mod public;

pub use address::AddressRow;
pub use log::{LogHead, LogId, StoredTiles};
pub use object::{NewUpload, ObjectRow};
pub use place::{NewPlace, PlaceRow};
pub use public::RootRow;

use crate::{Database, Migration, StoreError, Version};
use std::path::Path;

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

/// Opens or makes a hub's database for its one writer.
///
/// # Errors
/// [`StoreError`].
pub fn open(path: &Path) -> Result<Database, StoreError> {
    Database::open(path, &MIGRATIONS)
}

/// How a hub's database stands to this program; changes nothing.
///
/// # Errors
/// [`StoreError`].
pub fn version(database: &Database) -> Result<Version, StoreError> {
    database.version(&MIGRATIONS)
}
