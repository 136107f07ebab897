//! Requests over HTTP/1.1, with TLS wherever the URL says https.

use crate::runtime::SystemRng;
use denizen_api::{Problem, ProblemKind, Transport, TransportError, wire::BODY_SIZE_BYTES_MAX};
use http::{Response, StatusCode, header::RETRY_AFTER};
use rand_core::Rng as _;
use std::time::Duration;

/// Answers are read up to this many bytes: a fetch of the largest envelopes and some room.
const ANSWER_SIZE_BYTES_MAX: usize = 8 * BODY_SIZE_BYTES_MAX;

/// A long poll and some room, in seconds.
const TIMEOUT_S: u64 = denizen_api::wire::WAIT_S_MAX as u64 + 30;

/// Answers of receivers are read up to this many bytes.
const HOOK_ANSWER_SIZE_BYTES_MAX: usize = 64 << 10;

/// How long an endpoint may take for a whole page, in seconds.
const SOURCE_TIMEOUT_S: u64 = 60;

/// How long a receiver may take for its answer, in seconds.
const HOOK_TIMEOUT_S: u64 = 10;

/// How often a hub is asked again that says when to come back.
const REPEATS_MAX: u32 = 2;

/// A hub that says so for longer is left to whoever asked, in seconds.
const RETRY_AFTER_S_MAX: u64 = 10;

/// Seconds after which a connection that rests is given up: before a hub does so.
const IDLE_S: u64 = 10;

/// One client. Connections are not kept between requests: addresses polled over one connection
/// would show the hub that they belong together (`docs/threat-model.md`).
#[derive(Debug, Clone)]
pub(crate) struct HttpTransport {
    client: reqwest::Client,
    answer_size_bytes_max: usize,
    repeats: u32,
}

impl HttpTransport {
    /// For a holder: one connection for each request.
    pub(crate) fn unlinkable() -> anyhow::Result<Self> {
        Self::new(0)
    }

    /// For an organisation, which the hub knows by its signature anyway.
    pub(crate) fn pooled() -> anyhow::Result<Self> {
        Self::new(4)
    }

    /// For an organisation's own endpoints: pages of 16 MiB, never led elsewhere.
    pub(crate) fn to_sources() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(SOURCE_TIMEOUT_S))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self::once(client, denizen_gateway::PAGE_SIZE_BYTES_MAX))
    }

    /// For an organisation's own receivers: soon over, and never led elsewhere.
    pub(crate) fn to_hooks() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(HOOK_TIMEOUT_S))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        // Nothing of what they answer is read.
        Ok(Self::once(client, HOOK_ANSWER_SIZE_BYTES_MAX))
    }

    /// What the caller repeats himself, by a plan of his own.
    fn once(client: reqwest::Client, answer_size_bytes_max: usize) -> Self {
        Self {
            client,
            answer_size_bytes_max,
            repeats: 0,
        }
    }

    fn new(idle: usize) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(TIMEOUT_S))
            .pool_max_idle_per_host(idle)
            .pool_idle_timeout(Duration::from_secs(IDLE_S))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            answer_size_bytes_max: ANSWER_SIZE_BYTES_MAX,
            repeats: REPEATS_MAX,
        })
    }

    async fn send_once(
        &self,
        request: reqwest::Request,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        let mut answer = self.client.execute(request).await.map_err(|error| {
            if error.is_connect() {
                TransportError::Connect
            } else {
                TransportError::Interrupted
            }
        })?;
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|_| TransportError::Interrupted)?
        {
            body.extend_from_slice(&chunk);
            if body.len() > self.answer_size_bytes_max {
                return Err(TransportError::TooLarge);
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

/// How long to wait before the same bytes are sent again, if the answer says so: what it says, and up to
/// half as much again, so that many do not come back in the same moment.
fn pause(answer: &Response<Vec<u8>>, chance: u32) -> Option<Duration> {
    let kind = || {
        let problem: Problem = serde_json::from_slice(answer.body()).ok()?;
        problem.kind()
    };
    let passes = match answer.status() {
        StatusCode::SERVICE_UNAVAILABLE => true,
        // A quota does not pass by waiting.
        StatusCode::TOO_MANY_REQUESTS => kind() == Some(ProblemKind::RateLimited),
        _ => false,
    };
    let after = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let after: u64 = after.parse().ok()?;
    let told = Duration::from_secs(after);
    (passes && after <= RETRY_AFTER_S_MAX).then(|| told + told * (chance % 256) / 512)
}

impl Transport for HttpTransport {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(|_| TransportError::Connect)?;
        let mut left = self.repeats;
        loop {
            // Every request may be repeated with the same bytes (docs/spec/hub.md).
            let again = if left == 0 { None } else { request.try_clone() };
            let Some(again) = again else {
                return self.send_once(request).await;
            };
            let answer = self.send_once(again).await?;
            match pause(&answer, SystemRng::default().next_u32()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Ok(answer),
            }
            left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: ProblemKind, after: &str) -> Response<Vec<u8>> {
        let body = serde_json::to_vec(&Problem::new(kind)).expect("a problem is JSON");
        let answer = Response::builder().status(status);
        let answer = answer.header(RETRY_AFTER, after).body(body);
        answer.expect("is an answer")
    }

    #[test]
    fn a_hub_that_says_when_to_come_again_is_waited_for_and_not_all_at_once() {
        let busy = answer(503, ProblemKind::Busy, "2");
        let pauses: Vec<u64> = [0, 128, 255]
            .map(|chance| pause(&busy, chance).expect("waits").as_millis())
            .map(|ms| u64::try_from(ms).expect("is short"))
            .to_vec();
        assert_eq!(pauses, [2_000, 2_500, 2_996]);
        let often = answer(429, ProblemKind::RateLimited, "1");
        assert!(pause(&often, 0).is_some());
    }

    #[test]
    fn what_does_not_pass_by_waiting_is_not_waited_for() {
        for refused in [
            answer(429, ProblemKind::Quota, "2"),
            answer(403, ProblemKind::NotAccepted, "2"),
            answer(503, ProblemKind::Busy, "3600"),
            answer(503, ProblemKind::Busy, "soon"),
        ] {
            assert_eq!(pause(&refused, 0), None);
        }
        let mut untold = answer(503, ProblemKind::Busy, "2");
        untold.headers_mut().remove(RETRY_AFTER);
        assert_eq!(pause(&untold, 0), None);
    }
}
