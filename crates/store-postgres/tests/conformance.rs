//! The PostgreSQL backend keeps the contract, whether heads stand in their table or are told by the events behind it.

mod support;

use std::sync::Arc;
use std::time::Duration;

use ledger_store::conformance::PortableStore;
use ledger_store_postgres::{PostgresOptions, PostgresStore};

async fn open(change: impl FnOnce(&mut PostgresOptions)) -> ((), PortableStore) {
    let mut options = PostgresOptions::new(support::database().await);
    change(&mut options);
    let store = PostgresStore::open(options).await.expect("an empty database opens");
    ((), Arc::new(store))
}

mod behind {
    async fn open() -> ((), super::PortableStore) {
        super::open(|_| ()).await
    }

    ledger_store::conformance_suite!(open);
    ledger_store::portable_suite!(open);
}

/// Folded at once, between any two questions.
mod folded {
    async fn open() -> ((), super::PortableStore) {
        super::open(|options| {
            (options.fold_events, options.poll) = (1, super::Duration::from_millis(1));
        })
        .await
    }

    ledger_store::conformance_suite!(open);
}
