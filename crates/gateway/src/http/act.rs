//! One act of a client system: whose token it is, whether it may, the act, and what is written down.

use super::{
    extract::Caller,
    problem::{Refusal, RestProblem},
};
use crate::{Client, Gateway, GatewayError, Scope};
use denizen_api::Transport;
use denizen_model::{Clock, UnixTime};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};
use tokio::sync::watch;

/// Requests of one token in a minute, if nothing else is configured.
pub const REQUESTS_A_MINUTE: u32 = 600;
/// A directory that was read from the database longer ago than this is read again, in seconds.
const TRUST_TTL_S: i64 = 30;

/// Events told in one round.
const TELLINGS: u32 = 50;

/// A gateway as its REST interface has it: another handle of the database that a serving loop, or the
/// commands, work on. Clones are the same.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    clock: Arc<dyn Clock + Send + Sync>,
    failed: watch::Sender<bool>,
}

struct Inner {
    gateway: Gateway,
    rng: Box<dyn rand_core::CryptoRng + Send>,
    limit: u32,
    /// Requests of each token, and of which minute.
    counted: HashMap<String, (i64, u32)>,
    trusted_at: UnixTime,
}

/// What is asked, as it is written down.
pub(crate) struct Act {
    pub(crate) scope: Scope,
    pub(crate) operation: &'static str,
    pub(crate) subject: Option<String>,
    /// The officer's role, if the request says one.
    pub(crate) role: Option<String>,
}

impl Act {
    pub(crate) fn new(scope: Scope, operation: &'static str) -> Self {
        Self {
            scope,
            operation,
            subject: None,
            role: None,
        }
    }

    /// On which case or number.
    pub(crate) fn on(self, subject: impl ToString) -> Self {
        Self {
            subject: Some(subject.to_string()),
            ..self
        }
    }

    /// In which officer's role; a role is words that a person may read.
    pub(crate) fn by(self, role: &str) -> Result<Self, Refusal> {
        let role = role.trim();
        if role.is_empty() || role.chars().count() > 64 || role.chars().any(char::is_control) {
            let why = "the officer's role is 1 to 64 characters";
            return Err(Refusal::because(RestProblem::Refused, why));
        }
        Ok(Self {
            role: Some(role.to_owned()),
            ..self
        })
    }

    /// What only counts or polls is not written down: it would fill the audit and say nothing.
    fn is_written_down(&self) -> bool {
        !matches!(self.scope, Scope::Status | Scope::Events | Scope::Hooks)
    }
}

/// When something is done, and with which randomness.
pub(crate) type Moment<'a> = (UnixTime, &'a mut dyn rand_core::CryptoRng);

impl Desk {
    /// A REST interface of an opened gateway.
    #[must_use]
    pub fn new(
        gateway: Gateway,
        clock: Arc<dyn Clock + Send + Sync>,
        rng: Box<dyn rand_core::CryptoRng + Send>,
        requests_a_minute: u32,
    ) -> Self {
        let (failed, _) = watch::channel(false);
        let inner = Inner {
            gateway,
            rng,
            limit: requests_a_minute,
            counted: HashMap::new(),
            trusted_at: UnixTime(0),
        };
        Self(Arc::new(Shared {
            inner: Mutex::new(inner),
            clock,
            failed,
        }))
    }

    /// Waits until the database has failed: the program ends then (R24).
    pub async fn failed(&self) {
        let mut failed = self.0.failed.subscribe();
        // The sender is in `self`.
        let _ = failed.wait_for(|failed| *failed).await;
    }

    /// Does something with the gateway beside a request.
    ///
    /// # Errors
    /// That of `work`, or [`GatewayError::Damaged`] after a fault.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Gateway, Moment<'_>) -> Result<T, GatewayError> + Send + 'static,
    ) -> Result<T, GatewayError> {
        let desk = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let now = desk.0.clock.now();
            let mut inner = desk
                .0
                .inner
                .lock()
                .map_err(|_| GatewayError::Damaged("state"))?;
            let inner = &mut *inner;
            work(&mut inner.gateway, (now, &mut *inner.rng))
        });
        done.await.unwrap_or(Err(GatewayError::Damaged("state")))
    }

    /// Tells the hooks what is due, once; gives how many were told. A receiver that fails is not asked
    /// again in this round.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub async fn tell_hooks<T: Transport>(&self, transport: &T) -> Result<u64, GatewayError> {
        let due = self.with(|g, (now, _)| g.tellings(now, TELLINGS)).await?;
        let (mut told, mut failed) = (0, BTreeSet::new());
        for telling in due {
            if failed.contains(telling.hook()) {
                continue;
            }
            let answer = transport.send(telling.request()).await;
            let answer = answer.ok().map(|answer| answer.status());
            if answer.is_some_and(|status| status.is_success()) {
                told += 1;
            } else {
                failed.insert(telling.hook().to_owned());
            }
            self.with(move |g, (now, _)| g.was_told(&telling, answer, now))
                .await?;
        }
        Ok(told)
    }

    /// Does what a client system asks, if it may.
    pub(crate) async fn act<T: Send + 'static>(
        &self,
        caller: Caller,
        act: Act,
        work: impl FnOnce(&mut Gateway, Moment<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let desk = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let now = desk.0.clock.now();
            let Ok(mut inner) = desk.0.inner.lock() else {
                return Err(Refusal::broken());
            };
            inner.act(&caller, &act, now, work)
        });
        // A panic leaves an open transaction behind: as bad as a failed commit.
        let done = done.await.unwrap_or_else(|_| Err(Refusal::broken()));
        if let Err(refusal) = &done
            && refusal.fatal
        {
            tracing::error!("the database failed: the gateway ends");
            self.0.failed.send_replace(true);
        }
        done
    }
}

impl Inner {
    fn act<T>(
        &mut self,
        caller: &Caller,
        act: &Act,
        now: UnixTime,
        work: impl FnOnce(&mut Gateway, Moment<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let client = self.gateway.client_of(&caller.0, now)?;
        let client = client.ok_or(RestProblem::Unauthorized)?;
        self.count(&client, now)?;
        if now >= self.trusted_at.plus_s(TRUST_TTL_S) {
            self.gateway.trust = None;
            self.gateway.load_trust(now)?;
            self.trusted_at = now;
        }
        let what = (act.role.as_deref(), act.operation, act.subject.as_deref());
        let written = if act.is_written_down() {
            Some(
                self.gateway
                    .begin_audit(&client, what, now, &mut *self.rng)?,
            )
        } else {
            None
        };
        let done = if client.may(act.scope) {
            work(&mut self.gateway, (now, &mut *self.rng))
        } else {
            Err(RestProblem::Forbidden.into())
        };
        let outcome = done.as_ref().map_or_else(|r| r.kind.status(), |_| 200);
        match written {
            Some(_) if done.as_ref().is_err_and(|r| r.fatal) => {}
            Some(number) => self.gateway.end_audit(number, outcome)?,
            None => {}
        }
        done
    }

    fn count(&mut self, client: &Client, now: UnixTime) -> Result<(), Refusal> {
        let minute = now.0.div_euclid(60);
        let counted = self.counted.entry(client.label.clone()).or_default();
        if counted.0 != minute {
            *counted = (minute, 0);
        }
        if counted.1 >= self.limit {
            return Err(RestProblem::RateLimited.into());
        }
        counted.1 += 1;
        Ok(())
    }
}
