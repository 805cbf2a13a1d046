//! Accepting a loss on a database that went back (see [`ledger_store::succession`]).
//!
//! It is done once for all processes, by one of them, while none runs: the database gets a new identity, so that no other
//! process's head file fits it any more. What those files know of the lost entries can be brought along.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ledger::epochs::{GENESIS, Predecessor};
use ledger::ids::TenantId;
use ledger::merkle::Hash;
use ledger_store::Access;
use ledger_store::headfile::{Head, HeadFile};
use ledger_store::succession::{AcceptedLoss, Remains};
use ledger_store::verify::verify_events;
use tokio_postgres::{Client, Transaction};

use crate::connect::{bring_up, check, connect};
use crate::error::{OpenError, PgError};
use crate::guard::{HeadOptions, logs, root_before, store_id};
use crate::logs::LogRow;
use crate::options::PostgresOptions;
use crate::portable::{CUSTODY_LOCK, admit};
use crate::rows::{array, signed, unsigned};
use crate::store::PostgresStore;

/// Makes a database that does not match its head files servable again, and says what that costs. Nothing is done if they
/// match. `head`: of this process, made anew; `others`: copies of other processes' files, which may know more. A log that
/// no file knows may have lost something, if there is no file at all. It can be cut off at any place and run again.
///
/// # Errors
/// [`OpenError`]: a process is connected, a head file cannot be trusted, or the database is damaged in itself (a loss can
/// be accepted, damage cannot).
pub async fn accept_loss(
    options: &PostgresOptions,
    head: &HeadOptions,
    others: &[PathBuf],
) -> Result<Vec<AcceptedLoss>, OpenError> {
    let mut client = connect(options).await?;
    check(&client).await?;
    alone(&client).await?;
    bring_up(&mut client, &*options.entropy).await?;
    admit(&client, Access::Serve).await?;
    verified(options).await?;
    let (identity, cut_off) = state(&client).await.map_err(failed)?;
    if cut_off {
        return new_head_file(&client, head, &identity).await.map(|()| Vec::new());
    }
    let known = Known::read(head, others, &identity)?;
    let losses = losses(&client, &known).await.map_err(failed)?;
    let there = logs(&client).await.map_err(failed)?;
    let unknown = known.heads.keys().any(|id| there.iter().all(|log| i64::from(log.id) != *id));
    if losses.is_empty() && !unknown && known.any {
        return Ok(losses);
    }
    let mut fresh = [0; 16];
    options.entropy.fill(&mut fresh);
    record(&mut client, &losses, &identity, &fresh).await.map_err(failed)?;
    new_head_file(&client, head, &fresh).await?;
    Ok(losses)
}

fn failed(error: PgError) -> OpenError {
    OpenError::Statement { what: "accepting the loss", reason: error.to_string() }
}

/// A process that runs knows logs by the origins that they had.
async fn alone(client: &Client) -> Result<(), OpenError> {
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'ledger' AND pid <> pg_backend_pid()";
    let others: i64 = client.query_one(sql, &[]).await.map_err(|error| failed(error.into()))?.get(0);
    if others > 0 { Err(OpenError::InUse { connections: others.unsigned_abs() }) } else { Ok(()) }
}

/// A database that contradicts itself is not gone on with.
async fn verified(options: &PostgresOptions) -> Result<(), OpenError> {
    let store = PostgresStore::open(PostgresOptions { head: None, ..options.clone() }).await?;
    let report = verify_events(&store, &store, |_, _| {}).await;
    let report = report.map_err(|error| OpenError::Damaged(error.to_string()))?;
    match report.failures.first() {
        Some(failure) => Err(OpenError::Damaged(failure.to_string())),
        None => Ok(()),
    }
}

/// The identity, and whether an earlier run was cut off between the database and the head file.
async fn state(client: &Client) -> Result<([u8; 16], bool), PgError> {
    let recovering = client.query_one("SELECT recovering FROM store", &[]).await?.get(0);
    Ok((store_id(client).await?, recovering))
}

/// What head files know: of each log the most that one of them says.
struct Known {
    heads: BTreeMap<i64, Head>,
    any: bool,
}

impl Known {
    fn read(own: &HeadOptions, others: &[PathBuf], store: &[u8; 16]) -> Result<Self, OpenError> {
        let mut known = Self { heads: BTreeMap::new(), any: false };
        for path in std::iter::once(&own.path).chain(others) {
            match HeadFile::open(path, &own.key, store)? {
                Some(file) => known.learn(&file),
                None if *path == own.path => {}
                None => return Err(OpenError::NoHeadFile { path: path.clone() }),
            }
        }
        Ok(known)
    }

    fn learn(&mut self, file: &HeadFile) {
        self.any = true;
        for (log, head) in file.logs().filter_map(|log| Some((log, file.head(log)?))) {
            let most = self.heads.entry(log).or_insert(head);
            if head.size > most.size {
                *most = head;
            }
        }
    }
}

async fn losses(client: &Client, known: &Known) -> Result<Vec<AcceptedLoss>, PgError> {
    let mut losses = Vec::new();
    for log in logs(client).await? {
        let head = known.heads.get(&i64::from(log.id)).copied();
        // A log that others have made since the file was written has lost nothing that anybody knows of. Where there is
        // no file, what was accepted already and goes on with the next start is not accepted again.
        if head.is_none() && (known.any || succession(client, &log.tenant).await?.is_some()) {
            continue;
        }
        let then = root_then(client, &log, head).await?;
        let origin: String =
            client.query_one("SELECT origin FROM logs WHERE log = $1", &[&log.id]).await?.get(0);
        let (tenant, origin) = (log.tenant.as_str(), origin.as_str());
        losses.extend(Remains { tenant, origin, size: log.size, root: log.root }.loss(head, then));
    }
    Ok(losses)
}

/// The loss that no genesis names yet.
pub(crate) async fn succession(client: &Client, tenant: &TenantId) -> Result<Option<Predecessor>, PgError> {
    // The genesis is the next event of the log, or one of the next.
    let sql = "SELECT s.origin, s.size, s.root FROM successions s JOIN logs USING (log)
               WHERE tenant = $1 AND NOT EXISTS
                   (SELECT 1 FROM events e JOIN kinds USING (kind)
                    WHERE e.log = s.log AND e.idx >= s.has AND type = $2)
               ORDER BY s.size, s.origin LIMIT 1";
    let Some(row) = client.query_opt(sql, &[&tenant.as_str(), &GENESIS]).await? else { return Ok(None) };
    let root = ledger::b64::encode(array::<32>(row.get(2))?);
    Ok(Some(Predecessor { origin: row.get(0), size: unsigned(row.get(1))?, root }))
}

async fn root_then(client: &Client, log: &LogRow, head: Option<Head>) -> Result<Option<Hash>, PgError> {
    match head {
        Some(head) if head.size <= log.size => root_before(client, log, head.size).await.map(Some),
        _ => Ok(None),
    }
}

/// The old head files do not fit the new identity: until the new one is there, this process serves nothing.
async fn record(
    client: &mut Client,
    losses: &[AcceptedLoss],
    old: &[u8; 16],
    new: &[u8; 16],
) -> Result<(), PgError> {
    let tx = client.transaction().await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&CUSTODY_LOCK]).await?;
    tx.query_one("SELECT 1 FROM store FOR UPDATE", &[]).await?;
    for loss in losses {
        succeed(&tx, loss).await?;
    }
    let sql = "UPDATE store SET id = $2, recovering = true WHERE id = $1";
    if tx.execute(sql, &[&&old[..], &&new[..]]).await? == 0 {
        return Err(PgError::Server("another process has accepted the loss meanwhile".to_owned()));
    }
    tx.commit().await?;
    Ok(())
}

async fn succeed(tx: &Transaction<'_>, loss: &AcceptedLoss) -> Result<(), PgError> {
    let (size, has) = (signed(loss.known_size), signed(loss.size));
    let sql = "INSERT INTO successions (log, origin, size, root, has)
               SELECT log, origin, $2, $3, $4 FROM logs WHERE tenant = $1 AND size = $4";
    let rows = tx.execute(sql, &[&loss.tenant, &size, &&loss.known_root[..], &has]).await?;
    if rows == 0 {
        return Err(PgError::Server(format!("the log of tenant {} has grown meanwhile", loss.tenant)));
    }
    // The kept checkpoint is of the old origin; the next one will be of the new.
    let sql = "DELETE FROM checkpoints WHERE log = (SELECT log FROM logs WHERE tenant = $1)";
    tx.execute(sql, &[&loss.tenant]).await?;
    tx.execute("UPDATE logs SET origin = $2 WHERE tenant = $1", &[&loss.tenant, &loss.successor]).await?;
    Ok(())
}

async fn new_head_file(client: &Client, head: &HeadOptions, store: &[u8; 16]) -> Result<(), OpenError> {
    let HeadOptions { path, key } = head;
    let mut file = HeadFile::create(path, key, store)?;
    for log in logs(client).await.map_err(failed)? {
        file.write(i64::from(log.id), log.size, log.root).map_err(|error| unwritten(path, &error))?;
    }
    file.sync().map_err(|error| unwritten(path, &error))?;
    let done = client.execute("UPDATE store SET recovering = false", &[]).await;
    done.map(drop).map_err(|error| failed(error.into()))
}

fn unwritten(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Statement {
        what: "the head file",
        reason: format!("{}: {error}; it must be writable", path.display()),
    }
}
