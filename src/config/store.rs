//! Where the ledger lies.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::Deserialize;

/// Where the events are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The database; empty: embedded in the data directory.
    pub url: String,
    /// The PEM file of certificates trusted for the database; empty: the system's.
    pub ca_file: PathBuf,
    /// The PostgreSQL database of what stands beside a log on EventStoreDB; empty: in the data directory.
    pub side: String,
    /// Where the read models of a shared database are.
    pub read_models: ReadModelsPlace,
}

/// Where the read models of a shared database are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReadModelsPlace {
    /// In the database: one process folds, the others read.
    Shared,
    /// In each process's data directory: each folds for itself.
    Local,
}

impl ReadModelsPlace {
    /// The setting's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Local => "local",
        }
    }
}

/// What a store's URL names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// The data directory.
    Embedded,
    /// A PostgreSQL database.
    Postgres(String),
    /// An EventStoreDB or KurrentDB server or cluster.
    EventStoreDb(String),
}

impl Store {
    /// What the URL names.
    ///
    /// # Errors
    /// It names nothing that is known.
    pub fn url(&self) -> Result<StoreUrl> {
        match self.url.split_once(':').map(|(scheme, _)| scheme) {
            None if self.url.is_empty() => Ok(StoreUrl::Embedded),
            Some("postgres" | "postgresql") => Ok(StoreUrl::Postgres(self.url.clone())),
            Some("esdb" | "esdb+discover" | "kurrentdb" | "kurrentdb+discover") => {
                Ok(StoreUrl::EventStoreDb(self.url.clone()))
            }
            // A URL may hold a password: no more of it is shown than its scheme.
            scheme => bail!(
                "store.url begins with {:?}: postgres://user@host:5432/database and esdb://user:password@host:2113 are known, and an empty one for the data directory",
                scheme.unwrap_or_default()
            ),
        }
    }

    /// The URL without its password.
    pub fn shown(&self) -> String {
        without_password(&self.url)
    }
}

/// A store's URL without its password and its parameters.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let (user, place) = rest.rsplit_once('@').map_or(("", rest), |(user, place)| (user, place));
    let user = user.split(':').next().unwrap_or_default();
    let place = place.split('?').next().unwrap_or_default();
    if user.is_empty() { format!("{scheme}://{place}") } else { format!("{scheme}://{user}@{place}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(url: &str) -> Store {
        Store {
            url: url.to_owned(),
            ca_file: PathBuf::new(),
            side: String::new(),
            read_models: ReadModelsPlace::Shared,
        }
    }

    #[test]
    fn a_url_names_its_store_and_no_password_is_shown() {
        assert_eq!(store("").url().unwrap(), StoreUrl::Embedded);
        let url = "postgres://ledger:geheim@db.example.org:5432/ledger?sslmode=require";
        assert_eq!(store(url).url().unwrap(), StoreUrl::Postgres(url.to_owned()));
        assert_eq!(store(url).shown(), "postgres://ledger@db.example.org:5432/ledger");
        assert!(matches!(store("esdb://a:b@c:2113").url().unwrap(), StoreUrl::EventStoreDb(_)));
        for wrong in ["ledger.db", "mysql://root:geheim@db/x", "postgresgeheim"] {
            let refused = store(wrong).url().unwrap_err().to_string();
            assert!(refused.contains("postgres://user@host") && !refused.contains("geheim"), "{refused}");
        }
    }
}
