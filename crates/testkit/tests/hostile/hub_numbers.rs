//! Numbers beyond what a database holds, in signed requests: refused, and the hub goes on. Limits on
//! what needs no pass.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::{
    ProblemKind, Transport as _,
    client::ClientError,
    wire::{Accept, ChangeAccepts, WrappedRoot},
};
use denizen_model::{
    Nonce,
    id::Bytes,
    pass::{Pass, PassUse},
    statement::{SERVICE_TYP, ServiceEntry, full_kid, sign_entry},
};
use denizen_testkit::{Office, Person, World, catalogue};

/// Somebody else is served as before.
async fn assert_serves(world: &mut World) {
    let other = Person::make(&mut world.rng).own_address();
    world.register(&other).await;
}

#[tokio::test]
async fn a_version_beyond_every_row_is_a_conflict() {
    let mut world = World::make(901).await;
    let own = Person::make(&mut world.rng).own_address();
    world.register(&own).await;
    for version in [u64::MAX, i64::MAX as u64 + 1, i64::MAX as u64, 2] {
        let change = ChangeAccepts {
            version,
            accepts: vec![Accept::SelfOnly(true)],
            frozen: false,
        };
        let client = world.client();
        let refused = client
            .change_accepts(&change, &own.keys.auth, world.now())
            .await;
        let conflict = ClientError::Problem(ProblemKind::Conflict);
        assert_eq!(refused.unwrap_err(), conflict);
    }
    assert_serves(&mut world).await;
}

#[tokio::test]
async fn a_position_beyond_every_row_is_not_found() {
    let mut world = World::make(902).await;
    let own = Person::make(&mut world.rng).own_address();
    world.register(&own).await;
    for pos in [u64::MAX, i64::MAX as u64 + 1, i64::MAX as u64] {
        let refused = world.client().erase(&own.keys.auth, pos, world.now()).await;
        let not_found = ClientError::Problem(ProblemKind::NotFound);
        assert_eq!(refused.unwrap_err(), not_found);
    }
    assert_serves(&mut world).await;
}

#[tokio::test]
async fn nothing_lies_after_a_position_beyond_every_row() {
    let mut world = World::make(903).await;
    let own = Person::make(&mut world.rng).own_address();
    world.register(&own).await;
    let client = world.client();
    let after = Some(u64::MAX);
    let got = client.fetch(&own.keys.auth, after, 0, world.now()).await;
    assert!(got.unwrap().items.is_empty());
    assert_serves(&mut world).await;
}

#[tokio::test]
async fn a_quota_beyond_every_row_is_refused() {
    let mut world = World::make(904).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let mut address = person.link_address(1, &office, &mut world.rng);
    let nonce = Nonce::make(&mut world.rng);
    let pass = Pass {
        quota: u64::MAX,
        ..office.pass(PassUse::Register, nonce)
    };
    address.registration.pass = Some(office.sign_pass(&pass));
    let client = world.client();
    let refused = client
        .register(&address.registration, &address.keys.auth, world.now())
        .await;
    let refusal = ClientError::Problem(ProblemKind::PassRefused);
    assert_eq!(refused.unwrap_err(), refusal);
    assert_serves(&mut world).await;
}

#[tokio::test]
async fn a_tile_beyond_every_log_is_not_found() {
    let world = World::make(905).await;
    let url = &world.house().url;
    let index = "x036/x028/x797/x018/x963/968";
    for path in [format!("0/{index}"), format!("63/{index}")] {
        let request = http::Request::get(format!("{url}/log/deposits/tile/{path}"));
        let answer = world.wire.send(request.body(Vec::new()).unwrap()).await;
        assert_eq!(answer.unwrap().status(), http::StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn wrapped_roots_have_a_limit_a_minute() {
    let mut world = World::make(906).await;
    world.stop_hub(0);
    world.houses[0].config.roots_a_minute = 2;
    world.start_hub(0).unwrap();
    let own = Person::make(&mut world.rng).own_address();
    let root = WrappedRoot {
        wrapped: Bytes(vec![1; 64]),
        owner: own.registration.auth.clone(),
    };
    let locators: Vec<_> = (0..3).map(|n| Nonce::new([n; 32])).collect();
    let client = world.client();
    for locator in [&locators[0], &locators[0], &locators[1]] {
        client.put_root(locator, &root).await.unwrap();
    }
    let refused = client.put_root(&locators[2], &root).await.unwrap_err();
    assert_eq!(refused, ClientError::Problem(ProblemKind::RateLimited));
    world.clock.advance_s(60);
    client.put_root(&locators[2], &root).await.unwrap();
}

fn service(office: &Office, version: u32, world: &World) -> Vec<u8> {
    let catalogue = catalogue();
    let mut service = catalogue
        .service("urn:denizen:service:work-permit")
        .unwrap()
        .clone();
    service.version = version;
    let entry = ServiceEntry {
        v: 1,
        org: office.id,
        service,
        created: world.now(),
    };
    let kid = full_kid(&office.id.into(), "message-1");
    sign_entry(&entry, SERVICE_TYP, office.message.signer(), &kid).into_bytes()
}

#[tokio::test]
async fn an_organisation_logs_only_so_many_services_a_day() {
    let mut world = World::make(907).await;
    world.stop_hub(0);
    world.houses[0].config.services_a_day = 2;
    world.start_hub(0).unwrap();
    let office = world.office("Office", &[]).await;
    let client = world.client();
    let entries: Vec<_> = (11..14).map(|v| service(&office, v, &world)).collect();
    for entry in [&entries[0], &entries[0], &entries[1]] {
        client.post_entries(&[entry]).await.unwrap();
    }
    let refused = client.post_entries(&[&entries[2]]).await.unwrap_err();
    assert_eq!(refused, ClientError::Problem(ProblemKind::RateLimited));
    let told = world.wire.exchanges();
    let left_s = 86_400 - world.now().0.rem_euclid(86_400);
    let wait = format!("retry-after: {left_s}");
    assert!(told.last().unwrap().headers.contains(&wait), "{left_s}");
    let other = world.office("Other", &[]).await;
    let theirs = service(&other, 1, &world);
    client.post_entries(&[&theirs]).await.unwrap();
}
