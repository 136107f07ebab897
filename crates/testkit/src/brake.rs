//! Holds a hub's writer in the middle of its work, as a disk that does not answer would.

use crate::Rng;
use rand_core::{TryCryptoRng, TryRng};
use std::{
    convert::Infallible,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

#[derive(Default)]
struct State {
    held: bool,
    standing: bool,
}

/// While it is held, the writer stands at the first new envelope: it draws the nonces of its leaf. Clones are
/// the same brake.
#[derive(Clone, Default)]
pub struct Brake(Arc<(Mutex<State>, Condvar)>);

impl Brake {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds the writer from its next envelope on.
    pub fn hold(&self) {
        self.state().held = true;
    }

    /// Lets it go on.
    pub fn release(&self) {
        self.state().held = false;
        self.0.1.notify_all();
    }

    /// Whether the writer stands at it.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.state().standing
    }

    /// Passes it, or waits until it is released.
    fn pass(&self) {
        let mut state = self.state();
        while state.held {
            state.standing = true;
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.standing = false;
    }
}

/// A hub's randomness, which its writer alone draws from.
pub(crate) struct Braked {
    pub(crate) rng: Rng,
    pub(crate) brake: Brake,
}

impl TryRng for Braked {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.brake.pass();
        self.rng.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.brake.pass();
        self.rng.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.brake.pass();
        self.rng.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for Braked {}
