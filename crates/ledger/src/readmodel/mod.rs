//! Read models: typed tables that pure folds fill from events, and what every backend must agree on.
//!
//! A table is described once ([`TableDef`], best written with [`read_model!`](crate::read_model)); memory, SQLite and
//! the offline replay store it as they like, and still hold the same rows in the same order with the same [`digest`].
//!
//! Invariants:
//! - Every row belongs to one tenant, and the fold of an event touches rows of the event's tenant alone.
//!   A tenant's rows thus depend on that tenant's log and on nothing else.
//! - Rows hold what follows from headers, never confidential or personal values: those are joined at read, by the log
//!   index that a row carries (`docs/FORMATS.md`, digests of read models).
//! - A fold reads no clock. What depends on the time of asking is stored as a deadline.
//!
//! It does not store anything durably, and it does not read events: `ledger-store` drives the folds.

mod cell;
mod digest;
mod folder;
mod key;
mod memory;
mod progress;
mod query;
mod rows;
mod run;
mod table;
mod table_macro;
mod text;
mod working_set;

pub use cell::{Cell, CellType, Ident, Row};
pub use digest::{DigestState, Digester, ProjectionDigest};
pub use folder::{Folder, Poisoned, ReadModels, degrade};
pub use key::RowKey;
pub use memory::MemoryRows;
pub use progress::{FeedError, LogState, Parsed, Parser, RawEvent};
pub use query::{
    Cursor, Direction, Filter, PAGE_ROWS, PAGE_ROWS_MAX, Page, Query, QueryError, SCAN_ROWS_MAX, Test,
};
pub use rows::{FoldError, Rows, SourceError, TypedRow};
pub use table::{Column, IndexDef, Kind, ProjectionDef, Schema, SchemaError, TableDef};
pub use text::Text;
pub use working_set::{Change, RowSource, TableChanges, WorkingSet};
