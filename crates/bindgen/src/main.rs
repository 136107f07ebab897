//! `denizen-bindgen MODULE.wasm FOLDER`: writes the module as a browser loads it, with its JavaScript
//! and its types, into the folder.
//!
//! A package of its own, so that `cargo xtask` is built without it.

use anyhow::{Context as _, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (module, folder) = arguments
        .next()
        .zip(arguments.next())
        .context("denizen-bindgen MODULE.wasm FOLDER")?;
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(&module)
        .out_name("denizen")
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .with_context(|| format!("{module} cannot be made into a browser's module"))
}
