//! The language of the stories: offices with real gateways, people with real clients, one world.
//!
//! Whatever gets no answer is asked again, as people and programs do: so a story can be told over a
//! wire that loses answers.

mod every_office;
mod facts;
mod journeys;
mod offices;
mod people;
mod steps;

pub use every_office::EVERY_OFFICE;
pub use offices::{
    BORDER, CLINIC, EMPLOYER, IMMIGRATION, OfficeKind, RIGHT_TO_WORK, TEST_CENTRE, WORK_PERMIT, vct,
};
pub use people::{
    ENROLMENT, Forged, GUARDIANSHIP, MANDATE, MIGRATION, MandateOf, PHONE, POPULATION, SCHOOL,
    SCHOOL_ENROLMENT, TELECOM, aibek, school_answers,
};

use crate::{Persona, World, catalogue, catalogue::demo_file};
use denizen_api::{client::ClientError, wire::WrappedRoot};
use denizen_gateway::{
    Appeal, Gateway, GatewayError, GatewaySetup, Grant, IntakeReport, InviteRequest, Mapping,
    Verdict,
};
use denizen_holder::{
    Confirmed, Event, Holder, HolderError, InvitationPreview, Preview, RecordView,
};
use denizen_model::{
    HubId, MessageId, Nonce, Sha256Hash, UnixTime, catalogue::Service, id::Bytes,
    message::ApplicationState,
};
use denizen_recovery::{ARGON2_FLOOR, Kit, wrap_passphrase};
use denizen_seal::{AddressIndex, RootSecret};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A person of a story.
pub struct Player {
    /// Her client.
    pub holder: Holder,
    /// Who she is.
    pub persona: Persona,
    /// Events of all syncs so far.
    pub events: Vec<Event>,
}

/// A story under way.
pub struct Play {
    /// The world.
    pub world: World,
    /// Gateways by name.
    pub gateways: BTreeMap<&'static str, Gateway>,
    /// People by name.
    pub people: BTreeMap<&'static str, Player>,
    /// Syncs of people's clients so far, and the one after which the program is killed before it
    /// could keep what it knows.
    pub killed_at: (usize, Option<usize>),
    /// Hubs and gateways are closed and opened again before every round.
    pub restless: bool,
}

/// Asks again while no answer comes.
macro_rules! insist {
    ($call:expr, $error:ident) => {
        loop {
            match $call {
                Err($error::Client(ClientError::Transport(_))) => {}
                done => break done,
            }
        }
    };
}

impl Play {
    /// A world without anybody.
    pub async fn make(seed: u64) -> Self {
        Self::in_world(World::make(seed).await)
    }

    /// Nobody is in this world yet.
    #[must_use]
    pub fn in_world(world: World) -> Self {
        Self {
            world,
            gateways: BTreeMap::new(),
            people: BTreeMap::new(),
            killed_at: (0, None),
            restless: false,
        }
    }

    /// A world with these offices open.
    pub async fn with(seed: u64, offices: &[OfficeKind]) -> Self {
        let mut play = Self::make(seed).await;
        for office in offices {
            play.open(office).await;
        }
        play
    }

    /// As [`Play::open_at`], at the first hub.
    pub async fn open(&mut self, office: &OfficeKind) {
        self.open_at(office, 0).await;
    }

    /// Makes a gateway at a hub, has the operator admit it, starts it and publishes its services.
    pub async fn open_at(&mut self, office: &OfficeKind, hub: usize) {
        let house = &self.world.houses[hub];
        let setup = GatewaySetup {
            names: [("en".to_owned(), office.title.to_owned())].into(),
            hub: house.id,
            hub_url: house.url.clone(),
        };
        let folder = self.world.folder(&format!("gateway-{}", office.name));
        let (now, rng) = (self.world.clock.clone(), &mut self.world.rng);
        let now = denizen_model::Clock::now(&now);
        let mut gateway = Gateway::make(&folder, setup, catalogue(), now, rng).unwrap();
        self.world
            .admit(hub, &gateway.statement(), office.kinds)
            .await;
        let (wire, rng) = (&self.world.wire, &mut self.world.rng);
        insist!(gateway.start(wire, now, rng).await, GatewayError).unwrap();
        self.gateways.insert(office.name, gateway);
        for service in office.services {
            let service = catalogue().service(service).unwrap().clone();
            self.publish(office.name, service).await;
        }
    }

    /// An office declares a service in the directory.
    pub async fn publish(&mut self, office: &str, service: Service) {
        let now = self.world.now();
        let (wire, rng) = (&self.world.wire, &mut self.world.rng);
        let gateway = self.gateways.get_mut(office).unwrap();
        let publish = async |gateway: &mut Gateway, rng: &mut crate::Rng| {
            let service = service.clone();
            gateway.publish_service(wire, service, now, rng).await
        };
        insist!(publish(gateway, rng).await, GatewayError).unwrap();
    }

    /// Closes a gateway and opens it again from its folder, as after a restart.
    pub fn reopen(&mut self, office: &'static str) {
        self.gateways.remove(office);
        let folder = self.world.folder(&format!("gateway-{office}"));
        let gateway = Gateway::open(&folder, catalogue()).unwrap();
        self.gateways.insert(office, gateway);
    }

    /// A person makes a profile. All that is hers is marked, her root and kit too.
    pub async fn arrive(&mut self, persona: Persona) {
        let (id, url) = (self.world.house().id, self.world.house().url.clone());
        let rng = &mut self.world.rng;
        let mut holder = Holder::make(id, &url, persona.language, catalogue(), rng);
        persona.mark(&mut self.world.marks);
        let kit = holder.kit().to_text();
        let words: Vec<&str> = kit.split_whitespace().collect();
        let marks = &mut self.world.marks;
        marks.add(
            &format!("{}: root", persona.name),
            holder.danger_root().danger_bytes(),
        );
        marks.add(&format!("{}: kit", persona.name), words[1..5].join(" "));
        let now = self.world.now();
        insist!(holder.begin(&self.world.wire, now).await, HolderError).unwrap();
        let player = Player {
            holder,
            persona,
            events: Vec::new(),
        };
        self.people.insert(persona.name, player);
    }

    /// A person leaves her root at the hub, wrapped under a passphrase and her device's secret; both
    /// are marked. Gives the locator.
    pub async fn wrap_root(&mut self, person: &str, passphrase: &str, device: [u8; 16]) -> Nonce {
        let holder = &self.people[person].holder;
        let root = holder.danger_root().clone();
        self.world
            .marks
            .add(&format!("{person}: passphrase"), passphrase);
        self.world
            .marks
            .add(&format!("{person}: device secret"), device);
        let rng = &mut self.world.rng;
        let (bytes, device) = (root.danger_bytes(), Zeroizing::new(device));
        let wrapped = wrap_passphrase(bytes, passphrase, &device, ARGON2_FLOOR, rng).unwrap();
        let locator = Nonce::make(rng);
        let wrapped = WrappedRoot {
            wrapped: Bytes(wrapped),
            owner: root.derive_auth(AddressIndex::SELF).public_for(),
        };
        let client = self.world.client();
        insist!(
            client
                .put_root(&locator, &wrapped)
                .await
                .map_err(HolderError::from),
            HolderError
        )
        .unwrap();
        locator
    }

    /// A gateway.
    pub fn gateway(&mut self, office: &str) -> &mut Gateway {
        self.gateways.get_mut(office).unwrap()
    }

    /// A person's client.
    #[must_use]
    pub fn holder(&self, person: &str) -> &Holder {
        &self.people[person].holder
    }

    /// An office makes an invitation: with a case reference for one person, or open for two.
    pub fn invite(&mut self, office: &OfficeKind, case: Option<&str>) -> String {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let request = InviteRequest {
            purpose: format!("Papers of {}", office.title),
            sends: owned(office.kinds),
            asks: owned(office.services),
            case_reference: case.map(str::to_owned),
            uses: if case.is_some() { 1 } else { 2 },
            ttl_s: 7 * UnixTime::DAY_S,
        };
        let now = self.world.now();
        let gateway = self.gateways.get_mut(office.name).unwrap();
        gateway.invite(request, now, &mut self.world.rng).unwrap()
    }

    /// A person reads an invitation.
    ///
    /// # Errors
    /// As [`Holder::preview_invitation`].
    pub async fn read(
        &mut self,
        person: &str,
        text: &str,
    ) -> Result<InvitationPreview, HolderError> {
        let now = self.world.now();
        let holder = &mut self.people.get_mut(person).unwrap().holder;
        insist!(
            holder.preview_invitation(text, &self.world.wire, now).await,
            HolderError
        )
    }

    /// A person reads an invitation and accepts it. Gives the link's index.
    pub async fn accept(&mut self, person: &str, text: &str) -> u32 {
        let preview = self.read(person, text).await.unwrap();
        let holder = &mut self.people.get_mut(person).unwrap().holder;
        holder
            .accept_invitation(preview, &mut self.world.rng)
            .unwrap()
    }

    /// A link by the office's case reference: invitation, acceptance, the same six digits on both
    /// sides, confirmation.
    pub async fn link(&mut self, person: &str, office: &OfficeKind) -> u32 {
        let case = self.people[person].persona.case(office.name);
        let text = self.invite(office, Some(case));
        let link = self.accept(person, &text).await;
        self.settle().await;
        let digits = self.holder(person).code(link).unwrap();
        let pending = self.gateway(office.name).pending_links().unwrap();
        let shown = pending.iter().find(|p| p.case_reference == case).unwrap();
        assert_eq!(shown.code.as_deref(), Some(digits.as_str()));
        let now = self.world.now();
        let gateway = self.gateways.get_mut(office.name).unwrap();
        gateway
            .confirm(case, &digits, now, &mut self.world.rng)
            .unwrap();
        self.settle().await;
        link
    }

    /// A link by an open invitation: nothing waits for a code.
    pub async fn link_open(&mut self, person: &str, office: &OfficeKind) -> u32 {
        let text = self.invite(office, None);
        let link = self.accept(person, &text).await;
        self.settle().await;
        link
    }

    /// An office takes in its files of the demo.
    pub async fn fill(&mut self, office: &OfficeKind) -> Vec<IntakeReport> {
        let mut reports = Vec::new();
        for (file, mapping) in office.files {
            reports.push(self.intake(office.name, &demo_file(file), mapping));
        }
        self.settle().await;
        reports
    }

    /// An office takes in one file by a mapping of the demo.
    pub fn intake(&mut self, office: &str, file: &[u8], mapping: &str) -> IntakeReport {
        let mapping = String::from_utf8(demo_file(mapping)).unwrap();
        let mapping = Mapping::parse(&mapping, &catalogue()).unwrap();
        let now = self.world.now();
        let gateway = self.gateways.get_mut(office).unwrap();
        gateway
            .intake(file, &mapping, now, &mut self.world.rng)
            .unwrap()
    }

    /// The records of a person.
    #[must_use]
    pub fn records(&self, person: &str) -> Vec<RecordView> {
        self.holder(person).records(self.world.now())
    }

    /// The kinds of a person's records, sorted.
    #[must_use]
    pub fn kinds(&self, person: &str) -> Vec<String> {
        let mut kinds: Vec<_> = self.records(person).into_iter().map(|r| r.vct).collect();
        kinds.sort();
        kinds
    }

    /// The newest record of a kind.
    #[must_use]
    pub fn record(&self, person: &str, vct: &str) -> RecordView {
        let mut records = self.records(person).into_iter();
        records.find(|r| r.vct == vct).unwrap()
    }

    /// The hash of a service in the directory.
    #[must_use]
    pub fn service(&self, person: &str, service: &str) -> Sha256Hash {
        let services = self.holder(person).services();
        let mut found = services
            .iter()
            .filter(|(_, e)| e.service.service == service);
        found.next().unwrap().0
    }

    /// What an application would send.
    ///
    /// # Errors
    /// As [`Holder::preview_application`].
    pub fn preview(
        &self,
        person: &str,
        service: &str,
        answers: Value,
    ) -> Result<Preview, HolderError> {
        let hash = self.service(person, service);
        let now = self.world.now();
        self.holder(person).preview_application(&hash, answers, now)
    }

    /// Applies with everything confirmed. The submission goes with the next sync.
    ///
    /// # Errors
    /// As [`Holder::apply`].
    pub fn apply(&mut self, person: &str, preview: &Preview) -> Result<MessageId, HolderError> {
        let confirmed = Confirmed {
            special: preview.special(),
            linkable: false,
        };
        let now = self.world.now();
        let holder = &mut self.people.get_mut(person).unwrap().holder;
        holder.apply(preview, &confirmed, now, &mut self.world.rng)
    }

    /// Applies for a work permit and waits for the office's answer.
    pub async fn apply_for_permit(&mut self, person: &str) -> MessageId {
        let answers = self.people[person].persona.answers();
        let preview = self.preview(person, WORK_PERMIT, answers).unwrap();
        let id = self.apply(person, &preview).unwrap();
        self.settle().await;
        id
    }

    /// States and codes of an application's events.
    #[must_use]
    pub fn follow(&self, person: &str, id: &MessageId) -> Vec<(ApplicationState, Option<String>)> {
        let applications = &self.holder(person).profile().applications;
        let found = applications.iter().find(|a| a.id == *id).unwrap();
        let event = |e: &denizen_model::message::ApplicationEvent| (e.state, e.code.clone());
        found.events.iter().map(event).collect()
    }

    /// The only open case of an office.
    pub fn open_case_reference(&mut self, office: &str) -> String {
        use denizen_gateway::CaseState::{Filed, InReview};
        let queue = self.gateway(office).queue().unwrap();
        let mut open = queue
            .into_iter()
            .filter(|c| matches!(c.state, Filed | InReview));
        let case = open.next().unwrap().case_reference;
        assert!(open.next().is_none(), "more than one open case");
        case
    }

    /// An officer opens the only open case.
    pub async fn look(&mut self, office: &str) -> denizen_gateway::CaseView {
        let case = self.open_case_reference(office);
        let now = self.world.now();
        let gateway = self.gateways.get_mut(office).unwrap();
        let view = gateway.open_case(&case, "case officer", now, &mut self.world.rng);
        self.settle().await;
        view.unwrap()
    }

    /// An officer decides the only open case.
    ///
    /// # Errors
    /// As [`Gateway::decide`].
    pub async fn decide(&mut self, office: &str, verdict: Verdict) -> Result<(), GatewayError> {
        let case = self.open_case_reference(office);
        let now = self.world.now();
        let gateway = self.gateways.get_mut(office).unwrap();
        let decided = gateway.decide(&case, verdict, "case officer", now, &mut self.world.rng);
        self.settle().await;
        decided
    }

    /// Exports everything a person has, as files.
    #[must_use]
    pub fn export(&self, person: &str) -> BTreeMap<String, Vec<u8>> {
        self.holder(person).export(self.world.now())
    }

    /// The device is lost: the profile is restored from the paper kit alone.
    pub async fn restore_from_kit(&mut self, person: &'static str) {
        let player = self.people.remove(person).unwrap();
        let paper = player.holder.kit().to_text().to_string();
        drop(player.holder);
        self.restore(person, player.persona, &paper).await;
    }

    /// A second device is set up from the paper kit; the first one lives on.
    pub async fn second_device(&mut self, person: &str, device: &'static str) {
        let player = &self.people[person];
        let (paper, persona) = (player.holder.kit().to_text().to_string(), player.persona);
        self.restore(device, persona, &paper).await;
    }

    async fn restore(&mut self, name: &'static str, persona: Persona, paper: &str) {
        let now = self.world.now();
        let holder = loop {
            let kit = Kit::parse(paper).unwrap();
            let root = RootSecret::from_bytes(*kit.root);
            let hub = (HubId::parse(&kit.hub).unwrap(), kit.hub_url.as_str());
            let with = (persona.language, catalogue());
            let (wire, rng) = (&self.world.wire, &mut self.world.rng);
            match Holder::restore(root, hub, with, wire, now, rng).await {
                Err(HolderError::Client(ClientError::Transport(_))) => {}
                restored => break restored.unwrap(),
            }
        };
        let player = Player {
            holder,
            persona,
            events: Vec::new(),
        };
        self.people.insert(name, player);
        self.settle().await;
    }

    /// Alarms of a person's client, by code.
    #[must_use]
    pub fn alarms(&self, person: &str) -> Vec<String> {
        let alarms = &self.holder(person).profile().alarms;
        alarms.iter().map(|a| a.code.clone()).collect()
    }

    /// Alarms of an office, by code.
    pub fn office_alarms(&mut self, office: &str) -> Vec<String> {
        let alarms = self.gateway(office).alarms().unwrap();
        alarms.into_iter().map(|a| a.code).collect()
    }

    /// The end of a story: nobody is alarmed, and the canary finds nothing: at hubs, on the wire, in
    /// logs, in the gateways' folders, in an encrypted profile.
    pub async fn end(&mut self) {
        for person in self.people.keys() {
            assert!(
                self.alarms(person).is_empty(),
                "{person}: {:?}",
                self.alarms(person)
            );
        }
        let offices: Vec<_> = self.gateways.keys().copied().collect();
        for office in &offices {
            let alarms = self.office_alarms(office);
            assert!(alarms.is_empty(), "{office}: {alarms:?}");
        }
        self.canary().await;
    }

    /// Only the canary, for stories that end in an alarm.
    pub async fn canary(&mut self) {
        let mut addresses = Vec::new();
        for player in self.people.values_mut() {
            let packed = player.holder.pack(&mut self.world.rng);
            let mut kept = vec![player.holder.encrypt(&mut self.world.rng), packed.head];
            kept.extend(packed.pages.into_iter().map(|(_, page)| page));
            for bytes in kept {
                let found = self.world.marks.scanner().scan("profile", &bytes);
                assert!(found.is_empty(), "{found:?}");
            }
            addresses.extend(player.holder.profile().links.iter().map(|l| l.address));
        }
        for office in self.gateways.keys() {
            let folder = self.world.folder(&format!("gateway-{office}"));
            let found = self.world.find_marks_in(&self.world.marks, &folder);
            assert!(found.is_empty(), "{office}: {found:?}");
        }
        self.world.assert_no_mark().await;
        self.world.assert_addresses_unspoken(&addresses).await;
    }
}

/// A work permit as the immigration office of the demo grants it.
#[must_use]
pub fn permit() -> Verdict {
    let claims = json!({
        "number": "69 2600418831",
        "permit_type": "patent",
        "authority": "Immigration Office",
        "may_work": true,
        "region": "RU-TVE",
        "issued_on": "2026-11-24",
        "valid_from": "2026-11-24",
        "valid_until": "2036-11-23"
    });
    Verdict::Granted(vec![Grant {
        vct: vct::PERMIT.to_owned(),
        claims: claims.as_object().unwrap().clone(),
    }])
}

/// A refusal with its reason and its appeal.
#[must_use]
pub fn refusal(reason: &str) -> Verdict {
    Verdict::Refused {
        reason: reason.to_owned(),
        appeal: Appeal {
            until: "2027-02-24".parse().unwrap(),
            to: "District court".to_owned(),
            how: None,
        },
    }
}
