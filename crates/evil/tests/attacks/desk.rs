//! Papers shown at a real desk (R2, R19, R21), and whose directory counts for a person.

use denizen_api::client::RequestSigner;
use denizen_credential::{
    KeyBinding, PathItem, STATUS_LIST_ENTRIES_MIN, Status, StatusList, UnverifiedCredential,
    present, status_uri,
};
use denizen_evil::{Outcome, Paper, Pen, attacks, issued, stopped};
use denizen_jose::{Portable, Unverified};
use denizen_model::{
    SecretKeyFor, Sha256Hash, UnixTime,
    key::Cnf,
    link::{kb_audience, kb_nonce},
    message::{ApplicationSubmit, Attachment, Body, PresentedAs, SD_JWT_MEDIA_TYPE},
    statement::{Statement, full_kid},
};
use denizen_testkit::{
    AZIZA, GULAB, Office, Play, START,
    catalogue::demo_file,
    play::{BORDER, EMPLOYER, OfficeKind, RIGHT_TO_WORK, vct},
};

const WORKS: OfficeKind = OfficeKind {
    name: "works",
    title: "Sewing Works",
    kinds: &[],
    services: &[RIGHT_TO_WORK],
    files: &[],
};

/// An employer that asks for a work permit, somebody with a link to it and a pen, and a ministry whose
/// keys are at hand.
struct Scene {
    play: Play,
    ministry: Office,
    holder: SecretKeyFor<Cnf>,
}

impl Scene {
    async fn make(seed: u64, kinds: &[&str]) -> Self {
        let mut play = Play::make(seed).await;
        let ministry = play.world.office("Ministry", kinds).await;
        play.open(&WORKS).await;
        play.arrive(GULAB).await;
        play.link_open("gulab", &WORKS).await;
        let holder = SecretKeyFor::make(&mut play.world.rng);
        Self {
            play,
            ministry,
            holder,
        }
    }

    fn permit(&self) -> Paper {
        let (office, cnf) = (&self.ministry, self.holder.public_for());
        let day = self.play.world.now().day_start();
        Paper::example("work-permit", office.id, &office.issuer, cnf.key(), day)
    }

    /// Applies by hand with one paper; gives the code of the refusal, or finds the case filed.
    async fn apply(mut self, paper: &Paper) -> Outcome {
        self.play.world.clock.advance_s(3700);
        self.play.settle().await;
        let text = issued(paper, &mut self.play.world.rng);
        let service = self.play.service("gulab", RIGHT_TO_WORK);
        let office = self.play.gateway("works").id();
        let pen = Pen::of(&self.play.world, self.play.holder("gulab"), 1).await;
        let submit = ApplicationSubmit {
            service,
            purpose: RIGHT_TO_WORK.to_owned(),
            replaces: None,
            answers: serde_json::json!({}),
            presentations: vec![PresentedAs {
                query: "permit".to_owned(),
                attachment: "p0".to_owned(),
                reply: None,
            }],
            special_confirmed: Vec::new(),
        };
        let from = pen.keys.address();
        let body = Body::ApplicationSubmit(submit);
        let mut message = pen.message(&mut self.play.world, from, body);
        let (aud, now) = (kb_audience(&office), self.play.world.now().0);
        let nonce = kb_nonce(&office, RIGHT_TO_WORK, Some(&service), &message.id);
        let credential = UnverifiedCredential::parse(&text).unwrap();
        let key = paper.key.public_for();
        let credential = credential.verify(&Portable, key.key()).unwrap();
        let paths = ["may_work", "valid_until"].map(|n| vec![PathItem::Name(n.to_owned())]);
        let binding = KeyBinding {
            aud: &aud,
            nonce: &nonce,
            iat: now,
        };
        let data = present(&credential, &paths, binding, self.holder.signer());
        message.attachments.push(Attachment {
            id: "p0".to_owned(),
            media_type: SD_JWT_MEDIA_TYPE.to_owned(),
            salt: message.commit_salt.take().unwrap(),
            data,
            object: None,
            name: None,
        });
        pen.send(&mut self.play.world, &message).await;
        self.play.settle().await;
        if !self.play.gateway("works").queue().unwrap().is_empty() {
            return Outcome::Harm;
        }
        let unread = &self.play.holder("gulab").profile().unread;
        let code = unread.iter().find_map(|u| match &u.message.body {
            Body::ApplicationEvent(event) => event.code.clone(),
            _ => None,
        });
        stopped(&code.unwrap())
    }
}

attacks! {
    /// A ministry that was suspended goes on issuing, and somebody shows its paper.
    74 "R19" [PaperIssuer] stopped("not-admitted");
    async fn a_suspended_ministrys_new_paper_is_shown() -> Outcome {
        let s = Scene::make(74, &[vct::PERMIT]).await;
        let suspension = s.play.world.house().suspension(s.ministry.id, s.play.world.now());
        s.play.world.client().post_entries(&[&suspension]).await.unwrap();
        s.play.world.clock.advance_s(2 * UnixTime::DAY_S);
        let paper = s.permit();
        s.apply(&paper).await
    }

    /// A thief of an issuer's key shows a paper of his own, dated before the key was withdrawn.
    75 "R2" [PaperKeyWithdrawn] stopped("issuer-key-withdrawn");
    async fn a_backdated_paper_under_a_withdrawn_key_is_shown() -> Outcome {
        let s = Scene::make(75, &[vct::PERMIT]).await;
        let paper = s.permit();
        let paper = Paper { iat: START, ..paper };
        s.play.world.clock.advance_s(2 * UnixTime::DAY_S);
        let first = &s.ministry.statement;
        let object = Unverified::parse(first).unwrap();
        let mut next: Statement = serde_json::from_slice(object.danger_payload()).unwrap();
        next.id = Some(Sha256Hash::of(first));
        next.prev = next.id;
        for key in next.keys.iter_mut().filter(|k| k.kid == "issuer-1") {
            key.revoked_from = Some(s.play.world.now());
        }
        let next = next.sign(s.ministry.identity.signer()).into_bytes();
        s.play.world.client().post_entries(&[&next]).await.unwrap();
        s.apply(&paper).await
    }

    /// Somebody goes on showing a permit that was withdrawn.
    76 "R21" [PaperStatus] stopped("evidence-withdrawn");
    async fn a_withdrawn_paper_is_shown() -> Outcome {
        let s = Scene::make(76, &[vct::PERMIT]).await;
        s.play.world.clock.advance_s(UnixTime::DAY_S);
        let (ministry, now) = (s.ministry.clone(), s.play.world.now());
        let mut list = StatusList::new(STATUS_LIST_ENTRIES_MIN);
        list.set(0, Status::Invalid).unwrap();
        let kid = full_kid(&ministry.id.into(), "status-1");
        let uri = status_uri(&ministry.id.to_text(), "1");
        let token = list.sign(&uri, now.0, 3600, &kid, ministry.status.signer());
        let keyid = ministry.deposit_keyid();
        let signer = RequestSigner::organisation(&ministry.deposit, &keyid);
        let client = s.play.world.client();
        client.put_status(&ministry.id, "1", &token, signer, now).await.unwrap();
        let paper = s.permit();
        s.apply(&paper).await
    }

    /// The operator of another hub, where she is linked too, admits an office of hers for what her own
    /// hub took from it.
    77 "R19" [AdmittedHere] stopped("not-admitted");
    async fn another_hub_admits_an_office_of_hers() -> Outcome {
        let mut play = Play::with(77, &[BORDER]).await;
        play.arrive(AZIZA).await;
        play.link("aziza", &BORDER).await;
        let documents = demo_file("border/documents.ndjson");
        play.intake("border", &documents, "border/documents-mapping.toml");
        let statement = play.gateway("border").statement();
        let other = play.world.build_hub().await;
        play.world.admit(other, &statement, &[vct::TRAVEL]).await;
        play.open_at(&EMPLOYER, other).await;
        let text = play.invite(&EMPLOYER, None);
        play.accept("aziza", &text).await;
        let now = play.world.now();
        let narrow = play.world.house().admission(&statement, &[vct::CROSSING], now);
        let hub = play.world.house().hub();
        hub.append_entries(vec![narrow]).await.unwrap();
        play.settle().await;
        if let Some(refused) = play.holder("aziza").profile().refused.first() {
            return stopped(&refused.code);
        }
        assert_eq!(play.kinds("aziza"), [vct::TRAVEL]);
        Outcome::Harm
    }
}
