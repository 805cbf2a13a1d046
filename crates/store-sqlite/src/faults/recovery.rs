//! Accepting a loss: the database goes on under a successor origin that names what is known.

use ledger_store::{SideStore, StoredCheckpoint};

use super::{commit, log, open, options, runtime};
use crate::error::OpenError;
use crate::recover::accept_loss;
use crate::store::SqliteStore;
use crate::verify::verify_store;

/// A store of two tenants whose database is then put back to before the last commits of one. Gives the lost database.
fn rolled_back(dir: &std::path::Path) -> Vec<u8> {
    let database = dir.join("events.db");
    runtime().block_on(async {
        let store = open(dir);
        let (mut a, mut b) = (log(&store, "a", 1).await, log(&store, "b", 2).await);
        commit(&store, vec![a.append("s-1", 4), b.append("s-1", 4)]).await;
        let checkpoint = StoredCheckpoint { size: 5, note: format!("test/a\n5\n{}\n", "A".repeat(43) + "=") };
        store.put_checkpoint(a.tenant(), checkpoint).await.unwrap();
        drop(store);
        let old = std::fs::read(&database).unwrap();
        let store = open(dir);
        commit(&store, vec![a.append("s-1", 3)]).await;
        drop(store);
        let lost = std::fs::read(&database).unwrap();
        std::fs::write(&database, old).unwrap();
        lost
    })
}

#[test]
fn a_loss_is_accepted_under_a_successor_origin() {
    let dir = tempfile::tempdir().unwrap();
    let lost_database = rolled_back(dir.path());
    let refused = SqliteStore::open(options(dir.path())).err();
    assert!(matches!(refused, Some(OpenError::HeadMismatch { .. })), "{refused:?}");
    // The checkpoint of this test is none: what is kept of it is damage, which cannot be accepted.
    let damaged = accept_loss(&options(dir.path())).unwrap_err();
    assert!(matches!(damaged, OpenError::Damaged { .. }), "{damaged:?}");
    let conn = rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    conn.execute("DELETE FROM checkpoints", []).unwrap();
    drop(conn);

    let losses = accept_loss(&options(dir.path())).unwrap();
    let [loss] = &losses[..] else { panic!("{losses:?}") };
    assert_eq!(
        (loss.tenant.as_str(), loss.origin.as_str(), loss.successor.as_str()),
        ("a", "test/a", "test/a/e2")
    );
    assert_eq!((loss.known_size, loss.size), (8, 5));
    assert_eq!(accept_loss(&options(dir.path())), Ok(Vec::new()), "there is nothing more to accept");

    runtime().block_on(async {
        let store = open(dir.path());
        let logs = store.logs().await.unwrap();
        assert_eq!(logs.iter().map(|log| log.origin.as_str()).collect::<Vec<_>>(), ["test/a/e2", "test/b"]);
        let tenant = "a".parse().unwrap();
        let predecessor = store.succession(&tenant).await.unwrap().unwrap();
        assert_eq!((predecessor.origin.as_str(), predecessor.size), ("test/a", 8));
        assert_eq!(store.succession(&"b".parse().unwrap()).await, Ok(None));
        let mut sealer = ledger_store::conformance::Sealer::new("a", 1);
        // Sealed again from the genesis on, so that its chain is known here.
        sealer.genesis();
        commit(&store, vec![sealer.successor("test/a/e2", predecessor)]).await;
        assert_eq!(store.succession(&tenant).await, Ok(None));
    });
    let report = verify_store(&options(dir.path()), |_, _| {}).unwrap();
    assert!(report.holds(), "{:?}", report.failures);

    // The lost database turns up: it is another store now.
    std::fs::write(dir.path().join("events.db"), lost_database).unwrap();
    let refused = SqliteStore::open(options(dir.path())).err();
    assert!(matches!(refused, Some(OpenError::HeadFile { .. })), "{refused:?}");
}

#[test]
fn without_a_head_file_every_log_goes_on_under_a_successor() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let store = open(dir.path());
        log(&store, "a", 1).await;
        log(&store, "b", 2).await;
    });
    std::fs::remove_file(dir.path().join("heads")).unwrap();
    let refused = SqliteStore::open(options(dir.path())).err();
    assert!(matches!(refused, Some(OpenError::HeadFileMissing { .. })), "{refused:?}");
    let losses = accept_loss(&options(dir.path())).unwrap();
    assert_eq!(losses.iter().map(|loss| (loss.known_size, loss.size)).collect::<Vec<_>>(), [(1, 1), (1, 1)]);
    assert!(SqliteStore::open(options(dir.path())).is_ok());
}

/// Cut off between the database and the head file, it is taken up again and counts the loss once.
#[test]
fn a_recovery_that_is_cut_off_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    rolled_back(dir.path());
    let conn = rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    conn.execute("DELETE FROM checkpoints", []).unwrap();
    drop(conn);
    let heads = std::fs::read(dir.path().join("heads")).unwrap();
    accept_loss(&options(dir.path())).unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("events.db")).unwrap();
    conn.execute("INSERT INTO meta (key, value) VALUES ('recovering', x'01')", []).unwrap();
    drop(conn);
    std::fs::write(dir.path().join("heads"), heads).unwrap();
    assert!(SqliteStore::open(options(dir.path())).is_err());
    assert_eq!(accept_loss(&options(dir.path())), Ok(Vec::new()));
    let store = SqliteStore::open(options(dir.path())).unwrap();
    let logs = runtime().block_on(store.logs()).unwrap();
    assert_eq!(logs[0].origin, "test/a/e2");
}
