//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Listens for SIGTERM and ctrl-c from now on; gives what waits for the first and its name. Without it the
/// system ends the process at once.
pub(crate) fn listen() -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "ctrl-c",
        }
    })
}
