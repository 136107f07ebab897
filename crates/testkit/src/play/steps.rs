//! Who syncs when: everybody until it is quiet, or one party at a time.

use super::Play;
use crate::catalogue;
use denizen_api::{ProblemKind, client::ClientError};
use denizen_gateway::{Gateway, GatewayError};
use denizen_holder::{Holder, HolderError};

/// Rounds of syncing after which a story that is not quiet has gone wrong.
const ROUNDS_MAX: usize = 60;

/// Whether there was no answer, or none but that it is to be tried later.
fn passes(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Transport(_) | ClientError::Problem(ProblemKind::Busy)
    )
}

impl Play {
    /// Everybody syncs until nothing moves any more.
    pub async fn settle(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if self.restless {
                self.restart();
            }
            if self.round().await {
                return;
            }
        }
        panic!("the story does not come to rest");
    }

    /// Every hub and gateway is closed and opened again.
    pub fn restart(&mut self) {
        for number in 0..self.world.houses.len() {
            self.world.restart_hub(number);
        }
        let offices: Vec<_> = self.gateways.keys().copied().collect();
        for office in offices {
            self.reopen(office);
        }
    }

    /// One round of syncs; whether it was quiet.
    async fn round(&mut self) -> bool {
        let mut quiet = true;
        let offices: Vec<_> = self.gateways.keys().copied().collect();
        for office in offices {
            quiet &= self.sync_office(office).await;
        }
        let people: Vec<_> = self.people.keys().copied().collect();
        for person in people {
            let (count, at) = &mut self.killed_at;
            let killed = *at == Some(*count);
            *count += 1;
            quiet &= self.sync_person(person, killed).await;
        }
        quiet
    }

    /// One office syncs; whether that was quiet.
    pub async fn sync_office(&mut self, office: &str) -> bool {
        let now = self.world.now();
        let (wire, rng) = (&self.world.wire, &mut self.world.rng);
        let gateway: &mut Gateway = self.gateways.get_mut(office).unwrap();
        match gateway.sync(wire, 0, now, rng).await {
            Ok(report) => report == Default::default(),
            Err(GatewayError::Client(error)) if passes(&error) => false,
            Err(error) => panic!("gateway: {error:?}"),
        }
    }

    /// One person syncs; whether that was quiet. Her program may be killed before it could keep what it
    /// knows then.
    pub async fn sync_person(&mut self, person: &str, killed: bool) -> bool {
        let now = self.world.now();
        let (wire, rng) = (&self.world.wire, &mut self.world.rng);
        let player = self.people.get_mut(person).unwrap();
        let before = player.holder.profile().sent.len();
        let kept = killed.then(|| player.holder.encrypt(rng));
        let mut quiet = match player.holder.sync(wire, 0, now, rng).await {
            Ok(report) => {
                let quiet = report.events.is_empty();
                player.events.extend(report.events);
                quiet
            }
            Err(HolderError::Client(error)) if passes(&error) => false,
            Err(error) => panic!("holder: {error:?}"),
        };
        let profile = player.holder.profile();
        quiet &= profile.sent.len() == before && profile.outbox.is_empty();
        if let Some(kept) = kept {
            let root = player.holder.danger_root().clone();
            player.holder = Holder::open(root, &kept, catalogue(), now).unwrap();
            quiet = false;
        }
        quiet
    }
}
