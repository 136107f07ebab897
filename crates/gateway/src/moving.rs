//! A link goes to a new address, or ends. Specified in `docs/spec/link.md`.

use crate::{
    Alarm, Gateway, GatewayError, VERIFIER,
    issuer::{
        seal::{Letter, record_letters},
        validate::validate,
    },
    link::{Link, LinkState},
    post::Dispatch,
};
use denizen_credential::Status;
use denizen_model::{
    MessageId, Sha256Hash, UnixTime,
    link::KeyStatement,
    message::{Body, LinkClose, LinkMove, RecordStatus, StatusChange, Text},
};
use denizen_store::gateway::{DisputeRow, Effect};
use std::collections::{BTreeMap, BTreeSet};

impl Gateway {
    /// `link/move`: signed by the old `sign` key. The new address takes over the link; what is in force
    /// is issued again to it, and each old copy stops to count once the new one is there.
    pub(crate) fn take_move(
        &self,
        old: &mut Link,
        id: MessageId,
        moved: &LinkMove,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let Ok(keys) = KeyStatement::verify(&moved.keys.0, VERIFIER) else {
            return self.raise(Alarm::MoveRefused, now);
        };
        let known = self.store.link(&keys.address)?.is_some();
        let usable = denizen_seal::KemPublic::from_bytes(&keys.kem.0).is_ok();
        if known || !usable || keys.hub != self.config.hub {
            return self.raise(Alarm::MoveRefused, now);
        }
        let mut new = old.successor(keys, id, rng);
        self.add_copy_keys(&mut new, &moved.copy_keys)?;
        if new.body.held {
            self.store.park(&new.address, false, UnixTime(i64::MAX))?;
        }
        self.confirm_link(&mut new, now, rng)?;
        let again = self.issue_again(old, &mut new, now, rng)?;
        self.tell_old_address(old, again.keys(), now, rng)?;
        for row in self.store.disputes_of(&old.address)? {
            let row = DisputeRow {
                address: new.address,
                kept: again.get(&row.kept).copied().unwrap_or(row.kept),
                ..row
            };
            self.store.change_dispute(&row)?;
        }
        self.rename_filed(&old.address, &again, rng)?;
        self.store.move_cases(&old.address, &new.address)?;
        old.state = LinkState::Moved;
        self.save_link(&new, rng)
    }

    /// Says at the old address too that the link went away, and which copies end: whoever has stolen
    /// its key cannot take everything unseen.
    fn tell_old_address<'a>(
        &self,
        old: &mut Link,
        ended: impl Iterator<Item = &'a Sha256Hash>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let english = "This link was moved to another address. If it was not you, tell the office.";
        let text = self.words(old, "link-moved", english, &[]);
        for kept in ended {
            let status = Body::RecordStatus(RecordStatus {
                kept: *kept,
                change: StatusChange::Revoked,
                reason: text.clone(),
                notice: None,
            });
            let dispatch = Dispatch::reserved(Letter::from(status), None);
            self.dispatch_to(old, None, dispatch, now, rng)?;
        }
        self.post(old, None, Body::Note(Text { text }), now, rng)
    }

    /// Issues what is in force to the new address; gives the new kept copy of each old one.
    fn issue_again(
        &self,
        old: &Link,
        new: &mut Link,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<BTreeMap<Sha256Hash, Sha256Hash>, GatewayError> {
        let mut records = Vec::new();
        for (kept, row) in self.store.records_of(&old.address)? {
            records.push((kept, self.record_body(&kept, &row)?.draft));
        }
        let replaced: BTreeSet<_> = records
            .iter()
            .flat_map(|(_, d)| d.supersedes())
            .copied()
            .collect();
        let mut again = BTreeMap::new();
        for (kept, draft) in records {
            let (status, contested) = self.store.status_of(&kept)?;
            let over = status == Status::Invalid as u8 || replaced.contains(&kept);
            if over || !self.is_admitted(draft.vct(), now)? {
                continue;
            }
            let Ok(record) = validate(draft.alone(), &self.catalogue, now) else {
                self.raise(Alarm::MovedRecordRejected, now)?;
                continue;
            };
            let credential = self.sign_for(new, record, now, rng)?;
            let fresh = *credential.kept_hash();
            self.store.set_status(&fresh, status)?;
            self.store.set_contested(&fresh, contested)?;
            let mut effect = Some(Effect {
                kept,
                status: Status::Invalid as u8,
            });
            for letter in record_letters(credential) {
                let dispatch = Dispatch::from(letter).with_effect(effect.take());
                self.dispatch_to(new, None, dispatch, now, rng)?;
            }
            self.store.rebind_row(&kept, &fresh, None)?;
            again.insert(kept, fresh);
        }
        Ok(again)
    }

    /// `link/close` from the office. Records that were issued stay hers.
    ///
    /// # Errors
    /// [`GatewayError::LinkUnknown`].
    pub fn close_link(
        &mut self,
        reference: &str,
        reason: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.tx(|g| {
            let mut link = g.link_of_reference(reference)?;
            let reason = reason.to_owned();
            let body = Body::LinkClose(LinkClose { reason });
            g.post(&mut link, None, body, now, rng)?;
            link.state = LinkState::Closed;
            g.save_link(&link, rng)
        })
    }

    /// The confirmed link of a case: the gateway's own reference, or the office's.
    pub(crate) fn link_of_reference(&self, reference: &str) -> Result<Link, GatewayError> {
        let confirmed = LinkState::Confirmed;
        let found = match self.store.case(reference)? {
            Some(row) => self.link(&row.address)?,
            None => {
                let case_key = self.case_key(reference);
                let rows = self.store.links_of_case(&case_key, confirmed as u8)?;
                let row = rows.into_iter().next();
                row.map(|row| self.link_of(row)).transpose()?
            }
        };
        let found = found.filter(|l| l.state == confirmed);
        found.ok_or(GatewayError::LinkUnknown)
    }
}
