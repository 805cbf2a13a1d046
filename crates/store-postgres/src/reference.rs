//! What appends are held against: the same bytes in a plain table, by multi-row inserts, each commit synced.

use std::time::Duration;

use ledger::clock::Stopwatch;
use ledger_store::{EventStore, Read, StoreError};

use crate::connect::connect;
use crate::error::{OpenError, PgError};
use crate::options::PostgresOptions;
use crate::rows::signed;
use crate::store::PostgresStore;

/// Writes the last `events` of a store into a table of their own, `rows` a commit: position, header and signature, with
/// an index by position, and nothing else. How long that took; the table is dropped.
///
/// # Errors
/// The store's or the database's.
pub async fn plain_inserts(
    store: &PostgresStore,
    options: &PostgresOptions,
    events: u64,
    rows: usize,
) -> Result<Duration, StoreError> {
    let last = *store.subscribe().borrow();
    let (mut next, mut all) = (last.saturating_sub(events) + 1, Vec::new());
    while next <= last {
        let page = store.read(Read::all(next)).await?;
        next = page.next;
        all.extend(page.events);
    }
    let opened = |error: OpenError| StoreError::Unavailable { reason: error.to_string() };
    let failed = |error: tokio_postgres::Error| PgError::from(error).nothing_happened();
    let client = connect(options).await.map_err(opened)?;
    let table = "DROP TABLE IF EXISTS bench_plain;
                 CREATE TABLE bench_plain (position bigint PRIMARY KEY, header bytea NOT NULL, signature bytea NOT NULL);
                 ALTER TABLE bench_plain ALTER COLUMN header SET STORAGE EXTERNAL";
    client.batch_execute(table).await.map_err(failed)?;
    let sql = "INSERT INTO bench_plain SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])";
    let insert = client.prepare(sql).await.map_err(failed)?;
    let watch = Stopwatch::start();
    for part in all.chunks(rows.max(1)) {
        let positions: Vec<i64> = part.iter().map(|event| signed(event.position)).collect();
        let headers: Vec<&[u8]> = part.iter().map(|event| &*event.header).collect();
        let signatures: Vec<&[u8]> = part.iter().map(|event| &event.signature[..]).collect();
        client.execute(&insert, &[&positions, &headers, &signatures]).await.map_err(failed)?;
    }
    let took = watch.elapsed();
    client.batch_execute("DROP TABLE bench_plain").await.map_err(failed)?;
    Ok(took)
}
