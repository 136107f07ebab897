//! What an organisation's database must do, whatever keeps it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_model::{
    AddressId, DepositId, MessageId, Nonce, Sha256Hash, UnixTime, deposit::Receipt,
};
use denizen_store::{
    Fault, StoreError,
    gateway::{
        CONTESTED, CaseChange, CaseRow, DisputeRow, Effect, GatewayStore, InvitationRow, KnownRow,
        LinkRow, OutboxRow, SentRow, UNCONTESTED,
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
    let rows = store.outgoing((2, 1 << 20), UnixTime(0)).unwrap();
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
    let letter = store.settle(&rows[0].deposit_id, &sent).unwrap().unwrap();
    assert!(store.settle(&rows[0].deposit_id, &sent).unwrap().is_none());
    assert_eq!(store.sent(letter).unwrap(), Some(sent.clone()));
    assert_eq!(store.sent_to(&address(1)).unwrap(), [sent]);
    assert_eq!(store.sent_to(&address(2)).unwrap(), []);
    assert_eq!(store.outgoing_count().unwrap(), 2);
    assert!(store.add_outgoing(&outgoing(2)).is_err());
}

#[test]
fn rows_and_messages_are_known_by_their_hash() {
    let (_place, store) = Place::make();
    let take = |content| store.take_row(&hash(1), &hash(content), 1).unwrap();
    assert_eq!(
        [take(2), take(3), take(2)],
        [KnownRow::New, KnownRow::Other, KnownRow::Same]
    );
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
        assert!(store.is_status_index_free(1, idx).unwrap());
        store.bind_status_index(1, idx, &hash(1)).unwrap();
        assert!(!store.is_status_index_free(1, idx).unwrap());
        let again = store.bind_status_index(1, idx, &hash(2));
        assert!(again.unwrap_err().is_constraint());
    }
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
        flagged: false,
    };
    store.begin().unwrap();
    store.insert_case(&row).unwrap();
    store.commit().unwrap();
    assert_eq!(store.cases_to_destroy(UnixTime(9)).unwrap(), []);
    let change = |state, body| CaseChange {
        state,
        retain_until: Some(UnixTime(5)),
        flagged: true,
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
        store.add_waiting(&hash(1), &hash(7), b"row").unwrap();
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
    one.add_waiting(&hash(1), &hash(7), b"one").unwrap();
    assert_eq!(two.waiting_count().unwrap(), 0);
    one.commit().unwrap();
    two.begin().unwrap();
    two.add_waiting(&hash(1), &hash(7), b"two").unwrap();
    two.commit().unwrap();
    let rows = one.waiting(&hash(1)).unwrap();
    let bodies: Vec<_> = rows.iter().map(|r| r.body.as_slice()).collect();
    assert_eq!(bodies, [b"one", b"two"]);
    one.remove_waiting(rows[0].id).unwrap();
    assert_eq!(two.waiting_count().unwrap(), 1);
}

#[test]
fn a_parked_address_waits_for_its_time_and_its_reserved_envelopes_wait_apart() {
    let (_place, store) = Place::make();
    for n in 1..=3 {
        store.add_outgoing(&outgoing(n)).unwrap();
    }
    let ids = |now| {
        let rows = store.outgoing((9, 1 << 20), UnixTime(now)).unwrap();
        rows.iter().map(|r| r.envelope[0]).collect::<Vec<_>>()
    };
    assert!(store.park(&address(1), false, UnixTime(10)).unwrap());
    assert!(!store.park(&address(1), false, UnixTime(5)).unwrap());
    assert!(store.park(&address(2), false, UnixTime(10)).unwrap());
    assert_eq!(ids(9), [2, 3], "the second is reserved");
    assert_eq!(ids(10), [1, 2, 3]);
    store.park(&address(2), true, UnixTime(20)).unwrap();
    assert_eq!(ids(15), [1, 3]);
    store.unpark(&address(2), true).unwrap();
    assert_eq!(ids(15), [1, 2, 3]);
}

#[test]
fn a_contested_record_keeps_its_status_and_the_stronger_shows() {
    let (_place, store) = Place::make();
    store.bind_status_index(1, 5, &hash(1)).unwrap();
    let effect = |status| Effect {
        kept: hash(1),
        status,
    };
    let shown = || store.statuses().unwrap().first().map(|s| s.status);
    store.set_effect(&effect(CONTESTED)).unwrap();
    assert_eq!(shown(), Some(CONTESTED));
    store.set_effect(&effect(2)).unwrap();
    assert_eq!(shown(), Some(2));
    assert_eq!(store.status_of(&hash(1)).unwrap(), (2, true));
    store.set_effect(&effect(UNCONTESTED)).unwrap();
    assert_eq!(store.status_of(&hash(1)).unwrap(), (2, false));
    assert_eq!(store.status_of(&hash(2)).unwrap(), (0, false));
}

#[test]
fn a_run_knows_its_rows_and_a_returned_row_is_free_again() {
    let (_place, store) = Place::make();
    let run = store.add_run(UnixTime(1), b"counts").unwrap();
    for n in 1..=2 {
        store.take_row(&hash(n), &hash(n), run).unwrap();
    }
    store.bind_row(&hash(1), &hash(8)).unwrap();
    store.add_waiting(&hash(3), &hash(2), b"row").unwrap();
    let rows = store.rows_of_run(run).unwrap();
    let kept: Vec<_> = rows.iter().map(|r| r.kept).collect();
    assert_eq!(kept, [Some(hash(8)), None]);
    store
        .rebind_row(&hash(8), &hash(9), Some(&hash(4)))
        .unwrap();
    let take = |content| store.take_row(&hash(1), &hash(content), run).unwrap();
    assert_eq!([take(1), take(4)], [KnownRow::Other, KnownRow::Same]);
    store.return_row(&hash(9)).unwrap();
    assert_eq!([take(4), take(5)], [KnownRow::Returned, KnownRow::New]);
    store.drop_row(&hash(1)).unwrap();
    store.drop_row(&hash(2)).unwrap();
    assert_eq!(store.waiting_count().unwrap(), 0);
    assert_eq!(store.rows_of_run(run).unwrap(), []);
    store.change_run(run, true, b"undone").unwrap();
    assert!(store.runs().unwrap()[0].undone);
}

#[test]
fn disputes_come_by_their_due_date_and_end() {
    let (_place, store) = Place::make();
    let row = |n: u8, due| DisputeRow {
        number: 0,
        thread: MessageId::new([n; 16]),
        address: address(1),
        kind: 0,
        state: 0,
        received: UnixTime(1),
        due: UnixTime(due),
        kept: hash(n),
        retain_until: None,
        body: Some(vec![n]),
    };
    for (n, due) in [(1, 30), (2, 20), (3, 25)] {
        store.add_dispute(&row(n, due)).unwrap();
    }
    assert!(store.add_dispute(&row(1, 30)).is_err());
    let mut second = store.dispute(2).unwrap().unwrap();
    second.state = 1;
    second.retain_until = Some(UnixTime(40));
    store.change_dispute(&second).unwrap();
    let order: Vec<_> = store.disputes().unwrap().iter().map(|d| d.number).collect();
    assert_eq!(order, [3, 1, 2], "open ones first");
    assert_eq!(store.disputes_about(&hash(2)).unwrap(), [second.clone()]);
    assert_eq!(store.disputes_of(&address(1)).unwrap().len(), 3);
    assert_eq!(store.disputes_to_destroy(UnixTime(39)).unwrap(), []);
    assert_eq!(store.disputes_to_destroy(UnixTime(40)).unwrap(), [second]);
}

#[test]
fn notes_and_unread_messages_are_of_one_link() {
    let (_place, store) = Place::make();
    store.add_note(&address(1), UnixTime(1), b"one").unwrap();
    store.keep_unread(&address(1), b"x").unwrap();
    assert_eq!(store.remove_unread(&address(2)).unwrap(), 0);
    assert_eq!(store.remove_unread(&address(1)).unwrap(), 1);
    store.move_cases(&address(1), &address(2)).unwrap();
    let notes = store.notes().unwrap();
    assert_eq!(
        (notes[0].address, &notes[0].body[..]),
        (address(2), &b"one"[..])
    );
    store.remove_note(notes[0].number).unwrap();
    assert_eq!(store.notes().unwrap(), []);
}

#[test]
fn what_another_process_wrote_is_noticed_and_what_this_one_wrote_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.db");
    let (mut one, mut other) = (
        GatewayStore::open(&path).unwrap(),
        GatewayStore::open(&path).unwrap(),
    );
    let write = |store: &mut GatewayStore, idx| {
        store.begin().unwrap();
        let others_wrote = store.others_wrote().unwrap();
        store.bind_status_index(1, idx, &hash(1)).unwrap();
        store.commit().unwrap();
        others_wrote
    };
    write(&mut one, 1);
    assert!(!write(&mut one, 2));
    write(&mut other, 3);
    assert!(write(&mut one, 4));
    assert!(!write(&mut one, 5));
    assert!(write(&mut other, 6));
}
