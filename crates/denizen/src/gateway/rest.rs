//! What a serving gateway does for the organisation's own systems: REST, and telling hooks.

use super::{config::Rest, open};
use crate::{shell::Shell, tls::server_config, transport::HttpTransport};
use anyhow::{Context as _, bail};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use denizen_gateway::http::{Desk, REQUESTS_A_MINUTE, router};
use std::{net::TcpListener, path::Path, sync::Arc, time::Duration};

/// Pause between two rounds of telling hooks.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Requests that run may end within this when the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);

/// The gateway's REST side: another handle of the same database.
pub(super) fn desk(shell: &Shell, dir: &Path, rest: Option<&Rest>) -> anyhow::Result<Desk> {
    let limit = rest.map_or(REQUESTS_A_MINUTE, |rest| rest.requests_a_minute);
    let (clock, rng) = (Arc::new(shell.clock), Box::new(shell.rng()));
    Ok(Desk::new(open(shell, dir)?, clock, rng, limit))
}

/// Where REST listens, before anything else is begun: a port that is taken is told at once.
pub(super) fn bind(rest: &Rest) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(rest.listen).with_context(|| {
        format!(
            "{} cannot be listened at: is it taken, or not this machine's?",
            rest.listen
        )
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves REST until it is dropped or the database fails.
pub(super) async fn serve(desk: &Desk, listener: TcpListener, rest: &Rest) -> anyhow::Result<()> {
    let handle = Handle::new();
    let app = router(desk).into_make_service();
    tracing::info!(rest.listen = %listener.local_addr()?, rest.tls = rest.tls.is_some(), "REST is served");
    let mut server = match &rest.tls {
        None => tokio::spawn(
            axum_server::from_tcp(listener)?
                .handle(handle.clone())
                .serve(app),
        ),
        Some(tls) => {
            let tls = RustlsConfig::from_config(Arc::new(server_config(tls)?));
            let server = axum_server::from_tcp_rustls(listener, tls)?;
            tokio::spawn(server.handle(handle.clone()).serve(app))
        }
    };
    let _ended = Ending(handle);
    tokio::select! {
        () = desk.failed() => bail!("the database failed: look at the disk, then start the gateway again"),
        ended = &mut server => Ok(ended??),
    }
}

/// Lets requests end when the gateway stops.
struct Ending(Handle<std::net::SocketAddr>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.graceful_shutdown(Some(DRAIN));
    }
}

/// Tells hooks what happens, for ever; what fails is tried again later.
pub(super) async fn tell(desk: &Desk) -> anyhow::Result<()> {
    let transport = HttpTransport::to_hooks()?;
    loop {
        let told = desk.tell_hooks(&transport).await;
        let told = told.context("what hooks are told cannot be kept")?;
        if told > 0 {
            tracing::info!(gateway.hooks_told = told, "hooks were told");
        }
        tokio::time::sleep(TELL_EVERY).await;
    }
}
