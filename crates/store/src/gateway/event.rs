//! What happened, for the organisation's own systems, and where it is told.

use super::{GatewayStore, Pause};
use crate::StoreError;
use denizen_model::UnixTime;
use rusqlite::{OptionalExtension, Row, params};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: UnixTime,
    /// Its stable kind.
    pub kind: String,
    /// Ids and references, encrypted.
    pub body: Vec<u8>,
}

/// Where events are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRow {
    /// What the organisation calls it.
    pub label: String,
    /// The kinds that it is told, space-delimited; empty for all.
    pub kinds: String,
    /// URL and secret, encrypted.
    pub body: Vec<u8>,
    /// Since when every attempt has failed.
    pub failing_since: Option<UnixTime>,
    /// Since when nothing is told.
    pub disabled: Option<UnixTime>,
}

/// A telling that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// The hook's label.
    pub hook: String,
    /// What is told.
    pub event: EventRow,
    /// How often it was tried.
    pub tries: u32,
}

fn hook(r: &Row<'_>) -> rusqlite::Result<HookRow> {
    let (failing, disabled): (Option<i64>, Option<i64>) = (r.get(3)?, r.get(4)?);
    Ok(HookRow {
        label: r.get(0)?,
        kinds: r.get(1)?,
        body: r.get(2)?,
        failing_since: failing.map(UnixTime),
        disabled: disabled.map(UnixTime),
    })
}

fn event(r: &Row<'_>) -> rusqlite::Result<EventRow> {
    Ok(EventRow {
        number: r.get(0)?,
        at: UnixTime(r.get(1)?),
        kind: r.get(2)?,
        body: r.get(3)?,
    })
}

const HOOK: &str = "label, kinds, body, failing_since, disabled";

impl GatewayStore {
    /// Writes down what happened, and that every hook that wants it is told; gives its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_event(&self, at: UnixTime, kind: &str, body: &[u8]) -> Result<i64, StoreError> {
        let sql = "INSERT INTO event (at, kind, body) VALUES (?1, ?2, ?3)";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![at.0, kind, body])?;
        let number = self.sql().last_insert_rowid();
        let sql = "INSERT INTO hook_due (hook, event, tries, until) SELECT label, ?1, 0, 0 FROM hook \
                   WHERE disabled IS NULL AND (kinds = '' OR instr(' ' || kinds || ' ', ' ' || ?2 || ' ') > 0)";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![number, kind])?;
        Ok(number)
    }

    /// What happened after a number, oldest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn events_after(&self, number: i64, max: u32) -> Result<Vec<EventRow>, StoreError> {
        let sql = "SELECT number, at, kind, body FROM event WHERE number > ?1 \
                   ORDER BY number LIMIT ?2";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![number, max], event)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets what happened before a time and is told, or cannot be; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_events(&self, before: UnixTime) -> Result<usize, StoreError> {
        let sql = "DELETE FROM event WHERE at < ?1 \
                   AND NOT EXISTS (SELECT 1 FROM hook_due WHERE hook_due.event = event.number)";
        Ok(self.sql().execute(sql, params![before.0])?)
    }

    /// Adds a hook; `false` if one has this label.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_hook(&self, row: &HookRow) -> Result<bool, StoreError> {
        let sql = "INSERT INTO hook (label, kinds, body) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (label) DO NOTHING";
        let count = self
            .sql()
            .execute(sql, params![row.label, row.kinds, row.body])?;
        Ok(count == 1)
    }

    /// All hooks by their labels.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hooks(&self) -> Result<Vec<HookRow>, StoreError> {
        let sql = format!("SELECT {HOOK} FROM hook ORDER BY label");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map([], hook)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A hook.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn hook(&self, label: &str) -> Result<Option<HookRow>, StoreError> {
        let sql = format!("SELECT {HOOK} FROM hook WHERE label = ?1");
        let mut statement = self.sql().prepare_cached(&sql)?;
        Ok(statement.query_row(params![label], hook).optional()?)
    }

    /// Removes a hook and what it has not been told; `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_hook(&self, label: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM hook_due WHERE hook = ?1";
        self.sql().execute(sql, params![label])?;
        let sql = "DELETE FROM hook WHERE label = ?1";
        let count = self.sql().execute(sql, params![label])?;
        self.destroyed();
        Ok(count == 1)
    }

    /// Stops telling a hook, or goes on; what is due stays due. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_hook_disabled(
        &self,
        label: &str,
        disabled: Option<UnixTime>,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE hook SET disabled = ?2, failing_since = NULL WHERE label = ?1";
        let row = params![label, disabled.map(|at| at.0)];
        let count = self.sql().execute(sql, row)?;
        if disabled.is_none() {
            let sql = "UPDATE hook_due SET tries = 0, until = 0 WHERE hook = ?1";
            self.sql().execute(sql, params![label])?;
        }
        Ok(count == 1)
    }

    /// What is to be told now, oldest first, at most so many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn due(&self, now: UnixTime, max: u32) -> Result<Vec<DueRow>, StoreError> {
        let sql = "SELECT number, at, kind, event.body, hook, tries FROM hook_due \
                   JOIN event ON event.number = hook_due.event JOIN hook ON label = hook \
                   WHERE until <= ?1 AND disabled IS NULL ORDER BY number LIMIT ?2";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![now.0, max], |r| {
            Ok(DueRow {
                event: event(r)?,
                hook: r.get(4)?,
                tries: r.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// An event was told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn told(&self, hook: &str, event: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM hook_due WHERE hook = ?1 AND event = ?2";
        self.sql().execute(sql, params![hook, event])?;
        let sql = "UPDATE hook SET failing_since = NULL WHERE label = ?1";
        self.sql().execute(sql, params![hook])?;
        Ok(())
    }

    /// Telling failed: it is tried again after a pause, longer each time, and what else this hook is to
    /// be told waits behind it. Gives since when it has failed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn not_told(
        &self,
        due: &DueRow,
        pause: Pause,
        now: UnixTime,
    ) -> Result<UnixTime, StoreError> {
        let sql = "UPDATE hook_due SET tries = ?3, until = ?4 WHERE hook = ?1 AND event = ?2";
        let until = pause.until(i64::from(due.tries), now).0;
        let tries = due.tries.saturating_add(1);
        self.sql()
            .execute(sql, params![due.hook, due.event.number, tries, until])?;
        let sql = "UPDATE hook_due SET until = MAX(until, ?2) WHERE hook = ?1";
        self.sql().execute(sql, params![due.hook, until])?;
        let sql = "UPDATE hook SET failing_since = COALESCE(failing_since, ?2) WHERE label = ?1 \
                   RETURNING failing_since";
        let since = self
            .sql()
            .query_row(sql, params![due.hook, now.0], |r| r.get(0))
            .optional()?;
        Ok(since.map_or(now, UnixTime))
    }

    /// How many tellings wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn due_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM hook_due";
        crate::unsigned(self.sql().query_row(sql, [], |r| r.get(0))?)
    }
}
