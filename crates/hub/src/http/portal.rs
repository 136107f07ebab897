//! The portal's files: static, the same for everybody, with one exact policy. Not routes of the API:
//! nothing of a person is in a path, and what is no file of the bundle is not found.

use super::problem::Refusal;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use denizen_api::ProblemKind;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// The file with the policy and the hash of every other one.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Served beside the files, since it differs by hub.
const ABOUT_FILE: &str = "portal.json";

/// A file's name in the bundle with this at its end is the same file packed by gzip.
const PACKED: &str = ".gz";

/// Why a bundle is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// No `manifest.json`, or none of this version.
    #[error("the bundle has no manifest.json of version 1: build it with `cargo xtask web`")]
    Manifest,
    /// A file is missing, another one is there, or one has other bytes.
    #[error("{0} of the bundle is not what its manifest says: build it again")]
    File(String),
    /// A policy that no header can hold.
    #[error("the bundle's policy is no header: build it again")]
    Policy,
}

/// What a portal says of the hub that serves it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// The hub's id.
    pub hub_id: String,
    /// Where it answers.
    pub hub_url: String,
    /// Its operator's name.
    pub name: String,
    /// Everything here is made up: each screen says so.
    pub synthetic: bool,
    /// Where it is no hub that serves it: the hubs that pages reach through whoever serves them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    v: u32,
    csp: String,
    files: BTreeMap<String, String>,
}

/// A portal's files, checked against their manifest.
#[derive(Debug, Clone)]
pub struct Bundle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: BTreeMap<String, Vec<u8>>,
    /// By path, what names a file's bytes: whoever has them already gets no others.
    tags: BTreeMap<String, HeaderValue>,
    policy: HeaderValue,
}

impl Bundle {
    /// Checks files (by their path in the bundle) against their manifest.
    ///
    /// # Errors
    /// [`BundleError`], with the file's name.
    pub fn new(mut files: BTreeMap<String, Vec<u8>>, about: &About) -> Result<Self, BundleError> {
        let manifest = files.get(MANIFEST_FILE).ok_or(BundleError::Manifest)?;
        let manifest: Manifest =
            serde_json::from_slice(manifest).map_err(|_| BundleError::Manifest)?;
        if manifest.v != 1 {
            return Err(BundleError::Manifest);
        }
        for (path, expected) in &manifest.files {
            let bytes = files.get(path);
            let same = |b: &Vec<u8>| denizen_model::Sha256Hash::of(b).to_text() == *expected;
            if !bytes.is_some_and(same) {
                return Err(BundleError::File(path.clone()));
            }
        }
        let unknown = files
            .keys()
            .find(|path| *path != MANIFEST_FILE && !manifest.files.contains_key(*path));
        if let Some(path) = unknown {
            return Err(BundleError::File(path.clone()));
        }
        let policy = HeaderValue::from_str(&manifest.csp).map_err(|_| BundleError::Policy)?;
        let about = serde_json::to_vec(about).expect("plain texts are JSON");
        files.insert(ABOUT_FILE.to_owned(), about);
        let tags = files.iter().filter(|(path, _)| !path.ends_with(PACKED));
        let tags = tags.filter_map(|(path, bytes)| Some((path.clone(), tag(bytes)?)));
        let tags = tags.collect();
        Ok(Self(Arc::new(Inner {
            files,
            tags,
            policy,
        })))
    }

    /// The bytes of a file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.0.files.get(path).map(Vec::as_slice)
    }
}

/// The hub's routes with a portal beside them.
pub fn with_portal(router: Router, bundle: &Bundle) -> Router {
    let files = bundle.clone();
    let policy = bundle.0.policy.clone();
    router
        .fallback(move |request: Request| {
            let files = files.clone();
            async move { answer(&files, &request) }
        })
        .layer(axum::middleware::map_response(move |response| {
            let policy = policy.clone();
            async move { guarded(response, policy) }
        }))
}

fn answer(bundle: &Bundle, request: &Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Refusal(ProblemKind::NotFound).into_response();
    }
    let path = match request.uri().path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let Some(bytes) = bundle.0.files.get(path).filter(|_| !path.ends_with(PACKED)) else {
        return Refusal(ProblemKind::NotFound).into_response();
    };
    let packed = bundle.0.files.get(&format!("{path}{PACKED}"));
    let packed = packed.filter(|_| takes_gzip(request));
    // A name with a hash never gets other bytes; the others are asked for each time.
    let age = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let kept: [(HeaderName, &str); 2] = [
        (header::CACHE_CONTROL, age),
        (header::VARY, "accept-encoding"),
    ];
    let tag = bundle.0.tags.get(path).cloned();
    let known = tag.is_some() && tag.as_ref() == request.headers().get(header::IF_NONE_MATCH);
    let kept = (kept, tag.map(|tag| [(header::ETAG, tag)]));
    if known {
        return (StatusCode::NOT_MODIFIED, kept.1, kept.0).into_response();
    }
    let of: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, media_type(path))];
    match packed {
        Some(packed) => {
            let encoding: [(HeaderName, &str); 1] = [(header::CONTENT_ENCODING, "gzip")];
            let body = Body::from(packed.clone());
            (kept.0, kept.1, of, encoding, body).into_response()
        }
        None => (kept.0, kept.1, of, Body::from(bytes.clone())).into_response(),
    }
}

/// Names the bytes of a file, packed or not.
fn tag(bytes: &[u8]) -> Option<HeaderValue> {
    let hash = denizen_model::Sha256Hash::of(bytes).to_text();
    HeaderValue::from_str(&format!("W/\"{hash}\"")).ok()
}

/// Whether a client takes gzip. Source: RFC 9110, section 12.5.3.
fn takes_gzip(request: &Request) -> bool {
    let all = request.headers().get_all(header::ACCEPT_ENCODING);
    let codings = all.iter().filter_map(|v| v.to_str().ok());
    let mut codings = codings.flat_map(|v| v.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !weight.replace(' ', "").ends_with("q=0")
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

/// The same headers on every response.
fn guarded(mut response: Response, policy: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let fixed: [(HeaderName, &'static str); 7] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-embedder-policy"),
            "require-corp",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
        ),
        (
            HeaderName::from_static("integrity-policy"),
            "blocked-destinations=(script)",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            hub_id: "h".into(),
            hub_url: "http://127.0.0.1:1".into(),
            name: "Hub".into(),
            synthetic: true,
            through: Vec::new(),
        }
    }

    fn files() -> BTreeMap<String, Vec<u8>> {
        let page = b"<!doctype html>".to_vec();
        let hash = denizen_model::Sha256Hash::of(&page).to_text();
        let manifest = serde_json::json!({
            "v": 1, "csp": "default-src 'none'", "files": {"index.html": hash}
        });
        BTreeMap::from([
            ("index.html".to_owned(), page),
            (MANIFEST_FILE.to_owned(), manifest.to_string().into_bytes()),
        ])
    }

    #[test]
    fn a_bundle_is_served_only_as_its_manifest_says() {
        assert!(Bundle::new(files(), &about()).is_ok());
        let mut changed = files();
        changed.insert("index.html".into(), b"<!doctype html>!".to_vec());
        let mut more = files();
        more.insert("extra.js".into(), Vec::new());
        let mut fewer = files();
        fewer.remove("index.html");
        for (files, name) in [
            (changed, "index.html"),
            (more, "extra.js"),
            (fewer, "index.html"),
        ] {
            let error = Bundle::new(files, &about()).expect_err("is refused");
            assert!(error.to_string().starts_with(name), "{error}");
        }
        let mut none = files();
        none.remove(MANIFEST_FILE);
        assert!(Bundle::new(none, &about()).is_err());
    }

    #[test]
    fn whoever_has_a_file_gets_no_other_bytes() {
        let bundle = Bundle::new(files(), &about()).expect("fits its manifest");
        let ask = |tag: Option<&HeaderValue>| {
            let mut request = Request::new(Body::empty());
            request
                .headers_mut()
                .extend(tag.map(|tag| (header::IF_NONE_MATCH, tag.clone())));
            answer(&bundle, &request)
        };
        let first = ask(None);
        let tag = first.headers().get(header::ETAG).cloned();
        assert_eq!(first.status(), StatusCode::OK);
        let again = ask(tag.as_ref());
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(
            again.headers().get(header::CACHE_CONTROL),
            first.headers().get(header::CACHE_CONTROL)
        );
        assert_eq!(again.headers().get(header::ETAG), tag.as_ref());
        let other = HeaderValue::from_static("W/\"other\"");
        assert_eq!(ask(Some(&other)).status(), StatusCode::OK);
    }
}
