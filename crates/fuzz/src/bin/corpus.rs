//! Kept seeds and the folders that libFuzzer works in. `corpus unpack FOLDER` writes samples and kept
//! seeds of each target into `FOLDER/<name>`; `corpus keep FOLDER` writes what lies there into
//! `crates/fuzz/seeds/<name>.txt`, the shortest first, as far as there is room.
#![allow(clippy::print_stdout)]

use anyhow::{Context as _, bail};
use denizen_fuzz::{TARGETS, kept_file, kept_seeds, name_of};
use denizen_jose::base64url_encode;
use std::{fs, path::Path};

/// Longest seed that is kept, in bytes.
const SEED_SIZE_BYTES_MAX: usize = 2048;
/// Most bytes that are kept of a target's seeds.
const SEEDS_SIZE_BYTES_MAX: usize = 8 * 1024;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, folder] = arguments.as_slice() else {
        bail!("corpus unpack FOLDER, or corpus keep FOLDER");
    };
    let folder = Path::new(folder);
    for target in TARGETS {
        let of = folder.join(target.name);
        match what.as_str() {
            "unpack" => unpack(&of, target)?,
            "keep" => keep(&of, target.name)?,
            other => bail!("{other}: only unpack and keep"),
        }
        println!("{}", target.name);
    }
    Ok(())
}

fn unpack(folder: &Path, target: &denizen_fuzz::Target) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let seeds = target.samples.load().into_iter();
    for seed in seeds.chain(kept_seeds(target.name)) {
        fs::write(folder.join(name_of(&seed)), seed)?;
    }
    Ok(())
}

fn keep(folder: &Path, name: &str) -> anyhow::Result<()> {
    let mut seeds = kept_seeds(name);
    for file in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        seeds.push(fs::read(file?.path())?);
    }
    seeds.sort_by_key(|seed| (seed.len(), seed.clone()));
    seeds.dedup();
    let (mut text, mut room) = (String::new(), SEEDS_SIZE_BYTES_MAX);
    for seed in seeds
        .iter()
        .filter(|seed| seed.len() <= SEED_SIZE_BYTES_MAX)
    {
        let line = format!("{}\n", base64url_encode(seed));
        let Some(left) = room.checked_sub(line.len()) else {
            break;
        };
        (text, room) = (text + &line, left);
    }
    Ok(fs::write(kept_file(name), text)?)
}
