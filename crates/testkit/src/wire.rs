//! The network of a world: requests go to a hub's router in memory. It remembers every byte, loses
//! what it is told to lose, and can lie about a hub's answers.

use axum::{Router, body::Body};
use denizen_api::{Transport, TransportError};
use http::{Method, Request, Response, StatusCode};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tower::ServiceExt as _;

/// One request with its answer, as a listener on the line would have them.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Method of the request.
    pub method: Method,
    /// Absolute URI of the request.
    pub uri: String,
    /// Headers of request and answer, one a line.
    pub headers: String,
    /// Body of the request.
    pub request: Vec<u8>,
    /// Status of the answer; none if the request was lost.
    pub status: Option<StatusCode>,
    /// Body of the answer as the hub gave it.
    pub answer: Vec<u8>,
}

impl Exchange {
    /// Path and query.
    #[must_use]
    pub fn path(&self) -> &str {
        let rest = self.uri.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("", |at| &rest[at..])
    }
}

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The hub never sees it.
    LoseRequest,
    /// The hub acts, and its answer is lost.
    LoseAnswer,
    /// The hub sees it twice; the second answer arrives.
    Twice,
    /// The hub sees it after the next one that comes through; its answer arrives nowhere.
    Later,
}

type Plan = Box<dyn FnMut(usize, &Request<Vec<u8>>) -> Option<Fault> + Send>;
type Lie = Box<dyn FnMut(&Exchange) -> Option<Vec<u8>> + Send>;

#[derive(Default)]
struct State {
    routers: HashMap<String, Router>,
    exchanges: Vec<Exchange>,
    sent: usize,
    late: Vec<Request<Vec<u8>>>,
    plan: Option<Plan>,
    lie: Option<Lie>,
}

/// The wire; clones are the same wire.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<State>>);

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire(..)")
    }
}

impl Wire {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a hub on the wire under its authority (`name` or `name:port`).
    pub fn connect(&self, authority: &str, router: Router) {
        self.state().routers.insert(authority.to_owned(), router);
    }

    /// Takes a hub off the wire.
    pub fn disconnect(&self, authority: &str) {
        self.state().routers.remove(authority);
    }

    /// Decides on a fault for each request by its number (from 0, since this call) and contents.
    pub fn plan(
        &self,
        plan: impl FnMut(usize, &Request<Vec<u8>>) -> Option<Fault> + Send + 'static,
    ) {
        let mut state = self.state();
        state.sent = 0;
        state.plan = Some(Box::new(plan));
    }

    /// One fault for the request with this number, counted from now.
    pub fn fault_at(&self, number: usize, fault: Fault) {
        self.plan(move |n, _| (n == number).then_some(fault));
    }

    /// No more faults, no more lies.
    pub fn calm(&self) {
        let mut state = self.state();
        state.plan = None;
        state.lie = None;
    }

    /// An evil hub: what it says instead of an answer.
    pub fn lie(&self, lie: impl FnMut(&Exchange) -> Option<Vec<u8>> + Send + 'static) {
        self.state().lie = Some(Box::new(lie));
    }

    /// Requests sent since the last plan, or ever.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.state().sent
    }

    /// Forgets what went over the wire so far.
    pub fn forget(&self) {
        self.state().exchanges.clear();
    }

    /// Everything that went over the wire.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges_from(0)
    }

    /// The same from the one with this number on.
    #[must_use]
    pub fn exchanges_from(&self, number: usize) -> Vec<Exchange> {
        self.state().exchanges[number..].to_vec()
    }

    async fn act(&self, router: Router, request: &Request<Vec<u8>>) -> Exchange {
        let answer = router.oneshot(request.clone().map(Body::from)).await;
        let answer = answer.unwrap_or_else(|never| match never {});
        let mut headers = headers(request.headers());
        headers.push_str(&self::headers(answer.headers()));
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        Exchange {
            method: request.method().clone(),
            uri: request.uri().to_string(),
            headers,
            request: request.body().clone(),
            status: Some(status),
            answer: body.unwrap().to_vec(),
        }
    }

    async fn deliver_late(&self) {
        let late = std::mem::take(&mut self.state().late);
        for request in late {
            let authority = request.uri().authority().map(ToString::to_string);
            let router = authority.and_then(|a| self.state().routers.get(&a).cloned());
            if let Some(router) = router {
                let exchange = self.act(router, &request).await;
                self.state().exchanges.push(exchange);
            }
        }
    }

    fn route(&self, request: &Request<Vec<u8>>) -> (Option<Router>, Option<Fault>) {
        let mut state = self.state();
        let number = state.sent;
        state.sent += 1;
        let fault = state.plan.as_mut().and_then(|plan| plan(number, request));
        let authority = request.uri().authority().map(ToString::to_string);
        let router = authority.and_then(|a| state.routers.get(&a).cloned());
        (router, fault)
    }
}

fn headers(headers: &http::HeaderMap) -> String {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    headers.iter().map(line).collect()
}

impl Transport for Wire {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let (router, fault) = self.route(&request);
        let Some(router) = router else {
            return Err(TransportError::Connect);
        };
        if fault == Some(Fault::LoseRequest) {
            return Err(TransportError::Connect);
        }
        if fault == Some(Fault::Later) {
            self.state().late.push(request);
            return Err(TransportError::Interrupted);
        }
        if fault == Some(Fault::Twice) {
            let first = self.act(router.clone(), &request).await;
            self.state().exchanges.push(first);
        }
        let exchange = self.act(router, &request).await;
        self.deliver_late().await;
        let mut state = self.state();
        state.exchanges.push(exchange.clone());
        if fault == Some(Fault::LoseAnswer) {
            return Err(TransportError::Interrupted);
        }
        let lied = state.lie.as_mut().and_then(|lie| lie(&exchange));
        let response = Response::builder().status(exchange.status.unwrap_or_default());
        Ok(response.body(lied.unwrap_or(exchange.answer)).unwrap())
    }
}
