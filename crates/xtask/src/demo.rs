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

use crate::{
    root::root,
    run::{instant, run},
    setup,
};
use anyhow::{Context as _, Result, bail, ensure};
use offices::Office;
use person::Person;
use plan::OFFICES;
use processes::{Place, Servers};
use std::{fs, time::Instant};
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
    println!("\n== 0. The program is built");
    setup::set_up_build()?;
    run(
        "cargo",
        &["build", "--quiet", "--locked", "--package", "denizen"],
    )?;
    let place = Place::make()?;
    let mut servers = Servers::default();
    let told = tell(&place, &mut servers, keep);
    if let Err(error) = told {
        let folder = place.folder().display();
        return Err(error.context(format!(
            "the demonstration is not true\nWhat to do: look at the last step above; keys, databases and \
             the servers' logs are left in {folder}\nWhy"
        )));
    }
    if keep {
        servers.keep();
        println!(
            "\nThe servers still run. Everything is in {}.",
            place.folder().display()
        );
        println!("Stop them with: kill {}", servers.ids());
    } else {
        place.remove()?;
    }
    println!(
        "\nAll of this was true. It took {:.1} s.",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn tell(place: &Place, servers: &mut Servers, keep: bool) -> Result<()> {
    let story = &mut Story(0, instant());
    let hub = start_hub(story, place, servers)?;
    let offices = start_offices(story, place, servers, &hub)?;
    let mut year = Year::to_today()?;
    story.heading("Aziza makes her profile");
    let aziza = Person::make(place, "aziza", &hub.id, &hub.url)?;
    let told = months::tell(story, place, &mut year, (&hub, &offices), aziza)?;

    story.heading("What she has at the end of the year");
    let records = count(&told.aziza)?;
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
    proof::check_whole(place, &told.child)
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
    servers.start(place, "hub", &["hub", "serve", &dir])?;
    processes::wait_for("the hub answers", || {
        Ok(processes::answers(&url, "/healthz").filter(|body| body.contains("ok")))
    })?;
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
