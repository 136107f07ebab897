//! The fixture persons of the stories: those of `demo/README.md`, with every value of theirs that must
//! be found nowhere. All invented.

mod family;
mod lives;
mod resident;

pub use family::{AIBEK, GULMIRA, NURAI, NURLAN};
pub use lives::{DALER, LAYLA, MEILING, NINO};
pub use resident::RUSTAM;

use crate::Marks;
use serde_json::{Value, json};

/// A fixture person.
#[derive(Debug, Clone, Copy)]
pub struct Persona {
    /// What the stories call her or him.
    pub name: &'static str,
    /// The language of the client.
    pub language: &'static str,
    /// Case references by office.
    pub cases: &'static [(&'static str, &'static str)],
    /// The occupation in the answers of a work-permit application: nobody else's words.
    pub occupation: &'static str,
    /// Values out of the offices' files.
    values: &'static [&'static str],
}

/// Ordinary: two scripts, a full birth date.
pub const AZIZA: Persona = Persona {
    name: "aziza",
    language: "uz",
    cases: &[
        ("border", "ПК-2026-000101"),
        ("test-centre", "ТЦ-4417"),
        ("clinic", "К-26/00931"),
        ("population-register", "РН-770401"),
        ("migration", "69-МУ-20261"),
        ("tax", "НД/69/5501"),
        ("employer", "Т-1401"),
        ("vehicle-register", "ТС690701"),
        ("property-register", "КУВД-001/2026-8101"),
        ("university", "ST-26-7301"),
        ("insurer", "MJ-60101"),
        ("police", "АП-69-9001"),
        ("telecom", "Л/С 330201"),
        ("post", "АДР-4801"),
    ],
    occupation: "Швея в ателье на Кольцевой, 5512",
    values: &[
        "Каримова Азиза Бахтиёровна",
        "Каримова, Азиза Бахтиёровна",
        "Karimova Aziza",
        "KARIMOVA<<AZIZA",
        "1994-03-17",
        "FA1204563",
        "4626 3310458",
        "РЗ-2026-004417",
        "МО-26/00931",
        "MK-2210/4",
        "КАРИМОВА АЗИЗА БАХТИЁРОВНА",
        "AA1184417",
        "4624 0411820",
        "РЗ-2024-001182",
        "МО-24/00118",
        "14 220417",
        "204-118-736 51",
        "690312045177",
        "41703941234567",
        "1000488119",
        "69-2026/018834",
        "69/РВП/2026/0441",
        "69 2400118204",
        "0026-4471-1001",
        "LXSA1B204R0044170",
        "АС 1182044",
        "69:40:0200085:1183",
        "кв. 51",
        "Ателье «Игла»",
        "K 3318204",
        "ИД-2026-0511",
        "ДМС-2026-118204",
        "69 АП 118204",
        "+79990001122",
        "aziza.karimova@example.org",
    ],
};

/// One name only, and of the birth date only the year.
pub const GULAB: Persona = Persona {
    name: "gulab",
    language: "fa",
    cases: &[
        ("border", "ПК-2026-000102"),
        ("test-centre", "ТЦ-4418"),
        ("clinic", "К-26/00932"),
        ("population-register", "РН-770402"),
        ("migration", "69-МУ-20262"),
        ("tax", "НД/69/5502"),
        ("employer", "Т-1402"),
        ("vehicle-register", "ТС690702"),
        ("insurer", "MJ-60102"),
        ("telecom", "Л/С 330202"),
    ],
    occupation: "Повар в столовой завода, 7713",
    values: &[
        "گلاب",
        "Гулаб",
        "Gulab",
        "GULAB",
        "P00418852",
        "4626 2240917",
        "69 2600415102",
        "690415102881",
        "+79990002204",
        "РЗ-2026-004418",
        "МО-26/00932",
    ],
};

/// Stateless, a birth country that is no more, a birth date without its day.
pub const GURGEN: Persona = Persona {
    name: "gurgen",
    language: "ru",
    cases: &[
        ("border", "ПК-2026-000103"),
        ("test-centre", "ТЦ-4419"),
        ("clinic", "К-26/00933"),
        ("population-register", "РН-770403"),
        ("migration", "69-МУ-20263"),
        ("tax", "НД/69/5503"),
        ("police", "АП-69-9003"),
    ],
    occupation: "Каменщик на реставрации собора, 3391",
    values: &[
        "Аветисян Гурген",
        "Аветисян, Гурген",
        "Avetisyan Gurgen",
        "AVETISYAN<<GURGEN",
        "1979-11",
        "ЛБГ 004512",
        "РВ 5520417",
        "760204417332",
        "76-114/25",
        "Управление по вопросам миграции, Ярославль",
        "РЗ-2026-004419",
        "МО-26/00933",
    ],
};

impl Persona {
    /// The same person under another name of the story: a second profile of hers.
    #[must_use]
    pub const fn called(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The case reference of this person at an office.
    #[must_use]
    pub fn case(&self, office: &str) -> &'static str {
        let found = self.cases.iter().find(|(name, _)| *name == office);
        found.unwrap().1
    }

    /// Answers of a work-permit application.
    #[must_use]
    pub fn answers(&self) -> Value {
        json!({"region": "RU-TVE", "occupation": self.occupation, "months": 12})
    }

    /// Marks every value of this person.
    pub fn mark(&self, marks: &mut Marks) {
        for (number, value) in self.values.iter().enumerate() {
            marks.add(&format!("{}: value {number}", self.name), value);
        }
        for (office, case) in self.cases {
            marks.add(&format!("{}: case at {office}", self.name), case);
        }
        marks.add(&format!("{}: occupation", self.name), self.occupation);
    }
}
