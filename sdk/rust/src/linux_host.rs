//! Checks of a Linux machine's hardening, each in a file of its own.
//!
//! A check takes the root of a file system (`/`, or a mounted image) and reads; it changes nothing and never follows a
//! path out of its bounds. It says what it found, how much it checked, and how much it could not.
//! Run it as root to see everything; without root more is skipped, and counted as skipped.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::report::{CheckReport, Tally, not_applicable};

mod accounts;
mod kernel;
mod sockets;
mod sshd;
mod sshd_config;
mod sudoers;
mod writable;

/// The largest configuration file that is read; larger ones are not configuration.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What is looked at, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// The root of the file system to look at.
    pub root: PathBuf,
    /// Who must own system files.
    pub owner_uid: u32,
    /// Ask `sshd -T` for its effective settings; only for the running system.
    pub run_sshd: bool,
    /// Groups whose members may do everything by sudo with their password.
    pub admin_groups: Vec<String>,
    /// Where to look for files that everyone may write.
    pub walk: Vec<PathBuf>,
    /// How many files are looked at, so that a huge disk does not keep the probe busy for hours.
    pub walk_entries_max: usize,
    /// What may listen beyond loopback: `tcp/22`.
    pub allowed_ports: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        let walk = ["/etc", "/usr", "/opt", "/srv", "/home", "/root", "/var", "/tmp", "/boot", "/dev/shm"];
        Self {
            root: PathBuf::from("/"),
            owner_uid: 0,
            run_sshd: true,
            admin_groups: texts(&["sudo", "wheel", "admin"]),
            walk: walk.iter().map(PathBuf::from).collect(),
            walk_entries_max: 1_000_000,
            // SSH, and the DHCP clients, which have to listen.
            allowed_ports: texts(&["tcp/22", "udp/68", "udp/546"]),
        }
    }
}

impl Options {
    /// A path of the system that is looked at.
    fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.root.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// Reads a text file, at most 4 MiB; other bytes than UTF-8 are replaced.
    fn read(&self, absolute: impl AsRef<Path>) -> io::Result<String> {
        let mut bytes = Vec::new();
        fs::File::open(self.path(absolute))?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(io::Error::other("larger than 4 MiB"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What a check is called, and which controls it bears on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub check: &'static str,
    /// Its headline.
    pub title: &'static str,
    /// Framework and control.
    pub controls: &'static [(&'static str, &'static str)],
}

impl Plan {
    fn report(&self, tally: Tally) -> CheckReport {
        tally.report(self.check, self.title, self.controls)
    }

    fn not_installed(&self, what: &str) -> CheckReport {
        not_applicable(self.check, self.title, self.controls, &format!("{what} is not installed."))
    }
}

/// One check.
pub type Check = fn(&Options) -> CheckReport;

/// All checks.
pub const CHECKS: [(Plan, Check); 6] = [
    (accounts::PLAN, accounts::check),
    (kernel::PLAN, kernel::check),
    (sockets::PLAN, sockets::check),
    (sshd::PLAN, sshd::check),
    (sudoers::PLAN, sudoers::check),
    (writable::PLAN, writable::check),
];

/// Runs all checks.
pub fn run(options: &Options) -> Vec<CheckReport> {
    CHECKS.iter().map(|(_, check)| check(options)).collect()
}

#[cfg(test)]
#[path = "linux_host/tests.rs"]
mod tests;
