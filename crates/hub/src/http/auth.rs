//! Who signed a request. A signature that is missing and one that is wrong look the same.

use crate::{
    Shared,
    deposit::Depositor,
    http::{
        extract::{Whole, length_of},
        problem::Refusal,
    },
    load::Held,
    metrics::Reason,
};
use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, request::Parts},
};
use denizen_api::{
    ProblemKind,
    signature::{Covered, SignatureHeaders, UnverifiedSignature},
};
use denizen_jose::{PublicKey, VERIFIER, base64url_decode};
use denizen_model::{
    AddressId, OrgId, PublicKeyFor,
    key::{Auth, Deposit},
    statement::split_kid,
};
use std::sync::Arc;

/// A request with a signature that nobody has checked, read whole.
pub(crate) struct Signed {
    pub(crate) body: Vec<u8>,
    /// Counts the body as in memory, as long as anything of it is.
    pub(crate) held: Held,
    parts: Parts,
}

impl FromRequest<Arc<Shared>> for Signed {
    type Rejection = Refusal;

    async fn from_request(request: Request, hub: &Arc<Shared>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let Whole { body, held } = Whole::read(hub, &parts.headers, body).await?;
        Ok(Self { body, held, parts })
    }
}

/// A deposit, or a part of an object: refused before its body is read where it would be refused then.
pub(crate) struct Deposited(pub(crate) Signed);

impl FromRequest<Arc<Shared>> for Deposited {
    type Rejection = Refusal;

    async fn from_request(request: Request, hub: &Arc<Shared>) -> Result<Self, Refusal> {
        // Who says that he signed is believed for nothing but his place in the queue.
        let headers = signature_headers(request.headers());
        let claimed = headers.and_then(|h| UnverifiedSignature::parse(h, &hub.config.hub).ok());
        let claimed = claimed.and_then(|signature| claimed_depositor(&signature));
        if let Some(claimed) = claimed {
            let length = length_of(request.headers()).unwrap_or(0);
            let taken = hub.jobs.0.would_take(&claimed.lane(), length);
            taken.map_err(|not| {
                hub.metrics.refused(Reason::of(not));
                Refusal(not.into())
            })?;
        }
        Signed::from_request(request, hub).await.map(Self)
    }
}

fn claimed_depositor(signature: &UnverifiedSignature) -> Option<Depositor> {
    if let Some((id, _)) = split_kid(signature.keyid()) {
        return Some(Depositor::Org(OrgId::from(id)));
    }
    let bytes = base64url_decode(signature.keyid())?;
    let key = PublicKey::from_ed25519(&bytes).ok()?;
    Some(Depositor::Key(key))
}

fn signature_headers(headers: &HeaderMap) -> Option<SignatureHeaders> {
    let header = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
    Some(SignatureHeaders {
        content_digest: header("content-digest")?,
        signature_input: header("signature-input")?,
        signature: header("signature")?,
    })
}

const UNSIGNED: Refusal = Refusal(ProblemKind::Unsigned);

impl Signed {
    fn signature(&self, hub: &Shared) -> Result<UnverifiedSignature, Refusal> {
        let headers = signature_headers(&self.parts.headers).ok_or(UNSIGNED)?;
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
