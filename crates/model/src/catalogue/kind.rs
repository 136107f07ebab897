//! Record kinds: metadata, schema, and what they make of a record.

use super::{
    CatalogueError, Category, read_json,
    schema::{Registry, Validator},
    wrong,
};
use crate::Sha256Hash;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

/// Whether a claim is selectively disclosable (SD-JWT VC type metadata `sd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disclosable {
    /// Always in a disclosure of its own.
    Always,
    /// The issuer may choose; Denizen's issuers disclose selectively.
    Allowed,
    /// Travels with its parent.
    Never,
}

/// One claim of a kind's type metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimMetadata {
    /// Path of member names (strings), `null` for each element of an array.
    pub path: Vec<Value>,
    /// Selective disclosure.
    pub sd: Disclosable,
    /// Whether every record has it.
    #[serde(default)]
    pub mandatory: bool,
}

/// Denizen's members of a kind's type metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindTraits {
    /// The category.
    pub category: Category,
    /// Ordinary or special category.
    pub sensitivity: crate::message::Sensitivity,
    /// Must carry a notice (D10).
    pub adverse: bool,
    /// A kind of which only some records are adverse: those must carry a notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adverse_when: Option<AdverseWhen>,
    /// Meant for showing: issued with one-time copies (R18).
    pub showing: bool,
    /// One-time copies to issue with a record.
    pub copies: u8,
    /// The claim that says until when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_claim: Option<String>,
    /// The claim that names the service whose category a record of this kind has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category_of: Option<String>,
}

/// By which of its claims a record is adverse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdverseWhen {
    /// A mandatory claim of the record itself.
    pub claim: String,
    /// Its values with which the record is adverse.
    pub is: Vec<Value>,
}

#[derive(Deserialize)]
pub(super) struct Metadata {
    vct: String,
    claims: Vec<ClaimMetadata>,
    denizen: KindTraits,
}

/// A record kind.
#[derive(Debug, Clone)]
pub struct Kind {
    /// The `vct`, `urn:denizen:kind:<name>:<major>` or a deployment's own.
    pub vct: String,
    /// `<name>`: file name and key of its labels.
    pub name: String,
    /// Claims in their order.
    pub claims: Arc<[ClaimMetadata]>,
    /// Denizen's members.
    pub traits: KindTraits,
    /// The metadata file's bytes, unchanged.
    pub metadata: Arc<[u8]>,
    /// SHA-256 of those bytes.
    pub metadata_hash: Sha256Hash,
    /// The schema file's bytes, unchanged.
    pub schema_file: Arc<[u8]>,
    /// SHA-256 of those bytes.
    pub schema_hash: Sha256Hash,
    schema: Arc<Schema>,
}

/// A kind's schema, compiled when it is first needed: most commands check no claims.
#[derive(Debug)]
struct Schema {
    common: Arc<[u8]>,
    compiled: OnceLock<Option<Validator>>,
}

/// Where a claim does not fit its kind. It names places and rules, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {rule}")]
pub struct ClaimError {
    /// JSON pointer of the claim, `/` for the record itself.
    pub pointer: String,
    /// What is asked of it.
    pub rule: String,
}

impl Kind {
    /// `vct#integrity` as SD-JWT VC writes it: `sha256-` and base64 of the metadata's SHA-256.
    #[must_use]
    pub fn integrity(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("sha256-{}", STANDARD.encode(self.metadata_hash.as_bytes()))
    }

    /// Whether a record with these claims is adverse and must carry a notice (D10).
    #[must_use]
    pub fn is_adverse(&self, claims: &Map<String, Value>) -> bool {
        let by_claim = |when: &AdverseWhen| {
            let value = claims.get(&when.claim);
            value.is_some_and(|value| when.is.contains(value))
        };
        self.traits.adverse || self.traits.adverse_when.as_ref().is_some_and(by_claim)
    }

    /// Checks a record's claims (without the registered ones that issuing adds).
    ///
    /// # Errors
    /// All [`ClaimError`]s, never empty.
    pub fn check(&self, claims: &Value) -> Result<(), Vec<ClaimError>> {
        let compile = || {
            let common = Registry::new(&self.schema.common).ok()?;
            compiled(&self.name, &self.schema_file, &common).ok()
        };
        let Some(schema) = self.schema.compiled.get_or_init(compile) else {
            let rule = "its kind's schema cannot be used".to_owned();
            let pointer = "/".to_owned();
            return Err(vec![ClaimError { pointer, rule }]);
        };
        let errors = schema.errors(claims);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

/// The common schema, and its registry if schemas are to be compiled at once.
pub(super) type Common<'a> = (&'a Arc<[u8]>, Option<&'a Registry>);

pub(super) fn load_kind(
    (name, file): (&str, &str),
    bytes: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    common: Common<'_>,
) -> Result<Kind, CatalogueError> {
    let schema_file = format!("kinds/{name}.schema.json");
    // What is no metadata is named before what is missing beside it.
    let metadata = read_json(file, bytes)?;
    let schema = files.get(&schema_file).ok_or_else(|| {
        let reason = "is missing: every kind has a JSON Schema";
        wrong(&schema_file, reason.into())
    })?;
    kind_of(name, (metadata, bytes), schema, common)
}

/// A kind out of its two files.
pub(super) fn kind_of(
    name: &str,
    (
        Metadata {
            vct,
            claims,
            denizen,
        },
        metadata,
    ): (Metadata, &[u8]),
    schema: &[u8],
    (common, registry): Common<'_>,
) -> Result<Kind, CatalogueError> {
    let compiled = registry
        .map(|registry| compiled(name, schema, registry))
        .transpose()?;
    let compiled = compiled.map_or_else(OnceLock::new, |schema| OnceLock::from(Some(schema)));
    Ok(Kind {
        vct,
        name: name.to_owned(),
        claims: claims.into(),
        traits: denizen,
        metadata: metadata.into(),
        metadata_hash: Sha256Hash::of(metadata),
        schema_file: schema.into(),
        schema_hash: Sha256Hash::of(schema),
        schema: Arc::new(Schema {
            common: Arc::clone(common),
            compiled,
        }),
    })
}

fn compiled(name: &str, schema: &[u8], common: &Registry) -> Result<Validator, CatalogueError> {
    let file = format!("kinds/{name}.schema.json");
    let value: Value = read_json(&file, schema)?;
    Validator::new(&value, Some(common)).map_err(|reason| wrong(&file, reason))
}
