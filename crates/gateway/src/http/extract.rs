//! What handlers take from a request. A part that cannot be read becomes a problem like any other:
//! the framework's own words would repeat what was sent.

use super::problem::{Refusal, RestProblem};
use crate::issuer::intake::Strict;
use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{header::AUTHORIZATION, request::Parts},
};
use serde::de::DeserializeOwned;

/// Longest body, in bytes.
pub(crate) const BODY_SIZE_BYTES_MAX: usize = 1 << 20;
/// Longest idempotency key, in characters.
const KEY_MAX: usize = 128;

/// Parameters of the path. What is not of their type is not there.
pub(crate) struct InPath<T>(pub(crate) T);

/// Parameters of the query.
pub(crate) struct InQuery<T>(pub(crate) T);

/// The body, JSON in which no object has a member twice.
pub(crate) struct InBody<T>(pub(crate) T);

/// What was sent as a token; nobody has looked at it.
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) String);

/// The idempotency key of a deposit.
pub(crate) struct Key(pub(crate) String);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value))
            .map_err(|_| RestProblem::NotFound.into())
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|_| RestProblem::Malformed.into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let header = parts.headers.get(AUTHORIZATION);
        let text = header.and_then(|value| value.to_str().ok());
        let token = text.and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| token.trim().to_owned())
        });
        token.map(Self).ok_or(RestProblem::Unauthorized.into())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(RestProblem::KeyMissing.into());
        };
        let key = value.to_str().ok().and_then(parse_key);
        key.map(Self).ok_or(RestProblem::KeyMissing.into())
    }
}

/// A structured-field string, or the bare characters that many clients send.
/// Source: draft-ietf-httpapi-idempotency-key-header-07, section 2.1; RFC 9651, section 3.3.3.
fn parse_key(text: &str) -> Option<String> {
    let text = text.trim();
    let quoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let key = quoted.unwrap_or(text);
    let plain = |c: char| c.is_ascii_graphic() && !"\"\\,;".contains(c);
    let fits = !key.is_empty() && key.len() <= KEY_MAX && key.chars().all(plain);
    fits.then(|| key.to_owned())
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for InBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let body = to_bytes(request.into_body(), BODY_SIZE_BYTES_MAX).await;
        let body = body.map_err(|_| RestProblem::TooLarge)?;
        let Strict(value) = serde_json::from_slice(&body).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Refusal::because(RestProblem::Malformed, place)
        })?;
        serde_json::from_value(value)
            .map(Self)
            .map_err(|_| RestProblem::Malformed.into())
    }
}

#[cfg(test)]
mod tests {
    use super::parse_key;

    #[test]
    fn a_key_is_a_structured_string_or_its_bare_characters() {
        let key = Some("8e03978e-40d5".to_owned());
        assert_eq!(parse_key("\"8e03978e-40d5\""), key);
        assert_eq!(parse_key(" 8e03978e-40d5 "), key);
        for bad in [
            "",
            "\"\"",
            "\"a",
            "a b",
            "a\"b",
            "a,b",
            "a;b",
            &"x".repeat(129),
        ] {
            assert_eq!(parse_key(bad), None, "{bad}");
        }
    }
}
