//! What differs between two exports: their logs, and the read models that follow from them.

use std::path::Path;

use ledger::readmodel::{Cell, Kind, Row, TableDef};
use ledger::time::Timestamp;
use ledger_projections::LedgerModels;
use serde::Serialize;

use crate::entries::{Export, ReplayError};
use crate::progress::Progress;
use crate::rebuild::{Rebuilt, rebuild_export};

/// Rows that are listed for each table; beyond it they are only counted.
const ROWS_MAX: usize = 1000;

/// The differences of two exports.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// Is there no difference at all?
    pub same: bool,
    /// How the logs relate.
    pub log: LogDiff,
    /// The projections whose digests differ.
    pub projections: Vec<ProjectionDiff>,
    /// The tables whose rows differ.
    pub tables: Vec<TableDiff>,
}

/// How two logs relate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "relation")]
pub enum LogDiff {
    /// The same entries.
    Same {
        /// How many.
        entries: u64,
    },
    /// One is the beginning of the other.
    Extended {
        /// Entries that both have.
        common: u64,
        /// Entries that only A has.
        only_a: u64,
        /// Entries that only B has.
        only_b: u64,
    },
    /// They differ at an entry that both have: two histories of one log, or two logs.
    Forked {
        /// The first index at which they differ.
        at: u64,
    },
}

/// A projection whose digests differ.
#[derive(Debug, Clone, Serialize)]
pub struct ProjectionDiff {
    /// Name, version and digest in A.
    pub a: String,
    /// Name, version and digest in B.
    pub b: String,
}

/// A table whose rows differ.
#[derive(Debug, Clone, Serialize)]
pub struct TableDiff {
    /// The table's name.
    pub table: String,
    /// Rows that only A has.
    pub only_a: u64,
    /// Rows that only B has.
    pub only_b: u64,
    /// Rows that both have, with other values.
    pub changed: u64,
    /// The differences, at most a thousand.
    pub rows: Vec<RowDiff>,
}

/// One row that differs.
#[derive(Debug, Clone, Serialize)]
pub struct RowDiff {
    /// Its key, column by column.
    pub key: String,
    /// What differs: `column: value in A -> value in B`; empty if only one side has it.
    pub columns: Vec<String>,
    /// Which side has it: `a`, `b` or `both`.
    pub side: &'static str,
}

/// Compares two exports.
///
/// # Errors
/// [`ReplayError`] if one of them cannot be replayed.
pub fn diff(a: &Path, b: &Path, progress: &dyn Progress) -> Result<Diff, ReplayError> {
    let (a, b) = (Export::open(a)?, Export::open(b)?);
    let log = compare_logs(&a, &b)?;
    let (a, b) = (rebuild_export(&a, None, progress)?, rebuild_export(&b, None, progress)?);
    let projections: Vec<ProjectionDiff> = a
        .digests
        .iter()
        .zip(&b.digests)
        .filter(|(a, b)| a != b)
        .map(|(a, b)| ProjectionDiff { a: a.to_string(), b: b.to_string() })
        .collect();
    let tables = LedgerModels::schema().tables().iter().filter_map(|table| compare_tables(table, &a, &b));
    let tables: Vec<TableDiff> = tables.collect();
    let same = matches!(log, LogDiff::Same { .. }) && tables.is_empty() && projections.is_empty();
    Ok(Diff { same, log, projections, tables })
}

fn compare_logs(a: &Export, b: &Export) -> Result<LogDiff, ReplayError> {
    let (size_a, size_b) = (a.head.size, b.head.size);
    if (size_a, a.head.root) == (size_b, b.head.root) {
        return Ok(LogDiff::Same { entries: size_a });
    }
    let common = size_a.min(size_b);
    // Leaves are compared, not roots: the first index that differs is what an auditor asks for.
    let mut leaves = Vec::with_capacity(usize::try_from(common).unwrap_or(0));
    a.each_leaf(|index, leaf| leaves.extend((index < common).then_some(leaf)))?;
    let mut first = None;
    b.each_leaf(|index, leaf| {
        let ours = usize::try_from(index).ok().and_then(|at| leaves.get(at));
        if first.is_none() && ours.is_some_and(|ours| *ours != leaf) {
            first = Some(index);
        }
    })?;
    Ok(match first {
        Some(at) => LogDiff::Forked { at },
        None => LogDiff::Extended { common, only_a: size_a - common, only_b: size_b - common },
    })
}

fn compare_tables(table: &'static TableDef, a: &Rebuilt, b: &Rebuilt) -> Option<TableDiff> {
    let mut found =
        TableDiff { table: table.name.to_owned(), only_a: 0, only_b: 0, changed: 0, rows: Vec::new() };
    let mut rows_a = a.rows().rows(table, &a.tenant).peekable();
    let mut rows_b = b.rows().rows(table, &b.tenant).peekable();
    loop {
        // Both sides come in key order, so that one walk finds everything.
        let order = match (rows_a.peek(), rows_b.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => table.key_of(a).cmp(&table.key_of(b)),
        };
        let (side_a, side_b) =
            (order.is_le().then(|| rows_a.next()).flatten(), order.is_ge().then(|| rows_b.next()).flatten());
        found.take(table, side_a, side_b);
    }
    (found.only_a + found.only_b + found.changed > 0).then_some(found)
}

impl TableDiff {
    fn take(&mut self, table: &TableDef, a: Option<&Row>, b: Option<&Row>) {
        let (side, count) = match (a, b) {
            (Some(a), Some(b)) if a == b => return,
            (Some(_), Some(_)) => ("both", &mut self.changed),
            (Some(_), None) => ("a", &mut self.only_a),
            (None, _) => ("b", &mut self.only_b),
        };
        *count += 1;
        if self.rows.len() == ROWS_MAX {
            return;
        }
        let Some(row) = a.or(b) else { return };
        let key: Vec<String> = (0..table.key).map(|at| show(table, at, &row[at])).collect();
        let columns = match (a, b) {
            (Some(a), Some(b)) => (table.key..table.columns.len())
                .filter(|at| a[*at] != b[*at])
                .map(|at| {
                    let name = table.columns[at].name;
                    format!("{name}: {} -> {}", show(table, at, &a[at]), show(table, at, &b[at]))
                })
                .collect(),
            _ => Vec::new(),
        };
        self.rows.push(RowDiff { key: key.join(" "), columns, side });
    }
}

/// A cell as people write it.
fn show(table: &TableDef, at: usize, cell: &Cell) -> String {
    match (table.columns[at].kind, cell) {
        (_, Cell::Null) => "-".to_owned(),
        (Kind::Time, Cell::Int(micros)) => Timestamp::from_micros(*micros).to_string(),
        (Kind::Bool, Cell::Int(n)) => (*n != 0).to_string(),
        (_, cell) => cell.to_string(),
    }
}
