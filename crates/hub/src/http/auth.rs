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
    queue::NotTaken,
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
    #[expect(dead_code, reason = "is dropped with the body")]
    held: Held,
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

/// A deposit, or a part of an object, and who signed it: refused before its body is read where it would be
/// refused then.
pub(crate) struct Deposited {
    pub(crate) depositor: Depositor,
    pub(crate) body: Vec<u8>,
    /// As [`Signed::held`].
    pub(crate) held: Held,
}

impl FromRequest<Arc<Shared>> for Deposited {
    type Rejection = Refusal;

    async fn from_request(request: Request, hub: &Arc<Shared>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let length = length_of(&parts.headers).unwrap_or(0);
        let refused = |not: NotTaken| {
            hub.metrics.refused(Reason::of(not));
            Refusal(not.into())
        };
        let headers = signature_headers(&parts.headers);
        let signature = headers.and_then(|h| UnverifiedSignature::parse(h, &hub.config.hub).ok());
        // What is refused to everybody costs no signature to refuse, and says nothing of whom it names.
        if let Some(signature) = &signature {
            let class = Depositor::claimed_class(signature.keyid());
            let anybody = hub.jobs.0.would_take_any(class, length);
            anybody.map_err(refused)?;
        }
        let signature = signature.ok_or(UNSIGNED)?;
        // How much of his waits is told to the depositor alone.
        let head = Head {
            hub,
            parts: &parts,
            signature: &signature,
        };
        let depositor = head.depositor()?;
        let own = hub.jobs.0.would_take(&depositor.lane(), length);
        own.map_err(refused)?;
        let Whole { body, held } = Whole::read(hub, &parts.headers, body).await?;
        signature.verify_body(&body).map_err(|_| UNSIGNED)?;
        // A body may take minutes: who was suspended meanwhile, or whose key ended, leaves nothing more.
        head.counts(&depositor)?;
        Ok(Self {
            depositor,
            body,
            held,
        })
    }
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

    /// Gives to `of` what is signed before the body, once the body is known to be the one that was signed.
    fn checked<T>(
        &self,
        hub: &Shared,
        of: impl FnOnce(&Head<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let signature = self.signature(hub)?;
        signature.verify_body(&self.body).map_err(|_| UNSIGNED)?;
        of(&Head {
            hub,
            parts: &self.parts,
            signature: &signature,
        })
    }
}

/// What of a request is signed before its body is there.
struct Head<'a> {
    hub: &'a Shared,
    parts: &'a Parts,
    signature: &'a UnverifiedSignature,
}

impl Head<'_> {
    fn check(&self, key: &PublicKey) -> Result<(), Refusal> {
        let covered = Covered {
            method: self.parts.method.as_str(),
            path: self.parts.uri.path(),
            query: self.parts.uri.query().unwrap_or_default(),
            body: &[],
        };
        let (hub, now) = (&self.hub.config.hub, self.hub.clock.now());
        self.signature
            .verify_head(&covered, VERIFIER, key, hub, now)
            .map_err(|_| UNSIGNED)
    }

    fn owner(&self) -> Result<PublicKey, Refusal> {
        let bytes = base64url_decode(self.signature.keyid()).ok_or(UNSIGNED)?;
        let key = PublicKey::from_ed25519(&bytes).map_err(|_| UNSIGNED)?;
        self.check(&key)?;
        Ok(key)
    }

    fn organisation(&self) -> Result<OrgId, Refusal> {
        let (id, kid) = split_kid(self.signature.keyid()).ok_or(UNSIGNED)?;
        let org = OrgId::from(id);
        self.check(&self.deposit_key(&org, kid)?)?;
        self.is_active(&org)?;
        Ok(org)
    }

    fn deposit_key(&self, org: &OrgId, kid: &str) -> Result<PublicKey, Refusal> {
        let (current, now) = (self.hub.directory(), self.hub.clock.now());
        let key = current.directory.key::<Deposit>(org, Some(kid), now);
        key.map(|key| key.key().clone()).ok_or(UNSIGNED)
    }

    fn is_active(&self, org: &OrgId) -> Result<(), Refusal> {
        let active = self.hub.directory().is_active(org, self.hub.clock.now());
        active
            .then_some(())
            .ok_or(Refusal(ProblemKind::NotAdmitted))
    }

    /// Whether a depositor whose signature was good still may.
    fn counts(&self, depositor: &Depositor) -> Result<(), Refusal> {
        let Depositor::Org(org) = depositor else {
            return Ok(());
        };
        let (_, kid) = split_kid(self.signature.keyid()).ok_or(UNSIGNED)?;
        self.deposit_key(org, kid)?;
        self.is_active(org)
    }

    /// Whoever deposits: an organisation, or a key of its own.
    fn depositor(&self) -> Result<Depositor, Refusal> {
        if self.signature.keyid().contains('#') {
            self.organisation().map(Depositor::Org)
        } else {
            self.owner().map(Depositor::Key)
        }
    }
}

/// The key that is its own name: an address's `auth`, a link's `deposit`, a wrapped root's owner.
pub(crate) fn signed_owner(hub: &Shared, signed: &Signed) -> Result<PublicKey, Refusal> {
    signed.checked(hub, |head| head.owner())
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
    signed.checked(hub, |head| head.organisation())
}
