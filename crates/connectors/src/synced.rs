//! Fields that both sides keep in step: how a neutral value becomes a vendor's, and back, and what a change is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::protocol::Conflict;

/// A neutral field at a vendor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The vendor's name of the field.
    pub field: String,
    /// Neutral value to the vendor's value. Empty: the value as it is.
    #[serde(default)]
    pub values: BTreeMap<String, Value>,
}

/// Neutral name to the vendor's field.
pub type Synced = BTreeMap<String, Field>;

impl Field {
    /// The vendor's value; none if there is no case for it.
    pub fn to_vendor(&self, neutral: &Value) -> Option<Value> {
        if self.values.is_empty() {
            return Some(neutral.clone());
        }
        self.values.get(neutral.as_str()?).cloned()
    }

    /// The neutral value. A value that is not mapped stays as the vendor says it, so that nothing is lost.
    pub fn to_neutral(&self, vendor: &Value) -> Value {
        // A vendor gives more members than it was given: what was given must be among them.
        let known = self.values.iter().find(|(_, value)| contains(vendor, value));
        known.map_or_else(|| vendor.clone(), |(name, _)| name.clone().into())
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|own| contains(own, value)))
        }
        _ => whole == part,
    }
}

/// What of `ours` is to be written, and where both sides changed the same.
///
/// A field that already has our value is not written: that ends every echo. A field that they have changed since
/// `base` is a conflict, unless ours is to overwrite.
pub fn three_way(
    base: &Map<String, Value>,
    ours: &Map<String, Value>,
    theirs: &Map<String, Value>,
    overwrite: bool,
) -> (Vec<String>, Vec<Conflict>) {
    let (mut write, mut conflicts) = (Vec::new(), Vec::new());
    for (field, ours) in ours {
        let null = Value::Null;
        let theirs = theirs.get(field).unwrap_or(&null);
        if ours == theirs {
            continue;
        }
        match base.get(field) {
            Some(base) if base != theirs && !overwrite => conflicts.push(Conflict {
                field: field.clone(),
                base: base.clone(),
                ours: ours.clone(),
                theirs: theirs.clone(),
            }),
            _ => write.push(field.clone()),
        }
    }
    (write, conflicts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn values_go_to_the_vendor_and_come_back() {
        let values =
            BTreeMap::from([("high".into(), json!({ "id": "2" })), ("low".into(), json!({ "id": "4" }))]);
        let field = Field { field: "priority".into(), values };
        assert_eq!(field.to_vendor(&json!("high")), Some(json!({ "id": "2" })));
        assert_eq!(field.to_vendor(&json!("odd")), None);
        assert_eq!(field.to_neutral(&json!({ "id": "2", "name": "High", "self": "…" })), json!("high"));
        assert_eq!(field.to_neutral(&json!({ "id": "9" })), json!({ "id": "9" }));
        let plain = Field { field: "due".into(), values: BTreeMap::new() };
        assert_eq!(plain.to_neutral(&json!("2026-01-01")), json!("2026-01-01"));
    }

    #[test]
    fn a_change_is_written_left_or_in_conflict() {
        let base = object(json!({ "same": 1, "ours": 1, "theirs": 1, "both": 1, "agreed": 1 }));
        let ours = object(json!({ "same": 1, "ours": 2, "both": 2, "agreed": 2, "new": 2 }));
        let theirs = object(json!({ "same": 1, "ours": 1, "theirs": 3, "both": 3, "agreed": 2 }));
        let (write, conflicts) = three_way(&base, &ours, &theirs, false);
        assert_eq!(write, ["new", "ours"]);
        assert_eq!(conflicts.len(), 1);
        assert_eq!((conflicts[0].field.as_str(), &conflicts[0].theirs), ("both", &json!(3)));
        assert_eq!(three_way(&base, &ours, &theirs, true).0, ["both", "new", "ours"]);
    }
}
