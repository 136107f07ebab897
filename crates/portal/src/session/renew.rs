//! New keys: a profile with a fresh root takes over every link of the one before.

use super::{Session, Thrown, begin::Files};
use crate::{
    net::Send,
    runtime::{BrowserRng, now},
};
use denizen_holder::Holder;
use denizen_seal::RootSecret;
use std::sync::Arc;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

const CONTEXT: &[u8] = b"denizen/v1/earlier";

#[wasm_bindgen]
impl Session {
    /// A profile with a fresh root that takes over this one's links, once it is stored together with
    /// [`Session::seal_earlier`]. This one stays as it is.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn renewed(&self, files: &Files, send: &Send) -> Result<Session, Thrown> {
        let (now, mut rng) = (now(), BrowserRng);
        let root = self.holder.danger_root().clone();
        let bytes = self.holder.encrypt(&mut rng);
        let old = Holder::open(root, &bytes, Arc::clone(files.catalogue()), now);
        let mut old = old.map_err(|_| self.problem("profile"))?;
        let mut fresh = self.holder.renewed(&mut rng);
        fresh.plan_over(&old, &mut rng);
        // Her other devices keep the old root: each forgets it when it hears of this.
        self.said(old.end_devices(now, &mut rng))?;
        Ok(Self {
            earlier: Some(old),
            ..Self::of(fresh, send)
        })
    }

    /// The earlier profile with its root, sealed under this one's; nothing once all is taken over.
    #[wasm_bindgen(js_name = sealEarlier)]
    pub fn seal_earlier(&self) -> Option<Vec<u8>> {
        let old = self.earlier.as_ref()?;
        let mut rng = BrowserRng;
        let mut bytes = Zeroizing::new(old.danger_root().danger_bytes().to_vec());
        bytes.extend(old.encrypt(&mut rng));
        let key = self.holder.danger_root().derive_local();
        Some(key.encrypt(CONTEXT, &bytes, &mut rng))
    }

    /// Goes on with an earlier profile that was sealed.
    ///
    /// # Errors
    /// A `Problem` of code `profile`.
    #[wasm_bindgen(js_name = openEarlier)]
    pub fn open_earlier(&mut self, sealed: &[u8], files: &Files) -> Result<(), Thrown> {
        let key = self.holder.danger_root().derive_local();
        let read = || {
            let bytes = key.decrypt(CONTEXT, sealed).ok()?;
            let (root, profile) = bytes.split_first_chunk::<32>()?;
            let root = RootSecret::from_bytes(*root);
            Holder::open(root, profile, Arc::clone(files.catalogue()), now()).ok()
        };
        self.earlier = Some(read().ok_or_else(|| self.problem("profile"))?);
        Ok(())
    }

    /// Destroys what lies at the old addresses, the earlier profile's own among them, and forgets it.
    ///
    /// # Errors
    /// A `Problem`; what is left is destroyed by the next call. `not-open` while an organisation has not
    /// answered.
    #[wasm_bindgen(js_name = abandonEarlier)]
    pub async fn abandon_earlier(&mut self) -> Result<(), Thrown> {
        let Some(old) = self.earlier.as_mut() else {
            return Ok(());
        };
        let done = self.holder.abandon(old, &self.transport, now()).await;
        self.said(done)?;
        self.earlier = None;
        Ok(())
    }
}

impl Session {
    /// Takes over links that are not yet; gives how many are under way since this call.
    pub(super) async fn carry_on(&mut self) -> Result<usize, Thrown> {
        let Some(old) = self.earlier.as_mut() else {
            return Ok(0);
        };
        let mut rng = BrowserRng;
        let moved = self
            .holder
            .take_over(old, &self.transport, now(), &mut rng)
            .await;
        self.said(moved)
    }

    /// Sends what the earlier profile still has to say: after this one's own.
    pub(super) async fn send_earlier(&mut self) -> Result<(), Thrown> {
        let Some(old) = self.earlier.as_mut() else {
            return Ok(());
        };
        let sent = old.send(&self.transport, now()).await;
        self.said(sent)
    }
}
