//! The whole way of a record with a real hub and a real client of a person: link, intake, application,
//! decision; and what an office does with what it must refuse.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

use denizen_gateway::{
    Agreement, CaseState, Gateway, GatewayError, GatewaySetup, Grant, InviteRequest, Mapping,
    Verdict,
};
use denizen_holder::{Confirmed, Holder};
use denizen_model::{UnixTime, catalogue::Service, message::ApplicationState};
use denizen_testkit::{World, catalogue, catalogue::demo_file};
use serde_json::{Value, json};

const DOCUMENT: &str = "urn:denizen:kind:travel-document:1";
const LANGUAGE: &str = "urn:denizen:kind:language-certificate:1";
const MEDICAL: &str = "urn:denizen:kind:medical-certificate:1";
const FILED: &str = "urn:denizen:kind:application-filed:1";
const DECISION: &str = "urn:denizen:kind:decision:1";
const PERMIT: &str = "urn:denizen:kind:work-permit:1";

struct Story {
    world: World,
    offices: Vec<Gateway>,
    person: Holder,
}

impl Story {
    async fn begin() -> Self {
        let mut world = World::make(11).await;
        let (hub, url) = (world.house().id, world.house().url.clone());
        let mut person = Holder::make(hub, &url, "en", catalogue(), &mut world.rng);
        person
            .begin(&world.wire.clone(), world.now())
            .await
            .unwrap();
        Self {
            world,
            offices: Vec::new(),
            person,
        }
    }

    async fn open_office(&mut self, name: &str, kinds: &[&str]) -> usize {
        let world = &mut self.world;
        let setup = GatewaySetup {
            names: [("en".to_owned(), name.to_owned())].into(),
            hub: world.house().id,
            hub_url: world.house().url.clone(),
        };
        let (folder, now) = (world.folder(name), world.now());
        let mut gateway = Gateway::make(&folder, setup, catalogue(), now, &mut world.rng).unwrap();
        world.admit(0, &gateway.statement(), kinds).await;
        gateway
            .start(&world.wire.clone(), now, &mut world.rng)
            .await
            .unwrap();
        self.offices.push(gateway);
        self.offices.len() - 1
    }

    async fn turn(&mut self) {
        let (wire, now) = (self.world.wire.clone(), self.world.now());
        for _ in 0..3 {
            self.person
                .sync(&wire, 0, now, &mut self.world.rng)
                .await
                .unwrap();
            for office in &mut self.offices {
                office
                    .sync(&wire, 0, now, &mut self.world.rng)
                    .await
                    .unwrap();
            }
        }
        self.person
            .sync(&wire, 0, now, &mut self.world.rng)
            .await
            .unwrap();
    }

    async fn accept(&mut self, office: usize, case: &str, sends: &[&str]) -> u32 {
        let (wire, now) = (self.world.wire.clone(), self.world.now());
        let request = InviteRequest {
            purpose: "Your records".to_owned(),
            sends: sends.iter().map(|s| (*s).to_owned()).collect(),
            case_reference: Some(case.to_owned()),
            uses: 1,
            ttl_s: UnixTime::DAY_S,
            ..InviteRequest::default()
        };
        let text = self.offices[office]
            .invite(request, now, &mut self.world.rng)
            .unwrap();
        let preview = self
            .person
            .preview_invitation(&text, &wire, now)
            .await
            .unwrap();
        let link = self
            .person
            .accept_invitation(preview, &mut self.world.rng)
            .unwrap();
        self.turn().await;
        link
    }

    async fn link(&mut self, office: usize, case: &str, sends: &[&str]) -> u32 {
        let link = self.accept(office, case, sends).await;
        let code = self.person.code(link).unwrap();
        let pending = self.offices[office].pending_links().unwrap();
        assert_eq!(pending[0].code.as_deref(), Some(code.as_str()));
        let now = self.world.now();
        self.offices[office]
            .confirm(case, &code, now, &mut self.world.rng)
            .unwrap();
        self.turn().await;
        link
    }

    fn intake(&mut self, office: usize, file: &str, map: &str) -> denizen_gateway::IntakeReport {
        let map = String::from_utf8(demo_file(map)).unwrap();
        let map = Mapping::parse(&map, &catalogue()).unwrap();
        let (bytes, now) = (demo_file(file), self.world.now());
        self.offices[office]
            .intake(bytes.as_slice(), &map, now, &mut self.world.rng)
            .unwrap()
    }

    fn kinds(&self) -> Vec<String> {
        let records = self.person.records(self.world.now());
        let mut kinds: Vec<_> = records.iter().map(|r| r.vct.clone()).collect();
        kinds.sort();
        kinds
    }
}

fn work_permit() -> Service {
    catalogue()
        .service("urn:denizen:service:work-permit")
        .unwrap()
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_becomes_a_record_the_record_evidence_and_the_decision_a_record_again() {
    let mut story = Story::begin().await;
    let border = story.open_office("Border", &[DOCUMENT]).await;
    let centre = story.open_office("Centre", &[LANGUAGE]).await;
    let clinic = story.open_office("Clinic", &[MEDICAL]).await;
    let office = story
        .open_office("Immigration", &[FILED, DECISION, PERMIT])
        .await;
    let (wire, now) = (story.world.wire.clone(), story.world.now());
    let rng = &mut story.world.rng;
    let service = story.offices[office]
        .publish_service(&wire, work_permit(), now, rng)
        .await;
    let service = service.unwrap();
    let again = story.offices[office]
        .publish_service(&wire, work_permit(), now, rng)
        .await;
    assert_eq!(again.unwrap(), service);

    let report = story.intake(
        border,
        "border/documents.ndjson",
        "border/documents-mapping.toml",
    );
    assert_eq!((report.taken, report.waiting), (0, 4));
    story.link(border, "ПК-2026-000101", &[DOCUMENT]).await;
    assert_eq!(story.kinds(), [DOCUMENT]);
    story.link(centre, "ТЦ-4417", &[LANGUAGE]).await;
    let report = story.intake(
        centre,
        "test-centre/certificates.csv",
        "test-centre/mapping.toml",
    );
    assert_eq!((report.taken, report.waiting), (1, 3));
    story.link(clinic, "К-26/00931", &[MEDICAL]).await;
    story.intake(clinic, "clinic/certificates.ndjson", "clinic/mapping.toml");
    story.link(office, "ИМ-1", &[FILED, DECISION, PERMIT]).await;
    assert_eq!(story.kinds(), [LANGUAGE, MEDICAL, DOCUMENT]);

    let answers = json!({"region": "RU-TVE", "occupation": "Швея", "months": 12});
    let preview = story
        .person
        .preview_application(&service, answers, now)
        .unwrap();
    let confirmed = Confirmed {
        special: preview.special(),
        ..Confirmed::default()
    };
    story
        .person
        .apply(&preview, &confirmed, now, &mut story.world.rng)
        .unwrap();
    story.turn().await;
    let queue = story.offices[office].queue().unwrap();
    assert_eq!(queue.len(), 1, "{:?}", story.person.profile().applications);
    assert_eq!(queue[0].state, CaseState::Filed);
    assert!(story.kinds().contains(&FILED.to_owned()));

    let case = queue[0].case_reference.clone();
    let rng = &mut story.world.rng;
    let view = story.offices[office]
        .open_case(&case, "case officer", now, rng)
        .unwrap();
    assert_eq!(view.evidence.len(), 3);
    assert_eq!(view.subjects[1].agreement, Agreement::Agree);
    assert_eq!(view.subjects[0].agreement, Agreement::Differ);
    let grant: Value = serde_json::from_slice(&demo_file("immigration/work-permit.json")).unwrap();
    let grant = Grant {
        vct: PERMIT.to_owned(),
        claims: grant["claims"].as_object().unwrap().clone(),
    };
    let verdict = Verdict::Granted(vec![grant]);
    let (gateway, role) = (&mut story.offices[office], "case officer");
    gateway
        .decide(&case, verdict.clone(), role, now, rng)
        .unwrap();
    let twice = gateway.decide(&case, verdict, role, now, rng);
    assert!(matches!(twice, Err(GatewayError::CaseClosed)));
    story.turn().await;
    let kinds = story.kinds();
    assert!(kinds.contains(&DECISION.to_owned()) && kinds.contains(&PERMIT.to_owned()));
    let application = &story.person.profile().applications[0];
    let states: Vec<_> = application.events.iter().map(|e| e.state).collect();
    assert_eq!(states, [ApplicationState::Filed, ApplicationState::Decided]);
    assert_eq!(story.person.profile().notices.len(), 1);
    assert_eq!(story.person.profile().alarms, []);
    for office in &story.offices {
        assert_eq!(office.alarms().unwrap(), []);
    }

    let later = now.plus_s(366 * UnixTime::DAY_S);
    let gateway = &mut story.offices[office];
    assert_eq!(gateway.retain(now, &mut story.world.rng).unwrap(), 0);
    assert_eq!(gateway.retain(later, &mut story.world.rng).unwrap(), 1);
    let gone = gateway.open_case(&case, "case officer", later, &mut story.world.rng);
    assert!(matches!(gone, Err(GatewayError::CaseClosed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_digits_three_times_refuse_the_link_and_its_rows_stay() {
    let mut story = Story::begin().await;
    let border = story.open_office("Border", &[DOCUMENT]).await;
    story.intake(
        border,
        "border/documents.ndjson",
        "border/documents-mapping.toml",
    );
    let link = story.accept(border, "ПК-2026-000101", &[DOCUMENT]).await;
    let code = story.person.code(link).unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let now = story.world.now();
    for left in [2, 1, 0] {
        let gateway = &mut story.offices[border];
        let tried = gateway.confirm("ПК-2026-000101", wrong, now, &mut story.world.rng);
        assert!(matches!(tried, Err(GatewayError::WrongCode { tries_left }) if tries_left == left));
    }
    let gateway = &mut story.offices[border];
    let late = gateway.confirm("ПК-2026-000101", &code, now, &mut story.world.rng);
    assert!(matches!(late, Err(GatewayError::NoPendingLink)));
    story.turn().await;
    assert_eq!(
        story.person.profile().links[0].refusal.as_deref(),
        Some("wrong-code")
    );
    assert_eq!(story.kinds(), [] as [String; 0]);
    assert_eq!(story.offices[border].backlog().unwrap(), (4, 0));
    story.link(border, "ПК-2026-000101", &[DOCUMENT]).await;
    assert_eq!(story.kinds(), [DOCUMENT]);
}
