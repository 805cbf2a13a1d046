//! What an append is held against: what a run wrote, written once more with nothing signed, on the same kind of store.

use std::path::Path;

use anyhow::{Context as _, Result};
use ledger_store::Read;
use ledger_store_postgres::{PostgresOptions, plain_table};

use super::ground::Ground;
use super::place::{Place, Scratch};
use super::same_rows::Rows;
use super::{Figure, rate};
use crate::config::StoreUrl;
use crate::runtime::backend::postgres_options;

/// A reference.
pub struct Again {
    /// What was done.
    pub what: &'static str,
    /// Events a second.
    pub rate: f64,
    /// The mean size of a header.
    pub header_bytes: u64,
}

/// Messages that are written one by one to message-db: enough for a steady rate.
const SINGLES_MAX: u64 = 30_000;
/// Messages that are written in batches.
const BATCHED_MAX: u64 = 100_000;

/// Writes the last `events` of a place, whose directory is `dir`, once more, `rows` a commit.
///
/// # Errors
/// The store's.
pub async fn again(ground: &Ground, place: &Place, dir: &Path, events: u64, rows: usize) -> Result<Again> {
    match ground.url() {
        StoreUrl::Embedded => {
            let same = Rows::last(dir, events)?;
            let scratch = Scratch::new()?;
            let took = same.write(scratch.path(), rows)?;
            let what = "the same rows, indexes and syncs, nothing signed or hashed";
            Ok(Again { what, rate: rate(events, took), header_bytes: same.header_bytes() as u64 })
        }
        StoreUrl::Postgres(url) => {
            let table = plain_table(&*place.store, &options(ground, url)?, events, rows).await?;
            let what = "the same bytes into a plain table, multi-row inserts";
            Ok(Again { what, rate: rate(table.rows, table.insert), header_bytes: header(place).await? })
        }
        StoreUrl::EventStoreDb(url) => event_store_db(place, url, events, rows).await,
    }
}

/// How a database that is measured is reached.
///
/// # Errors
/// The URL or the certificates.
pub fn options(ground: &Ground, url: &str) -> Result<PostgresOptions> {
    postgres_options(&ground.config(Path::new("")), url)
}

/// The size of the newest header.
async fn header(place: &Place) -> Result<u64> {
    let last = *place.store.subscribe().borrow();
    let page = place.store.read(Read::all(last).limit(1)).await?;
    Ok(page.events.first().context("the store is not empty")?.header.len() as u64)
}

#[cfg(feature = "eventstore")]
async fn event_store_db(place: &Place, url: &str, events: u64, rows: usize) -> Result<Again> {
    let (rows, took) = ledger_store_eventstore::plain_appends(&*place.store, url, events, rows).await?;
    let what = "the same entries into one stream, nothing signed or hashed";
    Ok(Again { what, rate: rate(rows, took), header_bytes: header(place).await? })
}

#[cfg(not(feature = "eventstore"))]
async fn event_store_db(place: &Place, _: &str, _: u64, _: usize) -> Result<Again> {
    anyhow::bail!("no reference for {} bytes: this binary cannot speak to EventStoreDB", header(place).await?)
}

/// What was appended at the rate `own`, held against message-db on the same server.
///
/// # Errors
/// The database's, or that there is no message-db in `files`.
pub async fn message_db(
    (ground, url): (&Ground, &str),
    place: &Place,
    files: &Path,
    events: u64,
    batch: usize,
    own: f64,
) -> Result<Figure> {
    let options = options(ground, url)?;
    let found = ledger_store_postgres::message_db(
        &*place.store,
        &options,
        files,
        events.min(BATCHED_MAX),
        SINGLES_MAX,
        batch,
    )
    .await?;
    let reference = format!("message-db, 16 clients and categories, {batch} a transaction");
    let batched = rate(found.batched.0, found.batched.1);
    Ok(Figure::new(ground.named("the same append"), own, "events/s", reference, batched).detail(
        "message-db, 16 clients and categories, one by one",
        rate(found.single.0, found.single.1),
        "events/s",
    ))
}
