//! REST for an organisation's own systems: extract, one act, answer. Errors become problems in
//! [`problem`] alone.

mod act;
mod asked;
mod extract;
mod problem;
mod shapes;

pub use act::{Desk, REQUESTS_A_MINUTE};
pub use problem::RestProblem;

use crate::Scope;
use act::Act;
use asked::{
    AskMore, CaseQuery, Change, Clear, Close, Decision, Digits, Invite, NewNote, NewRecord, Open,
    OpenDispute, PageQuery, Reply, said,
};
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use denizen_model::MessageId;
use extract::{Caller, InBody, InPath, InQuery, Key};
use problem::Refusal;
use serde_json::json;
use shapes::{find, numbered, page};

/// Every route: method, path, what its parameters are. A test walks it (R29).
pub const ROUTES: [(&str, &str, &[&str]); 27] = [
    ("POST", "/v1/records", &["Idempotency-Key"]),
    ("GET", "/v1/records/{record}", &["record"]),
    ("POST", "/v1/records/{record}/status", &["record"]),
    ("GET", "/v1/cases", &["service", "state", "after", "limit"]),
    ("GET", "/v1/cases/{case_reference}", &["case_reference"]),
    (
        "POST",
        "/v1/cases/{case_reference}/open",
        &["case_reference"],
    ),
    (
        "POST",
        "/v1/cases/{case_reference}/ask-more",
        &["case_reference"],
    ),
    (
        "POST",
        "/v1/cases/{case_reference}/decision",
        &["case_reference"],
    ),
    (
        "POST",
        "/v1/cases/{case_reference}/notes",
        &["case_reference"],
    ),
    ("GET", "/v1/disputes", &["after", "limit"]),
    ("POST", "/v1/disputes/{number}/open", &["number"]),
    ("POST", "/v1/disputes/{number}/answer", &["number"]),
    ("POST", "/v1/disputes/{number}/clear", &["number"]),
    ("GET", "/v1/notes", &["after", "limit"]),
    ("POST", "/v1/invitations", &[]),
    ("GET", "/v1/invitations/{invitation}", &["invitation"]),
    ("GET", "/v1/links", &["after", "limit"]),
    ("GET", "/v1/links/{case_reference}", &["case_reference"]),
    (
        "POST",
        "/v1/links/{case_reference}/confirm",
        &["case_reference"],
    ),
    (
        "POST",
        "/v1/links/{case_reference}/close",
        &["case_reference"],
    ),
    ("GET", "/v1/events", &["after", "limit"]),
    ("GET", "/v1/hooks", &[]),
    ("GET", "/v1/outbox", &[]),
    ("GET", "/v1/health", &[]),
    ("GET", "/v1/openapi.json", &[]),
    ("GET", "/healthz", &[]),
    ("GET", "/metrics", &[]),
];

/// These routes for programs: OpenAPI 3.1, with parameters, bodies and problems.
pub const DESCRIPTION: &str = include_str!("../openapi.json");

type Desked = State<Desk>;
type Answered = Result<Response, Refusal>;

/// The routes of a gateway's REST interface.
pub fn router(desk: &Desk) -> Router {
    let case = "/v1/cases/{case_reference}";
    let link = "/v1/links/{case_reference}";
    let dispute = "/v1/disputes/{number}";
    Router::new()
        .route("/v1/records", post(deposit))
        .route("/v1/records/{record}", get(read_record))
        .route("/v1/records/{record}/status", post(change_status))
        .route("/v1/cases", get(list_cases))
        .route(case, get(read_case))
        .route(&format!("{case}/open"), post(open_case))
        .route(&format!("{case}/ask-more"), post(ask_more))
        .route(&format!("{case}/decision"), post(decide))
        .route(&format!("{case}/notes"), post(write_note))
        .route("/v1/disputes", get(list_disputes))
        .route(&format!("{dispute}/open"), post(open_dispute))
        .route(&format!("{dispute}/answer"), post(answer_dispute))
        .route(&format!("{dispute}/clear"), post(clear_returned))
        .route("/v1/notes", get(list_notes))
        .route("/v1/invitations", post(invite))
        .route("/v1/invitations/{invitation}", get(read_invitation))
        .route("/v1/links", get(list_links))
        .route(link, get(read_link))
        .route(&format!("{link}/confirm"), post(confirm_link))
        .route(&format!("{link}/close"), post(close_link))
        .route("/v1/events", get(list_events))
        .route("/v1/hooks", get(list_hooks))
        .route("/v1/outbox", get(outbox))
        .route("/v1/health", get(health))
        .route("/v1/openapi.json", get(read_description))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .fallback(|| async { Refusal::from(RestProblem::NotFound) })
        .method_not_allowed_fallback(|| async { Refusal::from(RestProblem::NotFound) })
        .layer(from_fn(keep_nowhere))
        .with_state(desk.clone())
}

/// Answers are nothing for a cache between here and the system that asked.
async fn keep_nowhere(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn deposit(
    State(desk): Desked,
    caller: Caller,
    Key(key): Key,
    InBody(new): InBody<NewRecord>,
) -> Answered {
    let act = Act::new(Scope::RecordsWrite, "records.deposit").on(&new.case_reference);
    let done = desk.act(caller, act, move |g, (now, rng)| {
        let name = g.deposit_record(&key, new.into(), now, rng)?;
        Ok(shapes::record(&g.asked_record(&name)?))
    });
    Ok((StatusCode::ACCEPTED, Json(done.await?)).into_response())
}

async fn read_record(
    State(desk): Desked,
    InPath(name): InPath<String>,
    caller: Caller,
) -> Answered {
    let act = Act::new(Scope::RecordsRead, "records.read").on(&name);
    let done = desk.act(caller, act, move |g, _| {
        Ok(shapes::record(&find(g, &name)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn change_status(
    State(desk): Desked,
    InPath(name): InPath<String>,
    caller: Caller,
    InBody(asked): InBody<Change>,
) -> Answered {
    let act = Act::new(Scope::RecordsWrite, "records.status").on(&name);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        let kept = find(g, &name)?.record.ok_or(RestProblem::NotFound)?;
        g.change_status(&kept, asked.change.into(), said(&asked.reason)?, now, rng)?;
        Ok(shapes::record(&g.issued_record(&kept)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn list_cases(
    State(desk): Desked,
    InQuery(query): InQuery<CaseQuery>,
    caller: Caller,
) -> Answered {
    let act = Act::new(Scope::CasesRead, "cases.list");
    let done = desk.act(caller, act, move |g, _| {
        let after = query.after()?;
        let after = after.as_ref().map(|(due, case)| (*due, case.as_str()));
        let (which, limit) = ((query.service.as_deref(), query.state()?), query.limit()?);
        let cases = g.queue_page(which, after, limit.saturating_add(1))?;
        Ok(page(&cases, limit, shapes::case, shapes::case_cursor))
    });
    Ok(Json(done.await?).into_response())
}

async fn read_case(State(desk): Desked, InPath(case): InPath<String>, caller: Caller) -> Answered {
    let act = Act::new(Scope::CasesRead, "cases.read").on(&case);
    let done = desk.act(caller, act, move |g, _| {
        Ok(shapes::case(&g.case_summary(&case)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn open_case(
    State(desk): Desked,
    InPath(case): InPath<String>,
    caller: Caller,
    InBody(asked): InBody<Open>,
) -> Answered {
    let act = Act::new(Scope::CasesOpen, "cases.open").on(&case);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        let reader = (asked.role.trim(), Some(said(&asked.purpose)?));
        Ok(shapes::papers(&g.open_case_for(&case, reader, now, rng)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn ask_more(
    State(desk): Desked,
    InPath(case): InPath<String>,
    caller: Caller,
    InBody(asked): InBody<AskMore>,
) -> Answered {
    let act = Act::new(Scope::CasesDecide, "cases.ask-more").on(&case);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        g.ask_more(&case, said(&asked.text)?, asked.due()?, now, rng)?;
        Ok(shapes::case(&g.case_summary(&case)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn decide(
    State(desk): Desked,
    InPath(case): InPath<String>,
    caller: Caller,
    InBody(asked): InBody<Decision>,
) -> Answered {
    let act = Act::new(Scope::CasesDecide, "cases.decide").on(&case);
    let role = asked.role.trim().to_owned();
    let done = desk.act(caller, act.by(&role)?, move |g, (now, rng)| {
        g.decide(&case, asked.verdict()?, &role, now, rng)?;
        Ok(shapes::case(&g.case_summary(&case)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn write_note(
    State(desk): Desked,
    InPath(case): InPath<String>,
    caller: Caller,
    InBody(asked): InBody<NewNote>,
) -> Answered {
    let act = Act::new(Scope::NotesWrite, "notes.write").on(&case);
    let done = desk.act(caller, act, move |g, (now, rng)| {
        Ok(g.write_note(&case, said(&asked.text)?, now, rng)?)
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn list_disputes(
    State(desk): Desked,
    InQuery(query): InQuery<PageQuery>,
    caller: Caller,
) -> Answered {
    let act = Act::new(Scope::DisputesRead, "disputes.list");
    let done = desk.act(caller, act, move |g, _| {
        numbered(g.disputes()?, &query, |d| d.number, shapes::dispute)
    });
    Ok(Json(done.await?).into_response())
}

async fn open_dispute(
    State(desk): Desked,
    InPath(number): InPath<i64>,
    caller: Caller,
    InBody(asked): InBody<OpenDispute>,
) -> Answered {
    let act = Act::new(Scope::DisputesAnswer, "disputes.open").on(number);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        let view = g.open_dispute(number, asked.role.trim(), now, rng)?;
        Ok(shapes::disputed(&view))
    });
    Ok(Json(done.await?).into_response())
}

async fn answer_dispute(
    State(desk): Desked,
    InPath(number): InPath<i64>,
    caller: Caller,
    InBody(asked): InBody<Reply>,
) -> Answered {
    let act = Act::new(Scope::DisputesAnswer, "disputes.answer").on(number);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        g.answer_dispute(number, &asked.answer()?, now, rng)?;
        shapes::dispute_of(g, number)
    });
    Ok(Json(done.await?).into_response())
}

async fn clear_returned(
    State(desk): Desked,
    InPath(number): InPath<i64>,
    caller: Caller,
    InBody(asked): InBody<Clear>,
) -> Answered {
    let act = Act::new(Scope::DisputesAnswer, "disputes.clear").on(number);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        g.clear_returned(number, asked.case_reference()?, now, rng)?;
        shapes::dispute_of(g, number)
    });
    Ok(Json(done.await?).into_response())
}

async fn list_notes(
    State(desk): Desked,
    InQuery(query): InQuery<PageQuery>,
    caller: Caller,
) -> Answered {
    let act = Act::new(Scope::NotesRead, "notes.list");
    let done = desk.act(caller, act, move |g, _| {
        numbered(g.notes()?, &query, |n| n.number, shapes::note)
    });
    Ok(Json(done.await?).into_response())
}

async fn invite(State(desk): Desked, caller: Caller, InBody(asked): InBody<Invite>) -> Answered {
    let act = Act::new(Scope::LinksWrite, "links.invite");
    let done = desk.act(caller, act, move |g, (now, rng)| {
        let (text, name) = g.invite_named(asked.request()?, now, rng)?;
        shapes::invitation(g, &name, Some(text))
    });
    Ok((StatusCode::CREATED, Json(done.await?)).into_response())
}

async fn read_invitation(
    State(desk): Desked,
    InPath(name): InPath<String>,
    caller: Caller,
) -> Answered {
    let act = Act::new(Scope::LinksRead, "links.invitation");
    let done = desk.act(caller, act, move |g, _| {
        let name = MessageId::parse(&name).map_err(|_| RestProblem::NotFound)?;
        shapes::invitation(g, &name, None)
    });
    Ok(Json(done.await?).into_response())
}

async fn list_links(
    State(desk): Desked,
    InQuery(query): InQuery<PageQuery>,
    caller: Caller,
) -> Answered {
    let act = Act::new(Scope::LinksRead, "links.list");
    let done = desk.act(caller, act, move |g, _| {
        let links = (1_i64..).zip(g.pending_links()?).collect();
        numbered(links, &query, |l| l.0, shapes::pending)
    });
    Ok(Json(done.await?).into_response())
}

async fn read_link(State(desk): Desked, InPath(case): InPath<String>, caller: Caller) -> Answered {
    let act = Act::new(Scope::LinksRead, "links.read").on(&case);
    let done = desk.act(caller, act, move |g, _| {
        Ok(shapes::link(&g.link_of_office(&case)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn confirm_link(
    State(desk): Desked,
    InPath(case): InPath<String>,
    caller: Caller,
    InBody(asked): InBody<Digits>,
) -> Answered {
    let act = Act::new(Scope::LinksWrite, "links.confirm").on(&case);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        g.confirm(&case, &asked.digits, now, rng)?;
        Ok(shapes::link(&g.link_of_office(&case)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn close_link(
    State(desk): Desked,
    InPath(case): InPath<String>,
    caller: Caller,
    InBody(asked): InBody<Close>,
) -> Answered {
    let act = Act::new(Scope::LinksWrite, "links.close").on(&case);
    let done = desk.act(caller, act.by(&asked.role)?, move |g, (now, rng)| {
        Ok(g.close_link(&case, said(&asked.reason)?, now, rng)?)
    });
    done.await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn list_events(
    State(desk): Desked,
    InQuery(query): InQuery<PageQuery>,
    caller: Caller,
) -> Answered {
    let act = Act::new(Scope::Events, "events.list");
    let done = desk.act(caller, act, move |g, _| {
        let limit = query.limit()?;
        let events = g.events_after(query.after, limit.saturating_add(1))?;
        Ok(page(&events, limit, |e| json!(e), |e| e.number.to_string()))
    });
    Ok(Json(done.await?).into_response())
}

async fn list_hooks(State(desk): Desked, caller: Caller) -> Answered {
    let act = Act::new(Scope::Hooks, "hooks.list");
    let done = desk.act(caller, act, |g, _| Ok(shapes::hooks(&g.hooks()?)));
    Ok(Json(done.await?).into_response())
}

async fn outbox(State(desk): Desked, caller: Caller) -> Answered {
    let act = Act::new(Scope::Status, "outbox");
    let done = desk.act(caller, act, |g, (now, _)| {
        Ok(shapes::outbox(&g.counts(now)?))
    });
    Ok(Json(done.await?).into_response())
}

async fn health(State(desk): Desked, caller: Caller) -> Answered {
    let act = Act::new(Scope::Status, "health");
    let done = desk.act(caller, act, |g, (now, _)| Ok(g.health(now)?));
    Ok(Json(done.await?).into_response())
}

async fn metrics(State(desk): Desked, caller: Caller) -> Answered {
    let act = Act::new(Scope::Status, "metrics");
    let text = desk.act(caller, act, |g, (now, _)| {
        Ok(shapes::metrics(&g.counts(now)?))
    });
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text.await?).into_response())
}

async fn read_description() -> Response {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}
