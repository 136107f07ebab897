//! Faults of disks and power, one file a campaign: one program, so that it is linked once. A commit runs a
//! slice of each; `cargo xtask campaign` many times as much.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod commit_path;
mod flips;
mod lies;
mod power;
mod simulation;

use denizen_fire::{Broken, Observer, Scene, Seen};

/// Checks everything that must hold of a scene's running hub.
async fn check(scene: &Scene, observer: &mut Observer) -> Result<(), Broken> {
    let (world, keyid) = (&scene.world, scene.keyid());
    let trust = world.directory(0).await.trust;
    let addresses: Vec<_> = scene.addresses.iter().map(|a| &a.keys.auth).collect();
    let seen = Seen {
        client: &world.client(),
        url: &world.house().url,
        trust: &trust,
        signer: scene.signer(&keyid),
        addresses: &addresses,
        now: world.now(),
    };
    let checked = observer.check(seen).await;
    world.wire.forget();
    checked
}

/// A line of results that is seen although the test passes.
fn say(line: &str) {
    use std::io::Write as _;
    let line = format!("   {line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
