//! Routes: extract, one step, answer. Errors become problems in [`problem`] alone.

mod auth;
mod extract;
mod portal;
mod problem;

pub use portal::{About, Bundle, BundleError, MANIFEST_FILE, with_portal};

use crate::{
    Hub, Shared, address, deposit, directory, erase, fetch, lists, metrics::MEDIA_TYPE, object,
    public,
};
use auth::{Deposited, Signed, signed_address, signed_organisation, signed_owner};
use axum::{
    Router,
    body::Bytes,
    extract::{MatchedPath, Request, State},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{delete, get, post, put},
};
use denizen_api::{
    ProblemKind,
    wire::{
        CBOR_MEDIA_TYPE, ChangeAccepts, EntryPlace, ObjectPart, RegisterAddress, WAIT_S_MAX,
        WrappedRoot, decode_batch, decode_entries, encode_outcomes,
    },
};
use denizen_model::{AddressId, Nonce, OrgId, Sha256Hash};
use denizen_store::hub::LogId;
use denizen_tlog::{TILE_WIDTH, Tile, TilePath, decode_bundle, encode_bundle};
use extract::{InPath, InQuery, Whole};
use problem::Refusal;
use serde::Deserialize;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::Instrument as _;

/// Every route: method, path, what its parameters are. A test walks it (R29).
pub const ROUTES: [(&str, &str, &[&str]); 25] = [
    ("POST", "/v1/addresses", &[]),
    ("GET", "/v1/addresses/{address}", &["address"]),
    ("DELETE", "/v1/addresses/{address}", &["address"]),
    ("PUT", "/v1/addresses/{address}/accepts", &["address"]),
    (
        "GET",
        "/v1/addresses/{address}/envelopes",
        &["address", "after", "wait"],
    ),
    (
        "DELETE",
        "/v1/addresses/{address}/envelopes/{pos}",
        &["address", "pos"],
    ),
    (
        "PUT",
        "/v1/addresses/{address}/objects/{id}",
        &["address", "id"],
    ),
    (
        "GET",
        "/v1/addresses/{address}/objects/{id}",
        &["address", "id", "offset"],
    ),
    (
        "DELETE",
        "/v1/addresses/{address}/objects/{id}",
        &["address", "id"],
    ),
    ("POST", "/v1/deposits", &[]),
    ("GET", "/v1/directory", &[]),
    ("POST", "/v1/directory", &[]),
    ("PUT", "/v1/roots/{locator}", &["locator"]),
    ("GET", "/v1/roots/{locator}", &["locator"]),
    ("DELETE", "/v1/roots/{locator}", &["locator"]),
    ("PUT", "/v1/status/{org}/{list}", &["org", "list"]),
    ("GET", "/v1/status/{org}/{list}", &["org", "list"]),
    ("GET", "/v1/openapi.json", &[]),
    ("GET", "/log/deposits/checkpoint", &[]),
    ("GET", "/log/deposits/tile/{*path}", &["path"]),
    ("GET", "/log/directory/checkpoint", &[]),
    ("GET", "/log/directory/tile/{*path}", &["path"]),
    ("GET", "/healthz", &[]),
    ("GET", "/readyz", &[]),
    ("GET", "/metrics", &[]),
];

/// These routes for programs: OpenAPI 3.1, with parameters, bodies and problems.
pub const DESCRIPTION: &str = include_str!("../openapi.json");

type Hubbed = State<Arc<Shared>>;
type Answered = Result<Response, Refusal>;

/// The hub's routes.
pub fn router(hub: &Hub) -> Router {
    let shared = Arc::clone(&hub.0);
    Router::new()
        .route("/v1/addresses", post(register))
        .route("/v1/addresses/{address}", get(read_address).delete(shred))
        .route("/v1/addresses/{address}/accepts", put(change_accepts))
        .route("/v1/addresses/{address}/envelopes", get(fetch_envelopes))
        .route(
            "/v1/addresses/{address}/envelopes/{pos}",
            delete(erase_envelope),
        )
        .route(
            "/v1/addresses/{address}/objects/{id}",
            put(put_object).get(read_object).delete(erase_object),
        )
        .route("/v1/deposits", post(deposit_batch))
        .route("/v1/directory", get(read_directory).post(append_directory))
        .route(
            "/v1/roots/{locator}",
            put(put_root).get(read_root).delete(delete_root),
        )
        .route("/v1/status/{org}/{list}", put(put_status).get(read_status))
        .route("/v1/openapi.json", get(read_description))
        .route("/log/deposits/checkpoint", get(deposits_checkpoint))
        .route("/log/deposits/tile/{*path}", get(deposits_tile))
        .route("/log/directory/checkpoint", get(directory_checkpoint))
        .route("/log/directory/tile/{*path}", get(directory_tile))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(|| async { Refusal(ProblemKind::NotFound) })
        .method_not_allowed_fallback(|| async { Refusal(ProblemKind::NotFound) })
        .layer(from_fn_with_state(Arc::clone(&shared), count))
        .with_state(shared)
}

/// Counts requests and answers, by the route as it is written down.
async fn count(State(hub): Hubbed, request: Request, next: Next) -> Response {
    hub.metrics.request();
    let method = match request.method().as_str() {
        "GET" => "GET",
        "PUT" => "PUT",
        "POST" => "POST",
        "DELETE" => "DELETE",
        _ => "other",
    };
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let span = tracing::debug_span!("request", hub.method = method, hub.route = route);
    let began = Instant::now();
    let response = next.run(request).instrument(span).await;
    let waited = response.extensions().get::<Waited>().is_some();
    let took = (!waited).then(|| began.elapsed());
    let status = response.status().as_u16();
    hub.metrics.answer((method, route), status, took);
    response
}

/// Marks an answer that waited for something new: its time says nothing of the hub.
#[derive(Clone, Copy)]
struct Waited;

async fn register(State(hub): Hubbed, signed: Signed) -> Answered {
    let body: RegisterAddress = json(&signed.body)?;
    let key = signed_owner(&hub, &signed)?;
    if key != *body.auth.key() {
        return Err(Refusal(ProblemKind::Unsigned));
    }
    let registration = Sha256Hash::of(&signed.body);
    Ok(axum::Json(address::register(&hub, body, registration).await?).into_response())
}

async fn read_address(State(hub): Hubbed, InPath(id): InPath<String>, signed: Signed) -> Answered {
    let id = signed_address(&hub, &signed, &id)?;
    Ok(axum::Json(address::read(&hub, id).await?).into_response())
}

async fn shred(State(hub): Hubbed, InPath(id): InPath<String>, signed: Signed) -> Answered {
    let id = signed_address(&hub, &signed, &id)?;
    erase::address(&hub, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn change_accepts(
    State(hub): Hubbed,
    InPath(id): InPath<String>,
    signed: Signed,
) -> Answered {
    let id = signed_address(&hub, &signed, &id)?;
    let change: ChangeAccepts = json(&signed.body)?;
    Ok(axum::Json(address::change(&hub, id, change).await?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FetchQuery {
    after: Option<u64>,
    wait: Option<u32>,
}

async fn fetch_envelopes(
    State(hub): Hubbed,
    InPath(id): InPath<String>,
    InQuery(query): InQuery<FetchQuery>,
    signed: Signed,
) -> Answered {
    let id: AddressId = signed_address(&hub, &signed, &id)?;
    let wait = query.wait.unwrap_or(0).min(WAIT_S_MAX);
    drop(signed);
    let answered = fetch::fetch(&hub, id, query.after, wait).await?;
    let mut response = cbor(answered.bytes);
    if answered.waited {
        response.extensions_mut().insert(Waited);
    }
    Ok(response)
}

async fn erase_envelope(
    State(hub): Hubbed,
    InPath((id, pos)): InPath<(String, u64)>,
    signed: Signed,
) -> Answered {
    let id = signed_address(&hub, &signed, &id)?;
    erase::envelope(&hub, id, pos).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn put_object(
    State(hub): Hubbed,
    InPath((address, id)): InPath<(String, String)>,
    Deposited {
        depositor,
        body,
        held,
    }: Deposited,
) -> Answered {
    let not_found = |_| Refusal(ProblemKind::NotFound);
    let address = AddressId::parse(&address).map_err(not_found)?;
    let id = Sha256Hash::parse(&id).map_err(not_found)?;
    let part = ObjectPart::decode(&body).ok_or(Refusal(ProblemKind::Malformed))?;
    drop(body);
    let put = object::put(&hub, depositor, (address, id), part).await;
    drop(held);
    Ok(match put {
        Ok(state) => cbor(state.encode()),
        Err(refused) => refused.into_response(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectQuery {
    offset: Option<u64>,
}

async fn read_object(
    State(hub): Hubbed,
    InPath((address, id)): InPath<(String, String)>,
    InQuery(query): InQuery<ObjectQuery>,
    signed: Signed,
) -> Answered {
    let address = signed_address(&hub, &signed, &address)?;
    let id = Sha256Hash::parse(&id).map_err(|_| Refusal(ProblemKind::NotFound))?;
    let offset = query.offset.unwrap_or(0);
    let bytes = object::read(&hub, address, id, offset).await?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

async fn erase_object(
    State(hub): Hubbed,
    InPath((address, id)): InPath<(String, String)>,
    signed: Signed,
) -> Answered {
    let address = signed_address(&hub, &signed, &address)?;
    let id = Sha256Hash::parse(&id).map_err(|_| Refusal(ProblemKind::NotFound))?;
    erase::object(&hub, address, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn deposit_batch(State(hub): Hubbed, deposited: Deposited) -> Answered {
    let Deposited {
        depositor,
        body,
        held,
    } = deposited;
    let items = decode_batch(&body).ok_or(Refusal(ProblemKind::Malformed))?;
    drop(body);
    let deposits = deposit::deposit(&hub, depositor, items).await?;
    drop(held);
    let mut response = cbor(encode_outcomes(&deposits.outcomes));
    if let Some(wait_s) = deposits.retry_after_s {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, wait_s.into());
    }
    Ok(response)
}

async fn read_directory(State(hub): Hubbed) -> Answered {
    Ok(cbor(hub.directory().answer()))
}

async fn append_directory(State(hub): Hubbed, Whole { body, held }: Whole) -> Answered {
    let entries = decode_entries(&body).ok_or(Refusal(ProblemKind::Malformed))?;
    drop(body);
    let appended = directory::append(&hub, entries).await;
    drop(held);
    Ok(match appended {
        Ok(index) => axum::Json(EntryPlace { index }).into_response(),
        Err(refused) => refused.into_response(),
    })
}

async fn put_root(
    State(hub): Hubbed,
    InPath(locator): InPath<String>,
    Whole { body, held }: Whole,
) -> Answered {
    let root: WrappedRoot = json(&body)?;
    public::put_root(&hub, parse_locator(&locator)?, root).await?;
    drop(held);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn read_root(State(hub): Hubbed, InPath(locator): InPath<String>) -> Answered {
    Ok(axum::Json(public::root(&hub, parse_locator(&locator)?).await?).into_response())
}

async fn delete_root(
    State(hub): Hubbed,
    InPath(locator): InPath<String>,
    signed: Signed,
) -> Answered {
    let locator = parse_locator(&locator)?;
    let root = public::root(&hub, locator).await?;
    if signed_owner(&hub, &signed)? != *root.owner.key() {
        return Err(Refusal(ProblemKind::NotFound));
    }
    public::delete_root(&hub, locator).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn put_status(
    State(hub): Hubbed,
    InPath((org, list)): InPath<(String, String)>,
    signed: Signed,
) -> Answered {
    let by = signed_organisation(&hub, &signed)?;
    if OrgId::parse(&org).ok() != Some(by) {
        return Err(Refusal(ProblemKind::NotFound));
    }
    public::put_status(&hub, by, list, signed.body).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn read_status(
    State(hub): Hubbed,
    InPath((org, list)): InPath<(String, String)>,
) -> Answered {
    let org = OrgId::parse(&org).map_err(|_| Refusal(ProblemKind::NotFound))?;
    let token = lists::read(&hub, org, list).await?;
    Ok(([(CONTENT_TYPE, "application/statuslist+jwt")], token).into_response())
}

async fn read_description() -> Response {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}

async fn deposits_checkpoint(State(hub): Hubbed) -> String {
    hub.deposits.borrow().checkpoint.clone()
}

async fn directory_checkpoint(State(hub): Hubbed) -> String {
    hub.directory().published.checkpoint.clone()
}

async fn deposits_tile(State(hub): Hubbed, InPath(path): InPath<String>) -> Answered {
    let size = hub.deposits.borrow().size;
    tile(&hub, LogId::Deposits, size, &path).await
}

async fn directory_tile(State(hub): Hubbed, InPath(path): InPath<String>) -> Answered {
    let size = hub.directory().published.size;
    tile(&hub, LogId::Directory, size, &path).await
}

/// A tile or bundle as far as the published checkpoint covers it. Source: c2sp.org/tlog-tiles.
async fn tile(hub: &Shared, log: LogId, size: u64, path: &str) -> Answered {
    let not_found = Refusal(ProblemKind::NotFound);
    let path = TilePath::parse(&format!("tile/{path}")).ok_or(not_found)?;
    let shift = 8_u32.saturating_mul(path.level.unwrap_or(0));
    let covered = size.checked_shr(shift).unwrap_or(0);
    let end = path.index.checked_mul(TILE_WIDTH as u64);
    let end = end.and_then(|start| start.checked_add(path.width as u64));
    if end.is_none_or(|end| end > covered) {
        return Err(not_found);
    }
    let index = path.index;
    let bytes = match path.level {
        Some(level) => {
            let hashes = hub.read(move |db| db.tile(log, level, index)).await?;
            let hashes = hashes.ok_or(not_found)?;
            let hashes = hashes.get(..path.width).ok_or(not_found)?.to_vec();
            Tile {
                level,
                index: path.index,
                hashes,
            }
            .encode()
        }
        None => {
            let bundle = hub.read(move |db| db.bundle(log, index)).await?;
            let bundle = bundle.ok_or(not_found)?;
            let entries = decode_bundle(&bundle).map_err(|_| Refusal(ProblemKind::Internal))?;
            let entries = entries.get(..path.width).ok_or(not_found)?;
            encode_bundle(entries.iter().copied()).map_err(|_| Refusal(ProblemKind::Internal))?
        }
    };
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

/// Whether what is sent is taken: a load balancer asks it.
async fn ready(State(hub): Hubbed) -> Answered {
    if Hub(hub).is_ready() {
        Ok("ready\n".into_response())
    } else {
        Err(Refusal(ProblemKind::Busy))
    }
}

async fn metrics(State(hub): Hubbed) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE)], hub.metrics_text()).into_response()
}

fn json<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal(ProblemKind::Malformed))
}

fn cbor(bytes: impl Into<Bytes>) -> Response {
    let bytes: Bytes = bytes.into();
    ([(CONTENT_TYPE, CBOR_MEDIA_TYPE)], bytes).into_response()
}

fn parse_locator(text: &str) -> Result<Nonce, Refusal> {
    Nonce::parse(text).map_err(|_| Refusal(ProblemKind::NotFound))
}
