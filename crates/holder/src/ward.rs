//! Wards: children whose profiles a guardian keeps. A ward's profile is her own, from a root of her
//! own; the guardian's profile holds that root, sealed like everything in it, and through address 0 the
//! guardian's kit alone brings it back. Specified in `docs/spec/mandate.md`.

use crate::{Holder, holder::HolderError, link::make_id, state::Part};
use denizen_api::{HubClient, ProblemKind, Transport, client::ClientError};
use denizen_model::{
    HubId, MessageId, SecretKeyFor, UnixTime, id::Bytes, jose::base64url_encode, key::Delegate,
};
use denizen_seal::{AddressIndex, RootSecret};
use serde::{Deserialize, Serialize};

/// A child whose profile this one keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ward {
    /// Random: names her within this profile, and the guardian's key for her.
    pub id: MessageId,
    /// What the guardian calls her; said to nobody.
    pub name: String,
    /// The root of her profile.
    root: Bytes,
    /// The hub of her address 0.
    pub hub: HubId,
    /// Where it answers.
    pub hub_url: String,
}

impl Ward {
    /// The root of her profile.
    ///
    /// # Errors
    /// [`HolderError::WardUnknown`] if what is kept is no root.
    pub fn danger_root(&self) -> Result<RootSecret, HolderError> {
        let bytes = self.root.0.as_slice().try_into();
        let bytes: [u8; 32] = bytes.map_err(|_| HolderError::WardUnknown)?;
        Ok(RootSecret::from_bytes(bytes))
    }
}

impl Holder {
    /// Takes a child's profile into this one: her root, under a name. Her own profile stays as it is.
    ///
    /// # Errors
    /// [`HolderError::WardKnown`] if the name or the root is there already, or is this profile's own.
    pub fn add_ward(
        &mut self,
        name: &str,
        ward: &Self,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Ward, HolderError> {
        let (name, root) = (name.trim(), ward.root.danger_bytes());
        let same = |w: &Ward| w.name == name || w.root.0 == root;
        let own = self.root.danger_bytes() == root;
        if name.is_empty() || own || self.profile.wards.iter().any(same) {
            return Err(HolderError::WardKnown);
        }
        let ward = Ward {
            id: make_id(rng),
            name: name.to_owned(),
            root: Bytes(root.to_vec()),
            hub: ward.profile.hub,
            hub_url: ward.profile.hub_url.clone(),
        };
        self.queue_state(&Part::Ward(Box::new(ward.clone())), now, rng)?;
        self.profile.wards.push(ward.clone());
        Ok(ward)
    }

    /// A ward by the name that the guardian gave.
    ///
    /// # Errors
    /// [`HolderError::WardUnknown`].
    pub fn ward(&self, name: &str) -> Result<&Ward, HolderError> {
        let found = self.profile.wards.iter().find(|w| w.name == name);
        found.ok_or(HolderError::WardUnknown)
    }

    /// The guardian's key for one ward: the mandate names its thumbprint. No two wards have the same.
    #[must_use]
    pub fn ward_key(&self, ward: &Ward) -> SecretKeyFor<Delegate> {
        self.root.derive_person(&ward.id).delegate
    }

    /// The thumbprint that goes into the mandate.
    #[must_use]
    pub fn ward_thumbprint(&self, ward: &Ward) -> String {
        base64url_encode(self.ward_key(ward).public_for().key().thumbprint())
    }

    /// Destroys this profile's copy of a ward's root, here and at the hub. Her profile lives on. What
    /// was read, printed or exported before stays what it is: the caller says so.
    ///
    /// # Errors
    /// [`HolderError::WardUnknown`], [`HolderError::Client`]; the copy is here until the hub's is gone.
    pub async fn forget_ward<T: Transport>(
        &mut self,
        name: &str,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), HolderError> {
        let id = self.ward(name)?.id;
        let places = self.profile.ward_places.get(&id.to_text());
        let places = places.cloned().unwrap_or_default();
        let own = HubClient::new(transport, self.profile.hub, &self.profile.hub_url);
        let auth = self.root.derive_auth(AddressIndex::SELF);
        for pos in &places {
            match own.erase(&auth, *pos, now).await {
                Ok(()) | Err(ClientError::Problem(ProblemKind::Gone | ProblemKind::NotFound)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.drop_ward(&id, &places);
        let erased = places;
        self.queue_state(&Part::WardGone { id, erased }, now, rng)
    }

    pub(crate) fn drop_ward(&mut self, id: &MessageId, erased: &[u64]) {
        self.profile.own_erased.extend(erased);
        self.profile.ward_places.remove(&id.to_text());
        self.profile.wards_gone.insert(id.to_text());
        self.profile.wards.retain(|w| w.id != *id);
    }

    /// Takes in a ward that another device of this profile wrote down.
    pub(crate) fn take_ward(&mut self, ward: Ward) {
        let gone = self.profile.wards_gone.contains(&ward.id.to_text());
        if !gone && self.profile.wards.iter().all(|w| w.id != ward.id) {
            self.profile.wards.push(ward);
        }
    }
}
