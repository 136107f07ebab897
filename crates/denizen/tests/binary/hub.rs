//! A real hub process: made, served, stopped, started again, and refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests of real processes"
)]

use crate::support::{HubFolder, Process, denizen, office::Office, refused, run, succeed, text};
use denizen_api::wire::DepositOutcome;
use denizen_model::statement::Quality;
use std::{fs, os::unix::fs::PermissionsExt as _};

const DOCUMENT: &str = "urn:denizen:kind:travel-document:1";
const OFFENCE: &str = "urn:denizen:kind:administrative-offence:1";

fn admit(hub: &HubFolder, office: &Office, kinds: &[&str]) -> String {
    let file = hub.file(&format!("{}.statement", office.id.to_text()));
    fs::write(&file, &office.statement).unwrap();
    let dir = hub.path();
    let mut arguments = vec!["hub", "admit", text(&dir), text(&file)];
    arguments.extend(kinds.iter().flat_map(|kind| ["--kind", kind]));
    succeed(&arguments)
}

#[tokio::test]
async fn a_hub_stops_on_a_signal_and_starts_again_as_the_same_hub() {
    let hub = HubFolder::make();
    let mut first = hub.serve();
    assert!(first.line("id:").contains(&hub.id.to_text()));
    let health = reqwest::get(format!("{}/healthz", hub.url)).await.unwrap();
    assert_eq!(health.text().await.unwrap(), "ok\n");
    let before = hub.directory().await;
    first.signal("TERM");
    let (code, _, said) = first.ended();
    assert_eq!(code, Some(0), "{said}");

    let second = hub.serve();
    let answer = hub.client().directory().await.unwrap();
    assert_eq!(answer, before.answer);
    second.signal("INT");
    assert_eq!(second.ended().0, Some(0));
}

#[tokio::test]
async fn an_organisation_is_admitted_while_the_hub_serves_and_while_it_is_stopped() {
    let hub = HubFolder::make();
    let (stopped, mut serving) = (Office::make(hub.id, 1), Office::make(hub.id, 2));
    let said = admit(&hub, &stopped, &[DOCUMENT, &format!("{OFFENCE}=claim")]);
    assert!(said.contains(&format!("{OFFENCE} as claim")), "{said}");
    let _process = hub.serve();
    admit(&hub, &serving, &[]);
    // A second admission replaces the first; the statement is there already.
    admit(&hub, &stopped, &[OFFENCE]);

    let directory = hub.directory().await.directory;
    let quality = |kind| directory.admitted(&stopped.id, kind, crate::support::now());
    assert_eq!(
        (quality(DOCUMENT), quality(OFFENCE)),
        (None, Some(Quality::Authority))
    );
    assert!(
        directory
            .organisation(&serving.id)
            .unwrap()
            .admission
            .is_some()
    );
    let client = hub.client();
    let address = serving.register_address(&client).await;
    let stored = serving.deposit(&client, &address).await;
    assert!(matches!(
        stored,
        DepositOutcome::Stored {
            pos: 0,
            index: 0,
            ..
        }
    ));
}

#[tokio::test]
async fn a_request_that_runs_when_it_is_told_to_stop_is_answered() {
    let hub = HubFolder::make();
    let mut office = Office::make(hub.id, 6);
    admit(&hub, &office, &[]);
    let process = hub.serve();
    let address = office.register_address(&hub.client()).await;
    let client = hub.client();
    let poll = async { client.fetch(&address, None, 3, crate::support::now()).await };
    let stop = async {
        // The registration, the poll that runs, and these looks themselves.
        for looks in 1.. {
            let metrics = reqwest::get(format!("{}/metrics", hub.url)).await.unwrap();
            let running = format!("denizen_hub_requests_total {}\n", 2 + looks);
            if metrics.text().await.unwrap().contains(&running) {
                break;
            }
        }
        process.signal("TERM");
    };
    let (answer, ()) = tokio::join!(poll, stop);
    assert!(answer.unwrap().items.is_empty());
    assert_eq!(process.ended().0, Some(0));
}

#[tokio::test]
async fn its_directory_begins_with_its_statement_and_the_shipped_kinds() {
    let hub = HubFolder::make();
    let _process = hub.serve();
    let verified = hub.directory().await;
    let operator = verified.directory.operator().unwrap();
    assert_eq!(operator.url.as_deref(), Some(hub.url.as_str()));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalogue/kinds");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().file_name());
    let schemas = files.filter(|f| f.to_str().unwrap().ends_with(".schema.json"));
    assert_eq!(verified.answer.entries.len(), 1 + schemas.count());
}

#[test]
fn only_its_owner_reads_its_keys() {
    let hub = HubFolder::make();
    for key in [
        "identity/operator-identity.key",
        "keys/log.key",
        "keys/head.key",
    ] {
        let mode = fs::metadata(hub.path().join(key))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let mode = fs::metadata(hub.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn one_folder_is_served_once() {
    let hub = HubFolder::make();
    let _process = hub.serve();
    let said = refused(&["hub", "serve", text(&hub.path())]);
    assert!(said.contains("served already by another process"), "{said}");
}

#[test]
fn what_cannot_be_done_is_refused_with_what_to_do() {
    let hub = HubFolder::make();
    let dir = hub.path();
    let again = [
        "hub",
        "init",
        text(&dir),
        "--name",
        "A",
        "--url",
        "http://127.0.0.1:1",
    ];
    assert!(refused(&again).contains("is not empty"));
    let clear = hub.file("clear");
    let clear = [
        "hub",
        "init",
        text(&clear),
        "--name",
        "A",
        "--url",
        "http://hub.example.org",
    ];
    assert!(refused(&clear).contains("only https"));
    let nothing = hub.file("nothing");
    assert!(refused(&["hub", "serve", text(&nothing)]).contains("`denizen hub init` makes one"));

    let config = hub.file("network.toml");
    fs::write(&config, "listen = \"0.0.0.0:7700\"").unwrap();
    let said = refused(&["hub", "serve", text(&dir), "--config", text(&config)]);
    assert!(said.contains("under its [tls] table"), "{said}");

    let other = Office::make(HubFolder::make().id, 3);
    let file = hub.file("other.statement");
    fs::write(&file, &other.statement).unwrap();
    let said = refused(&["hub", "admit", text(&dir), text(&file)]);
    assert!(said.contains("names another hub"), "{said}");
    let own = Office::make(hub.id, 3);
    fs::write(&file, &own.statement).unwrap();
    let said = refused(&[
        "hub",
        "admit",
        text(&dir),
        text(&file),
        "--kind",
        "urn:other:1",
    ]);
    assert!(said.contains(DOCUMENT), "{said}");
    fs::remove_dir_all(dir.join("identity")).unwrap();
    let said = refused(&["hub", "admit", text(&dir), text(&file)]);
    assert!(said.contains("--identity FILE"), "{said}");
}

#[tokio::test]
async fn a_second_writer_ends_the_hub_with_a_failure() {
    let hub = HubFolder::make();
    let office = Office::make(hub.id, 4);
    admit(&hub, &office, &[]);
    let process = hub.serve();
    // Without its lock file the folder looks like one that nobody serves (R23, R24).
    fs::remove_file(hub.path().join("hub.lock")).unwrap();
    admit(&hub, &Office::make(hub.id, 5), &[]);
    let posted = hub.client().post_entries(&[&office.next_statement()]).await;
    assert!(posted.is_err(), "nothing may be answered");
    let (code, _, said) = process.ended();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("another process writes this database"),
        "{said}"
    );
}

#[tokio::test]
async fn it_serves_over_tls_with_the_certificate_of_its_configuration() {
    let hub = HubFolder::make();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(hub.file("certificate.pem"), made.cert.pem()).unwrap();
    fs::write(hub.file("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let listen = hub.url.strip_prefix("http://").unwrap();
    let (_, port) = listen.split_once(':').unwrap();
    let tls = "[tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n";
    let config = hub.file("tls.toml");
    fs::write(&config, format!("listen = \"{listen}\"\n{tls}")).unwrap();
    let mut command = denizen();
    command.args(["hub", "serve", text(&hub.path()), "--config", text(&config)]);
    let mut process = Process::start(command);
    hub.wait_until_healthy();
    assert!(process.line("listens:").contains("TLS"));
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([trusted])
        .build()
        .unwrap();
    let url = format!("https://localhost:{port}/healthz");
    assert_eq!(
        client.get(&url).send().await.unwrap().text().await.unwrap(),
        "ok\n"
    );
    let stranger = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(stranger.get(&url).send().await.is_err());
}

#[test]
fn the_example_configuration_is_printed_and_serves() {
    let hub = HubFolder::make();
    let example = succeed(&["hub", "example-config"]);
    let listen = hub.url.strip_prefix("http://").unwrap();
    let config = hub.file("example.toml");
    fs::write(&config, example.replace("127.0.0.1:7700", listen)).unwrap();
    let mut command = denizen();
    command.args(["hub", "serve", text(&hub.path()), "--config", text(&config)]);
    let process = Process::start(command);
    hub.wait_until_healthy();
    process.signal("TERM");
    assert_eq!(process.ended().0, Some(0));
}

#[test]
fn it_says_its_version() {
    let said = String::from_utf8(run(&["--version"]).stdout).unwrap();
    assert_eq!(
        said.trim(),
        format!("denizen {}", env!("CARGO_PKG_VERSION"))
    );
}
