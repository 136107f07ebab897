//! SQLite's begin and end of transactions.

use super::{Care, MIGRATIONS, Transactions, Wanted};
use crate::{Database, Fault, StoreError, Version};

impl Transactions for Database {
    fn begin(&self) -> Result<(), StoreError> {
        Self::begin(self)
    }

    fn prepare(&self, _: &[Wanted]) -> Result<(), StoreError> {
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        Self::commit(self)
    }

    fn take_back(&self) -> Result<(), StoreError> {
        Self::take_back(self)
    }

    fn begin_reading(&self) -> Result<(), StoreError> {
        Ok(self.sql().execute_batch("BEGIN")?)
    }

    fn end_reading(&self) -> Result<(), StoreError> {
        self.rollback()
    }

    fn scrub(&self) -> Result<bool, StoreError> {
        Self::scrub(self)
    }
}

impl Care for Database {
    fn version(&self) -> Result<Version, StoreError> {
        Self::version(self, &MIGRATIONS)
    }

    fn is_whole(&self) -> Result<bool, StoreError> {
        Self::is_whole(self)
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        Self::size_bytes(self)
    }

    fn inject(&mut self, fault: Fault) {
        Self::inject(self, fault);
    }
}
