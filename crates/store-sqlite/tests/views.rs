//! Read models on SQLite keep the contract.

use std::sync::Arc;

use ledger::readmodel::Schema;
use ledger_store::conformance::views::Place;
use ledger_store::views::ViewStore;
use ledger_store_sqlite::SqliteViews;
use tempfile::TempDir;

struct Directory(TempDir);

impl Place for Directory {
    fn open(&self, schema: Arc<Schema>) -> Arc<dyn ViewStore> {
        Arc::new(SqliteViews::open(self.0.path(), schema).expect("a directory that can be written"))
    }
}

fn directory() -> Directory {
    Directory(tempfile::tempdir().expect("a directory"))
}

ledger_store::views_suite!(directory);
