//! `message.md`: a message's signature, sender, recipient and commitment.

use super::{
    Book, Outcome, b, bytes, flipped, key, named, no_such, value, with,
    world::{World, secret},
};
use denizen_jose::{Object, Portable};
use denizen_model::{
    AddressId, HubId, MessageId, Nonce, OrgId, Sha256Hash,
    envelope::Header,
    key::Message as MessageKey,
    message::{
        Body, From, HubAddress, IssuedCopy, MESSAGE_TYP, Message, RecordIssue, RecordsIssue, Text,
        holder_kid,
    },
};
use serde_json::{Value, json};

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    if op != "verify" {
        return no_such();
    }
    let from: From = value(input, "from");
    let header = Header::parse(&bytes(input, "header")).map_err(named)?;
    let message = Message::verify(
        &bytes(input, "message"),
        &Portable,
        &key(input, "key"),
        &from,
        &header,
    );
    Ok(serde_json::to_value(message.map_err(named)?).unwrap())
}

fn input(object: &Object, key: &denizen_jose::PublicKey, from: &From, header: &Header) -> Value {
    json!({"message": b(object.as_bytes()), "key": key, "from": from, "header": b(header.encode())})
}

/// The papers of a message as two records of one copy each.
fn in_two(message: &Message) -> Message {
    let Body::RecordIssue(issue) = &message.body else {
        unreachable!("it issues a record")
    };
    let record = |at: usize| RecordIssue {
        record: MessageId::new([0xe2 + u8::try_from(at).unwrap(); 16]),
        kept: Sha256Hash::of(message.attachments[at].data.as_bytes()),
        copies: vec![IssuedCopy {
            attachment: message.attachments[at].id.clone(),
            copy_ref: None,
        }],
        ..issue.clone()
    };
    Message {
        body: Body::RecordsIssue(RecordsIssue {
            records: vec![record(0), record(1)],
        }),
        ..message.clone()
    }
}

fn together(world: &World, message: &Message) -> Object {
    in_two(message).sign(world.message_key().signer(), &world.org_kid("m1"))
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("message");
    let message = world.message();
    let key = world.message_key().public_for().key().clone();
    let from = From::Org(world.org);
    let good = input(&world.signed_message(), &key, &from, &world.header());
    book.good(
        "record/issue, signed by an organisation",
        "message.verify",
        good.clone(),
        serde_json::to_value(&message).unwrap(),
    );

    book.good(
        "records/issue: two records in one envelope",
        "message.verify",
        input(&together(world, &message), &key, &from, &world.header()),
        serde_json::to_value(in_two(&message)).unwrap(),
    );

    let (note, header) = note(world);
    let hers = note.from.clone();
    let sign = note.sign(world.link.sign.signer(), &holder_kid(&world.link.address()));
    let by_holder = input(&sign, world.link.sign.public_for().key(), &hers, &header);
    book.good(
        "note without attachment, signed by a holder",
        "message.verify",
        by_holder,
        serde_json::to_value(&note).unwrap(),
    );

    let sign = |payload: &[u8], typ: &str| {
        b(Object::sign(
            world.message_key().signer(),
            &world.org_kid("m1"),
            typ,
            payload,
        )
        .as_bytes())
    };
    let payload = serde_json::to_value(&message).unwrap();
    let signed = |members: Value| json!({"message": sign(with(&payload, members).to_string().as_bytes(), MESSAGE_TYP)});
    let header = |change: &dyn Fn(&mut Header)| {
        let mut header = world.header();
        change(&mut header);
        json!({"header": b(header.encode())})
    };
    let body = with(&payload["body"], json!({"score": 7}));
    let object = world.signed_message();
    let bytes = object.as_bytes();
    for (because, members, error) in [
        (
            "in an envelope to another address",
            header(&|h| h.to = AddressId::new([1; 32])),
            "ReAddressed",
        ),
        (
            "in an envelope of another hub",
            header(&|h| h.hub = HubId::new([1; 32])),
            "ReAddressed",
        ),
        (
            "in an envelope that commits to other papers",
            header(&|h| h.commit = Sha256Hash::new([1; 32])),
            "OtherCommit",
        ),
        (
            "from another organisation than the link's",
            json!({"from": From::Org(OrgId::new([1; 32]))}),
            "OtherSender",
        ),
        (
            "from an organisation where a holder is expected",
            json!({"from": hers}),
            "OtherSender",
        ),
        (
            "signed by another key",
            json!({"key": secret::<MessageKey>(0x77).public_for().key()}),
            "Signature(BadSignature)",
        ),
        (
            "a bit of the signature is changed",
            json!({"message": b(flipped(bytes, bytes.len() - 1))}),
            "Signature(BadSignature)",
        ),
        (
            "of another typ",
            json!({"message": sign(payload.to_string().as_bytes(), "denizen-pass+json")}),
            "Signature(OtherType)",
        ),
        (
            "of an unknown type",
            signed(json!({"type": "person/search"})),
            "Malformed",
        ),
        (
            "a body with an unknown member",
            signed(json!({"body": body})),
            "Malformed",
        ),
        (
            "the body of one record in a message of several",
            signed(json!({"type": "records/issue"})),
            "Malformed",
        ),
        ("without an id", signed(json!({"id": null})), "Malformed"),
        (
            "written for another suite",
            signed(json!({"to": with(&payload["to"], json!({"suite": 2}))})),
            "ReAddressed",
        ),
        (
            "an attachment's salt is changed and signed again",
            signed(
                json!({"attachments": [with(&payload["attachments"][0], json!({"salt": b([0; 32])})), payload["attachments"][1]]}),
            ),
            "OtherCommit",
        ),
        (
            "the attachments change places",
            signed(json!({"attachments": [payload["attachments"][1], payload["attachments"][0]]})),
            "OtherCommit",
        ),
    ] {
        book.bad(because, "message.verify", with(&good, members), error);
    }
    book
}

/// A holder's note to the organisation, and its envelope's header.
fn note(world: &World) -> (Message, Header) {
    let mut note = world.message();
    note.id = MessageId::new([0xd2; 16]);
    note.thid = Some(MessageId::new([0xd0; 16]));
    note.from = From::Holder(HubAddress {
        hub: world.hub,
        address: world.link.address(),
    });
    note.to.address = world.inbox();
    note.body = Body::Note(Text {
        text: "Рахмат".into(),
    });
    note.attachments = Vec::new();
    note.commit_salt = Some(Nonce::new([0x53; 32]));
    note.seen = vec![denizen_model::Sha256Hash::of(
        world.signed_message().as_bytes(),
    )];
    let header = Header {
        to: world.inbox(),
        commit: note.commit(),
        ..world.header()
    };
    (note, header)
}
