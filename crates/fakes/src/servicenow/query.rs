//! Encoded queries, with the vendor's trap: a part that names an unknown column is ignored, and the rest runs.

use super::state::{Record, SYSTEM, WRITABLE};

/// Columns of records that are no tasks.
const OTHERS: [&str; 10] = [
    "name",
    "element",
    "element_id",
    "inactive",
    "value",
    "label",
    "table_sys_id",
    "table_name",
    "file_name",
    "language",
];

#[derive(Debug)]
struct Condition {
    column: String,
    operator: &'static str,
    value: String,
}

/// A query that can be asked of records.
#[derive(Debug, Default)]
pub(crate) struct Query {
    conditions: Vec<Condition>,
    order: Vec<String>,
    /// A part of it was invalid.
    pub(crate) invalid: bool,
}

/// Longer operators first, so that `>=` is not read as `>`.
const OPERATORS: [&str; 8] = [">=", "<=", "!=", "STARTSWITH", "LIKE", ">", "<", "="];

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for part in text.split('^').filter(|part| !part.is_empty()) {
            if let Some(column) = part.strip_prefix("ORDERBY") {
                query.order.push(column.trim_start_matches("DESC").to_owned());
                continue;
            }
            match condition(part) {
                Some(condition) => query.conditions.push(condition),
                None => query.invalid = true,
            }
        }
        query
    }

    pub(crate) fn matches(&self, record: &Record) -> bool {
        self.conditions.iter().all(|condition| {
            let own = record.get(&condition.column).map(String::as_str).unwrap_or_default();
            let wanted = condition.value.as_str();
            match condition.operator {
                "=" => own == wanted,
                "!=" => own != wanted,
                ">=" => own >= wanted,
                "<=" => own <= wanted,
                ">" => own > wanted,
                "<" => own < wanted,
                "STARTSWITH" => own.starts_with(wanted),
                _ => own.contains(wanted),
            }
        })
    }

    pub(crate) fn sort(&self, records: &mut [&Record]) {
        let empty = String::new();
        records.sort_by(|a, b| {
            let values = |record: &Record| -> Vec<String> {
                self.order.iter().map(|column| record.get(column).unwrap_or(&empty).clone()).collect()
            };
            values(a).cmp(&values(b))
        });
    }
}

fn condition(part: &str) -> Option<Condition> {
    let (at, operator) = OPERATORS
        .iter()
        .filter_map(|op| part.find(op).map(|at| (at, *op)))
        .min_by_key(|(at, op)| (*at, usize::MAX - op.len()))?;
    let column = part[..at].to_owned();
    let known = WRITABLE.contains(&column.as_str())
        || SYSTEM.contains(&column.as_str())
        || OTHERS.contains(&column.as_str());
    known.then(|| Condition { column, operator, value: part[at + operator.len()..].to_owned() })
}
