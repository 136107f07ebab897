//! Present: an offer becomes a presentation bound to one message; pure.

use crate::{
    Holder, Offer,
    holder::HolderError,
    profile::{Copy, HeldRecord},
};
use denizen_credential::{KeyBinding, VerifiedCredential, present};
use denizen_model::{CopyRef, SecretKeyFor, Sha256Hash, key::Cnf};
use denizen_seal::AddressIndex;

/// Why an offer cannot be presented.
pub type PresentError = HolderError;

/// Presents exactly an offer's claims, bound by `key`.
#[must_use]
pub fn present_offer(
    credential: &VerifiedCredential,
    offer: &Offer,
    binding: KeyBinding<'_>,
    key: &SecretKeyFor<Cnf>,
) -> String {
    present(credential, &offer.disclose, binding, key.signer())
}

/// A credential that will be shown, with its key.
pub(crate) struct Shown {
    pub(crate) credential: VerifiedCredential,
    pub(crate) key: SecretKeyFor<Cnf>,
    /// The one-time copy that it is.
    pub(crate) copy: Option<CopyRef>,
}

impl Holder {
    /// The unspent copy that this device shows next. Two devices that cannot hear of each other choose
    /// differently: each copy is due to one of the installations that address 0 has heard of, by a
    /// lottery that all of them draw alike; what is due to another comes last. The first choice of
    /// another that has not heard of this one yet is left to it too.
    fn next_copy<'a>(&self, record: &'a HeldRecord) -> Option<&'a Copy> {
        let own = self.profile.own_chain.next_place().id.to_text();
        let others = self.profile.own_heads.keys().map(String::as_str);
        let ticket = |chain: &str, copy: &Copy| {
            Sha256Hash::of(format!("{chain} {}", copy.copy_ref.to_text()).as_bytes())
        };
        let unspent = record
            .copies
            .iter()
            .filter(|c| self.profile.is_unspent(&c.copy_ref));
        let first_choices: Vec<_> = others
            .clone()
            .filter(|other| *other != own)
            .filter_map(|other| unspent.clone().min_by_key(|copy| ticket(other, copy)))
            .map(|copy| copy.copy_ref)
            .collect();
        unspent.min_by_key(|copy| {
            let mine = ticket(&own, copy);
            let of_another = others.clone().any(|other| ticket(other, copy) < mine);
            (first_choices.contains(&copy.copy_ref), of_another, mine)
        })
    }

    /// What is shown of a record: an unspent one-time copy; the kept copy only to its own issuer, or
    /// if she accepts that it can be linked (R18).
    pub(crate) fn shown(
        &self,
        record: &HeldRecord,
        to_issuer: bool,
        linkable: bool,
    ) -> Result<Shown, PresentError> {
        let unspent = self.next_copy(record);
        let (text, key, copy) = match unspent {
            Some(copy) if !to_issuer => (
                &copy.text,
                self.root.derive_copy_key(&copy.copy_ref),
                Some(copy.copy_ref),
            ),
            _ if to_issuer || linkable => {
                // `cnf` needs no salt: an imported record is shown without its link.
                let keys = self.root.derive_address(AddressIndex(record.link), None);
                (&record.kept, keys.cnf, None)
            }
            _ => return Err(HolderError::NoCopyLeft),
        };
        let credential = self
            .credential(record, text)
            .map_err(|_| HolderError::Missing)?;
        Ok(Shown {
            credential,
            key,
            copy,
        })
    }
}
