//! A hub's rows move from a file into a server, are compared there, and the file is left behind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use denizen_model::{AddressId, DepositId, Nonce, OrgId, Sha256Hash, UnixTime, deposit::LeafType};
use denizen_store::{
    Server, StoreError,
    hub::{
        AddressRow, HubStore, Location, LogHead, LogId, Move, NewPlace, NewUpload, Readers, open,
    },
};
use denizen_tlog::Tile;
use std::path::PathBuf;
use support::{Bench, cluster::Cluster, cluster::name_of, location};

const ADDRESSES: u8 = 20;
const PLACES: u64 = 7;

/// Every table has rows, some with nothing in a column.
fn fill(db: &dyn HubStore) -> Result<(), StoreError> {
    for n in 0..ADDRESSES {
        let id = AddressId::new([n; 32]);
        let row = AddressRow {
            auth: vec![n; 32],
            salt: (n % 2 == 0).then(|| Nonce::new([n; 32])),
            accepts: "[]".into(),
            version: u64::from(n),
            frozen: n % 3 == 0,
            closed: false,
            registration: vec![8; 32],
            next_pos: PLACES,
            bytes: 4,
            quota: 1 << 20,
        };
        db.insert_address(&id, &row)?;
        for pos in 0..PLACES {
            let index = u64::from(n) * PLACES + pos;
            let body = vec![n; 5_000];
            let new = NewPlace {
                pos,
                index,
                time: UnixTime(9),
                leaf_type: LeafType::Envelope,
                body: &body,
                hash: Sha256Hash::of(&body),
                commit: Sha256Hash::new([4; 32]),
                nonce: Nonce::new([5; 32]),
                nonce_a: Nonce::new([6; 32]),
            };
            db.insert_place(&id, &new)?;
            let deposit = DepositId::new([pos as u8; 16]);
            db.insert_deposit(&id, b"by", &deposit, pos)?;
        }
    }
    db.erase_place(&AddressId::new([1; 32]), 2)?;
    db.shred_address(&AddressId::new([2; 32]))?;
    fill_rest(db)
}

fn fill_rest(db: &dyn HubStore) -> Result<(), StoreError> {
    let bytes = vec![3; 700];
    for n in 0..3 {
        let upload = db.begin_upload(&NewUpload {
            address: &AddressId::new([n; 32]),
            depositor: b"by",
            deposit_id: &DepositId::new([200; 16]),
            id: &Sha256Hash::of(&bytes),
            size: 700,
            now: UnixTime(9),
        })?;
        db.append_part(&upload, &bytes[..300], UnixTime(10))?;
    }
    db.use_pass(b"bind", 0, 3)?;
    db.insert_root(&Nonce::new([1; 32]), &[2; 32], b"wrapped")?;
    db.put_status(&OrgId::new([1; 32]), "ʻ1", "token")?;
    db.put_status(&OrgId::new([1; 32]), "Z", "token")?;
    let hashes = vec![[1; 32]; 3];
    let tile = Tile {
        level: 0,
        index: 0,
        hashes,
    };
    db.put_tile(LogId::Deposits, &tile)?;
    db.append_bundle(LogId::Deposits, 0, b"entries")?;
    let head = LogHead {
        size: 3,
        root: [7; 32],
        time: UnixTime(9),
    };
    db.move_log_head(LogId::Deposits, 0, &head)
}

/// A file with rows, and an empty database of a server.
struct Scene {
    bench: Bench,
    url: String,
}

impl Scene {
    fn make() -> Self {
        let mut bench = Bench::file();
        bench.write(fill);
        bench.close();
        let url = Cluster::shared().database();
        Self { bench, url }
    }

    fn file(&self) -> PathBuf {
        self.bench.folder().join("hub.db")
    }

    fn to(&self) -> Server {
        match location(&self.url) {
            Location::Server(server) => *server,
            _ => unreachable!("it is a server's"),
        }
    }

    fn begin(&self) -> Result<Move, StoreError> {
        Move::begin(&self.file(), &self.to())
    }

    fn psql(&self, sql: &str) -> String {
        Cluster::shared().psql(name_of(&self.url), sql)
    }
}

#[test]
fn every_row_arrives_and_then_only_the_server_is_opened() {
    let scene = Scene::make();
    let moved = scene.begin().unwrap();
    let mut chunks = 0;
    moved.copy(|_| chunks += 1).unwrap();
    assert!(chunks >= 11, "every table has rows: {chunks}");
    let compared = moved.compare().unwrap();
    let rows = |table: &str| compared.iter().find(|a| a.table == table).unwrap().rows;
    assert_eq!(rows("place"), u64::from(ADDRESSES) * PLACES);
    assert_eq!(
        (rows("object"), rows("object_part"), rows("log_head")),
        (3, 3, 1)
    );
    drop(moved);
    // Not ended: nobody writes there yet, and the file is the hub's.
    let refused = open(&location(&scene.url)).err();
    assert!(matches!(refused, Some(StoreError::Moving)));
    drop(open(&Location::File(scene.file())).unwrap());
    scene.begin().unwrap().end().unwrap();
    let refused = open(&Location::File(scene.file())).err();
    assert!(matches!(refused, Some(StoreError::Moved)));
    let readers = Readers::open(&Location::File(scene.file())).unwrap();
    let place = |db: &dyn HubStore| db.place(&AddressId::new([3; 32]), 6);
    let before = readers.with(place).unwrap();
    let mut db = open(&location(&scene.url)).unwrap();
    assert_eq!(place(&*db).unwrap(), before);
    // Numbers of objects go on.
    db.begin().unwrap();
    let upload = db.begin_upload(&NewUpload {
        address: &AddressId::new([9; 32]),
        depositor: b"by",
        deposit_id: &DepositId::new([1; 16]),
        id: &Sha256Hash::of(b"x"),
        size: 1,
        now: UnixTime(9),
    });
    assert!(upload.unwrap().parts > 3);
    db.commit().unwrap();
    // Once more is refused on both sides.
    drop(db);
    assert!(matches!(scene.begin().err(), Some(StoreError::Moved)));
}

#[test]
fn a_move_that_was_broken_off_goes_on_where_it_was() {
    let scene = Scene::make();
    scene.begin().unwrap().copy(|_| ()).unwrap();
    // As if it had stopped between two chunks.
    scene.psql("DELETE FROM place WHERE address > decode(repeat('05', 32), 'hex')");
    scene.psql("DELETE FROM deposit; DELETE FROM log_head; DELETE FROM tile");
    let again = scene.begin().unwrap();
    let mut tables = Vec::new();
    again.copy(|arrived| tables.push(arrived.table)).unwrap();
    assert_eq!(tables, ["place", "deposit", "tile", "log_head"]);
    again.compare().unwrap();
    // It is taken up between its last two steps as well.
    again.end().unwrap();
    scene.psql("INSERT INTO moving VALUES ('from a file')");
    let late = scene.begin().unwrap();
    late.compare().unwrap();
    late.end().unwrap();
    open(&location(&scene.url)).unwrap();
}

#[test]
fn what_arrived_otherwise_is_found() {
    for change in [
        "UPDATE place SET body = decode('00', 'hex') WHERE pos = 3",
        "UPDATE address SET salt = NULL",
        "DELETE FROM bundle",
        "INSERT INTO pass_use VALUES ('x', 1, 1)",
    ] {
        let scene = Scene::make();
        let moved = scene.begin().unwrap();
        moved.copy(|_| ()).unwrap();
        scene.psql(change);
        assert!(
            matches!(moved.compare(), Err(StoreError::Damaged)),
            "{change}"
        );
    }
}

#[test]
fn a_database_with_rows_of_its_own_is_not_moved_into() {
    let scene = Scene::make();
    let mut db = open(&location(&scene.url)).unwrap();
    db.begin().unwrap();
    db.use_pass(b"bind", 0, 3).unwrap();
    db.commit().unwrap();
    // Nor while its hub has it.
    assert!(matches!(scene.begin().err(), Some(StoreError::InUse)));
    drop(db);
    assert!(matches!(scene.begin().err(), Some(StoreError::Occupied)));
    drop(open(&Location::File(scene.file())).unwrap());
}
