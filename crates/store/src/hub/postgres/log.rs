//! Tiles, bundles and heads in PostgreSQL.

use super::{Postgres, column, number, whole};
use crate::{
    StoreError,
    hub::{LogHead, LogId, Logs},
    signed,
};
use denizen_model::UnixTime;
use denizen_tlog::{Hash, Tile};

impl Logs for Postgres {
    fn log_head(&self, log: LogId) -> Result<Option<LogHead>, StoreError> {
        let sql = "SELECT size, root, time FROM log_head WHERE log = $1";
        let Some(row) = self.row(sql, &[&(log as i64)])? else {
            return Ok(None);
        };
        Ok(Some(LogHead {
            size: number(&row, 0)?,
            root: whole(&row, 1)?,
            time: UnixTime(column(&row, 2)?),
        }))
    }

    fn move_log_head(&self, log: LogId, old_size: u64, new: &LogHead) -> Result<(), StoreError> {
        let (log, size, root) = (log as i64, signed(new.size)?, new.root.as_slice());
        let count = if old_size == 0 {
            let sql = "INSERT INTO log_head (log, size, root, time) VALUES ($1, $2, $3, $4) \
                       ON CONFLICT DO NOTHING RETURNING size";
            self.write(sql, &[&log, &size, &root, &new.time.0])?
        } else {
            let sql = "UPDATE log_head SET size = $2, root = $3, time = $4 \
                       WHERE log = $1 AND size = $5 RETURNING size";
            let old = signed(old_size)?;
            self.write(sql, &[&log, &size, &root, &new.time.0, &old])?
        };
        if count == 1 {
            Ok(())
        } else {
            Err(StoreError::AnotherWriter)
        }
    }

    fn put_tile(&self, log: LogId, tile: &Tile) -> Result<(), StoreError> {
        let index = signed(tile.index)?;
        self.within(|unit| unit.put_tile(log, index, tile))
    }

    fn tile(&self, log: LogId, level: u32, index: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        let sql = "SELECT hashes FROM tile WHERE log = $1 AND level = $2 AND tile_index = $3";
        let row = self.row(sql, &[&(log as i64), &i64::from(level), &signed(index)?])?;
        let hashes = |row| Tile::decode_hashes(column(&row, 0)?).map_err(|_| StoreError::Damaged);
        row.map(hashes).transpose()
    }

    fn append_bundle(&self, log: LogId, index: u64, entries: &[u8]) -> Result<(), StoreError> {
        let index = signed(index)?;
        self.within(|unit| unit.append_bundle(log, index, entries))
    }

    fn bundle(&self, log: LogId, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT entries FROM bundle WHERE log = $1 AND bundle_index = $2";
        let row = self.row(sql, &[&(log as i64), &signed(index)?])?;
        row.map(|row| column(&row, 0)).transpose()
    }
}
