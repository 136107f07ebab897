//! What every database of a hub must do, whichever engine it is: one suite, a fresh database for each
//! behaviour, opened anew in the middle of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use denizen_model::{
    AddressId, DepositId, Nonce, OrgId, Sha256Hash, UnixTime,
    deposit::{LeafType, Tombstone},
};
use denizen_store::{
    Fault, StoreError,
    hub::{AddressRow, HubStore, KeptTiles, LogHead, LogId, NewPlace, Page, RootRow, StoredTiles},
};
use denizen_tlog::{
    RightEdge, Tile, TileReader as _, hash_leaf, prove_inclusion, verify_inclusion,
};
use support::Bench;

const A: AddressId = AddressId::new([1; 32]);
const B: AddressId = AddressId::new([2; 32]);

fn address() -> AddressRow {
    AddressRow {
        auth: vec![7; 32],
        salt: Some(Nonce::new([3; 32])),
        accepts: "[]".into(),
        version: 0,
        frozen: false,
        closed: false,
        registration: vec![8; 32],
        next_pos: 0,
        bytes: 0,
        quota: 1 << 20,
    }
}

fn place(pos: u64, index: u64, body: &[u8]) -> NewPlace<'_> {
    NewPlace {
        pos,
        index,
        time: UnixTime(100 + index.cast_signed()),
        leaf_type: LeafType::Envelope,
        body,
        hash: Sha256Hash::of(body),
        commit: Sha256Hash::new([4; 32]),
        nonce: Nonce::new([5; 32]),
        nonce_a: Nonce::new([6; 32]),
    }
}

fn page(rows: usize, size_bytes: usize) -> Page {
    Page { rows, size_bytes }
}

fn positions(db: &dyn HubStore, after: Option<u64>, size: u64, rows: usize) -> Vec<u64> {
    let places = db.places(&A, after, size, page(rows, 1 << 20)).unwrap();
    places.iter().map(|p| p.pos).collect()
}

support::on_every_engine! {
    an_address_is_added_once_and_read_back_whole,
    accepts_change_only_from_the_version_before_and_never_when_closed,
    places_come_in_order_above_a_cursor_below_a_size,
    no_more_places_come_once_their_bodies_fill_the_page,
    a_place_is_never_written_twice,
    erasing_leaves_the_place_and_frees_its_bytes,
    shredding_takes_salt_envelopes_and_hashes_and_keeps_the_places,
    a_deposit_id_is_known_by_address_and_depositor,
    uses_of_a_pass_are_counted_by_period_up_to_its_number,
    bytes_under_a_pass_are_counted_together_and_one_too_many_counts_nothing,
    the_head_of_a_log_moves_by_compare_and_swap,
    tiles_are_replaced_bundles_grow_and_logs_do_not_mix,
    a_wrapped_root_is_left_once_and_a_status_list_is_replaced,
    what_is_rolled_back_or_failed_is_not_there_and_what_was_kept_is,
    what_was_begun_and_never_committed_is_gone_after_a_restart,
    a_reader_sees_whole_commits_and_a_snapshot_one_moment,
    a_row_of_another_shape_is_damage_and_never_a_guess,
}

fn an_address_is_added_once_and_read_back_whole(mut b: Bench) {
    assert_eq!(b.db().address(&A).unwrap(), None);
    let row = AddressRow {
        frozen: true,
        version: 9,
        next_pos: 3,
        bytes: 4,
        ..address()
    };
    assert!(b.write(|db| db.insert_address(&A, &row)));
    let other = AddressRow {
        auth: vec![1; 32],
        ..address()
    };
    assert!(!b.write(|db| db.insert_address(&A, &other)));
    b.reopen();
    assert_eq!(b.db().address(&A).unwrap(), Some(row));
    assert_eq!(b.db().address(&B).unwrap(), None);
    let unsalted = AddressRow {
        salt: None,
        closed: true,
        ..address()
    };
    b.write(|db| db.insert_address(&B, &unsalted));
    assert_eq!(b.db().address(&B).unwrap(), Some(unsalted));
}

fn accepts_change_only_from_the_version_before_and_never_when_closed(mut b: Bench) {
    b.write(|db| db.insert_address(&A, &address()));
    let change = |b: &mut Bench, version| b.write(|db| db.change_accepts(&A, version, "[1]", true));
    assert!(!change(&mut b, 2));
    assert!(change(&mut b, 1));
    assert!(!change(&mut b, 1));
    b.reopen();
    let row = b.db().address(&A).unwrap().unwrap();
    assert_eq!(
        (row.version, row.accepts.as_str(), row.frozen),
        (1, "[1]", true)
    );
    b.write(|db| db.shred_address(&A));
    assert!(!change(&mut b, 2));
    assert!(!b.write(|db| db.change_accepts(&B, 1, "[]", false)));
}

fn places_come_in_order_above_a_cursor_below_a_size(mut b: Bench) {
    assert_eq!(b.db().pos_max(&A, 100).unwrap(), None);
    b.write(|db| {
        for (pos, index) in [(2, 7), (0, 1), (1, 3), (3, 9)] {
            db.insert_place(&A, &place(pos, index, b"x"))?;
        }
        db.insert_place(&B, &place(0, 2, b"of another"))
    });
    b.reopen();
    assert_eq!(positions(b.db(), None, 100, 10), [0, 1, 2, 3]);
    assert_eq!(positions(b.db(), Some(1), 100, 10), [2, 3]);
    assert_eq!(positions(b.db(), None, 7, 10), [0, 1]);
    assert_eq!(positions(b.db(), None, 100, 2), [0, 1]);
    assert_eq!(b.db().pos_max(&A, 9).unwrap(), Some(2));
    assert_eq!(b.db().pos_max(&A, 1).unwrap(), None);
    let row = b.db().place(&A, 1).unwrap().unwrap();
    assert_eq!((row.index, row.time), (3, UnixTime(103)));
    assert_eq!(row.body.unwrap().0, b"x");
    assert_eq!(b.db().place(&A, 4).unwrap(), None);
}

fn a_place_is_never_written_twice(mut b: Bench) {
    b.write(|db| db.insert_place(&A, &place(0, 0, b"first")));
    b.db().begin().unwrap();
    let again = b.db().insert_place(&A, &place(0, 1, b"second"));
    assert!(again.and_then(|()| b.db().flush()).is_err());
    b.db().take_back().unwrap();
    assert_eq!(
        b.db().place(&A, 0).unwrap().unwrap().body.unwrap().0,
        b"first"
    );
}

fn erasing_leaves_the_place_and_frees_its_bytes(mut b: Bench) {
    let id = DepositId::new([1; 16]);
    b.write(|db| {
        db.insert_place(&A, &place(0, 4, b"abc"))?;
        db.insert_place(&A, &place(1, 5, b"defg"))?;
        db.insert_deposit(&A, b"by", &id, 0)
    });
    assert_eq!(b.write(|db| db.erase_place(&A, 0)), 3);
    assert_eq!(b.write(|db| db.erase_place(&A, 0)), 0);
    assert_eq!(b.write(|db| db.erase_place(&A, 9)), 0);
    b.reopen();
    let row = b.db().place(&A, 0).unwrap().unwrap();
    assert_eq!((row.index, row.body), (4, None));
    assert_eq!(
        b.db().tombstones(&A).unwrap(),
        [Tombstone { pos: 0, index: 4 }]
    );
    assert_eq!(b.db().deposit(&A, b"by", &id).unwrap(), Some(0));
    assert!(b.db().place(&A, 1).unwrap().unwrap().body.is_some());
}

fn shredding_takes_salt_envelopes_and_hashes_and_keeps_the_places(mut b: Bench) {
    let id = DepositId::new([1; 16]);
    b.write(|db| {
        db.insert_address(&A, &address())?;
        db.insert_address(&B, &address())?;
        db.insert_place(&A, &place(0, 0, b"abc"))?;
        db.insert_place(&B, &place(0, 1, b"abc"))?;
        db.insert_deposit(&A, b"by", &id, 0)?;
        db.shred_address(&A)
    });
    b.reopen();
    let row = b.db().address(&A).unwrap().unwrap();
    assert!(row.closed && row.salt.is_none() && row.auth == [7; 32] && row.accepts == "[]");
    assert_eq!(b.db().tombstones(&A).unwrap().len(), 1);
    assert_eq!(b.db().deposit(&A, b"by", &id).unwrap(), Some(0));
    assert_eq!(b.db().tombstones(&B).unwrap(), []);
    assert!(!b.db().address(&B).unwrap().unwrap().closed);
}

fn a_deposit_id_is_known_by_address_and_depositor(mut b: Bench) {
    let id = DepositId::new([1; 16]);
    b.write(|db| db.insert_deposit(&A, b"one", &id, 5));
    b.reopen();
    assert_eq!(b.db().deposit(&A, b"one", &id).unwrap(), Some(5));
    assert_eq!(b.db().deposit(&A, b"two", &id).unwrap(), None);
    assert_eq!(b.db().deposit(&B, b"one", &id).unwrap(), None);
    assert_eq!(
        b.db()
            .deposit(&A, b"one", &DepositId::new([3; 16]))
            .unwrap(),
        None
    );
}

fn uses_of_a_pass_are_counted_by_period_up_to_its_number(mut b: Bench) {
    let mut used = |bind: &[u8], period, max| b.write(|db| db.use_pass(bind, period, max));
    assert!(!used(b"none", 0, 0));
    assert!(used(b"pass", 0, 2) && used(b"pass", 0, 2) && !used(b"pass", 0, 2));
    assert!(used(b"pass", 1, 2) && used(b"other", 0, 1));
    b.reopen();
    assert!(!b.write(|db| db.use_pass(b"pass", 0, 2)));
    assert!(b.write(|db| db.use_pass(b"pass", 0, 3)));
}

fn bytes_under_a_pass_are_counted_together_and_one_too_many_counts_nothing(mut b: Bench) {
    let used = |b: &mut Bench, bytes, max| b.write(|db| db.use_bytes((b"pass", 0), bytes, max));
    assert!(!used(&mut b, 11, 10));
    assert!(used(&mut b, 6, 10) && !used(&mut b, 5, 10) && used(&mut b, 4, 10));
    assert!(!used(&mut b, 1, 10));
    b.reopen();
    assert!(!used(&mut b, 1, 10) && used(&mut b, 1, u64::MAX) && !used(&mut b, 1, 0));
    // Another period, a day later, counts anew.
    assert!(b.write(|db| db.use_bytes((b"pass", 1), 10, 10)));
}

fn the_head_of_a_log_moves_by_compare_and_swap(mut b: Bench) {
    let head = |size: u64| LogHead {
        size,
        root: [size as u8; 32],
        time: UnixTime(7),
    };
    let mut moved = |log, old, size| {
        b.db().begin().unwrap();
        let moved = b.db().move_log_head(log, old, &head(size));
        b.db().commit().unwrap();
        moved
    };
    moved(LogId::Deposits, 0, 3).unwrap();
    for old in [0, 2, 4] {
        let refused = moved(LogId::Deposits, old, 9);
        assert!(matches!(refused, Err(StoreError::AnotherWriter)), "{old}");
    }
    moved(LogId::Deposits, 3, 5).unwrap();
    assert!(matches!(
        moved(LogId::Directory, 1, 2),
        Err(StoreError::AnotherWriter)
    ));
    b.reopen();
    assert_eq!(b.db().log_head(LogId::Deposits).unwrap(), Some(head(5)));
    assert_eq!(b.db().log_head(LogId::Directory).unwrap(), None);
}

fn tiles_are_replaced_bundles_grow_and_logs_do_not_mix(mut b: Bench) {
    let tile = |count: u8| Tile {
        level: 0,
        index: 3,
        hashes: (0..count).map(|n| [n; 32]).collect(),
    };
    b.write(|db| {
        db.put_tile(LogId::Deposits, &tile(1))?;
        db.put_tile(LogId::Deposits, &tile(2))?;
        db.append_bundle(LogId::Deposits, 3, b"ab")?;
        db.append_bundle(LogId::Deposits, 3, b"cd")
    });
    b.reopen();
    assert_eq!(
        b.db().tile(LogId::Deposits, 0, 3).unwrap(),
        Some(tile(2).hashes)
    );
    assert_eq!(b.db().tile(LogId::Directory, 0, 3).unwrap(), None);
    assert_eq!(b.db().tile(LogId::Deposits, 1, 3).unwrap(), None);
    assert_eq!(
        b.db().bundle(LogId::Deposits, 3).unwrap(),
        Some(b"abcd".to_vec())
    );
    assert_eq!(b.db().bundle(LogId::Directory, 3).unwrap(), None);
    let tiles = StoredTiles::new(b.db(), LogId::Deposits);
    assert_eq!(tiles.tile(0, 3, 2).unwrap().len(), 2);
    assert!(tiles.tile(0, 3, 3).is_err() && tiles.tile(0, 4, 1).is_err());
}

fn a_wrapped_root_is_left_once_and_a_status_list_is_replaced(mut b: Bench) {
    let (locator, org) = (Nonce::new([1; 32]), OrgId::new([2; 32]));
    let row = RootRow {
        owner: vec![1; 32],
        body: b"wrapped".to_vec(),
    };
    assert!(b.write(|db| db.insert_root(&locator, &row.owner, &row.body)));
    assert!(!b.write(|db| db.insert_root(&locator, &[2; 32], b"another")));
    b.write(|db| db.put_status(&org, "1", "first"));
    b.write(|db| db.put_status(&org, "1", "second"));
    b.reopen();
    assert_eq!(b.db().root(&locator).unwrap(), Some(row));
    assert_eq!(b.db().status(&org, "1").unwrap().as_deref(), Some("second"));
    assert_eq!(b.db().status(&org, "2").unwrap(), None);
    b.write(|db| db.delete_root(&locator));
    assert_eq!(b.db().root(&locator).unwrap(), None);
}

fn what_is_rolled_back_or_failed_is_not_there_and_what_was_kept_is(mut b: Bench) {
    b.db().begin().unwrap();
    b.db().insert_address(&A, &address()).unwrap();
    b.db().take_back().unwrap();
    assert_eq!(b.db().address(&A).unwrap(), None);
    for (fault, kept) in [(Fault::Failed, false), (Fault::FailedButPersisted, true)] {
        b.db().begin().unwrap();
        b.db().insert_address(&A, &address()).unwrap();
        b.db().inject(fault);
        assert!(b.db().commit().is_err());
        b.reopen();
        assert_eq!(b.db().address(&A).unwrap().is_some(), kept, "{fault:?}");
    }
}

fn what_was_begun_and_never_committed_is_gone_after_a_restart(mut b: Bench) {
    b.db().begin().unwrap();
    b.db().insert_address(&A, &address()).unwrap();
    b.reopen();
    assert_eq!(b.db().address(&A).unwrap(), None);
}

fn a_reader_sees_whole_commits_and_a_snapshot_one_moment(mut b: Bench) {
    let readers = b.readers();
    let is_there = || readers.with(|db| db.place(&A, 0)).unwrap().is_some();
    b.db().begin().unwrap();
    b.db().insert_place(&A, &place(0, 0, b"x")).unwrap();
    b.db().flush().unwrap();
    assert!(!is_there());
    b.db().commit().unwrap();
    assert!(is_there());
    let erased = |db: &dyn HubStore| db.tombstones(&A).map(|t| t.len());
    let before = readers.with(|db| {
        db.snapshot(|db| {
            let before = erased(db)?;
            b.write(|db| db.erase_place(&A, 0));
            assert_eq!(erased(db)?, before);
            Ok::<_, StoreError>(before)
        })
    });
    assert_eq!(before.unwrap(), 0);
    assert_eq!(readers.with(erased).unwrap(), 1);
    let failed: Result<(), StoreError> =
        readers.with(|db| db.snapshot(|_| Err(StoreError::Damaged)));
    assert!(matches!(failed, Err(StoreError::Damaged)));
    assert_eq!(readers.with(erased).unwrap(), 1);
    let written = readers.with(|db| {
        db.insert_place(&A, &place(1, 1, b"x"))?;
        db.flush()
    });
    assert!(written.is_err(), "a reader never writes");
}

#[test]
fn after_a_scrub_erased_bytes_are_in_no_file() {
    let mut b = Bench::file();
    let body = [b"an envelope that is to go ".as_slice(), &[7; 20_000]].concat();
    b.write(|db| db.insert_place(&A, &place(0, 0, &body)));
    let there = |b: &Bench| {
        std::fs::read_dir(b.folder()).unwrap().any(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.windows(26).any(|w| w == &body[..26])
        })
    };
    assert!(there(&b));
    b.write(|db| db.erase_place(&A, 0));
    assert!(there(&b), "the write-ahead log still has it");
    let readers = b.readers();
    readers
        .with(|db| db.snapshot(|db| db.tombstones(&A)))
        .unwrap();
    assert!(b.db().scrub().unwrap());
    assert!(!there(&b));
}

fn no_more_places_come_once_their_bodies_fill_the_page(mut b: Bench) {
    b.write(|db| {
        for (pos, size) in [(0, 10), (1, 0), (2, 10), (3, 30), (4, 1)] {
            db.insert_place(&A, &place(pos, pos, &vec![7; size]))?;
        }
        db.erase_place(&A, 1).map(drop)
    });
    let mut of = |after, size_bytes| {
        let places = b.db().places(&A, after, 9, page(9, size_bytes)).unwrap();
        places.iter().map(|p| p.pos).collect::<Vec<_>>()
    };
    assert_eq!(of(None, 1), [0], "the first always comes");
    assert_eq!(of(None, 10), [0]);
    assert_eq!(of(None, 11), [0, 1, 2]);
    assert_eq!(of(None, 21), [0, 1, 2, 3]);
    assert_eq!(of(None, 51), [0, 1, 2, 3, 4]);
    assert_eq!(of(Some(2), 30), [3]);
    let two = b.db().places(&A, None, 9, page(2, 99)).unwrap();
    assert_eq!(two.len(), 2);
}

fn a_row_of_another_shape_is_damage_and_never_a_guess(mut b: Bench) {
    b.write(|db| db.insert_place(&A, &place(0, 0, b"x")));
    b.write(|db| db.insert_address(&A, &address()));
    b.tamper("UPDATE place SET nonce = NULL; UPDATE address SET next_pos = -1");
    assert!(matches!(b.db().place(&A, 0), Err(StoreError::Damaged)));
    assert!(matches!(
        b.db().places(&A, None, 9, page(9, 99)),
        Err(StoreError::Damaged)
    ));
    assert!(matches!(b.db().address(&A), Err(StoreError::Damaged)));
    b.db().begin().unwrap();
    let beyond = b.db().insert_place(&A, &place(u64::MAX, 1, b"x"));
    assert!(matches!(beyond, Err(StoreError::OutOfRange)));
    b.db().take_back().unwrap();
}

/// Else it looks through all deposit ids of the address.
#[test]
fn erasing_a_place_touches_no_deposit_id() {
    let mut b = Bench::file();
    let id = DepositId::new([1; 16]);
    b.write(|db| {
        db.insert_place(&A, &place(0, 0, b"abc"))?;
        db.insert_deposit(&A, b"by", &id, 0)
    });
    let raw = rusqlite::Connection::open(b.folder().join("hub.db")).unwrap();
    let watch = "CREATE TRIGGER watch BEFORE UPDATE ON deposit \
                 BEGIN SELECT RAISE(ABORT, 'a deposit id was touched'); END";
    raw.execute_batch(watch).unwrap();
    drop(raw);
    b.reopen();
    assert_eq!(b.write(|db| db.erase_place(&A, 0)), 3);
    b.write(|db| db.shred_address(&A));
}

/// A proof from tiles that are kept is the one from tiles that are read, while the log grows beneath them.
#[test]
fn what_is_kept_of_tiles_makes_the_same_proofs_as_the_log_grows() {
    let mut b = Bench::file();
    let kept = KeptTiles::default();
    let (mut edge, mut leaves) = (RightEdge::default(), 0_u64);
    for more in [1_u64, 2, 200, 60, 300] {
        let new: Vec<_> = (leaves..leaves + more)
            .map(|leaf| hash_leaf(&leaf.to_be_bytes()))
            .collect();
        leaves += more;
        b.write(|db| {
            for tile in edge.append(&new) {
                db.put_tile(LogId::Deposits, &tile)?;
            }
            Ok(())
        });
        for index in 0..leaves {
            let db: &dyn HubStore = b.db();
            let read = StoredTiles::new(db, LogId::Deposits);
            let with_kept = StoredTiles::kept(db, LogId::Deposits, &kept);
            let proof = prove_inclusion(&with_kept, index, leaves).unwrap();
            assert_eq!(proof, prove_inclusion(&read, index, leaves).unwrap());
            let leaf = hash_leaf(&index.to_be_bytes());
            verify_inclusion(&leaf, index, leaves, &proof, &edge.root()).unwrap();
        }
        // What is not there yet is not made up.
        let with_kept = StoredTiles::kept(b.db(), LogId::Deposits, &kept);
        assert!(prove_inclusion(&with_kept, leaves, leaves + 1).is_err());
    }
}
