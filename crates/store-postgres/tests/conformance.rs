//! The PostgreSQL backend keeps the contract, whether heads stand in their table or are told by the events behind it.

mod support;

use std::sync::Arc;

use ledger_store::conformance::PortableStore;
use ledger_store_postgres::{PostgresOptions, PostgresStore};
use tokio_postgres::Config;

async fn open(options: impl FnOnce(Config) -> PostgresOptions) -> ((), PortableStore) {
    let store = PostgresStore::open(options(support::database().await)).await;
    ((), Arc::new(store.expect("an empty database opens")))
}

mod behind {
    async fn open() -> ((), super::PortableStore) {
        super::open(super::PostgresOptions::new).await
    }

    ledger_store::conformance_suite!(open);
    ledger_store::portable_suite!(open);
}

/// Folded at once, between any two questions.
mod folded {
    async fn open() -> ((), super::PortableStore) {
        super::open(super::support::folding).await
    }

    ledger_store::conformance_suite!(open);
}
