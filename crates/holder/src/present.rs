//! Present: an offer becomes a presentation bound to one message; pure.

use crate::{Holder, Offer, holder::HolderError, profile::HeldRecord};
use denizen_credential::{KeyBinding, VerifiedCredential, present};
use denizen_model::{CopyRef, SecretKeyFor, key::Cnf};
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
    /// What is shown of a record: an unspent one-time copy; the kept copy only to its own issuer, or
    /// if she accepts that it can be linked (R18).
    pub(crate) fn shown(
        &self,
        record: &HeldRecord,
        to_issuer: bool,
        linkable: bool,
    ) -> Result<Shown, PresentError> {
        let unspent = record
            .copies
            .iter()
            .find(|c| self.profile.is_unspent(&c.copy_ref));
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
