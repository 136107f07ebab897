//! The Community Solid Server with its file back end, and clients that put resources into it.

use super::counted::counted;
use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How long it may take to start.
const START: Duration = Duration::from_secs(120);

/// Its process, and where it listens.
pub struct Solid {
    process: Child,
    url: String,
}

/// What the resources cost.
pub struct Done {
    pub items: u64,
    pub wall: Duration,
    pub cpu: Duration,
}

impl Solid {
    /// Starts it on a folder of its own; `oracles` is where `cargo xtask bench peers` installed it.
    pub async fn start(oracles: &Path, folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let url = format!("http://127.0.0.1:{port}/");
        let data = folder.join("solid");
        fs::create_dir(&data).unwrap();
        let package = oracles.join("solid/node_modules/@solid/community-server");
        let mut serve = Command::new("node");
        serve.arg(package.join("bin/server.js"));
        serve.args(["--config", "@css:config/file-root.json"]);
        serve.args(["--port", &port.to_string(), "--baseUrl", &url]);
        serve.args(["--loggingLevel", "error", "--rootFilePath"]);
        serve.arg(&data).stdin(Stdio::null()).stdout(Stdio::null());
        let process = serve.spawn().expect("Node.js is there");
        let solid = Self { process, url };
        let (began, client) = (Instant::now(), reqwest::Client::new());
        while client.get(&solid.url).send().await.is_err() {
            assert!(began.elapsed() < START, "the Solid server does not start");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        solid
    }

    fn cpu(&self) -> Duration {
        counted(self.process.id()).unwrap().cpu
    }

    /// So many new resources of this many bytes by this many clients, each created.
    pub async fn put(&self, clients: u64, items: u64, bytes: usize) -> Done {
        let (next, body) = (Arc::new(AtomicU64::new(0)), vec![7; bytes]);
        let run = self.cpu().as_millis();
        let (cpu, began, mut running) = (self.cpu(), Instant::now(), JoinSet::new());
        for _ in 0..clients {
            let (next, url, body) = (Arc::clone(&next), self.url.clone(), body.clone());
            running.spawn(async move {
                let client = reqwest::Client::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= items {
                        break;
                    }
                    let put = client.put(format!("{url}{run}-{number}.bin"));
                    let put = put.header("content-type", "application/octet-stream");
                    let answer = put.body(body.clone()).send().await.unwrap();
                    assert_eq!(answer.status(), 201, "the resource is new");
                    answer.bytes().await.unwrap();
                }
            });
        }
        while let Some(client) = running.join_next().await {
            client.unwrap();
        }
        Done {
            items,
            wall: began.elapsed(),
            cpu: self.cpu() - cpu,
        }
    }
}

impl Drop for Solid {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
