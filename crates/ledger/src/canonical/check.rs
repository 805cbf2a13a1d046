//! The checker: is this already canonical? It builds nothing; keys are compared where they stand.

use super::fault::{Checked, Fault};
use super::scan::Scanner;
use super::{DEPTH_MAX, JsonProblem, number, order, string};

/// Accepts exactly what the rewriter would leave as it is.
pub(super) fn check(text: &str) -> Checked<()> {
    let mut scanner = Scanner::new(text);
    value(&mut scanner, 0)?;
    if scanner.at == text.len() { Ok(()) } else { unexpected(&scanner, "nothing may follow the document") }
}

/// White space is valid JSON, but not canonical: say which of the two it is.
fn unexpected<T>(scanner: &Scanner<'_>, what: &'static str) -> Checked<T> {
    match scanner.peek() {
        Some(b' ' | b'\t' | b'\n' | b'\r') => scanner.fail(JsonProblem::NotCanonical("white space")),
        _ => scanner.fail(JsonProblem::Syntax(what)),
    }
}

fn expect(scanner: &mut Scanner<'_>, byte: u8, what: &'static str) -> Checked<()> {
    if scanner.take_if(byte) { Ok(()) } else { unexpected(scanner, what) }
}

fn value(scanner: &mut Scanner<'_>, depth: usize) -> Checked<()> {
    match scanner.peek() {
        Some(b'"') => skip_string(scanner).map(drop),
        Some(b'{') => object(scanner, depth),
        Some(b'[') => array(scanner, depth),
        Some(b'-' | b'0'..=b'9') => {
            let start = scanner.at;
            let (literal, integer) = scanner.number()?;
            number::check(literal, integer).map_err(|problem| Fault::new(problem, start))
        }
        Some(b't' | b'f' | b'n') => scanner.literal().map(drop),
        _ => unexpected(scanner, "a value must stand here"),
    }
}

/// Steps over a string; gives where it stands with its quotation marks, and whether it has escapes.
fn skip_string(scanner: &mut Scanner<'_>) -> Checked<(usize, usize, bool)> {
    let start = scanner.at;
    let mut escapes = false;
    scanner.at += 1;
    loop {
        scanner.plain_run();
        match scanner.peek() {
            Some(b'"') => break,
            Some(b'\\') => {
                escapes = true;
                string::check_escape(scanner)?;
            }
            Some(_) => return scanner.fail(JsonProblem::Syntax("a control character in a string")),
            None => return scanner.fail(JsonProblem::Syntax("a string does not end")),
        }
    }
    scanner.at += 1;
    Ok((start, scanner.at, escapes))
}

fn enter(scanner: &mut Scanner<'_>, depth: usize) -> Checked<()> {
    if depth == DEPTH_MAX {
        return scanner.fail(JsonProblem::Depth);
    }
    scanner.at += 1;
    Ok(())
}

fn array(scanner: &mut Scanner<'_>, depth: usize) -> Checked<()> {
    enter(scanner, depth)?;
    if scanner.take_if(b']') {
        return Ok(());
    }
    for index in 0.. {
        value(scanner, depth + 1).map_err(|fault| fault.at_index(index))?;
        if !scanner.take_if(b',') {
            break;
        }
    }
    expect(scanner, b']', "a comma or a closing bracket must follow")
}

fn object(scanner: &mut Scanner<'_>, depth: usize) -> Checked<()> {
    enter(scanner, depth)?;
    if scanner.take_if(b'}') {
        return Ok(());
    }
    let mut before: Option<(usize, usize, bool)> = None;
    loop {
        if scanner.peek() != Some(b'"') {
            return unexpected(scanner, "a key must stand here");
        }
        let key = skip_string(scanner)?;
        let input = scanner.input;
        if let Some(before) = before {
            follows(input, before, key)?;
        }
        before = Some(key);
        let inside =
            expect(scanner, b':', "a colon must follow the key").and_then(|()| value(scanner, depth + 1));
        inside.map_err(|fault| fault.at_raw_key(&input[key.0..key.1]))?;
        if !scanner.take_if(b',') {
            break;
        }
    }
    expect(scanner, b'}', "a comma or a closing brace must follow")
}

fn follows(input: &[u8], before: (usize, usize, bool), key: (usize, usize, bool)) -> Checked<()> {
    let (a, b) = (&input[before.0 + 1..before.1 - 1], &input[key.0 + 1..key.1 - 1]);
    let compare = if before.2 || key.2 { order::compare_escaped } else { order::compare };
    let problem = match compare(a, b) {
        std::cmp::Ordering::Less => return Ok(()),
        std::cmp::Ordering::Equal => JsonProblem::DuplicateKey,
        std::cmp::Ordering::Greater => JsonProblem::NotCanonical("order of keys"),
    };
    Err(Fault::new(problem, key.0).at_raw_key(&input[key.0..key.1]))
}
