//! A body that comes slowly: who was suspended before it was whole leaves nothing.
#![allow(clippy::unwrap_used, clippy::panic)]

use denizen_api::{
    HubClient, ProblemKind as P, Transport, TransportError, client::RequestSigner,
    wire::DepositItem,
};
use denizen_testkit::{Office, Person, World, person::Address};
use std::sync::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Turns of the other tasks after which nothing more is waited for.
const TURNS_MAX: u32 = 200_000;

/// Keeps a request instead of sending it.
#[derive(Default)]
struct Kept(Mutex<Option<http::Request<Vec<u8>>>>);

impl Transport for Kept {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        *self.0.lock().unwrap() = Some(request);
        Err(TransportError::Connect)
    }
}

/// The head and the body of a signed deposit, as they go over a line.
async fn deposit(world: &World, office: &Office, item: DepositItem) -> (Vec<u8>, Vec<u8>) {
    let (kept, keyid) = (Kept::default(), office.deposit_keyid());
    let client = HubClient::new(&kept, world.house().id, &world.house().url);
    let signer = RequestSigner::organisation(&office.deposit, &keyid);
    client
        .deposit(&[item], signer, world.now())
        .await
        .unwrap_err();
    let request = kept.0.lock().unwrap().take().unwrap();
    let mut head = format!(
        "POST {} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\ncontent-length: {}\r\n",
        request.uri().path(),
        request.body().len()
    );
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    ((head + "\r\n").into_bytes(), request.into_body())
}

async fn until_bodies(world: &World, is_right: impl Fn(u64) -> bool) {
    for _ in 0..TURNS_MAX {
        let text = world.fetch_text(0, "/metrics").await;
        let mut lines = text.lines();
        let bytes = lines.find_map(|line| line.strip_prefix("denizen_hub_body_bytes "));
        if is_right(bytes.unwrap().parse().unwrap()) {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the body is not begun");
}

/// Sends half of a deposit, does something, and sends the other half; the answer.
async fn halved(
    world: &World,
    port: u16,
    (head, body): (Vec<u8>, Vec<u8>),
    meanwhile: impl AsyncFnOnce(&World),
) -> String {
    let mut line = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (first, second) = body.split_at(body.len() / 2);
    line.write_all(&head).await.unwrap();
    line.write_all(first).await.unwrap();
    until_bodies(world, |bytes| bytes > 0).await;
    meanwhile(world).await;
    line.write_all(second).await.unwrap();
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await.unwrap();
    until_bodies(world, |bytes| bytes == 0).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn lies_there(world: &World, address: &Address) -> usize {
    let auth = &address.keys.auth;
    let there = world.client().fetch(auth, None, 0, world.now()).await;
    there.unwrap().items.len()
}

#[tokio::test]
async fn who_is_suspended_while_his_body_comes_deposits_nothing() {
    let mut world = World::make(720).await;
    let office = world.office("Office", &[]).await;
    let address = Person::make(&mut world.rng).link_address(1, &office, &mut world.rng);
    world.register(&address).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = denizen_hub::router(world.house().hub());
    let served = tokio::spawn(async move { axum::serve(listener, router).await });
    // A body that comes in two halves is taken.
    let item = world.note(&office, &address, "one");
    let whole = deposit(&world, &office, item).await;
    let answer = halved(&world, port, whole, async |_| {}).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(lies_there(&world, &address).await, 1);
    let item = world.note(&office, &address, "two");
    let whole = deposit(&world, &office, item).await;
    let answer = halved(&world, port, whole, async |world| {
        let suspension = world.house().suspension(office.id, world.now());
        let hub = world.house().hub();
        hub.append_entries(vec![suspension]).await.unwrap();
    })
    .await;
    let status = format!("HTTP/1.1 {}", P::NotAdmitted.status());
    assert!(answer.starts_with(&status), "{answer}");
    assert_eq!(lies_there(&world, &address).await, 1);
    served.abort();
}
