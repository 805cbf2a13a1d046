//! The reference: the same rows, transactions and syncs, without what makes them a ledger.

use std::path::Path;

use ledger::clock::Stopwatch;
use rusqlite::{Connection, params};

use crate::load::Load;

/// Rows a second of an append-only table with heads, as bare as it can be.
pub fn rate(dir: &Path, load: &Load) -> f64 {
    let mut conn = Connection::open(dir.join("floor.db")).expect("a database");
    conn.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -24576;
         CREATE TABLE events (position INTEGER PRIMARY KEY, header BLOB NOT NULL, signature BLOB NOT NULL);
         CREATE TABLE heads (stream TEXT PRIMARY KEY, seq INTEGER, hash BLOB) WITHOUT ROWID;",
    )
    .expect("a schema");
    let header = vec![b'x'; 65_536];
    let (signature, hash) = ([1_u8; 64], [2_u8; 32]);
    let watch = Stopwatch::start();
    for rows in load.rows.chunks(load.batch) {
        let tx = conn.transaction().expect("a transaction");
        for (length, stream) in rows {
            tx.prepare_cached("INSERT INTO events (header, signature) VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute(params![&header[..*length], &signature[..]]))
                .expect("an insert");
            tx.prepare_cached(
                "INSERT INTO heads VALUES (?1, 0, ?2)
                 ON CONFLICT (stream) DO UPDATE SET seq = seq + 1, hash = excluded.hash",
            )
            .and_then(|mut upsert| upsert.execute(params![format!("evidence-{stream}"), &hash[..]]))
            .expect("an upsert");
        }
        tx.commit().expect("a commit");
    }
    load.rows.len() as f64 / watch.elapsed().as_secs_f64()
}
