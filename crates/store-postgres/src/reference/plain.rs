//! A plain table: multi-row inserts, each commit synced, and a scan.

use std::time::Duration;

use futures_util::{TryStreamExt, pin_mut};
use ledger::clock::Stopwatch;
use ledger_store::{EventStore, StoreError};
use tokio_postgres::Client;

use super::{failed, last, opened};
use crate::connect::connect;
use crate::options::PostgresOptions;
use crate::rows::signed;

/// How long a plain table took.
#[derive(Debug, Clone, Copy)]
pub struct PlainTable {
    /// How many rows it had.
    pub rows: u64,
    /// For inserting them.
    pub insert: Duration,
    /// For reading them in order.
    pub scan: Duration,
}

/// Writes the last `events` of a store into a table of their own, `rows` a commit: position, header and signature, with
/// an index by position, and nothing else. Then reads them all; the table is dropped.
///
/// # Errors
/// The store's or the database's.
pub async fn plain_table(
    store: &dyn EventStore,
    options: &PostgresOptions,
    events: u64,
    rows: usize,
) -> Result<PlainTable, StoreError> {
    let all = last(store, events).await?;
    let client = connect(options).await.map_err(opened)?;
    let table = "DROP TABLE IF EXISTS bench_plain;
                 CREATE TABLE bench_plain (position bigint PRIMARY KEY, header bytea NOT NULL, signature bytea NOT NULL);
                 ALTER TABLE bench_plain ALTER COLUMN header SET STORAGE EXTERNAL";
    client.batch_execute(table).await.map_err(failed)?;
    let sql = "INSERT INTO bench_plain SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])";
    let put = client.prepare(sql).await.map_err(failed)?;
    let watch = Stopwatch::start();
    for part in all.chunks(rows.max(1)) {
        let positions: Vec<i64> = part.iter().map(|event| signed(event.position)).collect();
        let headers: Vec<&[u8]> = part.iter().map(|event| &*event.header).collect();
        let signatures: Vec<&[u8]> = part.iter().map(|event| &event.signature[..]).collect();
        client.execute(&put, &[&positions, &headers, &signatures]).await.map_err(failed)?;
    }
    let insert = watch.elapsed();
    let (rows, scan) = scan(&client).await.map_err(failed)?;
    client.batch_execute("DROP TABLE bench_plain").await.map_err(failed)?;
    Ok(PlainTable { rows, insert, scan })
}

async fn scan(client: &Client) -> Result<(u64, Duration), tokio_postgres::Error> {
    let watch = Stopwatch::start();
    let sql = client.prepare("SELECT position, header, signature FROM bench_plain ORDER BY position").await?;
    let none: [&i64; 0] = [];
    let rows = client.query_raw(&sql, none).await?;
    pin_mut!(rows);
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.try_next().await? {
        count += 1;
        bytes += row.get::<_, &[u8]>(1).len() + row.get::<_, &[u8]>(2).len();
    }
    std::hint::black_box(bytes);
    Ok((count, watch.elapsed()))
}
