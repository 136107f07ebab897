//! One key, one purpose: a message key signs no passes (R4).

use denizen_model::{SecretKeyFor, jose::Object, pass::Pass};

type Purpose = denizen_model::key::Pass;

fn sign(pass: &Pass, key: &SecretKeyFor<Purpose>) -> Object {
    pass.sign(key, "pass-1")
}

fn main() {
    let _ = sign;
}
