//! One generation of read models: its tables, and how far it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Page, Query, Row, RowSource, Schema, SourceError, TableDef};
use ledger_store::views::{Claim, Generation, Progress, TenantDigests, ViewCommit, ViewError};

use super::cache::Cache;
use super::db::Db;
use super::link::{Link, Purpose, view_error};
use super::writer::{self, Writer};
use super::{control, ddl, digest, select};

/// One generation.
pub(crate) struct PostgresGeneration {
    number: i32,
    db: Arc<Db>,
    schema: Arc<Schema>,
    owner: Mutex<Owner>,
    /// Its tables are not logged yet: a crash of the server empties them. It would end the connection too, so such a
    /// generation is given up with its connection.
    filling: AtomicBool,
    /// The epoch of the last claim made here.
    claimed: AtomicU64,
}

/// What belongs to the owner.
#[derive(Default)]
struct Owner {
    /// The connection that writes; `None` before the first use and after an error.
    link: Option<Link>,
    cache: Cache,
}

impl PostgresGeneration {
    /// One that is there. It must be held already: see [`super::keeper`].
    pub fn open(db: &Arc<Db>, schema: &Arc<Schema>, number: i32) -> Self {
        Self::with(db, schema, number, None)
    }

    fn with(db: &Arc<Db>, schema: &Arc<Schema>, number: i32, filling: Option<Link>) -> Self {
        Self {
            number,
            db: Arc::clone(db),
            schema: Arc::clone(schema),
            filling: AtomicBool::new(filling.is_some()),
            owner: Mutex::new(Owner { link: filling, cache: Cache::default() }),
            claimed: AtomicU64::new(0),
        }
    }

    /// Begins a new, empty one.
    pub fn begin(db: &Arc<Db>, schema: &Arc<Schema>) -> Result<Self, ViewError> {
        let (number, link) = db.wait(async {
            let link = Link::open(&db.options, Purpose::Write).await?;
            let number = control::next(&link).await?;
            // Held before anybody can see it, or it could be taken for one that nobody uses.
            db.keeper.hold(number).await?;
            let made = create(&link, schema, number).await;
            if made.is_err() {
                db.keeper.release(number).await?;
            }
            made.map(|()| (number, link))
        })?;
        Ok(Self::with(db, schema, number, Some(link)))
    }

    /// Its number.
    pub const fn number(&self) -> i32 {
        self.number
    }

    /// The epoch of the last claim made here.
    pub fn claimed(&self) -> u64 {
        self.claimed.load(Ordering::SeqCst)
    }

    /// Adds what was left out while it was filled, and makes it durable.
    pub fn settle(&self) -> Result<(), ViewError> {
        if !self.filling.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.write(async |writer| {
            let client = &writer.link.client;
            client.batch_execute("BEGIN; SET LOCAL statement_timeout = 0").await.map_err(view_error)?;
            // What is sorted for an index in memory need not be written and read again.
            client.batch_execute("SET LOCAL maintenance_work_mem = '256MB'").await.map_err(view_error)?;
            for (slot, table) in self.schema.tables().iter().enumerate() {
                client.batch_execute(&ddl::settle(self.number, slot, table)).await.map_err(view_error)?;
            }
            client.batch_execute("SET LOCAL synchronous_commit = on; COMMIT").await.map_err(view_error)
        })?;
        self.filling.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn owner(&self) -> MutexGuard<'_, Owner> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the connection that writes. After an error it is dropped, and with it whatever it had begun.
    fn write<T>(&self, work: impl AsyncFnOnce(&Writer<'_>) -> Result<T, ViewError>) -> Result<T, ViewError> {
        self.write_as(&mut self.owner(), work)
    }

    fn write_as<T>(
        &self,
        owner: &mut Owner,
        work: impl AsyncFnOnce(&Writer<'_>) -> Result<T, ViewError>,
    ) -> Result<T, ViewError> {
        let link = match owner.link.take() {
            Some(link) if !link.client.is_closed() => link,
            _ if self.filling.load(Ordering::SeqCst) => {
                let what = "the connection that filled new read models was lost: they are begun anew";
                return Err(ViewError::Unavailable(what.to_owned()));
            }
            _ => self.db.wait(async {
                self.db.keeper.renew().await?;
                Link::open(&self.db.options, Purpose::Write).await
            })?,
        };
        let writer = Writer { db: &self.db, link: &link, schema: &self.schema, generation: self.number };
        let result = self.db.wait(work(&writer));
        match result {
            Ok(_) => owner.link = Some(link),
            Err(_) => owner.cache.clear(),
        }
        result
    }
}

async fn create(link: &Link, schema: &Schema, number: i32) -> Result<(), ViewError> {
    let client = &link.client;
    client.batch_execute("BEGIN").await.map_err(view_error)?;
    let sql = "INSERT INTO views_generations (number, fingerprint) VALUES ($1, $2)";
    client.execute(sql, &[&number, &schema.fingerprint()]).await.map_err(view_error)?;
    let tables: Vec<_> = schema.tables().iter().map(|table| ddl::create_table(number, table)).collect();
    client.batch_execute(&tables.join(";")).await.map_err(view_error)?;
    client.batch_execute("COMMIT").await.map_err(view_error)
}

impl Drop for PostgresGeneration {
    fn drop(&mut self) {
        let (db, number) = (Arc::clone(&self.db), self.number);
        let fingerprint = self.schema.fingerprint();
        self.db.spawn(async move {
            // What cannot be dropped now is dropped at the next start or by another process.
            if db.keeper.release(number).await.is_ok() {
                drop(db.keeper.sweep(&fingerprint, false).await);
            }
        });
    }
}

fn source_error(error: ViewError) -> SourceError {
    SourceError(Arc::new(error))
}

impl RowSource for PostgresGeneration {
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        let mut owner = self.owner();
        if let Some(known) = owner.cache.get(slot, tenant, key) {
            return Ok(known);
        }
        let row = self.write_as(&mut owner, async |writer| writer.load(slot, tenant, key).await);
        let row = row.map_err(source_error)?;
        owner.cache.loaded(slot, tenant, key, row.clone());
        Ok(row)
    }

    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError> {
        self.write(async |writer| writer.load_all(slot, tenant).await).map_err(source_error)
    }
}

impl Generation for PostgresGeneration {
    fn claim(&self) -> Result<Claim, ViewError> {
        let mut owner = self.owner();
        owner.cache.clear();
        let claim = self.write_as(&mut owner, async |writer| writer.claim().await)?;
        self.claimed.store(claim.epoch, Ordering::SeqCst);
        Ok(claim)
    }

    fn commit(&self, commit: ViewCommit) -> Result<(), ViewError> {
        let mut owner = self.owner();
        self.write_as(&mut owner, async |writer| writer.commit(&commit).await)?;
        owner.cache.stored(&commit.rows);
        Ok(())
    }

    fn progress(&self, since: u64) -> Result<Progress, ViewError> {
        self.db.read(async |link| control::progress(link, self.number, since).await)
    }

    fn query(&self, query: &Query) -> Result<Page, ViewError> {
        let order = query.check()?;
        self.db.read(async |link| match self.db.tenant(link, &query.tenant).await? {
            Some(tenant) => select::page(link, query, &order, self.number, tenant).await,
            None => Ok(Page { rows: Vec::new(), next: None }),
        })
    }

    fn row(
        &self,
        table: &'static TableDef,
        tenant: &TenantId,
        key: &[Cell],
    ) -> Result<Option<Row>, ViewError> {
        self.db.read(async |link| match self.db.tenant(link, tenant).await? {
            Some(tenant) => writer::row(link, self.number, table, tenant, key).await,
            None => Ok(None),
        })
    }

    fn digests(&self, tenant: &TenantId) -> Result<TenantDigests, ViewError> {
        self.db.read(async |link| digest::digests(&self.db, link, &self.schema, self.number, tenant).await)
    }
}
