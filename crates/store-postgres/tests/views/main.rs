//! Read models on PostgreSQL: they keep the contract, in one process and in several.

mod generations;
mod history;
mod kill;
#[path = "../support/mod.rs"]
mod support;
mod takeover;

use std::sync::Arc;
use std::time::Duration;

use ledger::readmodel::Schema;
use ledger_store::conformance::views::Place;
use ledger_store::views::ViewStore;
use ledger_store_postgres::{PostgresOptions, PostgresViews};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

/// Long enough for a busy machine; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// An empty database, and a runtime for whoever asks it directly.
struct Database {
    runtime: Runtime,
    config: Config,
}

impl Database {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let config = runtime.block_on(support::database());
        Self { runtime, config }
    }

    /// A process that opens the read models.
    fn views(&self, schema: Arc<Schema>) -> Arc<PostgresViews> {
        Arc::new(self.runtime.block_on(open(&self.config, schema)))
    }

    /// A connection of the test's own.
    fn client(&self) -> Client {
        self.runtime.block_on(client(&self.config))
    }

    fn execute(&self, client: &Client, sql: &str) {
        self.runtime.block_on(client.batch_execute(sql)).expect("a statement");
    }

    /// The number that a statement gives.
    fn number(&self, client: &Client, sql: &str) -> i64 {
        self.runtime.block_on(client.query_one(sql, &[])).expect("a statement").get(0)
    }

    /// Waits until a statement gives a number.
    fn wait_for(&self, client: &Client, sql: &str, wanted: i64) {
        let started = ledger::clock::Stopwatch::start();
        while self.number(client, sql) != wanted {
            assert!(started.elapsed() < PATIENCE, "{sql} never gave {wanted}");
            std::thread::yield_now();
        }
    }
}

impl Place for Database {
    fn open(&self, schema: Arc<Schema>) -> Arc<dyn ViewStore> {
        self.views(schema)
    }
}

async fn open(config: &Config, schema: Arc<Schema>) -> PostgresViews {
    PostgresViews::open(PostgresOptions::new(config.clone()), schema).await.expect("a database opens")
}

async fn client(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

ledger_store::views_suite!(Database::new);
