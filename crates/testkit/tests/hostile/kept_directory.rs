//! A directory that a device keeps is read whatever its clock shows, under keys that its hub stated; nobody
//! else's, and never one that was just fetched.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::{
    directory::{VerifiedDirectory, VerifyDirectoryError, verify, verify_kept},
    wire::DirectoryAnswer,
};
use denizen_jose::Portable;
use denizen_model::{
    HubId, KeyPurpose, SecretKeyFor, Sha256Hash, UnixTime,
    key::{Head, Identity, Log},
    statement::{Origins, Role, StatedKey, Statement},
};
use denizen_tlog::{
    Checkpoint, MemoryTiles, NoteSigner, WitnessPolicy, hash_leaf, sign_checkpoint,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

const DAY_S: i64 = UnixTime::DAY_S;
const FIRST: UnixTime = UnixTime(1_790_000_000);
/// Two generations of keys: the days of each, of which ten are in both.
const LOG_DAYS: [(i64, i64); 2] = [(0, 100), (90, 190)];
/// Heads are signed by other keys for a while: sets do not begin together.
const HEAD_DAYS: [(i64, i64); 2] = [(0, 105), (95, 190)];

fn day(day: i64) -> UnixTime {
    FIRST.plus_s(day * DAY_S)
}

fn stated<P: KeyPurpose>(kid: &str, key: &SecretKeyFor<P>, (from, to): (i64, i64)) -> StatedKey {
    StatedKey {
        kid: kid.to_owned(),
        purpose: P::NAME.to_owned(),
        key: key.public_for().key().clone(),
        not_before: day(from),
        not_after: day(to),
        revoked_from: None,
    }
}

/// A hub with two generations of keys, and its directory as the log key of this number signed it.
fn answer(signed_by: usize) -> (HubId, DirectoryAnswer) {
    let mut rng = ChaCha20Rng::seed_from_u64(71);
    let identity = SecretKeyFor::<Identity>::make(&mut rng);
    let logs = [(); 3].map(|()| SecretKeyFor::<Log>::make(&mut rng));
    let heads = [(); 2].map(|()| SecretKeyFor::<Head>::make(&mut rng));
    let origin = "hub.test/directory";
    let mut keys: Vec<_> = (0..2)
        .map(|n| stated(&format!("log-{n}"), &logs[n], LOG_DAYS[n]))
        .collect();
    keys.extend((0..2).map(|n| stated(&format!("head-{n}"), &heads[n], HEAD_DAYS[n])));
    let statement = Statement {
        v: 1,
        role: Role::Hub,
        id: None,
        names: [("en".to_owned(), "Hub".to_owned())].into(),
        hub: None,
        url: Some("https://hub.test".to_owned()),
        origins: Some(Origins {
            deposits: "hub.test/deposits".to_owned(),
            directory: origin.to_owned(),
        }),
        inbox: None,
        identity: identity.public_for(),
        identity_next: None,
        keys,
        prev: None,
        created: FIRST,
    };
    let entry = statement.sign(identity.signer()).into_bytes();
    let hub = HubId::from(Sha256Hash::of(&entry));
    let mut log = MemoryTiles::default();
    log.append(&[hash_leaf(&entry)]);
    let checkpoint = Checkpoint {
        origin: origin.to_owned(),
        size: 1,
        root: log.root(),
    };
    let signer = NoteSigner::new(origin, &logs[signed_by].danger_seed()).unwrap();
    let checkpoint = sign_checkpoint(&checkpoint, &signer);
    let entries = vec![entry];
    (
        hub,
        DirectoryAnswer {
            checkpoint,
            entries,
        },
    )
}

/// Before the first keys, in each generation, between, and after the last.
const DAYS: [i64; 6] = [-400, 10, 97, 150, 191, 9000];

fn read_kept(
    hub: &HubId,
    answer: &DirectoryAnswer,
    now: UnixTime,
) -> Result<VerifiedDirectory, VerifyDirectoryError> {
    let witnesses = WitnessPolicy::default();
    verify_kept(answer.clone(), hub, witnesses, &Portable, now)
}

#[test]
fn a_kept_directory_is_read_by_any_clock_under_keys_that_its_hub_stated() {
    for signed_by in [0, 1] {
        let (hub, answer) = answer(signed_by);
        for now in DAYS.map(day) {
            let kept = read_kept(&hub, &answer, now).unwrap();
            let counts = (FIRST..=day(190)).contains(&now);
            assert_eq!(kept.counts(now), counts, "{now:?}");
        }
    }
    let (hub, answer) = answer(2);
    for now in DAYS.map(day) {
        let kept = read_kept(&hub, &answer, now);
        assert!(kept.is_err(), "a key that the hub never stated");
    }
}

#[test]
fn one_that_was_fetched_is_read_only_under_the_keys_of_now() {
    for (signed_by, counts_on) in [(0, [10]), (1, [150])] {
        let (hub, answer) = answer(signed_by);
        for on in DAYS.into_iter().filter(|on| *on != 97) {
            let fetched = verify(
                answer.clone(),
                &hub,
                None,
                WitnessPolicy::default(),
                &Portable,
                day(on),
            );
            assert_eq!(fetched.is_ok(), counts_on.contains(&on), "{on}");
            let out_of_time = matches!(fetched, Err(VerifyDirectoryError::OutOfTime));
            assert_eq!(out_of_time, !(0..=190).contains(&on), "{on}");
        }
    }
}
