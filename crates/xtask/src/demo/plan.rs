//! The organisations of the year: what they are, what they issue, when they meet her.

/// What an organisation is.
pub(crate) struct Plan {
    /// Its folder in the demo's place and among the demo's files.
    pub(crate) folder: &'static str,
    /// Its name in the directory.
    pub(crate) name: &'static str,
    /// What it says in an invitation.
    pub(crate) purpose: &'static str,
    /// Kinds that it issues; `=claim` for a private body.
    pub(crate) kinds: &'static [&'static str],
    /// Services that it offers.
    pub(crate) services: &'static [&'static str],
    /// Its files with their mappings.
    pub(crate) files: &'static [(&'static str, &'static str)],
    /// The month in which Aziza links with it, and its case reference for her.
    pub(crate) meets: Option<(u32, &'static str)>,
    /// Its case reference for her child.
    pub(crate) child: Option<&'static str>,
}

const NOTHING: Plan = Plan {
    folder: "",
    name: "",
    purpose: "",
    kinds: &[],
    services: &[],
    files: &[],
    meets: None,
    child: None,
};

/// Every organisation, in the order in which it appears.
pub(crate) const OFFICES: [Plan; 17] = [
    Plan {
        folder: "border",
        name: "Border Service",
        purpose: "Your border crossings and travel document",
        kinds: &["travel-document", "border-crossing"],
        files: &[
            ("documents.ndjson", "documents-mapping.toml"),
            ("crossings.csv", "mapping.toml"),
        ],
        meets: Some((1, "ПК-2026-000101")),
        ..NOTHING
    },
    Plan {
        folder: "migration",
        name: "Migration Office",
        purpose: "Your registrations, stay applications and permits",
        kinds: &["registration", "stay-application", "residence-permit"],
        files: &[
            ("registrations.csv", "registrations-mapping.toml"),
            ("applications.ndjson", "applications-mapping.toml"),
            ("permits.csv", "permits-mapping.toml"),
        ],
        meets: Some((1, "69-МУ-20261")),
        child: Some("69-МУ-20268"),
        ..NOTHING
    },
    Plan {
        folder: "population-register",
        name: "Population Register",
        purpose: "Who you are, and your numbers",
        kinds: &["person", "identifier"],
        files: &[
            ("people.ndjson", "people-mapping.toml"),
            ("identifiers.csv", "identifiers-mapping.toml"),
        ],
        meets: Some((1, "РН-770401")),
        child: Some("РН-770409"),
        ..NOTHING
    },
    Plan {
        folder: "telecom",
        name: "Telephone Company",
        purpose: "Your telephone numbers and mailbox",
        kinds: &["phone", "email"],
        files: &[
            ("subscribers.csv", "phones-mapping.toml"),
            ("mailboxes.ndjson", "mail-mapping.toml"),
        ],
        meets: Some((1, "Л/С 330201")),
        ..NOTHING
    },
    Plan {
        folder: "post",
        name: "Post",
        purpose: "Where letters reach you",
        kinds: &["contact-address"],
        files: &[("addresses.ndjson", "mapping.toml")],
        meets: Some((1, "АДР-4801")),
        ..NOTHING
    },
    Plan {
        folder: "insurer",
        name: "Care Insurance",
        purpose: "Your health insurance",
        kinds: &["medical-insurance"],
        files: &[("polislar.csv", "mapping.toml")],
        meets: Some((1, "MJ-60101")),
        ..NOTHING
    },
    Plan {
        folder: "test-centre",
        name: "Language Test Centre",
        purpose: "Your language certificate",
        kinds: &["language-certificate"],
        files: &[("certificates.csv", "mapping.toml")],
        meets: Some((2, "ТЦ-4417")),
        ..NOTHING
    },
    Plan {
        folder: "clinic",
        name: "City Clinic No. 4",
        purpose: "Your medical certificates and vaccinations",
        kinds: &["medical-certificate", "vaccination", "medical-book"],
        files: &[
            ("certificates.ndjson", "mapping.toml"),
            ("vaccinations.ndjson", "vaccinations-mapping.toml"),
            ("medical-books.csv", "books-mapping.toml"),
        ],
        meets: Some((2, "К-26/00931")),
        ..NOTHING
    },
    Plan {
        folder: "immigration",
        name: "Immigration Office",
        purpose: "Your applications to the immigration office",
        kinds: &["application-filed", "decision", "work-permit"],
        services: &["work-permit"],
        meets: Some((2, "ИМ-2026-00417")),
        ..NOTHING
    },
    Plan {
        folder: "tax",
        name: "Tax Service",
        purpose: "Your tax payments and status",
        kinds: &["tax-registration", "tax-payment", "tax-status"],
        files: &[
            ("registrations.csv", "registrations-mapping.toml"),
            ("payments.csv", "payments-mapping.toml"),
            ("status.csv", "status-mapping.toml"),
        ],
        meets: Some((2, "НД/69/5501")),
        ..NOTHING
    },
    Plan {
        folder: "employer",
        name: "Sewing Works",
        purpose: "Your employment",
        kinds: &["employment=claim"],
        files: &[("staff.csv", "mapping.toml")],
        meets: Some((3, "Т-1401")),
        ..NOTHING
    },
    Plan {
        folder: "property-register",
        name: "Property Register",
        purpose: "Your rights to homes and land",
        kinds: &["real-estate"],
        files: &[("rights.ndjson", "mapping.toml")],
        meets: Some((4, "КУВД-001/2026-8101")),
        ..NOTHING
    },
    Plan {
        folder: "university",
        name: "State University",
        purpose: "Your studies and diplomas",
        kinds: &["qualification", "enrolment"],
        files: &[
            ("recognitions.csv", "recognitions-mapping.toml"),
            ("students.csv", "students-mapping.toml"),
        ],
        meets: Some((5, "ST-26-7301")),
        ..NOTHING
    },
    Plan {
        folder: "vehicle-register",
        name: "Vehicle Register",
        purpose: "Your vehicle and licences",
        kinds: &["driving-licence", "vehicle"],
        files: &[
            ("licences.csv", "licences-mapping.toml"),
            ("vehicles.csv", "vehicles-mapping.toml"),
        ],
        meets: Some((5, "ТС690701")),
        ..NOTHING
    },
    Plan {
        folder: "police",
        name: "Police",
        purpose: "What is held against you",
        kinds: &["administrative-offence"],
        files: &[("offences.csv", "mapping.toml")],
        meets: Some((5, "АП-69-9001")),
        ..NOTHING
    },
    Plan {
        folder: "guardianship",
        name: "Guardianship Authority",
        purpose: "Who may act for your child",
        kinds: &["mandate"],
        files: &[("mandates.csv", "mapping.toml")],
        child: Some("ОП-741"),
        ..NOTHING
    },
    Plan {
        folder: "school",
        name: "School No. 14",
        purpose: "Your child at school",
        kinds: &[
            "school-language-test",
            "application-filed",
            "decision",
            "enrolment",
        ],
        services: &["school-enrolment"],
        files: &[("language-tests.ndjson", "tests-mapping.toml")],
        child: Some("ЛД-14-219"),
        ..NOTHING
    },
];

/// What happens in each month, in plain words.
pub(crate) const TOLD: [&str; 12] = [
    "Aziza arrives. The border stamps her in, her address is registered, she gets her numbers and a telephone",
    "Language test, medical examination; she applies for a work permit, and it is granted",
    "Her first work. From now on tax is paid for each month",
    "A visit home and back: another room, another registration",
    "Her diploma is recognised; her licence is read by the vehicle register; the police link with her too",
    "A new employer; a moped; evening studies. A row of the border's file is wrong",
    "The tax service finds that she owes for the moped, and must tell her at once",
    "Paid. Home and back again",
    "An offence is recorded that was none. She is told at once, and disputes it with a paper",
    "The police answer: the record is corrected. She applies for temporary residence. Her son goes to school",
    "On the way back from home she loses her telephone",
    "Temporary residence is granted. The year is over",
];
