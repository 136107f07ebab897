//! A second device, by one link: the first leaves the root at the hub, wrapped under a passphrase and a
//! secret that only the link carries; the second takes it and deletes it there. Whoever sees the link
//! has nothing without the passphrase, and the hub has nothing without the link (R16).
//! Specified in `docs/spec/recovery.md`.

use crate::{Holder, holder::HolderError};
use denizen_api::{HubClient, ProblemKind, Transport, client::ClientError, wire::WrappedRoot};
use denizen_model::{
    HubId, Nonce, UnixTime,
    catalogue::Catalogue,
    id::Bytes,
    jose::{base64url_decode, base64url_encode},
};
use denizen_recovery::{
    ARGON2_FLOOR, DeviceSecret, WrapError, open_stored, seal_stored, unwrap_passphrase,
    wrap_passphrase,
};
use denizen_seal::RootSecret;
use std::sync::Arc;

/// What a link's text begins with.
pub const DEVICE_LINK: &str = "denizen:device#";
/// Version, hub, locator, secret; then the hub's URL.
const FIXED_SIZE_BYTES: usize = 1 + 32 + 32 + 16;
const V: u8 = 1;

/// What goes to the second device: as a QR code, or from hand to hand.
#[derive(Clone)]
pub struct DeviceLink {
    /// The hub of address 0.
    pub hub: HubId,
    /// Where it answers.
    pub hub_url: String,
    locator: Nonce,
    secret: DeviceSecret,
}

impl std::fmt::Debug for DeviceLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceLink(..)")
    }
}

impl DeviceLink {
    /// The link's data, base64url: a page has it behind the `#` of its address, which is never sent.
    #[must_use]
    pub fn to_data(&self) -> String {
        let mut bytes = vec![V];
        bytes.extend(self.hub.as_bytes());
        bytes.extend(self.locator.as_bytes());
        bytes.extend(self.secret.as_slice());
        bytes.extend(self.hub_url.as_bytes());
        base64url_encode(bytes)
    }

    /// The link's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{DEVICE_LINK}{}", self.to_data())
    }

    /// Reads a link's text or data.
    ///
    /// # Errors
    /// [`HolderError::DeviceLink`].
    pub fn parse(text: &str) -> Result<Self, HolderError> {
        let text = text.trim();
        let data = text.rsplit(['#', '/']).next().unwrap_or(text);
        let read = || {
            let bytes = base64url_decode(data)?;
            let (fixed, url) = bytes.split_at_checked(FIXED_SIZE_BYTES)?;
            let (&v, fixed) = fixed.split_first()?;
            let (hub, fixed) = fixed.split_at_checked(32)?;
            let (locator, secret) = fixed.split_at_checked(32)?;
            let url = std::str::from_utf8(url).ok()?;
            let is_url = url.starts_with("https://") || url.starts_with("http://");
            (v == V && is_url && !url.chars().any(char::is_control)).then(|| Self {
                hub: HubId::new(hub.try_into().unwrap_or_default()),
                hub_url: url.to_owned(),
                locator: Nonce::new(locator.try_into().unwrap_or_default()),
                secret: DeviceSecret::new(secret.try_into().unwrap_or_default()),
            })
        };
        read().ok_or(HolderError::DeviceLink)
    }
}

impl Holder {
    /// Leaves the root at the hub for a second device. `passphrase` is asked for there; it may be another
    /// than this device's. Takes a second or more.
    ///
    /// # Errors
    /// [`HolderError::Client`].
    pub async fn offer_device<T: Transport>(
        &self,
        passphrase: &str,
        transport: &T,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<DeviceLink, HolderError> {
        let mut rng = rng;
        let mut secret = DeviceSecret::default();
        rng.fill_bytes(secret.as_mut());
        let root = self.root.danger_bytes();
        let wrapped = wrap_passphrase(root, passphrase, &secret, ARGON2_FLOOR, &mut rng);
        let wrapped = wrapped.map_err(|_| HolderError::DeviceLink)?;
        let stored = seal_stored(&wrapped, secret.as_slice(), &mut rng);
        let link = DeviceLink {
            hub: self.profile.hub,
            hub_url: self.profile.hub_url.clone(),
            locator: Nonce::make(&mut rng),
            secret,
        };
        let owner = self.root.derive_device(&link.locator);
        let body = WrappedRoot {
            wrapped: Bytes(stored),
            owner: owner.public_for(),
        };
        let hub = HubClient::new(transport, link.hub, &link.hub_url);
        hub.put_root(&link.locator, &body).await?;
        Ok(link)
    }

    /// Takes the profile to this device, and deletes the wrapped root at the hub: a link is good once.
    ///
    /// # Errors
    /// [`HolderError::DeviceLink`] for a link that was used or is no longer good,
    /// [`HolderError::WrongPassphrase`]: the link is still good; [`HolderError`] of [`Holder::join`].
    pub async fn take_device<T: Transport>(
        link: &DeviceLink,
        passphrase: &str,
        words: (&str, Arc<Catalogue>),
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Self, HolderError> {
        let hub = HubClient::new(transport, link.hub, &link.hub_url);
        let wrapped = match hub.root(&link.locator).await {
            Err(ClientError::Problem(ProblemKind::NotFound)) => {
                return Err(HolderError::DeviceLink);
            }
            wrapped => wrapped?.wrapped,
        };
        let wrapped = open_stored(&wrapped.0, link.secret.as_slice());
        let wrapped = wrapped.ok_or(HolderError::DeviceLink)?;
        let root = unwrap_passphrase(&wrapped, passphrase, &link.secret);
        let root = root.map_err(|e| match e {
            WrapError::WrongPassphrase => HolderError::WrongPassphrase,
            _ => HolderError::DeviceLink,
        })?;
        let root = RootSecret::from_bytes(*root);
        let owner = root.derive_device(&link.locator);
        let at = (link.hub, link.hub_url.as_str());
        let holder = Self::join(root, at, words, transport, now, rng).await?;
        // It has done its work; if it cannot be deleted now it is useless without passphrase and link.
        let _ = hub.delete_root(&link.locator, &owner, now).await;
        Ok(holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> DeviceLink {
        DeviceLink {
            hub: HubId::new([1; 32]),
            hub_url: "https://hub.example".into(),
            locator: Nonce::new([2; 32]),
            secret: DeviceSecret::new([3; 16]),
        }
    }

    #[test]
    fn a_link_is_read_as_text_as_data_and_as_a_pages_address() {
        let page = format!("https://hub.example/#/device/{}", link().to_data());
        for text in [link().to_text(), link().to_data(), page] {
            let read = DeviceLink::parse(&text).expect("is a link");
            assert_eq!(read.to_data(), link().to_data());
        }
    }

    #[test]
    fn what_is_no_link_is_refused() {
        let short = base64url_encode([1; 80]);
        let no_url = base64url_encode([1; 90]);
        let version = {
            let mut bytes = base64url_decode(link().to_data()).expect("is base64url");
            if let Some(v) = bytes.first_mut() {
                *v = 2;
            }
            base64url_encode(bytes)
        };
        for text in [
            "",
            "denizen:device#",
            "denizen:invite#abc",
            &short,
            &no_url,
            &version,
        ] {
            assert!(DeviceLink::parse(text).is_err(), "{text}");
        }
    }
}
