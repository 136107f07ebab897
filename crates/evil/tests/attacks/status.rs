//! Status lists (R21): her paper was withdrawn, and somebody wants it to look good, or to see who asks.

use denizen_api::client::RequestSigner;
use denizen_credential::{
    STATUS_LIST_ENTRIES_MIN, Status, StatusList, StatusRef, Taken, status_uri,
};
use denizen_evil::{Outcome, Paper, Scene, attacks, issued, stopped};
use denizen_holder::{Freshness, Trust};
use denizen_jose::Signer;
use denizen_model::{OrgId, SecretKeyFor, key::Status as StatusKey, statement::full_kid};
use denizen_testkit::Exchange;

const IDX: u64 = 5;

/// A list of an office, with her paper in a state, as its status key signs it.
fn token(org: &OrgId, key: &dyn Signer, list: &str, status: Status, iat: i64) -> String {
    let mut entries = StatusList::new(STATUS_LIST_ENTRIES_MIN);
    entries.set(IDX, status).unwrap();
    let kid = full_kid(&(*org).into(), "status-1");
    entries.sign(&status_uri(&org.to_text(), list), iat, 3600, &kid, key)
}

/// A person whose paper was withdrawn, and the list of before that.
struct Withdrawn {
    s: Scene,
    org: OrgId,
    good: String,
}

impl Withdrawn {
    /// She has a paper; the office has withdrawn it, and she knows.
    async fn make(seed: u64) -> Self {
        let mut s = Scene::make(seed).await;
        let (org, now) = (s.desk.office.id, s.world.now().0);
        let paper = Paper {
            idx: IDX,
            ..s.paper()
        };
        let text = issued(&paper, &mut s.world.rng);
        s.send_record(&[(None, text)]).await;
        let good = token(
            &org,
            s.desk.office.status.signer(),
            "1",
            Status::Valid,
            now - 10,
        );
        let bad = token(
            &org,
            s.desk.office.status.signer(),
            "1",
            Status::Invalid,
            now,
        );
        for token in [&good, &bad] {
            let keyid = s.desk.office.deposit_keyid();
            let signer = RequestSigner::organisation(&s.desk.office.deposit, &keyid);
            let (client, now) = (s.world.client(), s.world.now());
            client
                .put_status(&org, "1", token, signer, now)
                .await
                .unwrap();
            s.sync().await.unwrap();
        }
        assert_eq!(status(&s), Status::Invalid);
        assert_eq!(s.told(), None);
        Self { s, org, good }
    }

    /// The hub gives this list instead.
    async fn given(mut self, token: String) -> Outcome {
        let path = format!("/v1/status/{}/1", self.org.to_text());
        let answer = move |e: &Exchange| (e.path() == path).then(|| token.clone().into_bytes());
        self.s.world.wire.lie(answer);
        self.s.sync().await.unwrap();
        if let Some(told) = self.s.told() {
            assert_eq!(status(&self.s), Status::Invalid, "what was known stays");
            return told;
        }
        assert_eq!(
            status(&self.s),
            Status::Valid,
            "a withdrawn paper looks good"
        );
        Outcome::Harm
    }
}

fn status(s: &Scene) -> Status {
    s.holder.records(s.world.now())[0].status.status
}

attacks! {
    /// The hub signs a list of its own for the office.
    65 "R21" [StatusSignature] stopped("status-list-refused");
    async fn the_hub_makes_a_status_list() -> Outcome {
        let mut w = Withdrawn::make(65).await;
        let own = SecretKeyFor::<StatusKey>::make(&mut w.s.world.rng);
        let forged = token(&w.org, own.signer(), "1", Status::Valid, w.s.world.now().0);
        w.given(forged).await
    }

    /// The hub gives another list of the same office.
    66 "R21" [StatusList] stopped("status-list-refused");
    async fn another_list_of_the_office_is_given() -> Outcome {
        let w = Withdrawn::make(66).await;
        let (org, now) = (w.org, w.s.world.now().0);
        let other = token(&org, w.s.desk.office.status.signer(), "2", Status::Valid, now);
        w.given(other).await
    }

    /// The hub gives the list of before the paper was withdrawn.
    67 "R21" [StatusNotOlder] stopped("status-list-refused");
    async fn an_older_list_is_given() -> Outcome {
        let w = Withdrawn::make(67).await;
        let older = w.good.clone();
        w.given(older).await
    }

    /// The hub gives a list that the office signed while its clock was a year ahead.
    81 "R21" [StatusNotAhead] stopped("status-list-refused");
    async fn a_list_from_the_future_is_given() -> Outcome {
        let w = Withdrawn::make(81).await;
        let ahead = w.s.world.now().plus_s(365 * 86_400).0;
        let list = token(&w.org, w.s.desk.office.status.signer(), "1", Status::Valid, ahead);
        w.given(list).await
    }

    /// A thief of the status key makes a list so small that whoever fetches it is known, and that says
    /// nothing of her paper.
    68 "R21" [StatusSize] stopped("status-list-refused");
    async fn a_list_for_one_person_is_given() -> Outcome {
        let w = Withdrawn::make(68).await;
        let kid = full_kid(&w.org.into(), "status-1");
        let (uri, now) = (status_uri(&w.org.to_text(), "1"), w.s.world.now().0);
        let small = StatusList::from_bytes(vec![0, 0]);
        let small = small.sign(&uri, now, 3600, &kid, w.s.desk.office.status.signer());
        w.given(small).await
    }

    /// An issuer points at the list of somebody else, who then sees when she asks.
    69 "R21" [StatusOfIssuer] stopped("record-malformed");
    async fn a_paper_points_at_somebody_elses_list() -> Outcome {
        let mut s = Scene::make(69).await;
        let other = s.world.office("Watcher", &[]).await;
        let status = StatusRef { idx: IDX, uri: status_uri(&other.id.to_text(), "1") };
        let text = denizen_evil::issued_at(&s.paper(), status, &mut s.world.rng);
        s.send_record(&[(None, text)]).await;
        s.sync().await.unwrap();
        if let Some(told) = s.refused() {
            return told;
        }
        let asked = s.world.wire.exchanges();
        let watcher = other.id.to_text();
        assert!(asked.iter().any(|e| e.path().contains(&watcher)), "she asked the watcher");
        Outcome::Harm
    }
}

/// Her phone's battery was empty, its clock went back, and her program begins anew: what was known stays, is
/// said to be ahead of the clock, and no older list of a hub undoes it.
#[tokio::test]
async fn a_clock_that_went_back_forgets_no_withdrawal() {
    let mut w = Withdrawn::make(82).await;
    w.s.world.clock.advance_s(7200);
    let (hub, now) = (w.s.world.house().id, w.s.world.now());
    let key = w.s.desk.office.status.signer();
    let list = token(&w.org, key, "1", Status::Invalid, now.0);
    let path = format!("/v1/status/{}/1", w.org.to_text());
    let answer = move |e: &Exchange| (e.path() == path).then(|| list.clone().into_bytes());
    w.s.world.wire.lie(answer);
    w.s.sync().await.unwrap();
    let back = now.plus_s(-3600);
    let mut trust = Trust::of(w.s.holder.profile(), back);
    let uri = status_uri(&w.org.to_text(), "1");
    let of = StatusRef {
        idx: IDX,
        uri: uri.clone(),
    };
    let known = |trust: &Trust, now| {
        let view = trust.status(Some(&of), now);
        (view.status, view.freshness)
    };
    assert_eq!(known(&trust, back), (Status::Invalid, Freshness::Ahead));
    let key = w.s.desk.office.status.signer();
    let older = token(&w.org, key, "1", Status::Valid, back.0 - 10);
    assert_eq!(
        trust.add_status(&uri, &older, &hub, back),
        Some(Taken::Beside)
    );
    assert_eq!(known(&trust, back), (Status::Invalid, Freshness::Ahead));
    // The list shows what the program shows.
    let shown = w.s.holder.records(back);
    assert_eq!(shown[0].status.status, Status::Invalid);
    assert_eq!(shown[0].status.freshness, Freshness::Ahead);
    // The clock is right again.
    assert_eq!(known(&trust, now), (Status::Invalid, Freshness::Fresh));
    let newer = token(&w.org, key, "1", Status::Suspended, now.0 + 1);
    assert_eq!(
        trust.add_status(&uri, &newer, &hub, now),
        Some(Taken::Newest)
    );
}
