//! What pages are given: plain values in her language, dates as RFC 3339 dates.

mod helping;
mod history;
mod leave;
mod link;
mod people;
mod record;
mod service;
mod story;
mod timeline;
mod ways;

pub use helping::{ActingPage, AskRow, CardPage, DraftGiven, ExcerptPage, GivenPage, MandatePage};
pub(crate) use helping::{acting_page, given_page};
pub(crate) use history::history;
pub use history::{History, HistoryPaper, HistoryRow};
pub(crate) use leave::leave_page;
pub use leave::{LeavePage, LeftRow};
pub use link::{InvitationPage, LinkRow, Sends};
pub(crate) use link::{invitation_page, link_rows};
pub use people::{
    DraftName, DraftPage, FileRow, FileRows, HelperCardPage, HelperRow, HelperTermsGiven, People,
    TaskRow, UseRow, WardRow,
};
pub(crate) use people::{file_rows, people, task_rows};
pub use record::{
    AsISayPage, Change, Line, ReceiptPage, RecordPage, RecordRow, RenewalPage, ReplyPage, ShownTo,
};
pub(crate) use record::{category, record_page, record_row};
pub use service::{
    ConfirmedApplication, LeavingPage, MissingPage, OfferPage, Question, ServicePage, UnfitPage,
};
pub(crate) use service::{leaving_page, service_pages};
pub use story::{
    AlarmRow, ApplicationPage, ApplicationRow, AwayRow, DisputeRow, DisputeStep, EventRow, NewsRow,
    PaperRow,
};
pub(crate) use story::{
    alarm_rows, application_page, application_rows, away_rows, dispute_rows, news_rows,
};
pub use timeline::{EndRow, Timeline};
pub(crate) use timeline::{YEAR_DAYS, timeline};
pub(crate) use ways::ways_page;
pub use ways::{DeviceRow, MovingPage, WayRow, WaysPage};

use denizen_holder::{Holder, HolderError};
use denizen_model::UnixTime;
use serde::Serialize;
use tsify::Tsify;
use wasm_bindgen::JsValue;

/// Something that did not go, in her words.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable code.
    pub code: String,
    /// What happened.
    pub what: String,
    /// What to do next.
    pub next: String,
    /// Where, if there is a place: pointer and rule.
    pub details: Vec<[String; 2]>,
}

impl Problem {
    /// The words of a stable code.
    pub(crate) fn of(holder: &Holder, code: &str) -> Self {
        let (what, next) = holder.words().problem(code);
        Self {
            code: code.to_owned(),
            what,
            next,
            details: Vec::new(),
        }
    }

    /// The words of an error.
    pub(crate) fn of_error(holder: &Holder, error: &HolderError) -> Self {
        let mut problem = Self::of(holder, error.code());
        if let HolderError::Answers(errors) = error {
            let details = errors.iter().map(|e| [e.pointer.clone(), e.rule.clone()]);
            problem.details = details.collect();
        }
        problem
    }

    /// A problem before there is any profile: its code only.
    pub(crate) fn bare(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            what: String::new(),
            next: String::new(),
            details: Vec::new(),
        }
    }
}

impl From<Problem> for JsValue {
    fn from(problem: Problem) -> Self {
        problem.into_ts().map_or(JsValue::NULL, Into::into)
    }
}

/// A day, as `2026-11-24`.
pub(crate) fn day(at: UnixTime) -> String {
    at.date().to_string()
}
