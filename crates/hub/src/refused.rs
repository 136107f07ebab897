//! A refusal together with the time after which it may be another.

use denizen_api::ProblemKind;
use denizen_model::UnixTime;

/// Seconds after which there may be room again.
const SOON_S: u32 = 2;

/// Seconds after which to look again where nobody can say when there will be room: an address is full until
/// its owner erases something.
const LATER_S: u32 = 3_600;

/// Why something is refused, and how long it will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) kind: ProblemKind,
    /// Seconds, where waiting helps.
    pub(crate) retry_after_s: Option<u32>,
    /// Whether a day's allowance is used up.
    pub(crate) for_today: bool,
}

impl From<ProblemKind> for Refused {
    fn from(kind: ProblemKind) -> Self {
        let retry_after_s = match kind {
            ProblemKind::Quota => Some(LATER_S),
            kind if matches!(kind.status(), 429 | 503) => Some(SOON_S),
            _ => None,
        };
        Self {
            kind,
            retry_after_s,
            for_today: false,
        }
    }
}

impl Refused {
    /// What one day allows is used up: another begins at 00:00 UTC.
    pub(crate) fn for_today(kind: ProblemKind, now: UnixTime) -> Self {
        let left_s = UnixTime::DAY_S - now.0.rem_euclid(UnixTime::DAY_S);
        Self {
            kind,
            retry_after_s: u32::try_from(left_s).ok(),
            for_today: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_is_used_up_ends_at_midnight_and_a_full_address_is_not_asked_again_at_once() {
        let at = |time| Refused::for_today(ProblemKind::Quota, UnixTime(time)).retry_after_s;
        assert_eq!(at(20_000 * 86_400), Some(86_400));
        assert_eq!(at(20_000 * 86_400 + 86_399), Some(1));
        let wait = |kind| Refused::from(kind).retry_after_s;
        assert_eq!(wait(ProblemKind::Quota), Some(3_600));
        assert_eq!(wait(ProblemKind::RateLimited), Some(2));
        assert_eq!(wait(ProblemKind::Busy), Some(2));
        assert_eq!(wait(ProblemKind::NotAccepted), None);
    }
}
