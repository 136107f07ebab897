//! A hub on a database that is there takes one group of deposits, for a run on a disk that fails: seed,
//! database, and the first and last deposit are its arguments. Each acknowledgement is one line of output.

use denizen_api::wire::DepositOutcome;
use denizen_fire::{Scene, shim::Mark};

#[tokio::main(flavor = "current_thread")]
#[expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a run that cannot be made is a failed test"
)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seed, database, first, last] = arguments.as_slice() else {
        return;
    };
    let mut scene = Scene::make(seed.parse().unwrap()).await;
    scene.world.stop_hub(0);
    scene.move_to(database.into());
    scene.world.start_hub(0).unwrap();
    let numbers = first.parse().unwrap()..=last.parse().unwrap();
    let items: Vec<_> = numbers.clone().map(|n| scene.item(n)).collect();
    if let Ok(outcomes) = scene.send(&items).await {
        for (number, outcome) in numbers.zip(outcomes) {
            if let DepositOutcome::Stored {
                pos,
                index,
                receipt,
            } = outcome
            {
                let mark = Mark::Stored(number, pos, index, receipt);
                println!("{}", serde_json::to_string(&mark).unwrap());
            }
        }
    }
    // Whether the writer failed is its parent's to find out.
    let _ended = scene.world.end_hub(0);
}
