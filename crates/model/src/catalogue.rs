//! The catalogue: record kinds, services and texts, as data. Specified in `docs/spec/catalogue.md`.
//!
//! The caller reads the files (here is no I/O) and gives them by their path below `catalogue/`.
//! Everything is checked at once: a bad file is refused with its name and reason.

mod check;
mod locale;

pub use locale::{LANGUAGES, Locale, LocaleError, PluralCategory};

use crate::Sha256Hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// Name of the schema file that kinds refer to.
const COMMON_SCHEMA: &str = "schema/common.schema.json";

/// A category of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(
    missing_docs,
    reason = "the names are the categories of docs/spec/catalogue.md"
)]
pub enum Category {
    Identity,
    Stay,
    Border,
    Employment,
    Transport,
    Property,
    Tax,
    Education,
    Language,
    Medical,
    Contact,
    Offences,
}

impl Category {
    /// The key of its label in the message files, without the `category-` prefix.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Stay => "stay",
            Self::Border => "border",
            Self::Employment => "employment",
            Self::Transport => "transport",
            Self::Property => "property",
            Self::Tax => "tax",
            Self::Education => "education",
            Self::Language => "language",
            Self::Medical => "medical",
            Self::Contact => "contact",
            Self::Offences => "offences",
        }
    }
}

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
    /// Meant for showing: issued with one-time copies (R18).
    pub showing: bool,
    /// One-time copies to issue with a record.
    pub copies: u8,
    /// The claim that says until when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_claim: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
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
    pub claims: Vec<ClaimMetadata>,
    /// Denizen's members.
    pub traits: KindTraits,
    /// The metadata file's bytes, unchanged.
    pub metadata: Arc<[u8]>,
    /// SHA-256 of those bytes.
    pub metadata_hash: Sha256Hash,
    /// SHA-256 of the schema file's bytes.
    pub schema_hash: Sha256Hash,
    schema: Arc<jsonschema::Validator>,
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

    /// Checks a record's claims (without the registered ones that issuing adds).
    ///
    /// # Errors
    /// All [`ClaimError`]s, never empty.
    pub fn check(&self, claims: &Value) -> Result<(), Vec<ClaimError>> {
        let errors: Vec<_> = self
            .schema
            .iter_errors(claims)
            .map(|e| claim_error(&e))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

fn claim_error(error: &jsonschema::ValidationError<'_>) -> ClaimError {
    use jsonschema::error::ValidationErrorKind as K;
    let pointer = error.instance_path().to_string();
    let pointer = if pointer.is_empty() {
        "/".to_owned()
    } else {
        pointer
    };
    let rule = match error.kind() {
        // Names of claims are the office's columns, not a person's data; still only known ones are
        // repeated: an unknown name could hold anything.
        K::AdditionalProperties { unexpected } => {
            format!(
                "{} unknown claim(s): the kind has no such claim",
                unexpected.len()
            )
        }
        K::Required { property } => format!("claim {property} is missing"),
        K::Format { format } => format!("is no valid {format}"),
        K::Type { .. } => "is of another type than the kind says".to_owned(),
        K::Enum { .. } | K::Constant { .. } => "is none of the values that the kind allows".into(),
        K::Pattern { .. } => "is not written as the kind says".to_owned(),
        K::MinLength { .. } | K::MaxLength { .. } => "is too short or too long".to_owned(),
        K::Minimum { .. } | K::Maximum { .. } => "is too small or too large".to_owned(),
        _ => format!("does not meet the rule {}", error.kind().keyword()),
    };
    ClaimError { pointer, rule }
}

/// A constraint on disclosed values of one evidence query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// The credential query's id.
    pub query: String,
    /// Path of the claim.
    pub path: Vec<String>,
    /// The rule.
    #[serde(flatten)]
    pub op: ConstraintOp,
}

/// What is asked of a disclosed value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ConstraintOp {
    /// A date that is at least this many days ahead.
    NotExpiredFor {
        /// Days from today.
        days: u32,
    },
    /// A number, or a value in an ordered list, that is at least this.
    AtLeast {
        /// The least value.
        value: Value,
        /// For texts: all values from least to greatest.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        order: Vec<String>,
    },
}

/// A fee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fee {
    /// ISO 4217.
    pub currency: String,
    /// In whole units.
    pub amount: u64,
}

/// What the law makes of an application while it is pending (D8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PendingEffect {
    /// Nothing.
    None,
    /// She may stay.
    StayLawful,
    /// She may work.
    WorkLawful,
    /// She may stay and work.
    StayAndWorkLawful,
}

impl PendingEffect {
    /// As the *application filed* record says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StayLawful => "stay-lawful",
            Self::WorkLawful => "work-lawful",
            Self::StayAndWorkLawful => "stay-and-work-lawful",
        }
    }
}

/// A service as an office declares it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// `urn:denizen:service:<name>` or a deployment's own.
    pub service: String,
    /// Counts up; a directory entry's hash names the exact version.
    pub version: u32,
    /// Message key of its title.
    pub title_key: String,
    /// Message key of its purpose.
    pub purpose_key: String,
    /// The law that lets the office ask.
    pub legal_basis: String,
    /// An unmodified DCQL query (OpenID4VP 1.0 section 6).
    pub evidence: Value,
    /// Who may have issued each evidence: credential query id -> `admitted` or organisation ids.
    pub issuers: BTreeMap<String, Vec<String>>,
    /// Evidence whose `subject` must be shown.
    #[serde(default)]
    pub subject_required: Vec<String>,
    /// Rules on disclosed values.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    /// JSON Schema of the answers.
    pub answers: Value,
    /// Days that the claims used are kept after the decision.
    pub retention_days: u32,
    /// Days within which the office decides.
    pub deadline_days: u32,
    /// The fee, if there is one.
    pub fee: Option<Fee>,
    /// Kinds that a positive decision grants.
    pub grants: Vec<String>,
    /// What the law makes of an application until the decision; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_effect: Option<PendingEffect>,
}

impl Service {
    /// Checks answers against the service's questions.
    ///
    /// # Errors
    /// All [`ClaimError`]s, never empty.
    pub fn check_answers(&self, answers: &Value) -> Result<(), Vec<ClaimError>> {
        let schema = options().build(&self.answers).map_err(|_| {
            vec![ClaimError {
                pointer: "/".into(),
                rule: "no valid form".into(),
            }]
        })?;
        let errors: Vec<_> = schema
            .iter_errors(answers)
            .map(|e| claim_error(&e))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

/// A file of the catalogue that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}")]
pub struct CatalogueError {
    /// Path below the catalogue directory.
    pub file: String,
    /// What is wrong, with the line where the file shows it, and the column where it is no JSON.
    pub reason: String,
}

/// All kinds, services and texts of a deployment.
#[derive(Debug, Clone)]
pub struct Catalogue {
    kinds: BTreeMap<String, Kind>,
    services: BTreeMap<String, Service>,
    locales: BTreeMap<String, Locale>,
}

impl Catalogue {
    /// Reads and checks a whole catalogue: `kinds/*.json` each with its `*.schema.json`,
    /// `schema/common.schema.json`, `services/*.json`, `locales/*.json`. Other files are ignored.
    ///
    /// # Errors
    /// Every [`CatalogueError`] found, never empty.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<CatalogueError>> {
        let mut errors = Vec::new();
        let mut this = Self {
            kinds: BTreeMap::new(),
            services: BTreeMap::new(),
            locales: BTreeMap::new(),
        };
        let common = common_parts(files).map_err(|e| vec![e])?;
        for (file, bytes) in files {
            if let Err(error) = this.load_file(file, bytes, (files, &common)) {
                errors.push(error);
            }
        }
        errors.extend(check::kinds(&this, files));
        errors.extend(check::services(&this, files));
        errors.extend(locale::check_all(&this.locales, files));
        if errors.is_empty() {
            Ok(this)
        } else {
            Err(errors)
        }
    }

    fn load_file(
        &mut self,
        file: &str,
        bytes: &[u8],
        (files, common): (&BTreeMap<String, Vec<u8>>, &jsonschema::Registry<'_>),
    ) -> Result<(), CatalogueError> {
        let Some(stem) = file.strip_suffix(".json") else {
            return Ok(());
        };
        if let Some(name) = stem.strip_prefix("kinds/") {
            if !name.ends_with(".schema") {
                let kind = load_kind((name, file), bytes, files, common)?;
                if self.kinds.insert(kind.vct.clone(), kind).is_some() {
                    let reason = "has the vct of another file".into();
                    return Err(wrong(file, reason));
                }
            }
        } else if stem.starts_with("services/") {
            let service: Service = read_json(file, bytes)?;
            let name = service.service.clone();
            if self.services.insert(name, service).is_some() {
                let reason = "is a service that another file has already".into();
                return Err(wrong(file, reason));
            }
        } else if file == locale::SAME_AS_ENGLISH {
            read_json::<locale::SameAsEnglish>(file, bytes)?;
        } else if let Some(language) = stem.strip_prefix("locales/") {
            let locale = Locale::parse(language, bytes).map_err(|e| wrong(file, e.to_string()))?;
            self.locales.insert(language.to_owned(), locale);
        }
        Ok(())
    }

    /// A kind by its `vct`.
    #[must_use]
    pub fn kind(&self, vct: &str) -> Option<&Kind> {
        self.kinds.get(vct)
    }

    /// All kinds.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values()
    }

    /// A service by its name.
    #[must_use]
    pub fn service(&self, service: &str) -> Option<&Service> {
        self.services.get(service)
    }

    /// All services.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// The texts of a language, or English.
    #[must_use]
    pub fn locale(&self, language: &str) -> Option<&Locale> {
        self.locales
            .get(language)
            .or_else(|| self.locales.get("en"))
    }
}

fn wrong(file: &str, reason: String) -> CatalogueError {
    CatalogueError {
        file: file.to_owned(),
        reason,
    }
}

fn read_json<T: serde::de::DeserializeOwned>(file: &str, b: &[u8]) -> Result<T, CatalogueError> {
    serde_json::from_slice(b).map_err(|e| wrong(file, e.to_string()))
}

/// What the schemas share. A catalogue without kinds needs none.
fn common_parts(
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<jsonschema::Registry<'static>, CatalogueError> {
    let common: Value = match files.get(COMMON_SCHEMA) {
        Some(bytes) => read_json(COMMON_SCHEMA, bytes)?,
        None if files.keys().any(|f| f.starts_with("kinds/")) => {
            return Err(wrong(COMMON_SCHEMA, "is missing".into()));
        }
        None => Value::Bool(true),
    };
    jsonschema::Registry::new()
        .add("urn:denizen:schema:common", common)
        .and_then(jsonschema::RegistryBuilder::prepare)
        .map_err(|e| wrong(COMMON_SCHEMA, e.to_string()))
}

fn load_kind(
    (name, file): (&str, &str),
    bytes: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    common: &jsonschema::Registry<'_>,
) -> Result<Kind, CatalogueError> {
    let metadata: Metadata = read_json(file, bytes)?;
    let schema_file = format!("kinds/{name}.schema.json");
    let schema_bytes = files.get(&schema_file).ok_or_else(|| {
        wrong(
            &schema_file,
            "is missing: every kind has a JSON Schema".into(),
        )
    })?;
    let schema: Value = read_json(&schema_file, schema_bytes)?;
    let validator = options()
        .with_registry(common)
        .build(&schema)
        .map_err(|e| wrong(&schema_file, e.to_string()))?;
    Ok(Kind {
        vct: metadata.vct,
        name: name.to_owned(),
        claims: metadata.claims,
        traits: metadata.denizen,
        metadata: bytes.into(),
        metadata_hash: Sha256Hash::of(bytes),
        schema_hash: Sha256Hash::of(schema_bytes),
        schema: Arc::new(validator),
    })
}

fn options<'a>() -> jsonschema::ValidationOptions<'a> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
}
