//! The store of an embedded ledger, over a read connection.

use ledger_store_sqlite::look;
use serde_json::Value;

use super::processes::{READ_MODELS, lag};
use super::{Report, clock, files};
use crate::config::Config;
use crate::runtime::backend::embedded_options;
use crate::runtime::keys::Kek;

const STORE: &str = "store";

/// Looks at database and head file; `ready` is what the server says that has the directory.
pub fn check(report: &mut Report, config: &Config, kek: Option<&Kek>, ready: Option<&Value>) {
    let database = config.data.dir.join("events.db");
    if !database.exists() {
        let mend = "name the ledger's directory with --data, or make a ledger with `ledger serve`";
        return report.fail(STORE, format!("there is no ledger in {}", config.data.dir.display()), mend);
    }
    // The head file cannot be read without the key, and was said to be missing or wrong.
    let Some(kek) = kek else { return };
    let seen = match look(&embedded_options(config, kek)) {
        Ok(seen) => seen,
        Err(error) => {
            return report.fail(
                STORE,
                error.to_string(),
                "restore a backup if it is damaged, then `ledger verify`",
            );
        }
    };
    files::key_fits(report, config, kek, seen.secret.as_deref());
    let found = format!("SQLite {}, {} events in {} logs", seen.sqlite, seen.position, seen.logs);
    match seen.pending {
        0 => report.ok(STORE, found),
        pending if pending > 0 => {
            report.warn(STORE, format!("{found}, {pending} migrations to do"), "the next start does them");
        }
        _ => report.fail(STORE, format!("{found}: a newer version wrote it"), "use the newer version"),
    }
    match seen.head {
        Ok(()) => report.ok(HEAD_FILE, format!("{} agrees with the database", config.head_file().display())),
        Err(error) => {
            report.fail(HEAD_FILE, error.to_string(), "the operator's guide says what each case means")
        }
    }
    same_disk(report, config);
    clock::check(report, clock::now(), seen.newest.as_deref(), None);
    match ready {
        Some(ready) => lag(report, ready),
        None if config.data.dir.join("views.current").exists() => {
            report.ok(READ_MODELS, "there; the next start folds what they lack");
        }
        None => report.warn(READ_MODELS, "there are none", "the next start builds them from the events"),
    }
}

/// The head file of a ledger.
pub const HEAD_FILE: &str = "head file";

/// A head file on the disk of the data cannot tell that the disk was lost or swapped.
fn same_disk(report: &mut Report, config: &Config) {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &std::path::Path| std::fs::metadata(path).map(|file| file.dev()).ok();
    let (data, head) = (device(&config.data.dir), device(&config.head_file()));
    if data.is_some() && data == head {
        report.warn(
            HEAD_FILE,
            "it lies on the disk of the data: a disk that was lost or swapped would not be noticed",
            "put it on another with data.head_file",
        );
    }
}
