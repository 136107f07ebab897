//! Token status lists. Source: draft-ietf-oauth-status-list, sections 4, 5 and 8.

use crate::strict_json;
use denizen_guard::{Check, checked, holds};
use denizen_jose::{
    PublicKey, Signer, UnverifiedCompact, Verifier, base64url_decode, base64url_encode,
    sign_compact,
};
use miniz_oxide::{deflate::compress_to_vec_zlib, inflate::decompress_to_vec_zlib_with_limit};
use serde_json::{Map, Value, json};

/// Fewest entries of a list (R21): below that a fetched list says too much about its credentials.
pub const STATUS_LIST_ENTRIES_MIN: usize = 1 << 17;

/// Largest list that is read: 2^22 entries of two bits.
const LIST_SIZE_BYTES_MAX: usize = 1 << 20;

const STATUS_LIST_TYP: &str = "statuslist+jwt";

/// A status. The stronger wins: invalid, suspended, contested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// In force.
    Valid = 0,
    /// Withdrawn.
    Invalid = 1,
    /// Suspended for a time.
    Suspended = 2,
    /// Its holder says that it is wrong, and the issuer has not decided (D11).
    Contested = 3,
}

impl Status {
    /// The stronger of two.
    #[must_use]
    pub fn stronger(self, other: Self) -> Self {
        let strength = |status| match status {
            Self::Valid => 0,
            Self::Contested => 1,
            Self::Suspended => 2,
            Self::Invalid => 3,
        };
        if strength(other) > strength(self) {
            other
        } else {
            self
        }
    }
}

/// Why a status list is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// Not a status list token.
    #[error("not a status list token")]
    Malformed,
    /// Not signed by the issuer's status key.
    #[error("status list is not signed by the issuer's status key")]
    Signature,
    /// Of another list than the credential names.
    #[error("status list is another than the credential names")]
    OtherList,
    /// Older than one seen before: a rollback.
    #[error("status list is older than one seen before")]
    Older,
    /// The index is beyond the list.
    #[error("status list has no entry of this index")]
    Index,
}

/// The name of a list: what a credential's `status` and the token's `sub` say.
#[must_use]
pub fn status_uri(org: &str, list: &str) -> String {
    format!("urn:denizen:status:{org}:{list}")
}

/// A list of two-bit statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusList(Vec<u8>);

impl StatusList {
    /// A list with every entry valid; at least [`STATUS_LIST_ENTRIES_MIN`] entries.
    #[must_use]
    pub fn new(entries: usize) -> Self {
        Self(vec![0; entries.max(STATUS_LIST_ENTRIES_MIN).div_ceil(4)])
    }

    /// The list of its packed bytes, as [`StatusList::as_bytes`] gives them.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The packed bytes: entry i in bits 2(i mod 4) of byte i / 4.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Number of entries.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.0.len() as u64 * 4
    }

    /// The status at an index.
    ///
    /// # Errors
    /// [`StatusError::Index`].
    pub fn status(&self, idx: u64) -> Result<Status, StatusError> {
        let byte = usize::try_from(idx / 4).ok().and_then(|at| self.0.get(at));
        Ok(
            match byte.ok_or(StatusError::Index)? >> (2 * (idx % 4)) & 3 {
                0 => Status::Valid,
                1 => Status::Invalid,
                2 => Status::Suspended,
                _ => Status::Contested,
            },
        )
    }

    /// Changes the status at an index.
    ///
    /// # Errors
    /// [`StatusError::Index`].
    pub fn set(&mut self, idx: u64, status: Status) -> Result<(), StatusError> {
        let byte = usize::try_from(idx / 4)
            .ok()
            .and_then(|at| self.0.get_mut(at));
        let byte = byte.ok_or(StatusError::Index)?;
        let shift = 2 * (idx % 4);
        *byte = *byte & !(3 << shift) | (status as u8) << shift;
        Ok(())
    }

    /// Signs the list as a token with the issuer's status key.
    #[must_use]
    pub fn sign(&self, uri: &str, iat: i64, ttl_s: u64, kid: &str, signer: &dyn Signer) -> String {
        let payload = json!({
            "sub": uri,
            "iat": iat,
            "ttl": ttl_s,
            "status_list": { "bits": 2, "lst": base64url_encode(compress_to_vec_zlib(&self.0, 9)) },
        });
        let mut header = Map::new();
        header.insert("typ".into(), STATUS_LIST_TYP.into());
        header.insert("kid".into(), kid.into());
        sign_compact(signer, header, payload.to_string().as_bytes())
    }
}

/// A verified status list. A status read from it is *as of* [`StatusListToken::iat`]: how old that is
/// must be said with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusListToken {
    list: StatusList,
    iat: i64,
    ttl_s: Option<u64>,
}

impl StatusListToken {
    /// The key id that a token claims.
    ///
    /// # Errors
    /// [`StatusError::Malformed`].
    pub fn danger_kid(token: &str) -> Result<String, StatusError> {
        let compact = UnverifiedCompact::parse(token).map_err(|_| StatusError::Malformed)?;
        let kid = compact.danger_header().get("kid").and_then(Value::as_str);
        kid.map(str::to_owned).ok_or(StatusError::Malformed)
    }

    /// When a token claims to be signed, Unix seconds.
    ///
    /// # Errors
    /// [`StatusError::Malformed`].
    pub fn danger_iat(token: &str) -> Result<i64, StatusError> {
        let compact = UnverifiedCompact::parse(token).map_err(|_| StatusError::Malformed)?;
        let payload: Value =
            serde_json::from_slice(compact.danger_payload()).map_err(|_| StatusError::Malformed)?;
        let iat = payload.get("iat").and_then(Value::as_i64);
        iat.ok_or(StatusError::Malformed)
    }

    /// Checks a token: signature by the issuer's status key, type, that it is the list `uri`, and
    /// that it is not older than `seen_iat`.
    ///
    /// # Errors
    /// [`StatusError`].
    pub fn verify(
        token: &str,
        verifier: &dyn Verifier,
        key: &PublicKey,
        uri: &str,
        seen_iat: Option<i64>,
    ) -> Result<Self, StatusError> {
        let compact = UnverifiedCompact::parse(token).map_err(|_| StatusError::Malformed)?;
        let header = compact.danger_header().clone();
        let payload = compact.danger_payload().to_vec();
        let signed = compact.verify(verifier, key).map(drop);
        checked(Check::StatusSignature, signed).map_err(|_| StatusError::Signature)?;
        if header.get("typ").and_then(Value::as_str) != Some(STATUS_LIST_TYP) {
            return Err(StatusError::Malformed);
        }
        let payload = strict_json::parse(&payload).ok_or(StatusError::Malformed)?;
        let named = payload.get("sub").and_then(Value::as_str) == Some(uri);
        if !holds(Check::StatusList, named) {
            return Err(StatusError::OtherList);
        }
        let iat = payload
            .get("iat")
            .and_then(Value::as_i64)
            .ok_or(StatusError::Malformed)?;
        let older = seen_iat.is_some_and(|seen| iat < seen);
        if !holds(Check::StatusNotOlder, !older) {
            return Err(StatusError::Older);
        }
        let ttl_s = payload.get("ttl").and_then(Value::as_u64);
        let list = payload.get("status_list").ok_or(StatusError::Malformed)?;
        if list.get("bits").and_then(Value::as_u64) != Some(2) {
            return Err(StatusError::Malformed);
        }
        let lst = list
            .get("lst")
            .and_then(Value::as_str)
            .and_then(base64url_decode);
        let lst = lst.ok_or(StatusError::Malformed)?;
        let list = decompress_to_vec_zlib_with_limit(&lst, LIST_SIZE_BYTES_MAX)
            .map_err(|_| StatusError::Malformed)?;
        Ok(Self {
            list: StatusList(list),
            iat,
            ttl_s,
        })
    }

    /// When the list was signed, Unix seconds.
    #[must_use]
    pub fn iat(&self) -> i64 {
        self.iat
    }

    /// Number of entries of the list.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.list.entries()
    }

    /// Whether the list has as many entries as R21 asks for: a smaller one says too much about its
    /// credentials to whoever sees it fetched.
    #[must_use]
    pub fn is_large(&self) -> bool {
        let least = STATUS_LIST_ENTRIES_MIN as u64;
        holds(Check::StatusSize, self.entries() >= least)
    }

    /// Whether the list was signed until `latest`, Unix seconds. One from the future looks fresh for as long
    /// as it is ahead, and keeps every later list out.
    #[must_use]
    pub fn is_signed_until(&self, latest: i64) -> bool {
        holds(Check::StatusNotAhead, self.iat <= latest)
    }

    /// For how many seconds it may be used without asking again.
    #[must_use]
    pub fn ttl_s(&self) -> Option<u64> {
        self.ttl_s
    }

    /// The status at an index.
    ///
    /// # Errors
    /// [`StatusError::Index`].
    pub fn status(&self, idx: u64) -> Result<Status, StatusError> {
        self.list.status(idx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use denizen_jose::{Alg, Portable, SecretKey};

    #[test]
    fn statuses_are_read_back_and_other_lists_keys_and_older_ones_are_refused() {
        let key = SecretKey::from_seed(Alg::Es256, &[1; 32]).unwrap();
        let other = SecretKey::from_seed(Alg::Es256, &[2; 32]).unwrap().public();
        let mut list = StatusList::new(0);
        assert_eq!(list.entries(), 1 << 17);
        for (idx, status) in [
            (0, Status::Invalid),
            (5, Status::Suspended),
            ((1 << 17) - 1, Status::Contested),
        ] {
            list.set(idx, status).unwrap();
        }
        assert_eq!(list.set(1 << 17, Status::Valid), Err(StatusError::Index));
        let token = list.sign("urn:x", 100, 3600, "s1", &key);
        let verify = |token: &str, key: &PublicKey, uri: &str, seen| {
            StatusListToken::verify(token, &Portable, key, uri, seen)
        };
        let read = verify(&token, &key.public(), "urn:x", Some(100)).unwrap();
        assert_eq!(read.status(5), Ok(Status::Suspended));
        assert_eq!(read.status(6), Ok(Status::Valid));
        assert_eq!(read.status((1 << 17) - 1), Ok(Status::Contested));
        assert_eq!(
            verify(&token, &other, "urn:x", None),
            Err(StatusError::Signature)
        );
        assert_eq!(
            verify(&token, &key.public(), "urn:y", None),
            Err(StatusError::OtherList)
        );
        assert_eq!(
            verify(&token, &key.public(), "urn:x", Some(101)),
            Err(StatusError::Older)
        );
    }

    #[test]
    fn the_draft_s_two_bit_example_unpacks() {
        // draft-ietf-oauth-status-list, section 4.2, second example: bits = 2.
        let lst = base64url_decode("eNo76fITAAPfAgc").unwrap();
        let bytes = decompress_to_vec_zlib_with_limit(&lst, 100).unwrap();
        let list = StatusList(bytes);
        let read: Vec<u8> = (0..12).map(|i| list.status(i).unwrap() as u8).collect();
        assert_eq!(read, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
    }
}
