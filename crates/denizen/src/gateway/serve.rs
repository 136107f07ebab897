//! Serving: a loop that sends, polls the inbox, and ends retentions.

use super::{config::Config, open, rest};
use crate::{
    backoff::Backoff,
    logging::{self, LogFormat},
    shell::Shell,
    signal,
    transport::HttpTransport,
};
use anyhow::Context as _;
use denizen_gateway::{Alarm, Gateway, GatewayError, SyncReport, http::Desk};
use rand_core::Rng as _;
use std::{net::TcpListener, path::Path, time::Duration};

/// A poll waits this long for something to come, so that what other commands queue goes soon after.
const WAIT_S: u32 = 1;
/// Pause while the operator has not admitted this organisation.
const NOT_ADMITTED: Duration = Duration::from_secs(2);
/// Pause after the hub gave an answer that is not true.
const LYING: Duration = Duration::from_secs(30);
/// How often retentions are looked at, in seconds.
const RETAIN_EVERY_S: i64 = 3600;

/// Serves until a signal.
pub(super) async fn run(shell: &Shell, dir: &Path) -> anyhow::Result<()> {
    // Before anything is opened: who is told to stop while it starts ends as well as later.
    let stop = signal::listen()?;
    let _lock = super::lock(dir)?;
    let config = Config::of(dir)?;
    let mut gateway = open(shell, dir)?;
    logging::start(LogFormat::Text, "info")?;
    let desk = rest::desk(shell, dir, config.rest.as_ref())?;
    let listener = config.rest.as_ref().map(rest::bind).transpose()?;
    let transport = HttpTransport::pooled()?;
    tracing::info!(gateway.org = %gateway.id(), "the gateway runs");
    tokio::select! {
        signal = stop => {
            tracing::info!(gateway.signal = signal, "stopped");
            Ok(())
        }
        failed = work(shell, &mut gateway, &transport) => failed,
        failed = rest::tell(&desk) => failed,
        failed = serve_rest(&desk, listener, &config) => failed,
    }
}

/// Serves REST if it is configured; else waits for ever.
async fn serve_rest(
    desk: &Desk,
    listener: Option<TcpListener>,
    config: &Config,
) -> anyhow::Result<()> {
    match (listener, &config.rest) {
        (Some(listener), Some(rest)) => rest::serve(desk, listener, rest).await,
        _ => std::future::pending().await,
    }
}

/// Ends only with an error that no waiting mends. What is interrupted by a signal is done again at
/// the next start: every change is one transaction.
async fn work(
    shell: &Shell,
    gateway: &mut Gateway,
    transport: &HttpTransport,
) -> anyhow::Result<()> {
    let mut backoff = Backoff::default();
    loop {
        match gateway
            .start(transport, shell.now(), &mut shell.rng())
            .await
        {
            Ok(()) => break,
            Err(error) => pause(shell, error, &mut backoff).await?,
        }
    }
    backoff.worked();
    tracing::info!("the inbox is open");
    let mut retained = shell.now();
    loop {
        let now = shell.now();
        match gateway.sync(transport, WAIT_S, now, &mut shell.rng()).await {
            Ok(report) => {
                backoff.worked();
                log(&report);
            }
            Err(error) => pause(shell, error, &mut backoff).await?,
        }
        if now >= retained.plus_s(RETAIN_EVERY_S) {
            retained = now;
            let ended = gateway.retain(now, &mut shell.rng())?;
            if ended > 0 {
                tracing::info!(gateway.retentions_ended = ended, "papers were destroyed");
            }
        }
    }
}

/// Waits after an error that may pass; gives back one that does not.
async fn pause(shell: &Shell, error: GatewayError, backoff: &mut Backoff) -> anyhow::Result<()> {
    let pause = match &error {
        GatewayError::Client(_) => backoff.failed(shell.rng().next_u64()),
        GatewayError::NotAdmitted => NOT_ADMITTED,
        GatewayError::Directory(_)
        | GatewayError::Head(_)
        | GatewayError::Withheld
        | GatewayError::RolledBack
        | GatewayError::ReceiptRefused => LYING,
        _ => return Err(error).context("the gateway has stopped"),
    };
    let error = anyhow::Error::from(error);
    tracing::warn!("trying again in {} s: {error:#}", pause.as_secs());
    tokio::time::sleep(pause).await;
    Ok(())
}

fn log(report: &SyncReport) {
    if *report == SyncReport::default() {
        return;
    }
    tracing::info!(
        gateway.received = report.received,
        gateway.repeated = report.repeated,
        gateway.alarms = report.alarms,
        gateway.sent = report.sent,
        gateway.refused = report.refused,
        "messages were exchanged"
    );
}

/// One round.
pub(super) async fn sync_once(shell: &Shell, dir: &Path) -> anyhow::Result<()> {
    let mut gateway = open(shell, dir)?;
    let transport = HttpTransport::pooled()?;
    let (now, mut rng) = (shell.now(), shell.rng());
    gateway.start(&transport, now, &mut rng).await?;
    gateway.retain(now, &mut rng)?;
    let report = gateway.sync(&transport, 0, now, &mut rng).await?;
    println!(
        "{} message(s) came, {} of them before.",
        report.received, report.repeated
    );
    println!(
        "{} envelope(s) were stored by the hub, each with a receipt.",
        report.sent
    );
    if report.refused + report.alarms > 0 {
        println!("{} envelope(s) were refused by the hub.", report.refused);
        println!("{} message(s) were refused here.", report.alarms);
    }
    let (waiting, outgoing) = gateway.backlog()?;
    println!("{waiting} row(s) wait for a link, {outgoing} envelope(s) for the hub.");
    let words = shell.catalogue.locale("en");
    for kind in gateway.kinds_left_out() {
        println!("a record kind that the hub lists is not used: {kind}");
    }
    for alarm in gateway.alarms()? {
        println!("alarm of {}: {}", alarm.at.to_rfc3339(), alarm.code);
        // What happened, and what to do next.
        for key in ["err", "rec"].map(|part| format!("{part}-{}", Alarm::told_as(&alarm.code))) {
            if let Some(words) = words.filter(|w| w.has(&key)) {
                println!("   {}", words.text(&key, &[]));
            }
        }
    }
    Ok(())
}
