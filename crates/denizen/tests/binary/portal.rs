//! The portal's bundle: served only as its manifest says, named in the directory, audited from outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, refused, succeed, text};
use denizen_model::Sha256Hash;
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

const POLICY: &str = "default-src 'none'; script-src 'self'";

/// A small bundle in a folder.
fn write_bundle(folder: &Path, script: &str) {
    let files = [
        ("index.html", "<!doctype html><title>Test</title>"),
        ("assets/page-1.js", script),
    ];
    let mut hashes = Map::new();
    for (path, content) in files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
        let hash = Sha256Hash::of(content.as_bytes()).to_text();
        hashes.insert(path.to_owned(), Value::String(hash));
    }
    let manifest = json!({"v": 1, "csp": POLICY, "files": hashes});
    fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
}

/// A hub whose configuration names the bundle in `portal`.
fn hub() -> HubFolder {
    let hub = HubFolder::make();
    write_bundle(&hub.path().join("portal"), "console.log(1)");
    let config = hub.path().join("hub.toml");
    let written = fs::read_to_string(&config).unwrap();
    let named = written.replace("# folder = \"portal\"", "folder = \"portal\"");
    assert_ne!(
        written, named,
        "the example explains where a bundle's folder is named"
    );
    fs::write(config, named).unwrap();
    hub
}

async fn get(url: &str) -> reqwest::Response {
    reqwest::get(url).await.unwrap()
}

#[tokio::test]
async fn a_portal_is_served_under_its_exact_policy_and_the_api_beside_it() {
    let hub = hub();
    let _serving = hub.serve();
    for path in [
        "/",
        "/assets/page-1.js",
        "/v1/openapi.json",
        "/no-such-file",
    ] {
        let answer = get(&format!("{}{path}", hub.url)).await;
        let header = |name: &str| answer.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(header("content-security-policy"), POLICY, "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(
            answer.status().as_u16(),
            if path == "/no-such-file" { 404 } else { 200 }
        );
        assert!(answer.headers().get("set-cookie").is_none());
    }
    let about: Value = serde_json::from_slice(
        &get(&format!("{}/portal.json", hub.url))
            .await
            .bytes()
            .await
            .unwrap(),
    )
    .unwrap();
    assert_eq!(about["hubId"], hub.id.to_text());
    // Nothing outside the bundle is a file of it.
    for path in [
        "/../hub.toml",
        "/hub.toml",
        "/assets/",
        "/assets/page-1.js.gz",
    ] {
        assert_eq!(
            get(&format!("{}{path}", hub.url)).await.status().as_u16(),
            404,
            "{path}"
        );
    }
}

#[test]
fn a_changed_bundle_is_not_served() {
    let hub = hub();
    fs::write(hub.path().join("portal/assets/page-1.js"), "console.log(2)").unwrap();
    let said = refused(&["hub", "serve", text(&hub.path())]);
    assert!(said.contains("assets/page-1.js"), "{said}");
    let said = refused(&["hub", "bundle", text(&hub.path())]);
    assert!(said.contains("assets/page-1.js"), "{said}");
}

#[tokio::test]
async fn anybody_sees_whether_the_portal_is_the_one_that_the_directory_names() {
    let hub = hub();
    let id = hub.id.to_text();
    let audit = ["audit", "bundle", hub.url.as_str(), "--hub-id", &id];
    {
        let _serving = hub.serve();
        let said = refused(&audit);
        assert!(said.contains("denizen hub bundle"), "{said}");
        succeed(&["hub", "bundle", text(&hub.path())]);
        let said = succeed(&audit);
        assert!(said.contains("All 2 files"), "{said}");
        let again = succeed(&["hub", "bundle", text(&hub.path())]);
        assert!(again.contains("already"), "{again}");
        assert_eq!(hub.directory().await.directory.bundles().len(), 1);
    }
    // The operator serves other bytes than the directory names: whole in itself, but another bundle.
    write_bundle(&hub.path().join("portal"), "console.log('other')");
    let _serving = hub.serve();
    let said = refused(&audit);
    assert!(said.contains("assets/page-1.js: has other bytes"), "{said}");
    assert!(said.contains("Do not unlock"), "{said}");
    // Another hub's id is another directory.
    let other = HubFolder::make().id.to_text();
    let said = refused(&["audit", "bundle", &hub.url, "--hub-id", &other]);
    assert!(said.contains("another hub"), "{said}");
}
