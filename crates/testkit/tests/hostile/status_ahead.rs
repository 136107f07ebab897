//! A status list that is signed in the future: whoever reads it does not take it for fresh.
#![allow(clippy::unwrap_used)]

use denizen_api::wire::STATUS_READ_AHEAD_S_MAX;
use denizen_credential::{
    STATUS_LIST_ENTRIES_MIN, Status, StatusList, StatusRef, Taken, status_uri,
};
use denizen_gateway::{Freshness as Known, Trust as OfGateway};
use denizen_holder::{Freshness, Trust};
use denizen_model::{UnixTime, statement::full_kid};
use denizen_testkit::{Office, World};

const IDX: u64 = 5;

/// The office's list, with one credential in a state, signed at this time.
fn token(office: &Office, status: Status, iat: i64) -> String {
    let mut list = StatusList::new(STATUS_LIST_ENTRIES_MIN);
    list.set(IDX, status).unwrap();
    let kid = full_kid(&office.id.into(), "status-1");
    list.sign(&uri(office), iat, 3600, &kid, office.status.signer())
}

fn uri(office: &Office) -> String {
    status_uri(&office.id.to_text(), "1")
}

#[tokio::test]
async fn a_person_takes_no_list_from_the_future_and_a_later_one_of_now_all_the_same() {
    let mut world = World::make(725).await;
    let office = world.office("Office", &[]).await;
    let (hub, now, uri) = (world.house().id, world.now(), uri(&office));
    let (late, ahead) = (now.plus_s(100), now.0 + STATUS_READ_AHEAD_S_MAX);
    let of = StatusRef {
        idx: IDX,
        uri: uri.clone(),
    };
    let mut trust = Trust::default();
    let directory = world.client().directory().await.unwrap();
    trust.add_directory(&hub, directory, now).unwrap();
    let far = token(&office, Status::Valid, ahead + 1);
    assert_eq!(trust.add_status(&uri, &far, &hub, now), None);
    let seen = trust.status(Some(&of), now);
    assert_eq!((seen.freshness, seen.as_of), (Freshness::Unknown, None));
    // It keeps no list of now out.
    let withdrawn = token(&office, Status::Invalid, now.0 + 1);
    let taken = trust.add_status(&uri, &withdrawn, &hub, late);
    assert_eq!(taken, Some(Taken::Newest));
    let seen = trust.status(Some(&of), late);
    assert_eq!(
        (seen.status, seen.freshness),
        (Status::Invalid, Freshness::Fresh)
    );
    // A clock that is a little behind is nobody's fault; one that went back says so.
    let taken = trust.add_status(&uri, &token(&office, Status::Invalid, ahead), &hub, now);
    assert_eq!(taken, Some(Taken::Newest));
    assert_eq!(trust.status(Some(&of), now).freshness, Freshness::Fresh);
    let back = trust.status(Some(&of), now.plus_s(-1));
    assert_eq!(
        (back.status, back.freshness),
        (Status::Invalid, Freshness::Ahead)
    );
}

#[tokio::test]
async fn a_gateway_takes_no_list_from_the_future_either() {
    let mut world = World::make(726).await;
    let office = world.office("Office", &[]).await;
    let (hub, now, uri) = (world.house().id, world.now(), uri(&office));
    let ahead = now.0 + STATUS_READ_AHEAD_S_MAX;
    let of = StatusRef {
        idx: IDX,
        uri: uri.clone(),
    };
    let directory = world.client().directory().await.unwrap();
    let mut trust = OfGateway::of(directory, &hub, None, now).unwrap();
    let far = token(&office, Status::Invalid, ahead + 1);
    assert_eq!(trust.add_status(&uri, &far, now), None);
    assert_eq!(
        trust.status(Some(&of), now),
        (Status::Valid, Known::Unknown)
    );
    let taken = trust.add_status(&uri, &token(&office, Status::Invalid, ahead), now);
    assert_eq!(taken, Some(Taken::Newest));
    assert_eq!(
        trust.status(Some(&of), now),
        (Status::Invalid, Known::Fresh)
    );
    let back = trust.status(Some(&of), now.plus_s(-1));
    assert_eq!(back, (Status::Invalid, Known::Ahead));
    // It was started anew with a clock that went back: it keeps what it had, and nothing older undoes it.
    let directory = world.client().directory().await.unwrap();
    let mut again = OfGateway::of(directory, &hub, None, now).unwrap();
    again.keep_status(&uri, &token(&office, Status::Invalid, ahead + 1), now);
    let known = again.status(Some(&of), now);
    assert_eq!(known, (Status::Invalid, Known::Ahead));
    let older = token(&office, Status::Valid, now.0 - 10);
    assert_eq!(again.add_status(&uri, &older, now), Some(Taken::Beside));
    assert_eq!(again.status(Some(&of), now), known);
}

/// An issuer's clock and the readers' were a year ahead, and a list came; then all clocks are right.
#[tokio::test]
async fn a_list_of_a_year_ahead_hides_no_later_withdrawal_from_a_person_or_a_gateway() {
    let mut world = World::make(727).await;
    let office = world.office("Office", &[]).await;
    let (hub, now, uri) = (world.house().id, world.now(), uri(&office));
    let wrong = now.plus_s(365 * UnixTime::DAY_S);
    let of = StatusRef {
        idx: IDX,
        uri: uri.clone(),
    };
    let first = token(&office, Status::Valid, wrong.0);
    let withdrawn = token(&office, Status::Invalid, now.0);
    let directory = world.client().directory().await.unwrap();
    let mut person = Trust::default();
    person.add_directory(&hub, directory.clone(), now).unwrap();
    let mut desk = OfGateway::of(directory.clone(), &hub, None, now).unwrap();
    for (token, at, taken) in [
        (&first, wrong, Taken::Newest),
        (&withdrawn, now, Taken::Beside),
    ] {
        assert_eq!(person.add_status(&uri, token, &hub, at), Some(taken));
        assert_eq!(desk.add_status(&uri, token, at), Some(taken));
    }
    for at in [now, wrong] {
        let seen = person.status(Some(&of), at).status;
        assert_eq!(seen, Status::Invalid);
        assert_eq!(desk.status(Some(&of), at).0, Status::Invalid);
    }
    // A gateway that begins anew reads both.
    let mut again = OfGateway::of(directory, &hub, None, now).unwrap();
    for token in [&first, &withdrawn] {
        again.keep_status(&uri, token, now);
    }
    let known = again.status(Some(&of), now);
    assert_eq!(known, (Status::Invalid, Known::Ahead));
}
