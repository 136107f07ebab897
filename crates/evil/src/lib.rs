//! The evil-hub harness: attackers with valid objects.
//!
//! Scope: what every attack needs. A hub, an organisation, a network or a thief of one key; properly
//! signed and hashed with what that attacker really has. Each attack is one function that ends in an
//! [`Outcome`]; [`stand`] runs it with all checks on, when it must be stopped and told, and in the build
//! with switches again with exactly its checks off, when it must succeed. The attacks are under
//! `tests/attacks/`, their table is `docs/evil-hub.md`.
//!
//! Not in scope: faults that nobody makes on purpose (`denizen-testkit`).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an attack that cannot be built is a failed test"
)]

mod forged;
mod hand;
mod papers;
mod pen;
mod scene;

pub use forged::{invitation_of, invitation_parts, newest_of, next_statement, rewritten};
pub use hand::{HubHand, address_in, head_of};
pub use papers::{KIND, Paper, issued, issued_at, record_of};
pub use pen::Pen;
pub use scene::{Scene, admit, reseal};

use denizen_api::ProblemKind;
use denizen_guard::Check;
use denizen_testkit::catalogue::repository;
use serde_json::Value;
use std::future::Future;

/// What became of an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was refused, or shown as an alarm, by this stable code.
    Stopped(String),
    /// It came to nothing, and there was nothing to tell: the attacker only looked on.
    Blind,
    /// It did its harm, and nobody was told.
    Harm,
}

/// What is told of an attack that was stopped: by the first alarm's code, else by nothing.
#[must_use]
pub fn stopped(code: &str) -> Outcome {
    Outcome::Stopped(code.to_owned())
}

/// Runs an attack: with all checks on it ends in `want`, and what is told has its texts in all
/// languages. In the build with switches it then succeeds with the checks off, and is still stopped
/// while one of several is on.
pub async fn stand<F: Future<Output = Outcome>>(
    checks: &[Check],
    want: Outcome,
    attack: impl Fn() -> F,
) {
    assert!(!checks.is_empty(), "an attack names what stops it");
    match &want {
        Outcome::Stopped(code) => assert_told(code),
        Outcome::Blind => {}
        Outcome::Harm => panic!("an attack is to be stopped"),
    }
    run(checks, want, attack).await;
}

#[cfg(not(feature = "switches"))]
async fn run<F: Future<Output = Outcome>>(_: &[Check], want: Outcome, attack: impl Fn() -> F) {
    assert_eq!(attack().await, want, "with all checks on");
}

#[cfg(feature = "switches")]
async fn run<F: Future<Output = Outcome>>(checks: &[Check], want: Outcome, attack: impl Fn() -> F) {
    /// Switches are of the whole process: one attack at a time.
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    assert_eq!(attack().await, want, "with all checks on");
    for on in checks.iter().filter(|_| checks.len() > 1) {
        let off: Vec<Check> = checks.iter().copied().filter(|c| c != on).collect();
        let _off = denizen_guard::danger_switch_off(&off);
        let got = attack().await;
        assert_ne!(got, Outcome::Harm, "{on:?} alone does not stop it");
    }
    let _off = denizen_guard::danger_switch_off(checks);
    let got = attack().await;
    assert_eq!(
        got,
        Outcome::Harm,
        "{checks:?} off: something else stops it"
    );
}

/// The texts of a stable code are there in all languages: what happened, and what to do next. What a
/// hub answers to an outsider, and what stops the work of a gateway, is one sentence itself.
fn assert_told(code: &str) {
    let title = ProblemKind::parse(code).map(ProblemKind::title);
    let sentence = title.unwrap_or(code);
    if sentence.split(' ').count() > 5 {
        return;
    }
    for language in ["en", "ru", "uz", "tg", "ky"] {
        let path = repository().join(format!("catalogue/locales/{language}.json"));
        let texts: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for key in [format!("err-{code}"), format!("rec-{code}")] {
            let text = texts[&key].as_str().unwrap_or_default();
            assert!(text.len() > 10, "{language} has no text `{key}`");
        }
    }
}

/// Defines attacks: each a test of its own name.
#[macro_export]
macro_rules! attacks {
    ($(
        $(#[$doc:meta])*
        $number:literal $rule:literal [$($check:ident),+] $want:expr;
        async fn $name:ident() -> Outcome $body:block
    )*) => {$(
        $(#[$doc])*
        #[tokio::test]
        async fn $name() {
            async fn attack() -> $crate::Outcome $body
            let checks = [$(denizen_guard::Check::$check),+];
            $crate::stand(&checks, $want, attack).await;
        }
    )*};
}
