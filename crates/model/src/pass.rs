//! Passes: an organisation's permission to register an address or to deposit in its inbox.
//! Specified in `docs/spec/objects.md`.

use crate::{
    AddressId, HubId, OrgId, PublicKeyFor, SecretKeyFor, Sha256Hash, UnixTime, jose::Object,
    key::Pass as PassKey,
};
use denizen_guard::{Check, holds};
use denizen_jose::{ObjectError, Unverified, Verifier};
use serde::{Deserialize, Serialize};

/// `typ` of a pass.
pub const PASS_TYP: &str = "denizen-pass+json";

/// What a pass allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PassUse {
    /// Register one address whose only depositor is the organisation.
    Register,
    /// Deposit into the organisation's inbox.
    Deposit,
}

/// Who may use a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bind {
    /// Anyone who has it: the hub counts its uses under this random value.
    Nonce(crate::Nonce),
    /// The holder of a key: RFC 7638 thumbprint of a link's `deposit` key.
    Key(Sha256Hash),
}

/// The payload of a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// Version, 1.
    pub v: u8,
    /// What it allows.
    #[serde(rename = "use")]
    pub pass_use: PassUse,
    /// The organisation that gives it.
    pub org: OrgId,
    /// The hub where it counts.
    pub hub: HubId,
    /// The inbox, for [`PassUse::Deposit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbox: Option<AddressId>,
    /// Who may use it.
    pub bind: Bind,
    /// How often a nonce-bound pass may be used; how many deposits a day a key-bound one allows.
    pub uses: u32,
    /// Counts from this time.
    pub not_before: UnixTime,
    /// Counts until this time.
    pub not_after: UnixTime,
    /// Bytes that may lie in the registered address; or be deposited: in total under a nonce-bound
    /// pass, in a day under a key-bound one.
    pub quota: u64,
}

/// Why a pass does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassError {
    /// Not a signed pass.
    #[error("not a pass that this organisation signed")]
    Signature(#[source] ObjectError),
    /// The payload is not understood.
    #[error("pass is not understood")]
    Malformed,
    /// For another hub, inbox or use.
    #[error("pass is for another hub, inbox or use")]
    OtherUse,
    /// Not yet, or not any more, valid.
    #[error("pass has expired or is not valid yet: ask the organisation for a new invitation")]
    Expired,
}

impl Pass {
    /// Signs the pass.
    #[must_use]
    pub fn sign(&self, key: &SecretKeyFor<PassKey>, kid: &str) -> Object {
        let payload = serde_json::to_vec(self).expect("a pass is JSON");
        Object::sign(key.signer(), kid, PASS_TYP, &payload)
    }

    /// The organisation and key id that the bytes claim, to find the key.
    ///
    /// # Errors
    /// [`PassError`].
    pub fn danger_claimed_signer(bytes: &[u8]) -> Result<(OrgId, String), PassError> {
        let object = Unverified::parse(bytes).map_err(PassError::Signature)?;
        let pass: Self =
            serde_json::from_slice(object.danger_payload()).map_err(|_| PassError::Malformed)?;
        Ok((pass.org, object.kid().to_owned()))
    }

    /// Checks signature, hub, use and time. Uses and quota are counted by the hub.
    ///
    /// # Errors
    /// [`PassError`].
    pub fn verify(
        bytes: &[u8],
        verifier: &dyn Verifier,
        key: &PublicKeyFor<PassKey>,
        hub: &HubId,
        pass_use: PassUse,
        now: UnixTime,
    ) -> Result<Self, PassError> {
        let object = Unverified::parse(bytes)
            .and_then(|o| o.verify(verifier, key.key(), PASS_TYP))
            .map_err(PassError::Signature)?;
        let pass: Self =
            serde_json::from_slice(object.payload()).map_err(|_| PassError::Malformed)?;
        // A hub counts bytes in signed numbers.
        if pass.v != 1 || i64::try_from(pass.quota).is_err() {
            return Err(PassError::Malformed);
        }
        let mine = holds(Check::PassUse, pass.pass_use == pass_use);
        if pass.hub != *hub || !mine {
            return Err(PassError::OtherUse);
        }
        if now < pass.not_before || now > pass.not_after {
            return Err(PassError::Expired);
        }
        Ok(pass)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use denizen_jose::Portable;

    #[test]
    fn a_quota_that_a_hub_cannot_count_is_refused() {
        let key = SecretKeyFor::<PassKey>::from_seed(&[1; 32]).unwrap();
        let check = |quota| {
            let pass = Pass {
                v: 1,
                pass_use: PassUse::Register,
                org: OrgId::new([1; 32]),
                hub: HubId::new([2; 32]),
                inbox: None,
                bind: Bind::Nonce(crate::Nonce::new([3; 32])),
                uses: 1,
                not_before: UnixTime(0),
                not_after: UnixTime(10),
                quota,
            };
            let bytes = pass.sign(&key, "x#pass-1").into_bytes();
            let (hub, now) = (HubId::new([2; 32]), UnixTime(5));
            let read = Pass::verify(
                &bytes,
                &Portable,
                &key.public_for(),
                &hub,
                PassUse::Register,
                now,
            );
            read.map(|pass| pass.quota)
        };
        let most = u64::MAX / 2;
        assert_eq!(check(most), Ok(most));
        assert_eq!(check(most + 1), Err(PassError::Malformed));
        assert_eq!(check(u64::MAX), Err(PassError::Malformed));
    }
}
