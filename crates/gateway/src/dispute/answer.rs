//! A person's answer to a dispute, and what follows from it.

use super::{DisputeKind, DisputeProgress, KEPT_DAYS};
use crate::{
    Gateway, GatewayError, issuer::seal::record_letters, issuer::validate::validate, link::Link,
    post::Dispatch,
};
use denizen_model::{
    Sha256Hash, UnixTime,
    message::{DisputeState, StatusChange},
};
use denizen_store::gateway::{DisputeRow, Effect, UNCONTESTED};
use serde_json::{Map, Value};

/// What an officer answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The record stays.
    Reject {
        /// Why, in words for her.
        reason: String,
    },
    /// The record is corrected.
    Uphold {
        /// All claims of the corrected record, of the same kind.
        claims: Map<String, Value>,
    },
}

impl Gateway {
    /// Answers a dispute. Upheld: the corrected record goes to her and replaces the old one, which no
    /// longer counts once she has it. Rejected: the record's status is again what it was.
    ///
    /// # Errors
    /// [`GatewayError::DisputeUnknown`], [`GatewayError::DisputeOver`], [`GatewayError::ReasonMissing`],
    /// [`GatewayError::Rejected`] if the corrected claims do not fit the kind; nothing is changed.
    pub fn answer_dispute(
        &mut self,
        number: i64,
        answer: &Answer,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.load_trust(now)?;
        let files = std::mem::take(&mut self.to_attach);
        self.tx(|g| {
            let (row, _) = g.dispute(number)?;
            if row.state != DisputeProgress::Open as u8 || row.kind != DisputeKind::Wrong as u8 {
                return Err(GatewayError::DisputeOver);
            }
            let link = g.link(&row.address)?;
            let mut link = link.ok_or(GatewayError::Damaged("database"))?;
            let (progress, state, text) = match answer {
                Answer::Reject { reason } if reason.trim().is_empty() => {
                    return Err(GatewayError::ReasonMissing);
                }
                Answer::Reject { reason } => (
                    DisputeProgress::Rejected,
                    DisputeState::Rejected,
                    reason.trim().to_owned(),
                ),
                Answer::Uphold { claims } => {
                    g.correct(&mut link, &row, claims.clone(), now, rng)?;
                    let text = g.words(&link, "dispute-upheld", "The record is corrected.", &[]);
                    (DisputeProgress::Upheld, DisputeState::Upheld, text)
                }
            };
            let effect = Effect {
                kept: row.kept,
                status: UNCONTESTED,
            };
            // Two devices may have disputed the same record: one answer is for both.
            for row in g.store.disputes_about(&row.kept)? {
                let open = row.state == DisputeProgress::Open as u8;
                if open && row.kind == DisputeKind::Wrong as u8 {
                    let event = (state, text.clone(), None);
                    let letter = (event, Some(effect), files.clone());
                    g.post_dispute(&mut link, row.thread, letter, now, rng)?;
                    g.end_dispute(row, progress, now)?;
                }
            }
            g.save_link(&link, rng)
        })
    }

    /// Issues the corrected record in the old one's place.
    fn correct(
        &self,
        link: &mut Link,
        row: &DisputeRow,
        claims: Map<String, Value>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Sha256Hash, GatewayError> {
        let draft = self.disputed_record(row)?.draft.corrected(claims, row.kept);
        if !self.is_admitted(draft.vct(), now)? {
            return Err(GatewayError::KindNotAdmitted(draft.vct().to_owned()));
        }
        let content = link
            .case_reference()
            .map(|case| self.content_key(case, &draft));
        let record = validate(draft, &self.catalogue, now)?;
        let credential = self.sign_for(link, record, now, rng)?;
        let kept = *credential.kept_hash();
        for letter in record_letters(credential) {
            let dispatch = Dispatch::reserved(letter, None);
            self.dispatch_to(link, Some(row.thread), dispatch, now, rng)?;
        }
        // The office's next file has the corrected row: it is known.
        self.store.rebind_row(&row.kept, &kept, content.as_ref())?;
        let reason = self.words(link, "corrected", "Corrected after your objection.", &[]);
        let change = (StatusChange::Corrected, reason);
        self.post_status(link, Some(row.thread), (&row.kept, change), now, rng)?;
        Ok(kept)
    }

    /// A clerk has put right the case reference of a returned record: in the office's file, or of the
    /// link itself. What waited for the link is on its way.
    ///
    /// # Errors
    /// [`GatewayError::DisputeUnknown`], [`GatewayError::DisputeOver`].
    pub fn clear_returned(
        &mut self,
        number: i64,
        case_reference: Option<&str>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.load_trust(now)?;
        self.tx(|g| {
            let (row, _) = g.dispute(number)?;
            let returned = |r: &DisputeRow| {
                r.state == DisputeProgress::Open as u8 && r.kind == DisputeKind::NotMine as u8
            };
            if !returned(&row) {
                return Err(GatewayError::DisputeOver);
            }
            let address = row.address;
            g.end_dispute(row, DisputeProgress::Cleared, now)?;
            let link = g.link(&address)?;
            let mut link = link.ok_or(GatewayError::Damaged("database"))?;
            if let Some(case_reference) = case_reference {
                link.set_case_reference(case_reference);
            }
            if !g.store.disputes_of(&address)?.iter().any(returned) {
                link.body.held = false;
                g.store.unpark(&address, false)?;
                g.issue_waiting(&mut link, now, rng)?;
            }
            g.save_link(&link, rng)
        })
    }

    /// What came with it is erased at the hub; here it stays until its retention ends.
    fn end_dispute(
        &self,
        row: DisputeRow,
        progress: DisputeProgress,
        now: UnixTime,
    ) -> Result<(), GatewayError> {
        let (_, body) = self.dispute(row.number)?;
        self.store.add_erasure(body.pos)?;
        let row = DisputeRow {
            state: progress as u8,
            retain_until: Some(now.plus_s(KEPT_DAYS * UnixTime::DAY_S)),
            ..row
        };
        Ok(self.store.change_dispute(&row)?)
    }
}
