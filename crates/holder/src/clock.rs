//! The device's clock: what can be said of it, and what follows.
//!
//! A device knows no time but its clock's and what others sign. The time of a head that a hub signed has
//! certainly come once the device's clock had reached it too: neither a hub alone nor a wrong clock alone can
//! move that mark into the future. A clock before it is wrong. Then what she has is shown, no state is called
//! good on the ground of that clock, and nothing is fetched: keys and lists that are over would count again.

use crate::Holder;
use denizen_api::signature::CREATED_SKEW_S;
use denizen_model::UnixTime;

/// What can be said of the device's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceClock {
    /// Nothing speaks against it.
    Plausible,
    /// It stands before a time that has certainly come.
    Behind,
    /// By it no key of her hub counts: it is wrong, or the hub let its keys end.
    OutOfTime,
}

impl DeviceClock {
    /// The stable code of what she is told; none if there is nothing to tell.
    #[must_use]
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Plausible => None,
            Self::Behind => Some("clock-behind"),
            Self::OutOfTime => Some("clock-or-keys"),
        }
    }
}

impl Holder {
    /// What can be said of the device's clock that shows `now`.
    #[must_use]
    pub fn clock(&self, now: UnixTime) -> DeviceClock {
        let directory = self.trust.directory(&self.profile.hub);
        if self.is_behind(now) {
            DeviceClock::Behind
        } else if directory.is_some_and(|d| !d.counts(now)) {
            DeviceClock::OutOfTime
        } else {
            DeviceClock::Plausible
        }
    }

    /// Whether the clock is certainly behind, by more than a hub bears with.
    pub(crate) fn is_behind(&self, now: UnixTime) -> bool {
        now.plus_s(CREATED_SKEW_S) < self.profile.time_come
    }

    /// A hub signed a head at this time.
    pub(crate) fn saw_time(&mut self, signed: UnixTime, now: UnixTime) {
        let come = signed.min(now);
        self.profile.time_come = self.profile.time_come.max(come);
    }
}
