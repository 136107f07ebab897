//! The least desk: an office's keys, one link, one chain. For tests in which the hub lies to a holder's
//! client, so that they need no gateway.

use crate::{
    Office, World,
    office::{deposit_of, header_of, seal},
};
use denizen_api::{
    client::{RequestSigner, Upload},
    wire::{Accept, DepositOutcome, Fetched, RegisterAddress},
};
use denizen_model::{
    DepositId, MessageId, Nonce, Sha256Hash, UnixTime,
    envelope::{Envelope, SUITE_1},
    invitation::{INVITATION_TYP, Invitation, to_text},
    jose::Object,
    link::KeyStatement,
    message::{Attachment, Body, Chain, From, LinkConfirm, Message, Text, To},
    object::ObjectFor,
    pass::{Bind, Pass, PassUse},
};
use denizen_seal::{KemPublic, SealedObject, Sealer as _};

/// An office with an inbox and at most one link.
pub struct Desk {
    /// Its keys.
    pub office: Office,
    /// The address and keys of its link, once `link/accept` was read.
    pub keys: Option<KeyStatement>,
    thread: Option<MessageId>,
    chain: Chain,
}

impl Desk {
    /// An admitted office at the first hub with a registered inbox.
    pub async fn open(world: &mut World, name: &str) -> Self {
        let office = world.office(name, &[]).await;
        let nonce = Nonce::make(&mut world.rng);
        let pass = Pass {
            quota: 1 << 30,
            ..office.pass(PassUse::Register, nonce)
        };
        let registration = RegisterAddress {
            v: 1,
            auth: office.inbox.public_for(),
            salt: Some(Nonce::make(&mut world.rng)),
            accepts: vec![Accept::PassBy(office.id)],
            pass: Some(office.sign_pass(&pass)),
        };
        let (client, now) = (world.client(), world.now());
        client
            .register(&registration, &office.inbox, now)
            .await
            .unwrap();
        Self {
            office,
            keys: None,
            thread: None,
            chain: Chain {
                id: MessageId::make(&mut world.rng),
                seq: 0,
                prev: None,
                follows: Vec::new(),
            },
        }
    }

    /// An open invitation, good for a day; `change` may bend it before it is signed.
    pub fn invite(&self, world: &mut World, change: impl FnOnce(&mut Invitation)) -> String {
        let office = &self.office;
        let mut invitation = Invitation {
            v: 1,
            nonce: Nonce::make(&mut world.rng),
            org: office.id,
            hub: office.hub,
            hub_url: world.house().url.clone(),
            identity: office.identity.public_for(),
            statement: Sha256Hash::of(&office.statement),
            purpose: "a test".to_owned(),
            sends: Vec::new(),
            asks: Vec::new(),
            case_reference: None,
            open: true,
            expires: world.now().plus_s(UnixTime::DAY_S),
        };
        change(&mut invitation);
        let payload = serde_json::to_vec(&invitation).unwrap();
        let (signer, kid) = (office.message.signer(), office.message_kid());
        let object = Object::sign(signer, &kid, INVITATION_TYP, &payload);
        let register = office.pass(PassUse::Register, Nonce::make(&mut world.rng));
        let deposit = Pass {
            uses: 4,
            ..office.pass(PassUse::Deposit, Nonce::make(&mut world.rng))
        };
        let sign = |pass: &Pass| {
            let kid = denizen_model::statement::full_kid(&office.id.into(), "pass-1");
            pass.sign(&office.pass, &kid)
        };
        to_text(&object, &sign(&register), &sign(&deposit))
    }

    /// Everything that lies in the inbox, opened with the office's key; nothing is checked.
    pub async fn read_inbox(&self, world: &World) -> Vec<Message> {
        let (client, now) = (world.client(), world.now());
        let answer = client
            .fetch(&self.office.inbox, None, 0, now)
            .await
            .unwrap();
        let open = |item: &Fetched| {
            let Fetched::Envelope { envelope, .. } = item else {
                return None;
            };
            let envelope = Envelope::parse(envelope).unwrap();
            let signed = denizen_seal::Portable
                .open(&self.office.inbox_kem, &envelope)
                .unwrap();
            Some(Message::danger_claimed(&signed).unwrap().0)
        };
        answer.items.iter().filter_map(open).collect()
    }

    /// Takes the newest `link/accept` and confirms it.
    pub async fn confirm(&mut self, world: &mut World) {
        for message in self.read_inbox(world).await {
            if let Body::LinkAccept(accept) = message.body {
                let keys = KeyStatement::verify(&accept.keys.0, &denizen_jose::Portable);
                self.keys = Some(keys.unwrap());
                self.thread = Some(message.id);
            }
        }
        let deposit = self.keys.as_ref().unwrap().deposit.key().thumbprint();
        let office = &self.office;
        let lasting = Pass {
            bind: Bind::Key(Sha256Hash::new(deposit)),
            uses: 200,
            ..office.pass(PassUse::Deposit, Nonce::new([0; 32]))
        };
        let move_pass = office.pass(PassUse::Register, Nonce::make(&mut world.rng));
        let confirmed = LinkConfirm::Confirmed {
            deposit_pass: office.sign_pass(&lasting),
            register_pass: office.sign_pass(&move_pass),
        };
        self.post(world, Body::LinkConfirm(confirmed)).await;
    }

    /// Posts a note into the link.
    pub async fn note(&mut self, world: &mut World, text: &str) {
        let text = Text {
            text: text.to_owned(),
        };
        self.post(world, Body::Note(text)).await;
    }

    /// Signs, seals and deposits the next message of the chain.
    pub async fn post(&mut self, world: &mut World, body: Body) {
        self.post_with(world, body, Vec::new()).await;
    }

    /// Leaves a sealed object at the link's address; gives what the hub says.
    pub async fn leave(&mut self, world: &mut World, object: &SealedObject) -> DepositOutcome {
        let address = self.keys.as_ref().unwrap().address;
        let keyid = self.office.deposit_keyid();
        let signer = RequestSigner::organisation(&self.office.deposit, &keyid);
        let upload = Upload {
            to: &address,
            id: &object.id,
            deposit_id: DepositId::make(&mut world.rng),
            pass: None,
            reserved: false,
            bytes: &object.bytes,
        };
        let now = world.now();
        let client = world.client();
        client.put_object(&upload, signer, now).await.unwrap()
    }

    /// For which address objects of the link are sealed.
    #[must_use]
    pub fn object_for(&self) -> ObjectFor {
        let keys = self.keys.as_ref().unwrap();
        ObjectFor {
            suite: SUITE_1,
            hub: keys.hub,
            to: keys.address,
        }
    }

    /// Posts a note with one attachment.
    pub async fn note_with(&mut self, world: &mut World, text: &str, attachment: Attachment) {
        let text = Text {
            text: text.to_owned(),
        };
        self.post_with(world, Body::Note(text), vec![attachment])
            .await;
    }

    async fn post_with(&mut self, world: &mut World, body: Body, attachments: Vec<Attachment>) {
        let keys = self.keys.clone().unwrap();
        let message = Message {
            id: MessageId::make(&mut world.rng),
            thid: self.thread,
            from: From::Org(self.office.id),
            to: To {
                hub: keys.hub,
                address: keys.address,
                suite: SUITE_1,
            },
            created_time: world.now(),
            expires_time: None,
            chain: self.chain.clone(),
            seen: Vec::new(),
            body,
            commit_salt: attachments.is_empty().then(|| Nonce::make(&mut world.rng)),
            attachments,
        };
        let signed = self.office.sign(&message);
        self.chain.seq += 1;
        self.chain.prev = Some(Sha256Hash::of(&signed));
        let kem = KemPublic::from_bytes(&keys.kem.0).unwrap();
        let envelope = seal(&signed, &header_of(&message), &kem, &mut world.rng);
        let item = deposit_of(&envelope, &mut world.rng);
        let outcomes = world.deposit(&self.office, &[item]).await.unwrap();
        assert!(matches!(outcomes[0], DepositOutcome::Stored { .. }));
    }
}
