//! The PostgreSQL backend keeps the contract.

mod support;

use std::sync::Arc;

use ledger_store::conformance::PortableStore;
use ledger_store_postgres::{PostgresOptions, PostgresStore};

async fn open() -> ((), PortableStore) {
    let options = PostgresOptions::new(support::database().await);
    let store = PostgresStore::open(options).await.expect("an empty database opens");
    ((), Arc::new(store))
}

ledger_store::conformance_suite!(open);
ledger_store::portable_suite!(open);
