//! A hub that lies to a holder's client (EH): each lie is refused or told as an alarm, and what was
//! there before stays.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_api::{
    receipt::verify_head,
    wire::{AddressState, DepositOutcome, DirectoryAnswer, FetchAnswer, Fetched},
    wire::{decode_outcomes, encode_outcomes},
};
use denizen_holder::{Holder, HolderError, SyncReport};
use denizen_hub::HubKeys;
use denizen_jose::Unverified;
use denizen_model::{
    AddressId, HubId, Nonce, SecretKeyFor,
    deposit::{Head, sign_head, tombstones_hash},
    invitation::{Invitation, InvitationError},
    statement::full_kid,
};
use denizen_seal::RootSecret;
use denizen_testkit::{Desk, Exchange, Office, World, catalogue};
use http::Method;

struct Scene {
    world: World,
    desk: Desk,
    holder: Holder,
}

/// A holder with a confirmed link to one office, and nothing else.
async fn scene(seed: u64) -> Scene {
    let mut world = World::make(seed).await;
    let desk = Desk::open(&mut world, "Office").await;
    let (id, url) = (world.house().id, world.house().url.clone());
    let mut holder = Holder::make(id, &url, "en", catalogue(), &mut world.rng);
    holder.begin(&world.wire, world.now()).await.unwrap();
    let text = desk.invite(&mut world, |_| ());
    let now = world.now();
    let preview = holder
        .preview_invitation(&text, &world.wire, now)
        .await
        .unwrap();
    holder.accept_invitation(preview, &mut world.rng).unwrap();
    let mut s = Scene {
        world,
        desk,
        holder,
    };
    s.sync().await.unwrap();
    s.sync().await.unwrap();
    desk_confirms(&mut s).await;
    s.sync().await.unwrap();
    s.sync().await.unwrap();
    assert!(s.alarms().is_empty(), "{:?}", s.alarms());
    s
}

async fn desk_confirms(s: &mut Scene) {
    s.desk.confirm(&mut s.world).await;
}

impl Scene {
    async fn sync(&mut self) -> Result<SyncReport, HolderError> {
        let now = self.world.now();
        self.holder
            .sync(&self.world.wire, 0, now, &mut self.world.rng)
            .await
    }

    fn alarms(&self) -> Vec<String> {
        self.holder
            .profile()
            .alarms
            .iter()
            .map(|a| a.code.clone())
            .collect()
    }

    fn notes(&self) -> usize {
        self.holder.profile().notes.len()
    }

    fn link(&self) -> AddressId {
        self.desk.keys.as_ref().unwrap().address
    }

    /// From now on every fetch of the link's address is answered by this lie.
    fn lie_in_fetch(&self, lie: impl Fn(&mut FetchAnswer, &Operator) + Send + 'static) {
        let operator = Operator {
            hub: self.world.house().id,
            keys: self.world.house().keys.clone(),
        };
        let address = self.link();
        self.world.wire.lie(move |exchange| {
            let path = exchange.path();
            let mine = path.contains(&address.to_text()) && path.contains("/envelopes");
            let mut answer = FetchAnswer::decode(&exchange.answer).filter(|_| mine)?;
            lie(&mut answer, &operator);
            Some(answer.encode())
        });
    }
}

/// What a hub's operator can sign.
struct Operator {
    hub: HubId,
    keys: HubKeys,
}

impl Operator {
    /// Signs the head anew after `change`.
    fn head(&self, answer: &mut FetchAnswer, change: impl FnOnce(&mut Head)) {
        let object = Unverified::parse(&answer.head).unwrap();
        let mut head: Head = serde_json::from_slice(object.danger_payload()).unwrap();
        change(&mut head);
        let kid = full_kid(&self.hub.into(), "head-1");
        answer.head = sign_head(&head, &self.keys.head, &kid).into_bytes();
    }
}

#[tokio::test]
async fn an_envelope_left_out_cut_off_or_moved_is_caught_by_the_head() {
    type Lie = fn(&mut FetchAnswer);
    let lies: [(&str, Lie); 4] = [
        ("the first left out", |a| drop(a.items.remove(0))),
        ("the order turned", |a| a.items.reverse()),
        ("one twice", |a| {
            let first = a.items[0].clone();
            a.items.insert(0, first);
        }),
        ("all left out", |a| a.items.clear()),
    ];
    for (what, lie) in lies {
        let mut s = scene(70).await;
        for text in ["one", "two", "three"] {
            s.desk.note(&mut s.world, text).await;
        }
        s.lie_in_fetch(move |answer, _| lie(answer));
        assert_eq!(
            s.sync().await.unwrap_err(),
            HolderError::HubAtFault("withheld"),
            "{what}"
        );
        assert_eq!(s.alarms(), ["withheld"], "{what}");
        assert_eq!(s.notes(), 0);
        s.world.wire.calm();
        s.sync().await.unwrap();
        assert_eq!(
            s.notes(),
            3,
            "{what}: nothing is lost once the hub is honest"
        );
    }
}

#[tokio::test]
async fn an_envelope_turned_into_a_tombstone_that_nobody_asked_for_is_told() {
    let mut s = scene(71).await;
    s.desk.note(&mut s.world, "the last one").await;
    s.lie_in_fetch(|answer, operator| {
        let mut stones = Vec::new();
        for item in &mut answer.items {
            if let Fetched::Envelope { pos, .. } = item {
                stones.push((*pos, *pos));
                *item = Fetched::Tombstone {
                    pos: *pos,
                    index: *pos,
                };
            }
        }
        operator.head(answer, |head| {
            head.tombstones_hash = tombstones_hash(stones)
        });
    });
    let told = s.sync().await;
    assert!(told.is_err() || !s.alarms().is_empty(), "silently erased");
}

#[tokio::test]
async fn a_bent_receipt_or_envelope_is_told_and_nothing_is_lost() {
    type Bend = fn(&mut Vec<u8>, &mut Nonce);
    let bends: [Bend; 3] = [
        |_, nonce_a| *nonce_a = Nonce::new([1; 32]),
        |envelope, _| *envelope.last_mut().unwrap() ^= 1,
        |envelope, _| envelope.truncate(envelope.len() - 1),
    ];
    for bend in bends {
        let mut s = scene(80).await;
        for text in ["one", "two"] {
            s.desk.note(&mut s.world, text).await;
        }
        s.lie_in_fetch(move |answer, _| {
            if let Some(Fetched::Envelope {
                envelope, receipt, ..
            }) = answer.items.first_mut()
            {
                bend(envelope, &mut receipt.nonce_a);
            }
        });
        assert_eq!(s.sync().await.unwrap_err(), HolderError::ReceiptRefused);
        assert_eq!(s.alarms().len(), 1);
        s.world.wire.calm();
        s.sync().await.unwrap();
        assert_eq!((s.notes(), s.alarms().len()), (2, 1));
    }
}

#[tokio::test]
async fn heads_of_other_keys_addresses_and_older_logs_are_refused() {
    let mut s = scene(72).await;
    let old = s.world.client();
    s.desk.note(&mut s.world, "one").await;
    let keys = s.world.house().keys.clone();
    let thief = SecretKeyFor::make(&mut s.world.rng);
    s.lie_in_fetch(move |answer, operator| {
        let operator = Operator {
            hub: operator.hub,
            keys: HubKeys {
                head: thief.clone(),
                ..keys.clone()
            },
        };
        operator.head(answer, |_| ());
    });
    assert_eq!(
        s.sync().await.unwrap_err(),
        HolderError::HubAtFault("head-refused")
    );
    s.lie_in_fetch(|answer, operator| {
        operator.head(answer, |head| head.address = AddressId::new([1; 32]));
    });
    assert_eq!(
        s.sync().await.unwrap_err(),
        HolderError::HubAtFault("head-refused")
    );
    drop(old);
    assert_eq!(s.notes(), 0);
    s.world.wire.calm();
    s.sync().await.unwrap();
    assert_eq!(s.notes(), 1);
}

#[tokio::test]
async fn a_log_that_shrank_is_told() {
    let mut s = scene(73).await;
    // The answer of an earlier fetch, kept by the hub, consistent in itself.
    let earlier = s.world.wire.exchanges();
    let address = s.link().to_text();
    let of_link = |e: &&Exchange| e.path().contains(&address) && e.path().contains("/envelopes");
    let earlier = earlier.iter().rev().find(of_link).unwrap().answer.clone();
    s.desk.note(&mut s.world, "one").await;
    s.sync().await.unwrap();
    assert_eq!(s.notes(), 1);
    s.lie_in_fetch(move |answer, _| {
        let old = FetchAnswer::decode(&earlier).unwrap();
        answer.head = old.head;
        answer.checkpoint = old.checkpoint;
        answer.items.clear();
    });
    assert!(matches!(
        s.sync().await,
        Err(HolderError::HubAtFault("older-state"))
    ));
    assert_eq!(s.notes(), 1);
}

#[tokio::test]
async fn an_older_directory_is_refused_and_the_newer_one_stays() {
    let mut s = scene(74).await;
    let older = s.world.client().directory().await.unwrap().encode();
    s.world.office("Another", &[]).await;
    s.sync().await.unwrap();
    s.world.wire.lie(move |exchange| {
        let directory = exchange.method == Method::GET && exchange.path() == "/v1/directory";
        directory.then(|| older.clone())
    });
    assert!(matches!(s.sync().await, Err(HolderError::Directory(_))));
    assert_eq!(s.alarms(), ["older-state"]);
    s.world.wire.calm();
    s.sync().await.unwrap();
}

#[tokio::test]
async fn a_directory_with_one_bent_byte_is_refused() {
    let mut s = scene(75).await;
    for entry in 0..3 {
        s.world.wire.lie(move |exchange| {
            if exchange.path() != "/v1/directory" {
                return None;
            }
            let mut answer = DirectoryAnswer::decode(&exchange.answer).unwrap();
            let middle = answer.entries[entry].len() / 2;
            answer.entries[entry][middle] ^= 1;
            Some(answer.encode())
        });
        assert!(
            matches!(s.sync().await, Err(HolderError::Directory(_))),
            "{entry}"
        );
    }
}

#[tokio::test]
async fn a_forged_receipt_for_what_she_sends_is_refused_and_it_is_sent_again() {
    let mut s = scene(76).await;
    let text = {
        let desk = Desk::open(&mut s.world, "Another").await;
        desk.invite(&mut s.world, |_| ())
    };
    let now = s.world.now();
    let preview = s
        .holder
        .preview_invitation(&text, &s.world.wire, now)
        .await
        .unwrap();
    s.holder
        .accept_invitation(preview, &mut s.world.rng)
        .unwrap();
    s.world.wire.lie(|exchange| {
        if exchange.path() != "/v1/deposits" {
            return None;
        }
        let mut outcomes = decode_outcomes(&exchange.answer).unwrap();
        if let DepositOutcome::Stored { receipt, .. } = &mut outcomes[0] {
            receipt.nonce_a = Nonce::new([1; 32]);
        }
        Some(encode_outcomes(&outcomes))
    });
    s.sync().await.unwrap();
    assert_eq!(s.sync().await.unwrap_err(), HolderError::ReceiptRefused);
    assert!(!s.holder.profile().outbox.is_empty(), "it still waits");
    s.world.wire.calm();
    s.sync().await.unwrap();
    let now = s.world.now();
    s.holder.send(&s.world.wire, now).await.unwrap();
    assert!(s.holder.profile().outbox.is_empty());
    assert_eq!(s.alarms(), ["receipt-refused"]);
}

#[tokio::test]
async fn a_hub_that_gives_back_another_salt_at_restoring_is_told() {
    let mut s = scene(77).await;
    s.world.wire.lie(|exchange| {
        let mut state: AddressState = serde_json::from_slice(&exchange.answer).ok()?;
        state.salt = state.salt.map(|_| Nonce::new([1; 32]));
        Some(serde_json::to_vec(&state).unwrap())
    });
    let kit = s.holder.kit();
    let root = RootSecret::from_bytes(*kit.root);
    let hub = (HubId::parse(&kit.hub).unwrap(), kit.hub_url.as_str());
    let now = s.world.now();
    let with = ("en", catalogue());
    let restored = Holder::restore(root, hub, with, &s.world.wire, now, &mut s.world.rng).await;
    let restored = restored.unwrap();
    assert!(
        restored
            .profile()
            .alarms
            .iter()
            .any(|a| a.code == "other-salt")
    );
    assert!(restored.profile().links.is_empty());
}

#[tokio::test]
async fn an_invitation_with_other_keys_or_of_nobody_is_refused_and_an_expired_one_says_so() {
    let mut s = scene(78).await;
    let thief = SecretKeyFor::make(&mut s.world.rng);
    let mut stranger = Desk::open(&mut s.world, "Other").await;
    stranger.office = Office::make("X", s.world.house().id, &mut s.world.rng);
    type Bend = Box<dyn Fn(&mut Invitation)>;
    let bends: [(Bend, InvitationError); 4] = [
        (
            Box::new(move |i| i.identity = thief.public_for()),
            InvitationError::OtherKeys,
        ),
        (
            Box::new(|i| i.statement = denizen_model::Sha256Hash::new([1; 32])),
            InvitationError::OtherKeys,
        ),
        (
            Box::new(|i| i.expires = denizen_testkit::START.plus_s(-1)),
            InvitationError::Expired,
        ),
        (
            Box::new(|i| i.org = denizen_model::OrgId::new([1; 32])),
            InvitationError::NotInDirectory,
        ),
    ];
    let now = s.world.now();
    for (bend, want) in bends {
        let text = s.desk.invite(&mut s.world, |i| bend(i));
        let got = s.holder.preview_invitation(&text, &s.world.wire, now).await;
        assert_eq!(got.unwrap_err(), HolderError::Invitation(want));
    }
    let text = stranger.invite(&mut s.world, |_| ());
    let got = s.holder.preview_invitation(&text, &s.world.wire, now).await;
    assert_eq!(
        got.unwrap_err(),
        HolderError::Invitation(InvitationError::NotInDirectory)
    );
    let text = s.desk.invite(&mut s.world, |_| ());
    for cut in [
        &text[..text.len() - 3],
        &text[20..],
        "",
        "https://example.org",
    ] {
        let got = s.holder.preview_invitation(cut, &s.world.wire, now).await;
        assert_eq!(
            got.unwrap_err(),
            HolderError::Invitation(InvitationError::Malformed)
        );
    }
}

#[tokio::test]
async fn a_head_that_was_signed_is_what_the_client_checks() {
    let s = scene(79).await;
    let trust = s.world.directory(0).await.trust;
    let keys = s.desk.keys.as_ref().unwrap();
    let exchanges = s.world.wire.exchanges();
    let fetches = exchanges
        .iter()
        .filter(|e| e.path().contains(&keys.address.to_text()));
    let mut checked = 0;
    for answer in fetches.filter_map(|e| FetchAnswer::decode(&e.answer)) {
        let verifier = &denizen_jose::Portable;
        verify_head(
            &answer.head,
            &answer.checkpoint,
            &keys.address,
            &trust,
            verifier,
        )
        .unwrap();
        checked += 1;
    }
    assert!(checked > 0);
}
