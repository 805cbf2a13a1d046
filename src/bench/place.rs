//! A ledger in process, in a scratch directory and on the store that is measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, anyhow, bail};
use ledger::clock::{BufferedEntropy, Clock, Entropy, SystemClock};
use ledger::ids::{Actor, CommandId, TenantId};
use ledger::secretbox::Kek;
use ledger_aggregates::evidence::{Evidence, EvidenceCommand};
use ledger_aggregates::values::EvidenceId;
use ledger_projections::LedgerModels;
use ledger_store::bootstrap::Bootstrap;
use ledger_store::executor::{BulkItem, CommandMeta, Executor};
use ledger_store::keyring::Keyring;
use ledger_store::runner::{RunnerOptions, Views};
use ledger_store::{CommandRecord, EventStore};
use ledger_store_sqlite::DirectoryLock;

use super::ground::{Ground, used};
use super::workload::{Samples, done};
use crate::config::Config;
use crate::runtime::backend::{self, Backend};

/// A directory that goes with its owner.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty directory under the system's directory for such.
    ///
    /// # Errors
    /// The file system's.
    pub fn new() -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("ledger-bench-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in the system's directory for what may be removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A ledger with one tenant, in process, without HTTP.
pub struct Place {
    /// The store.
    pub store: Arc<dyn EventStore>,
    /// The way of a command.
    pub executor: Arc<Executor>,
    /// The keys.
    pub keyring: Arc<Keyring>,
    /// Whose log.
    pub tenant: TenantId,
    /// Where its read models are kept.
    config: Config,
    _lock: Option<DirectoryLock>,
}

impl Place {
    /// Makes a ledger on an empty store, with what is beside it in `dir`.
    ///
    /// # Errors
    /// The store's, or that it is not empty.
    pub async fn create(ground: &Ground, dir: &Path) -> Result<Self> {
        let (place, bootstrap) = Self::open(ground.config(dir)).await?;
        if *place.store.subscribe().borrow() > 0 {
            bail!("{}", used(&place.config));
        }
        bootstrap.open("bench").await?;
        bootstrap.create(&place.tenant, None).await?;
        Ok(place)
    }

    /// Opens the ledger of another place once more, as another process would: with a store, connections and a directory
    /// of its own.
    ///
    /// # Errors
    /// The store's.
    pub async fn beside(ground: &Ground, dir: &Path, first: &Path) -> Result<Self> {
        let mut config = ground.config(dir);
        config.keys.kek_file = ground.config(first).kek_file();
        let (mut place, bootstrap) = Self::open(config).await?;
        let logs = bootstrap.open("bench").await?;
        let own = logs.into_iter().map(|log| log.info.tenant).find(|tenant| *tenant != TenantId::system());
        place.tenant = own.context("the ledger has a tenant")?;
        Ok(place)
    }

    async fn open(config: Config) -> Result<(Self, Bootstrap)> {
        let entropy: Arc<dyn Entropy> = Arc::new(BufferedEntropy::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let Backend { events: store, side, kek, lock, .. } = Backend::open(&config).await?;
        let keyring = Arc::new(Keyring::new(Arc::clone(&side), Kek::new(&kek), Arc::clone(&entropy)));
        let bootstrap = Bootstrap {
            store: Arc::clone(&store),
            side,
            keyring: Arc::clone(&keyring),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        let tenant = TenantId::generate(&*clock, &*entropy);
        let executor = Arc::new(Executor::new(Arc::clone(&store), Arc::clone(&keyring), clock, entropy));
        Ok((Self { store, executor, keyring, tenant, config, _lock: lock }, bootstrap))
    }

    /// Starts read models where the store has them, which follow it.
    ///
    /// # Errors
    /// They cannot be opened.
    pub async fn views(&self) -> Result<Views> {
        let (models, _) = backend::views(&self.config).await?;
        Ok(Views::start(Arc::new(LedgerModels), Arc::clone(&self.store), models, RunnerOptions::default()))
    }

    /// Hands evidence in: `from..until` by number, in calls of `batch`.
    ///
    /// # Errors
    /// A command that was not carried out.
    pub async fn submit(&self, samples: &Samples, from: u64, until: u64, batch: usize) -> Result<()> {
        let keys = self.keyring.log(&self.tenant).ok_or_else(|| anyhow!("the tenant has a log"))?;
        let numbers: Vec<u64> = (from..until).collect();
        for part in numbers.chunks(batch.max(1)) {
            let mut rows = Vec::with_capacity(part.len());
            for n in part {
                let id: EvidenceId = samples.id(*n).parse()?;
                let record = CommandRecord {
                    id: CommandId::new(id.to_string())?,
                    body_mac: keys.body_mac(id.to_string().as_bytes()),
                };
                let meta = CommandMeta::of(Actor::system("bench")).with_record(record).new_stream();
                let command = EvidenceCommand::Submit(Box::new(samples.command(*n)));
                rows.push((id.stream(), meta, command));
            }
            let items: Vec<BulkItem<'_, Evidence>> =
                rows.iter().map(|(stream, meta, command)| BulkItem { stream, meta, command }).collect();
            done::<Evidence>(self.executor.execute_many(&self.tenant, &items).await)?;
        }
        Ok(())
    }

    /// Hands `events` pieces of evidence in from `writers` tasks at once.
    ///
    /// # Errors
    /// A command that was not carried out.
    pub async fn fill(self: &Arc<Self>, samples: &Arc<Samples>, events: u64, writers: usize) -> Result<()> {
        let mut tasks = tokio::task::JoinSet::new();
        let writers = writers.max(1) as u64;
        for writer in 0..writers {
            let (place, samples) = (Arc::clone(self), Arc::clone(samples));
            let (from, until) = (events * writer / writers, events * (writer + 1) / writers);
            tasks.spawn(async move { place.submit(&samples, from, until, 512).await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}
