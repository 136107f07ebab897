//! An office's own system: it asks the office's gateway over REST, and is told by hooks.

use crate::{Play, Rng, catalogue};
use axum::{Router, body::Body};
use denizen_api::{Transport, TransportError};
use denizen_gateway::{
    Gateway, Scope, TokenRequest,
    http::{DESCRIPTION, Desk, ROUTES, router},
};
use http::{Request, Response, StatusCode};
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tower::ServiceExt as _;

/// An answer of a gateway.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: http::HeaderMap,
    /// Its body; a string if it is no JSON.
    pub body: Value,
}

impl Answer {
    /// The stable name of a problem, with its status checked.
    #[must_use]
    pub fn problem(&self) -> &str {
        assert_eq!(self.body["status"], self.status.as_u16(), "{self:?}");
        assert!(self.body["next"].as_str().unwrap().len() > 10, "{self:?}");
        let kind = self.body["type"].as_str().unwrap();
        kind.strip_prefix("urn:denizen:problem:").unwrap()
    }

    /// The body of a request that was done.
    pub fn done(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.body
    }
}

/// A client system with its token.
#[derive(Clone)]
pub struct Api {
    /// The gateway's REST side.
    pub desk: Desk,
    router: Router,
    token: Option<String>,
}

impl Api {
    /// A system of an office that may do everything.
    pub fn of(play: &mut Play, office: &str) -> Self {
        let token = token(play, office, "everything", Scope::ALL);
        Self::with(play, office, u32::MAX).token(Some(&token))
    }

    /// A system of an office without a token, held to so many requests in a minute.
    #[must_use]
    pub fn with(play: &Play, office: &str, requests_a_minute: u32) -> Self {
        let folder = play.world.folder(&format!("gateway-{office}"));
        let gateway = Gateway::open(&folder, catalogue()).unwrap();
        let clock = Arc::new(play.world.clock.clone());
        let rng = Box::new(Rng::seed_from_u64(7));
        Self::at(&Desk::new(gateway, clock, rng, requests_a_minute))
    }

    /// A system without a token at a gateway's REST side.
    #[must_use]
    pub fn at(desk: &Desk) -> Self {
        Self {
            router: router(desk),
            desk: desk.clone(),
            token: None,
        }
    }

    /// The same with another token.
    #[must_use]
    pub fn token(&self, token: Option<&str>) -> Self {
        Self {
            token: token.map(str::to_owned),
            ..self.clone()
        }
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), None).await
    }

    /// Does something.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Request::post(path), Some(body)).await
    }

    /// Deposits a record.
    pub async fn deposit(&self, key: &str, body: &Value) -> Answer {
        let request = Request::post("/v1/records").header("idempotency-key", key);
        self.send(request, Some(body)).await
    }

    /// Sends a request with this system's token; the answer is one that the description has.
    pub async fn send(&self, request: http::request::Builder, body: Option<&Value>) -> Answer {
        let request = match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        let body = body.map(|b| Body::from(b.to_string())).unwrap_or_default();
        let asked = (
            request.method_ref().unwrap().clone(),
            request.uri_ref().unwrap().clone(),
        );
        let answer = self.router.clone().oneshot(request.body(body).unwrap());
        let answer = answer.await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        assert_eq!(headers["cache-control"], "no-store");
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        let bytes = bytes.unwrap();
        let body = serde_json::from_slice(&bytes);
        let body = body.unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        assert_described(&asked, status, &body);
        Answer {
            status,
            headers,
            body,
        }
    }
}

/// Every answer to a route is one that the description has, with the body that it says.
fn assert_described((method, uri): &(http::Method, http::Uri), status: StatusCode, body: &Value) {
    let parts: Vec<_> = uri.path().split('/').collect();
    let fits = |path: &&str| {
        let route: Vec<_> = path.split('/').collect();
        let same = |(a, b): (&&str, &&str)| a.starts_with('{') || a == b;
        route.len() == parts.len() && route.iter().zip(&parts).all(same)
    };
    let route = ROUTES.iter().find(|r| r.0 == method.as_str() && fits(&r.1));
    let Some((_, path, _)) = route else {
        return assert_eq!(status, 404, "{method} {uri}");
    };
    let mut whole: Value = serde_json::from_str(DESCRIPTION).unwrap();
    let operation = &whole["paths"][path][method.as_str().to_lowercase()];
    let answer = &operation["responses"][status.as_str()];
    assert!(
        answer.is_object(),
        "{method} {path} answers {status}: {body}"
    );
    let content = answer["content"].as_object();
    let schema = content
        .and_then(|c| c.values().next())
        .map(|c| c["schema"].clone());
    let Some(schema) = schema else {
        return assert_eq!(body, "", "{method} {path} {status}");
    };
    let schema = json!({"allOf": [schema], "components": whole["components"].take()});
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(body).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{method} {path} {status}: {errors:?}");
}

/// Makes a token of an office for a year.
pub fn token(play: &mut Play, office: &str, label: &str, scopes: &[Scope]) -> String {
    let request = TokenRequest {
        label: label.to_owned(),
        role: "register system".to_owned(),
        scopes: scopes.to_vec(),
        ttl_s: 365 * 86_400,
    };
    let now = play.world.now();
    let gateway = play.gateways.get_mut(office).unwrap();
    let token = gateway.make_token(request, now, &mut play.world.rng);
    let token = token.unwrap();
    play.world
        .marks
        .add(&format!("{office}: token {label}"), &token[16..]);
    token
}

/// What hooks are told: requests are kept, and answered as a test says.
#[derive(Clone, Default)]
pub struct Receiver(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    requests: Vec<Request<Vec<u8>>>,
    answer: Option<u16>,
}

impl Receiver {
    fn state(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers with this status from here on; with nothing at all if there is none.
    pub fn answer(&self, status: Option<u16>) {
        self.state().answer = status;
    }

    /// All requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request<Vec<u8>>> {
        self.state().requests.clone()
    }

    /// Types of the events so far.
    #[must_use]
    pub fn types(&self) -> Vec<String> {
        let body = |r: &Request<Vec<u8>>| serde_json::from_slice::<Value>(r.body()).unwrap();
        let requests = self.requests();
        let types = requests.iter().map(body);
        types
            .map(|b| b["type"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Transport for Receiver {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let mut state = self.state();
        state.requests.push(request);
        let status = state.answer.ok_or(TransportError::Connect)?;
        let answer = Response::builder().status(status);
        Ok(answer.body(b"ignored".to_vec()).unwrap())
    }
}

/// A case reference as a part of a path.
#[must_use]
pub fn encoded(text: &str) -> String {
    let byte = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
