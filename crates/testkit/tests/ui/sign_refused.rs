//! Only a validated record is signed.

use denizen_gateway::issuer::sign::{Bindings, Credential, IssuerKey, sign};
use denizen_model::UnixTime;
use rand_core::CryptoRng;

type Step = denizen_gateway::issuer::Draft;

fn step(it: &Step, key: IssuerKey<'_>, to: Bindings, rng: &mut dyn CryptoRng) -> Credential {
    sign(it, key, to, UnixTime(0), rng)
}

fn main() {
    let _ = step;
}
