//! Frameworks and their controls.

use std::fmt;
use std::str::FromStr;

use ledger::ids::{IdError, StreamId};

use super::ids::{lower_hyphen, lower_id};
use crate::schema::{Kind, MemberClass, MemberSchema, Public, expected, only};
use crate::tokens;

tokens! {
    /// A framework, for example `nist-800-53`. It has no dot: the first dot of a control's stream ends it.
    FrameworkId(Id, "framework id", 1..=64, "1 to 64 of a-z, 0-9 and '-'", lower_hyphen)
    /// A control within its framework, for example `ac-2.1`.
    ControlId(Id, "control id", 1..=64, "1 to 64 of a-z, 0-9, '.', '_' and '-'", lower_id)
}

impl FrameworkId {
    /// The stream of this framework.
    pub fn stream(&self) -> StreamId {
        StreamId::of("framework", self.as_str()).expect("the id fits a stream id")
    }

    /// The framework whose stream this is, if it is one.
    pub fn from_stream(stream: &StreamId) -> Option<Self> {
        (stream.category() == "framework").then(|| Self::new(stream.id()).ok()).flatten()
    }
}

/// A control of a framework, written `nist-800-53.ac-2.1` where one text is needed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ControlRef {
    /// The framework.
    pub framework: FrameworkId,
    /// The control within it.
    pub control: ControlId,
}

impl ControlRef {
    /// Reads both ids.
    ///
    /// # Errors
    /// Which of them breaks which rule.
    pub fn new(framework: &str, control: &str) -> Result<Self, IdError> {
        Ok(Self { framework: FrameworkId::new(framework)?, control: ControlId::new(control)? })
    }

    /// The stream of this control.
    pub fn stream(&self) -> StreamId {
        StreamId::of("control", self).expect("both ids fit a stream id")
    }

    /// The control whose stream this is, if it is one.
    pub fn from_stream(stream: &StreamId) -> Option<Self> {
        (stream.category() == "control").then(|| stream.id().parse().ok()).flatten()
    }
}

impl fmt::Display for ControlRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.framework, self.control)
    }
}

impl fmt::Debug for ControlRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ControlRef {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = || IdError {
            kind: "control",
            value: text.chars().take(80).collect(),
            rule: "<framework>.<control>",
        };
        let (framework, control) = text.split_once('.').ok_or_else(error)?;
        Self::new(framework, control)
    }
}

impl Public for ControlRef {
    const KIND: Kind = Kind::Object(&[
        MemberSchema {
            name: "framework",
            doc: "The framework.",
            class: MemberClass::Public,
            kind: FrameworkId::KIND,
            required: true,
        },
        MemberSchema {
            name: "control",
            doc: "The control within it.",
            class: MemberClass::Public,
            kind: ControlId::KIND,
            required: true,
        },
    ]);

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "framework": self.framework.as_str(), "control": self.control.as_str() })
    }

    fn from_json(value: &serde_json::Value) -> Result<Self, String> {
        let data = value.as_object().ok_or_else(|| expected("an object", value))?;
        only(&["framework", "control"], data)?;
        let text = |name| data.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        Self::new(text("framework"), text("control")).map_err(|error| error.to_string())
    }
}
