//! The memory backend keeps the contract.

use std::sync::Arc;

use ledger_store::MemoryStore;
use ledger_store::conformance::Store;

async fn open() -> ((), Store) {
    ((), Arc::new(MemoryStore::new()))
}

ledger_store::conformance_suite!(open);
