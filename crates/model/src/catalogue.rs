//! The catalogue: record kinds, services and texts, as data. Specified in `docs/spec/catalogue.md`.
//!
//! The caller reads the files (here is no I/O) and gives them by their path below `catalogue/`.
//! Everything is checked at once: a bad file is refused with its name and reason.

mod check;
mod follow;
mod kind;
mod locale;
mod logged;
mod schema;
mod service;

pub use kind::{AdverseWhen, ClaimError, ClaimMetadata, Disclosable, Kind, KindTraits};
pub use locale::{LANGUAGES, Locale, LocaleError, PluralCategory};
#[cfg(target_arch = "wasm32")]
pub use schema::{Validate, set_validate};
pub use service::{Constraint, ConstraintOp, Fee, PendingEffect, Service};

use schema::Registry;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
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
    /// All of them, in the order of the specification.
    pub const ALL: [Self; 12] = [
        Self::Identity,
        Self::Stay,
        Self::Border,
        Self::Employment,
        Self::Transport,
        Self::Property,
        Self::Tax,
        Self::Education,
        Self::Language,
        Self::Medical,
        Self::Contact,
        Self::Offences,
    ];

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
    locales: BTreeMap<String, Arc<Locale>>,
    /// The common schema's bytes.
    common: Arc<[u8]>,
    versions: logged::Versions,
}

impl Catalogue {
    /// Reads and checks a whole catalogue: `kinds/*.json` each with its `*.schema.json`,
    /// `schema/common.schema.json`, `services/*.json`, `locales/*.json`. Other files are ignored.
    ///
    /// # Errors
    /// Every [`CatalogueError`] found, never empty.
    pub fn load(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<CatalogueError>> {
        let (this, mut errors) = Self::read(files, true)?;
        errors.extend(check::kinds(&this, files));
        errors.extend(check::services(&this, files));
        errors.extend(locale::check_all(&this.locales, files));
        if errors.is_empty() {
            Ok(this)
        } else {
            Err(errors)
        }
    }

    /// Reads a catalogue that was checked when the program was built, without checking it again.
    ///
    /// # Errors
    /// Every [`CatalogueError`] of a file that has another form, never empty.
    pub fn load_known(files: &BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<CatalogueError>> {
        match Self::read(files, false)? {
            (this, errors) if errors.is_empty() => Ok(this),
            (_, errors) => Err(errors),
        }
    }

    fn read(
        files: &BTreeMap<String, Vec<u8>>,
        compile: bool,
    ) -> Result<(Self, Vec<CatalogueError>), Vec<CatalogueError>> {
        let mut errors = Vec::new();
        let mut this = Self {
            kinds: BTreeMap::new(),
            services: BTreeMap::new(),
            locales: BTreeMap::new(),
            common: files.get(COMMON_SCHEMA).map_or(&b"true"[..], |b| b).into(),
            versions: logged::Versions::default(),
        };
        if !files.contains_key(COMMON_SCHEMA) && files.keys().any(|f| f.starts_with("kinds/")) {
            return Err(vec![wrong(COMMON_SCHEMA, "is missing".into())]);
        }
        let common = match compile {
            true => Some(Registry::new(&this.common).map_err(|e| vec![e])?),
            false => None,
        };
        for (file, bytes) in files {
            if let Err(error) = this.load_file(file, bytes, (files, common.as_ref())) {
                errors.push(error);
            }
        }
        Ok((this, errors))
    }

    fn load_file(
        &mut self,
        file: &str,
        bytes: &[u8],
        (files, common): (&BTreeMap<String, Vec<u8>>, Option<&Registry>),
    ) -> Result<(), CatalogueError> {
        let Some(stem) = file.strip_suffix(".json") else {
            return Ok(());
        };
        if let Some(name) = stem.strip_prefix("kinds/") {
            if !name.ends_with(".schema") {
                let kind = kind::load_kind((name, file), bytes, files, (&self.common, common))?;
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
            self.locales.insert(language.to_owned(), Arc::new(locale));
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

    /// The category of a record: its kind's, or where the kind says so that of the service which it
    /// names, if the catalogue has it.
    #[must_use]
    pub fn category(&self, kind: &Kind, claims: &Map<String, Value>) -> Category {
        let named = kind.traits.category_of.as_ref();
        let named = named.and_then(|claim| claims.get(claim)?.as_str());
        let service = named.and_then(|service| self.service(service));
        service.map_or(kind.traits.category, |service| service.category)
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
            .map(Arc::as_ref)
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
