//! Acting: a guardian uses a ward's profile. Each act proves the key that the mandate names; a mandate
//! that is over stops it.

use crate::{Holder, RecordView, apply::attachment, holder::HolderError};
use denizen_credential::{Status, sd_hash};
use denizen_model::{
    SecretKeyFor, UnixTime,
    key::Delegate,
    mandate::{
        ACTING_MEDIA_TYPE, Act, ActingProof, MANDATE_VCT, MandateClaims, MandateError, Role, Scope,
        is_of_age,
    },
    message::Attachment,
};
use serde_json::Value;

/// Name of the attachment that proves possession.
const ACTING_ATTACHMENT: &str = "acting";

impl Holder {
    /// From now on this profile is used by a guardian with this key. It is not kept: whoever opens a
    /// ward's profile says so each time.
    pub fn act_as(&mut self, key: SecretKeyFor<Delegate>) {
        self.acting = Some(key);
    }

    /// From now on the person herself uses this profile.
    pub fn act_alone(&mut self) {
        self.acting = None;
    }

    /// Whether somebody else uses this profile.
    #[must_use]
    pub fn is_acted_for(&self) -> bool {
        self.acting.is_some()
    }

    /// The mandate of a record, if it names the key that acts.
    pub(crate) fn own_mandate(&self, view: &RecordView) -> Option<MandateClaims> {
        let key = self.acting.as_ref()?.public_for();
        let of_kind = view.vct == MANDATE_VCT;
        let mandate = of_kind.then(|| MandateClaims::read(&view.claims).ok())??;
        mandate.names(&key).then_some(mandate)
    }

    /// The mandate of the key that acts, and whether it is in force; none if this profile has none, or
    /// nobody acts. Of several the one that counts now is given.
    #[must_use]
    pub fn acting_terms(&self, now: UnixTime) -> Option<(MandateClaims, Result<(), MandateError>)> {
        self.acting.as_ref()?;
        let mut found = None;
        for view in self.records(now) {
            let Some(mandate) = self.own_mandate(&view) else {
                continue;
            };
            let act = mandate.scope.first().copied().unwrap_or(Scope::Read);
            let state = self.covers(&view, &mandate, (act, None), now);
            let counts = state.is_ok();
            if counts || found.is_none() {
                found = Some((mandate, state));
            }
            if counts {
                break;
            }
        }
        found
    }

    /// Records that may answer a service: a mandate only with the key that it names. Of two guardians
    /// each shows his own; the person herself shows none.
    pub(crate) fn showable(&self, records: Vec<RecordView>) -> Vec<RecordView> {
        let usable = |r: &RecordView| r.vct != MANDATE_VCT || self.own_mandate(r).is_some();
        records.into_iter().filter(usable).collect()
    }

    /// Whether whoever uses this profile may do something now, for a service or for none. Without a mandate of the key in this
    /// profile nothing is to be checked here: offices that ask for one do not take less.
    ///
    /// # Errors
    /// [`HolderError::Mandate`]: the mandate is over, of another service, does not allow it, or the
    /// person is of age.
    pub fn may_act(
        &self,
        act: Scope,
        service: Option<&str>,
        now: UnixTime,
    ) -> Result<(), HolderError> {
        if self.acting.is_none() {
            return Ok(());
        }
        let records = self.records(now);
        let mandates: Vec<_> = records
            .iter()
            .filter_map(|r| Some((r, self.own_mandate(r)?)))
            .collect();
        if mandates.is_empty() {
            return Ok(());
        }
        let mut why = MandateError::Over;
        for (view, mandate) in &mandates {
            match self.covers(view, mandate, (act, service), now) {
                Ok(()) => return Ok(()),
                Err(error) => why = error,
            }
        }
        Err(HolderError::Mandate(why))
    }

    fn covers(
        &self,
        view: &RecordView,
        mandate: &MandateClaims,
        (act, service): (Scope, Option<&str>),
        now: UnixTime,
    ) -> Result<(), MandateError> {
        let in_force = !view.superseded && !view.returned;
        if !in_force || matches!(view.status.status, Status::Invalid | Status::Suspended) {
            return Err(MandateError::Over);
        }
        let born = view.claims.get("subject").and_then(|s| s.get("birth_date"));
        let born = born.and_then(Value::as_str).unwrap_or_default();
        if mandate.role == Role::Guardian && is_of_age(born, now.date()) {
            return Err(MandateError::OfAge);
        }
        // What is for no service is covered by a mandate for any.
        let any = mandate.services.first().map(String::as_str);
        let service = service.or(any).unwrap_or_default();
        mandate.check(act, service, now.date())
    }

    /// The proof that goes with a mandate as it is shown, if somebody acts and the mandate is his.
    pub(crate) fn acting_proof(
        &self,
        act: Act<'_>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Option<Attachment> {
        let key = self.acting.as_ref()?;
        let text = ActingProof::sign(act, key, now);
        let attached = attachment(ACTING_ATTACHMENT, text, rng);
        Some(Attachment {
            media_type: ACTING_MEDIA_TYPE.to_owned(),
            ..attached
        })
    }

    /// `sd_hash` of the mandate of the acting key that an application showed.
    pub(crate) fn shown_mandate(&self, application: &crate::Application) -> Option<String> {
        let mut shown = application.shown.iter().rev();
        let found = shown.find(|s| {
            let mut records = self.profile.records.iter();
            records.any(|r| r.kept_hash == s.kept && r.vct == MANDATE_VCT)
        });
        found.map(|s| s.sd_hash.clone())
    }
}

/// `sd_hash` of a presentation: over all before its key binding.
pub(crate) fn sd_hash_of(presentation: &str) -> Option<String> {
    let end = presentation.rfind('~')? + 1;
    Some(sd_hash(presentation.get(..end)?))
}
