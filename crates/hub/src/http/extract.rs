//! What handlers take from a request. A part that cannot be read becomes a problem like any other:
//! the framework's own words would repeat what was sent.

use super::problem::Refusal;
use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::request::Parts,
};
use denizen_api::{ProblemKind, wire::BODY_SIZE_BYTES_MAX};
use serde::de::DeserializeOwned;

/// Parameters of the path. What is not of their type is not there.
pub(crate) struct InPath<T>(pub(crate) T);

/// Parameters of the query.
pub(crate) struct InQuery<T>(pub(crate) T);

/// The body, read whole.
pub(crate) struct Whole(pub(crate) Vec<u8>);

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

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let body = to_bytes(request.into_body(), BODY_SIZE_BYTES_MAX).await;
        let body = body.map_err(|_| Refusal(ProblemKind::TooLarge))?;
        Ok(Self(body.to_vec()))
    }
}
