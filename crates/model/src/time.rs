//! Time as a parameter. Civil dates are `jiff::civil::Date` and never mixed with instants.

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds, on wires and in files.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// Seconds of one day.
    pub const DAY_S: i64 = 86_400;

    /// This time plus seconds, held at the ends of the range.
    #[must_use]
    pub const fn plus_s(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The start of this time's UTC day: what a one-time copy says instead of the second (R18).
    #[must_use]
    pub const fn day_start(self) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(Self::DAY_S)))
    }

    /// The UTC date; the ends of the calendar for times outside it.
    #[must_use]
    pub fn date(self) -> jiff::civil::Date {
        let at = jiff::Timestamp::from_second(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        jiff::tz::Offset::UTC.to_datetime(at).date()
    }

    /// RFC 3339 text in UTC.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_second(self.0)
            .map_or_else(|_| "out of range".into(), |t| t.to_string())
    }
}

/// Where the time comes from: the machine's clock in the binary, a mock in tests.
pub trait Clock {
    /// The time now.
    fn now(&self) -> UnixTime;
}
