//! One key, one purpose (R4): a key's type says what it may sign.

use denizen_jose::{Alg, InvalidKey, PublicKey, SecretKey, Signer};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::marker::PhantomData;

/// A purpose of a signature key.
pub trait KeyPurpose {
    /// The algorithm that suite 1 gives this purpose.
    const ALG: Alg;
    /// The purpose's name: the label of derivation, and `purpose` in a statement.
    const NAME: &'static str;
}

macro_rules! purpose {
    ($($(#[$doc:meta])* $name:ident = $alg:ident $text:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {}
        impl KeyPurpose for $name {
            const ALG: Alg = Alg::$alg;
            const NAME: &'static str = $text;
        }
    )*};
}

purpose! {
    /// Signs requests to the hub for one address; the address id is its hash.
    Auth = Ed25519 "auth";
    /// Signs the holder's messages of one link.
    Sign = Es256 "sign";
    /// Key binding of a kept copy or of one one-time copy.
    Cnf = Es256 "cnf";
    /// Signs deposits: a link's at the organisation's hub, or an organisation's.
    Deposit = Ed25519 "deposit";
    /// An organisation's or an operator's offline key: signs statements.
    Identity = Ed25519 "identity";
    /// Signs credentials.
    Issuer = Es256 "issuer";
    /// Signs an organisation's messages, invitations and service declarations.
    Message = Ed25519 "message";
    /// Signs passes.
    Pass = Ed25519 "pass";
    /// Signs status list tokens.
    Status = Es256 "status";
    /// Acts for somebody else: proves the possession that a mandate asks for, signs a helper's files.
    Delegate = Es256 "delegate";
    /// Signs the mandates that a person gives one helper.
    Mandate = Es256 "mandate";
    /// Signs a hub's heads of addresses.
    Head = Ed25519 "head";
    /// Signs a hub's checkpoints (C2SP signed note).
    Log = Ed25519 "log";
}

/// A public key of one purpose. JSON: a JWK of that purpose's algorithm; another is refused.
#[derive(Serialize)]
#[serde(transparent, bound = "")]
pub struct PublicKeyFor<P>(PublicKey, #[serde(skip)] PhantomData<fn() -> P>);

impl<'de, P: KeyPurpose> Deserialize<'de> for PublicKeyFor<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(PublicKey::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<P> Clone for PublicKeyFor<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<P> PartialEq for PublicKeyFor<P> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<P> Eq for PublicKeyFor<P> {}

impl<P: KeyPurpose> std::fmt::Debug for PublicKeyFor<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKeyFor<{}>(..)", P::NAME)
    }
}

impl<P: KeyPurpose> PublicKeyFor<P> {
    /// States that a key is of this purpose: where a signed object says so.
    ///
    /// # Errors
    /// [`InvalidKey`] if the key is of another algorithm than the purpose has.
    pub fn new(key: PublicKey) -> Result<Self, InvalidKey> {
        if key.alg() == P::ALG {
            Ok(Self(key, PhantomData))
        } else {
            Err(InvalidKey)
        }
    }

    /// The key without its purpose, for a verifier.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.0
    }
}

/// A secret key of one purpose, wiped when dropped.
pub struct SecretKeyFor<P>(SecretKey, PhantomData<fn() -> P>);

impl<P> Clone for SecretKeyFor<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<P: KeyPurpose> std::fmt::Debug for SecretKeyFor<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKeyFor<{}>(..)", P::NAME)
    }
}

impl<P: KeyPurpose> SecretKeyFor<P> {
    /// The key of a 32-byte seed.
    ///
    /// # Errors
    /// [`InvalidKey`] if the seed is no scalar of P-256 (chance 2^-32).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, InvalidKey> {
        Ok(Self(SecretKey::from_seed(P::ALG, seed)?, PhantomData))
    }

    /// A fresh random key.
    #[must_use]
    pub fn make(rng: &mut impl rand_core::CryptoRng) -> Self {
        Self(SecretKey::make(P::ALG, rng), PhantomData)
    }

    /// The same key, signing natively where the build can ([`SecretKey::with_native`]): for one that
    /// signs much.
    #[must_use]
    pub fn with_native(self) -> Self {
        Self(self.0.with_native(), PhantomData)
    }

    /// The public half, of the same purpose.
    #[must_use]
    pub fn public_for(&self) -> PublicKeyFor<P> {
        PublicKeyFor(self.0.public(), PhantomData)
    }

    /// The signer.
    #[must_use]
    pub fn signer(&self) -> &dyn Signer {
        &self.0
    }

    /// The seed, to store it encrypted.
    #[must_use]
    pub fn danger_seed(&self) -> [u8; 32] {
        *self.0.danger_seed()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_algorithm_than_its_purpose_is_refused_in_json() {
        let sign = SecretKeyFor::<Sign>::from_seed(&[1; 32])
            .unwrap()
            .public_for();
        let text = serde_json::to_string(&sign).unwrap();
        assert_eq!(
            serde_json::from_str::<PublicKeyFor<Sign>>(&text).unwrap(),
            sign
        );
        assert!(serde_json::from_str::<PublicKeyFor<Auth>>(&text).is_err());
    }
}
