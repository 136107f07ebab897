//! What a directory log adds up to: operators, organisations with their chains of statements, what
//! they may issue, services, kinds. Entries are replayed in the log's order; an entry that its
//! signer may not make is refused and stops the replay, since a hub that logged it is at fault.
//!
//! The caller has checked that the entries are those of a signed checkpoint (`denizen-api`).

use crate::{
    HubId, OrgId, PublicKeyFor, Sha256Hash, UnixTime,
    jose::{ObjectError, PublicKey, Unverified, Verifier},
    key::{Identity, Issuer, KeyPurpose, Message},
    statement::{
        ADMISSION_TYP, Admission, BUNDLE_TYP, BundleEntry, KIND_TYP, KindEntry, Quality, Role,
        SERVICE_TYP, STATEMENT_TYP, SUSPENSION_TYP, ServiceEntry, StatedKey, Statement, Suspension,
        split_kid,
    },
};
use denizen_guard::{Check, checked, holds};
use std::collections::{BTreeMap, BTreeSet};

/// Why an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Not a signed object, or its signature does not verify.
    #[error("directory entry is not signed by its permitted signer")]
    Signature(#[source] ObjectError),
    /// The payload or `typ` is not understood.
    #[error("directory entry is not understood")]
    Malformed,
    /// Signed by somebody who may not make such an entry.
    #[error("directory entry is signed by somebody who may not make it")]
    SignerNotPermitted,
    /// A statement that does not follow the one before it, or whose first is not the pinned one.
    #[error("statement does not follow the chain of its organisation")]
    ChainBroken,
    /// An entry about an organisation that has no statement.
    #[error("directory entry names an organisation without a statement")]
    OrgUnknown,
    /// An admission or suspension that stands in the log already: without this, a hub could undo a
    /// suspension by logging an old admission again, without the operator's offline key.
    #[error("directory entry decides again what an earlier entry decided with the same bytes")]
    Repeated,
}

/// One organisation as the directory shows it.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Its id.
    pub id: OrgId,
    /// The newest statement.
    pub statement: Statement,
    /// Hash of the newest statement's bytes.
    pub statement_hash: Sha256Hash,
    /// When its first statement was made: "in the directory since".
    pub since: UnixTime,
    /// The newest admission.
    pub admission: Option<Admission>,
    /// The suspension, if none of the admissions after it lifted it. Its `from` may be to come.
    pub suspension: Option<Suspension>,
    /// Hashes of all its statements, oldest first.
    pub chain: Vec<Sha256Hash>,
    /// All that the operator decided about it, in the log's order.
    decisions: Vec<Decision>,
}

/// What an operator decided about an organisation.
#[derive(Debug, Clone)]
enum Decision {
    Admitted(Admission),
    Suspended(UnixTime),
}

impl Decision {
    fn from(&self) -> UnixTime {
        match self {
            Self::Admitted(admission) => admission.from,
            Self::Suspended(from) => *from,
        }
    }
}

impl Organisation {
    /// Whether it is admitted, and not suspended, at a time.
    #[must_use]
    pub fn is_active(&self, at: UnixTime) -> bool {
        self.admission_at(at).is_some()
    }

    /// The admission in force at a time: the operator's newest decision that counted then, if it
    /// was one. What was issued under an earlier admission stays issued (D1).
    #[must_use]
    pub fn admission_at(&self, at: UnixTime) -> Option<&Admission> {
        let counted = self.decisions.iter().rfind(|d| d.from() <= at)?;
        match counted {
            Decision::Admitted(admission) => Some(admission),
            Decision::Suspended(_) => None,
        }
    }
}

/// How an issuer's key counts for a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerKey {
    /// In force.
    Good(PublicKeyFor<Issuer>),
    /// Revoked from this time: counts only with proof of delivery before it.
    RevokedFrom(PublicKeyFor<Issuer>, UnixTime),
}

/// The state of a directory.
#[derive(Debug, Clone)]
pub struct Directory {
    hub: HubId,
    operator: Option<Statement>,
    operator_hash: Option<Sha256Hash>,
    /// Every key that the operator's chain ever stated: what one signed is kept for longer than it counts.
    operator_keys: Vec<StatedKey>,
    organisations: BTreeMap<OrgId, Organisation>,
    services: BTreeMap<Sha256Hash, ServiceEntry>,
    kinds: Vec<KindEntry>,
    bundles: Vec<BundleEntry>,
    /// Hashes of the admissions and suspensions: each stands once.
    decided: BTreeSet<Sha256Hash>,
}

impl Directory {
    /// An empty directory of the hub whose id the caller pinned.
    #[must_use]
    pub fn new(hub: HubId) -> Self {
        Self {
            hub,
            operator: None,
            operator_hash: None,
            operator_keys: Vec::new(),
            organisations: BTreeMap::new(),
            services: BTreeMap::new(),
            kinds: Vec::new(),
            bundles: Vec::new(),
            decided: BTreeSet::new(),
        }
    }

    /// The pinned hub.
    #[must_use]
    pub fn hub(&self) -> &HubId {
        &self.hub
    }

    /// The operator's newest statement, once its entry was replayed.
    #[must_use]
    pub fn operator(&self) -> Option<&Statement> {
        self.operator.as_ref()
    }

    /// Every key that the operator's chain of statements ever stated, as it was stated last. A key that
    /// was once withdrawn stays withdrawn.
    #[must_use]
    pub fn operator_keys(&self) -> &[StatedKey] {
        &self.operator_keys
    }

    /// An organisation.
    #[must_use]
    pub fn organisation(&self, id: &OrgId) -> Option<&Organisation> {
        self.organisations.get(id)
    }

    /// All organisations: the directory is public and readable.
    pub fn organisations(&self) -> impl Iterator<Item = &Organisation> {
        self.organisations.values()
    }

    /// A service version by the hash of its entry's bytes.
    #[must_use]
    pub fn service(&self, hash: &Sha256Hash) -> Option<&ServiceEntry> {
        self.services.get(hash)
    }

    /// The newest version of each service of each organisation, with its hash.
    pub fn services(&self) -> impl Iterator<Item = (&Sha256Hash, &ServiceEntry)> {
        let mut newest: BTreeMap<(OrgId, &str), (&Sha256Hash, &ServiceEntry)> = BTreeMap::new();
        for (hash, entry) in &self.services {
            let at = newest
                .entry((entry.org, &entry.service.service))
                .or_insert((hash, entry));
            if entry.service.version > at.1.service.version {
                *at = (hash, entry);
            }
        }
        newest.into_values()
    }

    /// All versions of all kinds, in the log's order.
    #[must_use]
    pub fn kinds(&self) -> &[KindEntry] {
        &self.kinds
    }

    /// Whether an admission or suspension stands here already, by the hash of its entry.
    #[must_use]
    pub fn is_decided(&self, entry: &Sha256Hash) -> bool {
        self.decided.contains(entry)
    }

    /// The portal's bundles, in the log's order: the last one is served now.
    #[must_use]
    pub fn bundles(&self) -> &[BundleEntry] {
        &self.bundles
    }

    /// In which quality an organisation might issue a kind at `at`, if at all and not suspended then.
    #[must_use]
    pub fn admitted(&self, org: &OrgId, vct: &str, at: UnixTime) -> Option<Quality> {
        let admission = self.organisations.get(org)?.admission_at(at)?;
        Some(admission.kinds.iter().find(|k| k.vct == vct)?.quality)
    }

    /// The key under which an organisation signed credentials at `at`, by key id.
    #[must_use]
    pub fn issuer_key(&self, org: &OrgId, kid: &str, at: UnixTime) -> Option<IssuerKey> {
        let stated = self
            .organisations
            .get(org)?
            .statement
            .key::<Issuer>(Some(kid), at)?;
        let key = stated.typed()?;
        Some(match stated.revoked_from {
            Some(from) => IssuerKey::RevokedFrom(key, from),
            None => IssuerKey::Good(key),
        })
    }

    /// A key of an organisation by purpose and key id (or the newest), that counts at `at`.
    #[must_use]
    pub fn key<P: KeyPurpose>(
        &self,
        org: &OrgId,
        kid: Option<&str>,
        at: UnixTime,
    ) -> Option<PublicKeyFor<P>> {
        let stated = self.organisations.get(org)?.statement.key::<P>(kid, at)?;
        if stated.revoked_from.is_some_and(|from| from <= at) {
            None
        } else {
            stated.typed()
        }
    }

    /// The same, by the full id `<organisation>#<key>` that a signed text names: it must name this
    /// organisation, and the key must not be withdrawn by `now` either.
    #[must_use]
    pub fn named_key<P: KeyPurpose>(
        &self,
        (org, kid): (&OrgId, &str),
        at: UnixTime,
        now: UnixTime,
    ) -> Option<PublicKeyFor<P>> {
        let (id, kid) = split_kid(kid)?;
        let stated = self
            .organisations
            .get(org)?
            .statement
            .key::<P>(Some(kid), at)?;
        let late = at.max(now);
        let counts = stated.revoked_from.is_none_or(|from| late < from);
        (counts && OrgId::from(id) == *org).then(|| stated.typed())?
    }

    /// Adds the next entry of the log.
    ///
    /// # Errors
    /// [`DirectoryError`]; the directory is unchanged.
    pub fn apply(&mut self, entry: &[u8], verifier: &dyn Verifier) -> Result<(), DirectoryError> {
        let object = Unverified::parse(entry).map_err(DirectoryError::Signature)?;
        match object.typ() {
            STATEMENT_TYP => self.apply_statement(object, entry, verifier),
            SERVICE_TYP => self.apply_service(object, entry, verifier),
            ADMISSION_TYP => {
                let admission: Admission = self.by_operator(object, verifier)?;
                let org = self.decide(entry, admission.org)?;
                org.decisions.push(Decision::Admitted(admission.clone()));
                org.admission = Some(admission);
                org.suspension = None;
                Ok(())
            }
            SUSPENSION_TYP => {
                let suspension: Suspension = self.by_operator(object, verifier)?;
                let org = self.decide(entry, suspension.org)?;
                org.decisions.push(Decision::Suspended(suspension.from));
                org.suspension = Some(suspension);
                Ok(())
            }
            KIND_TYP => {
                let kind: KindEntry = self.by_operator(object, verifier)?;
                check_files(&kind)?;
                self.kinds.push(kind);
                Ok(())
            }
            BUNDLE_TYP => {
                let bundle: BundleEntry = self.by_operator(object, verifier)?;
                if bundle.v != 1 {
                    return Err(DirectoryError::Malformed);
                }
                self.bundles.push(bundle);
                Ok(())
            }
            _ => Err(DirectoryError::Malformed),
        }
    }

    /// The organisation that an admission or suspension decides about, which stands here only once.
    fn decide(&mut self, entry: &[u8], org: OrgId) -> Result<&mut Organisation, DirectoryError> {
        let org = self.organisations.get_mut(&org);
        let org = org.ok_or(DirectoryError::OrgUnknown)?;
        let first = self.decided.insert(Sha256Hash::of(entry));
        if holds(Check::DecisionOnce, first) {
            Ok(org)
        } else {
            Err(DirectoryError::Repeated)
        }
    }

    fn by_operator<T: serde::de::DeserializeOwned>(
        &self,
        object: Unverified<'_>,
        verifier: &dyn Verifier,
    ) -> Result<T, DirectoryError> {
        let operator = self
            .operator
            .as_ref()
            .ok_or(DirectoryError::SignerNotPermitted)?;
        let hub = Sha256Hash::from(self.hub);
        if split_kid(object.kid()) != Some((hub, "identity")) {
            return Err(DirectoryError::SignerNotPermitted);
        }
        let (typ, claimed) = (object.typ().to_owned(), object.danger_payload());
        let signed = object.verify(verifier, current_identity(operator)?.key(), &typ);
        checked(Check::OperatorSignature, signed.map(drop)).map_err(DirectoryError::Signature)?;
        payload(claimed)
    }

    fn apply_service(
        &mut self,
        object: Unverified<'_>,
        entry: &[u8],
        verifier: &dyn Verifier,
    ) -> Result<(), DirectoryError> {
        let claimed: ServiceEntry = serde_json::from_slice(object.danger_payload())
            .map_err(|_| DirectoryError::Malformed)?;
        let org = self
            .organisations
            .get(&claimed.org)
            .ok_or(DirectoryError::OrgUnknown)?;
        let (id, kid) = split_kid(object.kid()).ok_or(DirectoryError::SignerNotPermitted)?;
        if OrgId::from(id) != claimed.org {
            return Err(DirectoryError::SignerNotPermitted);
        }
        // The entry says itself when it was made, so neither a key that was withdrawn nor a suspended
        // organisation can add one, whatever time it gives.
        let key = org.statement.key::<Message>(Some(kid), claimed.created);
        let key = key.filter(|k| k.revoked_from.is_none() && org.suspension.is_none());
        let key = key.ok_or(DirectoryError::SignerNotPermitted)?;
        let object = object
            .verify(verifier, &key.key, SERVICE_TYP)
            .map_err(DirectoryError::Signature)?;
        self.services
            .insert(Sha256Hash::of(entry), payload(object.payload())?);
        Ok(())
    }

    fn apply_statement(
        &mut self,
        object: Unverified<'_>,
        entry: &[u8],
        verifier: &dyn Verifier,
    ) -> Result<(), DirectoryError> {
        let claimed: Statement = serde_json::from_slice(object.danger_payload())
            .map_err(|_| DirectoryError::Malformed)?;
        let hash = Sha256Hash::of(entry);
        let id = claimed.id.unwrap_or(hash);
        let prior = self.prior(claimed.role, id);
        let identity = match (&claimed.id, prior) {
            (None, None) => claimed.identity.clone(),
            (Some(_), Some((prior, prior_hash)))
                if holds(Check::StatementPrev, claimed.prev == Some(prior_hash)) =>
            {
                current_identity(prior)?
            }
            _ => return Err(DirectoryError::ChainBroken),
        };
        let same = holds(Check::StatementIdentity, identity == claimed.identity);
        if claimed.v != 1 || !same || !claimed.names.contains_key("en") {
            return Err(DirectoryError::ChainBroken);
        }
        let signed = object.verify(verifier, identity.key(), STATEMENT_TYP);
        checked(Check::StatementSignature, signed.map(drop)).map_err(DirectoryError::Signature)?;
        if let Some(next) = &claimed.identity_next {
            check_next(next, &id, claimed.prev.as_ref(), verifier)?;
        }
        self.put_statement(claimed, id, hash)
    }

    fn prior(&self, role: Role, id: Sha256Hash) -> Option<(&Statement, Sha256Hash)> {
        match role {
            Role::Hub => self.operator.as_ref().zip(self.operator_hash),
            Role::Organisation => {
                let org = self.organisations.get(&OrgId::from(id))?;
                Some((&org.statement, org.statement_hash))
            }
        }
    }

    fn learn_keys(&mut self, stated: &[StatedKey]) {
        for key in stated {
            let same = |k: &&mut StatedKey| k.purpose == key.purpose && k.key == key.key;
            match self.operator_keys.iter_mut().find(same) {
                Some(known) => {
                    let before = known.revoked_from;
                    *known = key.clone();
                    known.revoked_from = before.into_iter().chain(key.revoked_from).min();
                }
                None => self.operator_keys.push(key.clone()),
            }
        }
    }

    fn put_statement(
        &mut self,
        statement: Statement,
        id: Sha256Hash,
        hash: Sha256Hash,
    ) -> Result<(), DirectoryError> {
        match statement.role {
            Role::Hub => {
                if HubId::from(id) != self.hub {
                    return Err(DirectoryError::ChainBroken);
                }
                self.learn_keys(&statement.keys);
                self.operator = Some(statement);
                self.operator_hash = Some(hash);
            }
            Role::Organisation => {
                let id = OrgId::from(id);
                let org = self
                    .organisations
                    .entry(id)
                    .or_insert_with(|| Organisation {
                        id,
                        since: statement.created,
                        statement: statement.clone(),
                        statement_hash: hash,
                        admission: None,
                        suspension: None,
                        chain: Vec::new(),
                        decisions: Vec::new(),
                    });
                org.chain.push(hash);
                org.statement = statement;
                org.statement_hash = hash;
            }
        }
        Ok(())
    }
}

/// The files of a kind are those that its hashes name.
fn check_files(kind: &KindEntry) -> Result<(), DirectoryError> {
    let same = |text: &str, hash: &Sha256Hash| Sha256Hash::of(text.as_bytes()) == *hash;
    let files = kind.files.as_ref();
    let good =
        files.is_none_or(|f| same(&f.metadata, &kind.metadata) && same(&f.schema, &kind.schema));
    good.then_some(()).ok_or(DirectoryError::Malformed)
}

/// The bytes that a next identity key signs to prove that somebody has it.
#[must_use]
pub fn identity_next_input(id: &Sha256Hash, prev: Option<&Sha256Hash>, key: &PublicKey) -> Vec<u8> {
    let prev = prev.map_or(&[][..], |p| p.as_bytes());
    [
        b"denizen/v1/identity-next",
        id.as_bytes().as_slice(),
        prev,
        key.as_bytes(),
    ]
    .concat()
}

fn check_next(
    next: &crate::statement::IdentityNext,
    id: &Sha256Hash,
    prev: Option<&Sha256Hash>,
    verifier: &dyn Verifier,
) -> Result<(), DirectoryError> {
    let key =
        PublicKey::try_from(next.key.clone()).map_err(|_| DirectoryError::SignerNotPermitted)?;
    let input = identity_next_input(id, prev, &key);
    verifier
        .verify(&key, &input, &next.proof.0)
        .map_err(|_| DirectoryError::Signature(ObjectError::BadSignature))
}

/// The identity key that signs what follows a statement.
fn current_identity(statement: &Statement) -> Result<PublicKeyFor<Identity>, DirectoryError> {
    match &statement.identity_next {
        None => Ok(statement.identity.clone()),
        Some(next) => PublicKey::try_from(next.key.clone())
            .and_then(PublicKeyFor::new)
            .map_err(|_| DirectoryError::SignerNotPermitted),
    }
}

fn payload<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, DirectoryError> {
    serde_json::from_slice(bytes).map_err(|_| DirectoryError::Malformed)
}
