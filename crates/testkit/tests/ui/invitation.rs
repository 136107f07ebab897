//! Only an invitation that was checked and shown is accepted.

use denizen_holder::{Holder, HolderError};
use rand_core::CryptoRng;

type Step = denizen_holder::InvitationPreview;

fn accept(holder: &mut Holder, it: Step, rng: &mut dyn CryptoRng) -> Result<u32, HolderError> {
    holder.accept_invitation(it, rng)
}

fn main() {
    let _ = accept;
}
