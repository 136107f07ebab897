//! `denizen hub kinds`: the record kinds of a catalogue become statements of the directory.

use super::{
    admit::{enter, identity_key},
    folder::Folder,
};
use crate::{catalogue, shell::Shell};
use anyhow::{Context as _, bail};
use denizen_model::{
    HubId, SecretKeyFor, Sha256Hash,
    catalogue::{Catalogue, Kind},
    directory::Directory,
    key::Identity,
    statement::{ENTRY_SIZE_BYTES_MAX, KIND_TYP, KindEntry, KindFiles, full_kid, sign_entry},
};
use std::path::PathBuf;

/// Arguments of `hub kinds`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The hub's folder
    dir: PathBuf,
    /// The catalogue as it was, for a kind whose earlier version the directory lists without its
    /// files [default: the one that this program carries]
    #[arg(long, value_name = "DIR")]
    earlier: Option<PathBuf>,
    /// The operator's identity key [default: in the hub's folder]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// What becomes of a catalogue.
#[derive(Default)]
struct Changes {
    entries: Vec<KindEntry>,
    added: Vec<String>,
    replaced: Vec<String>,
    unchanged: usize,
}

/// Logs every kind that is new or changed, all or none.
pub(crate) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let folder = Folder::new(&arguments.dir);
    let operator = folder.operator()?;
    let identity = identity_key(&folder, arguments.identity.as_deref())?;
    let carried = catalogue::embedded()?;
    let earlier = match &arguments.earlier {
        Some(folder) => catalogue::read(folder)?,
        None => carried.clone(),
    };
    let mut changes = Changes::default();
    let choose = |directory: &Directory| {
        changes = Changes::of(&shell.catalogue, directory, (&carried, &earlier))?;
        let signed = changes.entries.iter();
        signed
            .map(|entry| sign(entry, &operator.id, &identity))
            .collect()
    };
    enter(shell, &folder, &operator, choose).await?;
    for vct in &changes.added {
        println!("  added     {vct}");
    }
    for vct in &changes.replaced {
        println!("  replaced  {vct}");
    }
    println!("{} kinds are unchanged.", changes.unchanged);
    if changes.entries.is_empty() {
        println!("The directory says already what the catalogue does.");
    } else {
        println!(
            "People's programs and gateways take the others from the directory at their next sync."
        );
        println!("Next: admit whoever issues a new kind, with `denizen hub admit`.");
    }
    Ok(())
}

impl Changes {
    fn of(
        catalogue: &Catalogue,
        directory: &Directory,
        (carried, earlier): (&Catalogue, &Catalogue),
    ) -> anyhow::Result<Self> {
        if !catalogue.has_common_of(carried) {
            bail!(
                "schema/common.schema.json is another than this program's: people's programs have \
                 that one, so put what only your kinds use into their own schemas"
            );
        }
        let mut this = Self::default();
        for kind in catalogue.kinds() {
            let versions = directory.kinds().iter().filter(|k| k.vct == kind.vct);
            let versions: Vec<_> = versions.collect();
            let Some(newest) = versions.last() else {
                this.entries.push(entry(kind, catalogue, carried)?);
                this.added.push(kind.vct.clone());
                continue;
            };
            if newest.metadata == kind.metadata_hash && newest.schema == kind.schema_hash {
                this.unchanged += 1;
                continue;
            }
            if versions
                .iter()
                .any(|k| k.metadata == kind.metadata_hash && k.schema == kind.schema_hash)
            {
                bail!(
                    "kinds/{}.json: is an earlier version, which a later one replaced: change a word of \
                     its description, so that it is a version of its own",
                    kind.name
                );
            }
            this.replace(kind, (catalogue, newest), (carried, earlier), &versions)?;
        }
        Ok(this)
    }

    fn replace(
        &mut self,
        kind: &Kind,
        (catalogue, newest): (&Catalogue, &KindEntry),
        (carried, earlier): (&Catalogue, &Catalogue),
        versions: &[&KindEntry],
    ) -> anyhow::Result<()> {
        let shown = &kind.name;
        let is_newest =
            |k: &&Kind| k.metadata_hash == newest.metadata && k.schema_hash == newest.schema;
        let files = versions
            .iter()
            .rev()
            .find(|v| v.metadata == newest.metadata);
        let old = match files.and_then(|v| v.files.as_ref()) {
            Some(files) => carried
                .read_kind(shown, files)
                .map_err(anyhow::Error::from)?,
            None => {
                let known = [earlier, carried];
                let found = known
                    .iter()
                    .find_map(|c| Some((*c, c.kind(&kind.vct).filter(is_newest)?)));
                let (of, old) = found.with_context(|| {
                    format!(
                        "kinds/{shown}.json: the directory lists the version that this would replace \
                         without its files, and it is not the one that this program carries: give the \
                         catalogue that had it with --earlier DIR"
                    )
                })?;
                // All versions stay retrievable, also when programs no longer carry them.
                let files = of.files_of(old)?;
                self.entries.push(with_files(old, files)?);
                old.clone()
            }
        };
        kind.may_follow(&old)?;
        self.entries
            .push(with_files(kind, catalogue.files_of(kind)?)?);
        self.replaced.push(kind.vct.clone());
        Ok(())
    }
}

/// The entry of a kind. It has the files unless every program of this release carries them.
pub(super) fn entry(
    kind: &Kind,
    catalogue: &Catalogue,
    carried: &Catalogue,
) -> anyhow::Result<KindEntry> {
    let same =
        |k: &Kind| k.metadata_hash == kind.metadata_hash && k.schema_hash == kind.schema_hash;
    if carried.kind(&kind.vct).is_some_and(same) {
        return Ok(KindEntry {
            v: 1,
            vct: kind.vct.clone(),
            metadata: kind.metadata_hash,
            schema: kind.schema_hash,
            files: None,
        });
    }
    with_files(kind, catalogue.files_of(kind)?)
}

fn with_files(kind: &Kind, files: KindFiles) -> anyhow::Result<KindEntry> {
    let entry = KindEntry {
        v: 1,
        vct: kind.vct.clone(),
        metadata: Sha256Hash::of(files.metadata.as_bytes()),
        schema: Sha256Hash::of(files.schema.as_bytes()),
        files: Some(files),
    };
    let size = serde_json::to_vec(&entry)?.len();
    if size + SIGNATURE_BYTES > ENTRY_SIZE_BYTES_MAX {
        bail!(
            "kinds/{}.json: with its schema and labels it has {size} bytes, and a directory entry at most \
             {ENTRY_SIZE_BYTES_MAX}: make it two kinds",
            kind.name
        );
    }
    Ok(entry)
}

/// What signing adds to an entry, at most.
const SIGNATURE_BYTES: usize = 512;

pub(super) fn sign(
    entry: &KindEntry,
    hub: &HubId,
    identity: &SecretKeyFor<Identity>,
) -> anyhow::Result<Vec<u8>> {
    let kid = full_kid(&(*hub).into(), "identity");
    Ok(sign_entry(entry, KIND_TYP, identity.signer(), &kid).into_bytes())
}
