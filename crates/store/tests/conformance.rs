//! The memory backend keeps the contract.

use std::sync::Arc;

use ledger_store::MemoryStore;
use ledger_store::conformance::PortableStore;

async fn open() -> ((), PortableStore) {
    ((), Arc::new(MemoryStore::new()))
}

ledger_store::conformance_suite!(open);
ledger_store::portable_suite!(open);
