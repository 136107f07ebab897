//! An organisation's keys without a gateway: for tests of the hub and of the formats.

use crate::{Rng, START};
use denizen_api::{client::org_keyid, wire::DepositItem};
use denizen_model::{
    AddressId, DepositId, HubId, MessageId, Nonce, OrgId, SecretKeyFor, Sha256Hash, UnixTime,
    envelope::{Envelope, Header},
    id::Bytes,
    key::{
        Auth, Deposit, Identity, Issuer, KeyPurpose, Message as MessageKey, Pass as PassKey, Status,
    },
    message::{Body, Chain, From, Message, Text, To},
    pass::{Bind, Pass, PassUse},
    statement::{Inbox, Role, StatedKey, Statement, full_kid},
};
use denizen_seal::{KemPublic, KemSecret, Sealer as _};

const DAY_S: i64 = UnixTime::DAY_S;

/// An organisation's keys and its first statement.
#[derive(Clone)]
pub struct Office {
    /// Its id.
    pub id: OrgId,
    /// Its hub.
    pub hub: HubId,
    /// Its first statement's bytes.
    pub statement: Vec<u8>,
    /// Signs statements.
    pub identity: SecretKeyFor<Identity>,
    /// Signs credentials; kid `issuer-1`.
    pub issuer: SecretKeyFor<Issuer>,
    /// Signs messages, invitations and services; kid `message-1`.
    pub message: SecretKeyFor<MessageKey>,
    /// Signs deposits; kid `deposit-1`.
    pub deposit: SecretKeyFor<Deposit>,
    /// Signs passes; kid `pass-1`.
    pub pass: SecretKeyFor<PassKey>,
    /// Signs status lists; kid `status-1`.
    pub status: SecretKeyFor<Status>,
    /// `auth` of the inbox.
    pub inbox: SecretKeyFor<Auth>,
    /// Opens what lies in the inbox.
    pub inbox_kem: KemSecret,
}

impl Office {
    /// Makes an organisation at a hub; nobody has admitted it yet.
    #[must_use]
    pub fn make(name: &str, hub: HubId, rng: &mut Rng) -> Self {
        Self::make_at(name, hub, START, rng)
    }

    /// The same with keys from another time on: for a hub with the real clock.
    #[must_use]
    pub fn make_at(name: &str, hub: HubId, from: UnixTime, rng: &mut Rng) -> Self {
        let identity = SecretKeyFor::<Identity>::make(rng);
        let mut this = Self {
            id: OrgId::new([0; 32]),
            hub,
            statement: Vec::new(),
            identity,
            issuer: SecretKeyFor::make(rng),
            message: SecretKeyFor::make(rng),
            deposit: SecretKeyFor::make(rng),
            pass: SecretKeyFor::make(rng),
            status: SecretKeyFor::make(rng),
            inbox: SecretKeyFor::make(rng),
            inbox_kem: KemSecret::from_seed(*Nonce::make(rng).as_bytes()),
        };
        let object = this
            .first_statement(name, from)
            .sign(this.identity.signer());
        this.id = Sha256Hash::of(object.as_bytes()).into();
        this.statement = object.into_bytes();
        this
    }

    fn first_statement(&self, name: &str, from: UnixTime) -> Statement {
        Statement {
            v: 1,
            role: Role::Organisation,
            id: None,
            names: [("en".to_owned(), name.to_owned())].into(),
            hub: Some(self.hub),
            url: None,
            origins: None,
            inbox: Some(Inbox {
                address: AddressId::of(&self.inbox.public_for()),
                kem: Bytes(self.inbox_kem.public().to_bytes()),
            }),
            identity: self.identity.public_for(),
            identity_next: None,
            keys: vec![
                stated("issuer-1", &self.issuer, from),
                stated("message-1", &self.message, from),
                stated("deposit-1", &self.deposit, from),
                stated("pass-1", &self.pass, from),
                stated("status-1", &self.status, from),
            ],
            prev: None,
            created: from,
        }
    }

    /// The address of its inbox.
    #[must_use]
    pub fn inbox_address(&self) -> AddressId {
        AddressId::of(&self.inbox.public_for())
    }

    /// The key id of its deposit key in request signatures.
    #[must_use]
    pub fn deposit_keyid(&self) -> String {
        org_keyid(&self.id, "deposit-1")
    }

    /// The full key id of its message key.
    #[must_use]
    pub fn message_kid(&self) -> String {
        full_kid(&self.id.into(), "message-1")
    }

    /// A pass that is good for ten days from [`START`] and once; change it before [`Office::sign_pass`].
    #[must_use]
    pub fn pass(&self, pass_use: PassUse, nonce: Nonce) -> Pass {
        Pass {
            v: 1,
            pass_use,
            org: self.id,
            hub: self.hub,
            inbox: (pass_use == PassUse::Deposit).then(|| self.inbox_address()),
            bind: Bind::Nonce(nonce),
            uses: 1,
            not_before: START,
            not_after: START.plus_s(10 * DAY_S),
            quota: 1 << 20,
        }
    }

    /// Signs a pass.
    #[must_use]
    pub fn sign_pass(&self, pass: &Pass) -> Bytes {
        let kid = full_kid(&self.id.into(), "pass-1");
        Bytes(pass.sign(&self.pass, &kid).into_bytes())
    }

    /// A message of this organisation: a note, first of a fresh chain.
    #[must_use]
    pub fn note(&self, to: To, text: &str, rng: &mut Rng) -> Message {
        Message {
            id: MessageId::make(rng),
            thid: None,
            from: From::Org(self.id),
            to,
            created_time: START,
            expires_time: None,
            chain: Chain {
                id: MessageId::make(rng),
                seq: 0,
                prev: None,
                follows: Vec::new(),
            },
            seen: Vec::new(),
            body: Body::Note(Text {
                text: text.to_owned(),
            }),
            attachments: Vec::new(),
            commit_salt: Some(Nonce::make(rng)),
        }
    }

    /// Signs a message as this organisation.
    #[must_use]
    pub fn sign(&self, message: &Message) -> Vec<u8> {
        message
            .sign(self.message.signer(), &self.message_kid())
            .into_bytes()
    }

    /// Signs and seals a message.
    #[must_use]
    pub fn seal(&self, message: &Message, kem: &KemPublic, rng: &mut Rng) -> Envelope {
        seal(&self.sign(message), &header_of(message), kem, rng)
    }
}

/// The header that belongs to a message.
#[must_use]
pub fn header_of(message: &Message) -> Header {
    Header {
        suite: message.to.suite,
        hub: message.to.hub,
        to: message.to.address,
        commit: message.commit(),
    }
}

/// Seals bytes under a header.
#[must_use]
pub fn seal(signed: &[u8], header: &Header, kem: &KemPublic, rng: &mut Rng) -> Envelope {
    denizen_seal::Portable
        .seal(kem, header, signed, rng)
        .unwrap()
}

/// One deposit with a fresh id.
#[must_use]
pub fn deposit_of(envelope: &Envelope, rng: &mut Rng) -> DepositItem {
    DepositItem {
        deposit_id: DepositId::make(rng),
        envelope: envelope.encode(),
        pass: None,
        reserved: false,
    }
}

fn stated<P: KeyPurpose>(kid: &str, key: &SecretKeyFor<P>, from: UnixTime) -> StatedKey {
    StatedKey {
        kid: kid.to_owned(),
        purpose: P::NAME.to_owned(),
        key: key.public_for().key().clone(),
        not_before: from,
        not_after: from.plus_s(3650 * DAY_S),
        revoked_from: None,
    }
}
