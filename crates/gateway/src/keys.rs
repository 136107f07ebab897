//! An organisation's keys and its first statement. Two files: `identity/identity.json` signs statements and
//! belongs offline once the statement is made; `keys.json` is what a running gateway needs.

use crate::GatewayError;
use denizen_model::{
    AddressId, HubId, Nonce, SecretKeyFor, UnixTime,
    id::Bytes,
    jose::Object,
    key::{
        Auth, Deposit, Identity, Issuer, KeyPurpose, Message as MessageKey, Pass as PassKey,
        Status as StatusKey,
    },
    statement::{Inbox, Role, StatedKey, Statement},
};
use denizen_seal::{KemSecret, LocalKey};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io::Write as _, path::Path};

/// How long the first keys count, in seconds: ten years.
const KEYS_TTL_S: i64 = 10 * 366 * UnixTime::DAY_S;

/// Said beside the identity key.
const IDENTITY_README: &str = "\
The identity key signs your organisation's statements. A running gateway does not need it.
Move this folder to a medium that is kept offline, with a copy elsewhere. Whoever has it can speak as
your organisation; who lost it cannot follow up the statement.
";

/// Key ids of the first statement.
pub(crate) const ISSUER_KID: &str = "issuer-1";
pub(crate) const MESSAGE_KID: &str = "message-1";
pub(crate) const DEPOSIT_KID: &str = "deposit-1";
pub(crate) const PASS_KID: &str = "pass-1";
pub(crate) const STATUS_KID: &str = "status-1";

/// The keys of a running gateway.
pub(crate) struct Keys {
    /// Signs every copy of every record: natively.
    pub(crate) issuer: SecretKeyFor<Issuer>,
    pub(crate) message: SecretKeyFor<MessageKey>,
    pub(crate) deposit: SecretKeyFor<Deposit>,
    pub(crate) pass: SecretKeyFor<PassKey>,
    pub(crate) status: SecretKeyFor<StatusKey>,
    pub(crate) inbox: SecretKeyFor<Auth>,
    pub(crate) kem: KemSecret,
    pub(crate) local: LocalKey,
}

/// 32 secret bytes in the file: base64url, like a nonce.
type Seed = Nonce;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    v: u8,
    issuer: Seed,
    message: Seed,
    deposit: Seed,
    pass: Seed,
    status: Seed,
    inbox: Seed,
    kem: Seed,
    local: Seed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    v: u8,
    identity: Seed,
}

impl Keys {
    pub(crate) fn make(rng: &mut dyn rand_core::CryptoRng) -> Self {
        let mut rng = rng;
        Self {
            issuer: SecretKeyFor::make(&mut rng).with_native(),
            message: SecretKeyFor::make(&mut rng).with_native(),
            deposit: SecretKeyFor::make(&mut rng).with_native(),
            pass: SecretKeyFor::make(&mut rng),
            status: SecretKeyFor::make(&mut rng),
            inbox: SecretKeyFor::make(&mut rng),
            kem: KemSecret::from_seed(*Nonce::make(&mut rng).as_bytes()),
            local: LocalKey::make(&mut rng),
        }
    }

    pub(crate) fn inbox_address(&self) -> AddressId {
        AddressId::of(&self.inbox.public_for())
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), GatewayError> {
        let file = KeysFile {
            v: 1,
            issuer: Seed::new(self.issuer.danger_seed()),
            message: Seed::new(self.message.danger_seed()),
            deposit: Seed::new(self.deposit.danger_seed()),
            pass: Seed::new(self.pass.danger_seed()),
            status: Seed::new(self.status.danger_seed()),
            inbox: Seed::new(self.inbox.danger_seed()),
            kem: Seed::new(*self.kem.danger_seed()),
            local: Seed::new(*self.local.danger_bytes()),
        };
        write_secret(path, &file)
    }

    pub(crate) fn load(path: &Path) -> Result<Self, GatewayError> {
        let file: KeysFile = read_json(path, "keys.json")?;
        Ok(Self {
            issuer: key(&file.issuer)?.with_native(),
            message: key(&file.message)?.with_native(),
            deposit: key(&file.deposit)?.with_native(),
            pass: key(&file.pass)?,
            status: key(&file.status)?,
            inbox: key(&file.inbox)?,
            kem: KemSecret::from_seed(*file.kem.as_bytes()),
            local: LocalKey::from_bytes(*file.local.as_bytes()),
        })
    }

    /// The organisation's first statement: its hash is the organisation's id.
    pub(crate) fn first_statement(
        &self,
        identity: &SecretKeyFor<Identity>,
        names: &BTreeMap<String, String>,
        hub: HubId,
        now: UnixTime,
    ) -> Object {
        let statement = Statement {
            v: 1,
            role: Role::Organisation,
            id: None,
            names: names.clone(),
            hub: Some(hub),
            url: None,
            origins: None,
            inbox: Some(Inbox {
                address: self.inbox_address(),
                kem: Bytes(self.kem.public().to_bytes()),
            }),
            identity: identity.public_for(),
            identity_next: None,
            keys: vec![
                stated(ISSUER_KID, &self.issuer, now),
                stated(MESSAGE_KID, &self.message, now),
                stated(DEPOSIT_KID, &self.deposit, now),
                stated(PASS_KID, &self.pass, now),
                stated(STATUS_KID, &self.status, now),
            ],
            prev: None,
            created: now,
        };
        statement.sign(identity.signer())
    }
}

/// Saves the identity key in a folder of its own, which a running gateway does not need.
pub(crate) fn save_identity(
    folder: &Path,
    identity: &SecretKeyFor<Identity>,
) -> Result<(), GatewayError> {
    std::fs::create_dir_all(folder).map_err(GatewayError::Folder)?;
    let file = IdentityFile {
        v: 1,
        identity: Seed::new(identity.danger_seed()),
    };
    write_secret(&folder.join("identity.json"), &file)?;
    let readme = folder.join("README.txt");
    std::fs::write(readme, IDENTITY_README).map_err(GatewayError::Folder)
}

fn stated<P: KeyPurpose>(kid: &str, key: &SecretKeyFor<P>, now: UnixTime) -> StatedKey {
    StatedKey {
        kid: kid.to_owned(),
        purpose: P::NAME.to_owned(),
        key: key.public_for().key().clone(),
        // One-time copies say only the day on which they were made (R18): the key counts from its
        // start, and a little longer for clocks that differ.
        not_before: now.plus_s(-300).day_start(),
        not_after: now.plus_s(KEYS_TTL_S),
        revoked_from: None,
    }
}

fn key<P: KeyPurpose>(seed: &Seed) -> Result<SecretKeyFor<P>, GatewayError> {
    SecretKeyFor::from_seed(seed.as_bytes()).map_err(|_| GatewayError::Damaged("keys.json"))
}

pub(crate) fn read_json<T: serde::de::DeserializeOwned>(
    path: &Path,
    name: &'static str,
) -> Result<T, GatewayError> {
    let bytes = std::fs::read(path).map_err(GatewayError::Folder)?;
    serde_json::from_slice(&bytes).map_err(|_| GatewayError::Damaged(name))
}

/// Writes a new file that only its owner may read.
fn write_secret<T: Serialize>(path: &Path, value: &T) -> Result<(), GatewayError> {
    write_new(path, value, 0o600)
}

/// Writes a new file and has it on the disk; refuses to replace one.
pub(crate) fn write_new<T: Serialize>(
    path: &Path,
    value: &T,
    mode: u32,
) -> Result<(), GatewayError> {
    let json = serde_json::to_vec_pretty(value).expect("files of a gateway are JSON");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            GatewayError::AlreadyThere
        } else {
            GatewayError::Folder(error)
        }
    })?;
    file.write_all(&json)
        .and_then(|()| file.sync_all())
        .map_err(GatewayError::Folder)
}
