//! What of a row can be judged without the database: its claims, its keys, whether it fits its kind.

use super::mapping::{Fault, Mapped, Mapping, Row};
use crate::{
    issuer::{
        Draft,
        validate::{Record, Rejection, validate},
    },
    vault::Vault,
};
use denizen_model::{Sha256Hash, UnixTime, catalogue::Catalogue};

/// A record of a case that fits its kind.
pub(crate) struct Offered {
    pub(crate) record: Record,
    pub(crate) case_key: Sha256Hash,
    /// A keyed hash of what makes it the same row.
    pub(crate) row_key: Sha256Hash,
    /// A keyed hash of what it says.
    pub(crate) content: Sha256Hash,
}

/// A row's line, and the record or why it is none.
pub(super) type Judged = (u64, Result<Offered, Fault>);

/// Validates a draft of a case.
///
/// # Errors
/// [`Rejection`].
pub(crate) fn offer(
    (case_reference, row_key): (&str, Sha256Hash),
    draft: Draft,
    (vault, catalogue): (&Vault, &Catalogue),
    now: UnixTime,
) -> Result<Offered, Rejection> {
    let content = content_key(vault, case_reference, &draft);
    Ok(Offered {
        record: validate(draft, catalogue, now)?,
        case_key: vault.keyed("case", &[case_reference]),
        row_key,
        content,
    })
}

/// Judges a row by its mapping.
pub(super) fn judge(
    row: &Row,
    mapping: &Mapping,
    (vault, catalogue): (&Vault, &Catalogue),
    now: UnixTime,
) -> Result<Offered, Fault> {
    let Mapped {
        case_reference,
        unique,
        draft,
    } = mapping.map(row)?;
    let parts: Vec<_> = unique.iter().map(String::as_str).collect();
    let row_key = vault.keyed(&format!("row {}", mapping.vct()), &parts);
    let at = (case_reference.as_str(), row_key);
    offer(at, draft, (vault, catalogue), now).map_err(|rejection| {
        let (pointer, rule) = rejection.first();
        mapping.fault_at(pointer, rule)
    })
}

/// A keyed hash of what a row says.
pub(super) fn content_key(vault: &Vault, case_reference: &str, draft: &Draft) -> Sha256Hash {
    let claims = serde_json::to_string(draft.claims()).expect("claims are JSON");
    vault.keyed("content", &[case_reference, &claims])
}
