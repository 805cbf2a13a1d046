//! RFC 8785 (JCS) canonical JSON, in one pass from raw bytes, with the ingest rules of formats.md §1.
//!
//! Refused, each with the JSON pointer of the place: duplicate keys, integers beyond 2^53-1, numbers that are
//! not finite, nesting deeper than [`DEPTH_MAX`], invalid UTF-8 and lone surrogates.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

mod check;
mod fault;
mod number;
mod order;
mod scan;
mod string;
mod value;
mod write;

/// Arrays and objects may be nested this deep: readers of every language must be able to follow.
pub const DEPTH_MAX: usize = 64;

/// The largest integer that every reader of JSON holds exactly: 2^53-1.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Bytes that are known to be RFC 8785.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonicalJson(Box<[u8]>);

impl CanonicalJson {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("canonical JSON is UTF-8")
    }

    /// The bytes, owned.
    pub fn into_bytes(self) -> Box<[u8]> {
        self.0
    }
}

impl AsRef<[u8]> for CanonicalJson {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<CanonicalJson> for Arc<[u8]> {
    fn from(json: CanonicalJson) -> Self {
        json.0.into()
    }
}

impl fmt::Debug for CanonicalJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

/// Where JSON breaks a rule, which one, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {}: {problem}; {}", if pointer.is_empty() { "the document" } else { pointer }, problem.hint())]
pub struct JsonError {
    /// The JSON pointer (RFC 6901) of the place; empty for the whole document.
    pub pointer: String,
    /// The byte offset at which it was noticed.
    pub offset: usize,
    /// The rule.
    pub problem: JsonProblem,
}

/// A rule of JSON, of the ingest or of the canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonProblem {
    /// Not JSON by RFC 8259.
    #[error("not valid JSON ({0})")]
    Syntax(&'static str),
    /// A key occurs twice in one object.
    #[error("the key occurs twice in its object")]
    DuplicateKey,
    /// An integer beyond ±(2^53-1).
    #[error("the integer is beyond 2^53-1")]
    IntegerRange,
    /// A number that a double cannot hold.
    #[error("the number is not finite")]
    NotFinite,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested deeper than 64")]
    Depth,
    /// Not UTF-8.
    #[error("the text is not UTF-8")]
    Utf8,
    /// Half of a surrogate pair.
    #[error("the text has a lone surrogate")]
    Surrogate,
    /// Valid JSON, but not as RFC 8785 writes it.
    #[error("not the canonical form ({0})")]
    NotCanonical(&'static str),
}

impl JsonProblem {
    /// What to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Syntax(_) => "send one JSON document in UTF-8",
            Self::DuplicateKey => "send each key once",
            Self::IntegerRange => "send 64-bit values as strings",
            Self::NotFinite => "send it as a string",
            Self::Depth => "send a flatter document",
            Self::Utf8 => "encode text as UTF-8",
            Self::Surrogate => "send both halves of the pair",
            Self::NotCanonical(_) => "write it as RFC 8785 does",
        }
    }
}

/// Canonicalises raw JSON in one pass.
///
/// # Errors
/// [`JsonError`] names the place, the rule and a hint.
pub fn canonicalize(input: &[u8]) -> Result<CanonicalJson, JsonError> {
    let text = utf8(input)?;
    write::rewrite(text).map(|bytes| CanonicalJson(bytes.into())).map_err(|fault| fault.into_error())
}

/// Are the bytes exactly what [`canonicalize`] would make of them? No tree is built.
///
/// # Errors
/// [`JsonError`] names the first difference.
pub fn is_canonical(bytes: &[u8]) -> Result<(), JsonError> {
    check::check(utf8(bytes)?).map_err(|fault| fault.into_error())
}

/// The canonical form of a value.
///
/// # Errors
/// [`JsonError`] for an integer beyond 2^53-1 or nesting too deep.
pub fn to_canonical(value: &Value) -> Result<CanonicalJson, JsonError> {
    let mut out = Vec::with_capacity(256);
    value_into(value, &mut out)?;
    Ok(CanonicalJson(out.into()))
}

/// [`to_canonical`] into a buffer that is reused.
///
/// # Errors
/// As [`to_canonical`]; the buffer then holds a part.
pub fn value_into(value: &Value, out: &mut Vec<u8>) -> Result<(), JsonError> {
    value::write(value, 0, out).map_err(|fault| fault.into_error())
}

/// [`value_into`] for the members of an object.
///
/// # Errors
/// As [`to_canonical`]; the buffer then holds a part.
pub fn object_into(members: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), JsonError> {
    value::write_object(members, 0, out).map_err(|fault| fault.into_error())
}

/// Writes a string as RFC 8785 §3.2.2.2 does, with its quotation marks.
pub fn string_into(text: &str, out: &mut Vec<u8>) {
    string::write(text, out);
}

/// Checks the ingest rules, then reads into a [`Value`].
///
/// # Errors
/// [`JsonError`] names the place, the rule and a hint.
pub fn parse_checked(input: &[u8]) -> Result<Value, JsonError> {
    canonicalize(input)?;
    serde_json::from_slice(input).map_err(|error| JsonError {
        pointer: String::new(),
        offset: error.column(),
        problem: JsonProblem::Syntax("a value that cannot be read"),
    })
}

fn utf8(input: &[u8]) -> Result<&str, JsonError> {
    std::str::from_utf8(input).map_err(|error| JsonError {
        pointer: String::new(),
        offset: error.valid_up_to(),
        problem: JsonProblem::Utf8,
    })
}

#[cfg(test)]
mod tests;
