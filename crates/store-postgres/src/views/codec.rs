//! Cells as PostgreSQL values, and back.
//!
//! Numbers, truth values and times are `bigint`. Everything else is `bytea`: a tag for the kind of cell, then its bytes,
//! which compare byte by byte as cells do. Type `text` would not do: it cannot hold a zero byte, and how it compares
//! depends on the database.

use std::error::Error;

use ledger::readmodel::{Cell, Kind, Text};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

const NUMBER: u8 = 1;
const TEXT: u8 = 2;
const UUID: u8 = 3;

type Failure = Box<dyn Error + Sync + Send>;

/// The type that a column has in PostgreSQL.
pub(crate) const fn sql_type(kind: Kind) -> &'static str {
    if is_number(kind) { "bigint" } else { "bytea" }
}

/// Is a column of this kind stored as a number?
pub(crate) const fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::Bool | Kind::Time)
}

/// A cell with its tag, as it stands in a column that is not a number.
pub(crate) fn tagged(cell: &Cell) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    put(cell, &mut bytes);
    bytes.to_vec()
}

/// A text with the tag of texts.
pub(crate) fn tagged_text(text: &str) -> Vec<u8> {
    [&[TEXT], text.as_bytes()].concat()
}

/// The tag of a UUID, to ask for in SQL.
pub(crate) const UUID_TAG: u8 = UUID;

fn put(cell: &Cell, out: &mut BytesMut) -> IsNull {
    match cell {
        Cell::Null => return IsNull::Yes,
        Cell::Int(n) => {
            out.extend_from_slice(&[NUMBER]);
            out.extend_from_slice(&(n ^ i64::MIN).to_be_bytes());
        }
        Cell::Text(text) => {
            out.extend_from_slice(&[TEXT]);
            out.extend_from_slice(text.as_bytes());
        }
        Cell::Uuid(uuid) => {
            out.extend_from_slice(&[UUID]);
            out.extend_from_slice(uuid.as_bytes());
        }
    }
    IsNull::No
}

/// A cell that is written without a copy in between.
#[derive(Debug)]
pub(crate) struct Stored<'a>(pub &'a Cell);

impl ToSql for Stored<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        if *ty != Type::INT8 {
            return Ok(put(self.0, out));
        }
        match self.0 {
            Cell::Null => Ok(IsNull::Yes),
            Cell::Int(n) => {
                out.extend_from_slice(&n.to_be_bytes());
                Ok(IsNull::No)
            }
            other => Err(format!("{other:?} where a number should be").into()),
        }
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::BYTEA)
    }

    to_sql_checked!();
}

/// A cell as it was read.
pub(crate) struct Loaded(pub Cell);

impl<'a> FromSql<'a> for Loaded {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        if *ty == Type::INT8 {
            return Ok(Self(Cell::Int(i64::from_be_bytes(raw.try_into()?))));
        }
        let (tag, bytes) = raw.split_first().ok_or("an empty cell")?;
        Ok(Self(match *tag {
            NUMBER => Cell::Int(i64::from_be_bytes(bytes.try_into()?) ^ i64::MIN),
            TEXT => Cell::Text(Text::new(std::str::from_utf8(bytes)?)),
            UUID => Cell::Uuid(Uuid::from_slice(bytes)?),
            tag => return Err(format!("a cell with the tag {tag}").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self(Cell::Null))
    }

    fn accepts(ty: &Type) -> bool {
        <Stored<'_> as ToSql>::accepts(ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As [`Cell`] says: nothing, numbers, texts, UUIDs.
    #[test]
    fn tagged_cells_sort_as_cells_do_and_come_back() {
        let cells = [
            Cell::Int(i64::MIN),
            Cell::Int(-1),
            Cell::Int(7),
            Cell::text(""),
            Cell::text("\u{0}"),
            Cell::text("a"),
            Cell::text("a\u{0}"),
            Cell::text("ab"),
            Cell::text("\u{10FFFF}"),
            Cell::Uuid(Uuid::from_u128(0)),
            Cell::Uuid(Uuid::from_u128(u128::MAX)),
        ];
        let stored = cells.each_ref().map(tagged);
        assert!(cells.is_sorted() && stored.is_sorted());
        for (cell, bytes) in cells.iter().zip(&stored) {
            assert_eq!(Loaded::from_sql(&Type::BYTEA, bytes).unwrap().0, *cell);
        }
        assert_eq!(Loaded::from_sql_null(&Type::BYTEA).unwrap().0, Cell::Null);
    }

    #[test]
    fn what_is_no_cell_is_refused() {
        for bytes in [&[][..], &[9], &[TEXT, 0xFF], &[UUID, 1], &[NUMBER]] {
            assert!(Loaded::from_sql(&Type::BYTEA, bytes).is_err(), "{bytes:?}");
        }
        let mut out = BytesMut::new();
        assert!(Stored(&Cell::text("7")).to_sql(&Type::INT8, &mut out).is_err());
    }
}
