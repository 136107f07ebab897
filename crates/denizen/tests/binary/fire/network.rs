//! A line to the hub that breaks after any byte, in either direction, with real sockets: what was sent again
//! until it was answered is there once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use super::{kills::Target, say};
use crate::support::{Http, HubFolder};
use denizen_api::{
    HubClient,
    client::ClientError,
    wire::{DepositItem, DepositOutcome},
};
use denizen_fire::disk::below;
use denizen_testkit::campaign::{seed, times};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Bytes of a request and of its answer, about: cuts are within three times as much.
const UP: usize = 24_000;
const DOWN: usize = 6_000;
/// Tries after which a line must have held: every fourth connection is left alone.
const TRIES_MAX: usize = 64;

/// A proxy whose connections end after some bytes.
struct Line {
    url: String,
    cuts: Arc<AtomicUsize>,
}

impl Line {
    fn to(hub: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (hub, cuts) = (hub.to_owned(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&cuts);
        let dice = Mutex::new(ChaCha20Rng::seed_from_u64(seed));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let mut dice = dice.lock().unwrap();
                let held = below(&mut dice, 4) == 0;
                let up = if held {
                    usize::MAX
                } else {
                    below(&mut dice, 3 * UP)
                };
                let down = if held {
                    usize::MAX
                } else {
                    below(&mut dice, 3 * DOWN)
                };
                let server = TcpStream::connect(&hub).unwrap();
                for (from, to, most) in [(&client, &server, up), (&server, &client, down)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let counted = Arc::clone(&counted);
                    std::thread::spawn(move || carry(from, to, most, &counted));
                }
            }
        });
        Self { url, cuts }
    }
}

/// Carries so many bytes; then the connection is gone.
fn carry(mut from: TcpStream, mut to: TcpStream, mut most: usize, cuts: &AtomicUsize) {
    let mut part = [0; 1_400];
    while let Ok(count) = from.read(&mut part)
        && count > 0
    {
        let carried = count.min(most);
        most -= carried;
        if to.write_all(&part[..carried]).is_err() {
            break;
        }
        if carried < count {
            cuts.fetch_add(1, Ordering::SeqCst);
            break;
        }
    }
    for end in [from, to] {
        // The other direction may have ended it.
        let _ = end.shutdown(Shutdown::Both);
    }
}

/// Sends until there is an answer; gives how often there was none.
async fn insist(
    target: &Target,
    line: &Line,
    items: &[DepositItem],
) -> (usize, Vec<DepositOutcome>) {
    for tries in 0..TRIES_MAX {
        let client = HubClient::new(Http(reqwest::Client::new()), target.hub.id, &line.url);
        match target.office.send(&client, items).await {
            Ok(outcomes) => return (tries, outcomes),
            Err(ClientError::Transport(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no answer in {TRIES_MAX} tries");
}

#[tokio::test]
async fn a_line_that_breaks_after_any_byte_loses_and_doubles_nothing() {
    let requests = times(60_u32);
    let mut target = Target::make(HubFolder::make(), seed(71)).await;
    let process = target.hub.serve();
    let trust = target.hub.directory().await.trust;
    let line = Line::to(target.hub.url.strip_prefix("http://").unwrap(), seed(71));
    let mut lost = 0;
    for _ in 0..requests {
        let batch = target.items(4);
        let items: Vec<_> = batch.iter().map(|(_, item)| item.clone()).collect();
        let (tries, outcomes) = insist(&target, &line, &items).await;
        lost += tries;
        for ((number, item), outcome) in batch.iter().zip(&outcomes) {
            let answered = target
                .observer
                .answered(*number, item, outcome, Some(&trust));
            answered.unwrap();
        }
    }
    drop(process);
    target.check().await;
    let cuts = line.cuts.load(Ordering::SeqCst);
    assert!(cuts > 0 && lost > 0);
    say(&format!(
        "network: {requests} requests of 4 deposits over a line that was cut {cuts} times, seed {}: {lost} had no \
         answer, nothing lost or doubled",
        seed(71)
    ));
}
