//! Steps through JSON text: white space, punctuation, literals, and the plain run of a string.

use super::JsonProblem;
use super::fault::{Checked, Fault};

/// A place in the text.
pub(super) struct Scanner<'a> {
    pub(super) input: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { input: text.as_bytes(), at: 0 }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    #[inline]
    pub(super) fn take_if(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(super) fn fail<T>(&self, problem: JsonProblem) -> Checked<T> {
        Err(Fault::new(problem, self.at))
    }

    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Checked<()> {
        if self.take_if(byte) { Ok(()) } else { self.fail(JsonProblem::Syntax(what)) }
    }

    /// One of `true`, `false`, `null`, whose first letter is here.
    pub(super) fn literal(&mut self) -> Checked<&'static [u8]> {
        for word in [&b"true"[..], b"false", b"null"] {
            if self.input[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(word);
            }
        }
        self.fail(JsonProblem::Syntax("a value must stand here"))
    }

    /// The number that starts here and whether it is an integer literal.
    pub(super) fn number(&mut self) -> Checked<(&'a [u8], bool)> {
        let rest = &self.input[self.at..];
        match super::number::scan(rest) {
            Ok((length, integer)) => {
                self.at += length;
                Ok((&rest[..length], integer))
            }
            Err(problem) => self.fail(problem),
        }
    }

    /// Skips to the next quotation mark, backslash or control character.
    #[inline]
    pub(super) fn plain_run(&mut self) -> &'a [u8] {
        let start = self.at;
        self.at += super::string::plain_length(&self.input[start..]);
        &self.input[start..self.at]
    }
}
