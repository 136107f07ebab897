//! D25: a child's profile under a guardian. Who acts is known by a key, proved for each act, and stops
//! when the mandate does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_credential::Status;
use denizen_gateway::{Agreement, Grant, Verdict};
use denizen_holder::{Holder, HolderError, LinkState, SharedContact, verify_export};
use denizen_model::{
    AddressId, SecretKeyFor,
    jose::base64url_encode,
    mandate::{MandateError, Role},
    message::{
        ApplicationState::{Decided, Filed, InReview, Withdrawn},
        StatusChange,
    },
};
use denizen_seal::AddressIndex;
use denizen_testkit::{
    AIBEK, Exchange, GULMIRA, Marks, NURAI, NURLAN, Play, catalogue,
    play::{
        ENROLMENT, GUARDIANSHIP, MANDATE, MandateOf, PHONE, SCHOOL_ENROLMENT, TELECOM, aibek,
        refusal, school_answers, vct,
    },
};
use serde_json::json;

fn enrolment() -> Verdict {
    let claims = json!({
        "institution": {"name": "Средняя школа № 14, Тверь", "country": "RUS"},
        "level": "1",
        "grade": 2,
        "form": "full-time",
        "order_number": "58",
        "started_on": "2026-12-01",
        "expected_until": "2035-05-31",
        "state": "studying"
    });
    Verdict::Granted(vec![Grant {
        vct: ENROLMENT.to_owned(),
        claims: claims.as_object().unwrap().clone(),
    }])
}

#[tokio::test]
async fn d25_a_child_is_enrolled_at_school_by_his_mother_and_holds_the_record_himself() {
    let mut play = Play::family(201).await;
    // Without a mandate the mother can look, and the school asks for one.
    let preview = play.preview("aibek", SCHOOL_ENROLMENT, school_answers());
    let missing = preview.unwrap().selection.missing;
    let missing = missing.iter().find(|m| m.query == "guardian").unwrap();
    assert!(missing.required && missing.issuers.len() == 1);

    let key = play.thumbprint("gulmira", "aibek");
    let mandate = MandateOf::parent(aibek(), key, "Асанова Гүлмира Токтосуновна");
    play.mandate(&AIBEK, &mandate).await;
    let id = play.enrol("aibek").await;
    assert_eq!(play.follow("aibek", &id), [(Filed, None)]);

    let view = play.look("school").await;
    let acting = view.acting.as_ref().unwrap();
    assert_eq!(acting.mandate().role, Role::Guardian);
    assert_eq!(acting.mandate().delegate.name, GULMIRA_NAME);
    assert_eq!(acting.query(), "guardian");
    let names = view.subjects.iter().find(|s| s.part == "names").unwrap();
    assert_eq!(names.agreement, Agreement::Agree, "one child in all papers");
    play.decide("school", enrolment()).await.unwrap();
    assert_eq!(play.follow("aibek", &id).last().unwrap().0, Decided);
    let record = play.record("aibek", ENROLMENT);
    assert_eq!(record.claims["subject"]["names"]["latin"], "Asanov Aibek");
    // It is in the child's profile, and nothing of his is in hers.
    assert!(play.records("gulmira").is_empty());
    assert!(play.holder("gulmira").profile().links.is_empty());
    assert!(play.holder("aibek").profile().wards.is_empty());
    let notices = &play.holder("aibek").profile().notices;
    assert_eq!(
        notices.len(),
        1,
        "who opened his papers is told in his profile"
    );
    // The desk kept what it used; who acted is still known.
    let filed = play.record("aibek", vct::FILED);
    assert_eq!(filed.claims["subject"]["birth_date"], "2017-10-02");
    play.end().await;
}

const GULMIRA_NAME: &str = "Асанова Гүлмира Токтосуновна";

#[tokio::test]
async fn d6_a_guardians_kit_alone_brings_back_her_profile_and_the_childs() {
    let mut play = Play::family_with_mandate(202).await;
    let id = play.enrol("aibek").await;
    let kinds = play.kinds("aibek");
    // Both profiles are lost with the mother's telephone.
    let child = play.people.remove("aibek").unwrap();
    play.restore_from_kit("gulmira").await;
    let ward = play.holder("gulmira").ward("aibek").unwrap().clone();
    let root = ward.danger_root().unwrap();
    assert_eq!(
        root.danger_bytes(),
        child.holder.danger_root().danger_bytes()
    );
    drop(child);
    let (now, words) = (play.world.now(), ("ky", catalogue()));
    let at = (ward.hub, ward.hub_url.as_str());
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let restored = Holder::restore(root, at, words, wire, now, rng).await;
    play.people.insert(
        "aibek",
        denizen_testkit::play::Player {
            holder: restored.unwrap(),
            persona: AIBEK,
            events: Vec::new(),
        },
    );
    play.settle().await;
    assert_eq!(play.kinds("aibek"), kinds);
    assert_eq!(play.follow("aibek", &id), [(Filed, None)]);
    // The key for him is the same one: the mandate still counts.
    play.reopen_ward("gulmira", "aibek", "aibek");
    let done = play.person("aibek", |h, (now, rng)| h.withdraw(&id, "", now, rng));
    done.await.unwrap();
    assert_eq!(play.follow("aibek", &id).last().unwrap().0, Withdrawn);
    play.enrol("aibek").await;
    play.end().await;
}

#[tokio::test]
async fn an_export_of_a_ward_verifies_and_a_guardians_export_holds_no_root() {
    let mut play = Play::family_with_mandate(203).await;
    play.enrol("aibek").await;
    let files = play.export("aibek");
    let report = verify_export(&files, play.world.now()).unwrap();
    assert_eq!(report.records.len(), play.records("aibek").len());
    let root = *play.holder("aibek").danger_root().danger_bytes();
    for (name, bytes) in play.export("gulmira") {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&base64url_encode(root)), "{name}");
        assert!(!text.contains("aibek"), "{name}");
    }
    play.end().await;
}

#[tokio::test]
async fn two_guardians_of_one_child_each_act_with_their_own_mandate() {
    let mut play = Play::family_with_mandate(204).await;
    // The father's device takes the child's profile in from the child's own kit.
    play.arrive(NURLAN).await;
    play.join("aibek", "aibek-with-father").await;
    play.keep_ward("nurlan", "aibek-with-father");
    play.settle().await;
    play.people.get_mut("nurlan").unwrap();
    let his = play.holder("nurlan").profile().wards[0].clone();
    let key = play.holder("nurlan").ward_thumbprint(&his);
    assert_ne!(
        key,
        play.thumbprint("gulmira", "aibek"),
        "no two keys are one"
    );
    // Not his yet: hers is not offered to him.
    let preview = play.preview("aibek-with-father", SCHOOL_ENROLMENT, school_answers());
    assert!(!preview.unwrap().selection.satisfied);
    let mandate = MandateOf::parent(aibek(), key, "Асанов Нурлан Кубанычевич");
    play.mandate(&AIBEK, &mandate).await;

    let by_father = play.enrol("aibek-with-father").await;
    let view = play.look("school").await;
    let acting = view.acting.unwrap().mandate().delegate.name.clone();
    assert_eq!(acting, "Асанов Нурлан Кубанычевич");
    // The mother sees what he filed, and cannot take it back under his mandate.
    assert_eq!(play.follow("aibek", &by_father), [(Filed, None)]);
    let done = play.person("aibek", |h, (now, rng)| {
        h.withdraw(&by_father, "", now, rng)
    });
    done.await.unwrap();
    let refused = (InReview, Some("mandate-other-key".to_owned()));
    assert_eq!(play.follow("aibek", &by_father).last(), Some(&refused));
    let known = &play.holder("aibek").profile().applications[0];
    assert!(!known.withdrawn, "the office did not take it");
    let done = play.person("aibek-with-father", |h, (now, rng)| {
        h.withdraw(&by_father, "", now, rng)
    });
    done.await.unwrap();
    let by_mother = play.enrol("aibek").await;
    let view = play.look("school").await;
    assert_eq!(view.acting.unwrap().mandate().delegate.name, GULMIRA_NAME);
    assert_eq!(play.follow("aibek", &by_mother)[0].0, Filed);
    play.end().await;
}

#[tokio::test]
async fn a_withdrawn_mandate_stops_every_act_of_the_guardian() {
    let mut play = Play::family_with_mandate(205).await;
    let id = play.enrol("aibek").await;
    let queued = {
        // Filed before she heard of it, and still on the way when the mandate ends.
        let preview = play.preview("aibek", SCHOOL_ENROLMENT, school_answers());
        play.apply("aibek", &preview.unwrap()).unwrap()
    };
    let mut child = play.people.remove("aibek").unwrap();
    let late = {
        let (now, rng) = (play.world.now(), &mut play.world.rng);
        let preview = child.holder.services();
        let service = preview
            .iter()
            .find(|(_, e)| e.service.service == SCHOOL_ENROLMENT);
        let hash = service.unwrap().0;
        let preview = child
            .holder
            .preview_application(&hash, school_answers(), now);
        let confirmed = denizen_holder::Confirmed::default();
        let id = child.holder.apply(&preview.unwrap(), &confirmed, now, rng);
        child.holder.withdraw(&queued, "", now, rng).unwrap();
        id.unwrap()
    };
    let records = child.holder.records(play.world.now());
    let kept = records.iter().find(|r| r.vct == MANDATE).unwrap().kept;
    let ended = play.at_office("guardianship", |g, now, rng| {
        g.change_status(&kept, StatusChange::Revoked, "by the court", now, rng)
    });
    ended.await.unwrap();
    play.hours(4).await;
    play.people.insert("aibek", child);
    play.settle().await;
    for late in [queued, late] {
        let codes: Vec<_> = play.follow("aibek", &late);
        assert_eq!(
            codes[0].1.as_deref(),
            Some("evidence-withdrawn"),
            "{codes:?}"
        );
    }
    assert_eq!(play.record("aibek", MANDATE).status.status, Status::Invalid);

    // Her client says so before anything leaves, and the office does not take a withdrawal either.
    let over = Err(HolderError::Mandate(MandateError::Over));
    let done = play.person("aibek", |h, (now, rng)| h.withdraw(&id, "", now, rng));
    assert_eq!(done.await, over);
    let preview = play.preview("aibek", SCHOOL_ENROLMENT, school_answers());
    assert!(!preview.unwrap().selection.satisfied);
    assert_eq!(play.follow("aibek", &id), [(Filed, None)]);
    play.end().await;
}

#[tokio::test]
async fn what_no_mandate_covers_is_refused_with_a_stable_code() {
    let mut play = Play::family_with_mandate(206).await;
    play.arrive(NURAI).await;
    let mine = {
        let mother = play.holder("gulmira");
        mother.ward_key(mother.ward("aibek").unwrap())
    };
    let other = SecretKeyFor::from_seed(&[77; 32]).unwrap();
    // The same key throughout: only the mandate, or the proof, is not good.
    let key = base64url_encode(other.public_for().key().thumbprint());
    let bad = |scope, services, days| MandateOf {
        scope,
        services,
        days,
        ..MandateOf::parent(aibek(), key.clone(), "Асанова Гүлмира Токтосуновна")
    };
    let (all, days) = (["urn:denizen:service:all"], ("2026-08-20", "2035-10-01"));
    let all: &'static [&'static str] = Box::leak(Box::new(all));
    let bank: &[&str] = &["urn:denizen:service:bank-account"];
    for (mandate, code) in [
        (bad(&["read", "prepare"], all, days), "mandate-scope"),
        (bad(&["file"], bank, days), "mandate-service"),
        (
            bad(&["file"], all, ("2026-12-01", "2035-10-01")),
            "mandate-not-yet",
        ),
        (
            bad(&["file"], all, ("2025-08-20", "2026-11-23")),
            "mandate-over",
        ),
    ] {
        let record = play.mandate(&AIBEK, &mandate).await;
        let mut forged = play.forged_enrolment("aibek", &mine);
        play.forge_mandate(&mut forged, ("aibek", &record), &other);
        play.send_forged(&forged).await;
        assert_eq!(
            play.answer_to_forged("aibek", &forged).as_deref(),
            Some(code)
        );
    }
    let open = play.gateway("school").queue().unwrap();
    assert!(open.is_empty(), "nothing was filed");
    play.canary().await;
}

#[tokio::test]
async fn a_mandate_without_its_own_fresh_proof_is_refused() {
    let mut play = Play::family_with_mandate(214).await;
    let mine = {
        let mother = play.holder("gulmira");
        mother.ward_key(mother.ward("aibek").unwrap())
    };
    let other = SecretKeyFor::from_seed(&[77; 32]).unwrap();
    let now = play.world.now();
    let mut without = play.forged_enrolment("aibek", &mine);
    let at = without.proof_place();
    without.attachments.remove(at);
    let mut by_other = play.forged_enrolment("aibek", &mine);
    by_other.sign_proof(&other, now);
    let (first, mut replayed) = (
        play.forged_enrolment("aibek", &mine),
        play.forged_enrolment("aibek", &mine),
    );
    let at = replayed.proof_place();
    replayed.attachments[at] = first.attachments[first.proof_place()].clone();
    let mut twice = play.forged_enrolment("aibek", &mine);
    let mut again = twice.attachments[twice.proof_place()].clone();
    again.id = "acting-again".into();
    twice.attachments.push(again);
    let mut early = play.forged_enrolment("aibek", &mine);
    early.sign_proof(&mine, now.plus_s(-31 * 86_400));
    for (forged, code) in [
        (without, "mandate-proof-missing"),
        (by_other, "mandate-other-key"),
        (replayed, "mandate-proof-refused"),
        (twice, "mandate-proof-refused"),
        (early, "mandate-proof-refused"),
    ] {
        play.send_forged(&forged).await;
        assert_eq!(
            play.answer_to_forged("aibek", &forged).as_deref(),
            Some(code)
        );
    }
    let open = play.gateway("school").queue().unwrap();
    assert!(open.is_empty(), "nothing was filed");
    // As it was, it would have been.
    let good = play.forged_enrolment("aibek", &mine);
    play.send_forged(&good).await;
    assert_eq!(play.answer_to_forged("aibek", &good), None);
    assert_eq!(play.gateway("school").queue().unwrap().len(), 1);
    play.canary().await;
}

#[tokio::test]
async fn nobody_is_guardian_of_somebody_of_age() {
    let mut subject = aibek();
    subject["birth_date"] = json!("2008-11-25");
    let mut play = Play::family_of(210, subject.clone()).await;
    let key = play.thumbprint("gulmira", "aibek");
    let mandate = MandateOf::parent(subject, key, GULMIRA_NAME);
    play.mandate(&AIBEK, &mandate).await;
    let id = play.enrol("aibek").await;
    let mine = {
        let mother = play.holder("gulmira");
        mother.ward_key(mother.ward("aibek").unwrap())
    };
    let forged = play.forged_enrolment("aibek", &mine);
    // His birthday. The mandate itself says 2035.
    play.world.clock.advance_s(86_400);
    play.send_forged(&forged).await;
    let code = play.answer_to_forged("aibek", &forged);
    assert_eq!(code.as_deref(), Some("mandate-of-age"));
    let of_age = Err(HolderError::Mandate(MandateError::OfAge));
    let done = play.person("aibek", |h, (now, rng)| h.withdraw(&id, "", now, rng));
    assert_eq!(done.await, of_age);
    // He takes it back himself, without her.
    play.people.get_mut("aibek").unwrap().holder.act_alone();
    let done = play.person("aibek", |h, (now, rng)| h.withdraw(&id, "", now, rng));
    done.await.unwrap();
    assert_eq!(play.follow("aibek", &id).last().unwrap().0, Withdrawn);
    play.canary().await;
}

#[tokio::test]
async fn another_childs_mandate_is_seen_at_the_desk_and_refused_by_a_person() {
    let mut play = Play::family_with_mandate(207).await;
    play.arrive(NURAI).await;
    play.keep_ward("gulmira", "nurai");
    play.link("nurai", &GUARDIANSHIP).await;
    let subject = json!({
        "names": {"original": "Маматова Нурай Эркиновна", "latin": "Mamatova Nurai"},
        "birth_date": "2019-04-01"
    });
    let key = play.thumbprint("gulmira", "nurai");
    assert_ne!(
        key,
        play.thumbprint("gulmira", "aibek"),
        "one key for each child"
    );
    let mandate = MandateOf::parent(subject, key, GULMIRA_NAME);
    let record = play.mandate(&NURAI, &mandate).await;
    let (for_him, for_her) = {
        let mother = play.holder("gulmira");
        let key = |name| mother.ward_key(mother.ward(name).unwrap());
        (key("aibek"), key("nurai"))
    };
    // Her own client never offers it: it is in another profile.
    let mut forged = play.forged_enrolment("aibek", &for_him);
    play.forge_mandate(&mut forged, ("nurai", &record), &for_her);
    play.send_forged(&forged).await;
    let view = play.look("school").await;
    let names = view.subjects.iter().find(|s| s.part == "names").unwrap();
    assert_eq!(names.agreement, Agreement::Differ);
    let shown = names.shown.iter().find(|(q, _)| q == "guardian").unwrap();
    assert_eq!(shown.1["latin"], "Mamatova Nurai");
    let why = "The mandate is for another child.";
    play.decide("school", refusal(why)).await.unwrap();
    assert!(!play.kinds("aibek").contains(&ENROLMENT.to_owned()));
    play.canary().await;
}

#[tokio::test]
async fn a_child_of_age_takes_his_profile_and_the_old_root_opens_nothing_new() {
    let mut play = Play::family_with_mandate(208).await;
    let id = play.enrol("aibek").await;
    play.decide("school", enrolment()).await.unwrap();
    // Nine years later. The mandate ended on the day before.
    let years = denizen_testkit::START.plus_s(8 * 365 * 86_400 + 330 * 86_400);
    play.world.clock.advance_s(years.0 - play.world.now().0);
    play.settle().await;
    let preview = play.preview("aibek", SCHOOL_ENROLMENT, school_answers());
    assert!(!preview.unwrap().selection.satisfied);
    let kinds = in_force(&play, "aibek");

    // He makes a profile with a new root, which takes over every link.
    let mut old = play.people.remove("aibek").unwrap();
    let (now, rng) = (play.world.now(), &mut play.world.rng);
    let wire = play.world.wire.clone();
    let mut new = old.holder.renewed(rng);
    let kit = new.kit().to_text().to_string();
    let words: Vec<&str> = kit.split_whitespace().collect();
    play.world.marks.add("new kit", words[1..5].join(" "));
    play.world
        .marks
        .add("new root", new.danger_root().danger_bytes());
    let rng = &mut play.world.rng;
    let count = new.take_over(&mut old.holder, &wire, now, rng).await;
    assert_eq!(count.unwrap(), 4);
    new.send(&wire, now).await.unwrap();
    old.holder.send(&wire, now).await.unwrap();
    let grown = denizen_testkit::play::Player {
        holder: new,
        persona: AIBEK,
        events: Vec::new(),
    };
    play.people.insert("grown", grown);
    play.hours(4).await;
    assert_eq!(in_force(&play, "grown"), kinds);
    assert_eq!(play.follow("grown", &id).last().unwrap().0, Decided);
    let links = &play.holder("grown").profile().links;
    assert!(links.iter().all(|l| l.state == LinkState::Confirmed));

    // The mother's copy of the old root: nothing new comes to it, and nothing goes out with it.
    let before = old.holder.records(now).len();
    let note = play.at_office("school", |g, now, rng| {
        g.write_note(AIBEK.case("school"), "Come on Monday.", now, rng)
    });
    note.await.unwrap();
    let (now, rng) = (play.world.now(), &mut play.world.rng);
    old.holder.sync(&wire, 0, now, rng).await.unwrap();
    assert_eq!(old.holder.records(now).len(), before);
    let heard = |holder: &Holder| {
        let notes = holder.profile().notes.iter();
        notes.filter(|n| n.text == "Come on Monday.").count()
    };
    assert_eq!((heard(&old.holder), heard(play.holder("grown"))), (0, 1));
    assert!(play.holder("grown").not_taken_over(&old.holder).is_empty());
    // What lies at the old addresses is shredded, and her copy of the root with it.
    for index in play.holder("grown").taken_over(&old.holder) {
        let (now, rng) = (play.world.now(), &mut play.world.rng);
        old.holder.shred(index, &wire, now, rng).await.unwrap();
    }
    let (now, rng) = (play.world.now(), &mut play.world.rng);
    old.holder.send(&wire, now).await.unwrap();
    assert!(old.holder.records(now).is_empty());
    let mother = &mut play.people.get_mut("gulmira").unwrap().holder;
    mother.forget_ward("aibek", &wire, now, rng).await.unwrap();
    play.settle().await;
    play.restore_from_kit("gulmira").await;
    let gone = play.holder("gulmira").ward("aibek").err();
    assert_eq!(
        gone,
        Some(HolderError::WardUnknown),
        "her kit brings no root back"
    );
    // His new kit brings everything back.
    play.restore_from_kit("grown").await;
    assert_eq!(in_force(&play, "grown"), kinds);
    assert_eq!(play.follow("grown", &id).last().unwrap().0, Decided);
    play.end().await;
}

fn in_force(play: &Play, person: &str) -> Vec<String> {
    let records = play.records(person).into_iter();
    let valid = records.filter(|r| !r.superseded && r.status.status != Status::Invalid);
    let mut kinds: Vec<_> = valid.map(|r| r.vct).collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn nobody_keeps_the_same_profile_twice_or_her_own() {
    let mut play = Play::make(209).await;
    play.arrive(GULMIRA).await;
    play.arrive(AIBEK).await;
    play.keep_ward("gulmira", "aibek");
    play.settle().await;
    let child = play.people.remove("aibek").unwrap();
    let mother = &mut play.people.get_mut("gulmira").unwrap().holder;
    let (now, rng) = (play.world.now(), &mut play.world.rng);
    for name in ["aibek", "another name", ""] {
        let refused = mother.add_ward(name, &child.holder, now, rng);
        assert_eq!(refused.err(), Some(HolderError::WardKnown), "{name}");
    }
    let kept = mother.encrypt(rng);
    let root = mother.danger_root().clone();
    let herself = Holder::open(root, &kept, catalogue(), now).unwrap();
    let refused = mother.add_ward("myself", &herself, now, rng);
    assert_eq!(refused.err(), Some(HolderError::WardKnown));
    assert_eq!(mother.ward("nobody").err(), Some(HolderError::WardUnknown));
    play.canary().await;
}

#[tokio::test]
async fn d5_a_contact_that_somebody_else_uses_is_said_and_nothing_is_bound_to_it() {
    let mut play = Play::with(211, &[TELECOM]).await;
    play.arrive(GULMIRA).await;
    play.arrive(AIBEK).await;
    play.keep_ward("gulmira", "aibek");
    play.settle().await;
    for (person, shared) in [(GULMIRA, false), (AIBEK, true)] {
        play.link(person.name, &TELECOM).await;
        let mut phone = json!({
            "subject": {"names": {"original": "Асанова Гүлмира Токтосуновна"}},
            "value": "+79990004410", "use": "personal",
            "verified_on": "2026-11-01", "shared": shared
        });
        if shared {
            phone["shared_with"] = json!("family");
        }
        play.issue("telecom", &person, PHONE, phone).await;
    }
    let now = play.world.now();
    let beside = play.holder("aibek").contacts(now);
    let hers = &mut play.people.get_mut("gulmira").unwrap().holder;
    hers.compare_contacts(vec!["+79990000000".to_owned()]);
    let (hers, his) = (play.holder("gulmira"), play.holder("aibek"));
    let (her_phone, his_phone) = (play.record("gulmira", PHONE), play.record("aibek", PHONE));
    // The record says so itself; hers only beside his.
    let said = his.shared_contact(&his_phone);
    assert_eq!(said, Some(SharedContact::Said("family".to_owned())));
    let text = |holder: &Holder, key: &str, with: &str| holder.words().text(key, &[("with", with)]);
    let family = his.words().text("value-phone-shared_with-family", &[]);
    assert_eq!(
        his.shared_contact_text(&his_phone),
        Some(text(his, "cli-contact-shared", &family))
    );
    assert_eq!(hers.shared_contact(&her_phone), None);
    assert_eq!(hers.shared_contact_text(&her_phone), None);
    let hers = &mut play.people.get_mut("gulmira").unwrap().holder;
    hers.compare_contacts(beside);
    let same = hers.shared_contact(&her_phone);
    assert_eq!(same, Some(SharedContact::OtherProfile));
    assert_eq!(
        hers.shared_contact_text(&her_phone),
        Some(text(hers, "cli-contact-same", ""))
    );
    play.end().await;
}

#[tokio::test]
async fn no_request_names_guardian_and_child_together() {
    let mut play = Play::family_with_mandate(212).await;
    play.enrol("aibek").await;
    let addresses = |person: &str| {
        let holder = play.holder(person);
        let root = holder.danger_root();
        let own = AddressId::of(&root.derive_auth(AddressIndex::SELF).public_for());
        let links = holder.profile().links.iter().map(|l| l.address);
        links.chain([own]).collect::<Vec<_>>()
    };
    let named = |exchange: &Exchange, person: &str| {
        let mut marks = Marks::default();
        for address in addresses(person) {
            marks.add("bytes", address.as_bytes());
            marks.add("text", address.to_text());
        }
        let scanner = marks.scanner();
        let parts = [
            exchange.uri.as_bytes(),
            exchange.headers.as_bytes(),
            exchange.request.as_slice(),
            exchange.answer.as_slice(),
        ];
        parts.iter().any(|part| !scanner.scan("", part).is_empty())
    };
    let exchanges = play.world.wire.exchanges();
    let (mut hers, mut his) = (0, 0);
    for exchange in &exchanges {
        let (of_her, of_him) = (named(exchange, "gulmira"), named(exchange, "aibek"));
        assert!(!(of_her && of_him), "{} {}", exchange.method, exchange.uri);
        hers += usize::from(of_her);
        his += usize::from(of_him);
    }
    assert!(hers > 3 && his > 10, "both were there: {hers}, {his}");
    play.end().await;
}

#[tokio::test]
async fn a_mandate_to_file_is_none_to_dispute() {
    let mut play = Play::family(213).await;
    let mandate = MandateOf {
        scope: &["file"],
        ..MandateOf::parent(aibek(), play.thumbprint("gulmira", "aibek"), GULMIRA_NAME)
    };
    let kept = play.mandate(&AIBEK, &mandate).await.kept;
    let scope = HolderError::Mandate(MandateError::Scope);
    let disputed = play.person("aibek", |h, with| h.dispute(&kept, vec![], "x", &[], with));
    assert_eq!(disputed.await.err(), Some(scope.clone()));
    let returned = play.person("aibek", |h, (now, rng)| h.not_mine(&kept, "", now, rng));
    assert_eq!(returned.await.err(), Some(scope));
    play.enrol("aibek").await;
    play.end().await;
}
