//! QR codes.

use wasm_bindgen::prelude::wasm_bindgen;

/// A QR code.
#[wasm_bindgen(getter_with_clone)]
#[derive(Debug)]
pub struct Square {
    /// Path of the dark modules, of one unit each.
    #[wasm_bindgen(js_name = qrPath)]
    pub path: String,
    /// Modules on a side.
    #[wasm_bindgen(js_name = qrSize)]
    pub size: usize,
}

/// A text as a QR code; nothing if it is too long for one.
#[wasm_bindgen]
#[must_use]
pub fn square(text: &str) -> Option<Square> {
    let code = fast_qr::QRBuilder::new(text.as_bytes()).build().ok()?;
    let size = code.size;
    let mut path = String::new();
    for (y, row) in code.data.chunks(size).take(size).enumerate() {
        for (x, module) in row.iter().enumerate() {
            if module.value() {
                path.push_str(&format!("M{x} {y}h1v1h-1z"));
            }
        }
    }
    Some(Square { path, size })
}
