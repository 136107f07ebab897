//! Check: a file is judged row by row and nothing is taken in. For an office that sets up its mapping,
//! and for whoever wants to know before a long run.

use super::{
    BadRow, IntakeError, Mapping, Read1, csv,
    decode::Source,
    mapping::{Fault, Format},
    ndjson,
    offered::judge,
};
use crate::vault::Vault;
use denizen_model::{Sha256Hash, UnixTime, catalogue::Catalogue};
use denizen_seal::LocalKey;
use std::{collections::BTreeSet, io::Read};

/// What a file's rows are worth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Rows that fit their kind and stand in the file once.
    pub good: u64,
    /// The others.
    pub bad: Vec<BadRow>,
}

/// Judges a file by its mapping. What only the gateway's database knows is not judged: whether a row was
/// taken before, or has a linked person.
///
/// # Errors
/// [`IntakeError`], as for taking it in.
pub fn check_file(
    input: impl Read,
    mapping: &Mapping,
    catalogue: &Catalogue,
    now: UnixTime,
) -> Result<CheckReport, IntakeError> {
    let source = Source::new(input, mapping.encoding(), mapping.delimiter());
    match mapping.format() {
        Format::Csv => check(csv::Rows::open(source, mapping)?, mapping, catalogue, now),
        Format::Ndjson => check(ndjson::Rows::open(source, mapping), mapping, catalogue, now),
    }
}

fn check(
    rows: impl Iterator<Item = Result<Read1, IntakeError>>,
    mapping: &Mapping,
    catalogue: &Catalogue,
    now: UnixTime,
) -> Result<CheckReport, IntakeError> {
    // Keyed hashes that nobody keeps need no secret key.
    let vault = Vault::new(LocalKey::from_bytes([0; 32]));
    let mut report = CheckReport::default();
    let mut seen = BTreeSet::<Sha256Hash>::new();
    for row in rows {
        let (line, judged) = match row? {
            Err((line, fault)) => (line, Err(fault)),
            Ok(row) => (row.line, judge(&row, mapping, (&vault, catalogue), now)),
        };
        let twice = || Fault::row("is the same row as one before it".to_owned());
        let judged =
            judged.and_then(|row| seen.insert(row.row_key).then_some(()).ok_or_else(twice));
        match judged {
            Ok(()) => report.good += 1,
            Err(fault) => report.bad.push(fault.on_line(line)),
        }
    }
    Ok(report)
}
