//! A database that goes back behind what was acknowledged is not written to and not signed.

mod support;

use std::path::Path;

use ledger_store::conformance::Sealer;
use ledger_store::{EventStore, SideStore, StoreError, StoredCheckpoint, Verdict};
use ledger_store_postgres::{HeadOptions, OpenError, PostgresOptions, PostgresStore};
use tokio_postgres::{Client, Config, NoTls};

const KEY: [u8; 32] = [7; 32];

fn options(config: &Config, head: Option<&Path>) -> PostgresOptions {
    let head = head.map(|path| HeadOptions { path: path.to_owned(), key: KEY });
    PostgresOptions { head, ..PostgresOptions::new(config.clone()) }
}

async fn open(config: &Config, head: Option<&Path>) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(options(config, head)).await
}

async fn administrator(config: &Config) -> Client {
    let (client, connection) = config.clone().dbname("postgres").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Puts `stale` into the place of the live database, as a restored backup or a standby that lagged would be.
async fn goes_back(admin: &Client, live: &str, stale: &str) {
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{live}'");
    let rename = format!("ALTER DATABASE {live} RENAME TO {live}_gone");
    loop {
        admin.batch_execute(&end).await.unwrap();
        // The store reconnects meanwhile.
        if admin.batch_execute(&rename).await.is_ok() {
            break;
        }
    }
    admin.batch_execute(&format!("ALTER DATABASE {stale} RENAME TO {live}")).await.unwrap();
}

async fn write(store: &PostgresStore, sealer: &mut Sealer, events: usize) {
    for _ in 0..events {
        let verdicts = store.append(vec![sealer.append("s-1", 1)]).await.unwrap();
        assert!(matches!(verdicts[..], [Verdict::Committed { .. }]), "{verdicts:?}");
    }
}

/// A live database of four events and a copy of it that has two.
async fn live_and_stale(head: &Path) -> (Config, Client, Sealer) {
    let config = support::database().await;
    let (admin, live) = (administrator(&config).await, config.get_dbname().unwrap().to_owned());
    let mut sealer = Sealer::new("a", 1);
    let store = open(&config, Some(head)).await.unwrap();
    store.put_log(sealer.log(Some(1))).await.unwrap();
    store.append(vec![sealer.genesis()]).await.unwrap();
    write(&store, &mut sealer, 1).await;
    drop(store);
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{live}'");
    let copy = format!("CREATE DATABASE {live}_stale TEMPLATE {live}");
    loop {
        admin.batch_execute(&end).await.unwrap();
        if admin.batch_execute(&copy).await.is_ok() {
            break;
        }
    }
    (config, admin, sealer)
}

#[tokio::test]
async fn a_restored_backup_is_not_opened_beside_its_head_file() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("head");
    let (config, admin, mut sealer) = live_and_stale(&head).await;
    let live = config.get_dbname().unwrap();
    let store = open(&config, Some(&head)).await.unwrap();
    write(&store, &mut sealer, 2).await;
    drop(store);
    goes_back(&admin, live, &format!("{live}_stale")).await;
    let refused = open(&config, Some(&head)).await.map(drop).unwrap_err();
    assert!(
        matches!(&refused, OpenError::HeadMismatch { detail, .. } if detail.contains("it has 2 entries")),
        "{refused}"
    );
    // The control: without the file nobody notices. A process that joins has none yet and trusts what it finds.
    assert!(open(&config, None).await.is_ok());
    assert!(open(&config, Some(&dir.path().join("fresh"))).await.is_ok());
}

#[tokio::test]
async fn a_running_process_notices_that_its_database_went_back() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("head");
    let (config, admin, mut sealer) = live_and_stale(&head).await;
    let live = config.get_dbname().unwrap();
    let (guarded, unguarded) =
        (open(&config, Some(&head)).await.unwrap(), open(&config, None).await.unwrap());
    let head = sealer.head("s-1");
    write(&guarded, &mut sealer, 2).await;
    goes_back(&admin, live, &format!("{live}_stale")).await;
    sealer.rewind("s-1", head);
    let append = sealer.append("s-1", 1);
    let refused = loop {
        match guarded.append(vec![append.clone()]).await {
            Err(StoreError::Unavailable { .. } | StoreError::OutcomeUnknown { .. }) => {}
            other => break other,
        }
    };
    assert!(
        matches!(&refused, Err(StoreError::Corrupt { what }) if what.contains("head file")),
        "{refused:?}"
    );
    let checkpoint = StoredCheckpoint { size: 2, note: "a note".to_owned() };
    let signed = loop {
        match guarded.put_checkpoint(sealer.tenant(), checkpoint.clone()).await {
            Err(StoreError::Unavailable { .. }) => {}
            other => break other,
        }
    };
    assert!(matches!(&signed, Err(StoreError::Corrupt { .. })), "{signed:?}");
    // The control: without the file the fork is written.
    let forked = loop {
        match unguarded.append(vec![append.clone()]).await {
            Err(StoreError::Unavailable { .. } | StoreError::OutcomeUnknown { .. }) => {}
            other => break other,
        }
    };
    assert!(matches!(forked.as_deref(), Ok([Verdict::Committed { .. }])), "{forked:?}");
}
