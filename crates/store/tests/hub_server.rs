//! What only a server can do wrong: two writers, settings that lose what was acknowledged, a connection
//! that ends, a password that is wrong. And that nothing of it is said with a row's values.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use denizen_model::{AddressId, DepositId, Nonce, Sha256Hash, UnixTime, deposit::LeafType};
use denizen_store::{
    Server, ServerFault, StoreError, Version,
    hub::{AddressRow, HubStore, Location, NewPlace, Readers, Wanted, open},
};
use std::error::Error as _;
use support::{Bench, cluster::Cluster, cluster::name_of, location};

const A: AddressId = AddressId::new([1; 32]);

fn place(pos: u64, body: &[u8]) -> NewPlace<'_> {
    NewPlace {
        pos,
        index: pos,
        time: UnixTime(9),
        leaf_type: LeafType::Envelope,
        body,
        hash: Sha256Hash::of(body),
        commit: Sha256Hash::new([4; 32]),
        nonce: Nonce::new([5; 32]),
        nonce_a: Nonce::new([6; 32]),
    }
}

fn address() -> AddressRow {
    AddressRow {
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
    }
}

#[test]
fn a_second_writer_is_refused_until_the_first_has_gone() {
    let mut b = Bench::server();
    let second = open(b.location()).err();
    assert!(matches!(second, Some(StoreError::InUse)));
    // The first goes on, and readers are not in anybody's way.
    b.write(|db| db.insert_address(&A, &address()));
    assert!(b.readers().with(|db| db.address(&A)).unwrap().is_some());
    b.reopen();
}

#[test]
fn a_server_that_may_lose_what_it_acknowledged_is_refused() {
    for setting in ["fsync=off", "full_page_writes=off", "data_sync_retry=on"] {
        let cluster = Cluster::start(&format!("-c {setting}"));
        let refused = open(&location(&cluster.database())).err();
        assert!(matches!(refused, Some(StoreError::NotDurable)), "{setting}");
    }
    // What a session can set itself, it sets.
    let cluster = Cluster::start("-c synchronous_commit=off");
    open(&location(&cluster.database())).unwrap();
}

#[test]
fn a_writer_whose_connection_ended_writes_nothing_more() {
    let mut b = Bench::server();
    b.write(|db| db.insert_address(&A, &address()));
    b.db().begin().unwrap();
    b.db().set_address_fill(&A, 1, 1).unwrap();
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    Cluster::shared().psql(name_of(b.url()), others);
    let ended = b.db().commit();
    assert!(matches!(ended, Err(StoreError::Server(_))));
    assert!(!ended.unwrap_err().is_refusal());
    assert!(b.db().begin().is_err());
    b.reopen();
    assert_eq!(b.db().address(&A).unwrap().unwrap().next_pos, 0);
}

#[test]
fn after_a_statement_failed_the_transaction_cannot_be_committed() {
    let mut b = Bench::server();
    b.db().begin().unwrap();
    b.db().insert_place(&A, &place(0, b"x")).unwrap();
    b.db().insert_place(&A, &place(0, b"y")).unwrap();
    assert!(b.db().flush().is_err());
    // The server would answer COMMIT by taking it back, and call that a success.
    let refused = b.db().commit();
    let gone = ServerFault::NoTransaction;
    assert!(matches!(refused, Err(StoreError::Server(fault)) if fault == gone));
    b.db().take_back().unwrap();
    b.write(|db| db.insert_place(&A, &place(0, b"z")));
}

#[test]
fn an_error_names_no_value_of_a_row() {
    let mut b = Bench::server();
    let depositor = b"depositor-of-a-row";
    let twice = |db: &dyn HubStore| {
        let id = DepositId::new([7; 16]);
        db.insert_deposit(&A, depositor, &id, 0)?;
        db.flush()
    };
    b.write(twice);
    b.db().begin().unwrap();
    let error = twice(b.db()).unwrap_err();
    let source = error.source().unwrap().to_string();
    assert_eq!(source, "it refused a statement, SQLSTATE 23505");
    let said = format!("{error} {source} {error:?}");
    assert!(
        !said.contains("depositor") && !said.contains("6465706f"),
        "{said}"
    );
}

#[test]
fn a_wrong_password_and_a_server_that_is_not_there_are_told_apart() {
    let url = Cluster::shared().database();
    let wrong = Server::parse(&url, Some(b"wrong"), None).unwrap();
    let refused = open(&Location::Server(Box::new(wrong))).err();
    let not_let_in = ServerFault::NotLetIn;
    assert!(matches!(refused, Some(StoreError::Server(fault)) if fault == not_let_in));
    let nowhere = Server::parse("postgres://a@%2Fnowhere/b", None, None).unwrap();
    let refused = Readers::open(&Location::Server(Box::new(nowhere))).err();
    let connection = |fault: &ServerFault| matches!(fault, ServerFault::Connection(_));
    assert!(matches!(refused, Some(StoreError::Server(fault)) if connection(&fault)));
}

#[test]
fn what_is_prepared_changes_no_answer() {
    let mut b = Bench::server();
    let id = DepositId::new([1; 16]);
    let wanted = |deposit_id: [u8; 16], depositor: &[u8]| Wanted {
        address: A,
        depositor: depositor.to_vec(),
        deposit_id: DepositId::new(deposit_id),
    };
    b.write(|db| {
        db.insert_address(&A, &address())?;
        db.insert_deposit(&A, b"by", &id, 5)
    });
    b.write(|db| {
        db.prepare(&[
            wanted([1; 16], b"by"),
            wanted([1; 16], b"other"),
            wanted([2; 16], b"by"),
        ])?;
        assert_eq!(db.deposit(&A, b"by", &id)?, Some(5));
        assert_eq!(db.deposit(&A, b"other", &id)?, None);
        assert_eq!(db.deposit(&A, b"by", &DepositId::new([2; 16]))?, None);
        // A transaction sees its own writes, collected or not.
        db.insert_place(&A, &place(5, b"x"))?;
        db.set_address_fill(&A, 6, 1)?;
        db.insert_deposit(&A, b"by", &DepositId::new([2; 16]), 6)?;
        assert_eq!(db.address(&A)?.unwrap().next_pos, 6);
        assert_eq!(db.deposit(&A, b"by", &DepositId::new([2; 16]))?, Some(6));
        assert_eq!(db.place(&A, 5)?.unwrap().body.unwrap().0, b"x");
        db.erase_place(&A, 5)?;
        assert_eq!(db.deposit(&A, b"by", &id)?, Some(5));
        Ok(())
    });
    assert_eq!(b.db().version().unwrap(), Version::Current);
}

#[test]
fn an_envelope_with_other_bytes_than_were_left_is_found() {
    let mut b = Bench::server();
    b.write(|db| db.insert_place(&A, &place(0, b"envelope")));
    assert!(b.db().is_whole().unwrap());
    b.tamper("UPDATE place SET body = 'other'");
    assert!(!b.db().is_whole().unwrap());
}

#[test]
fn a_server_over_tls_is_known_by_its_certificate_and_by_no_other() {
    let made = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (own, other) = (made(), made());
    let cluster = Cluster::over_tls(&own.cert.pem(), &own.signing_key.serialize_pem());
    let url = cluster.database();
    let folder = tempfile::tempdir().unwrap();
    let opened = |certificate: &str| {
        let file = folder.path().join("certificate.pem");
        std::fs::write(&file, certificate).unwrap();
        let password = Some(support::cluster::PASSWORD.as_bytes());
        let server = Server::parse(&url, password, Some(&file)).unwrap();
        open(&Location::Server(Box::new(server)))
    };
    let refused = opened(&other.cert.pem()).err();
    assert!(matches!(
        refused,
        Some(StoreError::Server(ServerFault::Connection(_)))
    ));
    opened(&own.cert.pem()).unwrap();
}
