//! D25: a helper with a limited mandate: may assist, not prove. Nothing secret goes through a helper's
//! telephone.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_gateway::GatewayError;
use denizen_holder::{
    Confirmed, Digits, DraftView, HelperTerms, HolderError, Reading, UseKind, card_of,
};
use denizen_model::{
    MessageId, SecretKeyFor, Sha256Hash,
    mandate::{Ask, Given, HelperDraft, MandateError, Scope, card_digits},
    message::ApplicationState::Filed,
};
use denizen_seal::{KemPublic, SEALER};
use denizen_testkit::{
    AZIZA, GULMIRA, NURLAN, Play,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, WORK_PERMIT, vct},
};
use serde_json::json;

const ALL: [Scope; 3] = [Scope::Read, Scope::Receive, Scope::Prepare];

fn terms(scope: &[Scope]) -> HelperTerms {
    HelperTerms {
        subject: json!({"names": {"original": "Каримова Азиза Бахтиёровна"}}),
        scope: scope.to_vec(),
        services: vec![WORK_PERMIT.to_owned()],
        from: "2026-11-24".parse().unwrap(),
        until: "2027-01-31".parse().unwrap(),
        may_pass_on: false,
    }
}

/// Aziza has everything for a work permit; Gulmira made a card for her, and the two compared it.
async fn assisted(seed: u64, scope: &[Scope]) -> Play {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::settled(seed, AZIZA, &offices).await;
    play.arrive(GULMIRA).await;
    let card = card(&mut play, "gulmira").await;
    let begun = begin(&mut play, &card, &terms(scope)).await;
    begun.unwrap();
    play
}

async fn card(play: &mut Play, helper: &str) -> Vec<u8> {
    let made = play.person(helper, |h, (now, rng)| {
        h.make_card("Aziza", "Gulmira from the clinic", now, rng)
    });
    made.await.unwrap()
}

async fn begin(play: &mut Play, card: &[u8], terms: &HelperTerms) -> Result<(), HolderError> {
    let digits = Digits::typed(&card_digits(card));
    let begun = play.person("aziza", |h, (now, rng)| {
        h.add_helper((card, &digits), "Gulmira", terms, now, rng)
    });
    begun.await.map(drop)
}

/// What Aziza lets be read: two papers, of one only the number.
async fn give(play: &mut Play) -> Vec<u8> {
    let travel = play.record("aziza", vct::TRAVEL).kept;
    let language = play.record("aziza", vct::LANGUAGE).kept;
    let readings = [
        Reading {
            kept: travel,
            claims: vec!["document_number".to_owned(), "valid_until".to_owned()],
        },
        Reading {
            kept: language,
            claims: Vec::new(),
        },
    ];
    let given = play.person("aziza", |h, (now, rng)| {
        h.give("Gulmira", &readings, false, now, rng)
    });
    given.await.unwrap()
}

async fn open(play: &mut Play, helper: &str, file: &[u8]) -> Result<Given, HolderError> {
    let opened = play.person(helper, |h, (now, rng)| h.open_given(file, now, rng));
    opened.await.map(|(_, given)| given)
}

fn draft(play: &mut Play, given: &Given, records: &[&str]) -> Result<Vec<u8>, HolderError> {
    let hash = given.services.first().map(|s| s.hash);
    let hash = hash.unwrap_or(Sha256Hash::new([0; 32]));
    let records: Vec<String> = records.iter().map(|r| (*r).to_owned()).collect();
    let (now, rng) = (play.world.now(), &mut play.world.rng);
    let helper = &play.people["gulmira"].holder;
    let word = (records.as_slice(), "Please look at the region.");
    helper.draft_for(given, &hash, AZIZA.answers(), word, (now, rng))
}

async fn read_draft(play: &mut Play, file: &[u8]) -> Result<DraftView, HolderError> {
    let read = play.person("aziza", |h, (now, rng)| h.read_draft(file, now, rng));
    read.await
}

/// Aziza files what she was drafted, as she sees it.
async fn file(play: &mut Play, view: &DraftView) -> MessageId {
    let now = play.world.now();
    let preview = play.holder("aziza").preview_draft(view, now).unwrap();
    let confirmed = Confirmed {
        special: preview.special(),
        linkable: false,
    };
    let filed = play.person("aziza", |h, (now, rng)| {
        h.apply(&preview, &confirmed, now, rng)
    });
    let id = filed.await.unwrap();
    let done = play.person("aziza", |h, (now, rng)| {
        h.draft_filed((&view.draft.mandate, &view.draft.id), now, rng)
    });
    done.await.unwrap();
    id
}

fn uses(play: &Play) -> Vec<(UseKind, Vec<String>)> {
    let helper = play.holder("aziza").helper("Gulmira").unwrap();
    let uses = helper.uses.iter();
    uses.map(|u| (u.what, u.about.clone())).collect()
}

fn mandate(error: MandateError) -> HolderError {
    HolderError::Mandate(error)
}

#[tokio::test]
async fn d25_a_helper_drafts_the_person_files_and_every_use_shows() {
    let mut play = assisted(221, &ALL).await;
    let sent = play.holder("aziza").profile().applications.len();
    let file_for_her = give(&mut play).await;
    let given = open(&mut play, "gulmira", &file_for_her).await.unwrap();
    // What may be read, and nothing that proves anything.
    let travel = &given.read[0].claims;
    assert_eq!(travel.len(), 2);
    assert_eq!(travel["document_number"], "FA1204563");
    nothing_that_proves(&play, &given);
    let drafted = draft(&mut play, &given, &["r1"]).unwrap();
    let view = read_draft(&mut play, &drafted).await.unwrap();
    assert_eq!(view.draft.text, "Please look at the region.");
    let kept = play.record("aziza", vct::TRAVEL).kept;
    assert_eq!(view.records, [kept]);
    let applications = &play.holder("aziza").profile().applications;
    assert_eq!(applications.len(), sent, "a draft files nothing");
    let id = file(&mut play, &view).await;
    assert_eq!(play.follow("aziza", &id), [(Filed, None)]);
    let view = play.look("immigration").await;
    assert!(view.acting.is_none(), "the office hears of no helper");
    let kinds: Vec<UseKind> = uses(&play).into_iter().map(|u| u.0).collect();
    use UseKind::{Begun, Draft, Filed as WasFiled, Given as WasGiven};
    assert_eq!(kinds, [Begun, WasGiven, Draft, WasFiled]);
    let again = read_draft(&mut play, &drafted).await;
    assert_eq!(
        again.err(),
        Some(HolderError::NotOpen),
        "a draft is filed once"
    );

    // She tells the office; the helper may ask there, once for each question.
    let told = play.person("aziza", |h, (now, rng)| {
        h.tell_office("Gulmira", &id, now, rng)
    });
    told.await.unwrap();
    let newer = give(&mut play).await;
    let given = open(&mut play, "gulmira", &newer).await.unwrap();
    let case = given.receive[0].case_reference.clone();
    let now = play.world.now();
    let question = {
        let helper = &play.people["gulmira"].holder;
        helper
            .ask_at(&given, &case, now, &mut play.world.rng)
            .unwrap()
    };
    let answer = ask(&mut play, &case, &question).await.unwrap();
    assert_eq!(answer.helper, "Gulmira from the clinic");
    assert!(!answer.is_decided());
    assert_eq!(answer.summary.case_reference, case);
    let again = ask(&mut play, &case, &question).await.unwrap_err();
    assert_eq!(code(&again), "mandate-proof-refused");
    let notices = &play.holder("aziza").profile().notices;
    let of_helper = notices.iter().filter(|n| n.notice.role == "helper");
    assert_eq!(
        of_helper.count(),
        1,
        "she is told of the question, and of no refused one"
    );
    assert_eq!(
        uses(&play).iter().filter(|u| u.0 == UseKind::Told).count(),
        1
    );
    // Everything of it is in both kits.
    let before = uses(&play);
    play.restore_from_kit("aziza").await;
    play.restore_from_kit("gulmira").await;
    assert_eq!(uses(&play), before);
    assert_eq!(open(&mut play, "gulmira", &newer).await.unwrap(), given);
    play.end().await;
}

/// No credential, no key, no name of a record or address: by looking for them.
fn nothing_that_proves(play: &Play, given: &Given) {
    let text = serde_json::to_string(given).unwrap();
    let holder = play.holder("aziza");
    for record in &holder.profile().records {
        let jwt = record.kept.split('~').next().unwrap();
        let signature = jwt.rsplit('.').next().unwrap();
        assert!(!text.contains(signature));
        assert!(!text.contains(&record.kept_hash.to_text()));
        for copy in &record.copies {
            assert!(!text.contains(copy.text.split('~').next().unwrap()));
            assert!(!text.contains(&copy.copy_ref.to_text()));
        }
        for disclosure in record.kept.split('~').skip(1).filter(|d| !d.is_empty()) {
            assert!(!text.contains(disclosure));
        }
    }
    for link in &holder.profile().links {
        assert!(!text.contains(&link.address.to_text()));
        assert!(!text.contains(&link.salt.to_text()));
    }
}

async fn ask(
    play: &mut Play,
    case: &str,
    question: &[u8],
) -> Result<denizen_gateway::HelperAnswer, GatewayError> {
    let answered = play.at_office("immigration", |g, now, rng| {
        g.answer_helper(case, question, now, rng)
    });
    answered.await
}

fn code(error: &GatewayError) -> &'static str {
    match error {
        GatewayError::Mandate(error) => error.code(),
        _ => "other",
    }
}

#[tokio::test]
async fn a_helpers_mandate_ends_by_itself_and_before_its_time() {
    let mut play = assisted(222, &ALL).await;
    let id = play.apply_for_permit("aziza").await;
    let told = play.person("aziza", |h, (now, rng)| {
        h.tell_office("Gulmira", &id, now, rng)
    });
    told.await.unwrap();
    let given_file = give(&mut play).await;
    let given = open(&mut play, "gulmira", &given_file).await.unwrap();
    let case = given.receive[0].case_reference.clone();
    let drafted = draft(&mut play, &given, &[]).unwrap();
    let question = |play: &mut Play| {
        let (now, helper) = (play.world.now(), &play.people["gulmira"].holder);
        helper.ask_at(&given, &case, now, &mut play.world.rng)
    };
    let asked = question(&mut play).unwrap();
    let ended = play.person("aziza", |h, (now, rng)| h.end_helper("Gulmira", now, rng));
    ended.await.unwrap();
    let refused = ask(&mut play, &case, &asked).await.unwrap_err();
    assert_eq!(code(&refused), "mandate-over");
    let refused = read_draft(&mut play, &drafted).await;
    assert_eq!(refused.err(), Some(mandate(MandateError::Over)));
    let refused = play.person("aziza", |h, (now, rng)| {
        h.tell_office("Gulmira", &id, now, rng)
    });
    assert_eq!(refused.await, Err(mandate(MandateError::Over)));
    let last = uses(&play).pop().unwrap();
    assert_eq!(last, (UseKind::Refused, vec!["mandate-over".to_owned()]));

    // Another one, which ends by its date.
    let mut play = assisted(223, &ALL).await;
    let file = give(&mut play).await;
    let given = open(&mut play, "gulmira", &file).await.unwrap();
    let drafted = draft(&mut play, &given, &[]).unwrap();
    play.world.clock.advance_s(70 * 86_400);
    play.settle().await;
    let over = Some(mandate(MandateError::Over));
    assert_eq!(read_draft(&mut play, &drafted).await.err(), over);
    assert_eq!(open(&mut play, "gulmira", &file).await.err(), over);
    assert_eq!(draft(&mut play, &given, &[]).err(), over);
    play.end().await;
}

#[tokio::test]
async fn a_helper_gets_no_more_than_the_mandate_says() {
    let mut play = assisted(224, &[Scope::Receive]).await;
    // Nothing to read, nothing to prepare.
    let kept = play.record("aziza", vct::TRAVEL).kept;
    let reading = [Reading {
        kept,
        claims: Vec::new(),
    }];
    let refused = play.person("aziza", |h, (now, rng)| {
        h.give("Gulmira", &reading, false, now, rng)
    });
    assert_eq!(refused.await.err(), Some(mandate(MandateError::Scope)));
    let empty = play.person("aziza", |h, (now, rng)| {
        h.give("Gulmira", &[], false, now, rng)
    });
    let file = empty.await.unwrap();
    let given = open(&mut play, "gulmira", &file).await.unwrap();
    assert!(given.services.is_empty() && given.read.is_empty() && given.receive.is_empty());
    assert_eq!(
        draft(&mut play, &given, &[]).err(),
        Some(HolderError::ServiceUnknown)
    );
    // A draft all the same, by hand.
    let key = key_of(&play);
    let refused = forged_draft(&mut play, &given, &key, |d| d).await;
    assert_eq!(refused.err(), Some(mandate(MandateError::Scope)));
    assert_eq!(uses(&play).pop().unwrap().1, ["mandate-scope"]);
    play.end().await;

    let mut play = assisted(225, &[Scope::Prepare]).await;
    let id = play.apply_for_permit("aziza").await;
    let refused = play.person("aziza", |h, (now, rng)| {
        h.tell_office("Gulmira", &id, now, rng)
    });
    assert_eq!(refused.await, Err(mandate(MandateError::Scope)));
    let file = play.person("aziza", |h, (now, rng)| {
        h.give("Gulmira", &[], false, now, rng)
    });
    let file = file.await.unwrap();
    let given = open(&mut play, "gulmira", &file).await.unwrap();
    assert_eq!(
        draft(&mut play, &given, &["r1"]).err(),
        Some(HolderError::NotOpen),
        "only what may be read can be named"
    );
    let key = key_of(&play);
    // Looked at, not filed: it can be looked at again.
    let id = forged_draft(&mut play, &given, &key, |d| d)
        .await
        .unwrap()
        .draft
        .id;
    let again = forged_draft(&mut play, &given, &key, |mut d| {
        d.id = id;
        d
    });
    assert!(again.await.is_ok());
    let other = forged_draft(&mut play, &given, &key, |mut d| {
        d.mandate = MessageId::new([1; 16]);
        d
    });
    assert_eq!(other.await.err(), Some(mandate(MandateError::Missing)));
    let unknown = forged_draft(&mut play, &given, &key, |mut d| {
        d.service = Sha256Hash::new([1; 32]);
        d
    });
    assert_eq!(unknown.await.err(), Some(HolderError::ServiceUnknown));
    play.end().await;
}

/// Gulmira's key for Aziza, as her device has it.
fn key_of(play: &Play) -> SecretKeyFor<denizen_model::key::Delegate> {
    let holder = play.holder("gulmira");
    let relation = holder.profile().helping[0].id;
    holder.danger_root().derive_person(&relation).delegate
}

/// A draft made by hand, sealed like any.
async fn forged_draft(
    play: &mut Play,
    given: &Given,
    key: &SecretKeyFor<denizen_model::key::Delegate>,
    bend: impl FnOnce(HelperDraft) -> HelperDraft,
) -> Result<DraftView, HolderError> {
    let service = play.service("aziza", WORK_PERMIT);
    let draft = bend(HelperDraft {
        v: 1,
        key: key.public_for(),
        mandate: given.id,
        id: MessageId::make(&mut play.world.rng),
        made: play.world.now(),
        service,
        answers: AZIZA.answers(),
        records: Vec::new(),
        text: String::new(),
    });
    let kem = KemPublic::from_bytes(&given.kem.0).unwrap();
    let typ = denizen_model::mandate::DRAFT_TYP;
    let sealed = SEALER
        .seal_file(&kem, typ, &draft.sign(key), &mut play.world.rng)
        .unwrap();
    read_draft(play, &sealed).await
}

#[tokio::test]
async fn a_helper_cannot_pass_it_on_and_nobody_takes_her_place() {
    let mut play = assisted(226, &ALL).await;
    play.arrive(NURLAN).await;
    let id = play.apply_for_permit("aziza").await;
    let told = play.person("aziza", |h, (now, rng)| {
        h.tell_office("Gulmira", &id, now, rng)
    });
    told.await.unwrap();
    let file = give(&mut play).await;
    let given = open(&mut play, "gulmira", &file).await.unwrap();
    // The file opens on no other device.
    assert_eq!(
        open(&mut play, "nurlan", &file).await.err(),
        Some(HolderError::HelperFile)
    );
    assert_eq!(
        read_draft(&mut play, &file).await.err(),
        Some(HolderError::HelperFile)
    );
    // With all that she knows, but his key.
    let his = SecretKeyFor::from_seed(&[78; 32]).unwrap();
    let refused = forged_draft(&mut play, &given, &his, |d| d).await;
    assert_eq!(refused.err(), Some(mandate(MandateError::OtherKey)));
    let case = given.receive[0].case_reference.clone();
    let question = |play: &mut Play, bend: &dyn Fn(&mut Ask), key| {
        let mut ask = Ask {
            v: 1,
            key: key_of(play).public_for(),
            mandate: given.id,
            id: MessageId::make(&mut play.world.rng),
            org: given.receive[0].org,
            case_reference: case.clone(),
            made: play.world.now(),
        };
        bend(&mut ask);
        ask.sign(key)
    };
    let hers = key_of(&play);
    let by_him = question(&mut play, &|a| a.key = his.public_for(), &his);
    let in_her_name = question(&mut play, &|_| {}, &his);
    let elsewhere = question(
        &mut play,
        &|a| a.org = denizen_model::OrgId::new([9; 32]),
        &hers,
    );
    let old = question(&mut play, &|a| a.made = a.made.plus_s(-90_000), &hers);
    let other = question(&mut play, &|a| a.mandate = MessageId::new([9; 16]), &hers);
    for (ask_file, why) in [
        (by_him, "mandate-other-key"),
        (in_her_name, "mandate-proof-refused"),
        (elsewhere, "mandate-proof-refused"),
        (old, "mandate-proof-refused"),
        (other, "mandate-missing"),
    ] {
        let refused = ask(&mut play, &case, &ask_file).await.unwrap_err();
        assert_eq!(code(&refused), why);
    }
    let good = question(&mut play, &|_| {}, &hers);
    assert!(ask(&mut play, &case, &good).await.is_ok());
    // Once she asks the office to forget what no law keeps, it knows no helper.
    let applications = &play.holder("aziza").profile().applications;
    let link = applications.iter().find(|a| a.id == id).unwrap().link;
    let erased = play.person("aziza", |h, (now, rng)| {
        h.request_erasure(link, None, now, rng)
    });
    erased.await.unwrap();
    let late = question(&mut play, &|_| {}, &hers);
    let refused = ask(&mut play, &case, &late).await.unwrap_err();
    assert_eq!(code(&refused), "mandate-missing");
    play.end().await;
}

#[tokio::test]
async fn no_mandate_that_may_be_passed_on_or_that_proves_something_is_made() {
    let mut play = Play::make(229).await;
    play.arrive(AZIZA).await;
    play.arrive(NURLAN).await;
    let card_of_his = card(&mut play, "nurlan").await;
    for (bent, why) in [
        (
            HelperTerms {
                may_pass_on: true,
                ..terms(&ALL)
            },
            MandateError::NotPassedOn,
        ),
        (terms(&[Scope::Read, Scope::File]), MandateError::Scope),
        (terms(&[Scope::Show]), MandateError::Scope),
        (terms(&[Scope::Dispute]), MandateError::Scope),
    ] {
        let digits = Digits::of_card(&card_of_his);
        let refused = play.person("aziza", |h, (now, rng)| {
            h.add_helper((&card_of_his, &digits), "Nurlan", &bent, now, rng)
        });
        assert_eq!(refused.await.err(), Some(mandate(why)));
    }
    play.end().await;
}

#[tokio::test]
async fn a_card_that_was_changed_on_its_way_is_caught_by_the_digits() {
    let mut play = Play::make(227).await;
    for persona in [AZIZA, GULMIRA, NURLAN] {
        play.arrive(persona).await;
    }
    let hers = card(&mut play, "gulmira").await;
    let put_in_its_place = card(&mut play, "nurlan").await;
    let read_out = Digits::typed(&card_digits(&hers));
    let refused = play.person("aziza", |h, (now, rng)| {
        let card = (put_in_its_place.as_slice(), &read_out);
        h.add_helper(card, "Gulmira", &terms(&ALL), now, rng)
    });
    assert_eq!(refused.await.err(), Some(HolderError::HelperDigits));
    let mut bent = hers.clone();
    let at = bent.len() / 2;
    bent[at] ^= 1;
    assert_eq!(card_of(&bent).err(), Some(HolderError::HelperFile));
    begin(&mut play, &hers, &terms(&ALL)).await.unwrap();
    assert_eq!(
        begin(&mut play, &hers, &terms(&ALL)).await.err(),
        Some(HolderError::HelperKnown)
    );
    play.end().await;
}

#[tokio::test]
async fn special_papers_are_given_to_read_only_after_a_second_yes_and_an_older_file_counts_no_more()
{
    let mut play = assisted(228, &ALL).await;
    let kept = play.record("aziza", vct::MEDICAL).kept;
    let reading = [Reading {
        kept,
        claims: Vec::new(),
    }];
    let refused = play.person("aziza", |h, (now, rng)| {
        h.give("Gulmira", &reading, false, now, rng)
    });
    assert_eq!(refused.await.err(), Some(HolderError::SpecialNotConfirmed));
    let older = play.person("aziza", |h, (now, rng)| {
        h.give("Gulmira", &reading, true, now, rng)
    });
    let older = older.await.unwrap();
    play.world.clock.advance_s(60);
    let newer = give(&mut play).await;
    open(&mut play, "gulmira", &newer).await.unwrap();
    let old = open(&mut play, "gulmira", &older).await.err();
    assert_eq!(old, Some(HolderError::HelperFileOld));
    play.end().await;
}
