//! The crate `jsonschema`.

use super::broken;
use crate::catalogue::{COMMON_SCHEMA, CatalogueError, kind::ClaimError, read_json, wrong};
use serde_json::Value;

/// What schemas share.
pub(in crate::catalogue) struct Registry(jsonschema::Registry<'static>);

impl Registry {
    /// Reads the common schema.
    pub(in crate::catalogue) fn new(common: &[u8]) -> Result<Self, CatalogueError> {
        let common: Value = read_json(COMMON_SCHEMA, common)?;
        jsonschema::Registry::new()
            .add("urn:denizen:schema:common", common)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map(Self)
            .map_err(|e| wrong(COMMON_SCHEMA, e.to_string()))
    }
}

/// A compiled schema.
#[derive(Debug)]
pub(in crate::catalogue) struct Validator(jsonschema::Validator);

impl Validator {
    /// Compiles a schema; the error is what is wrong with it.
    pub(in crate::catalogue) fn new(
        schema: &Value,
        common: Option<&Registry>,
    ) -> Result<Self, String> {
        let options = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true);
        let built = match common {
            Some(Registry(registry)) => options.with_registry(registry).build(schema),
            None => options.build(schema),
        };
        built.map(Self).map_err(|e| e.to_string())
    }

    /// Where an instance does not fit; empty if it does.
    pub(in crate::catalogue) fn errors(&self, instance: &Value) -> Vec<ClaimError> {
        self.0.iter_errors(instance).map(|e| said(&e)).collect()
    }
}

fn said(error: &jsonschema::ValidationError<'_>) -> ClaimError {
    use jsonschema::error::ValidationErrorKind as K;
    let detail = match error.kind() {
        K::AdditionalProperties { unexpected } => unexpected.len().to_string(),
        K::Required { property } => property
            .as_str()
            .map_or_else(|| property.to_string(), |name| format!("\"{name}\"")),
        K::Format { format } => format.clone(),
        _ => String::new(),
    };
    let pointer = error.instance_path().to_string();
    broken(&pointer, error.kind().keyword(), &detail)
}
