//! How a gateway is: counts, and what somebody should do. Nothing of a person.

use crate::{Gateway, GatewayError};
use denizen_model::UnixTime;
use serde::Serialize;
use std::collections::BTreeMap;

/// A token that ends within this is told, in seconds.
const ENDS_SOON_S: i64 = 14 * UnixTime::DAY_S;
/// A directory older than this is told, in seconds.
const DIRECTORY_OLD_S: i64 = 3600;

/// What waits in a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Rows without a confirmed link.
    pub waiting: u64,
    /// Envelopes on their way.
    pub outgoing: u64,
    /// Addresses that take nothing at present.
    pub parked: u64,
    /// Alarms, ever.
    pub alarms: u64,
    /// Events that hooks have not been told.
    pub hooks_due: u64,
    /// Envelopes that the hub has answered, by outcome.
    pub settled: BTreeMap<String, u64>,
}

/// One thing that somebody should do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Its stable code.
    pub code: &'static str,
    /// What is so.
    pub what: String,
    /// What to do.
    pub todo: &'static str,
}

/// How a gateway is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Nothing is to be done.
    pub good: bool,
    /// The organisation's id.
    pub organisation: String,
    /// The hub's id.
    pub hub: String,
    /// Version of this program.
    pub version: &'static str,
    /// When the directory was last fetched, RFC 3339.
    pub directory: Option<String>,
    /// When the status lists were last published, RFC 3339.
    pub published: Option<String>,
    /// What somebody should do.
    pub advice: Vec<Advice>,
}

impl Gateway {
    /// Counts what waits.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn counts(&self, now: UnixTime) -> Result<Counts, GatewayError> {
        let (waiting, outgoing) = self.backlog()?;
        Ok(Counts {
            waiting,
            outgoing,
            parked: self.store.parked_count(now)?,
            alarms: self.store.alarms()?.len() as u64,
            hooks_due: self.store.due_count()?,
            settled: self.store.sent_counts()?.into_iter().collect(),
        })
    }

    /// How the gateway is, as far as its database says.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn health(&self, now: UnixTime) -> Result<Health, GatewayError> {
        let directory: Option<UnixTime> = self.setting("directory_at")?;
        let published: Option<UnixTime> = self.setting("status_published")?;
        let advice = self.advice(directory, now)?;
        Ok(Health {
            good: advice.is_empty(),
            organisation: self.config.org.to_text(),
            hub: self.config.hub.to_text(),
            version: env!("CARGO_PKG_VERSION"),
            directory: directory.map(UnixTime::to_rfc3339),
            published: published.map(UnixTime::to_rfc3339),
            advice,
        })
    }

    fn advice(
        &self,
        directory: Option<UnixTime>,
        now: UnixTime,
    ) -> Result<Vec<Advice>, GatewayError> {
        let mut advice = Vec::new();
        let mut add = |code, what: String, todo| advice.push(Advice { code, what, todo });
        if directory.is_none_or(|at| now > at.plus_s(DIRECTORY_OLD_S)) {
            let todo = "see that `denizen gateway serve` runs and reaches the hub";
            add(
                "hub-away",
                "the hub's directory was not fetched lately".into(),
                todo,
            );
        }
        let org = self
            .trusted()
            .and_then(|t| t.directory().organisation(&self.config.org));
        if org.is_none_or(|o| o.admission.is_none() || !o.is_active(now)) {
            let todo = "clear it up with the operator of the hub";
            add(
                "not-admitted",
                "the organisation is not admitted at present".into(),
                todo,
            );
        }
        if self.store.lineage()?.held.is_some() {
            let todo = "compare with your own files, then `denizen gateway restored --compared`";
            add(
                "held",
                "restored from a backup: nothing new is issued".into(),
                todo,
            );
        }
        let hooks = self.store.hooks()?;
        for hook in hooks.iter().filter(|h| h.disabled.is_some()) {
            let todo = "mend its receiver, then `denizen gateway hook enable`";
            add(
                "hook-disabled",
                format!("hook {} is told nothing", hook.label),
                todo,
            );
        }
        for hook in hooks.iter().filter(|h| h.failing_since.is_some()) {
            let todo = "look at its receiver: it is tried again, and after five days no more";
            add(
                "hook-failing",
                format!("hook {} cannot be told", hook.label),
                todo,
            );
        }
        for token in self.store.tokens()? {
            let ends = now >= token.expires.plus_s(-ENDS_SOON_S) && now < token.expires;
            if ends && token.revoked.is_none() {
                let what = format!("token {} ends on {}", token.label, token.expires.date());
                add(
                    "token-ends",
                    what,
                    "make another with `denizen gateway token`",
                );
            }
        }
        Ok(advice)
    }
}
