//! Presenting: some disclosures, and key binding. Source: RFC 9901 sections 4.3 and 7.2.

use crate::{
    KEY_BINDING_TYP,
    disclosure::{ClaimPath, PathItem},
    verify::{VerifiedCredential, sd_hash},
};
use denizen_jose::{Signer, sign_compact};
use serde_json::{Map, json};

/// What a key-binding JWT says.
#[derive(Debug, Clone, Copy)]
pub struct KeyBinding<'a> {
    /// The verifier.
    pub aud: &'a str,
    /// The request.
    pub nonce: &'a str,
    /// Now, Unix seconds.
    pub iat: i64,
}

/// Makes a presentation that discloses the claims at `paths` (each with its parents and everything
/// below it), bound by `signer`, the key of the credential's `cnf`.
#[must_use]
pub fn present(
    credential: &VerifiedCredential,
    paths: &[ClaimPath],
    binding: KeyBinding<'_>,
    signer: &dyn Signer,
) -> String {
    let chosen = |path: &[PathItem]| {
        paths
            .iter()
            .any(|asked| path.starts_with(asked) || asked.starts_with(path))
    };
    let mut bound = credential.jwt().to_owned();
    bound.push('~');
    for disclosure in credential.disclosures().iter().filter(|d| chosen(&d.path)) {
        bound.push_str(&disclosure.text);
        bound.push('~');
    }
    let payload = json!({
        "iat": binding.iat,
        "aud": binding.aud,
        "nonce": binding.nonce,
        "sd_hash": sd_hash(&bound),
    });
    let mut header = Map::new();
    header.insert("typ".into(), KEY_BINDING_TYP.into());
    let jwt = sign_compact(signer, header, payload.to_string().as_bytes());
    bound + &jwt
}
