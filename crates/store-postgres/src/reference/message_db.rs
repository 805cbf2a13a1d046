//! message-db, as its npm package has it: a schema of its own on the same server, written by its own function.

use std::path::Path;
use std::time::Duration;

use futures_util::future::try_join_all;
use ledger::clock::Stopwatch;
use ledger_store::{EventStore, StoreError};
use tokio_postgres::{Client, Statement};

use super::{failed, last, opened};
use crate::connect::connect;
use crate::options::PostgresOptions;

/// Its own `install.sh` runs these in this order; what is left out are the role, its rights and views for people.
const FILES: [&str; 12] = [
    "schema/message-store.sql",
    "extensions/pgcrypto.sql",
    "tables/messages.sql",
    "types/message.sql",
    "functions/hash-64.sql",
    "functions/category.sql",
    "functions/stream-version.sql",
    "functions/acquire-lock.sql",
    "functions/write-message.sql",
    "indexes/messages-id.sql",
    "indexes/messages-stream.sql",
    "indexes/messages-category.sql",
];
/// Connections that write at once, each to a category of its own: its lock is one a category.
const CLIENTS: usize = 16;
/// Streams of a category.
const STREAMS: usize = 64;

/// How many messages a second it took.
#[derive(Debug, Clone, Copy)]
pub struct MessageDb {
    /// Messages of the first figure, and how long they took: each in a transaction of its own.
    pub single: (u64, Duration),
    /// Those of the second: a transaction has many of one stream, sent without waiting for each other.
    pub batched: (u64, Duration),
}

/// Writes the headers of the last `events` of a store as messages, `batch` a transaction, and at most `singles` of them
/// one by one. The schema is dropped.
///
/// # Errors
/// The files', the database's, or that it has a schema of this name already.
pub async fn message_db(
    store: &dyn EventStore,
    options: &PostgresOptions,
    files: &Path,
    events: u64,
    singles: u64,
    batch: usize,
) -> Result<MessageDb, StoreError> {
    let own = connect(options).await.map_err(opened)?;
    install(&own, files).await?;
    let all = last(store, events).await?;
    let texts: Result<Vec<&str>, _> = all.iter().map(|event| std::str::from_utf8(&event.header)).collect();
    let texts = texts.map_err(|error| StoreError::corrupt(error.to_string()))?;
    let few = &texts[..texts.len().min(usize::try_from(singles).unwrap_or(usize::MAX))];
    let single = (few.len() as u64, write(options, few, 1).await?);
    let batched = (texts.len() as u64, write(options, &texts, batch.max(1)).await?);
    own.batch_execute("DROP SCHEMA message_store CASCADE").await.map_err(failed)?;
    Ok(MessageDb { single, batched })
}

async fn install(client: &Client, files: &Path) -> Result<(), StoreError> {
    let sql = "SELECT to_regnamespace('message_store') IS NOT NULL";
    if client.query_one(sql, &[]).await.map_err(failed)?.get(0) {
        return Err(StoreError::invalid(
            "the database has a schema message_store already; give an empty one",
        ));
    }
    for file in FILES {
        let path = files.join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            StoreError::invalid(format!(
                "{}: {error}; name the directory `database` of its package",
                path.display()
            ))
        })?;
        client.batch_execute(&text).await.map_err(failed)?;
        // Its functions call each other by name alone.
        client.batch_execute(SEARCH_PATH).await.map_err(failed)?;
    }
    Ok(())
}

const SEARCH_PATH: &str = "SET search_path = message_store, public";

async fn write(options: &PostgresOptions, texts: &[&str], batch: usize) -> Result<Duration, StoreError> {
    let mut clients = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let client = connect(options).await.map_err(opened)?;
        client.batch_execute(SEARCH_PATH).await.map_err(failed)?;
        let sql = "SELECT write_message(gen_random_uuid()::varchar, $1::text::varchar, 'Measured'::varchar, $2::text::jsonb)";
        let put = client.prepare(sql).await.map_err(failed)?;
        clients.push((client, put));
    }
    let watch = Stopwatch::start();
    let parts: Vec<&[&str]> = texts.chunks(texts.len().div_ceil(CLIENTS).max(1)).collect();
    let runs = clients.iter().zip(parts).enumerate().map(|(n, ((client, put), part))| async move {
        for (turn, messages) in part.chunks(batch).enumerate() {
            let stream = format!("bench{batch}x{n}-{}", turn % STREAMS);
            transact(client, put, &stream, messages).await?;
        }
        Ok(())
    });
    try_join_all(runs).await.map_err(failed)?;
    Ok(watch.elapsed())
}

async fn transact(
    client: &Client,
    put: &Statement,
    stream: &str,
    messages: &[&str],
) -> Result<(), tokio_postgres::Error> {
    if let [message] = messages {
        client.query_one(put, &[&stream, message]).await?;
        return Ok(());
    }
    client.batch_execute("BEGIN").await?;
    try_join_all(messages.iter().map(async |message| client.query_one(put, &[&stream, message]).await))
        .await?;
    client.batch_execute("COMMIT").await?;
    Ok(())
}
