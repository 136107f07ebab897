//! Rows out of an organisation's own HTTP endpoint: JSON arrays or NDJSON, page by page, by the same
//! mapping as a file. What the endpoint answers is not trusted: it ends, and it leads nowhere else.

use super::{
    IntakeReport, ROWS_A_TRANSACTION, Read1,
    mapping::{Format, Mapping},
    ndjson,
};
use crate::{Gateway, GatewayError, IntakeError, hook::is_safe_url, issuer::run::Run};
use denizen_api::{Transport, TransportError};
use denizen_model::UnixTime;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// Most pages of one run; the next one goes on behind them.
const PAGES_MAX: usize = 1000;
/// Largest page, in bytes.
pub const PAGE_SIZE_BYTES_MAX: usize = 16 << 20;
/// Longest address of a page, in bytes.
const URL_SIZE_BYTES_MAX: usize = 4096;

/// Form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Array,
    Ndjson,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    url: String,
    form: Form,
    mapping: String,
    #[serde(default)]
    token_file: Option<String>,
    #[serde(default)]
    rows: Option<String>,
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    cursor_parameter: Option<String>,
}

/// Where rows come from: an endpoint, as a TOML file says. Specified in `docs/integrate/intake.md`.
#[derive(Debug, Clone)]
pub struct Source(File);

/// Why an endpoint cannot be taken in, or not to its end. Rows of pages before that stay taken, and the
/// next run goes on there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The TOML file is wrong.
    #[error("the source's file: {0}")]
    File(String),
    /// No whole answer came.
    #[error("page {page} did not come: {why}")]
    NotCome {
        /// Number of the page in this run.
        page: usize,
        /// Why.
        why: &'static str,
    },
    /// The endpoint answered something else than rows.
    #[error("page {page} was answered with status {status}: {todo}")]
    Status {
        /// Number of the page in this run.
        page: usize,
        /// HTTP status.
        status: u16,
        /// What to do.
        todo: &'static str,
    },
    /// A page is not what the source's file says.
    #[error("page {page} {why}")]
    Page {
        /// Number of the page in this run.
        page: usize,
        /// What is wrong; never a value.
        why: &'static str,
    },
    /// There are more pages than one run takes.
    #[error("there are more than 1000 pages: the next run goes on there; does the endpoint end?")]
    Endless,
    /// The gateway cannot take it in.
    #[error(transparent)]
    Intake(#[from] IntakeError),
}

impl std::convert::From<GatewayError> for SourceError {
    fn from(error: GatewayError) -> Self {
        Self::Intake(error.into())
    }
}

/// How far an endpoint was taken in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// The page with which the next run goes on; none for the first.
    next: Option<String>,
    /// What the endpoint calls the state of its only page.
    etag: Option<String>,
    /// The run that took the pages so far, if there are more.
    #[serde(default)]
    run: Option<i64>,
}

/// One page, as far as it is read.
struct Page {
    rows: Vec<String>,
    next: Option<String>,
    etag: Option<String>,
}

impl Source {
    /// Reads a source's file.
    ///
    /// # Errors
    /// [`SourceError::File`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let wrong = |why: &str| Err(SourceError::File(why.to_owned()));
        let file: File = toml::from_str(text).map_err(|e| SourceError::File(e.to_string()))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if file.name.is_empty() || file.name.len() > 64 || !file.name.chars().all(plain) {
            return wrong("name is 1 to 64 letters, digits, hyphens, dots or underscores");
        }
        if !is_safe_url(&file.url) {
            return wrong("url is https://..., or http:// to a loopback address");
        }
        let pointers = [&file.rows, &file.cursor];
        if pointers.into_iter().flatten().any(|p| !p.starts_with('/')) {
            return wrong("rows and cursor are JSON Pointers, such as /items");
        }
        if file.form == Form::Ndjson && (file.rows.is_some() || file.cursor.is_some()) {
            return wrong("rows and cursor are of form = \"array\"; NDJSON goes on by Link");
        }
        let parameter = |p: &String| !p.is_empty() && p.chars().all(plain);
        let named = file.cursor_parameter.as_ref().is_some_and(parameter);
        if file.cursor.is_some() != named {
            return wrong("cursor needs cursor_parameter, the name of a query parameter");
        }
        Ok(Self(file))
    }

    /// The mapping file that it names, relative to its own folder.
    #[must_use]
    pub fn mapping(&self) -> &str {
        &self.0.mapping
    }

    /// The file with the endpoint's token, relative to its own folder.
    #[must_use]
    pub fn token_file(&self) -> Option<&str> {
        self.0.token_file.as_deref()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    fn request(
        &self,
        url: &str,
        token: Option<&str>,
        etag: Option<&str>,
    ) -> Option<Request<Vec<u8>>> {
        let mut request = Request::get(url)
            .header(header::ACCEPT, "application/json, application/x-ndjson")
            .header(
                header::USER_AGENT,
                concat!("denizen/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        request.body(Vec::new()).ok()
    }

    /// Rows and next page of an answer.
    fn read(&self, headers: &HeaderMap, body: &[u8], url: &str) -> Result<Page, &'static str> {
        let text = std::str::from_utf8(body).map_err(|_| "is not written in UTF-8")?;
        let etag = headers.get(header::ETAG).and_then(|e| e.to_str().ok());
        let (rows, cursor) = match self.0.form {
            Form::Ndjson => {
                let lines = text.lines().filter(|l| !l.trim().is_empty());
                (lines.map(str::to_owned).collect(), None)
            }
            Form::Array => {
                let rows = at(text, self.0.rows.as_deref())?.ok_or("has no array of rows")?;
                let rows: Vec<Box<RawValue>> = serde_json::from_str(rows.get())
                    .map_err(|_| "has something else where the array of rows should be")?;
                let rows = rows.iter().map(|r| r.get().to_owned()).collect();
                let cursor = match &self.0.cursor {
                    Some(pointer) => at(text, Some(pointer))?,
                    None => None,
                };
                (rows, cursor)
            }
        };
        let next = match cursor {
            Some(cursor) => self.with_cursor(cursor.get())?,
            None => linked(headers)
                .map(|link| resolve(url, &link))
                .transpose()?,
        };
        Ok(Page {
            rows,
            next,
            etag: etag.map(str::to_owned),
        })
    }

    /// The page behind a cursor; none if there is no further one.
    fn with_cursor(&self, cursor: &str) -> Result<Option<String>, &'static str> {
        let cursor: serde_json::Value =
            serde_json::from_str(cursor).map_err(|_| "has no readable cursor")?;
        let text = match cursor {
            serde_json::Value::Null => return Ok(None),
            serde_json::Value::String(text) if text.is_empty() => return Ok(None),
            serde_json::Value::String(text) => text,
            serde_json::Value::Number(number) => number.to_string(),
            _ => return Err("has a cursor that is no text and no number"),
        };
        let name = self.0.cursor_parameter.as_deref().unwrap_or_default();
        let (path, query) = self.0.url.split_once('?').unwrap_or((&self.0.url, ""));
        let kept = query.split('&').filter(|p| {
            let (own, _) = p.split_once('=').unwrap_or((p, ""));
            !p.is_empty() && own != name
        });
        let mut parameters: Vec<String> = kept.map(str::to_owned).collect();
        parameters.push(format!("{name}={}", encoded(&text)));
        Ok(Some(format!("{path}?{}", parameters.join("&"))))
    }
}

/// The part of a JSON text at a pointer, unparsed; none if a member is not there or null.
fn at(text: &str, pointer: Option<&str>) -> Result<Option<Box<RawValue>>, &'static str> {
    let no_json = |_| "is no JSON";
    let mut part: Box<RawValue> = serde_json::from_str(text).map_err(no_json)?;
    for name in pointer.into_iter().flat_map(|p| p.split('/').skip(1)) {
        let name = name.replace("~1", "/").replace("~0", "~");
        let mut members: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(part.get()).map_err(|_| "is no object where one should be")?;
        match members.remove(&name) {
            Some(member) => part = member,
            None => return Ok(None),
        }
    }
    Ok(Some(part))
}

/// The target of a `Link` header with `rel=next`. Source: RFC 8288, section 3.
fn linked(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::LINK).iter();
    for value in values.filter_map(|v| v.to_str().ok()) {
        let mut rest = value;
        while let Some((_, after)) = rest.split_once('<') {
            let (target, after) = after.split_once('>')?;
            let end = after.find(",").unwrap_or(after.len());
            let (parameters, next) = after.split_at(end);
            let is_next = parameters.split(';').any(|p| {
                let (name, value) = p.split_once('=').unwrap_or((p, ""));
                let relations = value.trim().trim_matches('"').split(' ');
                name.trim().eq_ignore_ascii_case("rel")
                    && relations
                        .into_iter()
                        .any(|r| r.eq_ignore_ascii_case("next"))
            });
            if is_next {
                return Some(target.to_owned());
            }
            rest = next;
        }
    }
    None
}

/// The next page's whole address: at the same place, and nowhere else, since the token goes there.
fn resolve(base: &str, target: &str) -> Result<String, &'static str> {
    let place = |url: &str| -> Option<(String, String)> {
        let uri: Uri = url.parse().ok()?;
        Some((
            uri.scheme_str()?.to_owned(),
            uri.authority()?.as_str().to_lowercase(),
        ))
    };
    let elsewhere = "leads to another server: only pages of the source's own are followed";
    let (scheme, authority) = place(base).ok_or(elsewhere)?;
    let whole = if target.starts_with("//") {
        return Err(elsewhere);
    } else if target.starts_with('/') {
        format!("{scheme}://{authority}{target}")
    } else if target.starts_with('?') {
        let path = base.split_once('?').map_or(base, |(path, _)| path);
        format!("{path}{target}")
    } else {
        target.to_owned()
    };
    if whole.len() > URL_SIZE_BYTES_MAX {
        return Err("leads to an address that is too long");
    }
    match place(&whole) {
        Some(found) if found == (scheme, authority) && is_safe_url(&whole) => Ok(whole),
        Some(_) => Err(elsewhere),
        None => Err("leads to something that is no address: write it whole, from / or from ?"),
    }
}

fn encoded(text: &str) -> String {
    let byte = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(b).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn checked(page: usize, status: StatusCode) -> Result<(), SourceError> {
    let todo = match status.as_u16() {
        200 => return Ok(()),
        300..=399 => {
            "it leads elsewhere, and is not followed: name the final URL in the source's file"
        }
        401 | 403 => "look at the source's token",
        404 | 410 => "look at the source's URL",
        429 | 500..=599 => "try again later: the next run goes on there",
        _ => "look at the endpoint",
    };
    let status = status.as_u16();
    Err(SourceError::Status { page, status, todo })
}

impl Gateway {
    /// Takes in what an endpoint of the office has, page by page. A run that was interrupted goes on
    /// where it ended; rows that were taken are not taken twice.
    ///
    /// # Errors
    /// [`SourceError`]; pages that were taken before stay taken.
    pub async fn intake_from<T: Transport>(
        &mut self,
        (source, mapping, token): (&Source, &Mapping, Option<&str>),
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<IntakeReport, SourceError> {
        self.check_admitted(mapping.vct(), now)?;
        self.check_not_held()?;
        if mapping.format() != Format::Ndjson {
            let why = "its mapping has format = \"csv\": rows of an endpoint are JSON, \"ndjson\"";
            return Err(SourceError::File(why.to_owned()));
        }
        let setting = format!("source {}", source.name());
        let known: Progress = self.setting(&setting)?.unwrap_or_default();
        let mut url = known.next.clone().unwrap_or_else(|| source.0.url.clone());
        let mut report = IntakeReport::default();
        let mut run = Run::new(mapping);
        if let Some(number) = known.run.filter(|_| known.next.is_some()) {
            self.go_on(&mut run, number, now)?;
        }
        let mut visited = BTreeSet::from([url.clone()]);
        for page in 1..=PAGES_MAX {
            let etag = known
                .etag
                .as_deref()
                .filter(|_| page == 1 && known.next.is_none());
            let request = source.request(&url, token, etag);
            let request = request.ok_or(SourceError::File(
                "its token has no plain characters".into(),
            ))?;
            let answer = transport.send(request).await;
            let answer = answer.map_err(|error| not_come(page, &error))?;
            if answer.status() == StatusCode::NOT_MODIFIED && etag.is_some() {
                return Ok(report);
            }
            checked(page, answer.status())?;
            if answer.body().len() > PAGE_SIZE_BYTES_MAX {
                let why = "is larger than 16 MiB: ask for smaller ones in the source's URL";
                return Err(SourceError::Page { page, why });
            }
            let read = source.read(answer.headers(), answer.body(), &url);
            let read = read.map_err(|why| SourceError::Page { page, why })?;
            let next = read.next.clone();
            if next.as_ref().is_some_and(|next| visited.contains(next)) {
                let why = "leads back to a page that was read: the endpoint goes round in circles";
                return Err(SourceError::Page { page, why });
            }
            // What an endpoint says of its first page says nothing of those behind it.
            let only = page == 1 && known.next.is_none() && next.is_none();
            let progress = Progress {
                next: next.clone(),
                etag: read.etag.clone().filter(|_| only),
                run: None,
            };
            self.take_page(
                read,
                &mut run,
                &mut report,
                (&setting, &progress),
                (now, rng),
            )?;
            match next {
                None => return Ok(report),
                Some(next) => {
                    visited.insert(next.clone());
                    url = next;
                }
            }
        }
        Err(SourceError::Endless)
    }

    /// The rows of one page, and where the next run goes on, in one transaction.
    fn take_page(
        &mut self,
        page: Page,
        run: &mut Run<'_>,
        report: &mut IntakeReport,
        (setting, progress): (&str, &Progress),
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), IntakeError> {
        let mut line = report.rows();
        let rows = page.rows.iter().map(|row| {
            line += 1;
            ndjson::row(line, row, "UTF-8")
        });
        let mut rows = rows.peekable();
        let ended = page.next.is_none();
        self.tx(|g| {
            // A page may have tens of thousands of rows: no more than of a file are in memory, sealed.
            let mut first = true;
            while std::mem::take(&mut first) || rows.peek().is_some() {
                let some: Vec<Read1> = rows.by_ref().take(ROWS_A_TRANSACTION).collect();
                let judged = g.judge_all(some, run.mapping(), now);
                g.take_judged(judged, run, report, (now, rng))?;
            }
            g.keep_run(run, report, ended, rng)?;
            let progress = Progress {
                run: (!ended).then(|| run.number()),
                ..progress.clone()
            };
            g.set_setting(setting, &progress, rng)?;
            Ok::<_, IntakeError>(())
        })
    }
}

fn not_come(page: usize, error: &TransportError) -> SourceError {
    let why = match error {
        TransportError::Connect => "no connection",
        TransportError::TooLarge => "it is larger than 16 MiB",
        _ => "it was cut off, or took too long",
    };
    SourceError::NotCome { page, why }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails loudly")]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_any_link_header_and_only_at_the_same_place() {
        let link = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::LINK, value.parse().unwrap());
            linked(&headers)
        };
        assert_eq!(
            link("</a?page=2>; rel=\"next\"").as_deref(),
            Some("/a?page=2")
        );
        assert_eq!(
            link("</a>; rel=prev, </b,c>; rel=next").as_deref(),
            Some("/b,c")
        );
        assert_eq!(
            link("</a>; title=x; REL=\"last next\"").as_deref(),
            Some("/a")
        );
        for none in ["</a>; rel=prev", "rel=next", "<a; rel=next", "</a>", ""] {
            assert_eq!(link(none), None, "{none}");
        }
        let base = "https://office.example.org/rows?page=1";
        for (target, whole) in [
            ("/rows?page=2", "https://office.example.org/rows?page=2"),
            ("?page=2", "https://office.example.org/rows?page=2"),
            (
                "https://OFFICE.example.org/x",
                "https://OFFICE.example.org/x",
            ),
        ] {
            assert_eq!(resolve(base, target).as_deref(), Ok(whole));
        }
        for bad in [
            "https://evil.example.org/rows",
            "http://office.example.org/rows",
            "https://office.example.org:8443/rows",
            "//evil.example.org/rows",
            "https://office.example.org@evil.example.org/",
            "file:///etc/passwd",
            "rows?page=2",
            "",
        ] {
            assert!(resolve(base, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sources_file_says_what_is_wrong_with_it() {
        let good = "name = \"a\"\nurl = \"https://o.example.org/\"\nform = \"array\"\nmapping = \"m.toml\"\n";
        assert!(Source::parse(good).is_ok());
        for bad in [
            good.replace("https", "http"),
            good.replace("\"a\"", "\"a b\""),
            good.replace("array", "csv"),
            format!("{good}rows = \"items\"\n"),
            format!("{good}cursor = \"/next\"\n"),
            format!("{good}cursor_parameter = \"after\"\n"),
            format!("{}rows = \"/items\"\n", good.replace("array", "ndjson")),
            format!("{good}unknown = 1\n"),
            good.replace("mapping = \"m.toml\"\n", ""),
        ] {
            assert!(
                matches!(Source::parse(&bad), Err(SourceError::File(_))),
                "{bad}"
            );
        }
    }
}
