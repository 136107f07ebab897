//! The one place where errors become RFC 9457 problems.

use crate::refused::Refused;
use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use denizen_api::{Problem, ProblemKind};

/// A refusal, by its stable kind. It never repeats what the client sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal(pub(crate) ProblemKind);

impl From<ProblemKind> for Refusal {
    fn from(kind: ProblemKind) -> Self {
        Self(kind)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        Refused::from(self.0).into_response()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&Problem::new(self.kind)).expect("a problem is JSON");
        let kind: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, kind, body).into_response();
        if let Some(wait_s) = self.retry_after_s {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, wait_s.into());
        }
        response
    }
}
