//! Claims path pointers. Source: OpenID4VP 1.0 section 7.

use crate::{POINTER_LENGTH_MAX, SELECTED_MAX};
use denizen_credential::{ClaimPath, PathItem};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One component of a pointer: in JSON a string, a non-negative integer, or `null`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PointerItem {
    /// The member of this name.
    Name(String),
    /// The element at this index, from 0, among those that are shown.
    Index(usize),
    /// Every element of an array.
    All,
}

/// A pointer of one to [`POINTER_LENGTH_MAX`] components. In JSON an array.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<PointerItem>", into = "Vec<PointerItem>")]
pub struct ClaimPointer(Vec<PointerItem>);

/// A pointer that cannot be read, or not against these claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PointerError {
    /// No component, or too many.
    #[error("claim pointer is empty or too long")]
    BadLength,
    /// A name asked of something that is no object, or an element of something that is no array.
    #[error("claim pointer does not fit the claims")]
    OtherType,
    /// Nothing is there.
    #[error("claim pointer selects nothing")]
    Nothing,
    /// It selects more than [`SELECTED_MAX`] places.
    #[error("claim pointer selects too many claims")]
    TooMany,
}

impl TryFrom<Vec<PointerItem>> for ClaimPointer {
    type Error = PointerError;

    fn try_from(items: Vec<PointerItem>) -> Result<Self, PointerError> {
        if items.is_empty() || items.len() > POINTER_LENGTH_MAX {
            return Err(PointerError::BadLength);
        }
        Ok(Self(items))
    }
}

impl From<ClaimPointer> for Vec<PointerItem> {
    fn from(pointer: ClaimPointer) -> Self {
        pointer.0
    }
}

type Place<'v> = (ClaimPath, &'v Value);

impl ClaimPointer {
    /// Its components.
    #[must_use]
    pub fn items(&self) -> &[PointerItem] {
        &self.0
    }

    /// The places in `claims` that the pointer selects, each with its value.
    ///
    /// # Errors
    /// [`PointerError`] if it does not fit, or selects nothing.
    pub fn select<'v>(
        &self,
        claims: &'v Map<String, Value>,
    ) -> Result<Vec<(ClaimPath, &'v Value)>, PointerError> {
        let (first, rest) = self.0.split_first().ok_or(PointerError::BadLength)?;
        let PointerItem::Name(name) = first else {
            return Err(PointerError::OtherType);
        };
        let top = claims
            .get(name)
            .map(|v| (vec![PathItem::Name(name.clone())], v));
        let mut selected: Vec<Place<'v>> = top.into_iter().collect();
        for item in rest {
            let mut next = Vec::new();
            for (place, value) in selected {
                step(item, &place, value, &mut next)?;
                if next.len() > SELECTED_MAX {
                    return Err(PointerError::TooMany);
                }
            }
            selected = next;
        }
        if selected.is_empty() {
            return Err(PointerError::Nothing);
        }
        Ok(selected)
    }

    /// Whether the claim at `path` is one that this pointer asks for, lies below one, or is needed
    /// to reach one.
    #[must_use]
    pub fn covers(&self, path: &[PathItem]) -> bool {
        self.0.iter().zip(path).all(|pair| match pair {
            (PointerItem::Name(a), PathItem::Name(b)) => a == b,
            (PointerItem::Index(a), PathItem::Index(b)) => a == b,
            (PointerItem::All, PathItem::Index(_)) => true,
            _ => false,
        })
    }
}

fn step<'v>(
    item: &PointerItem,
    place: &[PathItem],
    value: &'v Value,
    next: &mut Vec<Place<'v>>,
) -> Result<(), PointerError> {
    let at = |last: PathItem| place.iter().cloned().chain([last]).collect::<ClaimPath>();
    match (item, value) {
        (PointerItem::Name(name), Value::Object(members)) => {
            let member = members.get(name);
            next.extend(member.map(|v| (at(PathItem::Name(name.clone())), v)));
        }
        (PointerItem::Index(index), Value::Array(elements)) => {
            let element = elements.get(*index);
            next.extend(element.map(|v| (at(PathItem::Index(*index)), v)));
        }
        (PointerItem::All, Value::Array(elements)) => {
            let elements = elements.iter().enumerate();
            next.extend(elements.map(|(i, v)| (at(PathItem::Index(i)), v)));
        }
        _ => return Err(PointerError::OtherType),
    }
    Ok(())
}

/// For people and reports: `subject.names`, `nationalities[0]`, `degrees[].type`. Names of claims,
/// never their values.
impl std::fmt::Display for ClaimPointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            match item {
                PointerItem::Name(name) if at == 0 => f.write_str(name)?,
                PointerItem::Name(name) => write!(f, ".{name}")?,
                PointerItem::Index(index) => write!(f, "[{index}]")?,
                PointerItem::All => f.write_str("[]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Source: OpenID4VP 1.0 section 7.3.
    fn example() -> Value {
        json!({
            "name": "Arthur Dent",
            "address": {"street_address": "42 Market Street", "locality": "Milliways"},
            "degrees": [{"type": "Bachelor of Science"}, {"type": "Master of Science"}],
            "nationalities": ["British", "Betelgeusian"],
        })
    }

    fn pointer(value: Value) -> ClaimPointer {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_specifications_examples_select_what_it_says() {
        let claims = example();
        let claims = claims.as_object().unwrap();
        for (path, want) in [
            (json!(["name"]), json!(["Arthur Dent"])),
            (json!(["address"]), json!([claims.get("address")])),
            (
                json!(["address", "street_address"]),
                json!(["42 Market Street"]),
            ),
            (
                json!(["degrees", null, "type"]),
                json!(["Bachelor of Science", "Master of Science"]),
            ),
            (json!(["nationalities", 1]), json!(["Betelgeusian"])),
        ] {
            let pointer = pointer(path);
            let selected = pointer.select(claims).unwrap();
            let values: Vec<_> = selected.iter().map(|(_, v)| *v).collect();
            assert_eq!(json!(values), want);
            assert!(selected.iter().all(|(place, _)| pointer.covers(place)));
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let claims = example();
        for (path, want) in [
            (json!(["name", "x"]), PointerError::OtherType),
            (json!(["name", null]), PointerError::OtherType),
            (json!(["degrees", "type"]), PointerError::OtherType),
            (json!(["address", 0]), PointerError::OtherType),
            (json!([null]), PointerError::OtherType),
            (json!([0]), PointerError::OtherType),
            (json!(["nobody"]), PointerError::Nothing),
            (json!(["nationalities", 2]), PointerError::Nothing),
        ] {
            assert_eq!(pointer(path).select(claims.as_object().unwrap()), Err(want));
        }
    }

    #[test]
    fn negative_indexes_fractions_and_empty_pointers_are_refused() {
        let long = vec!["a"; POINTER_LENGTH_MAX + 1];
        for path in [
            json!([]),
            json!([-1]),
            json!(["a", 1.5]),
            json!([{}]),
            json!("a"),
            json!([true]),
            json!(long),
        ] {
            assert!(serde_json::from_value::<ClaimPointer>(path).is_err());
        }
    }

    #[test]
    fn a_pointer_covers_parents_and_parts_and_nothing_beside() {
        let names = pointer(json!(["subject", "names"]));
        let path = |names: &[&str]| -> ClaimPath {
            names.iter().map(|n| PathItem::Name((*n).into())).collect()
        };
        assert!(names.covers(&path(&["subject"])));
        assert!(names.covers(&path(&["subject", "names", "latin"])));
        assert!(!names.covers(&path(&["subject", "birth_date"])));
        assert!(!names.covers(&path(&["may_work"])));
    }
}
