//! Writing heads into their table, behind the log and beside it: of that a commit waits for the last statement alone.
//!
//! One process at a time does it, on a connection of its own, whose lock ends with it. The rows of a stream only go forward,
//! and `store.folded` follows when all are there, so whoever is cut off leaves rows that are ahead: they are what the next
//! one would write.

use std::sync::Arc;

use ledger_store::{Access, StreamHead};
use tokio_postgres::{Client, Statement};

use crate::connect::connect;
use crate::copy_in::Rows;
use crate::error::PgError;
use crate::heads::Heads;
use crate::options::PostgresOptions;
use crate::revisions::PAGE_POSITIONS;
use crate::rows::{signed, unsigned};
use crate::unfolded::{Key, Tail};

/// Who holds it folds: `heads` in ASCII.
const FOLD_LOCK: i64 = 0x68_6561_6473;
/// Streams of one transaction.
const STREAMS: usize = 1024;
/// An error that stays is met so seldom.
const POLLS_AFTER_ERROR: u32 = 10;
/// What a row is long, about.
const HEAD_ROW_BYTES: usize = 160;

/// Folds for ever: what this process commits, and what nobody else has folded in time. After an error it goes on with what is
/// behind then.
pub(crate) async fn fold(options: PostgresOptions, heads: Arc<Heads>) {
    let mut behind = heads.watch_behind();
    let mut folder: Option<Folder> = None;
    loop {
        // The sender lives as long as the heads.
        drop(behind.wait_for(|behind| *behind > 0).await);
        let many = behind.wait_for(|behind| *behind >= options.fold_events);
        let late = tokio::time::timeout(options.fold_after, many).await.is_ok();
        // A ledger that does not live here is read, and nothing is written.
        if heads.wrote() || late && options.access == Access::Serve {
            folder = match folder.take() {
                Some(open) => Some(open),
                None => Folder::open(&options).await.ok(),
            };
            let failed = match &folder {
                Some(open) => open.fold(&heads).await.is_err(),
                None => true,
            };
            if failed {
                // The next connection may lead elsewhere.
                if folder.take().is_some_and(|open| open.client.is_closed()) {
                    heads.forget();
                }
                tokio::time::sleep(options.poll * POLLS_AFTER_ERROR).await;
            }
        }
        // Another process may be at it.
        tokio::time::sleep(options.poll).await;
    }
}

struct Folder {
    client: Client,
    known: Statement,
    copy: Statement,
    put: Statement,
    put_pages: Statement,
}

impl Folder {
    async fn open(options: &PostgresOptions) -> Result<Self, PgError> {
        let client = connect(options).await.map_err(|error| PgError::Server(error.to_string()))?;
        Ok(Self {
            known: client.prepare(KNOWN).await?,
            copy: client.prepare(COPY).await?,
            put: client.prepare(PUT).await?,
            put_pages: client.prepare(PUT_PAGES).await?,
            client,
        })
    }

    /// Folds all that is known, unless another process is at it.
    async fn fold(&self, heads: &Heads) -> Result<(), PgError> {
        let client = &self.client;
        if !client.query_one("SELECT pg_try_advisory_lock($1)", &[&FOLD_LOCK]).await?.get::<_, bool>(0) {
            return Ok(());
        }
        // What others have folded and committed.
        let epoch = heads.catch_up(client).await?;
        let all = heads.all(epoch);
        // Whatever other connections have told meanwhile, this server has too.
        if let Some((reached, all)) = all
            && heads.catch_up(client).await? == epoch
        {
            let all: Vec<(Key, Tail)> = all.into_iter().collect();
            for part in all.chunks(STREAMS) {
                self.put(part).await?;
            }
            // Its commit makes those before it durable too. It waits for the lock of the store: while that is held, what is
            // folded stands still.
            let sql = "UPDATE store SET folded = $1 WHERE folded < $1 AND position >= $1";
            client.execute(sql, &[&signed(reached)]).await?;
            heads.folded(epoch, reached);
        }
        client.execute("SELECT pg_advisory_unlock($1)", &[&FOLD_LOCK]).await?;
        Ok(())
    }

    async fn put(&self, part: &[(Key, Tail)]) -> Result<(), PgError> {
        let client = &self.client;
        let (logs, streams): (Vec<i32>, Vec<&str>) =
            part.iter().map(|((log, stream), _)| (*log, stream.as_str())).unzip();
        let begin = "BEGIN; SET LOCAL synchronous_commit = off";
        let (_, known) =
            tokio::try_join!(async { Ok::<_, PgError>(client.batch_execute(begin).await?) }, async {
                Ok(client.query(&self.known, &[&logs, &streams]).await?)
            },)?;
        let mut known = known.iter().peekable();
        let mut changes = Changes::default();
        // Both are in the order of the question.
        for (place, (key, tail)) in (1_i64..).zip(part) {
            let there = known.next_if(|row| row.get::<_, i64>(0) == place);
            let there = there.map(|row| Ok::<_, PgError>((unsigned(row.get(1))?, row.get(2)))).transpose()?;
            changes.add(key, tail, there)?;
        }
        tokio::try_join!(
            async { copy(client, &self.copy, &changes.new).await },
            async { put(client, &self.put, &changes.grown).await },
            async { put_pages(client, &self.put_pages, &changes.pages).await },
            async { Ok(client.batch_execute("COMMIT").await?) },
        )?;
        Ok(())
    }
}

/// A row of the table: the head, and the positions of the revisions from the last multiple of [`PAGE_POSITIONS`] on.
struct Row<'a> {
    key: &'a Key,
    head: StreamHead,
    recent: Vec<i64>,
}

/// What is written of some streams.
#[derive(Default)]
struct Changes<'a> {
    new: Vec<Row<'a>>,
    grown: Vec<Row<'a>>,
    pages: Vec<(&'a Key, i64, Vec<i64>)>,
}

impl<'a> Changes<'a> {
    /// A stream of which the table has `there`: a revision, and positions up to it.
    fn add(&mut self, key: &'a Key, tail: &Tail, there: Option<(u64, Vec<i64>)>) -> Result<(), PgError> {
        let new = there.is_none();
        let (next, mut recent) = there.map_or((0, Vec::new()), |(seq, recent)| (seq + 1, recent));
        if tail.head.seq < next {
            return Ok(());
        }
        let first = tail.first();
        let Some(skipped) = next.checked_sub(first) else {
            let what = format!("stream {}: its head is missing the revisions {next} to {}", key.1, first - 1);
            return Err(PgError::Corrupt(what));
        };
        let fresh = tail.positions.iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        for (seq, position) in (next..).zip(fresh) {
            if recent.len() as u64 == PAGE_POSITIONS {
                self.pages.push((key, signed(seq / PAGE_POSITIONS) - 1, std::mem::take(&mut recent)));
            }
            recent.push(*position);
        }
        let rows = if new { &mut self.new } else { &mut self.grown };
        rows.push(Row { key, head: tail.head, recent });
        Ok(())
    }
}

fn array_text(positions: &[i64]) -> String {
    let numbers: Vec<String> = positions.iter().map(i64::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}

async fn copy(client: &Client, copy: &Statement, new: &[Row<'_>]) -> Result<(), PgError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::of(5, new.len() * HEAD_ROW_BYTES);
    for Row { key: (log, stream), head, recent } in new {
        rows.row().int4(*log).text(Some(stream.as_str())).int8(signed(head.seq));
        rows.field(&head.hash.0).int8s(recent);
    }
    rows.send(client, copy).await
}

async fn put(client: &Client, put: &Statement, grown: &[Row<'_>]) -> Result<(), PgError> {
    if grown.is_empty() {
        return Ok(());
    }
    let logs: Vec<i32> = grown.iter().map(|row| row.key.0).collect();
    let streams: Vec<&str> = grown.iter().map(|row| row.key.1.as_str()).collect();
    let seqs: Vec<i64> = grown.iter().map(|row| signed(row.head.seq)).collect();
    let hashes: Vec<&[u8]> = grown.iter().map(|row| &row.head.hash.0[..]).collect();
    let recent: Vec<String> = grown.iter().map(|row| array_text(&row.recent)).collect();
    client.execute(put, &[&logs, &streams, &seqs, &hashes, &recent]).await?;
    Ok(())
}

async fn put_pages(client: &Client, put: &Statement, pages: &[(&Key, i64, Vec<i64>)]) -> Result<(), PgError> {
    if pages.is_empty() {
        return Ok(());
    }
    let logs: Vec<i32> = pages.iter().map(|(key, ..)| key.0).collect();
    let streams: Vec<&str> = pages.iter().map(|(key, ..)| key.1.as_str()).collect();
    let numbers: Vec<i64> = pages.iter().map(|(_, page, _)| *page).collect();
    let positions: Vec<String> = pages.iter().map(|(.., positions)| array_text(positions)).collect();
    client.execute(put, &[&logs, &streams, &numbers, &positions]).await?;
    Ok(())
}

// LATERAL with OFFSET 0 keeps the planner from scanning the whole table for a few hundred keys.
const KNOWN: &str = r#"
    SELECT w.place, h.seq, h.recent
    FROM unnest($1::integer[], $2::text[]) WITH ORDINALITY AS w (log, stream, place)
    CROSS JOIN LATERAL
        (SELECT * FROM stream_heads s WHERE s.log = w.log AND s.stream = w.stream COLLATE "C" OFFSET 0) h
    ORDER BY w.place"#;
const COPY: &str = "COPY stream_heads (log, stream, seq, hash, recent) FROM STDIN (FORMAT binary)";
// Arrays of arrays must be rectangular, so `recent` travels as text. One update a row, and none where nothing is new.
const PUT: &str = r#"
    UPDATE stream_heads h SET seq = w.seq, hash = w.hash, recent = w.recent::bigint[]
    FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bytea[], $5::text[])
         AS w (log, stream, seq, hash, recent)
    WHERE h.log = w.log AND h.stream = w.stream COLLATE "C" AND h.seq < w.seq"#;
const PUT_PAGES: &str = "
    INSERT INTO stream_pages (log, stream, page, positions)
    SELECT log, stream, page, positions::bigint[]
    FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::text[]) AS w (log, stream, page, positions)
    ON CONFLICT DO NOTHING";
