//! One-time copies: taken in, asked for again, and what the copies of one record must not share, so
//! that two verifiers who compare what they were shown find nothing in common but what she disclosed
//! (R18).

use crate::{
    Holder,
    profile::{Copy, HeldRecord},
    records::{RecordError, find},
};
use denizen_credential::{StatusRef, VerifiedCredential};
use denizen_guard::{Check, holds};
use denizen_jose::PublicKey;
use denizen_model::{
    UnixTime,
    message::{Body, IssuedCopy, Message},
};
use std::collections::BTreeSet;

/// One-time copies at or below which fresh keys are sent.
const COPIES_LOW: usize = 1;

/// By what a copy could be recognised.
pub(crate) struct Traces {
    status: Option<StatusRef>,
    disclosures: BTreeSet<String>,
    iat: Option<i64>,
}

impl Traces {
    pub(crate) fn of(credential: &VerifiedCredential) -> Self {
        let texts = credential.disclosures().iter().map(|d| d.text.clone());
        Self {
            status: credential.status().cloned(),
            disclosures: texts.collect(),
            iat: credential.iat(),
        }
    }

    /// Whether a one-time copy tells only the day, and shares neither its place in a status list nor
    /// a salted disclosure with any of the others.
    pub(crate) fn is_apart(&self, others: &[Self]) -> bool {
        let day = self
            .iat
            .map(UnixTime)
            .is_some_and(|at| at == at.day_start());
        let apart = |other: &Self| {
            let same_place = self.status.is_some() && self.status == other.status;
            !same_place && self.disclosures.is_disjoint(&other.disclosures)
        };
        day && others.iter().all(apart)
    }
}

impl Holder {
    pub(crate) fn check_copy(
        &self,
        record: &HeldRecord,
        message: &Message,
        copy: &IssuedCopy,
        original: &VerifiedCredential,
    ) -> Result<(Copy, Traces), RecordError> {
        let copy_ref = copy.copy_ref.ok_or(RecordError::Malformed)?;
        let (_, attachment) = find(message, &copy.attachment)?;
        let credential = self.credential(record, &attachment.data)?;
        let known = self.profile.records.iter().flat_map(|r| &r.copies);
        let again = known.chain(&record.copies).any(|c| c.copy_ref == copy_ref);
        let key: PublicKey = self
            .root
            .derive_copy_key(&copy_ref)
            .public_for()
            .key()
            .clone();
        if *credential.cnf() != key {
            return Err(RecordError::OtherHolder);
        }
        let same = credential.claims() == original.claims()
            && credential.vct() == original.vct()
            && credential.vct_integrity() == original.vct_integrity();
        let once = holds(Check::CopyOnce, !again);
        if !once || !holds(Check::CopySame, same) {
            return Err(RecordError::OtherCopy);
        }
        let copy = Copy {
            copy_ref,
            text: attachment.data.clone(),
        };
        Ok((copy, Traces::of(&credential)))
    }

    /// Asks for one-time copies of records that have few left, once for each shortage.
    pub(crate) fn queue_refills(
        &mut self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), crate::HolderError> {
        let copies = |vct: &str| {
            let kind = self.catalogue.kind(vct).filter(|k| k.traits.showing);
            kind.map_or(0, |k| usize::from(k.traits.copies))
        };
        let records = self.profile.records.iter().rev();
        let records = records.filter(|r| copies(&r.vct) > 0);
        let views: Vec<_> = self.views(records, now).collect();
        for view in views.iter().filter(|v| !v.superseded) {
            let wanted = self
                .catalogue
                .kind(&view.vct)
                .map_or(0, |k| usize::from(k.traits.copies));
            let spent = view.held.copies.len() - view.copies_left;
            let asked = self.profile.refills.get(&view.kept.to_text()).copied();
            // None at all: the issuer had no key of hers left when it issued it.
            let short = spent > 0 || view.held.copies.is_empty();
            let due = view.copies_left <= COPIES_LOW && short && asked != Some(spent);
            let confirmed = self
                .profile
                .link(view.held.link)
                .is_some_and(|l| l.state == crate::LinkState::Confirmed);
            if !due || !confirmed || wanted == 0 {
                continue;
            }
            let copy_keys = self.fresh_copy_keys(view.held.link, wanted, rng);
            let body = Body::CopiesRefill(denizen_model::message::CopiesRefill {
                kept: view.kept,
                copy_keys,
            });
            let draft = crate::link::Draft::new(body, None);
            self.queue_message(view.held.link, draft, now, rng)?;
            self.profile.refills.insert(view.kept.to_text(), spent);
        }
        Ok(())
    }
}
