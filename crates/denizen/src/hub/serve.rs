//! `denizen hub serve`: until SIGTERM, ctrl-c, or a fault after which nothing may be answered.

use super::{
    config::Config,
    connection::{Connections, Guarded},
    folder::{Folder, Operator},
    last::keep,
    portal,
};
use crate::{files::FolderLock, logging, shell::Shell, signal, tls::server_config};
use anyhow::{Context as _, bail};
use axum_server::{
    Handle,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use denizen_hub::{Bundle, Hub, SequencerThread, router, with_portal};
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::sync::oneshot;

/// Bytes of a request's head, and of what is read ahead on a connection.
const HEAD_SIZE_BYTES_MAX: usize = 64 << 10;

/// Serves the hub of a folder.
pub(crate) async fn run(shell: &Shell, dir: &Path, config: Option<&Path>) -> anyhow::Result<()> {
    let folder = Folder::new(dir);
    let operator = folder.operator()?;
    let config = match config {
        Some(file) => Config::read(file)?,
        None if folder.config().is_file() => Config::read(&folder.config())?,
        None => Config::default(),
    };
    logging::start(config.log.format, &config.log.level)?;
    let Some(lock) = folder.lock()? else {
        bail!("{} is served already by another process", dir.display());
    };
    if config.location(folder.database())? != folder.location()? {
        bail!(
            "the configuration names another store than {}: write it there, where every command reads it",
            folder.config().display()
        );
    }
    folder.require_database()?;
    let mut hub_config = folder.hub_config(&operator)?;
    config.limit(&mut hub_config);
    let (clock, keys) = (Arc::new(shell.clock), folder.keys()?);
    let bundle = portal::bundle(&operator, &config.portal)?;
    let last = folder.last_checkpoint()?;
    if !last.is_there() {
        tracing::warn!(
            "no `last-checkpoint` is there: whether this is the newest database is not known"
        );
    }
    hub_config.newest_known = last.verified(&operator.origins()?, &keys)?;
    let (hub, sequencer) = Hub::open(hub_config, keys, clock, Box::new(shell.rng()))?;
    let listener = TcpListener::bind(config.listen).with_context(|| {
        format!(
            "{} cannot be listened at: is it taken, or not this machine's?",
            config.listen
        )
    })?;
    listener.set_nonblocking(true)?;
    say_where(&operator, listener.local_addr()?, config.tls.is_some());
    let (stop, stopping) = oneshot::channel();
    let connections = Connections::new(&config.limits);
    let watched = (config.limits.clone(), connections.clone());
    let keeper = tokio::spawn(keep(hub.clone(), last, watched, stopping));
    let end_keeper = async move {
        // It is waiting for this, or has gone.
        let _ = stop.send(());
        let _ = keeper.await;
    };
    let served = Served {
        hub,
        sequencer,
        bundle,
        connections,
    };
    let ended = serve(served, listener, &config, end_keeper).await;
    release(lock);
    ended
}

fn say_where(operator: &Operator, listen: SocketAddr, tls: bool) {
    let name = operator
        .statement
        .names
        .get("en")
        .map_or("", String::as_str);
    let url = operator.statement.url.as_deref().unwrap_or_default();
    println!("{name} is served.");
    println!("  id:      {}", operator.id.to_text());
    println!("  URL:     {url}");
    println!(
        "  listens: {listen} ({})",
        if tls {
            "TLS"
        } else {
            "in clear, loopback only"
        }
    );
    println!("Stop it with SIGTERM or ctrl-c.");
}

/// What answers.
struct Served {
    hub: Hub,
    sequencer: SequencerThread,
    bundle: Option<Bundle>,
    connections: Connections,
}

/// Serves until a signal or a fault; then lets running requests end, and `then` what else has a
/// handle of the hub.
async fn serve(
    served: Served,
    listener: TcpListener,
    config: &Config,
    then: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    // Before it answers: who sees that it does may tell it to stop.
    let stop = signal::listen()?;
    let handle = Handle::new();
    let Served {
        hub,
        sequencer,
        bundle,
        connections,
    } = served;
    let routes = router(&hub);
    let app = match &bundle {
        Some(bundle) => with_portal(routes, bundle),
        None => routes,
    };
    let app = app.into_make_service();
    let mut server = match &config.tls {
        None => {
            let server = axum_server::from_tcp(listener)?;
            let server = server.acceptor(Guarded(connections.clone()));
            tokio::spawn(
                bound(server, &connections)
                    .handle(handle.clone())
                    .serve(app),
            )
        }
        Some(tls) => {
            let tls = RustlsConfig::from_config(Arc::new(server_config(tls)?));
            let server = axum_server::from_tcp_rustls(listener, tls)?;
            let guard = |tls: RustlsAcceptor| {
                let tls = tls.handshake_timeout(connections.time());
                tls.acceptor(Guarded(connections.clone()))
            };
            let server = bound(server.map(guard), &connections);
            tokio::spawn(server.handle(handle.clone()).serve(app))
        }
    };
    drop(hub);
    let mut sequencer = watch(sequencer)?;
    tokio::select! {
        fault = &mut sequencer => {
            // Nothing is known of what was not answered: the disk is read again at the next start.
            handle.shutdown();
            then.await;
            return match fault {
                Ok(Err(fault)) => Err(fault).context("the commit path failed, and the hub has stopped: look at the disk, then start it again"),
                _ => bail!("the writer thread ended, and the hub has stopped: start it again"),
            };
        }
        ended = &mut server => return Ok(ended??),
        signal = stop => tracing::info!(hub.signal = signal, "stopping: running requests may end"),
    }
    handle.graceful_shutdown(Some(Duration::from_secs(config.drain_s.into())));
    server.await??;
    then.await;
    match sequencer.await {
        Ok(ended) => ended.context("the commit path failed while stopping")?,
        Err(_) => bail!("the writer thread was lost while stopping"),
    }
    tracing::info!("stopped");
    Ok(())
}

/// Bounds the time and the memory of a connection's requests. An idle one is closed after as long.
fn bound<A>(
    mut server: axum_server::Server<SocketAddr, A>,
    connections: &Connections,
) -> axum_server::Server<SocketAddr, A> {
    let mut http = server.http_builder().http1();
    http.header_read_timeout(connections.time());
    http.max_buf_size(HEAD_SIZE_BYTES_MAX);
    server
        .http1_only()
        .first_request_timeout(connections.time())
}

/// Waits for the writer thread from outside: it ends when the last handle of the hub is gone, or by
/// a fault.
fn watch(
    thread: SequencerThread,
) -> anyhow::Result<oneshot::Receiver<Result<(), denizen_store::StoreError>>> {
    let (send, receive) = oneshot::channel();
    std::thread::Builder::new()
        .name("watch-sequencer".into())
        .spawn(move || send.send(thread.join()))?;
    Ok(receive)
}

/// Others may have the folder from here on.
fn release(lock: FolderLock) {
    drop(lock);
}
