//! Writes a [`Value`] canonically.

use serde_json::{Map, Number, Value};

use super::fault::{Checked, Fault};
use super::{DEPTH_MAX, INTEGER_MAX, JsonProblem, number, order, string};

pub(super) fn write(value: &Value, depth: usize, out: &mut Vec<u8>) -> Checked<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            write_number(number, out).map_err(|problem| Fault::new(problem, out.len()))?;
        }
        Value::String(text) => string::write(text, out),
        Value::Array(items) => {
            check_depth(depth, out)?;
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, depth + 1, out).map_err(|fault| fault.at_index(index))?;
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(members, depth, out)?,
    }
    Ok(())
}

fn check_depth(depth: usize, out: &[u8]) -> Checked<()> {
    if depth == DEPTH_MAX { Err(Fault::new(JsonProblem::Depth, out.len())) } else { Ok(()) }
}

pub(super) fn write_object(members: &Map<String, Value>, depth: usize, out: &mut Vec<u8>) -> Checked<()> {
    check_depth(depth, out)?;
    let before = |a: &String, b: &String| order::compare(a.as_bytes(), b.as_bytes());
    if members.keys().is_sorted_by(|a, b| before(a, b).is_lt()) {
        return write_members(members.iter(), depth, out);
    }
    // A map of strings sorts by bytes, and by insertion if a dependency switches that feature on.
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by(|a, b| before(a.0, b.0));
    write_members(sorted.into_iter(), depth, out)
}

fn write_members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Checked<()> {
    out.push(b'{');
    for (n, (key, value)) in members.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        string::write(key, out);
        out.push(b':');
        write(value, depth + 1, out).map_err(|fault| fault.at_key(key))?;
    }
    out.push(b'}');
    Ok(())
}

fn write_number(value: &Number, out: &mut Vec<u8>) -> Result<(), JsonProblem> {
    let magnitude = value.as_u64().or_else(|| value.as_i64().map(i64::unsigned_abs));
    match (magnitude, value.as_f64()) {
        (Some(magnitude), _) if magnitude > INTEGER_MAX => Err(JsonProblem::IntegerRange),
        (Some(magnitude), _) => {
            if value.as_u64().is_none() {
                out.push(b'-');
            }
            out.extend_from_slice(magnitude.to_string().as_bytes());
            Ok(())
        }
        (None, Some(double)) if double.is_finite() => number::write_double(double, out),
        _ => Err(JsonProblem::NotFinite),
    }
}
