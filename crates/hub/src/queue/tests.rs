#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use denizen_model::{AddressId, DepositId};
use denizen_store::hub::Wanted;

/// A job that does nothing, known again by its name.
fn job(name: &str) -> Job {
    let wanted = Wanted {
        address: AddressId::new([0; 32]),
        depositor: name.as_bytes().to_vec(),
        deposit_id: DepositId::new([0; 16]),
    };
    Job {
        wanted: vec![wanted],
        work: Box::new(|_| Ok(Box::new(|_| {}))),
    }
}

fn name(job: &Job) -> String {
    let depositors = job.wanted.iter().map(|wanted| wanted.depositor.clone());
    String::from_utf8(depositors.flatten().collect()).unwrap()
}

fn limits() -> QueueLimits {
    QueueLimits {
        jobs_max: 8,
        bytes_max: 800,
        caller_jobs_max: 6,
        caller_bytes_max: 600,
        group_items_max: 4,
        group_bytes_max: 400,
    }
}

fn org(name: &str) -> Lane {
    Lane::new(Class::Organisation, name.as_bytes().to_vec())
}

fn one(bytes: usize) -> Weight {
    Weight { items: 1, bytes }
}

fn names(queue: &Queue) -> Vec<String> {
    let group = queue.next_group().expect("something waits");
    group.jobs.iter().map(name).collect()
}

fn push(
    queue: &Queue,
    lane: &Lane,
    weight: Weight,
    named: &str,
) -> Result<Option<String>, NotTaken> {
    let out = queue.push(lane, weight, job(named))?;
    Ok(out.map(|job| name(&job)))
}

#[test]
fn who_floods_waits_behind_himself() {
    let queue = Queue::new(limits());
    for number in 0..5 {
        push(&queue, &org("flood"), one(1), &format!("f{number}")).unwrap();
    }
    push(&queue, &org("small"), one(1), "s0").unwrap();
    let key = Lane::new(Class::Key, b"key".to_vec());
    push(&queue, &key, one(1), "k0").unwrap();
    push(&queue, &Lane::shared(Class::Erasing), one(1), "e0").unwrap();
    // One of each class in turn, and within a class one of each caller.
    assert_eq!(names(&queue), ["f0", "k0", "e0", "s0"]);
    assert_eq!(names(&queue), ["f1", "f2", "f3", "f4"]);
    assert_eq!(queue.depth(), (0, 0));
}

#[test]
fn a_group_is_bounded_by_its_items_and_bytes_and_one_job_is_always_taken() {
    let queue = Queue::new(limits());
    let five = Weight { items: 5, bytes: 1 };
    push(&queue, &org("a"), five, "five items").unwrap();
    push(&queue, &org("a"), one(450), "450 bytes").unwrap();
    push(&queue, &org("a"), one(100), "100 bytes").unwrap();
    assert_eq!(names(&queue), ["five items"]);
    assert_eq!(names(&queue), ["450 bytes"]);
    assert_eq!(names(&queue), ["100 bytes"]);
}

#[test]
fn one_caller_never_fills_the_queue() {
    let queue = Queue::new(limits());
    for number in 0..6 {
        push(&queue, &org("flood"), one(1), &format!("f{number}")).unwrap();
    }
    assert_eq!(
        push(&queue, &org("flood"), one(1), "f6"),
        Err(NotTaken::Caller)
    );
    assert_eq!(queue.would_take(&org("flood"), 1), Err(NotTaken::Caller));
    assert_eq!(queue.would_take(&org("other"), 1), Ok(()));
    let queue = Queue::new(limits());
    push(&queue, &org("flood"), one(500), "f0").unwrap();
    assert_eq!(
        push(&queue, &org("flood"), one(101), "f1"),
        Err(NotTaken::Caller)
    );
    push(&queue, &org("flood"), one(100), "f1").unwrap();
    // Who shares a lane with others is not told that it was he.
    let queue = Queue::new(limits());
    let shared = Lane::shared(Class::Other);
    for number in 0..6 {
        push(&queue, &shared, one(1), &format!("o{number}")).unwrap();
    }
    assert_eq!(push(&queue, &shared, one(1), "o6"), Err(NotTaken::Busy));
}

#[test]
fn where_there_is_no_room_the_newest_of_the_longest_makes_place() {
    let queue = Queue::new(limits());
    for number in 0..6 {
        push(&queue, &org("flood"), one(1), &format!("f{number}")).unwrap();
    }
    for number in 0..2 {
        push(&queue, &org("a"), one(1), &format!("a{number}")).unwrap();
    }
    assert_eq!(push(&queue, &org("b"), one(1), "b0"), Ok(Some("f5".into())));
    assert_eq!(push(&queue, &org("b"), one(1), "b1"), Ok(Some("f4".into())));
    assert_eq!(push(&queue, &org("b"), one(1), "b2"), Ok(Some("f3".into())));
    // Nobody has more than one more than the others: who comes now is turned away.
    assert_eq!(push(&queue, &org("b"), one(1), "b3"), Err(NotTaken::Busy));
    assert_eq!(queue.depth().0, 8);
    assert_eq!(names(&queue), ["f0", "a0", "b0", "f1"]);
}

#[test]
fn bytes_are_bounded_as_jobs_are() {
    let queue = Queue::new(limits());
    push(&queue, &org("flood"), one(300), "f0").unwrap();
    push(&queue, &org("flood"), one(300), "f1").unwrap();
    push(&queue, &org("a"), one(200), "a0").unwrap();
    assert_eq!(queue.depth(), (3, 800));
    assert_eq!(
        push(&queue, &org("b"), one(200), "b0"),
        Ok(Some("f1".into()))
    );
    assert_eq!(queue.depth(), (3, 700));
    assert_eq!(push(&queue, &org("b"), one(200), "b1"), Err(NotTaken::Busy));
    // One body that is larger than all that may wait is taken where nothing waits.
    let queue = Queue::new(limits());
    push(&queue, &org("a"), one(900), "large").unwrap();
    assert_eq!(push(&queue, &org("b"), one(1), "b0"), Err(NotTaken::Busy));
    assert_eq!(names(&queue), ["large"]);
    push(&queue, &org("b"), one(1), "b0").unwrap();
}

#[test]
fn what_waits_is_done_before_the_writer_ends_and_nothing_is_taken_after_it() {
    let queue = Queue::new(limits());
    push(&queue, &org("a"), one(1), "a0").unwrap();
    drop(Jobs(Arc::clone(&queue)));
    assert_eq!(
        push(&queue, &org("a"), one(1), "a1"),
        Err(NotTaken::Stopped)
    );
    assert_eq!(names(&queue), ["a0"]);
    assert!(queue.next_group().is_none());
    let queue = Queue::new(limits());
    push(&queue, &org("a"), one(1), "a0").unwrap();
    queue.end();
    assert!(queue.next_group().is_none());
    assert_eq!(queue.depth(), (0, 0));
}
