//! Her word beside a paper: a reply without a new paper, and the right of reply to what a private body
//! claims of her, which travels with the record until an authority confirms it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_holder::HolderError;
use denizen_model::{catalogue::Service, statement::Quality};
use denizen_testkit::{
    Play, catalogue,
    persona::DALER,
    play::{OfficeKind, WORK_PERMIT, permit, vct},
};
use serde_json::{Value, json};

const EMPLOYMENT: &str = "urn:denizen:kind:employment:1";

/// A private body.
const EMPLOYER: OfficeKind = OfficeKind {
    name: "employer",
    title: "Bridge Works",
    kinds: &[EMPLOYMENT],
    services: &[],
    files: &[],
};

/// The authority that looks after employers.
const INSPECTORATE: OfficeKind = OfficeKind {
    name: "inspectorate",
    title: "Labour Inspectorate",
    kinds: &[EMPLOYMENT],
    services: &[],
    files: &[],
};

/// Who is shown papers.
const OFFICE: OfficeKind = OfficeKind {
    name: "office",
    title: "One Office",
    kinds: &[vct::TRAVEL, vct::FILED, vct::DECISION, vct::PERMIT],
    services: &[],
    files: &[],
};

const LEFT: &str = "Я не увольнялся: меня не пустили на площадку, 6145";

fn employment() -> Value {
    json!({
        "subject": {"names": {"original": "Раҳимов Далер Сафарович"}, "birth_date": "2001-07-08"},
        "employer": {"name": "Bridge Works", "registration_number": "1026900512340"},
        "contract_type": "open-ended",
        "contract_number": "61/2026",
        "position": "Mason",
        "region": "RU-TVE",
        "started_on": "2026-04-01",
        "state": "ended",
        "ended_on": "2026-11-20",
        "end_reason": "by-employee"
    })
}

fn travel() -> Value {
    json!({
        "subject": {
            "names": {"original": "Раҳимов Далер Сафарович"},
            "birth_date": "2001-07-08",
            "document_number": "403118274"
        },
        "document_type": "passport",
        "document_number": "403118274",
        "issuing_state": "TJK",
        "nationality": "TJK",
        "valid_until": "2034-02-13"
    })
}

/// A service that asks for one paper, of these issuers.
fn service(query: &str, kind: &str, claims: &[&[&str]], issuers: &[String]) -> Service {
    let mut service = catalogue().service(WORK_PERMIT).unwrap().clone();
    let claims: Vec<_> = claims.iter().map(|path| json!({ "path": path })).collect();
    service.evidence = json!({"credentials": [{
        "id": query,
        "format": "dc+sd-jwt",
        "meta": {"vct_values": [kind]},
        "claims": claims
    }]});
    service.issuers = [(query.to_owned(), issuers.to_vec())].into();
    service.subject_required = vec![query.to_owned()];
    service.constraints.clear();
    service
}

fn employment_service(issuers: &[String]) -> Service {
    let claims: [&[&str]; 4] = [
        &["subject", "names"],
        &["employer"],
        &["state"],
        &["ended_on"],
    ];
    service("employment", EMPLOYMENT, &claims, issuers)
}

/// An employer that only claims, an office that takes his word, and a reply.
async fn told() -> Play {
    let mut play = Play::with(221, &[EMPLOYER, INSPECTORATE, OFFICE]).await;
    play.world.marks.add("reply", LEFT);
    play.arrive(DALER).await;
    let statement = play.gateway("employer").statement();
    play.world.admit_claims(0, &statement, EMPLOYER.kinds).await;
    let issuers = [
        "admitted".to_owned(),
        play.gateway("employer").id().to_text(),
    ];
    play.publish("office", employment_service(&issuers)).await;
    play.link("daler", &EMPLOYER).await;
    play.link_open("daler", &OFFICE).await;
    play.row("employer", "daler", EMPLOYMENT, employment())
        .await;
    play
}

#[tokio::test]
async fn a_reply_to_a_private_bodys_claim_travels_with_it_wherever_it_is_shown() {
    let mut play = told().await;
    let claim = play.record("daler", EMPLOYMENT);
    assert_eq!(claim.quality, Some(Quality::Claim));
    let replied = play.person("daler", |h, (now, rng)| {
        h.reply_to_record(&claim.kept, LEFT, now, rng)
    });
    replied.await.unwrap();

    let preview = play.preview("daler", WORK_PERMIT, DALER.answers()).unwrap();
    assert_eq!(
        preview.leaving[0].reply.as_deref(),
        Some(LEFT),
        "he sees that it leaves"
    );
    play.apply("daler", &preview).unwrap();
    play.settle().await;
    let view = play.look("office").await;
    assert!(view.evidence[0].is_claim());
    assert_eq!(view.evidence[0].reply(), Some(LEFT));

    // Said again, it reaches the office that has the paper.
    let again = "Свидетели есть, 6146";
    play.world.marks.add("second reply", again);
    let replied = play.person("daler", |h, (now, rng)| {
        h.reply_to_record(&claim.kept, again, now, rng)
    });
    replied.await.unwrap();
    assert!(play.gateway("office").queue().unwrap()[0].flagged);
    let view = play.look("office").await;
    assert_eq!(view.evidence[0].reply(), Some(again));

    // It is his on every device, and after a loss.
    play.join("daler", "tablet").await;
    let said = |play: &Play, device: &str| {
        let reply = play.holder(device).reply_of(&claim.kept);
        reply.map(|r| r.text.clone())
    };
    assert_eq!(said(&play, "tablet").as_deref(), Some(again));
    play.people.remove("tablet");
    play.restore_from_kit("daler").await;
    assert_eq!(said(&play, "daler").as_deref(), Some(again));
    // The link moves: the record comes again, and what he says to it is still said.
    let link = claim.held.link;
    play.move_link("daler", link).await;
    play.hours(2).await;
    let moved = play.record("daler", EMPLOYMENT);
    assert_ne!(moved.kept, claim.kept);
    let reply = play.holder("daler").reply_of(&moved.kept).unwrap();
    assert_eq!(reply.text, again);
    // Taken back, it goes along no more, and is gone where it was shown under its old name.
    let replied = play.person("daler", |h, (now, rng)| {
        h.reply_to_record(&moved.kept, "", now, rng)
    });
    replied.await.unwrap();
    assert!(play.holder("daler").reply_of(&moved.kept).is_none());
    let view = play.look("office").await;
    assert_eq!(view.evidence[0].reply(), None);
    play.end().await;
}

#[tokio::test]
async fn what_an_authority_confirms_is_no_mere_claim_any_more() {
    let mut play = told().await;
    play.link("daler", &INSPECTORATE).await;
    let claim = play.record("daler", EMPLOYMENT);
    let (now, holder) = (play.world.now(), play.holder("daler"));
    assert_eq!(holder.confirmed_by(&claim, now), None);

    // Another end is no confirmation.
    let mut other = employment();
    other["end_reason"] = json!("by-agreement");
    play.row("inspectorate", "daler", EMPLOYMENT, other).await;
    let claim = play.holder("daler").record(&claim.kept, now).unwrap();
    assert_eq!(play.holder("daler").confirmed_by(&claim, now), None);

    // The same fact, however the person is written there: the keys are his, no name is compared.
    let mut same = employment();
    same["subject"] = json!({"names": {"latin": "Rahimov Daler"}, "birth_date": "2001"});
    play.row("inspectorate", "daler", EMPLOYMENT, same).await;
    let inspectorate = play.gateway("inspectorate").id();
    let holder = play.holder("daler");
    assert_eq!(holder.confirmed_by(&claim, now), Some(inspectorate));

    // An authority's record is disputed, not replied to; and it is what is shown first.
    let confirmed = play
        .records("daler")
        .into_iter()
        .find(|r| r.issuer == inspectorate);
    let kept = confirmed.unwrap().kept;
    let refused = play.person("daler", |h, (now, rng)| {
        h.reply_to_record(&kept, "x", now, rng)
    });
    assert_eq!(refused.await, Err(HolderError::NotAClaim));
    let preview = play.preview("daler", WORK_PERMIT, DALER.answers()).unwrap();
    assert_eq!(preview.leaving[0].offer.issuer, inspectorate);
    play.apply("daler", &preview).unwrap();
    play.settle().await;
    assert!(!play.look("office").await.evidence[0].is_claim());
    play.end().await;
}

#[tokio::test]
async fn a_reply_without_a_new_paper_stands_beside_the_paper_and_is_kept_with_the_case() {
    let mut play = Play::with(222, &[OFFICE]).await;
    play.arrive(DALER).await;
    play.world.marks.add("reply", LEFT);
    let claims: [&[&str]; 2] = [&["subject", "names"], &["valid_until"]];
    let asks = service(
        "travel_document",
        vct::TRAVEL,
        &claims,
        &["admitted".to_owned()],
    );
    play.publish("office", asks).await;
    play.link("daler", &OFFICE).await;
    play.row("office", "daler", vct::TRAVEL, travel()).await;
    let id = play.apply_for_permit("daler").await;
    let case = play.open_case_reference("office");

    let sent = play.holder("daler").profile().sent.len();
    let unknown = denizen_model::MessageId::new([3; 16]);
    let long = "я".repeat(2001);
    for (application, query, text, want) in [
        (&unknown, "travel_document", "x", HolderError::NotOpen),
        (&id, "language", "x", HolderError::NotOpen),
        (&id, "travel_document", long.as_str(), HolderError::TooLarge),
    ] {
        let done = play.person("daler", |h, (now, rng)| {
            h.reply(application, query, text, now, rng)
        });
        assert_eq!(done.await, Err(want));
    }
    assert_eq!(
        play.holder("daler").profile().sent.len(),
        sent,
        "nothing left"
    );

    let done = play.person("daler", |h, (now, rng)| {
        h.reply(&id, "travel_document", LEFT, now, rng)
    });
    done.await.unwrap();
    assert!(
        play.gateway("office").queue().unwrap()[0].flagged,
        "the officer is told"
    );
    let view = play.look("office").await;
    assert_eq!(view.evidence[0].reply(), Some(LEFT));
    assert!(!view.evidence[0].is_superseded(), "the paper still counts");
    play.decide("office", permit()).await.unwrap();
    let view = play.at_office("office", |g, now, rng| {
        g.open_case(&case, "auditor", now, rng)
    });
    assert_eq!(
        view.await.unwrap().evidence[0].reply(),
        Some(LEFT),
        "kept with the case"
    );
    // His own copy is in the kit.
    play.restore_from_kit("daler").await;
    let replies = &play.holder("daler").profile().applications[0].replies;
    assert_eq!(replies[0].reply.text, LEFT);
    play.end().await;
}
