//! Keys as bytes that sort as their cells do, so that every backend walks a table in the same order.

use std::fmt;

use uuid::Uuid;

use super::cell::Cell;

/// The cells of a key, encoded so that comparing bytes compares cells.
///
/// A tag for the kind, then: numbers with the sign bit flipped, big-endian; text with `00` written as `00 FF` and ended
/// by `00 00`; UUIDs as they are.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(Box<[u8]>);

impl RowKey {
    /// The key of these cells.
    pub fn of(cells: &[Cell]) -> Self {
        let mut bytes = Vec::with_capacity(cells.iter().map(size_hint).sum());
        for cell in cells {
            encode(cell, &mut bytes);
        }
        Self(bytes.into_boxed_slice())
    }

    /// The encoded cells.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the cells back; `None` only if the bytes did not come from cells.
    pub fn cells(&self) -> Option<Vec<Cell>> {
        let mut rest = &self.0[..];
        let mut cells = Vec::new();
        while !rest.is_empty() {
            cells.push(decode(&mut rest)?);
        }
        Some(cells)
    }

    /// From bytes that someone kept; `None`: they do not encode cells.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = Self(bytes.into());
        key.cells()?;
        Some(key)
    }

    /// Does a key begin with the cells of `prefix`?
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// The first key after all keys that begin with this one. Tags are at most 3, so an added `FF` lies above them.
    #[must_use]
    pub fn after_prefix(&self) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + 1);
        bytes.extend_from_slice(&self.0);
        bytes.push(0xFF);
        Self(bytes.into_boxed_slice())
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn size_hint(cell: &Cell) -> usize {
    match cell {
        Cell::Null => 1,
        Cell::Int(_) => 9,
        Cell::Text(text) => text.len() + 3,
        Cell::Uuid(_) => 17,
    }
}

fn encode(cell: &Cell, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.push(0),
        Cell::Int(n) => {
            out.push(1);
            out.extend_from_slice(&(n ^ i64::MIN).to_be_bytes());
        }
        Cell::Text(text) => {
            out.push(2);
            if text.as_bytes().contains(&0) {
                for &byte in text.as_bytes() {
                    out.push(byte);
                    if byte == 0 {
                        out.push(0xFF);
                    }
                }
            } else {
                out.extend_from_slice(text.as_bytes());
            }
            out.extend_from_slice(&[0, 0]);
        }
        Cell::Uuid(uuid) => {
            out.push(3);
            out.extend_from_slice(uuid.as_bytes());
        }
    }
}

fn decode(rest: &mut &[u8]) -> Option<Cell> {
    let (&tag, after) = rest.split_first()?;
    *rest = after;
    match tag {
        0 => Some(Cell::Null),
        1 => {
            let (number, after) = rest.split_first_chunk()?;
            *rest = after;
            Some(Cell::Int(i64::from_be_bytes(*number) ^ i64::MIN))
        }
        2 => decode_text(rest),
        3 => {
            let (uuid, after) = rest.split_first_chunk()?;
            *rest = after;
            Some(Cell::Uuid(Uuid::from_bytes(*uuid)))
        }
        _ => None,
    }
}

fn decode_text(rest: &mut &[u8]) -> Option<Cell> {
    let mut text = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        if byte != 0 {
            text.push(byte);
            continue;
        }
        let (&mark, after) = rest.split_first()?;
        *rest = after;
        match mark {
            0 => return Some(Cell::Text(String::from_utf8(text).ok()?.into())),
            0xFF => text.push(0),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Null),
            any::<i64>().prop_map(Cell::Int),
            (-3_i64..3).prop_map(Cell::Int),
            "[\u{0}\u{1}a\u{ff}]{0,3}".prop_map(Cell::text),
            any::<u128>().prop_map(|n| Cell::Uuid(Uuid::from_u128(n))),
        ]
    }

    proptest! {
        #[test]
        fn keys_sort_as_cells_do(a in prop::collection::vec(cell(), 2), b in prop::collection::vec(cell(), 2)) {
            prop_assert_eq!(RowKey::of(&a).cmp(&RowKey::of(&b)), a.cmp(&b));
        }

        #[test]
        fn cells_come_back(cells in prop::collection::vec(cell(), 0..4)) {
            prop_assert_eq!(RowKey::of(&cells).cells(), Some(cells));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(0_u8..5, 0..12)) {
            if let Some(key) = RowKey::from_bytes(&bytes) {
                prop_assert!(key.cells().is_some());
            }
        }

        #[test]
        fn a_prefix_holds_exactly_the_keys_that_begin_with_it(
            a in prop::collection::vec(cell(), 2), b in prop::collection::vec(cell(), 2)
        ) {
            let (prefix, key) = (RowKey::of(&a[..1]), RowKey::of(&b));
            let within = key >= prefix && key < prefix.after_prefix();
            prop_assert_eq!(within, a[0] == b[0]);
            prop_assert_eq!(key.starts_with(&prefix), within);
        }
    }
}
