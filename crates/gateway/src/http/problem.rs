//! The one place where errors become RFC 9457 problems. A problem never repeats what was sent.

use crate::{GatewayError, RecordError, verifier::decide::DecideError};
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use denizen_model::catalogue::ClaimError;
use serde::Serialize;

/// Seconds after which a client may try again.
const RETRY_AFTER_S: HeaderValue = HeaderValue::from_static("60");
/// How to show who asks.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"denizen gateway\"");

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal, $next:literal;)*) => {
        /// The stable kinds of problems; `type` is `urn:denizen:problem:<kind>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RestProblem {$($(#[$doc])* $name,)*}

        impl RestProblem {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The kind's stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {$(Self::$name => $text,)*}
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {$(Self::$name => $status,)*}
            }

            /// What happened.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {$(Self::$name => $title,)*}
            }

            /// What to do next.
            #[must_use]
            pub fn next(self) -> &'static str {
                match self {$(Self::$name => $next,)*}
            }
        }
    };
}

kinds! {
    /// The body or a parameter cannot be read.
    Malformed = "malformed", 400, "The request cannot be read.", "Compare body and parameters with /v1/openapi.json: JSON without unknown or repeated members.";
    /// A deposit without an idempotency key.
    KeyMissing = "idempotency-key-missing", 400, "A deposit needs an Idempotency-Key header.", "Draw a random key for each record, keep it, and send it with every attempt.";
    /// No good token.
    Unauthorized = "unauthorized", 401, "The token is missing, wrong, over or revoked.", "Send `Authorization: Bearer TOKEN`; `denizen gateway token` makes one.";
    /// A good token that may not do this.
    Forbidden = "forbidden", 403, "This token may not do this.", "Have a token made whose scopes include it.";
    /// The organisation may not issue this kind.
    KindNotAdmitted = "kind-not-admitted", 403, "The organisation is not admitted to issue this kind.", "Ask the operator of the hub.";
    /// Nothing of this name.
    NotFound = "not-found", 404, "There is nothing here.", "Look at the reference or number, or ask for the list.";
    /// A case that nothing can be done with.
    CaseClosed = "case-closed", 409, "The case is decided already, or its papers are destroyed.", "Ask for the case: its state says which.";
    /// A dispute that cannot be answered like this.
    DisputeOver = "dispute-over", 409, "It is answered already, destroyed, or of the other kind.", "Ask for the list: a returned record is cleared, a dispute is answered.";
    /// The record was taken before with other content, or returned.
    RecordKnown = "record-known", 409, "This record was taken before with other content, or its person returned it.", "Correct it by answering the dispute or by a change of status, not by another record.";
    /// No link of this case waits for its digits.
    LinkNotWaiting = "link-not-waiting", 409, "No link of this case waits for its digits.", "Ask for the link: its state says what is missing.";
    /// After a restore nothing new is issued yet.
    Held = "held", 409, "This gateway was restored from a backup: nothing new is issued until an operator has compared.", "The operator runs `denizen gateway restored`; then send the same request again.";
    /// The body is too large.
    TooLarge = "too-large", 413, "The request is larger than 1 MiB.", "Send less at once.";
    /// The idempotency key was used for something else.
    KeyReused = "idempotency-key-reused", 422, "This Idempotency-Key was used with another body.", "Draw a new key for another record; send the same bytes for the same one.";
    /// The record does not fit its kind.
    RecordRejected = "record-rejected", 422, "The record does not fit its kind.", "Each of `errors` names a place and a rule: put it right, and send it again with the same key.";
    /// A decision, invitation or request that cannot be made like this.
    Refused = "refused", 422, "This cannot be done like this.", "`detail` says why: put it right, and send it again.";
    /// The digits differ.
    WrongDigits = "wrong-digits", 422, "The six digits differ.", "Let the person read them out again: somebody else may have used the invitation first.";
    /// Too many requests with this token.
    RateLimited = "rate-limited", 429, "Too many requests with this token.", "Wait as Retry-After says.";
    /// A fault of the gateway.
    Internal = "internal", 500, "The gateway has a fault: what was asked may or may not be done.", "Look at its log; then send the same request again with the same key.";
    /// The gateway has never reached its hub.
    NotReady = "not-ready", 503, "The gateway has not reached its hub yet, or is not admitted.", "Try again as Retry-After says; `denizen doctor` says what is missing.";
}

/// A refusal, by its stable kind.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) kind: RestProblem,
    detail: Option<String>,
    errors: Vec<ClaimError>,
    /// The database failed, and nothing is known of what was asked: the program ends (R24).
    pub(crate) fatal: bool,
}

impl From<RestProblem> for Refusal {
    fn from(kind: RestProblem) -> Self {
        Self {
            kind,
            detail: None,
            errors: Vec::new(),
            fatal: false,
        }
    }
}

impl Refusal {
    /// The state cannot be trusted any more: the program ends.
    pub(crate) fn broken() -> Self {
        Self {
            fatal: true,
            ..RestProblem::Internal.into()
        }
    }

    /// With words that repeat nothing of what was sent.
    pub(crate) fn because(kind: RestProblem, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..kind.into()
        }
    }

    /// With the places that are wrong, as JSON pointers into the body's part `within`.
    pub(crate) fn at(kind: RestProblem, within: &str, errors: Vec<ClaimError>) -> Self {
        let place = |error: ClaimError| ClaimError {
            pointer: format!("{within}{}", error.pointer.trim_end_matches('/')),
            rule: error.rule,
        };
        Self {
            errors: errors.into_iter().map(place).collect(),
            ..kind.into()
        }
    }
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::KeyReused => RestProblem::KeyReused.into(),
            RecordError::CaseReference => {
                let rule = error.to_string();
                let pointer = "/case_reference".to_owned();
                Self::at(
                    RestProblem::RecordRejected,
                    "",
                    vec![ClaimError { pointer, rule }],
                )
            }
            RecordError::Rejected(errors) => {
                Self::at(RestProblem::RecordRejected, "/claims", errors)
            }
            RecordError::Known(why) => Self::because(RestProblem::RecordKnown, format!("it {why}")),
            RecordError::Gateway(error) => error.into(),
        }
    }
}

impl From<GatewayError> for Refusal {
    fn from(error: GatewayError) -> Self {
        use GatewayError as E;
        match error {
            E::CaseUnknown | E::DisputeUnknown | E::RecordUnknown | E::LinkUnknown => {
                RestProblem::NotFound.into()
            }
            E::CaseClosed => RestProblem::CaseClosed.into(),
            E::DisputeOver => RestProblem::DisputeOver.into(),
            E::NoPendingLink => RestProblem::LinkNotWaiting.into(),
            E::WrongCode { tries_left } => {
                let detail = format!("{tries_left} tries are left, then the link is refused");
                Self::because(RestProblem::WrongDigits, detail)
            }
            E::KindNotAdmitted(_) => RestProblem::KindNotAdmitted.into(),
            E::Held => RestProblem::Held.into(),
            E::NoDirectory | E::NotAdmitted => RestProblem::NotReady.into(),
            E::Rejected(rejection) => {
                let (pointer, rule) = rejection.first();
                let pointer = pointer.to_owned();
                Self::at(
                    RestProblem::RecordRejected,
                    "",
                    vec![ClaimError { pointer, rule }],
                )
            }
            E::Decide(error) => decide(&error),
            E::ReasonMissing | E::OpenWithCase | E::InvitationEmpty | E::Seal(_) => {
                Self::because(RestProblem::Refused, error.to_string())
            }
            E::KindUnknown(_) => {
                Self::because(RestProblem::Refused, "the catalogue has no such kind")
            }
            E::Store(error) => Self {
                fatal: !error.is_refusal() && !error.is_constraint(),
                ..RestProblem::Internal.into()
            },
            _ => RestProblem::Internal.into(),
        }
    }
}

fn decide(error: &DecideError) -> Refusal {
    Refusal::because(RestProblem::Refused, error.to_string())
}

/// `application/problem+json`.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    problem_type: String,
    title: &'a str,
    status: u16,
    next: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Place<'a>>,
}

#[derive(Serialize)]
struct Place<'a> {
    pointer: &'a str,
    rule: &'a str,
}

impl<'a> Place<'a> {
    fn of(error: &'a ClaimError) -> Self {
        Self {
            pointer: &error.pointer,
            rule: &error.rule,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Body {
            problem_type: format!("urn:denizen:problem:{}", self.kind.name()),
            title: self.kind.title(),
            status: self.kind.status(),
            next: self.kind.next(),
            detail: self.detail.as_deref(),
            errors: self.errors.iter().map(Place::of).collect(),
        };
        let body = serde_json::to_vec(&body).expect("a problem is JSON");
        let status = StatusCode::from_u16(self.kind.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (status, kind, body).into_response();
        let headers = response.headers_mut();
        match self.kind {
            RestProblem::RateLimited | RestProblem::NotReady => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER_S);
            }
            RestProblem::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
            }
            _ => {}
        }
        response
    }
}
