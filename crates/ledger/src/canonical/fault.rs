//! An error on its way up: each container adds its token, so that a sound document pays nothing for pointers.

use super::{JsonError, JsonProblem};

/// Boxed, so that the success path moves one word.
pub(super) type Checked<T> = Result<T, Box<Fault>>;

/// A broken rule and the path to it, innermost token first.
pub(super) struct Fault {
    problem: JsonProblem,
    offset: usize,
    path: Vec<String>,
}

/// Longer tokens are cut: an error message must not repeat a megabyte of key.
const TOKEN_CHARS_MAX: usize = 80;

impl Fault {
    pub(super) fn new(problem: JsonProblem, offset: usize) -> Box<Self> {
        Box::new(Self { problem, offset, path: Vec::new() })
    }

    /// Adds the index of the array element in which the fault lies.
    pub(super) fn at_index(mut self: Box<Self>, index: usize) -> Box<Self> {
        self.path.push(index.to_string());
        self
    }

    /// Adds the key of the member in which the fault lies.
    pub(super) fn at_key(mut self: Box<Self>, key: &str) -> Box<Self> {
        let cut: String = key.chars().take(TOKEN_CHARS_MAX).collect();
        self.path.push(cut.replace('~', "~0").replace('/', "~1"));
        self
    }

    /// Adds the key of a member, given as JSON with its quotation marks.
    pub(super) fn at_raw_key(self: Box<Self>, raw: &[u8]) -> Box<Self> {
        let key: String = serde_json::from_slice(raw).unwrap_or_default();
        self.at_key(&key)
    }

    pub(super) fn into_error(self) -> JsonError {
        let pointer = self.path.iter().rev().fold(String::new(), |pointer, token| pointer + "/" + token);
        JsonError { pointer, offset: self.offset, problem: self.problem }
    }
}
