//! What the ledger is held against: the same rows and the same fsyncs, with nothing signed, hashed or chained.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::Result;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use rusqlite::Connection;
use tokio::sync::oneshot;

/// The most rows of one commit, as the ledger's own committer has it.
const COMMIT_ROWS_MAX: usize = 2048;

const SCHEMA: &str = "
    PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE event (position INTEGER PRIMARY KEY, stream TEXT NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE head (stream TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE view (key INTEGER PRIMARY KEY, body BLOB NOT NULL);";

/// A table and a head, nothing else.
#[derive(Debug)]
pub struct BareStore(Connection);

impl BareStore {
    /// A new store in `dir`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn create(dir: &Path) -> Result<Self> {
        let connection = Connection::open(dir.join("bare.db"))?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    /// Writes rows in one durable commit.
    ///
    /// # Errors
    /// SQLite's.
    pub fn commit<'a>(&mut self, rows: impl IntoIterator<Item = (&'a str, u64, &'a [u8])>) -> Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut event =
                transaction.prepare_cached("INSERT INTO event (stream, seq, body) VALUES (?1, ?2, ?3)")?;
            let mut head = transaction.prepare_cached(
                "INSERT INTO head (stream, seq) VALUES (?1, ?2) ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq",
            )?;
            for (stream, seq, body) in rows {
                event.execute((stream, i64::try_from(seq)?, body))?;
                head.execute((stream, i64::try_from(seq)?))?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Puts rows of a read model in one durable commit.
    ///
    /// # Errors
    /// SQLite's.
    pub fn upsert<'a>(&mut self, rows: impl IntoIterator<Item = (u64, &'a [u8])>) -> Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO view (key, body) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            )?;
            for (key, body) in rows {
                put.execute((i64::try_from(key)?, body))?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Reads all rows in order; how many there are.
    ///
    /// # Errors
    /// SQLite's.
    pub fn scan(&self) -> Result<u64> {
        let mut select = self.0.prepare("SELECT position, stream, seq, body FROM event ORDER BY position")?;
        let mut rows = select.query([])?;
        let (mut count, mut bytes) = (0, 0);
        while let Some(row) = rows.next()? {
            count += 1;
            bytes += row.get_ref(3)?.as_blob()?.len() + row.get_ref(1)?.as_str()?.len();
        }
        std::hint::black_box(bytes);
        Ok(count)
    }
}

type Job = (Bytes, oneshot::Sender<bool>);

/// A bare HTTP server over [`BareStore`]: no authentication, no check of the body, which is kept as `rows` rows.
///
/// # Errors
/// The port or the store cannot be opened.
pub async fn serve(dir: &Path, rows: usize) -> Result<SocketAddr> {
    let store = BareStore::create(dir)?;
    let (send, receive) = channel::<Job>();
    std::thread::Builder::new()
        .name("bare-writer".into())
        .spawn(move || write(store, &receive, rows.max(1)))?;
    let app = axum::Router::new().route("/", post(take)).with_state(Arc::new(send));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn take(State(writer): State<Arc<Sender<Job>>>, body: Bytes) -> StatusCode {
    let (done, answer) = oneshot::channel();
    if writer.send((body, done)).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    if answer.await.unwrap_or(false) { StatusCode::CREATED } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// Group commit: everything that waits goes into the next transaction.
fn write(mut store: BareStore, jobs: &Receiver<Job>, rows: usize) {
    let mut stream = 0_u64;
    let most = (COMMIT_ROWS_MAX / rows).max(1);
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(most - 1)).collect();
        let parts = || batch.iter().flat_map(|(body, _)| body.chunks(body.len().div_ceil(rows).max(1)));
        let names: Vec<String> = parts()
            .map(|_| {
                stream += 1;
                format!("bench-{stream:012}")
            })
            .collect();
        let stored = store.commit(parts().zip(&names).map(|(part, name)| (name.as_str(), 0, part))).is_ok();
        for (_, done) in batch {
            // A client that went away needs no answer.
            let _ = done.send(stored);
        }
    }
}
