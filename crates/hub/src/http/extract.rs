//! What handlers take from a request. A part that cannot be read becomes a problem like any other:
//! the framework's own words would repeat what was sent.

use super::problem::Refusal;
use crate::{Shared, load::Held, metrics::Reason};
use axum::{
    body::{Body, HttpBody as _},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderMap, header, request::Parts},
};
use denizen_api::{ProblemKind, wire::BODY_SIZE_BYTES_MAX};
use serde::de::DeserializeOwned;
use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// A body may come so slowly.
const SLOWEST_BYTES_A_SECOND: u64 = 64 << 10;

/// Parameters of the path. What is not of their type is not there.
pub(crate) struct InPath<T>(pub(crate) T);

/// Parameters of the query.
pub(crate) struct InQuery<T>(pub(crate) T);

/// The body, read whole.
pub(crate) struct Whole {
    pub(crate) body: Vec<u8>,
    /// Counts it as in memory, as long as anything of it is.
    pub(crate) held: Held,
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value))
            .map_err(|_| Refusal(ProblemKind::NotFound))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|_| Refusal(ProblemKind::Malformed))
    }
}

/// How long a body is said to be.
pub(crate) fn length_of(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    length.parse().ok()
}

impl Whole {
    /// Reads a body as far as there is room for it in memory, within the time that it may take.
    ///
    /// # Errors
    /// [`ProblemKind::TooLarge`], [`ProblemKind::Busy`], and [`ProblemKind::Malformed`] if it does not
    /// arrive.
    pub(crate) async fn read(
        hub: &Shared,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Refusal> {
        let length = match length_of(headers) {
            Some(length) => Some(length),
            // Neither a length nor chunks: there is no body.
            None if !headers.contains_key(header::TRANSFER_ENCODING) => {
                Some(usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX))
            }
            None => None,
        };
        if length.is_some_and(|length| length > BODY_SIZE_BYTES_MAX) {
            return Err(Refusal(ProblemKind::TooLarge));
        }
        let busy = |kind| {
            hub.metrics.refused(Reason::Bodies);
            Refusal(kind)
        };
        let held = hub.load.body(length).map_err(busy)?;
        let whole = Self {
            body: Vec::with_capacity(length.unwrap_or(0)),
            held,
        };
        match whole.fill(body, hub.config.load.body_s).await {
            Err(ProblemKind::Busy) => Err(busy(ProblemKind::Busy)),
            other => other.map_err(Refusal),
        }
    }

    /// Reads on as long as the body comes quickly enough.
    async fn fill(mut self, mut body: Body, time_s: u64) -> Result<Self, ProblemKind> {
        let began = Instant::now();
        loop {
            let time = time_s + self.body.len() as u64 / SLOWEST_BYTES_A_SECOND;
            let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
            // What came quickly gives time for what comes slowly, and none for nothing.
            let next = Instant::now() + Duration::from_secs(time_s);
            let frame = timeout_at(next.min(began + Duration::from_secs(time)), frame).await;
            let Some(frame) = frame.map_err(|_| ProblemKind::Malformed)? else {
                return Ok(self);
            };
            let frame = frame.map_err(|_| ProblemKind::Malformed)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if self.body.len() + data.len() > BODY_SIZE_BYTES_MAX {
                return Err(ProblemKind::TooLarge);
            }
            if !self.held.grow(data.len()) {
                return Err(ProblemKind::Busy);
            }
            self.body.extend_from_slice(&data);
        }
    }
}

impl FromRequest<Arc<Shared>> for Whole {
    type Rejection = Refusal;

    async fn from_request(request: Request, hub: &Arc<Shared>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        Self::read(hub, &parts.headers, body).await
    }
}
