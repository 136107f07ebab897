//! A person's keys without a client: for tests of the hub and of the formats.

use crate::{Office, Rng};
use denizen_api::wire::{Accept, RegisterAddress};
use denizen_model::{AddressId, HubId, Nonce, envelope::SUITE_1, message::To, pass::PassUse};
use denizen_seal::{AddressIndex, AddressKeys, RootSecret};

/// One address of a person, with the body that registers it.
#[derive(Clone)]
pub struct Address {
    /// Its keys.
    pub keys: AddressKeys,
    /// What registers it.
    pub registration: RegisterAddress,
}

/// A person: a root secret.
#[derive(Clone)]
pub struct Person {
    /// The root.
    pub root: RootSecret,
}

impl Person {
    /// A person with a fresh root.
    #[must_use]
    pub fn make(rng: &mut Rng) -> Self {
        Self {
            root: RootSecret::make(rng),
        }
    }

    /// Her own address.
    #[must_use]
    pub fn own_address(&self) -> Address {
        let keys = self.root.derive_address(AddressIndex::SELF, None);
        let registration = RegisterAddress {
            v: 1,
            auth: keys.auth.public_for(),
            salt: None,
            accepts: vec![Accept::SelfOnly(true)],
            pass: None,
        };
        Address { keys, registration }
    }

    /// An address for a link with an office, with a register pass of it that is good once.
    #[must_use]
    pub fn link_address(&self, index: u32, office: &Office, rng: &mut Rng) -> Address {
        let salt = Nonce::make(rng);
        let keys = self.root.derive_address(AddressIndex(index), Some(&salt));
        let pass = office.sign_pass(&office.pass(PassUse::Register, Nonce::make(rng)));
        let registration = RegisterAddress {
            v: 1,
            auth: keys.auth.public_for(),
            salt: Some(salt),
            accepts: vec![Accept::Org(office.id)],
            pass: Some(pass),
        };
        Address { keys, registration }
    }
}

impl Address {
    /// The address.
    #[must_use]
    pub fn id(&self) -> AddressId {
        self.keys.address()
    }

    /// The address as a message names it.
    #[must_use]
    pub fn to(&self, hub: HubId) -> To {
        To {
            hub,
            address: self.id(),
            suite: SUITE_1,
        }
    }
}
