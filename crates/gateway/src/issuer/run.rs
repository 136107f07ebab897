//! Runs of intake: each has a number, and a wrong one can be undone as a whole.

use super::intake::{IntakeReport, Mapping};
use crate::{Gateway, GatewayError, vault::context};
use denizen_model::{UnixTime, message::StatusChange};
use denizen_store::gateway::RunRow;
use serde::{Deserialize, Serialize};

/// A run as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeRun {
    /// Its number.
    pub number: i64,
    /// When.
    pub at: UnixTime,
    /// The kind of its rows.
    pub vct: String,
    /// Rows that went to their person, or waited.
    pub taken: u64,
    /// Rows that were not taken.
    pub bad: u64,
    /// Why it was undone, if it was.
    pub undone: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RunBody {
    vct: String,
    taken: u64,
    bad: u64,
    reason: Option<String>,
}

impl Gateway {
    /// Begins a run, within the transaction of its first rows.
    pub(super) fn begin_run(
        &self,
        mapping: &Mapping,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<i64, GatewayError> {
        let body = RunBody {
            vct: mapping.vct().to_owned(),
            taken: 0,
            bad: 0,
            reason: None,
        };
        let body = self.vault.seal(&context("run", b""), &body, rng);
        Ok(self.store.add_run(now, &body)?)
    }

    /// Keeps the counts of a run so far.
    pub(super) fn count_run(
        &self,
        mapping: &Mapping,
        report: &IntakeReport,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let body = RunBody {
            vct: mapping.vct().to_owned(),
            taken: report.taken + report.waiting,
            bad: report.bad.len() as u64,
            reason: None,
        };
        let body = self.vault.seal(&context("run", b""), &body, rng);
        Ok(self.store.change_run(report.run, false, &body)?)
    }

    /// All runs, oldest first.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn runs(&self) -> Result<Vec<IntakeRun>, GatewayError> {
        let run = |row: RunRow| {
            let body: RunBody = self.vault.open(&context("run", b""), &row.body)?;
            Ok(IntakeRun {
                number: row.number,
                at: row.at,
                vct: body.vct,
                taken: body.taken,
                bad: body.bad,
                undone: body.reason,
            })
        };
        self.store.runs()?.into_iter().map(run).collect()
    }

    /// Undoes a run: what it issued is withdrawn, each person is told why, what waits is dropped.
    /// Its rows may be taken in again. Gives how many were withdrawn and how many dropped.
    ///
    /// # Errors
    /// [`GatewayError::RunUnknown`] if there is no such run or it was undone before.
    pub fn undo_run(
        &mut self,
        number: i64,
        reason: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(u64, u64), GatewayError> {
        self.tx(|g| {
            let runs = g.store.runs()?;
            let run = runs.into_iter().find(|r| r.number == number && !r.undone);
            let run = run.ok_or(GatewayError::RunUnknown)?;
            let mut count = (0, 0);
            for row in g.store.rows_of_run(number)? {
                match row.kept {
                    Some(kept) if g.withdraw_record(&kept, reason, now, rng)? => count.0 += 1,
                    Some(_) => {}
                    None => count.1 += 1,
                }
                g.store.drop_row(&row.row_key)?;
            }
            let at = context("run", b"");
            let mut body: RunBody = g.vault.open(&at, &run.body)?;
            body.reason = Some(reason.to_owned());
            let body = g.vault.seal(&at, &body, rng);
            g.store.change_run(number, true, &body)?;
            Ok(count)
        })
    }

    /// Withdraws a record with its reason; `false` if it was withdrawn before.
    fn withdraw_record(
        &self,
        kept: &denizen_model::Sha256Hash,
        reason: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<bool, GatewayError> {
        let invalid = denizen_credential::Status::Invalid as u8;
        let row = self.store.record(kept)?;
        let link = row.map(|r| self.link(&r.address)).transpose()?.flatten();
        let Some(mut link) = link else {
            return Ok(false);
        };
        if self.store.status_of(kept)?.0 == invalid {
            return Ok(false);
        }
        let change = (StatusChange::Revoked, reason.to_owned());
        self.post_status(&mut link, None, (kept, change), now, rng)?;
        self.save_link(&link, rng)?;
        Ok(true)
    }
}
