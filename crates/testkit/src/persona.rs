//! The fixture persons of the stories: those of `demo/README.md`, with every value of theirs that must
//! be found nowhere. All invented.

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
    ],
    occupation: "Повар в столовой завода, 7713",
    values: &[
        "گلاب",
        "Гулаб",
        "Gulab",
        "GULAB",
        "P00418852",
        "4626 2240917",
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
    ],
    occupation: "Каменщик на реставрации собора, 3391",
    values: &[
        "Аветисян Гурген",
        "Аветисян, Гурген",
        "Avetisyan Gurgen",
        "AVETISYAN<<GURGEN",
        "1979-11",
        "ЛБГ 004512",
        "Управление по вопросам миграции, Ярославль",
        "РЗ-2026-004419",
        "МО-26/00933",
    ],
};

impl Persona {
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
