//! An unverified credential has no claims.

use serde_json::{Map, Value};

type Step = denizen_credential::UnverifiedCredential<'static>;

fn claims(it: &Step) -> &Map<String, Value> {
    it.claims()
}

fn main() {
    let _ = claims;
}
