//! Opening the ledger: lock, keys, store, logs, read models, then everything that runs beside the requests.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use hkdf::Hkdf;
use ledger::clock::{BufferedEntropy, Clock, Entropy, SystemClock};
use ledger::ids::TenantId;
use ledger::readmodel::Poisoned;
use ledger::secretbox::Kek;
use ledger_projections::LedgerModels;
use ledger_store::bootstrap::{Bootstrap, ledger_name};
use ledger_store::checkpointer::Checkpointer;
use ledger_store::executor::Executor;
use ledger_store::keyring::Keyring;
use ledger_store::runner::{RunnerOptions, RunnerStatus, Views};
use ledger_store::views::ViewStore;
use ledger_store::{EventStore, SideStore};
use ledger_store_sqlite::{SqliteStore, SqliteViews, StoreOptions};
use sha2::Sha256;
use tokio::sync::watch;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::directory::{Catalogue, Directory};
use super::erasure::ErasureList;
use super::witness::{self, Witnesses};
use super::{anchor, react, watch as deadlines};
use crate::app::App;
use crate::auth::table::Table;
use crate::config::Config;
use crate::connect::live::Connect;
use crate::connect::{dispatch, schedule};
use crate::http::metrics::Metrics;

/// An open ledger and what runs for it.
pub struct Node {
    /// What handlers have at hand.
    pub app: Arc<App>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Node {
    /// Opens the ledger in the configured directory; at the first start makes it.
    ///
    /// # Errors
    /// Each says what is wrong and how to mend it: the directory is held by another process, cannot be written, lacks its
    /// key file, its database does not fit its head file, or a witness has seen more or cannot be asked.
    pub async fn open(config: Config) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(BufferedEntropy::default());
        let witnesses = Witnesses::configured(&config)?.map(Arc::new);
        make_dir(&config.data.dir)?;
        let kek = key_encryption_key(&config, &*entropy)?;
        let store = Arc::new(open_store(options_under(&config, &kek)).await?);
        let events: Arc<dyn EventStore> = Arc::<SqliteStore>::clone(&store);
        let side: Arc<dyn SideStore> = Arc::<SqliteStore>::clone(&store);
        let keyring = Arc::new(Keyring::new(Arc::clone(&side), Kek::new(&kek), Arc::clone(&entropy)));
        let bootstrap = Bootstrap {
            store: Arc::clone(&events),
            side: Arc::clone(&side),
            keyring: Arc::clone(&keyring),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        let logs = bootstrap.open(&config.ledger.name).await?;
        let name = logs.first().map(|log| ledger_name(&log.info).to_owned()).unwrap_or_default();
        if let (Some(witnesses), Some(keys)) = (&witnesses, keyring.log(&TenantId::system())) {
            witnesses.check_at_start(&*events, &*side, &keys).await?;
        }
        let pepper = keyring.own_secret(&TenantId::system(), "pepper").await?;
        let credentials = Arc::new(Table::new(Arc::clone(&clock), *pepper));
        let catalogue = Arc::new(Catalogue::default());
        let executor = Executor::new(
            Arc::clone(&events),
            Arc::clone(&keyring),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        );
        let (stop, stopped) = watch::channel(false);
        let views = follow_views(&config, &events).await?;
        let (reached, directory) = watch::channel(0);
        let app = Arc::new(App {
            name,
            clock,
            entropy,
            store: Arc::clone(&events),
            side: Arc::clone(&side),
            keyring: Arc::clone(&keyring),
            executor,
            bootstrap,
            views,
            credentials: Arc::clone(&credentials),
            catalogue: Arc::clone(&catalogue),
            directory,
            directory_hurry: Arc::default(),
            reacted: watch::channel(0).0,
            metrics: Arc::new(Metrics::default()),
            logs: RwLock::new(logs.into_iter().map(|log| (log.info.tenant.clone(), log)).collect()),
            connect: Connect::new(&config)?,
            store_in_trouble: AtomicBool::new(false),
            erasures: ErasureList::at(config.erasure_list()),
            witnesses,
            config,
        });
        app.apply_erasures().await.map_err(|error| anyhow!("the erasure list: {}", error.detail))?;
        let directory = Directory::new(events, keyring, credentials, catalogue);
        let from = directory.start(&app).await?;
        let mut node = Self { app, tasks: JoinSet::new(), stop };
        node.start(directory, from, reached, &stopped);
        Ok(node)
    }

    fn start(
        &mut self,
        directory: Directory,
        from: u64,
        reached: watch::Sender<u64>,
        stopped: &watch::Receiver<bool>,
    ) {
        let app = &self.app;
        let checkpointer =
            Checkpointer::new(Arc::clone(&app.store), Arc::clone(&app.side), Arc::clone(&app.keyring));
        let reporter = Arc::clone(app);
        self.tasks.spawn(checkpointer.run(stopped.clone(), move |error| {
            tracing::error!(%error, "a checkpoint could not be signed");
            reporter.note_store(true);
        }));
        let hurry = Arc::clone(&app.directory_hurry);
        self.tasks.spawn(directory.follow(from, reached, hurry, stopped.clone()));
        self.tasks.spawn(react::run(Arc::clone(app), stopped.clone()));
        self.tasks.spawn(deadlines::run(Arc::clone(app), stopped.clone()));
        self.tasks.spawn(anchor::run(Arc::clone(app), stopped.clone()));
        if let Some(witnesses) = &app.witnesses {
            self.tasks.spawn(witness::run(Arc::clone(app), Arc::clone(witnesses), stopped.clone()));
        }
        self.tasks.spawn(dispatch::run(Arc::clone(app), stopped.clone()));
        self.tasks.spawn(schedule::run(Arc::clone(app), stopped.clone()));
    }

    /// Ends what runs, in order: nothing that was acknowledged is lost at any point of it.
    pub async fn close(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.app.views.stop().await;
    }
}

/// How long the start waits for read models: long enough to open complete ones and to make the first of a new ledger.
const VIEWS_WAIT: Duration = Duration::from_secs(2);

async fn follow_views(config: &Config, events: &Arc<dyn EventStore>) -> Result<Views> {
    let schema = Arc::clone(LedgerModels::schema());
    let store: Arc<dyn ViewStore> = Arc::new(SqliteViews::open(&config.data.dir, schema)?);
    let on_poison = Arc::new(|poisoned: &Poisoned| {
        tracing::error!(projection = %poisoned.projection, stream = %poisoned.stream, index = poisoned.index,
            reason = %poisoned.reason, "an event cannot be folded; its stream is held back in this projection");
    });
    let options = RunnerOptions { on_poison, ..RunnerOptions::default() };
    let views = Views::start(Arc::new(LedgerModels), Arc::clone(events), store, options);
    let mut status = views.status();
    // Not in time: the directory goes through the log instead, which takes longer but is as good.
    let _ =
        tokio::time::timeout(VIEWS_WAIT, status.wait_for(|status| *status == RunnerStatus::Following)).await;
    Ok(views)
}

fn options_under(config: &Config, kek: &[u8; 32]) -> StoreOptions {
    StoreOptions::new(&config.data.dir, config.head_file(), head_key(kek))
}

/// What the store of an existing ledger is opened with.
///
/// # Errors
/// The key file is missing or damaged.
pub fn store_options(config: &Config, entropy: &dyn Entropy) -> Result<StoreOptions> {
    Ok(options_under(config, &*key_encryption_key(config, entropy)?))
}

async fn open_store(options: StoreOptions) -> Result<SqliteStore> {
    Ok(tokio::task::spawn_blocking(move || SqliteStore::open(options)).await??)
}

fn make_dir(dir: &Path) -> Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
        format!("cannot make the data directory {}; choose another with --data", dir.display())
    })
}

/// The key that wraps all others. It is made at the first start only: a store without its key file cannot be opened.
fn key_encryption_key(config: &Config, entropy: &dyn Entropy) -> Result<Zeroizing<[u8; 32]>> {
    let path = config.kek_file();
    let key = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if config.data.dir.join("events.db").exists() {
                bail!(
                    "the key file {} is missing: restore it; without it nothing in {} can be signed or read",
                    path.display(),
                    config.data.dir.display()
                );
            }
            let mut bytes = Zeroizing::new([0; 32]);
            entropy.fill(&mut *bytes);
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write_secret(&path, &text)
                .with_context(|| format!("cannot write the key file {}", path.display()))?;
            text
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the key file {}", path.display()));
        }
    };
    parse_hex(key.trim()).with_context(|| format!("the key file {} must hold 64 hex digits", path.display()))
}

fn parse_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Writes a file that only its owner may read, durably, so that it never is half there.
///
/// # Errors
/// The file system's.
pub fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("partial");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
}

/// Authenticates the head file; it follows from the key-encryption key, so that there is one secret to keep.
fn head_key(kek: &[u8; 32]) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, kek)
        .expand(b"ledger-head-file", &mut key)
        .expect("32 bytes are within HKDF's bounds");
    key
}
