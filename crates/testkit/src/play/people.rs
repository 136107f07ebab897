//! People who act for others: a child's profile under a guardian, and what an office makes of it.

use super::{OfficeKind, Play};
use crate::{Persona, catalogue, office::deposit_of, office::header_of};
use denizen_api::{
    client::{RequestSigner, own_keyid},
    wire::{DepositItem, DepositOutcome},
};
use denizen_credential::{
    ClaimPath, KeyBinding, PathItem, UnverifiedCredential, VerifiedCredential, present,
};
use denizen_gateway::RecordRequest;
use denizen_holder::{Holder, RecordView};
use denizen_model::{
    MessageId, Nonce, OrgId, SecretKeyFor, Sha256Hash,
    directory::IssuerKey,
    envelope::SUITE_1,
    key::{Cnf, Delegate},
    link::{kb_audience, kb_nonce},
    message::{Attachment, Body, Chain, From, HubAddress, Message, To, holder_kid},
    statement::split_kid,
};
use denizen_seal::{AddressIndex, KemPublic, RootSecret, Sealer as _};
use serde_json::{Value, json};

/// Name of the school enrolment.
pub const SCHOOL_ENROLMENT: &str = "urn:denizen:service:school-enrolment";
/// A mandate.
pub const MANDATE: &str = denizen_model::mandate::MANDATE_VCT;
const PERSON: &str = "urn:denizen:kind:person:1";
const REGISTRATION: &str = "urn:denizen:kind:registration:1";
const LANGUAGE_TEST: &str = "urn:denizen:kind:school-language-test:1";
/// An enrolment at a school.
pub const ENROLMENT: &str = "urn:denizen:kind:enrolment:1";
/// A telephone number.
pub const PHONE: &str = "urn:denizen:kind:phone:1";

/// The population register.
pub const POPULATION: OfficeKind = OfficeKind {
    name: "population-register",
    title: "Population Register",
    kinds: &[PERSON],
    services: &[],
    files: &[],
};

/// The guardianship authority.
pub const GUARDIANSHIP: OfficeKind = OfficeKind {
    name: "guardianship",
    title: "Guardianship Authority",
    kinds: &[MANDATE],
    services: &[],
    files: &[],
};

/// The migration register.
pub const MIGRATION: OfficeKind = OfficeKind {
    name: "migration",
    title: "Migration Register",
    kinds: &[REGISTRATION],
    services: &[],
    files: &[],
};

/// A school.
pub const SCHOOL: OfficeKind = OfficeKind {
    name: "school",
    title: "School No. 14",
    kinds: &[
        ENROLMENT,
        LANGUAGE_TEST,
        super::vct::FILED,
        super::vct::DECISION,
    ],
    services: &[SCHOOL_ENROLMENT],
    files: &[],
};

/// A telephone company.
pub const TELECOM: OfficeKind = OfficeKind {
    name: "telecom",
    title: "Telecom Operator",
    kinds: &[PHONE],
    services: &[],
    files: &[],
};

/// What a mandate says, as an authority issues it.
#[derive(Debug, Clone)]
pub struct MandateOf {
    /// Whom it is about.
    pub subject: Value,
    /// Thumbprint of the key that acts.
    pub key: String,
    /// Who acts.
    pub name: &'static str,
    /// What is allowed.
    pub scope: &'static [&'static str],
    /// For which services.
    pub services: &'static [&'static str],
    /// The first and the last day.
    pub days: (&'static str, &'static str),
}

impl MandateOf {
    /// A parent's mandate for a child, for everything, until she is of age.
    #[must_use]
    pub fn parent(child: Value, key: String, name: &'static str) -> Self {
        Self {
            subject: child,
            key,
            name,
            scope: &["read", "receive", "prepare", "file", "show", "dispute"],
            services: &["urn:denizen:service:all"],
            days: ("2026-08-20", "2035-10-01"),
        }
    }

    fn claims(&self) -> Value {
        json!({
            "subject": self.subject,
            "role": "guardian",
            "delegate": {"name": self.name, "key_thumbprint": self.key},
            "scope": self.scope,
            "services": self.services,
            "basis": "parent",
            "document_number": "II-МЮ 771204",
            "may_pass_on": false,
            "valid_from": self.days.0,
            "valid_until": self.days.1,
        })
    }
}

/// The child of the stories, as offices record him.
#[must_use]
pub fn aibek() -> Value {
    json!({
        "names": {
            "original": "Асанов Айбек Нурланович",
            "latin": "Asanov Aibek",
            "mrz": "ASANOV<<AIBEK"
        },
        "birth_date": "2017-10-02",
        "document_number": "PE2204518"
    })
}

/// Answers of a school enrolment.
#[must_use]
pub fn school_answers() -> Value {
    json!({
        "grade": 2,
        "start_on": "2026-12-01",
        "home_language": "ky",
        "sibling_at_school": false,
        "wants_language_lessons": true
    })
}

impl Play {
    /// A guardian takes the profile of a child into hers, and uses it from now on.
    pub fn keep_ward(&mut self, guardian: &str, child: &'static str) {
        let (mut keeper, mut kept) = self.pair(guardian, child);
        let now = self.world.now();
        let rng = &mut self.world.rng;
        let ward = keeper.holder.add_ward(child, &kept.holder, now, rng);
        let key = keeper.holder.ward_key(&ward.unwrap());
        kept.holder.act_as(key);
        self.put_back(keeper, kept, child);
    }

    /// A guardian opens the profile of a ward again, from what her own profile keeps.
    pub fn reopen_ward(&mut self, guardian: &str, name: &str, child: &'static str) {
        let (keeper, mut kept) = self.pair(guardian, child);
        let ward = keeper.holder.ward(name).unwrap();
        kept.holder.act_as(keeper.holder.ward_key(ward));
        self.put_back(keeper, kept, child);
    }

    fn pair(&mut self, guardian: &str, child: &str) -> (super::Player, super::Player) {
        let keeper = self.people.remove(guardian).unwrap();
        let kept = self.people.remove(child).unwrap();
        (keeper, kept)
    }

    fn put_back(&mut self, keeper: super::Player, kept: super::Player, child: &'static str) {
        self.people.insert(keeper.persona.name, keeper);
        self.people.insert(child, kept);
    }

    /// The thumbprint of a guardian's key for a ward.
    #[must_use]
    pub fn thumbprint(&self, guardian: &str, name: &str) -> String {
        let holder = self.holder(guardian);
        holder.ward_thumbprint(holder.ward(name).unwrap())
    }

    /// An office issues one record for a case; everybody syncs.
    pub async fn issue(&mut self, office: &str, persona: &Persona, kind: &str, claims: Value) {
        let request = RecordRequest {
            case_reference: persona.case(office).to_owned(),
            kind: kind.to_owned(),
            claims: claims.as_object().unwrap().clone(),
            unique: Vec::new(),
        };
        let key = MessageId::make(&mut self.world.rng).to_text();
        let issued = self.at_office(office, |g, now, rng| {
            g.deposit_record(&key, request, now, rng)
        });
        issued.await.unwrap();
    }

    /// The authority issues a mandate into a child's profile. Gives the record.
    pub async fn mandate(&mut self, child: &Persona, mandate: &MandateOf) -> RecordView {
        let claims = mandate.claims();
        self.issue("guardianship", child, MANDATE, claims).await;
        let views = self.records(child.name);
        let mut found = views.into_iter().filter(|r| r.vct == MANDATE);
        found.next().unwrap()
    }

    /// A child with a mother and everything that a school asks for.
    pub async fn family(seed: u64) -> Self {
        Self::family_of(seed, aibek()).await
    }

    /// The same, the child recorded like this.
    pub async fn family_of(seed: u64, subject: Value) -> Self {
        let offices = [POPULATION, GUARDIANSHIP, MIGRATION, SCHOOL];
        let mut play = Self::with(seed, &offices).await;
        let (child, mother) = (crate::AIBEK, crate::GULMIRA);
        play.arrive(mother).await;
        play.arrive(child).await;
        play.keep_ward("gulmira", "aibek");
        play.settle().await;
        for office in &offices {
            play.link("aibek", office).await;
        }
        let person = json!({
            "subject": subject, "nationalities": ["KGZ"],
            "age_over_14": false, "age_over_16": false, "age_over_18": false
        });
        play.issue("population-register", &child, PERSON, person)
            .await;
        let registration = json!({
            "subject": subject,
            "registration_type": "place-of-stay",
            "number": "69-2026/019902",
            "authority": "Отдел по вопросам миграции, Тверь",
            "address": {"text": "г. Тверь, ул. Садовая, д. 3", "country": "RUS"},
            "host": {"type": "person", "name": "Соколова Нина Андреевна"},
            "valid_from": "2026-09-01",
            "valid_until": "2027-08-31"
        });
        play.issue("migration", &child, REGISTRATION, registration)
            .await;
        let test = json!({
            "subject": subject, "number": "ТШ-2026-0118", "centre": "Школа № 14, Тверь",
            "language": "ru", "grade": 2, "result": "passed", "attempt": 1,
            "tested_on": "2026-08-14", "valid_until": "2031-08-13"
        });
        play.issue("school", &child, LANGUAGE_TEST, test).await;
        play
    }

    /// The same, and the authority has said that the mother acts for him.
    pub async fn family_with_mandate(seed: u64) -> Self {
        let mut play = Self::family(seed).await;
        let key = play.thumbprint("gulmira", "aibek");
        let mandate = MandateOf::parent(aibek(), key, "Асанова Гүлмира Токтосуновна");
        play.mandate(&crate::AIBEK, &mandate).await;
        play
    }

    /// Files a school enrolment with everything confirmed. Gives the thread.
    pub async fn enrol(&mut self, child: &str) -> MessageId {
        let preview = self.preview(child, SCHOOL_ENROLMENT, school_answers());
        let id = self.apply(child, &preview.unwrap()).unwrap();
        self.settle().await;
        id
    }
}

/// An application that somebody with a child's root bends before it is sent.
pub struct Forged {
    /// The message's id.
    pub id: MessageId,
    /// The body.
    pub body: Body,
    /// The papers, the mandate and its proof among them.
    pub attachments: Vec<Attachment>,
    org: OrgId,
    version: Sha256Hash,
    link: denizen_holder::Link,
    root: RootSecret,
}

impl Play {
    /// What a person's client would send to enrol at school, for bending. Nothing is sent, and her
    /// client knows nothing of it.
    pub fn forged_enrolment(&mut self, person: &str, key: &SecretKeyFor<Delegate>) -> Forged {
        let now = self.world.now();
        let rng = &mut self.world.rng;
        let honest = &self.people[person].holder;
        let (root, kept) = (honest.danger_root().clone(), honest.encrypt(rng));
        let mut scratch = Holder::open(root.clone(), &kept, catalogue(), now).unwrap();
        scratch.act_as(key.clone());
        let services = scratch.services();
        let mut services = services.iter();
        let found = services.find(|(_, e)| e.service.service == SCHOOL_ENROLMENT);
        let version = found.unwrap().0;
        let preview = scratch.preview_application(&version, school_answers(), now);
        let preview = preview.unwrap();
        let confirmed = denizen_holder::Confirmed::default();
        let id = scratch.apply(&preview, &confirmed, now, rng).unwrap();
        let application = scratch.profile().applications.last().unwrap();
        let (message, _) = Message::danger_claimed(&application.message.0).unwrap();
        Forged {
            id,
            body: message.body,
            attachments: message.attachments,
            org: preview.org,
            version,
            link: scratch.profile().link(application.link).unwrap().clone(),
            root,
        }
    }

    /// Puts another mandate into a forged application, shown in full, with a proof by this key. The
    /// mandate may be of another profile.
    pub fn forge_mandate(
        &mut self,
        forged: &mut Forged,
        (owner, mandate): (&str, &RecordView),
        key: &SecretKeyFor<Delegate>,
    ) {
        let now = self.world.now();
        let holder = &self.people[owner].holder;
        let copies = &mandate.held.copies;
        let fresh = copies
            .iter()
            .find(|c| holder.profile().is_unspent(&c.copy_ref));
        let copy = fresh.unwrap();
        let credential = self.credential_by_hand(owner, mandate, &copy.text);
        let cnf: SecretKeyFor<Cnf> = holder.danger_root().derive_copy_key(&copy.copy_ref);
        let nonce = kb_nonce(
            &forged.org,
            SCHOOL_ENROLMENT,
            Some(&forged.version),
            &forged.id,
        );
        let binding = KeyBinding {
            aud: &kb_audience(&forged.org),
            nonce: &nonce,
            iat: now.0,
        };
        let text = present(&credential, &mandate_paths(), binding, cnf.signer());
        let at = forged.mandate_place();
        forged.attachments[at].data = text;
        forged.sign_proof(key, now);
    }

    fn credential_by_hand(
        &self,
        owner: &str,
        record: &RecordView,
        text: &str,
    ) -> VerifiedCredential {
        let holder = &self.people[owner].holder;
        let unverified = UnverifiedCredential::parse(text).unwrap();
        let (_, kid) = unverified.danger_issuer().unwrap();
        let (_, kid) = split_kid(&kid).unwrap();
        let hub = holder.profile().hub;
        let directory = &holder.trust().directory(&hub).unwrap().directory;
        let found = directory.issuer_key(&record.issuer, kid, record.held.received);
        let Some(IssuerKey::Good(key)) = found else {
            panic!("the issuer's key counts");
        };
        let verifier = &denizen_jose::Portable;
        unverified.verify(verifier, key.key()).unwrap()
    }

    /// Sends a forged application as a second installation of the child's would.
    pub async fn send_forged(&mut self, forged: &Forged) {
        let link = &forged.link;
        let directory = self.world.directory(0).await.directory;
        let org = directory.organisation(&link.org).unwrap();
        let inbox = org.statement.inbox.clone().unwrap();
        let index = AddressIndex(link.index);
        let keys = forged.root.derive_address(index, Some(&link.salt));
        let (now, rng) = (self.world.now(), &mut self.world.rng);
        let message = Message {
            id: forged.id,
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
            created_time: now,
            expires_time: None,
            chain: Chain {
                id: MessageId::make(rng),
                seq: 0,
                prev: None,
                follows: Vec::new(),
            },
            seen: Vec::new(),
            body: forged.body.clone(),
            commit_salt: forged.attachments.is_empty().then(|| Nonce::make(rng)),
            attachments: forged.attachments.clone(),
        };
        let signed = message.sign(keys.sign.signer(), &holder_kid(&link.address));
        let kem = KemPublic::from_bytes(&inbox.kem.0).unwrap();
        let header = header_of(&message);
        let sealed = denizen_seal::Portable.seal(&kem, &header, signed.as_bytes(), rng);
        let item = DepositItem {
            pass: Some(link.deposit_pass.0.clone()),
            ..deposit_of(&sealed.unwrap(), rng)
        };
        let keyid = own_keyid(keys.deposit.signer());
        let signer = RequestSigner::link(&keys.deposit, &keyid);
        let outcome = self.world.client().deposit(&[item], signer, now).await;
        assert!(matches!(outcome.unwrap()[0], DepositOutcome::Stored { .. }));
        self.settle().await;
    }

    /// What the office answered to a forged application: its state and code.
    #[must_use]
    pub fn answer_to_forged(&self, person: &str, forged: &Forged) -> Option<String> {
        let unread = self.holder(person).profile().unread.iter();
        let mut answers = unread.filter(|u| u.message.thid == Some(forged.id));
        let answer = answers.next_back()?;
        match &answer.message.body {
            Body::ApplicationEvent(event) => event.code.clone(),
            _ => None,
        }
    }
}

impl Forged {
    /// Where the mandate is among the papers.
    #[must_use]
    pub fn mandate_place(&self) -> usize {
        let Body::ApplicationSubmit(submit) = &self.body else {
            panic!("an application");
        };
        let mut shown = submit.presentations.iter();
        let named = &shown.find(|p| p.query == "guardian").unwrap().attachment;
        let mut papers = self.attachments.iter();
        papers.position(|a| a.id == *named).unwrap()
    }

    /// Where the proof is.
    #[must_use]
    pub fn proof_place(&self) -> usize {
        let mut papers = self.attachments.iter();
        let of = denizen_model::mandate::ACTING_MEDIA_TYPE;
        papers.position(|a| a.media_type == of).unwrap()
    }

    /// Makes the proof again, with this key, for the mandate that is shown now.
    pub fn sign_proof(&mut self, key: &SecretKeyFor<Delegate>, now: denizen_model::UnixTime) {
        let shown = &self.attachments[self.mandate_place()].data;
        let sd_hash = denizen_credential::sd_hash(&shown[..=shown.rfind('~').unwrap()]);
        let act = denizen_model::mandate::Act {
            org: &self.org,
            purpose: SCHOOL_ENROLMENT,
            service: Some(&self.version),
            message: &self.id,
            sd_hash: &sd_hash,
        };
        let proof = denizen_model::mandate::ActingProof::sign(act, key, now);
        let at = self.proof_place();
        self.attachments[at].data = proof;
    }
}

fn mandate_paths() -> Vec<ClaimPath> {
    let name = |text: &str| PathItem::Name(text.to_owned());
    let mut paths = vec![vec![name("subject"), name("names")]];
    for claim in [
        "role",
        "delegate",
        "scope",
        "services",
        "basis",
        "valid_from",
        "valid_until",
    ] {
        paths.push(vec![name(claim)]);
    }
    paths
}
