//! Strings: their escapes read, and written as RFC 8785 §3.2.2.2 asks.

use super::JsonProblem;
use super::fault::Checked;
use super::scan::Scanner;

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Bytes before the first quotation mark, backslash or control character, eight at a time.
#[inline]
pub(super) fn plain_length(text: &[u8]) -> usize {
    let mut at = 0;
    for chunk in text.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("chunks of eight bytes"));
        let zero_in = |masked: u64| masked.wrapping_sub(ONES) & !masked & HIGHS;
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special =
            control | zero_in(word ^ (ONES * u64::from(b'"'))) | zero_in(word ^ (ONES * u64::from(b'\\')));
        if special != 0 {
            // The lowest set bit is exact; borrows can only reach bytes above it.
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + text[at..].iter().take_while(|byte| is_plain(**byte)).count()
}

const fn is_plain(byte: u8) -> bool {
    byte >= 0x20 && byte != b'"' && byte != b'\\'
}

/// Writes `text` with its quotation marks.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_length(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some(special) = rest.get(plain) else { break };
        escape(*special, out);
        rest = &rest[plain + 1..];
    }
    out.push(b'"');
}

/// Writes the one canonical escape of a quotation mark, a backslash or a control character.
fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        0x08 => out.extend_from_slice(b"\\b"),
        0x09 => out.extend_from_slice(b"\\t"),
        0x0A => out.extend_from_slice(b"\\n"),
        0x0C => out.extend_from_slice(b"\\f"),
        0x0D => out.extend_from_slice(b"\\r"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Reads one escape (the backslash is here) and writes the character canonically.
pub(super) fn rewrite_escape(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Checked<()> {
    let character = read_escape(scanner)?;
    match u8::try_from(character) {
        Ok(byte) if byte < 0x80 && !is_plain(byte) => escape(byte, out),
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
    Ok(())
}

/// Is the escape that stands here the canonical one of its character?
pub(super) fn check_escape(scanner: &mut Scanner<'_>) -> Checked<()> {
    let start = scanner.at;
    let mut spelled = Vec::with_capacity(8);
    rewrite_escape(scanner, &mut spelled)?;
    if scanner.input[start..scanner.at] == spelled {
        return Ok(());
    }
    scanner.at = start;
    scanner.fail(JsonProblem::NotCanonical("escape"))
}

fn read_escape(scanner: &mut Scanner<'_>) -> Checked<char> {
    let letter = scanner.input.get(scanner.at + 1).copied();
    let simple = match letter {
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return read_unicode(scanner),
        _ => return scanner.fail(JsonProblem::Syntax("an unknown escape")),
    };
    scanner.at += 2;
    Ok(simple)
}

fn read_unicode(scanner: &mut Scanner<'_>) -> Checked<char> {
    let first = unit(scanner)?;
    if !(0xD800..0xE000).contains(&first) {
        scanner.at += 6;
        return char::from_u32(first).map_or_else(|| scanner.fail(JsonProblem::Surrogate), Ok);
    }
    let pair = first < 0xDC00 && scanner.input[scanner.at + 6..].starts_with(b"\\u");
    if !pair {
        return scanner.fail(JsonProblem::Surrogate);
    }
    scanner.at += 6;
    let second = unit(scanner)?;
    if !(0xDC00..0xE000).contains(&second) {
        return scanner.fail(JsonProblem::Surrogate);
    }
    scanner.at += 6;
    let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    char::from_u32(code).map_or_else(|| scanner.fail(JsonProblem::Surrogate), Ok)
}

/// The four hex digits of the `\uXXXX` that stands here.
fn unit(scanner: &Scanner<'_>) -> Checked<u32> {
    let digits = scanner.input.get(scanner.at + 2..scanner.at + 6);
    let value = digits.and_then(|digits| {
        digits.iter().try_fold(0, |n, digit| char::from(*digit).to_digit(16).map(|d| n << 4 | d))
    });
    value.map_or_else(|| scanner.fail(JsonProblem::Syntax("four hex digits must follow")), Ok)
}
