//! Which records a command is about, picked on her own device.

use super::{FolderArg, Open};
use anyhow::bail;
use denizen_holder::RecordView;
use denizen_model::{
    Sha256Hash,
    catalogue::{Catalogue, Category},
};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(super) at: FolderArg,
    #[command(flatten)]
    pub(super) which: Which,
}

/// Some of the records.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Which {
    /// Only records of a category, such as border, stay, tax or medical
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    /// Only records of a kind, such as visa; several are possible
    #[arg(long = "kind", value_name = "NAME")]
    kinds: Vec<String>,
}

impl Which {
    /// The records, newest first, each with its number among all of them.
    pub(super) fn of(&self, at: &Open<'_>) -> anyhow::Result<Vec<(usize, RecordView)>> {
        let category = self.category.as_deref().map(category).transpose()?;
        let kinds = self.kinds.iter();
        let kinds = kinds.map(|name| vct(at.holder.catalogue(), name));
        let kinds = kinds.collect::<anyhow::Result<Vec<_>>>()?;
        let fits = |view: &RecordView| {
            (kinds.is_empty() || kinds.contains(&view.vct))
                && category.is_none_or(|category| at.holder.category(view) == Some(category))
        };
        let all = at.holder.records(at.now()).into_iter().enumerate();
        let numbered = all.map(|(place, view)| (place + 1, view));
        Ok(numbered.filter(|(_, view)| fits(view)).collect())
    }
}

fn category(name: &str) -> anyhow::Result<Category> {
    let found = Category::ALL.into_iter().find(|c| c.name() == name);
    match found {
        Some(category) => Ok(category),
        None => bail!(
            "--category {name}: there is no such category; there are {}",
            Category::ALL.map(Category::name).join(", ")
        ),
    }
}

/// A kind by its name or its whole `vct`.
fn vct(catalogue: &Catalogue, name: &str) -> anyhow::Result<String> {
    let found = catalogue.kinds().find(|k| k.name == name || k.vct == name);
    match found {
        Some(kind) => Ok(kind.vct.clone()),
        None => {
            let names: Vec<_> = catalogue.kinds().map(|k| k.name.as_str()).collect();
            let names = names.join(", ");
            bail!("--kind {name}: there is no such kind; there are {names}")
        }
    }
}

/// The record of a number in the list, the newest of a kind, or the one whose name begins so.
pub(super) fn find_record(at: &Open<'_>, asked: &str) -> anyhow::Result<Sha256Hash> {
    let views = at.holder.records(at.now());
    let by_number = asked.parse::<usize>().ok().filter(|n| *n > 0);
    if let Some(view) = by_number.and_then(|n| views.get(n - 1)) {
        return Ok(view.kept);
    }
    if let Ok(vct) = vct(at.holder.catalogue(), asked)
        && let Some(newest) = views.iter().find(|view| view.vct == vct)
    {
        return Ok(newest.kept);
    }
    let named = |v: &&RecordView| v.kept.to_text().starts_with(asked);
    let found: Vec<_> = views.iter().filter(named).collect();
    match found.as_slice() {
        [view] => Ok(view.kept),
        _ => bail!(at.say.text("cli-record-unknown", &[])),
    }
}

/// Kinds that a hub lists and that are not used, each with the reason.
pub(super) fn left_out(at: &Open<'_>) {
    for kind in at.holder.kinds_left_out() {
        let reason = kind.to_string();
        at.say.line("cli-kind-left-out", &[("reason", &reason)]);
    }
}
