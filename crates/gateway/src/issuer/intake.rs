//! Intake: a file of the office becomes drafts, row by row. Bad rows are reported with line, column
//! and reason, never with a value, and good rows go through.

mod csv;
mod decode;
mod mapping;
mod ndjson;
mod rest;
mod strict;

pub(crate) use mapping::has_unseen;
pub use mapping::{Mapping, MappingError};
pub use rest::{PAGE_SIZE_BYTES_MAX, Source as RestSource, SourceError};
pub(crate) use strict::Strict;

use super::{
    Draft,
    validate::{Rejection, validate},
};
use crate::{Gateway, GatewayError};
use decode::Source;
use denizen_model::{Sha256Hash, UnixTime};
use denizen_store::{StoreError, gateway::KnownRow};
use mapping::{Fault, Format, Mapped, Row};
use std::{collections::HashMap, io::Read};

/// Longest row in bytes, decoded.
pub const ROW_SIZE_BYTES_MAX: usize = 1 << 20;

/// Rows in one transaction.
const ROWS_A_TRANSACTION: usize = 128;

/// A row that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Line in the file, from 1, where the row begins.
    pub line: u64,
    /// Name of the column; `-` for the row itself.
    pub column: String,
    /// What is wrong; never a value.
    pub reason: String,
}

/// What became of a file's rows. Each row counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeReport {
    /// The number of this run, for its undoing.
    pub run: i64,
    /// Rows that are on their way to their person.
    pub taken: u64,
    /// Rows of a case without a confirmed link: they wait, encrypted.
    pub waiting: u64,
    /// Rows that an earlier run took already.
    pub repeated: u64,
    /// Rows that were not taken.
    pub bad: Vec<BadRow>,
}

impl IntakeReport {
    /// All rows that were read.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.taken + self.waiting + self.repeated + self.bad.len() as u64
    }

    /// The bad rows as CSV with a header: line, column, reason. It holds no value of a row, and
    /// nothing that a spreadsheet would take for a formula.
    #[must_use]
    pub fn bad_rows_csv(&self) -> String {
        let quote = |text: &str| {
            let formula = text.starts_with(['=', '+', '@', '\t', '\r']);
            let guard = if formula || text.len() > 1 && text.starts_with('-') {
                "'"
            } else {
                ""
            };
            format!("\"{guard}{}\"", text.replace('"', "\"\""))
        };
        let mut out = String::from("line,column,reason\r\n");
        for row in &self.bad {
            let (column, reason) = (quote(&row.column), quote(&row.reason));
            out.push_str(&format!("{},{column},{reason}\r\n", row.line));
        }
        out
    }
}

/// Why a file cannot be taken in at all, or not to its end. Rows before that point are taken; the
/// same file, put right, can be given again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// Reading failed.
    #[error("the file cannot be read to its end")]
    Read(#[source] std::io::Error),
    /// The header has characters that are not in the encoding.
    #[error("the file is not written in {encoding}: name its encoding in the mapping file")]
    Encoding {
        /// The mapping's encoding.
        encoding: String,
    },
    /// There is no header.
    #[error("the file is empty: a CSV file begins with the names of its columns")]
    Empty,
    /// A column of the mapping is not there.
    #[error(
        "the file has no column {column}: check delimiter, encoding and spelling in the mapping file"
    )]
    ColumnMissing {
        /// The column's name in the mapping file.
        column: String,
    },
    /// Two columns have a name that the mapping uses.
    #[error("the file has two columns {column}: give one another name")]
    ColumnTwice {
        /// The column's name in the mapping file.
        column: String,
    },
    /// A row without end: an unclosed quote, or no text file.
    #[error("line {line} does not end within 1 MiB: an unclosed quote, or not a text file")]
    RowTooLong {
        /// Where the row begins.
        line: u64,
    },
    /// The gateway cannot take in anything of this kind.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl std::convert::From<StoreError> for IntakeError {
    fn from(error: StoreError) -> Self {
        Self::Gateway(error.into())
    }
}

/// A run under way.
struct Run<'a> {
    number: i64,
    mapping: &'a Mapping,
    /// Rows of this file, and the lines where they are.
    seen: HashMap<Sha256Hash, u64>,
}

/// What became of one row.
enum Taken {
    Issued,
    Waiting,
    Repeated,
}

/// What became of one draft.
pub(super) enum TakenDraft {
    /// It is on its way to its person.
    Issued,
    /// It waits for a confirmed link of its case.
    Waiting,
    /// It was taken before.
    Repeated,
    /// It does not fit its kind.
    Rejected(Rejection),
    /// It cannot be taken; never a value.
    Refused(&'static str),
}

/// One row of any form, or why it is none.
type Read1 = Result<Row, (u64, Fault)>;

impl Gateway {
    /// Takes in a file of the office by its mapping.
    ///
    /// # Errors
    /// [`IntakeError`]; rows that were taken before stay taken.
    pub fn intake(
        &mut self,
        input: impl Read,
        mapping: &Mapping,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<IntakeReport, IntakeError> {
        self.intake_with_progress(input, mapping, &mut |_| (), now, rng)
    }

    /// As [`Gateway::intake`]; `progress` is told the report so far, now and then and at the end.
    ///
    /// # Errors
    /// [`IntakeError`].
    pub fn intake_with_progress(
        &mut self,
        input: impl Read,
        mapping: &Mapping,
        progress: &mut dyn FnMut(&IntakeReport),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<IntakeReport, IntakeError> {
        self.check_admitted(mapping.vct(), now)?;
        self.check_not_held()?;
        let source = Source::new(input, mapping.encoding(), mapping.delimiter());
        let mut report = IntakeReport::default();
        match mapping.format() {
            Format::Csv => {
                let rows = csv::Rows::open(source, mapping)?;
                self.take_all(rows, mapping, &mut report, progress, (now, rng))?;
            }
            Format::Ndjson => {
                let rows = ndjson::Rows::open(source, mapping);
                self.take_all(rows, mapping, &mut report, progress, (now, rng))?;
            }
        }
        progress(&report);
        Ok(report)
    }

    fn take_all(
        &mut self,
        rows: impl Iterator<Item = Result<Read1, IntakeError>>,
        mapping: &Mapping,
        report: &mut IntakeReport,
        progress: &mut dyn FnMut(&IntakeReport),
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), IntakeError> {
        let mut run = Run {
            number: 0,
            mapping,
            seen: HashMap::new(),
        };
        let mut rows = rows.peekable();
        // A file without rows is a run too.
        while run.number == 0 || rows.peek().is_some() {
            let batch: Vec<_> = rows.by_ref().take(ROWS_A_TRANSACTION).collect();
            let mut failed = None;
            let mut next = report.clone();
            self.tx(|gateway| {
                if run.number == 0 {
                    run.number = gateway.begin_run(mapping, now, rng)?;
                    next.run = run.number;
                }
                for row in batch {
                    match row {
                        Ok(row) => gateway.take(row, &mut run, &mut next, (now, rng))?,
                        Err(error) => failed = Some(error),
                    }
                }
                gateway.count_run(mapping, &next, rng)?;
                Ok::<_, IntakeError>(())
            })?;
            *report = next;
            progress(report);
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    fn take(
        &self,
        row: Read1,
        run: &mut Run<'_>,
        report: &mut IntakeReport,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), GatewayError> {
        let (line, taken) = match row {
            Err((line, fault)) => (line, Ok(Err(fault))),
            Ok(row) => (row.line, self.take_row(&row, run, (now, rng))),
        };
        match taken? {
            Ok(Taken::Issued) => report.taken += 1,
            Ok(Taken::Waiting) => report.waiting += 1,
            Ok(Taken::Repeated) => report.repeated += 1,
            Err(Fault { column, reason }) => report.bad.push(BadRow {
                line,
                column: column.unwrap_or_else(|| "-".to_owned()),
                reason,
            }),
        }
        Ok(())
    }

    fn take_row(
        &self,
        row: &Row,
        run: &mut Run<'_>,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<Result<Taken, Fault>, GatewayError> {
        let mapping = run.mapping;
        let Mapped {
            case_reference,
            unique,
            draft,
        } = match mapping.map(row) {
            Ok(mapped) => mapped,
            Err(fault) => return Ok(Err(fault)),
        };
        let parts: Vec<_> = unique.iter().map(String::as_str).collect();
        let row_key = self.vault.keyed(&format!("row {}", mapping.vct()), &parts);
        if let Some(line) = run.seen.get(&row_key) {
            return Ok(Err(Fault::row(format!("is the same row as line {line}"))));
        }
        let taken = self.take_draft((&case_reference, &row_key), draft, run.number, now, rng)?;
        if !matches!(taken, TakenDraft::Rejected(_) | TakenDraft::Refused(_)) {
            run.seen.insert(row_key, row.line);
        }
        Ok(match taken {
            TakenDraft::Issued => Ok(Taken::Issued),
            TakenDraft::Waiting => Ok(Taken::Waiting),
            TakenDraft::Repeated => Ok(Taken::Repeated),
            TakenDraft::Rejected(rejection) => {
                let (pointer, rule) = rejection.first();
                Err(mapping.fault_at(pointer, rule))
            }
            TakenDraft::Refused(reason) => Err(Fault::row(reason.to_owned())),
        })
    }

    /// One draft of a case, out of a file or asked for by itself: validated, known by its row key, and
    /// issued or waiting.
    pub(super) fn take_draft(
        &self,
        (case_reference, row_key): (&str, &Sha256Hash),
        draft: Draft,
        run: i64,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<TakenDraft, GatewayError> {
        let record = match validate(draft.clone(), &self.catalogue, now) {
            Ok(record) => record,
            Err(rejection) => return Ok(TakenDraft::Rejected(rejection)),
        };
        let content = self.content_key(case_reference, &draft);
        match self.store.take_row(row_key, &content, run)? {
            KnownRow::New => {}
            KnownRow::Same => return Ok(TakenDraft::Repeated),
            KnownRow::Other => {
                return Ok(TakenDraft::Refused(
                    "was taken before with other content: a correction goes another way",
                ));
            }
            KnownRow::Returned => {
                return Ok(TakenDraft::Refused(
                    "was returned as not about its person: correct the case reference",
                ));
            }
        }
        let case_key = self.case_key(case_reference);
        if let Some(kept) = self.issue_to_case(&case_key, record, now, rng)? {
            self.store.bind_row(row_key, &kept)?;
            return Ok(TakenDraft::Issued);
        }
        self.let_wait((&case_key, row_key), &draft, rng)?;
        Ok(TakenDraft::Waiting)
    }

    /// A keyed hash of what a row says.
    pub(crate) fn content_key(&self, case_reference: &str, draft: &Draft) -> Sha256Hash {
        let claims = serde_json::to_string(draft.claims()).expect("claims are JSON");
        self.vault.keyed("content", &[case_reference, &claims])
    }

    fn let_wait(
        &self,
        (case_key, row_key): (&Sha256Hash, &Sha256Hash),
        draft: &Draft,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let context = crate::vault::context("row_waiting", case_key.as_bytes());
        let body = self.vault.seal(&context, draft, rng);
        Ok(self.store.add_waiting(case_key, row_key, &body)?)
    }
}
