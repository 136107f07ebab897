//! Hub, gateways, holders, clock and network from one seed, one thing at a time: requests are lost, late,
//! twice or out of order, answers are lost, the hub's database fails, programs are killed, the clock jumps.
//! After each step what R23 says of the log holds; at the end everything has arrived once. One seed is one
//! order of events: run twice, it has the same trace.

use crate::say;
use denizen_fire::{Broken, Direct, Fault, Faulty, Lever, Observer, Point, disk::below};
use denizen_model::UnixTime;
use denizen_store::hub::open;
use denizen_testkit::{
    AZIZA, Fault as OnTheWire, GULAB, Play, Rng,
    campaign::{self, times},
    catalogue::demo_file,
    play::{BORDER, OfficeKind, TEST_CENTRE},
};
use denizen_tlog::NoteVerifier;
use rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::{sync::OnceCell, task::LocalSet};

/// Seeds of a commit.
const SEEDS: u64 = 12;
/// Steps of a seed.
const STEPS: usize = 40;
const OFFICES: [&OfficeKind; 2] = [&BORDER, &TEST_CENTRE];
const PEOPLE: [&str; 2] = ["aziza", "gulab"];
const LINKS: [(&str, &OfficeKind); 3] = [
    ("aziza", &BORDER),
    ("aziza", &TEST_CENTRE),
    ("gulab", &BORDER),
];

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Office(usize),
    Person(usize),
    PersonKilled(usize),
    File(usize),
    Note(usize),
    Reopen(usize),
    Restart,
    Database(Point, Fault),
    Clock(i64),
}

impl Step {
    fn draw(dice: &mut Rng) -> Self {
        match below(dice, 20) {
            0..6 => Self::Office(below(dice, OFFICES.len())),
            6..10 => Self::Person(below(dice, PEOPLE.len())),
            10 => Self::PersonKilled(below(dice, PEOPLE.len())),
            11 => Self::File(below(dice, 3)),
            12..14 => Self::Note(below(dice, LINKS.len())),
            14 => Self::Reopen(below(dice, OFFICES.len())),
            15 => Self::Restart,
            16..18 => {
                let fault = [
                    Fault::Failed,
                    Fault::FailedButPersisted,
                    Fault::Eio,
                    Fault::Enospc,
                ];
                let point = Point::EVERY[below(dice, Point::EVERY.len())];
                Self::Database(point, fault[below(dice, fault.len())])
            }
            18 => Self::Clock(1 + i64::try_from(below(dice, 600)).unwrap()),
            _ => Self::Clock(-i64::try_from(below(dice, 60)).unwrap()),
        }
    }
}

/// Everything that happened, as a hash: requests by method, shape of the path, fault and answer. No
/// ciphertext: that is another each time.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Sha256>>);

impl Trace {
    fn add(&self, what: &str) {
        let mut hash = self.0.lock().unwrap();
        hash.update(what.as_bytes());
        hash.update(b"\n");
    }

    fn hash(&self) -> [u8; 32] {
        self.0.lock().unwrap().clone().finalize().into()
    }
}

/// A path without what is drawn.
fn shape(path: &str) -> String {
    let part = |part: &str| {
        if part.len() > 24 {
            "*".into()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

struct Simulation {
    play: Play,
    lever: Lever,
    observer: Observer,
    log: NoteVerifier,
    trace: Trace,
    seen: usize,
    set: Option<(Point, Fault)>,
    /// Faults of the database that happened.
    failed: usize,
    notes: BTreeMap<&'static str, usize>,
}

impl Simulation {
    /// A calm world, everybody linked.
    async fn make(seed: u64) -> Self {
        let mut play = Play::make(seed).await;
        for office in OFFICES {
            play.open(office).await;
        }
        play.arrive(AZIZA).await;
        play.arrive(GULAB).await;
        for (person, office) in LINKS {
            play.link(person, office).await;
        }
        // The clock will jump back, but not to before there was a hub.
        play.world.clock.advance_s(3_600);
        let log = play.world.directory(0).await.trust.deposits;
        let mut simulation = Self {
            play,
            lever: Lever::default(),
            observer: Observer::default(),
            log,
            trace: Trace::default(),
            seen: 0,
            set: None,
            failed: 0,
            notes: BTreeMap::new(),
        };
        simulation.play.world.stop_hub(0);
        simulation.start();
        simulation.seen = simulation.play.world.wire.exchanges().len();
        simulation
    }

    fn start(&mut self) {
        let world = &mut self.play.world;
        let writer = open(&world.house().config.database).unwrap();
        let writer = Faulty::over(writer, &self.lever);
        world.start_hub_on(0, writer).unwrap();
    }

    /// From now on so many requests in a hundred have a fault.
    fn storm(&self, seed: u64, percent: usize) {
        let (mut dice, trace) = (Rng::seed_from_u64(seed ^ 0x5707), self.trace.clone());
        self.play.world.wire.plan(move |number, request| {
            let faults = [
                OnTheWire::LoseAnswer,
                OnTheWire::LoseRequest,
                OnTheWire::Twice,
                OnTheWire::Later,
            ];
            let roll = below(&mut dice, 400);
            let fault = (roll < 4 * percent).then(|| faults[roll % 4]);
            let path = shape(request.uri().path());
            trace.add(&format!("{number} {} {path} {fault:?}", request.method()));
            fault
        });
    }

    async fn step(&mut self, step: Step) {
        self.trace.add(&format!("{step:?}"));
        let play = &mut self.play;
        match step {
            Step::Office(office) => {
                play.sync_office(OFFICES[office].name).await;
            }
            Step::Person(person) => {
                play.sync_person(PEOPLE[person], false).await;
            }
            Step::PersonKilled(person) => {
                play.sync_person(PEOPLE[person], true).await;
            }
            Step::File(file) => self.file(file),
            Step::Note(link) => self.note(link),
            Step::Reopen(office) => play.reopen(OFFICES[office].name),
            Step::Restart => {
                self.end_hub(false);
                self.start();
            }
            Step::Database(point, fault) => {
                self.lever.set(point, fault);
                self.set = Some((point, fault));
            }
            Step::Clock(seconds) => play.world.clock.advance_s(seconds),
        }
        self.after();
    }

    /// A file is taken in, or taken in once more.
    fn file(&mut self, file: usize) {
        let all = [
            ("border", BORDER.files[0]),
            ("border", BORDER.files[1]),
            ("test-centre", TEST_CENTRE.files[0]),
        ];
        let (office, (file, mapping)) = all[file];
        let report = self.play.intake(office, &demo_file(file), mapping);
        self.trace
            .add(&format!("{} {}", report.taken, report.repeated));
    }

    fn note(&mut self, link: usize) {
        let (person, office) = LINKS[link];
        let now = self.play.world.now();
        let case = self.play.people[person].persona.case(office.name);
        let gateway = self.play.gateways.get_mut(office.name).unwrap();
        let rng = &mut self.play.world.rng;
        gateway.write_note(case, "A note.", now, rng).unwrap();
        *self.notes.entry(person).or_default() += 1;
    }

    /// The process of a hub whose database failed ends, and is started again.
    fn after(&mut self) {
        let happened = self.set.take_if(|_| self.lever.happened());
        if let Some((_, fault)) = happened {
            self.failed += 1;
            if !matches!(fault, Fault::Enospc | Fault::Dropped) {
                self.end_hub(true);
                self.start();
            }
        }
        for exchange in self.play.world.wire.exchanges_from(self.seen) {
            self.trace.add(&format!("{:?}", exchange.status));
            self.seen += 1;
        }
    }

    fn end_hub(&mut self, failed: bool) {
        assert_eq!(self.play.world.end_hub(0).is_err(), failed);
    }

    /// What holds after each step.
    async fn check(&mut self) -> Result<(), Broken> {
        let house = self.play.world.house();
        let line = Direct(denizen_hub::router(house.hub()));
        self.observer.check_log(&line, &house.url, &self.log).await
    }

    /// The weather is calm again: everything arrives, once.
    async fn end(&mut self) -> Result<(), Broken> {
        self.play.world.wire.calm();
        self.lever = Lever::default();
        self.end_hub(false);
        self.start();
        for file in 0..3 {
            self.file(file);
        }
        self.play.settle().await;
        self.check().await?;
        let mut leaves: BTreeMap<u64, UnixTime> = BTreeMap::new();
        for person in PEOPLE {
            let holder = self.play.holder(person);
            for record in self.play.records(person) {
                let receipt = holder.receipt(&record.held);
                let receipt = receipt.ok_or(Broken("a receipt that does not verify".into()))?;
                // Records of one letter share its leaf.
                leaves.insert(receipt.index, receipt.opening.time);
            }
            let notes = holder.profile().notes.len();
            if notes != self.notes.get(person).copied().unwrap_or(0) {
                return Err(Broken(format!(
                    "{notes} notes of {person}: {:?}",
                    self.notes
                )));
            }
        }
        if !leaves.values().is_sorted() {
            return Err(Broken("time goes back".into()));
        }
        let calm = CALM.get_or_init(kinds_when_calm).await;
        if kinds(&self.play) != *calm {
            return Err(Broken(format!("{:?}, but {calm:?}", kinds(&self.play))));
        }
        for office in OFFICES {
            assert_eq!(self.play.gateway(office.name).backlog().unwrap().1, 0);
        }
        self.nobody_is_alarmed()?;
        self.play.end().await;
        Ok(())
    }

    fn nobody_is_alarmed(&mut self) -> Result<(), Broken> {
        let mut alarms: Vec<_> = PEOPLE.map(|who| (who, self.play.alarms(who))).into();
        alarms.extend(OFFICES.map(|office| (office.name, self.play.office_alarms(office.name))));
        alarms.retain(|(_, alarms)| !alarms.is_empty());
        if alarms.is_empty() {
            return Ok(());
        }
        Err(Broken(format!("alarms: {alarms:?}")))
    }
}

/// What the files of all offices come to when nothing happens.
static CALM: OnceCell<Vec<Vec<String>>> = OnceCell::const_new();

fn kinds(play: &Play) -> Vec<Vec<String>> {
    PEOPLE.iter().map(|person| play.kinds(person)).collect()
}

async fn kinds_when_calm() -> Vec<Vec<String>> {
    let mut calm = Simulation::make(100).await;
    for file in 0..3 {
        calm.file(file);
    }
    calm.play.settle().await;
    kinds(&calm.play)
}

/// What one seed was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    trace: [u8; 32],
    requests: usize,
    failed: usize,
}

async fn run(seed: u64, lie: Option<usize>) -> Result<Run, Broken> {
    let mut simulation = Simulation::make(seed).await;
    let mut dice = Rng::seed_from_u64(campaign::seed(seed));
    let percent = below(&mut dice, 30);
    simulation.storm(campaign::seed(seed), percent);
    for number in 0..STEPS {
        let step = Step::draw(&mut dice);
        let lies = lie == Some(number);
        let step = if lies {
            Step::Database(Point::Commit, Fault::Dropped)
        } else {
            step
        };
        simulation.step(step).await;
        let held = simulation.check().await;
        held.map_err(|Broken(why)| Broken(format!("seed {seed}, step {number}, {step:?}: {why}")))?;
    }
    let ended = simulation.end().await;
    ended.map_err(|Broken(why)| Broken(format!("seed {seed}, at the end: {why}")))?;
    Ok(Run {
        trace: simulation.trace.hash(),
        requests: simulation.seen,
        failed: simulation.failed,
    })
}

#[tokio::test]
async fn from_every_seed_the_log_only_grows_and_all_arrives_once() {
    let seeds = times(SEEDS);
    let (mut requests, mut failed) = (0, 0);
    for seed in 101..101 + seeds {
        let done = run(seed, None).await.unwrap();
        requests += done.requests;
        failed += done.failed;
    }
    assert!(failed > 0, "no database failed");
    say(&format!(
        "simulation: {seeds} seeds from {} of {STEPS} steps, {requests} requests, {failed} failures of the \
         database: nothing broken",
        campaign::seed(101)
    ));
}

#[tokio::test]
async fn one_seed_run_twice_has_the_same_trace() {
    let mut traces = Vec::new();
    for seed in [101, 102, 103] {
        let (first, again) = (
            run(seed, None).await.unwrap(),
            run(seed, None).await.unwrap(),
        );
        assert_eq!(first, again, "seed {seed}");
        traces.push(first.trace);
    }
    traces.dedup();
    assert_eq!(traces.len(), 3, "different seeds, different traces");
}

/// A database that drops one commit of a run, and says that it is done: the observer sees it, or somebody
/// stops because of it.
#[tokio::test]
async fn a_database_that_drops_a_commit_is_found_out() {
    let (local, mut found) = (LocalSet::new(), Vec::new());
    for seed in 101..104 {
        let lied = local.spawn_local(run(seed, Some(STEPS / 2)));
        match local.run_until(lied).await {
            Ok(Ok(_)) => {}
            Ok(Err(Broken(why))) => found.push(why),
            Err(stopped) => found.push(stopped.to_string()),
        }
    }
    assert!(!found.is_empty(), "nothing was noticed");
    say(&format!("simulation, a commit dropped: {found:?}"));
}
