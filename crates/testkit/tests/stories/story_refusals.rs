//! What goes wrong in a life with papers, and what is said about it: nothing lost, nothing twice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::{
    HubClient,
    client::{RequestSigner, own_keyid},
    wire::{Accept, ChangeAccepts, DepositItem, decode_batch},
};
use denizen_gateway::{GatewayError, IntakeError, InviteRequest, Mapping};
use denizen_holder::{Confirmed, Event, HolderError, LinkState};
use denizen_model::{
    DepositId, MessageId, Nonce, Sha256Hash,
    envelope::SUITE_1,
    invitation::InvitationError,
    message::{
        ApplicationState, Attachment, Body, Chain, From, HubAddress, Message, To, holder_kid,
    },
};
use denizen_seal::{AddressIndex, KemPublic, Sealer as _};
use denizen_testkit::{
    AZIZA, GULAB, Persona, Play, catalogue,
    catalogue::demo_file,
    office::{deposit_of, header_of},
    play::{BORDER, CLINIC, IMMIGRATION, OfficeKind, TEST_CENTRE, WORK_PERMIT, permit, vct},
};

/// One person with one link to one office.
async fn pair(seed: u64, persona: Persona, office: &OfficeKind) -> Play {
    let mut play = Play::with(seed, std::slice::from_ref(office)).await;
    play.arrive(persona).await;
    play.link(persona.name, office).await;
    play
}

/// Aziza with everything that a work permit needs.
async fn ready(seed: u64) -> Play {
    let mut play = Play::with(seed, &[BORDER, TEST_CENTRE, CLINIC, IMMIGRATION]).await;
    play.arrive(AZIZA).await;
    for office in [&BORDER, &TEST_CENTRE, &CLINIC] {
        play.link("aziza", office).await;
        play.fill(office).await;
    }
    play.link_open("aziza", &IMMIGRATION).await;
    play
}

#[tokio::test]
async fn three_wrong_codes_end_the_link_and_nothing_that_waits_is_sent() {
    let mut play = Play::with(1, &[BORDER]).await;
    play.arrive(AZIZA).await;
    play.fill(&BORDER).await;
    let case = AZIZA.case("border");
    let text = play.invite(&BORDER, Some(case));
    let link = play.accept("aziza", &text).await;
    play.settle().await;
    let right = play.holder("aziza").code(link).unwrap();
    let wrong = if right == "000000" {
        "000001"
    } else {
        "000000"
    };
    let now = play.world.now();
    for tries_left in [2, 1, 0] {
        let gateway = play.gateways.get_mut("border").unwrap();
        let got = gateway.confirm(case, wrong, now, &mut play.world.rng);
        assert!(matches!(got, Err(GatewayError::WrongCode { tries_left: t }) if t == tries_left));
    }
    let gateway = play.gateways.get_mut("border").unwrap();
    let late = gateway.confirm(case, &right, now, &mut play.world.rng);
    assert!(matches!(late, Err(GatewayError::NoPendingLink)));
    play.settle().await;
    let told = Event::LinkRefused {
        link,
        code: "wrong-code".into(),
    };
    assert!(play.people["aziza"].events.contains(&told));
    assert!(play.records("aziza").is_empty());
    play.link("aziza", &BORDER).await;
    assert_eq!(
        play.records("aziza").len(),
        4,
        "what waited comes with the right code"
    );
    play.end().await;
}

#[tokio::test]
async fn an_invitation_serves_one_person_and_expires() {
    let mut play = Play::with(2, &[BORDER]).await;
    play.arrive(AZIZA).await;
    play.arrive(GULAB).await;
    let text = play.invite(&BORDER, Some(AZIZA.case("border")));
    let unused = play.invite(&BORDER, Some(GULAB.case("border")));
    play.accept("aziza", &text).await;
    play.settle().await;
    let second = play.accept("gulab", &text).await;
    play.settle().await;
    let link = play.holder("gulab").profile().link(second).unwrap();
    assert_eq!(link.state, LinkState::Refused);
    assert!(link.refusal.is_some());
    let again = play.accept("aziza", &text).await;
    assert_eq!(
        play.holder("aziza").profile().links.len(),
        1,
        "{again}: the same link"
    );
    // Accepted in time, sent too late.
    let late = play.accept("gulab", &unused).await;
    play.world.clock.advance_s(8 * 86_400);
    play.settle().await;
    let link = play.holder("gulab").profile().link(late).unwrap();
    assert_eq!(link.state, LinkState::Refused);
    let expired = play.read("aziza", &unused).await.unwrap_err();
    assert_eq!(expired, HolderError::Invitation(InvitationError::Expired));
    play.canary().await;
}

#[tokio::test]
async fn an_office_neither_invites_for_nor_takes_in_a_kind_that_it_is_not_admitted_for() {
    let mut play = pair(3, AZIZA, &BORDER).await;
    let now = play.world.now();
    let gateway = play.gateways.get_mut("border").unwrap();
    let request = InviteRequest {
        purpose: "x".into(),
        sends: vec![vct::MEDICAL.into()],
        uses: 1,
        ttl_s: 100,
        ..InviteRequest::default()
    };
    let refused = gateway.invite(request, now, &mut play.world.rng);
    assert!(matches!(refused, Err(GatewayError::KindNotAdmitted(kind)) if kind == vct::MEDICAL));
    let mapping = String::from_utf8(demo_file("clinic/mapping.toml")).unwrap();
    let mapping = Mapping::parse(&mapping, &catalogue()).unwrap();
    let file = demo_file("clinic/certificates.ndjson");
    let refused = gateway.intake(file.as_slice(), &mapping, now, &mut play.world.rng);
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            refused,
            IntakeError::Gateway(GatewayError::KindNotAdmitted(_))
        ),
        "{refused:?}"
    );
    assert_eq!(gateway.backlog().unwrap(), (0, 0));
    play.end().await;
}

#[tokio::test]
async fn a_record_of_a_kind_that_its_issuer_may_not_issue_is_kept_apart_with_its_reason() {
    let mut play = pair(4, AZIZA, &BORDER).await;
    let report = play.intake(
        "border",
        &demo_file("border/documents.ndjson"),
        "border/documents-mapping.toml",
    );
    assert_eq!(report.taken, 1);
    // Sealed and waiting; meanwhile the operator narrows the admission.
    let statement = play.gateway("border").statement();
    let narrow = play
        .world
        .house()
        .admission(&statement, &[vct::CROSSING], play.world.now());
    play.world
        .house()
        .hub()
        .append_entries(vec![narrow])
        .await
        .unwrap();
    play.settle().await;
    assert!(play.records("aziza").is_empty());
    let told = |e: &Event| matches!(e, Event::RecordRefused { code, .. } if code == "not-admitted");
    assert!(
        play.people["aziza"].events.iter().any(told),
        "{:?}",
        play.people["aziza"].events
    );
    assert_eq!(play.holder("aziza").profile().refused.len(), 1);
    play.canary().await;
}

#[tokio::test]
async fn the_same_rows_again_are_counted_and_issue_nothing() {
    let mut play = pair(5, AZIZA, &BORDER).await;
    let first = play.fill(&BORDER).await;
    assert_eq!((first[0].taken, first[0].waiting), (1, 3));
    let again = play.fill(&BORDER).await;
    assert_eq!(
        (again[0].taken, again[0].waiting, again[0].repeated),
        (0, 0, 4)
    );
    assert_eq!((again[1].taken, again[1].repeated), (0, 9));
    assert_eq!(play.records("aziza").len(), 4);
    play.end().await;
}

#[tokio::test]
async fn bad_rows_are_told_by_line_and_column_without_their_values_and_good_ones_go_through() {
    let mut play = pair(6, AZIZA, &BORDER).await;
    let file = demo_file("border/crossings-with-errors.csv");
    let report = play.intake("border", &file, "border/mapping.toml");
    let bad: Vec<(u64, &str)> = report
        .bad
        .iter()
        .map(|b| (b.line, b.column.as_str()))
        .collect();
    let want = [
        (3, "Дата"),
        (4, "Государство документа"),
        (5, "Направление"),
        (6, "-"),
        (7, "-"),
    ];
    assert_eq!(bad, want, "as demo/README.md tells");
    assert_eq!(report.taken + report.waiting, 2);
    for row in &report.bad {
        let found = play
            .world
            .marks
            .scanner()
            .scan("reason", row.reason.as_bytes());
        assert!(found.is_empty(), "{found:?}");
    }
    play.settle().await;
    play.end().await;
}

#[tokio::test]
async fn a_file_in_another_encoding_cut_or_without_its_columns_says_so() {
    let mut play = pair(7, AZIZA, &TEST_CENTRE).await;
    let mapping = String::from_utf8(demo_file("test-centre/mapping.toml")).unwrap();
    let utf8 = mapping.replace("windows-1251", "utf-8");
    let file = demo_file("test-centre/certificates.csv");
    let now = play.world.now();
    let mut intake = |file: &[u8], mapping: &str| {
        let mapping = Mapping::parse(mapping, &catalogue()).unwrap();
        let gateway = play.gateways.get_mut("test-centre").unwrap();
        gateway.intake(file, &mapping, now, &mut play.world.rng)
    };
    let wrong = intake(&file, &utf8).unwrap_err();
    assert!(matches!(wrong, IntakeError::Encoding { .. }), "{wrong:?}");
    assert!(matches!(
        intake(b"", &mapping).unwrap_err(),
        IntakeError::Empty
    ));
    let missing = intake(b"a,b\n1,2\n", &mapping).unwrap_err();
    assert!(
        matches!(missing, IntakeError::ColumnMissing { .. }),
        "{missing:?}"
    );
    let cut = intake(&file[..file.len() - 60], &mapping).unwrap();
    assert_eq!(cut.bad.len(), 1, "the row that was cut");
    let whole = intake(&file, &mapping).unwrap();
    assert_eq!((whole.repeated, whole.bad.len()), (3, 0));
    play.settle().await;
    assert_eq!(play.kinds("aziza"), [vct::LANGUAGE]);
    play.end().await;
}

/// The link of a person to the only other side, with what is needed to write into it by hand.
fn hub_client<'a>(
    play: &'a Play,
    person: &str,
) -> (HubClient<denizen_testkit::Wire>, &'a denizen_holder::Link) {
    let profile = play.holder(person).profile();
    (play.world.client(), profile.links.last().unwrap())
}

#[tokio::test]
async fn a_frozen_address_takes_no_records_and_the_office_is_told() {
    let mut play = pair(8, AZIZA, &BORDER).await;
    let (client, link) = hub_client(&play, "aziza");
    let auth = play
        .holder("aziza")
        .danger_root()
        .derive_auth(AddressIndex(link.index));
    let accepts = vec![Accept::Org(link.org)];
    let freeze = ChangeAccepts {
        version: 1,
        accepts: accepts.clone(),
        frozen: true,
    };
    client
        .change_accepts(&freeze, &auth, play.world.now())
        .await
        .unwrap();
    play.fill(&BORDER).await;
    assert!(play.records("aziza").is_empty());
    let alarms = play.office_alarms("border");
    assert!(
        !alarms.is_empty() && alarms.iter().all(|a| a == "deposit-frozen"),
        "{alarms:?}"
    );
    // She opens it again: what waited comes, in its order.
    let (client, link) = hub_client(&play, "aziza");
    let auth = play
        .holder("aziza")
        .danger_root()
        .derive_auth(AddressIndex(link.index));
    let open = ChangeAccepts {
        version: 2,
        accepts,
        frozen: false,
    };
    let now = play.world.now();
    client.change_accepts(&open, &auth, now).await.unwrap();
    play.world.clock.advance_s(86_400);
    play.settle().await;
    assert_eq!(play.records("aziza").len(), 4);
    assert_eq!(play.alarms("aziza"), Vec::<String>::new());
    play.canary().await;
}

#[tokio::test]
async fn a_suspended_office_sends_nothing_and_loses_nothing() {
    let mut play = pair(9, AZIZA, &BORDER).await;
    play.intake(
        "border",
        &demo_file("border/documents.ndjson"),
        "border/documents-mapping.toml",
    );
    let org = play.gateway("border").id();
    let suspension = play.world.house().suspension(org, play.world.now());
    play.world
        .house()
        .hub()
        .append_entries(vec![suspension])
        .await
        .unwrap();
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let gateway = play.gateways.get_mut("border").unwrap();
    let refused = gateway.sync(wire, 0, now, rng).await.unwrap_err();
    assert!(
        matches!(refused, GatewayError::Client(_) | GatewayError::NotAdmitted),
        "{refused:?}"
    );
    assert_eq!(gateway.backlog().unwrap().1, 1, "it still waits");
    play.canary().await;
}

/// Writes a message into a person's newest link by hand, as a second installation of hers would.
async fn write(
    play: &mut Play,
    person: &str,
    id: MessageId,
    body: Body,
    attachments: Vec<Attachment>,
) {
    let holder = play.holder(person);
    let link = holder.profile().links.last().unwrap().clone();
    let directory = play.world.directory(0).await.directory;
    let inbox = directory
        .organisation(&link.org)
        .unwrap()
        .statement
        .inbox
        .clone()
        .unwrap();
    let keys = holder
        .danger_root()
        .derive_address(AddressIndex(link.index), Some(&link.salt));
    let rng = &mut play.world.rng;
    let message = Message {
        id,
        thid: None,
        from: From::Holder(HubAddress {
            hub: link.hub,
            address: link.address,
        }),
        to: To {
            hub: link.hub,
            address: inbox.address,
            suite: SUITE_1,
        },
        created_time: denizen_testkit::START,
        expires_time: None,
        chain: Chain {
            id: MessageId::make(rng),
            seq: 0,
            prev: None,
            follows: Vec::new(),
        },
        seen: Vec::new(),
        body,
        commit_salt: attachments.is_empty().then(|| Nonce::make(rng)),
        attachments,
    };
    let signed = message.sign(keys.sign.signer(), &holder_kid(&link.address));
    let kem = KemPublic::from_bytes(&inbox.kem.0).unwrap();
    let sealer = denizen_seal::Portable;
    let envelope = sealer
        .seal(&kem, &header_of(&message), signed.as_bytes(), rng)
        .unwrap();
    let item = DepositItem {
        pass: Some(link.deposit_pass.0.clone()),
        ..deposit_of(&envelope, rng)
    };
    deposit(play, person, item).await;
}

async fn deposit(play: &Play, person: &str, item: DepositItem) {
    let (client, link) = hub_client(play, person);
    let keys = play
        .holder(person)
        .danger_root()
        .derive_address(AddressIndex(link.index), None);
    let keyid = own_keyid(keys.deposit.signer());
    let signer = RequestSigner::link(&keys.deposit, &keyid);
    let outcome = client
        .deposit(&[item], signer, play.world.now())
        .await
        .unwrap();
    assert!(
        matches!(outcome[0], denizen_api::wire::DepositOutcome::Stored { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_replayed_application_is_dropped_and_one_with_the_same_id_and_other_words_is_an_alarm() {
    let mut play = ready(10).await;
    let application = play.apply_for_permit("aziza").await;
    let filed = play
        .kinds("aziza")
        .iter()
        .filter(|k| *k == vct::FILED)
        .count();
    let inbox_bound = |body: &[u8]| {
        decode_batch(body)
            .map(|b| b[0].clone())
            .filter(|i| i.pass.is_some())
    };
    let exchanges = play.world.wire.exchanges();
    let deposits = exchanges.iter().filter(|e| e.path() == "/v1/deposits");
    let sent = deposits
        .filter_map(|e| inbox_bound(&e.request))
        .next_back()
        .unwrap();
    let again = DepositItem {
        deposit_id: DepositId::make(&mut play.world.rng),
        ..sent
    };
    deposit(&play, "aziza", again).await;
    play.settle().await;
    assert_eq!(play.gateway("immigration").queue().unwrap().len(), 1);
    assert_eq!(
        play.kinds("aziza")
            .iter()
            .filter(|k| *k == vct::FILED)
            .count(),
        filed
    );
    assert!(play.office_alarms("immigration").is_empty());
    let submit = play.holder("aziza").profile().applications[0]
        .submit
        .clone();
    write(
        &mut play,
        "aziza",
        application,
        Body::ApplicationSubmit(submit),
        Vec::new(),
    )
    .await;
    play.settle().await;
    let alarms = play.office_alarms("immigration");
    assert_eq!(alarms, ["replayed-with-other-content"]);
    assert_eq!(play.gateway("immigration").queue().unwrap().len(), 1);
    play.canary().await;
}

#[tokio::test]
async fn papers_made_for_one_application_are_refused_in_another() {
    let mut play = ready(11).await;
    let application = play.apply_for_permit("aziza").await;
    let mine = play.holder("aziza").profile().applications[0].clone();
    assert_eq!(mine.id, application);
    let (message, _) = Message::danger_claimed(&mine.message.0).unwrap();
    let mut unknown = mine.submit.clone();
    unknown.service = Sha256Hash::new([7; 32]);
    let mut bad = mine.submit.clone();
    bad.answers["months"] = 99.into();
    let mut few = mine.submit.clone();
    few.presentations.truncate(1);
    let mut quiet = mine.submit.clone();
    quiet.special_confirmed.clear();
    let cases = [
        (mine.submit.clone(), &["wrong-request"][..]),
        (unknown, &["unknown-service-version"]),
        (bad, &["bad-answers"]),
        (few, &["missing-evidence", "wrong-request"]),
        (quiet, &["special-not-confirmed", "wrong-request"]),
    ];
    for (submit, want) in cases {
        let id = MessageId::make(&mut play.world.rng);
        let body = Body::ApplicationSubmit(submit);
        write(&mut play, "aziza", id, body, message.attachments.clone()).await;
        play.settle().await;
        let unread = &play.holder("aziza").profile().unread;
        let Body::ApplicationEvent(event) = &unread.last().unwrap().message.body else {
            unreachable!()
        };
        assert_eq!(event.state, ApplicationState::Refused);
        let code = event.code.clone().unwrap();
        assert!(want.contains(&code.as_str()), "{code}, not one of {want:?}");
    }
    assert_eq!(play.gateway("immigration").queue().unwrap().len(), 1);
    play.canary().await;
}

#[tokio::test]
async fn special_papers_need_a_second_confirmation_and_an_unknown_service_is_unknown() {
    let mut play = ready(12).await;
    let preview = play.preview("aziza", WORK_PERMIT, AZIZA.answers()).unwrap();
    assert_eq!(preview.special(), ["medical"]);
    let now = play.world.now();
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let waiting = holder.profile().outbox.len();
    let refused = holder.apply(&preview, &Confirmed::default(), now, &mut play.world.rng);
    assert_eq!(refused, Err(HolderError::SpecialNotConfirmed));
    assert_eq!(holder.profile().outbox.len(), waiting);
    let unknown = holder.preview_application(&Sha256Hash::new([7; 32]), AZIZA.answers(), now);
    assert_eq!(unknown.unwrap_err(), HolderError::ServiceUnknown);
    let wrong = serde_json::json!({"region": "Tver", "occupation": "x", "months": 13});
    let wrong = play.preview("aziza", WORK_PERMIT, wrong).unwrap_err();
    assert!(matches!(wrong, HolderError::Answers(errors) if errors.len() == 3));
    play.end().await;
}

#[tokio::test]
async fn an_office_that_restarts_goes_on_where_it_was() {
    let mut play = ready(13).await;
    for office in ["border", "test-centre", "clinic", "immigration"] {
        play.reopen(office);
    }
    play.world.restart_hub(0);
    let application = play.apply_for_permit("aziza").await;
    play.reopen("immigration");
    play.look("immigration").await;
    play.reopen("immigration");
    play.decide("immigration", permit()).await.unwrap();
    assert_eq!(play.follow("aziza", &application).len(), 2);
    play.end().await;
}

#[tokio::test]
async fn what_was_used_is_destroyed_when_its_time_is_over_and_she_is_told() {
    let mut play = ready(14).await;
    play.apply_for_permit("aziza").await;
    play.look("immigration").await;
    play.decide("immigration", permit()).await.unwrap();
    let retain = |play: &mut Play| {
        let now = play.world.now();
        let gateway = play.gateways.get_mut("immigration").unwrap();
        gateway.retain(now, &mut play.world.rng).unwrap()
    };
    assert_eq!(retain(&mut play), 0);
    play.world.clock.advance_s(366 * 86_400);
    assert_eq!(retain(&mut play), 1);
    assert_eq!(retain(&mut play), 0);
    play.settle().await;
    assert_eq!(play.holder("aziza").profile().notes.len(), 1);
    let case = play.gateway("immigration").queue().unwrap()[0]
        .case_reference
        .clone();
    let now = play.world.now();
    let gateway = play.gateways.get_mut("immigration").unwrap();
    let closed = gateway.open_case(&case, "case officer", now, &mut play.world.rng);
    assert!(matches!(closed, Err(GatewayError::CaseClosed)));
    play.canary().await;
}
