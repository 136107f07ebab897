//! Helpers at an office: whom the applicant told us of, and what such a person may hear. A question is a
//! file that the helper shows; it is verified here, without a network. Specified in
//! `docs/spec/mandate.md`.

use crate::{
    Gateway, GatewayError, VERIFIER,
    case::{CaseState, CaseSummary},
    gateway::SKEW_S,
    inbox::Opened,
    link::Link,
};
use denizen_model::{
    MessageId, UnixTime,
    mandate::{Ask, MANDATE_VCT, MandateClaims, MandateError, Role, Scope},
    message::{AccessNotice, Body, MandateEnd, MandateGive, Text},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// For how long a question counts, in seconds.
const ASK_COUNTS_S: i64 = UnixTime::DAY_S;
/// Most helpers of one link.
const HELPERS_MAX: usize = 32;
/// The role under which the person is told of a helper's question.
const HELPER_ROLE: &str = "helper";

/// A helper of whom an applicant told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToldHelper {
    mandate: MessageId,
    thread: MessageId,
    claims: MandateClaims,
    ended: bool,
    /// Questions that were answered: each once.
    asked: Vec<MessageId>,
}

/// What a helper is told: where the case stands, and nothing that is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperAnswer {
    /// The helper's name, as the mandate has it.
    pub helper: String,
    /// Until when the mandate counts.
    pub until: jiff::civil::Date,
    /// The queue's line.
    pub summary: CaseSummary,
}

impl Gateway {
    /// `mandate/give`: the applicant tells of a helper for one application.
    pub(crate) fn take_mandate(
        &self,
        link: &mut Link,
        opened: &Opened,
        given: &MandateGive,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let message = opened.message();
        self.store.add_erasure(opened.verified().opening.pos)?;
        let case = match &message.thid {
            Some(thread) => self.store.case_of_thread(&link.address, thread)?,
            None => None,
        };
        let told = case
            .ok_or(MandateError::Missing)
            .and_then(|case| self.read_mandate(given, case.thread));
        let told = match told {
            Ok(told) => told,
            Err(error) => {
                let text = self.words(link, error.code(), &error.to_string(), &[]);
                return self.post(link, message.thid, Body::Note(Text { text }), now, rng);
            }
        };
        let helpers = &mut link.body.helpers;
        helpers.retain(|h| {
            let again = h.mandate == told.mandate && h.thread == told.thread;
            !again && now.date() <= h.claims.valid_until
        });
        if helpers.len() < HELPERS_MAX {
            helpers.push(told);
        }
        Ok(())
    }

    fn read_mandate(
        &self,
        given: &MandateGive,
        thread: MessageId,
    ) -> Result<ToldHelper, MandateError> {
        let kind = self.catalogue.kind(MANDATE_VCT);
        let claims = Value::Object(given.claims.clone());
        let fits = kind.is_some_and(|k| k.check(&claims).is_ok());
        let mandate = MandateClaims::read(&given.claims)?;
        if !fits || mandate.may_pass_on {
            return Err(MandateError::Missing);
        }
        // Whoever may file for somebody says so with a record of an authority, never like this.
        if mandate.role != Role::Helper {
            return Err(MandateError::Scope);
        }
        Ok(ToldHelper {
            mandate: given.mandate,
            thread,
            claims: mandate,
            ended: false,
            asked: Vec::new(),
        })
    }

    /// `mandate/end`: from now on the helper hears nothing, of no application of this link.
    pub(crate) fn end_mandate(
        &self,
        link: &mut Link,
        opened: &Opened,
        end: &MandateEnd,
    ) -> Result<(), GatewayError> {
        for helper in &mut link.body.helpers {
            helper.ended |= helper.mandate == end.mandate;
        }
        Ok(self.store.add_erasure(opened.verified().opening.pos)?)
    }

    /// Answers a helper's question at the desk: checked without a network, answered once, and the
    /// applicant is told of it.
    ///
    /// # Errors
    /// [`GatewayError::CaseUnknown`]; [`GatewayError::Mandate`] with the stable code of what is wrong.
    pub fn answer_helper(
        &mut self,
        case_reference: &str,
        ask: &[u8],
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<HelperAnswer, GatewayError> {
        self.tx(|g| {
            let row = g.store.case(case_reference)?;
            let row = row.ok_or(GatewayError::CaseUnknown)?;
            let mut link = g.link_of_case(&row)?;
            let asked = Ask::read(ask, VERIFIER).map_err(|_| MandateError::ProofRefused)?;
            let of_this_case = asked.org == g.config.org && asked.case_reference == case_reference;
            let window = now.plus_s(-ASK_COUNTS_S)..=now.plus_s(SKEW_S);
            if !of_this_case || !window.contains(&asked.made) {
                return Err(MandateError::ProofRefused.into());
            }
            let mut helpers = link.body.helpers.iter_mut();
            let told = helpers.find(|h| h.mandate == asked.mandate && h.thread == row.thread);
            let told = told.ok_or(MandateError::Missing)?;
            told.may_hear(&asked, &row.service, now)?;
            told.asked.push(asked.id);
            let answer = HelperAnswer {
                helper: told.claims.delegate.name.clone(),
                until: told.claims.valid_until,
                summary: g.case_summary(case_reference)?,
            };
            let notice = Body::AccessNotice(AccessNotice {
                at: now,
                role: HELPER_ROLE.to_owned(),
                purpose: row.service.clone(),
                claims: vec!["state".to_owned()],
            });
            g.post(&mut link, Some(row.thread), notice, now, rng)?;
            g.save_link(&link, rng)?;
            Ok(answer)
        })
    }
}

impl Link {
    /// Forgets the helpers of one thread, or of all; whether there were any.
    pub(crate) fn forget_helpers(&mut self, about: Option<&MessageId>) -> bool {
        let before = self.body.helpers.len();
        let other = |h: &ToldHelper| about.is_some_and(|about| h.thread != *about);
        self.body.helpers.retain(other);
        self.body.helpers.len() < before
    }
}

impl ToldHelper {
    fn may_hear(&self, ask: &Ask, service: &str, now: UnixTime) -> Result<(), MandateError> {
        if !self.claims.names(&ask.key) {
            return Err(MandateError::OtherKey);
        }
        if self.ended {
            return Err(MandateError::Over);
        }
        if self.asked.contains(&ask.id) {
            return Err(MandateError::ProofRefused);
        }
        self.claims.check(Scope::Receive, service, now.date())
    }
}

impl HelperAnswer {
    /// Whether there is a decision, whatever it is: which one, the applicant says herself.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        !matches!(self.summary.state, CaseState::Filed | CaseState::InReview)
    }
}
