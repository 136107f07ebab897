//! Intake with the files of the demo, and with files that are wrong in every way an office's can be.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

use denizen_gateway::{Gateway, GatewayError, GatewaySetup, IntakeError, IntakeReport, Mapping};
use denizen_store::Fault;
use denizen_testkit::{World, catalogue, catalogue::demo_file as demo};

fn mapping(name: &str) -> Mapping {
    let text = String::from_utf8(demo(name)).unwrap();
    Mapping::parse(&text, &catalogue()).unwrap()
}

struct Office {
    world: World,
    gateway: Gateway,
}

impl Office {
    async fn open(kinds: &[&str]) -> Self {
        let mut world = World::make(7).await;
        let setup = GatewaySetup {
            names: [("en".to_owned(), "Border service".to_owned())].into(),
            hub: world.house().id,
            hub_url: world.house().url.clone(),
        };
        let (folder, now) = (world.folder("office"), world.now());
        let mut gateway = Gateway::make(&folder, setup, catalogue(), now, &mut world.rng).unwrap();
        let wire = world.wire.clone();
        let early = gateway.start(&wire, now, &mut world.rng).await;
        assert!(matches!(early, Err(GatewayError::NotAdmitted)));
        world.admit(0, &gateway.statement(), kinds).await;
        gateway.start(&wire, now, &mut world.rng).await.unwrap();
        gateway.start(&wire, now, &mut world.rng).await.unwrap();
        Self { world, gateway }
    }

    fn take(&mut self, bytes: &[u8], mapping: &Mapping) -> Result<IntakeReport, IntakeError> {
        let now = self.world.now();
        self.gateway
            .intake(bytes, mapping, now, &mut self.world.rng)
    }
}

const CROSSING: &str = "urn:denizen:kind:border-crossing:1";
const DOCUMENT: &str = "urn:denizen:kind:travel-document:1";
const LANGUAGE: &str = "urn:denizen:kind:language-certificate:1";
const MEDICAL: &str = "urn:denizen:kind:medical-certificate:1";
const VACCINATION: &str = "urn:denizen:kind:vaccination:1";

#[tokio::test(flavor = "multi_thread")]
async fn every_good_file_of_the_demo_goes_in_whole_and_a_second_time_changes_nothing() {
    let mut office = Office::open(&[CROSSING, DOCUMENT, LANGUAGE, MEDICAL, VACCINATION]).await;
    let mut waiting = 0;
    for (file, map, rows) in [
        ("border/crossings.csv", "border/mapping.toml", 9),
        (
            "border/documents.ndjson",
            "border/documents-mapping.toml",
            4,
        ),
        (
            "test-centre/certificates.csv",
            "test-centre/mapping.toml",
            4,
        ),
        ("clinic/certificates.ndjson", "clinic/mapping.toml", 4),
        (
            "clinic/vaccinations.ndjson",
            "clinic/vaccinations-mapping.toml",
            2,
        ),
    ] {
        let (bytes, map) = (demo(file), mapping(map));
        let report = office.take(&bytes, &map).unwrap();
        assert_eq!(report.bad, [], "{file}");
        assert_eq!(
            (report.taken, report.waiting, report.repeated),
            (0, rows, 0),
            "{file}"
        );
        let again = office.take(&bytes, &map).unwrap();
        assert_eq!(
            (again.taken, again.waiting, again.repeated),
            (0, 0, rows),
            "{file}"
        );
        waiting += rows;
        assert_eq!(office.gateway.backlog().unwrap(), (waiting, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_named_by_line_and_column_and_good_ones_go_through() {
    let mut office = Office::open(&[CROSSING]).await;
    let map = mapping("border/mapping.toml");
    let report = office
        .take(&demo("border/crossings-with-errors.csv"), &map)
        .unwrap();
    assert_eq!(report.waiting, 2, "{:?}", report.bad);
    let bad: Vec<_> = report
        .bad
        .iter()
        .map(|b| (b.line, b.column.as_str()))
        .collect();
    let expected = [
        (3, "Дата"),
        (4, "Государство документа"),
        (5, "Направление"),
        (6, "-"),
        (7, "-"),
    ];
    assert_eq!(bad, expected, "{:?}", report.bad);
    for row in &report.bad {
        for value in ["АФГ", "транзит", "31.11", "FA1204563"] {
            assert!(!row.reason.contains(value), "{row:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_is_no_repetition_and_a_cut_file_loses_only_its_last_row() {
    let mut office = Office::open(&[CROSSING, DOCUMENT]).await;
    let map = mapping("border/mapping.toml");
    let text = String::from_utf8(demo("border/crossings.csv")).unwrap();
    let cut: String = text.chars().take(text.chars().count() - 40).collect();
    let report = office.take(cut.as_bytes(), &map).unwrap();
    assert_eq!((report.waiting, report.bad.len()), (8, 1));
    assert_eq!(report.bad[0].line, 10);
    let changed = text.replace("Домодедово", "Жуковский");
    let report = office.take(changed.as_bytes(), &map).unwrap();
    assert_eq!(
        (report.waiting, report.repeated, report.bad.len()),
        (1, 5, 3)
    );

    let map = mapping("border/documents-mapping.toml");
    let text = String::from_utf8(demo("border/documents.ndjson")).unwrap();
    let cut: String = text.chars().take(text.chars().count() - 30).collect();
    let report = office.take(cut.as_bytes(), &map).unwrap();
    assert_eq!((report.waiting, report.bad.len()), (3, 1));
    assert_eq!(report.bad[0].line, 4);
    assert!(
        report.bad[0].reason.contains("cut short"),
        "{:?}",
        report.bad
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_read_is_refused_before_any_row_with_what_to_do() {
    let mut office = Office::open(&[CROSSING, LANGUAGE]).await;
    let map = mapping("border/mapping.toml");
    let wrong = office.take(&demo("test-centre/certificates.csv"), &map);
    assert!(
        matches!(wrong, Err(IntakeError::Encoding { .. })),
        "{wrong:?}"
    );
    let wrong = office.take(b"a;b;c\n1;2;3\n", &map);
    assert!(matches!(wrong, Err(IntakeError::ColumnMissing { .. })));
    let wrong = office.take(b"", &map);
    assert!(matches!(wrong, Err(IntakeError::Empty)), "{wrong:?}");
    let kind = mapping("clinic/mapping.toml");
    let wrong = office.take(&demo("clinic/certificates.ndjson"), &kind);
    let Err(IntakeError::Gateway(GatewayError::KindNotAdmitted(kind))) = wrong else {
        panic_with(&wrong)
    };
    assert_eq!(kind, MEDICAL);
    let text = String::from_utf8(demo("border/crossings.csv")).unwrap();
    let (header, rest) = text.split_once('\n').unwrap();
    let endless = format!("{header}\n\"{}", rest.repeat(1200));
    let wrong = office.take(endless.as_bytes(), &map);
    assert!(
        matches!(wrong, Err(IntakeError::RowTooLong { line: 2 })),
        "{wrong:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_disk_takes_rows_wholly_or_not_at_all_and_never_twice() {
    for (fault, repeated) in [(Fault::Failed, 0), (Fault::FailedButPersisted, 9)] {
        let mut office = Office::open(&[CROSSING]).await;
        let (bytes, map) = (demo("border/crossings.csv"), mapping("border/mapping.toml"));
        office.gateway.inject(fault);
        let failed = office.take(&bytes, &map);
        assert!(matches!(
            failed,
            Err(IntakeError::Gateway(GatewayError::Store(_)))
        ));
        let report = office.take(&bytes, &map).unwrap();
        assert_eq!((report.waiting, report.repeated), (9 - repeated, repeated));
        assert_eq!(office.gateway.backlog().unwrap(), (9, 0));
    }
}

#[expect(clippy::panic, reason = "a test fails loudly")]
fn panic_with(what: &dyn std::fmt::Debug) -> ! {
    panic!("{what:?}")
}
