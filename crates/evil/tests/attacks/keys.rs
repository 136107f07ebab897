//! Keys: those of an address, of organisations, of the operator; and each for its purpose (R2, R3, R4).

use denizen_api::{
    client::ClientError,
    wire::{
        Accept, ChangeAccepts, DepositItem, DepositOutcome, RegisterAddress, WrappedRoot,
        decode_batch, encode_outcomes,
    },
};
use denizen_evil::{
    HubHand, KIND, Outcome, Paper, Pen, Scene, attacks, issued, record_of, stopped,
};
use denizen_jose::Portable;
use denizen_model::{
    Nonce, SecretKeyFor, Sha256Hash, UnixTime,
    envelope::{Envelope, SUITE_1},
    id::Bytes,
    jose::Object,
    key::{Identity, KeyPurpose, Message as MessageKey},
    link::KeyStatement,
    message::{Body, LinkAccept, LinkMove},
    statement::{
        ADMISSION_TYP, Admission, AdmittedKind, Inbox, Quality, StatedKey, Statement, full_kid,
        sign_entry,
    },
};
use denizen_seal::{AddressIndex, KemSecret, RootSecret, Sealer as _};
use denizen_testkit::{
    AZIZA, GULAB, Office, Person, Play, START, office::deposit_of, play::BORDER,
};

/// The office's next statement after `prev`, changed and signed by its identity key.
fn next_statement(office: &Office, prev: &[u8], change: impl FnOnce(&mut Statement)) -> Vec<u8> {
    denizen_evil::next_statement(office.id, &office.identity, prev, change)
}

fn stated<P: KeyPurpose>(kid: &str, key: &SecretKeyFor<P>) -> StatedKey {
    StatedKey {
        kid: kid.to_owned(),
        purpose: P::NAME.to_owned(),
        key: key.public_for().key().clone(),
        not_before: START,
        not_after: START.plus_s(1 << 30),
        revoked_from: None,
    }
}

fn withdraw(statement: &mut Statement, kid: &str) {
    let key = statement.keys.iter_mut().find(|k| k.kid == kid).unwrap();
    key.revoked_from = Some(START);
}

/// A note of a thief who has one key that was the office's.
async fn thief_writes(s: &mut Scene, key: &SecretKeyFor<MessageKey>, kid: &str) {
    let note = s.note("from a thief");
    let kid = full_kid(&s.desk.office.id.into(), kid);
    let signed = note.sign(key.signer(), &kid).into_bytes();
    let envelope = s.seal(&signed, &note);
    s.deposit(&envelope).await;
}

/// The end of an attack on her directory or her link.
async fn shown(s: &mut Scene, notes: &[&str]) -> Outcome {
    let synced = s.sync().await;
    match (synced, s.told()) {
        (Err(error), _) => stopped(error.code()),
        (Ok(_), Some(told)) => told,
        (Ok(_), None) => {
            assert_eq!(s.notes(), notes);
            Outcome::Harm
        }
    }
}

/// A border service with two people linked and their papers delivered.
async fn two_people(seed: u64) -> Play {
    let mut play = Play::with(seed, &[BORDER]).await;
    for persona in [AZIZA, GULAB] {
        play.arrive(persona).await;
        play.link(persona.name, &BORDER).await;
    }
    play.fill(&BORDER).await;
    play
}

async fn gateway_round(play: &mut Play) -> Vec<String> {
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let gateway = play.gateways.get_mut("border").unwrap();
    for _ in 0..2 {
        gateway.sync(wire, 0, now, rng).await.unwrap();
    }
    play.office_alarms("border")
}

attacks! {
    /// A stranger accepts a link in a person's name: her address, his keys. The hub hands him what is
    /// sealed for her.
    7 "R2" [AddressIsHash] stopped("sender-unknown");
    async fn a_stranger_states_his_keys_under_a_persons_address() -> Outcome {
        let mut play = Play::with(7, &[BORDER]).await;
        for persona in [AZIZA, GULAB] {
            play.arrive(persona).await;
        }
        let text = play.invite(&BORDER, None);
        let link = play.accept("gulab", &text).await;
        let invitation = play.holder("gulab").profile().link(link).unwrap().invitation;
        let root = play.holder("aziza").danger_root();
        let victim = root.derive_address(AddressIndex::SELF, None).address();
        let pen = Pen::of(&play.world, play.holder("gulab"), link).await;
        let hub = play.world.house().id;
        let keys = KeyStatement {
            v: 1,
            hub,
            address: victim,
            suite: SUITE_1,
            auth: pen.keys.auth.public_for(),
            sign: pen.keys.sign.public_for(),
            cnf: pen.keys.cnf.public_for(),
            kem: Bytes(pen.keys.kem.public().to_bytes()),
            deposit: pen.keys.deposit.public_for(),
        };
        let accept = LinkAccept {
            invitation,
            keys: Bytes(keys.sign_with(&pen.keys.auth).into_bytes()),
            allowed_kinds: Vec::new(),
            copy_keys: Vec::new(),
            code_commitment: Sha256Hash::of(b"x"),
            case_reference: None,
            language: "en".to_owned(),
        };
        let message = pen.message(&mut play.world, victim, Body::LinkAccept(Box::new(accept)));
        pen.send(&mut play.world, &message).await;
        let hand = HubHand::of(&play.world);
        play.world.wire.lie(move |e| {
            let items = decode_batch(&e.request).filter(|_| e.path() == "/v1/deposits")?;
            let taken = |item: &DepositItem| DepositOutcome::Stored {
                pos: 0,
                index: 1,
                receipt: hand.receipt(&victim, &item.envelope, 0),
            };
            Some(encode_outcomes(&items.iter().map(taken).collect::<Vec<_>>()))
        });
        if let Some(code) = gateway_round(&mut play).await.first() {
            return stopped(code);
        }
        let sent = play.world.wire.exchanges();
        let sent = sent.iter().filter_map(|e| decode_batch(&e.request)).flatten();
        let envelopes = sent.filter_map(|item| Envelope::parse(&item.envelope).ok());
        let mut hers = envelopes.filter(|e| e.header().to == victim && e.header().hub == hub);
        let opened = hers.any(|e| denizen_seal::Portable.open(&pen.keys.kem, &e).is_ok());
        assert!(opened, "what is for her opens with his key");
        Outcome::Harm
    }

    /// The hub logs an older statement of the office again, by which a stolen key still counts.
    8 "R2" [StatementPrev] stopped("changed-key");
    async fn an_older_statement_is_logged_again() -> Outcome {
        let mut s = Scene::make(8).await;
        let office = s.desk.office.clone();
        let stolen = SecretKeyFor::<MessageKey>::make(&mut s.world.rng);
        let second = next_statement(&office, &office.statement, |statement| {
            statement.keys.push(stated("message-2", &stolen));
        });
        let third = next_statement(&office, &second, |st| withdraw(st, "message-2"));
        s.world.client().post_entries(&[&second, &third]).await.unwrap();
        s.sync().await.unwrap();
        thief_writes(&mut s, &stolen, "message-2").await;
        let mut entries = s.entries().await;
        entries.push(second);
        let hand = HubHand::of(&s.world);
        s.lie_in_directory(&hand.directory(entries));
        shown(&mut s, &["from a thief"]).await
    }

    /// The hub logs a statement of its own making for the office, with the hub's keys in it.
    9 "R2" [StatementIdentity, StatementSignature] stopped("changed-key");
    async fn the_hub_states_keys_for_the_office() -> Outcome {
        let mut s = Scene::make(9).await;
        let evil = SecretKeyFor::<Identity>::make(&mut s.world.rng);
        let kem = KemSecret::from_seed([9; 32]);
        let office = Office { identity: evil.clone(), ..s.desk.office.clone() };
        let forged = next_statement(&office, &office.statement, |statement| {
            statement.identity = evil.public_for();
            let (address, kem) = (office.inbox_address(), Bytes(kem.public().to_bytes()));
            statement.inbox = Some(Inbox { address, kem });
        });
        let mut entries = s.entries().await;
        entries.push(forged);
        let hand = HubHand::of(&s.world);
        s.lie_in_directory(&hand.directory(entries));
        if let Err(error) = s.sync().await {
            return stopped(error.code());
        }
        let now = s.world.now();
        s.holder.close_link(1, "for the office alone", now, &mut s.world.rng).unwrap();
        let sealed = &s.holder.profile().outbox.last().unwrap().envelope.0;
        let opened = denizen_seal::Portable.open(&kem, &Envelope::parse(sealed).unwrap());
        assert!(opened.is_ok(), "the hub reads what she writes to the office");
        Outcome::Harm
    }

    /// Somebody with a link of his own says that another person's link has moved: to his address.
    10 "R2" [MessageSignature] stopped("message-refused");
    async fn a_link_is_moved_by_somebody_elses_key() -> Outcome {
        let mut play = two_people(10).await;
        let victim = play.holder("aziza").profile().links[0].address;
        let held = play.holder("gulab").profile().links[0].clone();
        let root = play.holder("gulab").danger_root().clone();
        let salt = Nonce::make(&mut play.world.rng);
        let fresh = root.derive_address(AddressIndex(50), Some(&salt));
        let registration = RegisterAddress {
            v: 1,
            auth: fresh.auth.public_for(),
            salt: Some(salt),
            accepts: vec![Accept::Org(held.org)],
            pass: held.register_pass.clone(),
        };
        let (client, now) = (play.world.client(), play.world.now());
        client.register(&registration, &fresh.auth, now).await.unwrap();
        let pen = Pen::of(&play.world, play.holder("gulab"), 1).await;
        let moved = LinkMove {
            keys: Bytes(fresh.statement(held.hub).into_bytes()),
            copy_keys: Vec::new(),
            reason: String::new(),
        };
        let message = pen.message(&mut play.world, victim, Body::LinkMove(moved));
        pen.send(&mut play.world, &message).await;
        if let Some(code) = gateway_round(&mut play).await.first() {
            return stopped(code);
        }
        let answer = client.fetch(&fresh.auth, None, 0, now).await.unwrap();
        assert!(answer.items.len() > 4, "her papers are issued again, to him");
        Outcome::Harm
    }

    /// A thief of an issuer's key, who can still send, issues after the key was withdrawn.
    11 "R2" [IssuerKeyWithdrawn] stopped("issuer-key-withdrawn");
    async fn a_withdrawn_key_issues_a_record() -> Outcome {
        let mut s = Scene::make(11).await;
        let office = s.desk.office.clone();
        let second = next_statement(&office, &office.statement, |st| withdraw(st, "issuer-1"));
        s.world.client().post_entries(&[&second]).await.unwrap();
        let text = issued(&s.paper(), &mut s.world.rng);
        s.send_record(&[(None, text)]).await;
        s.sync().await.unwrap();
        if let Some(told) = s.refused() {
            return told;
        }
        assert_eq!(s.holder.profile().records.len(), 1);
        Outcome::Harm
    }

    /// The hub shows a new device a directory from before a stolen key was withdrawn.
    12 "R2" [PinnedStatement] stopped("changed-key");
    async fn a_new_device_is_shown_a_directory_from_before_its_pins() -> Outcome {
        let mut s = Scene::make(12).await;
        let office = s.desk.office.clone();
        let stolen = SecretKeyFor::<MessageKey>::make(&mut s.world.rng);
        let second = next_statement(&office, &office.statement, |statement| {
            statement.keys.push(stated("message-2", &stolen));
        });
        let third = next_statement(&office, &second, |st| withdraw(st, "message-2"));
        let client = s.world.client();
        client.post_entries(&[&second]).await.unwrap();
        let old = s.entries().await;
        client.post_entries(&[&third]).await.unwrap();
        // She has a second link with the office, under its newest statement.
        let pinned = Sha256Hash::of(&third);
        let text = s.desk.invite(&mut s.world, |i| i.statement = pinned);
        let now = s.world.now();
        let preview = s.holder.preview_invitation(&text, &s.world.wire, now).await;
        s.holder.accept_invitation(preview.unwrap(), &mut s.world.rng).unwrap();
        s.settle().await;
        for message in s.desk.read_inbox(&s.world).await {
            if let Body::LinkAccept(accept) = message.body {
                s.desk.keys = KeyStatement::verify(&accept.keys.0, &Portable).ok();
            }
        }
        thief_writes(&mut s, &stolen, "message-2").await;
        let hand = HubHand::of(&s.world);
        s.lie_in_directory(&hand.directory(old));
        let restored = s.restored().await.unwrap();
        match restored.profile().alarms.first() {
            Some(alarm) => stopped(&alarm.code),
            None => {
                assert!(restored.profile().notes.iter().any(|n| n.text == "from a thief"));
                Outcome::Harm
            }
        }
    }

    /// Whoever broke into the hub has its online keys, not the operator's: he admits himself.
    13 "R2" [OperatorSignature] stopped("other-log");
    async fn a_burglar_of_the_hub_admits_himself() -> Outcome {
        let mut s = Scene::make(13).await;
        let evil = Office::make("Ministry", s.world.house().id, &mut s.world.rng);
        let admission = Admission {
            v: 1,
            org: evil.id,
            statement: Sha256Hash::of(&evil.statement),
            kinds: vec![AdmittedKind { vct: KIND.to_owned(), quality: Quality::Authority }],
            from: START,
        };
        let kid = full_kid(&s.world.house().id.into(), "identity");
        let forged = sign_entry(&admission, ADMISSION_TYP, evil.identity.signer(), &kid);
        let mut entries = s.entries().await;
        entries.extend([evil.statement.clone(), forged.into_bytes()]);
        let hand = HubHand::of(&s.world);
        s.lie_in_directory(&hand.directory(entries));
        if let Err(error) = s.sync().await {
            return stopped(error.code());
        }
        let directory = s.holder.trust().directory(&s.world.house().id).unwrap();
        assert!(directory.directory.admitted(&evil.id, KIND, s.world.now()).is_some());
        Outcome::Harm
    }

    /// The hub logs an old admission again, and a suspended office counts.
    14 "R2" [DecisionOnce] stopped("other-log");
    async fn an_old_admission_is_logged_again_after_a_suspension() -> Outcome {
        let mut s = Scene::make(14).await;
        let before = s.world.house().admission(&s.desk.office.statement, &[KIND], s.world.now());
        let suspension = s.world.house().suspension(s.desk.office.id, s.world.now());
        s.world.client().post_entries(&[&suspension]).await.unwrap();
        s.sync().await.unwrap();
        let mut entries = s.entries().await;
        assert!(entries.contains(&before));
        entries.push(before);
        let hand = HubHand::of(&s.world);
        s.lie_in_directory(&hand.directory(entries));
        if let Err(error) = s.sync().await {
            return stopped(error.code());
        }
        let directory = s.holder.trust().directory(&s.world.house().id).unwrap();
        let office = directory.directory.organisation(&s.desk.office.id).unwrap();
        assert!(office.is_active(s.world.now()), "suspended, and yet it counts");
        Outcome::Harm
    }

    /// An outsider who knows a locator puts another wrapped root in its place.
    15 "R3" [RootCreateOnly] stopped("conflict");
    async fn a_wrapped_root_is_replaced() -> Outcome {
        let mut s = Scene::make(15).await;
        let locator = Nonce::make(&mut s.world.rng);
        let root = |n: u8, owner: &Person| WrappedRoot {
            wrapped: Bytes(vec![n; 100]),
            owner: owner.own_address().keys.auth.public_for(),
        };
        let (she, thief) = (Person::make(&mut s.world.rng), Person::make(&mut s.world.rng));
        let client = s.world.client();
        client.put_root(&locator, &root(1, &she)).await.unwrap();
        match client.put_root(&locator, &root(2, &thief)).await {
            Err(ClientError::Problem(kind)) => stopped(kind.name()),
            other => {
                other.unwrap();
                assert_eq!(client.root(&locator).await.unwrap(), root(2, &thief));
                Outcome::Harm
            }
        }
    }

    /// A thief of one `auth` key opens a link's address to another organisation.
    16 "R3" [AcceptsNarrow] stopped("pass-refused");
    async fn an_address_is_opened_to_a_stranger() -> Outcome {
        let mut s = Scene::make(16).await;
        let other = s.world.office("Mallory", &[]).await;
        let auth = s.holder.danger_root().derive_auth(AddressIndex(1));
        let wider = ChangeAccepts {
            version: 1,
            accepts: vec![Accept::Org(s.desk.office.id), Accept::Org(other.id)],
            frozen: false,
        };
        let (client, now) = (s.world.client(), s.world.now());
        if let Err(error) = client.change_accepts(&wider, &auth, now).await {
            let ClientError::Problem(kind) = error else { panic!("{error:?}") };
            return stopped(kind.name());
        }
        let note = s.note("unasked");
        let signed = other.sign(&note);
        let envelope = s.seal(&signed, &note);
        let item = deposit_of(&envelope, &mut s.world.rng);
        let stored = s.world.deposit(&other, &[item]).await.unwrap();
        assert!(matches!(stored[0], DepositOutcome::Stored { .. }));
        Outcome::Harm
    }

    /// The hub gives a restoring device another salt: keys that nobody stated.
    17 "R3" [SaltPinned] stopped("other-salt");
    async fn a_restoring_device_is_given_another_salt() -> Outcome {
        let mut s = Scene::make(17).await;
        s.world.wire.lie(|exchange| {
            let mut state: denizen_api::wire::AddressState =
                serde_json::from_slice(&exchange.answer).ok()?;
            state.salt = state.salt.map(|_| Nonce::new([1; 32]));
            Some(serde_json::to_vec(&state).unwrap())
        });
        let restored = s.restored().await.unwrap();
        let told = restored.profile().alarms.iter().find(|a| a.code == "other-salt");
        if let Some(alarm) = told {
            return stopped(&alarm.code);
        }
        let link = &restored.profile().links[0];
        let root = RootSecret::from_bytes(*restored.danger_root().danger_bytes());
        let keys = root.derive_address(AddressIndex(1), Some(&link.salt));
        assert!(keys.kem.public() != s.kem(), "she goes on with keys of the hub's choice");
        Outcome::Harm
    }

    /// The office signed something else for somebody: it is handed over as a message.
    18 "R4" [ObjectType] stopped("envelope-refused");
    async fn an_object_of_another_type_is_handed_over_as_a_message() -> Outcome {
        let mut s = Scene::make(18).await;
        let note = s.note("signed as something else");
        let (office, payload) = (&s.desk.office, serde_json::to_vec(&note).unwrap());
        let kid = office.message_kid();
        let signed = Object::sign(office.message.signer(), &kid, "denizen-form+json", &payload);
        let envelope = s.seal(signed.as_bytes(), &note);
        s.deposit(&envelope).await;
        shown(&mut s, &["signed as something else"]).await
    }

    /// A thief of the office's deposit key, which stands on a busy machine, writes messages with it.
    19 "R4" [KeyPurpose] stopped("envelope-refused");
    async fn a_deposit_key_signs_a_message() -> Outcome {
        let mut s = Scene::make(19).await;
        let note = s.note("by another key");
        let kid = full_kid(&s.desk.office.id.into(), "deposit-1");
        let signed = note.sign(s.desk.office.deposit.signer(), &kid).into_bytes();
        let envelope = s.seal(&signed, &note);
        s.deposit(&envelope).await;
        shown(&mut s, &["by another key"]).await
    }

    /// Somebody who may deposit registers addresses with that pass.
    20 "R4" [PassUse] stopped("pass-refused");
    async fn a_deposit_pass_registers_an_address() -> Outcome {
        let mut s = Scene::make(20).await;
        let office = s.desk.office.clone();
        let nonce = Nonce::make(&mut s.world.rng);
        let pass = office.pass(denizen_model::pass::PassUse::Deposit, nonce);
        let person = Person::make(&mut s.world.rng);
        let mut address = person.link_address(1, &office, &mut s.world.rng);
        address.registration.pass = Some(office.sign_pass(&pass));
        let (client, now) = (s.world.client(), s.world.now());
        match client.register(&address.registration, &address.keys.auth, now).await {
            Err(ClientError::Problem(kind)) => stopped(kind.name()),
            other => {
                assert_eq!(other.unwrap().accepts, [Accept::Org(office.id)]);
                Outcome::Harm
            }
        }
    }

    /// The hub dates a delivery back, so that a key counts which was withdrawn before it.
    80 "R10" [DeliveryTime] stopped("receipt-refused");
    async fn a_delivery_is_dated_back() -> Outcome {
        let mut s = Scene::make(80).await;
        s.world.clock.advance_s(2 * UnixTime::DAY_S);
        s.desk.note(&mut s.world, "today").await;
        s.settle().await;
        let office = s.desk.office.clone();
        let second = next_statement(&office, &office.statement, |statement| {
            let key = statement.keys.iter_mut().find(|k| k.kid == "issuer-1").unwrap();
            key.revoked_from = Some(START.plus_s(UnixTime::DAY_S));
        });
        s.world.client().post_entries(&[&second]).await.unwrap();
        let text = issued(&Paper { iat: START, ..s.paper() }, &mut s.world.rng);
        let (body, attachments) = record_of(&[(None, text)], &mut s.world.rng);
        let message = s.message(body, attachments);
        let signed = s.sign(&message);
        let envelope = s.seal(&signed, &message);
        // The hub's own receipt says that it came two days ago.
        s.hub_adds(&envelope).await;
        if let Err(error) = s.sync().await {
            assert_eq!(s.alarms(), ["receipt-refused"]);
            return stopped(error.code());
        }
        assert_eq!(s.told(), None);
        assert_eq!(s.holder.profile().records.len(), 1, "a forged record lies there");
        Outcome::Harm
    }
}
