//! A family of `demo/`: a child, the mother who acts for him and helps her father, the father, another
//! child.

use super::Persona;

/// A child of nine years.
pub const AIBEK: Persona = Persona {
    name: "aibek",
    language: "ky",
    cases: &[
        ("population-register", "РН-770409"),
        ("guardianship", "ОП-729"),
        ("migration", "69-МУ-20269"),
        ("school", "ЛД-14-209"),
        ("telecom", "Л/С 330209"),
    ],
    occupation: "окуучу, экинчи класс, 4402",
    values: &[
        "Асанов Айбек Нурланович",
        "Asanov Aibek",
        "ASANOV<<AIBEK",
        "2017-10-02",
        "PE2204518",
        "ТШ-2026-0118",
        "69-2026/019902",
        "г. Тверь, ул. Садовая, д. 3",
        "II-МЮ 771204",
    ],
};

/// Her son is Aibek; she helps her father too.
pub const GULMIRA: Persona = Persona {
    name: "gulmira",
    language: "ky",
    cases: &[("telecom", "Л/С 330210")],
    occupation: "Медсестра в поликлинике на Садовой, 4410",
    values: &["Асанова Гүлмира Токтосуновна", "+79990004410"],
};

/// The child's father.
pub const NURLAN: Persona = Persona {
    name: "nurlan",
    language: "ru",
    cases: &[],
    occupation: "Монтажник на стройке у вокзала, 4411",
    values: &["Асанов Нурлан Кубанычевич"],
};

/// Another child, whose papers are nobody's business here.
pub const NURAI: Persona = Persona {
    name: "nurai",
    language: "ky",
    cases: &[("guardianship", "ОП-740")],
    occupation: "окуучу, биринчи класс, 4403",
    values: &["Маматова Нурай Эркиновна", "Mamatova Nurai"],
};
