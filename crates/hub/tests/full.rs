//! A database without room: what would be written is answered `busy`, reading and erasing go on, and
//! the log goes on where it was once there is room.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use denizen_api::{
    ProblemKind,
    client::own_keyid,
    signature::{Covered, sign},
};
use denizen_hub::{Hub, HubConfig, HubKeys, OperatorIdentity, make_operator, router};
use denizen_model::{
    Clock, Nonce, SecretKeyFor, Sha256Hash, UnixTime,
    id::Bytes,
    key::Auth,
    statement::{KIND_TYP, KindEntry, Origins, full_kid, sign_entry},
};
use http::{Request, StatusCode};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use tower::ServiceExt as _;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> UnixTime {
        UnixTime(1_790_000_000)
    }
}

/// An operator whose hub is opened again and again.
struct Operator {
    config: HubConfig,
    keys: HubKeys,
    identity: OperatorIdentity,
    statement: Vec<u8>,
}

impl Operator {
    fn make(folder: &Path) -> Self {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let origins = Origins {
            deposits: "hub.example/deposits".into(),
            directory: "hub.example/directory".into(),
        };
        let names = BTreeMap::from([("en".to_owned(), "Hub".to_owned())]);
        let url = "https://hub.example";
        let (id, identity, keys, statement) =
            make_operator(names, url, origins.clone(), Fixed.now(), &mut rng);
        Self {
            config: HubConfig::new(id, origins, folder.join("hub.db")),
            keys,
            identity,
            statement: statement.into_bytes(),
        }
    }

    fn open(&self, grow_pages_max: Option<u32>) -> (Hub, denizen_hub::SequencerThread) {
        let config = HubConfig {
            grow_pages_max,
            ..self.config.clone()
        };
        let rng = Box::new(ChaCha20Rng::from_seed([4; 32]));
        Hub::open(config, self.keys.clone(), Arc::new(Fixed), rng).unwrap()
    }

    /// A directory entry of about 8 KiB.
    fn entry(&self, number: usize) -> Vec<u8> {
        let kind = KindEntry {
            v: 1,
            vct: format!("urn:example:{number}:{}", "x".repeat(8_000)),
            metadata: Sha256Hash::of(b"m"),
            schema: Sha256Hash::of(b"s"),
            files: None,
        };
        let kid = full_kid(&self.config.hub.into(), "identity");
        sign_entry(&kind, KIND_TYP, self.identity.0.signer(), &kid).into_bytes()
    }
}

async fn send(hub: &Hub, method: &str, path: &str, body: Vec<u8>) -> StatusCode {
    let request = Request::builder().method(method).uri(path);
    let request = request.body(axum::body::Body::from(body)).unwrap();
    router(hub).oneshot(request).await.unwrap().status()
}

fn owner(number: u8) -> SecretKeyFor<Auth> {
    SecretKeyFor::make(&mut ChaCha20Rng::from_seed([number; 32]))
}

fn root(number: u8) -> (String, Vec<u8>) {
    let root = denizen_api::wire::WrappedRoot {
        wrapped: Bytes(vec![number; 4_000]),
        owner: owner(number).public_for(),
    };
    let path = format!("/v1/roots/{}", Nonce::new([number; 32]).to_text());
    (path, serde_json::to_vec(&root).unwrap())
}

/// Its owner deletes it.
async fn delete_root(hub: &Hub, number: u8) -> StatusCode {
    let (path, _) = root(number);
    let key = owner(number);
    let covered = Covered {
        method: "DELETE",
        path: &path,
        query: "",
        body: &[],
    };
    let keyid = own_keyid(key.signer());
    let headers = sign(&covered, key.signer(), &keyid, hub.id(), Fixed.now());
    let request = Request::builder()
        .method("DELETE")
        .uri(&path)
        .header("content-digest", headers.content_digest)
        .header("signature-input", headers.signature_input)
        .header("signature", headers.signature);
    let request = request.body(axum::body::Body::empty()).unwrap();
    router(hub).oneshot(request).await.unwrap().status()
}

/// A number of its metrics.
async fn metric(hub: &Hub, name: &str) -> u64 {
    let request = Request::builder().uri("/metrics");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = router(hub).oneshot(request).await.unwrap();
    let text = axum::body::to_bytes(answer.into_body(), 1 << 20).await;
    let text = String::from_utf8(text.unwrap().to_vec()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn without_room_nothing_is_taken_and_what_is_there_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::make(folder.path());
    let (hub, thread) = operator.open(None);
    hub.append_entries(vec![operator.statement.clone()])
        .await
        .unwrap();
    drop(hub);
    thread.join().unwrap();

    let (hub, thread) = operator.open(Some(40));
    let (path, body) = root(99);
    assert_eq!(send(&hub, "PUT", &path, body).await, StatusCode::NO_CONTENT);
    let mut taken = 0;
    let refused = loop {
        match hub.append_entries(vec![operator.entry(taken)]).await {
            Ok(index) => assert_eq!(index, taken as u64 + 1),
            Err(kind) => break kind,
        }
        taken += 1;
    };
    assert_eq!(refused, ProblemKind::Busy);
    assert!(taken > 2, "{taken}");
    let before = hub.checkpoints();
    let (path, body) = root(1);
    assert_eq!(
        send(&hub, "GET", "/log/directory/checkpoint", vec![]).await,
        StatusCode::OK
    );
    assert_eq!(
        send(&hub, "GET", "/v1/directory", vec![]).await,
        StatusCode::OK
    );
    // A smaller write may still fit: fill what is left, then nothing does.
    for number in 2..40 {
        let (path, body) = root(number);
        if send(&hub, "PUT", &path, body).await == StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
    }
    assert_eq!(
        send(&hub, "PUT", &path, body.clone()).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let again = hub.append_entries(vec![operator.entry(taken)]).await;
    assert_eq!(again, Err(ProblemKind::Busy));
    assert_eq!(
        hub.checkpoints(),
        before,
        "nothing was signed for what is not there"
    );
    assert!(metric(&hub, "denizen_hub_groups_taken_back_total ").await >= 3);
    assert_eq!(delete_root(&hub, 99).await, StatusCode::NO_CONTENT);
    drop(hub);
    thread.join().expect("the writer has not failed");

    // With room the log goes on where it was, and its end is whole.
    let (hub, thread) = operator.open(None);
    assert_eq!(hub.checkpoints(), before);
    let index = hub.append_entries(vec![operator.entry(taken)]).await;
    assert_eq!(index, Ok(taken as u64 + 1));
    assert_eq!(send(&hub, "PUT", &path, body).await, StatusCode::NO_CONTENT);
    drop(hub);
    thread.join().unwrap();
    let (hub, thread) = operator.open(None);
    drop(hub);
    thread.join().unwrap();
}

#[tokio::test]
async fn the_log_goes_on_in_the_same_process_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::make(folder.path());
    let (hub, thread) = operator.open(Some(60));
    let statement = vec![operator.statement.clone()];
    hub.append_entries(statement).await.unwrap();
    let small = operator.entry(0);
    // Too much for the room at once: the statements before it in the group are taken back too.
    let many: Vec<_> = (1..60).map(|number| operator.entry(number)).collect();
    let before = hub.checkpoints();
    assert_eq!(hub.append_entries(many).await, Err(ProblemKind::Busy));
    assert_eq!(hub.checkpoints(), before);
    assert_eq!(hub.append_entries(vec![small]).await, Ok(1));
    drop(hub);
    thread.join().unwrap();
    let (hub, thread) = operator.open(None);
    assert_eq!(hub.append_entries(vec![operator.entry(1)]).await, Ok(2));
    drop(hub);
    thread.join().unwrap();
}

#[tokio::test]
async fn held_writing_is_busy_and_goes_on_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let operator = Operator::make(folder.path());
    let (hub, thread) = operator.open(None);
    hub.append_entries(vec![operator.statement.clone()])
        .await
        .unwrap();
    let (path, body) = root(2);
    assert_eq!(send(&hub, "PUT", &path, body).await, StatusCode::NO_CONTENT);
    let (path, body) = root(1);
    hub.hold_writes(true);
    assert_eq!(
        send(&hub, "PUT", &path, body.clone()).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        send(&hub, "GET", "/v1/directory", vec![]).await,
        StatusCode::OK
    );
    assert_eq!(
        send(&hub, "GET", "/readyz", vec![]).await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(send(&hub, "GET", "/healthz", vec![]).await, StatusCode::OK);
    assert_eq!(metric(&hub, "denizen_hub_writes_held ").await, 1);
    let held = "denizen_hub_turned_away_total{reason=\"Held\"} ";
    assert_eq!(metric(&hub, held).await, 1);
    assert_eq!(delete_root(&hub, 2).await, StatusCode::NO_CONTENT);
    hub.hold_writes(false);
    assert_eq!(send(&hub, "GET", "/readyz", vec![]).await, StatusCode::OK);
    assert_eq!(send(&hub, "PUT", &path, body).await, StatusCode::NO_CONTENT);
    drop(hub);
    thread.join().unwrap();
}
