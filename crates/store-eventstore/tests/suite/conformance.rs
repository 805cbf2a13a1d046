//! The EventStoreDB backend keeps the contract: on the stand-in, or on the server that `LEDGER_TEST_ESDB_URL` names.

use std::sync::Arc;

use ledger_store::conformance::Store;

use crate::support::{Local, Server};

async fn open() -> ((Server, Local), Store) {
    let server = Server::start(1).await;
    let local = Local::new();
    let store = local.open(&server).await.expect("an empty store opens");
    ((server, local), Arc::new(store))
}

ledger_store::conformance_suite!(open);
