//! A gateway's own commands: tokens, hooks, REST over sockets, endpoints, restore, and the desk's refusals.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, Process, denizen, refused, run, succeed, text, wait_for};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::Command,
};

const KIND: &str = "urn:denizen:kind:border-crossing:1";

/// A hub that serves, and an admitted gateway's folder.
struct Office {
    hub: HubFolder,
    dir: PathBuf,
    _serving: Process,
}

impl Office {
    fn make() -> Self {
        let hub = HubFolder::make();
        let (dir, statement) = (hub.file("office"), hub.file("office.statement"));
        let id = hub.id.to_text();
        succeed(&[
            "gateway",
            "init",
            text(&dir),
            "--name",
            "Office",
            "--hub-id",
            &id,
            "--hub-url",
            &hub.url,
        ]);
        let written = run(&["gateway", "statement", text(&dir)]);
        fs::write(&statement, written.stdout).unwrap();
        let serving = hub.serve();
        let hub_dir = hub.path();
        let admit = [
            "hub",
            "admit",
            text(&hub_dir),
            text(&statement),
            "--kind",
            KIND,
        ];
        succeed(&admit);
        let office = Self {
            hub,
            dir,
            _serving: serving,
        };
        office.ok(&["sync"], &[]);
        office
    }

    /// Runs `gateway COMMAND... DIR ARGUMENTS...`.
    fn line<'a>(&'a self, command: &[&'a str], arguments: &[&'a str]) -> Vec<&'a str> {
        [&["gateway"], command, &[text(&self.dir)], arguments].concat()
    }

    fn ok(&self, command: &[&str], arguments: &[&str]) -> String {
        succeed(&self.line(command, arguments))
    }

    fn no(&self, command: &[&str], arguments: &[&str]) -> String {
        refused(&self.line(command, arguments))
    }

    fn token(&self, name: &str, may: &str) -> String {
        let arguments = ["--name", name, "--role", "register system", "--may", may];
        self.ok(&["token"], &arguments).trim().to_owned()
    }

    /// Serves with REST; gives where.
    fn serve(&self) -> (Process, SocketAddr) {
        let place = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let settings = format!("[rest]\nlisten = \"{place}\"\n");
        fs::write(self.dir.join("gateway.toml"), settings).unwrap();
        let mut command = denizen();
        command.args(["gateway", "serve", text(&self.dir)]);
        let process = Process::start(command);
        wait_for("REST answers", || TcpStream::connect(place).ok());
        (process, place)
    }
}

/// Status and body of a request over a socket.
fn get(place: SocketAddr, path: &str, token: Option<&str>) -> (u16, String) {
    let mut stream = TcpStream::connect(place).unwrap();
    let token = token.map_or_else(String::new, |t| format!("Authorization: Bearer {t}\r\n"));
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

#[test]
fn rest_is_off_unless_configured_and_a_token_counts_until_it_is_revoked() {
    let office = Office::make();
    let example = succeed(&["gateway", "example-config"]);
    assert!(example.contains("# [rest]"));
    let token = office.token("register", "records,status");
    assert!(
        office
            .no(
                &["token"],
                &["--name", "register", "--role", "x", "--may", "status"]
            )
            .contains("take another")
    );
    let unknown = office.no(
        &["token"],
        &["--name", "b", "--role", "x", "--may", "everything"],
    );
    assert!(
        unknown.contains("records:write"),
        "it lists the scopes: {unknown}"
    );
    let stored = fs::read(office.dir.join("gateway.sqlite")).unwrap();
    let secret = &token.as_bytes()[16..];
    assert!(
        !stored.windows(secret.len()).any(|w| w == secret),
        "only its hash is kept"
    );
    let listed = office.ok(&["tokens", "list"], &[]);
    assert!(listed.contains("register  register system") && !listed.contains(&token));

    let (process, place) = office.serve();
    let second = office.no(&["serve"], &[]);
    assert!(second.contains("another process"), "{second}");
    assert_eq!(get(place, "/healthz", None), (200, "ok\n".to_owned()));
    assert_eq!(get(place, "/v1/health", None).0, 401);
    let (status, health) = get(place, "/v1/health", Some(&token));
    let health: Value = serde_json::from_str(&health).unwrap();
    assert_eq!(
        (status, &health["good"]),
        (200, &Value::Bool(true)),
        "{health}"
    );
    assert_eq!(get(place, "/v1/cases", Some(&token)).0, 403);
    office.ok(&["tokens", "revoke"], &["register"]);
    assert_eq!(get(place, "/v1/health", Some(&token)).0, 401);
    assert!(
        office
            .no(&["tokens", "revoke"], &["register"])
            .contains("no token")
    );
    let audit = office.ok(&["tokens", "audit"], &[]);
    assert!(
        audit.contains("register  register system  cases.list") && audit.contains("403"),
        "{audit}"
    );
    process.signal("TERM");
    let (code, _, said) = process.ended();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(&token), "no token is in a log");
    fs::write(
        office.dir.join("gateway.toml"),
        "[rest]\nlisten = \"0.0.0.0:1\"\n",
    )
    .unwrap();
    assert!(office.no(&["serve"], &[]).contains("over a network"));
}

#[test]
fn a_hook_is_made_here_listed_without_its_url_and_removed() {
    let office = Office::make();
    let url = "https://office.example.org/secret-path";
    let secret = office.ok(
        &["hook", "add"],
        &["register", url, "--events", "case.filed,note.received"],
    );
    assert!(secret.starts_with("whsec_"));
    let listed = office.ok(&["hook", "list"], &[]);
    assert!(
        listed.contains("register  good  case.filed, note.received"),
        "{listed}"
    );
    assert!(!listed.contains("secret-path"));
    for (arguments, why) in [
        (vec!["b", "http://office.example.org/"], "https"),
        (vec!["b", url, "--events", "case.moved"], "case.filed"),
        (vec!["register", url], "of this name"),
        (vec!["b c", url], "letters"),
    ] {
        let said = office.no(&["hook", "add"], &arguments);
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    office.ok(&["hook", "enable"], &["register"]);
    office.ok(&["hook", "remove"], &["register"]);
    assert!(
        office
            .no(&["hook", "enable"], &["register"])
            .contains("no hook")
    );
    assert!(office.ok(&["hook", "list"], &[]).contains("No hook."));
}

#[test]
fn a_restored_gateway_takes_over_and_the_original_stops() {
    let office = Office::make();
    let (backup, lost) = (office.hub.file("backup.sqlite"), office.hub.file("lost"));
    office.ok(&["backup"], &[text(&backup)]);
    // The original goes on elsewhere; what is left here are its keys.
    fs::create_dir(&lost).unwrap();
    for file in ["gateway.json", "keys.json"] {
        fs::copy(office.dir.join(file), lost.join(file)).unwrap();
    }
    fs::copy(&backup, lost.join("gateway.sqlite")).unwrap();
    let said = refused(&["gateway", "queue", text(&lost)]);
    assert!(
        said.contains("gateway restore"),
        "a backup is no database: {said}"
    );
    let found = run(&["doctor", text(&lost)]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("the database is a backup"));
    let there = refused(&["gateway", "restore", text(&lost), text(&backup)]);
    assert!(there.contains("move it away"), "{there}");
    for file in ["gateway.sqlite", "gateway.sqlite-wal", "gateway.sqlite-shm"] {
        // Looking at it may have left the others behind.
        let _ = fs::remove_file(lost.join(file));
    }
    let original = office.serve().0;
    let said = succeed(&["gateway", "restore", text(&lost), text(&backup)]);
    assert!(
        said.contains("has taken over") && said.contains("out of list"),
        "{said}"
    );
    let held = succeed(&["gateway", "restored", text(&lost)]);
    assert!(held.contains("no new record is issued"), "{held}");
    let found = run(&["doctor", text(&lost)]);
    assert!(String::from_utf8_lossy(&found.stdout).contains("restored from a backup"));
    succeed(&["gateway", "restored", text(&lost), "--compared"]);
    assert!(succeed(&["gateway", "restored", text(&lost)]).contains("records are issued"));
    succeed(&["gateway", "sync", text(&lost)]);
    original.signal("TERM");
    drop(original.ended());
    let said = office.no(&["serve"], &[]);
    assert!(said.contains("taken over"), "{said}");
    let missing = office.hub.file("missing");
    fs::create_dir(&missing).unwrap();
    let said = refused(&["gateway", "restore", text(&missing), text(&backup)]);
    assert!(said.contains("gateway.json"), "{said}");
}

/// Answers each connection with these bytes, for ever.
fn endpoint(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            // Whether it reads or hangs up, the next one is served.
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    place
}

#[test]
fn an_endpoint_is_pulled_by_a_file_and_led_nowhere() {
    let office = Office::make();
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/border/mapping.toml");
    let mapping = fs::read_to_string(demo).unwrap();
    let csv = office.hub.file("csv.toml");
    fs::write(&csv, &mapping).unwrap();
    let ndjson = "kind = \"urn:denizen:kind:border-crossing:1\"\nformat = \"ndjson\"\n\
                  encoding = \"utf-8\"\ncase_reference = \"/case\"\nunique = [\"/id\"]\n\
                  [[claim]]\npath = [\"direction\"]\ncolumn = \"/direction\"\n";
    fs::write(office.hub.file("rows.toml"), ndjson).unwrap();
    fs::write(office.hub.file("token"), "secret-417\n").unwrap();
    let source = office.hub.file("source.toml");
    let write = |place: SocketAddr, mapping: &str| {
        let text = format!(
            "name = \"rows\"\nurl = \"http://{place}/rows\"\nform = \"array\"\n\
             mapping = \"{mapping}\"\ntoken_file = \"token\"\n"
        );
        fs::write(&source, text).unwrap();
    };
    let body = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\
                [{\"case\":\"PN-1\",\"id\":1,\"direction\":\"x\"}]";
    write(endpoint(body), "rows.toml");
    let said = office.ok(&["pull"], &[text(&source)]);
    assert!(
        said.contains("1 rows, run 1") && said.contains("1 bad"),
        "{said}"
    );
    let bad = fs::read_to_string(office.dir.join("bad-rows/rows.bad.csv")).unwrap();
    assert!(bad.contains("subject") && bad.contains("missing"), "{bad}");
    write(endpoint(body), "csv.toml");
    assert!(office.no(&["pull"], &[text(&source)]).contains("ndjson"));
    for (answer, why) in [
        (
            "HTTP/1.1 302 Found\r\nLocation: /rows\r\nContent-Length: 0\r\n\r\n",
            "not followed",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 999\r\nConnection: close\r\n\r\n[",
            "cut off",
        ),
        ("no HTTP at all\r\n\r\n", "did not come"),
    ] {
        write(endpoint(answer), "rows.toml");
        let said = office.no(&["pull"], &[text(&source)]);
        assert!(said.contains(why) && !said.contains("secret-417"), "{said}");
    }
}

#[test]
fn a_file_is_checked_without_being_taken_in() {
    let office = Office::make();
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/border");
    let (file, mapping) = (
        demo.join("crossings-with-errors.csv"),
        demo.join("mapping.toml"),
    );
    let whole = [text(&file), "--mapping", text(&mapping)];
    let checked = office.ok(&["intake"], &[&whole[..], &["--check"]].concat());
    let says = "2 good rows, 5 bad; nothing was taken in";
    assert!(checked.contains(says), "{checked}");
    assert!(checked.contains("line 3, Дата: "), "{checked}");
    assert!(office.ok(&["runs"], &[]).contains("No run of intake."));
    let taken = office.ok(&["intake"], &whole);
    assert!(taken.contains("7 rows, run 1"), "{taken}");
    assert!(office.ok(&["runs"], &[]).contains("2 taken, 5 bad"));
}

#[test]
fn a_second_process_that_takes_in_rows_says_so_and_stops() {
    let office = Office::make();
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/border");
    let (file, mapping) = (demo.join("crossings.csv"), demo.join("mapping.toml"));
    let whole = [text(&file), "--mapping", text(&mapping)];
    let first = fs::File::create(office.dir.join("intake.lock")).unwrap();
    first.lock().unwrap();
    let said = office.no(&["intake"], &whole);
    assert!(said.contains("another process takes in rows"), "{said}");
    assert!(office.ok(&["runs"], &[]).contains("No run of intake."));
    // Whoever only looks waits for nobody.
    office.ok(&["intake"], &[&whole[..], &["--check"]].concat());
    drop(first);
    assert!(office.ok(&["intake"], &whole).contains("run 1"));
}

#[test]
fn a_gateway_that_is_told_to_stop_while_it_starts_ends_well() {
    let office = Office::make();
    let file = office.dir.join("gateway.json");
    let aside = office.dir.join("gateway.json.aside");
    let config = fs::read_to_string(&file).unwrap();
    fs::rename(&file, &aside).unwrap();
    // It stands here until somebody writes.
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    let mut serve = denizen();
    let process = Process::start({
        serve.args(["gateway", "serve"]).arg(&office.dir);
        serve
    });
    let mut pipe = fs::File::options().write(true).open(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    process.signal("TERM");
    pipe.write_all(config.as_bytes()).unwrap();
    drop(pipe);
    let (code, ..) = process.ended();
    assert_eq!(code, Some(0));
}

#[test]
fn the_desk_says_what_is_not_there() {
    let office = Office::make();
    for (command, nothing) in [
        ("queue", "No case."),
        ("links", "No link waits"),
        ("disputes", "No dispute."),
        ("notes", "No note."),
        ("runs", "No run of intake."),
    ] {
        assert!(office.ok(&[command], &[]).contains(nothing), "{command}");
    }
    let permit = office.hub.file("claims.json");
    fs::write(&permit, "{}").unwrap();
    let hash = "A".repeat(43);
    let dashed = format!("-{}", "A".repeat(42));
    for (command, arguments, why) in [
        (
            "status",
            vec![dashed.as_str(), "revoked", "--reason", "x"],
            "no such record",
        ),
        ("show", vec!["A-00000000"], "no case"),
        (
            "ask-more",
            vec!["A-00000000", "more", "--due", "2027-01-01"],
            "no case",
        ),
        ("decide", vec!["A-00000000", "--grant"], "no case"),
        (
            "decide",
            vec!["A-00000000", "--refuse", "x"],
            "--appeal-until",
        ),
        ("dispute", vec!["7"], "no dispute"),
        ("answer", vec!["7", "--reject", "no"], "no dispute"),
        ("answer", vec!["7", "--uphold", text(&permit)], "no dispute"),
        ("clear", vec!["7"], "no dispute"),
        ("note", vec!["PN-1", "text"], "no link"),
        ("close", vec!["PN-1"], "no link"),
        ("undo", vec!["7", "--reason", "x"], "no run"),
        ("confirm", vec!["PN-1", "123456"], "no link"),
        (
            "status",
            vec![hash.as_str(), "revoked", "--reason", "x"],
            "no such record",
        ),
        ("status", vec!["x", "revoked", "--reason", "x"], "hash"),
    ] {
        let said = office.no(&[command], &arguments);
        assert!(said.contains(why), "{command} {arguments:?}: {said}");
    }
}
