//! Every organisation of `demo/`: together they fill every kind that is not minted by a procedure.

use super::OfficeKind;

/// The organisations, by name. Each is admitted for exactly the kinds of its files.
pub const EVERY_OFFICE: [OfficeKind; 19] = [
    OfficeKind {
        name: "border",
        title: "Border Service",
        kinds: &[
            "urn:denizen:kind:travel-document:1",
            "urn:denizen:kind:border-crossing:1",
        ],
        services: &[],
        files: &[
            ("border/documents.ndjson", "border/documents-mapping.toml"),
            ("border/crossings.csv", "border/mapping.toml"),
            (
                "border/documents-archive.ndjson",
                "border/documents-mapping.toml",
            ),
            ("border/crossings-archive.csv", "border/mapping.toml"),
        ],
    },
    OfficeKind {
        name: "clinic",
        title: "City Clinic",
        kinds: &[
            "urn:denizen:kind:medical-certificate:1",
            "urn:denizen:kind:vaccination:1",
            "urn:denizen:kind:medical-book:1",
        ],
        services: &[],
        files: &[
            ("clinic/certificates.ndjson", "clinic/mapping.toml"),
            (
                "clinic/vaccinations.ndjson",
                "clinic/vaccinations-mapping.toml",
            ),
            ("clinic/certificates-archive.ndjson", "clinic/mapping.toml"),
            (
                "clinic/vaccinations-archive.ndjson",
                "clinic/vaccinations-mapping.toml",
            ),
            ("clinic/medical-books.csv", "clinic/books-mapping.toml"),
        ],
    },
    OfficeKind {
        name: "consulate",
        title: "Consulate General",
        kinds: &["urn:denizen:kind:visa:1"],
        services: &[],
        files: &[("consulate/visas.csv", "consulate/mapping.toml")],
    },
    OfficeKind {
        name: "employer",
        title: "Sewing Works",
        kinds: &["urn:denizen:kind:employment:1"],
        services: &[],
        files: &[("employer/staff.csv", "employer/mapping.toml")],
    },
    OfficeKind {
        name: "foreign-ministry",
        title: "Foreign Ministry",
        kinds: &["urn:denizen:kind:accreditation:1"],
        services: &[],
        files: &[(
            "foreign-ministry/accreditations.ndjson",
            "foreign-ministry/mapping.toml",
        )],
    },
    OfficeKind {
        name: "guardianship",
        title: "Guardianship Authority",
        kinds: &["urn:denizen:kind:mandate:1"],
        services: &[],
        files: &[("guardianship/mandates.csv", "guardianship/mapping.toml")],
    },
    OfficeKind {
        name: "insurer",
        title: "Insurer",
        kinds: &["urn:denizen:kind:medical-insurance:1"],
        services: &[],
        files: &[("insurer/polislar.csv", "insurer/mapping.toml")],
    },
    OfficeKind {
        name: "migration",
        title: "Migration Register",
        kinds: &[
            "urn:denizen:kind:registration:1",
            "urn:denizen:kind:residence-permit:1",
            "urn:denizen:kind:stay-application:1",
            "urn:denizen:kind:work-permit:1",
            "urn:denizen:kind:entry-restriction:1",
        ],
        services: &[],
        files: &[
            (
                "migration/registrations.csv",
                "migration/registrations-mapping.toml",
            ),
            ("migration/permits.csv", "migration/permits-mapping.toml"),
            (
                "migration/applications.ndjson",
                "migration/applications-mapping.toml",
            ),
            ("migration/patents.csv", "migration/patents-mapping.toml"),
            (
                "migration/restrictions.csv",
                "migration/restrictions-mapping.toml",
            ),
        ],
    },
    OfficeKind {
        name: "police",
        title: "Police",
        kinds: &["urn:denizen:kind:administrative-offence:1"],
        services: &[],
        files: &[("police/offences.csv", "police/mapping.toml")],
    },
    OfficeKind {
        name: "population-register",
        title: "Population Register",
        kinds: &["urn:denizen:kind:person:1", "urn:denizen:kind:identifier:1"],
        services: &[],
        files: &[
            (
                "population-register/people.ndjson",
                "population-register/people-mapping.toml",
            ),
            (
                "population-register/identifiers.csv",
                "population-register/identifiers-mapping.toml",
            ),
        ],
    },
    OfficeKind {
        name: "post",
        title: "Post",
        kinds: &["urn:denizen:kind:contact-address:1"],
        services: &[],
        files: &[("post/addresses.ndjson", "post/mapping.toml")],
    },
    OfficeKind {
        name: "property-register",
        title: "Property Register",
        kinds: &["urn:denizen:kind:real-estate:1"],
        services: &[],
        files: &[(
            "property-register/rights.ndjson",
            "property-register/mapping.toml",
        )],
    },
    OfficeKind {
        name: "school",
        title: "School No. 14",
        kinds: &[
            "urn:denizen:kind:enrolment:1",
            "urn:denizen:kind:school-language-test:1",
        ],
        services: &[],
        files: &[
            ("school/pupils.csv", "school/pupils-mapping.toml"),
            ("school/language-tests.ndjson", "school/tests-mapping.toml"),
        ],
    },
    OfficeKind {
        name: "small-vessels",
        title: "Inspectorate for Small Vessels",
        kinds: &["urn:denizen:kind:vessel-licence:1"],
        services: &[],
        files: &[(
            "small-vessels/licences.ndjson",
            "small-vessels/mapping.toml",
        )],
    },
    OfficeKind {
        name: "tax",
        title: "Tax Service",
        kinds: &[
            "urn:denizen:kind:tax-payment:1",
            "urn:denizen:kind:tax-registration:1",
            "urn:denizen:kind:tax-status:1",
        ],
        services: &[],
        files: &[
            ("tax/payments.csv", "tax/payments-mapping.toml"),
            ("tax/payments-with-errors.csv", "tax/payments-mapping.toml"),
            ("tax/registrations.csv", "tax/registrations-mapping.toml"),
            ("tax/status.csv", "tax/status-mapping.toml"),
        ],
    },
    OfficeKind {
        name: "telecom",
        title: "Telecom Operator",
        kinds: &["urn:denizen:kind:phone:1", "urn:denizen:kind:email:1"],
        services: &[],
        files: &[
            ("telecom/subscribers.csv", "telecom/phones-mapping.toml"),
            ("telecom/mailboxes.ndjson", "telecom/mail-mapping.toml"),
        ],
    },
    OfficeKind {
        name: "test-centre",
        title: "Test Centre",
        kinds: &["urn:denizen:kind:language-certificate:1"],
        services: &[],
        files: &[
            ("test-centre/certificates.csv", "test-centre/mapping.toml"),
            (
                "test-centre/certificates-archive.csv",
                "test-centre/mapping.toml",
            ),
        ],
    },
    OfficeKind {
        name: "university",
        title: "State University",
        kinds: &[
            "urn:denizen:kind:enrolment:1",
            "urn:denizen:kind:qualification:1",
        ],
        services: &[],
        files: &[
            (
                "university/students.csv",
                "university/students-mapping.toml",
            ),
            (
                "university/recognitions.csv",
                "university/recognitions-mapping.toml",
            ),
        ],
    },
    OfficeKind {
        name: "vehicle-register",
        title: "Vehicle Register",
        kinds: &[
            "urn:denizen:kind:vehicle:1",
            "urn:denizen:kind:driving-licence:1",
        ],
        services: &[],
        files: &[
            (
                "vehicle-register/vehicles.csv",
                "vehicle-register/vehicles-mapping.toml",
            ),
            (
                "vehicle-register/licences.csv",
                "vehicle-register/licences-mapping.toml",
            ),
        ],
    },
];
