//! Roots: 32 bytes, what opens them, and the kit.

use denizen_recovery::{ARGON2_FLOOR, DeviceSecret, Kit, WrapError};
use denizen_seal::RootSecret;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use zeroize::Zeroizing;

/// The browser's randomness; without it nothing here is safe, so it ends.
#[expect(
    clippy::disallowed_types,
    reason = "the one place where randomness comes in"
)]
pub(crate) type BrowserRng = rand_core::UnwrapErr<getrandom::SysRng>;

/// A root wrapped under a passphrase, and the secret of this device that it needs as well.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug)]
pub struct Wrapped {
    /// The wrapped root.
    pub wrapped: Vec<u8>,
    /// 16 bytes that stay on this device.
    #[wasm_bindgen(js_name = deviceSecret)]
    pub device_secret: Vec<u8>,
}

/// A random root.
#[wasm_bindgen(js_name = makeRoot)]
#[must_use]
pub fn make_root() -> Vec<u8> {
    RootSecret::make(&mut BrowserRng::default())
        .danger_bytes()
        .to_vec()
}

/// The kit's text: the root as words, and the hub where its first address lies.
///
/// # Errors
/// `wrapped-malformed` for a root that is none.
#[wasm_bindgen(js_name = kitText)]
pub fn kit_text(root: Vec<u8>, hub_id: String, hub_url: String) -> Result<String, JsValue> {
    let kit = Kit {
        root: read_32(root)?,
        hub: hub_id,
        hub_url,
    };
    Ok(kit.to_text().to_string())
}

/// Wraps a root under a passphrase and a fresh device secret. Takes a second or more.
///
/// # Errors
/// `wrapped-malformed` for a root that is none.
#[wasm_bindgen(js_name = wrapPassphrase)]
pub fn wrap_passphrase(root: Vec<u8>, passphrase: String) -> Result<Wrapped, JsValue> {
    let (root, passphrase) = (read_32(root)?, Zeroizing::new(passphrase));
    let mut rng = BrowserRng::default();
    let mut device = DeviceSecret::default();
    rand_core::Rng::fill_bytes(&mut rng, device.as_mut());
    let cost = ARGON2_FLOOR;
    let wrapped = denizen_recovery::wrap_passphrase(&root, &passphrase, &device, cost, &mut rng);
    Ok(Wrapped {
        wrapped: wrapped.map_err(thrown)?,
        device_secret: device.to_vec(),
    })
}

/// Unwraps a root.
///
/// # Errors
/// `wrong-passphrase`, `wrapped-malformed`.
#[wasm_bindgen(js_name = unwrapPassphrase)]
pub fn unwrap_passphrase(
    wrapped: &[u8],
    passphrase: String,
    device_secret: Vec<u8>,
) -> Result<Vec<u8>, JsValue> {
    let (passphrase, device_secret) = (Zeroizing::new(passphrase), Zeroizing::new(device_secret));
    let device = <[u8; 16]>::try_from(device_secret.as_slice());
    let device = DeviceSecret::new(device.map_err(|_| thrown(WrapError::Malformed))?);
    let root = denizen_recovery::unwrap_passphrase(wrapped, &passphrase, &device);
    root.map(|r| r.to_vec()).map_err(thrown)
}

/// Wraps a root under a passkey's PRF output.
///
/// # Errors
/// `wrapped-malformed` for a root or an output that is none.
#[wasm_bindgen(js_name = wrapPrf)]
pub fn wrap_prf(root: Vec<u8>, prf: Vec<u8>) -> Result<Vec<u8>, JsValue> {
    let (root, prf) = (read_32(root)?, read_32(prf)?);
    Ok(denizen_recovery::wrap_prf(
        &root,
        &prf,
        &mut BrowserRng::default(),
    ))
}

/// Unwraps a root with a passkey's PRF output.
///
/// # Errors
/// `wrong-passphrase` for another passkey's output, `wrapped-malformed`.
#[wasm_bindgen(js_name = unwrapPrf)]
pub fn unwrap_prf(wrapped: &[u8], prf: Vec<u8>) -> Result<Vec<u8>, JsValue> {
    let root = denizen_recovery::unwrap_prf(wrapped, &read_32(prf)?);
    root.map(|r| r.to_vec()).map_err(thrown)
}

pub(crate) fn read_root(bytes: Vec<u8>) -> Result<RootSecret, JsValue> {
    read_32(bytes).map(|b| RootSecret::from_bytes(*b))
}

fn read_32(bytes: Vec<u8>) -> Result<Zeroizing<[u8; 32]>, JsValue> {
    let bytes = Zeroizing::new(bytes);
    let bytes = <[u8; 32]>::try_from(bytes.as_slice());
    bytes
        .map(Zeroizing::new)
        .map_err(|_| thrown(WrapError::Malformed))
}

fn thrown(error: WrapError) -> JsValue {
    let code = match error {
        WrapError::WrongPassphrase => "wrong-passphrase",
        _ => "wrapped-malformed",
    };
    JsValue::from_str(code)
}
