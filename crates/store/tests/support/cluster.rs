//! A PostgreSQL server of a test program's own: Debian's, by `initdb`, on a socket in a temporary folder.
//! It ends with the program, however that ends.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "tests; each test program uses a part of this"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// The password of the server's only user. Connections without it are refused.
pub const PASSWORD: &str = "only-of-this-test";

/// The server's user; may make databases.
const USER: &str = "denizen";

/// Makes the server, says `ready`, and takes it away once its input ends: when the test program has
/// gone.
const SCRIPT: &str = "\
set -e
cd \"$1\"
\"$2/initdb\" --pgdata=data --username=denizen --auth=scram-sha-256 --pwfile=password --no-sync \
    --encoding=UTF8 --locale=C >initdb.log
\"$2/pg_ctl\" --pgdata=data --log=server.log --silent --wait start \
    --options=\"-c listen_addresses='' -c unix_socket_directories=$1 $3\" >/dev/null
echo ready
cat >/dev/null || true
\"$2/pg_ctl\" --pgdata=data --silent --mode=immediate stop >/dev/null || true
cd /
rm -rf \"$1\"
";

/// A running server.
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    script: Child,
    input: Option<ChildStdin>,
}

impl Cluster {
    /// The server that the tests of a program share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(""))
    }

    /// Starts a server with these settings (`-c name=value`).
    pub fn start(settings: &str) -> Self {
        Self::start_with(settings, 5432, &[])
    }

    /// Starts a server that is spoken to over TLS on a port of loopback, by this certificate and key.
    pub fn over_tls(certificate: &str, key: &str) -> Self {
        // Free a moment ago.
        let bound = std::net::TcpListener::bind("127.0.0.1:0");
        let port = bound.unwrap().local_addr().unwrap().port();
        let settings = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on \
             -c ssl_cert_file=../certificate -c ssl_key_file=../key"
        );
        Self::start_with(
            &settings,
            port,
            &[("certificate", certificate), ("key", key)],
        )
    }

    fn start_with(settings: &str, port: u16, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pg-")
            .tempdir()
            .unwrap()
            .keep();
        let mut given = vec![folder.clone()];
        for (name, bytes) in files.iter().chain([&("password", PASSWORD)]) {
            let file = folder.join(name);
            fs::write(&file, bytes).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
            given.push(file);
        }
        let programs = programs();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "sh"]);
        command.arg(&folder).arg(&programs).arg(settings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // PostgreSQL refuses to be run by root.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            let (uid, gid) = ordinary_user();
            for path in given {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
            }
            command.uid(uid).gid(gid);
        }
        // A signal to the test program's group is not for the server.
        command.process_group(0);
        let mut script = command.spawn().unwrap();
        let input = script.stdin.take();
        let mut said = String::new();
        BufReader::new(script.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        let log = fs::read_to_string(folder.join("server.log")).unwrap_or_default();
        assert_eq!(said, "ready\n", "the server did not start: {log}");
        Self {
            folder,
            port,
            script,
            input,
        }
    }

    /// A new, empty database: its URL, without the password.
    pub fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hub{}", NEXT.fetch_add(1, Ordering::SeqCst));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        if self.port != 5432 {
            return format!("postgres://{USER}@localhost:{}/{name}", self.port);
        }
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        format!("postgres://{USER}@{folder}/{name}")
    }

    /// Places of a hub's database, and how many of them have their bytes.
    pub fn places(&self, url: &str) -> String {
        let sql = "SELECT count(*) || ' ' || count(body) FROM place";
        self.psql(name_of(url), sql)
    }

    /// Runs SQL behind the hub's back; gives what it says.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let output = Command::new(programs().join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--username", USER, "--dbname", database, "--command", sql])
            .args(["--set", "ON_ERROR_STOP=1"])
            .arg("--host")
            .arg(&self.folder)
            .args(["--port", &self.port.to_string()])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.script.wait();
    }
}

/// The name of a database in its URL.
pub fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap()
}

/// Where Debian has the server's programs.
fn programs() -> PathBuf {
    let folders = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let folders = folders.flatten().map(|version| version.path().join("bin"));
    let has = |folder: &Path| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file();
    folders
        .filter(|folder| has(folder))
        .max()
        .expect("PostgreSQL is not installed, and these tests need it: `cargo xtask setup`")
}

/// The user that Debian's package makes, or nobody.
fn ordinary_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2);
        let mut number = || fields.next()?.parse().ok();
        Some((number()?, number()?))
    };
    ids("postgres")
        .or_else(|| ids("nobody"))
        .expect("root cannot run PostgreSQL, and there is no user postgres or nobody")
}
