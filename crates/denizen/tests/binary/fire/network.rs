//! A line to the hub that breaks after any byte, in either direction, with real sockets: what was sent again
//! until it was answered is there once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use super::{
    kills::Target,
    line::{self, Bytes, Then},
    say,
};
use crate::support::{Http, HubFolder};
use denizen_api::{
    HubClient,
    client::ClientError,
    wire::{DepositItem, DepositOutcome},
};
use denizen_fire::disk::below;
use denizen_testkit::campaign::{seed, times};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

/// Bytes of a request and of its answer, about: cuts are within three times as much.
const UP: usize = 24_000;
const DOWN: usize = 6_000;
/// Tries after which a line must have held: every fourth connection is left alone.
const TRIES_MAX: usize = 64;

/// A line whose connections end after some bytes; every fourth holds. Gives its URL.
fn line(hub: &str, seed: u64) -> String {
    let mut dice = ChaCha20Rng::seed_from_u64(seed);
    let each = move || {
        if below(&mut dice, 4) == 0 {
            return [Bytes::endless(), Bytes::endless()];
        }
        [3 * UP, 3 * DOWN].map(|most| Bytes::new(below(&mut dice, most)))
    };
    line::open(hub, each, Then::Cut)
}

/// Sends until there is an answer; gives how often there was none.
async fn insist(target: &Target, url: &str, items: &[DepositItem]) -> (usize, Vec<DepositOutcome>) {
    for tries in 0..TRIES_MAX {
        let client = HubClient::new(Http(reqwest::Client::new()), target.hub.id, url);
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
    let url = line(target.hub.url.strip_prefix("http://").unwrap(), seed(71));
    let mut lost = 0;
    for _ in 0..requests {
        let batch = target.items(4);
        let items: Vec<_> = batch.iter().map(|(_, item)| item.clone()).collect();
        let (tries, outcomes) = insist(&target, &url, &items).await;
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
    assert!(lost > 0);
    say(&format!(
        "network: {requests} requests of 4 deposits over a line that breaks, seed {}: {lost} tries had no answer, \
         nothing lost or doubled",
        seed(71)
    ));
}
