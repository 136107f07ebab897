//! A gateway is killed while it delivers, alone or together with its hub: every row of its file reaches the
//! person once, and every receipt verifies.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests of real processes"
)]

use super::{
    line::{self, Bytes, Then},
    say,
};
use crate::support::{HubFolder, Process, denizen, run, signal_pid, succeed, text, wait_for};
use denizen_fire::disk::below;
use denizen_testkit::{
    campaign::{seed, times},
    catalogue::demo_file,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

const KIND: &str = "urn:denizen:kind:border-crossing:1";
const CASE: &str = "C-1";
/// Rows of one file.
const ROWS: usize = 300;
/// Bytes that come through before a kill: of the request, which is larger, or of answers.
const BYTES_MAX: [usize; 2] = [150_000, 8_000];
/// Kills of one office; then another is made, so that a profile stays small.
const KILLS_MAX: u32 = 4;

/// A border service with one person.
pub(super) struct Border {
    pub(super) hub: HubFolder,
    pub(super) office: PathBuf,
    /// What the office may still send to its hub, and hear of it.
    line: [Bytes; 2],
    silent: Arc<AtomicBool>,
    rows: usize,
}

impl Border {
    pub(super) fn make(hub: HubFolder) -> Self {
        let (office, process) = (hub.file("office"), hub.serve());
        let line = [Bytes::endless(), Bytes::endless()];
        let (bytes, silent) = (line.clone(), Arc::new(AtomicBool::new(false)));
        let each = move || bytes.clone();
        let to = hub.url.strip_prefix("http://").unwrap();
        let url = line::open(to, each, Then::Silence(Arc::clone(&silent)));
        let border = Self {
            hub,
            office,
            line,
            silent,
            rows: 0,
        };
        let (dir, id) = (border.path("office"), border.hub.id.to_text());
        let at = ["--hub-id", &id, "--hub-url", &url];
        succeed(&[&["gateway", "init", &dir, "--name", "Border"][..], &at].concat());
        let at = ["--hub-id", &id, "--hub-url", &border.hub.url];
        let statement = border.path("office.statement");
        let written = run(&["gateway", "statement", &dir]).stdout;
        fs::write(&statement, written).unwrap();
        let folder = border.path("hub");
        succeed(&["hub", "admit", &folder, &statement, "--kind", KIND]);
        border.gateway("sync", &[]);
        fs::write(border.path("pass"), "seven invented words for tests\n").unwrap();
        fs::write(
            border.path("mapping.toml"),
            demo_file("border/mapping.toml"),
        )
        .unwrap();
        let kit = border.path("kit");
        border.person("init", &[&at[..], &["--kit", &kit]].concat());
        border.link();
        drop(process);
        border
    }

    fn path(&self, name: &str) -> String {
        text(&self.hub.file(name)).to_owned()
    }

    pub(super) fn gateway(&self, command: &str, rest: &[&str]) -> String {
        succeed(&[&["gateway", command, text(&self.office)], rest].concat())
    }

    fn person(&self, command: &str, rest: &[&str]) -> String {
        let (profile, pass) = (self.path("profile"), self.path("pass"));
        let own = [command, &profile, "--passphrase-file", &pass];
        succeed(&[&own[..], rest].concat())
    }

    fn link(&self) {
        let asked = [
            "--purpose",
            "Your crossings",
            "--send",
            KIND,
            "--case",
            CASE,
        ];
        let said = self.gateway("invite", &asked);
        let invitation = said.lines().find(|l| l.starts_with("denizen:invite#"));
        self.person("link", &[invitation.unwrap(), "--yes"]);
        self.gateway("sync", &[]);
        self.person("sync", &[]);
        let digits = self.person("code", &[]);
        self.gateway("sync", &[]);
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        self.gateway("confirm", &[CASE, &digits]);
        self.gateway("sync", &[]);
        self.person("sync", &[]);
    }

    /// Another file is taken in: each row is another minute.
    pub(super) fn intake(&mut self) {
        let (file, mapping) = self.file(ROWS);
        self.gateway("intake", &[&file, "--mapping", &mapping]);
    }

    /// Another file, and its mapping.
    pub(super) fn file(&mut self, rows: usize) -> (String, String) {
        let demo = String::from_utf8(demo_file("border/crossings.csv")).unwrap();
        let mut file = format!("{}\n", demo.lines().next().unwrap());
        for minute in self.rows..self.rows + rows {
            let (day, hour, minute) = (minute / 1440 + 1, minute / 60 % 24, minute % 60);
            writeln!(
                file,
                "{CASE};Каримова Азиза;Karimova Aziza;KARIMOVA<<AZIZA;;1994-03-17;FA1204563;UZB;въезд;\
                 {day:02}.03.2026 {hour:02}:{minute:02}+0300;10002010;Домодедово;воздушный;частная;;"
            )
            .unwrap();
        }
        let (path, mapping) = (self.path("crossings.csv"), self.path("mapping.toml"));
        fs::write(&path, file).unwrap();
        self.rows += rows;
        (path, mapping)
    }

    /// Delivers a file, and is killed when its line has fallen silent. Gives how many rows had no answer: all
    /// envelopes of a file are one request.
    fn kill(&mut self, with_hub: bool, most: [usize; 2]) -> usize {
        let hub = self.hub.serve();
        self.intake();
        self.silent.store(false, Ordering::SeqCst);
        self.line
            .iter()
            .zip(most)
            .for_each(|(line, most)| line.set(most));
        let mut serve = denizen();
        serve.args(["gateway", "serve", text(&self.office)]);
        let gateway = Process::start(serve);
        wait_for("no more of it comes through", || {
            self.silent.load(Ordering::SeqCst).then_some(())
        });
        signal_pid("KILL", gateway.0.id());
        let hub = if with_hub {
            signal_pid("KILL", hub.0.id());
            drop(hub);
            self.hub.serve()
        } else {
            hub
        };
        drop(gateway);
        self.line.iter().for_each(|line| line.set(usize::MAX));
        let said = self.gateway("sync", &[]);
        let stored = said.lines().find(|l| l.contains("were stored by the hub"));
        let stored = stored.unwrap().split(' ').next().unwrap();
        assert!(said.contains("0 envelope(s) for the hub"), "{said}");
        drop(hub);
        if stored == "0" { 0 } else { ROWS }
    }

    /// Every row is with the person, once, and its receipt verifies without anybody.
    pub(super) fn check(&self) {
        let _hub = self.hub.serve();
        self.person("sync", &[]);
        let listed = self.person("list", &["--kind", "border-crossing"]);
        let told: Vec<_> = listed
            .lines()
            .filter(|l| l.contains("Date and time: "))
            .collect();
        let times: BTreeSet<_> = told.iter().collect();
        assert_eq!(
            (told.len(), times.len()),
            (self.rows, self.rows),
            "{listed}"
        );
        let copy = self.path("copy");
        self.person("export", &[&copy]);
        let said = succeed(&["verify", &copy]);
        assert!(!said.contains("alarm"), "{said}");
    }
}

#[test]
fn a_gateway_killed_while_it_delivers_loses_and_doubles_nothing() {
    let kills = times(2_u32);
    let (mut unanswered, mut rows) = (0, 0);
    let (mut rest, mut dice) = (kills, ChaCha20Rng::seed_from_u64(seed(69)));
    while rest > 0 {
        let mut border = Border::make(HubFolder::make());
        for number in 0..rest.min(KILLS_MAX) {
            let mut most = [usize::MAX; 2];
            let way = usize::from(number % 4 == 3);
            most[way] = below(&mut dice, BYTES_MAX[way]);
            let lost = border.kill(number % 2 == 1, most);
            assert!(lost > 0 || way == 1, "answered, and not sent");
            unanswered += lost;
        }
        border.check();
        rows += border.rows;
        rest -= rest.min(KILLS_MAX);
    }
    say(&format!(
        "kills of a gateway, every other with its hub: {kills}, seed {}: {rows} rows, {unanswered} of them without an \
         answer at a kill, each there once",
        seed(69)
    ));
}
