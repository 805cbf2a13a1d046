//! What all generations of a process share: a runtime of their own, connections that read, and the tenants' numbers.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use ledger::ids::TenantId;
use ledger_store::views::ViewError;
use tokio::runtime::{Builder, Runtime};

use super::keeper::Keeper;
use super::link::{Link, Purpose, corrupt, view_error};
use crate::options::PostgresOptions;

/// The database as the read models use it.
pub(crate) struct Db {
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
    pub options: PostgresOptions,
    pub keeper: Keeper,
    pool: Mutex<Pool>,
    returned: Condvar,
    /// A number never comes to mean another tenant.
    tenants: RwLock<HashMap<TenantId, i32>>,
}

/// Connections that are lent out one by one, opened as they are first needed.
#[derive(Default)]
struct Pool {
    idle: Vec<Link>,
    open: usize,
}

impl Db {
    /// Nothing is connected yet.
    pub fn new(options: PostgresOptions) -> std::io::Result<Self> {
        // One thread moves bytes; whoever calls waits and works on its own.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("views-postgres")
            .enable_all()
            .build()?;
        let keeper = Keeper::new(options.clone());
        Ok(Self {
            runtime: Some(runtime),
            options,
            keeper,
            pool: Mutex::default(),
            returned: Condvar::new(),
            tenants: RwLock::default(),
        })
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("the runtime lives as long as its owner")
    }

    /// Waits for work on the database. Not for tasks of a runtime: those must not block.
    pub fn wait<F: Future>(&self, work: F) -> F::Output {
        self.runtime().handle().block_on(work)
    }

    /// Does work beside everything else.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
        self.runtime().spawn(work)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads with a connection of the pool; waits while all are lent out. One that was idle may have ended unnoticed, as
    /// all do when the server is started again: then it is read once more with a fresh one.
    pub fn read<T>(&self, read: impl AsyncFn(&Link) -> Result<T, ViewError>) -> Result<T, ViewError> {
        let (link, idle) = self.take()?;
        let first = self.wait(read(&link));
        let again = idle && matches!(first, Err(ViewError::Unavailable(_)));
        if !again {
            self.give_back(link, first.is_err());
            return first;
        }
        drop(link);
        let mut pool = self.pool();
        pool.open -= pool.idle.len();
        pool.idle.clear();
        drop(pool);
        let link = self.open()?;
        let second = self.wait(read(&link));
        self.give_back(link, second.is_err());
        second
    }

    fn give_back(&self, link: Link, failed: bool) {
        let mut pool = self.pool();
        // After an error the connection may stand anywhere: the next reader opens a fresh one.
        if failed || link.client.is_closed() {
            pool.open -= 1;
        } else {
            pool.idle.push(link);
        }
        drop(pool);
        self.returned.notify_one();
    }

    /// A connection, and whether it was used before.
    fn take(&self) -> Result<(Link, bool), ViewError> {
        let mut pool = self.pool();
        loop {
            if let Some(link) = pool.idle.pop() {
                return Ok((link, true));
            }
            if pool.open < self.options.readers.max(1) {
                pool.open += 1;
                drop(pool);
                return self.open().map(|link| (link, false));
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A fresh connection, which is counted already.
    fn open(&self) -> Result<Link, ViewError> {
        self.wait(Link::open(&self.options, Purpose::Read)).inspect_err(|_| {
            self.pool().open -= 1;
            self.returned.notify_one();
        })
    }

    fn known(&self, tenant: &TenantId) -> Option<i32> {
        self.tenants.read().unwrap_or_else(PoisonError::into_inner).get(tenant).copied()
    }

    fn learn(&self, tenant: &TenantId, number: i32) {
        self.tenants.write().unwrap_or_else(PoisonError::into_inner).insert(tenant.clone(), number);
    }

    /// The number of a tenant, if it was ever written.
    pub async fn tenant(&self, link: &Link, tenant: &TenantId) -> Result<Option<i32>, ViewError> {
        if let Some(number) = self.known(tenant) {
            return Ok(Some(number));
        }
        let sql = link.prepared("SELECT number FROM views_tenants WHERE tenant = $1").await?;
        let row = link.client.query_opt(&sql, &[&tenant.as_str()]).await.map_err(view_error)?;
        let number = row.map(|row| row.try_get(0)).transpose().map_err(corrupt)?;
        if let Some(number) = number {
            self.learn(tenant, number);
        }
        Ok(number)
    }

    /// The numbers of tenants, new ones made. Before the transaction that writes their rows: it may fail.
    pub async fn tenants<'a>(
        &self,
        link: &Link,
        tenants: impl Iterator<Item = &'a TenantId>,
    ) -> Result<HashMap<TenantId, i32>, ViewError> {
        let mut numbers = HashMap::new();
        let mut unknown: Vec<&str> = Vec::new();
        for tenant in tenants {
            match self.known(tenant) {
                Some(number) => drop(numbers.insert(tenant.clone(), number)),
                None => unknown.push(tenant.as_str()),
            }
        }
        if unknown.is_empty() {
            return Ok(numbers);
        }
        // In one order, so that two processes cannot wait for each other.
        unknown.sort_unstable();
        unknown.dedup();
        let sql =
            "INSERT INTO views_tenants (tenant) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING";
        link.client.execute(sql, &[&unknown]).await.map_err(view_error)?;
        let sql = "SELECT number, tenant FROM views_tenants WHERE tenant = ANY($1)";
        for row in link.client.query(sql, &[&unknown]).await.map_err(view_error)? {
            let number = row.try_get(0).map_err(corrupt)?;
            let tenant: TenantId = text(&row, 1)?.parse().map_err(|_| wrong("a tenant"))?;
            self.learn(&tenant, number);
            numbers.insert(tenant, number);
        }
        Ok(numbers)
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Whoever drops the last user may be a task, which must not wait.
            runtime.shutdown_background();
        }
    }
}

/// A text column.
pub(crate) fn text(row: &tokio_postgres::Row, at: usize) -> Result<&str, ViewError> {
    row.try_get(at).map_err(corrupt)
}

/// Something stored that is not what it should be.
pub(crate) fn wrong(what: &str) -> ViewError {
    ViewError::Corrupt(format!("something stored as {what} is none"))
}
