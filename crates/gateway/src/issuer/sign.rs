//! Sign: a record becomes a kept copy and one-time copies, each bound to its own key (R18).

use super::validate::Record;
use denizen_credential::{Registered, SdRules, StatusRef, issue};
use denizen_model::{
    CopyRef, MessageId, OrgId, PublicKeyFor, SecretKeyFor, Sha256Hash, UnixTime,
    catalogue::Disclosable,
    jose::PublicKey,
    key::{Cnf, Issuer},
    message::{Notice, Sensitivity},
};

/// Whose signature.
#[derive(Debug, Clone, Copy)]
pub struct IssuerKey<'a> {
    /// The organisation.
    pub org: &'a OrgId,
    /// `<organisation id>#<key id>`.
    pub kid: &'a str,
    /// The key.
    pub key: &'a SecretKeyFor<Issuer>,
}

/// The kept copy's key and status index.
#[derive(Debug, Clone)]
pub struct KeptBinding {
    /// The link's `cnf`.
    pub cnf: PublicKeyFor<Cnf>,
    /// An index of its own.
    pub status: StatusRef,
}

/// A one-time copy's key and status index.
#[derive(Debug, Clone)]
pub struct CopyBinding {
    /// Names the key.
    pub copy_ref: CopyRef,
    /// Used once.
    pub key: PublicKey,
    /// An index of its own.
    pub status: StatusRef,
}

/// What the copies of a record are bound to.
#[derive(Debug, Clone)]
pub struct Bindings {
    /// The kept copy; for a refill the name and hash of the one that she has.
    pub kept: Result<KeptBinding, (MessageId, Sha256Hash)>,
    /// The one-time copies.
    pub copies: Vec<CopyBinding>,
}

/// A signed record: only this file makes one.
#[derive(Debug, Clone)]
pub struct Credential {
    name: MessageId,
    vct: String,
    sensitivity: Sensitivity,
    legal_basis: Option<String>,
    notice: Option<Notice>,
    supersedes: Vec<Sha256Hash>,
    kept: Option<String>,
    kept_hash: Sha256Hash,
    copies: Vec<(CopyRef, String)>,
}

impl Credential {
    /// Random name of the record, the same for all its copies.
    #[must_use]
    pub fn name(&self) -> &MessageId {
        &self.name
    }

    /// Its kind.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.vct
    }

    /// Its sensitivity.
    #[must_use]
    pub fn sensitivity(&self) -> Sensitivity {
        self.sensitivity
    }

    /// The law under which it is issued.
    #[must_use]
    pub fn legal_basis(&self) -> Option<&str> {
        self.legal_basis.as_deref()
    }

    /// The notice of an adverse record.
    #[must_use]
    pub fn notice(&self) -> Option<&Notice> {
        self.notice.as_ref()
    }

    /// Kept copies that it replaces.
    #[must_use]
    pub fn supersedes(&self) -> &[Sha256Hash] {
        &self.supersedes
    }

    /// The kept copy's text; none in a refill.
    #[must_use]
    pub fn kept(&self) -> Option<&str> {
        self.kept.as_deref()
    }

    /// Hash of the kept copy's text.
    #[must_use]
    pub fn kept_hash(&self) -> &Sha256Hash {
        &self.kept_hash
    }

    /// The one-time copies with the names of their keys.
    #[must_use]
    pub fn copies(&self) -> &[(CopyRef, String)] {
        &self.copies
    }

    /// Bytes of all its copies.
    pub(crate) fn size(&self) -> usize {
        let copies = self.copies.iter().map(|(_, text)| text.len());
        self.kept.as_ref().map_or(0, String::len) + copies.sum::<usize>()
    }

    pub(crate) fn take_kept(&mut self) -> Option<String> {
        self.kept.take()
    }

    pub(crate) fn take_copies(&mut self) -> Vec<(CopyRef, String)> {
        std::mem::take(&mut self.copies)
    }

    /// The same record with the one-time copies that did not fit.
    pub(crate) fn with_copies(self, copies: Vec<(CopyRef, String)>) -> Self {
        Self { copies, ..self }
    }
}

/// Signs the copies of a record. The kept copy says the second, a one-time copy only the day.
#[must_use]
pub fn sign(
    record: &Record,
    issuer: IssuerKey<'_>,
    bindings: Bindings,
    now: UnixTime,
    rng: &mut dyn rand_core::CryptoRng,
) -> Credential {
    let mut rng = rng;
    let kind = record.kind();
    let disclosed = kind.claims.iter().filter(|c| c.sd != Disclosable::Never);
    let rules = SdRules::from_paths(disclosed.map(|c| c.path.as_slice()));
    let mut copy = |cnf: &PublicKey, status: StatusRef, iat: UnixTime| {
        let registered = Registered {
            iss: issuer.org.to_text(),
            iat: iat.0,
            exp: None,
            vct: kind.vct.clone(),
            vct_integrity: Some(kind.integrity()),
            cnf: cnf.clone(),
            status: Some(status),
        };
        issue(
            record.claims(),
            &rules,
            &registered,
            issuer.kid,
            issuer.key.signer(),
            &mut rng,
        )
    };
    let copies = bindings
        .copies
        .into_iter()
        .map(|b| (b.copy_ref, copy(&b.key, b.status, now.day_start())))
        .collect();
    let (kept, name, kept_hash) = match bindings.kept {
        Ok(binding) => {
            let text = copy(binding.cnf.key(), binding.status, now);
            let hash = Sha256Hash::of(text.as_bytes());
            (Some(text), MessageId::make(&mut rng), hash)
        }
        Err((name, hash)) => (None, name, hash),
    };
    Credential {
        name,
        vct: kind.vct.clone(),
        sensitivity: record.sensitivity(),
        legal_basis: record.legal_basis().map(str::to_owned),
        notice: record.notice().cloned(),
        supersedes: record.supersedes().to_vec(),
        kept,
        kept_hash,
        copies,
    }
}
