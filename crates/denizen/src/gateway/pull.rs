//! Rows out of an office's own endpoint.

use super::{intake::write_bad_rows, lock_intake, open_with_directory};
use crate::{shell::Shell, transport::HttpTransport};
use anyhow::{Context as _, anyhow};
use denizen_gateway::{Mapping, RestSource};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Arguments of `gateway pull`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The gateway's folder
    dir: PathBuf,
    /// The source's file: where the endpoint is, and which mapping its rows have
    source: PathBuf,
    /// Where to write the list of bad rows [default: bad-rows in the gateway's folder]
    #[arg(long, value_name = "FILE")]
    bad: Option<PathBuf>,
}

/// Takes in what an endpoint has.
pub(super) async fn run(shell: &Shell, arguments: &Arguments) -> anyhow::Result<()> {
    let shown = arguments.source.display();
    let text = std::fs::read_to_string(&arguments.source)
        .with_context(|| format!("{shown} cannot be read as UTF-8"))?;
    let source = RestSource::parse(&text).with_context(|| format!("{shown} is refused"))?;
    let folder = arguments.source.parent().unwrap_or(&arguments.dir);
    let mut gateway = open_with_directory(shell, &arguments.dir).await?;
    let file = folder.join(source.mapping());
    let mapping = std::fs::read_to_string(&file)
        .with_context(|| format!("{} cannot be read as UTF-8", file.display()))?;
    let mapping = Mapping::parse(&mapping, gateway.catalogue())
        .map_err(|error| anyhow!("{}: {error}", file.display()))?;
    let token = match source.token_file() {
        None => None,
        Some(name) => {
            let file = folder.join(name);
            let text = std::fs::read_to_string(&file).map(Zeroizing::new);
            let text = text.with_context(|| format!("{} cannot be read", file.display()))?;
            Some(Zeroizing::new(text.trim().to_owned()))
        }
    };
    let _lock = lock_intake(&arguments.dir)?;
    let transport = HttpTransport::to_sources()?;
    let from = (&source, &mapping, token.as_ref().map(|t| t.as_str()));
    let mut rng = shell.rng();
    let report = gateway
        .intake_from(from, &transport, shell.now(), &mut rng)
        .await;
    let report = report.with_context(|| {
        format!("{shown} was not taken in to its end (pages before are kept; the next run goes on there)")
    })?;
    if report.run == 0 {
        println!("{}: unchanged", source.name());
        return Ok(());
    }
    println!(
        "{}: {} rows, run {}",
        source.name(),
        report.rows(),
        report.run
    );
    println!("  {} on their way to their person", report.taken);
    println!(
        "  {} wait, encrypted, until their person is linked",
        report.waiting
    );
    println!("  {} had been taken before", report.repeated);
    println!("  {} bad", report.bad.len());
    let named = format!("{}.bad.csv", source.name());
    let default = arguments.dir.join("bad-rows").join(named);
    let bad = arguments.bad.clone().unwrap_or(default);
    if write_bad_rows(&bad, &report)? {
        println!(
            "Bad rows, by number, column and reason, are listed in {}.",
            bad.display()
        );
    }
    Ok(())
}
