//! SD-JWT (RFC 9901), SD-JWT VC, key binding and token status lists. Profile: `docs/spec/credential.md`.
//!
//! Scope: issue, parse, verify, present, verify a presentation, status lists. Unverified and verified
//! are different types: nothing of an unverified credential is reachable but what finds its key.
//!
//! Not in scope: who may issue (`denizen-model::directory`), what a kind's claims must be
//! (`denizen-model::catalogue`), queries (`denizen-openid`). No I/O, clock or randomness.

mod disclosure;
mod issue;
mod lists;
mod present;
mod status;
mod strict_json;
mod verify;

pub use disclosure::{ClaimPath, Disclosure, PathItem};
pub use issue::{Registered, SdRules, StatusRef, issue};
pub use lists::{
    AskedKey, Freshness, Known, ReadAt, StatusKeyOf, StatusLists, Taken, split_status_uri,
};
pub use present::{KeyBinding, present};
pub use status::{
    STATUS_LIST_ENTRIES_MIN, Status, StatusError, StatusList, StatusListToken, status_uri,
};
pub use verify::{
    CredentialError, IatWindow, KeyBindingPolicy, UnverifiedCredential, UnverifiedPresentation,
    VerifiedCredential, VerifiedPresentation, sd_hash,
};

/// Largest credential or presentation that is read, in bytes.
pub const CREDENTIAL_SIZE_BYTES_MAX: usize = 256 * 1024;
/// Most disclosures of one credential.
pub const DISCLOSURES_MAX: usize = 1024;
/// Deepest nesting of claims.
pub const DEPTH_MAX: usize = 64;
/// `typ` of a credential.
pub const CREDENTIAL_TYP: &str = "dc+sd-jwt";
/// `typ` of a key-binding JWT.
pub const KEY_BINDING_TYP: &str = "kb+jwt";

/// Claims that are never selectively disclosed. Source: SD-JWT VC section 2.2.2.2, RFC 9901.
pub const REGISTERED_CLAIMS: [&str; 10] = [
    "iss",
    "iat",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "vct#integrity",
    "status",
    "_sd_alg",
    "_sd",
];
