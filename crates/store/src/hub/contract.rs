//! What a hub asks of its database, whichever engine it is.
//!
//! One writer, many readers. Methods that write are called between [`Transactions::begin`] and
//! [`Transactions::commit`] by the one writer; nothing is durable before the commit returned. After an
//! error the transaction is taken back: nothing else is asked of it. A store over a network may collect
//! writes and send them together: what breaks a rule is then refused at [`Transactions::flush`] or at the
//! commit, and nothing of the transaction is kept. A transaction sees its own writes. Readers see whole
//! commits.

use super::{Addresses, Logs, Objects, Passes, Places, Public, Uploads};
use crate::{Fault, StoreError, Version};
use denizen_model::{AddressId, DepositId};

/// A deposit that a transaction is about to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The address that it is for.
    pub address: AddressId,
    /// Who deposits, as for [`Places::deposit`].
    pub depositor: Vec<u8>,
    /// Drawn by the sender.
    pub deposit_id: DepositId,
}

/// Begin and end of what is written at once, and of what is read of one moment.
pub trait Transactions {
    /// Begins a write transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin(&self) -> Result<(), StoreError>;

    /// Says which deposits the transaction will look for, so that a store over a network asks once for
    /// all of them. It changes no answer.
    ///
    /// # Errors
    /// [`StoreError`].
    fn prepare(&self, wanted: &[Wanted]) -> Result<(), StoreError>;

    /// Sends what was collected. What is refused is refused here, before the commit: a known outcome.
    ///
    /// # Errors
    /// [`StoreError`].
    fn flush(&self) -> Result<(), StoreError>;

    /// Makes the transaction durable.
    ///
    /// # Errors
    /// [`StoreError`]: the outcome is then unknown, and the caller ends the process (R24). Known is only
    /// [`StoreError::is_commit_refused`]: nothing is kept, and [`Self::take_back`] follows.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Takes the transaction back; harmless where none is open.
    ///
    /// # Errors
    /// [`StoreError`].
    fn take_back(&self) -> Result<(), StoreError>;

    /// Begins reading of one moment: no commit of the writer comes between what follows.
    ///
    /// # Errors
    /// [`StoreError`].
    fn begin_reading(&self) -> Result<(), StoreError>;

    /// Ends reading of one moment.
    ///
    /// # Errors
    /// [`StoreError`].
    fn end_reading(&self) -> Result<(), StoreError>;

    /// Removes what erased rows have left in files, as far as the engine can (R25). `false` if it has to
    /// be called again.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scrub(&self) -> Result<bool, StoreError>;
}

/// Care of the database, and faults of tests.
pub trait Care {
    /// How it stands to this program; changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn version(&self) -> Result<Version, StoreError>;

    /// Whether the engine finds every page of it whole; takes long for a large one.
    ///
    /// # Errors
    /// [`StoreError`].
    fn is_whole(&self) -> Result<bool, StoreError>;

    /// Bytes that it takes.
    ///
    /// # Errors
    /// [`StoreError`].
    fn size_bytes(&self) -> Result<u64, StoreError>;

    /// Makes the next commit fail, for tests of the commit path.
    fn inject(&mut self, fault: Fault);
}

/// A hub's database.
pub trait HubStore:
    Transactions + Addresses + Passes + Places + Uploads + Objects + Logs + Public + Care + Send
{
}

impl<T> HubStore for T where
    T: Transactions + Addresses + Passes + Places + Uploads + Objects + Logs + Public + Care + Send
{
}

impl dyn HubStore + '_ {
    /// Reads several things of one moment: no commit of the writer comes between them.
    ///
    /// # Errors
    /// [`StoreError`], that of `read` first.
    pub fn snapshot<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&dyn HubStore) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin_reading()?;
        let result = read(self);
        let ended = self.end_reading();
        let value = result?;
        ended?;
        Ok(value)
    }
}
