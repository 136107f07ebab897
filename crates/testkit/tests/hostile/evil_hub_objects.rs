//! A hub that lies about attachment objects: it swaps, cuts, replays, withholds and invents them. Nothing
//! that was not signed is shown, and what it withholds is told.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_api::{
    receipt::verify_marker,
    wire::{DepositOutcome, FetchAnswer, Fetched, UploadState},
};
use denizen_gateway::GatewayError;
use denizen_holder::{FileState, Holder, HolderError, SyncReport};
use denizen_model::{AddressId, Sha256Hash, message::Attachment, object::ObjectFor};
use denizen_seal::{AddressIndex, FileToAttach, SealedObject, attach_file};
use denizen_testkit::{
    AZIZA, Desk, Fault, Play, World, catalogue,
    play::{BORDER, vct},
};
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
    let preview = holder.preview_invitation(&text, &world.wire, now).await;
    holder
        .accept_invitation(preview.unwrap(), &mut world.rng)
        .unwrap();
    let mut s = Scene {
        world,
        desk,
        holder,
    };
    s.sync().await.unwrap();
    s.sync().await.unwrap();
    s.desk.confirm(&mut s.world).await;
    s.sync().await.unwrap();
    s.sync().await.unwrap();
    assert!(s.alarms().is_empty(), "{:?}", s.alarms());
    s
}

impl Scene {
    async fn sync(&mut self) -> Result<SyncReport, HolderError> {
        let now = self.world.now();
        let rng = &mut self.world.rng;
        self.holder.sync(&self.world.wire, 0, now, rng).await
    }

    fn alarms(&self) -> Vec<String> {
        let open = self.holder.profile().open_alarms();
        open.map(|a| a.code.clone()).collect()
    }

    fn sealed(&mut self, content: &[u8], of: &ObjectFor) -> (Attachment, SealedObject) {
        let file = FileToAttach::new("a.pdf", "application/pdf", content.to_vec());
        attach_file("f0", &file, of, &mut self.world.rng).unwrap()
    }

    /// The office sends a file; gives its object.
    async fn send(&mut self, content: &[u8]) -> SealedObject {
        let of = self.desk.object_for();
        let (attachment, object) = self.sealed(content, &of);
        let left = self.desk.leave(&mut self.world, &object).await;
        assert!(matches!(left, DepositOutcome::Stored { .. }));
        self.desk
            .note_with(&mut self.world, "see the file", attachment)
            .await;
        object
    }

    /// States and contents of the files that came.
    fn files(&self) -> Vec<(FileState, Option<Vec<u8>>)> {
        let files = self.holder.files().iter();
        files
            .map(|f| (f.state, self.holder.file_content(f).map(|c| c.to_vec())))
            .collect()
    }

    /// Every answer to reading an object is this.
    fn lie_in_reading(&self, lie: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + 'static) {
        self.world.wire.lie(move |exchange| {
            let path = exchange.path();
            let reads = exchange.method == Method::GET && path.contains("/objects/");
            let good = exchange.status.is_some_and(|s| s.is_success());
            (reads && good).then(|| lie(path, exchange.answer.clone()))
        });
    }

    fn lie_in_fetch(&self, lie: impl Fn(&mut FetchAnswer) + Send + 'static) {
        let address = self.desk.object_for().to;
        self.world.wire.lie(move |exchange| {
            let path = exchange.path();
            let mine = path.contains(&address.to_text()) && path.contains("/envelopes");
            let mut answer = FetchAnswer::decode(&exchange.answer).filter(|_| mine)?;
            lie(&mut answer);
            Some(answer.encode())
        });
    }
}

fn here(content: &[u8]) -> (FileState, Option<Vec<u8>>) {
    (FileState::Here, Some(content.to_vec()))
}

#[tokio::test]
async fn other_bytes_than_the_message_means_are_never_shown_and_the_right_ones_are_asked_for_again()
{
    type Lie = fn(&[u8], &[u8]) -> Vec<u8>;
    // What the hub gives: made from the right bytes and from those of another object of this address.
    let lies: [(&str, Lie); 6] = [
        ("another object of this address", |_, other| other.to_vec()),
        ("cut short", |right, _| right[..right.len() - 1].to_vec()),
        ("nothing", |_, _| Vec::new()),
        ("a bit flipped", |right, _| {
            let mut bytes = right.to_vec();
            bytes[70_000] ^= 1;
            bytes
        }),
        ("chunks turned", |right, _| {
            let (a, b) = right.split_at(right.len() / 2);
            [b, a].concat()
        }),
        ("more than there is", |right, _| [right, right].concat()),
    ];
    for (what, lie) in lies {
        let mut s = scene(431).await;
        let (content, old) = (vec![7; 100_000], vec![8; 100_000]);
        let other = s.send(&old).await;
        s.sync().await.unwrap();
        assert_eq!(s.files(), [here(&old)]);
        let right = s.send(&content).await;
        let bytes = lie(&right.bytes, &other.bytes);
        s.lie_in_reading(move |_, _| bytes.clone());
        s.sync().await.unwrap();
        assert_eq!(s.alarms(), ["object-refused"], "{what}");
        assert_eq!(s.files()[1], (FileState::Missing, None), "{what}");
        assert_eq!(
            s.holder.profile().notes.len(),
            2,
            "{what}: the note is there"
        );
        s.world.wire.calm();
        s.sync().await.unwrap();
        // The file came whole: the alarm is over, and kept.
        assert!(s.alarms().is_empty(), "{what}");
        let over = s.holder.profile().alarms[0].over;
        assert_eq!(over, Some(s.world.now()), "{what}");
        assert_eq!(s.files(), [here(&old), here(&content)], "{what}");
    }
}

#[tokio::test]
async fn an_object_that_the_hub_shows_and_does_not_give_is_told_as_withheld() {
    let mut s = scene(432).await;
    let object = s.send(b"a paper").await;
    // Its answers are lost first, so that the place is known and the bytes are not.
    s.world.wire.plan(|_, request| {
        let reads = request.method() == Method::GET && request.uri().path().contains("/objects/");
        reads.then_some(Fault::LoseAnswer)
    });
    s.sync().await.unwrap();
    assert_eq!(s.files(), [(FileState::Due, None)]);
    assert!(s.alarms().is_empty(), "a broken line is no lie");
    s.world.wire.calm();
    let link = s.holder.profile().links[0].index;
    let auth = s.holder.danger_root().derive_auth(AddressIndex(link));
    let (client, now) = (s.world.client(), s.world.now());
    client.erase_object(&auth, &object.id, now).await.unwrap();
    s.sync().await.unwrap();
    assert_eq!(s.alarms(), ["object-withheld"]);
    assert_eq!(s.files(), [(FileState::Missing, None)]);
    // Who comes later, from the kit, is told too: a place was erased that she did not erase.
    let kit = s.holder.danger_root().clone();
    let at = (s.world.house().id, s.world.house().url.clone());
    let (wire, words) = (s.world.wire.clone(), ("en", catalogue()));
    let rng = &mut s.world.rng;
    let restored = Holder::restore(kit, (at.0, &at.1), words, &wire, now, rng).await;
    let alarms = restored.unwrap().profile().alarms.clone();
    let codes: Vec<_> = alarms.iter().map(|a| a.code.as_str()).collect();
    assert_eq!(codes, ["withheld", "object-missing"]);
}

#[tokio::test]
async fn a_marker_left_out_moved_renamed_or_put_over_an_envelope_is_caught() {
    type Lie = fn(&mut FetchAnswer);
    let lies: [(&str, Lie, HolderError); 5] = [
        (
            "left out",
            |a| a.items.retain(|i| !matches!(i, Fetched::Object { .. })),
            HolderError::HubAtFault("withheld"),
        ),
        (
            "moved behind its message",
            |a| a.items.reverse(),
            HolderError::HubAtFault("withheld"),
        ),
        (
            "under another id",
            |a| {
                for item in &mut a.items {
                    if let Fetched::Object { id, .. } = item {
                        *id = Sha256Hash::new([9; 32]);
                    }
                }
            },
            HolderError::ReceiptRefused,
        ),
        (
            "in an envelope's place, with the envelope's receipt",
            |a| {
                for item in &mut a.items {
                    if let Fetched::Envelope {
                        pos,
                        envelope,
                        receipt,
                    } = item.clone()
                    {
                        let id = Sha256Hash::of(&envelope);
                        *item = Fetched::Object { pos, id, receipt };
                    }
                }
            },
            HolderError::ReceiptRefused,
        ),
        (
            "with another place's receipt",
            |a| {
                let receipts: Vec<_> = a.items.iter().map(Clone::clone).collect();
                if let (Fetched::Object { receipt, .. }, Fetched::Envelope { receipt: other, .. }) =
                    (&mut a.items[0], &receipts[1])
                {
                    *receipt = other.clone();
                }
            },
            HolderError::ReceiptRefused,
        ),
    ];
    for (what, lie, error) in lies {
        let mut s = scene(433).await;
        s.send(b"a paper").await;
        s.lie_in_fetch(lie);
        assert_eq!(s.sync().await.unwrap_err(), error, "{what}");
        assert!(!s.alarms().is_empty(), "{what}");
        assert!(s.files().is_empty() && s.holder.profile().notes.is_empty());
        s.world.wire.calm();
        s.sync().await.unwrap();
        assert_eq!(s.files(), [here(b"a paper")], "{what}: nothing is lost");
    }
}

#[tokio::test]
async fn a_file_that_was_never_left_or_is_sealed_for_somebody_else_is_said_to_be_missing() {
    let mut s = scene(434).await;
    let of = s.desk.object_for();
    let (never_left, _) = s.sealed(b"never left", &of);
    s.desk
        .note_with(&mut s.world, "see the file", never_left)
        .await;
    s.sync().await.unwrap();
    assert_eq!(s.alarms(), ["object-missing"]);
    assert_eq!(s.files(), [(FileState::Missing, None)]);
    assert_eq!(
        s.holder.profile().notes.len(),
        1,
        "the note is there all the same"
    );

    // What another address was sent, and what another hub's was: it lies here, and does not open.
    let to = ObjectFor {
        to: AddressId::new([3; 32]),
        ..of
    };
    let hub = ObjectFor {
        hub: denizen_model::HubId::new([3; 32]),
        ..of
    };
    for wrong in [to, hub] {
        let (attachment, object) = s.sealed(b"for somebody else", &wrong);
        s.desk.leave(&mut s.world, &object).await;
        s.desk
            .note_with(&mut s.world, "see the file", attachment)
            .await;
        s.sync().await.unwrap();
        assert_eq!(s.alarms(), ["object-missing", "object-refused"]);
        assert_eq!(s.files().last(), Some(&(FileState::Missing, None)));
    }
    // A message that says another hash than its object has commits to what does not come.
    let (mut attachment, object) = s.sealed(b"one thing", &of);
    s.desk.leave(&mut s.world, &object).await;
    attachment.object.as_mut().unwrap().hash = Sha256Hash::of(b"another");
    s.desk
        .note_with(&mut s.world, "see the file", attachment)
        .await;
    s.sync().await.unwrap();
    assert_eq!(s.files().last(), Some(&(FileState::Missing, None)));
}

#[tokio::test]
async fn a_receipt_of_something_else_or_none_ends_no_upload() {
    let mut s = scene(435).await;
    let link = s.holder.profile().links[0].index;
    let now = s.world.now();
    let file = FileToAttach::new("a.pdf", "application/pdf", vec![7; 100]);
    s.holder.attach(vec![file]).unwrap();
    let rng = &mut s.world.rng;
    s.holder.note(link, None, "see the file", now, rng).unwrap();
    let waiting = s.holder.profile().outbox.len();
    type Lie = fn(UploadState, Option<&UploadState>) -> Option<UploadState>;
    let lies: [(&str, Lie); 3] = [
        ("for ever nothing yet", |_, _| {
            Some(UploadState::Going { received: 0 })
        }),
        ("all of it, without a receipt", |_, _| {
            Some(UploadState::Going { received: u64::MAX })
        }),
        ("the receipt of something else", |state, _| match state {
            UploadState::Done(DepositOutcome::Stored {
                pos,
                index,
                mut receipt,
            }) => {
                receipt.nonce_a = denizen_model::Nonce::new([1; 32]);
                let other = DepositOutcome::Stored {
                    pos,
                    index,
                    receipt,
                };
                Some(UploadState::Done(other))
            }
            _ => None,
        }),
    ];
    for (what, lie) in lies {
        s.world.wire.lie(move |exchange| {
            let puts = exchange.method == Method::PUT && exchange.path().contains("/objects/");
            let state = UploadState::decode(&exchange.answer).filter(|_| puts)?;
            lie(state, None).map(|lied| lied.encode())
        });
        assert!(s.sync().await.is_err(), "{what}");
        assert_eq!(s.holder.profile().outbox.len(), waiting, "{what}");
    }
    s.world.wire.calm();
    s.sync().await.unwrap();
    assert!(s.holder.profile().outbox.len() < waiting);
}

#[tokio::test]
async fn an_office_acts_on_no_message_whose_objects_the_hub_withholds_or_alters() {
    for alter in [false, true] {
        let mut play = Play::settled(436, AZIZA, &[BORDER]).await;
        let kept = play.record("aziza", vct::CROSSING).kept;
        let file = FileToAttach::new("a.jpg", "image/jpeg", vec![7; 70_000]);
        let (wire, now) = (play.world.wire.clone(), play.world.now());
        let rng = &mut play.world.rng;
        let holder = &mut play.people.get_mut("aziza").unwrap().holder;
        holder.attach(vec![file]).unwrap();
        holder.dispute(&kept, vec![], "x", &[], (now, rng)).unwrap();
        holder.send(&wire, now).await.unwrap();
        wire.lie(move |exchange| {
            let reads = exchange.method == Method::GET && exchange.path().contains("/objects/");
            let reads = reads && exchange.status.is_some_and(|s| s.is_success());
            let mut bytes = exchange.answer.clone();
            if alter && let Some(byte) = bytes.get_mut(1000) {
                *byte ^= 1;
            } else {
                bytes.clear();
            }
            reads.then_some(bytes)
        });
        let gateway = play.gateways.get_mut("border").unwrap();
        for _ in 0..2 {
            let lied = gateway.sync(&wire, 0, now, &mut play.world.rng).await;
            assert!(matches!(lied, Err(GatewayError::Withheld)), "{lied:?}");
            assert!(gateway.disputes().unwrap().is_empty());
        }
        wire.calm();
        play.settle().await;
        let files = play.gateway("border").dispute_files(1).unwrap();
        assert!(files.len() == 1 && files[0].here, "nothing is lost");
        assert!(play.office_alarms("border").is_empty());
    }
}

#[tokio::test]
async fn a_receipt_of_an_object_proves_its_delivery_to_whoever_is_shown_it() {
    let mut s = scene(437).await;
    let object = s.send(b"a paper").await;
    let link = s.holder.profile().links[0].index;
    let auth = s.holder.danger_root().derive_auth(AddressIndex(link));
    let (client, now) = (s.world.client(), s.world.now());
    let answer = client.fetch(&auth, None, 0, now).await.unwrap();
    let trust = s.world.directory(0).await.trust;
    let marker = answer.items.iter().find_map(|i| match i {
        Fetched::Object { pos, id, receipt } => Some((*pos, *id, receipt.clone())),
        _ => None,
    });
    let (pos, id, receipt) = marker.unwrap();
    assert_eq!(id, object.id);
    let to = s.desk.object_for().to;
    assert!(verify_marker(&id, &receipt, pos, &to, &trust).is_ok());
    assert!(verify_marker(&id, &receipt, pos, &AddressId::new([1; 32]), &trust).is_err());
}
