//! Values that may stand in a header.

use std::ops::RangeInclusive;

use ledger::ids::{StreamId, SubjectId, TenantId};
use ledger::time::Timestamp;
use serde_json::Value;

use super::Kind;

/// A value that may stand in a header, for everyone who sees the log.
///
/// Implemented for ids, times, closed choices, counts, keys, hashes of the ledger and lists of them.
/// `String` and `serde_json::Value` do not implement it, on purpose: free text cannot become public by a slip.
pub trait Public: Sized {
    /// What values it takes.
    const KIND: Kind;

    /// The value as JSON.
    fn to_json(&self) -> Value;

    /// Reads the value back.
    ///
    /// # Errors
    /// What was expected and what was found.
    fn from_json(value: &Value) -> Result<Self, String>;
}

/// "should be … but is …", with the found value cut short.
pub fn expected(what: &str, found: &Value) -> String {
    let found: String = found.to_string().chars().take(60).collect();
    format!("should be {what} but is {found}")
}

/// Has `text` a length in `length`, and are all its bytes allowed?
pub fn token_ok(text: &str, length: &RangeInclusive<usize>, allowed: fn(u8) -> bool) -> bool {
    length.contains(&text.len()) && text.bytes().all(allowed)
}

/// Finds a word in a closed set.
///
/// # Errors
/// The words there are.
pub fn choice<T: Copy>(all: &[(&'static str, T)], found: &str) -> Result<T, String> {
    all.iter().find(|(word, _)| *word == found).map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
        format!(
            "should be one of {} but is {:?}",
            words.join(", "),
            found.chars().take(60).collect::<String>()
        )
    })
}

macro_rules! parsed_text {
    ($name:ty, $kind:expr, $what:literal) => {
        impl Public for $name {
            const KIND: Kind = $kind;

            fn to_json(&self) -> Value {
                Value::String(self.to_string())
            }

            fn from_json(value: &Value) -> Result<Self, String> {
                value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| expected($what, value))
            }
        }
    };
}

parsed_text!(Timestamp, Kind::Time, "a time such as 2026-03-01T12:00:00.000000Z");
parsed_text!(TenantId, Kind::Id { rule: "tenant id" }, "a tenant id");
parsed_text!(StreamId, Kind::Id { rule: "stream id" }, "a stream id");
parsed_text!(SubjectId, Kind::Id { rule: "data subject id" }, "a subject id");

impl Public for u32 {
    const KIND: Kind = Kind::Integer { max: u32::MAX as u64 };

    fn to_json(&self) -> Value {
        Value::from(*self)
    }

    fn from_json(value: &Value) -> Result<Self, String> {
        let number = value.as_u64().and_then(|n| Self::try_from(n).ok());
        number.ok_or_else(|| expected("an integer from 0 to 4294967295", value))
    }
}

/// The largest integer that every JSON reader keeps exact: 2^53 - 1.
pub const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Sizes and indices of logs. No log reaches 2^53 entries; a larger number is refused when it is read.
impl Public for u64 {
    const KIND: Kind = Kind::Integer { max: SAFE_INTEGER_MAX };

    fn to_json(&self) -> Value {
        Value::from((*self).min(SAFE_INTEGER_MAX))
    }

    fn from_json(value: &Value) -> Result<Self, String> {
        let number = value.as_u64().filter(|n| *n <= SAFE_INTEGER_MAX);
        number.ok_or_else(|| expected("an integer from 0 to 9007199254740991", value))
    }
}

impl Public for bool {
    const KIND: Kind = Kind::Flag;

    fn to_json(&self) -> Value {
        Value::Bool(*self)
    }

    fn from_json(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| expected("true or false", value))
    }
}

impl<T: Public> Public for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);

    fn to_json(&self) -> Value {
        Value::Array(self.iter().map(T::to_json).collect())
    }

    fn from_json(value: &Value) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(|| expected("a list", value))?;
        let read = |(at, item)| T::from_json(item).map_err(|why| format!("at {at} {why}"));
        items.iter().enumerate().map(read).collect()
    }
}
