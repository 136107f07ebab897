//! Issuing. Source: RFC 9901 sections 4 and 5, SD-JWT VC section 2.

use crate::{CREDENTIAL_TYP, disclosure};
use denizen_jose::{PublicKey, Signer, sign_compact};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{borrow::Cow, collections::BTreeMap};

/// Which claims are selectively disclosable: paths of names, with `None` for each element of an
/// array, as SD-JWT VC type metadata has them. A tree: what stands at the end of a path, and what goes on.
#[derive(Debug, Clone, Default)]
pub struct SdRules {
    disclosable: bool,
    members: BTreeMap<String, SdRules>,
    elements: Option<Box<SdRules>>,
}

impl SdRules {
    /// Rules from paths of type metadata (strings, `null` for each element of an array).
    pub fn from_paths<'a>(paths: impl IntoIterator<Item = &'a [Value]>) -> Self {
        let mut rules = Self::default();
        for path in paths {
            let mut at = &mut rules;
            for step in path {
                at = match step.as_str() {
                    Some(name) => at.members.entry(name.to_owned()).or_default(),
                    None => at.elements.get_or_insert_default(),
                };
            }
            at.disclosable = true;
        }
        rules
    }
}

/// Where a credential's status stands. Source: Token Status List section 6.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRef {
    /// Index in the list.
    pub idx: u64,
    /// The list: equals the token's `sub`; never dereferenced.
    pub uri: String,
}

/// The registered claims that issuing adds, never selectively disclosable.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Issuer: organisation id.
    pub iss: String,
    /// Issued at, Unix seconds; of a one-time copy the start of the day (R18).
    pub iat: i64,
    /// Expires at, Unix seconds.
    pub exp: Option<i64>,
    /// Kind.
    pub vct: String,
    /// Integrity of the kind's type metadata.
    pub vct_integrity: Option<String>,
    /// The holder's key.
    pub cnf: PublicKey,
    /// Where its status stands.
    pub status: Option<StatusRef>,
}

/// Issues a credential: all disclosures in it, no key binding.
#[must_use]
pub fn issue(
    claims: &Map<String, Value>,
    rules: &SdRules,
    registered: &Registered,
    kid: &str,
    signer: &dyn Signer,
    rng: &mut impl rand_core::CryptoRng,
) -> String {
    let mut disclosures = Vec::new();
    let mut payload = conceal_object(claims, rules, &mut disclosures, rng);
    payload.insert("_sd_alg".into(), "sha-256".into());
    payload.insert("iss".into(), registered.iss.as_str().into());
    payload.insert("iat".into(), registered.iat.into());
    payload.insert("vct".into(), registered.vct.as_str().into());
    payload.insert("cnf".into(), json!({ "jwk": registered.cnf }));
    if let Some(exp) = registered.exp {
        payload.insert("exp".into(), exp.into());
    }
    if let Some(integrity) = &registered.vct_integrity {
        payload.insert("vct#integrity".into(), integrity.as_str().into());
    }
    if let Some(status) = &registered.status {
        payload.insert("status".into(), json!({ "status_list": status }));
    }
    let mut header = Map::new();
    header.insert("typ".into(), CREDENTIAL_TYP.into());
    header.insert("kid".into(), kid.into());
    let payload = serde_json::to_vec(&payload).expect("a map of JSON values is JSON");
    let mut text = sign_compact(signer, header, &payload);
    for disclosure in &disclosures {
        text.push('~');
        text.push_str(disclosure);
    }
    text.push('~');
    text
}

/// A value with what is disclosable in it put into disclosures; itself if nothing is.
fn conceal<'v>(
    value: &'v Value,
    rules: &SdRules,
    out: &mut Vec<String>,
    rng: &mut impl rand_core::CryptoRng,
) -> Cow<'v, Value> {
    match (value, &rules.elements) {
        (Value::Object(members), _) if !rules.members.is_empty() => {
            Cow::Owned(Value::Object(conceal_object(members, rules, out, rng)))
        }
        (Value::Array(items), Some(rules)) => {
            let conceal_item = |item| {
                let item = conceal(item, rules, out, rng);
                if rules.disclosable {
                    json!({ "...": add(out, None, &item, rng) })
                } else {
                    item.into_owned()
                }
            };
            Cow::Owned(items.iter().map(conceal_item).collect())
        }
        _ => Cow::Borrowed(value),
    }
}

fn conceal_object(
    members: &Map<String, Value>,
    rules: &SdRules,
    out: &mut Vec<String>,
    rng: &mut impl rand_core::CryptoRng,
) -> Map<String, Value> {
    let mut open = Map::new();
    let mut digests = Vec::new();
    for (name, value) in members {
        let Some(rules) = rules.members.get(name) else {
            open.insert(name.clone(), value.clone());
            continue;
        };
        let value = conceal(value, rules, out, rng);
        if rules.disclosable {
            digests.push(add(out, Some(name), &value, rng));
        } else {
            open.insert(name.clone(), value.into_owned());
        }
    }
    if !digests.is_empty() {
        // Sorted, so that their order says nothing about the claims.
        digests.sort_unstable();
        open.insert("_sd".into(), digests.into());
    }
    open
}

fn add(
    out: &mut Vec<String>,
    name: Option<&str>,
    value: &Value,
    rng: &mut impl rand_core::CryptoRng,
) -> String {
    let mut salt = [0; 16];
    rng.fill_bytes(&mut salt);
    let text = disclosure::make(&salt, name, value);
    let digest = disclosure::digest(&text);
    out.push(text);
    digest
}
