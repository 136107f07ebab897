//! Issuing to a link: status indexes, keys of copies, what is kept of a record, changes of status.

use crate::{
    Alarm, Gateway, GatewayError,
    issuer::{
        Draft,
        seal::Letter,
        sign::{Bindings, CopyBinding, Credential, IssuerKey, KeptBinding, sign},
        together::Parcel,
        validate::{Record, validate},
    },
    keys::{ISSUER_KID, STATUS_KID},
    link::Link,
    post::Dispatch,
    vault::context,
};
use denizen_api::{
    ProblemKind, Transport,
    client::{ClientError, RequestSigner},
    wire::STATUS_AHEAD_S_MAX,
};
use denizen_credential::{STATUS_LIST_ENTRIES_MIN, Status, StatusList, StatusRef, status_uri};
use denizen_model::{
    MessageId, Sha256Hash, UnixTime,
    message::{Body, CopiesRefill, RecordStatus, StatusChange},
    statement::full_kid,
};
use denizen_store::gateway::{Effect, RecordRow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Entries of one status list.
const LIST_ENTRIES: u64 = STATUS_LIST_ENTRIES_MIN as u64;
/// A list is left for the next one when half of it is used, so that a free index is found quickly.
const LIST_USED_MAX: u64 = LIST_ENTRIES / 2;
/// For how long a published list may be used without asking again, in seconds.
const STATUS_TTL_S: u64 = 3600;
/// The setting that holds the time which the lists published last bear, Unix seconds.
pub(crate) const STATUS_IAT: &str = "status_iat";

/// What is kept of an issued record, for further one-time copies.
#[derive(Serialize, Deserialize)]
pub(crate) struct RecordBody {
    name: MessageId,
    pub(crate) draft: Draft,
}

impl Gateway {
    /// Whether the operator's newest admission names this kind.
    ///
    /// # Errors
    /// [`GatewayError::NoDirectory`], [`GatewayError::KindNotAdmitted`].
    pub fn check_admitted(&mut self, vct: &str, now: UnixTime) -> Result<(), GatewayError> {
        self.load_trust(now)?;
        if self.is_admitted(vct, now)? {
            Ok(())
        } else {
            Err(GatewayError::KindNotAdmitted(vct.to_owned()))
        }
    }

    pub(crate) fn is_admitted(&self, vct: &str, now: UnixTime) -> Result<bool, GatewayError> {
        Ok(self
            .trust()?
            .directory()
            .admitted(&self.config.org, vct, now)
            .is_some())
    }

    /// Issues the rows that waited for this link. The caller saves the link.
    pub(crate) fn issue_waiting(
        &self,
        link: &mut Link,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let case_key = link.case_reference().map(|c| self.case_key(c));
        let Some(case_key) = case_key.filter(|_| !link.body.held) else {
            return Ok(());
        };
        let context = context("row_waiting", case_key.as_bytes());
        let mut parcel = Parcel::to(link.clone());
        for row in self.store.waiting(&case_key)? {
            let draft: Draft = self.vault.open(&context, &row.body)?;
            if !link.allows(draft.vct()) || !self.is_admitted(draft.vct(), now)? {
                continue;
            }
            match validate(draft, &self.catalogue, now) {
                Ok(record) => self.prepare(&mut parcel, (record, row.row_key), now, rng)?,
                // The catalogue changed since; the row stays for the operator to see.
                Err(_) => {
                    self.raise(Alarm::WaitingRowRejected, now)?;
                    continue;
                }
            }
            self.store.remove_waiting(row.id)?;
        }
        self.send_parcels(std::slice::from_mut(&mut parcel), now, rng)?;
        *link = parcel.link;
        Ok(())
    }

    /// Signs a record's copies for a link: takes status indexes and her keys, and keeps the record.
    pub(crate) fn sign_for(
        &self,
        link: &mut Link,
        record: Record,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Credential, GatewayError> {
        let bindings = self.draw_bindings(link, &record, rng)?;
        let credential = self.sign_and_bind(&record, bindings, now, rng)?;
        let kept = *credential.kept_hash();
        let body = RecordBody::of(&credential, &record);
        let row = RecordRow {
            address: link.address,
            body: self
                .vault
                .seal(&context("record", kept.as_bytes()), &body, rng),
        };
        self.store.put_record(&kept, &row)?;
        Ok(credential)
    }

    /// Draws what the copies of a record are bound to: status indexes, and her keys.
    pub(crate) fn draw_bindings(
        &self,
        link: &mut Link,
        record: &Record,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Bindings, GatewayError> {
        let traits = &record.kind().traits;
        let copies = if traits.showing {
            usize::from(traits.copies)
        } else {
            0
        };
        let kept = KeptBinding {
            cnf: link.body.cnf.clone(),
            status: self.take_status_index(rng)?,
        };
        Ok(Bindings {
            kept: Ok(kept),
            copies: self.take_copies(link, copies, rng)?,
        })
    }

    fn sign_and_bind(
        &self,
        record: &Record,
        bindings: Bindings,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Credential, GatewayError> {
        let kept = bindings.kept.as_ref().ok().map(|k| &k.status);
        let indexes = bindings.copies.iter().map(|c| &c.status).chain(kept);
        let indexes: Vec<_> = indexes.map(|s| (list_of(s), s.idx)).collect();
        let kid = full_kid(&self.config.org.into(), ISSUER_KID);
        let issuer = IssuerKey {
            org: &self.config.org,
            kid: &kid,
            key: &self.keys.issuer,
        };
        let credential = sign(record, issuer, bindings, now, rng);
        for (list, idx) in indexes {
            self.store
                .bind_status_index(list, idx, credential.kept_hash())?;
        }
        Ok(credential)
    }

    /// Up to `count` of her keys, each used once, each with a status index of its own.
    fn take_copies(
        &self,
        link: &mut Link,
        count: usize,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Vec<CopyBinding>, GatewayError> {
        let keys = self.take_copy_keys(link, count)?;
        let mut copies = Vec::with_capacity(keys.len());
        for key in keys {
            copies.push(CopyBinding {
                copy_ref: key.copy_ref,
                key: key.key,
                status: self.take_status_index(rng)?,
            });
        }
        Ok(copies)
    }

    /// A random index that no credential has.
    fn take_status_index(
        &self,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<StatusRef, GatewayError> {
        // Counted once, not for each record: a list has tens of thousands of entries.
        let filled = self.status_filled.take();
        let (mut list, mut used) = match filled {
            Some(filled) => filled,
            None => self.store.newest_status_list()?,
        };
        if used >= LIST_USED_MAX {
            (list, used) = (list + 1, 0);
        }
        loop {
            let idx = rng.next_u64() % LIST_ENTRIES;
            let mut drawn = self.status_drawn.borrow_mut();
            if self.store.is_status_index_free(list, idx)? && drawn.insert((list, idx)) {
                self.status_filled.set(Some((list, used + 1)));
                let uri = status_uri(&self.config.org.to_text(), &list.to_string());
                return Ok(StatusRef { idx, uri });
            }
        }
    }

    /// What is kept of a record that was issued to this link.
    pub(crate) fn record_of(
        &self,
        link: &Link,
        kept: &Sha256Hash,
    ) -> Result<Option<RecordBody>, GatewayError> {
        let row = self.store.record(kept)?;
        let row = row.filter(|r| r.address == link.address);
        row.map(|row| self.record_body(kept, &row)).transpose()
    }

    pub(crate) fn record_body(
        &self,
        kept: &Sha256Hash,
        row: &RecordRow,
    ) -> Result<RecordBody, GatewayError> {
        self.vault
            .open(&context("record", kept.as_bytes()), &row.body)
    }

    /// `copies/refill`: new one-time copies of a record that this link has.
    pub(crate) fn refill(
        &self,
        link: &mut Link,
        refill: &CopiesRefill,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let Some(body) = self.record_of(link, &refill.kept)? else {
            return self.raise(Alarm::RefillUnknownRecord, now);
        };
        let Ok(record) = validate(body.draft, &self.catalogue, now) else {
            return self.raise(Alarm::RefillKindChanged, now);
        };
        self.add_copy_keys(link, &refill.copy_keys)?;
        let traits = &record.kind().traits;
        let wanted = usize::from(traits.copies).min(refill.copy_keys.len());
        if !traits.showing || wanted == 0 {
            return Ok(());
        }
        let bindings = Bindings {
            kept: Err((body.name, refill.kept)),
            copies: self.take_copies(link, wanted, rng)?,
        };
        let credential = self.sign_and_bind(&record, bindings, now, rng)?;
        self.send_record(link, credential, now, rng)
    }

    /// Changes a record's status, with its reason: the message goes first, and the list changes once
    /// it was delivered or logged as refused.
    ///
    /// # Errors
    /// [`GatewayError::RecordUnknown`], [`GatewayError::Store`].
    pub fn change_status(
        &mut self,
        kept: &Sha256Hash,
        change: StatusChange,
        reason: &str,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.tx(|g| {
            let row = g.store.record(kept)?.ok_or(GatewayError::RecordUnknown)?;
            let link = g.link(&row.address)?;
            let mut link = link.ok_or(GatewayError::RecordUnknown)?;
            let change = (change, reason.to_owned());
            g.post_status(&mut link, None, (kept, change), now, rng)?;
            g.save_link(&link, rng)
        })
    }

    /// Tells her of a change; it shows in the list once that is settled.
    pub(crate) fn post_status(
        &self,
        link: &mut Link,
        thid: Option<MessageId>,
        (kept, (change, reason)): (&Sha256Hash, (StatusChange, String)),
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let status = match change {
            StatusChange::Suspended => Status::Suspended,
            StatusChange::Revoked | StatusChange::Corrected => Status::Invalid,
            StatusChange::Reinstated => Status::Valid,
        };
        let effect = Effect {
            kept: *kept,
            status: status as u8,
        };
        let message = RecordStatus {
            kept: *kept,
            change,
            reason,
            notice: None,
        };
        let dispatch = Dispatch::reserved(Letter::from(Body::RecordStatus(message)), Some(effect));
        self.dispatch_to(link, thid, dispatch, now, rng)
    }

    /// Now and then an index that no credential has changes too, so that a change of the list says
    /// less (R21).
    fn add_decoy(&mut self, rng: &mut dyn rand_core::CryptoRng) -> Result<(), GatewayError> {
        let drawn = rng.next_u32();
        if drawn.is_multiple_of(2) {
            return Ok(());
        }
        let status = if drawn & 2 == 0 {
            Status::Invalid
        } else {
            Status::Suspended
        };
        self.tx(|g| {
            let decoy = g.take_status_index(rng)?;
            let nothing = Sha256Hash::of(&rng.next_u64().to_be_bytes());
            g.store
                .bind_status_index(list_of(&decoy), decoy.idx, &nothing)?;
            Ok(g.store.set_status(&nothing, status as u8)?)
        })
    }

    /// Signs the status lists as they stand and publishes them at the hub.
    ///
    /// # Errors
    /// [`GatewayError::Client`], [`GatewayError::Store`].
    pub async fn publish_status<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.add_decoy(rng)?;
        let (iat, lists) =
            self.tx(|g| Ok::<_, GatewayError>((g.next_status_iat(now, rng)?, g.status_lists()?)))?;
        let kid = full_kid(&self.config.org.into(), STATUS_KID);
        let keyid = self.deposit_keyid();
        let org = self.config.org;
        for (number, list) in lists {
            let number = number.to_string();
            let uri = status_uri(&org.to_text(), &number);
            let token = list.sign(&uri, iat, STATUS_TTL_S, &kid, self.keys.status.signer());
            let signer = RequestSigner::organisation(&self.keys.deposit, &keyid);
            let client = self.client(transport);
            let put = client.put_status(&org, &number, &token, signer, now);
            match put.await {
                // Nothing else waits for it: it is tried again with the next publication.
                Err(ClientError::Problem(ProblemKind::Conflict | ProblemKind::Malformed)) => {
                    self.store
                        .add_alarm(now, &Alarm::StatusListNotTaken.code())?;
                }
                put => put?,
            }
        }
        self.set_setting("status_published", &now, rng)
    }

    /// All status lists as they stand.
    fn status_lists(&self) -> Result<BTreeMap<u32, StatusList>, GatewayError> {
        let (newest, _) = self.store.newest_status_list()?;
        let mut lists: BTreeMap<u32, StatusList> = (1..=newest)
            .map(|list| (list, StatusList::new(STATUS_LIST_ENTRIES_MIN)))
            .collect();
        for row in self.store.statuses()? {
            let status = match row.status {
                1 => Status::Invalid,
                2 => Status::Suspended,
                _ => Status::Contested,
            };
            if let Some(list) = lists.get_mut(&row.list) {
                list.set(row.idx, status)
                    .map_err(|_| GatewayError::Damaged("database"))?;
            }
        }
        Ok(lists)
    }

    /// The time that lists published now bear, durable before they leave and drawn with what they say. Each
    /// publication's is later than the last's, though the clock went back a little: readers refuse what is
    /// older than what they saw, and a request that arrives late must not undo a newer one (the hub refuses
    /// it). A time far ahead was a wrong clock's; no hub took a list of it.
    fn next_status_iat(
        &self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<i64, GatewayError> {
        let last: Option<i64> = self.setting(STATUS_IAT)?;
        let last = last.filter(|last| *last < now.0.saturating_add(STATUS_AHEAD_S_MAX));
        let iat = last.map_or(now.0, |last| now.0.max(last.saturating_add(1)));
        self.set_setting(STATUS_IAT, &iat, rng)?;
        Ok(iat)
    }
}

/// The number of the list that an own status reference names.
pub(crate) fn list_of(status: &StatusRef) -> u32 {
    status
        .uri
        .rsplit(':')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1)
}

impl RecordBody {
    /// What is kept of a record that was signed.
    pub(crate) fn of(credential: &Credential, record: &Record) -> Self {
        Self {
            name: *credential.name(),
            draft: record.to_draft(),
        }
    }
}

impl Link {
    pub(crate) fn allows(&self, vct: &str) -> bool {
        self.body.allowed_kinds.iter().any(|k| k == vct)
    }
}
