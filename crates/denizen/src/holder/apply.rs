//! Apply: what is present, missing, expiring, contested; exactly what leaves; then yes or no.

use super::{Open, show};
use crate::visible::in_line;
use anyhow::{Context, bail};
use denizen_holder::{Confirmed, Leaving, Preview};
use denizen_model::{Sha256Hash, message::Sensitivity};
use denizen_seal::FileToAttach;
use std::path::PathBuf;

/// What was asked for on the command line.
pub(super) struct Asked {
    pub(super) service: String,
    pub(super) answers: Option<PathBuf>,
    pub(super) include: Vec<String>,
    pub(super) yes: bool,
    pub(super) confirm_special: bool,
    pub(super) linkable: bool,
    /// The application of which this is another version.
    pub(super) amend: Option<String>,
    /// Files that go with it.
    pub(super) files: Vec<FileToAttach>,
}

/// Shows an application and files it after a yes.
pub(super) async fn apply(at: &mut Open<'_>, asked: &Asked) -> anyhow::Result<()> {
    at.sync_once(0).await?;
    let service = find_service(at, &asked.service)?;
    let answers = match &asked.answers {
        Some(file) => {
            let text = std::fs::read(file).context("the file of answers cannot be read")?;
            serde_json::from_slice(&text).context("the file of answers is not JSON")?
        }
        None => serde_json::json!({}),
    };
    let preview = at.holder.preview_application(&service, answers, at.now());
    let mut preview = preview.map_err(|e| at.say.error(&e))?;
    for query in &asked.include {
        preview.include(query);
    }
    show_and_file(at, &preview, asked).await.map(drop)
}

/// Shows what would leave, and files it after a yes. Whether it was filed.
pub(super) async fn show_and_file(
    at: &mut Open<'_>,
    preview: &Preview,
    asked: &Asked,
) -> anyhow::Result<bool> {
    show_selection(at, preview);
    if !preview.selection.satisfied {
        return Err(at.say.refusal("missing-evidence"));
    }
    show_leaving(at, preview);
    for file in &asked.files {
        let size = crate::attach::size_text(file.content.len() as u64);
        let slots = [("name", file.name.as_str()), ("size", &size)];
        at.say.indented("cli-apply-file", &slots);
    }
    let attached = at.holder.attach(asked.files.clone());
    attached.map_err(|e| at.say.error(&e))?;
    let Some(confirmed) = confirm(at, preview, asked)? else {
        return Ok(false);
    };
    let (now, mut rng) = (at.now(), at.shell.rng());
    let sent = match &asked.amend {
        Some(earlier) => {
            let earlier = super::journeys::find_application(at, earlier)?;
            at.holder
                .amend(&earlier, preview, &confirmed, now, &mut rng)
        }
        None => at.holder.apply(preview, &confirmed, now, &mut rng),
    };
    sent.map_err(|e| at.say.error(&e))?;
    at.sync_once(0).await?;
    show::sent(at, "cli-apply-sent");
    Ok(true)
}

fn find_service(at: &Open<'_>, asked: &str) -> anyhow::Result<Sha256Hash> {
    let all = at.holder.services();
    let named = |name: &str, hash: &Sha256Hash| {
        name == asked || show::short_service(name) == asked || hash.to_text() == asked
    };
    let linked = |org| at.holder.profile().links.iter().any(|l| l.org == org);
    let mut found = all
        .iter()
        .filter(|(hash, s)| named(&s.service.service, hash) && linked(s.org));
    match (found.next(), found.next()) {
        (Some((hash, _)), None) => Ok(*hash),
        (Some(_), Some(_)) => bail!(at.say.text("cli-service-several", &[])),
        (None, _) => Err(at.say.refusal("unknown-service-version")),
    }
}

fn show_selection(at: &Open<'_>, preview: &Preview) {
    let say = &at.say;
    let service = preview.service();
    let org = at.holder.name_of(&preview.org);
    let purpose = say.known(&service.purpose_key).unwrap_or_default();
    say.line("cli-apply-recipient", &[("org", &org)]);
    let law = at.holder.words().law(service);
    let slots = [("purpose", purpose.as_str()), ("law", &law)];
    say.line("cli-apply-purpose", &slots);
    say.line(
        "cli-apply-retention",
        &[("days", &service.retention_days.to_string())],
    );
    for offer in &preview.selection.present {
        say.plain(&format!("  {}", say.kind(&offer.vct)));
        say.indented("cli-apply-present", &[]);
    }
    for offer in &preview.selection.expiring {
        let date = offer.expires.map_or_else(String::new, |d| d.to_string());
        say.plain(&format!("  {}", say.kind(&offer.vct)));
        say.indented("cli-apply-expiring", &[("date", &date)]);
    }
    for unfit in &preview.selection.unfit {
        say.plain(&format!("  {}", say.kind(&unfit.vct)));
        say.plain(&format!("    {}", in_line(&at.holder.unfit_text(unfit))));
    }
    for offer in &preview.selection.contested {
        say.plain(&format!("  {}", say.kind(&offer.vct)));
        say.indented("cli-apply-contested", &[]);
    }
    for missing in &preview.selection.missing {
        let kinds: Vec<_> = missing.vct_values.iter().map(|v| say.kind(v)).collect();
        let issuers: Vec<_> = missing
            .issuers
            .iter()
            .map(|o| at.holder.name_of(o))
            .collect();
        if issuers.is_empty() && !missing.required {
            continue;
        }
        let issuers = if issuers.is_empty() {
            "-".to_owned()
        } else {
            issuers.join(", ")
        };
        let kind = kinds.join(", ");
        let key = match (missing.required, missing.one_of) {
            (false, _) => "cli-apply-missing-optional",
            (true, None) => "cli-apply-missing",
            (true, Some(_)) => "cli-apply-missing-one-of",
        };
        say.plain(&format!(
            "  {}",
            say.text(key, &[("kind", &kind), ("issuers", &issuers)])
        ));
    }
}

fn show_leaving(at: &Open<'_>, preview: &Preview) {
    at.say.line("cli-apply-leaves", &[]);
    for Leaving { offer, reply, .. } in &preview.leaving {
        at.say.plain(&format!("  {}", at.say.kind(&offer.vct)));
        for (path, value) in &offer.values {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            let line = at.holder.words().claim(&offer.vct, &path, value);
            show::claim(&at.say, &line, 2);
        }
        if let Some(reply) = reply {
            at.say.indented("cli-reply-yours", &[("text", reply)]);
        }
    }
}

/// Yes or no, and a second time for each paper of a special category (R28).
fn confirm(at: &Open<'_>, preview: &Preview, asked: &Asked) -> anyhow::Result<Option<Confirmed>> {
    let org = at.holder.name_of(&preview.org);
    let law = &at.holder.words().law(preview.service());
    let mut special = Vec::new();
    for Leaving { offer, .. } in &preview.leaving {
        if offer.sensitivity != Sensitivity::Special {
            continue;
        }
        let kind = at.say.kind(&offer.vct);
        let slots = [("claim", kind.as_str()), ("org", &org), ("law", law)];
        if asked.confirm_special {
            at.say.line("cli-apply-special", &slots);
        } else if !at.say.ask("cli-apply-special", &slots)? {
            return Ok(None);
        }
        special.push(offer.query.clone());
    }
    if !asked.yes && !at.say.ask("cli-apply-confirm", &[])? {
        return Ok(None);
    }
    Ok(Some(Confirmed {
        special,
        linkable: asked.linkable,
    }))
}
