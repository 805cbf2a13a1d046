//! The values of read-model rows.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use uuid::Uuid;

use super::text::Text;
use crate::ids::{CommandId, EventId, StreamId, SubjectId, TenantId};
use crate::time::Timestamp;

/// One value of a row. The order of the variants is the order in which they sort.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Null,
    /// A number, a truth value (0 or 1) or a time (microseconds since the epoch).
    Int(i64),
    /// Text, compared byte by byte.
    Text(Text),
    /// A UUID in its canonical spelling, kept as 16 bytes.
    Uuid(Uuid),
}

impl Cell {
    /// An identifier: as 16 bytes if it is a UUID in canonical spelling (lower case, hyphens), else as text.
    /// One identifier has one cell, so cells compare as identifiers do.
    pub fn id(text: &str) -> Self {
        canonical_uuid(text).map_or_else(|| Self::Text(Text::new(text)), Self::Uuid)
    }

    /// This value as its type stands in cells.
    pub fn of(value: &impl CellType) -> Self {
        value.to_cell()
    }

    /// Text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(Text::new(text.as_ref()))
    }

    /// A time.
    pub const fn time(time: Timestamp) -> Self {
        Self::Int(time.micros())
    }

    /// Is there nothing?
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number, if it is one.
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The text, if it is one (a UUID is not: see [`Display`](fmt::Display)).
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads only the one spelling that [`Uuid`] writes, so that text and bytes stand for each other.
fn canonical_uuid(text: &str) -> Option<Uuid> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut value: u128 = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let digit = match (at, byte) {
            (8 | 13 | 18 | 23, b'-') => continue,
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => byte - b'0',
            (_, b'a'..=b'f') => byte - b'a' + 10,
            _ => return None,
        };
        value = (value << 4) | u128::from(digit);
    }
    Some(Uuid::from_u128(value))
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Int(n) => n.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Uuid(uuid) => uuid.hyphenated().fmt(f),
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Text(text) => text.fmt(f),
            other => other.fmt_display(f),
        }
    }
}

impl Cell {
    fn fmt_display(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A type that a column's values have in a typed row.
pub trait CellType: Sized {
    /// As a cell.
    fn to_cell(&self) -> Cell;
    /// From a cell; `None`: the cell holds something else.
    fn from_cell(cell: &Cell) -> Option<Self>;
}

impl CellType for Cell {
    fn to_cell(&self) -> Cell {
        self.clone()
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        Some(cell.clone())
    }
}

impl CellType for i64 {
    fn to_cell(&self) -> Cell {
        Cell::Int(*self)
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        cell.as_int()
    }
}

impl CellType for u64 {
    /// Counts and indexes stay below 2^63; a larger one is held at that limit.
    fn to_cell(&self) -> Cell {
        Cell::Int(i64::try_from(*self).unwrap_or(i64::MAX))
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        u64::try_from(cell.as_int()?).ok()
    }
}

impl CellType for bool {
    fn to_cell(&self) -> Cell {
        Cell::Int(i64::from(*self))
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell.as_int()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl CellType for Timestamp {
    fn to_cell(&self) -> Cell {
        Cell::time(*self)
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        cell.as_int().map(Self::from_micros)
    }
}

impl CellType for Text {
    fn to_cell(&self) -> Cell {
        Cell::Text(self.clone())
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl CellType for String {
    fn to_cell(&self) -> Cell {
        Cell::text(self)
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        cell.as_text().map(str::to_owned)
    }
}

impl CellType for EventId {
    fn to_cell(&self) -> Cell {
        Cell::Uuid(self.0)
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Uuid(uuid) => Some(Self(*uuid)),
            _ => None,
        }
    }
}

/// An identifier of any kind, for columns of [`Kind::Id`](super::Kind::Id) that hold what others named.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(Cell);

impl Ident {
    /// This identifier.
    pub fn new(text: &str) -> Self {
        Self(Cell::id(text))
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_display(f)
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_display(f)
    }
}

impl CellType for Ident {
    fn to_cell(&self) -> Cell {
        self.0.clone()
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        matches!(cell, Cell::Text(_) | Cell::Uuid(_)).then(|| Self(cell.clone()))
    }
}

macro_rules! cell_of_id {
    ($($id:ty),*) => {$(
        impl CellType for $id {
            fn to_cell(&self) -> Cell {
                Cell::id(self.as_str())
            }
            fn from_cell(cell: &Cell) -> Option<Self> {
                match cell {
                    Cell::Text(text) => Self::new(text).ok(),
                    Cell::Uuid(uuid) => Self::new(uuid.hyphenated().encode_lower(&mut [0; 36])).ok(),
                    _ => None,
                }
            }
        }
    )*};
}
cell_of_id!(TenantId, StreamId, CommandId, SubjectId);

impl<T: CellType> CellType for Option<T> {
    fn to_cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Null, CellType::to_cell)
    }
    fn from_cell(cell: &Cell) -> Option<Self> {
        if cell.is_null() { Some(None) } else { T::from_cell(cell).map(Some) }
    }
}

/// A row: one cell for each column of its table. Cloning shares the cells.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Row(Arc<[Cell]>);

impl Row {
    /// A row of these cells, in the order of the table's columns.
    pub fn new(cells: impl Into<Arc<[Cell]>>) -> Self {
        Self(cells.into())
    }
}

impl Deref for Row {
    type Target = [Cell];
    fn deref(&self) -> &[Cell] {
        &self.0
    }
}

impl<const N: usize> From<[Cell; N]> for Row {
    fn from(cells: [Cell; N]) -> Self {
        Self(Arc::new(cells))
    }
}
