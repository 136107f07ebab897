//! Wrapped roots and status lists in PostgreSQL.

use super::{Postgres, column};
use crate::{
    StoreError,
    hub::{Public, RootRow},
};
use denizen_model::{Nonce, OrgId};

impl Public for Postgres {
    fn insert_root(&self, locator: &Nonce, owner: &[u8], body: &[u8]) -> Result<bool, StoreError> {
        let sql = "INSERT INTO wrapped_root (locator, owner, body) VALUES ($1, $2, $3) \
                   ON CONFLICT DO NOTHING RETURNING locator";
        Ok(self.write(sql, &[&locator.as_bytes().as_slice(), &owner, &body])? == 1)
    }

    fn root(&self, locator: &Nonce) -> Result<Option<RootRow>, StoreError> {
        let sql = "SELECT owner, body FROM wrapped_root WHERE locator = $1";
        let Some(row) = self.row(sql, &[&locator.as_bytes().as_slice()])? else {
            return Ok(None);
        };
        Ok(Some(RootRow {
            owner: column(&row, 0)?,
            body: column(&row, 1)?,
        }))
    }

    fn delete_root(&self, locator: &Nonce) -> Result<(), StoreError> {
        let sql = "DELETE FROM wrapped_root WHERE locator = $1 RETURNING locator";
        self.write(sql, &[&locator.as_bytes().as_slice()])?;
        Ok(())
    }

    fn put_status(&self, org: &OrgId, list: &str, token: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO status_list (org, list, token) VALUES ($1, $2, $3) \
                   ON CONFLICT (org, list) DO UPDATE SET token = excluded.token RETURNING list";
        self.write(sql, &[&org.as_bytes().as_slice(), &list, &token])?;
        Ok(())
    }

    fn status(&self, org: &OrgId, list: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT token FROM status_list WHERE org = $1 AND list = $2";
        let row = self.row(sql, &[&org.as_bytes().as_slice(), &list])?;
        row.map(|row| column(&row, 0)).transpose()
    }
}
