//! Papers in her history, each with the labels of its claims: what a notice names by a service's query, an
//! objection or a file, in her words.

use denizen_holder::{Application, Holder, NoticeEntry, Words};
use denizen_model::{Sha256Hash, catalogue::Service};
use serde::Serialize;
use serde_json::Value;
use tsify::Tsify;

/// What a paper of the office's own objection is named by in its notice.
const RECORD: &str = "record";
/// What a file is named by.
const FILE: &str = "file";
/// Why an objection was opened, as offices write it.
const DISPUTE: &str = "dispute";

/// A paper in a line of her history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPaper {
    /// Its kind, or the name of a file.
    pub title: String,
    /// The labels of its claims.
    pub claims: Vec<String>,
}

/// The claims of a notice under the papers that they are of.
pub(super) fn opened_papers(holder: &Holder, entry: &NoticeEntry) -> Vec<HistoryPaper> {
    let words = holder.words();
    let mut papers: Vec<(&str, HistoryPaper)> = Vec::new();
    for claim in &entry.notice.claims {
        let (query, path) = claim.split_once(": ").unwrap_or(("", claim));
        let vct = kind_of(holder, entry, query);
        if let (FILE, None) = (query, &vct) {
            let title = words.text("portal-history-file", &[("name", path)]);
            papers.push((
                query,
                HistoryPaper {
                    title,
                    claims: Vec::new(),
                },
            ));
            continue;
        }
        let vct = vct.unwrap_or_default();
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        let label = words.label(&vct, &path);
        match papers.last_mut() {
            Some((same, paper)) if *same == query => paper.claims.push(label),
            _ => papers.push((query, paper(&words, &vct, vec![label]))),
        }
    }
    papers.into_iter().map(|(_, paper)| paper).collect()
}

/// The kind of the paper that a notice names: by a service's query, or as the record of an objection.
fn kind_of(holder: &Holder, entry: &NoticeEntry, query: &str) -> Option<String> {
    let profile = holder.profile();
    let org = |link: u32| profile.link(link).map(|l| l.org);
    let there = |link: u32| link == entry.link || org(link) == org(entry.link);
    let notice = &entry.notice;
    if (query, notice.purpose.as_str()) == (RECORD, DISPUTE) {
        let mut disputes = profile.disputes.iter().rev();
        // A notice does not name the objection: it is of a record that has these claims.
        return disputes.find_map(|d| {
            let vct = kind_of_record(holder, &d.open.kept).filter(|_| there(d.link))?;
            let kind = holder.catalogue().kind(&vct)?;
            let has = |claim: &String| {
                let name = claim.split_once(": ").map(|(_, name)| name);
                let listed = |c: &[Value]| c.first().and_then(Value::as_str) == name;
                kind.claims.iter().any(|c| listed(&c.path))
            };
            notice.claims.iter().all(has).then_some(vct)
        });
    }
    let applications = profile.applications.iter().rev().filter(|a| there(a.link));
    let (same, others): (Vec<_>, Vec<_>) =
        applications.partition(|a| a.submit.purpose == notice.purpose);
    let asked = same.iter().chain(&others).find_map(|a| {
        let mut shown = a.shown.iter().rev();
        let record = shown.find(|s| s.query == query);
        let kept = record.and_then(|s| kind_of_record(holder, &s.kept));
        kept.or_else(|| Some(asked(holder, a, query)?.0))
    });
    asked.or_else(|| Some(asked_by(holder.catalogue().service(&notice.purpose)?, query)?.0))
}

/// The kind of a record that is here.
pub(super) fn kind_of_record(holder: &Holder, kept: &Sha256Hash) -> Option<String> {
    let mut records = holder.profile().records.iter();
    let record = records.find(|r| r.kept_hash == *kept)?;
    Some(record.vct.clone())
}

/// What a query of an application's service asks for.
fn asked(holder: &Holder, application: &Application, query: &str) -> Option<Asked> {
    let exact = holder.request(&application.submit.service).ok();
    let exact = exact.as_ref().map(|r| &r.service);
    let known = || holder.catalogue().service(&application.submit.purpose);
    asked_by(exact.or_else(known)?, query)
}

/// A kind, and the paths of its claims.
pub(super) type Asked = (String, Vec<Vec<String>>);

/// The kind that a query of a service asks for first, and the paths of its claims.
pub(super) fn asked_by(service: &Service, query: &str) -> Option<Asked> {
    let list = |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned();
    let text = |value: Value| value.as_str().map(str::to_owned);
    let mut credentials = list(&service.evidence, "credentials")?.into_iter();
    let credential = credentials.find(|c| c.get("id").and_then(Value::as_str) == Some(query))?;
    let mut vcts = list(credential.get("meta")?, "vct_values")?.into_iter();
    let claims = list(&credential, "claims").unwrap_or_default().into_iter();
    let paths =
        claims.filter_map(|c| Some(list(&c, "path")?.into_iter().filter_map(text).collect()));
    Some((text(vcts.next()?)?, paths.collect()))
}

/// A paper of a kind.
pub(super) fn paper(words: &Words<'_>, vct: &str, claims: Vec<String>) -> HistoryPaper {
    HistoryPaper {
        title: words.kind(vct),
        claims,
    }
}

/// A paper with the claims that the service asked for.
pub(super) fn asked_paper(
    holder: &Holder,
    application: &Application,
    query: &str,
    kept: &Sha256Hash,
) -> HistoryPaper {
    let words = holder.words();
    let (first, paths) = asked(holder, application, query).unwrap_or_default();
    let vct = kind_of_record(holder, kept).unwrap_or(first);
    let labels = paths.iter().map(|path| words.label(&vct, path));
    paper(&words, &vct, labels.collect())
}
