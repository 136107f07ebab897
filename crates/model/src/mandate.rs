//! Mandates: who acts for whom, known by a key. Specified in `docs/spec/mandate.md`.
//!
//! Two of them. A *guardian's* mandate is a record of the child's profile, issued by an authority; for
//! each act the guardian proves that he holds the key that it names ([`ActingProof`]). A *helper's*
//! mandate is given by the person herself, sealed to the helper's key ([`HelperCard`], [`Given`]); what
//! comes back is a [`HelperDraft`], which files nothing, or an [`Ask`] at an office.

mod helper;

pub use helper::{
    ASK_TYP, Ask, CARD_TYP, DRAFT_TYP, Excerpt, GIVEN_TYP, GIVEN_V, Given, GivenApplication,
    HelperCard, HelperDraft, MandateFileError, OfferedService, card_digits,
};

use crate::{
    MessageId, OrgId, PublicKeyFor, SecretKeyFor, Sha256Hash, UnixTime,
    cbor::{self, Item},
    jose::{Object, Unverified, Verifier, base64url_decode, base64url_encode},
    key::Delegate,
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// `vct` of a mandate.
pub const MANDATE_VCT: &str = "urn:denizen:kind:mandate:1";
/// The service name that covers every service.
pub const ALL_SERVICES: &str = "urn:denizen:service:all";
/// `typ` of a proof of possession.
pub const ACTING_TYP: &str = "denizen-acting+json";
/// Media type of the attachment that is a proof of possession.
pub const ACTING_MEDIA_TYPE: &str = "application/vnd.denizen-acting";
/// From this age on nobody acts for a person as her guardian.
const OF_AGE_YEARS: i16 = 18;

/// What a mandate lets somebody do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Read what the person chose.
    Read,
    /// Be told the state of an application.
    Receive,
    /// Prepare an application, which the person files.
    Prepare,
    /// File an application, change it, take it back.
    File,
    /// Show papers.
    Show,
    /// Dispute records.
    Dispute,
}

/// In which role somebody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A parent or guardian.
    Guardian,
    /// A helper: assists, proves nothing.
    Helper,
    /// A representative by power of attorney.
    Representative,
}

/// On what a mandate rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The person's own consent.
    OwnConsent,
    /// Parent by law.
    Parent,
    /// A court.
    Court,
    /// An authority.
    Authority,
    /// A power of attorney.
    PowerOfAttorney,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegateClaim {
    /// The name, for people; nothing is matched by it.
    pub name: String,
    /// RFC 7638 thumbprint of the key that acts.
    pub key_thumbprint: Sha256Hash,
}

/// What of a mandate must be shown so that anybody can judge whether it covers an act. A claim that is
/// hidden counts as not given: a limit cannot be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateClaims {
    /// The role.
    pub role: Role,
    /// Who acts.
    pub delegate: DelegateClaim,
    /// What is allowed.
    pub scope: Vec<Scope>,
    /// For which services.
    pub services: Vec<String>,
    /// On what it rests.
    pub basis: Basis,
    /// The first day.
    pub valid_from: Date,
    /// The last day.
    pub valid_until: Date,
    /// Whether it may be passed on. No form of passing on exists: only the named key acts.
    #[serde(default)]
    pub may_pass_on: bool,
}

/// Why an act is not covered. Each has a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MandateError {
    /// There is no mandate, or too little of it is shown.
    #[error("no mandate that shows who may do what, for which services, and until when")]
    Missing,
    /// No proof that the key of the mandate agreed to this act.
    #[error("a mandate without proof that its key agreed to this act")]
    ProofMissing,
    /// The proof is of another act, office, paper or time, or is not signed by its key.
    #[error("the proof of the mandate's key is refused")]
    ProofRefused,
    /// Another key than the one that the mandate names.
    #[error("another key than the one that the mandate names")]
    OtherKey,
    /// The role may not do this.
    #[error("the mandate does not allow this")]
    Scope,
    /// The mandate is for other services.
    #[error("the mandate is for other services")]
    Service,
    /// The mandate has not begun.
    #[error("the mandate has not begun")]
    NotYet,
    /// The mandate is over: its end has come, or it was withdrawn.
    #[error("the mandate is over")]
    Over,
    /// The person is of age: nobody is her guardian any more.
    #[error("the person is of age")]
    OfAge,
    /// It may not be passed on.
    #[error("the mandate may not be passed on")]
    NotPassedOn,
}

impl MandateError {
    /// The stable code: `err-<code>` says what happened, `rec-<code>` what to do next.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "mandate-missing",
            Self::ProofMissing => "mandate-proof-missing",
            Self::ProofRefused => "mandate-proof-refused",
            Self::OtherKey => "mandate-other-key",
            Self::Scope => "mandate-scope",
            Self::Service => "mandate-service",
            Self::NotYet => "mandate-not-yet",
            Self::Over => "mandate-over",
            Self::OfAge => "mandate-of-age",
            Self::NotPassedOn => "mandate-not-passed-on",
        }
    }
}

impl MandateClaims {
    /// Reads what is shown of a mandate.
    ///
    /// # Errors
    /// [`MandateError::Missing`].
    pub fn read(claims: &Map<String, Value>) -> Result<Self, MandateError> {
        let value = Value::Object(claims.clone());
        serde_json::from_value(value).map_err(|_| MandateError::Missing)
    }

    /// Whether it covers an act of somebody for a service on a day.
    ///
    /// # Errors
    /// [`MandateError::Scope`], [`MandateError::Service`], [`MandateError::NotYet`],
    /// [`MandateError::Over`].
    pub fn check(&self, act: Scope, service: &str, today: Date) -> Result<(), MandateError> {
        let assists = |s: &Scope| matches!(s, Scope::Read | Scope::Receive | Scope::Prepare);
        let basis = match self.role {
            Role::Helper => self.basis == Basis::OwnConsent && self.scope.iter().all(assists),
            Role::Guardian => matches!(self.basis, Basis::Parent | Basis::Court | Basis::Authority),
            Role::Representative => true,
        };
        if !basis || !self.scope.contains(&act) {
            return Err(MandateError::Scope);
        }
        if today < self.valid_from {
            return Err(MandateError::NotYet);
        }
        if today > self.valid_until {
            return Err(MandateError::Over);
        }
        let covers = |s: &String| s == ALL_SERVICES || s == service;
        if !self.services.iter().any(covers) {
            return Err(MandateError::Service);
        }
        Ok(())
    }

    /// Whether it names this key.
    #[must_use]
    pub fn names(&self, key: &PublicKeyFor<Delegate>) -> bool {
        *self.delegate.key_thumbprint.as_bytes() == key.key().thumbprint()
    }
}

/// Whether somebody born on this (perhaps partial) date is certainly of age.
#[must_use]
pub fn is_of_age(birth_date: &str, today: Date) -> bool {
    let parts: Vec<&str> = birth_date.split('-').collect();
    let number = |at: usize| parts.get(at).and_then(|p| p.parse::<i16>().ok());
    let Some(year) = number(0).and_then(|y| y.checked_add(OF_AGE_YEARS)) else {
        return false;
    };
    // Where the day is not known, the last one that it can be.
    let month = number(1).and_then(|m| i8::try_from(m).ok());
    let day = number(2).and_then(|d| i8::try_from(d).ok());
    let last = Date::new(year, month.unwrap_or(12), 1).map(Date::last_of_month);
    let at = match day {
        Some(day) => last.map(|last| {
            let exact = Date::new(year, month.unwrap_or(12), day);
            // Born on 29 February: of age on 1 March of a year without it.
            exact.or_else(|_| last.tomorrow()).unwrap_or(last)
        }),
        None => last,
    };
    at.is_ok_and(|at| today >= at)
}

/// What a proof of possession is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// The office.
    pub org: &'a OrgId,
    /// What for: the service's name, or `dispute`.
    pub purpose: &'a str,
    /// The service's exact version, if there is one.
    pub service: Option<&'a Sha256Hash>,
    /// The message that carries the act.
    pub message: &'a MessageId,
    /// `sd_hash` of the mandate as shown.
    pub sd_hash: &'a str,
}

impl Act<'_> {
    fn nonce(&self) -> Sha256Hash {
        let bytes = cbor::array(&[
            Item::Text("denizen/v1/acting"),
            Item::Bytes(self.org.as_bytes()),
            Item::Text(self.purpose),
            self.service
                .map_or(Item::Null, |s| Item::Bytes(s.as_bytes())),
            Item::Bytes(self.message.as_bytes()),
            Item::Text(self.sd_hash),
        ]);
        Sha256Hash::new(Sha256::digest(bytes).into())
    }
}

/// Proof that the key of a mandate agreed to one act: signed by that key, bound to office, purpose,
/// service version, message and the mandate as shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActingProof {
    /// Version, 1.
    v: u8,
    /// The key that acts: counts only if the mandate names its thumbprint.
    key: PublicKeyFor<Delegate>,
    /// Hash over the act.
    nonce: Sha256Hash,
    /// When it was made.
    iat: UnixTime,
}

impl ActingProof {
    /// Signs; gives the attachment's text.
    #[must_use]
    pub fn sign(act: Act<'_>, key: &SecretKeyFor<Delegate>, now: UnixTime) -> String {
        let proof = Self {
            v: 1,
            key: key.public_for(),
            nonce: act.nonce(),
            iat: now,
        };
        let payload = serde_json::to_vec(&proof).expect("a proof is JSON");
        let object = Object::sign(key.signer(), "delegate", ACTING_TYP, &payload);
        base64url_encode(object.as_bytes())
    }

    /// Checks a proof against the mandate that it goes with. `made` is the window in which it may have
    /// been made.
    ///
    /// # Errors
    /// [`MandateError::OtherKey`], [`MandateError::ProofRefused`].
    pub fn verify(
        text: &str,
        act: Act<'_>,
        mandate: &MandateClaims,
        made: (UnixTime, UnixTime),
        verifier: &dyn Verifier,
    ) -> Result<(), MandateError> {
        let refused = MandateError::ProofRefused;
        let bytes = base64url_decode(text).ok_or(refused)?;
        let object = Unverified::parse(&bytes).map_err(|_| refused)?;
        let proof: Self = serde_json::from_slice(object.danger_payload()).map_err(|_| refused)?;
        if !mandate.names(&proof.key) {
            return Err(MandateError::OtherKey);
        }
        object
            .verify(verifier, proof.key.key(), ACTING_TYP)
            .map_err(|_| refused)?;
        let in_time = proof.iat >= made.0 && proof.iat <= made.1;
        if proof.v != 1 || proof.nonce != act.nonce() || !in_time {
            return Err(refused);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::jose::Portable;
    use jiff::civil::date;
    use serde_json::json;

    fn claims(thumbprint: &str) -> Map<String, Value> {
        let claims = json!({
            "subject": {"names": {"original": "A"}},
            "role": "guardian",
            "delegate": {"name": "B", "key_thumbprint": thumbprint},
            "scope": ["file", "dispute"],
            "services": ["urn:denizen:service:school-enrolment"],
            "basis": "parent",
            "valid_from": "2026-08-20",
            "valid_until": "2035-10-01"
        });
        claims.as_object().unwrap().clone()
    }

    fn key(seed: u8) -> SecretKeyFor<Delegate> {
        SecretKeyFor::from_seed(&[seed; 32]).unwrap()
    }

    fn mandate(key: &SecretKeyFor<Delegate>) -> MandateClaims {
        let thumbprint = base64url_encode(key.public_for().key().thumbprint());
        MandateClaims::read(&claims(&thumbprint)).unwrap()
    }

    #[test]
    fn what_is_hidden_is_not_given() {
        let thumbprint = base64url_encode([7; 32]);
        let whole = claims(&thumbprint);
        assert!(MandateClaims::read(&whole).is_ok());
        for hidden in [
            "role",
            "delegate",
            "scope",
            "services",
            "valid_until",
            "valid_from",
        ] {
            let mut less = whole.clone();
            less.remove(hidden);
            assert_eq!(
                MandateClaims::read(&less),
                Err(MandateError::Missing),
                "{hidden}"
            );
        }
    }

    #[test]
    fn scope_service_role_and_days_are_each_looked_at() {
        let school = "urn:denizen:service:school-enrolment";
        let (mandate, today) = (mandate(&key(1)), date(2026, 11, 24));
        assert_eq!(mandate.check(Scope::File, school, today), Ok(()));
        let other = "urn:denizen:service:bank-account";
        for (changed, act, service, day, why) in [
            (
                mandate.clone(),
                Scope::Show,
                school,
                today,
                MandateError::Scope,
            ),
            (
                mandate.clone(),
                Scope::File,
                other,
                today,
                MandateError::Service,
            ),
            (
                mandate.clone(),
                Scope::File,
                school,
                date(2026, 8, 19),
                MandateError::NotYet,
            ),
            (
                mandate.clone(),
                Scope::File,
                school,
                date(2035, 10, 2),
                MandateError::Over,
            ),
            (
                MandateClaims {
                    basis: Basis::OwnConsent,
                    ..mandate.clone()
                },
                Scope::File,
                school,
                today,
                MandateError::Scope,
            ),
            (
                MandateClaims {
                    role: Role::Helper,
                    basis: Basis::OwnConsent,
                    ..mandate.clone()
                },
                Scope::File,
                school,
                today,
                MandateError::Scope,
            ),
        ] {
            assert_eq!(changed.check(act, service, day), Err(why));
        }
        let all = MandateClaims {
            services: vec![ALL_SERVICES.to_owned()],
            ..mandate
        };
        assert_eq!(all.check(Scope::File, other, today), Ok(()));
    }

    #[test]
    fn of_age_is_certain_or_not_said() {
        let today = date(2026, 11, 24);
        for (born, of_age) in [
            ("2008-11-24", true),
            ("2008-11-25", false),
            ("2008-10", true),
            ("2008-11", false),
            ("2007", true),
            ("2008", false),
            ("", false),
            ("no date", false),
        ] {
            assert_eq!(is_of_age(born, today), of_age, "{born}");
        }
        assert!(!is_of_age("2008-02-29", date(2026, 2, 28)));
        assert!(is_of_age("2008-02-29", date(2026, 3, 1)));
    }

    #[test]
    fn a_proof_is_of_one_key_office_purpose_version_message_paper_and_time() {
        let (org, service) = (OrgId::new([1; 32]), Sha256Hash::new([2; 32]));
        let (message, other) = (MessageId::new([3; 16]), MessageId::new([4; 16]));
        let act = Act {
            org: &org,
            purpose: "p",
            service: Some(&service),
            message: &message,
            sd_hash: "h",
        };
        let (mine, mandate) = (key(1), mandate(&key(1)));
        let window = (UnixTime(10), UnixTime(20));
        let text = ActingProof::sign(act, &mine, UnixTime(15));
        let check = |act: Act<'_>, mandate: &MandateClaims, window| {
            ActingProof::verify(&text, act, mandate, window, &Portable)
        };
        assert_eq!(check(act, &mandate, window), Ok(()));
        let (other_org, other_service) = (OrgId::new([9; 32]), Sha256Hash::new([9; 32]));
        for bent in [
            Act {
                org: &other_org,
                ..act
            },
            Act {
                purpose: "q",
                ..act
            },
            Act {
                service: None,
                ..act
            },
            Act {
                service: Some(&other_service),
                ..act
            },
            Act {
                message: &other,
                ..act
            },
            Act {
                sd_hash: "i",
                ..act
            },
        ] {
            assert_eq!(
                check(bent, &mandate, window),
                Err(MandateError::ProofRefused)
            );
        }
        for window in [(UnixTime(16), UnixTime(20)), (UnixTime(10), UnixTime(14))] {
            assert_eq!(
                check(act, &mandate, window),
                Err(MandateError::ProofRefused)
            );
        }
        assert_eq!(
            check(act, &super::tests::mandate(&key(2)), window),
            Err(MandateError::OtherKey)
        );
    }

    #[test]
    fn whoever_knows_a_mandate_names_its_key_and_cannot_sign_with_it() {
        let (org, message) = (OrgId::new([1; 32]), MessageId::new([3; 16]));
        let act = Act {
            org: &org,
            purpose: "p",
            service: None,
            message: &message,
            sd_hash: "h",
        };
        let (mine, mandate) = (key(1), mandate(&key(1)));
        let forged = ActingProof {
            v: 1,
            key: mine.public_for(),
            nonce: act.nonce(),
            iat: UnixTime(15),
        };
        let payload = serde_json::to_vec(&forged).unwrap();
        let object = Object::sign(key(2).signer(), "delegate", ACTING_TYP, &payload);
        let text = base64url_encode(object.as_bytes());
        assert_eq!(
            ActingProof::verify(
                &text,
                act,
                &mandate,
                (UnixTime(10), UnixTime(20)),
                &Portable
            ),
            Err(MandateError::ProofRefused)
        );
    }
}
