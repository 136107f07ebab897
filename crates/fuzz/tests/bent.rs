//! Every parser over its samples, its kept seeds, and both bent in thousands of ways from fixed seeds.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use denizen_fuzz::{TARGETS, bend, kept_seeds};
use denizen_testkit::{Rng, campaign};
use rand_core::SeedableRng as _;
use std::collections::BTreeSet;

/// Bent inputs of each parser.
const ROUNDS: u64 = 800;
const SEED: u64 = 92;

#[test]
fn bytes_from_outside_never_panic_and_have_one_reading() {
    let (rounds, seed) = (campaign::times(ROUNDS), campaign::seed(SEED));
    let mut rng = Rng::seed_from_u64(seed);
    let mut inputs = 0_u64;
    for target in TARGETS {
        let mut samples = target.samples.load();
        assert!(!samples.is_empty(), "{} has no samples", target.name);
        samples.extend(kept_seeds(target.name));
        samples.iter().for_each(|sample| target.run(sample));
        for sample in samples
            .iter()
            .cycle()
            .take(usize::try_from(rounds).unwrap())
        {
            target.run(&bend(sample, &mut rng));
        }
        inputs += samples.len() as u64 + rounds;
    }
    let count = TARGETS.len();
    println!("{count} parsers, {inputs} inputs, seed {seed}: no panic, no second encoding");
}

#[test]
fn each_parser_that_writes_accepts_a_sample_of_its_own() {
    let mut names = BTreeSet::new();
    for target in TARGETS {
        assert!(names.insert(target.name), "{} twice", target.name);
    }
    for name in [
        "batch",
        "envelope",
        "header",
        "opening",
        "bundle",
        "fetch",
        "tile-path",
    ] {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        let samples = target.samples.load();
        let accepted = samples.iter().filter(|s| (target.read)(s).is_some());
        assert!(accepted.count() > 0, "{name}: its samples are all refused");
    }
}
