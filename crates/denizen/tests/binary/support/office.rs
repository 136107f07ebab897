//! An organisation's keys, and an address that it may deposit in, without a gateway or a holder.

use super::now;
use denizen_api::{
    ClientError, HubClient, Transport,
    client::{RequestSigner, org_keyid},
    wire::{Accept, DepositItem, DepositOutcome, RegisterAddress},
};
use denizen_model::{
    AddressId, DepositId, HubId, Nonce, OrgId, SecretKeyFor, Sha256Hash,
    envelope::{ENC_SIZE_BYTES, Envelope, Header, SIZE_CLASSES_BYTES, SUITE_1, TAG_SIZE_BYTES},
    id::Bytes,
    key::{Auth, Deposit, Identity, KeyPurpose, Pass as PassKey},
    pass::{Bind, Pass, PassUse},
    statement::{Role, StatedKey, Statement, full_kid},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng as _};

/// An organisation that only deposits.
pub struct Office {
    pub id: OrgId,
    pub statement: Vec<u8>,
    hub: HubId,
    first: Statement,
    identity: SecretKeyFor<Identity>,
    deposit: SecretKeyFor<Deposit>,
    pass: SecretKeyFor<PassKey>,
    rng: ChaCha20Rng,
}

impl Office {
    pub fn make(hub: HubId, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let identity = SecretKeyFor::<Identity>::make(&mut rng);
        let deposit = SecretKeyFor::make(&mut rng);
        let pass = SecretKeyFor::make(&mut rng);
        let first = Statement {
            v: 1,
            role: Role::Organisation,
            id: None,
            names: [("en".to_owned(), "Test office".to_owned())].into(),
            hub: Some(hub),
            url: None,
            origins: None,
            inbox: None,
            identity: identity.public_for(),
            identity_next: None,
            keys: vec![stated("deposit-1", &deposit), stated("pass-1", &pass)],
            prev: None,
            created: now(),
        };
        let statement = first.sign(identity.signer()).into_bytes();
        let id = Sha256Hash::of(&statement).into();
        Self {
            id,
            statement,
            hub,
            first,
            identity,
            deposit,
            pass,
            rng,
        }
    }

    /// A statement that follows the first.
    pub fn next_statement(&self) -> Vec<u8> {
        let hash = Sha256Hash::of(&self.statement);
        let (id, prev) = (Some(self.id.into()), Some(hash));
        let next = Statement {
            id,
            prev,
            ..self.first.clone()
        };
        next.sign(self.identity.signer()).into_bytes()
    }

    /// Registers an address that takes deposits of this organisation.
    pub async fn register_address<T: Transport>(
        &mut self,
        client: &HubClient<T>,
    ) -> SecretKeyFor<Auth> {
        let auth = SecretKeyFor::<Auth>::make(&mut self.rng);
        let pass = Pass {
            v: 1,
            pass_use: PassUse::Register,
            org: self.id,
            hub: self.hub,
            inbox: None,
            bind: Bind::Nonce(Nonce::make(&mut self.rng)),
            uses: 1,
            not_before: now().plus_s(-60),
            not_after: now().plus_s(3600),
            quota: 1 << 34,
        };
        let kid = full_kid(&self.id.into(), "pass-1");
        let body = RegisterAddress {
            v: 1,
            auth: auth.public_for(),
            salt: Some(Nonce::make(&mut self.rng)),
            accepts: vec![Accept::Org(self.id)],
            pass: Some(Bytes(pass.sign(&self.pass, &kid).into_bytes())),
        };
        client.register(&body, &auth, now()).await.unwrap();
        auth
    }

    /// One envelope of the smallest class; the hub cannot know that it opens nowhere.
    pub fn item(&mut self, to: &SecretKeyFor<Auth>) -> DepositItem {
        let to = AddressId::of(&to.public_for());
        let commit = Sha256Hash::new(*Nonce::make(&mut self.rng).as_bytes());
        let header = Header {
            suite: SUITE_1,
            hub: self.hub,
            to,
            commit,
        };
        let ct = vec![7; SIZE_CLASSES_BYTES[0] + TAG_SIZE_BYTES];
        let envelope = Envelope::new(header.encode(), vec![7; ENC_SIZE_BYTES], ct).unwrap();
        DepositItem {
            deposit_id: DepositId::make(&mut self.rng),
            envelope: envelope.encode(),
            pass: None,
            reserved: false,
        }
    }

    /// What signs its deposits, for another task.
    pub fn depositor(&self) -> Depositor {
        Depositor {
            keyid: org_keyid(&self.id, "deposit-1"),
            deposit: self.deposit.clone(),
        }
    }

    /// Sends deposits in one request.
    pub async fn send<T: Transport>(
        &self,
        client: &HubClient<T>,
        items: &[DepositItem],
    ) -> Result<Vec<DepositOutcome>, ClientError> {
        self.depositor().send(client, items).await
    }

    /// Makes and sends one deposit.
    pub async fn deposit<T: Transport>(
        &mut self,
        client: &HubClient<T>,
        to: &SecretKeyFor<Auth>,
    ) -> DepositOutcome {
        let item = self.item(to);
        self.send(client, &[item]).await.unwrap().remove(0)
    }
}

/// An organisation's deposit key.
pub struct Depositor {
    keyid: String,
    deposit: SecretKeyFor<Deposit>,
}

impl Depositor {
    /// Who signs.
    pub fn signer(&self) -> RequestSigner<'_> {
        RequestSigner::organisation(&self.deposit, &self.keyid)
    }

    /// Sends deposits in one request.
    pub async fn send<T: Transport>(
        &self,
        client: &HubClient<T>,
        items: &[DepositItem],
    ) -> Result<Vec<DepositOutcome>, ClientError> {
        client.deposit(items, self.signer(), now()).await
    }
}

fn stated<P: KeyPurpose>(kid: &str, key: &SecretKeyFor<P>) -> StatedKey {
    StatedKey {
        kid: kid.to_owned(),
        purpose: P::NAME.to_owned(),
        key: key.public_for().key().clone(),
        not_before: now().plus_s(-60),
        not_after: now().plus_s(86_400),
        revoked_from: None,
    }
}
