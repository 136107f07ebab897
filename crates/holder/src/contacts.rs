//! Contacts that somebody else uses too (D5): said so in the record, or seen because another profile on
//! this device has the same. Nothing secret is bound to any contact; she is told all the same, since
//! whoever reads her messages there may pass for her elsewhere.

use crate::{Holder, RecordView};
use denizen_model::UnixTime;
use serde_json::Value;

/// Kinds that are a way to reach somebody.
const CONTACT_KINDS: [&str; 3] = ["phone", "email", "contact-address"];

/// Why a contact is not hers alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedContact {
    /// The record says so: with whom, as the kind's own code.
    Said(String),
    /// Another profile on this device has the same.
    OtherProfile,
}

impl Holder {
    /// The contacts of this profile, to be compared with another one's on this device.
    #[must_use]
    pub fn contacts(&self, now: UnixTime) -> Vec<String> {
        let records = self.records(now);
        records.iter().filter_map(|r| self.contact(r)).collect()
    }

    /// From now on contacts are compared with these, of other profiles on this device. They are not
    /// kept: whoever opens a profile beside others says so each time.
    pub fn compare_contacts(&mut self, others: Vec<String>) {
        self.beside = others;
    }

    /// Whether a record is a contact that somebody else uses too.
    #[must_use]
    pub fn shared_contact(&self, view: &RecordView) -> Option<SharedContact> {
        let contact = self.contact(view)?;
        if view.claims.get("shared").and_then(Value::as_bool) == Some(true) {
            let with = view.claims.get("shared_with").and_then(Value::as_str);
            return Some(SharedContact::Said(with.unwrap_or("other").to_owned()));
        }
        let same = self.beside.contains(&contact);
        same.then_some(SharedContact::OtherProfile)
    }

    /// That a record is such a contact, in her language. What to do then is the text `cli-contact-next`.
    #[must_use]
    pub fn shared_contact_text(&self, view: &RecordView) -> Option<String> {
        let words = self.words();
        match self.shared_contact(view)? {
            SharedContact::Said(with) => {
                let kind = view.vct.split(':').nth(3).unwrap_or_default();
                let key = format!("value-{kind}-shared_with-{with}");
                let with = words.known(&key).unwrap_or(with);
                Some(words.text("cli-contact-shared", &[("with", &with)]))
            }
            SharedContact::OtherProfile => Some(words.text("cli-contact-same", &[])),
        }
    }

    /// A contact in the form in which it is compared; none of a record that is replaced or returned.
    fn contact(&self, view: &RecordView) -> Option<String> {
        let kind = self.catalogue.kind(&view.vct)?;
        let counts = !view.superseded && !view.returned;
        if !counts || !CONTACT_KINDS.contains(&kind.name.as_str()) {
            return None;
        }
        let value = view.claims.get("value")?;
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(text.trim().to_lowercase())
    }
}
