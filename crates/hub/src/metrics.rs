//! Counts for the operator. Never an address, an IP, a kind or a size of a single deposit.

use denizen_api::wire::DepositOutcome;
use prometheus_client::{encoding::text::encode, metrics::counter::Counter, registry::Registry};
use std::sync::Mutex;

/// The hub's metrics.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    stored: Counter,
    refused: Counter,
    requests: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let (stored, refused, requests) =
            (Counter::default(), Counter::default(), Counter::default());
        registry.register(
            "denizen_hub_deposits_stored",
            "Deposits answered",
            stored.clone(),
        );
        registry.register(
            "denizen_hub_deposits_refused",
            "Deposits refused",
            refused.clone(),
        );
        registry.register(
            "denizen_hub_requests",
            "Requests answered",
            requests.clone(),
        );
        Self {
            registry: Mutex::new(registry),
            stored,
            refused,
            requests,
        }
    }
}

impl Metrics {
    pub(crate) fn deposits(&self, outcomes: &[DepositOutcome]) {
        let refused = outcomes
            .iter()
            .filter(|o| matches!(o, DepositOutcome::Refused(_)))
            .count();
        self.refused.inc_by(refused as u64);
        self.stored.inc_by((outcomes.len() - refused) as u64);
    }

    pub(crate) fn request(&self) {
        self.requests.inc();
    }

    pub(crate) fn text(&self) -> String {
        let registry = self
            .registry
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
