//! base64url without padding. Source: RFC 4648 section 5, RFC 7515 section 2.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Encodes bytes as base64url without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes base64url without padding; `None` for padding, white space, another alphabet or
/// trailing bits that are not zero (so that one value has one text).
#[must_use]
pub fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
