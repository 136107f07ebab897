//! Tiles, bundles and heads of the two logs.

use crate::{Database, StoreError, signed, unsigned};
use denizen_model::UnixTime;
use denizen_tlog::{Hash, Tile, TileError, TileReader, TileTree};
use rusqlite::{OptionalExtension, params};
use std::{
    borrow::Cow,
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One of the hub's two logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogId {
    /// Leaves of deposits.
    Deposits = 0,
    /// Readable statements.
    Directory = 1,
}

/// The durable end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// Number of leaves.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// Hub time of the newest leaf.
    pub time: UnixTime,
}

/// Tiles, bundles and heads. None of it belongs to an address.
pub trait Logs {
    /// The durable end of a log; none before its first leaf.
    ///
    /// # Errors
    /// [`StoreError`].
    fn log_head(&self, log: LogId) -> Result<Option<LogHead>, StoreError>;

    /// Moves the end of a log from `old_size` to `new`: compare-and-swap.
    ///
    /// # Errors
    /// [`StoreError::AnotherWriter`] if the stored size is not `old_size`.
    fn move_log_head(&self, log: LogId, old_size: u64, new: &LogHead) -> Result<(), StoreError>;

    /// Writes a hash tile; a partial one is replaced by a wider one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn put_tile(&self, log: LogId, tile: &Tile) -> Result<(), StoreError>;

    /// A hash tile.
    ///
    /// # Errors
    /// [`StoreError`].
    fn tile(&self, log: LogId, level: u32, index: u64) -> Result<Option<Vec<Hash>>, StoreError>;

    /// Appends encoded entries to a bundle.
    ///
    /// # Errors
    /// [`StoreError`].
    fn append_bundle(&self, log: LogId, index: u64, entries: &[u8]) -> Result<(), StoreError>;

    /// An entry bundle, with all entries that it has now.
    ///
    /// # Errors
    /// [`StoreError`].
    fn bundle(&self, log: LogId, index: u64) -> Result<Option<Vec<u8>>, StoreError>;
}

impl Logs for Database {
    fn log_head(&self, log: LogId) -> Result<Option<LogHead>, StoreError> {
        let sql = "SELECT size, root, time FROM log_head WHERE log = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let row = statement.query_row(params![log as i64], |r| {
            Ok((
                r.get::<_, i64>(0)?,
                r.get::<_, Hash>(1)?,
                r.get::<_, i64>(2)?,
            ))
        });
        row.optional()?
            .map(|(size, root, time)| {
                Ok(LogHead {
                    size: unsigned(size)?,
                    root,
                    time: UnixTime(time),
                })
            })
            .transpose()
    }

    fn move_log_head(&self, log: LogId, old_size: u64, new: &LogHead) -> Result<(), StoreError> {
        let (size, log) = (signed(new.size)?, log as i64);
        let count = if old_size == 0 {
            let sql = "INSERT INTO log_head (log, size, root, time) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT DO NOTHING";
            self.sql()
                .prepare_cached(sql)?
                .execute(params![log, size, new.root, new.time.0])?
        } else {
            let sql = "UPDATE log_head SET size = ?2, root = ?3, time = ?4 \
                       WHERE log = ?1 AND size = ?5";
            let params = params![log, size, new.root, new.time.0, signed(old_size)?];
            self.sql().prepare_cached(sql)?.execute(params)?
        };
        if count == 1 {
            Ok(())
        } else {
            Err(StoreError::AnotherWriter)
        }
    }

    fn put_tile(&self, log: LogId, tile: &Tile) -> Result<(), StoreError> {
        let sql = "INSERT INTO tile (log, level, tile_index, hashes) VALUES (?1, ?2, ?3, ?4) \
                   ON CONFLICT (log, level, tile_index) DO UPDATE SET hashes = excluded.hashes";
        let params = params![log as i64, tile.level, signed(tile.index)?, tile.encode()];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn tile(&self, log: LogId, level: u32, index: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        let sql = "SELECT hashes FROM tile WHERE log = ?1 AND level = ?2 AND tile_index = ?3";
        let mut statement = self.sql().prepare_cached(sql)?;
        let bytes: Option<Vec<u8>> = statement
            .query_row(params![log as i64, level, signed(index)?], |r| r.get(0))
            .optional()?;
        bytes
            .map(|b| Tile::decode_hashes(&b).map_err(|_| StoreError::Damaged))
            .transpose()
    }

    fn append_bundle(&self, log: LogId, index: u64, entries: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO bundle (log, bundle_index, entries) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (log, bundle_index) \
                   DO UPDATE SET entries = CAST(entries || excluded.entries AS BLOB)";
        let params = params![log as i64, signed(index)?, entries];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    fn bundle(&self, log: LogId, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT entries FROM bundle WHERE log = ?1 AND bundle_index = ?2";
        let mut statement = self.sql().prepare_cached(sql)?;
        Ok(statement
            .query_row(params![log as i64, signed(index)?], |r| r.get(0))
            .optional()?)
    }
}

/// A log's tiles as stored, each read once.
pub struct StoredTiles<'a> {
    database: &'a dyn Logs,
    log: LogId,
    kept: Option<&'a KeptTiles>,
    read: RefCell<HashMap<(u32, u64), Arc<TileTree>>>,
}

/// Tiles that are kept between proofs, with the nodes over their hashes: most proofs of a moment are for
/// what is new, and share them. A log only grows, so a tile stays good as far as it goes.
#[derive(Default)]
pub struct KeptTiles(Mutex<HashMap<(LogId, u32, u64), Arc<TileTree>>>);

/// Tiles that are kept; then it begins anew. One takes some 18 KiB.
const KEPT_TILES_MAX: usize = 64;

impl KeptTiles {
    fn tiles(&self) -> MutexGuard<'_, HashMap<(LogId, u32, u64), Arc<TileTree>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, key: (LogId, u32, u64), tile: &Arc<TileTree>) {
        let mut tiles = self.tiles();
        if tiles.len() >= KEPT_TILES_MAX && !tiles.contains_key(&key) {
            tiles.clear();
        }
        tiles.insert(key, Arc::clone(tile));
    }
}

impl<'a> StoredTiles<'a> {
    /// The tiles of a log.
    #[must_use]
    pub fn new(database: &'a dyn Logs, log: LogId) -> Self {
        Self {
            database,
            log,
            kept: None,
            read: RefCell::default(),
        }
    }

    /// The same, with what is kept of them. What is read must be committed.
    #[must_use]
    pub fn kept(database: &'a dyn Logs, log: LogId, kept: &'a KeptTiles) -> Self {
        Self {
            kept: Some(kept),
            ..Self::new(database, log)
        }
    }

    /// A tile with at least `width` hashes.
    fn tree(&self, level: u32, index: u64, width: usize) -> Result<Arc<TileTree>, TileError> {
        let is_whole = |tile: &&Arc<TileTree>| tile.hashes().len() >= width;
        let mut read = self.read.borrow_mut();
        if let Some(tile) = read.get(&(level, index)) {
            let tile = Some(tile).filter(is_whole);
            return tile.cloned().ok_or(TileError::Missing);
        }
        let key = (self.log, level, index);
        let kept = self.kept.and_then(|kept| kept.tiles().get(&key).cloned());
        let tile = if let Some(tile) = kept.as_ref().filter(is_whole) {
            Arc::clone(tile)
        } else {
            let hashes = self.database.tile(self.log, level, index).ok().flatten();
            let tile = Arc::new(TileTree::new(hashes.ok_or(TileError::Missing)?));
            if let Some(kept) = self.kept {
                kept.keep(key, &tile);
            }
            tile
        };
        read.insert((level, index), Arc::clone(&tile));
        Some(&tile)
            .filter(is_whole)
            .cloned()
            .ok_or(TileError::Missing)
    }
}

impl TileReader for StoredTiles<'_> {
    fn tile(&self, level: u32, index: u64, width: usize) -> Result<Cow<'_, [Hash]>, TileError> {
        let tile = self.tree(level, index, width)?;
        Ok(Cow::Owned(tile.hashes().to_vec()))
    }

    fn node(
        &self,
        (level, index, width): (u32, u64, usize),
        at: usize,
        height: u32,
    ) -> Result<Hash, TileError> {
        let tile = self.tree(level, index, width)?;
        tile.node(at, height).ok_or(TileError::Missing)
    }
}
