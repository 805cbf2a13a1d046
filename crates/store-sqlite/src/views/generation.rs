//! One file of read models.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::ids::TenantId;
use ledger::readmodel::{Cell, Page, Query, Row, RowSource, Schema, SourceError, TableDef};
use ledger_store::views::{Claim, Generation, Progress, TenantDigests, ViewCommit, ViewError};

use super::dictionary::Texts;
use super::files::{self, ViewFiles, file_error};
use super::reader::Readers;
use super::writer::{self, Writer};
use super::{bulk, digest, select, view_error};

/// One file of read models.
pub struct SqliteGeneration {
    number: u64,
    files: ViewFiles,
    schema: Arc<Schema>,
    writer: Mutex<Writer>,
    tenants: Arc<Texts>,
    symbols: Arc<Texts>,
    readers: Readers,
    /// Still without journal and indexes: only the writer may read it.
    filling: AtomicBool,
    /// Its file goes with its last user.
    retired: AtomicBool,
}

impl SqliteGeneration {
    /// Opens the file of a published generation. `None`: it is of another schema.
    pub fn open(files: &ViewFiles, number: u64, schema: &Arc<Schema>) -> Result<Option<Self>, ViewError> {
        let connection = files::open_writer(&files.path(number))?;
        let sql = "SELECT \"value\" FROM \"meta\" WHERE \"name\" = 'fingerprint'";
        let fingerprint: String = connection.query_row(sql, [], |row| row.get(0)).map_err(view_error)?;
        if fingerprint != schema.fingerprint() {
            return Ok(None);
        }
        let writer = Writer::new(connection, Arc::clone(schema))?;
        Ok(Some(Self::with(files, number, schema, writer, false)))
    }

    /// Begins a new, empty one.
    pub fn begin(files: &ViewFiles, number: u64, schema: &Arc<Schema>) -> Result<Self, ViewError> {
        let connection = bulk::begin(&files.path(number), schema)?;
        let writer = Writer::new(connection, Arc::clone(schema))?;
        let generation = Self::with(files, number, schema, writer, true);
        generation.retired.store(true, Ordering::SeqCst);
        Ok(generation)
    }

    fn with(files: &ViewFiles, number: u64, schema: &Arc<Schema>, writer: Writer, filling: bool) -> Self {
        let (tenants, symbols) =
            (Arc::clone(writer.tenants().shared()), Arc::clone(writer.symbols().shared()));
        Self {
            number,
            files: files.clone(),
            schema: Arc::clone(schema),
            writer: Mutex::new(writer),
            tenants,
            symbols,
            readers: Readers::new(files.path(number)),
            filling: AtomicBool::new(filling),
            retired: AtomicBool::new(false),
        }
    }

    /// Its number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Adds what was left out while it was filled, and makes it durable.
    pub fn settle(&self) -> Result<(), ViewError> {
        let mut writer = self.writer();
        if self.filling.load(Ordering::SeqCst) {
            bulk::index(writer.connection(), &self.schema)?;
            // The exclusive connection must be gone before one with a WAL can open the file.
            writer.reconnect(rusqlite::Connection::open_in_memory().map_err(view_error)?);
            self.files.sync(self.number).map_err(file_error)?;
            writer.reconnect(files::open_writer(&self.files.path(self.number))?);
            self.filling.store(false, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Its file stays (or goes with its last user).
    pub fn retire(&self, retired: bool) {
        self.retired.store(retired, Ordering::SeqCst);
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, ViewError>,
    ) -> Result<T, ViewError> {
        if self.filling.load(Ordering::SeqCst) {
            return read(self.writer().connection());
        }
        self.readers.read(read)
    }
}

impl Drop for SqliteGeneration {
    fn drop(&mut self) {
        if self.retired.load(Ordering::SeqCst) {
            // What cannot be removed now is removed at the next start.
            let _ = self.files.remove(self.number);
        }
    }
}

fn source_error(error: ViewError) -> SourceError {
    SourceError(Arc::new(error))
}

impl RowSource for SqliteGeneration {
    fn load(&self, slot: usize, tenant: &TenantId, key: &[Cell]) -> Result<Option<Row>, SourceError> {
        self.writer().load(slot, tenant, key).map_err(source_error)
    }

    fn load_all(&self, slot: usize, tenant: &TenantId) -> Result<Vec<Row>, SourceError> {
        self.writer().load_all(slot, tenant).map_err(source_error)
    }
}

impl Generation for SqliteGeneration {
    fn claim(&self) -> Result<Claim, ViewError> {
        self.writer().claim()
    }

    fn commit(&self, commit: ViewCommit) -> Result<(), ViewError> {
        self.writer().commit(&commit)
    }

    fn progress(&self, since: u64) -> Result<Progress, ViewError> {
        self.read(|connection| writer::progress(connection, since).map_err(view_error))
    }

    fn query(&self, query: &Query) -> Result<Page, ViewError> {
        let order = query.check()?;
        let Some(tenant) = self.tenants.number(query.tenant.as_str()) else {
            return Ok(Page { rows: Vec::new(), next: None });
        };
        self.read(|connection| select::page(connection, query, &order, tenant, &self.symbols))
    }

    fn row(
        &self,
        table: &'static TableDef,
        tenant: &TenantId,
        key: &[Cell],
    ) -> Result<Option<Row>, ViewError> {
        let Some(number) = self.tenants.number(tenant.as_str()) else { return Ok(None) };
        self.read(|connection| select::row(connection, table, number, key, &self.symbols))
    }

    fn digests(&self, tenant: &TenantId) -> Result<TenantDigests, ViewError> {
        self.read(|connection| {
            digest::digests(connection, &self.schema, tenant, &self.tenants, &self.symbols)
        })
    }
}
