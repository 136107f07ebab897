//! A fresh database of an engine that can be closed and opened again, and read from beside its writer.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "tests; each test program uses a part of this"
)]

pub mod cluster;

use cluster::{Cluster, PASSWORD, name_of};
use denizen_store::{
    Server, StoreError,
    hub::{HubStore, Location, Readers, open},
};
use std::path::Path;

/// A database and its writer.
pub struct Bench {
    folder: tempfile::TempDir,
    /// Of a server.
    url: String,
    at: Location,
    db: Option<Box<dyn HubStore>>,
}

impl Bench {
    /// A database in a file.
    pub fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = Location::File(folder.path().join("hub.db"));
        Self::at(folder, String::new(), at)
    }

    /// A database of a server.
    pub fn server() -> Self {
        let url = Cluster::shared().database();
        let at = location(&url);
        Self::at(tempfile::tempdir().unwrap(), url, at)
    }

    fn at(folder: tempfile::TempDir, url: String, at: Location) -> Self {
        let db = Some(open(&at).unwrap());
        Self {
            folder,
            url,
            at,
            db,
        }
    }

    pub fn location(&self) -> &Location {
        &self.at
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of a server's database.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn close(&mut self) {
        self.db = None;
    }

    pub fn reopen(&mut self) {
        self.db = None;
        self.db = Some(open(&self.at).unwrap());
    }

    pub fn readers(&self) -> Readers {
        Readers::open(&self.at).unwrap()
    }

    pub fn db(&mut self) -> &mut dyn HubStore {
        &mut **self.db.as_mut().unwrap()
    }

    /// One committed transaction.
    pub fn write<T>(&mut self, work: impl FnOnce(&dyn HubStore) -> Result<T, StoreError>) -> T {
        self.db().begin().unwrap();
        let made = work(self.db()).unwrap();
        self.db().commit().unwrap();
        made
    }

    /// Changes rows behind the store's back.
    pub fn tamper(&mut self, sql: &str) {
        self.db = None;
        match &self.at {
            Location::File(file) => {
                let raw = rusqlite::Connection::open(file).unwrap();
                raw.execute_batch(sql).unwrap();
            }
            _ => _ = Cluster::shared().psql(name_of(&self.url), sql),
        }
        self.reopen();
    }
}

/// A database of a server of the tests.
pub fn location(url: &str) -> Location {
    let server = Server::parse(url, Some(PASSWORD.as_bytes()), None);
    Location::Server(Box::new(server.unwrap()))
}

/// Makes a test of each behaviour for each engine.
#[allow(unused_macros)]
macro_rules! on_every_engine {
    ($($behaviour:ident,)*) => {
        mod sqlite {
            $(#[test] fn $behaviour() { super::$behaviour(super::Bench::file()); })*
        }
        mod postgresql {
            $(#[test] fn $behaviour() { super::$behaviour(super::Bench::server()); })*
        }
    };
}

#[allow(unused_imports)]
pub(crate) use on_every_engine;
