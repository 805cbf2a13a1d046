//! Read models on SQLite: one file for each generation, `views-<number>.db`, and `views.current`, which names the one
//! that counts.
//!
//! Read models can be rebuilt from the events, so this store trades durability for speed where it may:
//! `synchronous=NORMAL` (a power failure takes back the last commits whole, rows and position together), and no journal
//! at all while a new generation is filled (a crash then only loses a file that nothing names yet).
//!
//! Rows are small: tenants and texts out of small sets are numbers ([`dictionary`]), UUIDs are 16 bytes, and a table
//! whose key is one number is stored by that number, which makes its indexes two integers wide.

mod bulk;
mod codec;
mod ddl;
mod dictionary;
mod digest;
mod files;
mod generation;
mod plan;
mod reader;
mod select;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use store::SqliteViews;

use ledger_store::views::ViewError;
use rusqlite::ErrorCode;

/// What SQLite says, as the contract says it.
fn view_error(error: rusqlite::Error) -> ViewError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ViewError::Full(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ViewError::Corrupt(text),
        _ => ViewError::Unavailable(text),
    }
}
