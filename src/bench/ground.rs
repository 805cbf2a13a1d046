//! Where a benchmark writes: the store that the settings name, which must be empty; all else in a scratch directory.

use std::path::Path;

use anyhow::{Result, bail};
use ledger_store_postgres::is_empty;

use crate::config::{Config, Store, StoreUrl};
use crate::runtime::backend::postgres_options;

/// The store that is measured.
#[derive(Debug, Clone)]
pub struct Ground {
    config: Config,
    url: StoreUrl,
}

impl Ground {
    /// The store that `config` names. Of its other settings none is used: no other ledger's files are touched.
    ///
    /// # Errors
    /// It holds a ledger already, or cannot be reached.
    pub async fn of(config: &Config) -> Result<Self> {
        let ground = Self::shared(config)?;
        if let StoreUrl::Postgres(url) = &ground.url
            && !is_empty(&postgres_options(&ground.config, url)?).await?
        {
            bail!("{}", used(&ground.config));
        }
        Ok(ground)
    }

    /// The same, which another process of the same benchmark has filled.
    ///
    /// # Errors
    /// The URL names nothing that is known.
    pub fn shared(config: &Config) -> Result<Self> {
        Ok(Self { config: config.bare()?, url: config.store.url()? })
    }

    /// The store without a server, whatever the settings name.
    ///
    /// # Errors
    /// Never: the defaults can be read.
    pub fn embedded(&self) -> Result<Self> {
        let mut config = self.config.clone();
        config.store.url = String::new();
        Ok(Self { url: config.store.url()?, config })
    }

    /// The settings of the store.
    pub const fn store(&self) -> &Store {
        &self.config.store
    }

    /// What the URL names.
    pub const fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// May several processes have it?
    pub const fn several_processes(&self) -> bool {
        match self.url {
            StoreUrl::Embedded => false,
            StoreUrl::Postgres(_) => true,
            StoreUrl::EventStoreDb(_) => !self.config.store.side.is_empty(),
        }
    }

    /// A figure's name with that of the store.
    pub fn named(&self, what: &str) -> String {
        match self.url {
            StoreUrl::Embedded => what.to_owned(),
            StoreUrl::Postgres(_) => format!("{what}, PostgreSQL"),
            StoreUrl::EventStoreDb(_) => format!("{what}, EventStoreDB"),
        }
    }

    /// The defaults with this store and a data directory.
    pub fn config(&self, dir: &Path) -> Config {
        let mut config = self.config.clone();
        dir.clone_into(&mut config.data.dir);
        config
    }
}

/// Why a store is not measured.
pub fn used(config: &Config) -> String {
    format!(
        "{} holds a ledger or read models already: a benchmark fills its store. Give an empty one with --store, such as a database fresh from `createdb`",
        config.store.shown()
    )
}
