//! Real processes of the binary, on free ports of loopback, in folders of their own.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes; each test program uses a part of this"
)]

pub mod office;

use denizen_api::{HubClient, Transport, TransportError, directory::VerifiedDirectory};
use denizen_model::{HubId, UnixTime, jose::Portable};
use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime},
};

/// Longest wait for anything that a process does.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test.
pub fn denizen() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_denizen"));
    command.stdin(Stdio::null());
    command
}

/// Runs a command of the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    denizen().args(arguments).output().unwrap()
}

/// Runs a command that must succeed; gives what it printed.
pub fn succeed(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must be refused; gives what it said.
pub fn refused(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success(), "{arguments:?} was not refused");
    String::from_utf8(output.stderr).unwrap()
}

pub fn now() -> UnixTime {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    UnixTime(i64::try_from(since.as_secs()).unwrap())
}

/// Waits for another second than this one: two statements of the same second and words are one.
pub fn next_second() {
    let this = now();
    wait_for("the next second", || (now() > this).then_some(()));
}

/// Waits until something is so.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A port that was free a moment ago, below those that the system gives to outgoing connections, so
/// that no client of another test takes it meanwhile.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = std::iter::repeat_with(|| {
        let next = NEXT.fetch_add(1, Ordering::SeqCst);
        20_000 + u16::try_from((std::process::id() * 61 + next) % 12_000).unwrap()
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.take(1000).find(is_free).unwrap()
}

/// A hub's folder with its id and URL.
pub struct HubFolder {
    folder: tempfile::TempDir,
    pub id: HubId,
    pub url: String,
}

impl HubFolder {
    /// Makes a hub on a free port.
    pub fn make() -> Self {
        Self::make_with(|_| Vec::new())
    }

    /// The same with more arguments, which may name files of the folder.
    pub fn make_with(more: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let more = more(folder.path());
        let url = format!("http://127.0.0.1:{}", free_port());
        let dir = folder.path().join("hub");
        let mut arguments = vec!["hub", "init", text(&dir), "--name", "Test hub"];
        arguments.extend(["--url", &url]);
        arguments.extend(more.iter().map(String::as_str));
        let said = succeed(&arguments);
        let id = said
            .lines()
            .find_map(|l| l.trim().strip_prefix("id:"))
            .unwrap();
        let id = HubId::parse(id.trim()).unwrap();
        Self { folder, id, url }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("hub")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn serve(&self) -> Process {
        self.serve_with(|_| {})
    }

    /// The same with a change to how the program is run.
    pub fn serve_with(&self, change: impl FnOnce(&mut Command)) -> Process {
        let mut command = denizen();
        command.args(["hub", "serve", text(&self.path())]);
        change(&mut command);
        let process = Process::start(command);
        self.wait_until_healthy();
        process
    }

    pub fn wait_until_healthy(&self) {
        let address = self.url.strip_prefix("http://").unwrap();
        wait_for("the hub answers", || {
            std::net::TcpStream::connect(address).ok()
        });
    }

    pub fn client(&self) -> HubClient<Http> {
        HubClient::new(Http(reqwest::Client::new()), self.id, &self.url)
    }

    /// Fetches the directory and checks it against the pinned id.
    pub async fn directory(&self) -> VerifiedDirectory {
        let answer = self.client().directory().await.unwrap();
        let witnesses = denizen_tlog::WitnessPolicy::default();
        denizen_api::directory::verify(answer, &self.id, None, witnesses, &Portable, now()).unwrap()
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A process that is killed when the test ends.
pub struct Process(pub Child);

impl Process {
    pub fn start(mut command: Command) -> Self {
        Self(
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    pub fn signal(&self, signal: &str) {
        signal_pid(signal, self.0.id());
    }

    /// Waits for its end: exit code, standard output, standard error.
    pub fn ended(mut self) -> (Option<i32>, String, String) {
        let status = wait_for("the process ends", || self.0.try_wait().unwrap());
        let mut said = [String::new(), String::new()];
        self.0
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut said[0])
            .unwrap();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said[1])
            .unwrap();
        let [out, err] = said;
        (status.code(), out, err)
    }

    /// Reads standard output up to a line that begins like this.
    pub fn line(&mut self, begins: &str) -> String {
        let output = self.0.stdout.as_mut().unwrap();
        let lines = BufReader::new(output).lines().map(Result::unwrap);
        lines
            .into_iter()
            .find(|line| line.trim().starts_with(begins))
            .unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn signal_pid(signal: &str, pid: u32) {
    // The shell's own: a small machine has no program of this name.
    let kill = format!("kill -{signal} {pid}");
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.unwrap().success());
}

/// Requests over HTTP.
#[derive(Clone)]
pub struct Http(pub reqwest::Client);

impl Transport for Http {
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError> {
        let request = reqwest::Request::try_from(request).map_err(|_| TransportError::Connect)?;
        let answer = self
            .0
            .execute(request)
            .await
            .map_err(|_| TransportError::Connect)?;
        let status = answer.status();
        let body = answer
            .bytes()
            .await
            .map_err(|_| TransportError::Interrupted)?;
        let mut response = http::Response::new(body.to_vec());
        *response.status_mut() = status;
        Ok(response)
    }
}
