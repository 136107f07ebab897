//! A hub, an office that deposits, and addresses: all from a seed, so that another process knows the
//! same keys and the same envelopes.

use denizen_api::{
    client::{ClientError, RequestSigner},
    wire::{Accept, DepositItem, DepositOutcome, RegisterAddress},
};
use denizen_model::{
    AddressId, DepositId, HubId, Nonce, Sha256Hash,
    envelope::{ENC_SIZE_BYTES, Envelope, Header, SIZE_CLASSES_BYTES, SUITE_1, TAG_SIZE_BYTES},
    pass::{Pass, PassUse},
};
use denizen_seal::AddressIndex;
use denizen_testkit::{Office, Person, World, person::Address};
use rand_core::{Rng as _, SeedableRng as _};
use std::path::{Path, PathBuf};

/// Addresses of a scene.
const ADDRESSES: u32 = 3;

/// One hub with one office and some addresses.
pub struct Scene {
    /// The world, with the hub running.
    pub world: World,
    /// Who deposits.
    pub office: Office,
    /// Where.
    pub addresses: Vec<Address>,
    seed: u64,
}

impl Scene {
    /// Makes all of it, on a database of its own.
    pub async fn make(seed: u64) -> Self {
        let mut world = World::make(seed).await;
        let office = world.office("Office", &[]).await;
        let person = Person::make(&mut world.rng);
        let mut addresses = Vec::new();
        for index in 1..=ADDRESSES {
            let salt = Nonce::make(&mut world.rng);
            let keys = person.root.derive_address(AddressIndex(index), Some(&salt));
            let pass = Pass {
                quota: 1 << 34,
                ..office.pass(PassUse::Register, Nonce::make(&mut world.rng))
            };
            let registration = RegisterAddress {
                v: 1,
                auth: keys.auth.public_for(),
                salt: Some(salt),
                accepts: vec![Accept::Org(office.id)],
                pass: Some(office.sign_pass(&pass)),
            };
            let address = Address { keys, registration };
            world.register(&address).await;
            addresses.push(address);
        }
        Self {
            world,
            office,
            addresses,
            seed,
        }
    }

    /// The deposit of this number: the same bytes whenever it is asked for.
    #[must_use]
    pub fn item(&self, number: u64) -> DepositItem {
        let to = self.addresses[usize::try_from(number).unwrap() % self.addresses.len()].id();
        item(self.world.house().id, to, self.seed, number)
    }

    /// Sends deposits in one request.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(&self, items: &[DepositItem]) -> Result<Vec<DepositOutcome>, ClientError> {
        let outcomes = self.world.deposit(&self.office, items).await;
        self.world.wire.forget();
        outcomes
    }

    /// Who signs what the office sends: to be used with [`Scene::keyid`].
    #[must_use]
    pub fn signer<'a>(&'a self, keyid: &'a str) -> RequestSigner<'a> {
        RequestSigner::organisation(&self.office.deposit, keyid)
    }

    /// The key id of the office's deposits.
    #[must_use]
    pub fn keyid(&self) -> String {
        self.office.deposit_keyid()
    }

    /// The stopped hub's database file is from now on another.
    pub fn move_to(&mut self, database: PathBuf) {
        self.world.houses[0].config.database = database.into();
    }

    /// The file of the hub's database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        match &self.world.house().config.database {
            denizen_store::hub::Location::File(file) => file.clone(),
            _ => panic!("a scene's database is a file"),
        }
    }
}

/// A deposit of the smallest class whose bytes follow from its number; the hub cannot know that it
/// opens nowhere.
fn item(hub: HubId, to: AddressId, seed: u64, number: u64) -> DepositItem {
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(seed.wrapping_mul(1 << 24) + number);
    let commit = Sha256Hash::new(*Nonce::make(&mut rng).as_bytes());
    let header = Header {
        suite: SUITE_1,
        hub,
        to,
        commit,
    };
    let mut ct = vec![0; SIZE_CLASSES_BYTES[0] + TAG_SIZE_BYTES];
    rng.fill_bytes(&mut ct);
    let envelope = Envelope::new(header.encode(), vec![7; ENC_SIZE_BYTES], ct).unwrap();
    DepositItem {
        deposit_id: DepositId::make(&mut rng),
        envelope: envelope.encode(),
        pass: None,
        reserved: false,
    }
}

/// A folder for databases that are thrown away: in memory where the system has such a place, since what
/// is tested is not this machine's disk.
#[must_use]
pub fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}
