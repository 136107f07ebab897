//! Who signed a request. A signature that is missing and one that is wrong look the same.

use crate::{Shared, deposit::Depositor, http::problem::Refusal};
use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::request::Parts,
};
use denizen_api::{
    ProblemKind,
    signature::{Covered, SignatureHeaders, UnverifiedSignature},
    wire::BODY_SIZE_BYTES_MAX,
};
use denizen_jose::{PublicKey, VERIFIER, base64url_decode};
use denizen_model::{
    AddressId, OrgId, PublicKeyFor,
    key::{Auth, Deposit},
    statement::split_kid,
};

/// A request with a signature that nobody has checked, read whole.
pub(crate) struct Signed {
    pub(crate) body: Vec<u8>,
    parts: Parts,
}

impl<S: Send + Sync> FromRequest<S> for Signed {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, BODY_SIZE_BYTES_MAX).await;
        let body = body.map_err(|_| Refusal(ProblemKind::TooLarge))?.to_vec();
        Ok(Self { body, parts })
    }
}

const UNSIGNED: Refusal = Refusal(ProblemKind::Unsigned);

impl Signed {
    fn signature(&self, hub: &Shared) -> Result<UnverifiedSignature, Refusal> {
        let header = |name: &str| {
            let value = self.parts.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let headers = SignatureHeaders {
            content_digest: header("content-digest").ok_or(UNSIGNED)?,
            signature_input: header("signature-input").ok_or(UNSIGNED)?,
            signature: header("signature").ok_or(UNSIGNED)?,
        };
        UnverifiedSignature::parse(headers, &hub.config.hub).map_err(|_| UNSIGNED)
    }

    fn check(
        &self,
        hub: &Shared,
        signature: &UnverifiedSignature,
        key: &PublicKey,
    ) -> Result<(), Refusal> {
        let covered = Covered {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or_default(),
            body: &self.body,
        };
        signature
            .verify(&covered, VERIFIER, key, &hub.config.hub, hub.clock.now())
            .map_err(|_| UNSIGNED)
    }
}

/// The key that is its own name: an address's `auth`, a link's `deposit`, a wrapped root's owner.
pub(crate) fn signed_owner(hub: &Shared, signed: &Signed) -> Result<PublicKey, Refusal> {
    let signature = signed.signature(hub)?;
    let bytes = base64url_decode(signature.keyid()).ok_or(UNSIGNED)?;
    let key = PublicKey::from_ed25519(&bytes).map_err(|_| UNSIGNED)?;
    signed.check(hub, &signature, &key)?;
    Ok(key)
}

/// The address of the path, once its own key has signed. Another's address looks like none.
pub(crate) fn signed_address(
    hub: &Shared,
    signed: &Signed,
    id: &str,
) -> Result<AddressId, Refusal> {
    let key = PublicKeyFor::<Auth>::new(signed_owner(hub, signed)?).map_err(|_| UNSIGNED)?;
    let own = AddressId::of(&key);
    let asked = AddressId::parse(id).map_err(|_| Refusal(ProblemKind::NotFound))?;
    if own == asked {
        Ok(own)
    } else {
        Err(Refusal(ProblemKind::NotFound))
    }
}

/// The admitted organisation that signed with one of its deposit keys.
pub(crate) fn signed_organisation(hub: &Shared, signed: &Signed) -> Result<OrgId, Refusal> {
    let signature = signed.signature(hub)?;
    let (id, kid) = split_kid(signature.keyid()).ok_or(UNSIGNED)?;
    let (org, now, current) = (OrgId::from(id), hub.clock.now(), hub.directory());
    let key = current
        .directory
        .key::<Deposit>(&org, Some(kid), now)
        .ok_or(UNSIGNED)?;
    signed.check(hub, &signature, key.key())?;
    if current.is_active(&org, now) {
        Ok(org)
    } else {
        Err(Refusal(ProblemKind::NotAdmitted))
    }
}

/// Whoever deposits: an organisation, or a key of its own.
pub(crate) fn signed_depositor(hub: &Shared, signed: &Signed) -> Result<Depositor, Refusal> {
    if signed.signature(hub)?.keyid().contains('#') {
        signed_organisation(hub, signed).map(Depositor::Org)
    } else {
        signed_owner(hub, signed).map(Depositor::Key)
    }
}
