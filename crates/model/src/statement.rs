//! The objects of the directory log: statements of organisations and operators, admissions,
//! suspensions, services, kinds. Specified in `docs/spec/directory.md`.
//!
//! Each leaf is a signed object (`denizen-jose`), its `typ` from the closed list below, each with
//! its permitted signer. `kid` is `<signer id>#<key id>`; a first statement, which has no id yet,
//! has `kid` `identity`.

use crate::{
    AddressId, HubId, OrgId, PublicKeyFor, Sha256Hash, UnixTime,
    id::Bytes,
    jose::{Jwk, Object, PublicKey, Signer},
    key::{Identity, KeyPurpose},
};
use denizen_guard::{Check, holds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `typ` of a statement; signer: the identity key that it or its predecessor names.
pub const STATEMENT_TYP: &str = "denizen-statement+json";
/// `typ` of an admission; signer: the operator's identity key.
pub const ADMISSION_TYP: &str = "denizen-admission+json";
/// `typ` of a suspension; signer: the operator's identity key.
pub const SUSPENSION_TYP: &str = "denizen-suspension+json";
/// `typ` of a service declaration; signer: a message key of the organisation.
pub const SERVICE_TYP: &str = "denizen-service+json";
/// `typ` of a record kind; signer: the operator's identity key.
pub const KIND_TYP: &str = "denizen-kind+json";
/// `typ` of a portal bundle's manifest; signer: the operator's identity key.
pub const BUNDLE_TYP: &str = "denizen-bundle+json";

/// Largest directory entry in bytes: a tlog-tiles entry bundle counts lengths in 16 bits.
pub const ENTRY_SIZE_BYTES_MAX: usize = 65_535;

/// Who a statement speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The operator of a hub.
    Hub,
    /// An organisation.
    Organisation,
}

/// One key of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatedKey {
    /// Name within the statement, at most 32 characters.
    pub kid: String,
    /// `issuer`, `message`, `deposit`, `pass`, `status`; for a hub `log`, `head`.
    pub purpose: String,
    /// The key.
    pub key: PublicKey,
    /// Counts from this time.
    pub not_before: UnixTime,
    /// Counts until this time.
    pub not_after: UnixTime,
    /// From here on a signature counts only with proof of earlier delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_from: Option<UnixTime>,
}

/// Where an organisation is written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbox {
    /// Its address at its hub.
    pub address: AddressId,
    /// X-Wing public key, 1216 bytes.
    pub kem: Bytes,
}

/// The next identity key, and its proof of possession: a signature by it over
/// `denizen/v1/identity-next` || id || prev || its own key bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityNext {
    /// The key that signs the statements after this one.
    pub key: Jwk,
    /// The signature.
    pub proof: Bytes,
}

/// A statement: who an organisation or operator is and which keys it uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Version, 1.
    pub v: u8,
    /// Operator or organisation.
    pub role: Role,
    /// SHA-256 of the first statement's bytes; the first omits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Sha256Hash>,
    /// Name by language tag; `en` is required.
    pub names: BTreeMap<String, String>,
    /// The hub of an organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hub: Option<HubId>,
    /// Where a hub answers; base URL without a trailing slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A hub's log origins: deposits, directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origins: Option<Origins>,
    /// Where an organisation is written to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbox: Option<Inbox>,
    /// The identity key that signs this statement.
    pub identity: PublicKeyFor<Identity>,
    /// The key that signs the next one, if it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_next: Option<IdentityNext>,
    /// All keys, also the earlier ones that signed something still held.
    pub keys: Vec<StatedKey>,
    /// SHA-256 of the previous statement's bytes; the first omits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Sha256Hash>,
    /// When it was made.
    pub created: UnixTime,
}

/// Origins (C2SP names) of a hub's two logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origins {
    /// The deposit log's origin.
    pub deposits: String,
    /// The directory log's origin.
    pub directory: String,
}

impl Statement {
    /// Signs the statement with the identity key that it names.
    #[must_use]
    pub fn sign(&self, identity: &dyn Signer) -> Object {
        let kid = match &self.id {
            None => "identity".to_owned(),
            Some(id) => format!("{}#identity", id.to_text()),
        };
        let payload = serde_json::to_vec(self).expect("a statement is JSON");
        Object::sign(identity, &kid, STATEMENT_TYP, &payload)
    }

    /// The stated key of one purpose that counts at `at`, by key id or (none given) the newest.
    #[must_use]
    pub fn key<P: KeyPurpose>(&self, kid: Option<&str>, at: UnixTime) -> Option<&StatedKey> {
        let mine = |k: &&StatedKey| holds(Check::KeyPurpose, k.purpose == P::NAME);
        let stated = self.keys.iter().filter(mine);
        stated
            .filter(|k| kid.is_none_or(|kid| kid == k.kid))
            .filter(|k| k.not_before <= at && at <= k.not_after)
            .max_by_key(|k| k.not_before)
    }
}

impl StatedKey {
    /// The key with its purpose as type; `None` if it is stated for another.
    #[must_use]
    pub fn typed<P: KeyPurpose>(&self) -> Option<PublicKeyFor<P>> {
        let mine = holds(Check::KeyPurpose, self.purpose == P::NAME);
        mine.then(|| PublicKeyFor::new(self.key.clone()).ok())?
    }
}

/// In which quality an organisation issues a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// The body competent for it.
    Authority,
    /// A private body: its adverse records are marked *claim* and carry a right of reply.
    Claim,
}

/// One kind that an organisation may issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmittedKind {
    /// The `vct`.
    pub vct: String,
    /// Authority or claim.
    #[serde(rename = "as")]
    pub quality: Quality,
}

/// The operator admits an organisation. The newest admission replaces earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Version, 1.
    pub v: u8,
    /// The organisation.
    pub org: OrgId,
    /// Hash of the statement that was looked at.
    pub statement: Sha256Hash,
    /// What it may issue; empty for one that only verifies.
    pub kinds: Vec<AdmittedKind>,
    /// Counts from this time.
    pub from: UnixTime,
}

/// The operator suspends an organisation, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Version, 1.
    pub v: u8,
    /// The organisation.
    pub org: OrgId,
    /// Why, in words that people read.
    pub reason: String,
    /// From this time nothing new of it counts.
    pub from: UnixTime,
}

/// A service as an organisation offers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceEntry {
    /// Version of this object, 1.
    pub v: u8,
    /// The organisation.
    pub org: OrgId,
    /// The declaration, as in `catalogue/services/`.
    pub service: crate::catalogue::Service,
    /// When it was declared.
    pub created: UnixTime,
}

/// A record kind: all versions stay retrievable by their hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindEntry {
    /// Version of this object, 1.
    pub v: u8,
    /// The `vct`.
    pub vct: String,
    /// SHA-256 of the type metadata file's bytes: what `vct#integrity` says.
    pub metadata: Sha256Hash,
    /// SHA-256 of the JSON Schema file's bytes.
    pub schema: Sha256Hash,
    /// The files themselves, for programs that do not carry them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<KindFiles>,
}

/// A portal's bundle: what its hub serves to browsers from then on (R14).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleEntry {
    /// Version of this object, 1.
    pub v: u8,
    /// The text of its `manifest.json`: the policy, and the hash of every file.
    pub manifest: String,
    /// When it was made.
    pub made: UnixTime,
}

/// The files of a record kind, and its labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindFiles {
    /// The type metadata file.
    pub metadata: String,
    /// The JSON Schema file.
    pub schema: String,
    /// Labels by language tag, then by key.
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
}

/// Signs a directory object whose signer is `<id>#<kid>`.
#[must_use]
pub fn sign_entry<T: Serialize>(entry: &T, typ: &str, signer: &dyn Signer, kid: &str) -> Object {
    let payload = serde_json::to_vec(entry).expect("a directory entry is JSON");
    Object::sign(signer, kid, typ, &payload)
}

/// `<id>#<key id>`: the `kid` of an object signed under a statement.
#[must_use]
pub fn full_kid(id: &Sha256Hash, kid: &str) -> String {
    format!("{}#{kid}", id.to_text())
}

/// Splits `<id>#<key id>`.
#[must_use]
pub fn split_kid(kid: &str) -> Option<(Sha256Hash, &str)> {
    let (id, kid) = kid.split_once('#')?;
    Some((Sha256Hash::parse(id).ok()?, kid))
}

impl From<Sha256Hash> for OrgId {
    fn from(hash: Sha256Hash) -> Self {
        Self::new(*hash.as_bytes())
    }
}

impl From<OrgId> for Sha256Hash {
    fn from(id: OrgId) -> Self {
        Self::new(*id.as_bytes())
    }
}

impl From<Sha256Hash> for HubId {
    fn from(hash: Sha256Hash) -> Self {
        Self::new(*hash.as_bytes())
    }
}

impl From<HubId> for Sha256Hash {
    fn from(id: HubId) -> Self {
        Self::new(*id.as_bytes())
    }
}
