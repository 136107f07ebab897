//! The parties of the vectors, from fixed seeds. None of these keys protects anything.

use denizen_credential::{
    KeyBinding, PathItem, Registered, SdRules, StatusRef, UnverifiedCredential, issue, present,
    status_uri,
};
use denizen_jose::{Object, Portable, base64url_encode};
use denizen_model::{
    AddressId, CopyRef, HubId, KeyPurpose, MessageId, Nonce, OrgId, SecretKeyFor, Sha256Hash,
    UnixTime,
    envelope::{Header, SUITE_1},
    id::Bytes,
    key::{Auth, Cnf, Deposit, Head, Identity, Issuer, Log, Message, Pass, Status},
    link::{kb_audience, kb_nonce},
    message::{
        Attachment, Body, Chain, From, IssuedCopy, RecordIssue, SD_JWT_MEDIA_TYPE, Sensitivity, To,
    },
    statement::{
        ADMISSION_TYP, Admission, AdmittedKind, Inbox, KIND_TYP, KindEntry, KindFiles, Origins,
        Quality, Role, SERVICE_TYP, ServiceEntry, StatedKey, Statement, full_kid, sign_entry,
    },
};
use denizen_seal::{AddressIndex, AddressKeys, KemSecret, RootSecret};
use rand_core::SeedableRng as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The time of everything.
pub const NOW: UnixTime = UnixTime(1_790_000_000);

/// The kind of the credential in the vectors.
pub const VCT: &str = "urn:denizen:kind:work-permit:1";

/// Random values of the vectors: ChaCha20 from a seed of one repeated byte.
#[must_use]
pub fn rng(seed: u8) -> rand_chacha::ChaCha20Rng {
    rand_chacha::ChaCha20Rng::from_seed([seed; 32])
}

/// A key of one repeated byte.
#[must_use]
pub fn secret<P: KeyPurpose>(seed: u8) -> SecretKeyFor<P> {
    SecretKeyFor::from_seed(&[seed; 32]).unwrap()
}

/// A hub, an organisation at it, and a holder with one link.
pub struct World {
    /// The hub's first statement.
    pub hub_statement: Object,
    /// The hub.
    pub hub: HubId,
    /// The organisation's first statement.
    pub org_statement: Object,
    /// The organisation.
    pub org: OrgId,
    /// The holder's root.
    pub root: RootSecret,
    /// The salt of her address 1.
    pub salt: Nonce,
    /// The keys of her address 1: the link with the organisation.
    pub link: AddressKeys,
    /// Names one one-time copy.
    pub copy_ref: CopyRef,
}

/// Key of the hub's identity.
pub const HUB_IDENTITY: u8 = 0x10;
/// Seed of the hub's log key.
pub const HUB_LOG: u8 = 0x11;
const HUB_HEAD: u8 = 0x12;
/// Seed of the organisation's identity.
pub const ORG_IDENTITY: u8 = 0x20;
const ORG_ISSUER: u8 = 0x21;
const ORG_MESSAGE: u8 = 0x22;
const ORG_DEPOSIT: u8 = 0x23;
const ORG_PASS: u8 = 0x24;
const ORG_STATUS: u8 = 0x25;
const ORG_INBOX_AUTH: u8 = 0x26;
const ORG_INBOX_KEM: u8 = 0x27;

fn stated<P: KeyPurpose>(kid: &str, seed: u8) -> StatedKey {
    StatedKey {
        kid: kid.into(),
        purpose: P::NAME.into(),
        key: secret::<P>(seed).public_for().key().clone(),
        not_before: NOW,
        not_after: NOW.plus_s(10 * 365 * UnixTime::DAY_S),
        revoked_from: None,
    }
}

fn names(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("en".to_owned(), name.to_owned())])
}

/// The hub's first statement, unsigned.
#[must_use]
pub fn hub_statement() -> Statement {
    Statement {
        v: 1,
        role: Role::Hub,
        id: None,
        names: names("Example hub"),
        hub: None,
        url: Some("https://hub.example".into()),
        origins: Some(Origins {
            deposits: "hub.example/deposits".into(),
            directory: "hub.example/directory".into(),
        }),
        inbox: None,
        identity: secret::<Identity>(HUB_IDENTITY).public_for(),
        identity_next: None,
        keys: vec![stated::<Log>("l1", HUB_LOG), stated::<Head>("h1", HUB_HEAD)],
        prev: None,
        created: NOW,
    }
}

/// The organisation's first statement, unsigned.
#[must_use]
pub fn org_statement(hub: HubId) -> Statement {
    Statement {
        v: 1,
        role: Role::Organisation,
        id: None,
        names: names("Example office"),
        hub: Some(hub),
        url: None,
        origins: None,
        inbox: Some(Inbox {
            address: AddressId::of(&secret::<Auth>(ORG_INBOX_AUTH).public_for()),
            kem: Bytes(
                KemSecret::from_seed([ORG_INBOX_KEM; 32])
                    .public()
                    .to_bytes(),
            ),
        }),
        identity: secret::<Identity>(ORG_IDENTITY).public_for(),
        identity_next: None,
        keys: vec![
            stated::<Issuer>("i1", ORG_ISSUER),
            stated::<Message>("m1", ORG_MESSAGE),
            stated::<Deposit>("d1", ORG_DEPOSIT),
            stated::<Pass>("p1", ORG_PASS),
            stated::<Status>("s1", ORG_STATUS),
        ],
        prev: None,
        created: NOW,
    }
}

impl World {
    /// Makes it.
    #[must_use]
    pub fn make() -> Self {
        let hub_statement = hub_statement().sign(secret::<Identity>(HUB_IDENTITY).signer());
        let hub = HubId::from(Sha256Hash::of(hub_statement.as_bytes()));
        let org_statement = org_statement(hub).sign(secret::<Identity>(ORG_IDENTITY).signer());
        let root: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let root = RootSecret::from_bytes(root);
        let salt = Nonce::new([0xa1; 32]);
        Self {
            hub,
            org: OrgId::from(Sha256Hash::of(org_statement.as_bytes())),
            link: root.derive_address(AddressIndex(1), Some(&salt)),
            hub_statement,
            org_statement,
            root,
            salt,
            copy_ref: CopyRef::new([0xc0; 16]),
        }
    }

    /// The organisation's issuer key.
    #[must_use]
    pub fn issuer(&self) -> SecretKeyFor<Issuer> {
        secret(ORG_ISSUER)
    }

    /// The organisation's message key.
    #[must_use]
    pub fn message_key(&self) -> SecretKeyFor<Message> {
        secret(ORG_MESSAGE)
    }

    /// The organisation's pass key.
    #[must_use]
    pub fn pass_key(&self) -> SecretKeyFor<Pass> {
        secret(ORG_PASS)
    }

    /// The organisation's status key.
    #[must_use]
    pub fn status_key(&self) -> SecretKeyFor<Status> {
        secret(ORG_STATUS)
    }

    /// The hub's head key.
    #[must_use]
    pub fn head_key(&self) -> SecretKeyFor<Head> {
        secret(HUB_HEAD)
    }

    /// `<organisation id>#<kid>`.
    #[must_use]
    pub fn org_kid(&self, kid: &str) -> String {
        full_kid(&self.org.into(), kid)
    }

    /// `<hub id>#<kid>`.
    #[must_use]
    pub fn hub_kid(&self, kid: &str) -> String {
        full_kid(&self.hub.into(), kid)
    }

    /// The organisation's inbox.
    #[must_use]
    pub fn inbox(&self) -> AddressId {
        AddressId::of(&secret::<Auth>(ORG_INBOX_AUTH).public_for())
    }

    /// The entries of the directory: hub, organisation, admission, kind, service.
    #[must_use]
    pub fn directory(&self) -> Vec<Object> {
        let identity = secret::<Identity>(HUB_IDENTITY);
        let by_hub = self.hub_kid("identity");
        let admission = Admission {
            v: 1,
            org: self.org,
            statement: self.org.into(),
            kinds: vec![AdmittedKind {
                vct: VCT.into(),
                quality: Quality::Authority,
            }],
            from: NOW,
        };
        let kind = KindEntry {
            v: 1,
            vct: VCT.into(),
            metadata: Sha256Hash::of(b"metadata"),
            schema: Sha256Hash::of(b"schema"),
            files: None,
        };
        let signer = self.message_key();
        vec![
            self.hub_statement.clone(),
            self.org_statement.clone(),
            sign_entry(&admission, ADMISSION_TYP, identity.signer(), &by_hub),
            sign_entry(&kind, KIND_TYP, identity.signer(), &by_hub),
            sign_entry(&self.own_kind(), KIND_TYP, identity.signer(), &by_hub),
            sign_entry(
                &self.service(),
                SERVICE_TYP,
                signer.signer(),
                &self.org_kid("m1"),
            ),
        ]
    }

    /// A kind of a deployment, with its files.
    #[must_use]
    pub fn own_kind(&self) -> KindEntry {
        let files = KindFiles {
            metadata: "{\"vct\": \"urn:example:kind:fishing-permit:1\"}\n".into(),
            schema: "{\"type\": \"object\"}\n".into(),
            texts: [("en", "Fishing permit"), ("ky", "Балык кармоого уруксат")]
                .map(|(language, text)| {
                    let texts = [("kind-fishing-permit".to_owned(), text.to_owned())];
                    (language.to_owned(), texts.into())
                })
                .into(),
        };
        KindEntry {
            v: 1,
            vct: "urn:example:kind:fishing-permit:1".into(),
            metadata: Sha256Hash::of(files.metadata.as_bytes()),
            schema: Sha256Hash::of(files.schema.as_bytes()),
            files: Some(files),
        }
    }

    /// The service of the directory.
    #[must_use]
    pub fn service(&self) -> ServiceEntry {
        let service = json!({
            "service": "urn:denizen:service:right-to-work-check", "version": 1,
            "category": "employment", "title_key": "service-right-to-work-check-title",
            "purpose_key": "service-right-to-work-check-purpose",
            "legal_basis": "Example law, article 1",
            "evidence": {"credentials": [{"id": "permit", "format": "dc+sd-jwt",
                "meta": {"vct_values": [VCT]}, "claims": [{"path": ["may_work"]}]}]},
            "issuers": {"permit": ["admitted"]}, "subject_required": [], "constraints": [],
            "answers": {"type": "object", "additionalProperties": false},
            "retention_days": 30, "deadline_days": 3, "fee": null, "grants": [],
        });
        let service = serde_json::from_value(service).unwrap();
        ServiceEntry {
            v: 1,
            org: self.org,
            service,
            created: NOW,
        }
    }

    /// The claims of the record.
    #[must_use]
    pub fn claims(&self) -> Map<String, Value> {
        let claims = json!({
            "subject": {"names": {"latin": "EXAMPLE PERSON", "original": "Пример"}, "birth_date": "1988"},
            "may_work": true,
            "regions": ["77", "50"],
            "valid_until": "2030-01-01",
        });
        claims.as_object().unwrap().clone()
    }

    /// Which of them are disclosures of their own.
    #[must_use]
    pub fn rules(&self) -> SdRules {
        let paths = [
            json!(["subject"]),
            json!(["subject", "names"]),
            json!(["subject", "birth_date"]),
            json!(["may_work"]),
            json!(["regions", null]),
            json!(["valid_until"]),
        ];
        SdRules::from_paths(paths.iter().map(|p| p.as_array().unwrap().as_slice()))
    }

    /// The registered claims of a copy bound to `cnf`.
    #[must_use]
    pub fn registered(&self, cnf: &SecretKeyFor<Cnf>, idx: u64) -> Registered {
        Registered {
            iss: self.org.to_text(),
            iat: NOW.day_start().0,
            exp: None,
            vct: VCT.into(),
            vct_integrity: Some("sha256-RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o=".into()),
            cnf: cnf.public_for().key().clone(),
            status: Some(StatusRef {
                idx,
                uri: status_uri(&self.org.to_text(), "1"),
            }),
        }
    }

    /// The kept copy and one one-time copy.
    #[must_use]
    pub fn copies(&self) -> [String; 2] {
        let one_time = self.root.derive_copy_key(&self.copy_ref);
        let issue = |cnf: &SecretKeyFor<Cnf>, idx, seed| {
            let registered = self.registered(cnf, idx);
            let (claims, rules, kid) = (self.claims(), self.rules(), self.org_kid("i1"));
            issue(
                &claims,
                &rules,
                &registered,
                &kid,
                self.issuer().signer(),
                &mut rng(seed),
            )
        };
        [
            issue(&self.link.cnf, 70_001, 0x31),
            issue(&one_time, 3, 0x32),
        ]
    }

    /// The nonce of a presentation for the service in message `[0xd1; 16]`.
    #[must_use]
    pub fn nonce(&self) -> String {
        let service = Sha256Hash::of(self.directory()[4].as_bytes());
        let purpose = "urn:denizen:service:right-to-work-check";
        kb_nonce(
            &self.org,
            purpose,
            Some(&service),
            &MessageId::new([0xd1; 16]),
        )
    }

    /// A presentation of the one-time copy that shows `may_work` and the names.
    #[must_use]
    pub fn presentation(&self) -> String {
        let [_, copy] = self.copies();
        let verified = UnverifiedCredential::parse(&copy).unwrap();
        let verified = verified
            .verify(&Portable, self.issuer().public_for().key())
            .unwrap();
        let name = |path: &[&str]| path.iter().map(|p| PathItem::Name((*p).into())).collect();
        let (aud, nonce) = (kb_audience(&self.org), self.nonce());
        let binding = KeyBinding {
            aud: &aud,
            nonce: &nonce,
            iat: NOW.0,
        };
        let key = self.root.derive_copy_key(&self.copy_ref);
        present(
            &verified,
            &[name(&["may_work"]), name(&["subject", "names"])],
            binding,
            key.signer(),
        )
    }

    /// The message that brings the record to the holder.
    #[must_use]
    pub fn message(&self) -> denizen_model::message::Message {
        let copies = self.copies();
        let attachment = |id: &str, salt: u8, data: &str| Attachment {
            id: id.into(),
            media_type: SD_JWT_MEDIA_TYPE.into(),
            salt: Nonce::new([salt; 32]),
            data: data.into(),
            object: None,
            name: None,
        };
        let issue = RecordIssue {
            record: MessageId::new([0xe1; 16]),
            vct: VCT.into(),
            kept: Sha256Hash::of(copies[0].as_bytes()),
            copies: vec![
                IssuedCopy {
                    attachment: "a0".into(),
                    copy_ref: None,
                },
                IssuedCopy {
                    attachment: "a1".into(),
                    copy_ref: Some(self.copy_ref),
                },
            ],
            sensitivity: Sensitivity::Ordinary,
            legal_basis: Some("Example law, article 2".into()),
            notice: None,
            supersedes: Vec::new(),
        };
        denizen_model::message::Message {
            id: MessageId::new([0xd0; 16]),
            thid: None,
            from: From::Org(self.org),
            to: To {
                hub: self.hub,
                address: self.link.address(),
                suite: SUITE_1,
            },
            created_time: NOW,
            expires_time: None,
            chain: Chain {
                id: MessageId::new([0xb0; 16]),
                seq: 0,
                prev: None,
                follows: Vec::new(),
            },
            seen: Vec::new(),
            body: Body::RecordIssue(issue),
            attachments: vec![
                attachment("a0", 0x51, &copies[0]),
                attachment("a1", 0x52, &copies[1]),
            ],
            commit_salt: None,
        }
    }

    /// The header of its envelope.
    #[must_use]
    pub fn header(&self) -> Header {
        Header {
            suite: SUITE_1,
            hub: self.hub,
            to: self.link.address(),
            commit: self.message().commit(),
        }
    }

    /// The message as signed.
    #[must_use]
    pub fn signed_message(&self) -> Object {
        self.message()
            .sign(self.message_key().signer(), &self.org_kid("m1"))
    }

    /// The envelope as sealed with a fixed generator.
    #[must_use]
    pub fn envelope(&self) -> Vec<u8> {
        use denizen_seal::Sealer as _;
        let (to, message) = (self.link.kem.public(), self.signed_message());
        let sealer = denizen_seal::Portable;
        let sealed = sealer.seal(&to, &self.header(), message.as_bytes(), &mut rng(0x41));
        sealed.unwrap().encode()
    }

    /// The root's bytes as text.
    #[must_use]
    pub fn root_text(&self) -> String {
        base64url_encode(self.root.danger_bytes())
    }
}
