//! R5: whoever can write the database changes history. The first bad event is named.

use rusqlite::{Connection, params};

use super::{commit, copy, filled, log, open, options, runtime};
use crate::error::OpenError;
use crate::store::SqliteStore;
use crate::verify::verify_store;
use ledger_store::verify::Failure;

type Tamper = fn(&Connection) -> Result<(), rusqlite::Error>;

const VICTIM: u64 = 200;

fn first_failure(dir: &std::path::Path) -> Failure {
    let report = verify_store(&options(dir), |_, _| {}).unwrap();
    assert!(!report.holds());
    report.failures[0].clone()
}

fn tampered(dir: &std::path::Path, tamper: Tamper) {
    let conn = Connection::open(dir.join("events.db")).unwrap();
    conn.execute_batch("DROP TRIGGER events_are_never_updated; DROP TRIGGER events_are_never_deleted")
        .unwrap();
    tamper(&conn).unwrap();
}

/// Moves everything from a position on by one, up or down; the rows keep their order.
fn shift(conn: &Connection, from: u64, by: i64) -> Result<(), rusqlite::Error> {
    conn.execute("UPDATE events SET position = -position - ?2 WHERE position >= ?1", params![from, by])?;
    conn.execute("UPDATE events SET position = -position WHERE position < 0", [])?;
    Ok(())
}

#[test]
fn the_database_itself_refuses_to_change_or_delete_an_event() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let conn = Connection::open(dir.path().join("events.db")).unwrap();
    for statement in
        ["UPDATE events SET kind = 1 WHERE position = 5", "DELETE FROM events WHERE position = 5"]
    {
        assert!(conn.execute(statement, []).unwrap_err().to_string().contains("never"));
    }
}

#[test]
fn an_untouched_store_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let events = filled(dir.path());
    let mut told = 0;
    let report = verify_store(&options(dir.path()), |done, _| told = done).unwrap();
    assert!(report.holds(), "{:?}", report.failures);
    assert_eq!((report.events, told), (events, events));
    assert_eq!(report.logs.iter().map(|log| log.size).sum::<u64>(), events);
}

#[test]
fn the_first_event_that_was_tampered_with_is_named() {
    let cases: [(&str, Tamper, u64); 9] = [
        (
            "update a header",
            |conn| {
                let from_to = params![VICTIM, "\"note\":\"\"", "\"note\":\"x\""];
                let sql = "UPDATE events SET header = CAST(replace(CAST(header AS TEXT), ?2, ?3) AS BLOB) WHERE position = ?1";
                conn.execute(sql, from_to).map(drop)
            },
            VICTIM,
        ),
        (
            "update a signature",
            |conn| {
                let sql = "UPDATE events SET signature = (SELECT signature FROM events WHERE position = 1) WHERE position = ?1";
                conn.execute(sql, [VICTIM]).map(drop)
            },
            VICTIM,
        ),
        ("delete", |conn| conn.execute("DELETE FROM events WHERE position = ?1", [VICTIM]).map(drop), VICTIM),
        (
            "delete and close the gap",
            |conn| {
                conn.execute("DELETE FROM events WHERE position = ?1", [VICTIM])?;
                shift(conn, VICTIM, -1)
            },
            VICTIM,
        ),
        (
            "reorder",
            |conn| {
                conn.execute("UPDATE events SET position = -1 WHERE position = ?1", [VICTIM])?;
                conn.execute("UPDATE events SET position = ?1 WHERE position = ?1 + 1", [VICTIM])?;
                conn.execute("UPDATE events SET position = ?1 + 1 WHERE position = -1", [VICTIM]).map(drop)
            },
            VICTIM,
        ),
        (
            "insert",
            |conn| {
                shift(conn, VICTIM, 1)?;
                let sql = "INSERT INTO events SELECT ?1, log, idx, kind, back, jump, header, signature FROM events WHERE position = ?1 - 1";
                conn.execute(sql, [VICTIM]).map(drop)
            },
            VICTIM,
        ),
        ("truncate", |conn| conn.execute("DELETE FROM events WHERE position >= ?1", [VICTIM]).map(drop), 0),
        (
            "change what the type is called",
            |conn| {
                conn.execute("UPDATE kinds SET type = 'ledger.other.v1' WHERE type LIKE 'ledger.test%'", [])
                    .map(drop)
            },
            3,
        ),
        (
            "point back elsewhere",
            |conn| conn.execute("UPDATE events SET back = back - 1 WHERE position = ?1", [VICTIM]).map(drop),
            VICTIM,
        ),
    ];
    let original = tempfile::tempdir().unwrap();
    filled(original.path());
    for (name, tamper, first) in cases {
        let dir = tempfile::tempdir().unwrap();
        copy(original.path(), dir.path());
        tampered(dir.path(), tamper);
        let failure = first_failure(dir.path());
        assert_eq!(failure.position.unwrap_or(0), first, "{name}: {failure}");
    }
}

#[test]
fn what_is_derived_is_compared_with_the_events() {
    let cases: [(&str, Tamper); 7] = [
        ("a head", |conn| {
            conn.execute("UPDATE heads SET seq = seq - 1 WHERE stream = 'note-1'", []).map(drop)
        }),
        ("a missing head", |conn| conn.execute("DELETE FROM heads WHERE stream = 'note-1'", []).map(drop)),
        ("a tile", |conn| conn.execute("UPDATE tiles SET hashes = zeroblob(8192)", []).map(drop)),
        ("a missing tile", |conn| conn.execute("DELETE FROM tiles", []).map(drop)),
        ("a root", |conn| conn.execute("UPDATE logs SET root = zeroblob(32)", []).map(drop)),
        ("a run", |conn| conn.execute("UPDATE runs SET position = position + 1 WHERE idx > 5", []).map(drop)),
        ("a key", |conn| conn.execute("UPDATE logs SET active_kid = zeroblob(16)", []).map(drop)),
    ];
    let original = tempfile::tempdir().unwrap();
    filled(original.path());
    for (name, tamper) in cases {
        let dir = tempfile::tempdir().unwrap();
        copy(original.path(), dir.path());
        tampered(dir.path(), tamper);
        let failure = first_failure(dir.path());
        assert!(failure.tenant.is_some(), "{name}: {failure}");
    }
}

/// An older copy of the database is consistent with itself: only the head file can tell.
#[test]
fn a_database_that_is_rolled_back_is_not_served() {
    let (dir, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(dir.path());
    copy(dir.path(), old.path());
    runtime().block_on(async {
        let store = open(dir.path());
        log(&store, "c", 3).await;
    });
    std::fs::copy(old.path().join("events.db"), dir.path().join("events.db")).unwrap();
    let refused = SqliteStore::open(options(dir.path())).err();
    assert!(matches!(refused, Some(OpenError::HeadMismatch { .. })), "{refused:?}");
    let failure = first_failure(dir.path());
    assert!(failure.reason.contains("head file knows log 3"), "{failure}");

    // The control: without the head file nothing is noticed.
    let mut weak = options(dir.path());
    weak.weakness.no_head_file = true;
    assert!(SqliteStore::open(weak).is_ok());
}

/// Whoever has the keys can make another history that is right in itself; the head file says it is not this one.
#[test]
fn another_history_under_the_same_keys_is_not_served() {
    let (real, forged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (dir, filling) in [(&real, 3), (&forged, 4)] {
        runtime().block_on(async {
            let store = open(dir.path());
            let mut sealer = log(&store, "a", 1).await;
            commit(&store, vec![sealer.append("note-1", 5)]).await;
            sealer.filling = filling;
            commit(&store, vec![sealer.append("note-1", 300)]).await;
        });
    }
    let id: Vec<u8> = Connection::open(real.path().join("events.db"))
        .unwrap()
        .query_row("SELECT value FROM meta WHERE key = 'store'", [], |row| row.get(0))
        .unwrap();
    let conn = Connection::open(forged.path().join("events.db")).unwrap();
    conn.execute("UPDATE meta SET value = ?1 WHERE key = 'store'", [id]).unwrap();
    drop(conn);
    std::fs::copy(real.path().join("heads"), forged.path().join("heads")).unwrap();
    let refused = SqliteStore::open(options(forged.path())).err();
    assert!(matches!(refused, Some(OpenError::HeadMismatch { .. })), "{refused:?}");
    let failure = first_failure(forged.path());
    assert!(failure.reason.contains("are not those of the head file"), "{failure}");
}
