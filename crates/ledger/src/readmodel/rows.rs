//! What a fold may do with the rows of its event's tenant.

use std::sync::Arc;

use super::cell::{Cell, Row};
use super::table::TableDef;

/// Why rows could not be read from where they are stored.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot read rows: {0}")]
pub struct SourceError(#[source] pub Arc<dyn std::error::Error + Send + Sync>);

/// Why a fold did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FoldError {
    /// The event does not fit its schema or contradicts what is stored: quarantine it.
    #[error("{0}")]
    Poison(String),
    /// The rows could not be read: nothing is wrong with the event, try again.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl FoldError {
    /// An event that cannot be folded, and why.
    pub fn poison(reason: impl Into<String>) -> Self {
        Self::Poison(reason.into())
    }
}

/// A row as a type, written by [`read_model!`](crate::read_model).
pub trait TypedRow: Sized {
    /// The table that it is a row of.
    const TABLE: &'static TableDef;
    /// As a row of cells.
    fn to_row(&self) -> Row;
    /// From a row of cells; `None`: it is not one.
    fn from_row(row: &[Cell]) -> Option<Self>;
}

/// The rows of one tenant, as a fold sees them: with all changes of the events before it.
pub trait Rows {
    /// The row with this key.
    ///
    /// # Errors
    /// The stored rows cannot be read.
    fn get(&mut self, table: &'static TableDef, key: &[Cell]) -> Result<Option<Row>, SourceError>;

    /// Writes a row, in the place of one with the same key.
    fn put(&mut self, table: &'static TableDef, row: Row);

    /// Takes a row away; no row: nothing happens.
    fn delete(&mut self, table: &'static TableDef, key: &[Cell]);

    /// Up to `limit` rows whose keys begin with `prefix`, in key order. Resident tables only
    /// ([`TableDef::resident`]): a walk over stored rows for each event would be too slow.
    ///
    /// # Errors
    /// The stored rows cannot be read.
    fn scan(
        &mut self,
        table: &'static TableDef,
        prefix: &[Cell],
        limit: usize,
    ) -> Result<Vec<Row>, SourceError>;
}

impl dyn Rows + '_ {
    /// The typed row with this key.
    ///
    /// # Errors
    /// The stored rows cannot be read, or the row is not one of this type.
    pub fn fetch<T: TypedRow>(&mut self, key: &[Cell]) -> Result<Option<T>, FoldError> {
        self.get(T::TABLE, key)?.map(|row| typed(&row)).transpose()
    }

    /// Writes a typed row.
    pub fn store<T: TypedRow>(&mut self, row: &T) {
        self.put(T::TABLE, row.to_row());
    }

    /// Changes the row with this key if there is one.
    ///
    /// # Errors
    /// The stored rows cannot be read, or the row is not one of this type.
    pub fn amend<T: TypedRow>(
        &mut self,
        key: &[Cell],
        change: impl FnOnce(&mut T),
    ) -> Result<bool, FoldError> {
        let Some(mut row) = self.fetch::<T>(key)? else { return Ok(false) };
        change(&mut row);
        self.store(&row);
        Ok(true)
    }

    /// The typed rows whose keys begin with `prefix`: see [`Rows::scan`].
    ///
    /// # Errors
    /// The stored rows cannot be read, or a row is not one of this type.
    pub fn list<T: TypedRow>(&mut self, prefix: &[Cell], limit: usize) -> Result<Vec<T>, FoldError> {
        self.scan(T::TABLE, prefix, limit)?.iter().map(|row| typed(row)).collect()
    }
}

fn typed<T: TypedRow>(row: &[Cell]) -> Result<T, FoldError> {
    T::from_row(row).ok_or_else(|| FoldError::poison(format!("a row of {} has another shape", T::TABLE.name)))
}
