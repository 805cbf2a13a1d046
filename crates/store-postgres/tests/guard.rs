//! A database that goes back behind what was acknowledged is not written to and not signed.

mod support;

use std::path::Path;

use ledger_store::conformance::Sealer;
use ledger_store::verify::verify_events;
use ledger_store::{EventStore, SideStore, StoreError, StoredCheckpoint, Verdict};
use ledger_store_postgres::{HeadOptions, OpenError, PostgresOptions, PostgresStore, accept_loss};
use tokio_postgres::Config;

const KEY: [u8; 32] = [7; 32];

fn options(config: &Config, head: Option<&Path>) -> PostgresOptions {
    let head = head.map(|path| HeadOptions { path: path.to_owned(), key: KEY });
    PostgresOptions { head, ..PostgresOptions::new(config.clone()) }
}

async fn open(config: &Config, head: Option<&Path>) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(options(config, head)).await
}

/// Puts the stale copy into the place of the live database, as a restored backup or a standby that lagged would be.
async fn goes_back(config: &Config) {
    let live = config.get_dbname().unwrap();
    support::administer(config, &format!("ALTER DATABASE {live} RENAME TO {live}_gone")).await;
    support::administer(config, &format!("ALTER DATABASE {live}_stale RENAME TO {live}")).await;
}

async fn write(store: &PostgresStore, sealer: &mut Sealer, events: usize) {
    for _ in 0..events {
        let verdicts = store.append(vec![sealer.append("s-1", 1)]).await.unwrap();
        assert!(matches!(verdicts[..], [Verdict::Committed { .. }]), "{verdicts:?}");
    }
}

/// A live database of two events, and a copy of it.
async fn live_and_stale(head: &Path) -> (Config, Sealer) {
    let config = support::database().await;
    let mut sealer = Sealer::new("a", 1);
    let store = open(&config, Some(head)).await.unwrap();
    store.put_log(sealer.log(Some(1))).await.unwrap();
    store.append(vec![sealer.genesis()]).await.unwrap();
    write(&store, &mut sealer, 1).await;
    drop(store);
    let live = config.get_dbname().unwrap();
    support::administer(&config, &format!("CREATE DATABASE {live}_stale TEMPLATE {live}")).await;
    (config, sealer)
}

/// A database that had four events by its head file and has two.
async fn gone_back(head: &Path) -> Config {
    let (config, mut sealer) = live_and_stale(head).await;
    let store = open(&config, Some(head)).await.unwrap();
    write(&store, &mut sealer, 2).await;
    drop(store);
    goes_back(&config).await;
    config
}

#[tokio::test]
async fn a_restored_backup_is_not_opened_beside_its_head_file() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("head");
    let config = gone_back(&head).await;
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
    let (config, mut sealer) = live_and_stale(&head).await;
    let (guarded, unguarded) =
        (open(&config, Some(&head)).await.unwrap(), open(&config, None).await.unwrap());
    let head = sealer.head("s-1");
    write(&guarded, &mut sealer, 2).await;
    goes_back(&config).await;
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

fn head_of(path: &Path) -> HeadOptions {
    HeadOptions { path: path.to_owned(), key: KEY }
}

/// Another process knows of more than the one that accepts the loss; afterwards nothing old fits any more.
#[tokio::test]
async fn a_loss_is_accepted_under_a_successor_origin_and_named_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let [head, other] = ["head", "other"].map(|name| dir.path().join(name));
    let (config, mut sealer) = live_and_stale(&head).await;
    let mut untouched = Sealer::new("b", 2);
    let store = open(&config, Some(&head)).await.unwrap();
    write(&store, &mut sealer, 2).await;
    std::fs::copy(&head, &other).unwrap();
    drop(store);
    let store = open(&config, Some(&other)).await.unwrap();
    write(&store, &mut sealer, 3).await;
    let known = store.log_head(sealer.tenant()).await.unwrap().unwrap();
    drop(store);
    goes_back(&config).await;
    assert!(open(&config, Some(&head)).await.is_err());

    let accept = async |others: &[std::path::PathBuf]| {
        accept_loss(&options(&config, None), &head_of(&head), others).await
    };
    let missing = accept(&[dir.path().join("nowhere")]).await.unwrap_err();
    assert!(matches!(missing, OpenError::NoHeadFile { .. }), "{missing}");
    let losses = accept(std::slice::from_ref(&other)).await.unwrap();
    let [loss] = &losses[..] else { panic!("{losses:?}") };
    assert_eq!((loss.origin.as_str(), loss.successor.as_str()), ("test/a", "test/a/e2"));
    assert_eq!((loss.known_size, loss.known_root, loss.size), (7, known.root, 2));
    assert_eq!(accept(&[]).await.unwrap(), [], "there is nothing more to accept");

    // The other process's file is of the store before: it neither serves nor accepts a loss with it.
    for refused in [
        open(&config, Some(&other)).await.map(drop).unwrap_err(),
        accept(std::slice::from_ref(&other)).await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(refused, OpenError::HeadFile(_)), "{refused}");
    }
    // Without a file nothing is known; what is accepted and goes on with the next start is not accepted again.
    let without = accept_loss(&options(&config, None), &head_of(&dir.path().join("third")), &[]).await;
    assert_eq!(without.unwrap(), []);
    let store = open(&config, Some(&dir.path().join("third"))).await.unwrap();
    let origins: Vec<String> = store.logs().await.unwrap().into_iter().map(|log| log.origin).collect();
    assert_eq!(origins, ["test/a/e2"]);
    let predecessor = store.succession(sealer.tenant()).await.unwrap().unwrap();
    assert_eq!((predecessor.origin.as_str(), predecessor.size), ("test/a", 7));
    assert_eq!(predecessor.root, ledger::b64::encode(known.root));
    // Another log, and other events: it is pending until a genesis names it.
    store.put_log(untouched.log(Some(2))).await.unwrap();
    store.append(vec![untouched.genesis()]).await.unwrap();
    assert!(store.succession(sealer.tenant()).await.unwrap().is_some());
    let mut sealer = Sealer::new("a", 1);
    sealer.genesis();
    let verdicts = store.append(vec![sealer.successor("test/a/e2", predecessor)]).await.unwrap();
    assert!(matches!(verdicts[..], [Verdict::Committed { last_index: 2, .. }]), "{verdicts:?}");
    assert_eq!(store.succession(sealer.tenant()).await.unwrap(), None);
    let report = verify_events(&store, &store, |_, _| {}).await.unwrap();
    assert!(report.holds(), "{:?}", report.failures);
}

/// Cut off between the database and the head file, it is taken up again and counts the loss once.
#[tokio::test]
async fn a_recovery_that_is_cut_off_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("head");
    let config = gone_back(&head).await;
    let before = std::fs::read(&head).unwrap();
    let accept = async || accept_loss(&options(&config, None), &head_of(&head), &[]).await;
    assert_eq!(accept().await.unwrap().len(), 1);
    let client = support::client(&config).await;
    client.batch_execute("UPDATE store SET recovering = true").await.unwrap();
    std::fs::write(&head, &before).unwrap();
    assert!(matches!(open(&config, Some(&head)).await.map(drop), Err(OpenError::HeadFile(_))));
    assert_eq!(accept().await.unwrap(), []);
    let store = open(&config, Some(&head)).await.unwrap();
    assert_eq!(store.logs().await.unwrap()[0].origin, "test/a/e2");
    drop(store);
    // The control: without the mark the old file is what there is, and it does not fit.
    std::fs::write(&head, &before).unwrap();
    assert!(matches!(accept().await, Err(OpenError::HeadFile(_))));
}

/// What runs knows logs by their old origins; what contradicts itself is not gone on with.
#[tokio::test]
async fn a_loss_is_not_accepted_beside_a_process_or_in_a_damaged_database() {
    let dir = tempfile::tempdir().unwrap();
    let head = dir.path().join("head");
    let config = gone_back(&head).await;
    let accept = async || accept_loss(&options(&config, None), &head_of(&head), &[]).await;
    let mut named = config.clone();
    named.application_name("ledger");
    let running = open(&named, None).await.unwrap();
    let refused = accept().await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    drop(running);
    let client = support::client(&config).await;
    let gone = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'ledger'";
    while client.query_one(gone, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
    let damage = "ALTER TABLE events DISABLE TRIGGER USER;
                  UPDATE events SET signature = decode(repeat('00', 64), 'hex') WHERE position = 2";
    client.batch_execute(damage).await.unwrap();
    let refused = accept().await.unwrap_err();
    assert!(matches!(refused, OpenError::Damaged(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_beside_commits_is_no_loss() {
    let dir = tempfile::tempdir().unwrap();
    let config = support::database().await;
    let store = std::sync::Arc::new(open(&config, Some(&dir.path().join("head"))).await.unwrap());
    let mut sealer = Sealer::new("a", 1);
    store.put_log(sealer.log(Some(1))).await.unwrap();
    store.append(vec![sealer.genesis()]).await.unwrap();
    let (writer, tenant) = (std::sync::Arc::clone(&store), sealer.tenant().clone());
    let writing = tokio::spawn(async move { write(&writer, &mut sealer, 300).await });
    let mut kept = 0;
    while !writing.is_finished() {
        // The head file goes on between any two steps of this.
        let checkpoint = StoredCheckpoint { size: 1, note: "a note".to_owned() };
        store.put_checkpoint(&tenant, checkpoint).await.unwrap();
        kept += 1;
    }
    writing.await.unwrap();
    assert!(kept > 0, "none beside a commit");
}
