//! The year, month by month.

use super::{
    Hub, Story, demo_file,
    meter::Meter,
    offices::{Office, take_in_all},
    person::Person,
    plan::TOLD,
    processes::{Place, wait_for},
    say,
    year::{MONTHS, Year},
};
use crate::root::root;
use anyhow::{Context as _, Result, ensure};
use std::fs;

/// What she calls her child.
const CHILD: &str = "timur";
/// Records of his that count at the end: four of offices, the decision, and the enrolment.
const CHILD_RECORDS: usize = 6;

/// Size of the counter-evidence: several chunks of an object.
const SCAN_SIZE_BYTES: usize = 300_000;

/// How the year ended.
pub(crate) struct Told<'a> {
    /// Her profile, on the device that she has now.
    pub(crate) aziza: Person<'a>,
    /// Her child's, which hers keeps.
    pub(crate) child: Person<'a>,
}

/// A year under way.
struct Telling<'a, 'b> {
    place: &'a Place,
    year: &'b mut Year,
    offices: &'b [Office<'a>],
    aziza: Person<'a>,
    child: Option<Person<'a>>,
    /// Records that count by now.
    records: usize,
    /// The number of the dispute at the police.
    dispute: Option<String>,
}

/// Tells the year.
pub(crate) fn tell<'a>(
    story: &mut Story,
    place: &'a Place,
    year: &mut Year,
    (hub, offices): (&Hub, &[Office<'a>]),
    aziza: Person<'a>,
) -> Result<Told<'a>> {
    let mut meter = Meter::default();
    let mut telling = Telling {
        place,
        year,
        offices,
        aziza,
        child: None,
        records: 0,
        dispute: None,
    };
    say(
        "What offices write in their files is dated through the year up to today. What the programs",
    );
    say("date themselves, such as the application and the decision, is of today: they run now.");
    for (month, told) in (1..=MONTHS).zip(TOLD) {
        let from = telling.year.first_day(month)?;
        story.heading(&format!("Month {month} of {MONTHS}, from {from}: {told}"));
        telling.month(month)?;
        meter.look(hub)?;
    }
    let child = telling.child.context("the child has no profile")?;
    Ok(Told {
        aziza: telling.aziza,
        child,
    })
}

impl<'a> Telling<'a, '_> {
    fn month(&mut self, month: u32) -> Result<()> {
        let new = self.offices.iter().filter_map(|office| {
            let (meets, case) = office.plan().meets?;
            (meets == month).then_some((office, case))
        });
        let new: Vec<_> = new.collect();
        if !new.is_empty() {
            self.aziza.link(&new)?;
        }
        if month == 10 {
            self.child_begins()?;
        }
        let taken = take_in_all(self.place, self.offices, self.year, month)?;
        // The guardianship authority has nothing of hers, only of her child's.
        let hers = taken.iter().filter(|taken| taken.office != "guardianship");
        self.records += hers.map(|taken| taken.intake.sent as usize).sum::<usize>();
        for file in taken.iter().filter(|taken| taken.intake.bad > 0) {
            self.bad_rows(file.office, &file.file)?;
        }
        self.aziza.wait_for_records(self.records)?;
        say(&format!("She has {} records.", self.records));
        match month {
            2 => self.permit(),
            7 => self.debt(),
            9 => self.offence(),
            10 => self.correction().and_then(|()| self.school()),
            11 => self.lost(),
            _ => Ok(()),
        }
    }

    fn office(&self, folder: &str) -> Result<&Office<'a>> {
        let mut all = self.offices.iter();
        let found = all.find(|office| office.plan().folder == folder);
        found.with_context(|| format!("there is no office {folder}"))
    }

    /// Bad rows are listed; the good ones of the same file went through, once.
    fn bad_rows(&self, office: &str, file: &str) -> Result<()> {
        let office = self.office(office)?;
        self.place.show(&office.bad_rows(file)?);
        let again = office.intake(file, "mapping.toml")?;
        ensure!(again.sent == 0 && again.bad == 1, "{again:?}");
        say("The same file once more: nothing is sent twice, the bad row is still listed.");
        Ok(())
    }

    /// She applies for a work permit; the office verifies, looks and decides.
    fn permit(&mut self) -> Result<()> {
        let office = self.office("immigration")?;
        office.publish(&root().join("catalogue/services/work-permit.json"))?;
        let answers = demo_file("immigration/answers.json")?;
        self.aziza.apply("work-permit", &answers)?;
        self.aziza.wait_for_kinds(&["application-filed"])?;
        say("The filed application is itself a record: proof of a pending procedure.");
        let grant = self
            .year
            .whole(self.place, "immigration/work-permit.json")?;
        office.decide(&grant)?;
        self.aziza.wait_for_kinds(&["decision", "work-permit"])?;
        let (decision, permit) = (
            self.aziza.leaf_of("decision")?,
            self.aziza.leaf_of("work-permit")?,
        );
        ensure!(
            decision == permit,
            "decision under leaf {decision}, permit under {permit}"
        );
        say(&format!(
            "Decision and permit came in one envelope: leaf {permit} of the log."
        ));
        say("She also sees who opened her papers:");
        self.aziza.follow()?;
        // The decision takes the place of the proof that an application is pending.
        self.records += 2;
        self.aziza.wait_for_records(self.records)
    }

    /// A debt is told with who, why, what follows and until when she can appeal.
    fn debt(&self) -> Result<()> {
        self.assert_notice(&self.aziza.show("tax-status")?)
    }

    fn assert_notice(&self, said: &str) -> Result<()> {
        for key in [
            "who",
            "ground",
            "law",
            "effect",
            "appeal-until",
            "appeal-where",
        ] {
            let text = self.aziza.text(&format!("cli-notice-{key}"))?;
            let (label, _) = text
                .split_once("{value}")
                .context("the text has no value")?;
            ensure!(
                said.contains(label.trim()),
                "the notice does not say: {label}"
            );
        }
        Ok(())
    }

    /// A wrong record: told at once, disputed with a paper, contested meanwhile.
    fn offence(&mut self) -> Result<()> {
        let said = self.aziza.show("administrative-offence")?;
        self.assert_notice(&said)?;
        say("She was registered in time, and has the slip that shows it.");
        let paper = demo_file("year/police/registration-notice.txt")?;
        let scan = self.scan()?;
        let text = "I was registered within seven working days: see the slip.";
        self.aziza
            .dispute("administrative-offence", text, &paper, &scan)?;
        let contested = self.aziza.text("cli-record-status-contested")?;
        let said = self.aziza.show_kind("administrative-offence")?;
        ensure!(said.contains(&contested), "the record is not contested");
        let police = self.office("police")?;
        let dispute = police.open_dispute()?;
        let saved = self.place.path("saved-by-the-police.png");
        police.save_file(&dispute, &saved)?;
        ensure!(fs::read(&saved)? == fs::read(&scan)?, "another file came");
        say("The scan came whole: sealed in chunks, which the hub stored and could not look into.");
        self.dispute = Some(dispute);
        Ok(())
    }

    /// A photograph of the slip: invented bytes, as large as one.
    fn scan(&self) -> Result<String> {
        let path = self.place.path("slip.png");
        let bytes = (0..SCAN_SIZE_BYTES).map(|n| u8::try_from(n * 31 % 251).unwrap_or(0));
        let start = *b"\x89PNG\r\n\x1a\n";
        fs::write(&path, start.into_iter().chain(bytes).collect::<Vec<_>>())?;
        Ok(path)
    }

    /// The corrected record takes the place of the wrong one.
    fn correction(&mut self) -> Result<()> {
        let dispute = self.dispute.clone().context("nothing was disputed")?;
        let corrected = self.year.whole(self.place, "police/corrected.json")?;
        self.office("police")?.uphold(&dispute, &corrected)?;
        let replaced = self.aziza.text("cli-superseded")?;
        wait_for("the corrected record comes", || {
            self.aziza.sync()?;
            let said = self.aziza.list(&["--kind", "administrative-offence"])?;
            Ok(said.contains(&replaced).then_some(()))
        })?;
        let cancelled = self
            .aziza
            .text("value-administrative-offence-state-cancelled")?;
        let said = self.aziza.show("administrative-offence")?;
        ensure!(
            said.contains(&cancelled),
            "the newest record is not the corrected one"
        );
        self.aziza.wait_for_records(self.records)
    }

    /// Her child gets a profile of his own, which hers keeps; four offices link with him.
    fn child_begins(&mut self) -> Result<()> {
        let (child, key) = self.aziza.add_child(CHILD)?;
        self.year.set_key(&key);
        let offices = self.offices.iter();
        let offices = offices.filter_map(|office| Some((office, office.plan().child?)));
        child.link(&offices.collect::<Vec<_>>())?;
        self.child = Some(child);
        Ok(())
    }

    /// His mother files for him, by the mandate that he holds; the school decides, and the record is
    /// his.
    fn school(&mut self) -> Result<()> {
        let child = self.child.as_ref().context("the child has no profile")?;
        // Who he is, where he is registered, the test, and the mandate.
        child.wait_for_records(4)?;
        let school = self.office("school")?;
        school.publish(&root().join("catalogue/services/school-enrolment.json"))?;
        child.sync()?;
        let answers = self.year.whole(self.place, "school/answers.json")?;
        child.apply("school-enrolment", &answers)?;
        school.decide(&self.year.whole(self.place, "school/enrolment.json")?)?;
        child.wait_for_records(CHILD_RECORDS)?;
        child.show("enrolment")?;
        say("The record is in his profile; nothing of his is in hers.");
        self.aziza.wait_for_records(self.records)
    }

    /// A new device, from the kit alone; then every link moves to an address that the lost one never
    /// had.
    fn lost(&mut self) -> Result<()> {
        let restored = self.aziza.restore("aziza-new-device")?;
        let there = restored.count_records(&[])?;
        ensure!(
            there == self.records,
            "{} records before, {there} after",
            self.records
        );
        say(&format!(
            "All {there} records are back, from the printed kit alone."
        ));
        let moved = restored.move_links()?;
        say(&format!(
            "She moves her {moved} links: what knocks at the old addresses hears nothing."
        ));
        wait_for("every link has moved, with its records", || {
            restored.sync()?;
            let (ended, there) = (restored.ended_links()?, restored.count_records(&[])?);
            Ok((ended == moved && there == self.records).then_some(()))
        })?;
        let child = restored.restore_child(CHILD)?;
        child.wait_for_records(CHILD_RECORDS)?;
        say("Her child's profile is back too: it is kept in hers.");
        self.child = Some(child);
        self.aziza = restored;
        Ok(())
    }
}
