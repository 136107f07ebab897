//! What the applicant changes: another version, a correction of a paper, her withdrawal.

use super::{CaseBody, CaseState};
use crate::{
    About, EventKind, Gateway, GatewayError,
    file::FileOwner,
    inbox::Opened,
    link::Link,
    verifier::{
        acting::{ActOf, Acting, check_later},
        verify::{
            Evidence, EvidenceItem, EvidenceRequest, MADE_AFTER_S, MADE_BEFORE_S, VerifyError,
            verify_correction,
        },
    },
};
use denizen_model::{
    UnixTime,
    mandate::MandateError,
    message::{
        ApplicationEvent, ApplicationState, ApplicationSubmit, Body, EvidenceUpdate, StatusChange,
        Text,
    },
};
use denizen_store::gateway::CaseRow;

impl Gateway {
    /// The case of a message's thread, if it is of this link and its papers are there.
    fn case_in_thread(
        &self,
        link: &Link,
        opened: &Opened,
    ) -> Result<Option<(CaseRow, CaseBody)>, GatewayError> {
        let Some(thread) = opened.message().thid else {
            return Ok(None);
        };
        let row = self.store.case_of_thread(&link.address, &thread)?;
        let row = row.filter(|r| r.sealed.is_some());
        row.map(|row| self.case(&row.case_reference)).transpose()
    }

    /// `application/amend`: checked as a whole, it takes the earlier version's place; refused, the
    /// earlier version stays in force (D9).
    pub(crate) fn amend(
        &self,
        link: &mut Link,
        opened: &Opened,
        submit: &ApplicationSubmit,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let pos = opened.verified().opening.pos;
        let Some((row, body)) = self.case_in_thread(link, opened)? else {
            // It crossed with the end of the case, of which she was told.
            return Ok(self.store.add_erasure(pos)?);
        };
        let state = CaseState::of(row.state)?;
        let (code, text) = match self.check_amendment(opened, submit, &row, now) {
            Ok(evidence) if state.is_open() => {
                self.replace_papers(&row, body, (opened, submit, evidence), now, rng)?;
                let english = "Your changed application was taken.";
                ("amended", self.words(link, "amended", english, &[]))
            }
            checked => {
                self.store.add_erasure(pos)?;
                let code = checked.map_or_else(|e| e.code(), |_| "not-open");
                let reason = self.words(link, code, code, &[]);
                let slots = [("reason", reason.as_str())];
                (code, self.words(link, "amend-refused", &reason, &slots))
            }
        };
        let event = ApplicationEvent {
            state: state.told(),
            case_reference: Some(row.case_reference.clone()),
            code: Some(code.to_owned()),
            text,
            due: None,
            records: Vec::new(),
        };
        let event = Body::ApplicationEvent(event);
        self.post(link, Some(row.thread), event, now, rng)
    }

    fn check_amendment(
        &self,
        opened: &Opened,
        submit: &ApplicationSubmit,
        row: &CaseRow,
        now: UnixTime,
    ) -> Result<Evidence, VerifyError> {
        if submit.replaces != Some(row.thread) || submit.purpose != row.service {
            return Err(VerifyError::OtherPurpose);
        }
        let evidence = self.check_papers(opened, submit, now)?;
        Ok(evidence.in_thread(row.thread))
    }

    fn replace_papers(
        &self,
        row: &CaseRow,
        mut body: CaseBody,
        (opened, submit, evidence): (&Opened, &ApplicationSubmit, Evidence),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        for pos in body.places() {
            self.store.add_erasure(pos)?;
        }
        body.earlier.push(body.sent.unwrap_or(row.filed));
        let body = CaseBody {
            evidence,
            pos: opened.verified().opening.pos,
            more_pos: Vec::new(),
            receipt: opened.receipt().clone(),
            service_hash: Some(submit.service),
            sent: Some(now),
            ..body
        };
        let row = CaseRow {
            flagged: true,
            ..row.clone()
        };
        let about = About::case(&row.case_reference);
        self.tell(EventKind::CaseAmended, &about, now, rng)?;
        // This version's files take the place of the earlier one's.
        let owner = FileOwner::Case(&row.case_reference);
        self.destroy_files(owner)?;
        let vault = self.case_vault(&row)?;
        self.keep_files(owner, &vault, opened.message(), now, rng)?;
        self.save_case(&row, Some(&body), rng)
    }

    /// `application/withdraw`: the case is closed and its papers are destroyed at once.
    pub(crate) fn withdraw(
        &self,
        link: &mut Link,
        opened: &Opened,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.store.add_erasure(opened.verified().opening.pos)?;
        let Some((mut row, body)) = self.case_in_thread(link, opened)? else {
            return Ok(());
        };
        if !CaseState::of(row.state)?.is_open() {
            return Ok(());
        }
        if let Err(error) = self.may_withdraw(opened, &body, now)? {
            let reason = self.words(link, error.code(), &error.to_string(), &[]);
            let event = ApplicationEvent {
                state: CaseState::of(row.state)?.told(),
                case_reference: Some(row.case_reference.clone()),
                code: Some(error.code().to_owned()),
                text: reason,
                due: None,
                records: Vec::new(),
            };
            let event = Body::ApplicationEvent(event);
            return self.post(link, Some(row.thread), event, now, rng);
        }
        for pos in body.places() {
            self.store.add_erasure(pos)?;
        }
        row.state = CaseState::Withdrawn as u8;
        row.flagged = false;
        self.save_case(&row, None, rng)?;
        let about = About::case(&row.case_reference);
        self.tell(EventKind::CaseWithdrawn, &about, now, rng)?;
        let english = "Your application was closed as you asked.";
        let event = ApplicationEvent {
            state: ApplicationState::Withdrawn,
            case_reference: Some(row.case_reference.clone()),
            code: None,
            text: self.words(link, "withdrawn", english, &[]),
            due: None,
            records: Vec::new(),
        };
        let event = Body::ApplicationEvent(event);
        self.post(link, Some(row.thread), event, now, rng)?;
        self.end_filed(link, &row, &body, StatusChange::Revoked, (now, rng))
    }

    /// What was filed under a mandate is taken back under it, or by the person once she is of age.
    fn may_withdraw(
        &self,
        opened: &Opened,
        body: &CaseBody,
        now: UnixTime,
    ) -> Result<Result<(), MandateError>, GatewayError> {
        let (Some(acting), Some(version)) = (body.evidence.acting(), &body.service_hash) else {
            return Ok(Ok(()));
        };
        let delivered = opened.verified().opening.time;
        let of = ActOf {
            message: opened.message(),
            org: &self.config.org,
            service: body.evidence.service(),
            version,
            made: (
                delivered.plus_s(-MADE_BEFORE_S),
                delivered.plus_s(MADE_AFTER_S),
            ),
            trust: self.trust()?,
            now,
        };
        let shown = body.evidence.items().iter().map(EvidenceItem::claims);
        Ok(check_later(acting, shown, of))
    }

    /// `evidence/update`: a correction, or her reply, beside the paper that it is about; the officer
    /// sees both (D11).
    pub(crate) fn update_evidence(
        &self,
        link: &mut Link,
        opened: &Opened,
        update: &EvidenceUpdate,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let pos = opened.verified().opening.pos;
        let found = self.case_in_thread(link, opened)?;
        let found = found.filter(|(_, b)| b.evidence.item(&update.old_sd_hash).is_some());
        let Some((mut row, mut body)) = found else {
            // Its papers were destroyed before, or never taken: there is nothing to correct.
            return Ok(self.store.add_erasure(pos)?);
        };
        let newer = match self.check_update(opened, update, &body, now) {
            Ok(newer) => newer,
            Err(error) => {
                self.store.add_erasure(pos)?;
                let reason = self.words(link, error.code(), &error.to_string(), &[]);
                let slots = [("reason", reason.as_str())];
                let text = self.words(link, "correction-refused", &reason, &slots);
                let note = Body::Note(Text { text });
                return self.post(link, Some(row.thread), note, now, rng);
            }
        };
        let reply = update.reply.as_deref();
        body.evidence.correct(&update.old_sd_hash, newer, reply);
        if CaseState::of(row.state)?.is_open() {
            body.more_pos.push(pos);
        } else {
            body.evidence = body.evidence.used();
            self.store.add_erasure(pos)?;
        }
        row.flagged = true;
        let about = About::case(&row.case_reference);
        self.tell(EventKind::EvidenceUpdated, &about, now, rng)?;
        self.save_case(&row, Some(&body), rng)
    }

    fn check_update(
        &self,
        opened: &Opened,
        update: &EvidenceUpdate,
        body: &CaseBody,
        now: UnixTime,
    ) -> Result<Option<(EvidenceItem, Option<Acting>)>, VerifyError> {
        let Some(named) = &update.attachment else {
            return Ok(None);
        };
        let mut attachments = opened.message().attachments.iter();
        let attachment = attachments.find(|a| a.id == *named);
        let attachment = attachment.ok_or(VerifyError::Missing)?;
        let old = body.evidence.item(&update.old_sd_hash);
        let query = old.ok_or(VerifyError::Missing)?.query().to_owned();
        let trust = self.trust().map_err(|_| VerifyError::ServiceUnknown)?;
        let service = body.service_hash.ok_or(VerifyError::ServiceUnknown)?;
        let entry = trust.directory().service(&service);
        let request = EvidenceRequest {
            org: &self.config.org,
            service: &service,
            entry: entry.ok_or(VerifyError::ServiceUnknown)?,
        };
        let shown = (&query, attachment);
        verify_correction(opened, shown, request, trust, &self.catalogue, now).map(Some)
    }
}
