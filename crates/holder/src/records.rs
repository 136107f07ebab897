//! Records: checked when they come, shown with where they are from.

mod view;

use crate::{
    Holder,
    copies::Traces,
    open::Opened,
    profile::{Delivery, HeldRecord, RefusedRecord},
    read::Says,
    trust::Freshness,
};
use denizen_api::{directory::VerifiedDirectory, receipt::VerifiedReceipt};
use denizen_credential::{CredentialError, Status, VerifiedCredential};
use denizen_guard::{Check, holds};
use denizen_model::{
    OrgId, PublicKeyFor, Sha256Hash, UnixTime,
    catalogue::Category,
    directory::IssuerKey,
    key::Issuer,
    message::{
        Attachment, Body, IssuedCopy, Message, RecordIssue, SD_JWT_MEDIA_TYPE, StatusChange,
    },
};
use denizen_rules::last_day;
use denizen_tlog::UnverifiedProof;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use view::RecordView;

/// Kinds that an office mints in a procedure, without their being in an invitation.
const PROCEDURE_KINDS: [&str; 3] = ["application-filed", "decision", "check-receipt"];

/// Why a record is refused. It is kept with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// An attachment that the message names is missing, or the kept copy's hash is another.
    #[error("the message does not hold what it says")]
    Malformed,
    /// She did not allow this kind on this link.
    #[error("a kind that was not allowed on this link")]
    NotAllowed,
    /// The directory does not let this organisation issue this kind.
    #[error("the organisation may not issue this kind")]
    NotAdmitted,
    /// The kind, or this version of it, is not known.
    #[error("a kind that is not known")]
    KindUnknown,
    /// Not signed by a key that counts.
    #[error("not signed by a key of the issuer that counts")]
    IssuerKey,
    /// The key was withdrawn before delivery.
    #[error("the issuer's key was withdrawn before this was delivered")]
    KeyWithdrawn,
    /// The credential is refused.
    #[error("the credential is refused")]
    Credential(#[from] CredentialError),
    /// Bound to another key than hers.
    #[error("bound to another key than hers")]
    OtherHolder,
    /// Its claims do not fit its kind.
    #[error("its claims do not fit its kind")]
    Claims,
    /// An adverse record without the notice that must come with it (D10).
    #[error("an adverse record without its notice")]
    NoNotice,
    /// A one-time copy that says something else than the kept copy, or was there before.
    #[error("a copy differs from the record")]
    OtherCopy,
}

impl RecordError {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed | Self::OtherCopy | Self::OtherHolder => "record-malformed",
            Self::NotAllowed => "kind-not-allowed",
            Self::NotAdmitted => "not-admitted",
            Self::KindUnknown => "unknown-kind",
            Self::KeyWithdrawn => "issuer-key-withdrawn",
            Self::IssuerKey | Self::Credential(_) => "record-signature",
            Self::Claims => "record-claims",
            Self::NoNotice => "no-notice",
        }
    }
}

/// Kind and issuer of records that came over later links, each with its link and claims.
type Again = BTreeMap<(String, OrgId), Vec<(u32, Arc<Map<String, Value>>)>>;

/// What other records say of one, looked up once for all that are shown.
struct Others {
    again: Again,
    /// Records that another one replaces.
    replaced: BTreeSet<Sha256Hash>,
}

impl Holder {
    /// All records, newest first.
    #[must_use]
    pub fn records(&self, now: UnixTime) -> Vec<RecordView> {
        self.newest_records(usize::MAX, now)
    }

    /// The newest records, at most `count` of them, newest first.
    #[must_use]
    pub fn newest_records(&self, count: usize, now: UnixTime) -> Vec<RecordView> {
        let all = self.profile.records.iter().rev();
        self.views(all, now).take(count).collect()
    }

    /// Records as shown, in their order.
    pub(crate) fn views<'a>(
        &'a self,
        records: impl Iterator<Item = &'a Arc<HeldRecord>>,
        now: UnixTime,
    ) -> impl Iterator<Item = RecordView> {
        let others = self.others(true);
        records.filter_map(move |r| self.view_beside(r, &others, now))
    }

    /// One record.
    #[must_use]
    pub fn record(&self, kept: &Sha256Hash, now: UnixTime) -> Option<RecordView> {
        let found = self.profile.records.iter().find(|r| r.kept_hash == *kept);
        found.and_then(|r| self.view(r, now))
    }

    /// The receipt of a record's delivery, checked now: time, index, level; none if it does not verify, or
    /// is of another text.
    #[must_use]
    pub fn receipt(&self, record: &HeldRecord) -> Option<VerifiedReceipt> {
        let directory = self.trust.directory(&self.hub_of(record)?)?;
        record
            .delivery
            .verify(&record.kept, record.received, &directory.trust)
    }

    /// The number of a record's delivery in its hub's log, as the receipt that came with it says; whether
    /// that holds now is for [`Holder::receipt`].
    #[must_use]
    pub fn log_index(&self, record: &HeldRecord) -> Option<u64> {
        UnverifiedProof::danger_index_of(&record.delivery.receipt.proof)
    }

    /// Under which heading a record is shown: that of its kind, or where the kind says so that of the
    /// service that it names.
    #[must_use]
    pub fn category(&self, view: &RecordView) -> Option<Category> {
        let kind = self.catalogue.kind(&view.vct)?;
        let own = self.catalogue.category(kind, &view.claims);
        let claim = kind.traits.category_of.as_ref();
        let named = claim.and_then(|claim| view.claims.get(claim)?.as_str());
        let declared = named.and_then(|service| {
            let mut all = self
                .trust
                .directories()
                .flat_map(|d| d.directory.services());
            all.find(|(_, entry)| entry.service.service == service)
        });
        // What a deployment declares in its directory need not be in the catalogue.
        Some(
            match named.and_then(|service| self.catalogue.service(service)) {
                Some(_) => own,
                None => declared.map_or(own, |(_, entry)| entry.service.category),
            },
        )
    }

    pub(crate) fn view(&self, record: &Arc<HeldRecord>, now: UnixTime) -> Option<RecordView> {
        let others = self.others(self.is_moved(record.link));
        self.view_beside(record, &others, now)
    }

    /// `moved`: records of moved links are among those that are shown.
    fn others(&self, moved: bool) -> Others {
        let records = self.profile.records.iter();
        Others {
            again: if moved {
                self.issued_again()
            } else {
                Again::default()
            },
            replaced: records.flat_map(|r| r.supersedes.iter().copied()).collect(),
        }
    }

    fn view_beside(
        &self,
        record: &Arc<HeldRecord>,
        others: &Others,
        now: UnixTime,
    ) -> Option<RecordView> {
        let says = self.says(record).ok()?;
        let hub = self.hub_of(record)?;
        let directory = self.trust.directory(&hub)?;
        let kind = self.catalogue.kind(&record.vct);
        let expires = kind.and_then(|k| k.traits.expires_claim.as_deref());
        let expires = expires.and_then(|c| says.claims().get(c)?.as_str());
        let mut status = self.trust.status(says.status(), now);
        // A clock that is certainly wrong says of nothing that it still counts.
        if self.is_behind(now) {
            status.freshness = Freshness::Ahead;
        }
        let changed = record.changes.last().map(|c| (c.change, c.reason.clone()));
        // A signed change counts from its arrival, until a list that is newer shows it.
        let unseen = status.freshness == Freshness::Ahead
            || status
                .as_of
                .is_none_or(|made| record.changed_at.is_none_or(|at| at >= made));
        if let Some((change, _)) = &changed
            && unseen
        {
            let said = match change {
                StatusChange::Suspended => Status::Suspended,
                StatusChange::Revoked | StatusChange::Corrected => Status::Invalid,
                StatusChange::Reinstated => Status::Valid,
            };
            status.status = match status.freshness {
                // By this clock nobody can say which of the two came later.
                Freshness::Ahead => status.status.stronger(said),
                _ => said,
            };
        }
        let disputed = |d: &crate::profile::Dispute| d.open.kept == record.kept_hash && d.is_open();
        if status.status == Status::Valid && self.profile.disputes.iter().any(disputed) {
            status.status = Status::Contested;
        }
        let unspent = record
            .copies
            .iter()
            .filter(|c| self.profile.is_unspent(&c.copy_ref));
        Some(RecordView {
            kept: record.kept_hash,
            vct: record.vct.clone(),
            issuer: record.issuer,
            quality: directory
                .directory
                .admitted(&record.issuer, &record.vct, now),
            claims: Arc::clone(says.claims()),
            issued: says.iat().map(UnixTime),
            expires: expires.and_then(last_day),
            status,
            changed,
            superseded: others.replaced.contains(&record.kept_hash)
                || self.came_again(record, &says, &others.again),
            returned: self.profile.returned.contains(&record.kept_hash),
            copies_left: unspent.count(),
            showing: kind.is_some_and(|k| k.traits.showing),
            held: Arc::clone(record),
        })
    }

    /// Checks and takes in one record of a message; gives the hash that names it. What an import
    /// brought before takes the place of itself when it comes over its link.
    pub(crate) fn take_record(
        &mut self,
        index: u32,
        opened: &Opened,
        issue: &RecordIssue,
    ) -> Result<Sha256Hash, RecordError> {
        let whole = issue.copies.iter().any(|c| c.copy_ref.is_none());
        let same = |r: &Arc<HeldRecord>| {
            whole && r.hub.is_some() && r.link == index && r.kept_hash == issue.kept
        };
        let at = self.profile.records.iter().position(same);
        let imported = at.map(|at| self.profile.records.remove(at));
        let taken = self.take_delivered(index, opened, issue);
        if let (Err(_), Some(record)) = (&taken, imported) {
            self.profile.records.push(record);
        }
        taken
    }

    fn take_delivered(
        &mut self,
        index: u32,
        opened: &Opened,
        issue: &RecordIssue,
    ) -> Result<Sha256Hash, RecordError> {
        let message = opened.message();
        let link = self.profile.link(index).ok_or(RecordError::Malformed)?;
        let org = link.org;
        let same = |r: &Arc<HeldRecord>| r.link == index && r.record == issue.record;
        let held = self.profile.records.iter().position(same);
        let kept = issue.copies.iter().find(|c| c.copy_ref.is_none());
        let record = match (held, kept) {
            (Some(at), None) => {
                let record = self.profile.records.get(at).ok_or(RecordError::Malformed)?;
                (record.kept_hash == issue.kept).then(|| HeldRecord::clone(record))
            }
            (None, Some(kept)) => Some(self.check_kept(index, opened, issue, kept)?),
            _ => None,
        };
        let mut record = record.ok_or(RecordError::Malformed)?;
        let original = self.credential(&record, &record.kept)?;
        let known = record.copies.iter();
        let known = known.filter_map(|c| self.credential(&record, &c.text).ok());
        let mut traces: Vec<_> = known.map(|c| Traces::of(&c)).collect();
        traces.push(Traces::of(&original));
        for copy in issue.copies.iter().filter(|c| c.copy_ref.is_some()) {
            let (copy, its) = self.check_copy(&record, message, copy, &original)?;
            if !holds(Check::CopyApart, its.is_apart(&traces)) {
                return Err(RecordError::OtherCopy);
            }
            traces.push(its);
            record.copies.push(copy);
        }
        let link = self.profile.link_mut(index).ok_or(RecordError::Malformed)?;
        link.copy_refs
            .retain(|r| record.copies.iter().all(|c| c.copy_ref != *r));
        debug_assert_eq!(org, record.issuer);
        let hash = record.kept_hash;
        match held.and_then(|at| self.profile.records.get_mut(at)) {
            Some(place) => *place = Arc::new(record),
            None => self.profile.records.push(Arc::new(record)),
        }
        Ok(hash)
    }

    fn check_kept(
        &self,
        index: u32,
        opened: &Opened,
        issue: &RecordIssue,
        kept: &IssuedCopy,
    ) -> Result<HeldRecord, RecordError> {
        let message = opened.message();
        let link = self.profile.link(index).ok_or(RecordError::Malformed)?;
        self.check_allowed(index, message, issue)?;
        let (at, attachment) = find(message, &kept.attachment)?;
        let hash = Sha256Hash::of(attachment.data.as_bytes());
        if hash != issue.kept || self.profile.records.iter().any(|r| r.kept_hash == hash) {
            return Err(RecordError::Malformed);
        }
        let delivered = opened.verified().opening.time;
        let hashes = opened.attachment_hashes();
        let record = HeldRecord {
            record: issue.record,
            link: index,
            issuer: link.org,
            vct: issue.vct.clone(),
            kept: attachment.data.clone(),
            kept_hash: hash,
            copies: Vec::new(),
            sensitivity: issue.sensitivity,
            notice: issue.notice.clone(),
            legal_basis: issue.legal_basis.clone(),
            received: delivered,
            delivery: Delivery {
                receipt: opened.receipt().clone(),
                salt: attachment.salt,
                attachment: (at, hashes.len()),
                path: opened.attachment_path(at).ok_or(RecordError::Malformed)?,
            },
            supersedes: issue.supersedes.clone(),
            changes: Vec::new(),
            changed_at: None,
            hub: None,
        };
        let credential = self.credential(&record, &record.kept)?;
        self.check_credential(&credential, issue, link, delivered)?;
        let cnf = self.link_keys(link).cnf.public_for();
        if !holds(Check::BoundToHolder, credential.cnf() == cnf.key()) {
            return Err(RecordError::OtherHolder);
        }
        Ok(record)
    }

    /// A kind that the link allows, or that belongs to the procedure which the message is part of.
    fn check_allowed(
        &self,
        index: u32,
        message: &Message,
        issue: &RecordIssue,
    ) -> Result<(), RecordError> {
        let vct = &issue.vct;
        let link = self.profile.link(index).ok_or(RecordError::Malformed)?;
        if link.allowed_kinds.contains(vct) || self.replaces_known(link, issue) {
            return Ok(());
        }
        if !matches!(message.body, Body::ApplicationEvent(_)) {
            return Err(RecordError::NotAllowed);
        }
        let minted = PROCEDURE_KINDS.iter().any(|name| {
            let kind = self.catalogue.kind(vct);
            kind.is_some_and(|k| k.name == *name)
        });
        let applied = self
            .profile
            .applications
            .iter()
            .find(|a| Some(a.id) == message.thid);
        let granted = applied.is_some_and(|a| {
            let directory = self.trust.directory(&link.hub);
            let service = directory.and_then(|d| d.directory.service(&a.submit.service));
            service.is_some_and(|s| s.service.grants.iter().any(|g| g == vct))
        });
        if minted || granted {
            Ok(())
        } else {
            Err(RecordError::NotAllowed)
        }
    }

    /// A correction of a record that she has, or one that was issued again after a move.
    fn replaces_known(&self, link: &crate::Link, issue: &RecordIssue) -> bool {
        let moved = |index| {
            let link = self.profile.link(index);
            link.is_some_and(|l| l.state == crate::LinkState::Moved)
        };
        self.profile.records.iter().any(|r| {
            r.issuer == link.org
                && r.vct == issue.vct
                && (issue.supersedes.contains(&r.kept_hash) || moved(r.link))
        })
    }

    fn is_moved(&self, link: u32) -> bool {
        let link = self.profile.link(link);
        link.is_some_and(|l| l.state == crate::LinkState::Moved)
    }

    /// After a move the same record is there again, from the same issuer.
    fn came_again(&self, record: &HeldRecord, says: &Says, again: &Again) -> bool {
        let same = again.get(&(record.vct.clone(), record.issuer));
        let later = |(link, claims): &(u32, Arc<Map<String, Value>>)| {
            *link > record.link && claims == says.claims()
        };
        self.is_moved(record.link) && same.is_some_and(|all| all.iter().any(later))
    }

    /// What may stand for a record of a link that was moved: each is verified once, however many
    /// records ask.
    fn issued_again(&self) -> Again {
        let mut again = Again::new();
        let links = &self.profile.links;
        let moved = |r: &HeldRecord| {
            let of = |l: &&crate::Link| l.state == crate::LinkState::Moved && l.index < r.link;
            links
                .iter()
                .any(|l| of(&l) && self.is_same(l.index, r.link))
        };
        for record in self.profile.records.iter().filter(|r| moved(r)) {
            if let Ok(says) = self.says(record) {
                let key = (record.vct.clone(), record.issuer);
                let claims = Arc::clone(says.claims());
                again.entry(key).or_default().push((record.link, claims));
            }
        }
        again
    }

    fn check_credential(
        &self,
        credential: &VerifiedCredential,
        issue: &RecordIssue,
        link: &crate::Link,
        delivered: UnixTime,
    ) -> Result<(), RecordError> {
        // Only the hub of the link says who may issue: she may have looked at others.
        let org = link.org;
        let directory = self.trust.directory(&link.hub);
        let admits =
            |d: &VerifiedDirectory| d.directory.admitted(&org, &issue.vct, delivered).is_some();
        let elsewhere = || self.trust.directories().any(admits);
        let admitted =
            directory.is_some_and(admits) || (holds(Check::AdmittedHere, false) && elsewhere());
        if credential.vct() != issue.vct || credential.issuer() != org.to_text() {
            return Err(RecordError::Malformed);
        }
        if !holds(Check::Admitted, admitted) {
            return Err(RecordError::NotAdmitted);
        }
        let integrity = credential.vct_integrity();
        let kind = integrity.and_then(|of| self.catalogue.version_of(&issue.vct, of));
        let kind = kind.ok_or(RecordError::KindUnknown)?;
        if kind.traits.sensitivity != issue.sensitivity {
            return Err(RecordError::Malformed);
        }
        if kind.is_adverse(credential.claims()) && issue.notice.is_none() {
            return Err(RecordError::NoNotice);
        }
        let own_list = |s: &denizen_credential::StatusRef| {
            crate::trust::parse_status_uri(&s.uri).is_some_and(|(of, _)| of == org)
        };
        let own = credential.status().is_none_or(own_list);
        if !holds(Check::StatusOfIssuer, own) {
            return Err(RecordError::Malformed);
        }
        let claims = Value::Object(credential.claims().clone());
        kind.check(&claims).map_err(|_| RecordError::Claims)
    }

    pub(crate) fn keep_refused(
        &mut self,
        index: u32,
        message: &Message,
        issue: &RecordIssue,
        error: RecordError,
    ) {
        let kept = issue.copies.iter().find(|c| c.copy_ref.is_none());
        let text = kept.and_then(|c| find(message, &c.attachment).ok());
        self.profile.refused.push(RefusedRecord {
            link: index,
            code: error.code().to_owned(),
            text: text.map(|(_, a)| a.data.clone()).unwrap_or_default(),
        });
    }
}

/// The issuer key that a credential names, if it counts at delivery.
pub(crate) fn issuer_key(
    directory: &denizen_model::directory::Directory,
    org: &OrgId,
    (iss, kid): (&str, &str),
    delivered: UnixTime,
) -> Result<PublicKeyFor<Issuer>, RecordError> {
    // An id has one text: what is written alike is the same.
    let (id, kid) = kid.split_once('#').ok_or(RecordError::IssuerKey)?;
    let own = org.to_text();
    if id != own || iss != own {
        return Err(RecordError::IssuerKey);
    }
    match directory.issuer_key(org, kid, delivered) {
        Some(IssuerKey::Good(key)) => Ok(key),
        Some(IssuerKey::RevokedFrom(key, from))
            if holds(Check::IssuerKeyWithdrawn, delivered < from) =>
        {
            Ok(key)
        }
        Some(IssuerKey::RevokedFrom(..)) => Err(RecordError::KeyWithdrawn),
        None => Err(RecordError::IssuerKey),
    }
}

pub(crate) fn find<'a>(
    message: &'a Message,
    id: &str,
) -> Result<(usize, &'a Attachment), RecordError> {
    let mut all = message.attachments.iter().enumerate();
    all.find(|(_, a)| a.id == id && a.media_type == SD_JWT_MEDIA_TYPE)
        .ok_or(RecordError::Malformed)
}
