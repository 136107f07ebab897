//! Keeping a profile in the browser: a head, and pages of records.

use super::Session;
use crate::runtime::BrowserRng;
use js_sys::{Map, Uint8Array};
use std::collections::BTreeMap;
use wasm_bindgen::{JsCast as _, prelude::wasm_bindgen};

/// What the worker writes, all of it or nothing; then it calls [`Session::kept`].
#[wasm_bindgen]
#[derive(Debug)]
pub struct Packed(denizen_holder::Packed);

#[wasm_bindgen]
impl Packed {
    /// The profile without its records, encrypted.
    #[wasm_bindgen(getter)]
    pub fn head(&self) -> Vec<u8> {
        self.0.head.clone()
    }

    /// The pages that changed, by number, sealed.
    #[wasm_bindgen(getter)]
    pub fn pages(&self) -> Map {
        let pages = Map::new();
        for (number, page) in &self.0.pages {
            pages.set(&(*number).into(), &Uint8Array::from(page.as_slice()).into());
        }
        pages
    }

    /// How many pages there are; the worker deletes those of higher numbers.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> u32 {
        self.0.count
    }
}

#[wasm_bindgen]
impl Session {
    /// The profile as it is kept: what changed since it was kept last.
    pub fn pack(&mut self) -> Packed {
        Packed(self.holder.pack(&mut BrowserRng))
    }

    /// The worker has written all of it.
    pub fn kept(&mut self, packed: Packed) {
        self.holder.kept(packed.0);
    }
}

/// Pages by their numbers, as the worker read them; what is none of them is left out.
pub(super) fn read_pages(pages: &Map) -> BTreeMap<u32, Vec<u8>> {
    let mut read = BTreeMap::new();
    pages.for_each(&mut |page, number| {
        let number = number
            .as_f64()
            .filter(|n| n.fract() == 0.0 && (0.0..1e9).contains(n));
        if let (Some(number), Some(page)) = (number, page.dyn_ref::<Uint8Array>()) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number of the range above"
            )]
            read.insert(number as u32, page.to_vec());
        }
    });
    read
}
