//! The tables that all processes agree by: which generation is current, how far it is, and whose it is.

use ledger::ids::TenantId;
use ledger::readmodel::{LogState, Poisoned};
use ledger::time::Timestamp;
use ledger_store::views::{Claim, Progress, ViewError};
use tokio_postgres::{Client, Row};

use super::db::{text, wrong};
use super::link::{Link, corrupt, view_error};

/// Held while the tables are made: `views` in ASCII.
const LOCK: i64 = 0x76_6965_7773;

/// Makes the tables; several processes may start at once. Where they are nothing is done: even `IF NOT EXISTS` waits for
/// whoever folds, and he may wait for whoever starts.
pub(crate) async fn create(client: &Client) -> Result<(), ViewError> {
    // The last of them: all come with one transaction.
    let there = "SELECT to_regclass('views_poisoned') IS NOT NULL";
    if client.query_one(there, &[]).await.map_err(view_error)?.try_get(0).map_err(corrupt)? {
        return Ok(());
    }
    let sql = format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK}); {}; COMMIT", include_str!("control.sql"));
    client.batch_execute(&sql).await.map_err(view_error)
}

/// A generation's row.
pub(crate) struct Standing {
    pub epoch: u64,
    pub position: u64,
}

impl Standing {
    fn read(row: &Row) -> Result<Self, ViewError> {
        Ok(Self { epoch: number(row, 0)?, position: number(row, 1)? })
    }
}

/// A number that is never negative.
fn number(row: &Row, at: usize) -> Result<u64, ViewError> {
    let stored: i64 = row.try_get(at).map_err(corrupt)?;
    u64::try_from(stored).map_err(|_| wrong("a count"))
}

/// A number for the database; what is beyond its range stands for its end.
pub(crate) fn signed(number: u64) -> i64 {
    crate::rows::signed(number)
}

/// The current generation of a schema.
pub(crate) async fn current(link: &Link, fingerprint: &str) -> Result<Option<i32>, ViewError> {
    let sql =
        link.prepared("SELECT number FROM views_generations WHERE fingerprint = $1 AND current").await?;
    let row = link.client.query_opt(&sql, &[&fingerprint]).await.map_err(view_error)?;
    row.map(|row| row.try_get(0).map_err(corrupt)).transpose()
}

/// A number for a new generation.
pub(crate) async fn next(link: &Link) -> Result<i32, ViewError> {
    let sql = "SELECT nextval(pg_get_serial_sequence('views_generations', 'number'))::integer";
    link.client.query_one(sql, &[]).await.map_err(view_error)?.try_get(0).map_err(corrupt)
}

fn gone(generation: i32) -> ViewError {
    ViewError::Unavailable(format!("generation {generation} was replaced by a newer one and dropped"))
}

/// Locks the row of a generation until the end of the transaction: nobody else can claim or write it meanwhile.
pub(crate) async fn lock(link: &Link, generation: i32) -> Result<Standing, ViewError> {
    let sql = "SELECT epoch, position FROM views_generations WHERE number = $1 FOR UPDATE";
    let sql = link.prepared(sql).await?;
    let row = link.client.query_opt(&sql, &[&generation]).await.map_err(view_error)?;
    Standing::read(&row.ok_or_else(|| gone(generation))?)
}

/// Raises the epoch and reads what was folded.
pub(crate) async fn claim(link: &Link, generation: i32) -> Result<Claim, ViewError> {
    link.client.batch_execute("BEGIN").await.map_err(view_error)?;
    // Waits until a commit in hand is over: it counts, and the next one of the same owner does not.
    let sql = "UPDATE views_generations SET epoch = epoch + 1 WHERE number = $1 RETURNING epoch, position";
    let row = link.client.query_opt(sql, &[&generation]).await.map_err(view_error)?;
    let Standing { epoch, position } = Standing::read(&row.ok_or_else(|| gone(generation))?)?;
    let logs = logs(link, generation, -1).await?.into_iter().collect();
    let poisoned = poisoned(link, generation, -1).await?;
    link.client.batch_execute("COMMIT").await.map_err(view_error)?;
    Ok(Claim { epoch, position, logs, poisoned })
}

/// How far a generation is, from one state.
pub(crate) async fn progress(link: &Link, generation: i32, since: u64) -> Result<Progress, ViewError> {
    let sql = link.prepared("SELECT epoch, position FROM views_generations WHERE number = $1").await?;
    let row = link.client.query_opt(&sql, &[&generation]).await.map_err(view_error)?;
    let known = Standing::read(&row.ok_or_else(|| gone(generation))?)?;
    if known.position == since {
        return Ok(Progress { position: since, ..Progress::default() });
    }
    // It has moved: now position, logs and quarantine of one state.
    snapshot(link).await?;
    let row = link.client.query_opt(&sql, &[&generation]).await.map_err(view_error)?;
    let Standing { position, .. } = Standing::read(&row.ok_or_else(|| gone(generation))?)?;
    let whole = since == 0 || position < since;
    let behind = if whole { -1 } else { signed(since) };
    let logs = logs(link, generation, behind).await?;
    let poisoned = poisoned(link, generation, behind).await?;
    link.client.batch_execute("COMMIT").await.map_err(view_error)?;
    Ok(Progress { position, whole, logs, poisoned })
}

/// Begins a transaction in which everything is read from one state, however long it takes.
pub(crate) async fn snapshot(link: &Link) -> Result<(), ViewError> {
    let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0";
    link.client.batch_execute(sql).await.map_err(view_error)
}

async fn logs(link: &Link, generation: i32, behind: i64) -> Result<Vec<(TenantId, LogState)>, ViewError> {
    let sql = "SELECT tenant, size, as_of FROM views_logs JOIN views_tenants ON t = number
               WHERE generation = $1 AND position > $2";
    let sql = link.prepared(sql).await?;
    let rows = link.client.query(&sql, &[&generation, &behind]).await.map_err(view_error)?;
    let log = |row: &Row| {
        let tenant = text(row, 0)?.parse().map_err(|_| wrong("a tenant"))?;
        Ok((tenant, log_state(row, 1)?))
    };
    rows.iter().map(log).collect()
}

fn log_state(row: &Row, at: usize) -> Result<LogState, ViewError> {
    let as_of = row.try_get(at + 1).map_err(corrupt)?;
    Ok(LogState { size: number(row, at)?, as_of: Timestamp::from_micros(as_of) })
}

/// How far one log was folded.
pub(crate) async fn log(link: &Link, generation: i32, tenant: i32) -> Result<LogState, ViewError> {
    let sql = link.prepared("SELECT size, as_of FROM views_logs WHERE generation = $1 AND t = $2").await?;
    let row = link.client.query_opt(&sql, &[&generation, &tenant]).await.map_err(view_error)?;
    row.map_or(Ok(LogState::default()), |row| log_state(&row, 0))
}

/// The quarantine entries written behind a position.
pub(crate) async fn poisoned(link: &Link, generation: i32, behind: i64) -> Result<Vec<Poisoned>, ViewError> {
    let sql = "SELECT projection, tenant, stream, idx, reason, held FROM views_poisoned
               WHERE generation = $1 AND position > $2";
    let sql = link.prepared(sql).await?;
    let rows = link.client.query(&sql, &[&generation, &behind]).await.map_err(view_error)?;
    let entry = |row: &Row| {
        let reason: &[u8] = row.try_get(4).map_err(corrupt)?;
        Ok(Poisoned {
            projection: text(row, 0)?.to_owned(),
            tenant: text(row, 1)?.parse().map_err(|_| wrong("a tenant"))?,
            stream: text(row, 2)?.parse().map_err(|_| wrong("a stream"))?,
            index: number(row, 3)?,
            reason: String::from_utf8_lossy(reason).into_owned(),
            held: number(row, 5)?,
        })
    };
    rows.iter().map(entry).collect()
}

/// Makes a generation the current one of its schema, in one transaction. `before`: the one that was current when this
/// one was begun; `epoch`: that of its owner.
///
/// It is refused if another process has published one since, if it has another owner, or if it is behind the one
/// before: nobody who has read something may fail to find it afterwards.
pub(crate) async fn publish(
    link: &Link,
    fingerprint: &str,
    before: Option<i32>,
    generation: i32,
    epoch: u64,
) -> Result<(), ViewError> {
    link.client.batch_execute("BEGIN").await.map_err(view_error)?;
    let sql = "SELECT number FROM views_generations WHERE fingerprint = $1 AND current FOR UPDATE";
    let row = link.client.query_opt(sql, &[&fingerprint]).await.map_err(view_error)?;
    let found: Option<i32> = row.map(|row| row.try_get(0).map_err(corrupt)).transpose()?;
    if found != before {
        let what = "another process has published read models since these were begun";
        return Err(ViewError::Unavailable(what.to_owned()));
    }
    let green = lock(link, generation).await?;
    if green.epoch != epoch {
        return Err(ViewError::Fenced { stored: green.epoch, held: epoch });
    }
    if let Some(before) = before {
        let blue = lock(link, before).await?;
        if blue.position > green.position {
            let (new, old) = (green.position, blue.position);
            let what = format!("the new read models are at position {new}, those before at {old} already");
            return Err(ViewError::Unavailable(what));
        }
        // Whoever follows the one before is fenced off, and finds the new one.
        let sql = "UPDATE views_generations SET current = false, epoch = epoch + 1 WHERE number = $1";
        link.client.execute(sql, &[&before]).await.map_err(view_error)?;
    }
    let sql = "UPDATE views_generations SET current = true WHERE number = $1";
    link.client.execute(sql, &[&generation]).await.map_err(view_error)?;
    link.client.batch_execute("COMMIT").await.map_err(view_error)
}
