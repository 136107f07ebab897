//! Verifying credentials and presentations. Source: RFC 9901 section 7, SD-JWT VC section 2.4; the
//! musts of R19.

use crate::{
    CREDENTIAL_SIZE_BYTES_MAX, CREDENTIAL_TYP, DEPTH_MAX, DISCLOSURES_MAX, KEY_BINDING_TYP,
    REGISTERED_CLAIMS, StatusRef,
    disclosure::{self, ClaimPath, Disclosure, Parsed, PathItem},
    strict_json,
};
use denizen_guard::{Check, checked, holds};
use denizen_jose::{Alg, CompactError, PublicKey, UnverifiedCompact, Verifier, base64url_encode};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why a credential or presentation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// Not an SD-JWT, or too large.
    #[error("not an SD-JWT credential")]
    Malformed,
    /// The issuer's signature is refused.
    #[error("issuer's signature is refused")]
    Signature(#[source] CompactError),
    /// `typ` is not `dc+sd-jwt`.
    #[error("token is of another type than dc+sd-jwt")]
    OtherType,
    /// A required claim is missing or of another type.
    #[error("a registered claim is missing or malformed")]
    Registered,
    /// `_sd_alg` is not `sha-256`.
    #[error("digest algorithm is not allowed")]
    SdAlg,
    /// A disclosure is no disclosure.
    #[error("a disclosure is malformed")]
    Disclosure,
    /// A digest occurs twice, or a disclosure is given twice.
    #[error("a digest occurs more than once")]
    DuplicateDigest,
    /// A disclosure that nothing refers to.
    #[error("a disclosure is not referenced by the credential")]
    Unreferenced,
    /// A disclosed claim that may not be selectively disclosable, or that is there already.
    #[error("a disclosure reveals a claim that may not be disclosed this way")]
    ForbiddenClaim,
    /// The policy asks for key binding and there is none.
    #[error("key binding is required and missing")]
    KeyBindingMissing,
    /// There is a key-binding JWT where none was asked for.
    #[error("key binding is present where none was asked for")]
    KeyBindingUnexpected,
    /// The key-binding JWT's signature, type or form is refused.
    #[error("key binding is refused")]
    KeyBinding,
    /// For another verifier.
    #[error("presentation was made for another verifier")]
    Audience,
    /// For another request.
    #[error("presentation was made for another request")]
    Nonce,
    /// Made too early or too late.
    #[error("presentation was made outside its time")]
    IssuedAt,
    /// Bound to other disclosures or another credential.
    #[error("key binding is over another presentation")]
    SdHash,
}

/// A credential as received.
#[derive(Debug, Clone)]
pub struct UnverifiedCredential<'a> {
    jwt: &'a str,
    compact: UnverifiedCompact<'a>,
    disclosures: Vec<&'a str>,
}

/// A credential whose signature and disclosures are good. Whether its issuer may issue it, whether
/// it has expired and what its status is, the caller asks next.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedCredential {
    jwt: String,
    disclosures: Vec<Disclosure>,
    claims: Arc<Map<String, Value>>,
    registered: RegisteredClaims,
    kid: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct RegisteredClaims {
    iss: String,
    vct: String,
    #[serde(rename = "vct#integrity")]
    vct_integrity: Option<String>,
    cnf: Cnf,
    #[serde(default)]
    iat: Option<i64>,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    exp: Option<i64>,
    #[serde(default)]
    status: Option<StatusClaim>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Cnf {
    jwk: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct StatusClaim {
    status_list: StatusRef,
}

impl<'a> UnverifiedCredential<'a> {
    /// Reads a credential without key binding: `<jwt>~<disclosure>~...~`.
    ///
    /// # Errors
    /// [`CredentialError::Malformed`], [`CredentialError::Signature`] for a header that no key can
    /// verify.
    pub fn parse(text: &'a str) -> Result<Self, CredentialError> {
        let text = text.strip_suffix('~').ok_or(CredentialError::Malformed)?;
        if text.len() > CREDENTIAL_SIZE_BYTES_MAX {
            return Err(CredentialError::Malformed);
        }
        let mut parts = text.split('~');
        let jwt = parts.next().ok_or(CredentialError::Malformed)?;
        let disclosures: Vec<_> = parts.collect();
        if disclosures.len() > DISCLOSURES_MAX {
            return Err(CredentialError::Malformed);
        }
        let compact = UnverifiedCompact::parse(jwt).map_err(CredentialError::Signature)?;
        Ok(Self {
            jwt,
            compact,
            disclosures,
        })
    }

    /// Issuer and key id that the credential claims, to find the key: nothing in the token chooses
    /// whom to trust.
    ///
    /// # Errors
    /// [`CredentialError::Registered`] if it names none.
    pub fn danger_issuer(&self) -> Result<(String, String), CredentialError> {
        #[derive(Deserialize)]
        struct Iss {
            iss: String,
        }
        let kid = self
            .compact
            .danger_header()
            .get("kid")
            .and_then(Value::as_str);
        let iss = serde_json::from_slice::<Iss>(self.compact.danger_payload());
        match (iss, kid) {
            (Ok(iss), Some(kid)) => Ok((iss.iss, kid.to_owned())),
            _ => Err(CredentialError::Registered),
        }
    }

    /// What its issuer signed, and what claims to be the signature, unverified: for whoever checks many
    /// at once.
    #[must_use]
    pub fn danger_signed(&self) -> (&[u8], &[u8]) {
        self.compact.danger_signed()
    }

    /// When the credential claims to have been issued, Unix seconds: to find the key that counted
    /// then.
    #[must_use]
    pub fn danger_iat(&self) -> Option<i64> {
        #[derive(Deserialize)]
        struct Iat {
            iat: i64,
        }
        let iat = serde_json::from_slice::<Iat>(self.compact.danger_payload());
        iat.ok().map(|iat| iat.iat)
    }

    /// Checks signature, type and every disclosure.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn verify(
        self,
        verifier: &dyn Verifier,
        key: &PublicKey,
    ) -> Result<VerifiedCredential, CredentialError> {
        if key.alg() != Alg::Es256 {
            return Err(CredentialError::Signature(CompactError::AlgNotAllowed));
        }
        let (jwt, disclosures) = (self.jwt.to_owned(), self.disclosures);
        let header = self.compact.danger_header().clone();
        let payload = self.compact.danger_payload().to_vec();
        let named = key_in(&header).filter(|_| holds(Check::TrustRoot, false));
        let signed = self.compact.verify(verifier, named.as_ref().unwrap_or(key));
        checked(Check::IssuerSignature, signed.map(drop)).map_err(CredentialError::Signature)?;
        let typ = header.get("typ").and_then(Value::as_str);
        if !holds(Check::CredentialType, typ == Some(CREDENTIAL_TYP)) {
            return Err(CredentialError::OtherType);
        }
        let kid = header
            .get("kid")
            .and_then(Value::as_str)
            .ok_or(CredentialError::Registered)?;
        let Some(Value::Object(mut payload)) = strict_json::parse(&payload) else {
            return Err(CredentialError::Malformed);
        };
        match payload.remove("_sd_alg") {
            Some(Value::String(alg)) if alg == "sha-256" => {}
            None if disclosures.is_empty() => {}
            _ => return Err(CredentialError::SdAlg),
        }
        let registered = take_registered(&mut payload)?;
        let mut reveal = Reveal::new(&disclosures)?;
        let claims = reveal.object(payload, &mut Vec::new())?;
        let disclosures = reveal.finish()?;
        Ok(VerifiedCredential {
            jwt,
            disclosures,
            claims: Arc::new(claims),
            registered,
            kid: kid.to_owned(),
        })
    }
}

/// A key that a token brings along: never used (R19).
fn key_in(header: &Map<String, Value>) -> Option<PublicKey> {
    serde_json::from_value(header.get("jwk")?.clone()).ok()
}

fn take_registered(payload: &mut Map<String, Value>) -> Result<RegisteredClaims, CredentialError> {
    let mut registered = Map::new();
    for name in REGISTERED_CLAIMS.iter().filter(|n| **n != "_sd") {
        if let Some(value) = payload.remove(*name) {
            registered.insert((*name).to_owned(), value);
        }
    }
    serde_json::from_value(Value::Object(registered)).map_err(|_| CredentialError::Registered)
}

/// Replaces digests by what is disclosed. Source: RFC 9901 section 7.1.
struct Reveal<'a> {
    by_digest: BTreeMap<String, (&'a str, Parsed)>,
    seen: BTreeSet<String>,
    found: Vec<Disclosure>,
}

impl<'a> Reveal<'a> {
    fn new(texts: &[&'a str]) -> Result<Self, CredentialError> {
        let mut by_digest = BTreeMap::new();
        for text in texts {
            let parsed = disclosure::parse(text).ok_or(CredentialError::Disclosure)?;
            if by_digest
                .insert(disclosure::digest(text), (*text, parsed))
                .is_some()
                && !holds(Check::DigestOnce, false)
            {
                return Err(CredentialError::DuplicateDigest);
            }
        }
        Ok(Self {
            by_digest,
            seen: BTreeSet::new(),
            found: Vec::new(),
        })
    }

    fn take(&mut self, digest: &Value) -> Result<Option<(&'a str, Parsed)>, CredentialError> {
        let digest = digest.as_str().ok_or(CredentialError::Malformed)?;
        let first = self.seen.insert(digest.to_owned());
        if !holds(Check::DigestOnce, first) {
            return Err(CredentialError::DuplicateDigest);
        }
        Ok(self.by_digest.remove(digest))
    }

    fn value(&mut self, value: Value, path: &mut ClaimPath) -> Result<Value, CredentialError> {
        // Each disclosure is bounded by itself; one within another must not add up to more.
        if path.len() > DEPTH_MAX {
            return Err(CredentialError::Malformed);
        }
        Ok(match value {
            Value::Object(members) => Value::Object(self.object(members, path)?),
            Value::Array(items) => Value::Array(self.array(items, path)?),
            other => other,
        })
    }

    fn object(
        &mut self,
        mut members: Map<String, Value>,
        path: &mut ClaimPath,
    ) -> Result<Map<String, Value>, CredentialError> {
        let digests = match members.remove("_sd") {
            Some(Value::Array(digests)) => digests,
            Some(_) => return Err(CredentialError::Malformed),
            None => Vec::new(),
        };
        if members.contains_key("...") {
            return Err(CredentialError::Malformed);
        }
        let mut out = Map::new();
        for (name, value) in members {
            path.push(PathItem::Name(name.clone()));
            out.insert(name, self.value(value, path)?);
            path.pop();
        }
        for digest in digests {
            let Some((text, parsed)) = self.take(&digest)? else {
                continue;
            };
            let name = parsed.name.ok_or(CredentialError::Disclosure)?;
            let top = path.is_empty() && REGISTERED_CLAIMS.contains(&name.as_str());
            let top = !holds(Check::ClaimNotConcealed, !top);
            if top || name == "_sd" || name == "..." || out.contains_key(&name) {
                return Err(CredentialError::ForbiddenClaim);
            }
            path.push(PathItem::Name(name.clone()));
            self.found.push(Disclosure {
                path: path.clone(),
                text: text.to_owned(),
            });
            let value = self.value(parsed.value, path)?;
            path.pop();
            out.insert(name, value);
        }
        Ok(out)
    }

    fn array(
        &mut self,
        items: Vec<Value>,
        path: &mut ClaimPath,
    ) -> Result<Vec<Value>, CredentialError> {
        let mut out = Vec::new();
        for item in items {
            path.push(PathItem::Index(out.len()));
            let digest = item.as_object().and_then(|o| o.get("...")).cloned();
            match digest {
                Some(digest) => {
                    if item.as_object().is_some_and(|o| o.len() != 1) {
                        return Err(CredentialError::Malformed);
                    }
                    if let Some((text, parsed)) = self.take(&digest)? {
                        if parsed.name.is_some() {
                            return Err(CredentialError::Disclosure);
                        }
                        self.found.push(Disclosure {
                            path: path.clone(),
                            text: text.to_owned(),
                        });
                        out.push(self.value(parsed.value, path)?);
                    }
                }
                None => out.push(self.value(item, path)?),
            }
            path.pop();
        }
        Ok(out)
    }

    fn finish(self) -> Result<Vec<Disclosure>, CredentialError> {
        if holds(Check::DisclosureReferenced, self.by_digest.is_empty()) {
            Ok(self.found)
        } else {
            Err(CredentialError::Unreferenced)
        }
    }
}

impl VerifiedCredential {
    /// Issuer: organisation id text.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.registered.iss
    }

    /// Key id that signed.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Kind.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.registered.vct
    }

    /// Integrity of the kind's type metadata.
    #[must_use]
    pub fn vct_integrity(&self) -> Option<&str> {
        self.registered.vct_integrity.as_deref()
    }

    /// The holder's key.
    #[must_use]
    pub fn cnf(&self) -> &PublicKey {
        &self.registered.cnf.jwk
    }

    /// Where its status stands.
    #[must_use]
    pub fn status(&self) -> Option<&StatusRef> {
        self.registered.status.as_ref().map(|s| &s.status_list)
    }

    /// Issued at, Unix seconds.
    #[must_use]
    pub fn iat(&self) -> Option<i64> {
        self.registered.iat
    }

    /// Not before, Unix seconds.
    #[must_use]
    pub fn nbf(&self) -> Option<i64> {
        self.registered.nbf
    }

    /// Expires at, Unix seconds: reported, so that it can be worded.
    #[must_use]
    pub fn exp(&self) -> Option<i64> {
        self.registered.exp
    }

    /// All disclosed claims, without the registered ones.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The same, for whoever keeps them longer than the credential.
    #[must_use]
    pub fn shared_claims(&self) -> &Arc<Map<String, Value>> {
        &self.claims
    }

    /// Disclosures with their paths.
    #[must_use]
    pub fn disclosures(&self) -> &[Disclosure] {
        &self.disclosures
    }

    /// The issuer-signed JWT.
    pub(crate) fn jwt(&self) -> &str {
        &self.jwt
    }
}

/// Bounds of a key binding's `iat`, Unix seconds, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IatWindow {
    /// Earliest.
    pub min: i64,
    /// Latest.
    pub max: i64,
}

/// Whether key binding is asked for: decided by the verifier, never inferred from the token, and
/// without a default.
#[derive(Debug, Clone, Copy)]
pub enum KeyBindingPolicy<'a> {
    /// Required, with these values.
    Required {
        /// Audience.
        aud: &'a str,
        /// Nonce.
        nonce: &'a str,
        /// Bounds of `iat`.
        iat: IatWindow,
    },
    /// Not asked for: a token that has one is refused, since it was made for somebody.
    NotRequired,
}

/// A presentation as received.
#[derive(Debug, Clone)]
pub struct UnverifiedPresentation<'a> {
    credential: UnverifiedCredential<'a>,
    bound: &'a str,
    key_binding: Option<&'a str>,
}

/// A presentation that meets its policy.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedPresentation {
    credential: VerifiedCredential,
    sd_hash: String,
    iat: Option<i64>,
}

#[derive(Deserialize)]
struct KeyBindingClaims {
    iat: i64,
    aud: String,
    nonce: String,
    sd_hash: String,
}

impl<'a> UnverifiedPresentation<'a> {
    /// Reads a presentation, with or without key binding.
    ///
    /// # Errors
    /// As [`UnverifiedCredential::parse`].
    pub fn parse(text: &'a str) -> Result<Self, CredentialError> {
        if text.len() > CREDENTIAL_SIZE_BYTES_MAX {
            return Err(CredentialError::Malformed);
        }
        let at = text.rfind('~').ok_or(CredentialError::Malformed)? + 1;
        let (bound, key_binding) = text
            .split_at_checked(at)
            .ok_or(CredentialError::Malformed)?;
        let credential = UnverifiedCredential::parse(bound)?;
        let key_binding = (!key_binding.is_empty()).then_some(key_binding);
        Ok(Self {
            credential,
            bound,
            key_binding,
        })
    }

    /// Issuer and key id that the credential claims, to find the key.
    ///
    /// # Errors
    /// As [`UnverifiedCredential::danger_issuer`].
    pub fn danger_issuer(&self) -> Result<(String, String), CredentialError> {
        self.credential.danger_issuer()
    }

    /// When the credential claims to have been issued, to find the key that counted then.
    #[must_use]
    pub fn danger_iat(&self) -> Option<i64> {
        self.credential.danger_iat()
    }

    /// Checks the credential, then the key binding as the policy says.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn verify(
        self,
        verifier: &dyn Verifier,
        key: &PublicKey,
        policy: KeyBindingPolicy<'_>,
    ) -> Result<VerifiedPresentation, CredentialError> {
        let credential = self.credential.verify(verifier, key)?;
        let sd_hash = sd_hash(self.bound);
        let iat = match (policy, self.key_binding) {
            (KeyBindingPolicy::NotRequired, None) => None,
            (KeyBindingPolicy::NotRequired, Some(_)) => {
                return Err(CredentialError::KeyBindingUnexpected);
            }
            (KeyBindingPolicy::Required { .. }, None) => {
                let there = holds(Check::KeyBindingThere, false);
                check(there, CredentialError::KeyBindingMissing)?;
                None
            }
            (KeyBindingPolicy::Required { aud, nonce, iat }, Some(jwt)) => {
                let claims = key_binding(jwt, verifier, credential.cnf())?;
                let mine = holds(Check::KeyBindingAudience, claims.aud == aud);
                check(mine, CredentialError::Audience)?;
                let asked = holds(Check::KeyBindingNonce, claims.nonce == nonce);
                check(asked, CredentialError::Nonce)?;
                let in_time = (iat.min..=iat.max).contains(&claims.iat);
                let in_time = holds(Check::KeyBindingTime, in_time);
                check(in_time, CredentialError::IssuedAt)?;
                let over = holds(Check::KeyBindingHash, claims.sd_hash == sd_hash);
                check(over, CredentialError::SdHash)?;
                Some(claims.iat)
            }
        };
        Ok(VerifiedPresentation {
            credential,
            sd_hash,
            iat,
        })
    }
}

fn check(holds: bool, error: CredentialError) -> Result<(), CredentialError> {
    if holds { Ok(()) } else { Err(error) }
}

fn key_binding(
    jwt: &str,
    verifier: &dyn Verifier,
    key: &PublicKey,
) -> Result<KeyBindingClaims, CredentialError> {
    let refused = |_| CredentialError::KeyBinding;
    let compact = UnverifiedCompact::parse(jwt).map_err(refused)?;
    let header = compact.danger_header().clone();
    let payload = compact.danger_payload().to_vec();
    let signed = compact.verify(verifier, key).map(drop).map_err(refused);
    checked(Check::KeyBindingSignature, signed)?;
    let typ = header.get("typ").and_then(Value::as_str);
    if !holds(Check::KeyBindingType, typ == Some(KEY_BINDING_TYP)) {
        return Err(CredentialError::KeyBinding);
    }
    let payload = strict_json::parse(&payload).ok_or(CredentialError::KeyBinding)?;
    serde_json::from_value(payload).map_err(|_| CredentialError::KeyBinding)
}

/// The hash that binds a key-binding JWT to credential and disclosures: over everything up to and
/// with the last `~`. Names a presentation.
#[must_use]
pub fn sd_hash(bound: &str) -> String {
    base64url_encode(Sha256::digest(bound))
}

impl VerifiedPresentation {
    /// The credential with the disclosed claims.
    #[must_use]
    pub fn credential(&self) -> &VerifiedCredential {
        &self.credential
    }

    /// Names this presentation, in corrections that reach past recipients.
    #[must_use]
    pub fn sd_hash(&self) -> &str {
        &self.sd_hash
    }

    /// When the holder made it; none without key binding.
    #[must_use]
    pub fn iat(&self) -> Option<i64> {
        self.iat
    }
}
