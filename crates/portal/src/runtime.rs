//! The browser's clock and randomness. The only place that has them.

use denizen_model::UnixTime;
use rand_core::{TryCryptoRng, TryRng};

/// Seconds since 1970, by the device's clock.
pub(crate) fn now() -> UnixTime {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds of a clock are far below 2^53"
    )]
    UnixTime((js_sys::Date::now() / 1000.0) as i64)
}

/// `crypto.getRandomValues`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BrowserRng;

impl TryRng for BrowserRng {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where randomness comes in"
    )]
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        getrandom::fill(dst).expect("without the browser's randomness nothing here is safe");
        Ok(())
    }
}

impl TryCryptoRng for BrowserRng {}
