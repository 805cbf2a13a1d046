//! A ledger's life on this backend: made, written by commands' keys, signed, opened again, by another process too.

use std::sync::Arc;

use ledger::checkpoint::Checkpoint;
use ledger::clock::{ManualClock, SeededEntropy};
use ledger::ids::TenantId;
use ledger::secretbox::Kek;
use ledger_store::bootstrap::Bootstrap;
use ledger_store::checkpointer::Checkpointer;
use ledger_store::keyring::Keyring;
use ledger_store::{EventStore, SecretKind, SideStore};
use ledger_store_eventstore::EventStoreDbStore;

use crate::support::{Local, Server};

fn started(store: &Arc<EventStoreDbStore>, seed: u64) -> Bootstrap {
    let entropy = Arc::new(SeededEntropy::new(seed));
    Bootstrap {
        store: store.clone(),
        side: store.clone(),
        keyring: Arc::new(Keyring::new(store.clone(), Kek::new(&[1; 32]), entropy.clone())),
        clock: Arc::new(ManualClock::new("2026-03-01".parse().unwrap())),
        entropy,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_is_made_signed_and_opened_by_another_process() {
    let server = Server::start(1).await;
    let first = Local::new();
    let one = Arc::new(first.open(&server).await.unwrap());
    let bootstrap = started(&one, 1);
    bootstrap.open("ledger.example").await.unwrap();
    let tenant = TenantId::new("t1").unwrap();
    bootstrap.create(&tenant, None).await.unwrap();
    let mut checkpointer = Checkpointer::new(one.clone(), one.clone(), bootstrap.keyring.clone());
    assert_eq!(checkpointer.sign_grown().await.unwrap(), 2);

    // The other process finds the logs, their keys and what is signed; it makes nothing new.
    let two = Arc::new(first.sharing().open(&server).await.unwrap());
    let again = started(&two, 2);
    let logs = again.open("another.name").await.unwrap();
    let origins: Vec<&str> = logs.iter().map(|log| log.info.origin.as_str()).collect();
    assert_eq!(origins, ["ledger.example/system", "ledger.example/t1"]);
    for log in &logs {
        let head = two.log_head(&log.info.tenant).await.unwrap().unwrap();
        let kept = two.checkpoint(&log.info.tenant).await.unwrap().unwrap();
        let (stated, _) =
            Checkpoint::open(kept.note.as_bytes(), log.keys.checkpoint_signer().verifier()).unwrap();
        assert_eq!((stated.size, stated.root), (head.size, head.root));
    }
    let mut other = Checkpointer::new(two.clone(), two.clone(), again.keyring.clone());
    assert_eq!(other.sign_grown().await.unwrap(), 0, "nothing has grown");
}

/// The side store is there and knows the logs, but a key of one is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_keys_are_said_plainly() {
    let server = Server::start(1).await;
    let first = Local::new();
    let store = Arc::new(first.open(&server).await.unwrap());
    started(&store, 1).open("ledger.example").await.unwrap();
    let system = TenantId::system();
    for (id, _) in store.secrets(&system, SecretKind::EventKey).await.unwrap() {
        let key = ledger_store::SecretKey { tenant: system.clone(), kind: SecretKind::EventKey, id };
        assert!(store.delete_secret(&key).await.unwrap());
    }
    let refused = started(&store, 2).open("ledger.example").await.expect_err("it is refused");
    let said = refused.to_string();
    assert!(said.contains("log of tenant system has no event-key") && said.contains("restore"), "{said}");
}
