//! A hub's process: made, served, watched by what the kernel counts, stopped.

use super::{
    counted::{counted, forget_peak},
    http::{Ask, Connection},
};
use denizen_model::HubId;
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A hub's folder, and its process while it runs.
pub struct Hub {
    pub id: HubId,
    pub port: u16,
    program: PathBuf,
    dir: PathBuf,
    process: Option<Child>,
}

impl Hub {
    /// Makes a hub with the program that `cargo build --release` made.
    pub fn make(program: &Path, folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let dir = folder.join("hub");
        let mut init = Command::new(program);
        init.args(["hub", "init"])
            .arg(&dir)
            .args(["--name", "Bench", "--url"]);
        let made = init
            .arg(format!("http://127.0.0.1:{port}"))
            .output()
            .unwrap();
        assert!(made.status.success(), "the hub was not made");
        let said = String::from_utf8(made.stdout).unwrap();
        let id = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("id:"));
        Self {
            id: HubId::parse(id.unwrap().trim()).unwrap(),
            port,
            program: program.to_owned(),
            dir,
            process: None,
        }
    }

    /// Admits an organisation by its statement.
    pub fn admit(&self, statement: &[u8]) {
        let file = self.dir.join("bench.statement");
        fs::write(&file, statement).unwrap();
        let mut admit = Command::new(&self.program);
        let admitted = admit
            .args(["hub", "admit"])
            .arg(&self.dir)
            .arg(&file)
            .output();
        let admitted = admitted.unwrap();
        let said = String::from_utf8_lossy(&admitted.stderr).into_owned();
        assert!(admitted.status.success(), "{said}");
    }

    /// Starts it; gives the time until it is ready.
    pub async fn start(&mut self) -> Duration {
        let began = Instant::now();
        let mut serve = Command::new(&self.program);
        serve.args(["hub", "serve"]).arg(&self.dir);
        let process = serve.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.process = Some(process.unwrap());
        loop {
            if self.is_ready().await {
                return began.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.port).await else {
            return false;
        };
        let answer = connection.exchange(&self.get("/readyz")).await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let ask = Ask {
            method: "GET",
            path,
            query: "",
            media_type: "text/plain",
            body: &[],
        };
        ask.signed(None)
    }

    /// A number of its metrics, 0 if it is not there yet.
    pub async fn metric(&self, name: &str) -> f64 {
        let mut connection = Connection::open(self.port).await.unwrap();
        let answer = connection.exchange(&self.get("/metrics")).await.unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// CPU time of its process since it began.
    pub fn cpu(&self) -> Duration {
        counted(self.pid()).unwrap().cpu
    }

    /// Memory in bytes: now, and the most that it had since the last [`Self::forget_peak`].
    pub fn memory(&self) -> (u64, u64) {
        let counted = counted(self.pid()).unwrap();
        (counted.bytes, counted.peak_bytes)
    }

    /// The most that it has is counted anew.
    pub fn forget_peak(&self) {
        forget_peak(self.pid());
    }

    /// Stops it as its service manager would, and waits for its end.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        let kill = format!("kill -TERM {}", process.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        assert!(
            process.wait().unwrap().success(),
            "the hub did not end well"
        );
    }

    /// Bytes of the database file and what belongs to it.
    pub fn bytes(&self) -> u64 {
        let files = fs::read_dir(&self.dir).unwrap().map(Result::unwrap);
        let database = files.filter(|f| f.file_name().to_string_lossy().starts_with("hub.db"));
        database.map(|file| file.metadata().unwrap().len()).sum()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
