//! `cargo xtask demo`: one person's year, with real processes and real files.
//!
//! A hub and the gateways of seventeen organisations run as processes of their own, on loopback, each
//! with its own folder and database. Aziza's profile is a folder too. Everything goes over the
//! program's command line, as an office or a person would do it, month by month. At the end no server
//! runs, and a new process checks what she exported. The demo exits with 0 only if every step was seen
//! to be true.

mod meter;
mod months;
mod offices;
mod person;
mod plan;
mod processes;
mod proof;
mod year;

use crate::{root::root, run::instant, setup, web};
use anyhow::{Context as _, Result, bail, ensure};
use offices::Office;
use person::Person;
use plan::OFFICES;
use processes::{Place, Servers};
use std::{fs, io::IsTerminal as _, time::Instant};
use year::Year;

/// A step's heading, numbered, with the time since the beginning.
pub(crate) struct Story(u32, Instant);

impl Story {
    fn heading(&mut self, text: &str) {
        self.0 += 1;
        let time = self.1.elapsed().as_secs();
        println!("\n== {}. {text} ({time} s)", self.0);
    }
}

/// Says something in plain words.
pub(crate) fn say(text: &str) {
    println!("   {text}");
}

/// Runs the demo.
pub(crate) fn run_demo(arguments: &[&str]) -> Result<()> {
    let keep = match arguments {
        [] => false,
        ["--keep"] => true,
        _ => bail!("cargo xtask demo [--keep]"),
    };
    let started = instant();
    println!("Every person, number and paper in this demonstration is invented.");
    setup::set_up_build()?;
    println!("\n== 0. The portal's pages are built");
    web::build()?;
    println!("\n== 0. The program is built, with the pages in it");
    web::build_program()?;
    let place = Place::make()?;
    let mut servers = Servers::default();
    let told = tell(&place, &mut servers, keep);
    let portal = told.map_err(|error| {
        let folder = place.folder().display();
        error.context(format!(
            "the demonstration is not true\nWhat to do: look at the last step above; keys, databases and \
             the servers' logs are left in {folder}\nWhy"
        ))
    })?;
    println!(
        "\nAll of this was true. It took {:.1} s.",
        started.elapsed().as_secs_f64()
    );
    stay(&place, &mut servers, keep, &portal)
}

/// What a person can open in a browser.
struct Portal {
    url: String,
    /// Aziza's profile, good once.
    device: String,
    passphrase: &'static str,
}

/// In a terminal everything runs again until ctrl-c; without one the demo is over, unless it was asked to
/// leave the servers running.
fn stay(place: &Place, servers: &mut Servers, keep: bool, portal: &Portal) -> Result<()> {
    let terminal = std::io::stdout().is_terminal();
    if !keep && !terminal {
        return place.remove();
    }
    if !keep {
        servers.start_again(place)?;
    }
    println!("\nOpen in a browser:");
    println!("   a profile to begin anew   {}/", portal.url);
    println!("   Aziza's, this once        {}", portal.device);
    println!("   its passphrase            {}", portal.passphrase);
    println!("Everything is in {}.", place.folder().display());
    if keep {
        servers.keep();
        println!("The servers run on. Stop them with: kill {}", servers.ids());
        return Ok(());
    }
    println!("The servers run until ctrl-c.");
    servers.wait()
}

fn tell(place: &Place, servers: &mut Servers, keep: bool) -> Result<Portal> {
    let story = &mut Story(0, instant());
    let hub = start_hub(story, place, servers)?;
    let offices = start_offices(story, place, servers, &hub)?;
    let mut year = Year::to_today()?;
    story.heading("Aziza makes her profile");
    let aziza = Person::make(place, "aziza", &hub.id, &hub.url)?;
    let told = months::tell(story, place, &mut year, (&hub, &offices), aziza)?;

    story.heading("What she has at the end of the year");
    let records = count(&told.aziza)?;
    story.heading("The portal has her profile for a browser, by a link that is good once");
    let (device, passphrase) = told.aziza.offer_to_browser()?;
    let page = processes::answers(&hub.url, "/").unwrap_or_default();
    ensure!(page.contains("<!doctype html>"), "no portal at {}", hub.url);
    if keep {
        story.heading("The servers keep running, as asked; what follows does not use them");
    } else {
        story.heading("Every server is stopped");
        servers.stop_all()?;
        let answer = processes::answers(&hub.url, "/healthz");
        ensure!(answer.is_none(), "something still answers at {}", hub.url);
    }
    meter::assert_blind(&hub, &MARKS)?;
    story.heading("Offline, a new process checks what Aziza exported");
    proof::check(place, &hub.id, &told.aziza, records)?;
    say("Her child's profile, exported as well, is checked in the same way.");
    proof::check_whole(place, &told.child)?;
    Ok(Portal {
        url: hub.url,
        device,
        passphrase,
    })
}

/// Values of hers that must lie nowhere at the hub.
const MARKS: [&str; 7] = [
    "Каримова",
    "Karimova",
    "KARIMOV",
    "FA1204563",
    "690312045177",
    "69 АП 118204",
    "+79990001122",
];

/// The least number of records of the year.
const RECORDS_MIN: usize = 60;

/// Every category has something, and all together are enough; gives how many files hold one.
fn count(aziza: &Person<'_>) -> Result<usize> {
    let mut all = 0;
    for category in CATEGORIES {
        let records = aziza.count_records(&["--category", category])?;
        let label = aziza.text(&format!("category-{category}"))?;
        say(&format!("{records:>4}  {label}"));
        ensure!(records > 0, "nothing of the category {category}");
        all += records;
    }
    say(&format!(
        "{all:>4}  in all that count, of {} categories",
        CATEGORIES.len()
    ));
    ensure!(
        all >= RECORDS_MIN,
        "{all} records are fewer than {RECORDS_MIN}"
    );
    ensure!(
        all == aziza.count_records(&[])?,
        "a record is of no category"
    );
    aziza.count_all()
}

/// The categories of the catalogue.
const CATEGORIES: [&str; 12] = [
    "identity",
    "stay",
    "border",
    "employment",
    "transport",
    "property",
    "tax",
    "education",
    "language",
    "medical",
    "contact",
    "offences",
];

/// A running hub.
pub(crate) struct Hub {
    pub(crate) dir: String,
    id: String,
    pub(crate) url: String,
}

fn start_hub(story: &mut Story, place: &Place, servers: &mut Servers) -> Result<Hub> {
    story.heading("The operator makes a hub and serves it");
    let (dir, url) = (place.path("hub"), processes::free_url()?);
    let said = place.denizen(&["hub", "init", &dir, "--name", "Demo hub", "--url", &url])?;
    let id = processes::field(&said, "id:")
        .context("hub init printed no id")?
        .to_owned();
    let config = fs::read_to_string(place.path("hub/hub.toml"))?;
    let config = config.replace("synthetic = false", "synthetic = true");
    fs::write(place.path("hub/hub.toml"), config)?;
    servers.start(place, "hub", &["hub", "serve", &dir])?;
    processes::wait_for("the hub answers", || {
        Ok(processes::answers(&url, "/healthz").filter(|body| body.contains("ok")))
    })?;
    place.denizen(&["hub", "bundle", &dir])?;
    place.denizen(&["audit", "bundle", &url, "--hub-id", &id])?;
    say("The hub stores and forwards sealed envelopes. It has no key that opens one.");
    Ok(Hub { dir, id, url })
}

fn start_offices<'a>(
    story: &mut Story,
    place: &'a Place,
    servers: &mut Servers,
    hub: &Hub,
) -> Result<Vec<Office<'a>>> {
    story.heading(
        "The organisations make their gateways; the operator admits each for its own kinds",
    );
    let mut made = Vec::new();
    for plan in &OFFICES {
        let office = Office::make(place, plan, &hub.id, &hub.url)?;
        office.be_admitted(&hub.dir)?;
        servers.start(place, plan.folder, &["gateway", "serve", office.dir()])?;
        say(&format!("{}: {}", plan.name, plan.kinds.join(", ")));
        made.push(office);
    }
    say("Each gateway only calls out to the hub: none of them needs an open port.");
    Ok(made)
}

/// A file of the demo.
pub(crate) fn demo_file(name: &str) -> Result<String> {
    let file = root().join("demo").join(name);
    ensure!(fs::exists(&file)?, "demo/{name} is missing");
    Ok(file.to_string_lossy().into_owned())
}
