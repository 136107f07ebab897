//! Connections of a serving hub: a bound on their number, and an end for who does not read.
//!
//! They are counted and never told apart: no address of a peer is looked at.

use super::config::Limits;
use axum_server::accept::Accept;
use std::{
    future::Ready,
    io::{Error, ErrorKind, Result},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};

/// How many there are; clones count together.
#[derive(Clone)]
pub(crate) struct Connections {
    max: usize,
    time: Duration,
    free: Arc<Semaphore>,
    refused: Arc<AtomicU64>,
}

impl Connections {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            max: limits.connections_max,
            time: Duration::from_secs(limits.request_s.into()),
            free: Arc::new(Semaphore::new(limits.connections_max)),
            refused: Arc::default(),
        }
    }

    /// How long a peer may take for what it is waited for.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }

    /// How many are open, and how many were closed at once.
    pub(crate) fn counts(&self) -> (usize, u64) {
        let open = self.max.saturating_sub(self.free.available_permits());
        (open, self.refused.load(Ordering::Relaxed))
    }
}

/// Takes connections as long as there are not too many.
#[derive(Clone)]
pub(crate) struct Guarded(pub(crate) Connections);

impl<I, S> Accept<I, S> for Guarded {
    type Stream = Timed<I>;
    type Service = S;
    type Future = Ready<Result<(Timed<I>, S)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let Ok(permit) = Arc::clone(&self.0.free).try_acquire_owned() else {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            let many = Error::new(ErrorKind::ConnectionRefused, "too many connections");
            return std::future::ready(Err(many));
        };
        let timed = Timed {
            stream,
            time: self.0.time,
            stuck: None,
            _permit: permit,
        };
        std::future::ready(Ok((timed, service)))
    }
}

/// A connection that ends when nothing of an answer could be written for some time.
pub(crate) struct Timed<I> {
    stream: I,
    time: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl<I> Timed<I> {
    /// What was written, or how long it has been waited for.
    fn progress<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<Result<T>>) -> Poll<Result<T>> {
        if wrote.is_ready() {
            self.stuck = None;
            return wrote;
        }
        let time = self.time;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(time)));
        match stuck.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Timed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Timed<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.progress(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.progress(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let wrote = Pin::new(&mut self.stream).poll_flush(cx);
        self.progress(cx, wrote)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let wrote = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.progress(cx, wrote)
    }
}
