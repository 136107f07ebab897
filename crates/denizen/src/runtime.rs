//! The real world: the machine's clock, the system's randomness. The only place that has them.

use denizen_model::{Clock, UnixTime};
use rand_core::UnwrapErr;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read"
    )]
    fn now(&self) -> UnixTime {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixTime(now.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))
    }
}

/// The system's random number generator. Without it nothing here is safe: it panics.
#[expect(
    clippy::disallowed_types,
    reason = "the one place where randomness comes in"
)]
pub(crate) type SystemRng = UnwrapErr<getrandom::SysRng>;
