//! The first hand-over of keys (R1).

use denizen_evil::{
    Outcome, Pen, Scene, attacks, invitation_of, invitation_parts, rewritten, stopped,
};
use denizen_gateway::GatewayError;
use denizen_model::{
    Nonce, PublicKeyFor, SecretKeyFor, UnixTime,
    key::Identity,
    link::confirmation_code,
    message::{Body, LinkUpdate},
};
use denizen_testkit::{
    AZIZA, GULAB, Play,
    play::{BORDER, vct},
};

/// She reads an invitation and accepts it, if nothing is said against it.
async fn accept(s: &mut Scene, text: &str) -> Option<Outcome> {
    let now = s.world.now();
    match s.holder.preview_invitation(text, &s.world.wire, now).await {
        Err(error) => Some(stopped(error.code())),
        Ok(preview) => {
            s.holder
                .accept_invitation(preview, &mut s.world.rng)
                .unwrap();
            None
        }
    }
}

/// Aziza's case invitation of the border service was accepted by somebody else: Gulab scanned it.
async fn scanned_by_another(seed: u64) -> (Play, u32) {
    let mut play = Play::with(seed, &[BORDER]).await;
    play.arrive(GULAB).await;
    play.fill(&BORDER).await;
    let text = play.invite(&BORDER, Some(AZIZA.case("border")));
    let link = play.accept("gulab", &text).await;
    (play, link)
}

attacks! {
    /// A thief of the office's message key invites, and names his own key as the office's identity.
    1 "R1" [InvitationKeys] stopped("invitation-changed-key");
    async fn an_invitation_names_a_thiefs_identity_key() -> Outcome {
        let mut s = Scene::make(1).await;
        let thief: PublicKeyFor<Identity> = SecretKeyFor::make(&mut s.world.rng).public_for();
        let text = s.desk.invite(&mut s.world, |i| i.identity = thief.clone());
        if let Some(told) = accept(&mut s, &text).await {
            return told;
        }
        assert!(s.holder.profile().links.last().unwrap().identity == thief);
        Outcome::Harm
    }

    /// Whoever carries an invitation's text rewrites what the office asks for.
    2 "R1" [InvitationSignature] stopped("invitation-changed-key");
    async fn an_invitation_is_rewritten_on_its_way() -> Outcome {
        let mut s = Scene::make(2).await;
        let text = s.desk.invite(&mut s.world, |_| ());
        let own = SecretKeyFor::<denizen_model::key::Message>::make(&mut s.world.rng);
        let text = rewritten(&text, &own, |i| i.sends = vec![vct::MEDICAL.to_owned()]);
        if let Some(told) = accept(&mut s, &text).await {
            return told;
        }
        let link = s.holder.profile().links.last().unwrap();
        assert_eq!(link.allowed_kinds, [vct::MEDICAL]);
        Outcome::Harm
    }

    /// A relay keeps an invitation and hands it out after its time.
    3 "R1" [InvitationExpiry] stopped("invitation-expired");
    async fn an_invitation_is_handed_out_again_after_its_time() -> Outcome {
        let mut s = Scene::make(3).await;
        let text = s.desk.invite(&mut s.world, |_| ());
        s.world.clock.advance_s(2 * UnixTime::DAY_S);
        if let Some(told) = accept(&mut s, &text).await {
            return told;
        }
        assert_eq!(s.holder.profile().links.len(), 2);
        Outcome::Harm
    }

    /// A helper accepts an invitation that was used, with the passes of a poster beside it: the hub
    /// lets him, and a second stranger waits at the desk for the person's case.
    4 "R1" [InvitationUses] stopped("invitation-used");
    async fn a_used_invitation_is_accepted_with_a_posters_passes() -> Outcome {
        let mut play = Play::with(4, &[BORDER]).await;
        for persona in [AZIZA, GULAB] {
            play.arrive(persona).await;
        }
        let case = play.invite(&BORDER, Some(AZIZA.case("border")));
        let poster = play.invite(&BORDER, None);
        play.accept("aziza", &case).await;
        play.settle().await;
        let ([invitation, ..], [_, register, deposit]) = (invitation_parts(&case), invitation_parts(&poster));
        let mixed = invitation_of([&invitation, &register, &deposit]);
        let link = play.accept("gulab", &mixed).await;
        play.settle().await;
        let refusal = &play.holder("gulab").profile().link(link).unwrap().refusal;
        if let Some(code) = refusal {
            return stopped(code);
        }
        assert_eq!(play.gateway("border").pending_links().unwrap().len(), 2);
        Outcome::Harm
    }

    /// A helper who scanned the invitation first has digits read out that he guessed.
    5 "R1" [LinkCode] stopped("wrong-code");
    async fn a_helper_guesses_the_digits() -> Outcome {
        let (mut play, link) = scanned_by_another(5).await;
        play.settle().await;
        let right = play.holder("gulab").code(link).unwrap();
        let guess = if right == "000000" { "000001" } else { "000000" };
        for _ in 0..3 {
            let now = play.world.now();
            let gateway = play.gateways.get_mut("border").unwrap();
            let _ = gateway.confirm(AZIZA.case("border"), guess, now, &mut play.world.rng);
        }
        play.settle().await;
        if let Some(code) = &play.holder("gulab").profile().link(link).unwrap().refusal {
            return stopped(code);
        }
        assert_eq!(play.records("gulab").len(), 4, "the papers of another");
        Outcome::Harm
    }

    /// A helper searches, after he saw the office's part, for a part of his own that gives the digits
    /// which the person will read out.
    6 "R1" [CodeCommitment] stopped("wrong-code");
    async fn a_helper_chooses_his_digits() -> Outcome {
        let (mut play, link) = scanned_by_another(6).await;
        let now = play.world.now();
        for step in 0..3 {
            let (wire, rng) = (&play.world.wire, &mut play.world.rng);
            let holder = &mut play.people.get_mut("gulab").unwrap().holder;
            let gateway = play.gateways.get_mut("border").unwrap();
            if step < 2 {
                holder.sync(wire, 0, now, rng).await.unwrap();
            }
            if step == 0 {
                holder.send(wire, now).await.unwrap();
            }
            gateway.sync(wire, 0, now, rng).await.unwrap();
        }
        // His client has seen the office's part, and has not sent his.
        let held = play.holder("gulab").profile().link(link).unwrap().clone();
        let ((_, accept), challenge) = (held.accept.unwrap(), held.org_challenge.unwrap());
        let wanted = "271828";
        let guess = |n: u64| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            Nonce::new(bytes)
        };
        let found = (0..).map(guess).find(|r| confirmation_code(&accept, r, &challenge) == wanted);
        let update = LinkUpdate { reveal: found, ..LinkUpdate::default() };
        let pen = Pen::of(&play.world, play.holder("gulab"), link).await;
        let from = pen.keys.address();
        let message = pen.message(&mut play.world, from, Body::LinkUpdate(update));
        pen.send(&mut play.world, &message).await;
        let gateway = play.gateways.get_mut("border").unwrap();
        let (wire, rng) = (&play.world.wire, &mut play.world.rng);
        gateway.sync(wire, 0, now, rng).await.unwrap();
        match gateway.confirm(AZIZA.case("border"), wanted, now, rng) {
            Ok(()) => Outcome::Harm,
            Err(error) => {
                assert!(matches!(error, GatewayError::NoPendingLink), "{error:?}");
                gateway.sync(wire, 0, now, rng).await.unwrap();
                let holder = &mut play.people.get_mut("gulab").unwrap().holder;
                holder.sync(wire, 0, now, rng).await.unwrap();
                stopped(holder.profile().link(link).unwrap().refusal.as_ref().unwrap())
            }
        }
    }
}
