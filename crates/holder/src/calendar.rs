//! Calendar: dates to keep as an iCalendar file that any calendar reads.
//!
//! Source: RFC 5545.

use crate::{Holder, Task};
use denizen_model::{Sha256Hash, UnixTime};
use icalendar::{Alarm, Calendar, Component as _, Event, EventLike as _, Property};
use jiff::civil::Date;

/// Who made the file.
const PRODUCT: &str = "-//denizen//dates to keep//EN";
/// Reminders, in days before the day.
const REMINDERS: [i64; 2] = [7, 1];

impl Holder {
    /// The dates as a calendar: one event a day and task, with a reminder a week and a day before.
    /// The same task has the same name in every file, so that a calendar that takes in a newer file
    /// moves it instead of doubling it.
    ///
    /// The file is in clear, and calendars travel: a paper of a special category is not named in it.
    #[must_use]
    pub fn calendar(&self, tasks: &[Task], now: UnixTime) -> String {
        let mut calendar = Calendar::new();
        calendar.append_property(Property::new("PRODID", PRODUCT));
        let stamp = stamp(now);
        for task in tasks {
            calendar.push(self.event(task, &stamp));
        }
        fold(&calendar.to_string())
    }

    fn event(&self, task: &Task, stamp: &str) -> Event {
        let mut event = Event::with_uid(&name(task));
        let title = if task.special {
            self.words().text("due-private", &[])
        } else {
            self.task_text(task)
        };
        event
            .summary(&title)
            .append_property(day("DTSTART", task.on))
            // An event of whole days ends on the day after its last one.
            .append_property(day("DTEND", task.on.tomorrow().unwrap_or(task.on)))
            .add_property("DTSTAMP", stamp)
            .add_property("TRANSP", "TRANSPARENT")
            .add_property("CLASS", "PRIVATE");
        if task.kind.is_hers() {
            for days in REMINDERS {
                event.alarm(reminder(&title, days, stamp));
            }
        }
        event.done()
    }
}

/// Bytes of a line without its end, at most.
const LINE_SIZE_BYTES_MAX: usize = 75;

/// Folds lines anew: the library does not count the space that begins what goes on.
///
/// Source: RFC 5545, section 3.1.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for line in text.replace("\r\n ", "").split_terminator("\r\n") {
        let mut size = 0;
        for character in line.chars() {
            if size + character.len_utf8() > LINE_SIZE_BYTES_MAX {
                folded.push_str("\r\n ");
                size = 1;
            }
            size += character.len_utf8();
            folded.push(character);
        }
        folded.push_str("\r\n");
    }
    folded
}

/// A reminder by a text on the screen.
fn reminder(title: &str, days: i64, stamp: &str) -> Alarm {
    let mut alarm = Alarm::display(title, -chrono::Duration::days(days));
    // Without these the library asks for the time and for a random name.
    alarm
        .add_property("DTSTAMP", stamp)
        .add_property("UID", format!("{days}@denizen"));
    alarm.done()
}

fn day(property: &str, day: Date) -> Property {
    Property::new(property, day.strftime("%Y%m%d").to_string())
        .add_parameter("VALUE", "DATE")
        .done()
}

fn stamp(now: UnixTime) -> String {
    now.to_rfc3339().replace(['-', ':'], "")
}

/// The same for the same task, and telling nothing of it.
fn name(task: &Task) -> String {
    let record = task.record.map(|r| r.to_text());
    let thread = task.thread.map(|t| t.to_text());
    let of = [record, thread].map(Option::unwrap_or_default);
    // The day of a time that was not paid names it: there may be several.
    let from = task.until.map(|_| task.on.to_string());
    let parts = ["denizen/v1/task", task.kind.name(), &of.join(" ")];
    let text = format!("{} {}", parts.join(" "), from.unwrap_or_default());
    format!("{}@denizen", Sha256Hash::of(text.as_bytes()).to_text())
}
