//! `denizen hub suspend` and `reinstate`: the operator's decision about an organisation, with its
//! reason, signed and logged for everybody.

use super::{
    admit::{enter, identity_key},
    folder::Folder,
};
use crate::shell::Shell;
use anyhow::{Context as _, bail};
use denizen_model::{
    OrgId, Sha256Hash,
    directory::{Directory, Organisation},
    statement::{ADMISSION_TYP, Admission, SUSPENSION_TYP, Suspension, full_kid, sign_entry},
};
use std::path::PathBuf;

/// Arguments of `hub suspend`.
#[derive(clap::Args)]
pub(crate) struct SuspendArguments {
    #[command(flatten)]
    whom: Whom,
    /// Why, in words that people read
    #[arg(long)]
    reason: String,
}

/// Arguments that name an organisation.
#[derive(clap::Args)]
pub(crate) struct Whom {
    /// The hub's folder
    dir: PathBuf,
    /// The organisation's id: `denizen hub organisations` lists them
    #[arg(allow_hyphen_values = true)]
    org: String,
    /// The operator's identity key [default: in the hub's folder]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// Suspends an organisation from now.
pub(crate) async fn suspend(shell: &Shell, arguments: &SuspendArguments) -> anyhow::Result<()> {
    let reason = arguments.reason.trim();
    if reason.is_empty() {
        bail!("--reason is empty: people will read why");
    }
    let name = decide(shell, &arguments.whom, |org| {
        if org.suspension.is_some() {
            bail!("the organisation is suspended already: nothing was changed");
        }
        let suspension = Suspension {
            v: 1,
            org: org.id,
            reason: reason.to_owned(),
            from: shell.now(),
        };
        Ok(Decision::Suspend(suspension))
    })
    .await?;
    println!("{name} is suspended from now: {reason}");
    println!("  The hub takes nothing of it, and people's programs accept nothing new of it.");
    println!("  What it signed before still counts. Its people can still read what they have.");
    Ok(())
}

/// Lifts a suspension by admitting the organisation again for the same kinds.
pub(crate) async fn reinstate(shell: &Shell, whom: &Whom) -> anyhow::Result<()> {
    let name = decide(shell, whom, |org| {
        let admission = org.admission.as_ref();
        let admission = admission.context("the organisation was never admitted")?;
        if org.suspension.is_none() {
            bail!("the organisation is not suspended: nothing was changed");
        }
        let admission = Admission {
            statement: org.statement_hash,
            from: shell.now(),
            ..admission.clone()
        };
        Ok(Decision::Admit(admission))
    })
    .await?;
    println!("{name} is admitted again, for the kinds that it had.");
    Ok(())
}

enum Decision {
    Suspend(Suspension),
    Admit(Admission),
}

/// Signs and logs what `choose` decides about the organisation; gives its name.
async fn decide(
    shell: &Shell,
    whom: &Whom,
    choose: impl FnOnce(&Organisation) -> anyhow::Result<Decision>,
) -> anyhow::Result<String> {
    let folder = Folder::new(&whom.dir);
    let operator = folder.operator()?;
    let id = OrgId::parse(&whom.org).context("ORG is no organisation's id")?;
    let identity = identity_key(&folder, whom.identity.as_deref())?;
    let kid = full_kid(&operator.id.into(), "identity");
    let mut name = String::new();
    let entries = |directory: &Directory| {
        let org = directory.organisation(&id).context(
            "the directory has no such organisation: `denizen hub organisations` lists them",
        )?;
        name = org.statement.names.get("en").cloned().unwrap_or_default();
        let signed = match choose(org)? {
            Decision::Suspend(entry) => sign_entry(&entry, SUSPENSION_TYP, identity.signer(), &kid),
            Decision::Admit(entry) => sign_entry(&entry, ADMISSION_TYP, identity.signer(), &kid),
        };
        let signed = signed.into_bytes();
        // The log has each statement once: the hub would answer as it did the first time.
        if directory.is_decided(&Sha256Hash::of(&signed)) {
            bail!(
                "the same was decided within this second, and something else after it: nothing was \
                 changed; run the command again"
            );
        }
        Ok(vec![signed])
    };
    enter(shell, &folder, &operator, entries).await?;
    Ok(name)
}
