//! QR codes.

use fast_qr::{ECL, QRBuilder};
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

/// A text as a QR code; nothing if it is too long for one. One that is printed and kept has level Q: paper
/// gets stains and folds. One that is shown on a screen has level L: it is clean, and a weak camera needs
/// large modules more than spare ones.
#[wasm_bindgen]
#[must_use]
pub fn square(text: &str, kept: bool) -> Option<Square> {
    let level = if kept { ECL::Q } else { ECL::L };
    let code = QRBuilder::new(text.as_bytes()).ecl(level).build().ok()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_on_a_screen_has_fewer_modules_than_one_on_paper() {
        // As long as a helper's question to an office.
        let text = format!("denizen:denizen-ask+json#{}", "A".repeat(570));
        let modules = |kept| square(&text, kept).map(|code| code.size);
        assert_eq!((modules(false), modules(true)), (Some(85), Some(109)));
    }
}
