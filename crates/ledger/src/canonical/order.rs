//! The order of keys: by UTF-16 code units (RFC 8785 §3.2.3).

use std::cmp::Ordering;

/// Compares two unescaped keys.
///
/// UTF-8 and UTF-16 order differ in one place: a character beyond U+FFFF is a surrogate pair, which sorts
/// before U+E000..U+FFFF, but its UTF-8 lead byte (F0..F4) sorts after theirs (EE, EF). Where both texts are
/// equal up to a byte and that byte differs, it is a lead byte in both or a continuation byte in both.
pub(super) fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    match (a.get(same), b.get(same)) {
        (Some(x), Some(y)) if *x >= 0xEE && *y >= 0xEE && (*x >= 0xF0) != (*y >= 0xF0) => y.cmp(x),
        (x, y) => x.cmp(&y),
    }
}

/// Compares two keys written as canonical JSON, without their quotation marks.
pub(super) fn compare_escaped(a: &[u8], b: &[u8]) -> Ordering {
    if a.contains(&b'\\') || b.contains(&b'\\') { compare(&unescape(a), &unescape(b)) } else { compare(a, b) }
}

/// Undoes the escapes of a string that is known to be well formed.
fn unescape(key: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(key.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(key);
    quoted.push(b'"');
    serde_json::from_slice::<String>(&quoted).unwrap_or_default().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_that_of_utf16_code_units(
            a in "[a\u{7f}é\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}]{0,4}",
            b in "[a\u{7f}é\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}]{0,4}",
        ) {
            let (wide_a, wide_b): (Vec<u16>, Vec<u16>) = (a.encode_utf16().collect(), b.encode_utf16().collect());
            prop_assert_eq!(compare(a.as_bytes(), b.as_bytes()), wide_a.cmp(&wide_b));
        }
    }
}
