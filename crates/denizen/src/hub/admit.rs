//! `denizen hub admit`: which kinds an organisation may issue, signed by the operator.

use super::{
    folder::{Folder, Operator},
    init::append,
};
use crate::{files::read_key, shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, bail};
use denizen_api::{ClientError, HubClient, directory::verify};
use denizen_model::{
    OrgId, SecretKeyFor, Sha256Hash,
    catalogue::Catalogue,
    directory::Directory,
    jose::{Unverified, VERIFIER},
    key::Identity,
    statement::{
        ADMISSION_TYP, Admission, AdmittedKind, Quality, Role, STATEMENT_TYP, Statement, full_kid,
        sign_entry,
    },
};
use denizen_tlog::WitnessPolicy;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Arguments of `hub admit`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The hub's folder
    dir: PathBuf,
    /// The organisation's statement, as `denizen gateway statement` wrote it
    statement: PathBuf,
    /// A record kind that it may issue as the authority for it; with `=claim` as a private body
    /// whose adverse records are marked as a claim. None for one that only verifies
    #[arg(long = "kind", value_name = "VCT[=claim]")]
    kinds: Vec<String>,
    /// The operator's identity key [default: in the hub's folder]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// Admits the organisation, or replaces its admission.
pub(crate) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let folder = Folder::new(&arguments.dir);
    let operator = folder.operator()?;
    let (bytes, statement) = read_statement(&arguments.statement, &operator)?;
    let hash = Sha256Hash::of(&bytes);
    let org = OrgId::from(statement.id.unwrap_or(hash));
    let mut admission = Admission {
        v: 1,
        org,
        statement: hash,
        kinds: Vec::new(),
        from: shell.now(),
    };
    let identity = identity_key(&folder, arguments.identity.as_deref())?;
    let kid = full_kid(&operator.id.into(), "identity");
    let choose = |directory: &Directory| {
        let (catalogue, _) = shell.catalogue.with_directories([directory]);
        let kinds = arguments.kinds.iter();
        let kinds = kinds.map(|kind| admitted_kind(kind, &catalogue));
        admission.kinds = kinds.collect::<anyhow::Result<_>>()?;
        let signed = sign_entry(&admission, ADMISSION_TYP, identity.signer(), &kid).into_bytes();
        let known = directory.organisations().any(|o| o.chain.contains(&hash));
        Ok(if known {
            vec![signed]
        } else {
            vec![bytes, signed]
        })
    };
    enter(shell, &folder, &operator, choose).await?;
    let name = statement.names.get("en").map_or("", String::as_str);
    println!("{name} is admitted.");
    println!("  id: {}", org.to_text());
    for kind in &admission.kinds {
        let quality = match kind.quality {
            Quality::Authority => "as authority",
            Quality::Claim => "as claim",
        };
        println!("  may issue {} {quality}", kind.vct);
    }
    if admission.kinds.is_empty() {
        println!("  may issue nothing: it only verifies");
    }
    Ok(())
}

fn read_statement(file: &Path, operator: &Operator) -> anyhow::Result<(Vec<u8>, Statement)> {
    let shown = file.display();
    let bytes = fs::read(file).with_context(|| format!("the statement {shown} cannot be read"))?;
    let object = Unverified::parse(&bytes)
        .ok()
        .filter(|o| o.typ() == STATEMENT_TYP);
    let statement: Option<Statement> =
        object.and_then(|o| serde_json::from_slice(o.danger_payload()).ok());
    let statement = statement.filter(|s| s.role == Role::Organisation);
    let statement = statement.with_context(|| {
        format!("{shown} is no organisation's statement: `denizen gateway statement DIR > FILE` writes it")
    })?;
    if statement.hub != Some(operator.id) {
        bail!("{shown} names another hub: the gateway was made for that one, with its --hub-id");
    }
    Ok((bytes, statement))
}

fn admitted_kind(text: &str, catalogue: &Catalogue) -> anyhow::Result<AdmittedKind> {
    let (vct, quality) = match text.split_once('=') {
        None => (text, Quality::Authority),
        Some((vct, "claim")) => (vct, Quality::Claim),
        Some((vct, "authority")) => (vct, Quality::Authority),
        Some(_) => bail!("--kind {text}: write VCT, or VCT=claim"),
    };
    if catalogue.kind(vct).is_none() {
        let known: Vec<&str> = catalogue.kinds().map(|k| k.vct.as_str()).collect();
        bail!(
            "--kind {text}: neither the catalogue nor the directory has such a kind; they have\n  {}",
            known.join("\n  ")
        );
    }
    let vct = vct.to_owned();
    Ok(AdmittedKind { vct, quality })
}

/// Puts entries into the directory: into the database of a hub that is stopped, else through the hub
/// that serves it. `choose` sees the directory as it is.
pub(super) async fn enter(
    shell: &Shell,
    folder: &Folder,
    operator: &Operator,
    choose: impl FnOnce(&Directory) -> anyhow::Result<Vec<Vec<u8>>>,
) -> anyhow::Result<()> {
    if let Some(_lock) = folder.lock()? {
        folder.require_database()?;
        return append(shell, folder, operator, choose).await;
    }
    let url = operator
        .statement
        .url
        .as_deref()
        .context("the hub's statement names no URL")?;
    let client = HubClient::new(HttpTransport::pooled()?, operator.id, url);
    let not_reached = || {
        format!(
            "the hub serves this folder, but does not answer at {url}: see that it does, or stop it"
        )
    };
    let there = client.directory().await.with_context(not_reached)?;
    let (witnesses, now) = (WitnessPolicy::default(), shell.now());
    let there = verify(there, &operator.id, None, witnesses, VERIFIER, now)?;
    let entries = choose(&there.directory)?;
    if entries.is_empty() {
        return Ok(());
    }
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    match client.post_entries(&entries).await {
        Ok(_) => Ok(()),
        Err(error @ ClientError::Transport(_)) => Err(error).with_context(not_reached),
        Err(error) => Err(error.into()),
    }
}

/// The operator's identity key, from where it lies now.
pub(super) fn identity_key(
    folder: &Folder,
    file: Option<&Path>,
) -> anyhow::Result<SecretKeyFor<Identity>> {
    let file = file.map_or_else(|| folder.identity(), Path::to_owned);
    read_key(&file)
        .context("this needs the operator's identity key: bring it back, or give --identity FILE")
}
