//! The gateway's REST, checked by foreign tools against a gateway that serves: schemathesis sends what
//! the description allows and what it does not, with every kind of token; the reference implementation
//! of Standard Webhooks checks what a hook is told.
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
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Requests of each kind to each route with each token.
const EXAMPLES: u32 = 6;
const SEED: u32 = 20_260_301;
const KIND: &str = "urn:denizen:kind:border-crossing:1";

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

/// Runs a command to its end; gives the bytes that it writes.
fn bytes_of(arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(denizen()).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{arguments:?}: {errors}");
    done.stdout
}

/// Runs a command to its end; gives what it says.
fn run(arguments: &[&str]) -> String {
    String::from_utf8(bytes_of(arguments)).unwrap()
}

fn free() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap()
}

fn wait_for(place: SocketAddr) {
    for _ in 0..1000 {
        if TcpStream::connect(place).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{place} does not answer");
}

fn spawn(arguments: &[&str]) -> Child {
    let mut command = Command::new(denizen());
    command.args(arguments).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// A hub and an admitted gateway that serve in folders of their own.
struct Office {
    processes: Vec<Child>,
    dir: String,
    url: String,
    /// Id and URL.
    hub: (String, String),
    folder: tempfile::TempDir,
}

impl Office {
    fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (hub, dir, statement) = (at("hub"), at("office"), at("office.statement"));
        let (hub_place, place) = (free(), free());
        let hub_url = format!("http://{hub_place}");
        let said = run(&["hub", "init", &hub, "--name", "Test hub", "--url", &hub_url]);
        let id = said.lines().find_map(|l| l.trim().strip_prefix("id:"));
        let id = id.unwrap().trim().to_owned();
        run(&[
            "gateway",
            "init",
            &dir,
            "--name",
            "Office",
            "--hub-id",
            &id,
            "--hub-url",
            &hub_url,
        ]);
        fs::write(&statement, bytes_of(&["gateway", "statement", &dir])).unwrap();
        let mut processes = vec![spawn(&["hub", "serve", &hub])];
        wait_for(hub_place);
        run(&["hub", "admit", &hub, &statement, "--kind", KIND]);
        let settings = format!("[rest]\nlisten = \"{place}\"\nrequests_a_minute = 1000000\n");
        fs::write(Path::new(&dir).join("gateway.toml"), settings).unwrap();
        run(&["gateway", "sync", &dir]);
        processes.push(spawn(&["gateway", "serve", &dir]));
        wait_for(place);
        Self {
            processes,
            dir,
            url: format!("http://{place}"),
            hub: (id, hub_url),
            folder,
        }
    }

    fn token(&self, name: &str, may: &str) -> String {
        let role = "register system";
        let made = [
            "gateway", "token", &self.dir, "--name", name, "--role", role, "--may", may,
        ];
        run(&made).trim().to_owned()
    }

    fn record() -> Value {
        let path = root().join("catalogue/examples/border-crossing/valid.json");
        let claims: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        json!({"case_reference": "PN-1", "kind": KIND, "claims": claims})
    }

    /// A person links with the office by an open invitation.
    fn link_somebody(&self) {
        let at = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (profile, kit, word) = (at("profile"), at("kit"), at("passphrase"));
        fs::write(&word, "correct horse battery staple\n").unwrap();
        let word = ["--passphrase-file", &word];
        let hub = [["--hub-id", &self.hub.0], ["--hub-url", &self.hub.1]].concat();
        let init = [&["init", &profile, "--kit", &kit], hub.as_slice(), &word].concat();
        run(&init);
        let asked = [
            "gateway",
            "invite",
            &self.dir,
            "--purpose",
            "A test",
            "--open",
            "2",
        ];
        let invitation = run(&asked);
        run(&[
            &["link", &profile, invitation.trim(), "--yes"],
            word.as_slice(),
        ]
        .concat());
    }

    fn asked(&self, without: Option<[&str; 3]>) -> Value {
        let all = "records,cases,disputes,notes,links,events,hooks,status";
        let mut job = json!({
            "url": self.url, "token": self.token("all", all), "weak": self.token("weak", "status"),
            "record": Self::record(), "seed": SEED, "examples": EXAMPLES,
        });
        if let Some(without) = without {
            job["without"] = json!(without);
        }
        python("gateway_openapi_peer.py", &job)
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[test]
fn every_answer_of_a_serving_gateway_is_one_that_its_description_has() {
    let said = Office::serve().asked(None);
    assert_eq!(said["failures"], json!([]));
    let operations = said["operations"].as_object().unwrap();
    let description: Value = {
        let file = root().join("crates/gateway/openapi.json");
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    };
    let described = description["paths"].as_object().unwrap();
    assert_eq!(operations.len(), described.len(), "every route was asked");
    for (operation, seen) in operations {
        let open = ["GET /v1/openapi.json", "GET /healthz"].contains(&operation.as_str());
        let status = ["GET /v1/health", "GET /v1/outbox", "GET /metrics"];
        for (answer, _) in seen.as_object().unwrap() {
            let (who, status_code) = answer.split_once(' ').unwrap();
            if who == "none" && !open {
                // What cannot be read at all may be refused before it is asked who sends it.
                assert!(
                    ["401", "400", "404"].contains(&status_code),
                    "{operation}: {answer}"
                );
            }
            if who == "weak" && !open && !status.contains(&operation.as_str()) {
                assert!(!status_code.starts_with('2'), "{operation}: {answer}");
            }
        }
        assert!(open || seen["none 401"].is_u64(), "{operation}: {seen}");
    }
    for (operation, answer) in [
        ("POST /v1/records", "strong 202"),
        ("POST /v1/records", "strong 400"),
        ("POST /v1/records", "weak 403"),
        ("GET /v1/records/{record}", "strong 200"),
        ("GET /v1/cases", "strong 200"),
        ("GET /v1/disputes", "strong 200"),
        ("GET /v1/notes", "strong 200"),
        ("POST /v1/invitations", "strong 201"),
        ("GET /v1/invitations/{invitation}", "strong 200"),
        ("GET /v1/links", "strong 200"),
        ("GET /v1/links/{case_reference}", "strong 200"),
        ("POST /v1/links/{case_reference}/confirm", "strong 409"),
        ("GET /v1/events", "strong 200"),
        ("GET /v1/hooks", "strong 200"),
        ("GET /v1/health", "weak 200"),
        ("GET /metrics", "weak 200"),
    ] {
        let seen = &operations[operation];
        assert!(seen[answer].is_u64(), "{operation} {answer}: {seen}");
    }
    let sent: u64 = operations
        .values()
        .flat_map(|seen| seen.as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .sum();
    say!(
        "schemathesis sent {sent} requests to {} operations (seed {SEED}): every answer as described",
        operations.len()
    );
}

#[test]
fn an_answer_that_the_description_lacks_is_noticed() {
    let without = ["/v1/records/{record}", "get", "404"];
    let said = Office::serve().asked(Some(without));
    let failures = said["failures"].as_array().unwrap();
    assert!(!failures.is_empty(), "nothing was noticed");
    for failure in failures {
        let failure = failure.as_str().unwrap();
        assert!(failure.starts_with("GET /v1/records/{record}"), "{failure}");
    }
}

/// Takes one request and answers 204; gives its headers by lowercase name, and its body.
fn receive(listener: &TcpListener) -> (serde_json::Map<String, Value>, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(count > 0, "the request is cut short");
            continue;
        };
        let lines = head.lines().skip(1).filter_map(|l| l.split_once(": "));
        let named = |(name, value): (&str, &str)| (name.to_lowercase(), json!(value));
        let headers: serde_json::Map<_, _> = lines.map(named).collect();
        let length: usize = headers["content-length"].as_str().unwrap().parse().unwrap();
        if body.len() == length {
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
                .unwrap();
            return (headers, body.to_owned());
        }
    }
}

#[test]
fn what_a_hook_is_told_verifies_in_another_implementation_and_nothing_bent_does() {
    let office = Office::serve();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let secret = run(&["gateway", "hook", "add", &office.dir, "register", &url]);
    office.link_somebody();
    let (headers, body) = receive(&listener);
    let mut requests = vec![json!({"headers": headers, "body": body})];
    for (name, value) in [
        ("webhook-id", "evt_other"),
        ("webhook-timestamp", "1"),
        ("webhook-signature", "v1,AAAA"),
    ] {
        let mut bent = headers.clone();
        bent.insert(name.to_owned(), json!(value));
        requests.push(json!({"headers": bent, "body": body}));
    }
    requests.push(json!({"headers": headers, "body": body.replace("link", "lunk")}));
    let said = python(
        "webhook_peer.py",
        &json!({"secret": secret.trim(), "requests": requests}),
    );
    assert_eq!(said[0]["body"]["type"], "link.confirmed", "{said}");
    for bent in said.as_array().unwrap().iter().skip(1) {
        assert_eq!(bent["error"], "WebhookVerificationError", "{said}");
    }
    say!(
        "standardwebhooks 1.0.0 takes what a hook was told, and none of {} bent ones",
        requests.len() - 1
    );
}
