//! DCQL queries, read strictly. Source: OpenID4VP 1.0 sections 6.1 to 6.3 and B.3.5.

use crate::{ClaimPointer, ENTRIES_MAX, FORMAT, QUERY_SIZE_BYTES_MAX};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Why bytes are no query that is answered. The verifier has to write another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Larger than [`QUERY_SIZE_BYTES_MAX`] or with more than [`ENTRIES_MAX`] entries somewhere.
    #[error("query is too large")]
    TooLarge,
    /// Not the JSON of a query: a required member is missing or one has another type.
    #[error("not a DCQL query")]
    Malformed,
    /// An array that must hold something is empty.
    #[error("query has an empty list")]
    EmptyList,
    /// An id is empty or has other characters than letters, digits, `_` and `-`.
    #[error("query has a malformed id")]
    BadId,
    /// Two entries have one id, or one list names an id twice.
    #[error("query has one id twice")]
    IdTwice,
    /// A set names an id that no entry has, or a claim of `claim_sets` has none.
    #[error("query names an id that it does not define")]
    IdUnknown,
    /// Two entries ask for one claim.
    #[error("query asks for one claim twice")]
    ClaimTwice,
    /// `claim_sets` without `claims`.
    #[error("query has claim sets without claims")]
    SetsWithoutClaims,
    /// Another format than [`FORMAT`].
    #[error("query asks for another format than dc+sd-jwt")]
    FormatUnsupported,
    /// `trusted_authorities`: ignoring it would answer more than was asked.
    #[error("query restricts trusted authorities, which is not supported")]
    AuthoritiesUnsupported,
    /// `values` where [`ValueMatching::Refused`].
    #[error("query probes for values")]
    ValuesRefused,
}

/// Whether a query may ask for certain values (`values`).
///
/// Whoever answers or stays silent then tells a value without disclosing it, so services of
/// Denizen may not (R20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueMatching {
    /// A query with `values` is read.
    Allowed,
    /// A query with `values` is refused.
    Refused,
}

/// A query that keeps every rule of the specification.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    credentials: Vec<CredentialQuery>,
    sets: Vec<CredentialSetQuery>,
}

/// One credential that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialQuery {
    /// Its id within the query.
    pub id: String,
    /// Whether more than one credential may answer it.
    pub multiple: bool,
    /// The kinds that may answer it, never empty.
    pub vct_values: Vec<String>,
    /// Whether a key-binding proof is required.
    pub holder_binding: bool,
    /// The claims asked for; empty: none that is selectively disclosable.
    pub claims: Vec<ClaimQuery>,
    /// Combinations of indexes into `claims`, the most wanted first; empty: all claims.
    pub claim_sets: Vec<Vec<usize>>,
}

/// One claim that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimQuery {
    /// Its id within the credential query.
    pub id: Option<String>,
    /// Where it is.
    pub path: ClaimPointer,
    /// Texts, integers or booleans of which it must have one; empty: any value.
    pub values: Vec<Value>,
}

/// Which combinations of credentials will do.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialSetQuery {
    /// Combinations of indexes into the query's credentials, the most wanted first.
    pub options: Vec<Vec<usize>>,
    /// Whether one of them must be answered.
    pub required: bool,
}

impl Query {
    /// Reads a query. Members that the specification does not define are ignored, as it says.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn parse(bytes: &[u8], values: ValueMatching) -> Result<Self, QueryError> {
        if bytes.len() > QUERY_SIZE_BYTES_MAX {
            return Err(QueryError::TooLarge);
        }
        // Derived readers refuse a known member that is there twice.
        let raw: RawQuery = serde_json::from_slice(bytes).map_err(|_| QueryError::Malformed)?;
        raw.check(values)
    }

    /// Reads a query that is part of a larger, already parsed document, such as a service.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn from_value(query: &Value, values: ValueMatching) -> Result<Self, QueryError> {
        Self::parse(query.to_string().as_bytes(), values)
    }

    /// The credentials asked for, never empty.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialQuery] {
        &self.credentials
    }

    /// Which combinations will do; empty: every credential is required.
    #[must_use]
    pub fn sets(&self) -> &[CredentialSetQuery] {
        &self.sets
    }

    /// The credential query of this id.
    #[must_use]
    pub fn credential(&self, id: &str) -> Option<&CredentialQuery> {
        self.credentials.iter().find(|c| c.id == id)
    }
}

#[derive(Deserialize)]
struct RawQuery {
    credentials: Vec<RawCredential>,
    #[serde(default, deserialize_with = "present")]
    credential_sets: Option<Vec<RawSet>>,
}

#[derive(Deserialize)]
struct RawCredential {
    id: String,
    format: String,
    #[serde(default)]
    multiple: bool,
    meta: RawMeta,
    #[serde(default, deserialize_with = "present")]
    trusted_authorities: Option<Value>,
    #[serde(default = "yes")]
    require_cryptographic_holder_binding: bool,
    #[serde(default, deserialize_with = "present")]
    claims: Option<Vec<RawClaim>>,
    #[serde(default, deserialize_with = "present")]
    claim_sets: Option<Vec<Vec<String>>>,
}

#[derive(Deserialize)]
struct RawMeta {
    vct_values: Vec<String>,
}

#[derive(Deserialize)]
struct RawClaim {
    #[serde(default, deserialize_with = "present")]
    id: Option<String>,
    path: ClaimPointer,
    #[serde(default, deserialize_with = "present")]
    values: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct RawSet {
    options: Vec<Vec<String>>,
    #[serde(default = "yes")]
    required: bool,
}

fn yes() -> bool {
    true
}

/// A member that may be missing, but not `null`.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl RawQuery {
    fn check(self, values: ValueMatching) -> Result<Query, QueryError> {
        bounded(&self.credentials)?;
        let credentials = self.credentials.into_iter().map(|c| c.check(values));
        let credentials = credentials.collect::<Result<Vec<_>, _>>()?;
        let ids: Vec<_> = credentials.iter().map(|c| Some(c.id.as_str())).collect();
        unique(&ids)?;
        let sets = match self.credential_sets {
            None => Vec::new(),
            Some(sets) => {
                bounded(&sets)?;
                let sets = sets.into_iter().map(|set| {
                    Ok(CredentialSetQuery {
                        options: indexes(&set.options, &ids)?,
                        required: set.required,
                    })
                });
                sets.collect::<Result<Vec<_>, QueryError>>()?
            }
        };
        Ok(Query { credentials, sets })
    }
}

impl RawCredential {
    fn check(self, values: ValueMatching) -> Result<CredentialQuery, QueryError> {
        well_formed(&self.id)?;
        if self.format != FORMAT {
            return Err(QueryError::FormatUnsupported);
        }
        if self.trusted_authorities.is_some() {
            return Err(QueryError::AuthoritiesUnsupported);
        }
        bounded(&self.meta.vct_values)?;
        if self.claims.is_none() && self.claim_sets.is_some() {
            return Err(QueryError::SetsWithoutClaims);
        }
        let claims = match self.claims {
            None => Vec::new(),
            Some(claims) => {
                bounded(&claims)?;
                let claims = claims.into_iter().map(|c| c.check(values));
                claims.collect::<Result<Vec<_>, _>>()?
            }
        };
        let paths: BTreeSet<_> = claims.iter().map(|c| &c.path).collect();
        if paths.len() != claims.len() {
            return Err(QueryError::ClaimTwice);
        }
        let ids: Vec<_> = claims.iter().map(|c| c.id.as_deref()).collect();
        unique(&ids)?;
        let claim_sets = match self.claim_sets {
            None => Vec::new(),
            Some(_) if ids.contains(&None) => return Err(QueryError::IdUnknown),
            Some(sets) => indexes(&sets, &ids)?,
        };
        Ok(CredentialQuery {
            id: self.id,
            multiple: self.multiple,
            vct_values: self.meta.vct_values,
            holder_binding: self.require_cryptographic_holder_binding,
            claims,
            claim_sets,
        })
    }
}

impl RawClaim {
    fn check(self, matching: ValueMatching) -> Result<ClaimQuery, QueryError> {
        if let Some(id) = &self.id {
            well_formed(id)?;
        }
        let values = match self.values {
            None => Vec::new(),
            Some(_) if matching == ValueMatching::Refused => return Err(QueryError::ValuesRefused),
            Some(values) => {
                bounded(&values)?;
                let fits = |v: &Value| v.is_string() || v.is_boolean() || v.is_i64() || v.is_u64();
                if !values.iter().all(fits) {
                    return Err(QueryError::Malformed);
                }
                values
            }
        };
        Ok(ClaimQuery {
            id: self.id,
            path: self.path,
            values,
        })
    }
}

fn bounded<T>(entries: &[T]) -> Result<(), QueryError> {
    match entries.len() {
        0 => Err(QueryError::EmptyList),
        n if n > ENTRIES_MAX => Err(QueryError::TooLarge),
        _ => Ok(()),
    }
}

fn well_formed(id: &str) -> Result<(), QueryError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if id.is_empty() || !id.bytes().all(fits) {
        return Err(QueryError::BadId);
    }
    Ok(())
}

fn unique(ids: &[Option<&str>]) -> Result<(), QueryError> {
    let mut seen = BTreeSet::new();
    if ids.iter().flatten().all(|id| seen.insert(*id)) {
        Ok(())
    } else {
        Err(QueryError::IdTwice)
    }
}

/// Lists of ids as lists of indexes into `ids`.
fn indexes(lists: &[Vec<String>], ids: &[Option<&str>]) -> Result<Vec<Vec<usize>>, QueryError> {
    bounded(lists)?;
    let lists = lists.iter().map(|list| {
        bounded(list)?;
        unique(&list.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>())?;
        let found = list.iter().map(|id| {
            let at = ids.iter().position(|known| *known == Some(id.as_str()));
            at.ok_or(QueryError::IdUnknown)
        });
        found.collect()
    });
    lists.collect()
}
