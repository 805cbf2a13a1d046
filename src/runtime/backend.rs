//! Where the ledger lies: embedded in the data directory, or in a database that several processes share.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ledger::ids::uuid_v7;
use ledger_projections::LedgerModels;
use ledger_store::leases::{Leases, SoleProcess};
use ledger_store::views::ViewStore;
use ledger_store::{EventStore, Portable, SideStore};
use ledger_store_postgres::{HeadOptions, PostgresOptions, PostgresStore, PostgresViews};
use ledger_store_sqlite::{DirectoryLock, SqliteStore, SqliteViews, StoreOptions};

use super::keys::{self, Kek};
use crate::config::{Config, ReadModelsPlace, StoreUrl};

/// An open store and what belongs to it.
pub struct Backend {
    /// The events.
    pub events: Arc<dyn EventStore>,
    /// What lives beside them.
    pub side: Arc<dyn SideStore>,
    /// What a copy of it needs; nothing: it cannot be copied.
    pub portable: Option<Arc<dyn Portable>>,
    /// Who does what one process at a time may do.
    pub leases: Arc<dyn Leases>,
    /// May other processes have the same store?
    pub shared: bool,
    /// The key that wraps all others.
    pub kek: Kek,
    /// One process a data directory, whatever else the store is shared with.
    pub lock: Option<DirectoryLock>,
}

impl Backend {
    /// Opens the configured store; an embedded one is made where there is none.
    ///
    /// # Errors
    /// Each says what is wrong and how to mend it.
    pub async fn open(config: &Config) -> Result<Self> {
        let url = config.store.url()?;
        keys::make_dir(&config.data.dir)?;
        match url {
            StoreUrl::Embedded => Self::embedded(config).await,
            StoreUrl::Postgres(url) => Self::postgres(config, &url).await,
            StoreUrl::EventStoreDb(url) => Self::event_store_db(config, &url).await,
        }
    }

    async fn embedded(config: &Config) -> Result<Self> {
        let there = config.data.dir.join("events.db").exists();
        let kek = keys::key_encryption_key(config, there)?;
        let options = embedded_options(config, &kek);
        let store = Arc::new(tokio::task::spawn_blocking(move || SqliteStore::open(options)).await??);
        Ok(Self {
            events: Arc::<SqliteStore>::clone(&store),
            side: Arc::<SqliteStore>::clone(&store),
            portable: Some(store),
            leases: Arc::new(SoleProcess::new(&config.data.dir)),
            shared: false,
            kek,
            lock: None,
        })
    }

    async fn postgres(config: &Config, url: &str) -> Result<Self> {
        if config.data.dir.join("events.db").exists() {
            bail!(
                "{dir} holds an embedded ledger, and store.url names a database: one log never has two live stores. \
                 Take another --data for the database, or move the ledger there: ledger copy --from sqlite:{dir} --to postgres://… --data DIR",
                dir = config.data.dir.display()
            );
        }
        let lock = DirectoryLock::take(&config.data.dir.join("ledger.lock"))?;
        let mut options = postgres_options(config, url)?;
        if !config.kek_file().exists() {
            // Whether there is a ledger is asked before a key is made that could not open it.
            let store =
                PostgresStore::open(options.clone()).await.context("the database cannot be opened")?;
            let there = !store.logs().await?.is_empty();
            keys::key_encryption_key(config, there)?;
        }
        let kek = keys::key_encryption_key(config, true)?;
        options.head = Some(HeadOptions { path: config.head_file(), key: keys::head_key(&kek) });
        let store = PostgresStore::open(options).await.context("the database cannot be opened")?;
        let store = Arc::new(store);
        Ok(Self {
            events: Arc::<PostgresStore>::clone(&store),
            side: Arc::<PostgresStore>::clone(&store),
            portable: Some(Arc::<PostgresStore>::clone(&store)),
            leases: store,
            shared: true,
            kek,
            lock: Some(lock),
        })
    }

    #[cfg(not(feature = "eventstore"))]
    async fn event_store_db(_config: &Config, _url: &str) -> Result<Self> {
        bail!(
            "this binary cannot speak to EventStoreDB: build it with `cargo build --release --features eventstore`"
        )
    }

    /// The log on EventStoreDB; what stands beside it in PostgreSQL, or in the data directory.
    #[cfg(feature = "eventstore")]
    async fn event_store_db(config: &Config, url: &str) -> Result<Self> {
        use ledger_store_eventstore::{EsdbOptions, EventStoreDbStore};
        let beside = config.data.dir.join("side");
        let there = beside.join("events.db").exists();
        let shared = !config.store.side.is_empty();
        let lock = DirectoryLock::take(&config.data.dir.join("ledger.lock"))?;
        let (side, leases, kek): (Arc<dyn SideStore>, Arc<dyn Leases>, Kek) = if shared {
            let store = PostgresStore::open(postgres_options(config, &config.store.side)?).await;
            let store =
                Arc::new(store.context("the database of what stands beside the log cannot be opened")?);
            let kek = keys::key_encryption_key(config, !store.logs().await?.is_empty())?;
            (Arc::<PostgresStore>::clone(&store), store, kek)
        } else {
            let kek = keys::key_encryption_key(config, there)?;
            keys::make_dir(&beside)?;
            let options = StoreOptions::new(&beside, config.data.dir.join("side.head"), keys::head_key(&kek));
            let store = Arc::new(tokio::task::spawn_blocking(move || SqliteStore::open(options)).await??);
            (store, Arc::new(SoleProcess::new(&config.data.dir)), kek)
        };
        let options = EsdbOptions::new(url, config.data.dir.join("index"), Arc::clone(&side));
        let store = Arc::new(EventStoreDbStore::open(options).await?);
        Ok(Self {
            events: Arc::<EventStoreDbStore>::clone(&store),
            side: store,
            portable: None,
            leases,
            shared,
            kek,
            lock: Some(lock),
        })
    }
}

/// What the database of a URL is opened with.
///
/// # Errors
/// The URL or the certificates.
pub fn postgres_options(config: &Config, url: &str) -> Result<PostgresOptions> {
    let ca_file = Some(config.store.ca_file.as_path()).filter(|path| !path.as_os_str().is_empty());
    Ok(PostgresOptions::at(url, ca_file)?)
}

/// What the embedded store of an existing ledger is opened with.
pub fn embedded_options(config: &Config, kek: &Kek) -> StoreOptions {
    StoreOptions::new(&config.data.dir, config.head_file(), keys::head_key(kek))
}

/// Where the read models are: with the events, unless the settings say that each process keeps its own.
///
/// # Errors
/// The storage fails.
pub async fn views(config: &Config) -> Result<(Arc<dyn ViewStore>, bool)> {
    let schema = Arc::clone(LedgerModels::schema());
    match config.store.url()? {
        StoreUrl::Postgres(url) if config.store.read_models == ReadModelsPlace::Shared => {
            let options = postgres_options(config, &url)?;
            let views =
                PostgresViews::open(options, schema).await.context("the read models cannot be opened")?;
            Ok((Arc::new(views), true))
        }
        _ => Ok((Arc::new(SqliteViews::open(&config.data.dir, schema)?), false)),
    }
}

/// How this process calls itself among others.
pub fn holder(clock: &dyn ledger::clock::Clock, entropy: &dyn ledger::clock::Entropy) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let own = uuid_v7(clock, entropy).to_string();
    format!("{}/{}/{}", host.trim(), std::process::id(), &own[own.len() - 8..])
}
