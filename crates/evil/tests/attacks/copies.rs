//! Copies for showing: two verifiers find nothing in common (R18); and a record is its holder's.

use denizen_api::wire::{DepositOutcome, decode_batch, encode_outcomes};
use denizen_evil::{Outcome, Paper, Scene, attacks, issued, stopped};
use denizen_model::{
    CopyRef, UnixTime,
    envelope::Envelope,
    message::{ApplicationState::Filed, CopyKey},
};
use denizen_seal::AddressIndex;
use denizen_testkit::{
    AZIZA, Play, Rng,
    play::{BORDER, CLINIC, IMMIGRATION, TEST_CENTRE, WORK_PERMIT},
};
use rand_core::SeedableRng as _;

/// A copy for showing as it should be: its own key, place and salts, and only the day.
fn copy(s: &Scene, key: &CopyKey, idx: u64) -> Paper {
    Paper {
        cnf: key.key.clone(),
        idx,
        iat: s.world.now().day_start(),
        ..s.paper()
    }
}

/// The office issues a record with these two copies: salts from two seeds.
async fn two_copies(
    s: &mut Scene,
    bend: impl Fn(&mut [Paper; 2], &mut [CopyRef; 2], &mut [u64; 2]),
) -> Outcome {
    let keys = [s.accept.copy_keys[0].clone(), s.accept.copy_keys[1].clone()];
    let mut papers = [copy(s, &keys[0], 11), copy(s, &keys[1], 12)];
    let mut refs = [keys[0].copy_ref, keys[1].copy_ref];
    let mut seeds = [1, 2];
    bend(&mut papers, &mut refs, &mut seeds);
    let kept = issued(&s.paper(), &mut s.world.rng);
    let text = |at: usize| issued(&papers[at], &mut Rng::seed_from_u64(seeds[at]));
    let texts = [
        (None, kept),
        (Some(refs[0]), text(0)),
        (Some(refs[1]), text(1)),
    ];
    s.send_record(&texts).await;
    s.sync().await.unwrap();
    if let Some(told) = s.refused() {
        return told;
    }
    assert_eq!(
        s.holder.profile().records[0].copies.len(),
        2,
        "both would be shown"
    );
    Outcome::Harm
}

attacks! {
    /// An issuer puts one key into two copies: two verifiers who see it know that it is one person.
    44 "R18" [CopyOnce] stopped("record-malformed");
    async fn one_key_is_in_two_copies() -> Outcome {
        let mut s = Scene::make(44).await;
        two_copies(&mut s, |papers, refs, _| {
            papers[1].cnf = papers[0].cnf.clone();
            refs[1] = refs[0];
        })
        .await
    }

    /// An issuer gives two copies one place in its status list.
    45 "R18" [CopyApart] stopped("record-malformed");
    async fn two_copies_share_a_place_in_the_status_list() -> Outcome {
        let mut s = Scene::make(45).await;
        two_copies(&mut s, |papers, _, _| papers[1].idx = papers[0].idx).await
    }

    /// An issuer salts two copies alike.
    46 "R18" [CopyApart] stopped("record-malformed");
    async fn two_copies_share_their_salts() -> Outcome {
        let mut s = Scene::make(46).await;
        two_copies(&mut s, |_, _, seeds| seeds[1] = seeds[0]).await
    }

    /// An issuer writes the second of its issuing into a copy.
    47 "R18" [CopyApart] stopped("record-malformed");
    async fn a_copy_tells_the_second_of_its_issuing() -> Outcome {
        let mut s = Scene::make(47).await;
        let second = s.world.now().day_start().plus_s(UnixTime::DAY_S / 3 + 7);
        two_copies(&mut s, |papers, _, _| papers[1].iat = second).await
    }

    /// An issuer marks a copy: it says something that the person's own copy does not.
    48 "R18" [CopySame] stopped("record-malformed");
    async fn a_copy_says_something_else() -> Outcome {
        let mut s = Scene::make(48).await;
        two_copies(&mut s, |papers, _, _| {
            papers[1].claims.insert("remark".into(), "known to the police".into());
        })
        .await
    }

    /// The hub does not take the mark that a copy is spent, and takes the copy: a second device would
    /// show the same one again.
    49 "R18" [SpentFirst] stopped("quota");
    async fn a_copy_is_shown_and_its_mark_is_not_taken() -> Outcome {
        let mut play = Play::with(49, &[BORDER, TEST_CENTRE, CLINIC, IMMIGRATION]).await;
        play.arrive(AZIZA).await;
        for office in [&BORDER, &TEST_CENTRE, &CLINIC] {
            play.link("aziza", office).await;
            play.fill(office).await;
        }
        play.link_open("aziza", &IMMIGRATION).await;
        let preview = play.preview("aziza", WORK_PERMIT, AZIZA.answers()).unwrap();
        let id = play.apply("aziza", &preview).unwrap();
        let root = play.holder("aziza").danger_root();
        let own = root.derive_address(AddressIndex::SELF, None).address();
        play.world.wire.lie(move |e| {
            let items = decode_batch(&e.request).filter(|_| e.path() == "/v1/deposits")?;
            let to = |bytes: &[u8]| Envelope::parse(bytes).unwrap().header().to;
            let refused = DepositOutcome::Refused("quota".into());
            let hers = items.iter().all(|i| to(&i.envelope) == own);
            hers.then(|| encode_outcomes(&vec![refused; items.len()]))
        });
        for _ in 0..2 {
            let now = play.world.now();
            let (wire, rng) = (&play.world.wire, &mut play.world.rng);
            let holder = &mut play.people.get_mut("aziza").unwrap().holder;
            let _ = holder.send(wire, now).await;
            let gateway = play.gateways.get_mut("immigration").unwrap();
            gateway.sync(wire, 0, now, rng).await.unwrap();
        }
        let told = play.alarms("aziza").first().map(|code| stopped(code)).unwrap();
        let filed = play.gateway("immigration").queue().unwrap();
        if filed.is_empty() {
            return told;
        }
        assert_eq!(play.follow("aziza", &id), [], "{Filed:?} is on its way");
        Outcome::Harm
    }

    /// An office sends a record that is bound to another person's key.
    50 "R19" [BoundToHolder] stopped("record-malformed");
    async fn a_record_is_bound_to_another_key() -> Outcome {
        let mut s = Scene::make(50).await;
        let other = s.accept.copy_keys[0].key.clone();
        let text = issued(&Paper { cnf: other, ..s.paper() }, &mut s.world.rng);
        s.send_record(&[(None, text)]).await;
        s.sync().await.unwrap();
        if let Some(told) = s.refused() {
            return told;
        }
        assert_eq!(s.holder.profile().records.len(), 1, "she has what she can never show");
        Outcome::Harm
    }

    /// An office issues what the operator does not admit it for any more.
    51 "R19" [Admitted] stopped("not-admitted");
    async fn an_office_issues_what_it_may_not() -> Outcome {
        let mut s = Scene::make(51).await;
        s.world.clock.advance_s(10);
        denizen_evil::admit(&s.world, &s.desk, &[]).await;
        let text = issued(&s.paper(), &mut s.world.rng);
        s.send_record(&[(None, text)]).await;
        s.sync().await.unwrap();
        if let Some(told) = s.refused() {
            return told;
        }
        assert_eq!(s.holder.profile().records.len(), 1);
        Outcome::Harm
    }
}
