//! The key tree: every key of a holder derives from her 32-byte root secret (HKDF-SHA-256, empty
//! salt, `info` = `denizen/v1/` + label). Specified in `docs/spec/keys.md`.

use crate::{KemSecret, LocalKey};
use denizen_model::{
    AddressId, CopyRef, HubId, MessageId, Nonce, SecretKeyFor,
    envelope::SUITE_1,
    id::Bytes,
    jose::Object,
    key::{Auth, Cnf, Delegate, Deposit, KeyPurpose, Mandate, Sign},
    link::KeyStatement,
};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// The 32 bytes from which everything of a holder derives. Random, wiped when dropped, never
/// printed but on the kit.
#[derive(Clone, ZeroizeOnDrop)]
pub struct RootSecret([u8; 32]);

/// Number of an address in the tree. 0 is the holder's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressIndex(pub u32);

impl AddressIndex {
    /// The address that belongs to no organisation: sealed to herself.
    pub const SELF: Self = Self(0);
}

impl std::fmt::Debug for RootSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RootSecret(..)")
    }
}

impl RootSecret {
    /// A fresh root.
    #[must_use]
    pub fn make(rng: &mut impl rand_core::CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The root of a kit or of an unwrapped copy.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, for the kit and for wrapping.
    #[must_use]
    pub fn danger_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The `auth` key of an address: it alone is needed to ask the hub for the address's salt.
    #[must_use]
    pub fn derive_auth(&self, index: AddressIndex) -> SecretKeyFor<Auth> {
        self.derive_key(&index.0.to_be_bytes())
    }

    /// All keys of an address. `salt` is the one it was registered with; none for address 0.
    #[must_use]
    pub fn derive_address(&self, index: AddressIndex, salt: Option<&Nonce>) -> AddressKeys {
        let context = index.0.to_be_bytes();
        let salt = salt.map_or(&[][..], |s| s.as_bytes());
        AddressKeys {
            auth: self.derive_auth(index),
            sign: self.derive_key(&context),
            cnf: self.derive_key(&context),
            deposit: self.derive_key(&context),
            kem: KemSecret::from_seed(*self.derive("kem", &[&context, salt].concat())),
        }
    }

    /// The key of the one-time copy named by `copy_ref`.
    #[must_use]
    pub fn derive_copy_key(&self, copy_ref: &CopyRef) -> SecretKeyFor<Cnf> {
        self.derive_signing("cnf-copy", copy_ref.as_bytes())
    }

    /// Her keys of one relation with another person, named by a random ref: no two relations share
    /// one.
    #[must_use]
    pub fn derive_person(&self, relation: &MessageId) -> PersonKeys {
        let context = relation.as_bytes();
        PersonKeys {
            delegate: self.derive_key(context),
            mandate: self.derive_key(context),
            kem: KemSecret::from_seed(*self.derive("person-kem", context)),
        }
    }

    /// The key under which a client keeps its own files on one device.
    #[must_use]
    pub fn derive_local(&self) -> LocalKey {
        LocalKey::from_bytes(*self.derive("local", &[]))
    }

    /// The key of the pages in which a client keeps what it has opened and checked.
    #[must_use]
    pub fn derive_pages(&self) -> LocalKey {
        LocalKey::from_bytes(*self.derive("pages", &[]))
    }

    /// The key that deletes a wrapped root which waits for a second device.
    #[must_use]
    pub fn derive_device(&self, locator: &Nonce) -> SecretKeyFor<Auth> {
        self.derive_signing("device", locator.as_bytes())
    }

    fn derive_key<P: KeyPurpose>(&self, context: &[u8]) -> SecretKeyFor<P> {
        self.derive_signing(P::NAME, context)
    }

    /// Derives candidates until one is a scalar of the curve (the first, but with chance 2^-32).
    fn derive_signing<P: KeyPurpose>(&self, label: &str, context: &[u8]) -> SecretKeyFor<P> {
        let key = (0u8..=255).find_map(|try_| {
            let seed = self.derive(label, &[context, &[try_]].concat());
            SecretKeyFor::from_seed(&seed).ok()
        });
        key.expect("256 candidates all fail with chance 2^-8192")
    }

    fn derive(&self, label: &str, context: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        let info = [b"denizen/v1/", label.as_bytes(), b"\0", context].concat();
        Hkdf::<Sha256>::new(None, &self.0)
            .expand(&info, out.as_mut())
            .expect("32 bytes are within HKDF's limit");
        out
    }
}

/// The five keys of one address, one purpose each.
#[derive(Clone)]
pub struct AddressKeys {
    /// Signs hub requests.
    pub auth: SecretKeyFor<Auth>,
    /// Signs messages.
    pub sign: SecretKeyFor<Sign>,
    /// Binds kept copies.
    pub cnf: SecretKeyFor<Cnf>,
    /// Signs deposits at the organisation's hub.
    pub deposit: SecretKeyFor<Deposit>,
    /// Opens envelopes.
    pub kem: KemSecret,
}

/// Keys of one relation between two people, one purpose each.
#[derive(Clone)]
pub struct PersonKeys {
    /// Acts for the other: proves possession, signs drafts and questions.
    pub delegate: SecretKeyFor<Delegate>,
    /// Signs mandates that are given to the other.
    pub mandate: SecretKeyFor<Mandate>,
    /// Opens what the other sealed.
    pub kem: KemSecret,
}

impl AddressKeys {
    /// The address.
    #[must_use]
    pub fn address(&self) -> AddressId {
        AddressId::of(&self.auth.public_for())
    }

    /// The signed key statement that goes to the organisation, sealed, in `link/accept` (R2).
    #[must_use]
    pub fn statement(&self, hub: HubId) -> Object {
        KeyStatement {
            v: 1,
            hub,
            address: self.address(),
            suite: SUITE_1,
            auth: self.auth.public_for(),
            sign: self.sign.public_for(),
            cnf: self.cnf.public_for(),
            kem: Bytes(self.kem.public().to_bytes()),
            deposit: self.deposit.public_for(),
        }
        .sign_with(&self.auth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_keys_of_a_tree_are_equal_and_a_salt_changes_only_kem() {
        let root = RootSecret::from_bytes([1; 32]);
        let a = root.derive_address(AddressIndex(1), Some(&Nonce::new([1; 32])));
        let b = root.derive_address(AddressIndex(1), Some(&Nonce::new([2; 32])));
        let c = root.derive_address(AddressIndex(2), Some(&Nonce::new([1; 32])));
        assert_eq!(a.address(), b.address());
        assert_ne!(a.kem.danger_seed(), b.kem.danger_seed());
        assert_ne!(a.address(), c.address());
        let (one, two) = (MessageId::new([0; 16]), MessageId::new([1; 16]));
        let (one, two) = (root.derive_person(&one), root.derive_person(&two));
        let mut seeds = vec![
            one.delegate.danger_seed(),
            one.mandate.danger_seed(),
            *one.kem.danger_seed(),
            two.delegate.danger_seed(),
            two.mandate.danger_seed(),
            *two.kem.danger_seed(),
            a.auth.danger_seed(),
            a.sign.danger_seed(),
            a.cnf.danger_seed(),
            a.deposit.danger_seed(),
            *a.kem.danger_seed(),
            root.derive_copy_key(&CopyRef::new([0; 16])).danger_seed(),
            root.derive_copy_key(&CopyRef::new([1; 16])).danger_seed(),
            *root.derive_local().danger_bytes(),
            *root.derive_pages().danger_bytes(),
        ];
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 15);
    }
}
