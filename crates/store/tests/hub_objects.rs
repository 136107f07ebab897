//! What every database of a hub must do with attachment objects: parts in order, a place when whole, and
//! nothing left of what is removed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use denizen_model::{
    AddressId, DepositId, Nonce, Sha256Hash, UnixTime,
    deposit::{LeafType, Tombstone},
};
use denizen_store::{
    StoreError,
    hub::{AddressRow, NewPlace, NewUpload, ObjectRow},
};
use support::Bench;

const A: AddressId = AddressId::new([1; 32]);
const B: AddressId = AddressId::new([2; 32]);
const NOW: UnixTime = UnixTime(1000);

impl Bench {
    fn begin(&mut self, address: &AddressId, by: &[u8], id: [u8; 16], bytes: &[u8]) -> ObjectRow {
        let new = NewUpload {
            address,
            depositor: by,
            deposit_id: &DepositId::new(id),
            id: &Sha256Hash::of(bytes),
            size: bytes.len() as u64,
            now: NOW,
        };
        self.write(|db| db.begin_upload(&new))
    }

    fn upload(&mut self, id: [u8; 16]) -> Option<ObjectRow> {
        self.db().upload(&A, b"by", &DepositId::new(id)).unwrap()
    }

    /// A whole object at a place.
    fn whole(&mut self, pos: u64, id: [u8; 16], bytes: &[u8]) -> ObjectRow {
        let begun = self.begin(&A, b"by", id, bytes);
        self.write(|db| {
            db.append_part(&begun, bytes, NOW)?;
            db.insert_place(&A, &place(pos, Sha256Hash::of(bytes)))?;
            db.finish_upload(&begun, pos)
        });
        self.upload(id).unwrap()
    }
}

fn place(pos: u64, hash: Sha256Hash) -> NewPlace<'static> {
    NewPlace {
        pos,
        index: pos,
        time: NOW,
        leaf_type: LeafType::Object,
        body: &[],
        hash,
        commit: Sha256Hash::new([0; 32]),
        nonce: Nonce::new([5; 32]),
        nonce_a: Nonce::new([6; 32]),
    }
}

support::on_every_engine! {
    parts_come_one_after_the_other_and_are_read_from_anywhere,
    an_upload_is_known_by_address_depositor_and_deposit_id,
    an_object_is_found_once_it_is_whole_and_its_place_says_what_it_is,
    erasing_takes_the_parts_and_frees_the_bytes_and_shredding_takes_all,
    what_ends_is_what_nobody_went_on_with_and_what_was_passed_by_unread,
}

fn parts_come_one_after_the_other_and_are_read_from_anywhere(mut b: Bench) {
    let bytes: Vec<u8> = (0..100).collect();
    let begun = b.begin(&A, b"by", [1; 16], &bytes);
    assert_eq!((begun.received, begun.pos, begun.kept), (0, None, false));
    for (start, end) in [(0, 40), (40, 41), (41, 100)] {
        b.reopen();
        let row = b.upload([1; 16]).unwrap();
        assert_eq!(row.received, start as u64);
        let received = b.write(|db| db.append_part(&row, &bytes[start..end], NOW));
        assert_eq!(received, end as u64);
    }
    let row = b.upload([1; 16]).unwrap();
    assert_eq!(b.db().hash_parts(&row).unwrap(), Sha256Hash::of(&bytes));
    for (offset, limit) in [
        (0, 100),
        (0, 1),
        (39, 3),
        (40, 1),
        (41, 59),
        (99, 9),
        (50, 0),
    ] {
        let end = (offset + limit).min(100);
        let read = b.db().object_bytes(&row, offset as u64, limit).unwrap();
        assert_eq!(read, bytes[offset..end], "{offset} {limit}");
    }
    assert!(b.db().object_bytes(&row, 100, 9).unwrap().is_empty());
    // A part is not written twice, and one that is missing is noticed.
    b.db().begin().unwrap();
    assert!(b.db().append_part(&begun, &bytes[..40], NOW).is_err());
    b.db().take_back().unwrap();
    let gap = b.begin(&A, b"by", [2; 16], &bytes);
    let ahead = ObjectRow {
        received: 10,
        ..gap
    };
    b.write(|db| db.append_part(&ahead, &bytes[10..], NOW));
    assert!(matches!(b.db().hash_parts(&gap), Err(StoreError::Damaged)));
}

fn an_upload_is_known_by_address_depositor_and_deposit_id(mut b: Bench) {
    b.begin(&A, b"by", [1; 16], b"one");
    b.begin(&A, b"other", [1; 16], b"two");
    b.begin(&B, b"by", [1; 16], b"three");
    let again = NewUpload {
        address: &A,
        depositor: b"by",
        deposit_id: &DepositId::new([1; 16]),
        id: &Sha256Hash::of(b"four"),
        size: 4,
        now: NOW,
    };
    b.db().begin().unwrap();
    assert!(b.db().begin_upload(&again).is_err());
    b.db().take_back().unwrap();
    assert_eq!(b.upload([1; 16]).unwrap().id, Sha256Hash::of(b"one"));
    assert_eq!(b.upload([2; 16]), None);
    assert_eq!(b.db().unfinished_uploads(&A, b"by").unwrap(), 1);
    assert_eq!(b.db().unfinished_uploads(&A, b"nobody").unwrap(), 0);
}

fn an_object_is_found_once_it_is_whole_and_its_place_says_what_it_is(mut b: Bench) {
    let id = Sha256Hash::of(b"bytes");
    let begun = b.begin(&A, b"by", [1; 16], b"bytes");
    assert_eq!(b.db().object(&A, &id).unwrap(), None);
    b.write(|db| db.remove_object(&begun));
    let whole = b.whole(3, [1; 16], b"bytes");
    b.reopen();
    assert_eq!(b.db().object(&A, &id).unwrap(), Some(whole));
    assert_eq!(whole.pos, Some(3));
    assert_eq!(b.db().object(&B, &id).unwrap(), None);
    assert_eq!(b.db().object_places(&A, &id).unwrap(), [3]);
    let row = b.db().place(&A, 3).unwrap().unwrap();
    assert_eq!(row.leaf_type, LeafType::Object);
    assert_eq!(row.body.unwrap().1, id);
    assert_eq!(b.db().unfinished_uploads(&A, b"by").unwrap(), 0);
}

fn erasing_takes_the_parts_and_frees_the_bytes_and_shredding_takes_all(mut b: Bench) {
    let address = AddressRow {
        auth: vec![7; 32],
        salt: None,
        accepts: "[]".into(),
        version: 0,
        frozen: false,
        closed: false,
        registration: vec![8; 32],
        next_pos: 0,
        bytes: 0,
        quota: 1 << 20,
    };
    b.write(|db| db.insert_address(&A, &address));
    let erased = b.whole(0, [1; 16], b"erased");
    let shredded = b.whole(1, [2; 16], b"shredded");
    let going = b.begin(&A, b"by", [3; 16], b"going");
    b.write(|db| db.append_part(&going, b"go", NOW));
    assert_eq!(b.write(|db| db.erase_place(&A, 0)), 6);
    assert_eq!(b.write(|db| db.erase_place(&A, 0)), 0);
    let tombstone = Tombstone { pos: 0, index: 0 };
    assert_eq!(b.db().tombstones(&A).unwrap(), [tombstone]);
    assert!(b.db().object_bytes(&erased, 0, 9).unwrap().is_empty());
    assert!(b.db().object_places(&A, &erased.id).unwrap().is_empty());
    assert_eq!(b.db().object_bytes(&shredded, 0, 9).unwrap(), b"shredded");
    b.write(|db| db.shred_address(&A));
    b.reopen();
    for gone in [&erased, &shredded, &going] {
        assert!(b.db().object_bytes(gone, 0, 9).unwrap().is_empty());
    }
    assert_eq!(b.upload([3; 16]), None);
    // A later upload gets none of the old parts' numbers.
    let later = b.begin(&B, b"by", [4; 16], b"later");
    assert!(later.parts > going.parts);
}

fn what_ends_is_what_nobody_went_on_with_and_what_was_passed_by_unread(mut b: Bench) {
    let going = b.begin(&A, b"by", [1; 16], b"going");
    let unread = b.whole(0, [2; 16], b"unread");
    let read = b.whole(1, [3; 16], b"read");
    let ahead = b.whole(2, [4; 16], b"ahead");
    let at = |s: i64| UnixTime(s);
    assert!(b.db().has_unpassed(&A, 1).unwrap());
    b.write(|db| {
        db.keep_object(&read)?;
        db.pass_objects(&A, 1, at(2000))
    });
    assert!(!b.db().has_unpassed(&A, 1).unwrap());
    assert!(b.db().has_unpassed(&A, u64::MAX).unwrap());
    // The first time counts.
    b.write(|db| db.pass_objects(&A, 1, at(9000)));
    let ended = |b: &mut Bench, unfinished, unread| -> Vec<i64> {
        let rows = b.db().ended_objects(at(unfinished), at(unread), 9).unwrap();
        rows.iter().map(|r| r.parts).collect()
    };
    assert!(ended(&mut b, 1000, 2000).is_empty());
    assert_eq!(ended(&mut b, 1001, 2000), [going.parts]);
    assert_eq!(ended(&mut b, 1000, 2001), [unread.parts]);
    assert_eq!(ended(&mut b, i64::MAX, i64::MAX).len(), 2);
    assert!(ahead.pos.is_some());
    assert_eq!(
        b.db().ended_objects(at(5000), at(5000), 1).unwrap().len(),
        1
    );
    b.write(|db| db.remove_object(&unread));
    // Its place stays, with its opening.
    assert_eq!(b.db().object_places(&A, &unread.id).unwrap(), [0]);
    assert!(b.db().tombstones(&A).unwrap().is_empty());
}
