//! Making, unlocking and restoring a profile.

use super::{Session, Thrown, keep::read_pages};
use crate::{
    net::{FetchTransport, Send},
    runtime::{BrowserRng, now},
    view::Problem,
};
use denizen_holder::{DeviceLink, Holder, HolderError};
use denizen_model::{HubId, catalogue::Catalogue};
use denizen_recovery::{Kit, KitError};
use denizen_seal::RootSecret;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// What memory grows by at once, before anything is read: a module that grows by single pages of 64 KiB
/// stops for each of them. A browser gives what is really written to.
const ROOM_BYTES: usize = 24 << 20;

/// Files of the catalogue, read once.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Files(Arc<Catalogue>);

impl Files {
    pub(super) fn catalogue(&self) -> &Arc<Catalogue> {
        &self.0
    }
}

#[wasm_bindgen]
impl Files {
    /// Reads them; they were checked when the bundle was built. `catalogue`: JSON object of path and text; `texts`: one language's messages.
    ///
    /// # Errors
    /// A `Problem` of code `catalogue`.
    #[wasm_bindgen(constructor)]
    pub fn new(catalogue: &str, language: &str, texts: &str) -> Result<Files, Thrown> {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(ROOM_BYTES)));
        let read = serde_json::from_str::<BTreeMap<String, String>>(catalogue);
        let read = read.map_err(|_| Problem::bare("catalogue"))?;
        let files = read
            .into_iter()
            .map(|(path, text)| (path, text.into_bytes()));
        let mut files: BTreeMap<String, Vec<u8>> = files.collect();
        files.insert(
            format!("locales/{language}.json"),
            texts.as_bytes().to_vec(),
        );
        let loaded = Catalogue::load_known(&files);
        let loaded = loaded.map_err(|_| Problem::bare("catalogue"))?;
        Ok(Self(Arc::new(loaded)))
    }
}

/// Where a profile's own address lies.
#[derive(Debug, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct At {
    /// The hub's id.
    pub hub_id: String,
    /// Where it answers.
    pub hub_url: String,
    /// `en`, `ru`, `uz`, `tg`, `ky`.
    pub language: String,
}

pub(super) fn read_32(bytes: Vec<u8>) -> Result<Zeroizing<[u8; 32]>, Thrown> {
    let bytes = Zeroizing::new(bytes);
    let bytes = <[u8; 32]>::try_from(bytes.as_slice());
    let bytes = bytes.map_err(|_| Problem::bare("wrapped-malformed"))?;
    Ok(Zeroizing::new(bytes))
}

fn read_root(bytes: Vec<u8>) -> Result<RootSecret, Thrown> {
    read_32(bytes).map(|b| RootSecret::from_bytes(*b))
}

fn kit_code(error: KitError) -> &'static str {
    match error {
        KitError::Count(_) => "kit-count",
        KitError::Word(_) => "kit-word",
        KitError::Checksum => "kit-checksum",
        _ => "kit-hub",
    }
}

pub(super) fn read_at(at: Ts<At>) -> Result<(HubId, At), Thrown> {
    let at = at.to_rust().map_err(|_| Problem::bare("internal"))?;
    let hub = HubId::parse(&at.hub_id).map_err(|_| Problem::bare("kit-hub"))?;
    Ok((hub, at))
}

#[wasm_bindgen]
impl Session {
    /// Makes the profile of a root that was made just now: nothing is at the hub yet.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn make(root: Vec<u8>, at: Ts<At>, files: &Files, send: &Send) -> Result<Session, Thrown> {
        let (root, (hub, at)) = (read_root(root)?, read_at(at)?);
        let (at, words) = (
            (hub, at.hub_url.as_str()),
            (at.language.as_str(), Arc::clone(&files.0)),
        );
        let holder = Holder::of_new_root(root, at, words, &mut BrowserRng);
        Ok(Self::of(holder, send))
    }

    /// Opens a stored profile and its pages, by their numbers. Records of a page that is gone, older or
    /// altered come again with the next sync.
    ///
    /// # Errors
    /// A `Problem` of code `profile`.
    pub fn open(
        root: Vec<u8>,
        head: &[u8],
        pages: &js_sys::Map,
        language: &str,
        files: &Files,
        send: &Send,
    ) -> Result<Session, Thrown> {
        let (root, pages) = (read_root(root)?, read_pages(pages));
        let holder = Holder::open_packed(root, head, &pages, Arc::clone(&files.0), now());
        let mut holder = holder.map_err(|_| Problem::bare("profile"))?;
        holder.set_language(language);
        Ok(Self::of(holder, send))
    }

    /// Restores a profile from the kit's text alone; `beside` another device that goes on using it.
    /// Store it before anything else is called.
    ///
    /// # Errors
    /// A `Problem`; `kit-word` has the word's number in its details.
    pub async fn restore(
        kit: String,
        language: String,
        beside: bool,
        files: &Files,
        send: &Send,
    ) -> Result<Session, Thrown> {
        let kit = Zeroizing::new(kit);
        let kit = Kit::parse(&kit).map_err(|e| {
            let mut problem = Problem::bare(kit_code(e));
            if let KitError::Word(at) | KitError::Count(at) = e {
                problem.details.push([at.to_string(), String::new()]);
            }
            problem
        })?;
        let root = RootSecret::from_bytes(*kit.root);
        let (hub, url) = (kit.hub.clone(), kit.hub_url.clone());
        Self::rebuild(root, (hub, url), (language, beside), files, send).await
    }

    /// Leaves the root at the hub for a second device, under a passphrase for the link. Gives the page's
    /// address with the link behind `#`, which is never sent.
    ///
    /// # Errors
    /// A `Problem`.
    #[wasm_bindgen(js_name = offerDevice)]
    pub async fn offer_device(&self, passphrase: String, page: String) -> Result<String, Thrown> {
        let passphrase = Zeroizing::new(passphrase);
        let offered = self
            .holder
            .offer_device(&passphrase, &self.transport, &mut BrowserRng)
            .await;
        let offered = self.said(offered)?.to_data();
        Ok(format!("{page}#/device/{offered}"))
    }

    /// Takes the profile of a link to this browser. Store it before anything else is called.
    ///
    /// # Errors
    /// A `Problem`: `device-link`, `device-passphrase`.
    #[wasm_bindgen(js_name = takeDevice)]
    pub async fn take_device(
        link: String,
        passphrase: String,
        language: String,
        files: &Files,
        send: &Send,
    ) -> Result<Session, Thrown> {
        let passphrase = Zeroizing::new(passphrase);
        let thrown = |e: HolderError| Thrown::from(Problem::bare(e.code()));
        let link = DeviceLink::parse(&link).map_err(thrown)?;
        let transport = FetchTransport::new(send);
        let words = (language.as_str(), Arc::clone(&files.0));
        let (now, mut rng) = (now(), BrowserRng);
        let taken = Holder::take_device(&link, &passphrase, words, &transport, now, &mut rng).await;
        Ok(Self::of(taken.map_err(thrown)?, send))
    }

    /// Registers her own address and fetches the directory. Safe to repeat.
    ///
    /// # Errors
    /// A `Problem`.
    pub async fn begin(&mut self) -> Result<(), Thrown> {
        let done = self.holder.begin(&self.transport, now()).await;
        self.said(done)
    }
}

impl Session {
    pub(super) async fn rebuild(
        root: RootSecret,
        (hub, url): (String, String),
        (language, beside): (String, bool),
        files: &Files,
        send: &Send,
    ) -> Result<Self, Thrown> {
        let hub = HubId::parse(&hub).map_err(|_| Problem::bare("kit-hub"))?;
        let transport = FetchTransport::new(send);
        let at = (hub, url.as_str());
        let words = (language.as_str(), Arc::clone(&files.0));
        let mut rng = BrowserRng;
        let made = if beside {
            Holder::join(root, at, words, &transport, now(), &mut rng).await
        } else {
            Holder::restore(root, at, words, &transport, now(), &mut rng).await
        };
        let holder = made.map_err(|e| Problem::bare(e.code()))?;
        Ok(Self::of(holder, send))
    }
}
