//! Lives: the people of the catalogue's list whom no other story tells, from the offices' rows to the
//! desk and the export.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{Answer, Grant, Verdict};
use denizen_holder::{Paper, TaskKind, verify_export};
use denizen_model::{
    Sha256Hash,
    catalogue::Service,
    message::{
        ApplicationState::{Decided, Filed},
        DisputeState,
    },
};
use denizen_testkit::{
    AZIZA, Persona, Play, catalogue,
    persona::{DALER, LAYLA, MEILING, NINO},
    play::{OfficeKind, WORK_PERMIT, vct},
};
use serde_json::{Value, json};

const PERSON: &str = "urn:denizen:kind:person:1";
const VISA: &str = "urn:denizen:kind:visa:1";
const QUALIFICATION: &str = "urn:denizen:kind:qualification:1";
const ENROLMENT: &str = "urn:denizen:kind:enrolment:1";
const INSURANCE: &str = "urn:denizen:kind:medical-insurance:1";
const OFFENCE: &str = "urn:denizen:kind:administrative-offence:1";
const ADMISSION: &str = "urn:denizen:service:university-admission";

const fn office(
    name: &'static str,
    title: &'static str,
    kinds: &'static [&'static str],
    services: &'static [&'static str],
) -> OfficeKind {
    OfficeKind {
        name,
        title,
        kinds,
        services,
        files: &[],
    }
}

const BORDER: OfficeKind = office(
    "border",
    "Border Service",
    &[vct::TRAVEL, vct::CROSSING],
    &[],
);
const CONSULATE: OfficeKind = office("consulate", "Consulate General", &[VISA], &[]);
const ABROAD: OfficeKind = office("school-abroad", "School Abroad", &[QUALIFICATION], &[]);
const TESTS: OfficeKind = office("test-centre", "Test Centre", &[vct::LANGUAGE], &[]);
const INSURER: OfficeKind = office("insurer", "Insurer", &[INSURANCE], &[]);
const REGISTER: OfficeKind = office("population-register", "Population Register", &[PERSON], &[]);
const POLICE: OfficeKind = office("police", "Police", &[OFFENCE], &[]);
const UNIVERSITY: OfficeKind = office(
    "university",
    "State University",
    &[ENROLMENT, vct::FILED, vct::DECISION],
    &[ADMISSION],
);
const OFFICE: OfficeKind = office(
    "office",
    "One Office",
    &[vct::TRAVEL, vct::FILED, vct::DECISION, vct::PERMIT],
    &[],
);

/// As a person is named in a row: the own script, Latin letters, the machine-readable line.
struct Named {
    original: &'static str,
    latin: &'static str,
    mrz: &'static str,
    born: &'static str,
    document: &'static str,
    state: &'static str,
}

const fn named(persona: &Persona) -> Named {
    match persona.name.as_bytes()[0] {
        b'm' => Named {
            original: "陈美玲",
            latin: "Chen Meiling",
            mrz: "CHEN<<MEILING",
            born: "2003-08-09",
            document: "EJ4471180",
            state: "CHN",
        },
        b'n' => Named {
            original: "ნინო ბერიძე",
            latin: "Beridze Nino",
            mrz: "BERIDZE<<NINO",
            born: "1990-02-28",
            document: "14BC55120",
            state: "GEO",
        },
        b'l' => Named {
            original: "ليلى الحسن",
            latin: "Alhasan Layla",
            mrz: "ALHASAN<<LAYLA",
            born: "1997-10-04",
            document: "N012884471",
            state: "SYR",
        },
        _ => Named {
            original: "Раҳимов Далер Сафарович",
            latin: "Rahimov Daler",
            mrz: "RAHIMOV<<DALER",
            born: "2001-07-08",
            document: "403118274",
            state: "TJK",
        },
    }
}

impl Named {
    fn subject(&self) -> Value {
        json!({
            "names": {"original": self.original, "latin": self.latin, "mrz": self.mrz},
            "birth_date": self.born,
            "document_number": self.document
        })
    }

    fn passport(&self) -> Value {
        json!({
            "subject": self.subject(),
            "document_type": "passport",
            "document_number": self.document,
            "issuing_state": self.state,
            "nationality": self.state,
            "valid_until": "2033-05-01"
        })
    }
}

/// A service for which a travel document is enough.
fn travel_only() -> Service {
    let mut service = catalogue().service(WORK_PERMIT).unwrap().clone();
    let only = "travel_document";
    service.evidence = json!({"credentials": [service.evidence["credentials"][0]]});
    service.issuers.retain(|query, _| query == only);
    service.subject_required = vec![only.to_owned()];
    service.constraints.retain(|c| c.query == only);
    service
}

#[tokio::test]
async fn d4_every_script_goes_unbent_from_the_row_to_the_desk_and_the_export() {
    let people = [DALER, LAYLA, MEILING, NINO];
    let mut play = Play::with(261, &[OFFICE]).await;
    play.publish("office", travel_only()).await;
    for persona in people {
        play.arrive(persona).await;
        play.link(persona.name, &OFFICE).await;
        let named = named(&persona);
        play.row("office", persona.name, vct::TRAVEL, named.passport())
            .await;
        let record = play.record(persona.name, vct::TRAVEL);
        assert_eq!(
            record.claims["subject"]["names"]["original"],
            named.original
        );

        // What she reads, letter by letter.
        let holder = play.holder(persona.name);
        let lines = holder.words().claims(vct::TRAVEL, &record.claims);
        assert!(
            format!("{lines:?}").contains(named.original),
            "{}",
            persona.name
        );

        // What leaves, and what the desk and its proof of filing say.
        let preview = play
            .preview(persona.name, WORK_PERMIT, persona.answers())
            .unwrap();
        let names = preview.leaving[0]
            .offer
            .values
            .iter()
            .find(|(path, _)| path == "subject.names");
        assert_eq!(names.unwrap().1["original"], named.original);
        let id = play.apply(persona.name, &preview).unwrap();
        play.settle().await;
        assert_eq!(play.follow(persona.name, &id), [(Filed, None)]);
        let view = play.look("office").await;
        let names = &view.subjects[0];
        assert_eq!(names.shown[0].1["original"], named.original);
        let filed = play.record(persona.name, vct::FILED);
        assert_eq!(filed.claims["subject"]["names"]["latin"], named.latin);
        play.decide("office", denizen_testkit::play::permit())
            .await
            .unwrap();
        let permit = play.record(persona.name, vct::PERMIT);
        assert_eq!(
            permit.claims["subject"]["names"]["original"],
            named.original
        );

        // And out again, whole.
        let files = play.export(persona.name);
        let report = verify_export(&files, play.world.now()).unwrap();
        assert_eq!(report.records.len(), 4);
        let kinds = play.kinds(persona.name);
        play.restore_from_kit(persona.name).await;
        assert_eq!(play.kinds(persona.name), kinds);
        let again = play.record(persona.name, vct::TRAVEL);
        assert_eq!(again.claims["subject"]["names"]["original"], named.original);
    }
    play.end().await;
}

#[tokio::test]
async fn two_nationalities_are_two_passports_and_one_person() {
    let mut play = Play::with(262, &[REGISTER, BORDER, OFFICE]).await;
    play.publish("office", travel_only()).await;
    play.arrive(NINO).await;
    for office in [&REGISTER, &BORDER] {
        play.link("nino", office).await;
    }
    play.link_open("nino", &OFFICE).await;
    let georgian = named(&NINO).passport();
    let mut israeli = georgian.clone();
    israeli["subject"]["document_number"] = json!("32887104");
    israeli["subject"]["names"]["latin"] = json!("Berizde Nino");
    israeli["document_number"] = json!("32887104");
    israeli["issuing_state"] = json!("ISR");
    israeli["nationality"] = json!("ISR");
    israeli["valid_until"] = json!("2034-01-15");
    for passport in [georgian, israeli] {
        play.row("border", "nino", vct::TRAVEL, passport).await;
    }
    let records = play.records("nino");
    assert_eq!(records.len(), 2);
    assert!(
        records.iter().all(|r| !r.superseded),
        "neither replaces the other"
    );
    assert!(
        play.holder("nino")
            .renewals(play.world.now())
            .of(&records[0])
            .is_none()
    );
    // Both answer; the one that counts longest is offered, and the states are not compared.
    let preview = play.preview("nino", WORK_PERMIT, NINO.answers()).unwrap();
    let states: Vec<_> = preview.leaving[0]
        .offer
        .values
        .iter()
        .filter(|(p, _)| p == "nationality")
        .collect();
    assert_eq!(states[0].1, "ISR");
    let id = play.apply("nino", &preview).unwrap();
    play.settle().await;
    assert_eq!(play.follow("nino", &id), [(Filed, None)]);
    play.end().await;
}

fn language() -> Value {
    json!({
        "subject": {"names": {"original": "陈美玲", "latin": "Chen Meiling"}, "birth_date": "2003-08-09"},
        "certificate_number": "СТ-2026-611807",
        "language": "ru",
        "level": "B2",
        "issued_on": "2026-06-25",
        "valid_until": "2031-06-24"
    })
}

fn diploma(subject: &Value) -> Value {
    json!({
        "subject": subject,
        "document_type": "school-certificate",
        "document_number": "QR611807",
        "award": "高中毕业证书",
        "level": "3",
        "institution": "Shanghai Middle School",
        "country": "CHN",
        "awarded_on": "2021-06-30",
        "legalised": "apostille"
    })
}

fn admission() -> Value {
    json!({
        "programme": "Русский язык как иностранный",
        "level": "6",
        "form": "full-time",
        "start_year": 2027,
        "needs_room": true,
        "pays_self": true
    })
}

fn enrolment() -> Value {
    json!({
        "institution": {"name": "State University", "country": "RUS"},
        "level": "6",
        "programme": "Русский язык как иностранный",
        "form": "full-time",
        "order_number": "118-С",
        "started_on": "2026-09-01",
        "expected_until": "2030-08-31",
        "state": "studying"
    })
}

fn visa(subject: &Value) -> Value {
    json!({
        "subject": subject,
        "visa_number": "24 1186204",
        "visa_type": "ordinary",
        "purpose": "study",
        "issuing_state": "RUS",
        "issuing_authority": "Consulate General in Shanghai",
        "entries": "multiple",
        "days_allowed": 365,
        "issued_on": "2025-12-20",
        "valid_from": "2026-01-05",
        "valid_until": "2027-01-04"
    })
}

fn insurance(subject: &Value) -> Value {
    json!({
        "subject": subject,
        "insurer": "Insurer",
        "policy_number": "ДМС-2026-611",
        "scheme": "voluntary",
        "country": "RUS",
        "covers": ["emergency"],
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31"
    })
}

#[tokio::test]
async fn a_student_is_admitted_enrolled_insured_and_told_before_her_visa_ends() {
    let mut play = Play::with(
        263,
        &[BORDER, CONSULATE, ABROAD, TESTS, INSURER, UNIVERSITY],
    )
    .await;
    let me = "meiling";
    play.arrive(MEILING).await;
    for office in [&BORDER, &CONSULATE, &ABROAD, &TESTS, &INSURER, &UNIVERSITY] {
        play.link(me, office).await;
    }
    let person = named(&MEILING);
    let subject = json!({
        "names": {"original": person.original, "latin": person.latin},
        "birth_date": person.born
    });
    play.row("border", me, vct::TRAVEL, person.passport()).await;
    play.row("school-abroad", me, QUALIFICATION, diploma(&subject))
        .await;
    play.row("test-centre", me, vct::LANGUAGE, language()).await;
    let preview = play.preview(me, ADMISSION, admission()).unwrap();
    assert!(
        preview.selection.satisfied,
        "{:?}",
        preview.selection.missing
    );
    let id = play.apply(me, &preview).unwrap();
    play.settle().await;
    assert_eq!(play.follow(me, &id), [(Filed, None)]);
    let view = play.look("university").await;
    let named_alike = view.subjects.iter().find(|s| s.part == "names").unwrap();
    assert!(
        named_alike.shown.len() >= 3,
        "a person at the desk compares"
    );
    let grant = Grant {
        vct: ENROLMENT.to_owned(),
        claims: enrolment().as_object().unwrap().clone(),
    };
    play.decide("university", Verdict::Granted(vec![grant]))
        .await
        .unwrap();
    assert_eq!(play.follow(me, &id).last().unwrap().0, Decided);
    assert_eq!(play.record(me, ENROLMENT).claims["order_number"], "118-С");

    // The visa for her studies, and an insurance: each ends, and she is told in time.
    play.row("consulate", me, VISA, visa(&subject)).await;
    play.row("insurer", me, INSURANCE, insurance(&subject))
        .await;
    let due = play.holder(me).due(60, play.world.now());
    let told: Vec<_> = due
        .iter()
        .map(|t| (t.on.to_string(), t.kind, t.about.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("2026-12-31".to_owned(), TaskKind::PaperEnds, INSURANCE),
            ("2027-01-04".to_owned(), TaskKind::PaperEnds, VISA),
        ]
    );
    play.end().await;
}

fn crossing(direction: &str, at: &str) -> Value {
    json!({
        "subject": {"names": {"original": "Раҳимов Далер Сафарович"}, "birth_date": "2001-07-08"},
        "direction": direction,
        "date_time": at,
        "checkpoint": {"name": "Domodedovo"}
    })
}

/// Both sides, of one record, on every device: what is recorded, and what he says.
fn both_sides(play: &Play, kept: &Sha256Hash, words: &str) {
    for device in ["daler", "tablet"] {
        let now = play.world.now();
        let view = play.holder(device).record(kept, now).unwrap();
        assert_eq!(view.status.status, Status::Contested, "{device}");
        let said = play.holder(device).as_i_say(kept).unwrap();
        assert_eq!(said.text, words, "{device}");
        let recorded: Vec<_> = said.claims.iter().map(|c| c.recorded.clone()).collect();
        let entry = [json!("2026-01-10T09:00:00+03:00"), json!("entry")];
        assert_eq!(recorded, entry.map(Some));
        assert!(said.due.is_some() && said.answer.is_none());
    }
}

#[tokio::test]
async fn d13_as_recorded_beside_as_i_say_when_an_exit_stamp_is_missing() {
    let mut play = Play::with(264, &[BORDER]).await;
    let me = "daler";
    play.arrive(DALER).await;
    play.link(me, &BORDER).await;
    // In, in again, and never out in between: 200 days too many, on paper.
    let entry = crossing("entry", "2026-01-10T09:00:00+03:00");
    play.row("border", me, vct::CROSSING, entry).await;
    let again = crossing("entry", "2026-08-02T18:40:00+03:00");
    play.row("border", me, vct::CROSSING, again).await;
    let records = play.records(me);
    let first = records
        .iter()
        .find(|r| {
            r.claims["date_time"]
                .as_str()
                .unwrap()
                .starts_with("2026-01")
        })
        .unwrap();
    let words = "Ҷамшед ронанда гувоҳ аст, 6144";
    let ticket = Paper {
        media_type: "text/plain".to_owned(),
        data: "Автобус Тверь — Худжанд, 30.03.2026, место 14".to_owned(),
    };
    let kept = first.kept;
    let claims = vec![vec!["date_time".to_owned()], vec!["direction".to_owned()]];
    let done = play.person(me, |h, with| {
        h.dispute(&kept, claims, words, &[ticket], with)
    });
    done.await.unwrap();
    play.hours(2).await;

    play.join(me, "tablet").await;
    both_sides(&play, &kept, words);

    // The office finds the exit that its checkpoint never sent, and puts the record right.
    let view = play.at_office("border", |g, now, rng| {
        g.open_dispute(1, "registrar", now, rng)
    });
    let view = view.await.unwrap();
    assert!(view.evidence[0].1.contains("место 14"));
    let exit = crossing("exit", "2026-03-30T21:15:00+03:00");
    play.row("border", me, vct::CROSSING, exit).await;
    let reject = Answer::Reject {
        reason: "The entry is right. The missing exit of 30 March is recorded now.".to_owned(),
    };
    let done = play.at_office("border", |g, now, rng| {
        g.answer_dispute(1, &reject, now, rng)
    });
    done.await.unwrap();
    let said = play.holder(me).as_i_say(&kept).unwrap();
    let (state, reason) = said.answer.unwrap();
    assert_eq!(state, DisputeState::Rejected);
    assert!(reason.contains("recorded now"));
    let days = play
        .records(me)
        .iter()
        .filter(|r| r.vct == vct::CROSSING)
        .count();
    assert_eq!(days, 3);
    play.canary().await;
}

#[tokio::test]
async fn a_wrong_offence_is_disputed_corrected_and_stops_to_count() {
    let mut play = Play::with(265, &[POLICE]).await;
    let me = "daler";
    play.arrive(DALER).await;
    play.link(me, &POLICE).await;
    let offence = json!({
        "subject": {"names": {"original": "Раҳимов Далер Сафарович"}, "birth_date": "2001-07-08"},
        "authority": "Police",
        "decision_number": "69 АП 614",
        "decided_on": "2026-11-20",
        "article": "18.8",
        "penalty": {"type": "warning"},
        "state": "not-in-force",
        "state_on": "2026-11-20",
        "appeal": {"until": "2026-12-04", "to": "District court"}
    });
    play.row("police", me, OFFENCE, offence).await;
    let wrong = play.record(me, OFFENCE);
    let done = play.person(me, |h, with| {
        h.dispute(&wrong.kept, vec![], "It was my brother.", &[], with)
    });
    done.await.unwrap();
    let view = play.at_office("police", |g, now, rng| {
        g.open_dispute(1, "registrar", now, rng)
    });
    let mut claims = view.await.unwrap().record;
    claims.insert("state".into(), "cancelled".into());
    let upheld = Answer::Uphold { claims };
    let done = play.at_office("police", |g, now, rng| {
        g.answer_dispute(1, &upheld, now, rng)
    });
    done.await.unwrap();
    play.hours(2).await;
    let now = play.world.now();
    let old = play.holder(me).record(&wrong.kept, now).unwrap();
    assert_eq!((old.superseded, old.status.status), (true, Status::Invalid));
    assert_eq!(play.record(me, OFFENCE).claims["state"], "cancelled");
    assert!(
        play.holder(me).due(60, now).is_empty(),
        "nothing is left to appeal"
    );
    play.end().await;
}

#[tokio::test]
async fn a_lost_phone_is_the_same_person_on_the_next_one() {
    let mut play = Play::settled(266, AZIZA, &[denizen_testkit::play::BORDER]).await;
    let before = play.kinds("aziza");
    play.restore_from_kit("aziza").await;
    let link = play.holder("aziza").profile().links[0].index;
    play.move_link("aziza", link).await;
    play.hours(2).await;
    let now = play.world.now();
    let in_force = play.records("aziza").into_iter().filter(|r| !r.superseded);
    let mut kinds: Vec<_> = in_force.map(|r| r.vct).collect();
    kinds.sort();
    assert_eq!(kinds, before);
    assert!(
        play.holder("aziza")
            .due(60, now)
            .iter()
            .all(|t| t.kind == TaskKind::PaperEnds)
    );
    play.end().await;
}
