//! The world: hubs, a clock, randomness, a wire, and the scan after a story.

use crate::{
    Brake, Found, Marks, MockClock, Office, Rng, Wire, brake::Braked, campaign, canary::Scanner,
    logs, office::deposit_of, person::Address,
};
use denizen_api::{
    HubClient,
    client::{ClientError, RequestSigner},
    directory::VerifiedDirectory,
    wire::{DepositItem, DepositOutcome},
};
use denizen_hub::{Hub, HubConfig, HubKeys, OpenError, OperatorIdentity, SequencerThread};
use denizen_model::{
    AddressId, Clock as _, HubId, OrgId, Sha256Hash, UnixTime,
    statement::{
        ADMISSION_TYP, Admission, AdmittedKind, KIND_TYP, KindEntry, Origins, Quality,
        SUSPENSION_TYP, Suspension, full_kid, sign_entry,
    },
};
use denizen_store::{
    StoreError,
    hub::{HubStore, open_limited},
};
use denizen_tlog::WitnessPolicy;
use rand_core::SeedableRng as _;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// One hub of a world with its operator.
pub struct House {
    /// The hub's id.
    pub id: HubId,
    /// Its base URL on the wire.
    pub url: String,
    /// What it is started with; a test may change it while the hub is stopped.
    pub config: HubConfig,
    /// Its keys.
    pub keys: HubKeys,
    /// The operator's offline key.
    pub identity: OperatorIdentity,
    authority: String,
    running: Option<(Hub, SequencerThread)>,
}

impl House {
    /// The running hub.
    #[must_use]
    pub fn hub(&self) -> &Hub {
        &self.running.as_ref().unwrap().0
    }

    fn sign<T: serde::Serialize>(&self, entry: &T, typ: &str) -> Vec<u8> {
        let kid = full_kid(&self.id.into(), "identity");
        sign_entry(entry, typ, self.identity.0.signer(), &kid).into_bytes()
    }

    /// An admission signed by the operator: as an authority for these kinds.
    #[must_use]
    pub fn admission(&self, statement: &[u8], kinds: &[&str], from: UnixTime) -> Vec<u8> {
        self.admission_as(Quality::Authority, statement, kinds, from)
    }

    /// An admission signed by the operator.
    #[must_use]
    pub fn admission_as(
        &self,
        quality: Quality,
        statement: &[u8],
        kinds: &[&str],
        from: UnixTime,
    ) -> Vec<u8> {
        let kind = |vct: &&str| AdmittedKind {
            vct: (*vct).to_owned(),
            quality,
        };
        let statement = Sha256Hash::of(statement);
        let admission = Admission {
            v: 1,
            org: statement.into(),
            statement,
            kinds: kinds.iter().map(kind).collect(),
            from,
        };
        self.sign(&admission, ADMISSION_TYP)
    }

    /// A suspension signed by the operator.
    #[must_use]
    pub fn suspension(&self, org: OrgId, from: UnixTime) -> Vec<u8> {
        let suspension = Suspension {
            v: 1,
            org,
            reason: "a test of what follows".to_owned(),
            from,
        };
        self.sign(&suspension, SUSPENSION_TYP)
    }

    /// A record kind, signed by the operator.
    #[must_use]
    pub fn kind(&self, kind: &KindEntry) -> Vec<u8> {
        self.sign(kind, KIND_TYP)
    }
}

/// A whole world.
pub struct World {
    /// Its hubs; there is always one.
    pub houses: Vec<House>,
    /// Its clock.
    pub clock: MockClock,
    /// Its randomness.
    pub rng: Rng,
    /// Its network.
    pub wire: Wire,
    /// Holds the writers of its hubs.
    pub brake: Brake,
    /// Values that must be found nowhere.
    pub marks: Marks,
    folder: tempfile::TempDir,
    /// Where the lines of this world may begin: what was logged earlier is of other worlds.
    logs_from: usize,
}

impl World {
    /// A world with one hub, from a seed.
    pub async fn make(seed: u64) -> Self {
        Self::make_at(seed, crate::START).await
    }

    /// A world that begins at a time of its own: for what is read by a program with the real clock.
    pub async fn make_at(seed: u64, time: UnixTime) -> Self {
        logs::capture();
        let mut world = Self {
            houses: Vec::new(),
            clock: MockClock::at(time),
            rng: Rng::seed_from_u64(campaign::seed(seed)),
            wire: Wire::default(),
            brake: Brake::default(),
            marks: Marks::default(),
            folder: tempfile::tempdir().unwrap(),
            logs_from: logs::captured_until(),
        };
        world.build_hub().await;
        world
    }

    /// Adds a hub; gives its number.
    pub async fn build_hub(&mut self) -> usize {
        let number = self.houses.len();
        let authority = format!("hub-{number}.test");
        let origins = Origins {
            deposits: format!("{authority}/deposits"),
            directory: format!("{authority}/directory"),
        };
        let url = format!("http://{authority}");
        let names = [("en".to_owned(), format!("Hub {number}"))].into();
        let (id, identity, keys, statement) =
            denizen_hub::make_operator(names, &url, origins.clone(), self.now(), &mut self.rng);
        let database = self.folder.path().join(format!("hub-{number}.db"));
        self.houses.push(House {
            id,
            url,
            config: HubConfig::new(id, origins, database),
            keys,
            identity,
            authority,
            running: None,
        });
        self.start_hub(number).unwrap();
        let hub = self.houses[number].hub();
        hub.append_entries(vec![statement.into_bytes()])
            .await
            .unwrap();
        number
    }

    /// Starts a stopped hub.
    ///
    /// # Errors
    /// As [`Hub::open`].
    pub fn start_hub(&mut self, number: usize) -> Result<(), OpenError> {
        let config = &self.houses[number].config;
        let writer = open_limited(&config.database, config.grow_pages_max)?;
        self.start_hub_on(number, writer)
    }

    /// Starts a stopped hub whose writer has this database, which may fail.
    ///
    /// # Errors
    /// As [`Hub::open`].
    pub fn start_hub_on(
        &mut self,
        number: usize,
        writer: Box<dyn HubStore>,
    ) -> Result<(), OpenError> {
        let house = &mut self.houses[number];
        let rng = Rng::from_rng(&mut self.rng);
        let brake = self.brake.clone();
        let rng = Box::new(Braked { rng, brake });
        let (config, keys) = (house.config.clone(), house.keys.clone());
        let clock = Arc::new(self.clock.clone());
        let (hub, thread) = Hub::open_on(writer, config, keys, clock, rng)?;
        self.wire
            .connect(&house.authority, denizen_hub::router(&hub));
        house.running = Some((hub, thread));
        Ok(())
    }

    /// Stops a hub and waits until its database is closed.
    pub fn stop_hub(&mut self, number: usize) {
        self.end_hub(number).unwrap();
    }

    /// The same for a hub whose writer may have failed.
    ///
    /// # Errors
    /// The writer's fault, after which a process would have ended.
    pub fn end_hub(&mut self, number: usize) -> Result<(), StoreError> {
        let house = &mut self.houses[number];
        self.wire.disconnect(&house.authority);
        match house.running.take() {
            None => Ok(()),
            Some((hub, thread)) => {
                drop(hub);
                thread.join()
            }
        }
    }

    /// Stops a hub and starts it on the same database.
    pub fn restart_hub(&mut self, number: usize) {
        self.stop_hub(number);
        self.start_hub(number).unwrap();
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// The first hub.
    #[must_use]
    pub fn house(&self) -> &House {
        &self.houses[0]
    }

    /// A client of the first hub.
    #[must_use]
    pub fn client(&self) -> HubClient<Wire> {
        self.client_of(0)
    }

    /// A client of a hub.
    #[must_use]
    pub fn client_of(&self, number: usize) -> HubClient<Wire> {
        let house = &self.houses[number];
        HubClient::new(self.wire.clone(), house.id, &house.url)
    }

    /// A folder of this world, made when first asked for.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// The operator of a hub admits an organisation by its first statement, for these kinds.
    pub async fn admit(&self, number: usize, statement: &[u8], kinds: &[&str]) {
        let house = &self.houses[number];
        let admission = house.admission(statement, kinds, self.now());
        let entries = vec![statement.to_vec(), admission];
        house.hub().append_entries(entries).await.unwrap();
    }

    /// The operator admits an organisation anew: what it issues of these kinds are claims of a private
    /// body.
    pub async fn admit_claims(&self, number: usize, statement: &[u8], kinds: &[&str]) {
        let (house, now) = (&self.houses[number], self.now());
        let admission = house.admission_as(Quality::Claim, statement, kinds, now);
        house.hub().append_entries(vec![admission]).await.unwrap();
    }

    /// Makes an organisation without a gateway at the first hub and admits it for these kinds.
    pub async fn office(&mut self, name: &str, kinds: &[&str]) -> Office {
        let office = Office::make(name, self.houses[0].id, &mut self.rng);
        self.admit(0, &office.statement, kinds).await;
        office
    }

    /// Registers an address at the first hub.
    pub async fn register(&self, address: &Address) {
        let registered = self
            .client()
            .register(&address.registration, &address.keys.auth, self.now())
            .await;
        registered.unwrap();
    }

    /// A note of an office to an address, sealed, as a deposit.
    pub fn note(&mut self, office: &Office, address: &Address, text: &str) -> DepositItem {
        let message = office.note(address.to(office.hub), text, &mut self.rng);
        let envelope = office.seal(&message, &address.keys.kem.public(), &mut self.rng);
        deposit_of(&envelope, &mut self.rng)
    }

    /// Deposits as an organisation at the first hub.
    ///
    /// # Errors
    /// As [`HubClient::deposit`].
    pub async fn deposit(
        &self,
        office: &Office,
        items: &[DepositItem],
    ) -> Result<Vec<DepositOutcome>, ClientError> {
        let keyid = office.deposit_keyid();
        let signer = RequestSigner::organisation(&office.deposit, &keyid);
        self.client().deposit(items, signer, self.now()).await
    }

    /// The directory of a hub, fetched and checked.
    pub async fn directory(&self, number: usize) -> VerifiedDirectory {
        let answer = self.client_of(number).directory().await.unwrap();
        let (id, witnesses) = (&self.houses[number].id, WitnessPolicy::default());
        let verifier = &denizen_jose::Portable;
        denizen_api::directory::verify(answer, id, None, witnesses, verifier, self.now()).unwrap()
    }

    /// Looks for the marks in all that hubs and the network could keep: database files with their
    /// write-ahead logs, log lines, metrics, and every body, URI and header.
    pub async fn find_marks(&self) -> Vec<Found> {
        let scanner = self.marks.scanner();
        let mut found = scan_folder(&scanner, self.folder.path(), &|name| {
            name.starts_with("hub-")
        });
        found.extend(scanner.scan("log lines", crate::captured_logs(self.logs_from).as_bytes()));
        for (number, house) in self.houses.iter().enumerate() {
            if house.running.is_some() {
                let metrics = self.fetch_text(number, "/metrics").await;
                found.extend(scanner.scan(&format!("metrics of hub {number}"), metrics.as_bytes()));
            }
        }
        for (number, exchange) in self.wire.exchanges().iter().enumerate() {
            let mut scan = |part: &str, bytes: &[u8]| {
                let place = format!("{part} of exchange {number} ({})", exchange.method);
                found.extend(scanner.scan(&place, bytes));
            };
            scan("URI", exchange.uri.as_bytes());
            scan("headers", exchange.headers.as_bytes());
            scan("request", &exchange.request);
            scan("answer", &exchange.answer);
        }
        found
    }

    /// The same for files that somebody else keeps, such as a gateway's database.
    #[must_use]
    pub fn find_marks_in(&self, marks: &Marks, folder: &Path) -> Vec<Found> {
        scan_folder(&marks.scanner(), folder, &|_| true)
    }

    /// The canary: fails if a mark is anywhere, and if there is no mark to look for.
    pub async fn assert_no_mark(&self) {
        assert!(
            !self.marks.is_empty(),
            "no value is marked: the canary is asleep"
        );
        let found = self.find_marks().await;
        assert!(found.is_empty(), "marked values leaked: {}", lines(&found));
        assert!(
            !self.wire.exchanges().is_empty(),
            "nothing went over the wire"
        );
    }

    /// Fails if one of these addresses is in a log line, in metrics or in the body of a problem.
    pub async fn assert_addresses_unspoken(&self, addresses: &[AddressId]) {
        let mut marks = Marks::default();
        for (number, address) in addresses.iter().enumerate() {
            marks.add(&format!("bytes of address {number}"), address.as_bytes());
            marks.add(&format!("address {number}"), address.to_text());
        }
        let scanner = marks.scanner();
        let mut found = scanner.scan("log lines", crate::captured_logs(self.logs_from).as_bytes());
        for number in 0..self.houses.len() {
            let metrics = self.fetch_text(number, "/metrics").await;
            found.extend(scanner.scan("metrics", metrics.as_bytes()));
        }
        for exchange in self.wire.exchanges() {
            if exchange.status.is_some_and(|s| !s.is_success()) {
                found.extend(scanner.scan("problem", &exchange.answer));
            }
        }
        assert!(found.is_empty(), "addresses were told: {}", lines(&found));
    }

    /// The body of a GET of a hub.
    pub async fn fetch_text(&self, number: usize, path: &str) -> String {
        use denizen_api::Transport as _;
        let uri = format!("{}{path}", self.houses[number].url);
        let request = http::Request::builder().uri(uri).body(Vec::new()).unwrap();
        let answer = self.wire.send(request).await.unwrap();
        String::from_utf8(answer.into_body()).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.brake.release();
        for number in 0..self.houses.len() {
            self.wire.disconnect(&self.houses[number].authority);
        }
    }
}

fn scan_folder(scanner: &Scanner, folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if wanted(&name) {
                found.extend(scan_folder(scanner, &path, &|_| true));
            }
        } else if wanted(&name) {
            found.extend(scanner.scan(&name, &std::fs::read(&path).unwrap()));
        }
    }
    found
}

fn lines(found: &[Found]) -> String {
    let lines: Vec<String> = found.iter().take(20).map(ToString::to_string).collect();
    format!("{} time(s)\n{}", found.len(), lines.join("\n"))
}
