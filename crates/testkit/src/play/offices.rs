//! The offices of the stories: a table.

/// An office of the stories.
pub struct OfficeKind {
    /// What the stories call it; its folder is `gateway-<name>`.
    pub name: &'static str,
    /// Its English name.
    pub title: &'static str,
    /// Kinds that it is admitted for and sends.
    pub kinds: &'static [&'static str],
    /// Services that it offers.
    pub services: &'static [&'static str],
    /// Files of the demo with their mappings.
    pub files: &'static [(&'static str, &'static str)],
}

/// `vct` of the shipped kinds that the stories name.
pub mod vct {
    /// Proof that an application was filed.
    pub const FILED: &str = "urn:denizen:kind:application-filed:1";
    /// A decision.
    pub const DECISION: &str = "urn:denizen:kind:decision:1";
    /// A work permit.
    pub const PERMIT: &str = "urn:denizen:kind:work-permit:1";
    /// A travel document.
    pub const TRAVEL: &str = "urn:denizen:kind:travel-document:1";
    /// A border crossing.
    pub const CROSSING: &str = "urn:denizen:kind:border-crossing:1";
    /// A language certificate.
    pub const LANGUAGE: &str = "urn:denizen:kind:language-certificate:1";
    /// A medical certificate.
    pub const MEDICAL: &str = "urn:denizen:kind:medical-certificate:1";
    /// A vaccination.
    pub const VACCINATION: &str = "urn:denizen:kind:vaccination:1";
}

/// Name of the work-permit service.
pub const WORK_PERMIT: &str = "urn:denizen:service:work-permit";
/// Name of the right-to-work check.
pub const RIGHT_TO_WORK: &str = "urn:denizen:service:right-to-work-check";

/// The border service.
pub const BORDER: OfficeKind = OfficeKind {
    name: "border",
    title: "Border Service",
    kinds: &[vct::TRAVEL, vct::CROSSING],
    services: &[],
    files: &[
        ("border/documents.ndjson", "border/documents-mapping.toml"),
        ("border/crossings.csv", "border/mapping.toml"),
    ],
};

/// The test centre.
pub const TEST_CENTRE: OfficeKind = OfficeKind {
    name: "test-centre",
    title: "Test Centre",
    kinds: &[vct::LANGUAGE],
    services: &[],
    files: &[("test-centre/certificates.csv", "test-centre/mapping.toml")],
};

/// The clinic.
pub const CLINIC: OfficeKind = OfficeKind {
    name: "clinic",
    title: "City Clinic",
    kinds: &[vct::MEDICAL, vct::VACCINATION],
    services: &[],
    files: &[
        ("clinic/certificates.ndjson", "clinic/mapping.toml"),
        (
            "clinic/vaccinations.ndjson",
            "clinic/vaccinations-mapping.toml",
        ),
    ],
};

/// The immigration office.
pub const IMMIGRATION: OfficeKind = OfficeKind {
    name: "immigration",
    title: "Immigration Office",
    kinds: &[vct::FILED, vct::DECISION, vct::PERMIT],
    services: &[WORK_PERMIT],
    files: &[],
};

/// An employer, who only checks.
pub const EMPLOYER: OfficeKind = OfficeKind {
    name: "employer",
    title: "Sewing Works",
    kinds: &[],
    services: &[RIGHT_TO_WORK],
    files: &[],
};
