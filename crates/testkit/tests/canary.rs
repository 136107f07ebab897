//! The canary sings: a leak planted in each place is found, and a clean world has none.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use denizen_api::wire::WrappedRoot;
use denizen_model::{
    Nonce, OrgId,
    envelope::{ENC_SIZE_BYTES, Envelope, SIZE_CLASSES_BYTES, TAG_SIZE_BYTES},
    id::Bytes,
};
use denizen_testkit::{
    Person, World,
    office::{deposit_of, header_of},
};

async fn world(seed: u64, mark: &str) -> World {
    let mut world = World::make(seed).await;
    world.marks.add("name", mark);
    world
}

async fn places(world: &World) -> Vec<String> {
    world
        .find_marks()
        .await
        .into_iter()
        .map(|f| f.to_string())
        .collect()
}

#[tokio::test]
async fn a_clean_world_has_no_mark() {
    let mut world = world(1, "Rano Canary-Clean").await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    world.marks.add("root", person.root.danger_bytes());
    let address = person.link_address(1, &office, &mut world.rng);
    world.register(&address).await;
    let note = world.note(&office, &address, "Dear Rano Canary-Clean");
    world.deposit(&office, &[note]).await.unwrap();
    world.assert_no_mark().await;
    world.assert_addresses_unspoken(&[address.id()]).await;
}

#[tokio::test]
async fn a_mark_in_a_row_is_found_in_the_write_ahead_log_and_in_the_database() {
    let mut world = world(2, "Rano Canary-Row").await;
    let path = world.house().config.database.clone();
    let mut db = denizen_store::hub::open(&path).unwrap();
    db.begin().unwrap();
    let token = STANDARD.encode("x Rano Canary-Row");
    db.put_status(&OrgId::new([1; 32]), "1", &token).unwrap();
    db.commit().unwrap();
    let found = places(&world).await;
    assert!(
        found.iter().any(|f| f.contains("(base64) in hub-0.db-wal")),
        "{found:?}"
    );
    drop(db);
    world.stop_hub(0);
    let found = places(&world).await;
    assert!(
        found.iter().any(|f| f.contains("(base64) in hub-0.db ")),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_mark_in_a_log_line_is_found() {
    let world = world(3, "Rano Canary-Line").await;
    tracing::debug!(person = "Rano Canary-Line", "a careless line");
    let found = places(&world).await;
    assert!(
        found
            .iter()
            .any(|f| f.contains("name (plain) in log lines")),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_mark_in_a_body_and_in_a_uri_is_found() {
    let mut world = world(4, "Rano Canary-Body").await;
    let person = Person::make(&mut world.rng).own_address();
    let root = WrappedRoot {
        wrapped: Bytes(b"Rano Canary-Body".to_vec()),
        owner: person.keys.auth.public_for(),
    };
    let client = world.client();
    client.put_root(&Nonce::new([1; 32]), &root).await.unwrap();
    let list = "Rano%20Canary-Body";
    assert_eq!(
        client.status(&OrgId::new([1; 32]), list).await.unwrap(),
        None
    );
    let found = places(&world).await;
    assert!(
        found
            .iter()
            .any(|f| f.contains("(base64") && f.contains("request of")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|f| f.contains("(percent-encoded) in URI")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|f| f.contains("(plain) in hub-0.db")),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_envelope_that_somebody_forgot_to_seal_is_found_on_the_wire_and_at_the_hub() {
    let mut world = world(6, "Rano Canary-Unsealed").await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let address = person.link_address(1, &office, &mut world.rng);
    world.register(&address).await;
    let message = office.note(
        address.to(office.hub),
        "Rano Canary-Unsealed",
        &mut world.rng,
    );
    let mut plain = office.sign(&message);
    plain.resize(SIZE_CLASSES_BYTES[0] + TAG_SIZE_BYTES, 0);
    let enc = vec![0; ENC_SIZE_BYTES];
    let envelope = Envelope::new(header_of(&message).encode(), enc, plain).unwrap();
    let item = deposit_of(&envelope, &mut world.rng);
    world.deposit(&office, &[item]).await.unwrap();
    let found = places(&world).await;
    for place in ["in request of", "in hub-0.db-wal"] {
        assert!(
            found.iter().any(|f| f.contains(place)),
            "{place}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_mark_in_a_file_of_a_gateway_is_found() {
    let world = world(5, "Rano Canary-Gateway").await;
    let folder = world.folder("gateway-x");
    std::fs::write(folder.join("a.db"), "..Rano Canary-Gateway..").unwrap();
    let found = world.find_marks_in(&world.marks, &folder);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "name (plain) in a.db at byte 2");
}
