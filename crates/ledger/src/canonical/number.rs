//! Numbers: the grammar of RFC 8259 §6, the ingest rules, and ECMAScript's spelling (RFC 8785 §3.2.2.3).

use super::{INTEGER_MAX, JsonProblem};

/// A number's spelling is not the canonical one, or it breaks a rule.
pub(super) type Numbered<T> = Result<T, JsonProblem>;

/// The number at the start of `text`: its length, and whether it is an integer literal.
pub(super) fn scan(text: &[u8]) -> Numbered<(usize, bool)> {
    let sign = usize::from(text.first() == Some(&b'-'));
    let whole = digits(&text[sign..]);
    let mut at = sign + whole;
    if whole == 0 {
        return Err(JsonProblem::Syntax("a digit must follow"));
    }
    if whole > 1 && text[sign] == b'0' {
        return Err(JsonProblem::Syntax("a number has no leading zero"));
    }
    let mut integer = true;
    if text.get(at) == Some(&b'.') {
        let fraction = digits(&text[at + 1..]);
        if fraction == 0 {
            return Err(JsonProblem::Syntax("a digit must follow the point"));
        }
        integer = false;
        at += 1 + fraction;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(&text[at + 1 + sign..]);
        if exponent == 0 {
            return Err(JsonProblem::Syntax("a digit must follow the exponent"));
        }
        integer = false;
        at += 1 + sign + exponent;
    }
    Ok((at, integer))
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Writes a scanned number in its canonical form.
pub(super) fn write(literal: &[u8], integer: bool, out: &mut Vec<u8>) -> Numbered<()> {
    if !integer {
        return write_double(double(literal)?, out);
    }
    if literal == b"-0" {
        out.push(b'0');
        return Ok(());
    }
    check_integer(literal)?;
    out.extend_from_slice(literal);
    Ok(())
}

/// Is a scanned number spelled canonically?
pub(super) fn check(literal: &[u8], integer: bool) -> Numbered<()> {
    if integer {
        if literal == b"-0" {
            return Err(JsonProblem::NotCanonical("negative zero"));
        }
        return check_integer(literal);
    }
    let mut spelled = Vec::with_capacity(32);
    write_double(double(literal)?, &mut spelled)?;
    if spelled == literal { Ok(()) } else { Err(JsonProblem::NotCanonical("spelling of a number")) }
}

fn check_integer(literal: &[u8]) -> Numbered<()> {
    let digits = literal.strip_prefix(b"-").unwrap_or(literal);
    // 2^53-1 has 16 digits: fewer fit, more do not, and 16 fit a u64.
    if digits.len() < 16 {
        return Ok(());
    }
    let value = digits.iter().fold(0_u64, |n, d| n.saturating_mul(10).saturating_add(u64::from(d - b'0')));
    if digits.len() > 16 || value > INTEGER_MAX { Err(JsonProblem::IntegerRange) } else { Ok(()) }
}

fn double(literal: &[u8]) -> Numbered<f64> {
    let text = std::str::from_utf8(literal).map_err(|_| JsonProblem::Utf8)?;
    let value: f64 = text.parse().map_err(|_| JsonProblem::Syntax("a number that cannot be read"))?;
    if value.is_finite() { Ok(value) } else { Err(JsonProblem::NotFinite) }
}

/// Writes a double under the ingest rules: a value that would be spelled as an integer beyond 2^53-1 is refused,
/// else the canonical form would break the rule that its source kept.
pub(super) fn write_double(value: f64, out: &mut Vec<u8>) -> Numbered<()> {
    #[expect(clippy::cast_precision_loss, reason = "2^53-1 is exact in a double")]
    let limit = INTEGER_MAX as f64;
    if value.abs() > limit && value.abs() < 1e21 {
        return Err(JsonProblem::IntegerRange);
    }
    spell(value, out);
    Ok(())
}

/// `Number::toString` of ECMAScript (ECMA-262 §6.1.6.1.20) for a finite double.
pub(super) fn spell(value: f64, out: &mut Vec<u8>) {
    if value == 0.0 {
        out.push(b'0');
        return;
    }
    if value < 0.0 {
        out.push(b'-');
    }
    // serde_json gives the shortest digits that read back as the same double, the closest of them, the even one of
    // two: ECMAScript's choice. The standard library's `{:e}` breaks the last tie the other way.
    let mut spelled = Vec::with_capacity(32);
    if serde_json::to_writer(&mut spelled, &value.abs()).is_err() {
        unreachable!("a finite double is written into memory");
    }
    let (digits, point) = decimal(&spelled);
    place(&digits, point, out);
}

/// Takes `123.45e-6` apart into its significant digits and where the point stands among them.
fn decimal(spelled: &[u8]) -> (Vec<u8>, i32) {
    let split = spelled.iter().position(|byte| *byte == b'e').unwrap_or(spelled.len());
    let exponent: i32 = spelled
        .get(split + 1..)
        .and_then(|text| std::str::from_utf8(text).ok()?.trim_start_matches('+').parse().ok())
        .unwrap_or(0);
    let mantissa = &spelled[..split];
    let whole = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(|byte| *byte != b'.').collect();
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.drain(..zeros);
    digits.truncate(digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1));
    let point = i32::try_from(whole).unwrap_or(0) - i32::try_from(zeros).unwrap_or(0) + exponent;
    (digits, point)
}

/// Places the point: `digits` × 10^(point - count), the cases of the specification in its order.
fn place(digits: &[u8], point: i32, out: &mut Vec<u8>) {
    let count = digits.len();
    let zeros = |many: usize, out: &mut Vec<u8>| out.resize(out.len() + many, b'0');
    match usize::try_from(point) {
        Ok(point) if (1..=21).contains(&point) => {
            let whole = count.min(point);
            out.extend_from_slice(&digits[..whole]);
            zeros(point - whole, out);
            if count > point {
                out.push(b'.');
                out.extend_from_slice(&digits[point..]);
            }
        }
        _ if (-5..=0).contains(&point) => {
            out.extend_from_slice(b"0.");
            zeros(point.unsigned_abs() as usize, out);
            out.extend_from_slice(digits);
        }
        _ => {
            out.push(digits[0]);
            if count > 1 {
                out.push(b'.');
                out.extend_from_slice(&digits[1..]);
            }
            out.extend_from_slice(if point > 0 { b"e+" } else { b"e-" });
            out.extend_from_slice((point - 1).unsigned_abs().to_string().as_bytes());
        }
    }
}
