//! Wards and helpers, files, and dates to keep.

use super::{day, link::org_name, service::title};
use denizen_holder::{FileState, Helper, Holder, Task, TaskKind, UseKind};
use denizen_rules::Nearness;
use serde::{Deserialize, Serialize};
use tsify::Tsify;

/// Records that end within so many days are tasks.
const SOON_DAYS: u32 = 60;

/// A date to keep.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct TaskRow {
    /// The day.
    pub on: String,
    /// `paper-ends`, `appeal`, ...
    pub kind: String,
    /// What it means, in her language.
    pub text: String,
    /// How near it is, in her language.
    pub near: String,
    /// Days until then; below zero if it is over.
    pub days: i64,
    /// She has something to do; else an office has.
    pub hers: bool,
    /// The record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The application or dispute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// A child whose profile this one keeps.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct WardRow {
    /// Names the child's profile in this browser.
    pub id: String,
    /// What the guardian calls the child.
    pub name: String,
    /// What the authority that gives the mandate is told.
    pub thumbprint: String,
}

/// One use of a mandate.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct UseRow {
    /// In her language, with its day.
    pub text: String,
}

/// A helper.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct HelperRow {
    /// What she calls the helper.
    pub name: String,
    /// What is allowed, in her language.
    pub scope: Vec<String>,
    /// The last day.
    pub until: Option<String>,
    /// She ended it, or it is over.
    pub over: bool,
    /// Everything that was done with it, newest first.
    pub uses: Vec<UseRow>,
}

/// Wards and helpers.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct People {
    /// Children.
    pub wards: Vec<WardRow>,
    /// Helpers.
    pub helpers: Vec<HelperRow>,
    /// Those whom she helps, as she calls them.
    pub helping: Vec<String>,
}

/// A helper's card.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct HelperCardPage {
    /// The name on it.
    pub name: String,
    /// What the helper reads out from their own device.
    pub digits: String,
}

/// The terms of a mandate.
#[derive(Debug, Clone, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct HelperTermsGiven {
    /// The card's text.
    pub card: String,
    /// As the helper read them out.
    pub digits: String,
    /// What she calls the helper.
    pub name: String,
    /// `read`, `receive`, `prepare`.
    pub scope: Vec<String>,
    /// Names of services.
    pub services: Vec<String>,
    /// The last day.
    pub until: String,
}

/// A helper's draft.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct DraftPage {
    /// Who made it.
    pub helper: String,
    /// The service's exact version.
    pub service: String,
    /// Answers, as JSON text.
    pub answers: String,
    /// A word to her.
    pub text: String,
    /// Records to add where the service leaves the choice.
    pub records: Vec<String>,
    /// The draft's name, to say that it was filed.
    pub name: DraftName,
}

/// Which draft under which mandate.
#[derive(Debug, Clone, Serialize, Deserialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct DraftName {
    /// The mandate.
    pub mandate: String,
    /// The draft.
    pub id: String,
}

/// A file of a message.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct FileRow {
    /// Its number.
    pub number: usize,
    /// What its sender calls it: text of others, never a path.
    pub name: String,
    /// `image/jpeg`, ...
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// She sent it.
    pub hers: bool,
    /// The organisation.
    pub org: String,
    /// The day.
    pub day: String,
    /// The application, dispute or note that it belongs to.
    pub thread: String,
    /// `due`, `here`, `missing`, `not-kept`.
    pub state: String,
}

/// All files.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct FileRows {
    /// In the order in which they came.
    pub files: Vec<FileRow>,
}

/// The dates to keep, nearest first: of these records, and of what she waits for.
pub(crate) fn task_rows(holder: &Holder, due: &[Task]) -> Vec<TaskRow> {
    let soon = |task: &&Task| match task.near {
        Nearness::Soon(days) | Nearness::Later(days) => {
            task.kind != TaskKind::PaperEnds || days <= SOON_DAYS
        }
        _ => true,
    };
    let row = due.iter().filter(soon).map(|task| TaskRow {
        on: task.on.to_string(),
        kind: task.kind.name().to_owned(),
        text: holder.task_text(task),
        near: holder.nearness_text(task.near),
        days: match task.near {
            Nearness::Over(days) => -i64::from(days),
            Nearness::Today => 0,
            Nearness::Soon(days) | Nearness::Later(days) => days.into(),
        },
        hers: task.kind.is_hers(),
        record: task.record.map(|r| r.to_text()),
        thread: task.thread.map(|t| t.to_text()),
    });
    row.collect()
}

/// Wards and helpers.
pub(crate) fn people(holder: &Holder) -> People {
    let wards = holder.profile().wards.iter().map(|w| WardRow {
        id: w.id.to_text(),
        name: w.name.clone(),
        thumbprint: holder.ward_thumbprint(w),
    });
    let helpers = holder.profile().helpers.iter();
    let helping = holder.profile().helping.iter().map(|h| h.name.clone());
    People {
        wards: wards.collect(),
        helpers: helpers.map(|h| helper_row(holder, h)).collect(),
        helping: helping.collect(),
    }
}

fn helper_row(holder: &Holder, helper: &Helper) -> HelperRow {
    let words = holder.words();
    let terms = helper.terms().ok();
    let scope = helper.claims.get("scope").and_then(|s| s.as_array());
    let scope = scope.into_iter().flatten().filter_map(|s| {
        let text = format!("value-mandate-scope-{}", s.as_str()?);
        words.known(&text)
    });
    let today = crate::runtime::now().date();
    let uses = helper.uses.iter().rev().map(|used| {
        let key = match used.what {
            UseKind::Begun => "begun",
            UseKind::Given => "given",
            UseKind::Told => "told",
            UseKind::Draft => "draft",
            UseKind::Refused => "refused",
            UseKind::Filed => "filed",
            UseKind::Ended => "ended",
        };
        let about = used.about.iter().map(|a| {
            let kind = holder.catalogue().kind(a).map(|_| words.kind(a));
            kind.unwrap_or_else(|| title(holder, a))
        });
        let about = about.collect::<Vec<_>>().join(", ");
        let slots = [("date", day(used.at)), ("about", about)];
        let slots = slots.each_ref().map(|(k, v)| (*k, v.as_str()));
        UseRow {
            text: words.text(&format!("cli-helper-use-{key}"), &slots),
        }
    });
    HelperRow {
        name: helper.name.clone(),
        scope: scope.collect(),
        over: helper.ended.is_some() || terms.as_ref().is_none_or(|t| t.valid_until < today),
        until: terms.map(|t| t.valid_until.to_string()),
        uses: uses.collect(),
    }
}

/// All files of all messages.
pub(crate) fn file_rows(holder: &Holder) -> FileRows {
    let all: Vec<usize> = (0..holder.files().len()).collect();
    FileRows {
        files: file_rows_of(holder, &all),
    }
}

/// Files by their numbers.
pub(super) fn file_rows_of(holder: &Holder, numbers: &[usize]) -> Vec<FileRow> {
    let row = |number: &usize| {
        let file = holder.files().get(*number)?;
        Some(FileRow {
            number: *number,
            name: file.name().to_owned(),
            media_type: file.attachment.media_type.clone(),
            size: file.size(),
            hers: file.hers,
            org: org_name(holder, file.link),
            day: day(file.at),
            thread: file.thread.to_text(),
            state: match file.state {
                FileState::Due => "due",
                FileState::Here => "here",
                FileState::Missing => "missing",
                FileState::NotKept => "not-kept",
            }
            .to_owned(),
        })
    };
    numbers.iter().filter_map(row).collect()
}
