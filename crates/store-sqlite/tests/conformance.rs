//! The SQLite backend keeps the contract.

use std::sync::Arc;

use ledger_store::conformance::PortableStore;
use ledger_store_sqlite::{SqliteStore, StoreOptions};
use tempfile::TempDir;

async fn open() -> (TempDir, PortableStore) {
    let dir = tempfile::tempdir().expect("a directory");
    let options = StoreOptions::new(dir.path(), dir.path().join("heads"), [7; 32]);
    let store = SqliteStore::open(options).expect("an empty store opens");
    (dir, Arc::new(store))
}

ledger_store::conformance_suite!(open);
ledger_store::portable_suite!(open);
