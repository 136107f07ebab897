//! Short texts that are kept in the browser beside the profile, sealed under its root.

use crate::root::{BrowserRng, read_root};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// Seals a text. `place`: what it is and of which profile; it opens nowhere else.
///
/// # Errors
/// `wrapped-malformed` for a root that is none.
#[wasm_bindgen]
pub fn seal(root: Vec<u8>, place: &[u8], text: &str) -> Result<Vec<u8>, JsValue> {
    let key = read_root(root)?.derive_local();
    Ok(key.encrypt(&context(place), text.as_bytes(), &mut BrowserRng::default()))
}

/// Opens what [`seal`] made; nothing if it is altered, or of another place or root.
///
/// # Errors
/// `wrapped-malformed` for a root that is none.
#[wasm_bindgen]
pub fn unseal(root: Vec<u8>, place: &[u8], sealed: &[u8]) -> Result<Option<String>, JsValue> {
    let key = read_root(root)?.derive_local();
    let text = key.decrypt(&context(place), sealed).ok();
    Ok(text.and_then(|text| String::from_utf8(text.to_vec()).ok()))
}

/// Apart from the other places of that key: drafts, the head, an earlier profile.
fn context(place: &[u8]) -> Vec<u8> {
    [b"denizen/v1/door\0", place].concat()
}
