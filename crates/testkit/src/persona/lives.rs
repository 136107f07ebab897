//! People whose lives the stories tell row by row: no file of `demo/` has them. All invented.

use super::Persona;

/// A student: Chinese script, a visa for studies.
pub const MEILING: Persona = Persona {
    name: "meiling",
    language: "en",
    cases: &[
        ("border", "ПК-2026-000611"),
        ("consulate", "V/2026/44611"),
        ("school-abroad", "QR-2026-611"),
        ("test-centre", "ТЦ-4611"),
        ("university", "ST-26-7611"),
        ("insurer", "MJ-60611"),
        ("office", "ОФ-2026-611"),
    ],
    occupation: "Переводчица на выставке фарфора, 6118",
    values: &[
        "陈美玲",
        "Chen Meiling",
        "CHEN<<MEILING",
        "2003-08-09",
        "EJ4471180",
        "24 1186204",
        "118-С",
        "СТ-2026-611807",
    ],
};

/// Two nationalities, two passports; Georgian script.
pub const NINO: Persona = Persona {
    name: "nino",
    language: "ru",
    cases: &[
        ("border", "ПК-2026-000612"),
        ("population-register", "РН-770612"),
        ("office", "ОФ-2026-612"),
    ],
    occupation: "Реставратор фресок в Твери, 6127",
    values: &[
        "ნინო ბერიძე",
        "Beridze Nino",
        "BERIDZE<<NINO",
        "1990-02-28",
        "14BC55120",
        "32887104",
    ],
};

/// Arabic script, written from the right.
pub const LAYLA: Persona = Persona {
    name: "layla",
    language: "en",
    cases: &[("border", "ПК-2026-000613"), ("office", "ОФ-2026-613")],
    occupation: "Пекарь в пекарне у вокзала, 6133",
    values: &[
        "ليلى الحسن",
        "Alhasan Layla",
        "ALHASAN<<LAYLA",
        "1997-10-04",
        "N012884471",
    ],
};

/// Cyrillic with letters that Russian does not have.
pub const DALER: Persona = Persona {
    name: "daler",
    language: "tg",
    cases: &[
        ("border", "ПК-2026-000614"),
        ("migration", "69-МУ-20614"),
        ("tax", "НД/69/5614"),
        ("police", "АП-69-9614"),
        ("employer", "Т-1614"),
        ("inspectorate", "ГИТ-614"),
        ("office", "ОФ-2026-614"),
    ],
    occupation: "Каменщик на мосту через Волгу, 6142",
    values: &[
        "Раҳимов Далер Сафарович",
        "Rahimov Daler",
        "RAHIMOV<<DALER",
        "2001-07-08",
        "403118274",
        "405992617",
        "69 2600461422",
        "69/ЗВ-2026-614",
        "Ҷамшед ронанда гувоҳ аст, 6144",
    ],
};
