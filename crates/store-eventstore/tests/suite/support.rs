//! A server, and what one process has of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ledger_fakes_eventstore::Cluster;
use ledger_store::SideStore;
use ledger_store_eventstore::{EsdbOptions, EventStoreDbStore, OpenError};
use ledger_store_sqlite::{SqliteStore, StoreOptions};
use tempfile::TempDir;

/// Set, tests that need no faults run on this server instead of the stand-in.
const REAL: &str = "LEDGER_TEST_ESDB_URL";

static PREFIXES: AtomicU32 = AtomicU32::new(0);

/// The stand-in, or a real server.
pub struct Server {
    /// `None`: it is a real one.
    pub cluster: Option<Cluster>,
    pub url: String,
    pub prefix: String,
}

impl Server {
    /// The stand-in with so many nodes, or the real server.
    #[expect(clippy::disallowed_methods, reason = "a test is told which server to use by its environment")]
    pub async fn start(nodes: usize) -> Self {
        match std::env::var(REAL) {
            // Streams stay on a real server: each test has names of its own.
            Ok(url) => {
                let time = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos());
                let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
                Self { cluster: None, url, prefix: format!("t{time}-{number}-") }
            }
            Err(_) => Self::fake(nodes).await,
        }
    }

    /// The stand-in, whatever else there is: the test breaks it.
    pub async fn fake(nodes: usize) -> Self {
        let cluster = Cluster::start(nodes).await.expect("loopback");
        let url = if nodes == 1 { cluster.url_of(0) } else { cluster.url() };
        Self { cluster: Some(cluster), url, prefix: "t-".to_owned() }
    }

    pub fn faulty(&self) -> &Cluster {
        self.cluster.as_ref().expect("the test has started the stand-in")
    }
}

/// The directories of one process.
pub struct Local {
    pub dir: TempDir,
    pub side: Arc<dyn SideStore>,
}

impl Local {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let side = dir.path().join("side");
        std::fs::create_dir(&side).expect("a directory");
        let options = StoreOptions::new(&side, dir.path().join("side-heads"), [7; 32]);
        let side = Arc::new(SqliteStore::open(options).expect("an empty side store opens"));
        Self { dir, side }
    }

    /// A process whose side store is this one.
    pub fn with(side: Arc<dyn SideStore>) -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), side }
    }

    /// Another process that shares the side store: in production PostgreSQL, here the same connection.
    pub fn sharing(&self) -> Self {
        Self::with(self.side.clone())
    }

    pub fn index(&self) -> PathBuf {
        self.dir.path().join("index")
    }

    pub async fn open(&self, server: &Server) -> Result<EventStoreDbStore, OpenError> {
        self.looking(server, Duration::from_millis(10)).await
    }

    /// Looks for entries of others so often.
    pub async fn looking(&self, server: &Server, poll: Duration) -> Result<EventStoreDbStore, OpenError> {
        let mut options = EsdbOptions::new(&server.url, self.index(), self.side.clone());
        options.prefix = server.prefix.clone();
        options.poll = poll;
        EventStoreDbStore::open(options).await
    }
}
