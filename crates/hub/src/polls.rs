//! Long polls: each waits for its own address, and there is a bound on them.

use denizen_model::AddressId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Polls of one address that may wait at once: her devices, and some that were given up.
const ADDRESS_POLLS_MAX: usize = 16;

/// Everybody who waits for something new.
pub(crate) struct Polls {
    max: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    ended: bool,
    count: usize,
    by_address: HashMap<AddressId, (Arc<Notify>, usize)>,
}

/// One that waits; its place is free again when it is dropped.
pub(crate) struct Poll {
    polls: Arc<Polls>,
    address: AddressId,
    notify: Arc<Notify>,
}

/// Why a poll may not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// This address has too many.
    Address,
    /// All places are taken.
    All,
}

impl Polls {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        let waiting = Mutex::default();
        Arc::new(Self { max, waiting })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place. Whatever is published from now on wakes it.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub(crate) fn begin(self: &Arc<Self>, address: AddressId) -> Result<Poll, NoPlace> {
        let mut waiting = self.waiting();
        if waiting.count >= self.max {
            return Err(NoPlace::All);
        }
        let (notify, count) = waiting.by_address.entry(address).or_default();
        if *count >= ADDRESS_POLLS_MAX {
            return Err(NoPlace::Address);
        }
        *count += 1;
        let notify = Arc::clone(notify);
        waiting.count += 1;
        drop(waiting);
        Ok(Poll {
            polls: Arc::clone(self),
            address,
            notify,
        })
    }

    /// Wakes those who wait for these addresses, after what is new was published.
    pub(crate) fn wake(&self, addresses: &[AddressId]) {
        if addresses.is_empty() {
            return;
        }
        let waiting = self.waiting();
        for address in addresses {
            if let Some((notify, _)) = waiting.by_address.get(address) {
                notify.notify_waiters();
            }
        }
    }

    /// Wakes everybody: nothing new will come.
    pub(crate) fn end(&self) {
        let mut waiting = self.waiting();
        waiting.ended = true;
        for (notify, _) in waiting.by_address.values() {
            notify.notify_waiters();
        }
    }

    /// Whether nothing new will come.
    pub(crate) fn has_ended(&self) -> bool {
        self.waiting().ended
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.waiting().count
    }
}

impl Poll {
    /// What wakes it; to be enabled before what is there is read.
    pub(crate) fn notify(&self) -> &Notify {
        &self.notify
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        let mut waiting = self.polls.waiting();
        waiting.count = waiting.count.saturating_sub(1);
        if let Some((_, count)) = waiting.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.by_address.remove(&self.address);
            }
        }
    }
}
