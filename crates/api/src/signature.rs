//! Request signatures: RFC 9421 with one fixed set of components, and RFC 9530 content digests.
//! Specified in `docs/spec/hub.md`; why not a library: `docs/decisions/0003-request-signatures.md`.
//!
//! Every request that needs a signature covers `"@method" "@path" "@query" "content-digest"`, with
//! `created`, `keyid`, `alg="ed25519"` and `tag="denizen/<hub id>"`, in this order; any other form is
//! refused. `keyid` is base64url of the 32-byte key (an address's `auth`, a link's `deposit`) or
//! `<organisation id>#<key id>`. The tag binds a request to one hub, whatever name it is reached
//! under. Requests are safe to repeat; `created` may be [`CREATED_SKEW_S`] away from the hub's clock.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use denizen_model::{
    HubId, UnixTime,
    jose::{PublicKey, Signer, Verifier},
};
use sha2::{Digest, Sha256};

/// How far `created` may be from the verifier's clock, in seconds, either way.
pub const CREATED_SKEW_S: i64 = 300;

/// The parts of a request that a signature covers.
#[derive(Debug, Clone, Copy)]
pub struct Covered<'a> {
    /// Method, upper case.
    pub method: &'a str,
    /// Path without query.
    pub path: &'a str,
    /// Query without `?`; empty for none.
    pub query: &'a str,
    /// The whole body.
    pub body: &'a [u8],
}

/// The three header values that a signed request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Content-Digest`.
    pub content_digest: String,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

/// A signature that is missing, of another form, too old or wrong: one error for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("request is not signed as the hub asks")]
pub struct SignatureError;

/// Signs a request.
#[must_use]
pub fn sign(
    covered: &Covered<'_>,
    signer: &dyn Signer,
    keyid: &str,
    hub: &HubId,
    created: UnixTime,
) -> SignatureHeaders {
    let content_digest = content_digest(covered.body);
    let params = params(keyid, hub, created);
    let signature = signer.sign(base(covered, &content_digest, &params).as_bytes());
    SignatureHeaders {
        content_digest,
        signature_input: format!("sig1={params}"),
        signature: format!("sig1=:{}:", STANDARD.encode(signature)),
    }
}

/// A request's signature as received: its key id tells which key to check it with.
#[derive(Debug, Clone)]
pub struct UnverifiedSignature {
    headers: SignatureHeaders,
    keyid: String,
    created: UnixTime,
}

impl UnverifiedSignature {
    /// Reads the three headers.
    ///
    /// # Errors
    /// [`SignatureError`] for any form but the one that [`sign`] writes for this hub.
    pub fn parse(headers: SignatureHeaders, hub: &HubId) -> Result<Self, SignatureError> {
        let read = || {
            let (_, rest) = headers.signature_input.split_once(";created=")?;
            let (created, rest) = rest.split_once(";keyid=\"")?;
            let (keyid, _) = rest.split_once('"')?;
            let created = UnixTime(created.parse().ok()?);
            let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_#.".contains(&b);
            let same = format!("sig1={}", params(keyid, hub, created)) == headers.signature_input;
            (same && keyid.len() <= 128 && keyid.bytes().all(safe))
                .then(|| (keyid.to_owned(), created))
        };
        let (keyid, created) = read().ok_or(SignatureError)?;
        Ok(Self {
            headers,
            keyid,
            created,
        })
    }

    /// The key id that the request claims.
    #[must_use]
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// Checks digest, time and signature.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(
        &self,
        covered: &Covered<'_>,
        verifier: &dyn Verifier,
        key: &PublicKey,
        hub: &HubId,
        now: UnixTime,
    ) -> Result<(), SignatureError> {
        self.verify_body(covered.body)?;
        self.verify_head(covered, verifier, key, hub, now)
    }

    /// Checks that a body is the one that was signed: only together with [`Self::verify_head`] it says
    /// anything.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_body(&self, body: &[u8]) -> Result<(), SignatureError> {
        if content_digest(body) == self.headers.content_digest {
            Ok(())
        } else {
            Err(SignatureError)
        }
    }

    /// Checks time and signature, before the body is there: whoever signed this says which body will come.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_head(
        &self,
        covered: &Covered<'_>,
        verifier: &dyn Verifier,
        key: &PublicKey,
        hub: &HubId,
        now: UnixTime,
    ) -> Result<(), SignatureError> {
        if (now.0.saturating_sub(self.created.0)).abs() > CREATED_SKEW_S {
            return Err(SignatureError);
        }
        let signature = self.headers.signature.strip_prefix("sig1=:");
        let signature = signature.and_then(|s| STANDARD.decode(s.strip_suffix(':')?).ok());
        let params = params(&self.keyid, hub, self.created);
        let base = base(covered, &self.headers.content_digest, &params);
        verifier
            .verify(key, base.as_bytes(), &signature.ok_or(SignatureError)?)
            .map_err(|_| SignatureError)
    }
}

/// `sha-256=:...:`. Source: RFC 9530 section 2.
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

fn params(keyid: &str, hub: &HubId, created: UnixTime) -> String {
    format!(
        "(\"@method\" \"@path\" \"@query\" \"content-digest\");created={};keyid=\"{keyid}\";\
         alg=\"ed25519\";tag=\"denizen/{}\"",
        created.0,
        hub.to_text()
    )
}

/// The signature base. Source: RFC 9421 section 2.5.
fn base(covered: &Covered<'_>, content_digest: &str, params: &str) -> String {
    let Covered {
        method,
        path,
        query,
        ..
    } = covered;
    format!(
        "\"@method\": {method}\n\"@path\": {path}\n\"@query\": ?{query}\n\
         \"content-digest\": {content_digest}\n\"@signature-params\": {params}"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use denizen_model::jose::{Alg, Portable, SecretKey};

    const NOW: UnixTime = UnixTime(1_790_000_000);
    const HUB: HubId = HubId::new([1; 32]);

    fn covered<'a>() -> Covered<'a> {
        Covered {
            method: "POST",
            path: "/v1/deposits",
            query: "",
            body: b"body",
        }
    }

    fn check(headers: SignatureHeaders, covered: &Covered<'_>, hub: &HubId, now: UnixTime) -> bool {
        let key = SecretKey::from_seed(Alg::Ed25519, &[1; 32])
            .unwrap()
            .public();
        UnverifiedSignature::parse(headers, hub)
            .and_then(|s| s.verify(covered, &Portable, &key, hub, now))
            .is_ok()
    }

    #[test]
    fn a_changed_request_time_or_hub_is_refused() {
        let key = SecretKey::from_seed(Alg::Ed25519, &[1; 32]).unwrap();
        let headers = sign(&covered(), &key, "k", &HUB, NOW);
        assert!(check(headers.clone(), &covered(), &HUB, NOW));
        for other in [
            Covered {
                method: "PUT",
                ..covered()
            },
            Covered {
                path: "/v1/deposit",
                ..covered()
            },
            Covered {
                query: "a=1",
                ..covered()
            },
            Covered {
                body: b"bodY",
                ..covered()
            },
        ] {
            assert!(!check(headers.clone(), &other, &HUB, NOW), "{other:?}");
        }
        assert!(!check(
            headers.clone(),
            &covered(),
            &HubId::new([2; 32]),
            NOW
        ));
        assert!(!check(
            headers.clone(),
            &covered(),
            &HUB,
            NOW.plus_s(CREATED_SKEW_S + 1)
        ));
        let fewer = headers.signature_input.replace(" \"content-digest\"", "");
        assert!(!check(
            SignatureHeaders {
                signature_input: fewer,
                ..headers
            },
            &covered(),
            &HUB,
            NOW
        ));
    }
}
