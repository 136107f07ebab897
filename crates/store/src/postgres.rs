//! Connections to a PostgreSQL server.
//!
//! The callers wait: the writer is a thread of its own, and readers are kept off the threads that answer.
//! A small runtime beside them moves the bytes; [`Driver::run`] waits for it from any thread.

mod durable;
mod fault;
mod server;

pub use fault::ServerFault;
pub use server::{Server, ServerRefused};

use crate::{StoreError, migrate};
use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, Pool, RecyclingMethod};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
};
use tokio::runtime::Runtime;
use tokio_postgres::{Row, types::ToSql};

/// Connections of readers, at most.
const READERS_MAX: usize = 8;

/// A value of a statement.
pub(crate) type Value<'a> = &'a (dyn ToSql + Sync);

/// Moves the bytes of connections, on a thread of its own.
struct Driver(Option<Runtime>);

impl Driver {
    fn start() -> Result<Arc<Self>, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgresql")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|_| ServerFault::NoThread)?;
        Ok(Arc::new(Self(Some(runtime))))
    }

    /// Waits for a future on this thread.
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let _entered = self.0.as_ref().map(Runtime::enter);
        wait(future)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Whoever drops the last connection may be a thread that must not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls on this thread, which sleeps in between. Unlike a runtime's own way it may be called from
/// anywhere.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// One connection.
pub(crate) struct Session {
    driver: Arc<Driver>,
    client: Client,
}

enum Client {
    Own(ClientWrapper),
    Pooled(deadpool_postgres::Object),
}

impl Session {
    /// Connects as the one writer: durable, alone, and with every migration run.
    pub(crate) fn writer(
        server: &Server,
        migrations: &[migrate::Migration],
    ) -> Result<Self, StoreError> {
        let driver = Driver::start()?;
        let (config, tls) = (server.writer(), server.tls());
        let client = driver.run(async {
            let (client, connection) = config.connect(tls).await?;
            let moved = tokio::spawn(async move {
                // How it ended is seen by whoever asks next.
                let _ = connection.await;
            });
            Ok::<_, tokio_postgres::Error>(ClientWrapper::new(client, moved))
        });
        let client = Client::Own(client.map_err(ServerFault::from)?);
        let mut session = Self { driver, client };
        durable::require(&session)?;
        durable::lock(&session)?;
        migrate::run(&mut session, migrations)?;
        Ok(session)
    }

    fn client(&self) -> &ClientWrapper {
        match &self.client {
            Client::Own(client) => client,
            Client::Pooled(client) => client,
        }
    }

    /// Waits for what is asked of the connection.
    pub(crate) fn ask<T>(
        &self,
        ask: impl AsyncFnOnce(&ClientWrapper) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let asked = self.driver.run(ask(self.client()));
        asked.map_err(|error| ServerFault::from(error).into())
    }

    /// Runs a statement and gives its rows.
    pub(crate) fn rows(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, StoreError> {
        self.ask(async |client| {
            let statement = client.prepare_cached(sql).await?;
            client.query(&statement, values).await
        })
    }

    /// Runs statements without values.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.ask(async |client| client.batch_execute(sql).await)
    }

    /// Closes the connection rather than hand it to somebody else.
    pub(crate) fn close(self) {
        if let Client::Pooled(client) = self.client {
            drop(deadpool_postgres::Object::take(client));
        }
    }
}

/// Connections that only read.
pub struct Connections {
    driver: Arc<Driver>,
    pool: Pool,
}

impl Connections {
    /// Connects once, to see that the server answers.
    pub(crate) fn open(server: &Server) -> Result<Self, StoreError> {
        let driver = Driver::start()?;
        let recycling_method = RecyclingMethod::Fast;
        let config = ManagerConfig { recycling_method };
        let manager = Manager::from_config(server.reader(), server.tls(), config);
        let pool = Pool::builder(manager).max_size(READERS_MAX).build();
        let pool = pool.map_err(|_| ServerFault::NoThread)?;
        let connections = Self { driver, pool };
        connections.session()?;
        Ok(connections)
    }

    /// A connection of its own; waits while all are in use.
    pub(crate) fn session(&self) -> Result<Session, StoreError> {
        let client = self.driver.run(self.pool.get());
        let client = client.map_err(|error| match error {
            deadpool_postgres::PoolError::Backend(error) => ServerFault::from(error),
            _ => ServerFault::NoThread,
        })?;
        Ok(Session {
            driver: Arc::clone(&self.driver),
            client: Client::Pooled(client),
        })
    }
}

impl migrate::History for Session {
    fn begin(&mut self) -> Result<(), StoreError> {
        self.batch(
            "CREATE TABLE IF NOT EXISTS migration (
                name text COLLATE \"C\" NOT NULL PRIMARY KEY, sha256 bytea NOT NULL)",
        )
    }

    fn done(&self) -> Result<Vec<migrate::Done>, StoreError> {
        let rows = self.rows("SELECT name, sha256 FROM migration ORDER BY name", &[])?;
        let row = |row: Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let rows: Result<_, tokio_postgres::Error> = rows.into_iter().map(row).collect();
        rows.map_err(|_| StoreError::Damaged)
    }

    fn apply(&mut self, name: &str, sql: &str, sha256: &[u8]) -> Result<(), StoreError> {
        self.batch("BEGIN")?;
        let applied = self.batch(sql).and_then(|()| {
            let note = "INSERT INTO migration (name, sha256) VALUES ($1, $2)";
            self.rows(note, &[&name, &sha256]).map(|_| ())
        });
        match applied {
            Ok(()) => self.batch("COMMIT"),
            Err(error) => {
                self.batch("ROLLBACK")?;
                Err(error)
            }
        }
    }
}
