//! What a person at the desk does with a case: open it, ask for more, decide it.

use super::{
    CaseBody, CaseState, CaseView, summary,
    view::{shown_claims, view},
};
use crate::{
    Gateway, GatewayError,
    link::Link,
    verifier::decide::{Officer, Verdict, decide},
};
use denizen_model::{
    UnixTime,
    message::{AccessNotice, ApplicationEvent, ApplicationState, Body, StatusChange},
};
use denizen_store::gateway::CaseRow;
use jiff::civil::Date;

impl Gateway {
    /// Opens a case at the desk. The person whose papers they are is told: when, in which role, for
    /// which purpose, which claims.
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`], [`GatewayError::CaseClosed`] once destroyed.
    pub fn open_case(
        &mut self,
        case_reference: &str,
        role: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<CaseView, GatewayError> {
        self.open_case_for(case_reference, (role, None), now, rng)
    }

    /// As [`Gateway::open_case`], with the purpose that the person is told; the service's name if none
    /// is given.
    ///
    /// # Errors
    /// As [`Gateway::open_case`].
    pub fn open_case_for(
        &mut self,
        case_reference: &str,
        (role, purpose): (&str, Option<&str>),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<CaseView, GatewayError> {
        self.load_trust(now)?;
        self.tx(|g| {
            let (mut row, body) = g.case(case_reference)?;
            let notice = AccessNotice {
                at: now,
                role: role.to_owned(),
                purpose: purpose.unwrap_or(&row.service).to_owned(),
                claims: shown_claims(&body.evidence),
            };
            if let Some(mut link) = g.link(&row.address)? {
                let notice = Body::AccessNotice(notice);
                g.post(&mut link, Some(row.thread), notice, now, rng)?;
                g.save_link(&link, rng)?;
            }
            if row.state == CaseState::Filed as u8 {
                row.state = CaseState::InReview as u8;
            }
            row.flagged = false;
            g.save_case(&row, Some(&body), rng)?;
            let (summary, evidence) = (summary(&row)?, &body.evidence);
            Ok(view(summary, evidence, body.earlier, g.trust()?))
        })
    }

    /// Asks the applicant for more, until a date (D9).
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`], [`GatewayError::CaseClosed`], [`GatewayError::ReasonMissing`].
    pub fn ask_more(
        &mut self,
        case_reference: &str,
        text: &str,
        due: Date,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        if text.trim().is_empty() {
            return Err(GatewayError::ReasonMissing);
        }
        self.tx(|g| {
            let (row, _) = g.open_case_row(case_reference)?;
            let event = ApplicationEvent {
                state: ApplicationState::MoreNeeded,
                case_reference: Some(case_reference.to_owned()),
                code: None,
                text: text.trim().to_owned(),
                due: Some(due),
                records: Vec::new(),
            };
            let mut link = g.link_of_case(&row)?;
            let thread = Some(row.thread);
            g.post(&mut link, thread, Body::ApplicationEvent(event), now, rng)?;
            g.save_link(&link, rng)
        })
    }

    fn open_case_row(&self, case_reference: &str) -> Result<(CaseRow, CaseBody), GatewayError> {
        let (row, body) = self.case(case_reference)?;
        if CaseState::of(row.state)?.is_open() {
            Ok((row, body))
        } else {
            Err(GatewayError::CaseClosed)
        }
    }

    pub(crate) fn link_of_case(&self, row: &CaseRow) -> Result<Link, GatewayError> {
        let link = self.link(&row.address)?;
        link.ok_or(GatewayError::Damaged("database"))
    }

    /// Decides a case: the decision and what it grants go to her in one envelope; of the papers only
    /// the claims that were used stay, until retention ends.
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`], [`GatewayError::CaseClosed`], [`GatewayError::Decide`],
    /// [`GatewayError::Rejected`], [`GatewayError::KindNotAdmitted`]: nothing is changed.
    pub fn decide(
        &mut self,
        case_reference: &str,
        verdict: Verdict,
        officer_role: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.load_trust(now)?;
        let files = std::mem::take(&mut self.to_attach);
        self.tx(|g| {
            let (row, body) = g.open_case_row(case_reference)?;
            let authority = g.own_name();
            let officer = Officer {
                authority: &authority,
                role: officer_role,
                case_reference,
            };
            let mut drafts = decide(&body.evidence, &verdict, officer, now)?.into_iter();
            let decision = drafts.next().map(|d| d.replacing(body.filed));
            let drafts = decision.into_iter().chain(drafts).collect();
            let mut link = g.link_of_case(&row)?;
            let credentials = g.mint(&mut link, drafts, now, rng)?;
            let (state, text, due) = match &verdict {
                Verdict::Granted(_) => {
                    let text = g.words(&link, "granted", "Your application was granted.", &[]);
                    (CaseState::Granted, text, None)
                }
                Verdict::Refused { reason, appeal } => (
                    CaseState::Refused,
                    reason.trim().to_owned(),
                    Some(appeal.until),
                ),
            };
            let event = ApplicationEvent {
                state: ApplicationState::Decided,
                case_reference: Some(case_reference.to_owned()),
                code: Some(state.name().to_owned()),
                text,
                due,
                records: Vec::new(),
            };
            let event = (event, credentials, files);
            g.post_event_with(&mut link, row.thread, event, now, rng)?;
            g.end_filed(&mut link, &row, &body, StatusChange::Corrected, (now, rng))?;
            g.save_link(&link, rng)?;
            g.keep_used(row, body, state, now, rng)
        })
    }

    /// The proof of filing no longer counts: there is a decision, or nothing to decide.
    pub(super) fn end_filed(
        &self,
        link: &mut Link,
        row: &CaseRow,
        body: &CaseBody,
        change: StatusChange,
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<(), GatewayError> {
        let Some(filed) = &body.filed else {
            return Ok(());
        };
        let reason = self.words(
            link,
            "filed-over",
            "The application is not pending now.",
            &[],
        );
        let about = (filed, (change, reason));
        self.post_status(link, Some(row.thread), about, now, rng)
    }

    /// Replaces a decided case's evidence by the claims that were used.
    fn keep_used(
        &self,
        mut row: CaseRow,
        body: CaseBody,
        state: CaseState,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let days = i64::from(body.evidence.service().retention_days);
        for pos in body.places() {
            self.store.add_erasure(pos)?;
        }
        let used = CaseBody {
            evidence: body.evidence.used(),
            ..body
        };
        row.state = state as u8;
        row.retain_until = Some(now.plus_s(days * UnixTime::DAY_S));
        self.save_case(&row, Some(&used), rng)
    }
}
