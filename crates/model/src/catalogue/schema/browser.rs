//! A library of the page that the portal is on.

use super::broken;
use crate::catalogue::{COMMON_SCHEMA, CatalogueError, kind::ClaimError, read_json};
use serde::Deserialize;
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// Validates an instance: texts of the schema, of the common schema, and of the instance. Gives a JSON
/// array of `{pointer, keyword, detail}`, empty if it fits; nothing if it could not be done.
pub type Validate = fn(schema: &str, common: &str, instance: &str) -> Option<String>;

static VALIDATE: OnceLock<Validate> = OnceLock::new();

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
        })
    }

    pub(in crate::catalogue) fn errors(&self, instance: &Value) -> Vec<ClaimError> {
        let validate = VALIDATE.get();
        let said = validate.and_then(|v| v(&self.schema, &self.common, &instance.to_string()));
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
