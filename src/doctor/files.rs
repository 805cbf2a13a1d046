//! The data directory and the key file.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Access, access, statvfs};

use super::Report;
use crate::config::Config;
use crate::runtime::keys::{self, Kek};

const DIRECTORY: &str = "directory";
const KEY_FILE: &str = "key file";

/// With less than so much free space a ledger soon stops taking events.
const FREE_BYTES_WARN: u64 = 1 << 30;
const FREE_BYTES_FAIL: u64 = 64 << 20;

/// Is a file open to others than its owner?
fn open_to_others(file: &Metadata) -> bool {
    file.mode() & 0o077 != 0
}

/// Rights and room of the data directory. A shared ledger can be looked at from a machine that has none.
pub fn directory(report: &mut Report, config: &Config, shared: bool) {
    let dir = &config.data.dir;
    let at = dir.display();
    let file = match std::fs::metadata(dir) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && shared => {
            let mend = "name that of a process with --data; a first start makes it";
            return report.warn(DIRECTORY, format!("there is none at {at}"), mend);
        }
        Err(error) => {
            let mend = "name the ledger's directory with --data, or make a ledger with `ledger serve`";
            return report.fail(DIRECTORY, format!("{at}: {error}"), mend);
        }
    };
    let owner = rustix::process::geteuid().as_raw();
    let (mode, found) = (file.mode() & 0o777, format!("{at}, mode {:04o}", file.mode() & 0o777));
    if !file.is_dir() {
        return report.fail(DIRECTORY, format!("{at} is no directory"), "name another with --data");
    }
    if file.uid() != owner && owner != 0 {
        let found = format!("{found}: it belongs to user {}, this is user {owner}", file.uid());
        return report.fail(DIRECTORY, found, "run as its owner");
    }
    if access(dir, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() || mode & 0o700 != 0o700 {
        return report.fail(
            DIRECTORY,
            format!("{found}: its owner may not write it"),
            format!("chmod 0700 {at}"),
        );
    }
    let free = statvfs(dir).map(|room| room.f_bavail.saturating_mul(room.f_frsize));
    let found = match free {
        Ok(free) if free < FREE_BYTES_FAIL => {
            let found = format!("{found}: {} MiB free, too little to go on", free >> 20);
            return report.fail(DIRECTORY, found, "free space on its file system");
        }
        Ok(free) if free < FREE_BYTES_WARN => {
            let found = format!("{found}: {} MiB free", free >> 20);
            return report.warn(DIRECTORY, found, "free space before the ledger stops taking events");
        }
        Ok(free) => format!("{found}, {} GiB free", free >> 30),
        Err(_) => found,
    };
    if open_to_others(&file) {
        let found =
            format!("{found}: others may look into it, and its socket makes whoever opens it an operator");
        return report.fail(DIRECTORY, found, format!("chmod 0700 {at}"));
    }
    report.ok(DIRECTORY, found);
}

/// The key file: there, whole, and for its owner alone. Whether it fits the store is asked of the store.
pub fn key_file(report: &mut Report, config: &Config) -> Option<Kek> {
    let path = config.kek_file();
    let at = path.display();
    let file = match std::fs::metadata(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            missing(report, config, &path);
            return None;
        }
        Err(error) => {
            report.fail(KEY_FILE, format!("{at}: {error}"), "run as its owner");
            return None;
        }
    };
    // It never makes one: there is a file.
    match keys::key_encryption_key(config, true) {
        Err(error) => {
            report.fail(
                KEY_FILE,
                format!("{error:#}"),
                "put the right one back; without it nothing can be signed",
            );
            None
        }
        Ok(kek) => {
            if open_to_others(&file) {
                let found =
                    format!("{at} has mode {:04o}: others may read the key of all keys", file.mode() & 0o777);
                report.fail(KEY_FILE, found, format!("chmod 0600 {at}"));
            }
            Some(kek)
        }
    }
}

fn missing(report: &mut Report, config: &Config, path: &Path) {
    let at = path.display();
    let embedded = config.store.url.is_empty();
    if embedded && !config.data.dir.join("events.db").exists() {
        return;
    }
    let mend = if embedded {
        "restore it: without it nothing can be signed or read"
    } else {
        "copy the key file of another process here, mode 0600; each process of a shared ledger has the same"
    };
    report.fail(KEY_FILE, format!("{at} is missing"), mend);
}

/// Says whether the key opens what the store keeps under it.
pub fn key_fits(report: &mut Report, config: &Config, kek: &Kek, secret: Option<&[u8]>) {
    let at = config.kek_file().display().to_string();
    let Some(secret) = secret else {
        return report.ok(KEY_FILE, format!("{at}; the store has nothing under it yet"));
    };
    match ledger_store::keyring::fits(&ledger::secretbox::Kek::new(kek), secret) {
        Ok(()) => report.ok(KEY_FILE, format!("{at} fits the store")),
        Err(error) => report.fail(
            KEY_FILE,
            format!("{at} does not fit the store: {error}"),
            "put the key file back that this store was made with",
        ),
    }
}
