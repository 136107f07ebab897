//! A clock that stands still until a test moves it.

use denizen_model::{Clock, UnixTime};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// When every world begins: 2026-11-24T09:00:00Z.
pub const START: UnixTime = UnixTime(1_795_510_800);

/// A clock shared by everything in a world.
#[derive(Debug, Clone)]
pub struct MockClock(Arc<AtomicI64>);

impl Default for MockClock {
    fn default() -> Self {
        Self::at(START)
    }
}

impl MockClock {
    /// A clock that stands at a time.
    #[must_use]
    pub fn at(time: UnixTime) -> Self {
        Self(Arc::new(AtomicI64::new(time.0)))
    }

    /// Moves the clock, forwards or back.
    pub fn advance_s(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for MockClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.0.load(Ordering::SeqCst))
    }
}
