//! Filed: an application as she sent it, and the record that proves that it was filed.

use crate::{Holder, RecordView, acting::sd_hash_of, profile::Application};
use denizen_model::{OrgId, Sha256Hash, UnixTime, message::Message};
use serde_json::{Map, Value};

/// The kind that an office mints when it files an application.
const APPLICATION_FILED: &str = "application-filed";

/// A paper as it was shown, in the newest version of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct FiledPaper {
    /// The credential query that it answered.
    pub query: String,
    /// The record.
    pub kept: Sha256Hash,
    /// Its kind.
    pub vct: String,
    /// Its issuer.
    pub issuer: OrgId,
    /// The claims that were shown, and no other.
    pub claims: Map<String, Value>,
    /// What she said to it: with it, and later. Oldest first.
    pub said: Vec<String>,
}

impl Holder {
    /// The papers of an application, read from the message that she signed. One whose record was
    /// destroyed since is left out.
    #[must_use]
    pub fn filed_papers(&self, application: &Application) -> Vec<FiledPaper> {
        let Ok((message, _)) = Message::danger_claimed(&application.message.0) else {
            return Vec::new();
        };
        let papers = application.submit.presentations.iter().filter_map(|paper| {
            let mut attachments = message.attachments.iter();
            let text = &attachments.find(|a| a.id == paper.attachment)?.data;
            let sd_hash = sd_hash_of(text)?;
            let shown = application.shown.iter().find(|s| s.sd_hash == sd_hash)?;
            let mut records = self.profile.records.iter();
            let record = records.find(|r| r.kept_hash == shown.kept)?;
            let bound = text.get(..=text.rfind('~')?)?;
            let credential = self.credential(record, bound).ok()?;
            let with = paper.reply.iter().map(|r| r.text.clone());
            let later = application.replies.iter().filter(|r| r.sd_hash == sd_hash);
            Some(FiledPaper {
                query: paper.query.clone(),
                kept: shown.kept,
                vct: record.vct.clone(),
                issuer: record.issuer,
                claims: credential.claims().clone(),
                said: with.chain(later.map(|r| r.reply.text.clone())).collect(),
            })
        });
        papers.collect()
    }

    /// The record that proves that an application was filed.
    #[must_use]
    pub fn filed_record(&self, application: &Application, now: UnixTime) -> Option<RecordView> {
        let id = application.id.to_text();
        let filed = self.profile.records.iter().rev().filter(|r| {
            let kind = self.catalogue.kind(&r.vct);
            kind.is_some_and(|k| k.name == APPLICATION_FILED)
        });
        let mut views = filed.filter_map(|r| self.view(r, now));
        views.find(|v| v.claims.get("application").and_then(Value::as_str) == Some(id.as_str()))
    }
}
