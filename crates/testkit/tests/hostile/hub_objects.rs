//! Attachment objects at the hub: uploaded in parts that go on where they stopped, taken once, logged,
//! read in parts by their owner alone, erased without a trace, ended when nobody asks for them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use denizen_api::{
    ProblemKind as P,
    client::{ClientError, RequestSigner, Upload, own_keyid},
    receipt::{DeliveryError, ReceiptError, ReceiptFor, verify, verify_marker, verify_object},
    wire::{
        Accept, ChangeAccepts, DepositItem, DepositOutcome as O, Fetched, ObjectPart, UploadState,
    },
};
use denizen_model::{
    DepositId, Nonce, UnixTime,
    object::{OBJECT_COMMIT, ObjectFor, PART_SIZE_BYTES_MAX, SEALED_CHUNK_SIZE_BYTES, sealed_size},
    pass::{Pass, PassUse},
};
use denizen_seal::{SealedObject, open_object, seal_object};
use denizen_testkit::{Fault, Office, Person, World, person::Address};
use rand_core::Rng as _;

const MIB: usize = 1 << 20;
/// Bytes that may lie in the address.
const QUOTA_BYTES: u64 = 40 << 20;

struct Scene {
    world: World,
    office: Office,
    address: Address,
}

async fn scene(seed: u64) -> Scene {
    let mut world = World::make(seed).await;
    let office = world.office("Office", &[]).await;
    let person = Person::make(&mut world.rng);
    let mut address = person.link_address(1, &office, &mut world.rng);
    let pass = Pass {
        quota: QUOTA_BYTES,
        ..office.pass(PassUse::Register, Nonce::make(&mut world.rng))
    };
    address.registration.pass = Some(office.sign_pass(&pass));
    world.register(&address).await;
    Scene {
        world,
        office,
        address,
    }
}

/// A sealed object with its deposit id, as an outbox has it.
struct Kept {
    content: Vec<u8>,
    sealed: SealedObject,
    deposit_id: DepositId,
}

impl Scene {
    fn place(&self) -> ObjectFor {
        ObjectFor::from(&self.address.to(self.office.hub))
    }

    fn object(&mut self, size: usize) -> Kept {
        let mut content = vec![0; size];
        self.world.rng.fill_bytes(&mut content);
        let of = self.place();
        Kept {
            sealed: seal_object(&content, &of, &mut self.world.rng).unwrap(),
            deposit_id: DepositId::make(&mut self.world.rng),
            content,
        }
    }

    async fn put(&self, kept: &Kept) -> Result<O, ClientError> {
        let (id, keyid) = (self.address.id(), self.office.deposit_keyid());
        let signer = RequestSigner::organisation(&self.office.deposit, &keyid);
        let upload = upload(kept, &id);
        let now = self.world.now();
        self.world.client().put_object(&upload, signer, now).await
    }

    async fn part(&self, kept: &Kept, part: &ObjectPart) -> Result<UploadState, ClientError> {
        let (id, keyid) = (self.address.id(), self.office.deposit_keyid());
        let signer = RequestSigner::organisation(&self.office.deposit, &keyid);
        let (upload, now) = (upload(kept, &id), self.world.now());
        let client = self.world.client();
        client.put_part(&upload, part, signer, now).await
    }

    async fn get(&self, kept: &Kept) -> Result<Vec<u8>, ClientError> {
        let (mut bytes, now) = (Vec::new(), self.world.now());
        let auth = &self.address.keys.auth;
        let client = self.world.client();
        let id = &kept.sealed.id;
        client.get_object(auth, id, &mut bytes, now).await?;
        Ok(bytes)
    }

    async fn fetched(&self, after: Option<u64>) -> Vec<Fetched> {
        let (auth, now) = (&self.address.keys.auth, self.world.now());
        let answer = self.world.client().fetch(auth, after, 0, now).await;
        answer.unwrap().items
    }

    fn note(&mut self, text: &str) -> DepositItem {
        self.world.note(&self.office, &self.address, text)
    }

    /// Requests that put parts of objects.
    fn puts(&self) -> usize {
        let exchanges = self.world.wire.exchanges();
        let put = exchanges.iter().filter(|e| e.method == http::Method::PUT);
        put.filter(|e| e.path().contains("/objects/")).count()
    }
}

fn upload<'a>(kept: &'a Kept, to: &'a denizen_model::AddressId) -> Upload<'a> {
    Upload {
        to,
        id: &kept.sealed.id,
        deposit_id: kept.deposit_id,
        pass: None,
        reserved: false,
        bytes: &kept.sealed.bytes,
    }
}

fn part(kept: &Kept, offset: usize, length: usize) -> ObjectPart {
    ObjectPart {
        deposit_id: kept.deposit_id,
        size: kept.sealed.bytes.len() as u64,
        offset: offset as u64,
        pass: None,
        reserved: false,
        bytes: kept.sealed.bytes[offset..offset + length].to_vec(),
    }
}

fn problem<A>(kind: P) -> Result<A, ClientError> {
    Err(ClientError::Problem(kind))
}

#[tokio::test]
async fn an_object_takes_a_place_and_a_leaf_and_comes_back_whole_to_its_owner() {
    let mut s = scene(401).await;
    let (small, large) = (s.object(1000), s.object(3 * MIB));
    let note = s.note("between");
    let first = s.put(&small).await.unwrap();
    s.world.deposit(&s.office, &[note]).await.unwrap();
    let third = s.put(&large).await.unwrap();
    let trust = s.world.directory(0).await.trust;
    for (outcome, kept, at) in [(&first, &small, 0), (&third, &large, 2)] {
        let O::Stored {
            pos,
            index,
            receipt,
        } = outcome
        else {
            panic!("{outcome:?}")
        };
        assert_eq!((*pos, *index), (at, at));
        let id = &kept.sealed.id;
        let verified = verify_object(receipt, &s.address.id(), id, &trust).unwrap();
        assert_eq!(verified.opening.pos, at);
        // It is the receipt of an object, and of no envelope with the same hash.
        let of = ReceiptFor {
            address: &s.address.id(),
            envelope_hash: id,
            commit: &OBJECT_COMMIT,
        };
        assert_eq!(
            verify(receipt, of, &trust).unwrap_err(),
            ReceiptError::OtherEnvelope
        );
    }
    let items = s.fetched(None).await;
    assert_eq!(
        items.iter().map(Fetched::pos).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    let Fetched::Object { id, receipt, .. } = &items[0] else {
        panic!("{:?}", items[0])
    };
    assert_eq!(*id, small.sealed.id);
    let (to, other) = (s.address.id(), large.sealed.id);
    assert!(verify_marker(id, receipt, 0, &to, &trust).is_ok());
    assert_eq!(
        verify_marker(id, receipt, 2, &to, &trust).unwrap_err(),
        DeliveryError::OtherPlace
    );
    assert!(verify_marker(&other, receipt, 0, &to, &trust).is_err());
    for kept in [&small, &large] {
        let bytes = s.get(kept).await.unwrap();
        let opened = open_object(&bytes, &kept.sealed.id, &kept.sealed.key, &s.place()).unwrap();
        assert!(*opened == kept.content);
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_it_stopped_wherever_that_was() {
    // 4 MiB of content are 8 MiB sealed: a question and 8 parts.
    for (seed, fault) in [(402, Fault::LoseRequest), (403, Fault::LoseAnswer)] {
        let mut s = scene(seed).await;
        let kept = s.object(4 * MIB);
        for stop in [0, 1, 3] {
            s.world.wire.fault_at(stop, fault);
            assert!(matches!(s.put(&kept).await, Err(ClientError::Transport(_))));
            s.world.wire.calm();
            // The hub restarts, too: what it acknowledged is on its disk.
            s.world.restart_hub(0);
        }
        let before = s.puts();
        let first = s.put(&kept).await.unwrap();
        let O::Stored { pos: 0, .. } = first else {
            panic!("{first:?}")
        };
        let sent: usize = s.puts() - before;
        let parts = kept.sealed.bytes.len().div_ceil(PART_SIZE_BYTES_MAX);
        assert!(sent < parts, "{sent} requests: nothing was sent twice");
        // Asked again, whole, with the same id: the same place, nothing new.
        let again = s.put(&kept).await.unwrap();
        let (O::Stored { index: a, .. }, O::Stored { index: b, .. }) = (&first, &again) else {
            panic!("{again:?}")
        };
        assert_eq!(a, b);
        assert_eq!(s.fetched(None).await.len(), 1);
        assert!(s.get(&kept).await.unwrap() == kept.sealed.bytes);
    }
}

#[tokio::test]
async fn an_answer_lost_at_the_last_part_changes_nothing() {
    let mut s = scene(404).await;
    let kept = s.object(10);
    s.world.wire.fault_at(1, Fault::LoseAnswer);
    assert!(s.put(&kept).await.is_err());
    s.world.wire.fault_at(0, Fault::Twice);
    assert!(matches!(s.put(&kept).await, Ok(O::Stored { pos: 0, .. })));
    assert_eq!(s.fetched(None).await.len(), 1);
}

#[tokio::test]
async fn a_download_goes_on_where_it_stopped() {
    let mut s = scene(405).await;
    let kept = s.object(5 * MIB);
    s.put(&kept).await.unwrap();
    let (mut so_far, now) = (Vec::new(), s.world.now());
    let auth = &s.address.keys.auth;
    let of = &kept.sealed.id;
    s.world.wire.fault_at(2, Fault::LoseAnswer);
    let client = s.world.client();
    let broken = client.get_object(auth, of, &mut so_far, now).await;
    assert!(matches!(broken, Err(ClientError::Transport(_))));
    assert_eq!(so_far.len(), 2 * PART_SIZE_BYTES_MAX);
    s.world.wire.calm();
    let before = s.world.wire.exchanges().len();
    client.get_object(auth, of, &mut so_far, now).await.unwrap();
    assert!(so_far == kept.sealed.bytes);
    let parts = kept.sealed.bytes.len().div_ceil(PART_SIZE_BYTES_MAX);
    assert_eq!(s.world.wire.exchanges().len() - before, parts - 2);
}

#[tokio::test]
async fn other_bytes_than_the_id_says_are_refused_and_nothing_of_them_stays() {
    let mut s = scene(406).await;
    let (mut kept, other) = (s.object(100_000), s.object(100_000));
    s.world.marks.add("bytes", &kept.sealed.bytes[100..200]);
    kept.sealed.id = other.sealed.id;
    assert_eq!(s.put(&kept).await, problem(P::ObjectRefused));
    assert!(s.fetched(None).await.is_empty());
    assert!(in_files(&s.world).await.is_empty());
    // The id is free again, and so are the bytes.
    let right = Kept {
        deposit_id: kept.deposit_id,
        ..other
    };
    assert!(matches!(s.put(&right).await, Ok(O::Stored { pos: 0, .. })));
}

#[tokio::test]
async fn odd_sizes_parts_and_offsets_are_refused_and_a_wrong_offset_only_says_where_to_go_on() {
    let mut s = scene(407).await;
    let kept = s.object(200_000);
    let whole = kept.sealed.bytes.len();
    let chunk = SEALED_CHUNK_SIZE_BYTES;
    let odd_size = ObjectPart {
        size: whole as u64 - 1,
        ..part(&kept, 0, 0)
    };
    assert_eq!(s.part(&kept, &odd_size).await, problem(P::ObjectRefused));
    let three = ObjectPart {
        size: 3 * chunk as u64,
        ..part(&kept, 0, 0)
    };
    assert_eq!(s.part(&kept, &three).await, problem(P::ObjectRefused));
    let half = part(&kept, 0, chunk / 2);
    assert_eq!(s.part(&kept, &half).await, problem(P::Malformed));
    let beyond = ObjectPart {
        offset: whole as u64,
        ..part(&kept, 0, chunk)
    };
    assert_eq!(s.part(&kept, &beyond).await, problem(P::Malformed));
    let huge = ObjectPart {
        offset: u64::MAX,
        ..part(&kept, 0, chunk)
    };
    assert_eq!(s.part(&kept, &huge).await, problem(P::Malformed));
    let large = ObjectPart {
        bytes: vec![0; PART_SIZE_BYTES_MAX + chunk],
        ..part(&kept, 0, 0)
    };
    assert_eq!(s.part(&kept, &large).await, problem(P::TooLarge));

    let going = |received: usize| {
        Ok(UploadState::Going {
            received: received as u64,
        })
    };
    assert_eq!(s.part(&kept, &part(&kept, 0, chunk)).await, going(chunk));
    // Sent before, sent too far ahead, asked: the same answer, and nothing is taken.
    for (offset, length) in [(0, chunk), (2 * chunk, chunk), (0, 0), (chunk, 0)] {
        let asked = part(&kept, offset, length);
        assert_eq!(s.part(&kept, &asked).await, going(chunk));
    }
    let other = ObjectPart {
        size: sealed_size(MIB as u64).unwrap(),
        ..part(&kept, 0, 0)
    };
    assert_eq!(s.part(&kept, &other).await, problem(P::DepositIdReused));
    assert!(matches!(s.put(&kept).await, Ok(O::Stored { pos: 0, .. })));
    // The id of an object is taken for an envelope, and so the other way round.
    let note = DepositItem {
        deposit_id: kept.deposit_id,
        ..s.note("the same id")
    };
    let outcomes = s.world.deposit(&s.office, &[note]).await.unwrap();
    assert_eq!(outcomes, [O::Refused(P::DepositIdReused.name().to_owned())]);
}

#[tokio::test]
async fn only_who_may_deposit_puts_and_only_the_owner_reads_and_erases() {
    let mut s = scene(408).await;
    let kept = s.object(10);
    let stranger = s.world.office("Stranger", &[]).await;
    let (id, keyid, now) = (s.address.id(), stranger.deposit_keyid(), s.world.now());
    let client = s.world.client();
    let by = RequestSigner::organisation(&stranger.deposit, &keyid);
    let refused = client.put_object(&upload(&kept, &id), by, now).await;
    assert_eq!(refused, problem(P::NotAccepted));
    // Not even the owner herself leaves objects in a link's address.
    let auth = &s.address.keys.auth;
    let own = own_keyid(auth.signer());
    let by = RequestSigner::address(auth, &own);
    let refused = client.put_object(&upload(&kept, &id), by, now).await;
    assert_eq!(refused, problem(P::NotAccepted));
    s.put(&kept).await.unwrap();

    let other = Person::make(&mut s.world.rng).link_address(1, &s.office, &mut s.world.rng);
    s.world.register(&other).await;
    let not_there = client.object_from(&other.keys.auth, &kept.sealed.id, 0, now);
    assert_eq!(not_there.await, problem(P::NotFound));
    let erased = client.erase_object(&other.keys.auth, &kept.sealed.id, now);
    assert_eq!(erased.await, problem(P::NotFound));
    let past_end = kept.sealed.bytes.len() as u64;
    let beyond = client.object_from(auth, &kept.sealed.id, past_end, now);
    assert_eq!(beyond.await, problem(P::Malformed));
    assert!(s.get(&kept).await.is_ok());
}

#[tokio::test]
async fn a_frozen_address_takes_reserved_objects_only_and_a_closed_one_none() {
    let mut s = scene(409).await;
    let (begun, kept) = (s.object(200_000), s.object(10));
    s.part(&begun, &part(&begun, 0, 0)).await.unwrap();
    let freeze = ChangeAccepts {
        version: 1,
        accepts: vec![Accept::Org(s.office.id)],
        frozen: true,
    };
    let (client, now) = (s.world.client(), s.world.now());
    let auth = &s.address.keys.auth;
    client.change_accepts(&freeze, auth, now).await.unwrap();
    assert_eq!(s.put(&kept).await, problem(P::Frozen));
    assert_eq!(s.put(&begun).await, problem(P::Frozen));
    let whole = ObjectPart {
        reserved: true,
        ..part(&kept, 0, kept.sealed.bytes.len())
    };
    assert!(matches!(
        s.part(&kept, &whole).await,
        Ok(UploadState::Done(O::Stored { .. }))
    ));
    client.shred(auth, now).await.unwrap();
    let late = s.object(10);
    assert_eq!(s.put(&late).await, problem(P::Closed));
    assert_eq!(s.put(&begun).await, problem(P::Closed));
    assert_eq!(s.put(&kept).await, Ok(O::Gone { index: 0 }));
}

#[tokio::test]
async fn an_upload_counts_against_the_quota_when_it_begins_and_few_may_be_unfinished() {
    let mut s = scene(410).await;
    let begun: Vec<Kept> = (0..5).map(|_| s.object(10)).collect();
    for kept in &begun[..4] {
        s.part(kept, &part(kept, 0, 0)).await.unwrap();
    }
    let fifth = &begun[4];
    let refused = s.part(fifth, &part(fifth, 0, 0)).await;
    assert_eq!(refused, problem(P::RateLimited));
    // Going on with one of them is always possible, and makes room for the next.
    s.put(&begun[0]).await.unwrap();
    s.part(fifth, &part(fifth, 0, 0)).await.unwrap();
    for kept in &begun {
        s.put(kept).await.unwrap();
    }

    let (mut large, mut refused) = (Vec::new(), None);
    for _ in 0..5 {
        let kept = s.object(7 * MIB);
        match s.put(&kept).await {
            Ok(_) => large.push(kept.sealed.id),
            Err(error) => refused = Some(error),
        }
    }
    assert_eq!(large.len(), 4, "8 MiB each, besides five small ones");
    assert_eq!(refused, Some(ClientError::Problem(P::Quota)));
    // Erasing makes room.
    let now = s.world.now();
    let auth = &s.address.keys.auth;
    let client = s.world.client();
    client.erase_object(auth, &large[0], now).await.unwrap();
    let kept = s.object(7 * MIB);
    assert!(s.put(&kept).await.is_ok());
}

async fn in_files(world: &World) -> Vec<String> {
    let found = world.find_marks().await;
    let in_files = found.into_iter().filter(|f| f.place.starts_with("hub-"));
    in_files.map(|f| f.to_string()).collect()
}

#[tokio::test]
async fn what_was_erased_is_in_no_file_of_the_hub_and_leaves_a_tombstone() {
    let mut s = scene(411).await;
    let (whole, half, shredded) = (s.object(300_000), s.object(300_000), s.object(10));
    for (name, kept) in [("whole", &whole), ("half", &half), ("shredded", &shredded)] {
        s.world.marks.add(name, &kept.sealed.bytes[1000..1100]);
        s.world.marks.add(name, kept.sealed.id.as_bytes());
    }
    s.put(&whole).await.unwrap();
    let now = s.world.now();
    let auth = s.address.keys.auth.clone();
    let client = s.world.client();
    assert!(
        !in_files(&s.world).await.is_empty(),
        "what is stored must be found"
    );
    client
        .erase_object(&auth, &whole.sealed.id, now)
        .await
        .unwrap();
    assert_eq!(in_files(&s.world).await, Vec::<String>::new());
    assert_eq!(
        s.fetched(None).await,
        [Fetched::Tombstone { pos: 0, index: 0 }]
    );
    assert_eq!(s.get(&whole).await, problem(P::NotFound));
    let again = client.erase_object(&auth, &whole.sealed.id, now).await;
    assert_eq!(again, problem(P::NotFound));
    assert_eq!(s.put(&whole).await, Ok(O::Gone { index: 0 }));

    // An upload on its way, and a whole object, go with the address.
    let chunk = SEALED_CHUNK_SIZE_BYTES;
    s.part(&half, &part(&half, 0, 2 * chunk)).await.unwrap();
    s.put(&shredded).await.unwrap();
    assert!(!in_files(&s.world).await.is_empty());
    client.shred(&auth, now).await.unwrap();
    assert_eq!(in_files(&s.world).await, Vec::<String>::new());
    s.world.restart_hub(0);
    assert_eq!(in_files(&s.world).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_unfinished_upload_ends_and_its_bytes_are_free_again() {
    let mut s = scene(412).await;
    let half = s.object(300_000);
    s.world.marks.add("half", &half.sealed.bytes[1000..1100]);
    let chunk = SEALED_CHUNK_SIZE_BYTES;
    s.part(&half, &part(&half, 0, 2 * chunk)).await.unwrap();
    s.world.clock.advance_s(6 * UnixTime::DAY_S);
    s.part(&half, &part(&half, 2 * chunk, chunk)).await.unwrap();
    // It is counted from the last part that came.
    s.world.clock.advance_s(6 * UnixTime::DAY_S);
    let other = s.object(10);
    s.put(&other).await.unwrap();
    assert!(!in_files(&s.world).await.is_empty());
    s.world.clock.advance_s(2 * UnixTime::DAY_S);
    let another = s.object(10);
    s.put(&another).await.unwrap();
    assert_eq!(in_files(&s.world).await, Vec::<String>::new());
    // It begins again from nothing.
    let asked = s.part(&half, &part(&half, 0, 0)).await;
    assert_eq!(asked, Ok(UploadState::Going { received: 0 }));
    assert!(matches!(s.put(&half).await, Ok(O::Stored { .. })));
}

#[tokio::test]
async fn an_object_that_its_owner_passes_by_and_never_reads_ends_and_a_read_one_stays() {
    let mut s = scene(413).await;
    let (read, unread, waiting) = (s.object(2 * MIB), s.object(10), s.object(10));
    for (name, kept) in [("unread", &unread), ("read", &read)] {
        s.world.marks.add(name, &kept.sealed.bytes[1000..1100]);
    }
    s.put(&read).await.unwrap();
    s.put(&unread).await.unwrap();
    // Years without a visit end nothing.
    s.world.clock.advance_s(800 * UnixTime::DAY_S);
    s.put(&waiting).await.unwrap();
    s.fetched(None).await;
    s.get(&read).await.unwrap();
    s.fetched(Some(1)).await;
    s.world.clock.advance_s(91 * UnixTime::DAY_S);
    let later = s.object(10);
    s.put(&later).await.unwrap();
    let marks: Vec<String> = in_files(&s.world).await;
    assert!(marks.iter().all(|m| m.starts_with("read ")), "{marks:?}");
    assert!(!marks.is_empty());
    assert_eq!(s.get(&unread).await, problem(P::Gone));
    assert!(s.get(&read).await.is_ok());
    assert!(s.get(&waiting).await.is_ok(), "nobody has passed it by");
    // Its place still says what it was: no envelope can be hidden behind it.
    let items = s.fetched(None).await;
    let trust = s.world.directory(0).await.trust;
    let Fetched::Object { id, receipt, pos } = &items[1] else {
        panic!("{:?}", items[1])
    };
    assert!(verify_marker(id, receipt, *pos, &s.address.id(), &trust).is_ok());
    assert_eq!(*id, unread.sealed.id);
    // And it can be erased for good.
    let now = s.world.now();
    let auth = &s.address.keys.auth;
    let client = s.world.client();
    client.erase_object(auth, id, now).await.unwrap();
    assert_eq!(s.put(&unread).await, Ok(O::Gone { index: 1 }));
}

#[tokio::test]
async fn a_hub_without_room_takes_no_part_and_reads_and_erases_on() {
    let mut s = scene(414).await;
    let (there, next) = (s.object(10), s.object(10));
    s.put(&there).await.unwrap();
    s.world.house().hub().hold_writes(true);
    assert_eq!(s.put(&next).await, problem(P::Busy));
    assert!(s.get(&there).await.is_ok());
    let now = s.world.now();
    let auth = s.address.keys.auth.clone();
    let client = s.world.client();
    client
        .erase_object(&auth, &there.sealed.id, now)
        .await
        .unwrap();
    s.world.house().hub().hold_writes(false);
    assert!(matches!(s.put(&next).await, Ok(O::Stored { pos: 1, .. })));
}

#[tokio::test]
async fn many_uploads_and_deposits_at_once_get_places_without_gaps() {
    let mut s = scene(415).await;
    let kept: Vec<Kept> = (0..3).map(|_| s.object(1_500_000)).collect();
    let notes = [s.note("one"), s.note("two")];
    let (a, b, c, d) = tokio::join!(
        s.put(&kept[0]),
        s.put(&kept[1]),
        s.put(&kept[2]),
        s.world.deposit(&s.office, &notes)
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    let places: Vec<u64> = s.fetched(None).await.iter().map(Fetched::pos).collect();
    assert_eq!(places, [0, 1, 2, 3, 4]);
    for kept in &kept {
        assert!(s.get(kept).await.unwrap() == kept.sealed.bytes);
    }
}
