//! What the pages say to hubs goes through this process: `/hub/N/v1/...` to the `N`th hub that was named
//! at the start, and nowhere else. The page's policy stays `connect-src 'self'`, a hub needs no CORS, and
//! each request has a connection of its own, which a browser cannot do.

use crate::transport::HttpTransport;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::any,
};
use denizen_api::{Transport as _, wire::BODY_SIZE_BYTES_MAX};
use std::sync::Arc;

/// The pages' own requests have it. A page of another origin cannot send it without asking first, and
/// is not answered.
const OWN: HeaderName = HeaderName::from_static("denizen-portal");
/// The value of [`OWN`] in an answer that no hub gave.
const AWAY: &str = "away";

/// What of a request a hub is given.
const ASKED: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("signature-input"),
    HeaderName::from_static("signature"),
];
/// What of its answer the page is given.
const ANSWERED: [HeaderName; 2] = [header::CONTENT_TYPE, header::RETRY_AFTER];

struct Hubs {
    transport: HttpTransport,
    urls: Vec<String>,
}

/// The routes to the hubs.
pub(super) fn routes(transport: HttpTransport, urls: Vec<String>) -> Router {
    Router::new()
        .route("/hub/{number}/{*path}", any(forward))
        .with_state(Arc::new(Hubs { transport, urls }))
}

/// Answers only who asks for `localhost`: a name of somebody else that leads to this machine is no way in.
pub(super) fn only_here(router: Router, port: u16) -> Router {
    let here = format!("localhost:{port}");
    router.layer(from_fn(move |request: Request, next: Next| {
        let host = request.headers().get(header::HOST);
        let is_here = host.is_some_and(|h| h.as_bytes() == here.as_bytes());
        async move {
            if is_here {
                next.run(request).await
            } else {
                StatusCode::MISDIRECTED_REQUEST.into_response()
            }
        }
    }))
}

async fn forward(
    State(hubs): State<Arc<Hubs>>,
    Path((number, _)): Path<(usize, String)>,
    request: Request,
) -> Response {
    if request.headers().get(&OWN).is_none() {
        return StatusCode::FORBIDDEN.into_response();
    }
    // As it was sent: the signature covers it.
    let target = request.uri().path_and_query().map_or("", |p| p.as_str());
    let rest = target.strip_prefix(&format!("/hub/{number}"));
    let rest = rest.filter(|r| is_of_a_hub(r)).map(str::to_owned);
    let (Some(url), Some(rest)) = (hubs.urls.get(number), rest) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_SIZE_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut asked = http::Request::new(body.to_vec());
    *asked.method_mut() = head.method;
    let Ok(to) = format!("{url}{rest}").parse() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    *asked.uri_mut() = to;
    *asked.headers_mut() = only(&ASKED, &head.headers);
    match hubs.transport.send(asked).await {
        Ok(answer) => {
            let (head, body) = answer.into_parts();
            let headers = only(&ANSWERED, &head.headers);
            (head.status, headers, Body::from(body)).into_response()
        }
        Err(_) => (StatusCode::BAD_GATEWAY, [(OWN, AWAY)]).into_response(),
    }
}

/// Whether a path is one of the API or of the logs, and stays there.
fn is_of_a_hub(path: &str) -> bool {
    let inside = path.starts_with("/v1/") || path.starts_with("/log/");
    let leaves = |part: &str| part.contains("..") || part.to_ascii_lowercase().contains("%2e");
    inside && !path.split('?').next().is_none_or(leaves)
}

fn only(names: &[HeaderName], headers: &HeaderMap) -> HeaderMap {
    let given = names.iter().filter_map(|name| {
        let value = headers.get(name)?;
        Some((name.clone(), value.clone()))
    });
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::is_of_a_hub;

    #[test]
    fn only_the_api_and_the_logs_are_reached() {
        for path in [
            "/v1/directory",
            "/log/deposits/tile/0/x001/234",
            "/v1/addresses/a/envelopes?after=1",
        ] {
            assert!(is_of_a_hub(path), "{path}");
        }
        for path in [
            "",
            "/",
            "/metrics",
            "/v1",
            "/v1/../metrics",
            "/v1/%2E%2e/metrics",
            "/portal.json",
            "//v1/",
            "@evil.example/v1/",
        ] {
            assert!(!is_of_a_hub(path), "{path}");
        }
    }
}
