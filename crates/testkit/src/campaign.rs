//! How much of a check is done: once for a commit, many times and from other seeds in a campaign
//! (`cargo xtask campaign`).

/// How many times as much is done: 1 for a commit.
pub const TIMES: &str = "DENIZEN_CAMPAIGN_TIMES";
/// What is added to every seed: 0 for a commit.
pub const SEED: &str = "DENIZEN_CAMPAIGN_SEED";

/// A count of rounds, so many times as large as the campaign asks for.
#[must_use]
pub fn times<N: From<u32> + std::ops::Mul<Output = N>>(usual: N) -> N {
    usual * N::from(number(TIMES).unwrap_or(1))
}

/// A seed, moved by the campaign's.
#[must_use]
pub fn seed(usual: u64) -> u64 {
    usual.wrapping_add(u64::from(number(SEED).unwrap_or(0)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration; a campaign sets it for all of them at once"
)]
fn number(name: &str) -> Option<u32> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
