//! JSON Schema 2020-12: what validates claims and answers.
//!
//! Natively the crate `jsonschema`. In a browser a library of the page, since the crate and its tables
//! are larger than everything else that the page loads: a page says which ([`set_validate`]), and
//! without one nothing is valid.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

#[cfg(target_arch = "wasm32")]
pub(super) use browser::{Registry, Validator};
#[cfg(target_arch = "wasm32")]
pub use browser::{Validate, set_validate};
#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::{Registry, Validator};

use super::kind::ClaimError;

/// What a place breaks, in plain words. `detail`: the name of a missing claim, the number of unknown
/// ones, the name of a format; never a value.
fn rule(keyword: &str, detail: &str) -> String {
    match keyword {
        // Names of claims are the office's columns, not a person's data; still only known ones are
        // repeated: an unknown name could hold anything.
        "additionalProperties" => {
            format!("{detail} unknown claim(s): the kind has no such claim")
        }
        "required" => format!("claim {detail} is missing"),
        "format" => format!("is no valid {detail}"),
        "type" => "is of another type than the kind says".to_owned(),
        "enum" | "const" => "is none of the values that the kind allows".to_owned(),
        "pattern" => "is not written as the kind says".to_owned(),
        "minLength" | "maxLength" => "is too short or too long".to_owned(),
        "minimum" | "maximum" => "is too small or too large".to_owned(),
        other => format!("does not meet the rule {other}"),
    }
}

fn broken(pointer: &str, keyword: &str, detail: &str) -> ClaimError {
    let pointer = if pointer.is_empty() { "/" } else { pointer };
    ClaimError {
        pointer: pointer.to_owned(),
        rule: rule(keyword, detail),
    }
}
