//! Dispute: a record is wrong, or is not about her; corrections reach past recipients (D3, D11).

use crate::{
    Holder,
    acting::sd_hash_of,
    apply::attachment,
    file::file_ids,
    holder::HolderError,
    link::Draft,
    present::present_offer,
    profile::{Application, HeldRecord, Link, LinkState, Shown},
    select::offer_again,
    sync::{Away, Event},
};
use denizen_api::{
    HubClient, ProblemKind, Transport,
    client::ClientError,
    wire::{Accept, ChangeAccepts},
};
use denizen_credential::KeyBinding;
use denizen_model::{
    MessageId, Nonce, Sha256Hash, UnixTime,
    link::{kb_audience, kb_nonce},
    mandate::{Act, MANDATE_VCT, Scope},
    message::{
        Attachment, Body, DisputeEvent, DisputeOpen, DisputeState, ErasureDone, ErasureRequest,
        EvidenceUpdate, RecordRef, Text,
    },
};
use denizen_seal::AddressIndex;
use std::sync::Arc;

/// A paper that she attaches: media type and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// `text/plain`, `image/jpeg` as base64, or what the office reads.
    pub media_type: String,
    /// Its text.
    pub data: String,
}

/// A claim that she says is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct SaidClaim {
    /// Where it is in the record.
    pub path: Vec<String>,
    /// What is recorded there.
    pub recorded: Option<serde_json::Value>,
}

/// Her side of a record, beside what is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct AsISay {
    /// What of it is wrong; empty for the whole.
    pub claims: Vec<SaidClaim>,
    /// What is right, in her words.
    pub text: String,
    /// How many papers she added.
    pub papers: usize,
    /// When she said so.
    pub sent: UnixTime,
    /// Until when the office answers.
    pub due: Option<jiff::civil::Date>,
    /// What it answered, and its reason.
    pub answer: Option<(DisputeState, String)>,
}

impl Holder {
    /// Says that a record is wrong: which claims, what is right, with counter-evidence. The record is
    /// contested from the moment the issuer has it, and verifiers see that.
    ///
    /// # Errors
    /// [`HolderError::NotOpen`] for a record that is not hers or is disputed already.
    pub fn dispute(
        &mut self,
        kept: &Sha256Hash,
        claims: Vec<Vec<String>>,
        text: &str,
        papers: &[Paper],
        (now, rng): (UnixTime, &mut dyn rand_core::CryptoRng),
    ) -> Result<MessageId, HolderError> {
        let link = self.held(kept)?.link;
        self.may_act(Scope::Dispute, None, now)?;
        if self
            .profile
            .disputes
            .iter()
            .any(|d| d.open.kept == *kept && d.is_open())
        {
            return Err(HolderError::NotOpen);
        }
        let attachments: Vec<_> = papers
            .iter()
            .enumerate()
            .map(|(at, paper)| paper.attach(at, rng))
            .collect();
        let open = DisputeOpen {
            kept: *kept,
            claims,
            text: text.to_owned(),
            evidence: attachments
                .iter()
                .map(|a| a.id.clone())
                .chain(file_ids(self.to_attach.len()))
                .collect(),
        };
        let draft = Draft {
            id: None,
            thread: None,
            body: Body::DisputeOpen(open),
            attachments,
            files: Vec::new(),
        };
        self.queue_kept(link, draft, now, rng)
    }

    /// Returns a record as not about her. Her address is frozen: until she lifts that, only status
    /// changes and answers get in.
    ///
    /// # Errors
    /// [`HolderError::NotOpen`].
    pub fn not_mine(
        &mut self,
        kept: &Sha256Hash,
        text: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        self.may_act(Scope::Dispute, None, now)?;
        let link = self.held(kept)?.link;
        let body = Body::RecordNotMine(RecordRef {
            kept: *kept,
            text: text.to_owned(),
        });
        let id = self.queue_kept(link, Draft::new(body, None), now, rng)?;
        self.freeze(link, true)?;
        Ok(id)
    }

    /// Freezes or opens the address of a link; the hub learns it at the next sync.
    ///
    /// # Errors
    /// [`HolderError::NotLinked`].
    pub fn freeze(&mut self, link: u32, frozen: bool) -> Result<(), HolderError> {
        let link = self.profile.link_mut(link).ok_or(HolderError::NotLinked)?;
        if link.frozen != frozen {
            link.frozen = frozen;
            link.freeze_due = true;
        }
        Ok(())
    }

    /// Asks that what an organisation keeps of a thread, or of the whole link, be destroyed.
    ///
    /// # Errors
    /// [`HolderError::NotLinked`].
    pub fn request_erasure(
        &mut self,
        link: u32,
        about: Option<MessageId>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        let body = Body::ErasureRequest(ErasureRequest { about });
        self.queue_kept(link, Draft::new(body, about), now, rng)
    }

    /// Writes a note to an organisation.
    ///
    /// # Errors
    /// [`HolderError::NotLinked`].
    pub fn note(
        &mut self,
        link: u32,
        thread: Option<MessageId>,
        text: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<MessageId, HolderError> {
        let body = Body::Note(Text {
            text: text.to_owned(),
        });
        self.queue_kept(link, Draft::new(body, thread), now, rng)
    }

    fn held(&self, kept: &Sha256Hash) -> Result<&Arc<HeldRecord>, HolderError> {
        let found = self.profile.records.iter().find(|r| r.kept_hash == *kept);
        found.ok_or(HolderError::NotOpen)
    }

    /// What she says to a disputed record, beside what is recorded (D13); none if she never disputed it.
    #[must_use]
    pub fn as_i_say(&self, kept: &Sha256Hash) -> Option<AsISay> {
        let mut disputes = self.profile.disputes.iter().rev();
        let dispute = disputes.find(|d| d.open.kept == *kept)?;
        let record = self.held(kept).ok();
        let credential = record.and_then(|r| self.credential(r, &r.kept).ok());
        let recorded = |path: &Vec<String>| {
            let (first, rest) = path.split_first()?;
            let claims = credential.as_ref()?.claims();
            let value = claims.get(first)?;
            rest.iter().try_fold(value, |v, name| v.get(name)).cloned()
        };
        let claims = dispute.open.claims.iter().map(|path| SaidClaim {
            path: path.clone(),
            recorded: recorded(path),
        });
        let answers = dispute.events.iter().rev();
        let mut answers = answers.filter(|e| e.state != DisputeState::Received);
        Some(AsISay {
            claims: claims.collect(),
            text: dispute.open.text.clone(),
            papers: dispute.open.evidence.len(),
            sent: dispute.sent,
            due: dispute.events.iter().rev().find_map(|e| e.due),
            answer: answers.next().map(|e| (e.state, e.text.clone())),
        })
    }

    pub(crate) fn take_dispute(
        &mut self,
        index: u32,
        (message, thread): (MessageId, Option<MessageId>),
        event: &DisputeEvent,
    ) -> Option<Event> {
        let mut disputes = self.profile.disputes.iter();
        let at = disputes.position(|d| Some(d.id) == thread && self.is_same(d.link, index))?;
        let dispute = self.profile.disputes.get_mut(at)?;
        if dispute.heard.insert(message.to_text()) {
            dispute.events.push(event.clone());
        }
        Some(Event::Dispute {
            kept: dispute.open.kept,
            state: event.state,
        })
    }

    pub(crate) fn take_erasure(
        &mut self,
        index: u32,
        thread: Option<MessageId>,
        done: &ErasureDone,
    ) -> Option<Event> {
        let mut erasures = self.profile.erasures.iter();
        let at = erasures.position(|e| Some(e.id) == thread && self.is_same(e.link, index))?;
        let erasure = self.profile.erasures.get_mut(at)?;
        erasure.done = Some(done.clone());
        Some(Event::Erased { link: index })
    }

    /// Tells the hub which addresses are frozen or open since the last sync.
    pub(crate) async fn send_freezes<T: Transport>(
        &mut self,
        away: &mut Away,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let due = self.profile.links.iter().filter(|l| l.freeze_due);
        let due: Vec<_> = due.cloned().collect();
        for link in due {
            if away.has(&link.hub) {
                continue;
            }
            let done = self.send_freeze(&link, transport, now).await;
            away.bear(&link.hub, done)?;
        }
        Ok(())
    }

    async fn send_freeze<T: Transport>(
        &mut self,
        link: &Link,
        transport: &T,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        let auth = self.root.derive_auth(AddressIndex(link.index));
        let client = HubClient::new(transport, link.hub, &link.hub_url);
        let state = match client.address(&auth, now).await {
            Ok(state) => state,
            // The hub says that this one address is gone: it is told of when it is fetched.
            Err(ClientError::Problem(ProblemKind::NotFound | ProblemKind::Closed)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if state.frozen != link.frozen {
            let change = ChangeAccepts {
                version: state.version + 1,
                accepts: vec![Accept::Org(link.org)],
                frozen: link.frozen,
            };
            client.change_accepts(&change, &auth, now).await?;
        }
        if let Some(link) = self.profile.link_mut(link.index) {
            link.freeze_due = false;
        }
        Ok(())
    }

    /// Sends what replaces a record to every office that was shown the old one (D11): the same claims
    /// of the new record, or only the word that the old one no longer holds.
    pub(crate) fn queue_corrections(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let mut due = Vec::new();
        // A link that is still to be restored: later. Over one that is closed nothing goes any more.
        let there = |link: u32| {
            let link = self.profile.link(self.current(link));
            link.is_some_and(|l| l.state == LinkState::Confirmed)
        };
        let applications = self.profile.applications.iter();
        for application in applications.filter(|a| there(a.link)) {
            for shown in &application.shown {
                if self.profile.corrected.contains(&shown.sd_hash) {
                    continue;
                }
                let newer = self
                    .profile
                    .records
                    .iter()
                    .find(|r| r.supersedes.contains(&shown.kept));
                let renewed = newer.is_some_and(|n| self.is_renewal(n, &shown.kept));
                if let Some(newer) = newer.filter(|_| !renewed) {
                    due.push((application.clone(), shown.clone(), newer.clone()));
                }
            }
        }
        for (application, shown, newer) in due {
            let correction = Correction {
                application: &application,
                shown: &shown,
                newer: &newer,
            };
            self.queue_correction(correction, now, rng)?;
            self.profile.corrected.insert(shown.sd_hash);
        }
        Ok(())
    }

    /// A newer document in the place of one that was right in its time: that is no correction, and she
    /// decides who learns of it.
    fn is_renewal(&self, newer: &HeldRecord, old: &Sha256Hash) -> bool {
        let credential = self.credential(newer, &newer.kept);
        let names = |c: &denizen_credential::VerifiedCredential| {
            c.claims().contains_key("previous_document_number")
        };
        let old = self.profile.records.iter().find(|r| r.kept_hash == *old);
        let corrected = old.is_some_and(|r| {
            let change = r.changes.last().map(|c| c.change);
            change == Some(denizen_model::message::StatusChange::Corrected)
        });
        !corrected && credential.is_ok_and(|c| names(&c))
    }

    fn queue_correction(
        &mut self,
        correction: Correction<'_>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let Correction {
            application, shown, ..
        } = correction;
        let link = self
            .profile
            .link(self.current(application.link))
            .ok_or(HolderError::NotLinked)?;
        let org = link.org;
        let id = crate::link::make_id(rng);
        let papers = self.correction_paper(correction, (org, id), now, rng)?;
        let update = EvidenceUpdate {
            old_sd_hash: shown.sd_hash.clone(),
            attachment: papers.first().map(|p| p.id.clone()),
            // What she says to the new record goes with it, as with every showing.
            reply: papers
                .first()
                .and_then(|_| self.reply_of(&correction.newer.kept_hash))
                .map(|r| r.text.clone()),
        };
        let draft = Draft {
            id: Some(id),
            thread: Some(application.id),
            body: Body::EvidenceUpdate(update),
            attachments: papers,
            files: Vec::new(),
        };
        self.queue_message(application.link, draft, now, rng)
            .map(drop)
    }

    /// The same query answered by the new record; none if it no longer answers, or no copy is left.
    fn correction_paper(
        &mut self,
        correction: Correction<'_>,
        (org, id): (denizen_model::OrgId, MessageId),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<Attachment>, HolderError> {
        let Correction {
            application,
            shown,
            newer,
        } = correction;
        let Ok(request) = self.request(&application.submit.service) else {
            return Ok(Vec::new());
        };
        let Some(view) = self.view(newer, now) else {
            return Ok(Vec::new());
        };
        let Some(offer) = offer_again(&request, &shown.query, &view) else {
            return Ok(Vec::new());
        };
        let Ok(card) = self.shown(newer, newer.issuer == org, false) else {
            return Ok(Vec::new());
        };
        let purpose = &application.submit.purpose;
        let nonce = kb_nonce(&org, purpose, Some(&request.hash), &id);
        let binding = KeyBinding {
            aud: &kb_audience(&org),
            nonce: &nonce,
            iat: now.0,
        };
        let text = present_offer(&card.credential, &offer, binding, &card.key);
        self.spend(card.copy.into_iter().collect(), now, rng)?;
        let proof = sd_hash_of(&text)
            .filter(|_| offer.vct == MANDATE_VCT)
            .and_then(|sd_hash| {
                let act = Act {
                    org: &org,
                    purpose,
                    service: Some(&request.hash),
                    message: &id,
                    sd_hash: &sd_hash,
                };
                self.acting_proof(act, now, rng)
            });
        let paper = attachment("p0", text, rng);
        Ok([paper].into_iter().chain(proof).collect())
    }
}

/// What was shown in an application, and what replaces it.
#[derive(Clone, Copy)]
struct Correction<'a> {
    application: &'a Application,
    shown: &'a Shown,
    newer: &'a Arc<HeldRecord>,
}

impl Paper {
    fn attach(&self, at: usize, rng: &mut dyn rand_core::CryptoRng) -> Attachment {
        let mut rng = rng;
        Attachment {
            id: format!("e{at}"),
            media_type: self.media_type.clone(),
            salt: Nonce::make(&mut rng),
            data: self.data.clone(),
            object: None,
            name: None,
        }
    }
}

impl crate::profile::Dispute {
    /// Whether the issuer has not decided it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let over = |e: &DisputeEvent| e.state != DisputeState::Received;
        !self.events.iter().any(over)
    }
}
