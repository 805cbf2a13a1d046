//! Keys as bytes that sort as their cells do, so that every backend walks a table in the same order.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use uuid::Uuid;

use super::cell::Cell;
use super::text::Text;

/// The cells of a key, encoded so that comparing bytes compares cells.
///
/// A tag for the kind, then: numbers with the sign bit flipped, big-endian; text with `00` written as `00 FF` and ended
/// by `00 00`; UUIDs as they are.
#[derive(Clone)]
pub struct RowKey(Repr);

/// Longest key that is kept in place: a number, a UUID, most pairs of short texts.
const INLINE_BYTES: usize = 30;

#[derive(Clone)]
enum Repr {
    Inline { length: u8, bytes: [u8; INLINE_BYTES] },
    Boxed(Box<[u8]>),
}

impl PartialEq for RowKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for RowKey {}

impl PartialOrd for RowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for RowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl RowKey {
    /// The key of these cells.
    pub fn of(cells: &[Cell]) -> Self {
        Self::of_parts(cells.iter().map(size).sum(), |mut put| {
            cells.iter().for_each(|cell| encode(cell, &mut put));
        })
    }

    /// A key of `size` bytes, which `fill` puts in.
    fn of_parts(size: usize, fill: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Self {
        if size > INLINE_BYTES {
            let mut bytes = Vec::with_capacity(size);
            fill(&mut |part| bytes.extend_from_slice(part));
            return Self(Repr::Boxed(bytes.into_boxed_slice()));
        }
        let mut bytes = [0; INLINE_BYTES];
        let mut end = 0;
        fill(&mut |part| {
            bytes[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        });
        Self(Repr::Inline { length: u8::try_from(end).expect("at most 30 bytes are kept in place"), bytes })
    }

    /// The encoded cells.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Repr::Boxed(bytes) => bytes,
        }
    }

    /// Reads the cells back; `None` only if the bytes did not come from cells.
    pub fn cells(&self) -> Option<Vec<Cell>> {
        let mut rest = self.as_bytes();
        let mut cells = Vec::new();
        while !rest.is_empty() {
            cells.push(decode(&mut rest)?);
        }
        Some(cells)
    }

    /// From bytes that someone kept; `None`: they do not encode cells.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key = Self::of_parts(bytes.len(), |put| put(bytes));
        key.cells()?;
        Some(key)
    }

    /// Does a key begin with the cells of `prefix`?
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.as_bytes().starts_with(prefix.as_bytes())
    }

    /// The first key after all keys that begin with this one. Tags are at most 3, so an added `FF` lies above them.
    #[must_use]
    pub fn after_prefix(&self) -> Self {
        Self::of_parts(self.as_bytes().len() + 1, |put| {
            put(self.as_bytes());
            put(&[0xFF]);
        })
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The exact size of an encoded cell.
fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null => 1,
        Cell::Int(_) => 9,
        Cell::Text(text) => {
            text.as_bytes().iter().filter(|byte| **byte == 0).count() + text.as_bytes().len() + 3
        }
        Cell::Uuid(_) => 17,
    }
}

fn encode(cell: &Cell, mut put: impl FnMut(&[u8])) {
    match cell {
        Cell::Null => put(&[0]),
        Cell::Int(n) => {
            put(&[1]);
            put(&(n ^ i64::MIN).to_be_bytes());
        }
        Cell::Text(text) => {
            put(&[2]);
            let mut parts = text.as_bytes().split(|byte| *byte == 0);
            put(parts.next().unwrap_or_default());
            for part in parts {
                put(&[0, 0xFF]);
                put(part);
            }
            put(&[0, 0]);
        }
        Cell::Uuid(uuid) => {
            put(&[3]);
            put(uuid.as_bytes());
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
            0 => return Some(Cell::Text(Text::from(String::from_utf8(text).ok()?))),
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
