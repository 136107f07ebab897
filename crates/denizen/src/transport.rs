//! Requests over HTTP/1.1, with TLS wherever the URL says https.

use denizen_api::{Transport, TransportError, wire::BODY_SIZE_BYTES_MAX};
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

/// One client. Connections are not kept between requests: addresses polled over one connection
/// would show the hub that they belong together (`docs/threat-model.md`).
#[derive(Debug, Clone)]
pub(crate) struct HttpTransport(reqwest::Client, usize);

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
        Ok(Self(client, denizen_gateway::PAGE_SIZE_BYTES_MAX))
    }

    /// For an organisation's own receivers: soon over, and never led elsewhere.
    pub(crate) fn to_hooks() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(HOOK_TIMEOUT_S))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        // Nothing of what they answer is read.
        Ok(Self(client, HOOK_ANSWER_SIZE_BYTES_MAX))
    }

    fn new(idle: usize) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(TIMEOUT_S))
            .pool_max_idle_per_host(idle)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self(client, ANSWER_SIZE_BYTES_MAX))
    }
}

impl Transport for HttpTransport {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(|_| TransportError::Connect)?;
        let mut answer = self.0.execute(request).await.map_err(|error| {
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
            if body.len() > self.1 {
                return Err(TransportError::TooLarge);
            }
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}
