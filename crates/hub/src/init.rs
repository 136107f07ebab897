//! The operator's identity, statement and keys.

use denizen_model::{
    HubId, SecretKeyFor, Sha256Hash, UnixTime,
    jose::Object,
    key::{Head, Identity, KeyPurpose, Log},
    statement::{Origins, Role, StatedKey, Statement},
};
use std::collections::BTreeMap;

/// Keys that a serving hub needs.
#[derive(Debug, Clone)]
pub struct HubKeys {
    /// Signs checkpoints of both logs.
    pub log: SecretKeyFor<Log>,
    /// Signs heads of addresses.
    pub head: SecretKeyFor<Head>,
}

/// The operator's offline key: needed to admit, not to serve.
#[derive(Debug, Clone)]
pub struct OperatorIdentity(pub SecretKeyFor<Identity>);

/// How long an operator's first keys count, in seconds: ten years.
const KEYS_TTL_S: i64 = 10 * 366 * UnixTime::DAY_S;

/// Makes an operator: identity, keys and the first statement. The statement's hash is the hub's id.
#[must_use]
pub fn make_operator(
    names: BTreeMap<String, String>,
    url: &str,
    origins: Origins,
    now: UnixTime,
    rng: &mut impl rand_core::CryptoRng,
) -> (HubId, OperatorIdentity, HubKeys, Object) {
    let identity = SecretKeyFor::<Identity>::make(rng);
    let keys = HubKeys {
        log: SecretKeyFor::make(rng),
        head: SecretKeyFor::make(rng),
    };
    let statement = Statement {
        v: 1,
        role: Role::Hub,
        id: None,
        names,
        hub: None,
        url: Some(url.trim_end_matches('/').to_owned()),
        origins: Some(origins),
        inbox: None,
        identity: identity.public_for(),
        identity_next: None,
        keys: vec![
            stated("log-1", &keys.log, now),
            stated("head-1", &keys.head, now),
        ],
        prev: None,
        created: now,
    };
    let object = statement.sign(identity.signer());
    let id = HubId::from(Sha256Hash::of(object.as_bytes()));
    (id, OperatorIdentity(identity), keys, object)
}

fn stated<P: KeyPurpose>(kid: &str, key: &SecretKeyFor<P>, now: UnixTime) -> StatedKey {
    StatedKey {
        kid: kid.to_owned(),
        purpose: P::NAME.to_owned(),
        key: key.public_for().key().clone(),
        not_before: now,
        not_after: now.plus_s(KEYS_TTL_S),
        revoked_from: None,
    }
}
