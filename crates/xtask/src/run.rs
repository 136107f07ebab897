//! Steps with a heading and a time, and programs that they run.

use crate::root::root;
use anyhow::{Context as _, Result, bail};
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// The machine's monotonic clock.
#[expect(clippy::disallowed_methods, reason = "a tool that measures")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Steps that were done, in order, with their times.
#[derive(Default)]
pub(crate) struct Steps(Vec<(&'static str, Duration)>);

impl Steps {
    /// Runs one step under a heading. The first that fails ends the run and says what to do.
    pub(crate) fn step<T>(
        &mut self,
        title: &'static str,
        what_to_do: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        println!("\n== {title}");
        let started = instant();
        let done = work().with_context(|| format!("{title} failed\nWhat to do: {what_to_do}\nWhy"));
        let time = started.elapsed();
        self.0.push((title, time));
        if done.is_ok() {
            println!("   {title}: done in {:.1} s", time.as_secs_f64());
        }
        done
    }

    /// Prints how long each step took.
    pub(crate) fn print_times(&self) {
        println!("\n== times");
        for (title, time) in &self.0 {
            println!("   {:>7.1} s  {title}", time.as_secs_f64());
        }
    }
}

/// A command in the work tree.
pub(crate) fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    if std::env::var_os("CI").is_some() {
        // Nothing is built there a second time: what cargo keeps for that is half of the disk.
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// Runs a program to its end; its output goes to the terminal.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    run_command(command(program, arguments))
}

/// Runs a prepared command to its end.
pub(crate) fn run_command(mut command: Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    println!("   $ {}", line_of(&command));
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{name} could not be started"))?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

/// Runs a program to its end and gives each line of its output to `each`, which may print it.
pub(crate) fn run_lines(mut command: Command, mut each: impl FnMut(&str)) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    println!("   $ {}", line_of(&command));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{name} could not be started"))?;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            each(&String::from_utf8_lossy(&line?));
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(())
}

/// The output of a program that must succeed.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = command(program, arguments)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} could not be started"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{program} ended with {}: {}", output.status, said.trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|w| w.to_string_lossy()).collect();
    words.join(" ")
}
