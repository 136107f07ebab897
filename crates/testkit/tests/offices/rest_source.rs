//! Rows out of an office's own endpoint: page by page, resumed, nothing twice; and an endpoint that is
//! hostile or broken.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::{Transport, TransportError};
use denizen_gateway::{IntakeReport, Mapping, RestSource, SourceError};
use denizen_testkit::{AZIZA, Play, catalogue, catalogue::demo_file, play::OfficeKind};
use http::{Request, Response};
use serde_json::{Value, json};
use std::sync::Mutex;

const CLINIC_ONLY: OfficeKind = denizen_testkit::play::CLINIC;
const URL: &str = "https://clinic.example.org/rows";

type Answer = Result<Response<Vec<u8>>, TransportError>;

/// An endpoint, and all that it was asked.
struct Endpoint<F> {
    answer: F,
    asked: Mutex<Vec<Request<Vec<u8>>>>,
}

impl<F: Fn(&Request<Vec<u8>>) -> Answer> Endpoint<F> {
    fn new(answer: F) -> Self {
        let asked = Mutex::default();
        Self { answer, asked }
    }

    fn paths(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let path = |r: &Request<Vec<u8>>| r.uri().path_and_query().unwrap().to_string();
        asked.iter().map(path).collect()
    }
}

impl<F: Fn(&Request<Vec<u8>>) -> Answer> Transport for Endpoint<F> {
    async fn send(&self, request: Request<Vec<u8>>) -> Answer {
        let answer = (self.answer)(&request);
        self.asked.lock().unwrap().push(request);
        answer
    }
}

fn ok(headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let mut answer = Response::builder().status(200);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    Ok(answer.body(body.into()).unwrap())
}

fn status(status: u16, headers: &[(&str, &str)]) -> Answer {
    let mut answer = ok(headers, "")?;
    *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
    Ok(answer)
}

fn rows() -> Vec<Value> {
    let text = String::from_utf8(demo_file("clinic/certificates.ndjson")).unwrap();
    let rows = text.lines().filter(|l| !l.trim().is_empty());
    rows.map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn source(more: &str) -> RestSource {
    let text = format!("name = \"register\"\nurl = \"{URL}\"\nmapping = \"mapping.toml\"\n{more}");
    RestSource::parse(&text).unwrap()
}

async fn pull(
    play: &mut Play,
    source: &RestSource,
    endpoint: &impl Transport,
) -> Result<IntakeReport, SourceError> {
    let text = String::from_utf8(demo_file("clinic/mapping.toml")).unwrap();
    let mapping = Mapping::parse(&text, &catalogue()).unwrap();
    let now = play.world.now();
    let gateway = play.gateways.get_mut("clinic").unwrap();
    let from = (source, &mapping, Some("token-417"));
    gateway
        .intake_from(from, endpoint, now, &mut play.world.rng)
        .await
}

async fn clinic(seed: u64) -> Play {
    let mut play = Play::with(seed, &[CLINIC_ONLY]).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &CLINIC_ONLY).await;
    play
}

fn page_of(request: &Request<Vec<u8>>, name: &str) -> usize {
    let query = request.uri().query().unwrap_or_default();
    let value = query
        .split('&')
        .find_map(|p| p.strip_prefix(&format!("{name}=")));
    value.map_or(0, |v| v.parse().unwrap())
}

#[tokio::test]
async fn pages_by_link_are_one_run_like_a_file_and_a_second_run_takes_nothing_twice() {
    let mut play = clinic(641).await;
    let rows = rows();
    let endpoint = Endpoint::new(|request| {
        let page = page_of(request, "page");
        let last = page + 1 == rows.len();
        let next = format!("</rows?page={}>; rel=\"next\"", page + 1);
        let headers = [("etag", "\"1\""), ("link", next.as_str())];
        let headers = if last { &headers[..1] } else { &headers[..] };
        ok(headers, json!([rows[page]]).to_string())
    });
    let source = source("form = \"array\"\n");
    let first = pull(&mut play, &source, &endpoint).await.unwrap();
    assert_eq!(first.rows(), rows.len() as u64);
    assert!(first.taken > 0 && first.bad.is_empty(), "{first:?}");
    let again = pull(&mut play, &source, &endpoint).await.unwrap();
    assert_eq!(
        again.repeated,
        rows.len() as u64,
        "an ETag of one page of many is not used"
    );
    let file = play.intake(
        "clinic",
        &demo_file("clinic/certificates.ndjson"),
        "clinic/mapping.toml",
    );
    assert_eq!(
        file.repeated,
        rows.len() as u64,
        "a file's rows are the same rows"
    );
    for request in endpoint.asked.lock().unwrap().iter() {
        assert_eq!(request.headers()["authorization"], "Bearer token-417");
        assert!(!request.headers().contains_key("if-none-match"));
    }
    play.settle().await;
    assert!(!play.records("aziza").is_empty());
    play.end().await;
}

#[tokio::test]
async fn pages_by_cursor_and_an_unchanged_only_page() {
    let mut play = clinic(642).await;
    let rows = rows();
    let endpoint = Endpoint::new(|request| {
        let at = page_of(request, "after");
        let next = if at + 1 < rows.len() {
            json!(at + 1)
        } else {
            Value::Null
        };
        ok(
            &[],
            json!({"data": {"items": [rows[at]]}, "next": next}).to_string(),
        )
    });
    let more = "form = \"array\"\nrows = \"/data/items\"\ncursor = \"/next\"\ncursor_parameter = \"after\"\n";
    let taken = pull(&mut play, &source(more), &endpoint).await.unwrap();
    assert_eq!(taken.rows(), rows.len() as u64);
    assert_eq!(endpoint.paths()[..2], ["/rows", "/rows?after=1"]);

    let lines: Vec<_> = rows.iter().map(Value::to_string).collect();
    let endpoint = Endpoint::new(|request| {
        let known = request.headers().get("if-none-match");
        match known {
            Some(known) if known == "\"v1\"" => status(304, &[]),
            _ => ok(&[("etag", "\"v1\"")], lines.join("\n")),
        }
    });
    let source = source("form = \"ndjson\"\n").clone();
    let taken = pull(&mut play, &source, &endpoint).await.unwrap();
    assert_eq!(taken.repeated, rows.len() as u64);
    let unchanged = pull(&mut play, &source, &endpoint).await.unwrap();
    assert_eq!(unchanged, IntakeReport::default());
    play.end().await;
}

#[tokio::test]
async fn a_run_that_was_interrupted_goes_on_where_it_ended() {
    let mut play = clinic(643).await;
    let rows = rows();
    assert!(rows.len() > 2);
    let serve = |broken: Option<usize>| {
        let rows = rows.clone();
        Endpoint::new(move |request| {
            let page = page_of(request, "page");
            if broken == Some(page) {
                return Err(TransportError::Interrupted);
            }
            let next = format!("<?page={}>; rel=next", page + 1);
            let headers = [("link", next.as_str())];
            let headers = if page + 1 == rows.len() {
                &[][..]
            } else {
                &headers[..]
            };
            ok(headers, json!([rows[page]]).to_string())
        })
    };
    let source = source("form = \"array\"\n");
    let failed = pull(&mut play, &source, &serve(Some(2))).await;
    assert!(
        matches!(failed, Err(SourceError::NotCome { page: 3, .. })),
        "{failed:?}"
    );
    let endpoint = serve(None);
    let rest = pull(&mut play, &source, &endpoint).await.unwrap();
    assert_eq!(endpoint.paths()[0], "/rows?page=2");
    assert_eq!(rest.rows(), rows.len() as u64 - 2);
    assert_eq!(rest.repeated, 0);
    let runs = play.gateways["clinic"].runs().unwrap();
    assert_eq!(runs.len(), 1, "it is the same run: {runs:?}");
    assert_eq!(rest.run, runs[0].number);
    assert!(runs[0].ended);
    assert_eq!(runs[0].taken, rows.len() as u64);
    let whole = pull(&mut play, &source, &endpoint).await.unwrap();
    assert_eq!(whole.repeated, rows.len() as u64);
    play.end().await;
}

#[tokio::test]
async fn bad_rows_are_kept_with_their_reasons_and_good_ones_go_through() {
    let mut play = clinic(644).await;
    let mut rows = rows();
    rows.truncate(2);
    let twice = rows[0]
        .to_string()
        .replacen('{', "{\"a\": 1, \"a\": 2, ", 1);
    let body = format!("[{}, 417, {twice}, {{}}, [], null, {}]", rows[0], rows[1]);
    let endpoint = Endpoint::new(|_| ok(&[], body.clone()));
    let taken = pull(&mut play, &source("form = \"array\"\n"), &endpoint)
        .await
        .unwrap();
    assert_eq!(taken.rows(), 7);
    assert_eq!(taken.bad.len(), 5, "{:?}", taken.bad);
    let lines: Vec<_> = taken.bad.iter().map(|b| b.line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6]);
    assert!(!format!("{:?}", taken.bad).contains("417"));
    play.end().await;
}

type Case = (
    &'static str,
    Box<dyn Fn(&Request<Vec<u8>>) -> Answer>,
    &'static str,
);

const SECRET: &str = "ЗНАЧЕНИЕ-417";

/// Answers that lead somewhere.
fn leading() -> Vec<Case> {
    let link = |name, target: &'static str, why| -> Case {
        let header = format!("<{target}>; rel=next");
        let answer = move |_: &Request<Vec<u8>>| ok(&[("link", &header)], "[]");
        (name, Box::new(answer), why)
    };
    let moved = |name, to: &'static str| -> Case {
        let answer = move |_: &Request<Vec<u8>>| status(302, &[("location", to)]);
        (name, Box::new(answer), "not followed")
    };
    let circle = |request: &Request<Vec<u8>>| {
        let next = (page_of(request, "page") + 1) % 3;
        ok(&[("link", &format!("</rows?page={next}>; rel=next"))], "[]")
    };
    let long = |_: &Request<Vec<u8>>| {
        let next = format!("</{}>; rel=next", "x".repeat(5000));
        ok(&[("link", &next)], "[]")
    };
    vec![
        moved("redirect", URL),
        moved("redirect elsewhere", "https://evil.example.org/"),
        link("self", "/rows", "round in circles"),
        ("circle", Box::new(circle), "round in circles"),
        link("elsewhere", "https://evil.example.org/", "another server"),
        link("in clear", "http://clinic.example.org/2", "another server"),
        link("file", "file:///etc/passwd", "no address"),
        ("long", Box::new(long), "too long"),
    ]
}

/// Answers that are no rows.
fn misshapen() -> Vec<Case> {
    let body = |name, body: Vec<u8>, why| -> Case {
        let answer = move |_: &Request<Vec<u8>>| ok(&[], body.clone());
        (name, Box::new(answer), why)
    };
    vec![
        body("html", format!("<html>{SECRET}").into(), "no JSON"),
        body(
            "object",
            json!({"x": SECRET}).to_string().into(),
            "array of rows",
        ),
        body("text", json!(SECRET).to_string().into(), "array of rows"),
        body("cut", format!("[\"{SECRET}\"").into(), "no JSON"),
        body("latin", vec![b'[', 0xff, b']'], "UTF-8"),
        body("nothing", Vec::new(), "no JSON"),
        body("deep", "[".repeat(100_000).into(), "no JSON"),
        body("huge", vec![b' '; (16 << 20) + 1], "16 MiB"),
    ]
}

/// Answers that are none.
fn failing() -> Vec<Case> {
    let code = |name, code, why| -> Case {
        let answer = move |_: &Request<Vec<u8>>| status(code, &[]);
        (name, Box::new(answer), why)
    };
    let broken = |name, error: fn() -> TransportError, why| -> Case {
        (
            name,
            Box::new(move |_: &Request<Vec<u8>>| Err(error())),
            why,
        )
    };
    vec![
        broken("huger", || TransportError::TooLarge, "16 MiB"),
        broken("slow", || TransportError::Interrupted, "too long"),
        broken("away", || TransportError::Connect, "no connection"),
        code("token", 401, "token"),
        code("gone", 404, "URL"),
        code("busy", 503, "later"),
        code("odd", 204, "204"),
        code("unasked", 304, "304"),
    ]
}

#[tokio::test]
async fn an_endpoint_that_is_hostile_or_broken_is_refused_in_words_and_takes_nothing_along() {
    let mut play = clinic(645).await;
    let cases: Vec<Case> = leading()
        .into_iter()
        .chain(misshapen())
        .chain(failing())
        .collect();
    assert_eq!(cases.len(), 24);
    for (name, answer, why) in cases {
        let endpoint = Endpoint::new(answer);
        let refused = pull(&mut play, &source("form = \"array\"\n"), &endpoint).await;
        let words = refused.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(words.contains(why), "{name}: {words}");
        assert!(!words.contains(SECRET), "{name}: {words}");
        // What was taken down of a circle is forgotten before the next.
        let calm = Endpoint::new(|_| ok(&[], "[]"));
        pull(&mut play, &source("form = \"array\"\n"), &calm)
            .await
            .unwrap();
    }
    let more =
        "form = \"array\"\nrows = \"/items\"\ncursor = \"/next\"\ncursor_parameter = \"after\"\n";
    for bad in [json!({}), json!([]), json!(true)] {
        let body = json!({"items": [], "next": bad}).to_string();
        let endpoint = Endpoint::new(|_| ok(&[], body.clone()));
        let refused = pull(&mut play, &source(more), &endpoint).await;
        assert!(
            matches!(refused, Err(SourceError::Page { .. })),
            "{refused:?}"
        );
    }
    play.end().await;
}

#[tokio::test]
async fn endless_pages_end() {
    let mut play = clinic(646).await;
    let endpoint = Endpoint::new(|request| {
        let next = format!("<?page={}>; rel=next", page_of(request, "page") + 1);
        ok(&[("link", &next)], "[]")
    });
    let source = source("form = \"array\"\n");
    let refused = pull(&mut play, &source, &endpoint).await;
    assert!(matches!(refused, Err(SourceError::Endless)), "{refused:?}");
    assert_eq!(endpoint.paths().len(), 1000);
    // A register that is only large goes on there.
    let calm = Endpoint::new(|_| ok(&[], "[]"));
    pull(&mut play, &source, &calm).await.unwrap();
    assert_eq!(calm.paths(), ["/rows?page=1000"]);
}
