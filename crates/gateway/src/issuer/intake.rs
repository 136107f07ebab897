//! Intake: a file of the office becomes drafts, row by row. Bad rows are reported with line, column
//! and reason, never with a value, and good rows go through.

mod check;
mod csv;
mod decode;
mod mapping;
mod ndjson;
mod offered;
mod parcels;
mod rest;
mod strict;

pub use check::{CheckReport, check_file};
pub(crate) use mapping::has_unseen;
pub use mapping::{Mapping, MappingError};
pub use rest::{PAGE_SIZE_BYTES_MAX, Source as RestSource, SourceError};
pub(crate) use strict::Strict;

pub(super) use offered::{Offered, offer};
pub(super) use parcels::Parcels;

use super::{Draft, run::Run};
use crate::{Gateway, GatewayError};
use decode::Source;
use denizen_model::{Sha256Hash, UnixTime};
use denizen_store::{StoreError, gateway::KnownRow};
use mapping::{Fault, Format, Row};
use offered::{Judged, content_key, judge};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use std::io::Read;

/// Longest row in bytes, decoded.
pub const ROW_SIZE_BYTES_MAX: usize = 1 << 20;

/// Rows in one transaction: enough of them that the disk is waited for seldom, and that all processors
/// have records to sign.
const ROWS_A_TRANSACTION: usize = 512;

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
    /// Rows that were not taken, as far as nobody has taken them out of here ([`Follow`]).
    pub bad: Vec<BadRow>,
    /// Rows that were not taken and have been taken out.
    pub bad_taken_out: u64,
}

impl IntakeReport {
    /// All rows that were read.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.taken + self.waiting + self.repeated + self.bad_count()
    }

    /// How many rows were not taken.
    #[must_use]
    pub fn bad_count(&self) -> u64 {
        self.bad_taken_out + self.bad.len() as u64
    }

    /// Takes the bad rows out, so that a file with many of them needs no memory for them.
    pub fn take_bad(&mut self) -> Vec<BadRow> {
        self.bad_taken_out += self.bad.len() as u64;
        std::mem::take(&mut self.bad)
    }

    /// The bad rows as CSV with a header: line, column, reason. It holds no value of a row, and
    /// nothing that a spreadsheet would take for a formula.
    #[must_use]
    pub fn bad_rows_csv(&self) -> String {
        let rows = self.bad.iter().map(BadRow::csv);
        std::iter::once(BAD_ROWS_HEADER.to_owned())
            .chain(rows)
            .collect()
    }
}

/// A hash over the good rows of a file's first transaction.
fn beginning(rows: &[Judged]) -> Option<Sha256Hash> {
    let good = rows.iter().filter_map(|(_, row)| row.as_ref().ok());
    let parts: Vec<_> = good.flat_map(|row| [row.row_key, row.content]).collect();
    let bytes: Vec<u8> = parts.iter().flat_map(|p| *p.as_bytes()).collect();
    (!bytes.is_empty()).then(|| Sha256Hash::of(&bytes))
}

impl IntakeReport {
    fn add_bad(&mut self, line: u64, fault: Fault) {
        self.bad.push(fault.on_line(line));
    }
}

impl Fault {
    fn on_line(self, line: u64) -> BadRow {
        BadRow {
            line,
            column: self.column.unwrap_or_else(|| "-".to_owned()),
            reason: self.reason,
        }
    }
}

/// First line of a list of bad rows.
pub const BAD_ROWS_HEADER: &str = "line,column,reason\r\n";

impl BadRow {
    /// A line of a list of bad rows.
    #[must_use]
    pub fn csv(&self) -> String {
        let quote = |text: &str| {
            let formula = text.starts_with(['=', '+', '@', '\t', '\r']);
            let guard = if formula || text.len() > 1 && text.starts_with('-') {
                "'"
            } else {
                ""
            };
            format!("\"{guard}{}\"", text.replace('"', "\"\""))
        };
        format!(
            "{},{},{}\r\n",
            self.line,
            quote(&self.column),
            quote(&self.reason)
        )
    }
}

/// Is told the report after each transaction, and at the end. It may take the bad rows out
/// ([`IntakeReport::take_bad`]); what it fails with ends the run.
pub type Follow<'a> = dyn FnMut(&mut IntakeReport) -> std::io::Result<()> + 'a;

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
    /// Whoever follows the run failed: the list of bad rows could not be written.
    #[error("the list of bad rows cannot be written")]
    Follow(#[source] std::io::Error),
    /// The gateway cannot take in anything of this kind.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

impl std::convert::From<StoreError> for IntakeError {
    fn from(error: StoreError) -> Self {
        Self::Gateway(error.into())
    }
}

/// What became of one draft.
pub(super) enum TakenDraft {
    /// It is on its way to its person.
    Issued,
    /// It waits for a confirmed link of its case.
    Waiting,
    /// It was taken before.
    Repeated,
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
        self.intake_followed(input, mapping, &mut |_| Ok(()), now, rng)
    }

    /// As [`Gateway::intake`], followed: needs the same memory for any number of rows and bad rows, but
    /// for some 20 bytes a row by which rows that stand in it twice are found.
    ///
    /// # Errors
    /// [`IntakeError`].
    pub fn intake_followed(
        &mut self,
        input: impl Read,
        mapping: &Mapping,
        follow: &mut Follow<'_>,
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
                self.take_all(rows, mapping, &mut report, follow, (now, rng))?;
            }
            Format::Ndjson => {
                let rows = ndjson::Rows::open(source, mapping);
                self.take_all(rows, mapping, &mut report, follow, (now, rng))?;
            }
        }
        Ok(report)
    }

    fn take_all(
        &mut self,
        rows: impl Iterator<Item = Result<Read1, IntakeError>>,
        mapping: &Mapping,
        report: &mut IntakeReport,
        follow: &mut Follow<'_>,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), IntakeError> {
        let mut run = Run::new(mapping);
        let mut rows = rows.peekable();
        // A file without rows is a run too.
        while !run.has_begun() || rows.peek().is_some() {
            let (mut batch, mut failed) = (Vec::with_capacity(ROWS_A_TRANSACTION), None);
            while batch.len() < ROWS_A_TRANSACTION
                && let Some(row) = rows.next()
            {
                match row {
                    Ok(row) => batch.push(row),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            let ended = failed.is_none() && rows.peek().is_none();
            let judged = self.judge_all(batch, mapping, now);
            self.tx(|g| {
                g.take_judged(judged, &mut run, report, (now, rng))?;
                g.keep_run(&run, report, ended, rng)?;
                Ok::<_, IntakeError>(())
            })?;
            follow(report).map_err(IntakeError::Follow)?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    }

    /// What of rows can be judged without the database, on all processors.
    fn judge_all(&self, rows: Vec<Read1>, mapping: &Mapping, now: UnixTime) -> Vec<Judged> {
        let (vault, catalogue) = (&self.vault, &*self.catalogue);
        let judge = |row: Read1| match row {
            Err((line, fault)) => (line, Err(fault)),
            Ok(row) => (row.line, judge(&row, mapping, (vault, catalogue), now)),
        };
        rows.into_par_iter().map(judge).collect()
    }

    /// Takes judged rows in their order, within the caller's transaction.
    fn take_judged(
        &self,
        rows: Vec<Judged>,
        run: &mut Run<'_>,
        report: &mut IntakeReport,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), GatewayError> {
        if !run.has_begun() {
            self.begin_run(run, beginning(&rows), now, rng)?;
        }
        report.run = run.number();
        let mut parcels = Parcels::default();
        for (line, row) in rows {
            let taken = match row {
                Ok(row) => self.take_row((line, row), run, &mut parcels, (now, rng))?,
                Err(fault) => Err(fault),
            };
            match taken {
                Ok(TakenDraft::Issued) => report.taken += 1,
                Ok(TakenDraft::Waiting) => report.waiting += 1,
                Ok(TakenDraft::Repeated) => report.repeated += 1,
                Ok(TakenDraft::Refused(reason)) => {
                    report.add_bad(line, Fault::row(reason.to_owned()));
                }
                Err(fault) => report.add_bad(line, fault),
            }
        }
        self.send_parcels(parcels.all_mut(), now, rng)
    }

    fn take_row(
        &self,
        (line, row): (u64, Offered),
        run: &mut Run<'_>,
        parcels: &mut Parcels,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<Result<TakenDraft, Fault>, GatewayError> {
        let row_key = row.row_key;
        if let Some(line) = run.line_of(&row_key)
            && self.store.knows_row(&row_key)?
        {
            return Ok(Err(Fault::row(format!("is the same row as line {line}"))));
        }
        let taken = self.take_offered(row, run.number(), parcels, (now, rng))?;
        if !matches!(taken, TakenDraft::Refused(_)) {
            run.has_taken(&row_key, line);
        }
        Ok(Ok(taken))
    }

    /// One record of a case, out of a file or asked for by itself: known by its row key, and in a parcel
    /// to its person or waiting.
    pub(super) fn take_offered(
        &self,
        offered: Offered,
        run: i64,
        parcels: &mut Parcels,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<TakenDraft, GatewayError> {
        let row_key = offered.row_key;
        match self.store.take_row(&row_key, &offered.content, run)? {
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
        let case_key = offered.case_key;
        if let Some(parcel) = parcels.of_case(self, &case_key)?
            && parcel.link.allows(&offered.record.kind().vct)
        {
            let record = (offered.record, Some(row_key));
            self.prepare(parcel, record, now, rng)?;
            return Ok(TakenDraft::Issued);
        }
        self.let_wait((&case_key, &row_key), &offered.record.to_draft(), rng)?;
        Ok(TakenDraft::Waiting)
    }

    /// A keyed hash of what a row says.
    pub(crate) fn content_key(&self, case_reference: &str, draft: &Draft) -> Sha256Hash {
        content_key(&self.vault, case_reference, draft)
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
