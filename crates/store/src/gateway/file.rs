//! Files of cases, disputes and notes; objects that come and go.

use super::{GatewayStore, SentRow};
use crate::{StoreError, signed, unsigned};
use denizen_model::{DepositId, Sha256Hash};
use rusqlite::{OptionalExtension, params};

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Its number at the desk.
    pub number: i64,
    /// The case, dispute or note that it belongs to.
    pub owner: String,
    /// What it is, encrypted.
    pub body: Vec<u8>,
    /// Its content, encrypted; none if it never came.
    pub content: Option<Vec<u8>>,
}

/// A sealed object on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingObject {
    /// Drawn once.
    pub deposit_id: DepositId,
    /// SHA-256 of its bytes.
    pub id: Sha256Hash,
    /// The ciphertext.
    pub bytes: Vec<u8>,
}

impl GatewayStore {
    /// Notes an object that lies in the inbox.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn note_inbox_object(&self, id: &Sha256Hash, pos: u64) -> Result<(), StoreError> {
        let sql = "INSERT INTO inbox_object (id, pos) VALUES (?1, ?2) \
                   ON CONFLICT (id) DO UPDATE SET pos = excluded.pos";
        let params = params![id.as_bytes(), signed(pos)?];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    /// Where an object lies in the inbox, if the hub has shown it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn inbox_object(&self, id: &Sha256Hash) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT pos FROM inbox_object WHERE id = ?1";
        let mut statement = self.sql().prepare_cached(sql)?;
        let pos = statement.query_row(params![id.as_bytes()], |r| r.get::<_, i64>(0));
        pos.optional()?.map(unsigned).transpose()
    }

    /// Keeps the next bytes of an object that is being fetched.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_inbox_part(
        &self,
        id: &Sha256Hash,
        start: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO inbox_object_part (id, start, bytes) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (id, start) DO UPDATE SET bytes = excluded.bytes";
        let params = params![id.as_bytes(), signed(start)?, bytes];
        self.sql().prepare_cached(sql)?.execute(params)?;
        Ok(())
    }

    /// What came of an object so far.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a part is missing.
    pub fn inbox_bytes(&self, id: &Sha256Hash) -> Result<Vec<u8>, StoreError> {
        let sql = "SELECT start, bytes FROM inbox_object_part WHERE id = ?1 ORDER BY start";
        let mut statement = self.sql().prepare_cached(sql)?;
        let mut rows = statement.query(params![id.as_bytes()])?;
        let mut bytes = Vec::new();
        while let Some(row) = rows.next()? {
            if unsigned(row.get(0)?)? != bytes.len() as u64 {
                return Err(StoreError::Damaged);
            }
            let part = row.get_ref(1)?.as_blob().map_err(|_| StoreError::Damaged)?;
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }

    /// Drops what came of an object, to fetch it again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn drop_inbox_parts(&self, id: &Sha256Hash) -> Result<(), StoreError> {
        let sql = "DELETE FROM inbox_object_part WHERE id = ?1";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![id.as_bytes()])?;
        self.destroyed();
        Ok(())
    }

    /// Forgets an object of the inbox.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_inbox_object(&self, id: &Sha256Hash) -> Result<(), StoreError> {
        let sql = "DELETE FROM inbox_object WHERE id = ?1";
        self.sql()
            .prepare_cached(sql)?
            .execute(params![id.as_bytes()])?;
        self.drop_inbox_parts(id)
    }

    /// Keeps a file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_file(
        &self,
        owner: &str,
        body: &[u8],
        content: Option<&[u8]>,
    ) -> Result<i64, StoreError> {
        let sql = "INSERT INTO file (owner, body, content) VALUES (?1, ?2, ?3)";
        self.sql().execute(sql, params![owner, body, content])?;
        Ok(self.sql().last_insert_rowid())
    }

    /// The files of a case, dispute or note, without their contents; whether each is there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn files_of(&self, owner: &str) -> Result<Vec<(FileRow, bool)>, StoreError> {
        let sql = "SELECT number, owner, body, content IS NOT NULL FROM file WHERE owner = ?1 \
                   ORDER BY number";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![owner], |r| {
            let row = FileRow {
                number: r.get(0)?,
                owner: r.get(1)?,
                body: r.get(2)?,
                content: None,
            };
            Ok((row, r.get(3)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A file by its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn file(&self, number: i64) -> Result<Option<FileRow>, StoreError> {
        let sql = "SELECT number, owner, body, content FROM file WHERE number = ?1";
        let row = self.sql().query_row(sql, params![number], |r| {
            Ok(FileRow {
                number: r.get(0)?,
                owner: r.get(1)?,
                body: r.get(2)?,
                content: r.get(3)?,
            })
        });
        Ok(row.optional()?)
    }

    /// Destroys the files of a case, dispute or note; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_files(&self, owner: &str) -> Result<usize, StoreError> {
        let sql = "DELETE FROM file WHERE owner = ?1";
        let removed = self.sql().execute(sql, params![owner])?;
        if removed > 0 {
            self.destroyed();
        }
        Ok(removed)
    }

    /// Stores a sealed object before its first attempt, for the letter that refers to it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn add_outgoing_object(
        &self,
        letter: &DepositId,
        object: &OutgoingObject,
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO outbox_object (deposit_id, letter, id, bytes) VALUES (?1, ?2, ?3, ?4)";
        self.sql().prepare_cached(sql)?.execute(params![
            object.deposit_id.as_bytes(),
            letter.as_bytes(),
            object.id.as_bytes(),
            object.bytes,
        ])?;
        Ok(())
    }

    /// The objects of a letter that are still on their way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn outgoing_objects(&self, letter: &DepositId) -> Result<Vec<OutgoingObject>, StoreError> {
        let sql =
            "SELECT deposit_id, id, bytes FROM outbox_object WHERE letter = ?1 ORDER BY rowid";
        let mut statement = self.sql().prepare_cached(sql)?;
        let rows = statement.query_map(params![letter.as_bytes()], |r| {
            Ok(OutgoingObject {
                deposit_id: DepositId::new(r.get(0)?),
                id: Sha256Hash::new(r.get(1)?),
                bytes: r.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Takes an object out of the outbox and keeps what became of it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn settle_object(&self, id: &DepositId, row: &SentRow) -> Result<(), StoreError> {
        let sql = "DELETE FROM outbox_object WHERE deposit_id = ?1";
        if self
            .sql()
            .prepare_cached(sql)?
            .execute(params![id.as_bytes()])?
            == 1
        {
            self.insert_sent(None, id, row)?;
        }
        Ok(())
    }
}
