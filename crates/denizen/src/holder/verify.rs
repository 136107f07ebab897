//! `denizen verify`: an export is checked without any server.

use super::{folder, parse_hub, say::Say};
use crate::shell::Shell;
use anyhow::bail;
use denizen_holder::{verify_export, verify_export_of};
use denizen_model::HubId;
use std::collections::BTreeMap;

/// Checks an export, and says what was found.
pub(super) fn run(
    shell: &Shell,
    folder: &std::path::Path,
    hubs: &[String],
    language: &str,
) -> anyhow::Result<()> {
    let hubs: Vec<HubId> = hubs
        .iter()
        .map(|h| parse_hub(h))
        .collect::<Result<_, _>>()?;
    let say = Say::new(shell, language)?;
    let files: BTreeMap<String, Vec<u8>> = folder::read_export(folder)?;
    let checked = if hubs.is_empty() {
        verify_export(&files, shell.now())
    } else {
        verify_export_of(&files, &hubs, shell.now())
    };
    match checked {
        Ok(report) => {
            for record in &report.records {
                let kind = say.kind(&record.vct);
                let date = say.date(record.receipt.opening.time);
                say.plain(&format!("  {kind}"));
                let slots = [("org", record.issuer_name.as_str()), ("date", &date)];
                say.indented("cli-record-issued-by", &slots);
                say.plain(&format!("    {}", record.issuer));
            }
            if !report.earlier.is_empty() {
                say.line("cli-earlier-title", &[]);
            }
            for record in &report.earlier {
                let date = say.date(record.receipt.opening.time);
                say.plain(&format!("  {}", say.kind(&record.vct)));
                let slots = [("org", record.issuer_name.as_str()), ("date", &date)];
                say.indented("cli-record-issued-by", &slots);
            }
            for hub in &report.hubs {
                say.line("cli-verify-hub", &[("hub", &hub.to_string())]);
            }
            if hubs.is_empty() {
                say.line("cli-verify-unpinned", &[]);
            }
            let receipts = report.records.len() + report.sent;
            let (records, receipts) = (report.records.len().to_string(), receipts.to_string());
            let slots = [("records", records.as_str()), ("receipts", &receipts)];
            say.line("cli-verify-good", &slots);
            Ok(())
        }
        Err(error) => {
            say.line("cli-verify-bad", &[("file", error.file())]);
            bail!("{error}")
        }
    }
}
