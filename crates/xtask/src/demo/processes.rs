//! The demo's folder, its servers, and the program's command line.

use crate::{root::root, run::instant};
use anyhow::{Context as _, Result, bail};
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(180);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// The folder in which everything of one run lies.
pub(crate) struct Place(PathBuf);

impl Place {
    /// A new folder among the machine's temporary ones.
    pub(crate) fn make() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("denizen-demo-{}", std::process::id()));
        fs::create_dir(&folder)
            .with_context(|| format!("{} is there already", folder.display()))?;
        Ok(Self(folder))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    pub(crate) fn remove(&self) -> Result<()> {
        Ok(fs::remove_dir_all(&self.0)?)
    }

    /// A path in it, as an argument.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// Runs a command of the program that must succeed, and shows both; gives what it printed.
    pub(crate) fn denizen(&self, arguments: &[&str]) -> Result<String> {
        self.show_command(arguments);
        let said = self.quietly(arguments)?;
        self.show(&said);
        Ok(said)
    }

    /// Runs a command of the program that must succeed, unseen.
    pub(crate) fn quietly(&self, arguments: &[&str]) -> Result<String> {
        let (succeeded, out, err) = self.output(arguments, "")?;
        if !succeeded {
            bail!("denizen {}:\n{}", arguments.join(" "), err.trim());
        }
        Ok(out)
    }

    /// What a command prints that must succeed, as bytes.
    pub(crate) fn bytes(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        self.show_command(arguments);
        let output = program()?.args(arguments).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("denizen {}:\n{}", arguments.join(" "), said.trim());
        }
        Ok(output.stdout)
    }

    /// Runs a command of the program to its end: whether it succeeded, and what it said.
    pub(crate) fn output(&self, arguments: &[&str], input: &str) -> Result<(bool, String, String)> {
        let mut child = program()?
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read its input may be gone already.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output()?;
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        ))
    }

    /// Shows what a program said, with short paths.
    pub(crate) fn show(&self, said: &str) {
        for line in self.shorten(said).lines() {
            println!("     | {line}");
        }
    }

    /// A text without the folders that all paths of the demo begin with.
    fn shorten(&self, text: &str) -> String {
        let folder = format!("{}/", self.0.display());
        let tree = format!("{}/", root().display());
        text.replace(&folder, "").replace(&tree, "")
    }

    /// Shows a command as one would type it, with short paths.
    pub(crate) fn show_command(&self, arguments: &[&str]) {
        let words = arguments.iter().map(|word| {
            let word = self.shorten(word);
            let quoted = word.is_empty() || word.contains([' ', '#', '&']);
            if quoted { format!("'{word}'") } else { word }
        });
        println!("   $ denizen {}", words.collect::<Vec<_>>().join(" "));
    }
}

/// The program, which cargo builds beside this one.
fn program() -> Result<Command> {
    Ok(Command::new(
        std::env::current_exe()?.with_file_name("denizen"),
    ))
}

/// Processes that serve.
#[derive(Default)]
pub(crate) struct Servers {
    running: Vec<(String, Child)>,
    /// Name and arguments of each that was started.
    begun: Vec<(String, Vec<String>)>,
    keep: bool,
}

impl Servers {
    /// Starts one; what it says goes to a file beside its folder.
    pub(crate) fn start(&mut self, place: &Place, name: &str, arguments: &[&str]) -> Result<()> {
        place.show_command(arguments);
        let given = arguments.iter().map(|a| (*a).to_owned()).collect();
        self.begun.push((name.to_owned(), given));
        self.run(place, name, arguments)
    }

    /// Starts all again that were started before, in the same order.
    pub(crate) fn start_again(&mut self, place: &Place) -> Result<()> {
        for (name, given) in self.begun.clone() {
            let arguments: Vec<&str> = given.iter().map(String::as_str).collect();
            self.run(place, &name, &arguments)?;
        }
        Ok(())
    }

    /// Waits until the first of them ends: ctrl-c in a terminal reaches all of them.
    pub(crate) fn wait(&mut self) -> Result<()> {
        if let Some((_, first)) = self.running.first_mut() {
            first.wait()?;
        }
        Ok(())
    }

    fn run(&mut self, place: &Place, name: &str, arguments: &[&str]) -> Result<()> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(place.path(&format!("{name}.log")))?;
        let mut command = program()?;
        command.args(arguments).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        self.running.push((name.to_owned(), command.spawn()?));
        Ok(())
    }

    /// Stops all, newest first, as an operator would; each must end well.
    pub(crate) fn stop_all(&mut self) -> Result<()> {
        while let Some((name, mut server)) = self.running.pop() {
            if let Some(ended) = server.try_wait()? {
                bail!("{name} had ended before it was stopped: {ended}");
            }
            terminate(server.id())?;
            let ended = wait_for(&format!("{name} stops"), || Ok(server.try_wait()?));
            if ended.is_err() {
                server.kill()?;
            }
            let ended = ended?;
            println!("   {name}: stopped ({ended})");
            if !ended.success() {
                bail!("{name} did not end well: {ended}");
            }
        }
        Ok(())
    }

    /// Lets them run on.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    /// Their process ids.
    pub(crate) fn ids(&self) -> String {
        let ids = self
            .running
            .iter()
            .map(|(_, server)| server.id().to_string());
        ids.collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (_, server) in self.running.iter_mut().filter(|_| !self.keep) {
            // The run has failed already; nothing more can be said.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn terminate(id: u32) -> Result<()> {
    // The shell's own `kill`: a small machine has no program of this name.
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -TERM {id}")])
        .status()?;
    if !sent.success() {
        bail!("process {id} could not be told to stop");
    }
    Ok(())
}

/// Looks until something is so.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = instant();
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if started.elapsed() > PATIENCE {
            bail!("not within {} s: {what}", PATIENCE.as_secs());
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process has no condition to wait on"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}

/// A URL on loopback whose port was free a moment ago, below those that the system gives to outgoing
/// connections: none of the demo's own takes it meanwhile.
pub(crate) fn free_url() -> Result<String> {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000)?;
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (first..first + 2000).find(is_free);
    let port = port.context("no port on loopback is free")?;
    // By name: a browser keeps passkeys for `localhost`, and none for a number.
    Ok(format!("http://localhost:{port}"))
}

/// What a server answers to a plain request.
pub(crate) fn answers(url: &str, path: &str) -> Option<String> {
    let address = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// What stands after a name on a line.
pub(crate) fn field<'a>(said: &'a str, name: &str) -> Option<&'a str> {
    said.lines()
        .find_map(|line| line.trim().strip_prefix(name))
        .map(str::trim)
}
