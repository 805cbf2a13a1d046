//! What an operator should know before he has to: each check looks at one thing, changes nothing, and says what it found,
//! why that matters, and how to mend it.
//!
//! It works beside a running ledger: through the socket of the data directory, and over read connections of its own. It
//! never takes a lock, never opens a store to write, and never makes a file, a key or a table.

mod clock;
mod embedded;
mod files;
mod finding;
mod outside;
mod processes;
mod queue;
mod server;
mod settings;
mod shared;

use std::path::{Path, PathBuf};

pub use finding::Report;

use crate::config::{Config, StoreUrl};

/// Looks at everything that the settings name. `data` and `store` are what the command line says instead of them.
pub async fn examine(file: Option<&Path>, data: Option<&PathBuf>, store: Option<String>) -> Report {
    let mut report = Report::default();
    let Some(mut config) = settings::check(&mut report, &Config::examine(file)) else { return report };
    if let Some(data) = data {
        config.data.dir.clone_from(data);
    }
    if let Some(store) = store {
        config.store.url = store;
    }
    let url = match config.store.url() {
        Ok(url) => url,
        Err(error) => {
            report.fail("store", error.to_string(), "set store.url, or give --store");
            return report;
        }
    };
    files::directory(&mut report, &config, url != StoreUrl::Embedded);
    let kek = files::key_file(&mut report, &config);
    let ready = server::ask(&mut report, &config).await;
    match url {
        StoreUrl::Embedded => embedded::check(&mut report, &config, kek.as_ref(), ready.as_ref()),
        StoreUrl::Postgres(url) => {
            shared::check(&mut report, &config, &url, kek.as_ref(), ready.as_ref()).await;
        }
        StoreUrl::EventStoreDb(_) => {
            let beside = if config.store.side.is_empty() { "the data directory" } else { "PostgreSQL" };
            let place = config.store.shown();
            let found = format!("{place} (experimental) and, beside it, {beside} are not looked at");
            report.warn("store", found, "`ledger verify` goes through both");
        }
    }
    queue::check(&mut report, &config, ready.as_ref()).await;
    outside::sandbox(&mut report).await;
    outside::witnesses(&mut report, &config).await;
    report
}
