//! The facade: one organisation over one folder.

use crate::{
    GatewayError, Trust,
    issuer::seal::{HolderAddress, Sender},
    keys::{DEPOSIT_KID, Keys, MESSAGE_KID, PASS_KID, read_json, save_identity, write_new},
    vault::{Vault, context},
    verifier::acting::asks_enough,
};
use denizen_api::{
    HubClient, Transport,
    client::org_keyid,
    wire::{Accept, DirectoryAnswer, RegisterAddress},
};
use denizen_model::{
    HubId, Nonce, OrgId, SecretKeyFor, Sha256Hash, UnixTime,
    catalogue::{Catalogue, CatalogueError, Service},
    id::Bytes,
    key::Identity,
    pass::{Bind, Pass, PassUse},
    statement::{SERVICE_TYP, ServiceEntry, full_kid, sign_entry},
};
use denizen_openid::{Query, ValueMatching};
use denizen_seal::FileToAttach;
use denizen_store::{
    StoreError,
    gateway::{AlarmRow, GatewayStore},
};
use serde::{Deserialize, Serialize};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// What a new organisation is told.
#[derive(Debug, Clone)]
pub struct GatewaySetup {
    /// Its name by language tag; `en` is required.
    pub names: BTreeMap<String, String>,
    /// The hub, pinned.
    pub hub: HubId,
    /// Where the hub answers; base URL without a trailing slash.
    pub hub_url: String,
}

/// What is public of a gateway, in `gateway.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    v: u8,
    pub(crate) org: OrgId,
    pub(crate) hub: HubId,
    pub(crate) hub_url: String,
    pub(crate) names: BTreeMap<String, String>,
    statement: Bytes,
    /// The inbox's registration, made once so that every attempt is the same.
    registration: RegisterAddress,
}

/// One organisation: its keys, its database, and what it trusts.
pub struct Gateway {
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    pub(crate) store: GatewayStore,
    pub(crate) vault: Vault,
    /// The catalogue with what the directory adds to it.
    pub(crate) catalogue: Arc<Catalogue>,
    /// The catalogue that the program was given.
    own_catalogue: Arc<Catalogue>,
    kinds_left_out: Vec<CatalogueError>,
    pub(crate) trust: Option<Trust>,
    /// Files that go with the next letter that takes some. Never kept.
    pub(crate) to_attach: Vec<FileToAttach>,
    /// The newest status list and how many of its entries are used, as far as this process knows.
    pub(crate) status_filled: Cell<Option<(u32, u64)>>,
    /// Status indexes that this transaction has drawn: they are written when it is known for which record.
    pub(crate) status_drawn: RefCell<BTreeSet<(u32, u64)>>,
    message_kid: String,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gateway({})", self.config.org.to_text())
    }
}

/// How long what a gateway registers and hands out for good counts, in seconds: ten years.
pub(crate) const LASTING_S: i64 = 10 * 365 * UnixTime::DAY_S;

/// Clocks of gateway and hub may differ by this, in seconds.
pub(crate) const SKEW_S: i64 = 300;

/// Bytes that may lie in the inbox.
const INBOX_QUOTA_BYTES: u64 = 1 << 40;

impl Gateway {
    /// Makes an organisation in an empty folder: keys, database, first statement. Its subfolder
    /// `identity` is not needed to run and belongs offline.
    ///
    /// # Errors
    /// [`GatewayError::AlreadyThere`], [`GatewayError::NameMissing`], [`GatewayError::Folder`].
    pub fn make(
        folder: &Path,
        setup: GatewaySetup,
        catalogue: Arc<Catalogue>,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Self, GatewayError> {
        let mut rng = rng;
        let name = setup.names.get("en").map(|name| name.trim());
        if name.is_none_or(str::is_empty) {
            return Err(GatewayError::NameMissing);
        }
        std::fs::create_dir_all(folder).map_err(GatewayError::Folder)?;
        let identity = SecretKeyFor::<Identity>::make(&mut rng);
        let keys = Keys::make(&mut rng);
        save_identity(&folder.join("identity"), &identity)?;
        keys.save(&folder.join("keys.json"))?;
        let statement = keys.first_statement(&identity, &setup.names, setup.hub, now);
        let org = OrgId::from(Sha256Hash::of(statement.as_bytes()));
        let pass = Pass {
            v: 1,
            pass_use: PassUse::Register,
            org,
            hub: setup.hub,
            inbox: None,
            bind: Bind::Nonce(Nonce::make(&mut rng)),
            uses: 1,
            not_before: now.plus_s(-SKEW_S),
            not_after: now.plus_s(LASTING_S),
            quota: INBOX_QUOTA_BYTES,
        };
        let pass = pass.sign(&keys.pass, &full_kid(&org.into(), PASS_KID));
        let config = Config {
            v: 1,
            org,
            hub: setup.hub,
            hub_url: setup.hub_url.trim_end_matches('/').to_owned(),
            names: setup.names,
            statement: Bytes(statement.into_bytes()),
            registration: RegisterAddress {
                v: 1,
                auth: keys.inbox.public_for(),
                salt: Some(Nonce::make(&mut rng)),
                accepts: vec![Accept::PassBy(org)],
                pass: Some(Bytes(pass.into_bytes())),
            },
        };
        GatewayStore::open(&folder.join("gateway.sqlite"))?;
        // Last, so that a folder with this file is whole.
        write_new(&folder.join("gateway.json"), &config, 0o644)?;
        Self::open(folder, catalogue)
    }

    /// Opens an organisation's folder.
    ///
    /// # Errors
    /// [`GatewayError::Folder`], [`GatewayError::Damaged`], [`GatewayError::Store`];
    /// [`GatewayError::IsBackup`] for one that was put back and has not taken over.
    pub fn open(folder: &Path, catalogue: Arc<Catalogue>) -> Result<Self, GatewayError> {
        let gateway = Self::open_any(folder, catalogue)?;
        if gateway.store.lineage()?.copied.is_some() {
            return Err(GatewayError::IsBackup);
        }
        Ok(gateway)
    }

    pub(crate) fn open_any(folder: &Path, catalogue: Arc<Catalogue>) -> Result<Self, GatewayError> {
        let config: Config = read_json(&folder.join("gateway.json"), "gateway.json")?;
        if config.v != 1 {
            return Err(GatewayError::Damaged("gateway.json"));
        }
        let keys = Keys::load(&folder.join("keys.json"))?;
        let database = folder.join("gateway.sqlite");
        // A new one in its place would answer everybody as a stranger.
        if !database.is_file() {
            return Err(GatewayError::Damaged("gateway.sqlite"));
        }
        let store = GatewayStore::open(&database)?;
        Ok(Self {
            to_attach: Vec::new(),
            status_filled: Cell::new(None),
            status_drawn: RefCell::default(),
            message_kid: full_kid(&config.org.into(), MESSAGE_KID),
            vault: Vault::new(keys.local.clone()),
            config,
            keys,
            store,
            own_catalogue: Arc::clone(&catalogue),
            catalogue,
            kinds_left_out: Vec::new(),
            trust: None,
        })
    }

    /// The organisation's id.
    #[must_use]
    pub fn id(&self) -> OrgId {
        self.config.org
    }

    /// The hub that it is at.
    #[must_use]
    pub fn hub(&self) -> (&HubId, &str) {
        (&self.config.hub, &self.config.hub_url)
    }

    /// The signed first statement: what the operator admits.
    #[must_use]
    pub fn statement(&self) -> Vec<u8> {
        self.config.statement.0.clone()
    }

    /// Fetches the directory, registers the inbox and publishes the status list. May be repeated.
    ///
    /// # Errors
    /// [`GatewayError::NotAdmitted`] before the operator has admitted the organisation;
    /// [`GatewayError::Client`], [`GatewayError::Directory`].
    pub async fn start<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.refresh_directory(transport, now, rng).await?;
        let org = self.trust()?.directory().organisation(&self.config.org);
        let suspended = |s: &denizen_model::statement::Suspension| s.from <= now;
        if org.is_none_or(|o| o.admission.is_none() || o.suspension.as_ref().is_some_and(suspended))
        {
            return Err(GatewayError::NotAdmitted);
        }
        let client = self.client(transport);
        let state = client
            .register(&self.config.registration, &self.keys.inbox, now)
            .await?;
        self.take_generation(&state)?;
        self.publish_status(transport, now, rng).await
    }

    /// Fetches the directory and checks it against what was seen before.
    ///
    /// # Errors
    /// [`GatewayError::Client`], [`GatewayError::Directory`].
    pub async fn refresh_directory<T: Transport>(
        &mut self,
        transport: &T,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        self.load_trust(now)?;
        let answer = self.client(transport).directory().await?;
        let trust = Trust::of(answer, &self.config.hub, self.trust.as_ref(), now)?;
        let bytes = Bytes(trust.answer().encode());
        self.take_trust(trust);
        self.set_setting("directory", &bytes, rng)
    }

    fn take_trust(&mut self, trust: Trust) {
        let directories = [trust.directory()];
        (self.catalogue, self.kinds_left_out) = self.own_catalogue.with_directories(directories);
        self.trust = Some(trust);
    }

    /// The catalogue: the one that the program was given, with the kinds of the directory.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Kinds of the directory that are not used, each with its file and the reason.
    #[must_use]
    pub fn kinds_left_out(&self) -> &[CatalogueError] {
        &self.kinds_left_out
    }

    /// Takes the stored directory and status lists, checked again, if none is loaded.
    pub(crate) fn load_trust(&mut self, now: UnixTime) -> Result<(), GatewayError> {
        if self.trust.is_some() {
            return Ok(());
        }
        let Some(bytes) = self.setting::<Bytes>("directory")? else {
            return Ok(());
        };
        let answer = DirectoryAnswer::decode(&bytes.0);
        let answer = answer.ok_or(GatewayError::Damaged("database"))?;
        let mut trust = Trust::of(answer, &self.config.hub, None, now)?;
        let statuses: BTreeMap<String, String> = self.setting("statuses")?.unwrap_or_default();
        let beside: BTreeMap<String, String> = self.setting("statuses_beside")?.unwrap_or_default();
        for (uri, token) in statuses.iter().chain(&beside) {
            trust.keep_status(uri, token, now);
        }
        self.take_trust(trust);
        Ok(())
    }

    /// Declares a service in the directory; the same version again gives the same hash.
    ///
    /// # Errors
    /// [`GatewayError::Service`] for one that asks what it may not or that changed without counting
    /// up its version; [`GatewayError::Client`].
    pub async fn publish_service<T: Transport>(
        &mut self,
        transport: &T,
        service: Service,
        now: UnixTime,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<Sha256Hash, GatewayError> {
        self.refresh_directory(transport, now, rng).await?;
        self.check_service(&service)?;
        let ours = |s: &(&Sha256Hash, &ServiceEntry)| {
            s.1.org == self.config.org && s.1.service.service == service.service
        };
        let declared = self.trust()?.directory().services().find(ours);
        if let Some((hash, entry)) = declared {
            if entry.service == service {
                return Ok(*hash);
            }
            if entry.service.version >= service.version {
                let why = "it differs from the declared one: count up its version";
                return Err(GatewayError::Service(why));
            }
        }
        let entry = ServiceEntry {
            v: 1,
            org: self.config.org,
            service,
            created: now,
        };
        let object = sign_entry(
            &entry,
            SERVICE_TYP,
            self.keys.message.signer(),
            &self.message_kid,
        );
        self.client(transport)
            .post_entries(&[object.as_bytes()])
            .await?;
        self.refresh_directory(transport, now, rng).await?;
        Ok(Sha256Hash::of(object.as_bytes()))
    }

    fn check_service(&self, service: &Service) -> Result<(), GatewayError> {
        let query = Query::from_value(&service.evidence, ValueMatching::Refused);
        let query = query.map_err(|_| {
            GatewayError::Service("its evidence is no DCQL query that may be asked")
        })?;
        let named = service.issuers.keys().chain(&service.subject_required);
        let named = named.chain(service.constraints.iter().map(|c| &c.query));
        if named.into_iter().any(|id| query.credential(id).is_none()) {
            return Err(GatewayError::Service(
                "it names evidence that it does not ask for",
            ));
        }
        if query
            .credentials()
            .iter()
            .any(|c| !service.issuers.contains_key(&c.id))
        {
            return Err(GatewayError::Service(
                "it does not say who may issue each evidence",
            ));
        }
        if !asks_enough(service) {
            return Err(GatewayError::Service(
                "it asks for a mandate and not for all by which a mandate is judged: role, delegate, \
                 scope, services, basis, valid_from, valid_until",
            ));
        }
        let kinds = query.credentials().iter().flat_map(|c| &c.vct_values);
        match kinds
            .chain(&service.grants)
            .find(|vct| self.catalogue.kind(vct).is_none())
        {
            Some(vct) => Err(GatewayError::KindUnknown(vct.clone())),
            None => Ok(()),
        }
    }

    /// Alarms, oldest first: stable codes of what the operator of this gateway should look at.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn alarms(&self) -> Result<Vec<AlarmRow>, GatewayError> {
        Ok(self.store.alarms()?)
    }

    /// How many rows wait for a link, and how many envelopes for the hub.
    ///
    /// # Errors
    /// [`GatewayError::Store`].
    pub fn backlog(&self) -> Result<(u64, u64), GatewayError> {
        Ok((self.store.waiting_count()?, self.store.outgoing_count()?))
    }

    /// Makes the next commit fail, for tests of the commit path.
    pub fn inject(&mut self, fault: denizen_store::Fault) {
        self.store.inject(fault);
    }

    pub(crate) fn trust(&self) -> Result<&Trust, GatewayError> {
        self.trust.as_ref().ok_or(GatewayError::NoDirectory)
    }

    /// The verified directory and status lists, once one was fetched.
    #[must_use]
    pub fn trusted(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    pub(crate) fn client<'t, T: Transport>(&self, transport: &'t T) -> HubClient<&'t T> {
        HubClient::new(transport, self.config.hub, &self.config.hub_url)
    }

    pub(crate) fn deposit_keyid(&self) -> String {
        org_keyid(&self.config.org, DEPOSIT_KID)
    }

    pub(crate) fn message_kid(&self) -> &str {
        &self.message_kid
    }

    pub(crate) fn sender(&self) -> Sender<'_> {
        Sender {
            org: &self.config.org,
            kid: &self.message_kid,
            key: &self.keys.message,
        }
    }

    pub(crate) fn case_key(&self, case_reference: &str) -> Sha256Hash {
        self.vault.keyed("case", &[case_reference])
    }

    pub(crate) fn setting<V: serde::de::DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<V>, GatewayError> {
        let body = self.store.setting(name)?;
        body.map(|b| self.vault.open(&context("setting", name.as_bytes()), &b))
            .transpose()
    }

    pub(crate) fn set_setting<V: Serialize>(
        &self,
        name: &str,
        value: &V,
        rng: &mut dyn rand_core::CryptoRng,
    ) -> Result<(), GatewayError> {
        let body = self
            .vault
            .seal(&context("setting", name.as_bytes()), value, rng);
        Ok(self.store.set_setting(name, &body)?)
    }

    /// Runs `work` in one transaction: all of it is durable, or none.
    pub(crate) fn tx<R, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Self) -> Result<R, E>,
    ) -> Result<R, E> {
        self.store.begin()?;
        self.status_drawn.take();
        let work = |g: &Self| {
            // Another process of this organisation may have drawn status indexes since they were counted.
            if g.store.others_wrote()? {
                g.status_filled.set(None);
            }
            work(g)
        };
        match work(self) {
            Ok(done) => {
                self.store.commit()?;
                Ok(done)
            }
            Err(error) => {
                // What a transaction that was taken back has counted is not so.
                self.status_filled.set(None);
                // After some faults SQLite has rolled back by itself; what led here is what counts.
                let _ = self.store.rollback();
                Err(error)
            }
        }
    }
}

/// The address of a link, ready to seal to.
pub(crate) fn holder_address(
    hub: HubId,
    address: denizen_model::AddressId,
    kem: &[u8],
) -> Result<HolderAddress, GatewayError> {
    let kem = denizen_seal::KemPublic::from_bytes(kem);
    let kem = kem.map_err(|_| GatewayError::Damaged("database"))?;
    Ok(HolderAddress { hub, address, kem })
}
