//! Cases: applications, their evidence under a key of their own, their end.

use super::GatewayStore;
use crate::StoreError;
use denizen_model::{AddressId, MessageId, UnixTime};
use rusqlite::{OptionalExtension, Row, params};

/// A case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// Drawn by the gateway.
    pub case_reference: String,
    /// The application's thread.
    pub thread: MessageId,
    /// The applicant's address.
    pub address: AddressId,
    /// The caller's number of its state.
    pub state: u8,
    /// The service's name.
    pub service: String,
    /// When it was filed.
    pub filed: UnixTime,
    /// When a decision is due.
    pub due: UnixTime,
    /// When what is kept of it is destroyed; none before the decision.
    pub retain_until: Option<UnixTime>,
    /// The case's key, encrypted, and its body under that key; none once destroyed.
    pub sealed: Option<(Vec<u8>, Vec<u8>)>,
    /// Something came that an officer has not seen.
    pub flagged: bool,
}

/// What changes in a case.
#[derive(Debug, Clone, Copy)]
pub struct CaseChange<'a> {
    /// Its state.
    pub state: u8,
    /// When what is kept of it is destroyed.
    pub retain_until: Option<UnixTime>,
    /// Whether something came that an officer has not seen.
    pub flagged: bool,
    /// The new body; none destroys key and body.
    pub body: Option<&'a [u8]>,
}

const COLUMNS: &str = "case_reference, thread, address, state, service, filed, due, \
                       retain_until, wrapped_key, body, flagged";

fn case(r: &Row<'_>) -> rusqlite::Result<CaseRow> {
    let retain_until: Option<i64> = r.get(7)?;
    let sealed: (Option<Vec<u8>>, Option<Vec<u8>>) = (r.get(8)?, r.get(9)?);
    Ok(CaseRow {
        case_reference: r.get(0)?,
        thread: MessageId::new(r.get(1)?),
        address: AddressId::new(r.get(2)?),
        state: r.get(3)?,
        service: r.get(4)?,
        filed: UnixTime(r.get(5)?),
        due: UnixTime(r.get(6)?),
        retain_until: retain_until.map(UnixTime),
        sealed: sealed.0.zip(sealed.1),
        flagged: r.get(10)?,
    })
}

impl GatewayStore {
    /// Adds a case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn insert_case(&self, row: &CaseRow) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO case_file ({COLUMNS}) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        );
        self.sql().execute(
            &sql,
            params![
                row.case_reference,
                row.thread.as_bytes(),
                row.address.as_bytes(),
                row.state,
                row.service,
                row.filed.0,
                row.due.0,
                row.retain_until.map(|t| t.0),
                row.sealed.as_ref().map(|s| &s.0),
                row.sealed.as_ref().map(|s| &s.1),
                row.flagged,
            ],
        )?;
        Ok(())
    }

    /// A case by its reference.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn case(&self, case_reference: &str) -> Result<Option<CaseRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM case_file WHERE case_reference = ?1");
        let mut statement = self.sql().prepare_cached(&sql)?;
        Ok(statement
            .query_row(params![case_reference], case)
            .optional()?)
    }

    /// The queue: all cases by their due date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn cases(&self) -> Result<Vec<CaseRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM case_file ORDER BY due, case_reference");
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map([], case)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A page of the queue: of one service or all, in one state or all, after a line of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn cases_after(
        &self,
        (service, state): (Option<&str>, Option<u8>),
        after: Option<(UnixTime, &str)>,
        max: u32,
    ) -> Result<Vec<CaseRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM case_file WHERE (?1 IS NULL OR service = ?1) \
             AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR (due, case_reference) > (?3, ?4)) \
             ORDER BY due, case_reference LIMIT ?5"
        );
        let mut statement = self.sql().prepare_cached(&sql)?;
        let (due, reference) = (after.map(|a| a.0.0), after.map(|a| a.1));
        let rows = statement.query_map(params![service, state, due, reference, max], case)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Cases whose retention has ended and that still have a body.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn cases_to_destroy(&self, now: UnixTime) -> Result<Vec<CaseRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM case_file WHERE retain_until <= ?1 AND body IS NOT NULL"
        );
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![now.0], case)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Changes a case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn change_case(
        &self,
        case_reference: &str,
        change: CaseChange<'_>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE case_file SET state = ?2, retain_until = ?3, body = ?4, flagged = ?5, \
                   wrapped_key = CASE WHEN ?4 IS NULL THEN NULL ELSE wrapped_key END \
                   WHERE case_reference = ?1";
        self.sql().execute(
            sql,
            params![
                case_reference,
                change.state,
                change.retain_until.map(|t| t.0),
                change.body,
                change.flagged,
            ],
        )?;
        self.destroyed();
        Ok(())
    }

    /// A link's case by the application's thread.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn case_of_thread(
        &self,
        address: &AddressId,
        thread: &MessageId,
    ) -> Result<Option<CaseRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM case_file WHERE address = ?1 AND thread = ?2");
        let mut statement = self.sql().prepare_cached(&sql)?;
        Ok(statement
            .query_row(params![address.as_bytes(), thread.as_bytes()], case)
            .optional()?)
    }

    /// The cases of a link, by their due date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn cases_of(&self, address: &AddressId) -> Result<Vec<CaseRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM case_file WHERE address = ?1 ORDER BY due, case_reference"
        );
        let mut statement = self.sql().prepare_cached(&sql)?;
        let rows = statement.query_map(params![address.as_bytes()], case)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Everything that is in hand of one link goes on with another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn move_cases(&self, from: &AddressId, to: &AddressId) -> Result<(), StoreError> {
        for sql in [
            "UPDATE case_file SET address = ?2 WHERE address = ?1",
            "UPDATE note SET address = ?2 WHERE address = ?1",
        ] {
            self.sql()
                .execute(sql, params![from.as_bytes(), to.as_bytes()])?;
        }
        Ok(())
    }
}
