//! Who can get in: devices, and what opens the profile on each.

use super::{
    Session, Thrown,
    begin::{At, Files, read_32, read_at},
};
use crate::{
    net::{FetchTransport, Send},
    runtime::{BrowserRng, now},
    view::{self, Problem, WaysPage},
};
use denizen_holder::{Holder, WayKind};
use std::sync::Arc;
use tsify::Ts;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
impl Session {
    /// Devices that have the profile, and what opens it there.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn ways(&self) -> Result<Ts<WaysPage>, Thrown> {
        self.given(view::ways_page(&self.holder, self.earlier.as_ref()))
    }

    /// Gives this browser a name among her devices.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = nameDevice)]
    pub fn name_device(&mut self, name: &str) -> Result<(), Thrown> {
        let done = self.holder.name_device(name, now(), &mut BrowserRng);
        self.said(done)
    }

    /// Writes down a new way in; gives its name. With `prf`, the root of a passkey will lie at the hub as
    /// well: store the profile, then call [`Session::leave_root`].
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = addWay)]
    pub fn add_way(
        &mut self,
        name: &str,
        kind: &str,
        prf: Option<Vec<u8>>,
    ) -> Result<String, Thrown> {
        let kind = match kind {
            "passphrase" => WayKind::Passphrase,
            "passkey" => WayKind::Passkey,
            _ => return Err(self.problem("other")),
        };
        let (now, mut rng) = (now(), BrowserRng);
        let way = self.holder.add_way((kind, name), now, &mut rng);
        let way = self.said(way)?;
        if let Some(prf) = prf {
            let planned = self.holder.plan_root(&way, &read_32(prf)?, now, &mut rng);
            self.said(planned)?;
        }
        Ok(way.to_text())
    }

    /// Leaves the root at the hub, where a passkey alone finds and opens it.
    ///
    /// # Errors
    /// A `Problem`: then it is not there, and the passkey opens this browser alone.
    #[wasm_bindgen(js_name = leaveRoot)]
    pub async fn leave_root(&mut self, way: String, prf: Vec<u8>) -> Result<(), Thrown> {
        let (way, prf) = (self.message_named(&way)?, read_32(prf)?);
        let (hub, mut rng) = (&self.transport, BrowserRng);
        let left = self
            .holder
            .leave_root(&way, &prf, hub, now(), &mut rng)
            .await;
        self.said(left)
    }

    /// Takes the profile to this browser with a passkey whose root lies at the hub. Store it before
    /// anything else is called.
    ///
    /// # Errors
    /// A `Problem`: `passkey-unknown`.
    #[wasm_bindgen(js_name = takePasskey)]
    pub async fn take_passkey(
        prf: Vec<u8>,
        at: Ts<At>,
        files: &Files,
        send: &Send,
    ) -> Result<Session, Thrown> {
        let (hub, at) = read_at(at)?;
        let (transport, prf) = (FetchTransport::new(send), read_32(prf)?);
        let words = (at.language.as_str(), Arc::clone(files.catalogue()));
        let (from, mut rng) = ((hub, at.hub_url.as_str()), BrowserRng);
        let taken = Holder::take_passkey(&prf, from, words, &transport, now(), &mut rng).await;
        let (holder, _) = taken.map_err(|e| Problem::bare(e.code()))?;
        Ok(Self::of(holder, send))
    }

    /// The newest way into this browser.
    #[wasm_bindgen(js_name = newestWay)]
    pub fn newest_way(&self) -> Option<String> {
        let ways = &self.holder.device()?.ways;
        ways.last().map(|w| w.id.to_text())
    }

    /// Notes that a way was used; by the week.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = useWay)]
    pub fn use_way(&mut self, way: &str) -> Result<(), Thrown> {
        let way = self.message_named(way)?;
        let done = self.holder.use_way(&way, now(), &mut BrowserRng);
        self.said(done)
    }

    /// Ends a way; what this browser keeps for it is the worker's to delete.
    ///
    /// # Errors
    /// A `Problem`: `last-method`.
    #[wasm_bindgen(js_name = endWay)]
    pub async fn end_way(&mut self, way: String) -> Result<(), Thrown> {
        let way = self.message_named(&way)?;
        let (hub, mut rng) = (&self.transport, BrowserRng);
        let done = self.holder.end_way(&way, hub, now(), &mut rng).await;
        self.said(done)
    }

    /// Ends another device: it forgets the profile when it next hears of it.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = endDevice)]
    pub async fn end_device(&mut self, device: String) -> Result<(), Thrown> {
        let device = self.message_named(&device)?;
        let (hub, mut rng) = (&self.transport, BrowserRng);
        let done = self.holder.end_device(&device, hub, now(), &mut rng).await;
        self.said(done)
    }
}
