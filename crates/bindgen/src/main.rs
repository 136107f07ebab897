//! `denizen-bindgen MODULE.wasm FOLDER NAME`: writes the module as a browser loads it, with its JavaScript
//! and its types, into the folder under a name. Its functions are in the order in which they pack best.
//!
//! A package of its own, so that `cargo xtask` is built without it.

mod order;

use anyhow::{Context as _, Result};
use std::{fs, path::Path};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        let argument = arguments.next();
        argument.context("denizen-bindgen MODULE.wasm FOLDER NAME")
    };
    let (module, folder, name) = (next()?, next()?, next()?);
    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(&module)
        .out_name(&name)
        .web(true)?
        .typescript(true)
        // The order needs the names; it leaves them out.
        .remove_name_section(false)
        .remove_producers_section(true)
        .generate(&folder)
        .with_context(|| format!("{module} cannot be made into a browser's module"))?;
    let written = Path::new(&folder).join(format!("{name}_bg.wasm"));
    let ordered = order::ordered(&fs::read(&written)?)?;
    Ok(fs::write(&written, ordered)?)
}
