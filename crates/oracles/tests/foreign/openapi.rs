//! The hub's description for programs, checked by a foreign tool against a hub that serves:
//! schemathesis sends what it allows and what it does not, unsigned and signed, and no answer may be one
//! that it does not describe, or a fault of the hub.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test with real processes"
)]

use denizen_oracles::{
    peer::{python, root},
    say,
};
use serde_json::{Value, json};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Requests of each kind to each route.
const EXAMPLES: u32 = 10;
const SEED: u32 = 20_260_301;

/// The program, as `cargo test --workspace` has built it; built here if this test runs alone.
fn denizen() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("denizen");
    if !program.is_file() {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--locked", "--package", "denizen"]);
        assert!(build.current_dir(root()).status().unwrap().success());
    }
    program
}

/// A hub that serves in a folder of its own.
struct Hub {
    process: Child,
    url: String,
    id: String,
    _folder: tempfile::TempDir,
}

impl Hub {
    fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("hub");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = free.local_addr().unwrap();
        let url = format!("http://{place}");
        drop(free);
        let mut init = Command::new(denizen());
        init.args(["hub", "init"]).arg(&dir);
        let made = init.args(["--name", "Test hub", "--url", &url]).output();
        let said = String::from_utf8(made.unwrap().stdout).unwrap();
        let id = said.lines().find_map(|l| l.trim().strip_prefix("id:"));
        let id = id.unwrap().trim().to_owned();
        // So few that the limit is met and its answer seen.
        let settings = fs::read_to_string(dir.join("hub.toml")).unwrap();
        let limit = "self_addresses_a_minute = ";
        let settings = settings.replace(&format!("{limit}600"), &format!("{limit}2"));
        fs::write(dir.join("hub.toml"), settings).unwrap();
        let mut serve = Command::new(denizen());
        serve.args(["hub", "serve"]).arg(&dir);
        let process = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.unwrap();
        let hub = Self {
            process,
            url,
            id,
            _folder: folder,
        };
        for _ in 0..500 {
            if TcpStream::connect(place).is_ok() {
                return hub;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the hub does not answer");
    }

    fn asked(&self, without: Option<[&str; 3]>) -> Value {
        let mut job = json!({"url": self.url, "hub": self.id, "seed": SEED, "examples": EXAMPLES});
        if let Some(without) = without {
            job["without"] = json!(without);
        }
        python("openapi_peer.py", &job)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn every_answer_of_a_serving_hub_is_one_that_its_description_has() {
    let said = Hub::serve().asked(None);
    assert_eq!(said["failures"], json!([]));
    let operations = said["operations"].as_object().unwrap();
    let description: Value = {
        let file = root().join("crates/hub/openapi.json");
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    };
    let described = description["paths"].as_object().unwrap();
    let count: usize = described
        .values()
        .map(|p| p.as_object().unwrap().len())
        .sum();
    assert_eq!(operations.len(), count, "every route was asked");
    // Not only refusals: what its own key may do was answered, and the limit was met.
    for (operation, status) in [
        ("POST /v1/addresses", "200"),
        ("POST /v1/addresses", "429"),
        ("GET /v1/addresses/{address}", "200"),
        ("PUT /v1/addresses/{address}/accepts", "200"),
        ("GET /v1/addresses/{address}/envelopes", "200"),
        ("PUT /v1/addresses/{address}/objects/{id}", "200"),
        ("GET /v1/addresses/{address}/objects/{id}", "200"),
        ("DELETE /v1/addresses/{address}/objects/{id}", "204"),
        ("POST /v1/deposits", "200"),
        ("PUT /v1/roots/{locator}", "204"),
        ("GET /v1/roots/{locator}", "200"),
        ("DELETE /v1/roots/{locator}", "204"),
        ("GET /log/directory/tile/{path}", "200"),
        ("DELETE /v1/addresses/{address}", "204"),
    ] {
        let seen = &operations[operation];
        assert!(seen[status].is_u64(), "{operation} {status}: {seen}");
    }
    let sent: u64 = operations
        .values()
        .flat_map(|seen| seen.as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .sum();
    say!(
        "schemathesis sent {sent} requests to {count} operations (seed {SEED}): every answer as described"
    );
}

#[test]
fn an_answer_that_the_description_lacks_is_noticed() {
    let without = ["/v1/roots/{locator}", "get", "404"];
    let said = Hub::serve().asked(Some(without));
    let failures = said["failures"].as_array().unwrap();
    let of = "GET /v1/roots/{locator}";
    assert!(!failures.is_empty(), "nothing was noticed");
    for failure in failures {
        assert!(failure.as_str().unwrap().starts_with(of), "{failure}");
    }
}
