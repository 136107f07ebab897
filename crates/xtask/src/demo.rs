//! `cargo xtask demo`: one person's way through four offices, with real processes and real files.
//!
//! A hub and four gateways run as processes of their own, on loopback, each with its own folder and
//! database. Aziza's profile is a folder too. Everything goes over the program's command line, as an
//! office or a person would do it. At the end no server runs, and a new process checks what she
//! exported. The demo exits with 0 only if every step was seen to be true.

mod offices;
mod person;
mod processes;
mod proof;

use crate::{
    root::root,
    run::{instant, run},
    setup,
};
use anyhow::{Context as _, Result, bail, ensure};
use offices::{OFFICES, Office};
use person::Person;
use processes::{Place, Servers};
use std::fs;

/// A step's heading, numbered.
pub(crate) struct Story(u32);

impl Story {
    fn heading(&mut self, text: &str) {
        self.0 += 1;
        println!("\n== {}. {text}", self.0);
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
    let story = &mut Story(0);
    let hub = start_hub(story, place, servers)?;
    let offices = start_offices(story, place, servers, &hub)?;
    let aziza = fill_profile(story, place, &hub, &offices)?;
    apply(story, &aziza, &offices)?;
    let records = aziza.count_records()?;

    story.heading("Aziza loses her device and gets everything back from the printed kit alone");
    let restored = aziza.restore("aziza-new-device")?;
    let again = restored.count_records()?;
    ensure!(
        again == records,
        "{records} records before, {again} after the restore"
    );
    say(&format!("All {records} records are back."));

    if keep {
        story.heading("The servers keep running, as asked; what follows does not use them");
    } else {
        story.heading("Every server is stopped");
        servers.stop_all()?;
        let answer = processes::answers(&hub.url, "/healthz");
        ensure!(answer.is_none(), "something still answers at {}", hub.url);
    }
    story.heading("Offline, a new process checks what Aziza exported");
    proof::check(place, &aziza, records)
}

/// Three offices fill a profile from their own files.
fn fill_profile<'a>(
    story: &mut Story,
    place: &'a Place,
    hub: &Hub,
    [border, immigration, test_centre, clinic]: &[Office<'_>; 4],
) -> Result<Person<'a>> {
    story.heading("The immigration office offers its service: a work permit");
    immigration.publish(&root().join("catalogue/services/work-permit.json"))?;

    story.heading("The border service takes in its files before anybody is linked");
    say("Rows carry the office's own case reference and no address: they wait, encrypted.");
    for (file, mapping) in [
        ("crossings.csv", "mapping.toml"),
        ("documents.ndjson", "documents-mapping.toml"),
    ] {
        let intake = border.intake(file, mapping)?;
        ensure!(intake.sent == 0 && intake.bad == 0, "{file}: {intake:?}");
    }

    story.heading("Aziza makes her profile");
    let aziza = Person::make(place, "aziza", &hub.id, &hub.url)?;

    story.heading("Aziza links with the border service: invitation, six digits, the clerk's yes");
    aziza.link(border, "ПК-2026-000101")?;
    aziza.wait_for_kinds(&["travel-document", "border-crossing"])?;
    aziza.wait_for_records(4)?;
    say("Her four records of thirteen that waited came to her; the others still wait.");

    story.heading("The border service takes in a file with bad rows, twice");
    take_in_bad_rows(border)?;
    aziza.wait_for_records(6)?;
    say("The two good rows came to her, once.");

    story
        .heading("Aziza links with the test centre and the clinic, which then take in their files");
    aziza.link(test_centre, "ТЦ-4417")?;
    aziza.link(clinic, "К-26/00931")?;
    for (office, file, mapping) in [
        (test_centre, "certificates.csv", "mapping.toml"),
        (clinic, "certificates.ndjson", "mapping.toml"),
        (clinic, "vaccinations.ndjson", "vaccinations-mapping.toml"),
    ] {
        let intake = office.intake(file, mapping)?;
        ensure!(intake.sent == 1 && intake.bad == 0, "{file}: {intake:?}");
    }
    aziza.wait_for_kinds(&["language-certificate", "medical-certificate", "vaccination"])?;
    aziza.show_list()?;
    Ok(aziza)
}

/// The person applies; an office verifies, looks and decides.
fn apply(
    story: &mut Story,
    aziza: &Person<'_>,
    [_, immigration, _, _]: &[Office<'_>; 4],
) -> Result<()> {
    story.heading("Aziza applies for a work permit with what she has");
    aziza.link(immigration, "ИМ-2026-00417")?;
    aziza.apply("work-permit", "immigration/answers.json")?;
    aziza.wait_for_kinds(&["application-filed"])?;
    say("The filed application is itself a record: proof of a pending procedure.");

    story.heading("The office looks at the evidence that was verified, and decides");
    immigration.decide("immigration/work-permit.json")?;
    aziza.wait_for_kinds(&["decision", "work-permit"])?;
    let (decision, permit) = (aziza.leaf_of("decision")?, aziza.leaf_of("work-permit")?);
    ensure!(
        decision == permit,
        "decision under leaf {decision}, permit under {permit}"
    );
    say(&format!(
        "Decision and permit came in one envelope: leaf {permit} of the log."
    ));
    say("She also sees who opened her papers:");
    aziza.follow()
}

/// Good rows go through, bad ones are listed with line, column and reason; the same file again sends
/// nothing twice.
fn take_in_bad_rows(border: &Office<'_>) -> Result<()> {
    let name = "crossings-with-errors";
    let first = border.intake(&format!("{name}.csv"), "mapping.toml")?;
    ensure!(first.sent == 2 && first.bad == 5, "{first:?}");
    border.show(&border.bad_rows(name)?);
    let again = border.intake(&format!("{name}.csv"), "mapping.toml")?;
    ensure!(
        again.sent == 0 && again.repeated == 2 && again.bad == 5,
        "{again:?}"
    );
    Ok(())
}

/// A running hub.
struct Hub {
    dir: String,
    id: String,
    url: String,
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
) -> Result<[Office<'a>; 4]> {
    story.heading("Four offices make their gateways; the operator admits each for its own kinds");
    let mut made = Vec::new();
    for plan in &OFFICES {
        let office = Office::make(place, plan, &hub.id, &hub.url)?;
        office.be_admitted(&hub.dir)?;
        servers.start(place, plan.folder, &["gateway", "serve", office.dir()])?;
        made.push(office);
    }
    say("Each gateway only calls out to the hub: none of them needs an open port.");
    <[Office<'a>; 4]>::try_from(made)
        .ok()
        .context("there are four offices")
}

/// A file of the demo.
pub(crate) fn demo_file(name: &str) -> Result<String> {
    let file = root().join("demo").join(name);
    ensure!(fs::exists(&file)?, "demo/{name} is missing");
    Ok(file.to_string_lossy().into_owned())
}
