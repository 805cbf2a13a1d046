//! Read models on PostgreSQL, shared by several processes: one folds, the others read and watch.
//!
//! Each generation has tables of its own, `views_<number>_<table>`; `control.sql` has those that all share.
//!
//! - A commit holds the row of its generation from the check of the epoch to its end. Whoever claims the generation
//!   waits for that, and every later commit of the owner before is refused: rows, logs, quarantine and position come from
//!   one owner at a time, and together.
//! - A new generation is filled without write-ahead log and indexes. It is logged and indexed before it is published.
//! - Publishing is one transaction, which replaces only what was current when the generation was begun.
//! - A generation is dropped when no process uses it any more ([`keeper`]).
//! - Commits do not wait for the disk: a power failure takes the last ones back whole, and folding goes on from there.

mod cache;
mod codec;
mod condition;
mod control;
mod db;
mod ddl;
mod digest;
mod generation;
mod keeper;
mod link;
mod plan;
mod select;
mod store;
mod writer;

pub use store::PostgresViews;
