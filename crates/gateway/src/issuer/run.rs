//! Runs of intake: each has a number, and a wrong one can be undone as a whole.

use super::intake::{IntakeReport, Mapping};
use crate::{Gateway, GatewayError, vault::context};
use denizen_model::{Sha256Hash, UnixTime, message::StatusChange};
use denizen_store::gateway::RunRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Whether its file was read to the end. One that was cut off goes on when its file is given again.
    pub ended: bool,
    /// Why it was undone, if it was.
    pub undone: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RunBody {
    vct: String,
    taken: u64,
    bad: u64,
    reason: Option<String>,
    /// Hash over the good rows of its first transaction, by which the same file is known again.
    #[serde(default)]
    first: Option<Sha256Hash>,
    /// Whether its file was read to the end.
    #[serde(default = "ended")]
    ended: bool,
}

/// For how long a run that was cut off goes on when its file comes again, in seconds.
const GOES_ON_S: i64 = 7 * UnixTime::DAY_S;

/// Of runs from before this was kept.
fn ended() -> bool {
    true
}

/// A run under way.
pub(super) struct Run<'a> {
    mapping: &'a Mapping,
    /// Its number; none before its first transaction.
    number: Option<i64>,
    first: Option<Sha256Hash>,
    /// What it had taken when it was cut off, if it goes on.
    taken_before: u64,
    /// Bad rows of before that do not come again.
    bad_before: u64,
    /// Rows of this file, by the beginning of their keyed hashes, and the lines where they are.
    seen: BTreeMap<u64, u32>,
}

impl<'a> Run<'a> {
    pub(super) fn new(mapping: &'a Mapping) -> Self {
        Self {
            mapping,
            number: None,
            first: None,
            taken_before: 0,
            bad_before: 0,
            seen: BTreeMap::new(),
        }
    }

    pub(super) fn mapping(&self) -> &'a Mapping {
        self.mapping
    }

    pub(super) fn has_begun(&self) -> bool {
        self.number.is_some()
    }

    pub(super) fn number(&self) -> i64 {
        self.number.unwrap_or_default()
    }

    /// The line of a row of this file that is probably the same; whoever asks looks for it in the
    /// database too.
    pub(super) fn line_of(&self, row_key: &Sha256Hash) -> Option<u32> {
        self.seen.get(&beginning(row_key)).copied()
    }

    pub(super) fn has_taken(&mut self, row_key: &Sha256Hash, line: u64) {
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        self.seen.entry(beginning(row_key)).or_insert(line);
    }
}

fn beginning(row_key: &Sha256Hash) -> u64 {
    let bytes = row_key.as_bytes().first_chunk();
    u64::from_be_bytes(bytes.copied().unwrap_or_default())
}

impl Run<'_> {
    fn body(&self, report: &IntakeReport, ended: bool) -> RunBody {
        RunBody {
            vct: self.mapping.vct().to_owned(),
            taken: self.taken_before + report.taken + report.waiting,
            bad: self.bad_before + report.bad_count(),
            reason: None,
            first: self.first,
            ended,
        }
    }
}

impl Gateway {
    /// Begins a run, within the transaction of its first rows. The newest one goes on if it was cut off
    /// in the last days and its file begins with the same rows.
    pub(super) fn begin_run(
        &self,
        run: &mut Run<'_>,
        first: Option<Sha256Hash>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        run.first = run.first.or(first);
        if run.has_begun() {
            return Ok(());
        }
        if let Some(row) = self.store.newest_run()?.filter(|row| !row.undone) {
            let body: RunBody = self.vault.open(&context("run", b""), &row.body)?;
            let same = body.vct == run.mapping.vct() && body.first == run.first;
            let lately = now <= row.at.plus_s(GOES_ON_S);
            if !body.ended && same && lately && run.first.is_some() {
                run.number = Some(row.number);
                run.taken_before = body.taken;
                return Ok(());
            }
        }
        let body = run.body(&IntakeReport::default(), false);
        let body = self.vault.seal(&context("run", b""), &body, rng);
        run.number = Some(self.store.add_run(now, &body)?);
        Ok(())
    }

    /// Goes on with a run that was cut off in the last days, if nobody undid it; else nothing changes, and
    /// another one begins.
    pub(super) fn go_on(
        &self,
        run: &mut Run<'_>,
        number: i64,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let Some(row) = self.store.run(number)?.filter(|row| !row.undone) else {
            return Ok(());
        };
        let body: RunBody = self.vault.open(&context("run", b""), &row.body)?;
        let same = body.vct == run.mapping.vct();
        if !body.ended && same && now <= row.at.plus_s(GOES_ON_S) {
            run.first = body.first;
            run.number = Some(number);
            (run.taken_before, run.bad_before) = (body.taken, body.bad);
        }
        Ok(())
    }

    /// Keeps the counts of a run so far, and whether its file has ended.
    pub(super) fn keep_run(
        &self,
        run: &Run<'_>,
        report: &IntakeReport,
        ended: bool,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        // Somebody may have undone it meanwhile, from another process.
        let kept = self.store.run(run.number())?.filter(|row| !row.undone);
        kept.ok_or(GatewayError::RunUnknown)?;
        let body = run.body(report, ended);
        let body = self.vault.seal(&context("run", b""), &body, rng);
        Ok(self.store.change_run(run.number(), false, &body)?)
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
                ended: body.ended,
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
        kept: &Sha256Hash,
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
