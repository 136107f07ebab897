//! The device's clock: what can be said of it, and what follows.
//!
//! A device knows no time but its clock's and what others sign. The time of a head that a hub signed has
//! certainly come once the device's clock had reached it too: neither a hub alone nor a wrong clock alone can
//! move that mark into the future. A clock before it is wrong. Then what she has is shown, no state is called
//! good on the ground of that clock, and nothing is fetched: keys and lists that are over would count again.

use crate::{Holder, HolderError};
use denizen_api::{directory::VerifyDirectoryError, signature::CREATED_SKEW_S};
use denizen_model::{HubId, UnixTime};

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

    /// Nothing is signed or shown with the time of a clock that is wrong: an office would refuse it, and what
    /// was spent for it would be lost.
    pub(crate) fn may_sign(&self, now: UnixTime) -> Result<(), HolderError> {
        match self.clock(now) {
            DeviceClock::Plausible => Ok(()),
            DeviceClock::Behind => Err(HolderError::ClockBehind),
            DeviceClock::OutOfTime => Err(VerifyDirectoryError::OutOfTime.into()),
        }
    }

    /// Her own hub signed a head at this time; what others sign is not counted. A hub that signs heads of
    /// the future holds her up if her clock was in the future once as well: then an export that is imported
    /// into a new profile, or the kit, goes on without the mark.
    pub(crate) fn saw_time(&mut self, hub: &HubId, signed: UnixTime, now: UnixTime) {
        if *hub != self.profile.hub {
            return;
        }
        let come = signed.min(now);
        self.profile.time_come = self.profile.time_come.max(come);
    }
}
