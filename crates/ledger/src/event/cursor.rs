//! Steps through a header whose members stand in canonical order.

use std::borrow::Cow;

use super::EventError;

/// The members of a header in canonical order.
pub(super) const MEMBERS: [&str; 15] = [
    "_sd",
    "actor",
    "cause",
    "cmd",
    "correlation",
    "data",
    "id",
    "kid",
    "prev",
    "seq",
    "stream",
    "tenant",
    "time",
    "type",
    "v",
];

pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    first: bool,
}

pub(super) type Read<T> = Result<T, EventError>;

pub(super) const fn broken(member: &'static str, rule: &'static str) -> EventError {
    EventError::Member { member, rule }
}

impl<'a> Cursor<'a> {
    /// Enters the object that `bytes` are.
    pub(super) fn enter(bytes: &'a [u8]) -> Option<Self> {
        Some(Self { rest: bytes.strip_prefix(b"{")?, first: true })
    }

    /// Leaves the object: gives what follows it.
    pub(super) fn leave(self) -> Result<&'a [u8], Self> {
        if let Some(rest) = self.rest.strip_prefix(b"}") { Ok(rest) } else { Err(self) }
    }

    /// Steps over `"name":` if that member is next.
    pub(super) fn take(&mut self, name: &str) -> bool {
        let after = self
            .separated()
            .and_then(|rest| rest.strip_prefix(b"\"")?.strip_prefix(name.as_bytes())?.strip_prefix(b"\":"));
        if let Some(after) = after {
            (self.rest, self.first) = (after, false);
        }
        after.is_some()
    }

    fn separated(&self) -> Option<&'a [u8]> {
        if self.first { Some(self.rest) } else { self.rest.strip_prefix(b",") }
    }

    /// As [`Self::take`] for a member that must be there; an unknown one in its place is named.
    pub(super) fn require(&mut self, name: &'static str) -> Read<()> {
        if self.take(name) { Ok(()) } else { Err(self.stranger().unwrap_or(broken(name, "is missing"))) }
    }

    /// The error for the member that is next, if the format does not know it.
    pub(super) fn stranger(&self) -> Option<EventError> {
        let rest = self.separated()?.strip_prefix(b"\"")?;
        let name = String::from_utf8_lossy(&rest[..string_end(rest)?]).into_owned();
        if MEMBERS.contains(&name.as_str()) {
            return None;
        }
        Some(EventError::UnknownMember(name.chars().take(80).collect()))
    }

    /// A string without escapes.
    pub(super) fn plain(&mut self, member: &'static str) -> Read<&'a str> {
        match self.text(member)? {
            Cow::Borrowed(text) => Ok(text),
            Cow::Owned(_) => Err(broken(member, "has characters that it must not have")),
        }
    }

    /// A string.
    pub(super) fn text(&mut self, member: &'static str) -> Read<Cow<'a, str>> {
        let rest = self.rest.strip_prefix(b"\"").ok_or(broken(member, "must be a string"))?;
        let end = string_end(rest).ok_or(broken(member, "does not end"))?;
        let (raw, quoted) = (&rest[..end], &self.rest[..end + 2]);
        self.rest = &rest[end + 1..];
        if raw.contains(&b'\\') {
            let text = serde_json::from_slice(quoted).map_err(|_| broken(member, "must be a string"))?;
            return Ok(Cow::Owned(text));
        }
        std::str::from_utf8(raw).map(Cow::Borrowed).map_err(|_| broken(member, "must be UTF-8"))
    }

    /// A whole number.
    pub(super) fn number(&mut self, member: &'static str) -> Read<u64> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.rest.split_at(digits);
        let canonical = digits == 1 || (digits > 1 && digits <= 16 && number[0] != b'0');
        let value =
            number.iter().fold(0_u64, |n, digit| n * 10 + u64::from(digit - b'0') * u64::from(canonical));
        if !canonical || value > crate::canonical::INTEGER_MAX {
            return Err(broken(member, "must be a whole number up to 2^53-1"));
        }
        self.rest = rest;
        Ok(value)
    }

    /// The bytes of an object.
    pub(super) fn object(&mut self, member: &'static str) -> Read<&'a [u8]> {
        let end = object_end(self.rest).ok_or(broken(member, "must be an object"))?;
        let (object, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(object)
    }

    /// An object inside, entered; [`Self::resume`] goes on behind it.
    pub(super) fn nested(&self, member: &'static str) -> Read<Self> {
        Self::enter(self.rest).ok_or(broken(member, "must be an object"))
    }

    /// Goes on at `rest`, behind a nested object.
    pub(super) fn resume(&mut self, rest: &'a [u8]) {
        self.rest = rest;
    }

    /// Steps over one byte if it is next.
    pub(super) fn byte(&mut self, byte: u8) -> bool {
        let rest = self.rest.strip_prefix(&[byte]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

/// Where the string ends whose opening quotation mark is already behind.
fn string_end(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match rest.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Where the object ends that starts here: braces counted outside of strings.
fn object_end(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'{') {
        return None;
    }
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match rest.get(at)? {
            b'"' => at += 1 + string_end(&rest[at + 1..])?,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}
