//! Rollback, withholding, split view (R10).

use denizen_api::wire::{FetchAnswer, Fetched};
use denizen_evil::{HubHand, KIND, Outcome, Scene, address_in, attacks, issued, stopped};
use denizen_model::{
    SecretKeyFor, Sha256Hash,
    deposit::{sign_head, tombstones_hash},
    key::Head as HeadKey,
    message::{Body, RecordStatus, StatusChange},
    statement::full_kid,
};

/// What she is told at her next sync; else she was shown just these notes, and nothing more.
async fn shown(s: &mut Scene, notes: &[&str]) -> Outcome {
    let synced = s.sync().await;
    match (synced, s.told()) {
        (_, Some(told)) => told,
        (Err(error), None) => stopped(error.code()),
        (Ok(_), None) => {
            assert_eq!(s.notes(), notes);
            Outcome::Harm
        }
    }
}

/// Notes that the office wrote one after the other.
async fn notes(s: &mut Scene, texts: &[&str]) {
    for text in texts {
        s.desk.note(&mut s.world, text).await;
    }
}

attacks! {
    /// The network, or the hub, leaves one envelope out.
    31 "R10" [PlacesInOrder, ChainGap] stopped("withheld");
    async fn one_envelope_is_left_out() -> Outcome {
        let mut s = Scene::make(31).await;
        notes(&mut s, &["one", "two", "three"]).await;
        let before = s.held(1).await.len() as u64 - 3;
        s.lie_in_fetch(&s.link(), move |answer, _| {
            answer.items.retain(|item| item.pos() != before + 1);
        });
        shown(&mut s, &["one", "three"]).await
    }

    /// The network, or the hub, shows nothing, although the head counts more.
    32 "R10" [HeadShown] stopped("withheld");
    async fn nothing_is_shown() -> Outcome {
        let mut s = Scene::make(32).await;
        notes(&mut s, &["one"]).await;
        s.lie_in_fetch(&s.link(), |answer, _| answer.items.clear());
        shown(&mut s, &[]).await
    }

    /// The hub drops a message for good: places, receipts and head agree without it.
    33 "R10" [ChainGap] stopped("withheld");
    async fn a_message_is_dropped_as_if_it_had_never_been() -> Outcome {
        let mut s = Scene::make(33).await;
        notes(&mut s, &["one", "two"]).await;
        let dropped = s.held(1).await.len() as u64 - 2;
        s.hub_leaves_out(1, |item| item.pos() != dropped).await;
        shown(&mut s, &["two"]).await
    }

    /// The hub answers with the state of before a message came, checkpoint, head and all.
    34 "R10" [LogSize] stopped("older-state");
    async fn an_earlier_answer_is_given_again() -> Outcome {
        let mut s = Scene::make(34).await;
        let link = s.link();
        let exchanges = s.world.wire.exchanges();
        let mut earlier = exchanges.iter().rev().filter(|e| address_in(e, &link).is_some());
        let earlier = earlier.find_map(|e| FetchAnswer::decode(&e.answer)).unwrap();
        notes(&mut s, &["one"]).await;
        s.lie_in_fetch(&link, move |answer, _| {
            answer.head.clone_from(&earlier.head);
            answer.checkpoint.clone_from(&earlier.checkpoint);
            answer.items.clear();
        });
        shown(&mut s, &[]).await
    }

    /// The hub keeps a second log for one of her links: as large as the first, with another root.
    35 "R10" [LogRoot] stopped("other-log");
    async fn a_second_log_of_the_same_size_is_shown() -> Outcome {
        let mut s = Scene::make(35).await;
        s.settle().await;
        let size = *s.holder.profile().log_sizes.values().next().unwrap();
        let hand = HubHand::of(&s.world);
        s.lie_in_fetch(&s.link(), move |answer, _| hand.fork_log(answer, size));
        shown(&mut s, &[]).await
    }

    /// Somebody on the line drops the last message and makes a head of his own for the rest.
    36 "R10" [HeadSignature] stopped("other-log");
    async fn a_head_is_forged_on_the_line() -> Outcome {
        let mut s = Scene::make(36).await;
        notes(&mut s, &["one"]).await;
        let (key, hub) = (SecretKeyFor::<HeadKey>::make(&mut s.world.rng), s.world.house().id);
        s.lie_in_fetch(&s.link(), move |answer, _| {
            let mut head = denizen_evil::head_of(answer);
            head.pos_max = head.pos_max.and_then(|pos| pos.checked_sub(1));
            answer.head = sign_head(&head, &key, &full_kid(&hub.into(), "head-1")).into_bytes();
            answer.items.pop();
        });
        shown(&mut s, &[]).await
    }

    /// The hub shows an old message again at a new place: her paper was suspended once, and is in force
    /// again since.
    37 "R10" [Replay] Outcome::Blind;
    async fn an_old_suspension_is_shown_again() -> Outcome {
        let mut s = Scene::make(37).await;
        let text = issued(&s.paper(), &mut s.world.rng);
        s.send_record(&[(None, text.clone())]).await;
        let changes = [StatusChange::Suspended, StatusChange::Reinstated];
        for change in changes {
            let status = RecordStatus {
                kept: Sha256Hash::of(text.as_bytes()),
                change,
                reason: "a reason".to_owned(),
                notice: None,
            };
            s.send(Body::RecordStatus(status), Vec::new()).await;
        }
        s.sync().await.unwrap();
        let mut items = s.held(1).await;
        let (to, pos) = (s.link(), items.len() as u64);
        let hand = HubHand::of(&s.world);
        let again = hand.moved_to(&items[items.len() - 2], &to, pos);
        items.push(again);
        s.hub_shows(1, items).await;
        s.sync().await.unwrap();
        let (change, _) = s.holder.records(s.world.now())[0].changed.clone().unwrap();
        match change {
            StatusChange::Suspended => Outcome::Harm,
            _ => Outcome::Blind,
        }
    }

    /// A thief of the office's message key writes something else under the id of a message that came.
    38 "R10" [MessageIdOnce] stopped("replayed");
    async fn a_message_id_is_used_for_something_else() -> Outcome {
        let mut s = Scene::make(38).await;
        let first = s.note("pay 100");
        let mut second = s.note("pay 900");
        second.id = first.id;
        for note in [first, second] {
            let signed = s.sign(&note);
            let envelope = s.seal(&signed, &note);
            s.deposit(&envelope).await;
        }
        shown(&mut s, &["pay 100", "pay 900"]).await
    }

    /// The hub says that she erased what she never saw.
    39 "R10" [TombstoneAsked] stopped("withheld");
    async fn a_tombstone_stands_where_nobody_erased() -> Outcome {
        let mut s = Scene::make(39).await;
        notes(&mut s, &["the last one"]).await;
        let hand = HubHand::of(&s.world);
        s.lie_in_fetch(&s.link(), move |answer, _| {
            let mut stones = Vec::new();
            for item in &mut answer.items {
                let (pos, index) = (item.pos(), item.pos());
                stones.push((pos, index));
                *item = Fetched::Tombstone { pos, index };
            }
            if !stones.is_empty() {
                hand.sign_head(answer, |head| head.tombstones_hash = tombstones_hash(stones));
            }
        });
        shown(&mut s, &[]).await
    }

    /// The hub leaves out what she wrote to herself about a link: her kit restores a profile without it.
    40 "R10" [OwnChainGap] stopped("withheld");
    async fn a_link_is_left_out_of_what_she_wrote_to_herself() -> Outcome {
        let mut s = Scene::make(40).await;
        // What she wrote first is where the link is.
        s.hub_leaves_out(0, |item| item.pos() != 0).await;
        let restored = s.restored().await.unwrap();
        if let Some(alarm) = restored.profile().alarms.first() {
            return stopped(&alarm.code);
        }
        assert!(restored.profile().links.is_empty(), "the link is gone");
        Outcome::Harm
    }

    /// The hub shows a restoring device a link from before its last message.
    41 "R10" [ManifestCursor] stopped("restore-older");
    async fn a_link_is_restored_without_its_last_message() -> Outcome {
        let mut s = Scene::make(41).await;
        notes(&mut s, &["one", "two"]).await;
        s.settle().await;
        let last = s.held(1).await.len() as u64 - 1;
        s.hub_leaves_out(1, |item| item.pos() != last).await;
        let restored = s.restored().await.unwrap();
        if let Some(alarm) = restored.profile().alarms.first() {
            return stopped(&alarm.code);
        }
        let texts = restored.profile().notes.iter().map(|n| n.text.as_str());
        assert_eq!(texts.collect::<Vec<_>>(), ["one"]);
        Outcome::Harm
    }

    /// The hub shows the directory of before a suspension, under its checkpoint of then.
    42 "R10" [DirectorySeen] stopped("older-state");
    async fn an_older_directory_hides_a_suspension() -> Outcome {
        let mut s = Scene::make(42).await;
        let older = s.world.client().directory().await.unwrap();
        let suspension = s.world.house().suspension(s.desk.office.id, s.world.now());
        s.world.client().post_entries(&[&suspension]).await.unwrap();
        s.sync().await.unwrap();
        s.lie_in_directory(&older);
        active(&mut s).await
    }

    /// Somebody on the line cuts a suspension off the directory.
    43 "R10" [DirectoryRoot] stopped("other-log");
    async fn a_suspension_is_cut_off_on_the_line() -> Outcome {
        let mut s = Scene::make(43).await;
        let suspension = s.world.house().suspension(s.desk.office.id, s.world.now());
        s.world.client().post_entries(&[&suspension]).await.unwrap();
        let mut answer = s.world.client().directory().await.unwrap();
        answer.entries.pop();
        s.lie_in_directory(&answer);
        active(&mut s).await
    }
}

/// Whether a suspended office counts for her after the next sync.
async fn active(s: &mut Scene) -> Outcome {
    if let Err(error) = s.sync().await {
        assert_eq!(s.alarms(), [error.code()]);
        return stopped(error.code());
    }
    let directory = s.holder.trust().directory(&s.world.house().id).unwrap();
    let (office, now) = (s.desk.office.id, s.world.now());
    assert!(directory.directory.admitted(&office, KIND, now).is_some());
    Outcome::Harm
}
