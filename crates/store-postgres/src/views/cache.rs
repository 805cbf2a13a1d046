//! Rows that the owner has written or read lately, so that a fold that changes one again need not ask the server: a
//! round trip takes as long as folding a hundred events.
//!
//! The owner is the only one who writes, so what it has written is what is stored. The cache is emptied with each claim
//! and after each error; what an owner reads that was fenced off without knowing is never stored.

use std::collections::{HashMap, HashSet};

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Change, Row, RowKey, TableChanges};

/// Rows in each of the two halves. A row is some hundred bytes, so all of it stays within some MiB.
const HALF_ROWS: usize = 8_192;

type Rows = HashMap<(usize, TenantId, RowKey), Option<Row>>;

/// Rows of the tables that folds read one by one.
#[derive(Default)]
pub(crate) struct Cache {
    /// Tables of which a row was ever asked for: the others are only written.
    read: HashSet<usize>,
    new: Rows,
    /// What was new until the last time that `new` was full.
    old: Rows,
}

impl Cache {
    /// The row with this key: nothing if it is not known, nothing inside if there is none.
    #[expect(
        clippy::option_option,
        reason = "the two kinds of nothing are told apart at the one place of use"
    )]
    pub fn get(&mut self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Option<Option<Row>> {
        self.read.insert(slot);
        let place = (slot, tenant.clone(), RowKey::of(key));
        if let Some(row) = self.new.get(&place) {
            return Some(row.clone());
        }
        let row = self.old.remove(&place)?;
        self.put(place, row.clone());
        Some(row)
    }

    /// A row was read.
    pub fn loaded(&mut self, slot: usize, tenant: &TenantId, key: &[Cell], row: Option<Row>) {
        self.put((slot, tenant.clone(), RowKey::of(key)), row);
    }

    /// Rows were stored.
    pub fn stored(&mut self, changes: &[TableChanges]) {
        for TableChanges { tenant, slot, rows } in changes {
            if !self.read.contains(slot) {
                continue;
            }
            for (key, change) in rows {
                let row = match change {
                    Change::Put(row) => Some(row.clone()),
                    Change::Delete(_) => None,
                };
                self.put((*slot, tenant.clone(), key.clone()), row);
            }
        }
    }

    /// Nothing is known any more.
    pub fn clear(&mut self) {
        self.new.clear();
        self.old.clear();
    }

    fn put(&mut self, place: (usize, TenantId, RowKey), row: Option<Row>) {
        if self.new.len() >= HALF_ROWS {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(place, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        TenantId::new("a").unwrap()
    }

    fn changes(slot: usize, number: i64, change: Change) -> [TableChanges; 1] {
        let key = RowKey::of(&[Cell::Int(number)]);
        [TableChanges { tenant: tenant(), slot, rows: vec![(key, change)] }]
    }

    fn row(number: i64, value: i64) -> Row {
        Row::from([Cell::Int(number), Cell::Int(value)])
    }

    #[test]
    fn it_knows_what_was_stored_last() {
        let mut cache = Cache::default();
        cache.stored(&changes(0, 1, Change::Put(row(1, 1))));
        assert_eq!(cache.get(0, &tenant(), &[Cell::Int(1)]), None, "a table that is not read is not kept");
        cache.loaded(0, &tenant(), &[Cell::Int(1)], None);
        assert_eq!(cache.get(0, &tenant(), &[Cell::Int(1)]), Some(None));
        cache.stored(&changes(0, 1, Change::Put(row(1, 2))));
        assert_eq!(cache.get(0, &tenant(), &[Cell::Int(1)]), Some(Some(row(1, 2))));
        assert_eq!(cache.get(1, &tenant(), &[Cell::Int(1)]), None, "another table");
        cache.stored(&changes(0, 1, Change::Delete(Row::from([Cell::Int(1)]))));
        assert_eq!(cache.get(0, &tenant(), &[Cell::Int(1)]), Some(None));
        cache.clear();
        assert_eq!(cache.get(0, &tenant(), &[Cell::Int(1)]), None);
    }

    #[test]
    fn it_forgets_what_is_long_ago_and_keeps_what_is_used() {
        let mut cache = Cache::default();
        let used = [Cell::Int(-1)];
        cache.loaded(0, &tenant(), &used, Some(row(-1, 0)));
        cache.loaded(0, &tenant(), &[Cell::Int(-2)], None);
        for number in 0..4 * i64::try_from(HALF_ROWS).unwrap() {
            cache.loaded(0, &tenant(), &[Cell::Int(number)], None);
            assert_eq!(cache.get(0, &tenant(), &used), Some(Some(row(-1, 0))));
        }
        assert_eq!(cache.get(0, &tenant(), &[Cell::Int(-2)]), None);
        assert!(cache.new.len() + cache.old.len() <= 2 * HALF_ROWS + 1);
        // What is stored replaces what an older half still holds.
        cache.stored(&changes(0, -1, Change::Put(row(-1, 5))));
        assert_eq!(cache.get(0, &tenant(), &used), Some(Some(row(-1, 5))));
    }
}
