//! Only a signed record is sealed.

use denizen_gateway::issuer::seal::{Envelope, HolderAddress, Place, SealError, Sender, seal};
use denizen_model::UnixTime;
use rand_core::CryptoRng;

type Step = denizen_gateway::issuer::Draft;

fn step(
    it: Step,
    (from, to): (Sender<'_>, &HolderAddress),
    place: &mut Place<'_>,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<Envelope>, SealError> {
    seal(it, from, to, place, UnixTime(0), rng)
}

fn main() {
    let _ = step;
}
