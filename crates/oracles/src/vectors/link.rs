//! `link.md`: invitation, confirmation code, key-binding nonce.

use super::{
    Book, Outcome, array, b, bytes, directory, named, no_such, number, text, with,
    world::{HUB_IDENTITY, NOW, ORG_IDENTITY, VCT, World, org_statement, secret},
};
use denizen_jose::{Object, Portable, base64url_decode, base64url_encode};
use denizen_model::{
    MessageId, Nonce, OrgId, Sha256Hash, UnixTime, base45,
    invitation::{
        INVITATION_PREFIX, INVITATION_QR_PREFIX, INVITATION_QR_SIZE_BYTES_MAX, INVITATION_TYP,
        Invitation, UnverifiedInvitation, to_qr_text, to_text,
    },
    key::{Identity, Message},
    link::{code_commitment, confirmation_code, kb_audience, kb_nonce},
    statement::{SUSPENSION_TYP, Suspension, sign_entry},
};
use miniz_oxide::deflate::compress_to_vec;
use serde_json::{Value, json};

pub(super) fn run(op: &str, input: &Value) -> Outcome {
    match op {
        "invitation" => {
            let unverified = UnverifiedInvitation::parse(text(input, "text")).map_err(named)?;
            let directory = directory::verified(&input["directory"])?.directory;
            let now = UnixTime(number(input, "now").cast_signed());
            let verified = unverified
                .verify(&directory, &Portable, now)
                .map_err(named)?;
            Ok(json!({
                "invitation": verified.invitation,
                "register_pass": b(verified.register_pass),
                "deposit_pass": b(verified.deposit_pass),
            }))
        }
        "code" => {
            let accept = Sha256Hash::of(&bytes(input, "accept"));
            let holder = Nonce::new(array(input, "holder_challenge"));
            let org = Nonce::new(array(input, "org_challenge"));
            Ok(
                json!({"commitment": code_commitment(&holder), "code": confirmation_code(&accept, &holder, &org)}),
            )
        }
        "key_binding" => {
            let org = OrgId::new(array(input, "org"));
            let service = input["service"]
                .is_string()
                .then(|| Sha256Hash::new(array(input, "service")));
            let message = MessageId::new(array(input, "message"));
            let nonce = kb_nonce(&org, text(input, "purpose"), service.as_ref(), &message);
            Ok(json!({"aud": kb_audience(&org), "nonce": nonce}))
        }
        _ => no_such(),
    }
}

fn invitation(world: &World) -> Invitation {
    Invitation {
        v: 1,
        nonce: Nonce::new([0x71; 32]),
        org: world.org,
        hub: world.hub,
        hub_url: "https://hub.example".into(),
        identity: secret::<Identity>(ORG_IDENTITY).public_for(),
        statement: world.org.into(),
        purpose: "Your work permit".into(),
        sends: vec![VCT.into()],
        asks: vec!["urn:denizen:service:right-to-work-check".into()],
        case_reference: Some("A-123".into()),
        open: false,
        expires: NOW.plus_s(30 * UnixTime::DAY_S),
    }
}

fn handed_over(
    world: &World,
    invitation: &Invitation,
    key: &denizen_model::SecretKeyFor<Message>,
) -> String {
    let payload = serde_json::to_vec(invitation).unwrap();
    let object = Object::sign(key.signer(), &world.org_kid("m1"), INVITATION_TYP, &payload);
    let pass = |text: &[u8]| {
        Object::sign(
            world.pass_key().signer(),
            &world.org_kid("p1"),
            "denizen-pass+json",
            text,
        )
    };
    to_text(
        &object,
        &pass(b"{\"register\":1}"),
        &pass(b"{\"deposit\":1}"),
    )
}

pub(super) fn book(world: &World) -> Book {
    let mut book = Book::new("link");
    invitations(&mut book, world);
    let code = json!({"accept": b("a signed link/accept"), "holder_challenge": b([0x81; 32]), "org_challenge": b([0x82; 32])});
    for (name, members) in [
        ("six digits", json!({})),
        (
            "another challenge of the organisation",
            json!({"org_challenge": b([0x83; 32])}),
        ),
        ("digits with a leading zero", leading_zero(&code)),
    ] {
        let input = with(&code, members);
        let output = run("code", &input).unwrap();
        book.good(name, "link.code", input, output);
    }
    let service = Sha256Hash::of(world.directory()[4].as_bytes());
    let input = json!({"org": world.org, "purpose": "urn:denizen:service:right-to-work-check", "service": service, "message": b([0xd1; 16])});
    let output = json!({"aud": kb_audience(&world.org), "nonce": world.nonce()});
    book.good(
        "bound to a service version",
        "link.key_binding",
        input.clone(),
        output,
    );
    let without = with(&input, json!({"service": null, "purpose": "Просмотр"}));
    let output = run("key_binding", &without).unwrap();
    book.good(
        "for a purpose without a service",
        "link.key_binding",
        without,
        output,
    );
    book
}

fn leading_zero(code: &Value) -> Value {
    let found = (0..=u8::MAX)
        .map(|n| json!({"org_challenge": b([n; 32])}))
        .find(|members| {
            let output = run("code", &with(code, members.clone())).unwrap();
            text(&output, "code").starts_with('0')
        });
    found.unwrap()
}

fn invitations(book: &mut Book, world: &World) {
    let invited = invitation(world);
    let entries = world.directory();
    let handed = handed_over(world, &invited, &world.message_key());
    let good = json!({"text": handed, "directory": directory::input(world, &entries), "now": NOW});
    let output = run("invitation", &good).unwrap();
    assert_eq!(
        output["invitation"],
        serde_json::to_value(&invited).unwrap()
    );
    book.good(
        "with a case reference",
        "link.invitation",
        good.clone(),
        output,
    );
    let poster = Invitation {
        case_reference: None,
        open: true,
        ..invited.clone()
    };
    let poster = with(
        &good,
        json!({"text": format!(" {}\n", handed_over(world, &poster, &world.message_key()))}),
    );
    let output = run("invitation", &poster).unwrap();
    book.good(
        "a poster's, with white space around it",
        "link.invitation",
        poster,
        output,
    );
    codes(book, &good);

    let changed = |change: &dyn Fn(&mut Invitation)| {
        let mut changed = invited.clone();
        change(&mut changed);
        json!({"text": handed_over(world, &changed, &world.message_key())})
    };
    let hub_key = secret::<Identity>(HUB_IDENTITY);
    let suspension = Suspension {
        v: 1,
        org: world.org,
        reason: "example".into(),
        from: NOW,
    };
    let suspension = sign_entry(
        &suspension,
        SUSPENSION_TYP,
        hub_key.signer(),
        &world.hub_kid("identity"),
    );
    let suspended = directory::input(world, &[&entries[..], &[suspension]].concat());
    let unadmitted = directory::input(world, &entries[..2]);
    let mut longer = base64url_decode(handed.strip_prefix(INVITATION_PREFIX).unwrap()).unwrap();
    longer.push(0);
    let mut other = org_statement(world.hub);
    other.names.insert("en".into(), "Another office".into());
    let other = OrgId::from(Sha256Hash::of(
        other
            .sign(secret::<Identity>(ORG_IDENTITY).signer())
            .as_bytes(),
    ));
    for (because, members, error) in [
        ("expired", json!({"now": invited.expires.0 + 1}), "Expired"),
        (
            "cut in copying",
            json!({"text": &handed[..handed.len() - 8]}),
            "Malformed",
        ),
        (
            "a byte follows the array",
            json!({"text": format!("{INVITATION_PREFIX}{}", base64url_encode(longer))}),
            "Malformed",
        ),
        (
            "of another scheme",
            json!({"text": handed.replace("denizen:", "https:")}),
            "Malformed",
        ),
        ("of another version", changed(&|i| i.v = 2), "Malformed"),
        (
            "an identity key that is not the directory's",
            changed(&|i| i.identity = secret::<Identity>(0x77).public_for()),
            "OtherKeys",
        ),
        (
            "a statement that the directory does not have",
            changed(&|i| i.statement = Sha256Hash::new([1; 32])),
            "OtherKeys",
        ),
        (
            "an organisation that the directory does not have",
            changed(&|i| i.org = other),
            "NotInDirectory",
        ),
        (
            "another hub than the directory's",
            changed(&|i| i.hub = denizen_model::HubId::new([1; 32])),
            "NotInDirectory",
        ),
        (
            "an organisation that is not admitted",
            json!({"directory": unadmitted}),
            "NotInDirectory",
        ),
        (
            "an organisation that is suspended",
            json!({"directory": suspended}),
            "NotInDirectory",
        ),
        (
            "signed by a key that the organisation did not state",
            json!({"text": handed_over(world, &invited, &secret::<Message>(0x77))}),
            "Signature(BadSignature)",
        ),
    ] {
        book.bad(because, "link.invitation", with(&good, members), error);
    }
}

/// The same invitation as a QR code has it.
fn codes(book: &mut Book, good: &Value) {
    let handed = text(good, "text");
    let code = to_qr_text(handed).unwrap();
    let bytes = base64url_decode(handed.strip_prefix(INVITATION_PREFIX).unwrap()).unwrap();
    let packed = base45::decode(code.strip_prefix(INVITATION_QR_PREFIX).unwrap()).unwrap();
    let same = run("invitation", good).unwrap();
    let of = |text: String| with(good, json!({"text": text}));
    let qr = |bytes: &[u8]| format!("{INVITATION_QR_PREFIX}{}", base45::encode(bytes));
    for (name, text) in [
        ("as a QR code has it", code.clone()),
        (
            "of a QR code, in small letters",
            format!("{}\n", code.to_lowercase()),
        ),
        (
            "of a link whose beginning is in capitals",
            handed.replace(INVITATION_PREFIX, "DENIZEN:INVITE#"),
        ),
        (
            "of a QR code, in a block that is not compressed",
            qr(&compress_to_vec(&bytes, 0)),
        ),
    ] {
        book.good(name, "link.invitation", of(text), same.clone());
    }
    let zeros = compress_to_vec(&[0; INVITATION_QR_SIZE_BYTES_MAX + 1], 9);
    for (because, text) in [
        (
            "a QR code's text that was cut",
            code[..code.len() - 3].to_owned(),
        ),
        (
            "a QR code's text that was cut within a group",
            code[..code.len() - 1].to_owned(),
        ),
        (
            "a character that is not of the alphabet",
            format!("{};{}", &code[..20], &code[21..]),
        ),
        (
            "a group of base45 above 65535",
            format!("{INVITATION_QR_PREFIX}:::{}", &code[18..]),
        ),
        (
            "a byte after the last block",
            qr(&[&packed[..], &[0]].concat()),
        ),
        ("more bytes than are read", qr(&zeros)),
        (
            "base64url after the prefix of a QR code",
            handed.replace(INVITATION_PREFIX, INVITATION_QR_PREFIX),
        ),
        (
            "base45 after the other prefix",
            code.replace(INVITATION_QR_PREFIX, INVITATION_PREFIX),
        ),
    ] {
        book.bad(because, "link.invitation", of(text), "Malformed");
    }
}
