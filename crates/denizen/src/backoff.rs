//! Waiting after a failure: longer each time, never longer than a bound, and not all at once.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_secs(2);
/// The longest pause.
const MOST: Duration = Duration::from_secs(30);

/// Pauses between tries.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after another failure: twice the one before, from 2 seconds up to half a minute. Up to a
    /// quarter of it is left to chance, so that many do not come back in the same moment.
    pub(crate) fn failed(&mut self, chance: u64) -> Duration {
        let doubled = FIRST.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.min(MOST);
        let parts = u32::try_from(chance % 256).unwrap_or(0);
        whole - whole * parts / 1024
    }

    /// It went well: the next failure begins anew.
    pub(crate) fn worked(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_half_a_minute_stay_there_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..8).map(|_| backoff.failed(0).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30, 30, 30]);
        for _ in 0..10_000 {
            let pause = backoff.failed(u64::MAX);
            assert!(pause <= MOST && pause > MOST * 3 / 4 - Duration::from_secs(1));
        }
        // An hour away is at most some hundred and sixty tries.
        let mut fresh = Backoff::default();
        let mut away = Duration::ZERO;
        let tries = std::iter::from_fn(|| {
            away += fresh.failed(255);
            (away < Duration::from_secs(3600)).then_some(())
        });
        assert!(tries.count() < 170);
        backoff.worked();
        assert_eq!(backoff.failed(0), FIRST);
    }
}
