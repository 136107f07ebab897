//! Identifiers: fixed-length bytes, base64url without padding as text and in JSON, byte strings in
//! CBOR. Specified in `docs/spec/objects.md`.

use denizen_jose::{base64url_decode, base64url_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use std::fmt;

/// Marks values that may appear in a log, a metric or an error: public by nature and the same for
/// everyone. An address, a name, a key, a token or a claim is never `LogSafe`.
pub trait LogSafe: fmt::Display {}

impl LogSafe for u64 {}
impl LogSafe for &'static str {}
impl LogSafe for OrgId {}
impl LogSafe for HubId {}

/// Text that is no identifier of the expected length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: expected {expected} bytes as base64url without padding")]
pub struct InvalidId {
    expected: usize,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $debug:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Wraps the bytes.
            #[must_use]
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Reads the bytes.
            ///
            /// # Errors
            /// [`InvalidId`] if there are more or fewer.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, InvalidId> {
                bytes.try_into().map(Self).map_err(|_| InvalidId { expected: $len })
            }

            /// A fresh random value.
            #[must_use]
            pub fn make(rng: &mut impl rand_core::CryptoRng) -> Self {
                let mut bytes = [0; $len];
                rng.fill_bytes(&mut bytes);
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// base64url without padding.
            #[must_use]
            pub fn to_text(&self) -> String {
                base64url_encode(self.0)
            }

            /// Reads base64url without padding.
            ///
            /// # Errors
            /// [`InvalidId`] for anything else or another length.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                Self::from_slice(&base64url_decode(text).unwrap_or_default())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.to_text())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                Self::parse(&text).map_err(D::Error::custom)
            }
        }

        id!(@$debug $name);
    };
    (@shown $name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.to_text())
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_text())
            }
        }
    };
    (@hidden $name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

id!(
    /// An organisation: SHA-256 of its first statement. Outlives keys.
    OrgId, 32, shown
);
id!(
    /// A hub: SHA-256 of its operator's first statement. Outlives keys and log origins.
    HubId, 32, shown
);
id!(
    /// An address at a hub: SHA-256 of its `auth` public key. Pairwise, never shown in logs.
    AddressId, 32, hidden
);
id!(
    /// SHA-256 of something that the context names.
    Sha256Hash, 32, shown
);
id!(
    /// 32 random bytes of an opening, a salt or a challenge.
    Nonce, 32, hidden
);
id!(
    /// Drawn by a sender for one deposit; the hub knows a retry by it.
    DepositId, 16, hidden
);
id!(
    /// Drawn by a sender before signing a message.
    MessageId, 16, hidden
);
id!(
    /// Names one one-time copy's key: key = derive(root, `cnf-copy`, ref).
    CopyRef, 16, hidden
);

impl AddressId {
    /// The address of an `auth` public key.
    #[must_use]
    pub fn of(auth: &crate::PublicKeyFor<crate::key::Auth>) -> Self {
        Self(Sha256::digest(auth.key().as_bytes()).into())
    }
}

impl Sha256Hash {
    /// SHA-256 of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Bytes of any length, base64url without padding in JSON; not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&base64url_encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        base64url_decode(text.as_bytes())
            .map(Self)
            .ok_or_else(|| D::Error::custom("not base64url without padding"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_text_and_an_address_is_never_printed() {
        let org = OrgId::new([0xff; 32]);
        assert_eq!(OrgId::parse(&org.to_text()).unwrap(), org);
        assert!(OrgId::parse(&format!("{}=", org.to_text())).is_err());
        assert!(OrgId::parse("AA").is_err());
        assert_eq!(format!("{:?}", AddressId::new([1; 32])), "AddressId(..)");
    }
}
