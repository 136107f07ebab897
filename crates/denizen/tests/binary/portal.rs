//! The portal's bundle: served only as its manifest says, named in the directory, audited from outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, Process, denizen, free_port, refused, run, succeed, text};
use denizen_model::Sha256Hash;
use serde_json::{Map, Value, json};
use std::{fs, path::Path};

const POLICY: &str = "default-src 'none'; script-src 'self'";

/// On every response, whatever it is.
const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    ("integrity-policy", "blocked-destinations=(script)"),
];

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
        for (name, value) in HEADERS {
            assert_eq!(header(name), value, "{path}: {name}");
        }
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
        assert!(looked_at(&hub).contains(UNNAMED));
        succeed(&["hub", "bundle", text(&hub.path())]);
        assert!(!looked_at(&hub).contains(UNNAMED));
        let said = succeed(&audit);
        assert!(said.contains("All 2 files"), "{said}");
        let again = succeed(&["hub", "bundle", text(&hub.path())]);
        assert!(again.contains("already"), "{again}");
        assert_eq!(hub.directory().await.directory.bundles().len(), 1);
    }
    // The operator serves other bytes than the directory names: whole in itself, but another bundle.
    write_bundle(&hub.path().join("portal"), "console.log('other')");
    let _serving = hub.serve();
    assert!(looked_at(&hub).contains(UNNAMED));
    let said = refused(&audit);
    assert!(said.contains("assets/page-1.js: has other bytes"), "{said}");
    assert!(said.contains("Do not unlock"), "{said}");
    // Another hub's id is another directory.
    let other = HubFolder::make().id.to_text();
    let said = refused(&["audit", "bundle", &hub.url, "--hub-id", &other]);
    assert!(said.contains("another hub"), "{said}");
}

const UNNAMED: &str = "the directory does not name the bundle that is served";

/// What the doctor says of a hub's folder.
fn looked_at(hub: &HubFolder) -> String {
    let said = run(&["doctor", text(&hub.path()), "--json"]).stdout;
    String::from_utf8(said).unwrap()
}

/// `denizen portal` for a hub, with the bundle that the hub has; its URL.
struct Local {
    process: Process,
    url: String,
    says: String,
}

fn local(hub: &HubFolder) -> Local {
    let (id, port) = (hub.id.to_text(), free_port().to_string());
    let folder = hub.path().join("portal");
    let mut command = denizen();
    command.args(["portal", "--hub-id", &id, "--hub-url", &hub.url]);
    command.args(["--port", &port, "--folder", text(&folder)]);
    let mut process = Process::start(command);
    let says = process.line("pages:");
    let url = format!("http://localhost:{port}");
    Local { process, url, says }
}

/// What the pages' own requests carry.
async fn ask(url: &str, own: bool) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(url);
    if own {
        request = request.header("denizen-portal", "1");
    }
    request.send().await.unwrap()
}

#[test]
fn a_portal_that_is_told_to_stop_while_its_hub_is_silent_ends_well() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut command = denizen();
    command.args(["portal", "--hub-id", &"A".repeat(43), "--hub-url", &url]);
    command.args(["--port", &free_port().to_string()]);
    let process = Process::start(command);
    // It asks for the directory, and nobody answers.
    let _asked = silent.accept().unwrap();
    process.signal("TERM");
    let (code, _, said) = process.ended();
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_person_serves_the_same_pages_herself_under_the_same_headers() {
    let hub = hub();
    succeed(&["hub", "bundle", text(&hub.path())]);
    let _serving = hub.serve();
    let local = local(&hub);
    assert!(
        local.says.contains("the same as the hub's directory names"),
        "{}",
        local.says
    );
    for path in ["/", "/assets/page-1.js", "/manifest.json", "/no-such-file"] {
        let (theirs, hers) = (
            get(&format!("{}{path}", hub.url)).await,
            get(&format!("{}{path}", local.url)).await,
        );
        assert_eq!(theirs.status(), hers.status(), "{path}");
        let of = |answer: &reqwest::Response| {
            let mut headers = answer.headers().clone();
            headers.remove("date");
            headers
        };
        assert_eq!(of(&theirs), of(&hers), "{path}");
        assert_eq!(
            theirs.bytes().await.unwrap(),
            hers.bytes().await.unwrap(),
            "{path}"
        );
    }
    let about = get(&format!("{}/portal.json", local.url))
        .await
        .bytes()
        .await
        .unwrap();
    let about: Value = serde_json::from_slice(&about).unwrap();
    assert_eq!(about["name"], "Test hub");
    assert_eq!(about["through"], json!([hub.url]));
}

#[tokio::test]
async fn her_pages_reach_the_named_hub_and_nobody_else_does() {
    let hub = hub();
    let serving = hub.serve();
    let local = local(&hub);
    let directory = format!("{}/hub/0/v1/directory", local.url);
    let given = ask(&directory, true).await;
    assert_eq!(given.status(), 200);
    assert_eq!(
        given.headers().get("content-security-policy").unwrap(),
        POLICY
    );
    let straight = get(&format!("{}/v1/directory", hub.url)).await;
    assert_eq!(
        given.bytes().await.unwrap(),
        straight.bytes().await.unwrap()
    );

    // Another page in the same browser cannot send the header, and is told nothing that it may read.
    assert_eq!(ask(&directory, false).await.status(), 403);
    // A name of somebody else's that leads to this machine.
    let elsewhere = directory.replace("localhost", "127.0.0.1");
    assert_eq!(ask(&elsewhere, true).await.status(), 421);
    for path in [
        "/hub/1/v1/directory",
        "/hub/0/metrics",
        "/hub/0/portal.json",
        "/hub/x/v1/directory",
        "/v1/directory",
    ] {
        let status = ask(&format!("{}{path}", local.url), true).await.status();
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    // What no hub gave is not taken for its answer.
    drop(serving);
    let away = ask(&directory, true).await;
    assert_eq!(away.status(), 502);
    assert_eq!(away.headers().get("denizen-portal").unwrap(), "away");
    // What is kept is read without the hub too.
    assert_eq!(get(&local.url).await.status(), 200);
    local.process.signal("TERM");
    let (code, _, said) = local.process.ended();
    assert_eq!((code, said.as_str()), (Some(0), ""));
}

#[test]
fn pages_are_not_served_for_another_hub_or_over_clear_text() {
    let hub = hub();
    let _serving = hub.serve();
    let (folder, port) = (hub.path().join("portal"), free_port().to_string());
    let try_with = |id: &str, url: &str| {
        let at = ["portal", "--hub-id", id, "--hub-url", url];
        refused(&[&at[..], &["--port", &port, "--folder", text(&folder)]].concat())
    };
    let other = HubFolder::make().id.to_text();
    let said = try_with(&other, &hub.url);
    assert!(said.contains("another hub"), "{said}");
    let said = try_with(&hub.id.to_text(), "http://hub.example");
    assert!(said.contains("https"), "{said}");
    fs::write(folder.join("assets/page-1.js"), "console.log(2)").unwrap();
    let said = try_with(&hub.id.to_text(), &hub.url);
    assert!(said.contains("assets/page-1.js"), "{said}");
}
