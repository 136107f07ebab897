//! After an attack: what facts have mended is over and kept with both times; what shows a lie stays.

use denizen_api::{
    client::RequestSigner,
    wire::{FetchAnswer, Fetched},
};
use denizen_credential::{STATUS_LIST_ENTRIES_MIN, Status, StatusList, status_uri};
use denizen_evil::{HubHand, Paper, Scene, address_in, issued};
use denizen_holder::{DeviceClock, Event};
use denizen_model::statement::full_kid;
use denizen_testkit::Exchange;

/// Codes of alarms that need her.
fn open(s: &Scene) -> Vec<String> {
    let open = s.holder.profile().open_alarms();
    open.map(|a| a.code.clone()).collect()
}

/// The hub tells the truth again.
fn truth(s: &Scene) {
    s.world.wire.lie(|_| None);
}

/// She syncs under a lie, and a minute later without it: the alarm is there, then over.
async fn is_over(s: &mut Scene, code: &str) {
    let seen = s.world.now();
    // The same alarm is raised once.
    for _ in 0..2 {
        let _told = s.sync().await;
    }
    assert_eq!(open(s), [code]);
    s.world.clock.advance_s(60);
    truth(s);
    let events = s.sync().await.unwrap().events;
    let over = Event::AlarmOver {
        code: code.to_owned(),
    };
    assert!(events.contains(&over), "{events:?}");
    assert_eq!(open(s), Vec::<String>::new());
    let alarm = &s.holder.profile().alarms[0];
    assert_eq!((alarm.at, alarm.over), (seen, Some(s.world.now())));
    assert_eq!(s.alarms(), [code], "it did not vanish");
    // It is told once.
    assert_eq!(s.sync().await.unwrap().events, []);
}

#[tokio::test]
async fn a_list_that_was_refused_is_over_when_a_good_one_of_that_name_came() {
    let mut s = Scene::make(301).await;
    let (org, now) = (s.desk.office.id, s.world.now());
    let paper = Paper {
        idx: 5,
        ..s.paper()
    };
    let text = issued(&paper, &mut s.world.rng);
    s.send_record(&[(None, text)]).await;
    let kid = full_kid(&org.into(), "status-1");
    let uri = status_uri(&org.to_text(), "1");
    let mut list = StatusList::new(STATUS_LIST_ENTRIES_MIN);
    list.set(5, Status::Suspended).unwrap();
    let good = list.sign(&uri, now.0, 3600, &kid, s.desk.office.status.signer());
    let keyid = s.desk.office.deposit_keyid();
    let signer = RequestSigner::organisation(&s.desk.office.deposit, &keyid);
    let client = s.world.client();
    let put = client.put_status(&org, "1", &good, signer, now).await;
    put.unwrap();
    s.world.wire.lie(|e: &Exchange| {
        let list = e.path().starts_with("/v1/status/");
        list.then(|| b"no list".to_vec())
    });
    is_over(&mut s, "status-list-refused").await;
    let records = s.holder.records(s.world.now());
    assert_eq!(records[0].status.status, Status::Suspended);
}

#[tokio::test]
async fn what_the_hub_held_back_is_over_when_it_came() {
    let mut s = Scene::make(302).await;
    s.desk.note(&mut s.world, "one").await;
    s.lie_in_fetch(&s.link(), |answer, _| answer.items.clear());
    is_over(&mut s, "withheld").await;
    assert_eq!(s.notes(), ["one"]);
}

/// The hub signed an end that it never shows, and then a smaller one, as if nothing more had been there.
#[tokio::test]
async fn a_smaller_head_ends_no_alarm() {
    let mut s = Scene::make(306).await;
    let hand = HubHand::of(&s.world);
    s.lie_in_fetch(&s.link(), move |answer, _| {
        hand.sign_head(answer, |head| head.pos_max = head.pos_max.map(|p| p + 2));
    });
    let _told = s.sync().await;
    assert_eq!(open(&s), ["withheld"]);
    truth(&s);
    s.sync().await.unwrap();
    assert_eq!(open(&s), ["withheld"]);
    // One of the two came: not yet all that was signed.
    s.desk.note(&mut s.world, "one").await;
    s.sync().await.unwrap();
    assert_eq!(open(&s), ["withheld"]);
    s.desk.note(&mut s.world, "two").await;
    s.sync().await.unwrap();
    assert_eq!(open(&s), Vec::<String>::new());
}

#[tokio::test]
async fn a_message_that_was_dropped_and_an_older_state_stay() {
    let mut s = Scene::make(303).await;
    s.desk.note(&mut s.world, "one").await;
    s.desk.note(&mut s.world, "two").await;
    let dropped = s.held(1).await.len() as u64 - 2;
    s.hub_leaves_out(1, |item: &Fetched| item.pos() != dropped)
        .await;
    s.sync().await.unwrap();
    assert_eq!(open(&s), ["withheld"]);
    truth(&s);
    let _ = s.sync().await;
    assert!(open(&s).contains(&"withheld".to_owned()));

    let mut s = Scene::make(304).await;
    let link = s.link();
    let exchanges = s.world.wire.exchanges();
    let mut earlier = exchanges
        .iter()
        .rev()
        .filter(|e| address_in(e, &link).is_some());
    let earlier = earlier
        .find_map(|e| FetchAnswer::decode(&e.answer))
        .unwrap();
    s.desk.note(&mut s.world, "one").await;
    s.lie_in_fetch(&link, move |answer, _| {
        answer.head.clone_from(&earlier.head);
        answer.checkpoint.clone_from(&earlier.checkpoint);
        answer.items.clear();
    });
    assert!(s.sync().await.is_err());
    truth(&s);
    s.settle().await;
    assert_eq!(open(&s), ["older-state"]);
    assert_eq!(s.notes(), ["one"]);
}

/// A hub that dates its heads a year ahead, so that her clock looks wrong and she fetches nothing any more.
#[tokio::test]
async fn a_hub_alone_does_not_make_her_clock_look_behind() {
    let mut s = Scene::make(305).await;
    let (hand, now) = (HubHand::of(&s.world), s.world.now());
    s.lie_in_fetch(&s.link(), move |answer, _| {
        hand.sign_head(answer, |head| head.time = head.time.plus_s(365 * 86_400));
    });
    s.sync().await.unwrap();
    assert_eq!(s.holder.profile().time_come, now);
    assert_eq!(s.holder.clock(now), DeviceClock::Plausible);
    // Nor does her clock alone, for as long as the hub's says what it is.
    truth(&s);
    let (wire, later) = (s.world.wire.clone(), now.plus_s(365 * 86_400));
    let ahead = s.holder.sync(&wire, 0, later, &mut s.world.rng).await;
    assert!(ahead.is_err());
    assert_eq!(s.holder.profile().time_come, now);
    s.sync().await.unwrap();
    assert_eq!(open(&s), Vec::<String>::new());
}
