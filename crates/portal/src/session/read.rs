//! What pages show.

use super::{Session, Thrown};
use crate::{
    runtime::now,
    view::{self, ApplicationPage, History, RecordPage},
};
use serde::Serialize;
use std::collections::BTreeSet;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;

/// Rows of a list that is shown at once.
const ROWS: usize = 20;

/// The first page's lists. What is none is left out of the text.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// The newest records that nothing replaced and that were not given back, at most [`ROWS`]; all rows
    /// are in [`Session::rows`].
    pub records: Vec<view::RecordRow>,
    /// What is held against her and counts.
    pub adverse: Vec<view::RecordRow>,
    /// How many records there are, listed or not.
    pub count: usize,
    /// How many of them nothing replaced and were not given back.
    pub current: usize,
    /// The headings under which there are records.
    pub categories: BTreeSet<&'static str>,
    /// Only the newest records are listed and nothing is counted or dated: the rest is still to be asked for.
    pub partial: bool,
    /// All links.
    pub links: Vec<view::LinkRow>,
    /// All applications, newest first.
    pub applications: Vec<view::ApplicationRow>,
    /// All disputes, newest first.
    pub disputes: Vec<view::DisputeRow>,
    /// Alarms that need her, newest first.
    pub alarms: Vec<view::AlarmRow>,
    /// Other hubs from which the last fetch brought nothing.
    pub away: Vec<view::AwayRow>,
    /// Notes and decisions that she has not looked at yet.
    pub news: Vec<view::NewsRow>,
    /// How far the deletion of everything is; none if it was not begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaving: Option<view::LeavePage>,
    /// Dates to keep, nearest first.
    pub tasks: Vec<view::TaskRow>,
    /// Papers that end within a year.
    pub timeline: view::Timeline,
    /// On what it rests that a guardian uses this profile; none in her own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting: Option<view::ActingPage>,
    /// What is wrong with the device's clock, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<view::Problem>,
    /// Today, by the device's clock.
    pub today: String,
    /// How many things wait to be sent.
    pub waiting: usize,
}

/// All services.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Services {
    /// As the directories declare them.
    pub services: Vec<view::ServicePage>,
}

#[wasm_bindgen]
impl Session {
    /// What every screen shows, or at first (`partial`) what takes no look at each record, so that something
    /// is there: the JSON of an `Overview`, which crosses as one text.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn overview(&self, partial: bool) -> Result<String, Thrown> {
        let (holder, now) = (&self.holder, now());
        let count = holder.profile().records.len();
        let partial = partial && count > ROWS;
        let records = holder.newest_records(if partial { ROWS } else { usize::MAX }, now);
        // Dates are of all records: those of some would leave out the nearest.
        let all = if partial { &[][..] } else { &records };
        let due = holder.due_of(all, view::YEAR_DAYS, now);
        let row = |v| view::record_row(holder, v, now);
        let current = records.iter().filter(|v| v.is_current());
        let adverse = all.iter().filter(|v| v.is_against_her());
        let overview = Overview {
            records: current.clone().take(ROWS).map(row).collect(),
            adverse: adverse.map(row).collect(),
            count: if partial { count } else { records.len() },
            current: current.count(),
            categories: all.iter().map(|v| view::category(holder, v)).collect(),
            links: view::link_rows(holder),
            applications: view::application_rows(holder),
            disputes: view::dispute_rows(holder),
            alarms: view::alarm_rows(holder),
            away: view::away_rows(holder),
            news: view::news_rows(holder),
            leaving: self.leave_page(),
            tasks: if partial {
                Vec::new()
            } else {
                view::task_rows(holder, &due)
            },
            partial,
            timeline: view::timeline(holder, &due, now),
            acting: view::acting_page(holder, now),
            clock: holder
                .clock(now)
                .code()
                .map(|c| view::Problem::of(holder, c)),
            today: view::day(now),
            waiting: self.waiting(),
        };
        serde_json::to_string(&overview).map_err(|_| self.problem("other"))
    }

    /// All records, newest first, for whoever looks for one: the JSON of an array of `RecordRow`.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn rows(&self) -> Result<String, Thrown> {
        let (records, now) = (self.holder.records(now()), now());
        let rows = records
            .iter()
            .map(|v| view::record_row(&self.holder, v, now));
        serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(|_| self.problem("other"))
    }

    /// One record in full. Its receipt is checked again.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn record(&self, kept: &str) -> Result<Ts<RecordPage>, Thrown> {
        let kept = self.record_named(kept)?;
        let view = self.holder.record(&kept, now());
        let view = view.ok_or_else(|| self.problem("not-open"))?;
        self.given(view::record_page(&self.holder, &view, now()))
    }

    /// One application as it was sent.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn application(&self, id: &str) -> Result<Ts<ApplicationPage>, Thrown> {
        let id = self.message_named(id)?;
        let page = view::application_page(&self.holder, &id, now());
        self.given(page.ok_or_else(|| self.problem("not-open"))?)
    }

    /// The services that organisations offer.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn services(&self) -> Result<Ts<Services>, Thrown> {
        self.given(Services {
            services: view::service_pages(&self.holder),
        })
    }

    /// What happened with her data, newest first.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn history(&self) -> Result<Ts<History>, Thrown> {
        self.given(view::history(&self.holder))
    }

    /// She has looked at the notes, or at one application: it is not new any more.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn seen(&mut self, application: Option<String>) -> Result<(), Thrown> {
        match application {
            None => self.holder.notes_read(),
            Some(id) => {
                let id = self.message_named(&id)?;
                self.holder.application_read(&id);
            }
        }
        Ok(())
    }

    /// The kit's text, as it is printed.
    #[wasm_bindgen(js_name = kitText)]
    pub fn kit_text(&self) -> String {
        self.holder.kit().to_text().to_string()
    }

    /// Everything, as readable files: path and bytes.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn export(&self) -> js_sys::Map {
        let files = js_sys::Map::new();
        for (path, bytes) in self.holder.export(now()) {
            let bytes = js_sys::Uint8Array::from(bytes.as_slice());
            files.set(&path.into(), &bytes.into());
        }
        files
    }

    pub(super) fn given<T: Tsify + Serialize>(&self, value: T) -> Result<Ts<T>, Thrown> {
        value.into_ts().map_err(|_| self.problem("other"))
    }
}
