//! Disclosures and paths of claims.

use crate::strict_json;
use denizen_jose::{base64url_decode, base64url_encode};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One step of a path into claims.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathItem {
    /// A member of an object.
    Name(String),
    /// An element of an array.
    Index(usize),
}

/// A path from the top of the claims.
pub type ClaimPath = Vec<PathItem>;

/// One disclosure of a verified credential and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Path of the claim that it reveals.
    pub path: ClaimPath,
    /// The disclosure's base64url text.
    pub text: String,
}

/// A parsed disclosure: `[salt, name, value]` or `[salt, value]`.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    pub(crate) name: Option<String>,
    pub(crate) value: Value,
}

pub(crate) fn parse(text: &str) -> Option<Parsed> {
    let Value::Array(items) = strict_json::parse(&base64url_decode(text)?)? else {
        return None;
    };
    let mut items = items.into_iter();
    items.next()?.as_str()?;
    let (second, third) = (items.next()?, items.next());
    if items.next().is_some() {
        return None;
    }
    Some(match third {
        None => Parsed {
            name: None,
            value: second,
        },
        Some(value) => Parsed {
            name: Some(second.as_str()?.to_owned()),
            value,
        },
    })
}

/// Makes a disclosure and gives its text.
pub(crate) fn make(salt: &[u8; 16], name: Option<&str>, value: &Value) -> String {
    let salt = base64url_encode(salt);
    let array = match name {
        Some(name) => serde_json::to_vec(&(salt, name, value)),
        None => serde_json::to_vec(&(salt, value)),
    };
    base64url_encode(array.expect("texts and a JSON value are JSON"))
}

/// The digest by which a disclosure is referenced.
pub(crate) fn digest(text: &str) -> String {
    base64url_encode(Sha256::digest(text))
}
