//! How one member enters and leaves an event body, by its class.

use std::fmt;

use ledger::domain::{Class, EventBody, Withheld};
use ledger::ids::SubjectId;
use serde_json::{Map, Value};

use super::{Kind, MemberClass, Public, expected};

/// A member of an event. The class follows from the type, so that it cannot be forgotten.
pub trait Member: Sized {
    /// Who may see it.
    const CLASS: MemberClass;
    /// What values it takes.
    const KIND: Kind;
    /// Must it be there?
    const REQUIRED: bool;

    /// Puts the member where its class belongs.
    fn put(&self, name: &'static str, body: &mut EventBody);

    /// Reads the member from the public ones.
    ///
    /// # Errors
    /// What is missing or wrong.
    fn take(name: &'static str, data: &Map<String, Value>) -> Result<Self, String>;
}

impl<T: Public> Member for T {
    const CLASS: MemberClass = MemberClass::Public;
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = true;

    fn put(&self, name: &'static str, body: &mut EventBody) {
        body.public.insert(name.to_owned(), self.to_json());
    }

    fn take(name: &'static str, data: &Map<String, Value>) -> Result<Self, String> {
        let value = data.get(name).ok_or_else(|| format!("/{name} is missing"))?;
        T::from_json(value).map_err(|why| format!("/{name} {why}"))
    }
}

impl<T: Public> Member for Option<T> {
    const CLASS: MemberClass = MemberClass::Public;
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;

    fn put(&self, name: &'static str, body: &mut EventBody) {
        if let Some(value) = self {
            value.put(name, body);
        }
    }

    fn take(name: &'static str, data: &Map<String, Value>) -> Result<Self, String> {
        data.get(name).map(T::from_json).transpose().map_err(|why| format!("/{name} {why}"))
    }
}

/// A value that may only stand in a confidential or personal member.
pub trait Private {
    /// What values it takes.
    const KIND: Kind;
    /// The value as JSON.
    fn to_json(&self) -> Value;
}

impl Private for String {
    const KIND: Kind = Kind::Text;
    fn to_json(&self) -> Value {
        Value::String(self.clone())
    }
}

impl Private for Value {
    const KIND: Kind = Kind::Json;
    fn to_json(&self) -> Value {
        self.clone()
    }
}

/// A member under the tenant's key. `None`: not given, or withheld after reading back; the log does not tell which.
#[derive(Clone, PartialEq, Eq)]
pub struct Confidential<T>(Option<T>);

impl<T> Confidential<T> {
    /// A given value.
    pub const fn of(value: T) -> Self {
        Self(Some(value))
    }

    /// Not given, or withheld.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The value, if it is here.
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Default for Confidential<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<Option<T>> for Confidential<T> {
    fn from(value: Option<T>) -> Self {
        Self(value)
    }
}

/// Values under a key must not reach a log file through `{:?}`.
impl<T> fmt::Debug for Confidential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Confidential(…)" } else { "Confidential(none)" })
    }
}

impl<T: Private> Member for Confidential<T> {
    const CLASS: MemberClass = MemberClass::Confidential;
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;

    fn put(&self, name: &'static str, body: &mut EventBody) {
        if let Some(value) = &self.0 {
            body.withheld.push(Withheld { name, value: value.to_json(), class: Class::Confidential });
        }
    }

    fn take(name: &'static str, data: &Map<String, Value>) -> Result<Self, String> {
        withheld(name, data).map(|()| Self(None))
    }
}

/// A member under the key of one data subject, who can be erased.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<T>(Option<(SubjectId, T)>);

impl<T> Personal<T> {
    /// A value that belongs to `subject`.
    pub const fn of(subject: SubjectId, value: T) -> Self {
        Self(Some((subject, value)))
    }

    /// Not given, or withheld.
    pub const fn none() -> Self {
        Self(None)
    }

    /// The subject and the value, if they are here.
    pub const fn get(&self) -> Option<&(SubjectId, T)> {
        self.0.as_ref()
    }
}

impl<T> Default for Personal<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Personal(…)" } else { "Personal(none)" })
    }
}

impl<T: Private> Member for Personal<T> {
    const CLASS: MemberClass = MemberClass::Personal;
    const KIND: Kind = T::KIND;
    const REQUIRED: bool = false;

    fn put(&self, name: &'static str, body: &mut EventBody) {
        if let Some((subject, value)) = &self.0 {
            let class = Class::Personal(subject.clone());
            body.withheld.push(Withheld { name, value: value.to_json(), class });
        }
    }

    fn take(name: &'static str, data: &Map<String, Value>) -> Result<Self, String> {
        withheld(name, data).map(|()| Self(None))
    }
}

/// A classified member must never stand in the header: reading it there would hide the leak.
fn withheld(name: &str, data: &Map<String, Value>) -> Result<(), String> {
    match data.get(name) {
        None => Ok(()),
        Some(found) => Err(format!("/{name} {}", expected("nothing: the member is not public", found))),
    }
}
