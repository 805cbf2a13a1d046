//! Stores by name, opened for verbs that carry a ledger from one to another.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ledger::clock::{OsEntropy, SystemClock};
use ledger::ids::{TenantId, uuid_v7};
use ledger_store::copy::{Arrived, Holding, Step, snapshot};
use ledger_store::verify::VerifiedLog;
use ledger_store::{Access, Birth, Custody};
use ledger_store_postgres::{
    HeadOptions, PostgresOptions, PostgresStore, holds_what_the_head_file_says, pending,
};
use ledger_store_sqlite::{OpenError, SqliteStore, StoreOptions};
use serde::{Deserialize, Serialize};

use super::backend::{embedded_options, postgres_options};
use super::keys;
use crate::config::{Config, without_password};

/// A store as the command line names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `sqlite:DIR`: embedded in a data directory.
    Directory(PathBuf),
    /// `postgres://…`: a database.
    Database(String),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", "" | "//")) => Err("sqlite: lacks its directory, as in sqlite:ledger-data".to_owned()),
            Some(("sqlite", dir)) => Ok(Self::Directory(dir.strip_prefix("//").unwrap_or(dir).into())),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Database(text.to_owned())),
            Some(("esdb" | "esdb+discover" | "kurrentdb" | "kurrentdb+discover", _)) => Err(
                "a ledger on EventStoreDB is not carried: its log stays where it is; use that server's own backup"
                    .to_owned(),
            ),
            // A URL may hold a password: it is not repeated.
            _ => Err("it is written sqlite:DIR or postgres://user@host:5432/database".to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(dir) => write!(f, "sqlite:{}", dir.display()),
            Self::Database(url) => f.write_str(&without_password(url)),
        }
    }
}

impl Place {
    /// With its directory as seen from anywhere: what is written down must be found again.
    ///
    /// # Errors
    /// The working directory is gone.
    pub fn absolute(self) -> Result<Self> {
        Ok(match self {
            Self::Directory(dir) => {
                Self::Directory(std::path::absolute(dir).context("the working directory")?)
            }
            database => database,
        })
    }

    /// Opens a ledger to be carried away. `node` has the settings of the directory whose key file and head file belong to it;
    /// without a head file there nothing tells whether the store went back.
    ///
    /// # Errors
    /// There is no ledger, another process has it, or it does not match its head file.
    pub async fn source(&self, node: &Config) -> Result<Holding> {
        match self {
            Self::Directory(dir) => {
                if !dir.join("events.db").exists() {
                    bail!("there is no ledger in {}", dir.display());
                }
                let kek = keys::key_encryption_key(node, true)?;
                let options = StoreOptions { access: Access::Carry, ..embedded_options(node, &kek) };
                embedded(options).await
            }
            Self::Database(url) => {
                let mut options = postgres_options(node, url)?;
                if pending(&options).await?.iter().any(|name| name.starts_with("0001")) {
                    bail!("there is no ledger in {self}");
                }
                // The process whose head file it is may be at work: it is read, and not written.
                options.head = head_options(node)?;
                holds_what_the_head_file_says(&options).await?;
                let store =
                    database(PostgresOptions { access: Access::Carry, head: None, ..options }).await?;
                if store.side.logs().await?.is_empty() {
                    bail!("there is no ledger in {self}");
                }
                Ok(store)
            }
        }
    }

    /// Opens a store to be carried to; one that does not exist yet is made as `birth` says. `node` as for
    /// [`source`](Self::source), or nothing: no head file is written.
    ///
    /// # Errors
    /// It cannot be made, or another process has it.
    pub async fn target(&self, node: Option<&Config>, config: &Config, birth: Birth) -> Result<Holding> {
        match self {
            Self::Directory(dir) => {
                keys::make_dir(dir)?;
                let guarded = |node: &Config| {
                    let kek = keys::key_encryption_key(node, true)?;
                    anyhow::Ok(StoreOptions { access: Access::Carry, ..embedded_options(node, &kek) })
                };
                let options = node.map_or_else(|| Ok(StoreOptions::unguarded(dir)), guarded)?;
                embedded(StoreOptions { birth: Some(birth), ..options }).await
            }
            Self::Database(url) => {
                let mut options = postgres_options(config, url)?;
                options.head = node.map(head_options).transpose()?.flatten();
                database(PostgresOptions { access: Access::Carry, birth: Some(birth), ..options }).await
            }
        }
    }
}

/// What was carried, for people and machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The position of the last event.
    pub position: u64,
    /// Events that this run carried; fewer than there are if it went on with an earlier one.
    pub carried: u64,
    /// The logs, as their events make them.
    pub logs: Vec<CarriedLog>,
}

/// A log that was carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedLog {
    /// Whose.
    pub tenant: TenantId,
    /// Its number of entries.
    pub entries: u64,
    /// The root over them, in base64.
    pub root: String,
}

impl From<Arrived> for Carried {
    fn from(arrived: Arrived) -> Self {
        let Arrived { position, carried, logs } = arrived;
        let log = |log: VerifiedLog| CarriedLog {
            tenant: log.tenant,
            entries: log.size,
            root: ledger::b64::encode(log.root),
        };
        Self { position, carried, logs: logs.into_iter().map(log).collect() }
    }
}

/// What a step of it does, in a word.
pub const fn word(step: Step) -> &'static str {
    match step {
        Step::Carrying => "carrying",
        Step::Verifying => "verifying",
    }
}

/// What a store is made as that a ledger is carried to: it names this copy, and where it came from.
///
/// # Errors
/// The source's storage.
pub async fn birth(from: &Holding, source: &str) -> Result<Birth> {
    let ticket = uuid_v7(&SystemClock, &OsEntropy).to_string();
    let custody = Custody::Arriving { ticket, from: source.to_owned() };
    Ok(Birth { identity: from.portable.identity().await?, custody })
}

/// Makes a snapshot of a store that may be being written, verified where it arrived: a backup, or a ledger that is restored
/// from one. `source` is for people. A run that was cut off is taken up by the next one to the same place.
///
/// # Errors
/// There is something else already, or what arrived does not hold.
pub async fn snapshot_to(
    from: &Holding,
    source: &str,
    (to, config): (&Place, &Config),
    end: &Custody,
    progress: &mut (dyn FnMut(Step, u64, u64) + Send),
) -> Result<Arrived> {
    let birth = birth(from, source).await?;
    let identity = birth.identity;
    let target = to.target(None, config, birth).await?;
    match target.portable.custody().await? {
        Custody::Arriving { .. } if target.portable.identity().await? == identity => {}
        Custody::Arriving { .. } => bail!("a copy of another ledger was begun in {to}; name another place"),
        Custody::Backup => bail!("{to} holds a whole backup; name another place"),
        Custody::Live { .. } => bail!("{to} holds a ledger; name another place, or move that one away first"),
        sealed @ Custody::Sealed { .. } => bail!("{to}: {sealed}"),
    }
    Ok(snapshot(from, &target, end, progress).await?)
}

/// A whole backup, to be read.
///
/// # Errors
/// It is none, or not whole.
pub async fn backup(dir: &Path) -> Result<Holding> {
    if !dir.join("events.db").exists() {
        bail!("there is no backup in {}", dir.display());
    }
    let store = embedded(StoreOptions::unguarded(dir)).await?;
    match store.portable.custody().await? {
        Custody::Backup => Ok(store),
        other => bail!("{} is no whole backup: {other}", dir.display()),
    }
}

/// Removes from a data directory what was derived from another state of its ledger: read models, and how far the reactors
/// had come. Both are made again.
///
/// # Errors
/// The file system's.
pub fn forget_derived(dir: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", dir.display())),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let derived =
            |name: &str| name == "views.current" || name.starts_with("views-") || name == "reactors.json";
        if name.to_str().is_some_and(derived) {
            std::fs::remove_file(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Opens an embedded store.
async fn embedded(options: StoreOptions) -> Result<Holding> {
    let opened = tokio::task::spawn_blocking(move || SqliteStore::open(options)).await?;
    match opened {
        Ok(store) => Ok(Holding::of(Arc::new(store))),
        Err(error @ OpenError::Locked { .. }) => Err(error).context("nothing else may have it meanwhile"),
        Err(error) => Err(error.into()),
    }
}

async fn database(options: PostgresOptions) -> Result<Holding> {
    Ok(Holding::of(Arc::new(PostgresStore::open(options).await?)))
}

/// The head file of a directory that has one, or could: its key file is there.
///
/// # Errors
/// The key file cannot be read.
pub fn head_options(node: &Config) -> Result<Option<HeadOptions>> {
    if !node.kek_file().exists() {
        return Ok(None);
    }
    let key = keys::head_key(&keys::key_encryption_key(node, true)?);
    Ok(Some(HeadOptions { path: node.head_file(), key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_directory_or_a_database_and_shows_no_password() {
        let directory = |dir: &str| Ok(Place::Directory(dir.into()));
        assert_eq!("sqlite:ledger-data".parse(), directory("ledger-data"));
        assert_eq!("sqlite:///var/lib/ledger".parse(), directory("/var/lib/ledger"));
        let database: Place = "postgres://ledger:geheim@db/ledger".parse().unwrap();
        assert_eq!(database.to_string(), "postgres://ledger@db/ledger");
        for wrong in ["", "sqlite:", "ledger-data", "mysql://root:geheim@db/x", "esdb://a:geheim@c:2113"] {
            let refused = wrong.parse::<Place>().unwrap_err();
            assert!(!refused.contains("geheim"), "{refused}");
        }
    }
}
