//! A hub that lies to an office about its inbox (R10).

use denizen_api::wire::FetchAnswer;
use denizen_evil::{HubHand, Outcome, Pen, address_in, attacks, head_of, stopped};
use denizen_model::{
    AddressId, Sha256Hash,
    message::{Body, Chain, Text},
};
use denizen_testkit::{AZIZA, GULAB, Play, play::BORDER};

const WITHHELD: &str = "the hub left out a place of the inbox: tell an auditor";
const OLDER: &str = "the hub shows an older state than it has signed before: tell an auditor";

/// An office with one person linked.
struct Scene {
    play: Play,
    inbox: AddressId,
}

impl Scene {
    async fn make(seed: u64) -> Self {
        let mut play = Play::with(seed, &[BORDER]).await;
        for persona in [AZIZA, GULAB] {
            play.arrive(persona).await;
            play.link(persona.name, &BORDER).await;
        }
        let id = play.gateway("border").id();
        let directory = play.world.directory(0).await.directory;
        let statement = &directory.organisation(&id).unwrap().statement;
        let inbox = statement.inbox.as_ref().unwrap().address;
        Self { play, inbox }
    }

    /// She writes notes to the office, one chain.
    async fn notes(&mut self, texts: &[&str]) {
        let pen = Pen::of(&self.play.world, self.play.holder("aziza"), 1).await;
        let from = pen.keys.address();
        let mut next: Option<Chain> = None;
        for text in texts {
            let text = (*text).to_owned();
            let body = Body::Note(Text { text });
            let mut message = pen.message(&mut self.play.world, from, body);
            message.chain = next.unwrap_or(message.chain);
            let (seq, prev) = (
                message.chain.seq + 1,
                Some(Sha256Hash::of(&pen.sign(&message))),
            );
            next = Some(Chain {
                seq,
                prev,
                ..message.chain.clone()
            });
            pen.send(&mut self.play.world, &message).await;
        }
    }

    /// From now on every fetch of the inbox is answered by this lie.
    async fn lie(&self, lie: impl Fn(&mut FetchAnswer, &HubHand, &AddressId) + Send + 'static) {
        let (hand, inbox) = (HubHand::of(&self.play.world), self.inbox);
        self.play.world.wire.lie(move |exchange| {
            address_in(exchange, &inbox)?;
            let mut answer = FetchAnswer::decode(&exchange.answer)?;
            lie(&mut answer, &hand, &inbox);
            Some(answer.encode())
        });
    }

    /// The office's next round: what it is told, else how many messages it took.
    async fn round(&mut self, taken: u64) -> Outcome {
        let now = self.play.world.now();
        let (wire, rng) = (&self.play.world.wire, &mut self.play.world.rng);
        let gateway = self.play.gateways.get_mut("border").unwrap();
        let report = match gateway.sync(wire, 0, now, rng).await {
            Ok(report) => report,
            Err(error) => return stopped(&error.to_string()),
        };
        if let Some(alarm) = gateway.alarms().unwrap().first() {
            return stopped(&alarm.code);
        }
        assert_eq!(report.received, taken, "and the rest unnoticed");
        Outcome::Harm
    }
}

attacks! {
    /// The hub shows an office nothing, although the head counts more.
    70 "R10" [HeadShown] stopped(WITHHELD);
    async fn an_office_is_shown_nothing() -> Outcome {
        let mut s = Scene::make(70).await;
        s.notes(&["one"]).await;
        s.lie(|answer, _, _| answer.items.clear()).await;
        s.round(0).await
    }

    /// The hub leaves one letter out of an office's inbox.
    71 "R10" [PlacesInOrder, ChainGap] stopped(WITHHELD);
    async fn one_letter_to_an_office_is_left_out() -> Outcome {
        let mut s = Scene::make(71).await;
        s.notes(&["one", "two"]).await;
        s.lie(|answer, _, _| {
            if answer.items.len() > 1 {
                answer.items.remove(0);
            }
        })
        .await;
        s.round(1).await
    }

    /// The hub drops a letter to an office for good: places, receipts and head agree without it.
    72 "R10" [ChainGap] stopped("message-missing");
    async fn a_letter_to_an_office_is_dropped() -> Outcome {
        let mut s = Scene::make(72).await;
        s.notes(&["one", "two"]).await;
        s.lie(|answer, hand, inbox| {
            if answer.items.len() == 2 {
                let place = answer.items[0].pos();
                answer.items = vec![hand.moved_to(&answer.items[1], inbox, place)];
                hand.sign_head(answer, |head| head.pos_max = Some(place));
            }
        })
        .await;
        s.round(1).await
    }

    /// The hub keeps a second log for an office: as large as the first, with another root.
    73 "R10" [LogRoot] stopped(OLDER);
    async fn an_office_is_shown_a_second_log() -> Outcome {
        let mut s = Scene::make(73).await;
        s.notes(&["one"]).await;
        assert_eq!(s.round(1).await, Outcome::Harm, "an honest round");
        let size = size_of(&s);
        s.lie(move |answer, hand, _| hand.fork_log(answer, size)).await;
        s.round(0).await
    }
}

/// How large the log is that the hub showed last.
fn size_of(s: &Scene) -> u64 {
    let exchanges = s.play.world.wire.exchanges();
    let mut fetches = exchanges
        .iter()
        .rev()
        .filter(|e| address_in(e, &s.inbox).is_some());
    let answer = fetches
        .find_map(|e| FetchAnswer::decode(&e.answer))
        .unwrap();
    assert_eq!(head_of(&answer).address, s.inbox);
    let lines: Vec<_> = answer.checkpoint.lines().collect();
    lines[1].parse().unwrap()
}
