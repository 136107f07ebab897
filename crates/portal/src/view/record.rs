//! Records.

use super::{
    FileRow, day,
    people::file_rows_of,
    story::{DisputeRow, dispute_row},
};
use denizen_holder::{ClaimLine, Holder, RecordView, Renewals, shown_status};
use denizen_model::{
    Sha256Hash, UnixTime,
    message::{Sensitivity, StatusChange},
    statement::Quality,
};
use serde::Serialize;
use tsify::Tsify;

/// A record in a list.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct RecordRow {
    /// Names it.
    pub kept: String,
    /// Its kind's short name, `work-permit`.
    pub kind: String,
    /// The kind in her language.
    pub title: String,
    /// `stay`, `border`, ...
    pub category: String,
    /// Its first claims.
    pub summary: String,
    /// The issuer's name.
    pub issuer: String,
    /// A private body's word, not an authority's.
    pub claim: bool,
    /// The day of issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued: Option<String>,
    /// The last day on which it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// That day is over.
    pub expired: bool,
    /// `valid`, `invalid`, `suspended`, `contested`, or `unknown` by a clock that is wrong.
    pub status: String,
    /// The status in her language.
    pub status_text: String,
    /// How old that knowledge is, where it is not fresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness: Option<String>,
    /// Of a special category.
    pub special: bool,
    /// It came with a notice: something was decided against her.
    pub adverse: bool,
    /// Of that notice: ground, effect and until when to appeal, in her language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<Vec<String>>,
    /// A contact that somebody else uses too: how that is known, in her language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// Another record replaces it.
    pub superseded: bool,
    /// She returned it as not about her.
    pub returned: bool,
    /// One-time copies that may still be shown; none if its kind has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copies_left: Option<usize>,
    /// The day on which it came.
    pub received: String,
    /// The legal basis of issuing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
    /// Number of its delivery in the hub's public log, as its receipt says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
}

/// A record's claim.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Names from the top.
    pub path: Vec<String>,
    /// Its label.
    pub label: String,
    /// Its value; none if it has members.
    pub value: Option<String>,
    /// As the issuer wrote it, if that differs.
    pub original: Option<String>,
    /// What lies below.
    pub members: Vec<Line>,
}

/// A signed change of a record's status.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `suspended`, `revoked`, `corrected`, `reinstated`.
    pub change: String,
    /// Why.
    pub reason: String,
}

/// The receipt of a delivery.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptPage {
    /// When the hub took it, RFC 3339.
    pub time: String,
    /// Its number in the public log.
    pub index: u64,
    /// Independent witnesses have signed as well.
    pub witnessed: bool,
    /// Name of the log.
    pub origin: String,
    /// Size of the log that it was checked against.
    pub log_size: u64,
}

/// To whom a record was shown.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ShownTo {
    /// The organisation.
    pub org: String,
    /// The service.
    pub service: String,
    /// The day.
    pub day: String,
}

/// Her side of a record, beside what is recorded (D13).
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct AsISayPage {
    /// Claims that she says are wrong: label and what is recorded.
    pub claims: Vec<[String; 2]>,
    /// What is right, in her words.
    pub text: String,
    /// How many papers she added.
    pub papers: usize,
    /// When she said so.
    pub sent: String,
}

/// Her right of reply to a claim of a private body.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct ReplyPage {
    /// What she says to it, if she does.
    pub text: Option<String>,
    /// The authority that says the same.
    pub confirmed_by: Option<String>,
}

/// The document under which a record was issued was replaced since.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct RenewalPage {
    /// The earlier number.
    pub old: String,
    /// The number that counts now.
    pub new: String,
    /// The document that counts now.
    pub record: Option<RecordRow>,
}

/// One record in full.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct RecordPage {
    /// What a list shows of it.
    pub row: RecordRow,
    /// The notice, line by line: who, ground, law, effect, appeal.
    pub notice: Vec<String>,
    /// Until when it can be appealed.
    pub appeal_until: Option<String>,
    /// Its claims.
    pub claims: Vec<Line>,
    /// The receipt, checked just now; none if it does not verify.
    pub receipt: Option<ReceiptPage>,
    /// Signed changes, oldest first.
    pub changes: Vec<Change>,
    /// Records that it replaces.
    pub replaces: Vec<RecordRow>,
    /// The record that replaces it.
    pub replaced_by: Option<RecordRow>,
    /// It was issued under a document that was replaced since.
    pub renewed: Option<RenewalPage>,
    /// Records that were issued under a document which this one replaced.
    pub under_earlier: Vec<RecordRow>,
    /// Files that came with it, and those of its disputes.
    pub files: Vec<FileRow>,
    /// Her right of reply, if it is a claim of a private body.
    pub reply: Option<ReplyPage>,
    /// Disputes about it.
    pub disputes: Vec<DisputeRow>,
    /// Her side, if she has said that it is wrong.
    pub as_i_say: Option<AsISayPage>,
    /// To whom it was shown.
    pub shown: Vec<ShownTo>,
    /// The link that it came by.
    pub link: u32,
}

/// A record's row.
pub(crate) fn record_row(holder: &Holder, view: &RecordView, now: UnixTime) -> RecordRow {
    let words = holder.words();
    let kind = holder.catalogue().kind(&view.vct);
    let notice = view.held.notice.as_ref();
    let (status_text, freshness) = words.status(view);
    RecordRow {
        kept: view.kept.to_text(),
        kind: kind.map_or_else(|| view.vct.clone(), |k| k.name.clone()),
        title: words.kind(&view.vct),
        category: category(holder, view).to_owned(),
        summary: words.summary(view),
        issuer: holder.name_of(&view.issuer),
        claim: view.quality == Some(Quality::Claim),
        issued: view.issued.map(day),
        expires: view.expires.map(|d| d.to_string()),
        expired: view.expires.is_some_and(|d| d < now.date()),
        status: shown_status(view).to_owned(),
        status_text,
        freshness,
        special: view.held.sensitivity == Sensitivity::Special,
        adverse: notice.is_some(),
        notice: notice.map(|n| words.notice_in_short(&view.vct, n)),
        shared: holder.shared_contact_text(view),
        superseded: view.superseded,
        returned: view.returned,
        copies_left: view.showing.then_some(view.copies_left),
        received: day(view.held.received),
        legal_basis: view.held.legal_basis.clone(),
        log_index: holder.log_index(&view.held),
    }
}

/// The heading under which its kind stands.
pub(crate) fn category(holder: &Holder, view: &RecordView) -> &'static str {
    let kind = holder.catalogue().kind(&view.vct);
    kind.map_or("other", |k| k.traits.category.name())
}

/// A record's page.
pub(crate) fn record_page(holder: &Holder, view: &RecordView, now: UnixTime) -> RecordPage {
    let words = holder.words();
    let notice = view.held.notice.as_ref();
    let all = holder.records(now);
    let row_of = |wanted: &dyn Fn(&RecordView) -> bool| {
        let found = all.iter().filter(|v| wanted(v));
        found
            .map(|v| record_row(holder, v, now))
            .collect::<Vec<_>>()
    };
    let receipt = holder.receipt(&view.held).map(|r| ReceiptPage {
        time: r.opening.time.to_rfc3339(),
        index: r.index,
        witnessed: r.level == denizen_tlog::Level::Witnessed,
        origin: r.checkpoint.origin,
        log_size: r.checkpoint.size,
    });
    let changes = view.held.changes.iter().map(|c| Change {
        change: change_name(c.change).to_owned(),
        reason: c.reason.clone(),
    });
    let disputes = holder.profile().disputes.iter();
    let renewals = holder.renewals(now);
    let earlier = |v: &RecordView| {
        let renewal = renewals.of(v).filter(|r| r.record == view.kept);
        renewal.is_some() && v.kept != view.kept && !view.held.supersedes.contains(&v.kept)
    };
    RecordPage {
        row: record_row(holder, view, now),
        notice: notice.map_or_else(Vec::new, |n| words.notice(&view.vct, n)),
        appeal_until: notice.map(|n| n.appeal_until.to_string()),
        claims: lines(words.claims(&view.vct, &view.claims)),
        receipt,
        changes: changes.collect(),
        replaces: row_of(&|v| view.held.supersedes.contains(&v.kept)),
        replaced_by: row_of(&|v| v.held.supersedes.contains(&view.kept)).pop(),
        renewed: renewed(holder, view, &renewals, now),
        under_earlier: row_of(&earlier),
        files: file_rows_of(holder, &holder.files_of_record(&view.kept)),
        reply: reply(holder, view, now),
        disputes: disputes
            .filter(|d| d.open.kept == view.kept)
            .map(|d| dispute_row(holder, d))
            .collect(),
        as_i_say: as_i_say(holder, view),
        shown: shown(holder, view),
        link: view.held.link,
    }
}

fn renewed(
    holder: &Holder,
    view: &RecordView,
    renewals: &Renewals,
    now: UnixTime,
) -> Option<RenewalPage> {
    let renewal = renewals.of(view)?;
    let document = |kept: &Sha256Hash| Some(record_row(holder, &holder.record(kept, now)?, now));
    Some(RenewalPage {
        old: renewal.old.clone(),
        new: renewal.new.clone(),
        record: document(&renewal.record),
    })
}

fn reply(holder: &Holder, view: &RecordView, now: UnixTime) -> Option<ReplyPage> {
    if view.quality != Some(Quality::Claim) {
        return None;
    }
    let confirmed = holder.confirmed_by(view, now);
    Some(ReplyPage {
        text: holder.reply_of(&view.kept).map(|r| r.text.clone()),
        confirmed_by: confirmed.map(|org| holder.name_of(&org)),
    })
}

fn as_i_say(holder: &Holder, view: &RecordView) -> Option<AsISayPage> {
    let said = holder.as_i_say(&view.kept)?;
    let words = holder.words();
    let claims = said.claims.iter().map(|claim| {
        let recorded = claim.recorded.as_ref();
        let recorded = recorded.and_then(|v| words.claim(&view.vct, &claim.path, v).value);
        [
            words.label(&view.vct, &claim.path),
            recorded.unwrap_or_default(),
        ]
    });
    Some(AsISayPage {
        claims: claims.collect(),
        text: said.text.clone(),
        papers: said.papers,
        sent: day(said.sent),
    })
}

fn shown(holder: &Holder, view: &RecordView) -> Vec<ShownTo> {
    let applications = holder.profile().applications.iter();
    let with = applications.filter(|a| a.shown.iter().any(|s| s.kept == view.kept));
    with.map(|a| ShownTo {
        org: super::link::org_name(holder, a.link),
        service: super::service::title(holder, &a.submit.purpose),
        day: day(a.sent),
    })
    .collect()
}

fn change_name(change: StatusChange) -> &'static str {
    match change {
        StatusChange::Suspended => "suspended",
        StatusChange::Revoked => "revoked",
        StatusChange::Corrected => "corrected",
        StatusChange::Reinstated => "reinstated",
    }
}

pub(super) fn lines(lines: Vec<ClaimLine>) -> Vec<Line> {
    let line = |l: ClaimLine| Line {
        path: l.path,
        label: l.label,
        value: l.value,
        original: l.original,
        members: self::lines(l.members),
    };
    lines.into_iter().map(line).collect()
}
