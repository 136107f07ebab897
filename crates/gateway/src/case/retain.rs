//! What time alone changes: proofs of filing are renewed, retentions end.

use super::{CaseBody, CaseState};
use crate::{
    About, EventKind, Gateway, GatewayError,
    verifier::decide::{FiledDates, filed},
};
use denizen_model::{
    UnixTime,
    message::{ApplicationEvent, Body, StatusChange, Text},
};
use denizen_store::gateway::CaseRow;

impl Gateway {
    /// Renews the proofs of filing that end without a decision (D8), and ends the retention of
    /// decided cases and answered disputes: their keys are destroyed, and each person is told. Gives
    /// how many were destroyed.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn retain(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<u64, GatewayError> {
        self.load_trust(now)?;
        self.tx(|g| {
            for row in g.store.cases()? {
                if CaseState::of(row.state)?.is_open() && row.due <= now {
                    g.renew_filed(row, now, rng)?;
                }
            }
            g.forget_events(now)?;
            let mut count = g.retain_disputes(now)?;
            for mut row in g.store.cases_to_destroy(now)? {
                row.state = CaseState::Destroyed as u8;
                g.save_case(&row, None, rng)?;
                g.destroy_notes(&row.address, Some(&row.thread))?;
                let about = About::case(&row.case_reference);
                g.tell(EventKind::CaseDestroyed, &about, now, rng)?;
                if let Some(mut link) = g.link(&row.address)? {
                    let slots = [("case", row.case_reference.as_str())];
                    let english = "What was kept of your application has been destroyed.";
                    let text = g.words(&link, "retention-ended", english, &slots);
                    let note = Body::Note(Text { text });
                    g.post(&mut link, Some(row.thread), note, now, rng)?;
                    link.forget_helpers(Some(&row.thread));
                    g.save_link(&link, rng)?;
                }
                count += 1;
            }
            Ok(count)
        })
    }

    /// A renewed proof for a case whose decision is late.
    fn renew_filed(
        &self,
        row: CaseRow,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let (row, body) = self.case(&row.case_reference)?;
        if now < body.filed_until.unwrap_or(row.due) {
            return Ok(());
        }
        let days = i64::from(body.evidence.service().deadline_days.max(1));
        let until = now.plus_s(days * UnixTime::DAY_S);
        let dates = FiledDates {
            filed: row.filed.date(),
            due: row.due.date(),
            until: until.date(),
        };
        let mut link = self.link_of_case(&row)?;
        let draft = filed(&body.evidence, &self.own_name(), dates).replacing(body.filed);
        let credentials = self.mint(&mut link, vec![draft], now, rng)?;
        let renewed = credentials.first().map(|c| *c.kept_hash());
        let english = "There is no decision yet. Your application is still pending.";
        let event = ApplicationEvent {
            state: CaseState::of(row.state)?.told(),
            case_reference: Some(row.case_reference.clone()),
            code: Some("renewed".to_owned()),
            text: self.words(&link, "renewed", english, &[]),
            due: Some(until.date()),
            records: Vec::new(),
        };
        self.post_event(&mut link, row.thread, (event, credentials), now, rng)?;
        if renewed.is_some() {
            self.end_filed(&mut link, &row, &body, StatusChange::Corrected, (now, rng))?;
        }
        self.save_link(&link, rng)?;
        let body = CaseBody {
            filed: renewed.or(body.filed),
            filed_until: Some(until),
            ..body
        };
        self.save_case(&row, Some(&body), rng)
    }
}
