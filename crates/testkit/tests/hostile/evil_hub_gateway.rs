//! A hub that lies to an office's gateway (EH): each lie is refused or an alarm, and with an honest hub
//! the work goes on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use denizen_api::wire::{
    DepositOutcome, DirectoryAnswer, FetchAnswer, decode_outcomes, encode_outcomes,
};
use denizen_gateway::{GatewayError, SyncReport};
use denizen_model::{AddressId, Nonce, OrgId};
use denizen_testkit::{
    AZIZA, Exchange, GULAB, Play,
    catalogue::demo_file,
    play::{BORDER, vct},
};

/// An office with two people who have just accepted: two messages lie in its inbox.
async fn scene(seed: u64) -> Play {
    let mut play = Play::with(seed, &[BORDER]).await;
    for persona in [AZIZA, GULAB] {
        play.arrive(persona).await;
        let text = play.invite(&BORDER, Some(persona.case("border")));
        play.accept(persona.name, &text).await;
        let now = play.world.now();
        let (wire, rng) = (&play.world.wire, &mut play.world.rng);
        let holder = &mut play.people.get_mut(persona.name).unwrap().holder;
        holder.sync(wire, 0, now, rng).await.unwrap();
        holder.send(wire, now).await.unwrap();
    }
    play
}

async fn sync(play: &mut Play) -> Result<SyncReport, GatewayError> {
    let now = play.world.now();
    let (wire, rng) = (&play.world.wire, &mut play.world.rng);
    play.gateways
        .get_mut("border")
        .unwrap()
        .sync(wire, 0, now, rng)
        .await
}

async fn inbox(play: &mut Play) -> AddressId {
    let id: OrgId = play.gateway("border").id();
    let directory = play.world.directory(0).await.directory;
    let org = directory.organisation(&id).unwrap();
    org.statement.inbox.as_ref().unwrap().address
}

fn lie_in_inbox(play: &Play, inbox: AddressId, lie: impl Fn(&mut FetchAnswer) + Send + 'static) {
    let inbox = inbox.to_text();
    play.world.wire.lie(move |exchange: &Exchange| {
        let mine = exchange.path().contains(&inbox) && exchange.path().contains("/envelopes");
        let mut answer = FetchAnswer::decode(&exchange.answer).filter(|_| mine)?;
        lie(&mut answer);
        Some(answer.encode())
    });
}

#[tokio::test]
async fn messages_left_out_turned_or_doubled_are_caught_by_the_head() {
    type Lie = fn(&mut FetchAnswer);
    let lies: [(&str, Lie); 4] = [
        ("the first left out", |a| drop(a.items.remove(0))),
        ("the order turned", |a| a.items.reverse()),
        ("one twice", |a| a.items.insert(1, a.items[0].clone())),
        ("all left out", |a| a.items.clear()),
    ];
    for (what, lie) in lies {
        let mut play = scene(1).await;
        let inbox = inbox(&mut play).await;
        lie_in_inbox(&play, inbox, lie);
        let got = sync(&mut play).await;
        assert!(
            matches!(got, Err(GatewayError::Withheld)),
            "{what}: {got:?}"
        );
        play.world.wire.calm();
        play.settle().await;
        assert_eq!(
            play.gateway("border").pending_links().unwrap().len(),
            2,
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_bent_head_receipt_or_envelope_is_refused() {
    let mut play = scene(2).await;
    let inbox = inbox(&mut play).await;
    lie_in_inbox(&play, inbox, |answer| *answer.head.last_mut().unwrap() ^= 1);
    assert!(matches!(sync(&mut play).await, Err(GatewayError::Head(_))));
    lie_in_inbox(&play, inbox, |answer| {
        for item in &mut answer.items {
            if let denizen_api::wire::Fetched::Envelope { receipt, .. } = item {
                receipt.nonce_a = Nonce::new([1; 32]);
            }
        }
    });
    assert!(matches!(
        sync(&mut play).await,
        Err(GatewayError::ReceiptRefused)
    ));
    lie_in_inbox(&play, inbox, |answer| {
        for item in &mut answer.items {
            if let denizen_api::wire::Fetched::Envelope { envelope, .. } = item {
                *envelope.last_mut().unwrap() ^= 1;
            }
        }
    });
    assert!(matches!(
        sync(&mut play).await,
        Err(GatewayError::ReceiptRefused)
    ));
    play.world.wire.calm();
    play.settle().await;
    assert_eq!(
        play.gateway("border").pending_links().unwrap().len(),
        2,
        "nothing is lost"
    );
    play.end().await;
}

#[tokio::test]
async fn a_forged_receipt_for_what_it_sends_is_refused_and_it_is_sent_again() {
    let mut play = Play::with(3, &[BORDER]).await;
    play.arrive(AZIZA).await;
    play.link("aziza", &BORDER).await;
    play.intake(
        "border",
        &demo_file("border/documents.ndjson"),
        "border/documents-mapping.toml",
    );
    play.world.wire.lie(|exchange| {
        let mut outcomes = decode_outcomes(&exchange.answer)?;
        let DepositOutcome::Stored { receipt, .. } = outcomes.first_mut()? else {
            return None;
        };
        receipt.nonce_a = Nonce::new([1; 32]);
        Some(encode_outcomes(&outcomes))
    });
    assert!(matches!(
        sync(&mut play).await,
        Err(GatewayError::ReceiptRefused)
    ));
    assert_eq!(
        play.gateway("border").backlog().unwrap().1,
        1,
        "it still waits"
    );
    play.world.wire.calm();
    play.settle().await;
    assert_eq!(play.kinds("aziza"), [vct::TRAVEL]);
    play.end().await;
}

#[tokio::test]
async fn an_older_or_bent_directory_is_refused() {
    let mut play = scene(4).await;
    let older = play.world.client().directory().await.unwrap();
    play.world.office("Another", &[]).await;
    sync(&mut play).await.unwrap();
    play.world.clock.advance_s(3600);
    for lie in [
        older.clone(),
        DirectoryAnswer {
            entries: older.entries[..2].to_vec(),
            ..older
        },
    ] {
        let bytes = lie.encode();
        play.world
            .wire
            .lie(move |e| (e.path() == "/v1/directory").then(|| bytes.clone()));
        assert!(matches!(
            sync(&mut play).await,
            Err(GatewayError::Directory(_))
        ));
    }
    play.world.wire.calm();
    play.settle().await;
    play.end().await;
}
