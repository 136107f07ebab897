//! A hub that takes deposits, erases and restarts, for a run that the shim writes down: seed, rounds and
//! the file of acknowledgements are its arguments. Each acknowledgement is one line, written after it came.

use denizen_api::wire::DepositOutcome;
use denizen_fire::{Scene, disk::below, shim::Mark};
use rand_core::SeedableRng as _;
use std::{fs::File, io::Write as _};

/// Most deposits of one round.
const BATCH_MAX: usize = 12;

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::unwrap_used,
    reason = "a run that cannot be recorded is a failed test"
)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = || arguments.next().unwrap().parse::<u64>().unwrap();
    let (seed, rounds) = (number(), number());
    let mut marks = File::create(arguments.next().unwrap()).unwrap();
    let mut mark = |mark: Mark| {
        let mut line = serde_json::to_vec(&mark).unwrap();
        line.push(b'\n');
        marks.write_all(&line).unwrap();
    };
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(seed);
    let mut scene = Scene::make(seed).await;
    mark(Mark::Ready(scene.world.house().id));
    let mut next = 0;
    let mut stored = Vec::new();
    for round in 1..=rounds {
        scene.world.clock.advance_s(1);
        let count = 1 + below(&mut rng, BATCH_MAX) as u64;
        let items: Vec<_> = (next..next + count).map(|n| scene.item(n)).collect();
        let outcomes = scene.send(&items).await.unwrap();
        for (number, outcome) in (next..).zip(outcomes) {
            if let DepositOutcome::Stored {
                pos,
                index,
                receipt,
            } = outcome
            {
                stored.push((number, pos));
                mark(Mark::Stored(number, pos, index, receipt));
            }
        }
        next += count;
        if round % 7 == 0 {
            let (number, pos) = stored.swap_remove(below(&mut rng, stored.len()));
            let address = usize::try_from(number).unwrap() % scene.addresses.len();
            let (client, now) = (scene.world.client(), scene.world.now());
            let auth = &scene.addresses.get(address).unwrap().keys.auth;
            mark(Mark::Erasing(number));
            client.erase(auth, pos, now).await.unwrap();
            mark(Mark::Erased(number));
        }
        if round % 11 == 0 {
            scene.world.restart_hub(0);
        }
    }
    scene.world.stop_hub(0);
}
