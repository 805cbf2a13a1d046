//! The rewriter: reads raw JSON and writes its canonical form in the same pass.
//!
//! Members are written as they come; only an object whose keys came out of order is copied once more.

use super::fault::{Checked, Fault};
use super::scan::Scanner;
use super::{DEPTH_MAX, JsonProblem, number, order, string};

/// Where a member of an open object stands in the output.
#[derive(Clone, Copy)]
struct Member {
    start: usize,
    key_end: usize,
    end: usize,
    /// The key has escapes: it must be undone before it is compared.
    escaped: bool,
}

impl Member {
    /// The key without its quotation marks, in a text that begins at `base`.
    fn key<'t>(&self, text: &'t [u8], base: usize) -> &'t [u8] {
        &text[self.start + 1 - base..self.key_end - 1 - base]
    }

    fn compare(&self, other: &Self, text: &[u8], base: usize) -> std::cmp::Ordering {
        let compare = if self.escaped || other.escaped { order::compare_escaped } else { order::compare };
        compare(self.key(text, base), other.key(text, base))
    }
}

struct Rewriter<'a> {
    scanner: Scanner<'a>,
    out: Vec<u8>,
    /// The members of all open objects, a stack: one allocation for the whole document.
    members: Vec<Member>,
    /// Where the members of an object are kept while they are put in order.
    scratch: Vec<u8>,
}

/// The canonical form of a document.
pub(super) fn rewrite(text: &str) -> Checked<Vec<u8>> {
    let out = Vec::with_capacity(text.len());
    let members = Vec::with_capacity(32);
    let mut rewriter = Rewriter { scanner: Scanner::new(text), out, members, scratch: Vec::new() };
    rewriter.value(0)?;
    rewriter.scanner.skip_space();
    if rewriter.scanner.at < text.len() {
        return rewriter.scanner.fail(JsonProblem::Syntax("nothing may follow the document"));
    }
    Ok(rewriter.out)
}

impl Rewriter<'_> {
    fn value(&mut self, depth: usize) -> Checked<()> {
        self.scanner.skip_space();
        match self.scanner.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let word = self.scanner.literal()?;
                self.out.extend_from_slice(word);
                Ok(())
            }
        }
    }

    fn number(&mut self) -> Checked<()> {
        let start = self.scanner.at;
        let (literal, integer) = self.scanner.number()?;
        number::write(literal, integer, &mut self.out).map_err(|problem| Fault::new(problem, start))
    }

    /// Writes a string; says whether its canonical form has escapes.
    fn string(&mut self) -> Checked<bool> {
        let mut escaped = false;
        self.scanner.at += 1;
        self.out.push(b'"');
        loop {
            let plain = self.scanner.plain_run();
            self.out.extend_from_slice(plain);
            match self.scanner.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    string::rewrite_escape(&mut self.scanner, &mut self.out)?;
                    escaped = true;
                }
                Some(_) => return self.scanner.fail(JsonProblem::Syntax("a control character in a string")),
                None => return self.scanner.fail(JsonProblem::Syntax("a string does not end")),
            }
        }
        self.scanner.at += 1;
        self.out.push(b'"');
        Ok(escaped)
    }

    fn open(&mut self, depth: usize, bracket: u8) -> Checked<()> {
        if depth == DEPTH_MAX {
            return self.scanner.fail(JsonProblem::Depth);
        }
        self.scanner.at += 1;
        self.out.push(bracket);
        self.scanner.skip_space();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Checked<()> {
        self.open(depth, b'[')?;
        if !self.scanner.take_if(b']') {
            for index in 0.. {
                self.value(depth + 1).map_err(|fault| fault.at_index(index))?;
                self.scanner.skip_space();
                if !self.scanner.take_if(b',') {
                    break;
                }
                self.out.push(b',');
            }
            self.scanner.expect(b']', "a comma or a closing bracket must follow")?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Checked<()> {
        let (start, first) = (self.out.len(), self.members.len());
        self.open(depth, b'{')?;
        let mut sorted = true;
        if !self.scanner.take_if(b'}') {
            loop {
                sorted &= self.member(first, depth)?;
                self.scanner.skip_space();
                if !self.scanner.take_if(b',') {
                    break;
                }
                self.out.push(b',');
            }
            self.scanner.expect(b'}', "a comma or a closing brace must follow")?;
        }
        if !sorted {
            self.sort(start, first)?;
        }
        self.members.truncate(first);
        self.out.push(b'}');
        Ok(())
    }

    /// Writes one member; says whether its key follows the one before it.
    fn member(&mut self, first: usize, depth: usize) -> Checked<bool> {
        self.scanner.skip_space();
        if self.scanner.peek() != Some(b'"') {
            return self.scanner.fail(JsonProblem::Syntax("a key must stand here"));
        }
        let start = self.out.len();
        let escaped = self.string()?;
        let mut member = Member { start, key_end: self.out.len(), end: 0, escaped };
        let before = self.members[first..].last();
        let follows = before.is_none_or(|before| before.compare(&member, &self.out, 0).is_lt());
        self.scanner.skip_space();
        self.scanner.expect(b':', "a colon must follow the key")?;
        self.out.push(b':');
        if let Err(fault) = self.value(depth + 1) {
            return Err(fault.at_raw_key(&self.out[member.start..member.key_end]));
        }
        member.end = self.out.len();
        self.members.push(member);
        Ok(follows)
    }

    /// Puts the members of the object that starts at `start` in order.
    fn sort(&mut self, start: usize, first: usize) -> Checked<()> {
        let base = start + 1;
        self.scratch.clear();
        self.scratch.extend_from_slice(&self.out[base..]);
        self.out.truncate(base);
        let (members, source) = (&mut self.members[first..], &self.scratch);
        members.sort_unstable_by(|a, b| a.compare(b, source, base));
        for (n, member) in members.iter().enumerate() {
            if n > 0 {
                if members[n - 1].key(source, base) == member.key(source, base) {
                    let raw = &source[member.start - base..member.key_end - base];
                    return Err(Fault::new(JsonProblem::DuplicateKey, self.scanner.at).at_raw_key(raw));
                }
                self.out.push(b',');
            }
            self.out.extend_from_slice(&source[member.start - base..member.end - base]);
        }
        Ok(())
    }
}
