//! What an organisation's database must do, whatever keeps it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::{
    AddressId, DepositId, MessageId, Nonce, Sha256Hash, UnixTime, deposit::Receipt,
};
use denizen_store::{
    Fault, StoreError,
    gateway::{
        CaseChange, CaseRow, Effect, GatewayStore, InvitationRow, LinkRow, OutboxRow, SentRow,
    },
};

struct Place(tempfile::TempDir);

impl Place {
    fn make() -> (Self, GatewayStore) {
        let place = Self(tempfile::tempdir().unwrap());
        let store = place.open();
        (place, store)
    }

    fn open(&self) -> GatewayStore {
        GatewayStore::open(&self.0.path().join("gateway.sqlite")).unwrap()
    }
}

const fn address(n: u8) -> AddressId {
    AddressId::new([n; 32])
}

const fn hash(n: u8) -> Sha256Hash {
    Sha256Hash::new([n; 32])
}

fn outgoing(n: u8) -> OutboxRow {
    OutboxRow {
        deposit_id: DepositId::new([n; 16]),
        address: address(n),
        envelope: vec![n; 5],
        reserved: n == 2,
        effect: (n == 2).then_some(Effect {
            kept: hash(9),
            status: 1,
        }),
    }
}

#[test]
fn an_envelope_leaves_the_outbox_once_with_what_became_of_it() {
    let (place, store) = Place::make();
    for n in 1..=3 {
        store.add_outgoing(&outgoing(n)).unwrap();
    }
    drop(store);
    let store = place.open();
    let rows = store.outgoing(2).unwrap();
    assert_eq!(rows, [outgoing(1), outgoing(2)]);
    let sent = SentRow {
        address: address(1),
        envelope_hash: hash(1),
        outcome: "stored".to_owned(),
        receipt: Some(Receipt {
            proof: "proof".to_owned(),
            nonce_a: Nonce::new([4; 32]),
        }),
    };
    assert!(store.settle(&rows[0].deposit_id, &sent).unwrap());
    assert!(!store.settle(&rows[0].deposit_id, &sent).unwrap());
    assert_eq!(store.sent(&rows[0].deposit_id).unwrap(), Some(sent.clone()));
    assert_eq!(store.sent_to(&address(1)).unwrap(), [sent]);
    assert_eq!(store.sent_to(&address(2)).unwrap(), []);
    assert_eq!(store.outgoing_count().unwrap(), 2);
    assert!(store.add_outgoing(&outgoing(2)).is_err());
}

#[test]
fn rows_and_messages_are_known_by_their_hash() {
    let (_place, store) = Place::make();
    assert_eq!(store.take_row(&hash(1), &hash(2)).unwrap(), None);
    assert_eq!(store.take_row(&hash(1), &hash(3)).unwrap(), Some(hash(2)));
    assert_eq!(store.take_row(&hash(1), &hash(2)).unwrap(), Some(hash(2)));
    let (id, other) = (MessageId::new([1; 16]), MessageId::new([2; 16]));
    assert_eq!(
        store.take_message(&address(1), &id, &hash(1)).unwrap(),
        None
    );
    assert_eq!(
        store.take_message(&address(2), &id, &hash(5)).unwrap(),
        None
    );
    assert_eq!(
        store.take_message(&address(1), &other, &hash(5)).unwrap(),
        None
    );
    let again = store.take_message(&address(1), &id, &hash(2)).unwrap();
    assert_eq!(again, Some(hash(1)));
}

#[test]
fn an_invitation_is_used_as_often_as_it_says() {
    let (_place, store) = Place::make();
    let (nonce, body) = (Nonce::new([1; 32]), vec![1]);
    let row = InvitationRow { uses_left: 2, body };
    store.insert_invitation(&nonce, &row).unwrap();
    assert!(store.use_invitation(&nonce).unwrap());
    assert!(store.use_invitation(&nonce).unwrap());
    assert!(!store.use_invitation(&nonce).unwrap());
    assert!(!store.use_invitation(&Nonce::new([2; 32])).unwrap());
    assert_eq!(store.invitation(&nonce).unwrap().unwrap().uses_left, 0);
}

#[test]
fn the_links_of_a_case_come_newest_first_and_keep_their_place_when_they_change() {
    let (_place, store) = Place::make();
    let link = |n: u8, state: u8| LinkRow {
        address: address(n),
        case_key: Some(hash(1)),
        state,
        body: vec![n, state],
    };
    for n in 1..=2 {
        store.put_link(&link(n, 2)).unwrap();
    }
    store.put_link(&link(3, 0)).unwrap();
    store
        .put_link(&LinkRow {
            case_key: None,
            ..link(4, 2)
        })
        .unwrap();
    let links = store.links_of_case(&hash(1), 2).unwrap();
    assert_eq!(links, [link(2, 2), link(1, 2)]);
    store.put_link(&link(1, 4)).unwrap();
    assert_eq!(store.links_of_case(&hash(1), 2).unwrap(), [link(2, 2)]);
    assert_eq!(store.link(&address(1)).unwrap(), Some(link(1, 4)));
    assert_eq!(store.links_in_state(0).unwrap(), [link(3, 0)]);
    assert_eq!(store.links_of_case(&hash(2), 2).unwrap(), []);
}

#[test]
fn a_status_is_of_a_record_and_of_all_its_copies() {
    let (_place, store) = Place::make();
    assert_eq!(store.newest_status_list().unwrap(), (1, 0));
    for idx in [5, 6] {
        assert!(store.use_status_index(1, idx).unwrap());
        assert!(!store.use_status_index(1, idx).unwrap());
        store.bind_status_index(1, idx, &hash(1)).unwrap();
    }
    assert!(store.use_status_index(1, 7).unwrap());
    store.bind_status_index(1, 7, &hash(2)).unwrap();
    assert_eq!(store.newest_status_list().unwrap(), (1, 3));
    store.set_status(&hash(1), 1).unwrap();
    let changed: Vec<_> = store
        .statuses()
        .unwrap()
        .iter()
        .map(|s| (s.idx, s.status))
        .collect();
    assert_eq!(changed, [(5, 1), (6, 1)]);
    // A copy that is made later has the status that the record has.
    assert!(store.use_status_index(2, 5).unwrap());
    store.bind_status_index(2, 5, &hash(1)).unwrap();
    assert_eq!(store.statuses().unwrap().len(), 3);
    assert_eq!(store.newest_status_list().unwrap(), (2, 1));
    store.set_status(&hash(1), 0).unwrap();
    assert_eq!(store.statuses().unwrap(), []);
}

#[test]
fn a_case_that_is_destroyed_keeps_neither_body_nor_key_in_any_file() {
    let (place, mut store) = Place::make();
    let (key, body) = ([b'K'; 60], [b'B'; 6000]);
    let row = CaseRow {
        case_reference: "A-00000001".to_owned(),
        thread: MessageId::new([1; 16]),
        address: address(1),
        state: 0,
        service: "urn:x".to_owned(),
        filed: UnixTime(1),
        due: UnixTime(2),
        retain_until: None,
        sealed: Some((key.to_vec(), body.to_vec())),
    };
    store.begin().unwrap();
    store.insert_case(&row).unwrap();
    store.commit().unwrap();
    assert_eq!(store.cases_to_destroy(UnixTime(9)).unwrap(), []);
    let change = |state, body| CaseChange {
        state,
        retain_until: Some(UnixTime(5)),
        body,
    };
    store
        .change_case("A-00000001", change(2, Some(&body)))
        .unwrap();
    assert_eq!(store.cases_to_destroy(UnixTime(4)).unwrap(), []);
    let due = store.cases_to_destroy(UnixTime(5)).unwrap();
    assert_eq!(due[0].sealed, row.sealed);
    store.change_case("A-00000001", change(4, None)).unwrap();
    assert_eq!(store.case("A-00000001").unwrap().unwrap().sealed, None);
    assert_eq!(store.cases_to_destroy(UnixTime(9)).unwrap(), []);
    assert_eq!(store.cases().unwrap().len(), 1);
    drop(store);
    drop(place.open());
    for file in std::fs::read_dir(place.0.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for mark in [&key[..], &body[..64]] {
            assert!(!bytes.windows(mark.len()).any(|w| w == mark));
        }
    }
}

#[test]
fn a_failed_commit_keeps_nothing_and_an_unknown_one_all_or_nothing() {
    for (fault, kept) in [(Fault::Failed, false), (Fault::FailedButPersisted, true)] {
        let (place, mut store) = Place::make();
        store.inject(fault);
        store.begin().unwrap();
        store.set_setting("a", b"1").unwrap();
        store.add_waiting(&hash(1), b"row").unwrap();
        assert!(matches!(store.commit(), Err(StoreError::Sqlite(_))));
        drop(store);
        let store = place.open();
        assert_eq!(store.setting("a").unwrap().is_some(), kept);
        assert_eq!(store.waiting(&hash(1)).unwrap().len(), usize::from(kept));
    }
}

#[test]
fn two_processes_write_one_after_the_other_and_see_each_other_s_rows() {
    let (place, mut one) = Place::make();
    let mut two = place.open();
    one.begin().unwrap();
    one.add_waiting(&hash(1), b"one").unwrap();
    assert_eq!(two.waiting_count().unwrap(), 0);
    one.commit().unwrap();
    two.begin().unwrap();
    two.add_waiting(&hash(1), b"two").unwrap();
    two.commit().unwrap();
    let rows = one.waiting(&hash(1)).unwrap();
    let bodies: Vec<_> = rows.iter().map(|r| r.body.as_slice()).collect();
    assert_eq!(bodies, [b"one", b"two"]);
    one.remove_waiting(rows[0].id).unwrap();
    assert_eq!(two.waiting_count().unwrap(), 1);
}
