//! Every log line of the process, kept for the canary. One capture for all worlds of a test binary,
//! since writer threads outlive the test that began them.

use std::{
    fmt::Write as _,
    sync::{Mutex, OnceLock, PoisonError},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

static LINES: Mutex<String> = Mutex::new(String::new());
static STARTED: OnceLock<()> = OnceLock::new();

struct Capture;

struct Fields<'a>(&'a mut String);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

fn add(level: tracing::Level, target: &str, record: impl FnOnce(&mut Fields<'_>)) {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = write!(lines, "{level} {target}");
    record(&mut Fields(&mut lines));
    lines.push('\n');
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: Context<'_, S>,
    ) {
        let metadata = attributes.metadata();
        add(*metadata.level(), metadata.name(), |f| attributes.record(f));
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        add(*metadata.level(), metadata.target(), |f| event.record(f));
    }
}

/// Starts to keep every line of every level, once a process.
pub(crate) fn capture() {
    STARTED.get_or_init(|| {
        let subscriber = Registry::default().with(Capture);
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// All lines from a place on, of all worlds of this process: 0 is the first line, and
/// [`captured_until`] the place of the next one.
#[must_use]
pub fn captured_logs(from: usize) -> String {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.get(from..).unwrap_or_default().to_owned()
}

/// Where the next line begins.
#[must_use]
pub(crate) fn captured_until() -> usize {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).len()
}
