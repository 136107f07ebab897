//! Apply: she sees exactly what leaves, to whom, why, under which law, for how long; then it is sealed.

use crate::{
    Holder, Offer, Selection,
    acting::sd_hash_of,
    holder::HolderError,
    link::{Draft, make_id},
    present::present_offer,
    profile::LinkState,
    select::EvidenceRequest,
};
use denizen_credential::KeyBinding;
use denizen_model::{
    MessageId, Nonce, OrgId, Sha256Hash, UnixTime,
    link::{kb_audience, kb_nonce},
    mandate::{Act, MANDATE_VCT, Scope},
    message::{
        ApplicationSubmit, Attachment, Body, PresentedAs, SD_JWT_MEDIA_TYPE, Sensitivity, Text,
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// One paper that would leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaving {
    /// The offer: record, claims, values.
    pub offer: Offer,
    /// A one-time copy is shown, so that two recipients cannot compare.
    pub single_use: bool,
    /// Whether she may leave it out.
    pub optional: bool,
    /// What she says to it, where it is a claim of a private body: it leaves with the paper.
    pub reply: Option<String>,
}

/// What she is shown before anything leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    request: EvidenceRequest,
    answers: Value,
    link: u32,
    replies: BTreeMap<Sha256Hash, String>,
    /// The recipient.
    pub org: OrgId,
    /// What is present, missing, expiring, contested.
    pub selection: Selection,
    /// Exactly what leaves.
    pub leaving: Vec<Leaving>,
}

impl Preview {
    /// The service's declaration: purpose, legal basis, retention, deadline, fee.
    #[must_use]
    pub fn service(&self) -> &denizen_model::catalogue::Service {
        &self.request.service
    }

    /// Credential queries with papers of a special category: each needs a second confirmation.
    #[must_use]
    pub fn special(&self) -> Vec<String> {
        let special = |l: &&Leaving| l.offer.sensitivity == Sensitivity::Special;
        let leaving = self.leaving.iter().filter(special);
        leaving.map(|l| l.offer.query.clone()).collect()
    }

    /// Leaves out a paper that is optional.
    pub fn leave_out(&mut self, query: &str) {
        self.leaving
            .retain(|l| !l.optional || l.offer.query != query);
    }

    /// Adds a paper that is optional and present.
    pub fn include(&mut self, query: &str) {
        let known = self.leaving.iter().any(|l| l.offer.query == query);
        let offered = self.selection.optional.iter().any(|q| q == query);
        let found = self.selection.present.iter().find(|o| o.query == query);
        if let Some(offer) = found.filter(|_| offered && !known) {
            self.leaving.push(Leaving {
                offer: offer.clone(),
                single_use: offer.copies_left > 0,
                optional: true,
                reply: self.replies.get(&offer.kept).cloned(),
            });
        }
    }
}

/// What she said yes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confirmed {
    /// Queries with special-category papers that she confirmed a second time.
    pub special: Vec<String>,
    /// She accepts that a kept copy is shown where no one-time copy is left.
    pub linkable: bool,
}

impl Holder {
    /// What an application would send. Optional papers are left out until she adds them.
    ///
    /// # Errors
    /// [`HolderError::ServiceUnknown`], [`HolderError::ServiceMalformed`],
    /// [`HolderError::NotLinked`], [`HolderError::Answers`].
    pub fn preview_application(
        &self,
        service: &Sha256Hash,
        answers: Value,
        now: UnixTime,
    ) -> Result<Preview, HolderError> {
        let request = self.request(service)?;
        let confirmed = |l: &&crate::Link| l.org == request.org && l.state == LinkState::Confirmed;
        let link = self.profile.links.iter().find(confirmed);
        let link = link.ok_or(HolderError::NotLinked)?.index;
        request
            .service
            .check_answers(&answers)
            .map_err(HolderError::Answers)?;
        let selection = self.select(service, now)?;
        let chosen = selection
            .present
            .iter()
            .filter(|o| selection.chosen.contains(&o.query));
        let replies = self.replies_by_record();
        let leaving = chosen.map(|offer| Leaving {
            offer: offer.clone(),
            single_use: offer.copies_left > 0 && offer.issuer != request.org,
            optional: false,
            reply: replies.get(&offer.kept).cloned(),
        });
        Ok(Preview {
            org: request.org,
            leaving: leaving.collect(),
            replies,
            selection,
            request,
            answers,
            link,
        })
    }

    /// Files an application as previewed: spent copies are marked first, then it is sealed and
    /// queued. Gives the thread that the office's events carry.
    ///
    /// # Errors
    /// [`HolderError::Missing`], [`HolderError::SpecialNotConfirmed`], [`HolderError::NoCopyLeft`],
    /// [`HolderError::TooLarge`]; nothing is queued.
    pub fn apply(
        &mut self,
        preview: &Preview,
        confirmed: &Confirmed,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        self.may_act(Scope::File, Some(&preview.service().service), now)?;
        if !preview.selection.satisfied {
            return Err(HolderError::Missing);
        }
        let special = preview.special();
        if special.iter().any(|q| !confirmed.special.contains(q)) {
            return Err(HolderError::SpecialNotConfirmed);
        }
        let id = make_id(rng);
        let (submit, attachments) = self.papers(preview, confirmed, (id, special), now, rng)?;
        let draft = Draft {
            id: Some(id),
            thread: None,
            body: Body::ApplicationSubmit(submit),
            attachments,
            files: Vec::new(),
        };
        self.queue_kept(preview.link, draft, now, rng)
    }

    /// Sends another version of an application that is not decided: other papers, other answers, at
    /// any time (D9). The office checks it as a whole.
    ///
    /// # Errors
    /// As [`Holder::apply`]; [`HolderError::NotOpen`].
    pub fn amend(
        &mut self,
        application: &MessageId,
        preview: &Preview,
        confirmed: &Confirmed,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        self.open_application(application)?;
        self.may_act(Scope::File, Some(&preview.service().service), now)?;
        if !preview.selection.satisfied {
            return Err(HolderError::Missing);
        }
        let special = preview.special();
        if special.iter().any(|q| !confirmed.special.contains(q)) {
            return Err(HolderError::SpecialNotConfirmed);
        }
        let id = make_id(rng);
        let (mut submit, attachments) = self.papers(preview, confirmed, (id, special), now, rng)?;
        submit.replaces = Some(*application);
        let draft = Draft {
            id: Some(id),
            thread: Some(*application),
            body: Body::ApplicationAmend(submit),
            attachments,
            files: Vec::new(),
        };
        self.queue_kept(preview.link, draft, now, rng)
    }

    /// Takes an application back.
    ///
    /// # Errors
    /// [`HolderError::NotOpen`].
    pub fn withdraw(
        &mut self,
        application: &MessageId,
        text: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let link = self.open_application(application)?;
        let mut applications = self.profile.applications.iter();
        let found = applications.find(|a| a.id == *application);
        let found = found.ok_or(HolderError::NotOpen)?;
        self.may_act(Scope::File, Some(&found.submit.purpose), now)?;
        let id = make_id(rng);
        let org = self.profile.link(link).map(|l| l.org);
        // Filed under a mandate: taken back under it too.
        let proof = org
            .zip(self.shown_mandate(found))
            .and_then(|(org, sd_hash)| {
                let act = Act {
                    org: &org,
                    purpose: &found.submit.purpose,
                    service: Some(&found.submit.service),
                    message: &id,
                    sd_hash: &sd_hash,
                };
                self.acting_proof(act, now, rng)
            });
        let body = Body::ApplicationWithdraw(Text {
            text: text.to_owned(),
        });
        let draft = Draft {
            id: Some(id),
            attachments: proof.into_iter().collect(),
            ..Draft::new(body, Some(*application))
        };
        self.queue_kept(link, draft, now, rng).map(drop)
    }

    /// The link of an application that the office can still change.
    fn open_application(&self, id: &MessageId) -> Result<u32, HolderError> {
        use denizen_model::message::ApplicationState::{Decided, Refused, Withdrawn};
        let found = self.profile.applications.iter().find(|a| a.id == *id);
        let application = found.ok_or(HolderError::NotOpen)?;
        let over = application
            .events
            .iter()
            .any(|e| matches!(e.state, Decided | Refused | Withdrawn));
        if over || application.withdrawn {
            return Err(HolderError::NotOpen);
        }
        Ok(application.link)
    }

    /// The submission and its papers, bound to one message id. Copies that it shows are spent.
    fn papers(
        &mut self,
        preview: &Preview,
        confirmed: &Confirmed,
        (id, special): (MessageId, Vec<String>),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(ApplicationSubmit, Vec<Attachment>), HolderError> {
        self.may_sign(now)?;
        let request = &preview.request;
        let purpose = request.service.service.clone();
        let nonce = kb_nonce(&request.org, &purpose, Some(&request.hash), &id);
        let aud = kb_audience(&request.org);
        let binding = KeyBinding {
            aud: &aud,
            nonce: &nonce,
            iat: now.0,
        };
        let (mut attachments, mut presentations, mut spent) = (Vec::new(), Vec::new(), Vec::new());
        let mut proofs = Vec::new();
        for (at, leaving) in preview.leaving.iter().enumerate() {
            let offer = &leaving.offer;
            let mut records = self.profile.records.iter();
            let record = records.find(|r| r.kept_hash == offer.kept);
            let record = record.ok_or(HolderError::Missing)?;
            let to_issuer = offer.issuer == request.org;
            let shown = self.shown(record, to_issuer, confirmed.linkable)?;
            spent.extend(shown.copy);
            let name = format!("p{at}");
            let text = present_offer(&shown.credential, offer, binding, &shown.key);
            if let Some(sd_hash) = sd_hash_of(&text).filter(|_| offer.vct == MANDATE_VCT) {
                let act = Act {
                    org: &request.org,
                    purpose: &purpose,
                    service: Some(&request.hash),
                    message: &id,
                    sd_hash: &sd_hash,
                };
                proofs.extend(self.acting_proof(act, now, rng));
            }
            attachments.push(attachment(&name, text, rng));
            presentations.push(PresentedAs {
                query: offer.query.clone(),
                attachment: name,
                reply: self.reply_of(&offer.kept).cloned(),
            });
        }
        attachments.extend(proofs);
        let submit = ApplicationSubmit {
            service: request.hash,
            purpose,
            replaces: None,
            answers: preview.answers.clone(),
            presentations,
            special_confirmed: special,
        };
        self.spend(spent, now, rng)?;
        Ok((submit, attachments))
    }
}

pub(crate) fn attachment(id: &str, data: String, rng: &mut dyn rand_core::CryptoRng) -> Attachment {
    let mut rng = rng;
    Attachment {
        id: id.to_owned(),
        media_type: SD_JWT_MEDIA_TYPE.to_owned(),
        salt: Nonce::make(&mut rng),
        data,
        object: None,
        name: None,
    }
}
