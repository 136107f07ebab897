//! An issuer that is suspended issues nothing new; what it issued before still counts (D1).
#![allow(clippy::unwrap_used)]

use denizen_model::UnixTime;
use denizen_testkit::{
    AZIZA, Play,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE},
};

#[tokio::test]
async fn papers_from_before_an_issuer_s_suspension_are_taken() {
    let offices = [BORDER, TEST_CENTRE, CLINIC, IMMIGRATION];
    let mut play = Play::settled(81, AZIZA, &offices).await;
    play.world.clock.advance_s(2 * UnixTime::DAY_S);
    let (issuer, now) = (play.gateway("border").id(), play.world.now());
    let suspension = play.world.house().suspension(issuer, now);
    let hub = play.world.house().hub();
    hub.append_entries(vec![suspension]).await.unwrap();
    play.world.clock.advance_s(3600);
    let immigration = play.gateways.get_mut("immigration").unwrap();
    let (wire, now) = (play.world.wire.clone(), play.world.now());
    let synced = immigration.sync(&wire, 0, now, &mut play.world.rng).await;
    synced.unwrap();

    let person = play.people.get_mut("aziza").unwrap();
    let service = denizen_testkit::play::WORK_PERMIT;
    let answers = person.persona.answers();
    let preview = play.preview("aziza", service, answers).unwrap();
    play.apply("aziza", &preview).unwrap();
    let person = play.people.get_mut("aziza").unwrap();
    person.holder.send(&wire, now).await.unwrap();
    let immigration = play.gateways.get_mut("immigration").unwrap();
    let synced = immigration.sync(&wire, 0, now, &mut play.world.rng).await;
    synced.unwrap();
    assert_eq!(immigration.queue().unwrap().len(), 1);
}
