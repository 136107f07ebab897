//! Two people draw the same message id: each has a case and a dispute of her own, nothing stops.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_holder::Confirmed;
use denizen_testkit::{
    AZIZA, GULAB, Play, Rng,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, WORK_PERMIT},
};
use rand_core::SeedableRng as _;

const BOTH: [&str; 2] = ["aziza", "gulab"];

#[tokio::test]
async fn two_applications_with_one_message_id_are_two_cases() {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::with(910, &offices).await;
    for persona in [AZIZA, GULAB] {
        play.arrive(persona).await;
        for office in &offices[..3] {
            play.link(persona.name, office).await;
        }
        play.link_open(persona.name, &IMMIGRATION).await;
    }
    for office in &offices[..3] {
        play.fill(office).await;
    }
    let now = play.world.now();
    let mut ids = Vec::new();
    for me in BOTH {
        let answers = play.people[me].persona.answers();
        let preview = play.preview(me, WORK_PERMIT, answers).unwrap();
        let confirmed = Confirmed {
            special: preview.special(),
            linkable: false,
        };
        let mut rng = Rng::seed_from_u64(4242);
        let holder = &mut play.people.get_mut(me).unwrap().holder;
        ids.push(holder.apply(&preview, &confirmed, now, &mut rng).unwrap());
        holder.send(&play.world.wire, now).await.unwrap();
    }
    assert_eq!(ids[0], ids[1]);
    let gateway = play.gateways.get_mut("immigration").unwrap();
    let rng = &mut play.world.rng;
    for _ in 0..2 {
        let synced = gateway.sync(&play.world.wire, 0, now, rng).await;
        synced.unwrap();
    }
    assert_eq!(gateway.queue().unwrap().len(), 2);
}

#[tokio::test]
async fn two_disputes_with_one_message_id_are_two_disputes() {
    let mut play = Play::with(951, &[BORDER]).await;
    for persona in [AZIZA, GULAB] {
        play.arrive(persona).await;
        play.link(persona.name, &BORDER).await;
    }
    play.fill(&BORDER).await;
    let now = play.world.now();
    let mut ids = Vec::new();
    for me in BOTH {
        let kept = play.records(me)[0].kept;
        let mut rng = Rng::seed_from_u64(77);
        let holder = &mut play.people.get_mut(me).unwrap().holder;
        let with = (now, &mut rng as &mut dyn rand_core::CryptoRng);
        ids.push(holder.dispute(&kept, vec![], "wrong", &[], with).unwrap());
        holder.send(&play.world.wire, now).await.unwrap();
    }
    assert_eq!(ids[0], ids[1]);
    let gateway = play.gateways.get_mut("border").unwrap();
    let synced = gateway.sync(&play.world.wire, 0, now, &mut play.world.rng);
    synced.await.unwrap();
    assert_eq!(play.disputes("border").len(), 2);
}
