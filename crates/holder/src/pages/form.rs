//! What lies in a page: its records, then what their kept copies say. Specified in `docs/spec/state.md`.
//!
//! Members stand in one order and have no names: a browser reads hundreds of records each time it opens,
//! before it has compiled anything well, and names cost it as much as values.

use crate::{
    profile::{Delivery, HeldRecord},
    read::{READING, Said},
};
use denizen_model::{Sha256Hash, deposit::Receipt};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, SeqAccess, Visitor},
    ser::SerializeTuple as _,
};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Stands first, so that another form can be told; behind it stands [`READING`]. Pages from before there was
/// a form begin with `[`.
const FORM: u8 = b'2';
/// Members of a record and its signature.
const MEMBERS: usize = 20;

/// A record in a page.
pub(super) struct Entry {
    pub(super) held: Arc<HeldRecord>,
    /// The signature of the kept copy that was good, if it was.
    pub(super) good: Option<Sha256Hash>,
    /// What the kept copy says, if it was read under that signature as this program reads.
    pub(super) said: Option<Said>,
}

/// A record and its signature that was good, as they are written; [`Members`] reads them. Without the hub,
/// which only an import names.
struct Row<'a>(&'a HeldRecord, Option<Sha256Hash>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self(held, good) = self;
        let mut row = to.serialize_tuple(MEMBERS)?;
        row.serialize_element(&held.record)?;
        row.serialize_element(&held.link)?;
        row.serialize_element(&held.issuer)?;
        row.serialize_element(&held.vct)?;
        row.serialize_element(&held.kept)?;
        row.serialize_element(&held.kept_hash)?;
        row.serialize_element(&held.copies)?;
        row.serialize_element(&held.sensitivity)?;
        row.serialize_element(&held.notice)?;
        row.serialize_element(&held.legal_basis)?;
        row.serialize_element(&held.received)?;
        row.serialize_element(&held.delivery.receipt.proof)?;
        row.serialize_element(&held.delivery.receipt.nonce_a)?;
        row.serialize_element(&held.delivery.salt)?;
        row.serialize_element(&held.delivery.attachment)?;
        row.serialize_element(&held.delivery.path)?;
        row.serialize_element(&held.supersedes)?;
        row.serialize_element(&held.changes)?;
        row.serialize_element(&held.changed_at)?;
        row.serialize_element(good)?;
        row.end()
    }
}

/// Reads what [`Row`] wrote.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Entry;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a record")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut row: A) -> Result<Entry, A::Error> {
        let held = HeldRecord {
            record: next(&mut row)?,
            link: next(&mut row)?,
            issuer: next(&mut row)?,
            vct: next(&mut row)?,
            kept: next(&mut row)?,
            kept_hash: next(&mut row)?,
            copies: next(&mut row)?,
            sensitivity: next(&mut row)?,
            notice: next(&mut row)?,
            legal_basis: next(&mut row)?,
            received: next(&mut row)?,
            delivery: Delivery {
                receipt: Receipt {
                    proof: next(&mut row)?,
                    nonce_a: next(&mut row)?,
                },
                salt: next(&mut row)?,
                attachment: next(&mut row)?,
                path: next(&mut row)?,
            },
            supersedes: next(&mut row)?,
            changes: next(&mut row)?,
            changed_at: next(&mut row)?,
            hub: None,
        };
        Ok(Entry {
            held: Arc::new(held),
            good: next(&mut row)?,
            said: None,
        })
    }
}

fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(row: &mut A) -> Result<T, A::Error> {
    let member = row.next_element()?;
    member.ok_or_else(|| A::Error::missing_field("held"))
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_tuple(MEMBERS, Members)
    }
}

/// A record of a page from before there was a form. Rare, and so without code that reads it at one go.
fn before(entry: &Map<String, Value>) -> Option<Entry> {
    let good = entry.get("good")?.as_str();
    Some(Entry {
        held: serde_json::from_slice(entry.get("held")?.to_string().as_bytes()).ok()?,
        good: match good {
            Some(good) => Some(Sha256Hash::parse(good).ok()?),
            None => None,
        },
        said: None,
    })
}

/// A page's text, to which records are added.
pub(super) struct Text {
    rows: Vec<u8>,
    said: Vec<u8>,
}

impl Text {
    /// The text of one record.
    pub(super) fn of(held: &HeldRecord, good: Option<Sha256Hash>, said: Option<&Said>) -> Self {
        Self {
            rows: serde_json::to_vec(&Row(held, good)).expect("a record is JSON"),
            said: serde_json::to_vec(&said).expect("a record is JSON"),
        }
    }

    /// Its size in bytes, but for what stands around the records.
    pub(super) fn size(&self) -> usize {
        self.rows.len() + self.said.len()
    }

    /// Puts another text's records behind its own.
    pub(super) fn add(&mut self, other: &Self) {
        self.rows.push(b',');
        self.rows.extend_from_slice(&other.rows);
        self.said.push(b',');
        self.said.extend_from_slice(&other.said);
    }

    /// What is sealed.
    pub(super) fn whole(&self) -> Vec<u8> {
        let begin = [FORM, READING, b'['];
        [&begin[..], &self.rows, b"][", &self.said, b"]"].concat()
    }
}

/// The records of a page's text; none of it if it is of a form that this program does not know.
pub(super) fn read(text: &[u8]) -> Option<Vec<Entry>> {
    let (&[form, reading], lists) = text.split_first_chunk::<2>()?;
    if form == b'[' {
        // From before there was a form: what records say is read anew.
        let entries: Vec<Map<String, Value>> = serde_json::from_slice(text).ok()?;
        return entries.iter().map(before).collect();
    }
    if form != FORM {
        return None;
    }
    let mut lists = serde_json::Deserializer::from_slice(lists);
    let mut entries: Vec<Entry> = Deserialize::deserialize(&mut lists).ok()?;
    // As another program reads it may have another shape.
    if reading == READING {
        let said: Vec<Option<Said>> = Deserialize::deserialize(&mut lists).ok()?;
        for (entry, said) in entries.iter_mut().zip(said) {
            entry.said = said.filter(|_| entry.good.is_some());
        }
    }
    Some(entries)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use denizen_model::{CopyRef, MessageId, Nonce, OrgId};
    use serde_json::json;

    fn held(link: u32) -> HeldRecord {
        let hash = Sha256Hash::of(&link.to_be_bytes());
        let record = json!({
            "record": MessageId::new([1; 16]), "link": link, "issuer": OrgId::new([2; 32]),
            "vct": "urn:denizen:kind:decision:1", "kept": "a\n\"text\"", "kept_hash": hash,
            "copies": [{ "ref": CopyRef::new([3; 16]), "text": "a copy" }],
            "sensitivity": "special", "legal_basis": "a law", "received": 1_790_000_000,
            "delivery": {
                "receipt": { "proof": "a proof", "nonce_a": Nonce::new([4; 32]) },
                "salt": Nonce::new([5; 32]), "attachment": [1, 3], "path": [hash],
            },
            "supersedes": [hash], "changed_at": 1_790_000_001,
        });
        serde_json::from_value(record).unwrap()
    }

    fn said() -> Said {
        let said = json!(["i", "k", "AA", 7, { "idx": 1, "uri": "u" }, { "number": "7" }]);
        serde_json::from_value(said).unwrap()
    }

    fn page() -> String {
        let good = Some(Sha256Hash::new([7; 32]));
        let mut text = Text::of(&held(1), good, Some(&said()));
        text.add(&Text::of(&held(2), None, None));
        String::from_utf8(text.whole()).unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        let entries = read(page().as_bytes()).unwrap();
        assert_eq!([&*entries[0].held, &*entries[1].held], [&held(1), &held(2)]);
        assert_eq!(entries[0].good, Some(Sha256Hash::new([7; 32])));
        assert_eq!(entries[0].said, Some(said()));
        assert_eq!((entries[1].good, &entries[1].said), (None, &None));
    }

    #[test]
    fn what_another_program_read_is_left_and_its_records_are_taken() {
        let mut other = page().replacen("][[", "][{\"another\":[", 1).into_bytes();
        other[1] = READING + 1;
        let entries = read(&other).unwrap();
        assert_eq!(*entries[0].held, held(1));
        assert!(entries[0].good.is_some() && entries[0].said.is_none());
    }

    #[test]
    fn a_page_from_before_is_read_and_one_of_another_form_is_not() {
        let said = json!({ "v": 1, "iss": "i", "kid": "k", "key": "AA", "claims": {} });
        let good = Sha256Hash::new([7; 32]);
        let before: Value = json!([
            { "held": held(1), "good": good, "said": said }, { "held": held(2), "good": null },
        ]);
        let entries = read(before.to_string().as_bytes()).unwrap();
        assert_eq!([&*entries[0].held, &*entries[1].held], [&held(1), &held(2)]);
        assert_eq!((entries[0].good, &entries[0].said), (Some(good), &None));
        let other = page().replacen('2', "3", 1);
        assert!(read(other.as_bytes()).is_none());
        assert!(read(&page().as_bytes()[..40]).is_none() && read(b"").is_none());
    }
}
