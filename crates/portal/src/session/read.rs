//! What pages show.

use super::{Session, Thrown};
use crate::{
    runtime::now,
    view::{self, ApplicationPage, History, RecordPage},
};
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;

/// The first page's lists. What is none is left out of the text.
#[derive(Debug, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Records, newest first.
    pub records: Vec<view::RecordRow>,
    /// How many records there are, listed or not.
    pub count: usize,
    /// Only the newest records are listed, and no dates: the rest is still to be asked for.
    pub partial: bool,
    /// All links.
    pub links: Vec<view::LinkRow>,
    /// All applications, newest first.
    pub applications: Vec<view::ApplicationRow>,
    /// All disputes, newest first.
    pub disputes: Vec<view::DisputeRow>,
    /// All alarms, newest first.
    pub alarms: Vec<view::AlarmRow>,
    /// Dates to keep, nearest first.
    pub tasks: Vec<view::TaskRow>,
    /// Papers that end within a year.
    pub timeline: view::Timeline,
    /// On what it rests that a guardian uses this profile; none in her own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting: Option<view::ActingPage>,
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
    /// Everything that lists show, or at first the `newest` records alone, so that something is there: the
    /// JSON of an `Overview`, which crosses as one text.
    ///
    /// # Errors
    /// A `Problem`.
    pub fn overview(&self, newest: Option<usize>) -> Result<String, Thrown> {
        let (holder, now) = (&self.holder, now());
        let partial = newest.is_some_and(|n| holder.profile().records.len() > n);
        let records = holder.newest_records(newest.unwrap_or(usize::MAX), now);
        // Dates are of all records: those of some would leave out the nearest.
        let all = if partial { &[][..] } else { &records };
        let tasks = (!partial).then(|| view::task_rows(holder, all, now));
        let count = if partial {
            holder.profile().records.len()
        } else {
            records.len()
        };
        let rows = records.iter().map(|v| view::record_row(holder, v, now));
        let overview = Overview {
            records: rows.collect(),
            count,
            links: view::link_rows(holder),
            applications: view::application_rows(holder),
            disputes: view::dispute_rows(holder),
            alarms: view::alarm_rows(holder),
            tasks: tasks.unwrap_or_default(),
            partial,
            timeline: view::timeline(holder, all, now),
            acting: view::acting_page(holder, now),
            today: view::day(now),
            waiting: self.waiting(),
        };
        serde_json::to_string(&overview).map_err(|_| self.problem("other"))
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
