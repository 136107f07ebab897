//! Present: an offer becomes a presentation bound to one message; pure.

use crate::{
    Holder, Offer,
    holder::HolderError,
    profile::{Copy, HeldRecord},
};
use denizen_credential::{KeyBinding, VerifiedCredential, present};
use denizen_model::{CopyRef, SecretKeyFor, Sha256Hash, key::Cnf};
use denizen_seal::AddressIndex;
use std::sync::Arc;

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
    pub(crate) credential: Arc<VerifiedCredential>,
    pub(crate) key: SecretKeyFor<Cnf>,
    /// The one-time copy that it is.
    pub(crate) copy: Option<CopyRef>,
}

/// Who shows which of these copies.
struct Lottery<'a>(Vec<&'a Copy>);

impl<'a> Lottery<'a> {
    /// What an installation shows that has heard of no other.
    fn first(&self, of: &str) -> Option<&'a Copy> {
        self.0.iter().copied().min_by_key(|copy| ticket(of, copy))
    }

    /// What an installation shows that has heard of these others: of the copies for which it has the
    /// lowest ticket, none that another would show first.
    fn due_to(&self, of: &str, others: &[&str]) -> Option<&'a Copy> {
        let firsts = others.iter().filter_map(|other| self.first(other));
        let firsts: Vec<_> = firsts.map(|copy| copy.copy_ref).collect();
        let due = self.0.iter().copied().filter(|copy| {
            let lower = |other: &&str| ticket(other, copy) < ticket(of, copy);
            !firsts.contains(&copy.copy_ref) && !others.iter().any(lower)
        });
        due.min_by_key(|copy| ticket(of, copy))
    }
}

/// The copy that an installation shows next which has heard of these others.
fn next<'a>(lottery: &Lottery<'a>, own: &str, others: &[&str]) -> Option<&'a Copy> {
    lottery.due_to(own, others).or_else(|| {
        let theirs = others.iter().map(|other| {
            let rest = others.iter().copied().filter(|o| o != other);
            let rest: Vec<_> = rest.chain([own]).collect();
            [lottery.first(other), lottery.due_to(other, &rest)]
        });
        let theirs: Vec<_> = theirs.flatten().flatten().map(|c| c.copy_ref).collect();
        let last = |copy: &&Copy| (theirs.contains(&copy.copy_ref), ticket(own, copy));
        lottery.0.iter().copied().min_by_key(last)
    })
}

fn ticket(installation: &str, copy: &Copy) -> Sha256Hash {
    Sha256Hash::of(format!("{installation} {}", copy.copy_ref.to_text()).as_bytes())
}

impl Holder {
    /// The unspent copy that this device shows next. Two devices that cannot hear of each other choose
    /// differently: each copy is due to one of the installations that address 0 has heard of, by a
    /// lottery that all of them draw alike. What another would show that has not heard of this one yet
    /// is left to it, and so is, where nothing else is due here, what it would show if it has: of three
    /// copies there is always one left.
    fn next_copy<'a>(&self, record: &'a HeldRecord) -> Option<&'a Copy> {
        let own = self.profile.own_chain.next_place().id.to_text();
        let heard_of = self.profile.own_heads.keys().map(String::as_str);
        let others: Vec<&str> = heard_of.filter(|other| *other != own).collect();
        let copies = record.copies.iter();
        let unspent = copies.filter(|c| self.profile.is_unspent(&c.copy_ref));
        let lottery = Lottery(unspent.collect());
        next(&lottery, &own, &others)
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    fn copy(rng: &mut ChaCha20Rng) -> Copy {
        Copy {
            copy_ref: CopyRef::make(rng),
            text: String::new(),
        }
    }

    #[test]
    fn two_devices_show_different_copies_whichever_has_heard_of_the_other() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        for round in 0..2000 {
            let copies: Vec<_> = (0..3 + round % 5).map(|_| copy(&mut rng)).collect();
            let lottery = Lottery(copies.iter().collect());
            let both: [(&[&str], &[&str]); 3] = [(&["b"], &["a"]), (&[], &["a"]), (&["b"], &[])];
            for (heard_by_a, heard_by_b) in both {
                let a = next(&lottery, "a", heard_by_a).map(|c| c.copy_ref);
                let b = next(&lottery, "b", heard_by_b).map(|c| c.copy_ref);
                assert_ne!(a, b, "round {round}: {} copies", copies.len());
            }
        }
    }
}
