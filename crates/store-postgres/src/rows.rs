//! Between PostgreSQL's types and ours.

use crate::error::PgError;

/// A number that the database holds signed.
pub(crate) fn unsigned(number: i64) -> Result<u64, PgError> {
    u64::try_from(number).map_err(|_| PgError::Corrupt(format!("{number} where no negative number can be")))
}

/// A position, index or revision for the database; what is beyond its range stands for its end.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Bytes of a fixed length.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], PgError> {
    bytes.try_into().map_err(|_| PgError::Corrupt(format!("{} bytes where {N} should be", bytes.len())))
}
