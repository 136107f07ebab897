//! Who can get in (D5, D7): devices and passkeys are listed, ended, and shut out by new keys (R16).
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_holder::{Holder, HolderError, PrfOutput, WayKind};
use denizen_model::{MessageId, UnixTime};
use denizen_testkit::{
    AZIZA, Exchange, Play,
    catalogue::catalogue,
    play::{BORDER, OfficeKind, Player, TEST_CENTRE},
};
use zeroize::Zeroizing;

const OFFICES: [OfficeKind; 2] = [BORDER, TEST_CENTRE];
const WEEK_S: i64 = 7 * 24 * 60 * 60;

fn prf() -> PrfOutput {
    Zeroizing::new([42; 32])
}

/// A passkey of hers that gets her in everywhere; gives its way.
async fn passkey(play: &mut Play) -> MessageId {
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    holder.add_way((WayKind::Passphrase, ""), now, rng).unwrap();
    let way = holder.add_way((WayKind::Passkey, "My key"), now, rng);
    let way = way.unwrap();
    holder.plan_root(&way, &prf(), now, rng).unwrap();
    holder
        .leave_root(&way, &prf(), wire, now, rng)
        .await
        .unwrap();
    play.settle().await;
    way
}

async fn get_in(play: &mut Play, prf: &PrfOutput) -> Result<(Holder, MessageId), HolderError> {
    let now = play.world.now();
    let url = play.world.house().url.clone();
    let at = (play.world.house().id, url.as_str());
    let words = ("ru", catalogue());
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    Holder::take_passkey(prf, at, words, wire, now, rng).await
}

async fn sync(play: &mut Play, holder: &mut Holder) -> Result<(), HolderError> {
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    holder.sync(wire, 0, now, rng).await?;
    holder.send(wire, now).await
}

fn kept(holder: &Holder, now: UnixTime) -> Vec<String> {
    let mut kept: Vec<_> = holder
        .records(now)
        .iter()
        .map(|r| r.kept.to_text())
        .collect();
    kept.sort();
    kept
}

/// Bodies of roots that were left at the hub, and where.
fn roots(play: &Play) -> Vec<(String, Vec<u8>)> {
    let exchanges = play.world.wire.exchanges();
    let put = |e: &&Exchange| e.path().starts_with("/v1/roots/") && !e.request.is_empty();
    let of = |e: &Exchange| (e.path().to_owned(), e.request.clone());
    exchanges.iter().filter(put).map(of).collect()
}

#[tokio::test]
async fn d5_a_passkey_brings_the_profile_to_a_new_device_until_it_is_ended() {
    let mut play = Play::settled(181, AZIZA, &OFFICES).await;
    let way = passkey(&mut play).await;
    let (mut second, there) = get_in(&mut play, &prf()).await.unwrap();
    let now = play.world.now();
    assert_eq!(kept(&second, now), kept(play.holder("aziza"), now));
    assert!(!kept(&second, now).is_empty());
    assert_eq!(second.way(&there).unwrap().name, "My key");
    sync(&mut play, &mut second).await.unwrap();
    play.settle().await;
    assert_eq!(play.holder("aziza").devices().len(), 2);

    // Ended on the first device, it gets nobody in any more, and the second one hears of it.
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    holder.end_way(&way, wire, now, rng).await.unwrap();
    play.settle().await;
    let refused = get_in(&mut play, &prf()).await.unwrap_err();
    assert_eq!(refused, HolderError::PasskeyUnknown);
    sync(&mut play, &mut second).await.unwrap();
    assert!(second.way(&there).is_none());
    play.end().await;
}

#[tokio::test]
async fn another_passkey_opens_nothing_and_the_hub_sees_only_equal_random_bytes() {
    let mut play = Play::settled(182, AZIZA, &OFFICES).await;
    passkey(&mut play).await;
    let other = Zeroizing::new([43; 32]);
    let refused = get_in(&mut play, &other).await.unwrap_err();
    assert_eq!(refused, HolderError::PasskeyUnknown);
    let holder = &play.people["aziza"].holder;
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    holder
        .offer_device("three warm apricots", wire, rng)
        .await
        .unwrap();
    let roots = roots(&play);
    let sizes: Vec<usize> = roots.iter().map(|(_, body)| body.len()).collect();
    assert_eq!(roots.len(), 2, "{sizes:?}");
    // One opens with a passkey, the other with a passphrase: neither says which.
    assert_eq!(sizes[0], sizes[1]);
    assert_ne!(roots[0].0, roots[1].0);
    play.end().await;
}

#[tokio::test]
async fn the_last_way_into_a_device_is_not_ended() {
    let mut play = Play::settled(183, AZIZA, &OFFICES).await;
    let way = passkey(&mut play).await;
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let passphrase = holder.device().unwrap().ways[0].id;
    holder.end_way(&passphrase, wire, now, rng).await.unwrap();
    let last = holder.end_way(&way, wire, now, rng).await;
    assert_eq!(last.unwrap_err(), HolderError::LastWay);
    assert!(holder.way(&way).is_some());
    play.end().await;
}

#[tokio::test]
async fn an_ended_device_goes_no_further_and_does_not_come_back() {
    let mut play = Play::settled(184, AZIZA, &OFFICES).await;
    passkey(&mut play).await;
    let (mut second, _) = get_in(&mut play, &prf()).await.unwrap();
    sync(&mut play, &mut second).await.unwrap();
    play.settle().await;
    let id = second.device().unwrap().id;
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    let holder = &mut play.people.get_mut("aziza").unwrap().holder;
    let own = holder.device().unwrap().id;
    let refused = holder.end_device(&own, wire, now, rng).await;
    assert_eq!(refused.unwrap_err(), HolderError::NotOpen);
    holder.end_device(&id, wire, now, rng).await.unwrap();
    play.settle().await;
    // Its passkey gets nobody in: the root went from the hub with it.
    let refused = get_in(&mut play, &prf()).await.unwrap_err();
    assert_eq!(refused, HolderError::PasskeyUnknown);
    for _ in 0..2 {
        let ended = sync(&mut play, &mut second).await.unwrap_err();
        assert_eq!(ended, HolderError::DeviceEnded);
    }
    // A kit restores the list without it.
    play.second_device("aziza", "phone").await;
    let devices = play.holder("phone").devices();
    assert_eq!(devices.len(), 2);
    assert!(devices.iter().all(|d| d.id != id));
    play.end().await;
}

#[tokio::test]
async fn what_was_used_is_written_down_once_a_week() {
    let mut play = Play::settled(185, AZIZA, &OFFICES).await;
    passkey(&mut play).await;
    let written = |play: &Play| play.holder("aziza").profile().sent.len();
    play.settle().await;
    let before = written(&play);
    play.settle().await;
    assert_eq!(written(&play), before, "nothing new in one week");
    play.world.clock.advance_s(WEEK_S);
    play.settle().await;
    play.settle().await;
    let used = play.holder("aziza").device().unwrap().used;
    assert_eq!(used.0 % (24 * 60 * 60), 0, "a day's beginning, no moment");
    assert!(used.0 > play.world.now().0 - WEEK_S);
    play.end().await;
}

#[tokio::test]
async fn d5_new_keys_shut_out_whoever_has_the_old_ones() {
    let mut play = Play::settled(186, AZIZA, &OFFICES).await;
    passkey(&mut play).await;
    let mut old = play.people.remove("aziza").unwrap();
    let thief = old.holder.kit();
    let now = play.world.now();
    let (wire, rng) = (play.world.wire.clone(), &mut play.world.rng);
    let mut new = old.holder.renewed(rng);
    new.plan_over(&old.holder, rng);
    old.holder.end_devices(now, rng).unwrap();
    let count = new.take_over(&mut old.holder, &wire, now, rng).await;
    assert_eq!(count.unwrap(), OFFICES.len());
    let early = new.abandon(&mut old.holder, &wire, now).await;
    assert_eq!(early.unwrap_err(), HolderError::NotOpen);
    new.send(&wire, now).await.unwrap();
    old.holder.send(&wire, now).await.unwrap();
    let persona = old.persona;
    let player = |holder| Player {
        holder,
        persona,
        events: Vec::new(),
    };
    play.people.insert("aziza", player(new));
    play.settle().await;
    let new = play.holder("aziza");
    assert_eq!(new.not_taken_over(&old.holder), Vec::<u32>::new());
    assert_eq!(new.taken_over(&old.holder).len(), OFFICES.len());
    new.abandon(&mut old.holder, &wire, now).await.unwrap();
    assert!(!kept(new, now).is_empty());

    // The old passkey and the old kit find nothing at the hub.
    let refused = get_in(&mut play, &prf()).await.unwrap_err();
    assert_eq!(refused, HolderError::PasskeyUnknown);
    let root = denizen_seal::RootSecret::from_bytes(*thief.root);
    let at = (play.world.house().id, thief.hub_url.as_str());
    let words = ("en", catalogue());
    let rng = &mut play.world.rng;
    let taken = Holder::restore(root, at, words, &wire, now, rng).await;
    let seen = taken.map(|holder| kept(&holder, now)).unwrap_or_default();
    assert_eq!(seen, Vec::<String>::new());
    play.end().await;
}
