//! The end of a log as a database has it: whether it is whole (R23), and whether it follows the
//! newest checkpoint that is known from elsewhere. A restored backup does not: it is a rollback (R12).

use crate::{HubConfig, directory, log::OpenError};
use denizen_model::{directory::Directory, statement::Origins};
use denizen_store::hub::{HubStore, LogId, Readers, StoredTiles};
use denizen_tlog::{Checkpoint, Hash, RightEdge, TILE_WIDTH, decode_bundle, empty_root, hash_leaf};

/// The newest checkpoints that were seen outside the database, verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewestKnown {
    /// Of the deposits.
    pub deposits: Option<Checkpoint>,
    /// Of the directory.
    pub directory: Option<Checkpoint>,
}

impl NewestKnown {
    /// The ends of a database that is there, as something that another one must follow.
    #[must_use]
    pub fn of(origins: &Origins, ends: &Ends) -> Self {
        let checkpoint = |origin: &str, (size, root)| Checkpoint {
            origin: origin.to_owned(),
            size,
            root,
        };
        Self {
            deposits: Some(checkpoint(&origins.deposits, ends.deposits)),
            directory: Some(checkpoint(&origins.directory, ends.directory)),
        }
    }
}

/// Size and root of both logs of a database whose ends are whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Leaves and root of the deposits.
    pub deposits: (u64, Hash),
    /// Leaves and root of the directory.
    pub directory: (u64, Hash),
}

/// Reads the ends of both logs without writing, beside a serving hub too.
///
/// # Errors
/// [`OpenError`]: also if the database does not follow `config.newest_known`, or is another hub's.
pub fn read_ends(config: &HubConfig) -> Result<Ends, OpenError> {
    read_snapshot(config, |db| {
        let end = |log| whole_end(db, log).map(|edge| (edge.size(), edge.root()));
        let ends = Ends {
            deposits: end(LogId::Deposits)?,
            directory: end(LogId::Directory)?,
        };
        follows(db, &config.newest_known)?;
        let replayed = directory::replay(db, config.hub, ends.directory.0);
        replayed.map(|_| ends).ok_or(OpenError::Directory)
    })
}

/// Reads what the directory says, without writing, beside a serving hub too.
///
/// # Errors
/// [`OpenError`].
pub fn read_directory(config: &HubConfig) -> Result<Directory, OpenError> {
    read_snapshot(config, |db| {
        let head = db.log_head(LogId::Directory)?;
        let size = head.map_or(0, |head| head.size);
        let replayed = directory::replay(db, config.hub, size);
        replayed
            .map(|(directory, _)| directory)
            .ok_or(OpenError::Directory)
    })
}

/// Reads a database of one moment.
fn read_snapshot<T>(
    config: &HubConfig,
    read: impl FnOnce(&dyn HubStore) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    Readers::open(&config.database)?.with(|db| db.snapshot(read))
}

/// The right edge of a log, if tiles, entries and head agree.
pub(crate) fn whole_end(db: &dyn HubStore, log: LogId) -> Result<RightEdge, OpenError> {
    let head = db.log_head(log)?;
    let (size, root) = head.map_or((0, empty_root()), |h| (h.size, h.root));
    let edge = RightEdge::load(&StoredTiles::new(db, log), size);
    let edge = edge.map_err(|_| OpenError::RightEdge)?;
    if edge.root() == root && last_bundle_matches(db, log, size)? {
        Ok(edge)
    } else {
        Err(OpenError::RightEdge)
    }
}

/// Whether the entries of the last bundle are the leaves of the last tile.
fn last_bundle_matches(db: &dyn HubStore, log: LogId, size: u64) -> Result<bool, OpenError> {
    let Some(last) = size.checked_sub(1) else {
        return Ok(true);
    };
    let index = last / TILE_WIDTH as u64;
    let (bundle, tile) = (db.bundle(log, index)?, db.tile(log, 0, index)?);
    let (Some(bundle), Some(tile)) = (bundle, tile) else {
        return Ok(false);
    };
    let entries = decode_bundle(&bundle).unwrap_or_default();
    let leaves: Vec<Hash> = entries.iter().map(|e| hash_leaf(e)).collect();
    Ok(leaves == tile)
}

/// Whether both logs hold what is known of them.
pub(crate) fn follows(db: &dyn HubStore, known: &NewestKnown) -> Result<(), OpenError> {
    let logs = [
        ("deposits", LogId::Deposits, &known.deposits),
        ("directory", LogId::Directory, &known.directory),
    ];
    for (name, log, known) in logs {
        let Some(known) = known else { continue };
        let stored = db.log_head(log)?.map_or(0, |head| head.size);
        if stored < known.size {
            return Err(OpenError::RolledBack {
                log: name,
                stored,
                known: known.size,
            });
        }
        let tiles = StoredTiles::new(db, log);
        let then = RightEdge::load(&tiles, known.size).map_err(|_| OpenError::RightEdge)?;
        if then.root() != known.root {
            let size = known.size;
            return Err(OpenError::Forked { log: name, size });
        }
    }
    Ok(())
}
