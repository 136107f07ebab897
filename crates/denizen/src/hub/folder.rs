//! A hub's folder: what lies where, and who holds it.

use super::{config::Config, last::LastCheckpoint};
use crate::files::{FolderLock, read_key, write_key, write_public};
use anyhow::{Context as _, bail};
use denizen_hub::{HubConfig, HubKeys, OperatorIdentity};
use denizen_model::{
    HubId, Sha256Hash,
    jose::{Object, Unverified},
    statement::{Origins, Role, STATEMENT_TYP, Statement},
};
use denizen_store::hub::{Location, LogId, Readers};
use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

/// Said beside the identity key.
const IDENTITY_README: &str = "\
The operator's identity key signs admissions and the hub's next statement. Serving does not need it.
Move this folder to a medium that is kept offline, with a copy elsewhere, and bring it back (or give
--identity) to admit an organisation. Whoever has it can admit anybody; who lost it cannot follow up
the hub's statement.
";

/// A hub's folder.
pub(crate) struct Folder(PathBuf);

/// What a hub is, as its statement says.
pub(crate) struct Operator {
    pub(crate) id: HubId,
    pub(crate) statement: Statement,
}

impl Operator {
    /// The names of its logs.
    pub(crate) fn origins(&self) -> anyhow::Result<Origins> {
        let origins = self.statement.origins.clone();
        origins.context("the hub's statement names no logs")
    }
}

impl Folder {
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.0.join("hub.toml")
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.0.join("identity/operator-identity.key")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("hub.db")
    }

    fn statement(&self) -> PathBuf {
        self.0.join("statement")
    }

    fn key(&self, name: &str) -> PathBuf {
        self.0.join(format!("keys/{name}.key"))
    }

    /// Writes identity, keys and statement of a new hub.
    pub(crate) fn write(
        &self,
        identity: &OperatorIdentity,
        keys: &HubKeys,
        statement: &Object,
    ) -> anyhow::Result<()> {
        crate::files::make_folder(&self.0)?;
        crate::files::make_folder(&self.0.join("identity"))?;
        crate::files::make_folder(&self.0.join("keys"))?;
        write_key(&self.identity(), &identity.0)?;
        write_public(
            &self.0.join("identity/README.txt"),
            IDENTITY_README.as_bytes(),
        )?;
        write_key(&self.key("log"), &keys.log)?;
        write_key(&self.key("head"), &keys.head)?;
        write_public(&self.statement(), statement.as_bytes())
    }

    /// Reads who the hub is.
    pub(crate) fn operator(&self) -> anyhow::Result<Operator> {
        let file = self.statement();
        let bytes = fs::read(&file).with_context(|| {
            format!(
                "{} is no hub's folder: `denizen hub init` makes one",
                self.0.display()
            )
        })?;
        let parsed = Unverified::parse(&bytes)
            .ok()
            .filter(|o| o.typ() == STATEMENT_TYP);
        let statement: Option<Statement> =
            parsed.and_then(|o| serde_json::from_slice(o.danger_payload()).ok());
        let statement = statement.filter(|s| s.role == Role::Hub && s.id.is_none());
        let statement = statement
            .with_context(|| format!("{} is not the hub's first statement", file.display()))?;
        let id = HubId::from(Sha256Hash::of(&bytes));
        Ok(Operator { id, statement })
    }

    /// Reads the keys that serving needs.
    pub(crate) fn keys(&self) -> anyhow::Result<HubKeys> {
        Ok(HubKeys {
            log: read_key(&self.key("log"))?,
            head: read_key(&self.key("head"))?,
        })
    }

    /// What the hub is told at start, with the usual limits.
    pub(crate) fn hub_config(&self, operator: &Operator) -> anyhow::Result<HubConfig> {
        let origins = operator.origins()?;
        Ok(HubConfig::new(operator.id, origins, self.location()?))
    }

    /// Where the hub's database is, as `hub.toml` of this folder says.
    pub(crate) fn location(&self) -> anyhow::Result<Location> {
        let config = match self.config() {
            file if file.is_file() => Config::read(&file)?,
            _ => Config::default(),
        };
        config.location(self.database())
    }

    /// The newest checkpoints that this hub is known to have signed.
    pub(crate) fn last_checkpoint(&self) -> anyhow::Result<LastCheckpoint> {
        LastCheckpoint::read(self.0.join("last-checkpoint"))
    }

    /// Refuses a folder without its database: a new one in its place would begin both logs again, under
    /// the same names.
    pub(crate) fn require_database(&self) -> anyhow::Result<()> {
        match self.location()? {
            Location::File(file) if !file.is_file() => {
                let shown = file.display();
                bail!("{shown} is missing: bring it back (`denizen hub restore`)");
            }
            Location::Server(server) if !has_hub(&Location::Server(server.clone()))? => {
                bail!("{server} is empty: bring its rows back, nothing is signed until then");
            }
            _ => Ok(()),
        }
    }

    /// Whether a process has the folder; leaves no file, whoever asks.
    pub(crate) fn is_taken(&self) -> bool {
        let lock = File::open(self.0.join("hub.lock"));
        let shared = lock.map(|lock| lock.try_lock_shared());
        matches!(shared, Ok(Err(TryLockError::WouldBlock)))
    }

    /// Takes the folder for this process; `None` while another has it.
    pub(crate) fn lock(&self) -> anyhow::Result<Option<FolderLock>> {
        FolderLock::take(&self.0.join("hub.lock"))
    }
}

/// Whether a database has a hub's directory, whose first entry is the hub's statement.
pub(super) fn has_hub(at: &Location) -> anyhow::Result<bool> {
    let head = Readers::open(at)?.with(|db| db.log_head(LogId::Directory));
    Ok(head.is_ok_and(|head| head.is_some()))
}
