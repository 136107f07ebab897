//! What ends within a year, on one line.

use super::day;
use denizen_holder::{Holder, Task, TaskKind};
use denizen_model::UnixTime;
use denizen_rules::{Nearness, days_between};
use serde::Serialize;
use tsify::Tsify;

/// Length of the line.
pub(crate) const YEAR_DAYS: u32 = 365;
/// Nearer than so many days is shown as near.
const NEAR_DAYS: u32 = 30;

/// Papers that end within a year, the nearest first.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// The last day of the line.
    pub until: String,
    /// Where months begin, in percent of the line.
    pub months: Vec<f64>,
    /// One paper a row.
    pub ends: Vec<EndRow>,
}

/// A paper on the line.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct EndRow {
    /// The record.
    pub kept: String,
    /// Its kind, in her language.
    pub title: String,
    /// The last day on which it counts.
    pub on: String,
    /// How near that is, in her language.
    pub near: String,
    /// That day, in percent of the line.
    pub at: f64,
    /// It is near.
    pub soon: bool,
}

/// The line of what ends of these records.
pub(crate) fn timeline(holder: &Holder, due: &[Task], now: UnixTime) -> Timeline {
    let today = now.date();
    let months = std::iter::successors(Some(today), |day| day.last_of_month().tomorrow().ok());
    let months = months.skip(1).map(|first| days_between(today, first));
    let year = i64::from(YEAR_DAYS);
    Timeline {
        until: day(UnixTime(now.0 + year * UnixTime::DAY_S)),
        months: months.take_while(|d| *d < year).map(percent).collect(),
        ends: due.iter().filter_map(|task| end(holder, task)).collect(),
    }
}

/// A paper that has not ended.
fn end(holder: &Holder, task: &Task) -> Option<EndRow> {
    let days = match (task.kind, task.near) {
        (TaskKind::PaperEnds, Nearness::Today) => 0,
        (TaskKind::PaperEnds, Nearness::Soon(days)) => days,
        _ => return None,
    };
    Some(EndRow {
        kept: task.record?.to_text(),
        title: holder.words().kind(&task.about),
        on: task.on.to_string(),
        near: holder.nearness_text(task.near),
        at: percent(days.into()),
        soon: days <= NEAR_DAYS,
    })
}

/// Two places are finer than any screen.
#[expect(clippy::cast_precision_loss, reason = "at most a year")]
fn percent(days: i64) -> f64 {
    (days * 10_000 / i64::from(YEAR_DAYS)) as f64 / 100.0
}
