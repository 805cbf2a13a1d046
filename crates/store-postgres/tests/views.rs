//! Read models on PostgreSQL keep the contract.

mod support;

use std::sync::Arc;

use ledger::readmodel::Schema;
use ledger_store::conformance::views::Place;
use ledger_store::views::ViewStore;
use ledger_store_postgres::{PostgresOptions, PostgresViews};
use tokio::runtime::Runtime;
use tokio_postgres::Config;

struct Database {
    runtime: Runtime,
    config: Config,
}

impl Place for Database {
    fn open(&self, schema: Arc<Schema>) -> Arc<dyn ViewStore> {
        let options = PostgresOptions::new(self.config.clone());
        Arc::new(self.runtime.block_on(PostgresViews::open(options, schema)).expect("a database opens"))
    }
}

fn database() -> Database {
    let runtime = Runtime::new().expect("a runtime");
    let config = runtime.block_on(support::database());
    Database { runtime, config }
}

ledger_store::views_suite!(database);
