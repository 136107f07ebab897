//! Writes `docs/spec/vectors/`, or with `--check` compares it with what is committed.
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, bail};
use denizen_oracles::{peer::root, vectors::books};

fn main() -> anyhow::Result<()> {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => bail!("unknown argument {other}: only --check"),
    };
    let folder = root().join("docs/spec/vectors");
    std::fs::create_dir_all(&folder)?;
    for book in books() {
        let path = folder.join(format!("{}.json", book.name()));
        if !check {
            std::fs::write(&path, book.encode())?;
        } else if std::fs::read_to_string(&path).with_context(|| path.display().to_string())?
            != book.encode()
        {
            bail!("{} is not what the generator writes", path.display());
        }
        println!(
            "{} {}",
            if check { "as committed:" } else { "written:" },
            book.name()
        );
    }
    Ok(())
}
