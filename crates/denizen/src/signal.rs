//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM or ctrl-c; gives its name.
pub(crate) async fn stop_signal() -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            Ok("ctrl-c")
        }
    }
}
