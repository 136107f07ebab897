//! A library of the page that the portal is on.

use super::broken;
use crate::{
    Sha256Hash,
    catalogue::{COMMON_SCHEMA, CatalogueError, kind::ClaimError, read_json},
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Validates an instance: the name of the schema, the text of the instance, and the first time those of
/// the schema and of the common schema. Gives a JSON array of `{pointer, keyword, detail}`, empty if it
/// fits; nothing if it could not be done.
pub type Validate = fn(name: &str, instance: &str, schema: Option<(&str, &str)>) -> Option<String>;

static VALIDATE: OnceLock<Validate> = OnceLock::new();
/// Names of the schemas whose texts were given.
static GIVEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Says what validates. The first one stays.
pub fn set_validate(validate: Validate) {
    let _ = VALIDATE.set(validate);
}

/// What schemas share.
pub(in crate::catalogue) struct Registry(Arc<str>);

impl Registry {
    pub(in crate::catalogue) fn new(common: &[u8]) -> Result<Self, CatalogueError> {
        let common: Value = read_json(COMMON_SCHEMA, common)?;
        Ok(Self(common.to_string().into()))
    }
}

/// A schema.
#[derive(Debug)]
pub(in crate::catalogue) struct Validator {
    schema: String,
    common: Arc<str>,
    /// The hash of both: made when it is first asked for.
    name: OnceLock<String>,
}

#[derive(Deserialize)]
struct Broken {
    pointer: String,
    keyword: String,
    detail: String,
}

impl Validator {
    pub(in crate::catalogue) fn new(
        schema: &Value,
        common: Option<&Registry>,
    ) -> Result<Self, String> {
        Ok(Self {
            schema: schema.to_string(),
            common: common.map_or_else(|| "true".into(), |c| Arc::clone(&c.0)),
            name: OnceLock::new(),
        })
    }

    pub(in crate::catalogue) fn errors(&self, instance: &Value) -> Vec<ClaimError> {
        let name = self.name.get_or_init(|| {
            let both = [self.schema.as_bytes(), b"\n", self.common.as_bytes()].concat();
            Sha256Hash::of(&both).to_text()
        });
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        let texts = given
            .insert(name.clone())
            .then_some((self.schema.as_str(), &*self.common));
        drop(given);
        let validate = VALIDATE.get();
        let said = validate.and_then(|v| v(name, &instance.to_string(), texts));
        let said = said.and_then(|s| serde_json::from_str::<Vec<Broken>>(&s).ok());
        match said {
            Some(all) => {
                let error = |b: Broken| broken(&b.pointer, &b.keyword, &b.detail);
                all.into_iter().map(error).collect()
            }
            None => vec![broken("", "schema", "")],
        }
    }
}
